"""The mixed model of complete tables in closed form: mean squares of strata, nothing is searched.

Of a complete table the restricted likelihood falls apart into strata, and its maximum is their mean
squares; where a spread would be negative, its stratum is pooled with what is left (Thompson 1962).
Sets are blocks: what they have in common cancels in every sum whose weights sum to zero, so their
own stratum bounds no other. An optimiser mostly finds the same; near such an edge two of them were
seen to differ by a sixth of a standard error.
"""

from collections.abc import Sequence

import numpy as np

from analysis.inference.intervals import Floats


def complete_table(
    scores: Floats, at: Sequence[int], sets: Sequence[object], cells: int
) -> Floats | None:
    """[sets, cells] where each set has each cell once, else None.

    Args:
        scores: [trials]
        at: [trials] place of each one's cell.
        sets: [trials]
        cells: how many there are.
    """
    names = list(dict.fromkeys(sets))
    table = np.full((len(names), cells), np.nan)
    table[[names.index(one) for one in sets], list(at)] = scores
    return table if len(scores) == table.size and np.isfinite(table).all() else None


def covariance(table: Floats, starts: int, middles: int) -> Floats:
    """[cells, cells] of the means over sets.

    Args:
        table: [sets, cells] at least two sets; cells are initialisations by intermediates, the
            intermediates of one initialisation side by side.
        starts: initialisations.
        middles: intermediates.
    """
    n = len(table)
    rest = table - table.mean(axis=0)
    parts = _projections(starts, middles)
    ranks = {name: round(float(np.trace(part))) for name, part in parts.items()}
    sums = {name: float(((rest @ part) ** 2).sum()) for name, part in parts.items()}
    squares = {name: sums[name] / (rank * (n - 1)) for name, rank in ranks.items() if rank}
    pooled = _pooled(squares, ranks)
    # Sets have no less in common than the strata below them make it.
    below = pooled.get("start", 0.0) + pooled.get("middle", 0.0) - pooled.get("cell", 0.0)
    pooled["set"] = max(squares["set"], below)
    return np.asarray(sum(pooled[name] * parts[name] for name in pooled)) / n


def _projections(starts: int, middles: int) -> dict[str, Floats]:
    """Stratum -> [cells, cells] what of a row of cells is its own."""
    one_start, one_middle = (np.full((k, k), 1 / k) for k in (starts, middles))
    own_start, own_middle = np.eye(starts) - one_start, np.eye(middles) - one_middle
    return {
        "cell": np.kron(own_start, own_middle),
        "start": np.kron(own_start, one_middle),
        "middle": np.kron(one_start, own_middle),
        "set": np.kron(one_start, one_middle),
    }


def _pooled(squares: dict[str, float], ranks: dict[str, int]) -> dict[str, float]:
    """Mean squares of strata, none of them below that of single cells."""
    above: tuple[str, ...] = ("start", "middle")
    found = {name: squares[name] for name in above if name in squares}
    if "cell" not in squares:
        return found
    own, weight, joined = squares["cell"], ranks["cell"], []
    for name in sorted(found, key=lambda name: found[name]):
        if found[name] < own:
            own = (own * weight + found[name] * ranks[name]) / (weight + ranks[name])
            weight += ranks[name]
            joined.append(name)
    return found | dict.fromkeys(joined, own) | {"cell": own}
