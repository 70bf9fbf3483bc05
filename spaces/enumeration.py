"""The whole of a space: how many distinct settings it holds, and each of them in order.

Two combinations of values may mean one setting (A+B is B+A): here each counts once.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from spaces.axes import CHAIN, SEARCHED_ARMS, SHAPE, Axis
from spaces.catalogue import Catalogue
from spaces.chains import UnknownSize
from spaces.plan import Plan
from spaces.settings import Mixture
from spaces.suggest import Space

MOST_COUNTED = 10_000
"""Combinations that are looked at one by one; of more, only an upper bound is told."""


def combinations(axes: list[Axis]) -> Iterator[dict[str, Any]]:
    """Every combination of the choices of some axes, the last one changing fastest."""
    for values in itertools.product(*(axis.choices for axis in axes)):
        yield {axis.name: value for axis, value in zip(axes, values, strict=True)}


def arms_of(space: Space) -> tuple[str, ...]:
    """Arms that are searched."""
    return SEARCHED_ARMS if space.plan.space.mixture else SEARCHED_ARMS[:1]


def _shapes(space: Space, arm: str) -> tuple[str | None, ...]:
    found = [axis.choices for axis in space.in_arm(arm) if axis.name == SHAPE]
    return tuple(str(choice) for choice in found[0]) if found else (None,)


def _active(space: Space, arm: str, shape: str | None) -> list[Axis]:
    """Axes of an arm and shape, without the two themselves."""
    return [axis for axis in space.in_arm(arm, shape) if axis.name != SHAPE]


def _fixed(space: Space, arm: str, shape: str | None) -> dict[str, Any]:
    values = {"arm": arm} if space.plan.space.mixture else {}
    return values | ({SHAPE: shape} if shape else {})


def _count(axes: list[Axis]) -> int:
    return math.prod(len(axis.choices) for axis in axes)


def _in_chain(axis: Axis) -> bool:
    return axis.name.startswith(CHAIN)


def chains(space: Space) -> set[tuple[Mixture, ...]] | None:
    """Distinct chains of mixtures.

    None where there are too many to count, a continuum, or proportions by sizes nobody knows yet.
    """
    found: set[tuple[Mixture, ...]] = set()
    for shape in _shapes(space, "intermediate"):
        axes = [axis for axis in _active(space, "intermediate", shape) if _in_chain(axis)]
        if not all(axis.choices for axis in axes) or _count(axes) > MOST_COUNTED:
            return None
        values = _fixed(space, "intermediate", shape)
        try:
            found |= {space.chain({**values, **more}) for more in combinations(axes)}
        except UnknownSize:
            return None
    return found


def bounded(space: Space) -> tuple[int, bool] | None:
    """Distinct settings, and whether that is exact or an upper bound; None for a continuum."""
    total, exact = 0, True
    for arm in arms_of(space):
        axes = [list(_active(space, arm, shape)) for shape in _shapes(space, arm)]
        if not all(axis.choices for one in axes for axis in one):
            return None
        known = chains(space) if arm == "intermediate" else set()
        if known:
            total += len(known) * _count([axis for axis in axes[0] if not _in_chain(axis)])
        else:
            total, exact = total + sum(map(_count, axes)), exact and arm == "none"
    return total, exact


def distinct_settings(space: Space) -> int | None:
    """How many settings the searched arms hold; None where an axis is continuous."""
    found = bounded(space)
    return found[0] if found else None


def settings_words(space: Space) -> str:
    """``392 distinct settings``."""
    found = bounded(space)
    if found is None:
        return "a continuum of settings"
    return f"{'' if found[1] else 'at most '}{found[0]} distinct settings"


def grid(space: Space) -> Iterator[dict[str, Any]]:
    """Values of every distinct setting of a space without ranges, no-intermediate ones first."""
    seen: set[str] = set()
    for arm in arms_of(space):
        for shape in _shapes(space, arm):
            for more in combinations(_active(space, arm, shape)):
                values = {**_fixed(space, arm, shape), **more}
                if (name := space.setting(values).setting_id) not in seen:
                    seen.add(name)
                    yield values


def describe(plan: Plan) -> str:
    """The space of each target in words, one axis a line."""
    catalogue = Catalogue.for_plan(plan)
    lines = []
    for target in plan.targets.tasks:
        space = Space.of(plan, target, catalogue)
        lines += [f"{target}: {settings_words(space)}", *(f"  {axis}" for axis in space.axes)]
    return "\n".join(lines)
