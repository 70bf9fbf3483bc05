"""From arrays to an answer: against hand-worked numbers, scipy, statsmodels and simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from analysis.inference import (
    CellModel,
    Estimate,
    benjamini_hochberg,
    crossed_interval,
    difference_power,
    equivalence,
    equivalence_power,
    holm,
    mixed_effect,
    noise_variance,
    paired_interval,
    sets_needed,
    shrink,
    verdict,
    with_rows,
)

POINTS = st.floats(-50, 50).map(lambda value: round(value, 3))

SAMPLES = st.lists(POINTS, min_size=2, max_size=12).filter(lambda d: np.std(d) > 1e-3)

DRAWS = 400

SEVERAL_ERRORS = 3.5 * math.sqrt(0.95 * 0.05 / DRAWS)
"""Of a share of 95 per cent among the draws: a true one strays so far once in 2,000 seeds."""


def numbers(estimate: Estimate) -> tuple[float, ...]:
    """What an estimate says of a difference."""
    return estimate.value, estimate.standard_error, estimate.df, estimate.low, estimate.high


# -- paired differences ----------------------------------------------------------------------------


def test_an_interval_by_hand() -> None:
    """1, 2, 3, 6: mean 3, sd 2.16, standard error 1.08, t(3) = 3.182."""
    found = paired_interval([1, 2, 3, 6])
    assert found.value == 3 and found.n == 4 and found.df == 3
    assert found.sd == pytest.approx(math.sqrt(14 / 3))
    assert found.standard_error == pytest.approx(math.sqrt(14 / 3) / 2)
    half = 3.182446 * math.sqrt(14 / 3) / 2
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), rel=1e-6)


@given(SAMPLES, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_paired_intervals_are_scipys(differences: list[float], level: float) -> None:
    """Interval and p-value of the paired t-test."""
    found, wanted = paired_interval(differences, level), stats.ttest_1samp(differences, 0.0)
    interval = wanted.confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert found.p == pytest.approx(wanted.pvalue, abs=1e-12)


@given(SAMPLES, POINTS)
def test_what_is_added_to_all_moves_the_interval_alone(d: list[float], shift: float) -> None:
    """Shifted differences have a shifted interval of the same width; swapped sides flip it."""
    found, moved = paired_interval(d), paired_interval(np.array(d) + shift)
    assert moved.low - found.low == pytest.approx(shift, abs=1e-6)
    assert moved.high - found.high == pytest.approx(shift, abs=1e-6)
    swapped = paired_interval(-np.array(d))
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=1e-9)
    assert swapped.p == pytest.approx(found.p)


def test_sets_that_share_a_pretraining_count_once() -> None:
    """Six sets over three pretrainings are three units: the mean of each."""
    differences, seeds = [1.0, 3.0, 2.0, 2.0, 6.0, 4.0], [11, 11, 22, 22, 33, 33]
    assert paired_interval(differences, clusters=seeds) == paired_interval([2.0, 2.0, 5.0])
    alone = paired_interval(differences, clusters=[1] * 6)
    assert alone.n == 1 and alone.value == 3 and math.isnan(alone.low)


def test_missing_sides_are_left_out() -> None:
    """A set without a difference is none; of fewer than two nothing is said but the mean."""
    assert paired_interval([1, math.nan, 2, 3]) == paired_interval([1, 2, 3])
    for few in ([], [4.0], [math.nan, 4.0]):
        found = paired_interval(few)
        assert all(map(math.isnan, (found.standard_error, found.low, found.high, found.p)))
        assert verdict(found, 1.0) == "not enough evidence" and sets_needed(found.sd, 1.0) is None
    assert paired_interval([4.0]).value == 4 and math.isnan(paired_interval([]).value)


def test_seeds_that_change_nothing_leave_a_point() -> None:
    """Equal differences, as of targets without training: the interval is the difference itself."""
    found = paired_interval([2.0, 2.0, 2.0])
    assert (found.low, found.high, found.p) == (2.0, 2.0, 0.0) and verdict(found, 1.0) == "better"
    assert verdict(paired_interval([0.5, 0.5, 0.5]), 1.0) == "no different"
    assert paired_interval([0.0, 0.0, 0.0]).p == 1.0 and sets_needed(0.0, 1.0) == 2


def test_two_equal_differences_say_nothing() -> None:
    """Scores are counts: two sets are equal by chance now and then."""
    for value in (0.0, 2.0):
        found = paired_interval([value, value])
        assert math.isnan(found.low) and math.isnan(found.p)
        assert verdict(found, 1.0) == "not enough evidence"


@pytest.mark.parametrize("n", [3, 5, 10])
def test_paired_intervals_cover_what_they_say(n: int) -> None:
    """95 per cent of intervals of few sets hold the truth, within the error of so many draws."""
    rng = np.random.default_rng(n)
    draws = rng.normal(1.5, 2.0, size=(DRAWS, n))
    held = [one.low < 1.5 < one.high for one in map(paired_interval, draws)]
    assert abs(np.mean(held) - 0.95) < SEVERAL_ERRORS


@pytest.mark.parametrize("level", [0, 1, 1.5, -0.1])
def test_a_level_is_a_share(level: float) -> None:
    """95 is none."""
    with pytest.raises(ValueError, match="share"):
        paired_interval([1, 2], level)


# -- languages and rows ----------------------------------------------------------------------------


def test_crossed_intervals_by_mean_squares() -> None:
    """The variance of a mean over sets and languages, by a two-way table of squares."""
    table = np.array([[1.0, 4.0, 3.0, 8.0], [2.0, 2.0, 5.0, 9.0], [0.0, 3.0, 1.0, 7.0]])
    found = crossed_interval(table)
    units = 4 * table.mean(axis=1).var(ddof=1)
    languages = 3 * table.mean(axis=0).var(ddof=1)
    total = ((table - table.mean()) ** 2).sum()
    rest = (total - 2 * units - 3 * languages) / 6
    whole = units + languages - rest
    assert found.value == pytest.approx(table.mean()) and found.n == 3
    assert found.standard_error == pytest.approx(math.sqrt(whole / 12))
    assert found.df == pytest.approx(whole**2 / (units**2 / 2 + languages**2 / 3 + rest**2 / 6))


def test_crossed_intervals_cover_other_languages() -> None:
    """Over sets and languages drawn anew each time; sets alone cover far less."""
    rng, held, narrow = np.random.default_rng(3), [], []
    for _ in range(DRAWS):
        sets, languages = rng.normal(0, 1, (5, 1)), rng.normal(0, 2, (1, 8))
        table = 1 + sets + languages + rng.normal(0, 1, (5, 8))
        both, alone = crossed_interval(table), paired_interval(table.mean(axis=1))
        held.append(both.low < 1 < both.high)
        narrow.append(alone.low < 1 < alone.high)
    # Satterthwaite's degrees of freedom are an approximation: some points of room below.
    assert 0.92 < np.mean(held) <= 1 and np.mean(narrow) < 0.9


def test_crossed_intervals_are_never_narrower_than_either_effect() -> None:
    """Also where the squares say that the sum of both is less."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        table = rng.normal(size=(4, 6))
        found = crossed_interval(table)
        assert found.standard_error >= paired_interval(table.mean(axis=1)).standard_error - 1e-12
        assert found.standard_error >= paired_interval(table.mean(axis=0)).standard_error - 1e-12


@pytest.mark.parametrize("table", [np.ones((1, 5)), np.ones((5, 1)), np.full((3, 3), math.nan)])
def test_a_sample_of_one_says_nothing(table: np.ndarray) -> None:
    """One language, or one set, is no sample of languages and sets."""
    found = crossed_interval(table)
    assert math.isnan(found.low) and verdict(found, 1.0) == "not enough evidence"


def test_rows_widen_an_interval() -> None:
    """Variances add up; with an error of rows alone it is the normal one."""
    seeds = paired_interval([1.0, 2.0, 3.0, 6.0])
    both = with_rows(seeds, 2.0)
    assert both.standard_error == pytest.approx(math.hypot(seeds.standard_error, 2.0))
    assert both.value == seeds.value and both.high > seeds.high and seeds.df < both.df
    assert with_rows(seeds, 0.0).high == pytest.approx(seeds.high)
    alone = with_rows(paired_interval([3.0, 3.0]), 1.0)
    assert (alone.low, alone.high) == pytest.approx((3 - 1.959964, 3 + 1.959964), rel=1e-5)
    assert math.isnan(with_rows(seeds, math.nan).low)


# -- verdicts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ([2.0, 3.0, 2.5, 3.5], "better"),
        ([-2.0, -3.0, -2.5, -3.5], "worse"),
        ([0.1, -0.1, 0.05, -0.05], "no different"),
        ([0.31, 0.3, 0.29, 0.3], "no different"),
        ([5.0, -4.0, 1.0, 0.5], "not enough evidence"),
        ([2.0], "not enough evidence"),
    ],
)
def test_verdicts(differences: list[float], said: str) -> None:
    """Four words; a difference that is sure and smaller than the margin is none."""
    assert verdict(paired_interval(differences), 1.0) == said


@given(SAMPLES, st.floats(0.1, 20))
def test_equivalence_is_the_narrower_interval_inside_the_margin(
    differences: list[float], margin: float
) -> None:
    """TOST at 5 per cent: the interval of 90 per cent lies within; p as statsmodels has it."""
    p = equivalence(paired_interval(differences), margin)
    narrow = paired_interval(differences, 0.9)
    assert (p < 0.05) == (-margin < narrow.low and narrow.high < margin)
    assert p == pytest.approx(DescrStatsW(differences).ttost_mean(-margin, margin)[0], abs=1e-9)


@given(SAMPLES, st.floats(0.1, 5))
def test_swapped_sides_turn_a_verdict_round(differences: list[float], margin: float) -> None:
    """Better becomes worse, and the others stay."""
    turned = {"better": "worse", "worse": "better"}
    said = verdict(paired_interval(differences), margin)
    assert verdict(paired_interval(-np.array(differences)), margin) == turned.get(said, said)


def test_a_margin_is_above_zero() -> None:
    """Within nothing, nothing is equal."""
    with pytest.raises(ValueError, match="above 0"):
        verdict(paired_interval([1, 2]), 0.0)


# -- sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sd", "margin"), [(0.6, 0.5), (1.0, 1.0), (3.0, 1.0), (0.2, 1.0)])
def test_power_is_that_of_the_paired_t_test(sd: float, margin: float) -> None:
    """The noncentral t of statsmodels; as many sets as both answers need, and not one fewer."""
    n = sets_needed(sd, margin)
    assert n is not None
    for size in (max(2, n - 1), n):
        wanted = TTestPower().power(margin / sd, size, 0.05)
        assert difference_power(size, sd, margin) == pytest.approx(wanted, abs=1e-6)
    both = [
        min(difference_power(k, sd, margin), equivalence_power(k, sd, margin)) for k in (n - 1, n)
    ]
    assert both[1] >= 0.8 and (n == 2 or both[0] < 0.8)


def test_the_power_to_show_no_difference_is_what_happens() -> None:
    """Of 4,000 simulated nulls of eight sets, the share that is told as no different."""
    draws = np.random.default_rng(5).normal(0, 1, (4000, 8))
    error = draws.std(axis=1, ddof=1) / math.sqrt(8)
    shown = stats.t.ppf(0.95, 7) * error + np.abs(draws.mean(axis=1)) < 1
    # Three standard errors of a share of 4,000.
    assert equivalence_power(8, 1.0, 1.0) == pytest.approx(shown.mean(), abs=0.024)


def test_more_spread_takes_more_sets() -> None:
    """And a finer margin; what is out of reach gets no number."""
    sizes = [sets_needed(sd, 1.0) for sd in (0.1, 0.5, 1, 2, 5, 20)]
    assert sizes == sorted(sizes, key=lambda n: n or 0) and sizes[-1] > sizes[0]
    assert sets_needed(1.0, 0.5) > sets_needed(1.0, 1.0)
    assert sets_needed(1e4, 0.1) is None


@pytest.mark.parametrize("sd", [10.0**-power for power in range(1, 18)])
def test_spreads_of_rounding_take_two_sets(sd: float) -> None:
    """However small a spread is, there is a number, and power grows to one."""
    assert sets_needed(sd, 1.0) == (3 if sd == 0.1 else 2)
    assert 0.7 < difference_power(3, sd, 1.0) <= 1 and 0.7 < equivalence_power(3, sd, 1.0) <= 1


# -- several comparisons ---------------------------------------------------------------------------


def test_adjusted_p_values_by_hand() -> None:
    """Holm: 4 x .01, 3 x .02, 2 x .03 (at least the one before), 1 x .2; NaN counts as none."""
    p = [0.02, math.nan, 0.01, 0.2, 0.03]
    assert holm(p) == pytest.approx([0.06, math.nan, 0.04, 0.2, 0.06], nan_ok=True)
    assert benjamini_hochberg(p) == pytest.approx([0.04, math.nan, 0.04, 0.2, 0.04], nan_ok=True)
    assert holm([]).size == 0 and np.isnan(holm([math.nan])).all()


@pytest.mark.parametrize("seed", range(4))
def test_adjusted_p_values_are_statsmodels(seed: int) -> None:
    """Of up to nine values, ties and one among them."""
    p = np.random.default_rng(seed).choice([0.001, 0.004, 0.01, 0.02, 0.3, 1.0], size=3 * seed)
    for ours, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        assert ours(p) == pytest.approx(multipletests(p, method=method)[1] if len(p) else [])


# -- shrinkage -------------------------------------------------------------------------------------


def test_shrinkage_by_hand() -> None:
    """50, 52, 57 around 53 have S2 = 13: an error variance of 6.5 halves the distances."""
    assert shrink([50, 52, 57], 6.5) == pytest.approx([51.5, 52.5, 55.0])
    assert shrink([50, 52, 57], 99) == pytest.approx([53, 53, 53])
    assert shrink([50, math.nan, 52], 1.0) == pytest.approx([50.5, math.nan, 51.5], nan_ok=True)
    for few in ([50.0], [], [50.0, math.nan]):
        assert shrink(few, 5.0) == pytest.approx(few, nan_ok=True)


@given(st.lists(POINTS, min_size=2, max_size=9), st.floats(0, 100))
def test_shrinkage_keeps_order_and_average(means: list[float], variance: float) -> None:
    """Only distances shrink."""
    found = shrink(means, variance)
    assert found.mean() == pytest.approx(np.mean(means), abs=1e-6)
    assert found.max() - found.min() <= max(means) - min(means) + 1e-9
    assert (np.diff(found[np.argsort(means)]) >= -1e-9).all()


def test_the_winner_is_told_without_its_luck() -> None:
    """Of six settings of one arm the best mean is too high; shrunken it is nearly right."""
    rng, raw, drawn_in = np.random.default_rng(6), [], []
    for _ in range(2000):
        truth = rng.normal(60, 1, 6)
        table = truth[:, None] + rng.normal(0, 2, (6, 5)) + rng.normal(0, 3, (1, 5))
        means, shift = table.mean(axis=1), table.mean() - truth.mean()
        best = int(means.argmax())
        raw.append(means[best] - truth[best] - shift)
        drawn_in.append(shrink(means, noise_variance(table))[best] - truth[best] - shift)
    # Over 2,000 draws either mean is known to about 0.02.
    assert np.mean(raw) > 0.4 and abs(np.mean(drawn_in)) < 0.2


def test_luck_that_all_settings_share_is_no_noise() -> None:
    """A set in which everything is two points better tells no setting from another."""
    table = np.random.default_rng(7).normal(size=(4, 5))
    shifted = table + np.array([0, 2, -5, 9, 1])
    assert noise_variance(shifted) == pytest.approx(noise_variance(table))
    holed = shifted.copy()
    holed[2, 3] = math.nan
    assert noise_variance(holed) == pytest.approx(noise_variance(np.delete(table, 3, axis=1)))
    for small in (table[:1], table[:, :1], np.empty((0, 4))):
        assert math.isnan(noise_variance(small))


# -- mixed models ----------------------------------------------------------------------------------


def cells_of(starts: int, middles: int, sets: int, seed: int) -> pd.DataFrame:
    """Scores with spreads of sets, of either factor within them, and of trials."""
    rng = np.random.default_rng(seed)
    start, middle = rng.normal(0, 2, (sets, starts)), rng.normal(0, 2, (sets, middles))
    luck = rng.normal(0, 3, sets)
    rows = [
        (f"i{i}", f"m{j}", s, 50 + 2 * i + luck[s] + start[s, i] + middle[s, j] + rng.normal())
        for s in range(sets)
        for i in range(starts)
        for j in range(middles)
    ]
    return pd.DataFrame(rows, columns=["start", "middle", "set", "score"])


def effect(frame: pd.DataFrame, weights: dict[tuple[str, str], float]) -> Estimate:
    """A weighted sum by the mixed model."""
    cells = list(zip(frame["start"], frame["middle"], strict=True))
    return mixed_effect(frame["score"], cells, frame["set"].tolist(), weights)


def paired(frame: pd.DataFrame, weights: dict[tuple[str, str], float]) -> Estimate:
    """The same set by set."""
    wide = frame.pivot_table(index="set", columns=["start", "middle"], values="score")
    return paired_interval(sum(weight * wide[cell] for cell, weight in weights.items()))


def test_two_cells_by_a_mixed_model_are_paired() -> None:
    """With one difference in each set there is nothing to pool."""
    frame, weights = cells_of(2, 1, 6, 8), {("i1", "m0"): 1.0, ("i0", "m0"): -1.0}
    assert numbers(effect(frame, weights)) == pytest.approx(
        numbers(paired(frame, weights)), rel=1e-3
    )


MAIN = {(f"i{i}", f"m{j}"): (-1) ** (i + 1) / 3 for i in (0, 1) for j in range(3)}
CROSSED = {(f"i{i}", f"m{j}"): float((-1) ** (i + j)) for i in (0, 1) for j in (0, 1)}


def test_a_mixed_model_pools_spreads_over_cells() -> None:
    """Balanced cells: the same difference, the error of the table of squares, more freedom."""
    frame = cells_of(3, 3, 5, 9)
    main, crossed = effect(frame, MAIN), effect(frame, CROSSED)
    assert main.value == pytest.approx(paired(frame, MAIN).value)
    assert crossed.value == pytest.approx(paired(frame, CROSSED).value)
    wide = frame.pivot_table(index=["set", "start"], columns="middle", values="score")
    by_start = wide.mean(axis=1).unstack().to_numpy()
    rest = by_start - by_start.mean(0) - by_start.mean(1, keepdims=True) + by_start.mean()
    assert main.df == 8
    assert main.standard_error == pytest.approx(math.sqrt(2 * (rest**2).sum() / 8 / 5), rel=1e-3)
    assert crossed.df == 16 and crossed.standard_error > 0


def test_spreads_of_zero_are_not_pooled_into_an_interaction() -> None:
    """Its error is that of its own stratum of the table of squares, and never a smaller one."""
    for seed in range(20, 23):
        frame, rng = cells_of(2, 2, 5, seed), np.random.default_rng(seed)
        frame["score"] = 50 + rng.normal(0, 1, len(frame))
        found, wanted = effect(frame, CROSSED), paired(frame, CROSSED)
        assert found.value == pytest.approx(wanted.value, abs=1e-6)
        # Two by two cells have one interaction: the model's stratum is the paired differences'.
        assert found.df == wanted.df == 4
        assert found.standard_error >= wanted.standard_error * 0.999


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
def test_languages_as_random_intercepts_change_nothing() -> None:
    """A model of every language's score has the sum and the error of that of their means."""
    frame, rng = cells_of(2, 1, 5, 12), np.random.default_rng(11)
    languages = pd.DataFrame({"language": list("abcd"), "level": rng.normal(0, 9, 4)})
    rows = frame.merge(languages, how="cross")
    rows["score"] += rows["level"] + rng.normal(0, 1, len(rows))
    spreads = {
        "set": "0 + C(set)",
        "trial": "0 + C(set):C(start)",
        "language": "0 + C(language)",
    }
    whole = MixedLM.from_formula(
        "score ~ start", rows, groups=np.ones(len(rows)), vc_formula=spreads
    ).fit()
    means = rows.groupby(["start", "middle", "set"], as_index=False)["score"].mean()
    found = effect(means, {("i1", "m0"): 1.0, ("i0", "m0"): -1.0})
    assert found.value == pytest.approx(whole.params["start[T.i1]"], abs=1e-6)
    assert found.standard_error == pytest.approx(whole.bse["start[T.i1]"], rel=0.02)


def test_a_mixed_model_uses_sets_that_lack_cells() -> None:
    """Where pairs lose a set the model keeps what is left of it."""
    frame = cells_of(3, 3, 5, 12)
    whole = effect(frame, MAIN)
    holed = frame.drop(index=[0, 20, 33])
    found = effect(holed, MAIN)
    assert found.n == 5 and found.value == pytest.approx(whole.value, abs=2)
    assert math.isfinite(found.low) and found.low < found.value < found.high


def test_a_mixed_model_counts_sets_that_have_both_sides() -> None:
    """Ten sets of one initialisation, two of the other: one degree of freedom."""
    frame = cells_of(2, 1, 10, 14)
    holed = frame[(frame["start"] == "i0") | (frame["set"] < 2)]
    found = effect(holed, {("i1", "m0"): 1.0, ("i0", "m0"): -1.0})
    assert (found.n, found.df) == (10, 1)
    lone = frame[(frame["start"] == "i0") | (frame["set"] < 1)]
    assert math.isnan(effect(lone, {("i1", "m0"): 1.0, ("i0", "m0"): -1.0}).low)


def test_a_mixed_model_says_nothing_of_what_it_has_not_seen() -> None:
    """One set, or a cell without trials."""
    frame = cells_of(2, 2, 4, 13)
    assert math.isnan(effect(frame[frame["set"] == 0], CROSSED).low)
    missing = frame[(frame["start"] != "i1") | (frame["middle"] != "m1")]
    assert math.isnan(effect(missing, CROSSED).low)
    cells = list(zip(frame["start"], frame["middle"], strict=True))
    same = CellModel.fit([5.0] * len(frame), cells, frame["set"].tolist()).effect(CROSSED)
    assert same.n == 4 and (math.isnan(same.p) or same.value == pytest.approx(0, abs=1e-6))


@pytest.mark.slow
def test_mixed_models_cover_what_they_say() -> None:
    """Of 120 simulated contrasts of five sets; three standard errors of such a share below."""
    held = 0
    for seed in range(120):
        found = effect(cells_of(2, 3, 5, 1000 + seed), MAIN)
        held += found.low < 2 < found.high
    assert held / 120 > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 120)
