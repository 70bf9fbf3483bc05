"""Studies whose truth is known. Shares no code with what it calibrates: arithmetic, and numpy.

A score is a response surface of target, initialisation, intermediate and language, plus luck. Sizes
of effects and of luck are those that a trained miniature once showed, rounded. A set of seeds has
its luck in common over targets and languages: of all its trials, of those that share an
initialisation, an intermediate, or both; each trial has some of its own, and so has each language.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TARGETS = ("xnli", "xcopa", "xquad", "panx", "tatoeba")
STARTS = ("text", "placebo", "multimodal")
MIDDLES = ("none", "english", "non_european")
OVERLAP = np.array([0.45, 0.35, 0.15, 0.03, 0.08, 0.06, 0.02])
"""Share of words that each language has in common with the hub: three European, four others."""

REACH = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.2, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0],
        [0.1, 0.1, 0.1, 1.0, 1.0, 0.3, 0.3],
    ]
)
"""Share of an effect that reaches each language after each intermediate."""

FLOOR = np.array([36.0, 51.0, 22.0, 50.0, 3.0])
SLOPE = np.array([30.0, 39.0, 56.0, 39.0, 60.0])
"""What sharing all words with the hub would add."""

START = np.array(
    [[0.0, 0.0, 6.0], [0.0, 0.0, 22.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 40.0]]
)
"""Target, initialisation -> effect; of the placebo none."""

MIDDLE = np.array([24.0, 18.0, 35.0, -11.0, -1.0])
JOINT = np.array([0.0, 22.0, 0.0, 5.0, -20.0])
"""What intermediate rows add after text, and what more after pictures; the placebo: no more."""

SPREAD = np.array([2.9, 3.1, 5.4, 5.6, 1.1])
"""Standard deviation of the effect of an intermediate from one set to the next, after text."""
PICTURE_SPREAD = np.array([6.4, 9.1, 4.8, 6.8, 8.9])
"""The same after pictures."""

OWN_ROWS = 1.0
"""Standard deviation of the luck of one trial in one language."""

SHARES = {"set": 1.0, "start": 1.0, "middle": 0.3, "cell": 0.4, "trial": 0.3}
"""Variances, as shares of half the square of a spread. The last three do not cancel in a pair of
intermediates, and sum to one."""

RATE_COST = 3.0
"""Points that a factor of two away from the best learning rate costs; four times it at most."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What luck looks like."""

    name: str
    skewed: bool = False
    """Now and then a run does badly: skewness -1.4, kurtosis 6 in the place of 3."""
    unequal: bool = False
    """More of it after pictures, as the miniature showed."""

    def draw(self, rng: np.random.Generator, *shape: int) -> Floats:
        """Draws of mean zero and variance one."""
        if self.skewed:
            return (4 - rng.chisquare(4, shape)) / np.sqrt(8)
        return rng.standard_normal(shape)

    @property
    def spreads(self) -> Floats:
        """[targets, initialisations] standard deviation of a paired effect, in points."""
        last = PICTURE_SPREAD if self.unequal else SPREAD
        return np.stack([SPREAD, SPREAD, last], axis=1)


NORMAL = Noise("normal")
SKEWED = Noise("skewed", skewed=True)
UNEQUAL = Noise("unequal", unequal=True)
NOISES = (NORMAL, SKEWED, UNEQUAL)


def surface() -> Floats:
    """[targets, initialisations, intermediates, languages] expected scores, in points."""
    after = MIDDLE[:, None] + JOINT[:, None] * np.array([0.0, 0.0, 1.0])
    plain = FLOOR[:, None, None, None] + SLOPE[:, None, None, None] * OVERLAP
    return plain + START[:, :, None, None] + after[:, :, None, None] * REACH


SURFACE = surface()


@dataclass(frozen=True, slots=True)
class Study:
    """One simulated contrast."""

    scores: Floats
    """[sets, targets, initialisations, intermediates, languages]"""
    expected: Floats
    """The same without sets: means over all seeds there could be, on these rows and languages."""
    over_rows: Floats
    """Means over all seeds and all rows there could be, in these languages."""
    over_languages: Floats
    """[targets, initialisations, intermediates] and over all languages there could be."""


def contrast(
    rng: np.random.Generator,
    sets: int,
    noise: Noise = NORMAL,
    starts: Sequence[int] | None = None,
    rows: float = 0.0,
    languages: float = 0.0,
) -> Study:
    """Draw a contrast of all cells.

    Args:
        rng: what draws it.
        sets: sets of seeds.
        noise: what luck looks like.
        starts: [sets] number of each set's pretraining; one for each where it is left out.
        rows: standard deviation, in points, of what the rows that were drawn for scoring do to a
            cell in a language, in all sets alike.
        languages: standard deviation of what is odd about a cell in one language.
    """
    means = SURFACE.mean(axis=3)
    in_languages = SURFACE
    if languages:
        # Of a sample of languages: the surface's own differences between them play no part.
        odd = languages * rng.standard_normal((1, *means.shape, len(OVERLAP)))[0]
        in_languages = means[..., None] + odd
    on_rows = in_languages + rows * rng.standard_normal(in_languages.shape)
    cells = _luck(rng, sets, noise, starts if starts is not None else range(sets))
    own = OWN_ROWS * rng.standard_normal((sets, *on_rows.shape))
    return Study(on_rows + cells[..., None] + own, on_rows, in_languages, means)


def _luck(rng: np.random.Generator, sets: int, noise: Noise, starts: Sequence[int]) -> Floats:
    """What each set does: [sets, targets, initialisations, intermediates]."""
    t, i, j = len(TARGETS), len(STARTS), len(MIDDLES)
    pretrained = noise.draw(rng, max(starts) + 1, 1, i, 1)[list(starts)]
    parts = {
        "set": noise.draw(rng, sets, 1, 1, 1),
        "start": pretrained,
        "middle": noise.draw(rng, sets, 1, 1, j),
        "cell": noise.draw(rng, sets, 1, i, j),
        "trial": noise.draw(rng, sets, t, i, j),
    }
    total = sum(np.sqrt(SHARES[name]) * part for name, part in parts.items())
    return np.asarray(total * noise.spreads[:, :, None] / np.sqrt(2))


@dataclass(frozen=True, slots=True)
class Search:
    """Trials of one target, each scored once; the first quarter has no intermediate phase."""

    truth: Floats
    """[trials] expected score of each setting."""
    spread: Floats
    """[trials] standard deviation of its score over seeds, beside what all share."""
    scores: Floats
    """[trials] what the search saw."""
    plain: NDArray[np.bool_]
    """[trials] whether there is no intermediate phase."""
    matched: Floats
    """[trials] expected score of the setting without its intermediate phase."""

    def fresh(self, rng: np.random.Generator, truth: Floats, spread: Floats, sets: int) -> Floats:
        """[settings, sets] scores of settings under fresh seeds, which all of them share.

        Args:
            rng: what draws them.
            truth: [settings] expected scores.
            spread: [settings]
            sets: how many.
        """
        common = spread.mean() * rng.standard_normal((1, sets))
        return truth[:, None] + common + spread[:, None] * rng.standard_normal((len(truth), sets))


def search(rng: np.random.Generator, trials: int, noise: Noise = NORMAL) -> Search:
    """Draw a search of a target that is drawn too: random settings, one set of seeds.

    Args:
        rng: what draws it.
        trials: how many, of which a quarter have no intermediate phase.
        noise: whether spreads differ; scores of a search are normal.
    """
    target = int(rng.integers(len(TARGETS)))
    plain = np.arange(trials) < max(1, trials // 4)
    start = rng.integers(len(STARTS), size=trials)
    middle = np.where(plain, 0, rng.integers(1, len(MIDDLES), size=trials))
    means = SURFACE[target].mean(axis=2)
    # Octaves away from the best learning rate, of the target phase and of the intermediate one.
    cost = RATE_COST * np.minimum(4.0, rng.normal(0, 0.7, (2, trials)) ** 2)
    matched = means[start, 0] - cost[0]
    truth = means[start, middle] - cost[0] - np.where(plain, 0.0, cost[1])
    spread = noise.spreads[target][start] / np.sqrt(2)
    scores = truth + spread * rng.standard_normal(trials)
    return Search(truth, spread, scores, plain, matched)
