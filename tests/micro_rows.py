"""Rows of the micro-world in words that people read, for the tests of its tasks."""

from typing import Any

from spaces.tasks import TASKS, Task
from trainables.micro import task_rows, words
from trainables.micro.vocabulary import CONTENT_KINDS, GLOSSES, KINDS, LANGUAGE_CODES

MICRO: dict[str, Task] = {task.name: task for task in TASKS if task.world == "micro"}

ALL_CODES = (*LANGUAGE_CODES, "itor")

GLOSS_OF = {
    word: gloss for code in ALL_CODES for word, gloss in zip(words(code), GLOSSES, strict=True)
}
"""Word of any language -> English gloss."""

CONTENT = {gloss for kind in (*CONTENT_KINDS, "name") for gloss in KINDS[kind]}
"""Glosses of words that mean something by themselves."""

TEXT_COLUMNS = {
    "classification": ("text", "text_pair"),
    "choice": ("text", "choices"),
    "tagging": ("words",),
    "span": ("text", "question"),
    "retrieval": ("text", "target"),
    "masked": ("text",),
}
"""Form -> columns of words."""


def table(name: str, language: str = "avel", split: str = "dev", count: int = 60, seed: int = 0):
    """Rows of a task by its name."""
    return task_rows(MICRO[name], language, split, count, seed)


def glossed(said: Any) -> list[str]:
    """English glosses of a text's words, or of several texts'; none where there is no text."""
    if said is None:
        return []
    if isinstance(said, str):
        return [GLOSS_OF[word] for word in said.split()]
    return [gloss for part in said for gloss in glossed(part)]


def row_glosses(name: str, rows: dict[str, list[Any]]) -> list[tuple[tuple[str, ...], ...]]:
    """Glosses of every text of every row."""
    columns = [rows[column] for column in TEXT_COLUMNS[MICRO[name].form]]
    return [tuple(tuple(glossed(said)) for said in row) for row in zip(*columns, strict=True)]
