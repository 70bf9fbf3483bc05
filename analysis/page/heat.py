"""Initialisation by intermediate, as a heat map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.page.blocks import Figure
from analysis.page.drawing import drawn, short
from analysis.tables import Grid
from analysis.wording import points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Colour = tuple[float, float, float, float]

MOST_ROWS = 24
"""Intermediates that are drawn; the table has all of them."""

MOST_UPRIGHT = 3
"""Initialisations whose names fit above their columns; of more they stand on end."""

COLUMN_LETTERS, ROW_LETTERS = 34, 22


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One initialisation with one intermediate."""

    initialisation: str
    intermediate: str
    value: float
    """Points."""
    count: int
    """Trials behind it."""


def heat_map(name: str, title: str, text: str, cells: Sequence[HeatCell]) -> Figure:
    """The figure of some cells, and the table of all.

    Args:
        name: its anchor.
        title: in a few words.
        text: what a value is.
        cells: at least one; initialisations in the order to draw.
    """
    starts = list(dict.fromkeys(cell.initialisation for cell in cells))
    shown = _shown(cells)
    if len(shown) < len({cell.intermediate for cell in cells}):
        text += f" The {MOST_ROWS} best intermediates are drawn; the table has all."
    height = (1.3 if len(starts) <= MOST_UPRIGHT else 2.4) + 0.34 * len(shown)
    svg = drawn(name, title, text, height, lambda axes: _paint(axes, starts, shown, cells))
    return Figure(name, title, text, svg, _grid(cells))


def _shown(cells: Sequence[HeatCell]) -> list[str]:
    """Intermediates to draw, in their order."""
    best: dict[str, float] = {}
    for cell in cells:
        best[cell.intermediate] = max(cell.value, best.get(cell.intermediate, cell.value))
    chosen = sorted(best, key=lambda name: -best[name])[:MOST_ROWS]
    return [name for name in sorted(best, key=_by_kind) if name in chosen]


def _by_kind(name: str) -> tuple[bool, str]:
    """No intermediate first, then by name."""
    return name != "none", name


def _grid(cells: Sequence[HeatCell]) -> Grid:
    rows = [
        (cell.initialisation, cell.intermediate, str(cell.count), points(cell.value))
        for cell in cells
    ]
    return Grid(("initialisation", "intermediate", "trials", "score"), rows, words=2)


def _paint(axes: "Axes", starts: list[str], names: list[str], cells: Sequence[HeatCell]) -> None:
    """Squares with their values; the best is framed, what nobody tried is hatched."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    known = {(cell.initialisation, cell.intermediate): cell.value for cell in cells}
    low, high = min(known.values()), max(known.values())
    colours, span = colormaps["cividis"], max(high - low, 1e-9)
    for row, name in enumerate(names):
        for column, start in enumerate(starts):
            value, corner = known.get((start, name)), (column - 0.5, row - 0.5)
            if value is None:
                axes.add_patch(Rectangle(corner, 1, 1, fc="white", hatch="////", ec="#b0b0b0"))
                continue
            _square(axes, corner, value, colours((value - low) / span), value == high)
    _label(axes, starts, names)


def _square(
    axes: "Axes", corner: tuple[float, float], value: float, face: Colour, best: bool
) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(corner, 1, 1, fc=face, ec="white", zorder=1))
    if best:
        axes.add_patch(
            Rectangle(corner, 1, 1, fill=False, ec="#D55E00", lw=2.2, zorder=3, clip_on=False)
        )
    ink = "white" if sum(face[:3]) < 1.5 else "black"
    weight = "bold" if best else "normal"
    middle = (corner[0] + 0.5, corner[1] + 0.5)
    axes.text(*middle, f"{value:.1f}", ha="center", va="center", color=ink, weight=weight)


def _label(axes: "Axes", starts: list[str], names: list[str]) -> None:
    axes.set_xlim(-0.5, len(starts) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    if len(starts) <= MOST_UPRIGHT:
        width = COLUMN_LETTERS // len(starts)
        axes.set_xticks(range(len(starts)), [short(start, width, 4) for start in starts])
    else:
        on_end = [short(start, COLUMN_LETTERS, 1) for start in starts]
        axes.set_xticks(range(len(starts)), on_end, rotation=90)
    axes.set_yticks(range(len(names)), [short(name, ROW_LETTERS) for name in names])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
