"""A linear contrast of cells by a mixed model: what paired differences say, with pooled spreads."""

import math
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.inference.balanced import complete_table, covariance
from analysis.inference.intervals import NAN, Estimate, Floats, t_estimate

Cell = tuple[str, str]
"""Initialisation, intermediate."""


@dataclass(frozen=True, slots=True)
class CellModel:
    """A fitted mixed model of cells, of which any number of weighted sums can be asked."""

    cells: tuple[Cell, ...]
    sets: Mapping[Cell, frozenset[Hashable]]
    """Cell -> sets that have it."""
    means: Floats
    """[cells] in points; empty where there is no fit."""
    covariance: Floats
    """[cells, cells]"""
    own: Floats
    """[cells] what the spread of trials alone makes of the variance of each mean."""

    @classmethod
    def fit(cls, scores: ArrayLike, cells: Sequence[Cell], sets: Sequence[Hashable]) -> "CellModel":
        """Fit the model of ``mixed_effect``.

        Args:
            scores: [trials] in points.
            cells: [trials] what each is.
            sets: [trials] its set of seeds, or the cluster that sets share.
        """
        known, n = tuple(dict.fromkeys(cells)), len(set(sets))
        at = [known.index(cell) for cell in cells]
        values = np.asarray(scores, dtype=float)
        found = None
        if n > 1:
            found = _balanced(values, at, known, sets) or _fitted(values, at, known, list(sets))
        means, covariance = found or (np.empty(0), np.empty((0, 0)))
        there = {
            one: frozenset(s for s, cell in zip(sets, cells, strict=True) if cell == one)
            for one in known
        }
        counts = np.bincount(at, minlength=len(known))
        own = _trial_variance(values, cells, sets) / np.maximum(counts, 1) if found else means
        return cls(known, there, means, covariance, own)

    @property
    def n(self) -> int:
        """Sets that have any cell."""
        return len(frozenset().union(*self.sets.values()))

    def effect(self, weights: Mapping[Cell, float], level: float = 0.95) -> Estimate:
        """A weighted sum of cell means; NaN where a weighted cell has no trial, or without a fit.

        Args:
            weights: cell -> its weight; they sum to zero.
            level: what the interval shall cover.
        """
        if not len(self.means) or not set(weights) <= set(self.cells):
            return t_estimate(NAN, NAN, 0.0, level, n=self.n)
        sums = np.array([weights.get(cell, 0.0) for cell in self.cells])
        error = math.sqrt(max(float(sums**2 @ self.own), float(sums @ self.covariance @ sums)))
        # A set that lacks a side tells nothing of how the sides' difference varies.
        both = frozenset.intersection(*(self.sets[cell] for cell, one in weights.items() if one))
        df = stratum_df(weights, self.cells, len(both))
        found = t_estimate(float(sums @ self.means), error, df, level, n=self.n)
        return replace(found, sd=error * math.sqrt(self.n))


def mixed_effect(
    scores: ArrayLike,
    cells: Sequence[Cell],
    sets: Sequence[Hashable],
    weights: Mapping[Cell, float],
    level: float = 0.95,
) -> Estimate:
    """A weighted sum of cell means, with the spread over sets pooled over all cells.

    The model: a mean for each cell; random intercepts for each set of seeds, for each
    initialisation within a set and for each intermediate within a set; what remains is the trial's
    own. Scores are means over languages: as every trial of a target is scored in the same ones, a
    random intercept for each language would change neither the sum nor its standard error, and a
    trial's languages, which share its seeds, count as one value.

    It uses sets that lack cells, and its degrees of freedom are those of the stratum: (I - 1)
    (n - 1) between initialisations, (J - 1) (n - 1) between intermediates, (I - 1) (J - 1) (n - 1)
    of an interaction, the fewest where the sum is several of these; n counts the sets that have all
    cells of the sum. In turn it assumes that spreads
    are alike in all cells, which paired differences do not: where they are not, effects of or after
    an initialisation of large spread have too narrow intervals. Where a spread comes out as zero,
    the likelihood pools it with that of trials, and intervals of interactions would hold 94 per
    cent instead of 95 (simulated): no error is told that is smaller than what trials alone make it.

    Where every set has every cell the fit is in closed form (``analysis.inference.balanced``).

    Args:
        scores: [trials] in points.
        cells: [trials] what each is.
        sets: [trials] its set of seeds, or the cluster that sets share.
        weights: cell -> its weight; they sum to zero.
        level: what the interval shall cover.

    Returns:
        NaN where there are fewer than two sets, a weighted cell has no trial, or no fit is found.
    """
    return CellModel.fit(scores, cells, sets).effect(weights, level)


def stratum_df(weights: Mapping[Cell, float], cells: Sequence[Cell], n: int) -> float:
    """Degrees of freedom of a weighted sum of cells, were all cells there.

    Args:
        weights: cell -> its weight.
        cells: all cells of the model.
        n: sets.
    """
    starts, middles = (list(dict.fromkeys(cell[axis] for cell in cells)) for axis in (0, 1))
    table = np.array([[weights.get((a, b), 0.0) for b in middles] for a in starts])
    between, across = len(starts) - 1, len(middles) - 1
    strata = (
        (np.abs(table.sum(axis=1)).max(), between),
        (np.abs(table.sum(axis=0)).max(), across),
        (_interaction(table), between * across),
    )
    return float(min(size for effect, size in strata if effect > 1e-9) * (n - 1))


def _interaction(table: Floats) -> float:
    """The largest weight that is neither of a row as a whole nor of a column."""
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True)
    return float(np.abs(rest + table.mean()).max())


def _balanced(
    scores: Floats, at: Sequence[int], cells: Sequence[Cell], sets: Sequence[Hashable]
) -> tuple[Floats, Floats] | None:
    """The same in closed form; None unless each set has each initialisation with each intermediate.

    The set's own stratum is taken from the table too, but no sum of cells asks for it.
    """
    table = complete_table(scores, at, sets, len(cells))
    starts, middles = ({cell[axis]: None for cell in cells} for axis in (0, 1))
    grid = [(start, middle) for start in starts for middle in middles]
    if table is None or len(grid) != len(cells):
        return None
    order = [cells.index(cell) for cell in grid]
    back = np.argsort(order)
    found = covariance(table[:, order], len(starts), len(middles))
    return table.mean(axis=0), found[np.ix_(back, back)]


def _fitted(
    scores: Floats, at: Sequence[int], cells: Sequence[Cell], sets: Sequence[Hashable]
) -> tuple[Floats, Floats] | None:
    """Means of the cells and their covariance, by search; None where no fit is found.

    Of a spread that is zero the likelihood has its maximum at the edge, which statsmodels warns of
    and which is no failure.
    """
    from statsmodels.regression.mixed_linear_model import (  # type: ignore[import-untyped]
        MixedLM,
    )

    design = np.eye(len(cells))[list(at)]
    names = np.array([str(one) for one in sets])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model = MixedLM(
                scores,
                design,
                groups=names,
                exog_re=np.ones((len(scores), 1)),
                exog_vc=_within_sets(names, [cells[place] for place in at]),
            )
            fit = model.fit(reml=True)
        except (np.linalg.LinAlgError, ValueError):
            return None
    count = len(cells)
    means = np.asarray(fit.fe_params, dtype=float)
    covariance = np.asarray(fit.cov_params(), dtype=float)[:count, :count]
    known = np.isfinite(means).all() and np.isfinite(covariance).all()
    return (means, covariance) if known else None


def _trial_variance(scores: Floats, cells: Sequence[Cell], sets: Sequence[Hashable]) -> float:
    """Mean square of what is left of trials, beside cells and either factor within each set."""
    labels: list[Sequence[Hashable]] = [cells]
    for axis in (0, 1):
        other = {cell[1 - axis] for cell in cells}
        if len(other) > 1:  # else every trial would have a mean of its own
            labels.append([(one, cell[axis]) for one, cell in zip(sets, cells, strict=True)])
    columns = [np.eye(len(set(one)))[_places(one)] for one in labels]
    design = np.hstack(columns)
    fitted, _, rank, _ = np.linalg.lstsq(design, scores, rcond=None)
    free = len(scores) - int(rank)
    return float(((scores - design @ fitted) ** 2).sum()) / free if free > 0 else 0.0


def _places(labels: Sequence[Hashable]) -> list[int]:
    """Each label as its place among the distinct ones."""
    known = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    return [known[label] for label in labels]


def _within_sets(names: Any, cells: Sequence[Cell]) -> Any:
    """Random intercepts of initialisations and of intermediates within each set.

    Those of an axis with a single level are the set's own, and left out.
    """
    from statsmodels.regression.mixed_linear_model import VCSpec

    spread, columns, tables = [], [], []
    for axis, name in enumerate(("initialisation", "intermediate")):
        levels = list(dict.fromkeys(cell[axis] for cell in cells))
        if len(levels) < 2:
            continue
        at = np.eye(len(levels))[[levels.index(cell[axis]) for cell in cells]]
        # In the order of the model's groups, which statsmodels sorts.
        mine = [at[names == one] for one in np.unique(names)]
        spread.append(name)
        columns.append([levels] * len(mine))
        tables.append(mine)
    return VCSpec(spread, columns, tables) if spread else None
