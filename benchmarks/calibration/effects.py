"""What contrasts are asked in a calibration: weights of cells, and what they come to."""

import numpy as np

from benchmarks.calibration.simulator import MIDDLES, STARTS, Floats

Cell = tuple[str, str]


def _weights(starts: dict[str, float], middles: dict[str, float]) -> Floats:
    return np.outer(
        [starts.get(name, 0.0) for name in STARTS], [middles.get(name, 0.0) for name in MIDDLES]
    )


_PICTURES, _PLACEBO = {"multimodal": 1.0, "text": -1.0}, {"placebo": 1.0, "text": -1.0}
_ALL_STARTS = dict.fromkeys(STARTS, 1 / len(STARTS))
_ALL_MIDDLES = dict.fromkeys(MIDDLES, 1 / len(MIDDLES))
_TRAINED = {"non_european": 1.0, "none": -1.0}

SIMPLE = "intermediate, after multimodal alone"
CROSSED = "interaction"
NULL = "interaction, placebo (none there)"

EFFECTS: dict[str, Floats] = {
    "initialisation: multimodal - text": _weights(_PICTURES, _ALL_MIDDLES),
    "intermediate: non-European - none": _weights(_ALL_STARTS, _TRAINED),
    SIMPLE: _weights({"multimodal": 1.0}, _TRAINED),
    CROSSED: _weights(_PICTURES, {"non_european": 1.0, "english": -1.0}),
    NULL: _weights(_PLACEBO, _TRAINED),
}
"""Name -> [initialisations, intermediates] weights."""

CELLS: list[Cell] = [(start, middle) for start in STARTS for middle in MIDDLES]


def by_cell(weights: Floats) -> dict[Cell, float]:
    """Weights as the mixed model takes them."""
    return {cell: float(w) for cell, w in zip(CELLS, weights.ravel(), strict=True) if w}


def summed(weights: Floats, scores: Floats) -> Floats:
    """[...] the weighted sum of cells of [..., initialisations, intermediates]."""
    return np.asarray(np.einsum("...ij,ij->...", scores, weights))
