"""Where a column's values are, in the words of a catalogue row.

premise                the column of that name
answers.text           a field of a column of structures
What was the {question}?   a text with columns in it
#                      the number of the row, as text
#context               the number of the row's value among the distinct ones, as text
en:premise             any of these, in the rows of another language that stand beside
(choice1, choice2)     several of these as one list
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from datasets import ClassLabel, Features
from datasets.features.features import List

from spaces.tasks.row import Reference
from trainables.rows import RowError

_BESIDE = re.compile(r"^([a-z]{2,3}(?:-\w+)?):(.+)$")
_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Raw:
    """Rows of a data set as it holds them, before they are ours."""

    table: pa.Table
    where: str
    """The file or hub id, for messages."""
    language: str = ""
    beside: Callable[[str], "Raw"] | None = None
    """Rows of the same part in another language."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def values(self, reference: Reference) -> list[Any]:
        """The values that a reference means, one per row.

        Raises:
            RowError: there is no such column, or the other language's rows are not as many.
        """
        if isinstance(reference, tuple):
            return [list(row) for row in zip(*map(self.values, reference), strict=True)]
        if found := _BESIDE.match(reference):
            return self._beside(*found.groups())
        if reference.startswith("#"):
            return self._numbers(reference[1:])
        if names := _FIELD.findall(reference):
            rows = zip(*(self.values(name) for name in names), strict=True)
            return [reference.format(**dict(zip(names, row, strict=True))) for row in rows]
        name, _, inner = reference.partition(".")
        column = self._column(name)
        return [row[inner] for row in column.to_pylist()] if inner else column.to_pylist()

    def _column(self, name: str) -> pa.ChunkedArray:
        if name not in self.table.column_names:
            raise RowError(f"{self.where} has no column {name!r}; it has {self.table.column_names}")
        return self.table.column(name)

    def _beside(self, language: str, reference: str) -> list[Any]:
        assert self.beside is not None
        values = self.beside(language).values(reference)
        if len(values) != len(self):
            raise RowError(
                f"{self.where} has {len(self)} rows, {language!r} beside it {len(values)}: "
                "they must be translations of each other, row by row"
            )
        return values

    def _numbers(self, name: str) -> list[str]:
        if not name:
            return [str(number) for number in range(len(self))]
        seen: dict[Any, int] = {}
        return [str(seen.setdefault(value, len(seen))) for value in self.values(name)]

    def label_names(self, name: str) -> list[str] | None:
        """Names of a column's class labels, also where it holds lists of them; None for none."""
        feature = Features.from_arrow_schema(self.table.schema).get(name)
        feature = feature.feature if isinstance(feature, List) else feature
        return list(feature.names) if isinstance(feature, ClassLabel) else None
