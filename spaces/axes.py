"""Axes of a search space, and the arms and shapes in which each of them exists."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

Scalar = str | int | float

ARMS = ("none", "intermediate", "equal_tokens", "same_rows")
"""``none`` and ``intermediate`` are searched; the other two are baselines that a study always has:
no intermediate at the length of one, and the target's own rows as the intermediate."""

SEARCHED_ARMS = ARMS[:2]

SLOTS = "ABCD"
"""Names of a chain's parts, in order."""

SHAPE = "mixture.shape"

WEIGHTS = "mixture.weights."
"""What the names of axes begin with that weigh mixtures of so many parts."""

LISTED = "mixture.chain"
"""Axis of a plan that lists its chains, in the place of shape and slots."""

CHAIN = ("mixture.", "intermediate.")
"""What the names of axes begin with that make up the chain of mixtures."""

SIGNS = {"joint": "+", "sequence": ">"}


class Suggester(Protocol):
    """What is needed of an Optuna trial."""

    def suggest_categorical(self, name: str, choices: Any, /) -> Any:
        """Pick one of the choices."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Pick a number."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter of the space."""

    name: str
    choices: tuple[Scalar, ...] = ()
    """Empty for a log-uniform range."""
    low: float = 0.0
    high: float = 0.0
    arms: tuple[str, ...] = ARMS
    """Arms in which the parameter exists."""
    shapes: tuple[str, ...] = ()
    """Shapes of the chain in which it exists; empty for all."""

    @property
    def may_grow(self) -> bool:
        """Whether it may gain choices while a study runs."""
        slots = [LISTED, *(f"mixture.{slot}" for slot in SLOTS)]
        return self.name == "initialisation" or self.name in slots

    def suggest(self, trial: Suggester) -> Any:
        """Draw a value."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        return trial.suggest_float(self.name, self.low, self.high, log=True)

    def nearest(self, reference: float) -> Scalar:
        """The value of this axis closest to a reference value."""
        if self.choices:
            return min(self.choices, key=lambda c: _ratio(float(c), reference))
        return min(max(reference, self.low), self.high)

    @property
    def words(self) -> str:
        """``a | b | c`` or ``low .. high (log)``."""
        if self.choices:
            return " | ".join(str(choice) for choice in self.choices)
        return f"{self.low:g} .. {self.high:g} (log)"

    def __str__(self) -> str:
        """``name: a | b | c``."""
        return f"{self.name}: {self.words}"


def _ratio(value: float, reference: float) -> float:
    """How far apart two numbers are by ratio; 0 is farther than any other."""
    return abs(math.log(value / reference)) if value else math.inf


def is_prefix(name: str) -> bool:
    """Whether an axis of this name decides what is trained up to the last intermediate phase."""
    return name == "initialisation" or name.startswith(CHAIN)


def is_weights(name: str) -> bool:
    """Whether an axis of this name weighs mixtures."""
    return name.startswith(WEIGHTS)


def distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    """Values in their order, each once: an axis has no choice twice."""
    return tuple(dict.fromkeys(values))


def shapes(most: int, order: Iterable[str]) -> tuple[str, ...]:
    """Shapes of chains of up to so many parts.

    ``A+B`` is one mixture of two parts, ``A>B`` a mixture after another: each of them a phase.

    Args:
        most: parts.
        order: ``joint``, ``sequence`` or both: how parts may follow one another.
    """
    signs = [SIGNS[one] for one in distinct(order)]
    return tuple(
        "".join(itertools.chain.from_iterable(zip(("", *between), SLOTS, strict=False)))
        for size in range(1, most + 1)
        for between in itertools.product(signs, repeat=size - 1)
    )


def mixtures_of(shape: str) -> list[list[str]]:
    """Slots of each mixture of a chain: ``A+B>C`` is [[A, B], [C]]."""
    return [mixture.split(SIGNS["joint"]) for mixture in shape.split(SIGNS["sequence"])]
