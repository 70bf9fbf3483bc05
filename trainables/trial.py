"""``run_trial``: one setting on one target, as a plain generator that needs no Ray."""

import json
import math
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spaces.layout import StudyPaths
from spaces.looks import opened_targets
from spaces.phases import EvaluationSpec, PhaseSpec, trial_phases
from spaces.processes import Owner
from spaces.selection import kept_cut, reported_score, trial_score
from spaces.settings import Seeds, TransferSetting
from spaces.study import StudyRecord
from trainables.oracle import OracleWorld
from trainables.phase_lease import PhaseLease
from trainables.store import Artifact, PhaseStore
from trainables.world import ALONE, Job, NotANumber, Outcome, Ranks, Tick, World

HEARTBEAT_SECONDS = 5.0
"""Longest silence of a healthy trial between two steps."""

LOOK_SECONDS = 1.0
"""How often a trial looks whether it should stop."""

WAIT_SECONDS = 0.2
"""How often a trial looks whether a phase that another process executes is there."""

Message = dict[str, Any]
"""``event`` is one of phase, waiting, heartbeat, report, final; the other entries depend on it."""


@dataclass(frozen=True, kw_only=True)
class TrialRequest:
    """One trial: what to run, and where its phases are kept."""

    root: Path
    record: StudyRecord
    target: str
    setting: TransferSetting
    trial_number: int = 0
    seeds: Seeds | None = None
    """The study's own where they are left out."""
    latest: Mapping[str, float] = field(default_factory=dict)
    """Kind of phase -> Unix time after which none begins; a kind that is left out always may."""

    @property
    def phases(self) -> tuple[PhaseSpec, ...]:
        """Phases of the trial, in order."""
        seeds = self.seeds or self.record.seeds
        return trial_phases(self.record.frozen, self.target, self.setting, seeds)


class StopRequested(Exception):
    """The driver asked every trial to checkpoint and end."""


class OutOfTime(StopRequested):
    """Too little time is left to begin the next phase; the phases before it are safe."""


@dataclass(slots=True)
class _Progressing:
    """Passes ticks on as messages, few enough not to burden the driver, and looks for a stop."""

    spec: PhaseSpec
    stop: Path
    last: float = field(default_factory=time.monotonic)
    looked: float = 0.0

    def look(self) -> None:
        """Raise when the driver asks for a stop.

        The trial ends itself, because Tune kills a trial five seconds after it stops it, and a
        large checkpoint takes longer.
        """
        if time.monotonic() - self.looked >= LOOK_SECONDS:
            self.looked = time.monotonic()
            if self.stop.exists():
                raise StopRequested(f"{self.stop} asks to stop")

    def message(self, tick: Tick) -> Message | None:
        """A report, a heartbeat when one is due, or nothing."""
        where = {"kind": self.spec.kind, "step": tick.step, "steps": tick.steps}
        if tick.report is not None:
            return {"event": "report", "value": tick.report, **where}
        return {"event": "heartbeat", **where} if self._is_due() else None

    def waiting(self, owner: Owner) -> Message | None:
        """What is waited for, when a heartbeat is due."""
        what = {"kind": self.spec.kind, "title": self.spec.title, "owner": str(owner)}
        return {"event": "waiting", **what} if self._is_due() else None

    def _is_due(self) -> bool:
        """Whether this trial has been silent for long enough; it speaks now."""
        if time.monotonic() - self.last < HEARTBEAT_SECONDS:
            return False
        self.last = time.monotonic()
        return True


def run_trial(request: TrialRequest, world: World) -> Iterator[Message]:
    """Run a trial phase by phase, taking from the store what is there.

    Closing the generator checkpoints the phase in training. The last message is ``final``.

    Raises:
        NotANumber: a loss or the score is not finite.
        RowError, WeightError: rows or weights cannot be used; the message says which.
        OSError: a disk is full or gone; checkpoints and finished phases are safe.
        StopRequested: the driver asks to stop; the phase in training has written its checkpoint.
        OutOfTime: the next phase would begin after the request's ``latest`` for its kind.
        LostRank: a process that trained with this one is gone; the trial may be tried again.
    """
    author = {
        "study": request.record.name,
        "world": request.record.plan.world,
        "study_created": request.record.created,
        "target": request.target,
        "trial_number": request.trial_number,
        "gpus": request.record.plan.resources.gpus_per_trial,
    }
    store, specs = PhaseStore(request.root, author), request.phases
    chain: tuple[Artifact, ...] = ()
    booked: list[dict[str, Any]] = []
    for spec in specs:
        artifact, hit = yield from _alone(store, world, request, spec, chain)
        chain = (*chain, artifact)
        booked.append(_booking(spec, artifact, hit))
    yield _final(request, world, specs[-1], chain[-1], booked)


def _alone(
    store: PhaseStore,
    world: World,
    request: TrialRequest,
    spec: PhaseSpec,
    chain: tuple[Artifact, ...],
) -> Generator[Message, None, tuple[Artifact, bool]]:
    """The artifact of a phase, which no other process executes while this one does."""
    if found := store.find(spec.key):
        return found, True
    progress = _Progressing(spec, StudyPaths(request.root, request.record.name).stop)
    lease = PhaseLease(request.root, spec.key)
    _need_time(request, spec)  # a phase that cannot begin leaves nothing behind
    while owner := lease.taken_by():
        progress.look()
        if message := progress.waiting(owner):
            yield message
        time.sleep(WAIT_SECONDS)
    with lease:  # whoever had it before may have published: then it is found now
        return (yield from _obtain(store, world, request, spec, chain))


def _need_time(request: TrialRequest, spec: PhaseSpec) -> None:
    """Raise where a phase could not reach a checkpoint before the session ends."""
    if time.time() > request.latest.get(spec.kind, math.inf):
        raise OutOfTime(f"too little time is left to begin {spec.kind} {spec.title}")


def _obtain(
    store: PhaseStore,
    world: World,
    request: TrialRequest,
    spec: PhaseSpec,
    chain: tuple[Artifact, ...],
) -> Generator[Message, None, tuple[Artifact, bool]]:
    """The artifact of a phase: from the store, or executed now."""
    if found := store.find(spec.key):
        return found, True
    _need_time(request, spec)
    yield {"event": "phase", "kind": spec.kind, "title": spec.title}
    progress = _Progressing(spec, StudyPaths(request.root, request.record.name).stop)
    progress.look()
    attempt, outcome, started = store.begin(spec), Outcome(), time.monotonic()
    evaluation = request.phases[-1]
    assert isinstance(evaluation, EvaluationSpec)
    job = Job(attempt, chain, evaluation, request.record.cuts[request.target])
    ticks: Iterator[Tick] = iter(())
    try:
        ticks = world.execute(job, outcome)
        for tick in ticks:
            progress.look()
            if message := progress.message(tick):
                yield message
    except BaseException:
        _close(ticks)
        attempt.abandon()
        raise
    booked = {"steps": outcome.steps, "tokens": outcome.tokens, **outcome.details}
    return store.publish(attempt, {**booked, "seconds": time.monotonic() - started}), False


def _close(ticks: Iterator[Tick]) -> None:
    """Let an interrupted execution write its checkpoint."""
    if isinstance(ticks, Generator):
        ticks.close()


def _booking(spec: PhaseSpec, artifact: Artifact, hit: bool) -> dict[str, Any]:
    costs = {name: artifact.provenance.get(name, 0) for name in ("steps", "tokens", "seconds")}
    return {
        "key": spec.key,
        "kind": spec.kind,
        "parent": spec.parent,
        "title": spec.title,
        "hit": hit,
        "gpus": artifact.provenance.get("gpus"),
        **costs,
    }


def _final(
    request: TrialRequest,
    world: World,
    spec: PhaseSpec,
    evaluation: Artifact,
    booked: list[dict[str, Any]],
) -> Message:
    """The trial's score and everything the study keeps of it."""
    assert isinstance(spec, EvaluationSpec)
    study, cut = request.record, request.record.cuts[request.target]
    row = study.catalogue.tasks[request.target]
    kept = cut if study.confirms else kept_cut(row, cut, study.plan)
    scores = world.scores(evaluation, spec, kept)
    about = (scores, cut, study.plan, study.catalogue)
    score, reported = trial_score(*about), reported_score(*about)
    if not math.isfinite(score):
        raise NotANumber(f"score {score} of target {request.target!r}")
    record = {"scores": scores, "phases": booked, "reported_score": reported}
    return {"event": "final", "score": score, "record": json.dumps(record)}


def world_for(record: StudyRecord, root: Path, ranks: Ranks = ALONE) -> World:
    """The world that executes a study's phases in this process, one of its ranks.

    It reads test rows for a confirmation alone, and those alone whose look is in the log.
    """
    if record.plan.world == "oracle":
        return OracleWorld(record.plan, record.catalogue)
    # Heavy (torch, transformers, DeepSpeed) and not needed by oracle trials.
    from trainables.neural import NeuralWorld
    from trainables.rows import Access
    from trainables.sources import source_for

    access = Access(opened=opened_targets(record, root), spent=record.spent)
    source = source_for(record.plan, record.catalogue, access)
    return NeuralWorld(record.plan, record.catalogue, source, ranks)


@dataclass(slots=True)
class Worlds:
    """The world of this process, made anew where another study is executed, or one that grew."""

    _made_for: tuple[str, str] | None = None
    _world: World | None = None

    def of(self, record: StudyRecord, root: Path, ranks: Ranks = ALONE) -> World:
        """The world of a frozen record; imports and tokenised rows stay while it is the same."""
        wanted = (str(root), record.model_dump_json())
        if self._world is None or self._made_for != wanted:
            self._made_for, self._world = wanted, world_for(record, root, ranks)
        return self._world
