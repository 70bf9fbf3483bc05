"""Coverage, false alarms and false assurances of paired differences."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from analysis.inference import (
    Estimate,
    crossed_interval,
    holm,
    paired_interval,
    verdict,
    with_rows,
)
from benchmarks.calibration.effects import EFFECTS, NULL, summed
from benchmarks.calibration.lines import Line
from benchmarks.calibration.simulator import (
    NOISES,
    NORMAL,
    SKEWED,
    TARGETS,
    Floats,
    Noise,
    Study,
    contrast,
)

SETS = (3, 5, 10)
MARGIN = 8.0
"""Points; wide beside the spreads, so that the equivalence test's error is near its level."""

ROWS = 5.0
"""What rows do to a cell in a language, in points: that of some 100 answers, right or wrong."""

INTERVALS = "Intervals of paired differences: per cent that hold the truth"
ALARMS = "Differences that are not there: per cent told as there"
ASSURANCES = "Differences as large as the margin: per cent told as no different"
SAMPLES = "What else intervals may cover, five sets: per cent that hold the truth"
BOOTSTRAP = "Why not a percentile bootstrap: per cent of its intervals that hold the truth"


@dataclass(slots=True)
class Shares:
    """How often each of several things was so."""

    so: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, value: bool) -> None:
        """One more case."""
        self.so[name] += bool(value)
        self.asked[name] += 1

    def of(self, name: str) -> float:
        """Between 0 and 1."""
        return self.so[name] / self.asked[name]


def holds(found: Estimate, truth: float) -> bool:
    """Whether an interval has the truth in it."""
    return bool(found.low <= truth <= found.high)


def differences(rng: np.random.Generator, studies: int) -> Iterator[Line]:
    """Intervals, nulls, equivalence and Holm, by noise and number of sets."""
    for noise in NOISES:
        for sets in SETS:
            shares = Shares()
            for _ in range(studies):
                _judge(shares, contrast(rng, sets, noise))
            yield from _lines(shares, noise, sets, studies)


def _judge(shares: Shares, study: Study) -> None:
    """Each effect on each target, and over all of them."""
    scores, expected = study.scores.mean(axis=4), study.expected.mean(axis=3)
    for name, weights in EFFECTS.items():
        by_target, truths = summed(weights, scores), summed(weights, expected)
        whole = paired_interval(by_target.mean(axis=1))
        shares.add(f"{name}, overall", holds(whole, truths.mean()))
        each = [paired_interval(column) for column in by_target.T]
        for found, truth in zip(each, truths, strict=True):
            shares.add(f"{name}, each target", holds(found, truth))
        if name == NULL:
            _judge_nulls(shares, [*each, whole])
        at_margin = paired_interval(by_target[:, 0] - truths[0] + MARGIN)
        shares.add("assured", verdict(at_margin, MARGIN) == "no different")


def _judge_nulls(shares: Shares, found: list[Estimate]) -> None:
    *each, whole = found
    for one in each:
        shares.add("null, each target: p < 0.05", one.p < 0.05)
        shares.add("null, each target: better or worse", verdict(one, 1.0) in ("better", "worse"))
    shares.add("null, overall: p < 0.05", whole.p < 0.05)
    shares.add(f"any of {len(each)} targets, unadjusted", min(one.p for one in each) < 0.05)
    shares.add(f"any of {len(each)} targets, Holm", holm([one.p for one in each]).min() < 0.05)


def _lines(shares: Shares, noise: Noise, sets: int, studies: int) -> Iterator[Line]:
    column = f"{noise.name}, n = {sets}"
    for name in EFFECTS:
        for where in ("each target", "overall"):
            row = f"{name}, {where}"
            yield Line(INTERVALS, row, column, shares.of(row), studies, "covers")
    unadjusted = f"any of {len(TARGETS)} targets, unadjusted"
    for name in [name for name in shares.asked if name.startswith(("null", "any"))]:
        promise = "" if name == unadjusted else "at most"
        yield Line(ALARMS, name, column, shares.of(name), studies, promise)
    row = f"margin {MARGIN:.0f}, xnli, any effect"
    yield Line(ASSURANCES, row, column, shares.of("assured"), studies, "at most")


def samples(rng: np.random.Generator, studies: int) -> Iterator[Line]:
    """Languages and rows as samples of more; sets that share pretrainings; single means."""
    shares, weights, starts = Shares(), EFFECTS["initialisation: multimodal - text"], [0, 1, 2] * 3
    for _ in range(studies):
        wide = contrast(rng, 5, languages=3.0)
        table = summed(weights, np.moveaxis(wide.scores[:, 0], -1, 1))
        truth = float(summed(weights, wide.over_languages[0]))
        shares.add("languages: crossed interval", holds(crossed_interval(table), truth))
        shares.add("languages: sets alone", holds(paired_interval(table.mean(axis=1)), truth))

        drawn = contrast(rng, 5, rows=ROWS)
        alone = paired_interval(summed(weights, drawn.scores[:, 0].mean(axis=-1)))
        truth = float(summed(weights, drawn.over_rows[0].mean(axis=-1)))
        error = ROWS * np.sqrt((weights**2).sum() / drawn.scores.shape[-1])
        shares.add("rows: variances added", holds(with_rows(alone, error), truth))
        shares.add("rows: sets alone", holds(alone, truth))

        few = contrast(rng, len(starts), starts=starts)
        values = summed(weights, few.scores[:, 0].mean(axis=-1))
        truth = float(summed(weights, few.expected[0].mean(axis=-1)))
        clustered = paired_interval(values, clusters=starts)
        shares.add("nine sets of three pretrainings: as three units", holds(clustered, truth))
        shares.add(
            "nine sets of three pretrainings: as nine", holds(paired_interval(values), truth)
        )
        for noise in (NORMAL, SKEWED):
            cell = contrast(rng, 5, noise)
            whole = paired_interval(cell.scores[:, 0, 0, 0].mean(axis=-1))
            truth = float(cell.expected[0, 0, 0].mean())
            shares.add(f"the mean of one cell, {noise.name} luck", holds(whole, truth))
    promised = {"languages: crossed interval": "covers at least", "rows: variances added": "covers"}
    promised |= {"nine sets of three pretrainings: as three units": "covers"}
    promised |= {"the mean of one cell, normal luck": "covers"}
    for name in shares.asked:
        yield Line(SAMPLES, name, "share", shares.of(name), studies, promised.get(name, ""))  # type: ignore[arg-type]


def bootstrap(rng: np.random.Generator, studies: int, resamples: int = 1000) -> Iterator[Line]:
    """The percentile bootstrap of the same differences, for comparison."""
    name = "intermediate: non-European - none"
    weights = EFFECTS[name]
    for noise in (NORMAL, SKEWED):
        for sets in SETS:
            drawn = [contrast(rng, sets, noise) for _ in range(studies)]
            values = np.array([summed(weights, one.scores.mean(axis=4))[:, 0] for one in drawn])
            truth = float(summed(weights, drawn[0].expected.mean(axis=3))[0])
            low, high = _percentiles(values, rng.integers(sets, size=(resamples, sets)))
            share = float(np.mean((low <= truth) & (truth <= high)))
            yield Line(BOOTSTRAP, f"{name}, xnli", f"{noise.name}, n = {sets}", share, studies)


def _percentiles(values: Floats, drawn: np.ndarray) -> tuple[Floats, Floats]:
    means = values[:, drawn].mean(axis=2)
    low, high = np.percentile(means, [2.5, 97.5], axis=1)
    return low, high
