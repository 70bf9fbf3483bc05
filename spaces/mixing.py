"""Proportions of a mixture: equal, by size, or a point of a simplex, as small integers.

Settings hold integers, so that two mixtures that mean the same are the same.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

Pair = tuple[str, str]
"""Task and language of a part."""

Shares = dict[Pair, Fraction]
"""Part -> share of the rows; they sum to 1."""

UNITS = 1000
"""Finest proportions: a block of rows as long as this holds each part exactly as often as it
should, so finer ones would show in phases of many thousand rows alone."""


def by_weight(groups: Sequence[Sequence[Pair]], weights: Sequence[int]) -> Shares:
    """Shares of groups by weight; within a group its parts count alike.

    A part that stands in several groups gets the sum of its shares.
    """
    shares: Shares = {}
    for group, weight in zip(groups, weights, strict=True):
        for pair in group:
            share = Fraction(weight, sum(weights) * len(group))
            shares[pair] = shares.get(pair, Fraction()) + share
    return shares


def by_size(sizes: Mapping[Pair, int], temperature: float, cap: int | None = None) -> Shares:
    """Shares proportional to min(n, cap)^(1/T), in thousandths and each at least one of them.

    T = 1 is proportional to size, a large T nears equal shares. The rule is that of T5 and of
    jiant's task sampler (``jiant/proj/main/components/task_sampler.py``).
    """
    counted = [min(size, cap or size) for size in sizes.values()]
    scaled = [(size / max(counted)) ** (1 / temperature) for size in counted]  # never too large
    total = sum(scaled)
    units = rounded([value / total for value in scaled])
    return {pair: Fraction(unit, UNITS) for pair, unit in zip(sizes, units, strict=True)}


def with_masked(shares: Shares, masked: Sequence[Pair], share: float) -> Shares:
    """Shares beside masked text, which takes its own off all others alike."""
    taken = Fraction(share).limit_denominator(UNITS)
    if not taken:
        return shares
    left = {pair: value * (1 - taken) for pair, value in shares.items()}
    for pair in masked:
        left[pair] = left.get(pair, Fraction()) + taken / len(masked)
    return left


def weights_of(shares: Shares) -> dict[Pair, int]:
    """Integer weights in lowest terms; rounded where that takes more than ``UNITS`` of them."""
    unit = math.lcm(*(share.denominator for share in shares.values()))
    weights = [int(share * unit) for share in shares.values()]
    least = math.gcd(*weights)
    weights = [weight // least for weight in weights]
    if sum(weights) > UNITS:
        weights = rounded([float(share) for share in shares.values()])
    return dict(zip(shares, weights, strict=True))


def rounded(shares: Sequence[float]) -> list[int]:
    """Integers of sum ``UNITS`` by largest remainder, each at least 1."""
    spare = UNITS - len(shares)  # one is everybody's
    exact = [max(0.0, share * UNITS - 1) for share in shares]
    scale = spare / (sum(exact) or 1.0)
    floors = [math.floor(value * scale) for value in exact]
    rest = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i] * scale, i))
    for i in rest[: spare - sum(floors)]:
        floors[i] += 1
    return [1 + floor for floor in floors]


def simplex(parts: int, units: int) -> Iterator[tuple[int, ...]]:
    """All positive integer weights of so many parts that sum to ``units``, in lowest terms."""
    for cuts in itertools.combinations(range(1, units), parts - 1):
        edges = (0, *cuts, units)
        weights = [b - a for a, b in itertools.pairwise(edges)]
        least = math.gcd(*weights)
        yield tuple(weight // least for weight in weights)
