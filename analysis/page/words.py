"""Numbers in the words that the page alone uses."""

from analysis.wording import ABSENT, gain


def interval(low: float | None, high: float | None) -> str:
    """``[-0.51, +2.30]``; a dash where there is none."""
    return ABSENT if low is None or high is None else f"[{gain(low)}, {gain(high)}]"


def p_value(value: float | None) -> str:
    """Three decimals, and never zero."""
    if value is None:
        return ABSENT
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
