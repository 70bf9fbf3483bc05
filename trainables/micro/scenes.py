"""Scenes: what happens, before any language says it. A struct of arrays, one entry per scene."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from trainables.micro.vocabulary import KINDS, Ints

Flags = npt.NDArray[np.bool_]

# Chances of the measured design.
NAMED = 0.3
"""The agent has a proper name."""
COMPANY = 0.35
"""That name is a company's."""
PLACED = 0.6
"""The scene has a place."""
SAYS_COLOUR = 0.65
"""A description mentions the colour."""
SAYS_SIZE = 0.40
"""A description mentions the size."""


class _Rows:
    """Row access shared by the two structs below, which hold arrays or such structs."""

    __slots__ = ()

    def __getitem__(self, rows: Ints) -> Self:
        taken = {field.name: getattr(self, field.name)[rows] for field in fields(self)}  # type: ignore[arg-type]
        return type(self)(**taken)


@dataclass(frozen=True, kw_only=True, slots=True)
class Things(_Rows):
    """One participant per scene; every field is [n]."""

    shape: Ints
    colour: Ints
    size: Ints
    says_colour: Flags
    """Whether sentences mention the colour; it is there in any case."""
    says_size: Flags
    name: Ints
    """Proper name that is said instead of a description, -1 for none."""
    company: Flags
    """Whether the name is a company's."""

    def bare(self) -> "Things":
        """The same things with no attribute mentioned."""
        silent = np.zeros_like(self.says_colour)
        return replace(self, says_colour=silent, says_size=silent)

    def where(self, rows: Flags, others: "Things") -> "Things":
        """These things in some rows, [n] flags, and the others in the rest."""
        names = [field.name for field in fields(self)]
        return Things(
            **{name: np.where(rows, getattr(self, name), getattr(others, name)) for name in names}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenes(_Rows):
    """Scenes in which an agent does something to a patient; indexed by an array of rows."""

    agent: Things
    patient: Things
    """Never named, and of another shape than the agent, so that its shape alone identifies it."""
    action: Ints
    """[n]"""
    place: Ints
    """[n], a name, -1 for a scene without place. Names of places and of agents are the same 24."""

    def __len__(self) -> int:
        return len(self.action)

    @property
    def effect(self) -> Ints:
        """What the action does to the patient, [n]: each effect is that of two actions."""
        return self.action // 2

    def bare(self) -> "Scenes":
        """The same scenes with neither attributes nor places mentioned."""
        return replace(
            self,
            agent=self.agent.bare(),
            patient=self.patient.bare(),
            place=np.full_like(self.place, -1),
        )


def draw_scenes(count: int, rng: np.random.Generator) -> Scenes:
    """Draw ``count`` independent scenes."""
    agent = _draw_things(rng, rng.integers(len(KINDS["shape"]), size=count), NAMED)
    patient = _draw_things(rng, draw_unlike(rng, "shape", agent.shape), 0.0)
    placed = rng.random(count) < PLACED
    return Scenes(
        agent=agent,
        patient=patient,
        action=rng.integers(len(KINDS["action"]), size=count),
        place=np.where(placed, draw_unlike(rng, "name", agent.name), -1),
    )


def draw_unlike(rng: np.random.Generator, kind: str, *taken: Ints) -> Ints:
    """Draw one value of a kind per row, uniform over those not taken.

    Args:
        rng: Source of the draw.
        kind: Kind of concept, a name in ``KINDS``.
        *taken: Values to avoid, [n] each; -1 avoids nothing.

    Returns:
        Values, [n].
    """
    scores = rng.random((len(taken[0]), len(KINDS[kind])))
    for values in taken:
        rows = np.flatnonzero(values >= 0)
        scores[rows, values[rows]] = -1.0
    best: Ints = scores.argmax(axis=1)
    return best


def balanced(rng: np.random.Generator, count: int, values: int) -> Ints:
    """Numbers below ``values`` in equal shares (to within one) and in random order, [count]."""
    return rng.permutation(np.arange(count) % values)


def _draw_things(rng: np.random.Generator, shape: Ints, named: float) -> Things:
    count = len(shape)
    name = rng.integers(len(KINDS["name"]), size=count)
    name[rng.random(count) >= named] = -1
    return Things(
        shape=shape,
        colour=rng.integers(len(KINDS["colour"]), size=count),
        size=rng.integers(len(KINDS["size"]), size=count),
        says_colour=rng.random(count) < SAYS_COLOUR,
        says_size=rng.random(count) < SAYS_SIZE,
        name=name,
        company=(name >= 0) & (rng.random(count) < COMPANY),
    )
