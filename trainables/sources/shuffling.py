"""Real or shuffled sentences: a task of any text, which asks for nothing but word order.

Chang and Lu 2021 ("Rethinking Why Intermediate-Task Fine-Tuning Works", arXiv 2108.11696) found
that telling real from generated text helps as much as tasks of reasoning, so that a gain need not
come from what a task is about. This is a simpler task of that kind, which needs no language model.
"""

import re
import unicodedata
from typing import Any

import numpy as np

from spaces.keys import derived_seed
from spaces.tasks import Task
from trainables.rows import RowError, RowTable
from trainables.sources.columns import Raw

LABELS = ("fake", "real")

FEWEST_WORDS = 4
"""A text of fewer words has its characters shuffled."""

UNSPACED = ("ja", "my", "th", "zh", "zh-Hant")
"""Languages written without spaces between words: characters are shuffled there."""

_WORDS = re.compile(r"\s+|\S+")


def original_texts(task: Task, raw: Raw) -> list[Any]:
    """The texts as the data set has them, lists of words joined with spaces."""
    assert task.data is not None
    texts = raw.values(task.data.columns.get("text", "text"))
    return [" ".join(map(str, text)) if isinstance(text, list) else text for text in texts]


def real_or_fake(task: Task, raw: Raw) -> RowTable:
    """Columns of classification: half of the texts shuffled, the others as they are.

    Which ones is a function of the text alone. A text with nothing to shuffle is real.

    Raises:
        RowError: the task has other labels.
    """
    if set(task.labels) != set(LABELS):
        raise RowError(f"task {task.name!r} has labels {task.labels}, and its reader {LABELS}")
    texts = original_texts(task, raw)
    shown = [_shown(text, raw.language) for text in texts]
    found = [LABELS[seen == text] for seen, text in zip(shown, texts, strict=True)]
    return {
        "text": shown,
        "text_pair": [None] * len(texts),
        "label": [task.labels.index(label) for label in found],
    }


def _shown(text: Any, language: str) -> Any:
    """A text, shuffled if the draw says so; what is no text stays as it is."""
    if not isinstance(text, str) or derived_seed("real or fake", text) % 2:
        return text
    return shuffled(text, language)


def shuffled(text: str, language: str) -> str:
    """A text with its words in another order, or its characters where words are few or unknown.

    Spaces stay where they are, and a character keeps its marks. The order is a function of the text
    alone, and another one than before wherever two pieces differ.
    """
    has_words = language not in UNSPACED and len(text.split()) >= FEWEST_WORDS
    pieces = _WORDS.findall(text) if has_words else _characters(text)
    rng = np.random.default_rng(derived_seed("shuffled", text))
    places = [place for place, piece in enumerate(pieces) if not piece.isspace()]
    moved = _reordered([pieces[place] for place in places], rng)
    for place, piece in zip(places, moved, strict=True):
        pieces[place] = piece
    return "".join(pieces)


def _reordered(pieces: list[str], rng: np.random.Generator) -> list[str]:
    """Pieces in a random order; turned by one where that is the order they had."""
    moved = [pieces[place] for place in rng.permutation(len(pieces))]
    return pieces[1:] + pieces[:1] if moved == pieces else moved


def _characters(text: str) -> list[str]:
    """Characters of a text, each with the marks that stand on it."""
    found: list[str] = []
    for character in text:
        if found and unicodedata.category(character).startswith("M"):
            found[-1] += character
        else:
            found.append(character)
    return found
