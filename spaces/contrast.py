"""A contrast: the cells of each target, what had to be left out of them, and their seeds.

What one target cannot have is left out in all of its cells: an initialisation with every
intermediate, an intermediate with every initialisation. What remains is balanced.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spaces.axes import LISTED, SHAPE
from spaces.chains import UnknownSize
from spaces.mistakes import Mistake, nearest
from spaces.plan import Plan
from spaces.plan_space import entry_name, split_chain
from spaces.replicates import fresh_seeds
from spaces.selection import Cut
from spaces.settings import Seeds, TransferSetting
from spaces.suggest import Space, baselines, reference_values

CONTRAST = "contrast"
"""Role of a contrast's trials, and what their seeds are drawn for."""

NONE = "none"

RowsAt = tuple[str, str, str]
"""Task, language, split."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One initialisation with one intermediate, at reference hyperparameters."""

    initialisation: str
    intermediate: str
    """As the plan names it."""
    setting: TransferSetting


@dataclass(frozen=True, slots=True)
class Contrast:
    """The contrast of one target; without cells where its plan has none."""

    initialisations: tuple[str, ...] = ()
    intermediates: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    """What the plan asks for and the target cannot have -> why."""
    sets: tuple[int, ...] = ()
    """Numbers of the sets of seeds."""

    @property
    def planned(self) -> int:
        """How many trials there are."""
        return len(self.initialisations) * len(self.intermediates) * len(self.sets)

    def cells(self, space: Space) -> Iterator[Cell]:
        """Every cell, intermediate by intermediate.

        So trials that follow one another start from several initialisations, which are pretrained
        at the same time where they are made here.

        Raises:
            UnknownSize: proportions by size, of parts whose rows nobody has counted.
        """
        for intermediate in self.intermediates:
            for initialisation in self.initialisations:
                values = {**_values(space, intermediate), "initialisation": initialisation}
                yield Cell(initialisation, intermediate, space.setting(values))


def contrast_of(space: Space) -> Contrast:
    """The contrast that a plan asks for, as far as a target can have it."""
    table = space.plan.contrast
    if table is None:
        return Contrast()
    starts, names = asked(space.plan)
    reasons = {one.candidate: one.reason for one in space.candidates.infeasible}
    feasible = {str(name) for name in space.axis("initialisation").choices}
    levels = {NONE, *space.candidates.parts, *space.candidates.chains}
    without = {n: reasons.get(f"initialisation {n}", "") for n in starts if n not in feasible}
    without |= {name: _why(name, reasons) for name in names if name not in levels}
    without |= _repeated(space, [name for name in names if name not in without])
    return Contrast(
        initialisations=tuple(name for name in starts if name not in without),
        intermediates=tuple(name for name in names if name not in without),
        left_out=without,
        sets=table.sets,
    )


def asked(plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Initialisations and intermediates of a plan's contrast, feasible or not; none without one."""
    table = plan.contrast
    if table is None:
        return (), ()
    return (
        table.initialisations or plan.space.initialisations,
        table.intermediates or (NONE, *_candidates(plan)),
    )


def _candidates(plan: Plan) -> tuple[str, ...]:
    """What may stand in between, by the plan's own names."""
    mixture = plan.space.mixture
    if mixture is None or mixture.chains:
        return mixture.chains if mixture else ()
    return tuple(f"{task}:{entry_name(entry)}" for task, entry in mixture.candidates)


def _why(name: str, reasons: Mapping[str, str]) -> str:
    """Why a target cannot have an initialisation, a candidate, or a part of a listed chain."""
    parts = [part for mixture in split_chain(name) for part in mixture if part in reasons]
    return reasons.get(name) or "; ".join(f"{part}: {reasons[part]}" for part in parts)


def _repeated(space: Space, names: list[str]) -> dict[str, str]:
    """Intermediates that train what an earlier one trains: two cells would be one."""
    known: dict[Any, str] = {}
    found = {}
    for name in names:
        first = known.setdefault(_trained(space, name), name)
        if first != name:
            found[name] = f"the same as {first}"
    return found


def _trained(space: Space, intermediate: str) -> Any:
    """What stands in between; its name, as long as nobody knows the sizes it follows from."""
    try:
        return space.chain(_values(space, intermediate))
    except UnknownSize:
        return intermediate


def _values(space: Space, intermediate: str) -> dict[str, Any]:
    """One value per axis: those of the baselines, and the first of every other axis."""
    plain = baselines(space)[0]
    if intermediate == NONE:
        return plain
    shapes = [str(axis.choices[0]) for axis in space.axes if axis.name == SHAPE]
    active = [*space.in_arm("intermediate", shapes[0] if shapes else None)]
    first = {axis.name: axis.choices[0] for axis in active if axis.name.startswith("mixture.")}
    first[LISTED if LISTED in first else "mixture.A"] = intermediate
    return {**plain, **first, **reference_values(space, "intermediate"), "arm": "intermediate"}


def contrast_seeds(plan: Plan) -> dict[int, Seeds]:
    """Number of each set -> its seeds: the same in all cells, and none of them the search's."""
    table, seed = plan.contrast, plan.study.seed
    if table is None:
        return {}
    return {n: fresh_seeds(CONTRAST, seed, n, table.start(n)) for n in table.sets}


def averaged(plan: Plan, cut: Cut, scored: Container[str]) -> tuple[str, ...]:
    """Languages that a contrast's scores are over: asked for, or the objective's, and scored.

    Args:
        plan: has a contrast.
        cut: of the target.
        scored: languages that the target's trials are scored in.
    """
    named = plan.contrast.languages if plan.contrast else None
    return tuple(code for code in named or cut.objective if code in scored)


def contrast_identity(plan: Plan) -> dict[str, Any]:
    """What of a contrast makes a study another one; nothing where a plan has none."""
    table = plan.contrast
    if table is None:
        return {}
    starts, names = asked(plan)
    said = {
        "seeds": list(table.sets),
        "initialisations": list(starts),
        "intermediates": list(names),
        "initialisation_seeds": table.initialisation_seeds or "one per set",
        "languages": list(table.languages) if table.languages else "the objective's",
    }
    return {CONTRAST: said}


GROWING = ("seeds", "initialisations", "intermediates")
"""What of a contrast may gain entries while a study runs."""


def contrast_mistakes(
    plan: Plan, spaces: Mapping[str, Space], scored: Mapping[str, tuple[RowsAt, ...]]
) -> Iterator[Mistake]:
    """What is wrong with a plan's contrast.

    Args:
        plan: its form is checked.
        spaces: of its targets, as far as they could be made.
        scored: target -> what its trials are scored on.
    """
    if plan.contrast is None:
        return
    levels = (plan.space.initialisations, (NONE, *_candidates(plan)))
    for name, given, valid in zip(GROWING[1:], asked(plan), levels, strict=True):
        if wrong := [one for one in given if one not in valid]:
            where = "[space.mixture]" if name == "intermediates" else "[space]"
            rule = f"{nearest(wrong[0], valid)}; {where} says what there is"
            yield Mistake(f"[contrast] {name}", ", ".join(map(repr, wrong)), rule)
            return
    for target, space in spaces.items():
        found = contrast_of(space)
        if not found.planned:
            why = "; ".join(f"{name}: {reason}" for name, reason in found.left_out.items())
            yield Mistake(f"[contrast] for target {target!r}", why, "one cell that it can have")
    yield from _language_mistakes(plan.contrast.languages or (), scored)


def _language_mistakes(
    named: tuple[str, ...], scored: Mapping[str, tuple[RowsAt, ...]]
) -> Iterator[Mistake]:
    """Languages that no target scores, and targets that score none of them."""
    codes = {target: {code for _, code, _ in parts} for target, parts in scored.items()}
    if wrong := [code for code in named if not any(code in there for there in codes.values())]:
        rule = f"languages that are scored: {nearest(wrong[0], set().union(*codes.values()))}"
        yield Mistake("[contrast] languages", ", ".join(map(repr, wrong)), rule)
        return
    for target, there in codes.items():
        if named and not there & set(named):
            rule = f"one that {target!r} scores: {', '.join(sorted(there))}"
            yield Mistake("[contrast] languages", ", ".join(map(repr, named)), rule)
