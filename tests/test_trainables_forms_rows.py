"""Rows that break a rule of their form are named, with the value, the rule and the next move."""

from typing import Any

import pytest

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from trainables.forms import FORMS, flaws
from trainables.sources import MicroSource

CATALOGUE = Catalogue.of_world("micro")
TASKS = CATALOGUE.tasks

GOOD: dict[str, dict[str, Any]] = {
    "xnli": {"text": "a", "text_pair": "b", "label": 2},
    "xcopa": {"text": "a", "question": "", "choices": ["b", "c"], "label": 1},
    "panx": {"words": ["a", "b"], "tags": [0, 6]},
    "xquad": {"text": "the red ball", "question": "", "answers": ["red"], "starts": [4]},
    "tatoeba": {"text": "a", "target": "b", "target_id": "c"},
    "real_or_fake": {"text": "a", "text_pair": None, "label": 1},
    "masked": {"text": "a"},
}
"""Task -> a row without a flaw."""


def checked(target: str, changed: dict[str, Any]) -> list[tuple[int, str]]:
    """Flaws of a good row and, after it, one with changes."""
    rows = [GOOD[target], GOOD[target] | changed]
    task, table = TASKS[target], {name: [row[name] for row in rows] for name in GOOD[target]}
    return list(flaws(FORMS[task.form], task, table))


@pytest.mark.parametrize("target", GOOD)
def test_good_rows_pass(target: str) -> None:
    """So do empty questions, sentences without words and questions without answers."""
    assert checked(target, {}) == []


@pytest.mark.parametrize(
    ("target", "changed"),
    [
        ("panx", {"words": [], "tags": []}),
        ("xquad", {"answers": [], "starts": []}),
        ("tatoeba", {"target": None}),  # a candidate of a pool of its own
    ],
)
def test_rows_with_nothing_to_find_pass(target: str, changed: dict[str, Any]) -> None:
    """They have no loss, or point at nothing, but break no rule."""
    assert checked(target, changed) == []


@pytest.mark.parametrize(
    ("target", "changed", "told"),
    [
        ("xnli", {"label": 3}, "label 3 is not in 0..2"),
        ("xnli", {"label": -1}, "label -1 is not in 0..2"),
        ("xnli", {"text": None}, "column 'text' is empty or not text: None"),
        ("xnli", {"text_pair": None}, "column 'text_pair' is empty or not text: None"),
        ("real_or_fake", {"text_pair": "b"}, "column 'text_pair' is 'b' in a task of single texts"),
        ("real_or_fake", {"text": ""}, "column 'text' is empty or not text: ''"),
        ("masked", {"text": " "}, "column 'text' is empty or not text: ' '"),
        ("xcopa", {"label": 2}, "label 2 is not in 0..1"),
        ("xcopa", {"label": "1"}, "label '1' is not in 0..1"),
        ("xcopa", {"choices": [], "label": 0}, "label 0 is not in 0..-1"),
        ("xcopa", {"choices": ["b", None]}, "is not text"),
        ("xcopa", {"question": None}, "question None"),
        ("panx", {"tags": [0]}, "2 words have 1 tags"),
        ("panx", {"tags": [0, 7]}, "tag 7 is not in 0..6"),
        ("panx", {"words": ["a", None]}, "is not text"),
        ("xquad", {"starts": [5]}, "answer 'red' is not at 5, where 'ed ' is"),
        ("xquad", {"starts": [-1]}, "start -1 of answer 'red'"),
        ("xquad", {"starts": [None]}, "start None of answer 'red'"),
        ("xquad", {"starts": []}, "1 answers have 0 starts"),
        ("xquad", {"answers": [""]}, "answer '' is empty"),
        ("xquad", {"text": " \n"}, "column 'text' is empty"),
        ("xquad", {"question": None}, "question None is not text"),
        ("tatoeba", {"target": None, "target_id": ""}, "column 'target_id' is empty"),
        ("tatoeba", {"target": ""}, "column 'target' is empty"),
        ("tatoeba", {"target_id": None}, "column 'target_id' is empty or not text: None"),
    ],
)
def test_a_broken_row_is_named(target: str, changed: dict[str, Any], told: str) -> None:
    """An index error far away, a loss of infinity or a silent zero would follow."""
    ((number, flaw),) = checked(target, changed)
    assert number == 1 and told in flaw


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.world == "micro"])
def test_generated_rows_pass(name: str) -> None:
    """The micro-world's own rows break no rule of their forms."""
    task = TASKS[name]
    split, language = ("train", task.train_languages[0]) if task.train_languages else ("test", "")
    rows = Rows(task=name, language=language or task.languages[0], split=split, revision="r")
    assert not list(flaws(FORMS[task.form], task, MicroSource(CATALOGUE).rows(rows)))
