"""What each rule would have picked, what that scores once confirmed, gains over both baselines."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis.confirmed_scores
from analysis import (
    best_settings,
    confirmed_gains,
    confirmed_settings,
    load_scores,
    load_trials,
    report_text,
    selection_ladder,
)
from analysis.export import export_frames
from analysis.finalists import finalists
from analysis.inference import noise_variance, paired_interval, shrink
from analysis.snapshot import Snapshot, read_snapshot
from search.confirmation import confirmation
from spaces.confirmation import ConfirmedSetting, distinct, replicate_seeds
from spaces.records import CONFIRMED_COLUMNS, GAIN_COLUMNS, LADDER_COLUMNS
from spaces.study import StudyRecord
from tests.effect_worlds import trial_of
from tests.plans import frozen
from tests.studies import driven, queues, told

RULES = ["held_out_languages", "source_dev", "target_dev"]

TWO = {"targets.tasks": ["xnli", "xcopa"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of two targets and its confirmation: two finalists of each rule, three sets."""
    root = tmp_path_factory.mktemp("root")
    told(frozen(TWO), root)
    driven(confirmation("first", root, top=2, replicates=3)[0], root)
    return root


def by_rule(root: Path, target: str, rule: str) -> pd.Series:
    """Trial number -> what a rule looks at, from the frame of scores."""
    scores = load_scores("first", root=root).query("target == @target")
    record = read_snapshot("first", root).record
    cut = record.cuts[target]
    wanted = {
        "held_out_languages": (cut.selecting, "selecting" if cut.items_seed is not None else "all"),
        "source_dev": (("avel",), "all"),
        "target_dev": (cut.objective, "all"),
    }
    codes, items = wanted[rule]
    chosen = scores[scores["language"].isin(codes) & (scores["items"] == items)]
    return chosen.groupby("trial_number")["value"].mean()


# -- the ladder ------------------------------------------------------------------------------------


def test_each_rule_picks_its_best(root: Path) -> None:
    """By its own scores over all trials, with its own gains and the trials of each arm."""
    ladder = selection_ladder("first", root=root)
    assert ladder["selection"].tolist() == [*RULES, "oracle"] * 2
    trials = load_trials("first", root=root)
    for row in ladder[ladder["selection"] != "oracle"].itertuples():
        mine = trials[trials["target"] == row.target].set_index("trial_number")
        scores = by_rule(root, row.target, row.selection)
        assert row.selection_score == pytest.approx(scores.max())
        assert scores[row.trial_number] == pytest.approx(scores.max())
        assert mine.loc[row.trial_number, "setting_id"] == row.setting_id
        plain = mine.index[mine["arm"] == "none"]
        assert row.tuned_gain == pytest.approx(scores.max() - scores[plain].max())
        assert (row.trials_none, row.trials_intermediate) == (len(plain), len(mine) - len(plain))
    assert ladder[ladder["is_own"]]["selection"].tolist() == [RULES[0]] * 2


def test_picks_are_told_with_what_they_score_once_confirmed(root: Path) -> None:
    """Mean over sets, and what it lacks to the best of the confirmed, set by set."""
    ladder, trials = (
        selection_ladder("first", root=root),
        load_trials("first.confirm", root=root),
    )
    for target, rows in ladder.groupby("target"):
        mine = trials[trials["target"] == target]
        wide = mine.pivot_table(index="replicate", columns="setting_id", values="score")
        best = wide.mean().idxmax()
        oracle = rows[rows["selection"] == "oracle"].iloc[0]
        assert oracle["setting_id"] == best and oracle["gap"] == 0
        assert pd.isna(oracle["selection_score"]) and pd.isna(oracle["trial_number"])
        for row in rows.itertuples():
            assert row.confirmed == pytest.approx(wide[row.setting_id].mean())
            gap = paired_interval(wide[best] - wide[row.setting_id])
            assert (row.gap, row.confirmed_sets) == (pytest.approx(gap.value, abs=1e-9), 3)
            if gap.value:
                assert (row.gap_low, row.gap_high) == pytest.approx((gap.low, gap.high))
    same = selection_ladder("first.confirm", root=root)
    pd.testing.assert_frame_equal(same, ladder)


def test_the_ladder_before_a_confirmation(tmp_path: Path) -> None:
    """Picks without what they score; the report says how to fill the gap. An empty study: none."""
    queues(frozen({"study.name": "empty"}), tmp_path)
    assert selection_ladder("empty", root=tmp_path).empty
    told(frozen(), tmp_path)
    ladder = selection_ladder("first", root=tmp_path)
    assert ladder["selection"].tolist() == RULES and ladder["confirmed"].isna().all()
    text = " ".join(report_text("first", root=tmp_path).split())
    assert "Nothing is confirmed yet" in text
    for row in ladder.itertuples():
        assert f"{row.setting_id}" in text


def test_settings_can_be_chosen_by_another_rule(root: Path) -> None:
    """``best_settings(selection=...)`` is what the ladder says, with the gains of that rule."""
    ladder = selection_ladder("first", root=root)
    for rule in RULES:
        best = best_settings("first", root=root, selection=rule)
        mine = ladder[ladder["selection"] == rule].reset_index(drop=True)
        assert best["selection"].unique().tolist() == [rule]
        assert best["setting_id"].tolist() == mine["setting_id"].tolist()
        assert best["score"].tolist() == pytest.approx(mine["selection_score"].tolist())
        assert best["tuned_gain"].tolist() == pytest.approx(mine["tuned_gain"].tolist())
        plain = best_settings("first", root=root, selection=rule, arm="none")
        assert (plain["tuned_gain"] == 0).all()
        assert plain["score"].tolist() == pytest.approx(best["baseline"].tolist())
    own = best_settings("first", root=root)
    pd.testing.assert_frame_equal(own, best_settings("first", root=root, selection=RULES[0]))
    with pytest.raises(ValueError, match='did you mean "source_dev"'):
        best_settings("first", root=root, selection="source-dev")


@pytest.mark.parametrize("selection", ["source_dev", "target_dev"])
def test_every_search_keeps_what_each_rule_needs(tmp_path: Path, selection: str) -> None:
    """Halves of parallel items are scored whatever the rule; what is told stays the same."""
    changes = {"study.selection": selection, "budget.trials_per_target": 6}
    record = driven(frozen(changes), tmp_path)
    assert record.cuts["xnli"].items_seed is None
    ladder = selection_ladder("first", root=tmp_path)
    assert set(ladder["selection"]) == set(RULES)
    scores = load_scores("first", root=tmp_path)
    assert set(scores["items"]) == {"all", "selecting", "reported"}
    cut = dataclasses.replace(record.cuts["xnli"])
    whole = scores[(scores["items"] == "all") & scores["language"].isin(cut.selecting)]
    trials = load_trials("first", root=tmp_path).set_index("trial_number")["score"]
    means = whole.groupby("trial_number")["value"].mean()
    assert trials[means.index].tolist() == pytest.approx(means.tolist())


# -- finalists -------------------------------------------------------------------------------------


def test_tuned_baselines_are_confirmed(root: Path) -> None:
    """The best setting without an intermediate phase by each rule stands among the confirmed."""
    snapshot = read_snapshot("first", root)
    trials = load_trials("first", root=root)
    for target in ("xnli", "xcopa"):
        found = finalists(snapshot, target, 1)
        mine = trials[trials["target"] == target].set_index("trial_number")
        for rule in RULES:
            scores = by_rule(root, target, rule)
            best = scores[mine.index[mine["arm"] == "none"]].idxmax()
            (tuned,) = [one for one in found if rule in one.tuned_for]
            assert tuned.setting.setting_id == mine.loc[best, "setting_id"]
            assert not tuned.setting.intermediate
    roles = set(load_trials("first.confirm", root=root)["role"])
    assert "finalist" in roles and roles <= {"finalist", "tuned_baseline", "matched_baseline"}


def test_a_setting_is_all_that_it_is(root: Path) -> None:
    """One that is a finalist and a tuned baseline stands once, as both."""
    (one, *_) = finalists(read_snapshot("first", root), "xnli", 1)
    both = distinct(
        (
            ConfirmedSetting(setting=one.setting, chosen_by=("a",)),
            ConfirmedSetting(setting=one.setting, tuned_for=("b",)),
            ConfirmedSetting(setting=one.setting, chosen_by=("c",), tuned_for=("b",)),
        )
    )
    assert [(x.chosen_by, x.tuned_for, x.role) for x in both] == [(("a", "c"), ("b",), "finalist")]
    tuned = ConfirmedSetting(setting=one.setting, tuned_for=("b",))
    assert tuned.role == "tuned_baseline"
    assert ConfirmedSetting(setting=one.setting).role == "matched_baseline"


# -- confirmed -------------------------------------------------------------------------------------


def confirmed_world(
    record: StudyRecord, score: "dict[str, list[float]]", error: float | None = None
) -> Snapshot:
    """A confirmation whose settings score these numbers, one for each set; None is missing."""
    assert record.confirms is not None
    trials = []
    for target in record.targets:
        for one in record.confirms.settings[target]:
            for number, value in enumerate(score[one.setting.setting_id], 1):
                codes = [code for _, code, _ in record.scored[target]]
                scores = dict.fromkeys(codes, value)
                if not math.isnan(value):
                    about = (target, len(trials), one.setting, number, replicate_seeds(1, number))
                    trials.append(trial_of(*about, scores, error))
    return Snapshot(Path("nowhere"), record, tuple(trials))


@pytest.fixture
def record(root: Path) -> StudyRecord:
    """What was confirmed."""
    return read_snapshot("first.confirm", root).record


def test_gains_are_against_both_baselines(
    record: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set by set, with verdicts; the answer is what the study's own rule put first."""
    assert record.confirms is not None
    names = {o.setting.setting_id: o for found in record.confirms.settings.values() for o in found}
    rng = np.random.default_rng(1)
    luck = rng.normal(0, 3, 3)
    score = {
        name: (60 + 5 * bool(one.setting.intermediate) + luck + rng.normal(0, 0.05, 3)).tolist()
        for name, one in names.items()
    }
    lost = next(name for name, one in names.items() if one.chosen_by and one.setting.intermediate)
    score[lost][1] = math.nan
    snapshot = confirmed_world(record, score, error=1.5)
    monkeypatch.setattr(analysis.confirmed_scores, "read_snapshots", lambda *_: [snapshot])
    gains = confirmed_gains("first.confirm")
    assert set(gains["against"]) == {"tuned", "matched"}
    for row in gains[gains["target"] != "overall"].itertuples():
        wanted = paired_interval(np.subtract(score[row.setting_id], score[row.baseline_id]))
        assert row.estimate == pytest.approx(wanted.value)
        assert (row.low, row.high) == pytest.approx((wanted.low, wanted.high))
        assert row.n_sets == wanted.n and row.sets_left_out == 3 - wanted.n
        finalist, baseline = names[row.setting_id], names[row.baseline_id]
        assert finalist.chosen_by and not baseline.setting.intermediate
        if row.against == "matched":
            assert finalist.setting.without_intermediate == baseline.setting
        else:
            assert baseline.tuned_for
        if finalist.setting.intermediate and row.n_sets == 3:
            assert row.verdict == "better"
        own = record.cuts[row.target].selection
        first = record.confirms.first(row.target, own)
        assert first and row.is_answer == (finalist.setting == first.setting)
    wide = confirmed_gains("first.confirm", covers=["seeds", "rows"])
    assert (wide["standard_error"] >= gains["standard_error"]).all()
    assert wide["rows_standard_error"].notna().all()


def test_targets_without_a_chosen_intermediate_gain_nothing(root: Path) -> None:
    """They count in what a rule gains over all targets; no finalist without one has a row."""
    gains = confirmed_gains("first.confirm", root=root)
    assert "none" not in set(gains["intermediate"].dropna())
    tuned = gains.query("is_answer and against == 'tuned'").set_index("target")
    target, overall = tuned.index  # the other's best has no intermediate phase
    assert overall == "overall"
    assert tuned.loc["overall", "estimate"] == pytest.approx(tuned.loc[target, "estimate"] / 2)
    matched = gains.query("is_answer and against == 'matched'")
    assert list(matched["target"]) == [target]


def test_an_export_holds_what_reports_say(root: Path, tmp_path: Path) -> None:
    """Gains, confirmed settings and the ladder, as their functions give them."""
    export_frames("first.confirm", tmp_path, "parquet", root)
    frames = {"gains": confirmed_gains, "confirmed": confirmed_settings, "ladder": selection_ladder}
    for name, load in frames.items():
        wanted = load("first.confirm", root=root)
        assert len(wanted)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), wanted)


def test_means_are_shrunken_within_their_arm(
    record: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the noise of the whole target; intervals are Student's t over sets."""
    assert record.confirms is not None
    rng = np.random.default_rng(2)
    settings = record.confirms.settings["xcopa"]
    score = {
        o.setting.setting_id: rng.normal(60, 2, 3).tolist()
        for found in record.confirms.settings.values()
        for o in found
    }
    snapshot = confirmed_world(record, score)
    monkeypatch.setattr(analysis.confirmed_scores, "read_snapshots", lambda *_: [snapshot])
    frame = confirmed_settings("first.confirm").query("target == 'xcopa'").set_index("setting_id")
    noise = noise_variance([score[o.setting.setting_id] for o in settings])
    for arm, rows in frame.groupby("arm"):
        expected = shrink(rows["mean"].to_numpy(dtype=float), noise)
        assert rows["shrunken"].tolist() == pytest.approx(expected.tolist()), arm
    for name, row in frame.iterrows():
        wanted = paired_interval(score[str(name)])
        assert (row["low"], row["high"]) == pytest.approx((wanted.low, wanted.high))
    gains = confirmed_gains("first.confirm").query("target == 'xcopa'")
    for row in gains.itertuples():
        both = frame.loc[[row.setting_id, row.baseline_id], "shrunken"].tolist()
        assert row.shrunken == pytest.approx(both[0] - both[1])


def test_the_report_ends_with_verdicts(root: Path) -> None:
    """Gains with intervals for every pair, a verdict for every target, 80 columns wide."""
    text = report_text("first.confirm", root=root)
    assert max(map(len, text.partition("study folder")[0].splitlines())) <= 80
    gains = confirmed_gains("first.confirm", root=root)
    sections = text.split("Verdict")
    assert len(sections) == 1 + 2
    for row in gains[gains["target"] != "overall"].itertuples():
        line = f"{row.setting_id}  {row.against}"
        found = [one for one in text.splitlines() if one.startswith(line)]
        assert any(f"{row.low:+.2f}" in one and f"{row.high:+.2f}" in one for one in found)
    for rule in RULES:
        assert f"{rule}: " in text and "tuned baseline " in text


def test_a_confirmation_of_before_says_what_is_missing(
    root: Path, record: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records without tuned baselines are read, compared with matched ones, and say so."""
    assert record.confirms is not None
    stripped = record.confirms.model_dump()
    for settings in stripped["settings"].values():
        for one in settings:
            del one["tuned_for"]
    old = record.model_copy(update={"confirms": type(record.confirms).model_validate(stripped)})
    snapshot = dataclasses.replace(read_snapshot("first.confirm", root), record=old)
    monkeypatch.setattr(analysis.confirmed_scores, "read_snapshots", lambda *_: [snapshot])
    assert set(confirmed_gains("first.confirm")["against"]) == {"matched"}
    monkeypatch.setattr(analysis.report, "read_snapshot", lambda *_: snapshot)
    assert "before tuned baselines" in " ".join(report_text("first.confirm", root).split())


def test_frames_of_searches_are_empty_and_typed(root: Path) -> None:
    """A search confirms nothing; columns and dtypes are as declared."""
    for ask, columns in (
        (confirmed_settings, CONFIRMED_COLUMNS),
        (confirmed_gains, GAIN_COLUMNS),
    ):
        empty, full = ask("first", root=root), ask("first.confirm", root=root)
        assert empty.empty and len(full)
        declared = {column.name: column.dtype for column in columns}
        assert empty.dtypes.astype(str).to_dict() == full.dtypes.astype(str).to_dict() == declared
    ladder = selection_ladder("first", root=root).dtypes.astype(str).to_dict()
    assert ladder == {column.name: column.dtype for column in LADDER_COLUMNS}
