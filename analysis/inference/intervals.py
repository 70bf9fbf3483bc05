"""Intervals for means of paired differences, from few units.

Student's t, because a percentile bootstrap is too narrow: of five values it covers some 85 per cent
where it says 95 (measured). It assumes that differences of units are about normal, which they are
where each is a mean over languages and rows.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

NAN = math.nan


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference and how sure it is; NaN where fewer than two units say nothing of that."""

    value: float
    """The difference, in points."""
    standard_error: float
    df: float
    """Degrees of freedom of the standard error."""
    low: float
    high: float
    p: float
    """Two-sided, of no difference."""
    level: float
    """What low and high cover: 0.95."""
    sd: float
    """Standard deviation over units, of which ``sets_needed`` makes a number of sets."""
    n: int
    """Units."""


def t_estimate(
    value: float, standard_error: float, df: float, level: float, sd: float = NAN, n: int = 0
) -> Estimate:
    """An estimate with the interval and the p-value of Student's t.

    A standard error of zero means that seeds change nothing, and the interval is a point; of two
    sets it says nothing: scores are counts, and two are equal by chance now and then.
    """
    # Late, as in all of this package: scipy costs most of a second, which `import analysis` must
    # not. These functions are what scipy.stats asks in the end, at a hundredth of its time.
    from scipy import special  # type: ignore[import-untyped]

    if not 0 < level < 1:
        raise ValueError(f"{level=}: expected a share between 0 and 1, such as 0.95")
    known = math.isfinite(standard_error) and (df > 1 or (df > 0 and standard_error > 0))
    half = float(special.stdtrit(df, (1 + level) / 2)) * standard_error if known else NAN
    p = two_sided(value, standard_error, df) if known else NAN
    return Estimate(value, standard_error, df, value - half, value + half, p, level, sd, n)


def two_sided(value: float, standard_error: float, df: float) -> float:
    """P-value of a difference against none."""
    from scipy import special

    if standard_error == 0:
        return 1.0 if value == 0 else 0.0
    return 2 * float(special.stdtr(df, -abs(value) / standard_error))


def paired_interval(
    differences: ArrayLike,
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Estimate:
    """Mean of paired differences with a t interval over units.

    Args:
        differences: [n] one for each set of seeds, in points; NaN where a set lacks a side.
        level: what the interval shall cover.
        clusters: [n] what each set shares with others, such as its initialisation seed: sets of one
            cluster are averaged first and count as one unit.

    Returns:
        NaN for all but value and n where fewer than two units remain.
    """
    values = np.asarray(differences, dtype=float)
    units = _unit_means(values, list(clusters) if clusters is not None else [*range(len(values))])
    n = len(units)
    mean = float(units.mean()) if n else NAN
    sd = float(units.std(ddof=1)) if n > 1 else NAN
    return t_estimate(mean, sd / math.sqrt(max(n, 1)), n - 1, level, sd, n)


def _unit_means(values: Floats, clusters: Sequence[Hashable]) -> Floats:
    """One mean for each cluster that has a value, in order of appearance."""
    found: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        if math.isfinite(value):
            found.setdefault(cluster, []).append(float(value))
    return np.array([fmean(each) for each in found.values()], dtype=float)


def crossed_interval(differences: ArrayLike, level: float = 0.95) -> Estimate:
    """Mean difference with an interval over units and over languages as a sample of more.

    Two crossed random effects: mean squares of units, languages and their interaction give the
    variance of the mean, (MS_units + MS_languages - MS_interaction) / (n L), with Satterthwaite's
    degrees of freedom; it is never taken to be smaller than what either effect alone makes it.

    Args:
        differences: [n, L] units by languages, in points; units with a NaN are left out.
        level: what the interval shall cover.

    Returns:
        NaN for all but value and n where there are fewer than two units or two languages.
    """
    values = np.asarray(differences, dtype=float)
    values = values[np.isfinite(values).all(axis=1)]
    n, languages = values.shape
    if n < 2 or languages < 2:
        return replace(paired_interval(_means(values), level), standard_error=NAN, df=0.0,
                       low=NAN, high=NAN, p=NAN)  # fmt: skip
    variance, df = _crossed_variance(values)
    by_unit = values.mean(axis=1)
    sd = float(by_unit.std(ddof=1))
    return t_estimate(float(values.mean()), math.sqrt(variance), df, level, sd, n)


def _means(values: Floats) -> Floats:
    return values.mean(axis=1) if values.size else np.empty(0)


def _crossed_variance(values: Floats) -> tuple[float, float]:
    """Variance of the grand mean of a complete table, and its degrees of freedom."""
    n, m = values.shape
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    rest = values - rows[:, None] - columns[None, :] + values.mean()
    squares = [
        (m * float(rows.var(ddof=1)), n - 1),
        (n * float(columns.var(ddof=1)), m - 1),
        (float((rest**2).sum()) / ((n - 1) * (m - 1)), (n - 1) * (m - 1)),
    ]
    total = squares[0][0] + squares[1][0] - squares[2][0]
    largest, own = max(squares[:2])
    if total <= largest:
        return largest / (n * m), float(own)
    below = sum(square**2 / df for square, df in squares)
    return total / (n * m), total**2 / below


def with_rows(estimate: Estimate, rows_standard_error: float) -> Estimate:
    """The same difference with an interval that also covers which rows were drawn for scoring.

    Variances add up, because seeds and rows are drawn apart; degrees of freedom are Satterthwaite's
    with those of the rows without bound.

    Args:
        estimate: over units that were all scored on the same rows.
        rows_standard_error: of the difference over rows, in points.
    """
    seeds, rows = estimate.standard_error**2, rows_standard_error**2
    total = seeds + rows
    df = estimate.df * (total / seeds) ** 2 if seeds > 0 else math.inf
    return t_estimate(estimate.value, math.sqrt(total), df, estimate.level, estimate.sd, estimate.n)
