"""What becomes of the best of several trials: its luck, its name, and its interval."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from analysis.inference import noise_variance, paired_interval, shrink
from benchmarks.calibration.lines import Line
from benchmarks.calibration.paired import Shares, holds
from benchmarks.calibration.simulator import NORMAL, UNEQUAL, Noise, Search, search

TRIALS = (8, 24, 60)
SETS = (1, 3, 5, 10)
TOP = 3
CONFIRMED = 5
"""Sets of fresh seeds."""

LUCK = "The best of several trials: what is told of it minus the truth, in points"
GAINS = "Intervals of a confirmation: per cent that hold the truth"
NAMED = "The setting with the best mean: per cent that it is the best, or within a point of it"

RAW, SHRUNKEN = "search score", "search score, shrunken"
FRESH, LUCKIEST = "mean of five fresh sets", f"best of {TOP} such means"
DRAWN = f"best of {TOP} such means, shrunken"


def luck(rng: np.random.Generator, studies: int) -> Iterator[Line]:
    """How much too high the winner of a search is told, and how well its gain is covered."""
    for noise in (NORMAL, UNEQUAL):
        for trials in TRIALS:
            told: dict[str, list[float]] = defaultdict(list)
            shares = Shares()
            for _ in range(studies):
                _confirm(rng, search(rng, trials, noise), told, shares)
            yield from _luck_lines(told, noise, trials, studies)
            for name in shares.asked:
                column = f"{noise.name}, of {trials}"
                yield Line(GAINS, name, column, shares.of(name), shares.asked[name], "covers")


def _luck_lines(
    told: dict[str, list[float]], noise: Noise, trials: int, studies: int
) -> Iterator[Line]:
    raw = float(np.mean(told[RAW]))
    for name, values in told.items():
        mean, error = float(np.mean(values)), float(np.std(values)) / np.sqrt(studies)
        about = (LUCK, name, f"{noise.name}, of {trials}", mean, studies)
        if name == FRESH:
            yield Line(*about, "about", 0.0, 3.5 * error, in_points=True)
        elif name == SHRUNKEN:
            yield Line(*about, "about", 0.0, max(0.0, raw), in_points=True)
        else:
            yield Line(*about, in_points=True)


def _confirm(
    rng: np.random.Generator, found: Search, told: dict[str, list[float]], shares: Shares
) -> None:
    """Confirm the best three with both baselines of the first, and book what is told of them."""
    first, *others = np.argsort(-found.scores)[:TOP]
    tuned = int(np.flatnonzero(found.plain)[found.scores[found.plain].argmax()])
    picked = [first, *others, tuned]
    truth = np.array([*found.truth[picked], found.matched[first]])
    table = found.fresh(
        rng, truth, np.array([*found.spread[picked], found.spread[first]]), CONFIRMED
    )
    means = table.mean(axis=1)
    # What all settings of a set have in common is nobody's luck.
    shared = float((table - truth[:, None]).mean())
    arm = found.plain == found.plain[first]
    noise = noise_variance(table)
    drawn_in = shrink(found.scores[arm], noise * CONFIRMED)
    told[RAW].append(found.scores[first] - truth[0])
    told[SHRUNKEN].append(float(drawn_in.max()) - truth[0])
    told[FRESH].append(means[0] - truth[0] - shared)
    best = int(means[:TOP].argmax())
    told[LUCKIEST].append(means[best] - truth[best] - shared)
    told[DRAWN].append(float(shrink(means[:TOP], noise)[best]) - truth[best] - shared)
    if not found.plain[first]:
        for name, at in (("against the tuned baseline", -2), ("against the matched one", -1)):
            difference = paired_interval(table[0] - table[at])
            shares.add(name, holds(difference, truth[0] - truth[at]))
    shares.add("mean of the first finalist", holds(paired_interval(table[0]), truth[0]))


def naming(rng: np.random.Generator, studies: int) -> Iterator[Line]:
    """How often the setting with the best mean is the best, were every trial run with n sets."""
    for trials in TRIALS:
        for sets in SETS:
            shares = Shares()
            for _ in range(studies):
                found = search(rng, trials)
                table = found.fresh(rng, found.truth, found.spread, sets)
                behind = found.truth.max() - found.truth[table.mean(axis=1).argmax()]
                shares.add("the best", behind == 0)
                shares.add("within a point", behind <= 1)
            for name in shares.asked:
                row, column = f"{name}, {trials} trials", f"n = {sets}"
                yield Line(NAMED, row, column, shares.of(name), studies)
