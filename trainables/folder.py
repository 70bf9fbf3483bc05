"""Rows from a folder in the hub's schemas: ``<data set>/<config>/<split>.parquet``."""

from functools import cache as memoise
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, disable_progress_bars

from spaces.catalogue import Catalogue
from spaces.keys import derived_seed, short_hash
from spaces.layout import file_sha256
from spaces.phases import Rows
from spaces.tasks import Task
from trainables.forms import FORMS, check
from trainables.rows import RowError, RowTable


@memoise
def _hashed_at(file: Path, changed: int, size: int) -> str:
    """The hash of a file as it was at one time; hashing large files again and again is slow."""
    return file_sha256(file)


def _hashed(file: Path) -> str:
    state = file.stat()
    return _hashed_at(file, state.st_mtime_ns, state.st_size)


class FolderSource:
    """One folder of parquet files, read through ``datasets``."""

    def __init__(self, folder: Path, catalogue: Catalogue, cache: Path) -> None:
        self._folder, self._tasks, self._cache = folder, catalogue.tasks, cache
        disable_progress_bars()

    def revision(self, task: str, language: str, split: str) -> str:
        """Hash of the file and of how the task's row reads it."""
        row, file = self._tasks[task], self._file(task, language, split)
        columns = row.data.columns if row.data else {}
        return short_hash([_hashed(file), dict(columns), row.labels, row.form])

    def rows(self, rows: Rows) -> RowTable:
        """Read, check and, where capped, draw rows with the rows seed."""
        task, file = self._tasks[rows.task], self._file(rows.task, rows.language, rows.split)
        if self.revision(rows.task, rows.language, rows.split) != rows.revision:
            raise RowError(
                f"{file} is not the file that the study froze (revision {rows.revision}): "
                "put it back, or start a new study"
            )
        data = Dataset.from_parquet(str(file), cache_dir=str(self._cache))
        table = _columns(task, file, data)
        _check(task, file, table)
        return _capped(table, rows)

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """None: real rows have cues as well, but none that a rule of ours would name."""
        return None

    def _file(self, name: str, language: str, split: str) -> Path:
        """The file of some rows.

        Raises:
            RowError: the task names no data set or split, or the file is absent.
        """
        data = self._tasks[name].data
        if data is None or split not in data.splits:
            raise RowError(f"task {name!r} names no data set with a {split!r} split")
        config = data.config.replace("{language}", language)
        if "{" in config:
            raise RowError(f"config {data.config!r} of task {name!r} may hold {{language}} alone")
        file = self._folder / data.folder / config / f"{data.splits[split]}.parquet"
        if not file.is_file():
            raise RowError(f"{name!r} in {language!r} needs {file}, which is absent")
        return file.absolute()


def _columns(task: Task, file: Path, data: Any) -> RowTable:
    """The form's columns under our names; labels as integers in the task's order."""
    assert task.data is not None
    wanted = FORMS[task.form].columns
    table: RowTable = {"item": [str(number) for number in range(len(data))]}
    for ours in wanted:
        theirs = task.data.columns.get(ours, ours)
        if theirs not in data.column_names:
            raise RowError(f"{file} has no column {theirs!r}; it has {data.column_names}")
        table[ours] = _in_our_order(task, file, data.features[theirs], list(data[theirs]))
    return table


def _in_our_order(task: Task, file: Path, feature: Any, values: list[Any]) -> list[Any]:
    """Labels by name, because data sets number them in different orders."""
    if not isinstance(feature, ClassLabel):
        return values
    unknown = set(feature.names) - set(task.labels)
    if unknown:
        raise RowError(f"{file} has labels {sorted(unknown)}; {task.name!r} knows {task.labels}")
    order = [task.labels.index(name) for name in feature.names]
    return [order[value] if 0 <= value < len(order) else value for value in values]


def _check(task: Task, file: Path, table: RowTable) -> None:
    """Refuse rows that break a rule of the form, naming the file and the first of them."""
    try:
        check(FORMS[task.form], task, table)
    except RowError as error:
        raise RowError(f"{file} {error}") from None


def _capped(table: RowTable, rows: Rows) -> RowTable:
    """Rows drawn without regard to the language: parallel sets keep the same items in each."""
    total = len(table["item"])
    if rows.cap is None or rows.cap >= total:
        return table
    rng = np.random.default_rng(derived_seed("cap", rows.rows_seed, rows.task, rows.split))
    chosen = sorted(rng.permutation(total)[: rows.cap].tolist())
    return {name: [values[i] for i in chosen] for name, values in table.items()}
