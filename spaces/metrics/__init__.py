"""Metrics in points (0-100), shared by evaluation, the scoring of submissions and analysis.

Every metric takes the right answers and the predictions of some rows of one language, in the shapes
that the forms of ``trainables/forms`` give them, and is undefined (``ValueError``) for no rows at
all. Equal to XTREME-R's ``evaluate.py`` and the scripts that it calls.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from spaces.metrics.answers import answer_f1, exact_match, mlqa_exact_match, mlqa_f1
from spaces.metrics.ranking import DEPTH, accuracy, accuracy_at_1, map_at_20
from spaces.metrics.tagging import COUNTS, Counts
from spaces.tasks import Task

__all__ = ["DEPTH", "METRICS", "ROW_METRICS", "score", "standard_error"]

RowMetric = Callable[[Task, Sequence[Any], Sequence[Any], str], list[float]]
"""Task, right answers, predictions, language -> a value of each row, 0 to 1."""


def _halfway(
    one: RowMetric,
    other: RowMetric,
    task: Task,
    gold: Sequence[Any],
    predicted: Sequence[Any],
    language: str,
) -> list[float]:
    """Mean of two metrics, row by row."""
    values = (metric(task, gold, predicted, language) for metric in (one, other))
    return [(first + second) / 2 for first, second in zip(*values, strict=True)]


ROW_METRICS: Mapping[str, RowMetric] = {
    "accuracy": accuracy,
    "accuracy_at_1": accuracy_at_1,
    "answer_f1": answer_f1,
    "answer_mean": partial(_halfway, answer_f1, exact_match),
    "exact_match": exact_match,
    "map_at_20": map_at_20,
    "mlqa_exact_match": mlqa_exact_match,
    "mlqa_f1": mlqa_f1,
    "mlqa_mean": partial(_halfway, mlqa_f1, mlqa_exact_match),
}
"""Metrics that are means over rows. The benchmark's score of a QA task is (F1 + EM) / 2."""

CORPUS_METRICS: Mapping[str, tuple[str, Callable[[Counts], float]]] = {
    f"{counted}_{share}": (counted, attrgetter(share))
    for counted in COUNTS
    for share in ("f1", "precision", "recall")
}
"""Metrics of a whole part, such as ``tag_f1``: what they count, and what they make of it."""

METRICS = (*ROW_METRICS, *CORPUS_METRICS)
"""Names of all metrics."""


def score(task: Task, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> float:
    """Predictions in one language scored by the task's metric, in points.

    Raises:
        ValueError: the lists differ in length or are empty (an average over nothing), or the
            metric has no rule for the language or for one of the rows.
    """
    _check(task, gold, predicted)
    if task.metric in ROW_METRICS:
        return 100 * statistics.fmean(ROW_METRICS[task.metric](task, gold, predicted, language))
    counted, share = CORPUS_METRICS[task.metric]
    return 100 * share(COUNTS[counted](task, gold, predicted))


def standard_error(
    task: Task, gold: Sequence[Any], predicted: Sequence[Any], language: str
) -> float | None:
    """Standard error of a score over its rows, in points.

    Sample standard deviation over the square root of the number of rows: what another draw of rows
    would change, not what another seed would.

    Returns:
        None for a metric that is no mean over rows (F1 of tags), and for a single row.

    Raises:
        ValueError: as ``score``.
    """
    _check(task, gold, predicted)
    if task.metric not in ROW_METRICS or len(gold) < 2:
        return None
    values = ROW_METRICS[task.metric](task, gold, predicted, language)
    return 100 * statistics.stdev(values) / math.sqrt(len(values))


def _check(task: Task, gold: Sequence[Any], predicted: Sequence[Any]) -> None:
    if len(gold) != len(predicted) or not len(gold):
        raise ValueError(f"{task.metric} of {len(predicted)} predictions for {len(gold)} answers")
