"""Where a column's values are, in the words of a catalogue row.

premise                the column of that name
answers.text           a field of a column of structures (at any depth)
What was the {question}?   a text with columns in it
#                      the number of the row, as text
#context               the number of the row's value among the distinct ones, as text
en:premise             any of these, in the rows of another language that stand beside
(choice1, choice2)     several of these as one list
                       nothing: no text in any row
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
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
        """The values that a reference means, one per row; None where there is none.

        Raises:
            RowError: there is no such column, or the other language's rows are not as many.
        """
        if isinstance(reference, tuple):
            return [list(row) for row in zip(*map(self.values, reference), strict=True)]
        if not reference:
            return [""] * len(self)
        if found := _BESIDE.match(reference):
            return self._beside(*found.groups())
        if reference.startswith("#"):
            return self._numbers(reference[1:])
        if _FIELD.search(reference):
            return self._filled(reference)
        values: list[Any] = column_of(self.table, reference, self.where).to_pylist()
        return values

    def _filled(self, template: str) -> list[str | None]:
        """A template's texts; none where one of its columns has none."""
        names = list(dict.fromkeys(_FIELD.findall(template)))
        rows = zip(*(self.values(name) for name in names), strict=True)
        return [
            None if None in row else _filled(template, dict(zip(names, row, strict=True)))
            for row in rows
        ]

    def _beside(self, language: str, reference: str) -> list[Any]:
        values = self._other(language).values(reference)
        if len(values) != len(self):
            raise RowError(
                f"{self.where} has {len(self)} rows, {language!r} beside it {len(values)}: "
                "they must be translations of each other, row by row"
            )
        return values

    def _numbers(self, name: str) -> list[str]:
        if not name:
            return [str(number) for number in range(len(self))]
        seen: dict[str, int] = {}
        return [str(seen.setdefault(str(value), len(seen))) for value in self.values(name)]

    def _other(self, language: str) -> "Raw":
        assert self.beside is not None
        return self.beside(language)

    def label_names(self, reference: Reference) -> list[str] | None:
        """Names of the class labels at a reference, also of lists of them; None for none."""
        if isinstance(reference, tuple):
            return None
        if found := _BESIDE.match(reference):
            return self._other(found[1]).label_names(found[2])
        feature: Any = Features.from_arrow_schema(self.table.schema)
        for name in reference.split("."):
            feature = feature.get(name) if isinstance(feature, dict) else None
        feature = feature.feature if isinstance(feature, List) else feature
        return list(feature.names) if isinstance(feature, ClassLabel) else None


def _filled(template: str, values: dict[str, Any]) -> str:
    return _FIELD.sub(lambda found: str(values[found[1]]), template)


def languages_beside(reference: Reference) -> set[str]:
    """Other languages whose rows a reference looks at."""
    if isinstance(reference, tuple):
        return set().union(*map(languages_beside, reference))
    found = _BESIDE.match(reference)
    return {found[1], *languages_beside(found[2])} if found else set()


def column_of(table: pa.Table, reference: str, where: str) -> pa.ChunkedArray:
    """A column, or a field of a column of structures; null where a structure is.

    Raises:
        RowError: it is not there.
    """
    name, *inner = reference.split(".")
    if name not in table.column_names:
        raise RowError(f"{where} has no column {name!r}; it has {table.column_names}")
    column = table.column(name)
    for field in inner:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(field) < 0:
            raise RowError(f"{where} has no field {field!r} in column {name!r}: {column.type}")
        column = pc.struct_field(column, field)
    return column
