"""Numbers in the words that the page alone uses."""

from analysis.wording import ABSENT, gain


def interval(low: float | None, high: float | None) -> str:
    """``[-0.51, +2.30]``; a dash where there is none."""
    return ABSENT if low is None or high is None else f"[{gain(low)}, {gain(high)}]"


def capital(text: str) -> str:
    """The same with a large first letter."""
    return text[:1].upper() + text[1:]
