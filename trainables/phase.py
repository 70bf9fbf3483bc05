"""``train_phase``: the one training loop, for pretraining, intermediate and target phases alike."""

import math
import os
import shutil
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from spaces.keys import derived_seed
from spaces.settings import Optimisation
from trainables.batches import cut
from trainables.contrast import Contrasting, gradients
from trainables.engine import Engine, Layout
from trainables.world import NotANumber, Tick

CHECKPOINTS_KEPT = 2


class StepData(Protocol):
    """What the loop needs of a phase's rows."""

    def rows(self, step: int) -> "StepRows":
        """The rows of a step."""

    def batch(self, rows: "StepRows", positions: list[int]) -> dict[str, Any]:
        """A micro-batch of some of them: tensors on the CPU, all of one group."""


@dataclass(frozen=True, slots=True)
class StepRows:
    """The rows of one step, before they are cut."""

    step: int
    rows: np.ndarray
    """[rows, 2] of (part, row)."""
    lengths: list[int]
    """Tokens of each row as it is padded: what a micro-batch's budget counts."""
    groups: list[str]
    tokens: int
    """Tokens of all rows without padding."""
    joint: dict[str, list[int]] = field(default_factory=dict)
    """Group whose rows' losses look at one another -> name of each row's candidate."""


@dataclass(slots=True)
class PhaseRun:
    """A phase in training: what it needs, and what it leaves behind."""

    module: nn.Module
    data: StepData
    optimisation: Optimisation
    seed: int
    layout: Layout
    checkpoints: Path
    attempt: str = "alone"
    """Names temporary folders; the same on every rank."""
    checkpoint_seconds: float = 600.0
    report: Callable[[nn.Module], float] | None = None
    report_steps: frozenset[int] = frozenset()
    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    micro_batches: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    token_budget: int = 0
    """The layout's, until memory runs out."""

    def __post_init__(self) -> None:
        """Start with the layout's budget."""
        self.token_budget = self.token_budget or self.layout.token_budget


def learning_rate(optimisation: Optimisation, step: int) -> float:
    """Linear warm-up to the peak, then linear decay to zero; ``step`` counts from 0."""
    warmup = max(1, round(optimisation.warmup_share * optimisation.steps))
    if step < warmup:
        return optimisation.learning_rate * (step + 1) / warmup
    left = (optimisation.steps - step) / max(1, optimisation.steps - warmup)
    return optimisation.learning_rate * left


def seed_generators(seed: int) -> None:
    """As ``torch.manual_seed``, without what it queues, stack trace and all, for absent devices."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed(seed)


def train_phase(run: PhaseRun) -> Generator[Tick]:
    """Train a phase to its last step, yielding after each one.

    Closing the generator between two steps writes a checkpoint; the same phase under the same
    layout goes on from there with the very losses of an uninterrupted one. With several ranks each
    runs this function, and rank 0 decides: its disk is resumed from, its clock is read, and when
    its generator is closed all of them write the checkpoint and end.

    Raises:
        NotANumber: a loss is not finite.
    """
    engine = Engine(run.module, run.optimisation, run.layout)
    try:
        first = _resume(engine, run)
        saved_at, saved_step = time.monotonic(), first
        for step in range(first, run.optimisation.steps):
            run.losses.append(_train_step(engine, run, step))
            if not math.isfinite(run.losses[-1]):
                raise NotANumber(f"loss {run.losses[-1]} at step {step + 1}")
            value = _report(engine, run, step + 1)
            if engine.agree(time.monotonic() - saved_at >= run.checkpoint_seconds):
                _checkpoint(engine, run, step + 1)
                saved_at, saved_step = time.monotonic(), step + 1
            try:
                yield Tick(step + 1, run.optimisation.steps, value)
                closed = False
            except GeneratorExit:
                closed = True
            if engine.agree(closed):
                if step + 1 > saved_step:
                    _checkpoint(engine, run, step + 1)
                return
        run.weights = engine.weights()
    finally:
        engine.close()


def _train_step(engine: Engine, run: PhaseRun, step: int) -> float:
    """One optimiser step over all of its rows; halves the micro-batches when memory runs out."""
    rows = run.data.rows(step)
    while True:
        # Every random draw of a step is a function of (seed, step, rank): nothing to save.
        seed_generators(derived_seed("step", run.seed, step, run.layout.rank))
        try:
            loss = _accumulate(engine, run, rows)
            break
        except torch.OutOfMemoryError:
            cannot_repeat = run.layout.world_size > 1 or run.layout.zero_stage >= 2
            if cannot_repeat or run.token_budget <= min(rows.lengths):
                raise  # ranks wait in a collective, gradients are reduced, or one row does not fit
            engine.discard()
            run.token_budget = max(run.token_budget // 2, 1)  # for the steps to come as well
    engine.step(learning_rate(run.optimisation, step))
    run.tokens += rows.tokens
    return loss


def _accumulate(engine: Engine, run: PhaseRun, rows: StepRows) -> float:
    """Gradients of the mean loss over a step's rows, however they are cut."""
    mine = _micro_batches(run, rows)
    spread = _spread_contrasts(engine, run, rows, mine)
    total = torch.zeros((), device=engine.device)
    for number, (positions, shown) in enumerate(mine):
        weight = 1 / len(rows.lengths) if positions else 0.0
        batch = _tensors(engine, run, rows, shown)
        group = rows.groups[shown[0]]
        if spread:
            _reseed(run, rows.step, number)
        if group in spread:
            batch |= {name: values[shown] for name, values in spread[group].items()}
        total += engine.accumulate(batch, weight)
        run.micro_batches += 1
    if run.layout.world_size > 1:
        torch.distributed.all_reduce(total)
    return float(total)  # the step's one synchronisation with the device


def _micro_batches(run: PhaseRun, rows: StepRows) -> list[tuple[list[int], list[int]]]:
    """This rank's micro-batches: rows that count, and rows that the model is shown.

    They are the same, except that a rank without rows of its own is shown a row of another: a pass
    may be collective, and must be through the same head.
    """
    ranks = cut(rows.lengths, rows.groups, run.layout.world_size, run.token_budget)
    return [
        (together[run.layout.rank], together[run.layout.rank] or max(together)[:1])
        for together in zip(*ranks, strict=True)
    ]


def _tensors(engine: Engine, run: PhaseRun, rows: StepRows, positions: list[int]) -> dict[str, Any]:
    """A micro-batch of some rows on the engine's device."""
    return moved(run.data.batch(rows, positions), engine.device)


def moved(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """A batch with its tensors on a device."""
    return {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}


def _reseed(run: PhaseRun, step: int, micro_batch: int) -> None:
    """Both passes over a micro-batch must drop the same units."""
    seed_generators(derived_seed("step", run.seed, step, run.layout.rank, micro_batch))


def _spread_contrasts(
    engine: Engine, run: PhaseRun, rows: StepRows, mine: list[tuple[list[int], list[int]]]
) -> dict[str, dict[str, Tensor]]:
    """Gradients of the joint losses whose rows are in several micro-batches; see ``contrast``.

    Returns:
        Group -> tensors over all rows of the step, [N, ...]; empty where no group is spread.
    """
    if not rows.joint or (run.layout.world_size == 1 and _each_in_one(rows, mine)):
        return {}
    size = cast(Contrasting, engine.module).vector_size
    vectors_n2h = torch.zeros(len(rows.lengths), 2, size, device=engine.device)
    for number, (positions, shown) in enumerate(mine):
        if rows.groups[shown[0]] not in rows.joint:
            continue  # on all ranks alike
        batch = _tensors(engine, run, rows, shown)
        _reseed(run, rows.step, number)
        vectors = engine.vectors(batch)
        if positions:
            vectors_n2h[positions] = vectors
    if run.layout.world_size > 1:
        torch.distributed.all_reduce(vectors_n2h)  # each row is zero on all ranks but one
    return {group: _over_group(rows, group, vectors_n2h) for group in rows.joint}


def _each_in_one(rows: StepRows, mine: list[tuple[list[int], list[int]]]) -> bool:
    """Whether no joint group is in more than one micro-batch."""
    groups = [rows.groups[shown[0]] for _, shown in mine]
    return all(groups.count(group) <= 1 for group in rows.joint)


def _over_group(rows: StepRows, group: str, vectors_n2h: Tensor) -> dict[str, Tensor]:
    """Gradients and losses of one group's rows, at their places among all rows [N, ...]."""
    places = [i for i, name in enumerate(rows.groups) if name == group]
    names = torch.tensor(rows.joint[group], device=vectors_n2h.device)
    whole = {
        "vector_gradients": torch.zeros_like(vectors_n2h),
        "row_losses": torch.zeros(len(vectors_n2h), device=vectors_n2h.device),
    }
    for name, values in gradients(vectors_n2h[places], names).items():
        whole[name][places] = values
    return whole


def _report(engine: Engine, run: PhaseRun, step: int) -> float | None:
    """A score during the phase; evaluation draws nothing, so training is as without it.

    Every rank computes it: at ZeRO stage 3 each holds a part of the weights alone.
    """
    if run.report is None or step not in run.report_steps:
        return None
    engine.module.eval()
    value = run.report(engine.module)
    engine.module.train()
    return value


def _checkpoint(engine: Engine, run: PhaseRun, step: int) -> None:
    """Write the state after ``step``, complete or not at all, and drop older ones."""
    final = run.checkpoints / f"step-{step}"
    temporary = run.checkpoints / f".writing-{run.attempt}-{step}"
    engine.save(temporary, step)
    if run.layout.world_size > 1:
        torch.distributed.barrier()
    if run.layout.rank == 0:
        np.save(temporary / "losses.npy", np.asarray(run.losses))
        np.save(temporary / "counts.npy", np.asarray([run.tokens, run.micro_batches]))
        if not final.exists():
            temporary.rename(final)
        for old in _complete(run.checkpoints)[:-CHECKPOINTS_KEPT]:
            shutil.rmtree(run.checkpoints / f"step-{old}", ignore_errors=True)


def _complete(folder: Path) -> list[int]:
    """Steps of complete checkpoints, oldest first."""
    return sorted(int(path.name.removeprefix("step-")) for path in folder.glob("step-*"))


def _resume(engine: Engine, run: PhaseRun) -> int:
    """Load the newest checkpoint of this layout; the step to go on from (0 for a fresh start)."""
    # A shared disk may show other ranks less for a moment: they load what rank 0 sees, or fail.
    step = engine.agree(_newest(run.checkpoints))
    if step:
        folder = run.checkpoints / f"step-{step}"
        engine.load(folder, step)
        run.losses = [float(loss) for loss in np.load(folder / "losses.npy")]
        run.tokens, run.micro_batches = (int(n) for n in np.load(folder / "counts.npy"))
    return step


def _newest(folder: Path) -> int:
    """Step of the newest checkpoint of ours, 0 without one.

    DeepSpeed's states are pickles: another user's are not opened.
    """
    me = os.geteuid()
    mine = [n for n in _complete(folder) if (folder / f"step-{n}").stat().st_uid == me]
    return max(mine, default=0)
