"""The catalogue of one plan: its world's built-in rows, the user's own; and name checks."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from spaces.initialisations import INITIALISATIONS, Initialisation
from spaces.languages import LANGUAGES, Language
from spaces.mistakes import Mistake, PlanError, nearest
from spaces.plan import Plan, UserTask
from spaces.settings import Optimisation
from spaces.tasks import TASKS, DataSet, Task

TRAINING_RANGES = ("learning_rates", "steps", "rows_per_step")
READOUT_RANGES = ("layers", "poolings")
"""Ranges of targets that a phase trains, and of those whose vectors are only read."""

GROUPS = ("english", "european", "non_european")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Rows by name."""

    world: str
    tasks: dict[str, Task]
    languages: dict[str, Language]
    initialisations: dict[str, Initialisation]
    groups: dict[str, tuple[str, ...]]

    @classmethod
    def of_world(cls, world: str) -> "Catalogue":
        """The built-in rows of one world."""
        spoken = "real" if world == "real" else "micro"
        languages = {row.code: row for row in LANGUAGES if row.world == spoken}
        groups = {
            name: tuple(
                code for code, row in languages.items() if row.group == name and not row.twin_of
            )
            for name in GROUPS
        }
        tasks = {row.name: row for row in TASKS if row.world == world}
        initialisations = {row.name: row for row in INITIALISATIONS if row.world == world}
        return cls(world, tasks, languages, initialisations, groups)

    @classmethod
    def for_plan(cls, plan: Plan) -> "Catalogue":
        """Built-in and own rows of a plan, all of its names checked.

        Raises:
            PlanError: with every name that is not there and every row that is not whole.
        """
        catalogue = cls.of_world(plan.world)
        mistakes = [m for row in plan.task for m in catalogue._add_task(row)]
        for row in plan.initialisation:
            catalogue.initialisations[row.name] = Initialisation(
                **row.model_dump(), world=plan.world
            )
        for group in plan.language_group:
            catalogue.groups[group.name] = group.languages
        mistakes += [*_taken_names(catalogue, plan), *_name_mistakes(catalogue, plan)]
        if mistakes:
            raise PlanError(f"plan of study {plan.study.name!r}", mistakes)
        return catalogue

    def _add_task(self, row: UserTask) -> list[Mistake]:
        where = f"[[task]] {row.name}"
        if row.like and row.like not in self.tasks:
            return [Mistake(f"{where} like", repr(row.like), nearest(row.like, self.tasks))]
        needed = [n for n in ("form", "skill", "labels", "folder") if getattr(row, n) is None]
        if not row.like and needed:
            return [Mistake(where, "no " + ", ".join(needed), "these fields, or `like`")]
        self.tasks[row.name] = _merged(row, self.tasks.get(row.like), self.world)
        return []

    def expand(self, entry: str) -> tuple[str, ...]:
        """Languages of a group, or the one language a code names."""
        return self.groups.get(entry, (entry,))

    def parts_of(self, tasks: Iterable[str], entry: str) -> list[tuple[str, str]]:
        """(task, language) pairs with training rows among some tasks and a language entry."""
        pairs = ((task, language) for task in tasks for language in self.expand(entry))
        return [
            (task, language)
            for task, language in dict.fromkeys(pairs)
            if language in self.tasks[task].train_languages
        ]


def _merged(row: UserTask, base: Task | None, world: str) -> Task:
    """A user's row over the row it is like."""
    given = row.model_dump(exclude_none=True, exclude={"like"})
    data: dict[str, Any] = {
        key: given.pop(key) for key in ("folder", "config", "columns", "splits") if key in given
    }
    licence = given.pop("licence", "")
    rate, steps = given.pop("learning_rate", None), given.pop("steps", None)
    if base is None:
        base = Task(name=row.name, form="classification", skill="", labels=(), world=world)  # type: ignore[arg-type]
    if data:
        known = base.data or DataSet(hub="", folder="")
        given["data"] = replace(known, **data, licence=licence or known.licence)
    reference = base.reference or Optimisation(learning_rate=2e-5, steps=500)
    given["reference"] = replace(
        reference,
        learning_rate=rate or reference.learning_rate,
        steps=steps or reference.steps,
    )
    return replace(base, **given)


def _unknown(where: str, names: Iterable[str], valid: Iterable[str]) -> list[Mistake]:
    valid = tuple(valid)
    return [Mistake(where, repr(n), nearest(n, valid)) for n in names if n not in valid]


def _taken_names(catalogue: Catalogue, plan: Plan) -> Iterator[Mistake]:
    """Rows of the user's own that another row would hide."""
    names = {
        "task": [row.name for row in plan.task],
        "initialisation": [row.name for row in plan.initialisation],
        "language_group": [row.name for row in plan.language_group],
    }
    for table, given in names.items():
        for name, count in Counter(given).items():
            if count > 1:
                yield Mistake(f"[[{table}]]", f"{name!r}, {count} times", "each name once")
    for group in plan.language_group:
        if group.name in catalogue.languages:
            expected = "another name: a plan could not tell it from a language of this code"
            yield Mistake("[[language_group]]", repr(group.name), expected)


def _name_mistakes(catalogue: Catalogue, plan: Plan) -> list[Mistake]:
    """Every name of a plan that its catalogue does not hold."""
    space, codes = plan.space, tuple(catalogue.languages)
    targets = [name for name, row in catalogue.tasks.items() if row.languages]
    found = _unknown("[targets] tasks", plan.targets.tasks, targets)
    found += _unknown("[space] initialisations", space.initialisations, catalogue.initialisations)
    found += _unknown("[space.target.<task>]", space.target_by_task, plan.targets.tasks)
    if plan.targets.languages != "all":
        found += _unknown("[targets] languages", plan.targets.languages, codes)
    for sources in space.source_languages:
        found += _unknown("[space] source_languages", sources, codes)
    for group in plan.language_group:
        found += _unknown(f"[[language_group]] {group.name}", group.languages, codes)
    for own in plan.initialisation:
        twin = (own.twin,) if own.twin else ()
        found += _unknown(f"[[initialisation]] {own.name} twin", twin, catalogue.initialisations)
    for row in plan.task:
        spoken = (*(row.languages or ()), *(row.train_languages or ()))
        dev = (row.dev_language,) if row.dev_language else ()
        found += _unknown(f"[[task]] {row.name} languages", (*spoken, *dev), codes)
        found += _unknown(f"[[task]] {row.name} recipe", row.recipe or (), catalogue.tasks)
    if not found:
        found += _row_mistakes(catalogue, plan)
    return found


def _row_mistakes(catalogue: Catalogue, plan: Plan) -> list[Mistake]:
    """Names that are there but cannot do what the plan asks of them."""
    found = []
    for target in dict.fromkeys(plan.targets.tasks):
        if not catalogue.tasks[target].recipe and not catalogue.tasks[target].readout:
            found.append(Mistake(f"[[task]] {target}", "no recipe", "tasks that train this target"))
        for training in catalogue.tasks[target].recipe:
            have = catalogue.tasks[training].train_languages
            for sources in plan.space.source_languages:
                found += _unknown(
                    f"[space] source_languages (rows of {training!r} for {target!r})", sources, have
                )
    if len(set(plan.targets.tasks)) < len(plan.targets.tasks):
        found.append(Mistake("[targets] tasks", repr(plan.targets.tasks), "each target once"))
    return found + _own_range_mistakes(catalogue, plan) + _mixture_mistakes(catalogue, plan)


def _own_range_mistakes(catalogue: Catalogue, plan: Plan) -> list[Mistake]:
    """Ranges of a target that its kind does not have: a trained one, or one that is only read."""
    found = []
    for target, ranges in plan.space.target_by_task.items():
        trained = bool(catalogue.tasks[target].recipe)
        foreign = READOUT_RANGES if trained else TRAINING_RANGES
        given = [name for name in foreign if getattr(ranges, name) is not None]
        kind = "a target phase trains it" if trained else "it is never trained"
        valid = TRAINING_RANGES if trained else READOUT_RANGES
        if given:
            where, read = f"[space.target.{target}]", ", ".join(given)
            found.append(Mistake(where, read, f"{', '.join(valid)}: {kind}"))
    return found


def _mixture_mistakes(catalogue: Catalogue, plan: Plan) -> list[Mistake]:
    mixture = plan.space.mixture
    if mixture is None:
        return []
    trainable = [name for name, row in catalogue.tasks.items() if row.train_languages]
    entries = [*catalogue.groups, *catalogue.languages]
    found = _unknown("[space.mixture] tasks", mixture.tasks, trainable)
    found += _unknown("[space.mixture] languages", mixture.languages, entries)
    if found:
        return found
    return [
        Mistake(
            "[space.mixture]",
            f"{task!r} in {entry!r}",
            f"a language with rows of {task!r}: {', '.join(catalogue.tasks[task].train_languages)}",
        )
        for task in mixture.tasks
        for entry in mixture.languages
        if not catalogue.parts_of([task], entry)
    ]
