"""What the kinds of files of a submission share."""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from analysis.wording import counted
from spaces.tasks import Task

Table = Mapping[str, list[Any]]
"""Predictions of one task in one language: columns language, item, id, gold, predicted."""


class SubmissionError(ValueError):
    """Files of a submission, or a table for one, that cannot be used: what, and the rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Right answers and predictions of one task in one language, in the shapes of metrics."""

    gold: list[Any]
    predicted: list[Any]
    labels: tuple[str, ...] = ()
    """Names of tags, where ``gold`` holds their numbers."""
    notes: tuple[str, ...] = ()
    """What one should know of rows that are scored all the same."""


class FileKind(Protocol):
    """One kind of files: how they are read, and what is written into them."""

    suffix: ClassVar[str]

    def read(self, predictions: Path, labels: Path) -> Rows:
        """Rows of two files.

        Raises:
            SubmissionError: they cannot be read, or do not fit each other.
        """

    def texts(self, task: Task, table: Table) -> tuple[str, str]:
        """Contents of the prediction file and of the label file.

        Raises:
            SubmissionError: such files cannot say what the table holds.
        """


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SubmissionError(f"{file} cannot be read: {error}") from None


def read_lines(file: Path) -> list[str]:
    """Lines without the spaces around them, as XTREME's script reads them.

    Raises:
        SubmissionError: the file cannot be read.
    """
    return [line.strip() for line in io.StringIO(_content(file))]


def read_object(file: Path) -> Any:
    """The document of a JSON file, or what it holds under "data".

    Raises:
        SubmissionError: the file cannot be read, or is no JSON.
    """
    document = parsed(_content(file), str(file))
    inside = isinstance(document, dict) and "data" in document
    return document["data"] if inside else document


def parsed(text: str, where: str) -> Any:
    """A JSON text.

    Raises:
        SubmissionError: it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"{where} is not JSON: {error or 'nested too deep'}") from None


def read_by_id(file: Path, fits: Callable[[Any], bool], expected: str) -> dict[str, Any]:
    """A JSON object: id -> value.

    Raises:
        SubmissionError: it is none, or a value does not fit; ``expected`` says what would.
    """
    values = read_object(file)
    if not isinstance(values, dict):
        raise SubmissionError(f"{file} holds {_shown(values)}: an object by ids is expected")
    for name, value in values.items():
        if not fits(value):
            raise SubmissionError(f"{file}: {_shown(value)} for {name!r}: {expected} is expected")
    return values


def is_text(value: Any) -> bool:
    """Whether a value is an answer."""
    return isinstance(value, str)


def is_names(value: Any) -> bool:
    """Whether a value is a list of candidates' names."""
    return isinstance(value, list) and all(map(is_text, value))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def unlike_ids(wanted: Iterable[str], given: Iterable[str]) -> tuple[str, ...]:
    """Notes on rows without a prediction, which score 0, and on predictions for no row."""
    wanted, given = set(wanted), set(given)
    without, extra = len(wanted - given), len(given - wanted)
    return (
        *(
            [f"{counted(without, 'row')} of {len(wanted)} without a prediction: 0"]
            if without
            else ()
        ),
        *([f"{counted(extra, 'prediction')} for no row of the labels"] if extra else ()),
    )


def unique_ids(table: Table) -> list[str]:
    """Ids of a table's rows.

    Raises:
        SubmissionError: two rows share one, so that a file by ids would lose a row.
    """
    seen: set[str] = set()
    for name in table["id"]:
        if name in seen:
            raise SubmissionError(f"two rows have the id {name!r}: ids are those of one language")
        seen.add(name)
    return table["id"]


def one_right_each(table: Table) -> None:
    """Check that every row has one right candidate.

    Raises:
        SubmissionError: a row has others, or none.
    """
    for row, names in zip(table["id"], table["gold"], strict=True):
        if len(names) != 1:
            raise SubmissionError(
                f"row {row!r} has {len(names)} right candidates, and the files hold one of each row"
            )
