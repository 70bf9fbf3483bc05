"""Score against what a setting costs to train."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.page.blocks import Figure
from analysis.page.drawing import COLOURS, GREY, MARKERS, drawn, legend_below
from analysis.tables import Grid
from analysis.wording import points

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Priced:
    """A setting, its mean score and its cost without any sharing."""

    setting_id: str
    initialisation: str
    intermediate: str
    trials: int
    steps: float
    """Optimiser steps of its intermediate and target phases."""
    seconds: float
    """Wall time of those phases, wherever they were executed."""
    score: float
    """Points."""


def cost_plot(
    name: str, title: str, text: str, settings: Sequence[Priced], starts: Sequence[str]
) -> Figure:
    """The figure of some settings, and their table.

    Args:
        name: its anchor.
        title: in a few words.
        text: what it shows.
        settings: at least one.
        starts: all initialisations of the plan, so that each looks alike in every figure.
    """
    ordered = sorted(settings, key=lambda one: (one.steps, -one.score))
    height = 2.9 + 0.16 * len(starts)
    svg = drawn(name, title, text, height, lambda axes: _paint(axes, ordered, starts))
    return Figure(name, title, text, svg, _grid(ordered))


def front(settings: Sequence[Priced]) -> list[Priced]:
    """Settings that no cheaper one reaches, by cost.

    Args:
        settings: by steps, of equal steps the best first.
    """
    found: list[Priced] = []
    for one in settings:
        if not found or one.score > found[-1].score:
            found.append(one)
    return found


def _grid(settings: Sequence[Priced]) -> Grid:
    kept = front(settings)
    rows = [
        (
            *(one.setting_id, one.initialisation, one.intermediate),
            *("yes" if one in kept else "no", str(one.trials)),
            *(f"{one.steps:.0f}", f"{one.seconds:.1f}", points(one.score)),
        )
        for one in settings
    ]
    words = ("setting", "initialisation", "intermediate", "on the front")
    return Grid((*words, "trials", "steps", "seconds", "score"), rows, words=4)


def _paint(axes: "Axes", settings: Sequence[Priced], starts: Sequence[str]) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    for place, start in enumerate(starts):
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        for one in settings:
            if one.initialisation == start:
                face = colour if one.intermediate != "none" else "white"
                axes.plot(one.steps, one.score, marker, mec=colour, mfc=face, ms=5.5, ls="")
    kept = front(settings)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.step([p.steps for p in kept], [p.score for p in kept], where="post", color=GREY, lw=1)
    axes.grid()
    axes.margins(0.08)
    axes.set_xlabel("optimiser steps, nothing shared")
    axes.set_ylabel("score (points)")
    legend_below(axes, 1 if max(map(len, starts)) > 24 else 2, handles=_handles(starts))


def _handles(starts: Sequence[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            *([], []),
            ls="",
            marker=MARKERS[place % len(MARKERS)],
            color=COLOURS[place % len(COLOURS)],
            label=start,
        )
        for place, start in enumerate(starts)
    ]
    handles.append(
        Line2D([], [], ls="", marker="o", mfc="white", mec=GREY, label="hollow: no intermediate")
    )
    return [*handles, Line2D([], [], color=GREY, lw=1, label="best for the steps")]
