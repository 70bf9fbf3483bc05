"""Whether as many sets as are said to be needed are enough."""

from collections.abc import Iterator

import numpy as np

from analysis.inference import (
    difference_power,
    equivalence_power,
    paired_interval,
    sets_needed,
    verdict,
)
from analysis.inference.verdicts import BETTER, NOT_ENOUGH, WORSE
from benchmarks.calibration.lines import Line
from benchmarks.calibration.paired import Shares
from benchmarks.calibration.simulator import NORMAL, SKEWED, Noise

POWER = "As many sets as are said to be needed: per cent of studies that find the answer"
QUESTIONS = ((2.9, 5.0), (2.9, 2.0), (6.4, 5.0))
"""Standard deviation of a paired difference, margin."""

LOOKED = "Sets added until a verdict comes, no difference there: per cent told as better or worse"
ENLARGED = ((2.9, 2.0), (2.9, 1.0))

MOST = 200
"""Sets at which such a study gives up."""

PILOT = 5
"""Sets of which a standard deviation may have been guessed."""

ROOM = 0.04


def power(rng: np.random.Generator, studies: int) -> Iterator[Line]:
    """Power of both answers at n and at n - 1 against what the formula says, and after a pilot."""
    for sd, margin in QUESTIONS:
        n = sets_needed(sd, margin)
        assert n is not None
        name = f"sd {sd}, margin {margin}"
        for noise in (NORMAL, SKEWED):
            for size in (n, n - 1):
                shares = _answers(rng, studies, noise, (sd, margin), size)
                claims = difference_power(size, sd, margin), equivalence_power(size, sd, margin)
                for answer, claimed in zip(("there", "not there"), claims, strict=True):
                    share, promise = shares.of(answer), "" if noise.skewed else "about"
                    row = f"{name}: {size} sets, difference {answer} ({100 * claimed:.0f} claimed)"
                    yield Line(POWER, row, noise.name, share, studies, promise, claimed, ROOM)
        yield Line(POWER, f"{name}: as a pilot of {PILOT} sets says", NORMAL.name,
                   _after_pilot(rng, studies, sd, margin), studies)  # fmt: skip
    for sd, margin in ENLARGED:
        name = f"sd {sd}, margin {margin}: from {PILOT} sets on"
        yield Line(LOOKED, name, NORMAL.name, _enlarged(rng, studies, sd, margin), studies)


def _answers(
    rng: np.random.Generator, studies: int, noise: Noise, question: tuple[float, float], size: int
) -> Shares:
    """Studies of a difference as large as the margin, and of none."""
    (sd, margin), shares = question, Shares()
    for values in sd * noise.draw(rng, studies, size):
        shares.add("there", paired_interval(values + margin).p < 0.05)
        said = verdict(paired_interval(values), margin)
        shares.add("not there", said == "no different")
    return shares


def _after_pilot(rng: np.random.Generator, studies: int, sd: float, margin: float) -> float:
    """Chance to find a difference with as many sets as a pilot's standard deviation asks for."""
    found = []
    for values in sd * rng.standard_normal((studies, PILOT)):
        n = sets_needed(float(values.std(ddof=1)), margin)
        found.append(difference_power(n or 2, sd, margin))
    return float(np.mean(found))


def _enlarged(rng: np.random.Generator, studies: int, sd: float, margin: float) -> float:
    """Share that see what is not there, where studies grow to what they ask for until settled."""
    wrong = 0
    for _ in range(studies):
        values = sd * rng.standard_normal(PILOT)
        while (said := verdict(paired_interval(values), margin)) == NOT_ENOUGH:
            if len(values) == MOST:
                break
            asked = sets_needed(float(values.std(ddof=1)), margin) or MOST
            more = min(max(asked, len(values) + 1), MOST) - len(values)
            values = np.append(values, sd * rng.standard_normal(more))
        wrong += said in (BETTER, WORSE)
    return wrong / studies
