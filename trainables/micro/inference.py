"""Rows about what follows from a sentence: inference, choice of an effect, paraphrase."""

from dataclasses import replace

import numpy as np

from spaces.tasks import Task
from trainables.micro.scenes import Scenes, balanced, draw_scenes, draw_unlike
from trainables.micro.sentences import effect_clause, passive, statement, texts, word_ids
from trainables.micro.vocabulary import Ints
from trainables.rows import RowTable

RESTATED = 0.2
"""Share of entailed and contradicted hypotheses that repeat the place of a premise, if any. Half,
and so small an encoder learns in 60 steps neither to compare places nor to pass that on."""


def nli(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """Premise: the statement. Hypothesis: an effect on the patient, perhaps with a place.

    Entailment states the right effect, contradiction a wrong one, neutral the right one in a place
    that the premise does not name. An unnamed place alone thus gives two thirds; the rest needs
    what each verb does. Comparing attributes instead was never learned at this model size.
    """
    scenes = draw_scenes(count, rng)
    label = balanced(rng, count, len(task.labels))
    wrong = label == task.labels.index("contradiction")
    effect = np.where(wrong, draw_unlike(rng, "effect", scenes.effect), scenes.effect)
    restated = np.where(rng.random(count) < RESTATED, scenes.place, -1)
    # Not the agent's name either: whether a name is new must not depend on what it names.
    unstated = draw_unlike(rng, "name", scenes.place, scenes.agent.name)
    place = np.where(label == task.labels.index("neutral"), unstated, restated)
    return {
        "text": texts(word_ids(statement(scenes, language))),
        "text_pair": texts(word_ids(effect_clause(scenes, language, effect, place))),
        "label": label.tolist(),
    }


def permuted_nli(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """Rows of ``nli`` whose labels are dealt out anew: as many of each, and nothing to learn."""
    rows = nli(task, language, count, rng)
    return {**rows, "label": rng.permutation(rows["label"]).tolist()}


def choice(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """Premise: the statement. Choices: the right effect on the patient and a wrong one."""
    scenes = draw_scenes(count, rng)
    label = balanced(rng, count, 2)
    wrong = draw_unlike(rng, "effect", scenes.effect)
    choices = zip(
        _effect_texts(scenes, language, np.where(label == 0, scenes.effect, wrong)),
        _effect_texts(scenes, language, np.where(label == 1, scenes.effect, wrong)),
        strict=True,
    )
    return {
        "text": texts(word_ids(statement(scenes, language))),
        "question": [""] * count,
        "choices": [list(pair) for pair in choices],
        "label": label.tolist(),
    }


def _effect_texts(scenes: Scenes, language: str, effect: Ints) -> list[str]:
    nowhere = np.full_like(scenes.place, -1)
    return texts(word_ids(effect_clause(scenes, language, effect, nowhere)))


def paraphrase(task: Task, language: str, count: int, rng: np.random.Generator) -> RowTable:
    """A statement, and the passive of the same event or of one that differs in a single thing."""
    scenes = draw_scenes(count, rng)
    label = balanced(rng, count, len(task.labels))
    changed = label == task.labels.index("different")
    told = _changed(scenes, np.where(changed, rng.integers(3, size=count), -1), rng)
    return {
        "text": texts(word_ids(statement(scenes, language))),
        "text_pair": texts(word_ids(passive(told, language))),
        "label": label.tolist(),
    }


def _changed(scenes: Scenes, change: Ints, rng: np.random.Generator) -> Scenes:
    """The scenes with another action (0), another patient (1), swapped roles (2) or as they are."""
    action = draw_unlike(rng, "action", scenes.action)
    shape = draw_unlike(rng, "shape", scenes.patient.shape, scenes.agent.shape)
    told = replace(
        scenes,
        action=np.where(change == 0, action, scenes.action),
        patient=replace(scenes.patient, shape=np.where(change == 1, shape, scenes.patient.shape)),
    )
    swapped = change == 2
    return replace(
        told,
        agent=scenes.patient.where(swapped, told.agent),
        patient=scenes.agent.where(swapped, told.patient),
    )
