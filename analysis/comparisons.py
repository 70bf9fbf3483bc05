"""What the cells of a contrast can compare: weighted sums of cells whose weights sum to zero.

A main effect, a simple effect and an interaction are all such sums, so one estimator serves them,
and an interaction is the difference of two effects by construction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.claims import claim, default_pairs
from spaces.contrast import NONE
from spaces.initialisations import Initialisation
from spaces.languages import HUB_GROUP
from spaces.mistakes import nearest
from spaces.plan_space import split_chain
from spaces.study import StudyRecord

Cell = tuple[str, str]
"""Initialisation, intermediate."""

Weights = dict[str, float]
"""Level of one factor -> its weight."""

Factor = Literal["initialisation", "intermediate", "group"]
FACTORS = ("initialisation", "intermediate", "group")

MIXED = "mixed"
"""Group of an intermediate with languages of several groups."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One difference, or difference of differences."""

    effect: str
    contrasted: str
    baseline: str
    averaged_over: tuple[str, ...]
    weights: dict[Cell, float]
    claim: str

    @property
    def name(self) -> tuple[str, str]:
        """What it is, whatever the target."""
        return self.contrasted, self.baseline


@dataclass(frozen=True, slots=True)
class Design:
    """The two factors of one target's contrast."""

    initialisations: tuple[str, ...]
    intermediates: tuple[str, ...]
    groups: dict[str, str]
    """Intermediate -> group of its languages; those in none are not there."""
    like_tasks: bool
    """Whether groups are compared task by task: true of derived groups, whose intermediates may be
    of several tasks; what a user maps is compared as it stands."""
    rows: Mapping[str, Initialisation]

    @classmethod
    def of(
        cls, record: StudyRecord, target: str, groups: Mapping[str, str] | None = None
    ) -> "Design":
        """The design of a target; without levels where its plan has no contrast.

        Args:
            record: of the study.
            target: one of its targets.
            groups: intermediate -> group; None for those of the plan's language grouping.

        Raises:
            ValueError: it maps what the plan's contrast does not name.
        """
        found = record.contrasts[target]
        own = groups if groups is not None else intermediate_groups(record, target)
        every = {name for one in record.contrasts.values() for name in one.intermediates}
        if every and (wrong := [name for name in groups or () if name not in every]):
            raise ValueError(f"groups: {wrong[0]!r}: expected {nearest(wrong[0], every)}")
        return cls(
            initialisations=found.initialisations,
            intermediates=found.intermediates,
            groups={name: own[name] for name in found.intermediates if name in own},
            like_tasks=groups is None,
            rows=record.catalogue.initialisations,
        )

    def side(self, name: str) -> Weights | None:
        """Weights of an intermediate, or of the mean of a group; None where it is neither."""
        if name in self.intermediates:
            return {name: 1.0}
        return _uniform([one for one, group in self.groups.items() if group == name])

    def difference(self, first: str, second: str) -> Weights | None:
        """First minus second, of intermediates or groups; None where a side is empty."""
        by_group = not {first, second} & set(self.intermediates)
        if by_group and self.like_tasks:
            return self._task_by_task(first, second)
        ours, theirs = self.side(first), self.side(second)
        return _minus(ours, theirs) if ours and theirs else None

    def _task_by_task(self, first: str, second: str) -> Weights | None:
        """First minus second over the tasks that both have: language alone shall differ."""
        found: dict[str, dict[tuple[tuple[str, ...], ...], list[str]]] = {first: {}, second: {}}
        for name, group in self.groups.items():
            if group in found:
                found[group].setdefault(tasks_of(name), []).append(name)
        shared = [tasks for tasks in found[first] if tasks in found[second]]
        total: Weights = {}
        for tasks in shared:
            ours, theirs = _uniform(found[first][tasks]), _uniform(found[second][tasks])
            assert ours and theirs
            for name, weight in _minus(ours, theirs).items():
                total[name] = total.get(name, 0.0) + weight / len(shared)
        return total or None


def intermediate_groups(record: StudyRecord, target: str) -> dict[str, str]:
    """Intermediate of a target's contrast -> group of its languages, by the plan's grouping.

    ``mixed`` where there are several; ``none`` is a group of its own.
    """
    parts = record.spaces[target].candidates.parts
    languages = record.catalogue.languages
    groups = {}
    for name in record.contrasts[target].intermediates:
        pairs = [pair for m in split_chain(name) for p in m if p in parts for pair in parts[p]]
        found = {languages[code].group for _, code in pairs} or {NONE}
        groups[name] = found.pop() if len(found) == 1 else MIXED
    return groups


def tasks_of(intermediate: str) -> tuple[tuple[str, ...], ...]:
    """Tasks of each mixture of an intermediate, without languages: ``nli:esho`` is ((nli,),)."""
    return tuple(
        tuple(part.partition(":")[0] for part in mixture) for mixture in split_chain(intermediate)
    )


def _uniform(names: Sequence[str]) -> Weights | None:
    return {name: 1 / len(names) for name in names} or None


def _minus(ours: Weights, theirs: Weights) -> Weights:
    names = dict.fromkeys((*ours, *theirs))
    both = {name: ours.get(name, 0.0) - theirs.get(name, 0.0) for name in names}
    return {name: weight for name, weight in both.items() if weight}


def _crossed(starts: Weights, middles: Weights) -> dict[Cell, float]:
    return {(a, b): x * y for a, x in starts.items() for b, y in middles.items()}


def main_effects(
    design: Design, factor: str, baseline: str | None, over: Iterable[str] | None
) -> list[Comparison]:
    """What one factor does, the other averaged over.

    Args:
        design: of a target.
        factor: one of ``FACTORS``.
        baseline: what all other levels are compared with; None for pairs of twins and of a right
            and a wrong picture; of intermediates for ``none``; of groups for English.
        over: levels of the other factor; None for all. Those that the target lacks are left out.
    """
    if factor == "initialisation":
        return _initialisation_effects(design, baseline, over)
    names = list(design.intermediates)
    if factor == "group":
        names = list(dict.fromkeys(design.groups.values()))
    first = baseline or default_baseline(names, factor)
    wanted = [name for name in design.initialisations if over is None or name in set(over)]
    starts = _uniform(wanted)
    found = []
    for name in names:
        middles = design.difference(name, first) if first and name != first else None
        skipped = factor == "group" and not baseline and name == NONE
        if middles and starts and not skipped:
            words = "these intermediate rows, after these initialisations"
            weights = _crossed(starts, middles)
            found.append(Comparison(factor, name, first, tuple(starts), weights, words))
    return found


def default_baseline(names: Sequence[str], factor: str) -> str:
    """English of groups, else ``none``, else the first; empty where there is none."""
    preferred = [HUB_GROUP, NONE] if factor == "group" else [NONE]
    return next((name for name in preferred if name in names), names[0] if names else "")


def _initialisation_effects(
    design: Design, baseline: str | None, over: Iterable[str] | None
) -> list[Comparison]:
    names = design.initialisations
    given = None if over is None else {m for one in over for m in design.side(one) or ()}
    middles = _uniform([one for one in design.intermediates if given is None or one in given])
    pairs = default_pairs(design.rows, names)
    if baseline:
        pairs = [(name, baseline) for name in names if name != baseline and baseline in names]
    return [
        Comparison(
            "initialisation",
            first,
            second,
            tuple(middles),
            _crossed({first: 1.0, second: -1.0}, middles),
            claim(design.rows, names, first, second),
        )
        for first, second in pairs
        if middles
    ]


def interactions(
    design: Design,
    initialisations: tuple[str, str] | None,
    intermediates: tuple[str, str] | None,
) -> list[Comparison]:
    """Differences of differences: whether what an intermediate does depends on the start.

    Args:
        design: of a target.
        initialisations: a pair; None for twins, and right against wrong pictures.
        intermediates: a pair of intermediates or of groups; None for each group against English,
            or against ``none`` where there are no English rows.
    """
    names = design.initialisations
    starts = [initialisations] if initialisations else default_pairs(design.rows, names)
    return [
        Comparison(
            "interaction",
            f"{first}: {one} - {other}",
            f"{second}: {one} - {other}",
            (),
            _crossed({first: 1.0, second: -1.0}, middles),
            claim(design.rows, names, first, second),
        )
        for first, second in starts
        if {first, second} <= set(names)
        for one, other in ([intermediates] if intermediates else _group_pairs(design))
        if (middles := design.difference(one, other))
    ]


def _group_pairs(design: Design) -> list[tuple[str, str]]:
    groups = list(dict.fromkeys(design.groups.values()))
    first = default_baseline(groups, "group")
    return [(name, first) for name in groups if name not in (first, NONE)]


def checked_level(name: str, valid: Iterable[str], argument: str) -> None:
    """A level that no target has is a slip of the pen.

    Raises:
        ValueError: it is not among the valid ones, of which there are some.
    """
    known = dict.fromkeys(valid)
    if known and name not in known:
        raise ValueError(f"{argument}={name!r}: expected {nearest(name, known)}")
