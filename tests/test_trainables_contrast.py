"""In-batch negatives are those of the whole step, however it is cut."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from spaces.settings import Optimisation
from tests.encoders import tiny_bert
from trainables.batches import RowOrder
from trainables.contrast import APART, TEMPERATURE, contrast, contrast_in, gradients
from trainables.engine import Layout
from trainables.forms import Features
from trainables.model import TaskData, TaskModel, TokenisedPart
from trainables.phase import PhaseRun, train_phase

TASKS = Catalogue.of_world("micro").tasks
BITEXT, NLI = TASKS["lareqa"], TASKS["nli"]
STEPS = Optimisation(learning_rate=5e-3, steps=4, rows_per_step=12)


def vectors(rows: int, seed: int = 0) -> torch.Tensor:
    """Random pairs of length 1."""
    torch.manual_seed(seed)
    return nn.functional.normalize(torch.randn(rows, 2, 8, dtype=torch.float64), dim=-1)


def test_a_loss_is_the_mean_of_both_directions() -> None:
    """Against the formula, written out."""
    pairs = vectors(3)
    scores = (pairs[:, 0] @ pairs[:, 1].T / TEMPERATURE).numpy()
    forward = -np.diag(scores) + np.log(np.exp(scores).sum(1))
    backward = -np.diag(scores) + np.log(np.exp(scores).sum(0))
    losses = contrast(pairs, torch.arange(3))
    assert np.allclose(losses.numpy(), (forward + backward) / 2)


def test_rows_with_one_candidate_are_no_negatives() -> None:
    """Two rows that want the same candidate do not push each other away; rows apart do nothing."""
    pairs = vectors(4)
    same = torch.tensor([5, 5, 7, APART])
    losses = contrast(pairs, same)
    assert losses[3] == 0
    assert torch.isclose(losses[0], contrast(pairs[[0, 2]], same[[0, 2]])[0])
    alone = contrast(pairs[:1], same[:1])
    assert float(alone) == 0


@pytest.mark.parametrize("parts", [[[0, 1, 2, 3, 4, 5]], [[5, 0], [3], [4, 1, 2]]])
def test_two_passes_give_the_gradient_of_one(parts: list[list[int]]) -> None:
    """Values and gradients of the pieces sum to those of the whole."""
    same = torch.tensor([0, 1, 2, 2, 3, APART])
    whole = vectors(6).requires_grad_()
    contrast(whole, same).sum().backward()
    leaves, shared = vectors(6).requires_grad_(), gradients(vectors(6), same)
    total = 0.0
    for part in parts:
        batch = {"same": same[part], **{name: values[part] for name, values in shared.items()}}
        loss = contrast_in(batch, leaves[part])
        loss.backward()
        total += loss.item()
    assert np.isclose(total, contrast(vectors(6), same).sum().item())
    assert torch.allclose(leaves.grad, whole.grad)


@cache
def pairs(kind: str) -> TaskData:
    """Random queries and candidates of unlike lengths; every fourth candidate is the first."""
    rng, parts = np.random.default_rng(0), []
    for task in (BITEXT, NLI) if kind == "mixture" else (BITEXT,):
        ids = [rng.integers(1, 40, size=n).tolist() for n in rng.integers(3, 20, size=80)]
        if task is BITEXT:
            units = [{"input_ids": ids[2 * i : 2 * i + 2]} for i in range(40)]
            columns: dict[str, Any] = {"same": [0 if i % 4 == 0 else i for i in range(40)]}
        else:
            units = [{"input_ids": [one]} for one in ids[:40]]
            columns = {"label": rng.integers(0, 3, size=40).tolist()}
        rows = Rows(task=task.name, language="avel", split="train", revision="r")
        parts.append(TokenisedPart(rows, task, {}, Features(units, list(range(40)), columns)))
    order = RowOrder(3, (40,) * len(parts), (1,) * len(parts), STEPS.rows_per_step)
    return TaskData(parts, order, 0)


def prepared(folder: Path, kind: str, layout: Layout, dropout: float = 0.0) -> PhaseRun:
    """Four steps of a tiny BERT, not yet run."""
    data = pairs(kind)
    return PhaseRun(
        module=TaskModel(tiny_bert(dropout), [part.task for part in data.parts]),
        data=data,
        optimisation=STEPS,
        seed=3,
        layout=layout,
        checkpoints=folder,
    )


def trained(folder: Path, kind: str, budget: int, stage: int = 0) -> PhaseRun:
    """Four steps of a tiny BERT."""
    run = prepared(folder, kind, Layout(zero_stage=stage, token_budget=budget))
    for _ in train_phase(run):
        pass
    return run


@pytest.mark.parametrize("kind", ["alone", "mixture"])
@pytest.mark.parametrize("stage", [0, 2, 3])
def test_the_cut_changes_rounding_alone(kind: str, stage: int, tmp_path: Path) -> None:
    """One micro-batch, a few, or one row in each: the same losses, weights and tokens."""
    whole = trained(tmp_path, kind, 10**6)
    for budget in (100, 1):
        cut = trained(tmp_path, kind, budget, stage)
        assert cut.micro_batches > whole.micro_batches
        assert np.allclose(cut.losses, whole.losses, rtol=1e-5)
        assert cut.tokens == whole.tokens
        for name, weight in whole.weights.items():
            if name.endswith("key.bias"):
                continue  # its gradient is zero but for rounding, and Adam makes steps of that
            assert torch.allclose(cut.weights[name], weight, atol=1e-5), name
    negatives = np.log(STEPS.rows_per_step / (2 if kind == "mixture" else 1))
    assert whole.losses[0] > 0.3 * negatives  # a row without negatives would have no loss


@pytest.mark.parametrize("kind", ["alone", "mixture"])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_both_passes_see_the_same_vectors(kind: str, dtype: str, tmp_path: Path) -> None:
    """Dropped units and precision are those of the pass whose gradient is taken."""
    run = prepared(tmp_path, kind, Layout(token_budget=100, dtype=dtype), dropout=0.3)
    seen: dict[bool, list[torch.Tensor]] = {False: [], True: []}
    head = run.module.get_submodule(f"heads.{BITEXT.head}")
    head.register_forward_hook(
        lambda _, __, found: seen[torch.is_grad_enabled()].append(found.detach().clone())
    )
    encoded = []
    run.module.get_submodule("encoder").register_forward_hook(
        lambda *_: encoded.append(torch.is_grad_enabled())
    )
    for _ in train_phase(run):
        pass
    assert len(seen[False]) == len(seen[True]) > STEPS.steps
    assert all(torch.equal(a, b) for a, b in zip(seen[False], seen[True], strict=True))
    assert encoded.count(False) == len(seen[False])  # rows that contrast nothing are read once


def test_low_precision_leaves_scores_alone() -> None:
    """The temperature would make large differences of what bfloat16 cannot tell apart."""
    pairs = vectors(6).float()
    near = nn.functional.normalize(pairs + 5, dim=-1)
    with torch.autocast("cpu", torch.bfloat16):
        low = contrast(near, torch.arange(6))
    assert torch.equal(low, contrast(near, torch.arange(6)))


@pytest.mark.parametrize("same", [[7], [APART], [7, 7, 7]])
def test_rows_without_negatives_have_no_loss(same: list[int]) -> None:
    """A group of one row, or of rows with one candidate: zero, and no gradient but zero."""
    shared = gradients(vectors(len(same)), torch.tensor(same))
    assert not shared["row_losses"].any() and not shared["vector_gradients"].any()
