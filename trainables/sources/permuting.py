"""Permuted labels: rows that show a task and cannot teach it, to be compared with the real ones.

Labels are dealt out anew among the rows of a whole training part, so that there are as many of each
as before and the texts stay as they are.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from spaces.tasks import Task
from spaces.tasks.row import PERMUTABLE
from trainables.forms import FORMS, flaws
from trainables.rows import RowError, RowTable


def permuted(task: Task, table: RowTable, seed: int) -> RowTable:
    """The rows with the labels of others. Rows that break a rule keep theirs.

    Classification: any other row's. Choice: that of a row with as many choices. Tagging: tags of
    words of any sentence; sentences keep their lengths.

    Raises:
        RowError: the task's form has no labels that could be permuted.
    """
    if task.form not in PERMUTABLE:
        raise RowError(
            f"task {task.name!r} is of form {task.form!r}: labels are permuted in "
            f"{', '.join(PERMUTABLE)} alone"
        )
    flawed = {number for number, _ in flaws(FORMS[task.form], task, table)}
    sound = [number for number in range(len(table["item"])) if number not in flawed]
    rng = np.random.default_rng(seed)
    column = "tags" if task.form == "tagging" else "label"
    values = list(table[column])
    if task.form == "tagging":
        dealt: Iterable[Any] = _tags([values[row] for row in sound], rng)
    else:
        sizes = [len(table["choices"][row]) if task.form == "choice" else 0 for row in sound]
        dealt = _labels([values[row] for row in sound], sizes, rng)
    for row, value in zip(sound, dealt, strict=True):
        values[row] = value
    return {**table, column: values}


def _labels(labels: list[int], sizes: list[int], rng: np.random.Generator) -> list[int]:
    """Labels among rows of one size: another size might not have the label."""
    dealt = np.asarray(labels, dtype=np.int64)
    rows_of = np.asarray(sizes, dtype=np.int64)
    for size in sorted(set(sizes)):
        rows = np.flatnonzero(rows_of == size)
        dealt[rows] = rng.permutation(dealt[rows])
    return [int(label) for label in dealt]


def _tags(rows: list[list[int]], rng: np.random.Generator) -> Iterator[list[int]]:
    """Tags among all words."""
    tags = iter(rng.permutation(np.asarray(list(chain(*rows)), dtype=np.int64)).tolist())
    return ([next(tags) for _ in row] for row in rows)
