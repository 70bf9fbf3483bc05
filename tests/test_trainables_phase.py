"""``train_phase`` against a plain torch loop, interrupted, out of memory, and with reports."""

import gc
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from spaces.settings import Optimisation
from tests.encoders import tiny_bert
from trainables.batches import RowOrder
from trainables.engine import Layout
from trainables.forms import Features
from trainables.model import TaskData, TaskModel, TokenisedPart, collate
from trainables.phase import PhaseRun, learning_rate, train_phase
from trainables.world import NotANumber

NLI = Catalogue.of_world("micro").tasks["nli"]
PAIR = replace(NLI, name="pair", skill="pair", labels=("no", "yes"))
"""Another skill: it has a head of its own."""

STEPS = Optimisation(learning_rate=5e-3, steps=10, rows_per_step=6, clip_norm=0.3)
STAGES = (0, 1, 2, 3)


@pytest.fixture(scope="module", autouse=True)
def quiet_process() -> Iterator[None]:
    """Sums in one order; and collections, of which each phase makes one, see our objects alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    gc.freeze()
    yield
    gc.unfreeze()
    torch.set_num_threads(before)


def model(dropout: float = 0.0, tasks: tuple[Any, ...] = (NLI,)) -> TaskModel:
    """A tiny BERT with heads, the same weights each time."""
    return TaskModel(tiny_bert(dropout), list(tasks))


@cache
def data(tasks: tuple[Any, ...] = (NLI,), weights: tuple[int, ...] = (1,)) -> TaskData:
    """Random rows of 3 to 20 tokens with random labels."""
    rng, parts = np.random.default_rng(0), []
    for task in tasks:
        ids = [rng.integers(1, 40, size=n).tolist() for n in rng.integers(3, 20, size=30)]
        labels = rng.integers(0, len(task.labels), size=30).tolist()
        rows = Rows(task=task.name, language="avel", split="train", revision="r")
        features = Features([{"input_ids": [i]} for i in ids], list(range(30)), {"label": labels})
        parts.append(TokenisedPart(rows, task, {}, features))
    order = RowOrder(3, (30,) * len(tasks), weights, STEPS.rows_per_step)
    return TaskData(parts, order, 0)


def phase(folder: Path, stage: int = 0, budget: int = 40, **changes: Any) -> PhaseRun:
    """A run of ten steps; keywords replace its fields."""
    run = PhaseRun(
        module=model(),
        data=data(),
        optimisation=STEPS,
        seed=3,
        layout=Layout(zero_stage=stage, token_budget=budget),
        checkpoints=folder,
    )
    for name, value in changes.items():
        setattr(run, name, value)
    return run


def trained(run: PhaseRun) -> PhaseRun:
    """The run after its last step."""
    for _ in train_phase(run):
        pass
    return run


@cache
def whole(stage: int = 0, dropout: float = 0.0) -> PhaseRun:
    """An uninterrupted run; it leaves no checkpoint."""
    return trained(phase(Path("nowhere"), stage, module=model(dropout)))


def plain_loop(
    module: nn.Module, rows_of: TaskData, optimisation: Optimisation
) -> tuple[list[float], dict[str, Tensor]]:
    """The same training without DeepSpeed and without micro-batches: one row after the other."""
    module.train()
    groups: list[dict[str, Any]] = [
        {"params": [p for p in module.parameters() if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in module.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser, losses = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.999)), []
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)  # a head without rows has a gradient of zero
    for step in range(optimisation.steps):
        rows, total = rows_of.rows(step), 0.0
        optimiser.zero_grad(set_to_none=False)
        for position in range(optimisation.rows_per_step):
            loss = module(rows_of.batch(rows, [position])) / optimisation.rows_per_step
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(module.parameters(), optimisation.clip_norm)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(optimisation, step)
        optimiser.step()
        losses.append(total)
    return losses, module.state_dict()


@cache
def plain(clip_norm: float = STEPS.clip_norm) -> tuple[list[float], dict[str, Tensor]]:
    """Losses and weights of the plain loop."""
    return plain_loop(model(), data(), replace(STEPS, clip_norm=clip_norm))


def distance(weights: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Largest difference between two sets of weights.

    Biases of attention keys stay out: softmax does not feel them, so their gradient is rounding
    noise, which AdamW scales up to whole steps.
    """
    assert weights.keys() == expected.keys()
    felt = [name for name in expected if not name.endswith("key.bias")]
    return max(float((weights[name] - expected[name]).abs().max()) for name in felt)


# Exactness


@pytest.mark.parametrize(
    ("stage", "budget"), [(0, 45), *((stage, budget) for stage in STAGES for budget in (1, 10**6))]
)
def test_a_phase_equals_a_plain_loop(stage: int, budget: int, tmp_path: Path) -> None:
    """Micro-batches of one row, uneven ones and one whole step train alike at every ZeRO stage.

    The whole step's gradient is clipped, not a micro-batch's: with another clipping norm the plain
    loop is a thousand tolerances away.
    """
    losses, weights = plain()
    assert abs(plain(1e9)[0][-1] / losses[-1] - 1) > 1e-2
    run = trained(phase(tmp_path, stage, budget))
    assert run.losses == pytest.approx(losses, rel=1e-5)
    assert distance(run.weights, weights) < 1e-5
    low, high = {1: (60, 60), 45: (11, 59), 10**6: (10, 10)}[budget]
    assert low <= run.micro_batches <= high
    assert run.tokens == sum(sum(data().rows(step).lengths) for step in range(10))


@pytest.mark.parametrize("stage", STAGES)
def test_a_mixture_of_two_heads_equals_a_plain_loop(stage: int, tmp_path: Path) -> None:
    """Tasks with heads of their own train alike at every stage, also in steps without one."""
    tasks = (NLI, PAIR)
    mixed = data(tasks, (11, 1))
    assert {len(set(mixed.rows(step).groups)) for step in range(10)} == {1, 2}
    losses, expected = plain_loop(model(tasks=tasks), mixed, STEPS)
    run = trained(phase(tmp_path, stage, 45, module=model(tasks=tasks), data=mixed))
    assert run.losses == pytest.approx(losses, rel=1e-5)
    assert distance(run.weights, expected) < 1e-5


def test_the_learning_rate_by_hand() -> None:
    """Two of ten steps warm up to the peak, then it falls in a line that would end at zero."""
    optimisation = Optimisation(learning_rate=8.0, steps=10, warmup_share=0.2)
    rates = [learning_rate(optimisation, step) for step in range(10)]
    assert rates == [4.0, 8.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    single = Optimisation(learning_rate=3.0, steps=1, warmup_share=0.0)
    assert learning_rate(single, 0) == 3.0


@pytest.mark.parametrize("stage", [0, 3])
def test_reports_leave_training_as_it_is(stage: int, tmp_path: Path) -> None:
    """A score in the middle comes with its step's tick and changes no loss, dropout or not."""
    modes: list[bool] = []

    def report(module: nn.Module) -> float:
        modes.append(module.training)
        assert isinstance(module, TaskModel)
        features = data().parts[0].features.take([0, 1, 2])
        return float(np.sum(module.outputs(collate(NLI, features, 0))))

    run = phase(tmp_path, stage, module=model(0.2))
    run.report, run.report_steps = report, frozenset({3, 7})
    ticks = {tick.step: tick.report for tick in train_phase(run)}
    assert [step for step, value in ticks.items() if value is not None] == [3, 7]
    assert modes == [False, False]
    assert run.losses == whole(stage, 0.2).losses


# Interruption


def interrupted(run: PhaseRun, steps: int) -> None:
    """Run some steps and close the phase between two of them, as a stopped trial does."""
    ticks = train_phase(run)
    assert [next(ticks).step for _ in range(steps)][-1] == steps
    ticks.close()


def assert_same(run: PhaseRun, other: PhaseRun) -> None:
    """Losses, counts and final weights are equal to the bit."""
    assert run.losses == other.losses
    assert (run.tokens, run.micro_batches) == (other.tokens, other.micro_batches)
    assert run.weights.keys() == other.weights.keys()
    assert all(torch.equal(run.weights[name], other.weights[name]) for name in other.weights)


@pytest.mark.parametrize("stage", [0, 2, 3])
def test_a_closed_phase_goes_on_to_the_bit(stage: int, tmp_path: Path) -> None:
    """A phase closed twice between steps, with dropout, ends as the uninterrupted one."""
    interrupted(phase(tmp_path, stage, module=model(0.2)), 3)
    ticks = train_phase(phase(tmp_path, stage, module=model(0.2)))
    assert next(ticks).step == 4
    ticks.close()
    run = phase(tmp_path, stage, module=model(0.2))
    assert [tick.step for tick in train_phase(run)] == list(range(5, 11))
    assert_same(run, whole(stage, 0.2))
    assert run.losses != pytest.approx(plain()[0], rel=1e-2)  # dropout did draw


@pytest.mark.parametrize(("stage", "lost"), [(0, 0), (0, 1), (2, 1)])
def test_an_abandoned_phase_goes_on_to_the_bit(stage: int, lost: int, tmp_path: Path) -> None:
    """A phase whose process died goes on from its last checkpoint; later steps are repeated."""
    dead = phase(tmp_path / "cut", stage, module=model(0.2), checkpoint_seconds=0.0)
    ticks = train_phase(dead)
    for _ in range(5):
        next(ticks)
    # Never closed before the next one ran: what is on disk is what a killed process leaves.
    kept = sorted(path.name for path in (tmp_path / "cut").iterdir())
    assert kept == ["step-4", "step-5"]  # the last two
    if lost:
        (tmp_path / "cut" / "step-5").rename(tmp_path / "lost")
    run = phase(tmp_path / "cut", stage, module=model(0.2))
    assert [tick.step for tick in train_phase(run)] == list(range(6 - lost, 11))
    assert_same(run, whole(stage, 0.2))
    ticks.close()


def test_a_phase_closed_after_its_last_step_only_hands_on(tmp_path: Path) -> None:
    """Nothing is trained again where every step was already done."""
    interrupted(phase(tmp_path / "cut"), 10)
    run = phase(tmp_path / "cut")
    assert list(train_phase(run)) == []
    assert_same(run, whole())


def test_a_half_written_checkpoint_is_ignored(tmp_path: Path) -> None:
    """A process that died while writing leaves a folder that no later one reads or trips over."""
    interrupted(phase(tmp_path / "cut"), 3)
    # The name is what the writer uses until all files are there.
    half = tmp_path / "cut" / ".writing-alone-6" / "step-6"
    half.mkdir(parents=True)
    (half / "mp_rank_00_model_states.pt").write_bytes(b"torn")
    run = phase(tmp_path / "cut")
    ticks = train_phase(run)
    assert next(ticks).step == 4
    for _ in ticks:
        pass
    assert_same(run, whole())


def test_a_checkpoint_appears_only_when_it_is_whole(tmp_path: Path, monkeypatch) -> None:
    """Dying between the files of a checkpoint leaves the one before it the newest."""
    interrupted(phase(tmp_path / "cut"), 2)
    run = phase(tmp_path / "cut", checkpoint_seconds=0.0)

    def disk_full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", disk_full)
        with pytest.raises(OSError, match="no space"):
            next(train_phase(run))
    again = phase(tmp_path / "cut")
    assert [tick.step for tick in train_phase(again)] == list(range(3, 11))
    assert_same(again, whole())


def test_every_part_of_a_layout_is_in_its_name() -> None:
    """Checkpoints of another world size, stage, precision or micro-batch are another folder's."""
    base = Layout()
    others = [
        replace(base, world_size=2),
        replace(base, zero_stage=1),
        replace(base, dtype="bf16"),
        replace(base, token_budget=4096),
    ]
    names = [layout.name for layout in (base, *others)]
    assert len(set(names)) == len(names), names
    assert replace(base, world_size=2, rank=1).name == names[1]  # ranks share a folder


def test_another_users_checkpoint_is_not_opened(tmp_path: Path, monkeypatch) -> None:
    """Checkpoints are pickles: one that somebody else owns is passed over."""
    interrupted(phase(tmp_path), 3)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    ticks = train_phase(phase(tmp_path))
    assert next(ticks).step == 1
    monkeypatch.undo()
    ticks.close()


# What goes wrong


class Broken(TaskModel):
    """The tiny model with a fault planted in some of its calls."""

    def __init__(self, faults: dict[int, str]) -> None:
        sound = model()
        super().__init__(sound.encoder, [NLI])
        self.load_state_dict(sound.state_dict())
        self.faults, self.calls, self.fault = faults, 0, ""
        middle: Any = self.encoder
        middle.encoder.layer[0].register_forward_pre_hook(self.spoil)

    def spoil(self, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Let backward fail between the layer, whose gradients are done, and the embeddings."""
        if self.fault == "backward":
            return (_FailsBackward.apply(inputs[0]), *inputs[1:])
        return inputs

    def forward(self, batch: dict[str, Any]) -> Tensor:
        """The loss, unless this call is to fail."""
        self.fault, self.calls = self.faults.get(self.calls, ""), self.calls + 1
        if self.fault == "forward":
            raise torch.OutOfMemoryError("planted")
        loss = super().forward(batch)
        return loss * math.nan if self.fault == "nan" else loss


class _FailsBackward(torch.autograd.Function):
    """Runs out of memory on the way back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        """The value itself."""
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Too little memory."""
        raise torch.OutOfMemoryError("planted")


def test_a_loss_that_is_no_number_stops_the_phase(tmp_path: Path) -> None:
    """NaN in one micro-batch ends the phase with the step's number."""
    with pytest.raises(NotANumber, match="nan at step 3"):
        trained(phase(tmp_path, budget=10**6, module=Broken({2: "nan"})))


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("stage", STAGES)
def test_memory_that_runs_out_changes_no_result(stage: int, where: str, tmp_path: Path) -> None:
    """The step is taken again in smaller micro-batches: same losses, same weights.

    The first fault hits the second micro-batch of a step, when gradients of the first are there;
    the next one hits the repeated step. Stages 2 and 3 may give up instead (with one rank they save
    no memory), but never go on with other numbers.
    """
    losses, weights = plain()
    run = phase(tmp_path, stage, 45, module=Broken({1: where, 2: where}))
    try:
        trained(run)
    except torch.OutOfMemoryError:
        assert stage >= 2
        return
    assert run.losses == pytest.approx(losses, rel=1e-5)
    assert distance(run.weights, weights) < 1e-5


def test_a_row_that_does_not_fit_alone_is_an_error(tmp_path: Path) -> None:
    """Halving ends where a micro-batch is one row: then the error is told."""
    always = dict.fromkeys(range(1000), "forward")
    with pytest.raises(torch.OutOfMemoryError):
        trained(phase(tmp_path, module=Broken(always)))
