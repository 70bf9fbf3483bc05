"""Coverage of the mixed model, which pools spreads over all cells."""

from collections.abc import Iterator

import numpy as np

from analysis.inference import CellModel
from benchmarks.calibration.effects import CELLS, EFFECTS, NULL, SIMPLE, by_cell, summed
from benchmarks.calibration.lines import Line
from benchmarks.calibration.paired import Shares, holds
from benchmarks.calibration.simulator import NORMAL, SKEWED, TARGETS, UNEQUAL, Noise, contrast

INTERVALS = "Intervals of the mixed model: per cent that hold the truth"

CASES = ((NORMAL, 5), (NORMAL, 3), (NORMAL, 10), (SKEWED, 5), (UNEQUAL, 5))


def mixed(rng: np.random.Generator, fits: int) -> Iterator[Line]:
    """All effects of each fitted study: of one target, in turn, or of the mean over targets.

    Where spreads are unequal the model's assumption is broken, and nothing is promised.
    """
    for noise, sets in CASES:
        yield from _case(rng, fits, noise, sets)


def _case(rng: np.random.Generator, fits: int, noise: Noise, sets: int) -> Iterator[Line]:
    shares, failed = Shares(), 0
    units = np.repeat(np.arange(sets), len(CELLS)).tolist()
    for number in range(fits):
        study = contrast(rng, sets, noise)
        scores, expected = study.scores.mean(axis=4), study.expected.mean(axis=3)
        at = number % (len(TARGETS) + 1)
        overall = at == len(TARGETS)
        mine = scores.mean(axis=1) if overall else scores[:, at]
        truths = expected.mean(axis=0) if overall else expected[at]
        model = CellModel.fit(mine.ravel(), CELLS * sets, units)
        failed += not len(model.means)
        for name, weights in EFFECTS.items():
            found = model.effect(by_cell(weights))
            if np.isfinite(found.low):
                shares.add(name, holds(found, float(summed(weights, truths))))
                if name == NULL:
                    shares.add("null: p < 0.05", found.p < 0.05)
    column, kept = f"{noise.name}, n = {sets}", not noise.unequal
    for name in EFFECTS:
        # Of several strata it takes the fewest degrees of freedom: wider than need be.
        promise = ("covers at least" if name == SIMPLE else "covers") if kept else ""
        yield Line(INTERVALS, name, column, shares.of(name), fits, promise)
    name = "null: p < 0.05"
    yield Line(INTERVALS, name, column, shares.of(name), fits, "at most" if kept else "")
    yield Line(INTERVALS, "no fit found", column, failed / fits, fits)
