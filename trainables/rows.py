"""Rows as tables, and what every source of rows must answer."""

from typing import Any, Protocol

from spaces.phases import Rows
from spaces.tasks import Task

RowTable = dict[str, list[Any]]


class RowError(ValueError):
    """Rows that are not there or break a rule: data set, language, row, rule."""


class Source(Protocol):
    """Rows of tasks, and the revisions that name them in keys."""

    def revision(self, task: str, language: str, split: str) -> str:
        """Hash of some rows.

        Raises:
            RowError: the source has no such rows.
        """

    def rows(self, rows: Rows) -> RowTable:
        """Columns of the task's form, and ``item``."""

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """What a surface cue alone would predict of some rows; None where no rule is known."""
