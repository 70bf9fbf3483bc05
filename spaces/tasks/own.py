"""A plan's own tasks as rows of the catalogue."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from spaces.mistakes import Mistake, nearest
from spaces.plan import UserTask
from spaces.settings import Optimisation
from spaces.tasks.row import DataSet, Task

DATA_FIELDS = tuple(field.name for field in fields(DataSet) if field.name != "labels")
"""Fields of a user's row that say where its rows are."""

LABELLED = ("classification", "tagging")
"""Forms whose rows name their labels."""


def own_task(own: UserTask, known: Mapping[str, Task], world: Any) -> Task | Mistake:
    """A row of the catalogue, or why it cannot be one.

    Args:
        own: as the plan has it.
        known: rows that it may be like: the built-in ones, and the plan's before it.
        world: the plan's.
    """
    where = f"[[task]] {own.name}"
    if own.like and own.like not in known:
        return Mistake(f"{where} like", repr(own.like), nearest(own.like, known))
    labelled = ("labels",) if own.form in LABELLED else ()
    needed = [n for n in ("form", "skill", *labelled) if getattr(own, n) is None]
    if own.folder is None and own.hub is None:
        needed.append("folder or hub")
    if not own.like and needed:
        return Mistake(where, "no " + ", ".join(needed), "these fields, or `like`")
    merged = _merged(own, known.get(own.like), world)
    if merged.form in LABELLED and not merged.labels:
        return Mistake(where, "no labels", f"`labels`: {own.like!r} does not know them")
    return merged


def _merged(row: UserTask, base: Task | None, world: Any) -> Task:
    """A user's row over the row it is like."""
    given = row.model_dump(exclude_none=True, exclude={"like"})
    data = {key: given.pop(key) for key in DATA_FIELDS if key in given}
    if "label_names" in given:
        data["labels"] = given.pop("label_names")
    rate, steps = given.pop("learning_rate", None), given.pop("steps", None)
    if base is None:
        base = Task(name=row.name, form=given["form"], skill="", world=world)
    if data:
        given["data"] = replace(base.data or DataSet(), **data)
    reference = base.reference or Optimisation(learning_rate=2e-5, steps=500)
    given["reference"] = replace(
        reference,
        learning_rate=rate or reference.learning_rate,
        steps=steps or reference.steps,
    )
    return replace(base, **given)
