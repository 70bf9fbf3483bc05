"""Scores of a target's cells by set of seeds and language, as comparisons need them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from analysis.cells import averaged_languages, cell_rows
from analysis.comparisons import Cell, Comparison
from analysis.inference.intervals import Floats
from analysis.snapshot import Snapshot
from spaces.contrast import contrast_seeds
from spaces.languages import HUBS
from spaces.selection import aggregate
from spaces.study import StudyRecord

LANGUAGES = ("averaged", "seen", "unseen")

UNSEEN = ("L0", None)
"""Leakage classes of a language in which no intermediate phase had rows."""


@dataclass(frozen=True, slots=True)
class CellScores:
    """What the cells of one target scored, or the settings of a confirmation."""

    record: StudyRecord
    target: str
    averaged: tuple[str, ...]
    """Languages that a score is over unless others are asked for."""
    sets: tuple[int, ...]
    """Numbers of the planned sets of seeds, in order."""
    scores: dict[tuple[Cell, int], dict[str, float]]
    """Cell and set -> language -> points."""
    errors: dict[tuple[Cell, int], dict[str, float]]
    """Cell and set -> language -> standard error over rows, where it is known."""
    leakage: dict[tuple[str, str], str | None]
    """Intermediate and language -> leakage class."""
    sources: set[str]
    """Languages that a target phase was trained on."""
    starts: dict[int, int]
    """Set -> its initialisation seed."""

    def languages(self, comparison: Comparison, asked: str | Sequence[str]) -> tuple[str, ...]:
        """Languages that both sides of a comparison are scored in, of those asked for.

        Args:
            comparison: its intermediates tell what was seen.
            asked: ``averaged``: those of the contrast's objective; ``unseen``: those in which no
                compared intermediate has rows, nor text of the target's, and which no target
                phase was trained on; ``seen``: the others; neither has the hub language. Or codes.
        """
        scored = dict.fromkeys(code for found in self.scores.values() for code in found)
        if asked == "averaged":
            return tuple(code for code in scored if code in self.averaged)
        if not isinstance(asked, str):
            return tuple(code for code in scored if code in asked)
        names = {name for _, name in comparison.weights}
        unseen = {
            code
            for code in scored
            if code not in self.sources
            and all(self.leakage.get((name, code)) in UNSEEN for name in names)
        }
        wanted = unseen if asked == "unseen" else set(scored) - unseen
        return tuple(code for code in scored if code in wanted and code not in HUBS)

    def values(self, languages: Sequence[str]) -> dict[tuple[Cell, int], float]:
        """The plan's objective over these languages, of each cell and set that has them all."""
        objective, catalogue = self.record.plan.study.objective, self.record.catalogue
        return {
            at: aggregate({code: found[code] for code in languages}, objective, catalogue)
            for at, found in self.scores.items()
            if languages and found.keys() >= set(languages)
        }

    def differences(self, comparison: Comparison, languages: Sequence[str]) -> Floats:
        """[sets] the comparison set by set, in points; NaN where a cell is missing."""
        values = self.values(languages)
        return np.array([_sum(comparison.weights, values, number) for number in self.sets])

    def by_language(self, comparison: Comparison, languages: Sequence[str]) -> Floats:
        """[sets, languages] the comparison in each language."""
        columns = []
        for code in languages:
            values = {at: found[code] for at, found in self.scores.items() if code in found}
            columns.append([_sum(comparison.weights, values, number) for number in self.sets])
        return np.array(columns, dtype=float).T.reshape(len(self.sets), len(languages))

    def rows_error(self, comparison: Comparison, languages: Sequence[str]) -> float:
        """Standard error of a comparison over the rows that are scored; NaN where not known.

        As if each cell had rows of its own. They all have the same, on which their answers mostly
        agree, so it is too large rather than too small. All sets are scored on the same rows too:
        more sets make it no smaller. Of a parallel target, whose rows are the same in every
        language, the languages' errors are taken to go together, else to be independent.
        """
        weights = self._language_weights(languages)
        if weights is None or not weights:
            return math.nan
        each = [share * self._error_in(comparison, code) for code, share in weights.items()]
        if self.record.catalogue.tasks[self.target].parallel:
            return sum(each)
        return math.sqrt(sum(one**2 for one in each))

    def _error_in(self, comparison: Comparison, code: str) -> float:
        """Standard error of a comparison in one language."""
        total = 0.0
        for cell, weight in comparison.weights.items():
            found = [
                self.errors[cell, number].get(code, math.nan)
                for number in self.sets
                if (cell, number) in self.errors
            ]
            total += weight**2 * (fmean(one**2 for one in found) if found else math.nan)
        return math.sqrt(total)

    def _language_weights(self, languages: Sequence[str]) -> dict[str, float] | None:
        """Share of each language in the objective; None of one that is no weighted mean."""
        objective = self.record.plan.study.objective
        if objective == "mean":
            return {code: 1 / len(languages) for code in languages}
        if objective != "group_mean":
            return None
        groups: dict[str, list[str]] = {}
        for code in languages:
            groups.setdefault(self.record.catalogue.languages[code].group, []).append(code)
        return {c: 1 / len(groups) / len(codes) for codes in groups.values() for c in codes}

    def units(self, comparison: Comparison, pretrainings: str) -> list[int]:
        """[sets] what each set's unit is: its own number, or the initialisation seed it shares.

        Sets that share a pretraining share its luck; checkpoints are given and vary in none.
        """
        rows = self.record.catalogue.initialisations
        starts = [rows[name] for name, _ in comparison.weights if name in rows]
        made_here = any(not row.path for row in starts)
        if made_here and pretrainings == "sampled":
            return [self.starts[number] for number in self.sets]
        return list(self.sets)


def _sum(weights: Mapping[Cell, float], values: Mapping[tuple[Cell, int], float], n: int) -> float:
    return sum(weight * values.get((cell, n), math.nan) for cell, weight in weights.items())


def read_cells(snapshot: Snapshot) -> dict[str, CellScores]:
    """Target -> scores of its cells; of a study without a contrast none."""
    if snapshot.record.plan.contrast is None:
        return {}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in snapshot.record.targets}
    for row in cell_rows(snapshot):
        found[row["target"]].append(row)
    return {target: _of_rows(snapshot.record, target, rows) for target, rows in found.items()}


def _of_rows(record: StudyRecord, target: str, rows: Iterable[dict[str, Any]]) -> CellScores:
    starts = {number: one.initialisation for number, one in contrast_seeds(record.plan).items()}
    sets = tuple(record.contrasts[target].sets)
    languages = averaged_languages(record, target)
    found = CellScores(record, target, languages, sets, {}, {}, {}, set(), starts)
    for row in rows:
        cell = (row["initialisation"], row["intermediate"])
        number, code = row["replicate"], row["language"]
        found.scores.setdefault((cell, number), {})[code] = row["score"]
        found.errors.setdefault((cell, number), {})
        if row["standard_error"] is not None:
            found.errors[cell, number][code] = row["standard_error"]
        found.leakage[row["intermediate"], code] = row["leakage"]
        if row["seen_source"]:
            found.sources.add(code)
    return found
