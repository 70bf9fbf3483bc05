"""One of four words for a difference."""

import math

from analysis.inference.intervals import Estimate

BETTER, NO_DIFFERENT, WORSE, NOT_ENOUGH = (
    "better",
    "no different",
    "worse",
    "not enough evidence",
)

VERDICTS = (BETTER, NO_DIFFERENT, WORSE, NOT_ENOUGH)


def equivalence(estimate: Estimate, margin: float) -> float:
    """P-value of two one-sided tests (TOST): that the difference lies outside of the margin.

    Schuirmann 1987. Small where the difference is within the margin: at 1 - level it is so exactly
    where the interval of level 1 - 2 (1 - level) lies inside.

    Args:
        estimate: of a difference, in points.
        margin: the largest difference that counts as none, in points.
    """
    from scipy import special  # type: ignore[import-untyped]

    if margin <= 0:
        raise ValueError(f"{margin=}: expected points above 0")
    if not math.isfinite(estimate.p):
        return math.nan
    inside = margin - abs(estimate.value)
    if estimate.standard_error == 0:
        return 0.0 if inside > 0 else 1.0
    return float(special.stdtr(estimate.df, -inside / estimate.standard_error))


def verdict(estimate: Estimate, margin: float) -> str:
    """``better``, ``no different``, ``worse`` or ``not enough evidence``.

    ``no different`` where the equivalence test says that the difference is within the margin, also
    where it is surely not zero: the margin is what a difference must exceed to matter. Else by the
    side of zero on which the whole interval lies.

    Args:
        estimate: of a difference, in points; positive is better.
        margin: the largest difference that counts as none, in points.
    """
    p = equivalence(estimate, margin)
    if not math.isfinite(p):
        return NOT_ENOUGH
    if p < 1 - estimate.level:
        return NO_DIFFERENT
    if estimate.low > 0:
        return BETTER
    return WORSE if estimate.high < 0 else NOT_ENOUGH
