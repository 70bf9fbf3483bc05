"""Real rows: read from a shelf, checked, and without what no study may train on."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spaces.catalogue import Catalogue
from spaces.keys import derived_seed, short_hash
from spaces.languages import Language
from spaces.phases import Rows
from spaces.tasks import DataSet, Task
from trainables.forms import FORMS, flaws
from trainables.rows import RowError, RowTable
from trainables.sources.columns import Raw
from trainables.sources.readers import READERS
from trainables.sources.sealing import Seal
from trainables.sources.shelf import Shelf, named

TABLES_KEPT = 8
"""Parts kept as they were read: rows are asked for right after their revision."""

HELD_OF = 10
"""One document in so many is a dev document, where dev rows are cut out of training rows."""

BadRows = Literal["stop", "skip"]


@dataclass(frozen=True, slots=True)
class Read:
    """A part as it was read: its rows and which of them are left out, by reason."""

    table: RowTable
    left_out: dict[str, list[int]]

    @property
    def kept(self) -> list[int]:
        """Numbers of the rows that may be used."""
        out = {row for rows in self.left_out.values() for row in rows}
        return [row for row in range(len(self.table["item"])) if row not in out]


class RealSource:
    """Rows of a catalogue's tasks from one shelf."""

    def __init__(self, shelf: Shelf, catalogue: Catalogue, bad_rows: BadRows = "stop") -> None:
        self._shelf, self._catalogue, self._bad_rows = shelf, catalogue, bad_rows
        self._seal = Seal(catalogue, self.has, self._unsealed)
        self._read: OrderedDict[tuple[str, str, str], Read] = OrderedDict()

    def has(self, task: str, language: str, split: str) -> bool:
        """Whether the shelf has them."""
        data = self._catalogue.tasks[task].data
        spoken = self._catalogue.languages[language]
        if data is None or split not in data.splits:
            return False
        return self._shelf.has(data, spoken, data.splits[split])

    def revision(self, task: str, language: str, split: str) -> str:
        """Hash of the data, of how the task's row reads them, and of what is left out."""
        row, data, spoken = self._task(task, language, split)
        read = self._part(task, language, split)
        shelved = [
            self._shelf.revision(data, one, data.splits[split])
            for one in (spoken, *self._others(data))
        ]
        return short_hash([shelved, _reading(row, data, spoken, split), read.left_out])

    def rows(self, rows: Rows) -> RowTable:
        """Read, check and, where capped, draw rows with the rows seed."""
        if self.revision(rows.task, rows.language, rows.split) != rows.revision:
            raise RowError(
                f"{self._where(rows.task, rows.language, rows.split)} is not what the study froze "
                f"(revision {rows.revision}): put it back, or start a new study"
            )
        read = self._part(rows.task, rows.language, rows.split)
        return _taken(read.table, _drawn(read, rows))

    def candidates(self, rows: Rows) -> RowTable:
        """Candidates that the task's reader finds in the items of the rows."""
        task, raw = self._raw(rows.task, rows.language, rows.split)
        table = READERS[task.data.reader].candidates(task, raw)  # type: ignore[union-attr]
        read = self._part(rows.task, rows.language, rows.split)
        items = {read.table["item"][number] for number in _drawn(read, rows)}
        return _taken(table, [i for i, item in enumerate(table["item"]) if item in items])

    def left_out(self, rows: Rows) -> dict[str, int]:
        """How many rows of the part are sealed or skipped."""
        read = self._part(rows.task, rows.language, rows.split)
        return {reason: len(numbers) for reason, numbers in read.left_out.items()}

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """None: real rows have cues as well, but none that a rule of ours would name."""
        return None

    def _task(self, task: str, language: str, split: str) -> tuple[Task, DataSet, Language]:
        """The rows that say where some rows are.

        Raises:
            RowError: the task names no data set, or none with this split.
        """
        row = self._catalogue.tasks[task]
        if row.data is None or split not in row.data.splits:
            raise RowError(f"task {task!r} names no data set with a {split!r} split")
        return row, row.data, self._catalogue.languages[language]

    def _others(self, data: DataSet) -> list[Language]:
        """Languages whose rows stand beside."""
        references = [r for r in data.columns.values() if isinstance(r, str) and r[2:3] == ":"]
        return [self._catalogue.languages[c] for c in sorted({r[:2] for r in references})]

    def _where(self, task: str, language: str, split: str) -> str:
        _, data, spoken = self._task(task, language, split)
        return self._shelf.where(data, spoken, data.splits[split])

    def _part(self, task: str, language: str, split: str) -> Read:
        """A part, read once while it is among the latest."""
        name = (task, language, split)
        if name not in self._read:
            table, flawed = self._checked(*name)
            left_out = {"flawed": flawed} if flawed else {}
            if split != "test" and (sealed := self._seal.among(self._catalogue.tasks[task], table)):
                left_out["sealed"] = sealed
            self._read[name] = Read(table, left_out)
            while len(self._read) > TABLES_KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(name)
        return self._read[name]

    def _unsealed(self, task: str, language: str, split: str) -> RowTable:
        """The whole part, for those who look at its content alone."""
        row, raw = self._raw(task, language, split)
        return READERS[row.data.reader].rows(row, raw)  # type: ignore[union-attr]

    def _checked(self, task: str, language: str, split: str) -> tuple[RowTable, list[int]]:
        """A part, and the numbers of rows that break a rule of its form.

        Raises:
            RowError: names the first such row, unless they are to be skipped.
        """
        table = self._unsealed(task, language, split)
        row, found = self._catalogue.tasks[task], []
        for number, flaw in flaws(FORMS[row.form], row, table):
            if self._bad_rows == "stop":
                raise RowError(
                    f"{self._where(task, language, split)} ({task!r} in {language!r}) "
                    f"row {number}: {flaw}; mend the row, or set [data] bad_rows = 'skip'"
                )
            found.append(number)
        return table, found

    def _raw(self, task: str, language: str, split: str) -> tuple[Task, Raw]:
        row, data, _ = self._task(task, language, split)

        def load(code: str) -> Raw:
            spoken, theirs = self._catalogue.languages[code], data.splits[split]
            where = self._shelf.where(data, spoken, theirs)
            table = _of_language(self._shelf.load(data, spoken, theirs), data, spoken)
            return Raw(_of_split(table, data, split), where, code, load)

        return row, load(language)


def _reading(row: Task, data: DataSet, language: Language, split: str) -> list[Any]:
    """Everything in a task's row that decides what its rows become."""
    held = data.held if _is_held(data) else ""
    only = named(data.only, language)
    chosen = [dict(data.columns), data.labels, data.reader, only, held and [held, split]]
    return [*chosen, row.labels, row.form]


def _is_held(data: DataSet) -> bool:
    """Whether dev rows are cut out of the training rows."""
    return bool(data.held) and data.splits.get("dev") == data.splits.get("train")


def _of_language(table: pa.Table, data: DataSet, language: Language) -> pa.Table:
    """Rows of one language where those of all stand together."""
    if not data.only:
        return table
    column, _, prefix = named(data.only, language).partition("=")
    name, *inner = column.split(".")
    values = table.column(name)
    for field in inner:
        values = pc.struct_field(values, field)
    return table.filter(pc.starts_with(values, prefix))


def _of_split(table: pa.Table, data: DataSet, split: str) -> pa.Table:
    """Training rows without the held documents, or the held documents alone."""
    if not _is_held(data) or split == "test":
        return table
    documents = table.column(data.held).to_pylist()
    held = [derived_seed("held", str(name)) % HELD_OF == 0 for name in documents]
    return table.filter(pa.array([flag == (split == "dev") for flag in held], type=pa.bool_()))


def _drawn(read: Read, rows: Rows) -> list[int]:
    """Numbers of the rows to take.

    A cap draws without regard to the language: parallel sets keep the same items in each.
    """
    kept = read.kept
    if rows.cap is None or rows.cap >= len(kept):
        return kept
    total, allowed = len(read.table["item"]), set(kept)
    rng = np.random.default_rng(derived_seed("cap", rows.rows_seed, rows.task, rows.split))
    order: Iterator[int] = (n for n in rng.permutation(total).tolist() if n in allowed)
    return sorted(number for number, _ in zip(order, range(rows.cap), strict=False))


def _taken(table: RowTable, numbers: list[int]) -> RowTable:
    return {name: [values[number] for number in numbers] for name, values in table.items()}
