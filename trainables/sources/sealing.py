"""What keeps test rows out of searches: by split, and by content wherever it turns up.

A target's test text may stand in other files: SQuAD's dev rows hold XQuAD's paragraphs, TyDiQA's
training rows paragraphs of its test rows. So every training and dev part is compared with the test
text of all targets that a folder holds, or of the plan's own targets where rows come from the hub
(which holds all of them, and is not asked), and rows that share it are left out.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Protocol

from spaces.catalogue import Catalogue
from spaces.keys import short_hash
from spaces.phases import Rows
from spaces.selection import ITEMS, Cut
from spaces.tasks import Task
from trainables.forms import FORMS
from trainables.rows import Access, RowTable, SealedRows, Source
from trainables.sources.hashes import HASH_BYTES, keep_hashes, read_hashes

HASH_VERSION = 1
"""Raised whenever the same text gives another hash."""


def contents(task: Task, table: RowTable) -> Iterator[bytes]:
    """A hash of each row's text: its paragraph, pair, words, or premise and choices.

    Equal text has equal hashes whatever its case, spaces and Unicode form, and a pair in either
    order. Paragraphs stand in many rows: each text is hashed once.
    """
    names = ("content",) if "content" in table else FORMS[task.form].content
    known: dict[tuple[str, ...], bytes] = {}
    for values in zip(*(table[name] for name in names), strict=True):
        parts = tuple(" ".join(map(str, v)) if isinstance(v, list) else str(v) for v in values)
        if parts not in known:
            known[parts] = blake2b(_plain(parts).encode(), digest_size=HASH_BYTES).digest()
        yield known[parts]


def _plain(parts: tuple[str, ...]) -> str:
    return "\n".join(sorted(" ".join(_folded(part).split()) for part in parts))


def _folded(text: str) -> str:
    """Without case and Unicode form; ASCII has one form alone."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


class SealedText(Protocol):
    """Where test rows are read from by those who look at their text alone."""

    def parts(self, task: Task) -> list[tuple[str, str]]:
        """Language of each test part of a task that is there, and what names its content."""

    def place(self, task: Task, language: str, split: str) -> str:
        """Where a part stands, whatever it is read as."""

    def text(self, task: Task, language: str) -> RowTable:
        """The columns of a test part that hold its text."""


class Seal:
    """The test text of some tasks, as far as a source holds it."""

    def __init__(self, tasks: Iterable[Task], source: SealedText) -> None:
        self._tasks, self._source = tuple(tasks), source
        self._hashes: frozenset[bytes] | None = None
        self._places: set[str] = set()

    def among(self, task: Task, language: str, split: str, table: RowTable) -> list[int]:
        """Numbers of the rows whose text is test text: all where the part is a test part."""
        if self._hashes is None:
            self._hashes = self._look()
        if self._source.place(task, language, split) in self._places:
            return list(range(len(table["item"])))
        return [row for row, name in enumerate(contents(task, table)) if name in self._hashes]

    def _look(self) -> frozenset[bytes]:
        """Note where test parts stand, and hash their text.

        The hashes are those of the last time that the same files were read, where they are kept.
        """
        there = [(task, *part) for task in self._tasks for part in self._source.parts(task)]
        self._places = {self._source.place(task, language, "test") for task, language, _ in there}
        name = short_hash([HASH_VERSION, *(revision for _, _, revision in there)])
        if (kept := read_hashes(name)) is not None:
            return kept
        found = {
            digest
            for task, language, _ in there
            for digest in contents(task, self._source.text(task, language))
        }
        keep_hashes(name, found)
        return frozenset(found)


def sealed_tasks(catalogue: Catalogue, targets: Iterable[str] | None = None) -> list[Task]:
    """Targets, and the tasks that train them: COPA's test rows are XCOPA's before translation.

    A plan may put a row of its own in the place of one that is built in: both are sealed, where
    they read the same data set.

    Args:
        catalogue: a plan's.
        targets: names of targets; all, and all that are built in, where they are left out.
    """
    built_in = Catalogue.of_world("real").tasks
    if targets is None:
        named = [task for rows in (built_in, catalogue.tasks) for task in rows.values()]
    else:
        own = [catalogue.tasks[name] for name in targets]
        named = [*own, *(t for t in built_in.values() if any(_same_data(t, row) for row in own))]
    chosen = [task for task in named if task.languages]
    trained = [catalogue.tasks[name] for target in chosen for name in target.recipe]
    found: list[Task] = []
    for task in (*chosen, *trained):
        found += [task] if task not in found else []
    return found


def _same_data(one: Task, other: Task) -> bool:
    """Whether two rows of one name read the same data set of the hub."""
    if one.name != other.name or one.data is None or other.data is None:
        return False
    return one.data.hub == other.data.hub != ""


class SealedSource:
    """A source that hands out test rows to those alone who have opened them.

    Split ``spent`` is the one way of a search to test rows: those of a cut's selecting languages
    and half of the items, where a target has no dev rows there.
    """

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def has(self, task: str, language: str, split: str) -> bool:
        """Whether there are such rows; whether one may see them is another question."""
        return self._source.has(task, language, stored_split(split))

    def revision(self, task: str, language: str, split: str) -> str:
        """Of the part that they are taken from."""
        return self._source.revision(task, language, stored_split(split))

    def size(self, task: str, language: str, split: str) -> int:
        """Of the part that they are taken from."""
        return self._source.size(task, language, stored_split(split))

    def rows(self, rows: Rows) -> RowTable:
        """Rows, if they may be seen.

        Raises:
            SealedRows: they may not.
        """
        self._check(rows)
        return self._spendable(rows, self._source.rows)

    def candidates(self, rows: Rows) -> RowTable:
        """Candidates, under the same rule: those of a search hold its own items alone."""
        self._check(rows)
        return self._spendable(rows, self._source.candidates)

    def left_out(self, rows: Rows) -> dict[str, int]:
        """Counts tell nothing of the rows."""
        return self._source.left_out(_asked(rows))

    def cues(self, task: Task, table: RowTable) -> list[Any] | None:
        """As the source has them."""
        return self._source.cues(task, table)

    def _check(self, rows: Rows) -> None:
        cut = self._access.spent.get(rows.task)
        if rows.split == "spent" and (cut is None or rows.language not in cut.selecting):
            raise SealedRows(f"{rows} are test rows of a language that this study does not spend")
        if rows.split == "test" and rows.task not in self._access.opened:
            raise SealedRows(
                f"{rows} are test rows: a search never scores them; "
                "`transfer-search confirm` opens them for the settings that it confirms"
            )

    def _spendable(self, rows: Rows, read: Callable[[Rows], RowTable]) -> RowTable:
        table = read(_asked(rows))
        cut = self._access.spent.get(rows.task)
        if rows.split != "spent" or cut is None:
            return table
        kept = [i for i, item in enumerate(table["item"]) if _is_spent(cut, item)]
        return {name: [values[i] for i in kept] for name, values in table.items()}


def _is_spent(cut: Cut, item: str) -> bool:
    return cut.items_seed is None or cut.half(item) == ITEMS[1]


def stored_split(split: str) -> str:
    """The split that some rows are taken from."""
    return "test" if split == "spent" else split


def _asked(rows: Rows) -> Rows:
    """The rows as the source inside knows them."""
    return replace(rows, split=stored_split(rows.split))
