"""Invented rows: the micro-world's, drawn anew each time; the oracle has none."""

from typing import Any

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from spaces.tasks import Task
from trainables.micro import task_rows, world_revision
from trainables.micro.cues import cue_predictions
from trainables.rows import RowError, RowTable, distinct_candidates

MICRO_EVALUATION_ROWS = {"dev": 200, "test": 400}
"""Rows per language: standard errors of 3.5 and 2.5 points at 50 % accuracy."""


class MicroSource:
    """The generated world: rows are functions of their names and a seed."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._tasks = catalogue.tasks

    def has(self, task: str, language: str, split: str) -> bool:
        """Rows can be drawn of every task."""
        return split != "candidates"

    def revision(self, task: str, language: str, split: str) -> str:
        """The world's own revision and the number of rows: all rows follow from them."""
        return f"{world_revision()}-{self.size(task, language, split)}"

    def size(self, task: str, language: str, split: str) -> int:
        """As many rows as are drawn."""
        return MICRO_EVALUATION_ROWS.get(split) or self._tasks[task].train_rows or 600

    def rows(self, rows: Rows) -> RowTable:
        """Draw the rows anew; they are never stored."""
        task = self._tasks[rows.task]
        count = self.size(rows.task, rows.language, rows.split)
        table = task_rows(task, rows.language, rows.split, count, rows.rows_seed)
        table["id"] = table["item"]
        return {name: values[: rows.cap] for name, values in table.items()}

    def candidates(self, rows: Rows) -> RowTable:
        """Those of the rows themselves."""
        return distinct_candidates(self.rows(rows))

    def left_out(self, rows: Rows) -> dict[str, int]:
        """None."""
        return {}

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """The rule of the task's skill."""
        return cue_predictions(task, table)


class OracleSource:
    """The oracle world has a surface instead of rows."""

    def has(self, task: str, language: str, split: str) -> bool:
        """There is a surface of every task."""
        return True

    def revision(self, task: str, language: str, split: str) -> str:
        """Constant: the surface has a version of its own."""
        return "oracle"

    def size(self, task: str, language: str, split: str) -> int:
        """There are none."""
        return 0

    def rows(self, rows: Rows) -> RowTable:
        """There are none."""
        raise RowError(f"the oracle world has no rows of {rows}; it answers with its surface")

    candidates = rows

    def left_out(self, rows: Rows) -> dict[str, int]:
        """None."""
        return {}

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """None."""
        return None
