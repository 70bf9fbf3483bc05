"""Where rows come from: one interface, a source behind it for each kind of ``[data] source``."""

from pathlib import Path
from typing import Any

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from spaces.plan import Plan
from spaces.tasks import Task
from trainables.micro import task_rows, world_revision
from trainables.micro.cues import cue_predictions
from trainables.rows import RowError, RowTable, Source

MICRO_EVALUATION_ROWS = {"dev": 200, "test": 400}
"""Rows per language: standard errors of 3.5 and 2.5 points at 50 % accuracy."""


class MicroSource:
    """The generated world: rows are functions of their names and a seed."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._tasks = catalogue.tasks

    def revision(self, task: str, language: str, split: str) -> str:
        """The world's own revision and the number of rows: all rows follow from them."""
        return f"{world_revision()}-{self._count(task, split)}"

    def _count(self, task: str, split: str) -> int:
        return MICRO_EVALUATION_ROWS.get(split) or self._tasks[task].train_rows or 600

    def rows(self, rows: Rows) -> RowTable:
        """Draw the rows anew; they are never stored."""
        task = self._tasks[rows.task]
        count = self._count(rows.task, rows.split)
        table = task_rows(task, rows.language, rows.split, count, rows.rows_seed)
        return {name: values[: rows.cap] for name, values in table.items()}

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """The rule of the task's skill."""
        return cue_predictions(task, table)


class OracleSource:
    """The oracle world has a surface instead of rows."""

    def revision(self, task: str, language: str, split: str) -> str:
        """Constant: the surface has a version of its own."""
        return "oracle"

    def rows(self, rows: Rows) -> RowTable:
        """There are none."""
        raise RowError(f"the oracle world has no rows of {rows}; it answers with its surface")

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """None."""
        return None


def source_for(plan: Plan, catalogue: Catalogue, cache: Path) -> Source:
    """The source that a plan names.

    Args:
        plan: names the source.
        catalogue: rows of the plan's tasks.
        cache: a folder for Arrow files of real data sets.
    """
    if plan.world == "micro":
        return MicroSource(catalogue)
    if plan.world == "oracle":
        return OracleSource()
    # Heavy (datasets, a second) and needed for real rows alone.
    from trainables.folder import FolderSource

    return FolderSource(Path(plan.data.source), catalogue, cache)
