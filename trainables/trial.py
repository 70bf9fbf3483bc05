"""``run_trial``: one setting on one target, as a plain generator that needs no Ray."""

import json
import math
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from spaces.layout import StudyPaths
from spaces.looks import opened_targets
from spaces.objects import phase_place
from spaces.phases import EvaluationSpec, PhaseSpec, trial_phases
from spaces.processes import Owner
from spaces.selection import kept_cut, reported_score, trial_score
from spaces.settings import Seeds, TransferSetting
from spaces.study import StudyRecord
from trainables.full_disk import full_disk
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

How = Literal["trained", "hit", "rebuilt"]
"""How a trial came by an artifact: executed, found, or executed once more after an eviction."""

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


@dataclass(slots=True)
class _Trial:
    """A trial on its way through its phases."""

    request: TrialRequest
    world: World
    store: PhaseStore
    phases: tuple[PhaseSpec, ...]
    chain: list[Artifact] = field(default_factory=list)
    how: list[How] = field(default_factory=list)
    """How each artifact of the chain was come by."""

    def book(self, place: int, artifact: Artifact, how: How) -> None:
        """Put an artifact into its place of the chain; one that was found may later be rebuilt."""
        self.chain[place:] = [artifact, *self.chain[place + 1 :]]
        self.how[place:] = [how, *self.how[place + 1 :]]


def run_trial(request: TrialRequest, world: World) -> Iterator[Message]:
    """Run a trial phase by phase, taking from the store what is there.

    Closing the generator checkpoints the phase in training. The last message is ``final``.

    Raises:
        NotANumber: a loss or the score is not finite.
        RowError, WeightError: rows or weights cannot be used; the message says which.
        OSError: a disk is full or gone, or the store is out of reach; checkpoints and finished
            phases are safe.
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
    store = PhaseStore(phase_place(request.record.plan, request.root), author)
    trial = _Trial(request, world, store, request.phases)
    for place in range(len(trial.phases)):
        yield from _obtain(trial, place)
    yield _final(trial)


def _obtain(trial: _Trial, place: int, whole: bool = False) -> Generator[Message, None, None]:
    """Put a phase's artifact into the chain: from the store, or executed now.

    An evicted artifact does as long as nobody is trained from it: then, and only then, its weights
    are made again, before that those of the phase that they came from, and so on.

    Args:
        trial: holds the phases before this one.
        place: of the phase among the trial's.
        whole: with its weights.
    """
    spec = trial.phases[place]
    found = trial.store.find(spec.key, whole)
    if found is not None and not (whole and found.evicted):
        trial.book(place, found, "hit" if place == len(trial.chain) else trial.how[place])
        return
    _need_time(trial.request, spec)  # a phase that cannot begin leaves nothing behind
    if place:
        yield from _obtain(trial, place - 1, whole=True)
    trial.book(place, *(yield from _alone(trial, place, whole)))


def _alone(
    trial: _Trial, place: int, whole: bool
) -> Generator[Message, None, tuple[Artifact, How]]:
    """Execute a phase unless another process that does so now publishes it first."""
    request, spec = trial.request, trial.phases[place]
    progress = _Progressing(spec, StudyPaths(request.root, request.record.name).stop)
    lease = PhaseLease(request.root, spec.key)
    while owner := lease.taken_by():
        progress.look()
        if message := progress.waiting(owner):
            yield message
        time.sleep(WAIT_SECONDS)
    with lease:  # whoever had it before may have published: then it is found now
        found = trial.store.find(spec.key, whole)
        if found is not None and not (whole and found.evicted):
            return found, "hit"
        artifact = yield from _execute(trial, place)
        return artifact, "rebuilt" if found else "trained"


def _need_time(request: TrialRequest, spec: PhaseSpec) -> None:
    """Raise where a phase could not reach a checkpoint before the session ends."""
    if time.time() > request.latest.get(spec.kind, math.inf):
        raise OutOfTime(f"too little time is left to begin {spec.kind} {spec.title}")


def _execute(trial: _Trial, place: int) -> Generator[Message, None, Artifact]:
    """Execute a phase and publish its result."""
    request, spec = trial.request, trial.phases[place]
    _need_time(request, spec)
    yield {"event": "phase", "kind": spec.kind, "title": spec.title}
    progress = _Progressing(spec, StudyPaths(request.root, request.record.name).stop)
    progress.look()
    attempt, outcome, started = trial.store.begin(spec), Outcome(), time.monotonic()
    evaluation = trial.phases[-1]
    assert isinstance(evaluation, EvaluationSpec)
    cut = request.record.cuts[request.target]
    job = Job(attempt, tuple(trial.chain[:place]), evaluation, cut)
    ticks: Iterator[Tick] = iter(())
    try:
        ticks = trial.world.execute(job, outcome)
        for tick in ticks:
            progress.look()
            if message := progress.message(tick):
                yield message
        booked = {"steps": outcome.steps, "tokens": outcome.tokens, **outcome.details}
        seconds = time.monotonic() - started
        return trial.store.publish(attempt, {**booked, "seconds": seconds})
    except BaseException as error:
        full = full_disk(error, attempt.folder)  # before what was written makes room again
        try:
            _close(ticks)
        finally:
            trial.store.abandon(attempt)
        if full is None or full is error:
            raise
        raise full from error


def _close(ticks: Iterator[Tick]) -> None:
    """Let an interrupted execution write its checkpoint."""
    if isinstance(ticks, Generator):
        ticks.close()


def _booking(spec: PhaseSpec, artifact: Artifact, how: How) -> dict[str, Any]:
    costs = {name: artifact.provenance.get(name, 0) for name in ("steps", "tokens", "seconds")}
    return {
        "key": spec.key,
        "kind": spec.kind,
        "parent": spec.parent,
        "title": spec.title,
        "hit": how == "hit",
        "how": how,
        "gpus": artifact.provenance.get("gpus"),
        **costs,
    }


def _final(trial: _Trial) -> Message:
    """The trial's score and everything the study keeps of it."""
    study, spec = trial.request.record, trial.phases[-1]
    assert isinstance(spec, EvaluationSpec)
    cut = study.cuts[trial.request.target]
    row = study.catalogue.tasks[trial.request.target]
    kept = cut if study.confirms else kept_cut(row, cut, study.plan)
    scores = trial.world.scores(trial.chain[-1], spec, kept)
    about = (scores, cut, study.plan, study.catalogue)
    score, reported = trial_score(*about), reported_score(*about)
    if not math.isfinite(score):
        raise NotANumber(f"score {score} of target {trial.request.target!r}")
    booked = list(map(_booking, trial.phases, trial.chain, trial.how))
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
