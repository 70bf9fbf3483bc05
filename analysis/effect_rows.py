"""Rows of the frames of effects: each comparison of each target, and over targets."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np

from analysis.cell_scores import LANGUAGES, CellScores, read_cells
from analysis.comparisons import Cell, Comparison, Design, checked_level
from analysis.estimates import OVERALL, SHARED_UNIT, UNIT, Asked, Row, Told, adjusted
from analysis.inference import CellModel, Estimate, crossed_interval, paired_interval
from analysis.inference.intervals import Floats
from analysis.snapshot import Snapshot
from spaces.mistakes import nearest

Languages = Literal["averaged", "seen", "unseen"] | Sequence[str]

Method = Literal["paired", "mixed"]
METHODS: tuple[Method, ...] = ("paired", "mixed")

Trial = tuple[Cell, int, float]
"""Cell, set of seeds, score."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a contrast."""

    pairs: Callable[[Design], list[Comparison]]
    """The comparisons of a target."""
    groups: Mapping[str, str] | None = None
    languages: Languages = "averaged"
    methods: tuple[Method, ...] = ("paired",)
    asked: Asked = field(default_factory=Asked)
    levels: tuple[tuple[str, str, str], ...] = ()
    """Levels that the user named: which, as what argument, of which factor."""

    def __post_init__(self) -> None:
        if isinstance(self.languages, str) and self.languages not in LANGUAGES:
            rule = f"{nearest(self.languages, LANGUAGES)}, or a list of codes"
            raise ValueError(f"languages={self.languages!r}: expected {rule}")
        if wrong := [one for one in self.methods if one not in METHODS]:
            raise ValueError(f"methods: {wrong[0]!r}: expected {nearest(wrong[0], METHODS)}")

    @property
    def language_words(self) -> str:
        """How the frame calls the languages."""
        return self.languages if isinstance(self.languages, str) else " ".join(self.languages)

    @property
    def samples_languages(self) -> bool:
        """Whether languages are a sample of more."""
        return "languages" in self.asked.covers

    def check_objective(self, objective: str) -> None:
        """Languages can be a sample of more where a score is their mean.

        Raises:
            ValueError: the objective is another.
        """
        if self.samples_languages and objective != "mean":
            raise ValueError(
                f"covers languages, and the study's objective is {objective!r}: only a mean over "
                "languages is one over a sample of them"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """The numbers of one comparison, of a target or over several."""

    target: str
    pair: Comparison
    sets: tuple[int, ...]
    units: list[int]
    """[sets] what counts as one."""
    differences: Floats
    """[sets] NaN where a set lacks a side."""
    by_language: Floats | None
    """[sets, languages]; None over targets, which are scored in different ones."""
    trials: tuple[Trial, ...] | None
    """All cells of the design; None over targets whose comparisons weigh other cells."""
    languages: int
    rows_error: float

    @classmethod
    def of_target(cls, cells: CellScores, pair: Comparison, question: Question) -> "Compared":
        """A comparison on one target."""
        codes = cells.languages(pair, question.languages)
        values = cells.values(codes)
        return cls(
            target=cells.target,
            pair=pair,
            sets=cells.sets,
            units=cells.units(pair, question.asked.pretrainings),
            differences=cells.differences(pair, codes),
            by_language=cells.by_language(pair, codes),
            trials=tuple((cell, number, value) for (cell, number), value in values.items()),
            languages=len(codes),
            rows_error=cells.rows_error(pair, codes),
        )

    @classmethod
    def over(cls, each: Sequence["Compared"]) -> "Compared":
        """The same comparison, each set averaged over targets first: they share its seeds."""
        first = each[0]
        alike = all(one.pair.weights == first.pair.weights for one in each)
        errors = math.sqrt(sum(one.rows_error**2 for one in each))
        return cls(
            target=OVERALL,
            pair=first.pair,
            sets=first.sets,
            units=first.units,
            differences=np.mean([one.differences for one in each], axis=0),
            by_language=None,
            trials=_mean_trials([one.trials or () for one in each]) if alike else None,
            languages=min(one.languages for one in each),
            rows_error=errors / len(each),
        )

    def row(self, method: Method, question: Question) -> Row | None:
        """Its row by one method; None where the method cannot say it."""
        level = question.asked.level
        if method == "mixed":
            if self.trials is None or question.samples_languages:
                return None
            there = {number for _, number, _ in self.trials}
            found = _fitted(self.trials, self.sets, tuple(self.units)).effect(
                self.pair.weights, level
            )
            lacking = set(self.sets) - there
            return self._columns(found, method, len(lacking), question)
        if not question.samples_languages:
            found = paired_interval(self.differences, level, self.units)
        elif self.by_language is None:
            return None
        else:
            found = crossed_interval(_unit_rows(self.by_language, self.units), level)
        return self._columns(found, method, int(np.isnan(self.differences).sum()), question)

    def _columns(self, found: Estimate, method: str, left_out: int, question: Question) -> Row:
        told = Told(
            estimate=found,
            method=method,
            unit=SHARED_UNIT if len(set(self.units)) < len(self.units) else UNIT,
            left_out=left_out,
            rows_error=self.rows_error,
            claim=self.pair.claim,
        )
        return {
            "target": self.target,
            "effect": self.pair.effect,
            "contrasted": self.pair.contrasted,
            "baseline": self.pair.baseline,
            "averaged_over": ", ".join(self.pair.averaged_over) or None,
            "languages": question.language_words,
            "n_languages": self.languages,
            **told.columns(question.asked),
        }


@lru_cache(maxsize=32)
def _fitted(trials: tuple[Trial, ...], sets: tuple[int, ...], units: tuple[int, ...]) -> CellModel:
    """A mixed model of trials, those of one cell and unit averaged first.

    Kept, because all comparisons of a target ask the same model, which takes half a second.
    """
    unit_of = dict(zip(sets, units, strict=True))
    found: dict[tuple[Cell, int], list[float]] = {}
    for cell, number, value in trials:
        found.setdefault((cell, unit_of[number]), []).append(value)
    means = [float(np.mean(values)) for values in found.values()]
    return CellModel.fit(means, [cell for cell, _ in found], [unit for _, unit in found])


def _unit_rows(values: Floats, units: Sequence[int]) -> Floats:
    """[units, languages] means over the sets of a unit that have all languages."""
    found: dict[int, list[Floats]] = {}
    for row, unit in zip(values, units, strict=True):
        if np.isfinite(row).all():
            found.setdefault(unit, []).append(row)
    means = [np.mean(rows, axis=0) for rows in found.values()]
    return np.array(means, dtype=float).reshape(len(means), values.shape[1])


def _mean_trials(each: Sequence[Sequence[Trial]]) -> tuple[Trial, ...]:
    """Means over targets, of the cells and sets that all of them have."""
    values: dict[tuple[Cell, int], list[float]] = {}
    for cell, number, value in (trial for trials in each for trial in trials):
        values.setdefault((cell, number), []).append(value)
    whole = {at: found for at, found in values.items() if len(found) == len(each)}
    return tuple((cell, number, float(np.mean(found))) for (cell, number), found in whole.items())


def effect_rows(snapshot: Snapshot, question: Question) -> list[Row]:
    """Rows of ``EFFECT_COLUMNS`` for one study; those of ``overall`` last.

    Raises:
        ValueError: the question names a level that no target has, or takes languages for a sample
            where the study's objective is no mean over them.
    """
    record, cells = snapshot.record, read_cells(snapshot)
    designs = {target: Design.of(record, target, question.groups) for target in cells}
    _check(question, designs, record.plan.study.objective)
    found = [
        Compared.of_target(cells[target], pair, question)
        for target, design in designs.items()
        for pair in question.pairs(design)
    ]
    about = {"study": record.name, "world": record.plan.world}
    rows = [
        about | row
        for one in (*found, *_overall(found))
        for method in question.methods
        if (row := one.row(method, question))
    ]
    return adjusted(rows, lambda row: (row["method"], row["target"] == OVERALL))


def _overall(found: Iterable[Compared]) -> Iterator[Compared]:
    """Each comparison over all targets that have it, where there are several."""
    by_name: dict[tuple[str, str], list[Compared]] = {}
    for one in found:
        if one.languages:
            by_name.setdefault(one.pair.name, []).append(one)
    for each in by_name.values():
        if len(each) > 1:
            yield Compared.over(each)


def _check(question: Question, designs: Mapping[str, Design], objective: str) -> None:
    """Refuse what names nothing."""
    for name, argument, factor in question.levels:
        checked_level(name, [*_levels(designs.values(), factor)], argument)
    question.check_objective(objective)


def _levels(designs: Iterable[Design], factor: str) -> Iterator[str]:
    """What a level of a factor may be called."""
    for design in designs:
        if factor == "initialisation":
            yield from design.initialisations
        if factor == "intermediate":
            yield from design.intermediates
        if factor in ("intermediate", "group"):
            yield from design.groups.values()
