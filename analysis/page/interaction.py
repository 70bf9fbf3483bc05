"""What intermediates do after each initialisation: parallel lines where nothing interacts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.page.blocks import Figure
from analysis.page.drawing import COLOURS, DASHES, GREY, MARKERS, drawn, legend_below, short
from analysis.page.words import interval
from analysis.tables import Grid
from analysis.wording import gain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTERS = 46
"""That fit below the axis."""

DODGE = 0.09
"""How far lines stand apart, so that their intervals do not cover one another."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one level does after one initialisation, against the baseline level."""

    initialisation: str
    level: str
    estimate: float
    """Points."""
    low: float | None
    high: float | None
    sets: int
    verdict: str


def interaction_plot(
    name: str, title: str, text: str, effects: Sequence[Effect], baseline: str
) -> Figure:
    """The figure of some effects, and their table.

    Args:
        name: its anchor.
        title: in a few words.
        text: what an effect is.
        effects: at least one, levels in the order to draw.
        baseline: the level that they are against.
    """
    starts = len({effect.initialisation for effect in effects})
    height = 2.8 + 0.16 * starts
    svg = drawn(name, title, text, height, lambda axes: _paint(axes, effects, baseline))
    return Figure(name, title, text, svg, _grid(effects, baseline))


def _grid(effects: Sequence[Effect], baseline: str) -> Grid:
    rows = [
        (
            *(one.initialisation, one.level, baseline, one.verdict),
            *(str(one.sets), gain(one.estimate), interval(one.low, one.high)),
        )
        for one in effects
    ]
    words = ("initialisation", "rows", "against", "verdict")
    return Grid((*words, "sets", "difference", "95 % interval"), rows, words=4)


def _paint(axes: "Axes", effects: Sequence[Effect], baseline: str) -> None:
    starts = list(dict.fromkeys(effect.initialisation for effect in effects))
    levels = [baseline, *dict.fromkeys(effect.level for effect in effects)]
    axes.axhline(0, color=GREY, lw=0.8, zorder=1)
    for place, start in enumerate(starts):
        mine = {effect.level: effect for effect in effects if effect.initialisation == start}
        _line(axes, place, (place - (len(starts) - 1) / 2) * DODGE, levels, mine, start)
    _name(axes, levels)
    axes.set_xlim(-0.4, len(levels) - 0.6)
    axes.grid(axis="y")
    axes.set_ylabel(f"points above {short(baseline, 24, 1)}")
    legend_below(axes, 1 if max(map(len, starts)) > 24 else 2)


def _name(axes: "Axes", levels: list[str]) -> None:
    """Names below their places; aslant where a word is longer than its place."""
    width = LETTERS // len(levels)
    if all(len(word) <= width for level in levels for word in level.replace("-", " ").split()):
        axes.set_xticks(range(len(levels)), [short(level, width, 3) for level in levels])
    else:
        names = [short(level, LETTERS // 2, 1) for level in levels]
        axes.set_xticks(range(len(levels)), names, rotation=25, ha="right")


def _line(
    axes: "Axes", place: int, shift: float, levels: list[str], mine: dict[str, Effect], start: str
) -> None:
    """One initialisation: the baseline at zero, and every level with its interval."""
    colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
    there = [(x, mine[level]) for x, level in enumerate(levels) if level in mine]
    xs = [shift, *(x + shift for x, _ in there)]
    ys = [0.0, *(effect.estimate for _, effect in there)]
    dashes = DASHES[place % len(DASHES)]
    axes.plot(xs, ys, dashes, color=colour, marker=marker, ms=5.5, lw=1.3, label=start)
    for x, effect in there:
        if effect.low is not None and effect.high is not None:
            axes.errorbar(
                x + shift,
                effect.estimate,
                [[effect.estimate - effect.low], [effect.high - effect.estimate]],
                color=colour,
                capsize=3,
                lw=1.1,
            )
