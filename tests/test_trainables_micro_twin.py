"""The micro-world: the twin of a language, in which any effect of its own is a false positive."""

import numpy as np
import pytest

from search.freeze import freeze
from spaces.catalogue import Catalogue
from spaces.languages import MICRO_LANGUAGES, MICRO_TRAINING_LANGUAGES, MICRO_TWINS
from spaces.tasks import TASKS
from tests.worlds import plan
from trainables.micro import documents, task_rows, vocabulary, words
from trainables.micro.vocabulary import (
    CONTENT_KINDS,
    GLOSSES,
    LANGUAGE_CODES,
    concept_range,
    grammar_of,
)

(TWIN,) = MICRO_TWINS
XNLI = next(task for task in TASKS if task.world == "micro" and task.name == "xnli")
CONTENT = [number for kind in CONTENT_KINDS for number in concept_range(kind)]
WITH_TWIN = {
    "name": "xnli",
    "like": "xnli",
    "languages": [*LANGUAGE_CODES, "itor"],
}
"""A ``[[task]]`` row: the built-in target scored in the twin as well."""


def glossed(text: str, language: str) -> list[str]:
    """English glosses of a text's words."""
    gloss = dict(zip(words(language), GLOSSES, strict=True))
    return [gloss[word] for word in text.split()]


def shared(language: str, other: str, numbers: list[int] | range) -> int:
    """How many of some concepts two languages spell alike."""
    return sum(words(language)[number] == words(other)[number] for number in numbers)


def test_the_twin_has_the_grammar_and_overlaps_of_its_original() -> None:
    """One row differs from the other in code and name; overlaps are equal within one word."""
    assert grammar_of("itor") == grammar_of("hatu")
    (original,) = [row for row in MICRO_LANGUAGES if row.code == TWIN.twin_of]
    fields = ("family", "script", "group", "world", "grammar")
    assert all(getattr(TWIN, name) == getattr(original, name) for name in fields)
    for other, numbers in (
        ("avel", CONTENT),
        ("avel", concept_range("name")),
        ("fanu", CONTENT),
    ):
        assert abs(shared("itor", other, numbers) - shared("hatu", other, numbers)) <= 1


def test_the_twin_has_words_of_its_own() -> None:
    """What the two share are loans from the hub and the relative; all else is spelled anew."""
    loans = {*words("avel"), *words("fanu")}
    own = [word for word in words("itor") if word not in loans]
    assert len(own) > 0.4 * len(GLOSSES)
    assert set(own) & {word for code in LANGUAGE_CODES for word in words(code)} == set()


def test_the_twins_words_come_last() -> None:
    """The vocabulary ends in them: no id of the eight languages depends on the twin."""
    tokens = list(vocabulary())
    own = set(words("itor")) - {word for code in LANGUAGE_CODES for word in words(code)}
    assert set(tokens[-len(own) :]) == own


def test_rows_in_the_twin_are_those_of_the_original() -> None:
    """Dev rows say the same in the same order; training rows are a draw of the twin's own."""
    first, second = (task_rows(XNLI, code, "dev", 50, 0) for code in ("hatu", "itor"))
    assert first["label"] == second["label"]
    for column in ("text", "text_pair"):
        pairs = zip(first[column], second[column], strict=True)
        assert all(glossed(one, "hatu") == glossed(other, "itor") for one, other in pairs)
        assert first[column] != second[column]
    train = [task_rows(XNLI, code, "train", 50, 0)["label"] for code in ("hatu", "itor")]
    assert train[0] != train[1]


@pytest.mark.parametrize("world", ["micro", "oracle"])
def test_the_twin_is_in_no_group_and_no_default(world: str) -> None:
    """A plan knows its code; no list that a plan gets without asking holds it."""
    catalogue = Catalogue.of_world(world)
    assert "itor" in catalogue.languages
    assert all("itor" not in codes for codes in catalogue.groups.values())
    assert sum(map(len, catalogue.groups.values())) == len(MICRO_LANGUAGES) == 8
    lists = [codes for task in TASKS for codes in (task.languages, task.train_languages)]
    assert all("itor" not in codes for codes in (*lists, MICRO_TRAINING_LANGUAGES))
    assert "itor" not in documents(100, seed=0).languages


def test_a_plan_may_name_the_twin() -> None:
    """A target whose row names it is scored in it, with "all" languages or with a list of them."""
    assert "xnli/itor/dev" not in freeze(plan("microworld")).revisions
    for languages in ("all", ["esho", "fanu", "gire", "hatu", "itor"]):
        targets = {"tasks": ["xnli"], "languages": languages}
        record = freeze(plan("microworld", task=[WITH_TWIN], targets=targets))
        assert "xnli/itor/dev" in record.revisions


def test_documents_in_the_twin() -> None:
    """Asked for, it gets its share of documents, in its own words."""
    made = documents(900, seed=0, languages=(*LANGUAGE_CODES, "itor"))
    assert made.languages.count("itor") == 100
    texts = [t for t, code in zip(made.texts, made.languages, strict=True) if code == "itor"]
    known = set(words("itor"))
    assert np.mean([word in known for text in texts for word in text.split()]) > 0.9
