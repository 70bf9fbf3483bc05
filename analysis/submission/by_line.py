"""Files with a line per row, in the same order in both."""

import json
from pathlib import Path
from typing import Any, ClassVar

from analysis.submission.parts import (
    Rows,
    SubmissionError,
    Table,
    one_right_each,
    parsed,
    read_lines,
)
from spaces.tasks import Task


class Labels:
    """The label of each row, as text (XNLI: ``entailment``)."""

    suffix: ClassVar[str] = "tsv"

    def parse(self, file: Path) -> list[Any]:
        """A value of each row."""
        return read_lines(file)

    def line(self, task: Task, value: Any) -> str:
        """What stands for a value."""
        return str(task.labels[value])

    def read(self, predictions: Path, labels: Path) -> Rows:
        """Rows as they stand beside each other."""
        gold, predicted = self.parse(labels), self.parse(predictions)
        if len(gold) != len(predicted):
            raise SubmissionError(f"{len(predicted)} rows of predictions for {len(gold)} of labels")
        return Rows(gold=gold, predicted=predicted)

    def texts(self, task: Task, table: Table) -> tuple[str, str]:
        """Both files in the order of the table."""
        ours, right = (
            "".join(f"{self.line(task, value)}\n" for value in table[column])
            for column in ("predicted", "gold")
        )
        return ours, right


class Numbers(Labels):
    """The label of each row, as the data set's number (PAWS-X: ``1``)."""

    def line(self, task: Task, value: Any) -> str:
        """The number itself."""
        return str(int(value))


class Choices(Labels):
    """The right choice of each row, as an object ``{"label": 0}`` (XCOPA)."""

    suffix: ClassVar[str] = "jsonl"

    def parse(self, file: Path) -> list[Any]:
        """The label of each line."""
        return [_label(line, f"{file}:{i}") for i, line in enumerate(read_lines(file), start=1)]

    def line(self, task: Task, value: Any) -> str:
        """An object of the label alone."""
        return json.dumps({"label": int(value)})


def _label(line: str, where: str) -> Any:
    row = parsed(line, where)
    if not isinstance(row, dict) or "label" not in row:
        raise SubmissionError(f"{where} has no label: an object like {{'label': 0}} is expected")
    return row["label"]


class Nearest(Labels):
    """The number of each row's nearest foreign sentence (Tatoeba): XTREME compares one."""

    def parse(self, file: Path) -> list[Any]:
        """A ranking of one candidate per row."""
        return [[line] for line in read_lines(file)]

    def line(self, task: Task, value: Any) -> str:
        """The first name; an empty line where there is none."""
        return value[0] if value else ""

    def texts(self, task: Task, table: Table) -> tuple[str, str]:
        """Both files, after a look that each row has one right candidate."""
        one_right_each(table)
        return super().texts(task, table)


class Tags(Labels):
    """The tag of each word on a line, an empty line after each sentence (UD-POS, PAN-X)."""

    def parse(self, file: Path) -> list[Any]:
        """The tags of each sentence."""
        sentences: list[list[str]] = [[]]
        for line in read_lines(file):
            if line:
                sentences[-1].append(line)
            else:
                sentences.append([])
        return sentences if sentences[-1] else sentences[:-1]

    def read(self, predictions: Path, labels: Path) -> Rows:
        """Tags as numbers, and their names."""
        rows = super().read(predictions, labels)
        names = sorted({tag for tags in (*rows.gold, *rows.predicted) for tag in tags})
        number = {name: place for place, name in enumerate(names)}
        gold, predicted = (
            [[number[tag] for tag in tags] for tags in column]
            for column in (rows.gold, rows.predicted)
        )
        return Rows(gold=gold, predicted=predicted, labels=tuple(names))

    def line(self, task: Task, value: Any) -> str:
        """A sentence's lines."""
        return "".join(f"{task.labels[tag]}\n" for tag in value)


class Pairs:
    """A mined pair of sentences on each line, in any order: two ids with a tab between (BUCC)."""

    suffix: ClassVar[str] = "tsv"

    def read(self, predictions: Path, labels: Path) -> Rows:
        """A row for each first id of either file, with its second ids."""
        right, ours = _pairs(labels), _pairs(predictions)
        names = list(dict.fromkeys([*right, *ours]))
        return Rows(
            gold=[right.get(name, []) for name in names],
            predicted=[ours.get(name, []) for name in names],
        )

    def texts(self, task: Task, table: Table) -> tuple[str, str]:
        """Each row's id with each of its candidates."""
        ours, right = (
            "".join(
                f"{name}\t{candidate}\n"
                for name, candidates in zip(table["id"], table[column], strict=True)
                for candidate in candidates
            )
            for column in ("predicted", "gold")
        )
        return ours, right


def _pairs(file: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in read_lines(file):
        name, _, other = line.partition("\t")
        found.setdefault(name, []).append(other)
    return found
