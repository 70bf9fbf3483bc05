"""Rows of questions about a context, answered by words of the context."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from spaces.tasks import Task
from trainables.micro.scenes import Scenes, balanced, draw_scenes, draw_unlike
from trainables.micro.sentences import (
    Clause,
    ask_agent,
    ask_attribute,
    ask_place,
    full_stop,
    of_words,
    only_in,
    statement,
    texts,
    word_ids,
    word_lists,
)
from trainables.micro.vocabulary import Ints
from trainables.rows import RowTable

Kinds = npt.NDArray[Any]
"""Kind of each row's question, [n] strings, keys of ``QUESTIONS``."""


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of question."""

    ask: Callable[[Scenes, str], Clause]
    answer: tuple[str, ...]
    """Columns of the statement that answer it, side by side in every language."""


QUESTIONS: Mapping[str, Question] = {
    "colour": Question(partial(ask_attribute, attribute="colour"), ("object.colour",)),
    "size": Question(partial(ask_attribute, attribute="size"), ("object.size",)),
    "who": Question(ask_agent, ("subject.noun", "subject.company")),
    "where": Question(ask_place, ("place.name",)),
}
"""Kind -> question about a scene. The answer to "who" is the noun or the name, without attributes
and markers, so that it is as long in every language."""


def questions(
    task: Task,
    language: str,
    count: int,
    rng: np.random.Generator,
    *,
    kinds: Sequence[str] = tuple(QUESTIONS),
    distracted: float,
) -> RowTable:
    """Questions of some kinds in equal shares, each about one statement of its context.

    Args:
        task: A row of the micro-world.
        language: Code of an invented language.
        count: Number of rows.
        rng: Source of the draws.
        kinds: Keys of ``QUESTIONS``.
        distracted: Chance of a second statement in the context, which does not answer; it stands
            before or after the one that does, as often, drawn per row.
    """
    asked = np.array(kinds)[balanced(rng, count, len(kinds))]
    scenes = _mentioning(asked, draw_scenes(count, rng), rng)
    others = _mentioning(asked, _without_patient(scenes, rng), rng)
    second = rng.random(count) < distracted
    before = rng.random(count) < 0.5
    answering, other = statement(scenes, language), statement(others, language)
    stop = full_stop(scenes)
    ahead = [only_in(second & before, clause) for clause in (other, stop)]
    behind = [only_in(second & ~before, clause) for clause in (stop, other)]
    clauses = (*ahead, answering, *behind)
    marks = (*map(_unmarked, ahead), _marked(answering, asked), *map(_unmarked, behind))
    words = word_ids(*clauses)
    answers, starts = _spans(word_lists(words), of_words(clauses, marks))
    asking = [only_in(asked == kind, QUESTIONS[kind].ask(scenes, language)) for kind in kinds]
    return {
        "text": texts(words),
        "question": texts(word_ids(*asking)),
        "answers": answers,
        "starts": starts,
    }


def _mentioning(asked: Kinds, scenes: Scenes, rng: np.random.Generator) -> Scenes:
    """The scenes with whatever is asked said in their statements."""
    patient, placed = scenes.patient, draw_unlike(rng, "name", scenes.agent.name)
    return replace(
        scenes,
        patient=replace(
            patient,
            says_colour=patient.says_colour | (asked == "colour"),
            says_size=patient.says_size | (asked == "size"),
        ),
        place=np.where((asked == "where") & (scenes.place < 0), placed, scenes.place),
    )


def _without_patient(scenes: Scenes, rng: np.random.Generator) -> Scenes:
    """Other scenes, in which nothing has the shape of the given patient.

    Every question names that shape, so it is about one of two statements.
    """
    others = draw_scenes(len(scenes), rng)
    agent = draw_unlike(rng, "shape", scenes.patient.shape)
    patient = draw_unlike(rng, "shape", scenes.patient.shape, agent)
    return replace(
        others,
        agent=replace(others.agent, shape=agent),
        patient=replace(others.patient, shape=patient),
    )


def _marked(statement: Clause, asked: Kinds) -> Clause:
    """1 for each word that answers its row's question, else 0."""
    answered = {
        column: [kind for kind, question in QUESTIONS.items() if column in question.answer]
        for column in statement
    }
    return {column: np.isin(asked, kinds).astype(int) for column, kinds in answered.items()}


def _unmarked(clause: Clause) -> Clause:
    return {column: np.zeros_like(words) for column, words in clause.items()}


def _spans(words: list[list[str]], marks: Ints) -> tuple[list[list[str]], list[list[int]]]:
    """Answers and their character offsets, one of each per row, from the marks of its words."""
    answers, starts = [], []
    for said, flags in zip(words, marks == 1, strict=True):
        (places,) = np.nonzero(flags)
        first, last = int(places[0]), int(places[-1])
        answers.append([" ".join(said[first : last + 1])])
        starts.append([sum(len(word) + 1 for word in said[:first])])
    return answers, starts
