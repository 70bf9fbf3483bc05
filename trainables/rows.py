"""Rows as tables, and what every source of rows must answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from spaces.phases import Rows
from spaces.selection import Cut
from spaces.tasks import Task

RowTable = dict[str, list[Any]]


class RowError(ValueError):
    """Rows that are not there or break a rule: data set, language, row, rule."""


class SealedRows(RowError):
    """Test rows that nobody may look at yet."""


@dataclass(frozen=True, slots=True)
class Access:
    """Which evaluation rows beyond dev rows a study may read. By default none."""

    opened: frozenset[str] = frozenset()
    """Targets whose test rows a confirmation has opened."""
    spent: Mapping[str, Cut] = field(default_factory=dict)
    """Target -> the cut whose selecting languages, and half of the items, a search spends."""


SEALED = Access()
"""No test row at all."""


class Source(Protocol):
    """Rows of tasks, and the revisions that name them in keys."""

    def has(self, task: str, language: str, split: str) -> bool:
        """Whether there are such rows, without reading them."""

    def revision(self, task: str, language: str, split: str) -> str:
        """Hash of some rows, and of which of them are left out.

        Raises:
            RowError: the source has no such rows, or a row breaks a rule of its form.
        """

    def rows(self, rows: Rows) -> RowTable:
        """Columns of the task's form, ``item`` and ``id``."""

    def candidates(self, rows: Rows) -> RowTable:
        """Candidates of some rows: columns ``item``, ``target_id`` and ``target``, each once."""

    def size(self, task: str, language: str, split: str) -> int:
        """How many rows of a part may be used; tells nothing of the rows."""

    def left_out(self, rows: Rows) -> dict[str, int]:
        """Rows of a part that are not used, by reason; empty where all are."""

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """What a surface cue alone would predict of some rows; None where no rule is known."""


def distinct_candidates(table: RowTable) -> RowTable:
    """The candidates that some rows name, each (name, text) once, in the order of the rows."""
    first: dict[tuple[str, str], int] = {}
    for row, pair in enumerate(zip(table["target_id"], table["target"], strict=True)):
        first.setdefault(pair, row)
    kept = list(first.values())
    return {name: [table[name][row] for row in kept] for name in ("item", "target_id", "target")}
