"""Rows of words with tags: parts of speech, and names of persons, organisations and places."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from spaces.tasks import Task
from trainables.micro.scenes import Scenes, draw_scenes
from trainables.micro.sentences import (
    Clause,
    attribute_statement,
    full_stop,
    of_words,
    only_in,
    outcome,
    passive,
    restatement,
    statement,
    word_ids,
    word_lists,
)
from trainables.micro.vocabulary import CONCEPTS, KINDS, concept_range
from trainables.rows import RowTable

POS_OF_KIND: Mapping[str, str] = {
    "shape": "NOUN",
    "colour": "ADJ",
    "size": "ADJ",
    "action": "VERB",
    "effect": "ADJ",
    "inverse": "VERB",
    "company": "NOUN",
    "name": "PROPN",
    "determiner": "DET",
    "case": "PART",
    "copula": "AUX",
    "adposition": "ADP",
    "punctuation": "PUNCT",
}
"""Kind of concept -> part of speech. Question words are no part of tagged sentences."""


_SECOND: tuple[Callable[[Scenes, str], Clause], ...] = (
    partial(attribute_statement, attribute="colour"),
    partial(attribute_statement, attribute="size"),
    passive,
    outcome,
    restatement,
)
"""Second sentences, in equal shares: with them every part of speech occurs."""


_TAG_OF_PART: Mapping[str, str] = {"name": "B-LOC", "company": "I-ORG"}
"""Part of a phrase -> its tag. A "noun" may be a name too: a person's, or with the word for
company beside it an organisation's."""


def parts_of_speech(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """Two sentences; a word's kind is its part of speech."""
    clauses = _two_sentences(language, count, rng)
    kinds = [kind for kind in KINDS for _ in concept_range(kind)]
    known = [task.labels.index(POS_OF_KIND[kind]) if kind in POS_OF_KIND else -1 for kind in kinds]
    tag_of_concept = np.array(known)
    tags = [
        {name: tag_of_concept[column % CONCEPTS] for name, column in clause.items()}
        for clause in clauses
    ]
    return _tagged(clauses, tags)


def names(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """Two sentences; what a name names follows from its place in the sentence alone."""
    clauses = _two_sentences(language, count, rng)
    return _tagged(clauses, [_name_tags(task, clause) for clause in clauses])


def _two_sentences(language: str, count: int, rng: np.random.Generator) -> list[Clause]:
    """A statement, a full stop, and a second sentence about the scene of a kind drawn per row."""
    scenes = draw_scenes(count, rng)
    kind = rng.integers(len(_SECOND), size=count)
    second = [
        only_in(kind == number, sentence(scenes, language))
        for number, sentence in enumerate(_SECOND)
    ]
    return [statement(scenes, language), full_stop(scenes), *second]


def _tagged(clauses: list[Clause], tags: list[Clause]) -> RowTable:
    """Words and their tags as lists of the sentences' lengths."""
    words = word_lists(word_ids(*clauses))
    rows = of_words(clauses, tags).tolist()
    return {
        "words": words,
        "tags": [row[: len(said)] for row, said in zip(rows, words, strict=True)],
    }


def _name_tags(task: Task, clause: Clause) -> Clause:
    """Tags of a clause in columns."""
    index, tags = task.labels.index, {}
    for column, words in clause.items():
        slot, _, part = column.partition(".")
        tags[column] = np.full_like(words, index(_TAG_OF_PART.get(part, "O")))
        if part == "noun":
            agent = np.where(clause[f"{slot}.company"] >= 0, index("B-ORG"), index("B-PER"))
            named = np.isin(words % CONCEPTS, concept_range("name"))
            tags[column] = np.where(named, agent, index("O"))
    return tags
