"""Metrics on cases small enough to count by hand."""

from dataclasses import replace
from typing import Any

import pytest

from spaces.catalogue import Catalogue
from spaces.metrics import METRICS, entities, normalised, runs, score

TASKS = Catalogue.of_world("micro").tasks
PANX = TASKS["panx"]
TAGS = {name: number for number, name in enumerate(PANX.labels)}


def tags(text: str) -> list[int]:
    """Label numbers of names."""
    return [TAGS[name] for name in text.split()]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("O B-PER I-PER O", {("PER", 1, 2)}),
        ("B-PER B-PER", {("PER", 0, 0), ("PER", 1, 1)}),
        ("I-PER I-PER", {("PER", 0, 1)}),  # an I that continues nothing starts an entity
        ("B-PER I-LOC", {("PER", 0, 0), ("LOC", 1, 1)}),
        ("B-ORG I-ORG", {("ORG", 0, 1)}),
        ("O O", set()),
        ("", set()),
    ],
)
def test_entities(names: str, expected: set[Any]) -> None:
    """IOB2 as CoNLL's script and seqeval read it."""
    assert entities(names.split()) == expected


def test_runs_of_tags() -> None:
    """Neighbours of one tag are one run, except tags in S, which seqeval takes for singles."""
    assert runs(["DET", "NOUN", "NOUN", "VERB"]) == {("DET", 0, 0), ("NOUN", 1, 2), ("VERB", 3, 3)}
    assert runs(["SYM", "SYM"]) == {("SYM", 0, 0), ("SYM", 1, 1)}
    assert runs([]) == set()


def test_entity_f1_counts_over_all_rows() -> None:
    """Two of three found entities are right, of four that are there: F1 = 2 * 2 / (3 + 4)."""
    gold = [tags("B-PER O B-LOC"), tags("B-ORG I-ORG B-LOC")]
    predicted = [tags("B-PER O O"), tags("B-ORG O B-LOC")]
    assert score(PANX, gold, predicted) == pytest.approx(100 * 4 / 7)
    assert score(PANX, [tags("O O")], [tags("O O")]) == 0.0  # nothing to find, nothing found


def test_answers_are_compared_without_case_articles_and_marks() -> None:
    """SQuAD's own normalisation; the best of several right answers counts."""
    assert normalised("The  Big, (Red) ball!") == "big red ball"
    task = TASKS["xquad"]
    assert score(task, [["the red ball", "box"]], ["red Ball."]) == 100.0
    assert score(task, [["red ball"]], ["ball"]) == pytest.approx(100 * 2 / 3)
    exact = replace(task, metric="exact_match")
    assert score(exact, [["red ball"], ["x"]], ["ball", "X"]) == 50.0


def test_average_precision() -> None:
    """Hits at ranks 1 and 3 of two right ones: (1/1 + 2/3) / 2; no hit is 0; one gold is MRR."""
    task = TASKS["lareqa"]
    assert score(task, [["a", "a"]], [["a", "b", "a"]]) == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert score(task, [["a"]], [["b", "c"]]) == 0.0
    assert score(task, [["a"]], [["b", "a"]]) == 50.0
    many = [f"{n}" for n in range(40)]
    assert score(task, [["39"]], [many]) == 0.0  # beyond the twentieth


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_no_rows_have_no_score(metric: str) -> None:
    """An average over nothing is refused, as are lists of unlike lengths."""
    task = replace(PANX, metric=metric)
    with pytest.raises(ValueError, match="0 predictions"):
        score(task, [], [])
    with pytest.raises(ValueError, match="1 predictions for 2"):
        score(task, [[0], [0]], [[0]])
