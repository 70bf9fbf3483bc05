"""How many sets of seeds an answer takes."""

import math
from functools import cache

import numpy as np

from analysis.inference.intervals import Floats

MOST = 100_000
"""Sets beyond which nobody is told a number."""

SURE = 1000.0
"""Bounds that a mean lies beyond, in standard errors, from which on it is always found."""

NODES = 64
"""Points at which the distribution of a sample's variance is read."""


def difference_power(n: int, sd: float, difference: float, level: float = 0.95) -> float:
    """Probability that the interval over n sets leaves zero out, where there is this difference.

    Args:
        n: sets of seeds, at least 2.
        sd: of the paired differences over sets, in points.
        difference: the true one, in points.
        level: of the two-sided interval.
    """
    from scipy import stats  # type: ignore[import-untyped]

    away = abs(difference) * math.sqrt(n) / sd
    bound = float(stats.t.ppf((1 + level) / 2, n - 1))
    if away > SURE * bound:
        return 1.0  # so far out scipy's noncentral t knows no number
    return float(stats.nct.sf(bound, n - 1, away) + stats.nct.cdf(-bound, n - 1, away))


def equivalence_power(n: int, sd: float, margin: float, level: float = 0.95) -> float:
    """Probability that n sets show a difference within the margin, where there is none at all.

    Args:
        n: sets of seeds, at least 2.
        sd: of the paired differences over sets, in points.
        margin: in points.
        level: one minus the level of each one-sided test.
    """
    from scipy import stats

    # Given the sample's variance the mean must lie inside of margin - t s / sqrt(n); its
    # distribution is integrated over by Gauss and Legendre, at its own quantiles.
    nodes, weights = _nodes()
    spread = np.sqrt(stats.chi2.ppf((nodes + 1) / 2, n - 1) / (n - 1))
    room = margin * math.sqrt(n) / sd - stats.t.ppf(level, n - 1) * spread
    inside = np.maximum(0.0, 2 * stats.norm.cdf(room) - 1)
    return float(weights @ inside / 2)


@cache
def _nodes() -> tuple[Floats, Floats]:
    """Points and weights of Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def sets_needed(sd: float, margin: float, level: float = 0.95, power: float = 0.8) -> int | None:
    """Fewest sets that would settle a question of this margin, by the power of both answers.

    As many as find a true difference as large as the margin, and as show that there is no larger
    one where there is none, each with this probability. The sd of few sets is itself uncertain:
    take it for an order of magnitude.

    Args:
        sd: of the paired differences over sets, in points.
        margin: in points.
        level: of the interval.
        power: probability of either answer.

    Returns:
        None where sd is not known, or where more than 100,000 would be needed.
    """
    if not math.isfinite(sd):
        return None
    if sd == 0:
        return 2

    def settles(n: int) -> bool:
        by_difference = difference_power(n, sd, margin, level) >= power
        return by_difference and equivalence_power(n, sd, margin, level) >= power

    first = _by_normal(sd / margin, level, power)
    return next((n for n in range(first, MOST + 1) if settles(n)), None)


def _by_normal(ratio: float, level: float, power: float) -> int:
    """As many sets as if the sd were known: a few below what is needed, and never above."""
    from scipy import stats

    z = stats.norm.ppf
    different = float(z((1 + level) / 2) + z(power))
    equivalent = float(z(level) + z((1 + power) / 2))
    return max(2, math.floor((max(different, equivalent) * ratio) ** 2))
