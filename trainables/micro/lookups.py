"""Rows of queries in a language and of what they should find, which is said in the hub language."""

from dataclasses import replace

import numpy as np

from spaces.tasks import Task
from trainables.micro.scenes import draw_scenes, draw_unlike
from trainables.micro.sentences import ask_agent, place_phrase, statement, texts, word_ids
from trainables.micro.vocabulary import HUB, KINDS
from trainables.rows import RowTable


def translations(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """A statement finds its translation, which is its own id: equal texts are equally right."""
    scenes = draw_scenes(count, rng)
    target = texts(word_ids(statement(scenes, HUB)))
    return {
        "text": texts(word_ids(statement(scenes, language))),
        "target": target,
        "target_id": target,
    }


def answers(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """Who does the action to the patient? finds statements of that action on such a patient.

    The question tells them not apart, so they share an id, whoever the agent is.
    """
    scenes = draw_scenes(count, rng)
    action, shape = (np.array(KINDS[kind]) for kind in ("action", "shape"))
    events = zip(action[scenes.action], shape[scenes.patient.shape], strict=True)
    return {
        "text": texts(word_ids(ask_agent(scenes, language))),
        "target": texts(word_ids(statement(scenes, HUB))),
        "target_id": [" ".join(event) for event in events],
    }


def entities(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """A statement with a place finds the place, of which there are 24."""
    scenes = draw_scenes(count, rng)
    placed = draw_unlike(rng, "name", scenes.agent.name)
    scenes = replace(scenes, place=np.where(scenes.place < 0, placed, scenes.place))
    return {
        "text": texts(word_ids(statement(scenes, language))),
        "target": texts(word_ids(place_phrase(scenes.place, HUB))),
        "target_id": np.array(KINDS["name"])[scenes.place].tolist(),
    }
