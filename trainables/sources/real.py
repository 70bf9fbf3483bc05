"""Real rows: read from a shelf, checked, and without what no study may train on."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spaces.catalogue import Catalogue
from spaces.keys import derived_seed, short_hash
from spaces.languages import Language
from spaces.phases import Rows
from spaces.tasks import DataSet, Task
from spaces.tasks.row import READ_BY_LANGUAGE
from trainables.forms import FORMS, flaws
from trainables.rows import RowError, RowTable, distinct_candidates
from trainables.sources.columns import Raw, column_of, languages_beside
from trainables.sources.permuting import permuted
from trainables.sources.readers import READERS
from trainables.sources.sealing import Seal, sealed_tasks
from trainables.sources.shelf import Shelf, named

TABLES_KEPT = 8
"""Parts kept as they were read: rows are asked for right after their revision."""

HELD_OF = 10
"""One document in so many is a dev document, where dev rows are cut out of training rows."""

BadRows = Literal["stop", "skip"]


class RealSource:
    """Rows of a catalogue's tasks from one shelf."""

    def __init__(
        self,
        shelf: Shelf,
        catalogue: Catalogue,
        bad_rows: BadRows = "stop",
        sealed: Iterable[str] | None = None,
    ) -> None:
        """A source of real rows.

        Args:
            shelf: where whole data sets stand.
            catalogue: rows of tasks.
            bad_rows: what becomes of a row that breaks a rule.
            sealed: targets whose test text may stand in no other row; all where they are left out.
        """
        self._shelf, self._catalogue, self._bad_rows = shelf, catalogue, bad_rows
        self._seal = Seal(sealed_tasks(catalogue, sealed), self)
        self._tables: OrderedDict[str, RowTable] = OrderedDict()
        self._left_out: dict[str, dict[str, list[int]]] = {}

    def has(self, task: str, language: str, split: str) -> bool:
        """Whether the shelf has them."""
        return self._has(self._catalogue.tasks[task], language, split)

    def revision(self, task: str, language: str, split: str) -> str:
        """Hash of the data, of how the task's row reads them, and of what is left out."""
        row = self._catalogue.tasks[task]
        return short_hash([self._content(row, language, split), self._unused(row, language, split)])

    def shelved(self, row: Task, language: str, split: str) -> list[tuple[DataSet, Language, str]]:
        """What some rows are made of, as a shelf is asked for it: those beside come after.

        Raises:
            RowError: the task names no data set, or none with this split.
        """
        data = _data(row, split)
        beside = set().union(*map(languages_beside, data.columns.values()))
        spoken = [self._catalogue.languages[code] for code in (language, *sorted(beside))]
        return [(data, one, data.splits[split]) for one in spoken]

    def size(self, task: str, language: str, split: str) -> int:
        """Rows of the part that are neither sealed nor skipped."""
        row = self._catalogue.tasks[task]
        table = self._table(row, language, split)
        return len(_kept(table, self._unused(row, language, split)))

    def rows(self, rows: Rows) -> RowTable:
        """Read, check and, where capped, draw rows with the rows seed."""
        self._check_frozen(rows)
        row = self._catalogue.tasks[rows.task]
        table = self._table(row, rows.language, rows.split)
        return _taken(table, _drawn(table, self._unused(row, rows.language, rows.split), rows))

    def _check_frozen(self, rows: Rows) -> None:
        """Rows must be what the study froze; what cannot be read now could be read then."""
        at, why = (rows.task, rows.language, rows.split), ""
        try:
            if self.revision(*at) == rows.revision:
                return
        except RowError as error:
            why = f": {error}"
        raise RowError(
            f"{self._where(*at)} is not what the study froze (revision {rows.revision}){why}; "
            "put it back, or start a new study"
        )

    def candidates(self, rows: Rows) -> RowTable:
        """Candidates of some rows, as the task's reader finds them in the part."""
        row, table = self._catalogue.tasks[rows.task], self.rows(rows)
        found = READERS[_data(row, rows.split).reader].candidates
        if found is None:
            return distinct_candidates(table)
        return found(self._raw(row, rows.language, rows.split), table)

    def left_out(self, rows: Rows) -> dict[str, int]:
        """How many rows of the part are sealed or skipped."""
        row = self._catalogue.tasks[rows.task]
        unused = self._unused(row, rows.language, rows.split)
        return {reason: len(numbers) for reason, numbers in unused.items()}

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """None: real rows have cues as well, but none that a rule of ours would name."""
        return None

    def parts(self, task: Task) -> list[tuple[str, str]]:
        """Test parts of a task; see ``SealedText``."""
        languages = task.languages or task.train_languages
        there = [code for code in languages if self._has(task, code, "test")]
        return [(code, self._content(task, code, "test")) for code in there]

    def place(self, task: Task, language: str, split: str) -> str:
        """Where a part stands; see ``SealedText``."""
        data = _data(task, split)
        return self._shelf.where(data, self._catalogue.languages[language], data.splits[split])

    def text(self, task: Task, language: str) -> RowTable:
        """Text of a test part; see ``SealedText``."""
        raw = self._raw(task, language, "test")
        return READERS[_data(task, "test").reader].content(task, raw)

    def _has(self, row: Task, language: str, split: str) -> bool:
        data, spoken = row.data, self._catalogue.languages[language]
        if data is None or split not in data.splits:
            return False
        return self._shelf.has(data, spoken, data.splits[split])

    def _content(self, row: Task, language: str, split: str) -> str:
        """Hash of the data and of how a task's row reads them."""
        parts = self.shelved(row, language, split)
        shelved = [self._shelf.revision(*part) for part in parts]
        return short_hash([shelved, _reading(row, *parts[0][:2], split)])

    def _where(self, task: str, language: str, split: str) -> str:
        """The file or hub id of a part, and what it is read as."""
        where = self.place(self._catalogue.tasks[task], language, split)
        return f"{where} ({task!r} in {language!r})"

    def _unused(self, row: Task, language: str, split: str) -> dict[str, list[int]]:
        """Numbers of a part's rows that may not be used, by reason.

        Raises:
            RowError: a row breaks a rule of its form and is not to be skipped, or no row is left.
        """
        name = self._content(row, language, split)
        if name not in self._left_out:
            table = self._table(row, language, split)
            flawed = self._flawed(row, language, split, table)
            # Test rows are sealed as a whole, and candidates are no rows.
            looked = split not in ("test", "candidates")
            sealed = self._seal.among(row, language, split, table) if looked else []
            found = {"flawed": flawed, "sealed": sealed}
            unused = {reason: numbers for reason, numbers in found.items() if numbers}
            if not _kept(table, unused):
                counts = ", ".join(f"{len(found[reason])} {reason}" for reason in found)
                raise RowError(
                    f"{self._where(row.name, language, split)} has no rows that may be used: "
                    f"{len(table['item'])} rows, of which {counts} (sealed: test text of a target)"
                )
            self._left_out[name] = unused
        return self._left_out[name]

    def _table(self, row: Task, language: str, split: str) -> RowTable:
        """A whole part, read once while it is among the latest."""
        name = self._content(row, language, split)
        if name not in self._tables:
            self._tables[name] = self._read(row, language, split)
            while len(self._tables) > TABLES_KEPT:
                self._tables.popitem(last=False)
        self._tables.move_to_end(name)
        return self._tables[name]

    def _read(self, row: Task, language: str, split: str) -> RowTable:
        """A whole part, its labels permuted where the task is such a control."""
        data, raw = _data(row, split), self._raw(row, language, split)
        table = READERS[data.reader].rows(row, raw)
        if not _is_permuted(row, split):
            return table
        # The same for whoever permutes these rows, under whatever name and from whatever shelf.
        return permuted(row, table, derived_seed("permuted", data.hub or data.folder, language))

    def _flawed(self, row: Task, language: str, split: str, table: RowTable) -> list[int]:
        """Numbers of rows that break a rule of their form.

        Raises:
            RowError: names the first such row, unless they are to be skipped.
        """
        found = []
        for number, flaw in flaws(FORMS[row.form], row, table, scored=split != "train"):
            if self._bad_rows == "stop":
                raise RowError(
                    f"{self._where(row.name, language, split)} row {number}: {flaw}; mend the row, "
                    "or set [data] bad_rows = 'skip'"
                )
            found.append(number)
        return found

    def _raw(self, row: Task, language: str, split: str) -> Raw:
        data = _data(row, split)

        def load(code: str) -> Raw:
            spoken, theirs = self._catalogue.languages[code], data.splits[split]
            where = self._shelf.where(data, spoken, theirs)
            table = _of_language(self._shelf.load(data, spoken, theirs), data, spoken, where)
            return Raw(_of_split(table, data, split, where), where, code, load)

        return load(language)


def _data(row: Task, split: str) -> DataSet:
    """Where the rows of a task are.

    Raises:
        RowError: it names no data set, or none with this split.
    """
    if row.data is None or split not in row.data.splits:
        raise RowError(f"task {row.name!r} names no data set with a {split!r} split")
    return row.data


def _reading(row: Task, data: DataSet, language: Language, split: str) -> list[Any]:
    """Everything in a task's row that decides what its rows become."""
    held = data.held if _is_held(data) else ""
    only = named(data.only, data, language)
    chosen = [dict(data.columns), data.labels, data.reader, only, held and [held, split]]
    # What few rows have is named for them alone, so that it renames no other row's results.
    rare = {
        "permuted": _is_permuted(row, split),
        "single": row.single,
        "folded": dict(data.folded),
        "without": data.without,
        "language": language.code if data.reader in READ_BY_LANGUAGE else "",
    }
    return [*chosen, row.labels, row.form, *(item for item in rare.items() if item[1])]


def _is_permuted(row: Task, split: str) -> bool:
    """Whether labels of a part are permuted: of training rows alone."""
    return row.permuted and split == "train"


def _is_held(data: DataSet) -> bool:
    """Whether dev rows are cut out of the training rows."""
    return bool(data.held) and data.splits.get("dev") == data.splits.get("train")


def _of_language(table: pa.Table, data: DataSet, language: Language, where: str) -> pa.Table:
    """Rows of one language where those of all stand together, and none that has no label."""
    if data.only:
        column, _, prefix = named(data.only, data, language).partition("=")
        table = table.filter(pc.starts_with(column_of(table, column, where), prefix))
    if data.without:
        column, _, value = data.without.partition("=")
        found = pc.equal(column_of(table, column, where).cast(pa.string()), value)
        table = table.filter(pc.invert(found.fill_null(False)))
    return table


def _of_split(table: pa.Table, data: DataSet, split: str, where: str) -> pa.Table:
    """Training rows without the held documents, or the held documents alone."""
    if not _is_held(data) or split not in ("train", "dev"):
        return table
    documents = column_of(table, data.held, where).to_pylist()
    held = [derived_seed("held", str(name)) % HELD_OF == 0 for name in documents]
    return table.filter(pa.array([flag == (split == "dev") for flag in held], type=pa.bool_()))


def _kept(table: RowTable, unused: dict[str, list[int]]) -> list[int]:
    """Numbers of the rows that may be used."""
    out = {row for rows in unused.values() for row in rows}
    return [row for row in range(len(table["item"])) if row not in out]


def _drawn(table: RowTable, unused: dict[str, list[int]], rows: Rows) -> list[int]:
    """Numbers of the rows to take.

    A cap draws without regard to the language: parallel sets keep the same items in each.
    """
    kept = _kept(table, unused)
    if rows.cap is None or rows.cap >= len(kept):
        return kept
    total, allowed = len(table["item"]), set(kept)
    rng = np.random.default_rng(derived_seed("cap", rows.rows_seed, rows.task, rows.split))
    order: Iterator[int] = (n for n in rng.permutation(total).tolist() if n in allowed)
    return sorted(number for number, _ in zip(order, range(rows.cap), strict=False))


def _taken(table: RowTable, numbers: list[int]) -> RowTable:
    return {name: [values[number] for number in numbers] for name, values in table.items()}
