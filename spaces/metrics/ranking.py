"""How well candidates are ranked, query by query, and labels are guessed, row by row; 0 to 1."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from spaces.tasks import Task

DEPTH = 20
"""Retrieval looks at so many candidates: XTREME-R scores LAReQA and Mewsli-X by mAP@20."""


def accuracy(
    task: Task, gold: Sequence[Any], predicted: Sequence[Any], language: str
) -> list[float]:
    """Whether a row's label is right."""
    return [float(right == ours) for right, ours in zip(gold, predicted, strict=True)]


def accuracy_at_1(
    task: Task, gold: Sequence[list[str]], predicted: Sequence[list[str]], language: str
) -> list[float]:
    """Whether a query's nearest candidate is a right one."""
    return [
        float(bool(ranked) and ranked[0] in right)
        for right, ranked in zip(gold, predicted, strict=True)
    ]


def map_at_20(
    task: Task, gold: Sequence[list[str]], predicted: Sequence[list[str]], language: str
) -> list[float]:
    """Average precision of each query within the first 20 candidates.

    A query's precisions at its hits are summed and divided by the smaller of 20 and the number of
    right candidates (LAReQA's ``average_precision_at_k``). With one right candidate, as in
    Mewsli-X, this is MRR@20 (its ``mean_reciprocal_rank``).

    Args:
        task: not used.
        gold: names of right candidates, one entry per right candidate in the pool.
        predicted: names of candidates, best first; empty for a query that was not answered.
        language: not used.

    Raises:
        ValueError: a query has no right candidate.
    """
    return [_average_precision(*row) for row in zip(gold, predicted, strict=True)]


def _average_precision(right: list[str], ranked: list[str]) -> float:
    """A name is a hit as often as the pool holds right candidates of it, and no more often."""
    if not right:
        raise ValueError("a query has no right candidate: leave it out")
    left, hits, total = Counter(right), 0, 0.0
    for rank, name in enumerate(ranked[:DEPTH], start=1):
        if left[name] > 0:
            left[name] -= 1
            hits += 1
            total += hits / rank
    return total / min(DEPTH, len(right))
