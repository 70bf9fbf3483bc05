"""Rows that ask for nothing of what targets ask: sentences to be filled in, or shuffled ones."""

import numpy as np

from spaces.tasks import Task
from trainables.micro.documents import SECOND_SENTENCES
from trainables.micro.scenes import balanced, draw_scenes
from trainables.micro.sentences import full_stop, only_in, statement, texts, word_ids
from trainables.micro.vocabulary import Ints
from trainables.rows import RowTable


def text(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """Two sentences, as in pretraining documents but without words of other languages."""
    return {"text": texts(_sentences(language, count, rng))}


def real_or_fake(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """Two sentences, or the same words in a random order.

    The order is drawn before wording, as one number for each place that a word might have. It is
    the right one by chance in one of some thousand rows.
    """
    label = balanced(rng, count, len(task.labels))
    order = rng.random((count, task.max_tokens))
    words = _sentences(language, count, rng)
    order = np.where(words < 0, 1.0, order[:, : words.shape[1]])  # absent words stay last
    fake = label == task.labels.index("fake")
    places = np.where(fake[:, None], order.argsort(axis=1), np.arange(words.shape[1]))
    return {
        "text": texts(np.take_along_axis(words, places, axis=1)),
        "text_pair": [None] * count,
        "label": label.tolist(),
    }


def _sentences(language: str, count: int, rng: np.random.Generator) -> Ints:
    """Words of a statement, a full stop and a second sentence about its scene, [n, most words]."""
    scenes = draw_scenes(count, rng)
    shares = [share for _, share in SECOND_SENTENCES]
    kind = rng.choice(len(shares), size=count, p=shares)
    second = [
        only_in(kind == number, sentence(scenes, language))
        for number, (sentence, _) in enumerate(SECOND_SENTENCES)
    ]
    words = word_ids(statement(scenes, language), full_stop(scenes), *second)
    return words[:, (words >= 0).any(axis=0)]
