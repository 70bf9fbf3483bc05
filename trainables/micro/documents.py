"""Pretraining documents: a statement and a second sentence about its scene, no parallel text."""

from collections.abc import Callable
from functools import partial

import numpy as np

from spaces.keys import derived_seed
from trainables.micro import sentences
from trainables.micro.scenes import Flags, Scenes, draw_scenes
from trainables.micro.sentences import Clause, texts, word_ids
from trainables.micro.vocabulary import CONCEPTS, LANGUAGE_CODES, Ints, concept_range

SWITCHED = 0.1
"""Chance of a word to be said in the document's other language."""

TO_HUB = 0.5
"""Share of documents whose other language is the hub; it is a random one in the rest."""

Sentence = Callable[[Scenes, str], Clause]


_SECOND: tuple[tuple[Sentence, float], ...] = (
    (partial(sentences.attribute_statement, attribute="colour"), 0.1),
    (partial(sentences.attribute_statement, attribute="size"), 0.1),
    (sentences.passive, 0.2),
    (sentences.outcome, 0.2),
    (sentences.ask_agent, 0.05),
    (sentences.ask_place, 0.05),
    (partial(sentences.ask_attribute, attribute="colour"), 0.05),
    (partial(sentences.ask_attribute, attribute="size"), 0.05),
    (sentences.restatement, 0.2),
)
"""Second sentences and their shares: a fifth for each kind."""


def documents(count: int, seed: int) -> list[str]:
    """Generate pretraining documents, languages in equal shares and in random order.

    Args:
        count: Number of documents.
        seed: Seed of the text.

    Returns:
        Texts of words separated by single spaces.
    """
    rng = np.random.default_rng(derived_seed("micro", "documents", seed))
    scenes = draw_scenes(count, rng)
    spoken = rng.permutation(np.arange(count) % len(LANGUAGE_CODES))
    second = rng.choice(len(_SECOND), size=count, p=[share for _, share in _SECOND])
    written = np.empty(count, dtype=object)
    for number, language in enumerate(LANGUAGE_CODES):
        for kind, (sentence, _) in enumerate(_SECOND):
            rows = np.flatnonzero((spoken == number) & (second == kind))
            part = scenes[rows]
            words = word_ids(
                sentences.statement(part, language),
                sentences.full_stop(part),
                sentence(part, language),
            )
            written[rows] = texts(code_switched(words, number, rng))
    return list(written)


def code_switched(words: Ints, language: int, rng: np.random.Generator) -> Ints:
    """Replace some words by the same concepts' words in another language, one other per row.

    Args:
        words: Word ids, [n, T], -1 for absent.
        language: Number of the language they are in; the hub's is 0.
        rng: Source of the draws.

    Returns:
        Word ids, [n, T].
    """
    count = len(words)
    others = [number for number in range(len(LANGUAGE_CODES)) if number != language]
    other = rng.choice(others, size=count)
    if language != 0:
        other[rng.random(count) < TO_HUB] = 0
    switched = (rng.random(words.shape) < SWITCHED) & _can_switch(words)
    return np.where(switched, other[:, None] * CONCEPTS + words % CONCEPTS, words)


def _can_switch(words: Ints) -> Flags:
    """Whether each entry is a word, not absent and not a mark that all languages share."""
    return (words >= 0) & (words % CONCEPTS < concept_range("punctuation").start)
