"""A study as it was at one moment: its record and its trials, read once and checked.

Every frame and every text is made from a snapshot, so that the numbers of one report agree even
while the study runs.
"""

import gc
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.storage import read_all_trials
from spaces.layout import StoreError, executions
from spaces.objects import phase_place
from spaces.places import Place
from spaces.settings import Seeds, TransferSetting
from spaces.study import StudyRecord, read_study

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

READERS = 8
"""Threads that read the phase store: on a network disk each small file costs a round trip."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score as a trial wrote it down; ``value`` in points."""

    language: str
    split: str
    items: str
    metric: str
    value: float
    rows: int
    cue_only: float | None = None
    """What a surface cue alone reaches on these rows, in points; None where no rule is known."""
    rows_of: str | None = None
    """Task whose rows these are: another than the target where they stand for its own."""
    standard_error: float | None = None
    """Of ``value`` over its rows, in points; None for metrics that are no mean over rows."""
    candidates: int | None = None
    """Candidates that each query was ranked against; None for other forms."""


@dataclass(frozen=True, slots=True)
class AskedPhase:
    """A phase that a trial needs."""

    key: str
    kind: str
    parent: str
    title: str


@dataclass(frozen=True, slots=True)
class FinishedPhase(AskedPhase):
    """A phase as a finished trial wrote it down; ``hit`` where the store had it already."""

    hit: bool
    steps: int
    tokens: int
    seconds: float
    gpus: float | None = None
    """Held while it was executed; None where nobody wrote that down."""
    how: str = ""
    """trained, hit or rebuilt; empty in records of before anything was evicted."""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What a trial wrote down when it was told."""

    scores: tuple[Score, ...] = ()
    phases: tuple[FinishedPhase, ...] = ()
    reported_score: float | None = None


class Attributes(BaseModel):
    """The user attributes of an Optuna trial; all absent on a trial that was never asked."""

    model_config = ConfigDict(frozen=True)

    setting: TransferSetting | None = None
    setting_id: str | None = None
    role: str | None = None
    attempts: int | None = None
    held: bool = False
    """Whether its driver held it back when it looked last."""
    phases: tuple[AskedPhase, ...] = ()
    record: TrialRecord = TrialRecord()
    reason: str | None = None
    pruned_step: int | None = None
    replicate: int | None = None
    """Of a confirmation or a contrast: which set of fresh seeds."""
    seeds: Seeds | None = None
    """The trial's own; None where they are the study's."""


@dataclass(frozen=True, slots=True)
class ReadTrial:
    """One trial of one target."""

    target: str
    number: int
    state: str
    score: float | None
    """In points; None unless the trial is COMPLETE, because a pruned one stopped at fewer steps."""
    reports: dict[int, float]
    started: datetime | None
    finished: datetime | None
    attributes: Attributes
    setting_id: str | None

    @property
    def setting(self) -> TransferSetting | None:
        """What it tries; None on a trial that was never asked."""
        return self.attributes.setting

    @property
    def arm(self) -> str | None:
        """``none`` or ``intermediate``; None where the setting is not known."""
        return self.setting.arm if self.setting else None

    @property
    def is_complete(self) -> bool:
        """Whether it has a score."""
        return self.score is not None

    @property
    def is_held(self) -> bool:
        """Whether it is asked and waits for a phase that another trial trains."""
        return self.state == "RUNNING" and self.attributes.held

    @property
    def may_win(self) -> bool:
        """Whether it may be chosen or counted in a choice: the best replicate is the luckiest."""
        return self.is_complete and self.attributes.replicate is None

    @property
    def keys(self) -> dict[str, None]:
        """Keys of its phases, in order, each once."""
        phases = (*self.attributes.phases, *self.attributes.record.phases)
        return dict.fromkeys(phase.key for phase in phases)


@dataclass(frozen=True)
class Snapshot:
    """A study and its trials, targets in the plan's order, trials by number."""

    root: Path
    record: StudyRecord
    trials: tuple[ReadTrial, ...]

    @cached_property
    def store(self) -> Place:
        """Where the study's phases lie."""
        return phase_place(self.record.plan, self.root)

    def of_target(self, target: str) -> list[ReadTrial]:
        """Trials of one target."""
        return [trial for trial in self.trials if trial.target == target]

    @cached_property
    def executions(self) -> dict[str, list[dict[str, Any]]]:
        """Key -> provenance of its executions, for every phase that a trial refers to."""
        keys = dict.fromkeys(key for trial in self.trials for key in trial.keys)
        with ThreadPoolExecutor(READERS) as pool:
            found = pool.map(lambda key: executions(self.store, key), keys)
            return dict(zip(keys, found, strict=True))


def read_snapshot(name: str, root: Path | str) -> Snapshot:
    """A study as it is now; it may be running.

    Args:
        name: name of the study.
        root: folder of all studies and phases.

    Raises:
        StoreError: no such study, a storage that cannot be read, or a trial that cannot.
    """
    root = Path(root).absolute()
    record = read_study(root, name)
    with _kept():
        trials = tuple(
            _read_trial(name, target, trial)
            for target, found in read_all_trials(record, root).items()
            for trial in found
        )
    return Snapshot(root, record, trials)


@contextmanager
def _kept() -> Iterator[None]:
    """What is read is kept: looking for garbage in it takes a quarter of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def read_snapshots(study: str | Iterable[str], root: Path | str) -> list[Snapshot]:
    """Snapshots of one study, or of several of one world.

    Raises:
        StoreError: a study cannot be read, or two are of different worlds.
    """
    names = [study] if isinstance(study, str) else list(study)
    snapshots = [read_snapshot(name, root) for name in names]
    worlds = {snapshot.record.name: snapshot.record.plan.world for snapshot in snapshots}
    if len(set(worlds.values())) > 1:
        found = ", ".join(f"{name!r} is {world}" for name, world in worlds.items())
        raise StoreError(f"results of different worlds never mix: {found}; load them apart")
    return snapshots


def _read_trial(study: str, target: str, trial: "FrozenTrial") -> ReadTrial:
    where = f"study {study!r}, target {target!r}, trial {trial.number}"
    try:
        attributes = Attributes.model_validate(trial.user_attrs)
    except ValidationError as error:
        # Leaving the trial out would make its condition look like one that was never run.
        raise StoreError(f"{where}: user attributes that mean nothing: {_shown(error)}") from error
    return ReadTrial(
        target=target,
        number=trial.number,
        state=trial.state.name,
        score=trial.value if trial.state.name == "COMPLETE" else None,
        reports=dict(sorted(trial.intermediate_values.items())),
        started=trial.datetime_start,
        finished=trial.datetime_complete,
        attributes=attributes,
        setting_id=_setting_id(attributes, where),
    )


def _setting_id(attributes: Attributes, where: str) -> str | None:
    """The id of a trial's setting. Gains join on it, so it must be the setting's own."""
    written, setting = attributes.setting_id, attributes.setting
    computed = setting.setting_id if setting else written
    if written not in (None, computed):
        raise StoreError(f"{where}: setting_id is {written!r}, its setting's is {computed!r}")
    return computed


def _shown(error: ValidationError) -> str:
    """The first three mistakes, each with its place and what was read."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'attributes'}: {item['msg']} "
        f"(read {str(item['input'])[:60]!r})"
        for item in error.errors()[:3]
    )
