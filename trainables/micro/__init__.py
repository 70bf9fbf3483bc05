"""The micro-world: a generated, offline miniature of multilingual transfer.

Scenes are drawn, languages say them, tasks ask about them. It shows what its generator plants and
says nothing about real languages, which is why its languages have invented names.

``documents``, ``images`` and ``vocabulary`` here are the functions; their modules' other names are
imported with ``from trainables.micro.documents import ...``.
"""

from spaces.keys import short_hash
from spaces.languages import MICRO_LANGUAGES, MICRO_TWINS
from trainables.micro.cues import cue_predictions
from trainables.micro.documents import Documents, documents
from trainables.micro.images import images
from trainables.micro.tasks import task_rows
from trainables.micro.vocabulary import tokenizer, vocabulary, words

WORLD_VERSION = 2
"""Counts every change of the generator's code that changes a word, a row or a document."""


def world_revision() -> str:
    """Name of the world as it is now: changes with its version and with any language's row."""
    languages = (*MICRO_LANGUAGES, *MICRO_TWINS)
    return short_hash({"version": WORLD_VERSION, "languages": languages})


__all__ = [
    "WORLD_VERSION",
    "Documents",
    "cue_predictions",
    "documents",
    "images",
    "task_rows",
    "tokenizer",
    "vocabulary",
    "words",
    "world_revision",
]
