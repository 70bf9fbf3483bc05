"""Rows of the micro-world's tasks: one small function per skill, over scenes and clauses."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spaces.keys import derived_seed
from spaces.tasks import Task
from trainables.micro.scenes import draw_scenes, draw_unlike
from trainables.micro.sentences import effect_clause, statement, texts, word_ids

Rows = dict[str, list[Any]]
Builder = Callable[[Task, str, int, np.random.Generator], Rows]

SPLITS = ("train", "dev", "test")
"""Splits of every task."""

RESTATED = 0.2
"""Share of entailed and contradicted hypotheses that repeat the place of a premise, if any. Half,
and so small an encoder learns in 60 steps neither to compare places nor to pass that on."""


def task_rows(task: Task, language: str, split: str, count: int, seed: int) -> Rows:
    """Generate rows of a task.

    Dev and test rows are the same items in every language: row i of one language translates row i
    of another. Training rows are other scenes in every language; tasks and splits share no stream.

    Args:
        task: A row of the micro-world.
        language: Code of an invented language.
        split: One of ``SPLITS``.
        count: Number of rows.
        seed: Seed of the rows.

    Returns:
        Columns of ``count`` values: "item" (stable id) and those of the task's form; for a
        classification "text", "text_pair" and "label" (index into ``task.labels``).

    Raises:
        ValueError: the language or the split is not of this world, or no generator teaches the
            task's skill.
    """
    if split not in SPLITS:
        raise ValueError(f"{split=} is not a split of the micro-world: {', '.join(SPLITS)}")
    if task.skill not in _BUILDERS:
        raise ValueError(
            f"no micro-world generator for skill {task.skill!r} of task {task.name!r}; "
            f"there are: {', '.join(_BUILDERS)}"
        )
    # Parallel splits leave the language out of the stream: every draw comes before any wording.
    stream = (task.name, split, language) if split == "train" else (task.name, split)
    rng = np.random.default_rng(derived_seed("micro", "rows", seed, *stream))
    items = "-".join(stream[1:])
    rows = _BUILDERS[task.skill](task, language, count, rng)
    return {"item": [f"{items}-{number}" for number in range(count)], **rows}


def _nli(task: Task, language: str, count: int, rng: np.random.Generator) -> Rows:
    """Premise: the statement. Hypothesis: an effect on the patient, perhaps with a place.

    Entailment states the right effect, contradiction a wrong one, neutral the right one in a place
    that the premise does not name. An unnamed place alone thus gives two thirds; the rest needs
    what each verb does. Comparing attributes instead was never learned at this model size.
    """
    scenes = draw_scenes(count, rng)
    label = rng.permutation(np.arange(count) % len(task.labels))
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


_BUILDERS: Mapping[str, Builder] = {"nli": _nli}
"""Skill -> generator of its rows. Everything is drawn per row and before wording: what is drawn
once per call can differ between a training and a test split."""
