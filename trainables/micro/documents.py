"""Pretraining documents: a statement and a second sentence about its scene, no parallel text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from spaces.keys import derived_seed
from trainables.micro import sentences
from trainables.micro.scenes import Flags, Scenes, balanced, draw_scenes
from trainables.micro.sentences import Clause, texts, word_ids
from trainables.micro.vocabulary import (
    CONCEPTS,
    HUB,
    LANGUAGE_CODES,
    Ints,
    concept_range,
    language_number,
)

SWITCHED = 0.1
"""Chance of a word to be said in the document's other language."""

TO_HUB = 0.5
"""Share of documents whose other language is the hub; it is a random one in the rest."""

Sentence = Callable[[Scenes, str], Clause]


SECOND_SENTENCES: tuple[tuple[Sentence, float], ...] = (
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Documents:
    """Documents in random order; entry i of every field is document i."""

    texts: list[str]
    """Words separated by single spaces."""
    languages: list[str]
    """Code of the language each is in, switched words aside."""
    scenes: Scenes
    """What each is about, for whoever draws its picture."""

    def __len__(self) -> int:
        return len(self.texts)


def documents(count: int, seed: int, languages: Sequence[str] = LANGUAGE_CODES) -> Documents:
    """Generate pretraining documents, languages in equal shares and in random order.

    Args:
        count: Number of documents.
        seed: Seed of the text.
        languages: Codes of the invented languages to write in, each once.

    Returns:
        ``count`` documents.

    Raises:
        ValueError: a language is not of this world.
    """
    rng = np.random.default_rng(derived_seed("micro", "documents", seed))
    scenes = draw_scenes(count, rng)
    spoken = balanced(rng, count, len(languages))
    second = rng.choice(
        len(SECOND_SENTENCES), size=count, p=[share for _, share in SECOND_SENTENCES]
    )
    written = np.empty(count, dtype=object)
    for number, language in enumerate(languages):
        others = [other for other in languages if other != language]
        for kind, (sentence, _) in enumerate(SECOND_SENTENCES):
            rows = np.flatnonzero((spoken == number) & (second == kind))
            part = scenes[rows]
            words = word_ids(
                sentences.statement(part, language),
                sentences.full_stop(part),
                sentence(part, language),
            )
            written[rows] = texts(code_switched(words, others, rng))
    return Documents(
        texts=list(written),
        languages=[languages[number] for number in spoken],
        scenes=scenes,
    )


def code_switched(words: Ints, others: Sequence[str], rng: np.random.Generator) -> Ints:
    """Replace some words by the same concepts' words in another language, one other per row.

    Args:
        words: Word ids, [n, T], -1 for absent.
        others: Codes of the languages to switch to, without the words' own; none for no switch.
        rng: Source of the draws.

    Returns:
        Word ids, [n, T].
    """
    if not others:
        return words
    other = rng.choice([language_number(code) for code in others], size=len(words))
    if HUB in others:
        other[rng.random(len(words)) < TO_HUB] = language_number(HUB)
    switched = (rng.random(words.shape) < SWITCHED) & _can_switch(words)
    return np.where(switched, other[:, None] * CONCEPTS + words % CONCEPTS, words)


def _can_switch(words: Ints) -> Flags:
    """Whether each entry is a word, not absent and not a mark that all languages share."""
    return (words >= 0) & (words % CONCEPTS < concept_range("punctuation").start)
