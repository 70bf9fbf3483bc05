"""From matplotlib to SVG that stands in a page: the same numbers give the same bytes.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart; no figure means anything
by colour alone. Text stays text, so that it can be searched and read aloud.
"""

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette without its yellow, which nobody sees on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")

DASHES = ("-", "--", "-.", ":")

WIDTH = 3.75
"""Inches: 360 CSS pixels, so that a figure fits a telephone and two fit beside each other."""

GREY = "#595959"

_STYLE = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 8.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#1a1a1a",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "#1a1a1a",
    "ytick.labelcolor": "#1a1a1a",
    "text.parse_math": False,
    "hatch.color": "#b0b0b0",
    "hatch.linewidth": 0.6,
}

_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

_PIECE = re.compile(r"[^-+_:\s]*[-+_:\s]*")
"""Where a label may go on in the next line: names of models, mixtures and groups."""

_ID = re.compile(r'(\bid="|href="#|url\(#)')


def drawn(name: str, title: str, text: str, height: float, paint: Callable[["Axes"], None]) -> str:
    """One drawing as an ``<svg>`` element.

    Args:
        name: what its ids begin with, so that those of several drawings differ.
        title: its accessible name.
        text: its accessible description.
        height: inches.
        paint: draws on the axes.
    """
    # Late, as only pages need it: `import analysis` stays cheap.
    import matplotlib
    from matplotlib.figure import Figure

    output = io.StringIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own matplotlibrc would draw another page
        settings: dict[Any, Any] = {**_STYLE, "svg.hashsalt": name}
        matplotlib.rcParams.update(settings)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        paint(figure.add_subplot())
        figure.savefig(output, format="svg", metadata=_NO_METADATA)
    return _inline(output.getvalue(), name, title, text)


def _inline(svg: str, name: str, title: str, text: str) -> str:
    """The element alone, with ids of its own, a name and a description."""
    element = _ID.sub(rf"\1{name}-", svg[svg.index("<svg") :])
    about = f'<svg role="img" aria-labelledby="{name}-title {name}-desc"'
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(text)}'
    opening, rest = element.removeprefix("<svg").split(">", 1)
    return f"{about}{opening}>{words}</desc>{rest}".strip()


def short(text: str, width: int, lines: int = 2) -> str:
    """A label in a few short lines; the table below a figure has the whole of it."""
    found = [""]
    for piece in _PIECE.findall(text):
        if found[-1] and len((found[-1] + piece).rstrip()) > width:
            found.append("")
        found[-1] += piece
    if len(found) > lines:
        found = [*found[: lines - 1], found[lines - 1][: width - 1] + "…"]
    return "\n".join(line.rstrip() for line in found)


def legend_below(axes: "Axes", columns: int = 2, **more: Any) -> None:
    """A legend under the axes, where it hides nothing."""
    figure = axes.get_figure()
    assert figure is not None
    figure.legend(loc="outside lower left", ncols=columns, handletextpad=0.4, **more)
