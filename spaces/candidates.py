"""What a target may choose from: parts of mixtures, source languages; and what it may not, and why.

A candidate that is infeasible for one target still serves others, and so do its artifacts.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from spaces.catalogue import Catalogue
from spaces.fitting import reads_of, why_unfit
from spaces.mistakes import Mistake
from spaces.mixing import Pair
from spaces.plan import Plan
from spaces.plan_space import MixtureTable, entry_name, split_chain
from spaces.tasks import Task


@dataclass(frozen=True, slots=True)
class Infeasible:
    """One candidate of a plan that a target cannot have."""

    candidate: str
    reason: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one target may choose from."""

    parts: dict[str, tuple[Pair, ...]]
    """``task:languages`` -> its (task, language) pairs."""
    chains: tuple[str, ...]
    """Those that the plan lists, less the ones with an infeasible part."""
    sources: tuple[tuple[str, ...], ...]
    """Sets of source languages; empty for a target that is never trained."""
    masked: tuple[Pair, ...]
    """Text for masked language modelling beside a mixture."""
    initialisations: tuple[str, ...]
    """Those that can read all that the target's trials may read."""
    infeasible: tuple[Infeasible, ...]


def candidates(plan: Plan, catalogue: Catalogue, target: str) -> Candidates:
    """Feasible and infeasible candidates of a target, in the plan's order."""
    row, mixture = catalogue.tasks[target], plan.space.mixture
    parts: dict[str, tuple[Pair, ...]] = {}
    known: dict[frozenset[Pair], str] = {}
    refused: list[Infeasible] = []
    for task, entry in mixture.candidates if mixture else ():
        name, pairs = f"{task}:{entry_name(entry)}", tuple(catalogue.parts_of([task], entry))
        reason = _refusal(plan, catalogue, row, pairs) if pairs else "no training rows"
        same = known.get(frozenset(pairs)) if pairs else None
        if same and mixture and not mixture.chains:  # a listed chain calls its parts as it likes
            reason = f"the same as {same}"
        if reason:
            refused.append(Infeasible(name, reason))
        else:
            parts[name] = pairs
            known[frozenset(pairs)] = name
    sources, without = _sources(plan, catalogue, row)
    masked = catalogue.parts_of(*mixture.mlm_text) if mixture else []
    chains = _whole(mixture, parts) if mixture else ()
    used = _in_use(chains, parts) if mixture and mixture.chains else [*parts.values()]
    trained = [task for pairs in (*used, masked) for task, _ in pairs]
    starts, unfit = _initialisations(plan, catalogue, row, trained)
    return Candidates(parts, chains, sources, tuple(masked), starts, (*refused, *without, *unfit))


def _whole(table: MixtureTable, parts: Container[str]) -> tuple[str, ...]:
    """Listed chains all of whose parts are feasible."""
    return tuple(c for c in table.chains if all(p in parts for m in split_chain(c) for p in m))


def _in_use(chains: Iterable[str], parts: Mapping[str, tuple[Pair, ...]]) -> list[tuple[Pair, ...]]:
    """Pairs of the parts of some listed chains."""
    return [parts[p] for chain in chains for mixture in split_chain(chain) for p in mixture]


def _initialisations(
    plan: Plan, catalogue: Catalogue, row: Task, trained: Iterable[str]
) -> tuple[tuple[str, ...], list[Infeasible]]:
    """Initialisations that can read the target and every part, and why the others cannot.

    One that cannot read a single part is infeasible for the target as a whole, not with this part
    alone. All initialisations of a target then choose from the same chains: a difference between
    two of them is never one of what they could choose from. And what Optuna may draw under one name
    cannot depend on what it drew under another; the alternatives (another part in the place of the
    drawn one, or a trial that fails) would give other settings than those that were drawn.

    Args:
        plan: names the initialisations.
        catalogue: has their rows, with what was read of their checkpoints.
        row: the target.
        trained: tasks of all parts that its trials may train on in between.
    """
    reads = reads_of(plan, catalogue, row, trained)
    found, refused = [], []
    for name in plan.space.initialisations:
        shape = catalogue.initialisations[name].encoder
        if why := why_unfit(reads, shape) if shape else "":
            refused.append(Infeasible(f"initialisation {name}", why))
        else:
            found.append(name)
    return tuple(found), refused


def _refusal(plan: Plan, catalogue: Catalogue, target: Task, pairs: tuple[Pair, ...]) -> str:
    """Why a target cannot have a part; empty where it can."""
    task = catalogue.tasks[pairs[0][0]]
    if plan.space.commercial_only and not is_commercial(task):
        return f"licence {_licence(task)!r} does not allow commercial use"
    scored = {catalogue.tongue(code) for code in target.languages}
    kept = {catalogue.tongue(code) for code in plan.targets.reserve} & scored
    reserved = [code for _, code in pairs if catalogue.tongue(code) in kept]
    if reserved and task.skill == target.skill:
        return f"supervises {', '.join(reserved)} in {task.skill!r}, which is reserved"
    return ""


def _sources(
    plan: Plan, catalogue: Catalogue, row: Task
) -> tuple[tuple[tuple[str, ...], ...], list[Infeasible]]:
    """Sets of source languages that every phase of a target's recipe has rows in."""
    found, refused = [], []
    for codes in plan.space.source_languages if row.recipe else ():
        name = f"source languages {'+'.join(codes)}"
        without = [
            f"no training rows of {training!r} in {code}"
            for training in row.recipe
            for code in codes
            if code not in catalogue.tasks[training].train_languages
        ]
        reserved = [f"{code} is reserved" for code in codes if code in plan.targets.reserve]
        if without or reserved:
            refused.append(Infeasible(name, "; ".join(without + reserved)))
        else:
            found.append(codes)
    return tuple(found), refused


def is_commercial(task: Task) -> bool:
    """Whether a task's rows may be used commercially; generated ones may."""
    return task.data is None or task.data.commercial is True


def _licence(task: Task) -> str:
    return (task.data.licence if task.data else "") or "not stated"


def impossible(plan: Plan, target: str, found: Candidates, trained: bool) -> Iterator[Mistake]:
    """A target that its plan leaves nothing to choose from."""
    why = "; ".join(f"{one.candidate}: {one.reason}" for one in found.infeasible)
    table = plan.space.mixture
    if table and not (found.chains if table.chains else found.parts):
        yield Mistake(f"[space.mixture] for target {target!r}", why, "one feasible candidate")
    if not found.initialisations:
        rule = "one feasible initialisation: lower max_tokens in [[task]] rows, or name others"
        yield Mistake(f"[space] initialisations for target {target!r}", why, rule)
    if trained and not found.sources:
        yield Mistake(f"[space] source_languages for target {target!r}", why, "one feasible set")


def licence_mistakes(plan: Plan, catalogue: Catalogue) -> Iterator[Mistake]:
    """What a plan cannot do without, and may not use where it is ``commercial_only``."""
    if not plan.space.commercial_only:
        return
    rule = "a licence that allows it (`commercial = true` in a row of your own says so)"
    for target in plan.targets.tasks:
        for name in catalogue.tasks[target].recipe:
            task = catalogue.tasks[name]
            if not is_commercial(task):
                where = f"[space] commercial_only: {name!r} trains {target!r}"
                yield Mistake(where, _licence(task), rule)
    for name in plan.space.mixture.mlm_text[0] if plan.space.mixture else ():
        task = catalogue.tasks[name]
        if not is_commercial(task):
            where = f"[space] commercial_only: {name!r} is the masked text of mixtures"
            yield Mistake(where, _licence(task), rule)
    for name in plan.space.initialisations:
        start = catalogue.initialisations[name]
        if start.path and start.commercial is not True:
            where = f"[space] commercial_only: initialisation {name!r}"
            yield Mistake(where, start.licence or "not stated", rule)
