"""Means of settings that were looked at side by side, drawn towards what they have in common."""

import math

import numpy as np
from numpy.typing import ArrayLike

from analysis.inference.intervals import Floats


def noise_variance(values: ArrayLike) -> float:
    """Variance of the error of each setting's mean over sets, beside what all settings share.

    The mean square of what is left of a table of settings by sets once each setting and each set
    has its mean, over the number of sets: a set that is lucky for all settings makes none of them
    look better than the others.

    Args:
        values: [k, n] settings by sets, in points; sets that lack a setting are left out.

    Returns:
        Points squared; NaN of fewer than two settings or two whole sets.
    """
    table = np.array(values, dtype=float)
    table = table[:, np.isfinite(table).all(axis=0)]
    k, n = map(int, table.shape)
    if k < 2 or n < 2:
        return math.nan
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    squares = float((rest**2).sum())
    return squares / ((k - 1) * (n - 1) * n)


def shrink(means: ArrayLike, variance: float) -> Floats:
    """Empirical Bayes: each mean is drawn towards all their mean, by the share that is noise.

    The best of several means is too high, because luck is part of why it is the best. Efron and
    Morris 1973, 1975: with true means that are normal around their own mean, the best guess of each
    is ``mean + (1 - B) (x - mean)`` with ``B = variance / (variance + true variance)``; here
    ``B = min(1, variance / S2)``, S2 being the sample variance of the means. Without their factor
    (k - 3) / (k - 1), so that two or three means are shrunken as well: a little too much rather
    than too little, since it is the best of them that people quote.

    Args:
        means: [k] in points; NaN stays NaN.
        variance: of the error of each mean, in points squared, the same for all. What all of them
            share (seeds that they have in common) is no part of it.

    Returns:
        [k] shrunken means: the same order, the same average. Of fewer than two, or where the
        variance is not known, the means as they are.
    """
    values = np.array(means, dtype=float)
    known = values[np.isfinite(values)]
    if len(known) < 2 or not np.isfinite(variance):
        return values
    spread = float(known.var(ddof=1))
    noise = 1.0 if spread <= variance else variance / spread
    centre = float(known.mean())
    return centre + (1 - noise) * (values - centre)
