"""Which rows a step trains on, and how they are cut into micro-batches.

The order of rows is a pure function of (seed, step), so a resumed phase needs no loader state. The
cut decides memory and padding alone: the loss is a sum over the step's rows divided by their
number, however uneven the micro-batches are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spaces.keys import derived_seed


@dataclass(frozen=True)
class RowOrder:
    """The endless, seeded order of rows of a mixture's parts.

    Parts share the slots by their integer weights: a block of ``sum(weights)`` slots holds exactly
    ``weight`` rows of each part, in a shuffled pattern. Each part runs through all of its rows,
    newly shuffled, before one returns.
    """

    seed: int
    sizes: tuple[int, ...]
    """Rows of each part."""
    weights: tuple[int, ...]
    rows_per_step: int

    def step(self, step: int) -> NDArray[np.int64]:
        """Rows of one step: [rows_per_step, 2] of (part, row within the part)."""
        slots = np.arange(step * self.rows_per_step, (step + 1) * self.rows_per_step)
        pattern, rank = self._pattern()
        block, within = np.divmod(slots, len(pattern))
        parts = pattern[within]
        counts = block * np.asarray(self.weights)[parts] + rank[within]
        rows = [self._row(int(part), int(count)) for part, count in zip(parts, counts, strict=True)]
        return np.stack([parts, np.asarray(rows, dtype=np.int64)], axis=1)

    def _pattern(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Part of each slot of a block, and how many of that part came before it in the block."""
        return _block_pattern(self.seed, self.weights)

    def _row(self, part: int, count: int) -> int:
        epoch, position = divmod(count, self.sizes[part])
        return int(_shuffled(self.seed, part, epoch, self.sizes[part])[position])


@lru_cache(maxsize=64)
def _block_pattern(
    seed: int, weights: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    slots = np.repeat(np.arange(len(weights)), weights)
    pattern = np.random.default_rng(derived_seed("pattern", seed)).permutation(slots)
    rank = np.zeros_like(pattern)
    for part in range(len(weights)):
        mine = pattern == part
        rank[mine] = np.arange(int(mine.sum()))
    return pattern, rank


@lru_cache(maxsize=512)  # more than a mixture has parts: a step draws from any of them
def _shuffled(seed: int, part: int, epoch: int, size: int) -> NDArray[np.int64]:
    return np.random.default_rng(derived_seed("epoch", seed, part, epoch)).permutation(size)


def cut(
    lengths: Sequence[int], groups: Sequence[str], world_size: int, token_budget: int
) -> list[list[list[int]]]:
    """Cut a step's rows into micro-batches, for each rank the same number of them.

    Rows of like length stand together, one group (head) per micro-batch, and padded size stays
    within the budget. Every rank computes the same cut, so none has to ask another.

    Args:
        lengths: tokens of each row.
        groups: head of each row; rows of different heads never share a micro-batch.
        world_size: ranks the rows are dealt to.
        token_budget: most tokens, padding included, in a micro-batch; one row may exceed it.

    Returns:
        [rank][micro-batch] -> positions of rows. The micro-batches of one number have one head on
        all ranks, and a rank that lacks rows for one has it empty: collective operations must meet
        everywhere in the same order.
    """
    ranks: list[list[list[int]]] = [[] for _ in range(world_size)]
    for group in sorted(set(groups)):
        rows = [i for i, name in enumerate(groups) if name == group]
        rows.sort(key=lambda i: (-lengths[i], i))
        dealt = [_fill(rows[r::world_size], lengths, token_budget) for r in range(world_size)]
        most = max(len(batches) for batches in dealt)
        for batches, mine in zip(dealt, ranks, strict=True):
            mine += batches + [[]] * (most - len(batches))
    return ranks


def _fill(rows: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Fill micro-batches greedily; the first row of each is its longest."""
    batches: list[list[int]] = []
    for row in rows:
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= budget:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
