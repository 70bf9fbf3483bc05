"""Rows of the micro-world's tasks: which builder makes them, from which stream of draws."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from spaces.keys import derived_seed
from spaces.tasks import Task
from trainables.micro import controls, inference, lookups, tagged
from trainables.micro.questions import questions
from trainables.rows import RowTable

Builder = Callable[[Task, str, int, np.random.Generator], RowTable]

SPLITS = ("train", "dev", "test")
"""Splits of every task."""

_BY_NAME: Mapping[str, Builder] = {
    "xquad": partial(questions, distracted=0.0),
    "mlqa": partial(questions, distracted=1.0),
    "tydiqa": partial(questions, kinds=("colour", "size"), distracted=0.0),
}
"""Task -> builder, where tasks of one skill differ in their contexts. A user's own row ``like`` one
of them, but of another name, has the contexts of ``qa``."""

_BY_SKILL: Mapping[str, Builder] = {
    "nli": inference.nli,
    "control": inference.permuted_nli,
    "paraphrase": inference.paraphrase,
    "commonsense": inference.choice,
    "pos": tagged.parts_of_speech,
    "ner": tagged.names,
    "qa": partial(questions, distracted=0.5),
    "alignment": lookups.translations,
    "answer_retrieval": lookups.answers,
    "entity_linking": lookups.entities,
    "mlm": controls.text,
    "real_or_fake": controls.real_or_fake,
}
"""Skill -> builder of all other tasks. Everything is drawn per row and before wording: what is
drawn once per call can differ between a training and a test split."""

_SCENES_OF: Mapping[str, str] = {"permuted": "nli"}
"""Task -> the task whose draws it shares: the control has the very rows of what it controls."""


def task_rows(task: Task, language: str, split: str, count: int, seed: int) -> RowTable:
    """Generate rows of a task.

    Dev and test rows are the same items in every language: row i of one language translates row i
    of another. Training rows are other scenes in every language. Splits share no stream, and tasks
    share none except the control, which has the rows of ``nli``.

    Args:
        task: A row of the micro-world.
        language: Code of an invented language.
        split: One of ``SPLITS``.
        count: Number of rows.
        seed: Seed of the rows.

    Returns:
        Columns of ``count`` values, "item" (str, stable id) and those of the task's form.
        Classification: "text", "text_pair" (str, None where the task has single texts), "label"
        (int, index into ``task.labels``).
        Choice: "text", "question" (str, empty here), "choices" (list[str], as many in each row),
        "label" (int, index into the choices). Tagging: "words" (list[str]), "tags" (list[int],
        indices into ``task.labels``). Span: "text" (context), "question" (str), "answers"
        (list[str]), "starts" (list[int], character offset of each answer in the context).
        Retrieval: "text" (query), "target" (the right candidate), "target_id" (str; equal ids are
        equally right). Masked: "text".

    Raises:
        ValueError: the language or the split is not of this world, or no generator teaches the
            task's skill.
    """
    if split not in SPLITS:
        raise ValueError(f"{split=} is not a split of the micro-world: {', '.join(SPLITS)}")
    builder = _BY_NAME.get(task.name) or _BY_SKILL.get(task.skill)
    if builder is None:
        raise ValueError(
            f"no micro-world generator for skill {task.skill!r} of task {task.name!r}; "
            f"there are: {', '.join(_BY_SKILL)}"
        )
    # Parallel splits leave the language out of the stream: every draw comes before any wording.
    items = (split, language) if split == "train" else (split,)
    name = _SCENES_OF.get(task.name, task.name)
    rng = np.random.default_rng(derived_seed("micro", "rows", seed, name, *items))
    rows = builder(task, language, count, rng)
    return {"item": [f"{'-'.join(items)}-{number}" for number in range(count)], **rows}
