"""Metrics in numpy, shared by evaluation, scoring and analysis. Values are in points (0-100).

Every metric takes the right answers and the predictions of some rows, in the shapes that the forms
of ``trainables/forms`` give them, and is undefined (``ValueError``) for no rows at all.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from spaces.tasks import Task

DEPTH = 20
"""Retrieval looks at so many candidates: XTREME-R scores LAReQA and Mewsli-X by mAP@20."""

Metric = Callable[[Task, Sequence[Any], Sequence[Any]], float]


def accuracy(task: Task, gold: Sequence[int], predicted: Sequence[int]) -> float:
    """Share of rows whose label is right."""
    return float(100.0 * np.mean(np.asarray(gold) == np.asarray(predicted)))


def accuracy_at_1(task: Task, gold: Sequence[list[str]], predicted: Sequence[list[str]]) -> float:
    """Share of queries whose nearest candidate is a right one."""
    hits = [best[0] in right for right, best in zip(gold, predicted, strict=True)]
    return float(100.0 * np.mean(hits))


def map_at_20(task: Task, gold: Sequence[list[str]], predicted: Sequence[list[str]]) -> float:
    """Mean over queries of the average precision within the first 20 candidates.

    A query's precisions at its hits are summed and divided by the smaller of 20 and the number of
    right candidates (LAReQA's ``run_retrieval_qa.py``); with one right candidate this is MRR@20.

    Args:
        task: not used.
        gold: names of right candidates, one entry per right candidate in the pool.
        predicted: names of candidates, best first.
    """
    values = []
    for right, ranked in zip(gold, predicted, strict=True):
        hits = np.asarray([name in right for name in ranked[:DEPTH]], dtype=float)
        precisions = hits.cumsum() / np.arange(1, len(hits) + 1)
        values.append((precisions * hits).sum() / min(DEPTH, len(right)))
    return float(100.0 * np.mean(values))


def tag_f1(task: Task, gold: Sequence[list[int]], predicted: Sequence[list[int]]) -> float:
    """F1 over runs of one part of speech, as XTREME scores tags.

    XTREME passes part-of-speech tags to an entity scorer (seqeval), which reads a tag without a
    prefix as inside an entity of that name: neighbouring words of one tag count once, together.
    Equal to seqeval 0.0.12, the version of XTREME's time; from 1.0 on it cuts off a tag's first
    letter, which leaves of X nothing, and so loses X at the ends of sentences.
    """
    return _f1(task, gold, predicted, runs)


def entity_f1(task: Task, gold: Sequence[list[int]], predicted: Sequence[list[int]]) -> float:
    """Micro F1 over entities in IOB2, right when label, first and last word are."""
    return _f1(task, gold, predicted, entities)


def _f1(
    task: Task,
    gold: Sequence[list[int]],
    predicted: Sequence[list[int]],
    chunks: Callable[[list[str]], set[tuple[str, int, int]]],
) -> float:
    right = found = wanted = 0
    for true, guessed in zip(gold, predicted, strict=True):
        ours, theirs = (chunks([task.labels[i] for i in tags]) for tags in (guessed, true))
        right, found, wanted = right + len(ours & theirs), found + len(ours), wanted + len(theirs)
    return 200.0 * right / (found + wanted) if found + wanted else 0.0


def runs(tags: list[str]) -> set[tuple[str, int, int]]:
    """Maximal runs of one tag: (tag, first, last).

    Tags in S (SCONJ, SYM) stand alone: seqeval takes the letter for "single".
    """
    starts = [i for i, tag in enumerate(tags) if not i or tag != tags[i - 1] or tag[0] == "S"]
    ends = [*(i - 1 for i in starts[1:]), len(tags) - 1]
    return {(tags[start], start, end) for start, end in zip(starts, ends, strict=bool(tags))}


def entities(tags: list[str]) -> set[tuple[str, int, int]]:
    """Entities of IOB2 tags: (label, first, last).

    An ``I-`` that continues nothing starts an entity, as in CoNLL's script and in seqeval's default
    mode, which XTREME uses.
    """
    found, start = set(), 0
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, label = tag.partition("-")
        before = tags[i - 1].partition("-")[2] if i else ""
        if before and (prefix != "I" or label != before):
            found.add((before, start, i - 1))
        if label and (prefix == "B" or label != before):
            start = i
    return found


_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = set(string.punctuation)


def normalised(answer: str) -> str:
    """An answer as SQuAD's ``evaluate-v1.1.py`` compares it: no case, articles, punctuation."""
    plain = "".join(letter for letter in answer.lower() if letter not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def answer_f1(task: Task, gold: Sequence[list[str]], predicted: Sequence[str]) -> float:
    """Mean over questions of the best overlap (token F1) with one of the right answers."""
    return _best_answer(gold, predicted, _overlap)


def exact_match(task: Task, gold: Sequence[list[str]], predicted: Sequence[str]) -> float:
    """Share of questions answered with one of the right answers."""
    return _best_answer(gold, predicted, lambda right, ours: float(right == ours))


def _best_answer(
    gold: Sequence[list[str]], predicted: Sequence[str], score: Callable[[str, str], float]
) -> float:
    """Mean over questions of the best score; a question without answers wants none."""
    values = [
        max(score(normalised(right), normalised(ours)) for right in (answers or [""]))
        for answers, ours in zip(gold, predicted, strict=True)
    ]
    return float(100.0 * np.mean(values))


def _overlap(right: str, ours: str) -> float:
    true, guessed = right.split(), ours.split()
    if not true or not guessed:
        return float(true == guessed)
    common = sum((Counter(true) & Counter(guessed)).values())
    return 2.0 * common / (len(true) + len(guessed))


METRICS: dict[str, Metric] = {
    metric.__name__: metric
    for metric in (
        accuracy,
        accuracy_at_1,
        answer_f1,
        entity_f1,
        exact_match,
        map_at_20,
        tag_f1,
    )
}
"""Metric name -> function of task, right answers and predictions."""


def score(task: Task, gold: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Predictions scored by the task's metric, in points.

    Raises:
        ValueError: the lists differ in length, or are empty (an average over nothing).
    """
    if len(gold) != len(predicted) or not len(gold):
        raise ValueError(f"{task.metric} of {len(predicted)} predictions for {len(gold)} answers")
    return METRICS[task.metric](task, gold, predicted)
