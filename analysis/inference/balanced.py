"""The mixed model of complete tables in closed form: mean squares of strata, nothing is searched.

Of a complete table the restricted likelihood falls apart into strata, and its maximum is their mean
squares (Thompson 1962). Where a spread would be negative its stratum is taken to be as wide as that
of single cells; the likelihood would pool the two, and then intervals of interactions are too
narrow. Sets are blocks: what they have in common cancels in every sum whose weights sum to zero. An
optimiser mostly finds the same; near such an edge two of them were seen to differ by a sixth of a
standard error.
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
    least = squares.get("cell", 0.0)
    return np.asarray(sum(max(square, least) * parts[name] for name, square in squares.items())) / n


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
