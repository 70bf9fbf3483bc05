"""P-values of several comparisons that are looked at together; NaN stays NaN and counts as none."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.inference.intervals import Floats


def holm(p: ArrayLike) -> Floats:
    """Adjusted by Holm 1979: those below 5 per cent hold together, with 5 per cent of error.

    Args:
        p: [k] two-sided p-values of one family.
    """
    return _adjusted(p, "holm")


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted by Benjamini and Hochberg 1995: of those below 5 per cent, 5 per cent are wrong.

    For exploring; holds for independent and for positively dependent comparisons.

    Args:
        p: [k] two-sided p-values of one family.
    """
    return _adjusted(p, "fdr_bh")


def _adjusted(p: ArrayLike, method: str) -> Floats:
    # Late: statsmodels costs more than a second.
    from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

    values = np.array(p, dtype=float)
    known = np.isfinite(values)
    if known.any():
        values[known] = multipletests(values[known], method=method)[1]
    return values
