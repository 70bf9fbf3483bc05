"""The catalogue of one plan: its world's built-in rows, the user's own; and name checks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from spaces.grouping import Grouping, grouping_mistakes, groupings, groups_of
from spaces.hub import at_commit
from spaces.initialisations import (
    INITIALISATIONS,
    EncoderShape,
    Initialisation,
    unsupported_mistakes,
)
from spaces.initialisations.own import own_initialisation, recipe_mistakes
from spaces.languages import LANGUAGES, Language
from spaces.metrics import METRICS
from spaces.mistakes import Mistake, PlanError, nearest
from spaces.plan import Plan, UserTask
from spaces.plan_initialisation import UserInitialisation
from spaces.plan_space import Entry, MixtureTable, entry_name
from spaces.published import PUBLISHED
from spaces.tasks import TASKS, Task
from spaces.tasks.own import own_task
from spaces.tasks.row import PERMUTABLE, TRAINED_ONLY

TRAINING_RANGES = ("learning_rates", "steps", "rows_per_step")
LEAD_RANGES = ("lead_steps",)
READOUT_RANGES = ("layers", "poolings")
"""Ranges of targets that a phase trains, that several train, and whose vectors are only read."""


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
        tasks = {row.name: row for row in TASKS if row.world == world}
        initialisations = {row.name: row for row in INITIALISATIONS if row.world == world}
        return cls(world, tasks, languages, initialisations, groups_of(languages.values()))

    @classmethod
    def for_plan(cls, plan: Plan) -> "Catalogue":
        """Built-in and own rows of a plan, all of its names checked.

        Raises:
            PlanError: with every name that is not there and every row that is not whole.
        """
        catalogue = cls.of_world(plan.world)
        mistakes = [m for row in plan.task for m in catalogue._add_task(row)]
        mistakes += [m for own in plan.initialisation for m in catalogue._add_initialisation(own)]
        for name, known in catalogue.initialisations.items():
            path = at_commit(known.path, plan.data.commits)
            catalogue.initialisations[name] = replace(known, path=path)
        mistakes += grouping_mistakes(plan, catalogue.languages)
        if grouping := groupings(plan).get(plan.study.grouping):
            catalogue._group_by(grouping)
        for group in plan.language_group:
            catalogue.groups[group.name] = group.languages
        mistakes += [*_taken_names(catalogue, plan), *_name_mistakes(catalogue, plan)]
        mistakes += unsupported_mistakes(plan.space.initialisations, catalogue.initialisations)
        if mistakes:
            raise PlanError(f"plan of study {plan.study.name!r}", mistakes)
        return catalogue

    def knowing(self, encoders: Mapping[str, EncoderShape]) -> "Catalogue":
        """The same rows, with what was read of the checkpoints of some initialisations."""
        roots = {name: self.lineage(name)[0].name for name in self.initialisations}
        known = {
            name: replace(self.initialisations[name], shape=encoders[root])
            for name, root in roots.items()
            if root in encoders
        }
        return replace(self, initialisations={**self.initialisations, **known})

    def _group_by(self, grouping: Grouping) -> None:
        """Languages count in the groups of a definition; built-in entries stay that it leaves."""
        self.languages.update(grouping.apply(self.languages))
        self.groups.update(groups_of(self.languages.values()))

    def _add_task(self, own: UserTask) -> list[Mistake]:
        made = own_task(own, self.tasks, self.world)
        if isinstance(made, Mistake):
            return [made]
        self.tasks[own.name] = made
        return []

    def _add_initialisation(self, own: UserInitialisation) -> list[Mistake]:
        made = own_initialisation(own, self.initialisations, self.world)
        if isinstance(made, Mistake):
            return [made]
        self.initialisations[own.name] = made
        return [*recipe_mistakes(made, own, self.tasks, tuple(self.languages))]

    def is_read(self, task: Task) -> bool:
        """Whether a target's vectors are read from an encoder that no retrieval task trains."""
        forms = (self.tasks[name].form for name in task.recipe)
        return task.form == "retrieval" and "retrieval" not in forms

    def lineage(self, name: str) -> list[Initialisation]:
        """The initialisation that another one's weights go back to, each that goes on, and it."""
        row = self.initialisations[name]
        return [*(self.lineage(row.start) if row.start else ()), row]

    def starts(self, names: Iterable[str]) -> list[Initialisation]:
        """Some initialisations with all that they go back to, each once."""
        rows = [row for name in names for row in self.lineage(name)]
        return list({row.name: row for row in rows}.values())

    def tongue(self, code: str) -> str:
        """What two codes of one language share: Mandarin is one in whichever script."""
        row = self.languages.get(code)
        return (row.iso3 if row else "") or code

    def expand(self, entry: Entry) -> tuple[str, ...]:
        """Languages of a group, the one language a code names, or all of several of these."""
        if isinstance(entry, str):
            return self.groups.get(entry, (entry,))
        return tuple(code for one in entry for code in self.expand(one))

    def parts_of(self, tasks: Iterable[str], entry: Entry) -> list[tuple[str, str]]:
        """(task, language) pairs with training rows among some tasks and a language entry."""
        pairs = ((task, language) for task in tasks for language in self.expand(entry))
        return [
            (task, language)
            for task, language in dict.fromkeys(pairs)
            if language in self.tasks[task].train_languages
        ]


def _unknown(where: str, names: Iterable[str], valid: Iterable[str]) -> list[Mistake]:
    valid = tuple(valid)
    return [Mistake(where, repr(n), nearest(n, valid)) for n in names if n not in valid]


def _taken_names(catalogue: Catalogue, plan: Plan) -> Iterator[Mistake]:
    """Rows of the user's own that another row would hide."""
    names = {
        "task": [row.name for row in plan.task],
        "initialisation": [row.name for row in plan.initialisation],
        "language_group": [row.name for row in plan.language_group],
        "grouping": [row.name for row in plan.grouping],
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
    published = [plan.study.published] if plan.study.published else []
    found += _unknown("[study] published", published, PUBLISHED)
    found += _unknown("[space] initialisations", space.initialisations, catalogue.initialisations)
    found += _unknown("[space.target.<task>]", space.target_by_task, plan.targets.tasks)
    if plan.targets.languages != "all":
        found += _unknown("[targets] languages", plan.targets.languages, codes)
    found += _unknown("[targets] reserve", plan.targets.reserve, codes)
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
        for field in ("recipe", "source_dev"):
            named = getattr(row, field) or ()
            found += _unknown(f"[[task]] {row.name} {field}", named, catalogue.tasks)
        proxy = (row.proxy,) if row.proxy else ()
        found += _unknown(f"[[task]] {row.name} proxy", proxy, catalogue.tasks)
        metric = (row.metric,) if row.metric else ()
        found += _unknown(f"[[task]] {row.name} metric", metric, METRICS)
        pool = (row.pool,) if row.pool else ()
        pools = ("own", "languages", *catalogue.tasks)
        found += _unknown(f"[[task]] {row.name} pool", pool, pools)
    if not found:
        found += _row_mistakes(catalogue, plan)
    return found


def _row_mistakes(catalogue: Catalogue, plan: Plan) -> list[Mistake]:
    """Names that are there but cannot do what the plan asks of them."""
    found = []
    for target in dict.fromkeys(plan.targets.tasks):
        if not catalogue.tasks[target].recipe and not catalogue.tasks[target].readout:
            found.append(Mistake(f"[[task]] {target}", "no recipe", "tasks that train this target"))
        found += _stand_in_mistakes(catalogue, target)
        found += _source_mistakes(catalogue, plan, target)
    if len(set(plan.targets.tasks)) < len(plan.targets.tasks):
        found.append(Mistake("[targets] tasks", repr(plan.targets.tasks), "each target once"))
    found += _control_mistakes(catalogue, plan)
    return found + _own_range_mistakes(catalogue, plan) + _mixture_mistakes(catalogue, plan)


def _source_mistakes(catalogue: Catalogue, plan: Plan, target: str) -> list[Mistake]:
    """No set of source languages in which every phase of a target has rows."""
    recipe = {
        name: catalogue.tasks[name].train_languages for name in catalogue.tasks[target].recipe
    }
    missing = [
        [
            found
            for name, have in recipe.items()
            for found in _unknown(
                f"[space] source_languages (rows of {name!r} for {target!r})", codes, have
            )
        ]
        for codes in plan.space.source_languages
    ]
    return [mistake for one in missing for mistake in one] if all(missing) else []


def _control_mistakes(catalogue: Catalogue, plan: Plan) -> Iterator[Mistake]:
    """Controls where a target should be, and rows that cannot be the control they are to be."""
    for target in dict.fromkeys(plan.targets.tasks):
        if (form := catalogue.tasks[target].form) in TRAINED_ONLY:
            rule = "a task with answers to score: masked words are only trained on, in mixtures"
            yield Mistake("[targets] tasks", f"{target!r}, of form {form!r}", rule)
    for name in (row.name for row in plan.task if row.permuted):
        yield from _permuted_mistakes(catalogue, f"[[task]] {name} permuted", catalogue.tasks[name])


def _permuted_mistakes(catalogue: Catalogue, where: str, row: Task) -> Iterator[Mistake]:
    """A task whose labels cannot be permuted, or that would share a head with honest ones."""
    if catalogue.world != "real":
        yield Mistake(where, "invented rows", "real rows, or the micro-world's own 'permuted'")
        return
    if row.form not in PERMUTABLE:
        yield Mistake(where, f"a task of form {row.form!r}", f"one of {', '.join(PERMUTABLE)}")
    honest = [t.name for t in catalogue.tasks.values() if t.head == row.head and not t.permuted]
    if row.form in PERMUTABLE and honest:
        rule = "another skill, such as 'control': it would train their head and count as theirs"
        yield Mistake(where, f"skill {row.skill!r}, as {', '.join(honest)}", rule)


def _stand_in_mistakes(catalogue: Catalogue, target: str) -> Iterator[Mistake]:
    """Tasks whose dev rows stand for a target's are scored by the target's head."""
    row = catalogue.tasks[target]
    for name in (*row.source_dev, *filter(None, [row.proxy])):
        if catalogue.tasks[name].head != row.head:
            rule = f"tasks of form {row.form!r}, skill {row.skill!r} and the same labels"
            yield Mistake(f"[[task]] {target} source_dev or proxy", repr(name), rule)


def _own_range_mistakes(catalogue: Catalogue, plan: Plan) -> list[Mistake]:
    """Ranges of a target that its kind does not have: a trained one, or one that is only read."""
    found = []
    for target, ranges in plan.space.target_by_task.items():
        row = catalogue.tasks[target]
        valid: tuple[str, ...] = TRAINING_RANGES if row.recipe else ()
        valid += LEAD_RANGES if len(row.recipe) > 1 else ()
        valid += READOUT_RANGES if catalogue.is_read(row) else ()
        kind = "a target phase trains it" if row.recipe else "it is never trained"
        foreign = set(TRAINING_RANGES + LEAD_RANGES + READOUT_RANGES) - set(valid)
        if given := sorted(name for name in foreign if getattr(ranges, name) is not None):
            where, read = f"[space.target.{target}]", ", ".join(given)
            found.append(Mistake(where, read, f"{', '.join(valid)}: {kind}"))
    return found


def _mixture_mistakes(catalogue: Catalogue, plan: Plan) -> list[Mistake]:
    mixture = plan.space.mixture
    if mixture is None:
        return []
    trainable = [name for name, row in catalogue.tasks.items() if row.train_languages]
    entries = [*catalogue.groups, *catalogue.languages]
    tasks, spoken = mixture.named
    found = _unknown("[space.mixture] tasks", tasks, trainable)
    found += _unknown("[space.mixture] languages", _flat(spoken), entries)
    if mixture.mlm_text[0]:
        masked = [name for name in trainable if catalogue.tasks[name].form == "masked"]
        found += _unknown("[space.mixture] mlm_task", [mixture.mlm_task], masked)
        found += _unknown("[space.mixture] mlm_languages", _flat([mixture.mlm_text[1]]), entries)
    return found or [*_nowhere(catalogue, tasks), *_idle_mistakes(catalogue, mixture)]


def _flat(entries: Iterable[Entry]) -> list[str]:
    """Every code and group that some entries name."""
    return [name for e in entries for name in ((e,) if isinstance(e, str) else e)]


def _idle_mistakes(catalogue: Catalogue, mixture: MixtureTable) -> list[Mistake]:
    """Tasks and entries that have no rows together with any of the others."""
    found = []
    tasks, entries = mixture.named
    for task in tasks:
        if not any(catalogue.parts_of([task], entry) for entry in entries):
            have = ", ".join(catalogue.tasks[task].train_languages)
            found.append(
                Mistake("[space.mixture] tasks", repr(task), f"languages with rows: {have}")
            )
    for entry in entries:
        if not catalogue.parts_of(tasks, entry):
            rule = "an entry in which one of the tasks has rows"
            found.append(Mistake("[space.mixture] languages", repr(entry_name(entry)), rule))
    tasks, languages = mixture.mlm_text
    if tasks and not catalogue.parts_of(tasks, languages):
        have = ", ".join(catalogue.tasks[mixture.mlm_task].train_languages)
        where = "[space.mixture] mlm_languages"
        found.append(Mistake(where, repr(entry_name(languages)), f"some of: {have}"))
    return found


def _nowhere(catalogue: Catalogue, tasks: Iterable[str]) -> list[Mistake]:
    """Tasks that the catalogue knows and nobody may pass on."""
    rows = ((name, catalogue.tasks[name].data) for name in tasks)
    return [
        Mistake(
            "[space.mixture] tasks",
            f"{name!r}, whose rows nobody may pass on ({data.licence})",
            f"a [[task]] row with like = {name!r} and the `folder` where you have them",
        )
        for name, data in rows
        if data is not None and not data.folder and not data.hub
    ]
