"""Scores that papers published, for plans that repeat one."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """Test scores of one paper, in points, means over a target's languages."""

    title: str
    settings: tuple[str, str]
    """What the two scores of a target are of."""
    scores: Mapping[str, tuple[float, float]]
    metrics: Mapping[str, str]
    where: str
    """Where the figures were read."""


PUBLISHED = {
    # From the README of google-research/multilingual-t5, which lists the systems of the XTREME
    # leaderboard. The paper's own dev table of all nine tasks could not be read.
    "x-stilts": Published(
        title="X-STILTs (Phang et al. 2020, arXiv 2005.13013)",
        settings=("XLM-R L", "X-STILTs"),
        scores={
            "xnli": (79.2, 80.4),
            "pawsx": (86.4, 87.7),
            "panx": (65.4, 64.7),
            "xquad": (76.6, 77.2),
            "mlqa": (71.6, 72.3),
            "tydiqa": (65.1, 76.0),
        },
        metrics={
            "xnli": "accuracy",
            "pawsx": "accuracy",
            "panx": "F1",
            "xquad": "F1",
            "mlqa": "F1",
            "tydiqa": "F1",
        },
        where=(
            "XTREME test scores of XLM-R Large and of the best intermediate task of each target, "
            "as the README of multilingual-t5 gives them."
        ),
    ),
}
"""Name in ``[study] published`` -> its scores."""
