"""The simulator that estimators are calibrated with, and the calibration at tiny size."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import calibrate
from benchmarks.calibration import end_to_end, micro, simulator
from benchmarks.calibration.effects import CROSSED, EFFECTS, NULL, summed
from benchmarks.calibration.lines import Line, markdown
from benchmarks.calibration.simulator import NOISES, PICTURE_SPREAD, SHARES, SPREAD, Noise


def test_the_simulator_shares_no_code_with_the_estimators() -> None:
    """It imports numpy and the standard library, nothing of this project."""
    tree = ast.parse(Path(simulator.__file__).read_text())
    found = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert {name.split(".")[0] for name in found} == {"collections", "dataclasses", "numpy"}


@pytest.mark.parametrize("noise", NOISES, ids=lambda one: one.name)
def test_luck_has_the_moments_it_says(noise: Noise) -> None:
    """Mean zero, variance one; a run that does badly where it is skewed."""
    drawn = noise.draw(np.random.default_rng(1), 200_000)
    assert abs(drawn.mean()) < 0.01 and drawn.std() == pytest.approx(1, abs=0.02)
    third, fourth = (float((drawn**power).mean()) for power in (3, 4))
    assert third == pytest.approx(-(2**0.5) if noise.skewed else 0, abs=0.1)
    assert fourth == pytest.approx(6 if noise.skewed else 3, abs=0.4)


@pytest.mark.parametrize("noise", NOISES, ids=lambda one: one.name)
def test_paired_effects_spread_as_the_table_says(noise: Noise) -> None:
    """By target, after text and after pictures; the mean over languages has a little of its own."""
    study = simulator.contrast(np.random.default_rng(2), 20_000, noise)
    effect = study.scores[..., 2, :].mean(axis=-1) - study.scores[..., 0, :].mean(axis=-1)
    own = 2 * simulator.OWN_ROWS**2 / study.scores.shape[-1]
    for start, table in ((0, SPREAD), (2, PICTURE_SPREAD if noise.unequal else SPREAD)):
        wanted = np.sqrt(table**2 + own)
        assert effect[:, :, start].std(axis=0) == pytest.approx(wanted, rel=0.04)


def test_luck_is_shared_over_targets_and_languages() -> None:
    """Effects on two targets go together as much as the sets' shares say; so do languages."""
    study = simulator.contrast(np.random.default_rng(3), 20_000)
    by_language = study.scores[:, :, 0, 2] - study.scores[:, :, 0, 0]
    effect = by_language.mean(axis=-1)
    own = 2 * simulator.OWN_ROWS**2
    shared = SHARES["middle"] + SHARES["cell"]
    wanted = shared * SPREAD[0] * SPREAD[2]
    assert np.cov(effect[:, 0], effect[:, 2])[0, 1] == pytest.approx(wanted, rel=0.05)
    languages = np.corrcoef(by_language[:, 0, 0], by_language[:, 0, 1])[0, 1]
    assert languages == pytest.approx(SPREAD[0] ** 2 / (SPREAD[0] ** 2 + own), abs=0.02)


def test_many_sets_find_the_truth() -> None:
    """Means over sets are the surface; the placebo does nothing, pictures with rows do."""
    study = simulator.contrast(np.random.default_rng(4), 20_000)
    apart = study.scores.mean(axis=0) - study.expected
    error = study.scores.std(axis=0) / np.sqrt(20_000)
    assert np.abs(apart / error).max() < 5
    expected = study.expected.mean(axis=-1)
    assert summed(EFFECTS[NULL], expected) == pytest.approx(np.zeros(5))
    reach = simulator.REACH.mean(axis=1)
    wanted = simulator.JOINT * (reach[2] - reach[1])
    assert summed(EFFECTS[CROSSED], expected) == pytest.approx(wanted)


def test_sets_of_one_pretraining_share_its_luck() -> None:
    """What an initialisation adds goes together within a pretraining, not between two."""
    drawn = [simulator.contrast(np.random.default_rng(s), 3, starts=[0, 0, 1]) for s in range(2000)]
    means = np.array([one.scores.mean(axis=(3, 4)) for one in drawn])
    start = means[:, :, 0, 2] - means[:, :, 0, 0]
    correlation = np.corrcoef(start.T)
    assert correlation[0, 1] > 0.5 and abs(correlation[0, 2]) < 0.1


def test_a_search_draws_what_it_scores() -> None:
    """Scores are truth and luck; a quarter without an intermediate phase; fresh seeds are fair."""
    rng = np.random.default_rng(5)
    found = simulator.search(rng, 4000)
    assert found.plain.sum() == 1000
    luck = (found.scores - found.truth) / found.spread
    assert abs(luck.mean()) < 0.06 and luck.std() == pytest.approx(1, abs=0.05)
    assert (found.truth[found.plain] == found.matched[found.plain]).all()
    fresh = found.fresh(rng, found.truth[:2], found.spread[:2], 20_000)
    assert fresh.mean(axis=1) == pytest.approx(found.truth[:2], abs=0.2)


def test_broken_promises_are_told() -> None:
    """Shares outside of what is promised; few studies leave more room; no promise, no breach."""
    kept = {
        ("covers", 0.94): True,
        ("covers", 0.92): False,
        ("covers", 0.98): False,
        ("covers at least", 0.99): True,
        ("covers at least", 0.92): False,
        ("at most", 0.01): True,
        ("at most", 0.08): False,
        ("", 0.5): True,
    }
    for (promise, value), wanted in kept.items():
        line = Line("s", f"{promise} {value}", "c", value, 1000, promise)  # type: ignore[arg-type]
        assert line.kept is wanted, line
        assert ("BROKEN" in markdown([line])) is not wanted
    assert Line("s", "r", "c", 0.92, 200, "covers").kept
    assert not Line("s", "r", "c", 0.75, 2000, "about", 0.8, 0.04).kept


def test_a_study_on_disk_is_what_was_drawn() -> None:
    """Both public functions give the numbers of the arrays, by either method."""
    found = {line.row: line for line in end_to_end.agreement(np.random.default_rng(6), 1)}
    rows = [line for name, line in found.items() if "largest difference" in name]
    assert len(rows) == 2 and all(line.kept and line.promise for line in rows)
    assert any("9 rows" in line.row for line in rows)


def test_the_calibration_at_tiny_size(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prints its command, every section and a verdict, and exits by the promises."""
    asked = "--studies 10 --fits 10 --written 0"
    monkeypatch.setattr("sys.argv", ["calibrate", *asked.split()])
    code = calibrate.main()
    text = capsys.readouterr().out
    assert f"`python -m benchmarks.calibrate {asked}`" in text
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert len(titles) == len(set(titles)) == 12 and titles[-1] == "## Verdict"
    assert code == int(", 0 broken." not in text) == int("BROKEN" in text)


@pytest.mark.parametrize(
    ("expected", "verdict", "judged"),
    [
        ("better", "better", "kept"),
        ("better", "worse", "broken"),
        ("better", "no different", "broken"),
        ("no different", "better", "broken"),
        ("no different", "not enough evidence", "open"),
        ("", "better", "none"),
    ],
)
def test_claims_about_the_miniature_are_judged(expected: str, verdict: str, judged: str) -> None:
    """Too little evidence breaks nothing."""
    claim = micro.Claim("", "xnli", "", expected, (micro.PICTURES, micro.TEXT))
    assert claim.judged(verdict) == judged
    row = pd.Series({"estimate": 1.0, "low": pd.NA, "high": pd.NA, "verdict": verdict,
                     "n_sets": 1, "sets_needed": pd.NA})  # fmt: skip
    assert len([*claim.cells(row)]) == len(micro.COLUMNS)
