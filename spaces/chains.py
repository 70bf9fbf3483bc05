"""Chains of mixtures: their axes, and the way from one value per axis to what is trained.

An intermediate is a chain of mixtures, each a phase whose parent is the one before, so ``A`` is
shared by ``A`` and ``A>B``. A mixture has one or several parts, each some task in some languages.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from spaces.axes import LISTED, SHAPE, SLOTS, WEIGHTS, Axis, distinct, mixtures_of, shapes
from spaces.candidates import Candidates
from spaces.mixing import Pair, Shares, by_size, by_weight, simplex, weights_of, with_masked
from spaces.plan_space import MixtureTable, split_chain
from spaces.settings import Mixture, Optimisation, Part, SizeOf


class UnknownSize(ValueError):
    """Proportions by size, of rows that nobody has counted."""


MIXED = ("intermediate",)
"""The arm whose mixtures are searched."""

ROWS_LIMITS = ("mixture.rows_cap", "mixture.rows_total")
"""Axes that limit the rows of each part, and of a whole mixture."""


def mixture_axes(table: MixtureTable, found: Candidates) -> Iterator[Axis]:
    """Axes of the intermediate arm, less those that have nothing to choose."""
    yield from _listed(table, found) if table.chains else _combined(table, found)
    if table.mlm_shares:
        yield Axis("mixture.mlm_share", distinct(table.mlm_shares), arms=MIXED)
    for name, limits in zip(ROWS_LIMITS, (table.rows_caps, table.rows_totals), strict=True):
        if limits:
            yield Axis(name, distinct(limits), arms=(*MIXED, "same_rows"))


def _combined(table: MixtureTable, found: Candidates) -> Iterator[Axis]:
    """Chains of any candidates: their shape, what stands in each slot, and how it is weighed."""
    kinds = shapes(table.max_parts, table.order)
    if len(kinds) > 1:
        yield Axis(SHAPE, kinds, arms=MIXED)
    for slot in SLOTS[: table.max_parts]:
        holding = tuple(kind for kind in kinds if slot in kind)
        yield Axis(f"mixture.{slot}", tuple(found.parts), arms=MIXED, shapes=holding)
    for size in range(1, table.max_parts + 1):
        holding = tuple(k for k in kinds if any(len(m) == size for m in mixtures_of(k)))
        if holding and len(choices := _weight_choices(table, size, found)) > 1:
            yield Axis(_weights_axis(size), choices, arms=MIXED, shapes=holding)


def _listed(table: MixtureTable, found: Candidates) -> Iterator[Axis]:
    """The chains that a plan lists, less those with a part that the target cannot have."""
    yield Axis(LISTED, distinct(found.chains), arms=MIXED)
    for size in sorted({len(mixture) for chain in found.chains for mixture in split_chain(chain)}):
        if len(choices := _weight_choices(table, size, found)) > 1:
            yield Axis(_weights_axis(size), choices, arms=MIXED)


def _weights_axis(size: int) -> str:
    return f"{WEIGHTS}{size}"


def _weight_choices(table: MixtureTable, size: int, found: Candidates) -> tuple[str, ...]:
    """Ways to weigh a mixture of so many parts: ``1:1``, ``1:3``, ``T=2``, ``T=2 cap=131072``."""
    points: list[tuple[int, ...]] = [(1,) * size]
    if table.temperatures:
        points = []
    if table.weight_step:
        points = list(simplex(size, round(1 / table.weight_step)))
    several = size > 1 or any(len(pairs) > 1 for pairs in found.parts.values())
    sizes = [
        f"T={temperature:g}" + (f" cap={cap}" if cap else "")
        for temperature in ((table.temperatures or ()) if several else ())
        for cap in (table.caps or (None,))
    ]
    return distinct([*(":".join(map(str, point)) for point in points), *sizes])


def chain(
    values: Mapping[str, Any],
    table: MixtureTable,
    found: Candidates,
    optimise: Callable[[Collection[str]], Optimisation],
    size_of: SizeOf,
) -> tuple[Mixture, ...]:
    """The mixtures that one value per axis means.

    Args:
        values: of every axis of the intermediate arm.
        table: the plan's.
        found: what the target may choose from.
        optimise: hyperparameters of a mixture of some tasks.
        size_of: training rows of a part.

    Raises:
        UnknownSize: proportions by size, of parts whose rows nobody has counted.
    """
    found_shares = [_shares(n, values, table, found, size_of) for n in _named(values, table)]
    return tuple(
        mixture(shares, values, optimise({task for task, _ in shares}), size_of)
        for shares in found_shares
    )


def mixture(
    shares: Shares, values: Mapping[str, Any], optimisation: Optimisation, size_of: SizeOf
) -> Mixture:
    """One mixture of some shares, with the limits on rows that bind."""
    parts = tuple(
        Part(task=task, language=language, weight=weight)
        for (task, language), weight in weights_of(shares).items()
    )
    made = Mixture(
        parts=parts,
        optimisation=optimisation,
        rows_cap=values.get(ROWS_LIMITS[0]),
        rows_total=values.get(ROWS_LIMITS[1]),
    )
    return made.without_idle_limits(size_of)


def _named(values: Mapping[str, Any], table: MixtureTable) -> list[list[str]]:
    """Candidates of each mixture of a chain."""
    if table.chains:
        return split_chain(values[LISTED])
    shape = values.get(SHAPE) or shapes(table.max_parts, table.order)[0]
    return [[values[f"mixture.{slot}"] for slot in slots] for slots in mixtures_of(shape)]


def _shares(
    names: list[str],
    values: Mapping[str, Any],
    table: MixtureTable,
    found: Candidates,
    size_of: SizeOf,
) -> Shares:
    """Shares of the parts of some candidates."""
    groups = [found.parts[name] for name in names]
    only = _weight_choices(table, len(names), found)
    weighing = str(values.get(_weights_axis(len(names)), only[0] if only else "1"))
    if weighing.startswith("T="):
        shares = _sized(groups, weighing, size_of)
    else:
        shares = by_weight(groups, [int(weight) for weight in weighing.split(":")])
    return with_masked(shares, found.masked, values.get("mixture.mlm_share", 0.0))


def _sized(groups: list[tuple[Pair, ...]], weighing: str, size_of: SizeOf) -> Shares:
    """Shares by size: the parts of all groups together, each once."""
    fields = dict(field.split("=") for field in weighing.split())
    pairs = distinct(pair for group in groups for pair in group)
    sizes = {pair: size for pair in pairs if (size := size_of(pair))}
    if missing := [f"{task}:{code}" for task, code in pairs if (task, code) not in sizes]:
        raise UnknownSize(
            f"{weighing!r} weighs by size, and nobody has counted the rows of {missing}: "
            "give their tasks train_rows, or let a study count them"
        )
    return by_size(sizes, float(fields["T"]), int(fields["cap"]) if "cap" in fields else None)
