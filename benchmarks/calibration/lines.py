"""What a calibration measured, what was promised, and both as markdown."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Promise = Literal["covers", "covers at least", "at most", "about", ""]

ROOM = 0.02
"""Of shares: three standard errors of 95 per cent of 1,000 studies. Fewer have more."""

ENOUGH = 1000
"""Studies from which on a promise has no more room than it says."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number."""

    section: str
    row: str
    column: str
    value: float
    """A share, or points where the promise is ``about``."""
    studies: int
    promise: Promise = ""
    """``covers``: 95 per cent, two points of room on either side; ``covers at least``: on the lower
    side alone; ``at most``: 5 per cent and two; ``about``: within room of what is wanted."""
    wanted: float = math.nan
    room: float = ROOM
    in_points: bool = False

    @property
    def kept(self) -> bool:
        """Whether the promise holds; True where there is none."""
        room = self.room * math.sqrt(max(1.0, ENOUGH / self.studies))
        match self.promise:
            case "covers":
                return abs(self.value - 0.95) <= room
            case "covers at least":
                return self.value >= 0.95 - room
            case "at most":
                return self.value <= 0.05 + room
            case "about":
                return abs(self.value - self.wanted) <= (self.room if self.in_points else room)
        return True

    @property
    def words(self) -> str:
        """The number, marked where a promise is broken, and bracketed where there was none."""
        number = f"{self.value:+.2f}" if self.in_points else f"{100 * self.value:.1f}"
        if not self.kept:
            return f"**{number} BROKEN**"
        return number if self.promise else f"({number})"


def markdown(lines: Iterable[Line]) -> str:
    """A table for each section: rows by columns."""
    sections: dict[str, list[Line]] = {}
    for line in lines:
        sections.setdefault(line.section, []).append(line)
    return "\n\n".join(f"## {name}\n\n{_table(mine)}" for name, mine in sections.items())


def _table(lines: list[Line]) -> str:
    columns = list(dict.fromkeys(line.column for line in lines))
    found = {(line.row, line.column): line for line in lines}
    rows = ["| | " + " | ".join([*columns, "studies"]) + " |", "|--" * (len(columns) + 2) + "|"]
    for name in dict.fromkeys(line.row for line in lines):
        words = [found[name, c].words if (name, c) in found else "" for c in columns]
        counts = sorted({line.studies for line in lines if line.row == name})
        studies = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
        rows.append(f"| {name} | {' | '.join([*words, studies])} |")
    return "\n".join(rows)
