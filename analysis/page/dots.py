"""Scores by language, by family and script, with what was seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from analysis.page.blocks import Figure
from analysis.page.drawing import COLOURS, GREY, drawn, legend_below
from analysis.tables import Grid
from analysis.wording import gain, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEEN = {"held-out": "o", "other skill": "^", "skill": "s", "source": "D"}
"""What a setting saw of a language -> its marker; of several, the last in this order."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One language."""

    code: str
    family: str
    script: str
    group: str
    seen: str
    """``held-out``, or how it was trained on, joined by ``+``."""
    leakage: str
    score: float
    """Of the setting, in points."""
    baseline: float | None
    """Of the baseline, in points."""

    @property
    def difference(self) -> float | None:
        """Score minus baseline; None where that has no score."""
        return None if self.baseline is None else self.score - self.baseline

    @property
    def mark(self) -> str:
        """The one name of ``SEEN`` that it is drawn by."""
        return [name for name in SEEN if name in self.seen.split("+")][-1]


def dot_plot(
    name: str, title: str, text: str, dots: Sequence[Dot], chance: float, baseline: str
) -> Figure:
    """The figure of some languages, and their table.

    Args:
        name: its anchor.
        title: in a few words.
        text: what a score is.
        dots: at least one language.
        chance: what guessing reaches, in points.
        baseline: what the hollow dots are.
    """
    ordered = sorted(dots, key=lambda dot: (dot.family, dot.script, dot.code))
    families = len({dot.family for dot in dots})
    height = 1.5 + 0.19 * (len(dots) + families)
    svg = drawn(name, title, text, height, lambda axes: _paint(axes, ordered, chance, baseline))
    return Figure(name, title, text, svg, _grid(ordered))


def _grid(dots: Sequence[Dot]) -> Grid:
    words = ("language", "family", "script", "group", "trained on", "leakage")
    rows = [
        (
            *(dot.code, dot.family, dot.script, dot.group, dot.seen, dot.leakage),
            *(points(dot.score), points(dot.baseline), gain(dot.difference)),
        )
        for dot in dots
    ]
    return Grid((*words, "score", "baseline", "gain"), rows, words=len(words))


def _paint(axes: "Axes", dots: Sequence[Dot], chance: float, baseline: str) -> None:
    groups = list(dict.fromkeys(dot.group for dot in dots))
    colours = {group: COLOURS[place % len(COLOURS)] for place, group in enumerate(groups)}
    numbers = {group: str(place) for place, group in enumerate(groups, 1)}
    families = {dot.family for dot in dots}
    place, labels = 0, []
    for family, members in groupby(dots, key=lambda dot: dot.family):
        labels.append((place, family))
        axes.axhline(place, color="#eeeeee", lw=9, zorder=0)
        for dot in members:
            place += 1
            labels.append((place, f"{dot.code} ({dot.script})"))
            _dot(axes, dot, place, colours[dot.group])
            edge = (1.02, place)
            axes.annotate(numbers[dot.group], edge, xycoords=("axes fraction", "data"), va="center")
        place += 1
    if chance > 0:  # of F1 and of ranking it is nothing, and would only squeeze the scores
        axes.axvline(chance, color=GREY, ls=":", lw=1)
    axes.set_yticks([where for where, _ in labels], [label for _, label in labels])
    for (_, label), tick in zip(labels, axes.get_yticklabels(), strict=True):
        if label in families:
            tick.set_fontweight("bold")
    axes.set_ylim(place - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel("score (points)")
    handles = [*_marks(dots, baseline), *_groups(colours, numbers)]
    if chance > 0:
        handles.append(_line(color=GREY, ls=":", lw=1, label="chance"))
    legend_below(axes, handles=handles)


def _dot(axes: "Axes", dot: Dot, place: int, colour: str) -> None:
    """A line from the baseline's hollow dot to the setting's."""
    if dot.baseline is not None:
        axes.plot([dot.baseline, dot.score], [place, place], color=colour, lw=1.2, zorder=2)
        axes.plot(dot.baseline, place, "o", mfc="white", mec=colour, ms=4.5, zorder=3)
    axes.plot(dot.score, place, SEEN[dot.mark], color=colour, ms=5.5, zorder=4)


def _line(**style: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], **style)


def _marks(dots: Sequence[Dot], baseline: str) -> list[Any]:
    """What the markers mean that occur."""
    marks = {dot.mark for dot in dots}
    handles = [
        _line(ls="", marker=SEEN[mark], color=GREY, label=_words(mark))
        for mark in SEEN
        if mark in marks
    ]
    if any(dot.baseline is not None for dot in dots):
        handles.append(_line(ls="", marker="o", mfc="white", mec=GREY, label=baseline))
    return handles


def _groups(colours: dict[str, str], numbers: dict[str, str]) -> list[Any]:
    """Groups by colour, and by the number at a language's right."""
    from matplotlib.patches import Patch

    return [
        Patch(color=colour, label=f"{numbers[group]}: {group}") for group, colour in colours.items()
    ]


def _words(mark: str) -> str:
    return mark if mark == "held-out" else f"trained on: {mark}"
