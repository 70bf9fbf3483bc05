"""Offers: a prefix that one target paid for is tried by the others, which train it no more.

A prefix is everything that decides a trial's keys up to its last intermediate phase: the
initialisation, the chain of mixtures, their hyperparameters. The pool is what the storage says of
all targets: it is read once when a study is opened, and then told what the one driver does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from search.sampler import is_replicate
from spaces.axes import SHAPE, Axis, is_prefix
from spaces.keys import derived_seed
from spaces.settings import Mixture
from spaces.study import SETTING, StudyRecord
from spaces.suggest import Space

_LAST = -1e9
"""Merit of a prefix that no other target has a score of."""

FIRST_ROWS = 64
"""Prefixes that there is room for at first; doubled whenever they are more."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """What a trial trains up to its last intermediate phase."""

    params: Mapping[str, Any]
    """One value per axis of the trial."""
    chain: tuple[Mixture, ...]


@dataclass(slots=True)
class Table:
    """Numbers of each prefix (row) for each target (column)."""

    targets: int
    open: np.ndarray = field(init=False)
    """Trials that are running, complete or pruned: as long as there is one, the prefix is paid."""
    tried: np.ndarray = field(init=False)
    """Trials, whatever became of them."""
    told: np.ndarray = field(init=False)
    """Trials with a score."""
    sums: np.ndarray = field(init=False)
    """Sum of their scores, in points."""
    feasible: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Room for the first prefixes."""
        for name, kind in _COLUMNS.items():
            setattr(self, name, np.zeros((FIRST_ROWS, self.targets), dtype=kind))

    def reach(self, rows: int) -> None:
        """Make room for so many prefixes."""
        while rows > len(self.open):
            for name in _COLUMNS:
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))


_COLUMNS = {"open": int, "tried": int, "told": int, "sums": float, "feasible": bool}


class Offers:
    """What the targets of a study can take over from one another."""

    def __init__(self, record: StudyRecord) -> None:
        """An empty pool.

        Args:
            record: of a search.
        """
        self._record, self._names = record, list(record.targets)
        self._rows: dict[str, int] = {}
        self._prefixes: list[Prefix] = []
        self._asked: dict[tuple[str, int], int] = {}
        self._ended: set[tuple[str, int]] = set()
        self._table = Table(len(self._names))

    def read(self, studies: Mapping[str, optuna.Study]) -> None:
        """Take in what the storage holds of all targets, in the order in which it was asked."""
        started = [
            (trial.datetime_start, self._names.index(target), trial.number, trial)
            for target, study in studies.items()
            for trial in study.get_trials(deepcopy=False)
            if trial.datetime_start is not None
        ]
        for _, column, number, trial in sorted(started, key=lambda one: one[:3]):
            self.asked(self._names[column], trial)
            if trial.state.is_finished():
                self.told(self._names[column], number, trial.state, trial.value)

    def asked(self, target: str, trial: FrozenTrial | Trial) -> None:
        """A trial is there; of one with no prefix to share, or told before, nothing is kept."""
        key = prefix_key(trial)
        if not key or (target, trial.number) in self._asked:
            return
        row = self._rows.setdefault(key, len(self._prefixes))
        if row == len(self._prefixes):
            self._add(trial)
        column = self._names.index(target)
        self._asked[target, trial.number] = row
        self._table.open[row, column] += 1
        self._table.tried[row, column] += 1

    def _add(self, trial: FrozenTrial | Trial) -> None:
        """Keep a new prefix, and who can have it."""
        chain = SETTING.validate_python(trial.user_attrs["setting"]).intermediate
        prefix, spaces = Prefix(trial.params, chain), self._record.spaces
        self._prefixes.append(prefix)
        self._table.reach(len(self._prefixes))
        feasible = [fixed_by(prefix, spaces[name]) is not None for name in self._names]
        self._table.feasible[len(self._prefixes) - 1] = feasible

    def told(self, target: str, number: int, state: TrialState, score: float | None) -> None:
        """A trial ended. One that failed pays for nothing; a pruned one has no score."""
        row, column = self._asked.get((target, number)), self._names.index(target)
        if row is None or (target, number) in self._ended:
            return
        self._ended.add((target, number))
        if state == TrialState.FAIL:
            self._table.open[row, column] -= 1
        elif state == TrialState.COMPLETE and score is not None:
            self._table.told[row, column] += 1
            self._table.sums[row, column] += score

    def best(self, target: str) -> dict[str, Any] | None:
        """Values of the prefix axes that a target should take over; None where there is nothing.

        That of the highest merit among those that others have paid for, that are feasible for this
        target and that it has not tried; the one that was asked first where several are alike.
        """
        rows, column = len(self._prefixes), self._names.index(target)
        table = self._table
        others = np.delete(table.open[:rows], column, axis=1).any(axis=1)
        free = others & table.feasible[:rows, column] & (table.tried[:rows, column] == 0)
        if not free.any():
            return None
        merit = np.where(free, self._merits(column), -np.inf)
        fixed = fixed_by(self._prefixes[int(np.argmax(merit))], self._record.spaces[target])
        assert fixed is not None  # it is feasible
        return fixed

    def _merits(self, column: int) -> np.ndarray:
        """float[prefixes]: mean over the other targets of the standardised score within each.

        A prefix that none of them has a score of comes last.
        """
        rows = len(self._prefixes)
        told, sums = self._table.told[:rows], self._table.sums[:rows]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums / told  # NaN where a target has no score of a prefix
        known = told > 0
        standard = np.zeros_like(means)
        for other in range(len(self._names)):
            values = means[known[:, other], other]
            if len(values) > 1 and (spread := values.std()) > 0:
                standard[known[:, other], other] = (values - values.mean()) / spread
        known[:, column] = False
        count = known.sum(axis=1)
        total = np.where(known, standard, 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), _LAST)


def fixed_by(prefix: Prefix, space: Space) -> dict[str, Any] | None:
    """Values of a target's prefix axes that mean a prefix; None where it cannot have it."""
    axes = {a.name: a for a in space.in_arm("intermediate", prefix.params.get(SHAPE))}
    axes = {name: axis for name, axis in axes.items() if is_prefix(name)}
    fixed: dict[str, Any] = {}
    for name, axis in axes.items():
        # An axis that the other target lacks has one way to weigh there: the first one.
        value = prefix.params.get(name, axis.choices[0] if axis.choices else None)
        if not _holds(axis, value):
            return None
        fixed[name] = value
    meant = space.chain({**fixed, "arm": "intermediate"})
    same = meant == prefix.chain
    return {"arm": "intermediate", **fixed} if same else None


def _holds(axis: Axis, value: Any) -> bool:
    """Whether an axis has a value."""
    return value in axis.choices if axis.choices else axis.low <= value <= axis.high


def prefix_key(trial: FrozenTrial | Trial) -> str:
    """Key of a trial's last intermediate phase; empty where it is of another arm, or a replicate.

    The baselines' own arms are not for others: one has no intermediate phase, one its own rows.
    """
    if is_replicate(trial) or trial.params.get("arm") != "intermediate":
        return ""
    phases = trial.user_attrs.get("phases", ())
    return next((p["key"] for p in reversed(phases) if p["kind"] == "intermediate"), "")


def is_offered(record: StudyRecord, target: str, number: int) -> bool:
    """Whether a sampled trial of the intermediate arm takes over a prefix, if there is one."""
    drawn = derived_seed("offered", record.plan.study.seed, target, number) / 2**63
    return drawn < record.plan.budget.offered_share


def offers_of(record: StudyRecord, studies: Mapping[str, optuna.Study]) -> Offers | None:
    """The pool of a study; None where its trials take nothing over from one another."""
    if record.confirms or record.plan.sharing != "offers":
        return None
    offers = Offers(record)
    offers.read(studies)
    return offers
