"""What a page is made of: sections of words, tables and figures, before they are HTML."""

from dataclasses import dataclass
from typing import ClassVar

from analysis.tables import Grid


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    kind: ClassVar = "words"
    text: str
    warns: bool = False
    """Whether it stands in a box, because it limits what may be concluded."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table in view, with its caption."""

    kind: ClassVar = "table"
    caption: str
    grid: Grid


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are."""

    kind: ClassVar = "facts"
    rows: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing, and the numbers that it shows."""

    kind: ClassVar = "figure"
    name: str
    """Its anchor; ids inside of the drawing begin with it."""
    title: str
    text: str
    """What it shows, for those who read it and those who hear it."""
    svg: str
    grid: Grid


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings that stand beside one another where there is room."""

    kind: ClassVar = "figures"
    figures: list[Figure]


@dataclass(frozen=True, slots=True)
class Source:
    """A text as somebody wrote it, shown on demand."""

    kind: ClassVar = "source"
    summary: str
    text: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A table shown on demand."""

    kind: ClassVar = "folded"
    caption: str
    grid: Grid


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside of a section."""

    kind: ClassVar = "heading"
    text: str


Block = Words | Table | Facts | Figure | Figures | Source | Folded | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading."""

    anchor: str
    title: str
    blocks: list[Block]
