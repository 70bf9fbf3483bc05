"""A plan's own initialisations as rows of the catalogue, and what is wrong with their recipes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from spaces.initialisations.pretraining import Pretraining, SecondLoss
from spaces.initialisations.row import Initialisation
from spaces.initialisations.stage import ImageStage
from spaces.mistakes import Mistake, nearest
from spaces.plan_initialisation import OPTIMISATION, UserInitialisation, UserPretraining
from spaces.settings import Optimisation
from spaces.tasks import Task

REFERENCE = Optimisation(
    learning_rate=1e-3, steps=1000, rows_per_step=64, warmup_share=0.06, beta2=0.98
)
"""Of a recipe that says nothing else: RoBERTa's warm-up share and second moment (Liu et al. 2019,
arXiv 1907.11692) at a rate for encoders of a few million weights."""

STAGES: dict[SecondLoss, ImageStage] = {
    "none": "none",
    "views": "none",
    "images": "images",
    "shuffled": "shuffled images",
}
"""What a recipe knows pictures from."""

SIZES = ("hidden", "layers", "heads", "feed_forward")
"""What a recipe that goes on from another one's weights cannot choose."""

FRESH = ("vocabulary", "initializer_range")
"""What it has no use for."""

Rows = Mapping[str, Initialisation]


def own_initialisation(
    own: UserInitialisation, known: Rows, world: Any
) -> Initialisation | Mistake:
    """A row of the catalogue, or why it cannot be one.

    Args:
        own: as the plan has it.
        known: rows that it may name: the built-in ones, and the plan's before it.
        world: the plan's.
    """
    given = own.model_dump(exclude={"like", "pretraining"})
    if own.pretraining is None:
        return Initialisation(**given, world=world)
    if mistake := _naming(own, known, world):
        return mistake
    base = known[own.like] if own.like else None
    start = own.start or (base.start if base else "")
    try:
        recipe = _recipe(own.pretraining, base.pretraining if base else None)
        recipe = _going_on(recipe, known[start]) if start else recipe
    except (TypeError, ValueError) as error:
        where = f"[[initialisation]] {own.name} pretraining"
        return Mistake(where, str(error), "a recipe that can be followed")
    given |= {"start": start, "image_stage": STAGES[recipe.contrast]}
    shape = known[start].encoder if start else None
    return Initialisation(**given, world=world, pretraining=recipe, shape=shape)


def _going_on(recipe: Pretraining, start: Initialisation) -> Pretraining:
    """A recipe without what fresh weights alone hang on, so that no such field renames a result."""
    size = start.pretraining or Pretraining(optimisation=recipe.optimisation)
    sizes = {name: getattr(size, name) for name in SIZES}
    fresh = Pretraining(optimisation=recipe.optimisation)
    return replace(recipe, **sizes, **{name: getattr(fresh, name) for name in FRESH})


def _naming(own: UserInitialisation, known: Rows, world: Any) -> Mistake | None:
    """A recipe's name, and the rows that it names: they stand before it, so none goes round."""
    where = f"[[initialisation]] {own.name}"
    if world != "real":
        rule = "a plan on real rows: the invented worlds have recipes of their own"
        return Mistake(f"{where} pretraining", f"[data] of the {world}-world", rule)
    if own.name in known:
        return Mistake(where, "a name that is taken", "another one: recipes go back to names")
    for field in ("like", "start"):
        name = getattr(own, field)
        if name and name not in known:
            rule = f"{nearest(name, known)}; rows that are named stand before those that name them"
            return Mistake(f"{where} {field}", repr(name), rule)
    if own.like and not known[own.like].pretraining:
        return Mistake(f"{where} like", repr(own.like), "a row that is pretrained here")
    return None


def _recipe(own: UserPretraining, base: Pretraining | None) -> Pretraining:
    """A recipe over the one it is like.

    Raises:
        ValueError: it says too little, or what cannot be.
    """
    given = own.model_dump(exclude_none=True)
    how = {name: given.pop(name) for name in OPTIMISATION if name in given}
    optimisation = replace(base.optimisation if base else REFERENCE, **how)
    if base:
        return replace(base, **given, optimisation=optimisation)
    if missing := [name for name in ("texts", "languages") if name not in given]:
        raise ValueError(f"no {', '.join(missing)}")
    return Pretraining(**given, optimisation=optimisation)


def recipe_mistakes(
    row: Initialisation, own: UserInitialisation, tasks: Mapping[str, Task], codes: tuple[str, ...]
) -> Iterator[Mistake]:
    """Tasks and languages of a recipe that are not there, or cannot be what it takes them for.

    What a row takes from the one it is like is told there.
    """
    recipe, given = row.pretraining, own.pretraining
    where = f"[[initialisation]] {row.name} pretraining"
    if given and row.start:
        yield from _idle_mistakes(where, given)
    if recipe is None or given is None or (own.like and not given.names_rows):
        return
    for code in (*recipe.languages, *recipe.captioned):
        if code not in codes:
            yield Mistake(f"{where} languages", repr(code), nearest(code, codes))
    forms = {name: "masked" for name in recipe.texts}
    forms |= {recipe.captions: "captions"} if recipe.captions else {}
    for name, form in forms.items():
        there = [n for n, task in tasks.items() if task.form == form and task.world == "real"]
        if name not in there:
            yield Mistake(f"{where} texts and captions", repr(name), nearest(name, there))
        elif not {*recipe.languages} & {*tasks[name].train_languages}:
            have = ", ".join(tasks[name].train_languages)
            yield Mistake(f"{where} languages", f"none of {name!r}", f"some of: {have}")
    yield from _captioned_mistakes(where, recipe, tasks)
    if not row.start and not recipe.vocabulary:
        yield Mistake(where, "no vocabulary", "the size of the tokenizer that is trained")


def _idle_mistakes(where: str, given: UserPretraining) -> Iterator[Mistake]:
    """What only fresh weights hang on, where a recipe goes on from others."""
    if idle := [name for name in (*SIZES, *FRESH) if getattr(given, name) is not None]:
        rule = "none of these: they are those of the weights that `start` names"
        yield Mistake(where, ", ".join(idle), rule)


def _captioned_mistakes(
    where: str, recipe: Pretraining, tasks: Mapping[str, Task]
) -> Iterator[Mistake]:
    """Languages whose captions should be contrasted, and of which there are none."""
    task = tasks.get(recipe.captions)
    there = [c for c in recipe.languages if task and c in task.train_languages]
    for code in recipe.captioned:
        if code not in there:
            rule = f"one of {', '.join(there) or 'none'}: `languages` with rows of the captions"
            yield Mistake(f"{where} captioned", repr(code), rule)
