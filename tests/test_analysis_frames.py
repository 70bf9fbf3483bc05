"""Frames over the small study of ``tests/analysis_world.py``."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import analysis
import spaces.catalogue
from analysis.cells import CELL_COLUMNS
from analysis.choose import BEST_COLUMNS
from analysis.export import export_frames
from spaces.layout import StoreError
from spaces.records import PHASE_COLUMNS, REPORT_COLUMNS, SCORE_COLUMNS, TRIAL_COLUMNS
from tests.analysis_world import World, small_study

LOADERS = (
    (analysis.load_trials, TRIAL_COLUMNS),
    (analysis.load_scores, SCORE_COLUMNS),
    (analysis.load_reports, REPORT_COLUMNS),
    (analysis.load_phases, PHASE_COLUMNS),
    (analysis.best_settings, BEST_COLUMNS),
    (analysis.contrast_cells, CELL_COLUMNS),
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The study of ``tests/analysis_world.py``."""
    return small_study(tmp_path)


def test_trials_hold_states_scores_and_gains(world: World) -> None:
    """A gain is paired with the trial equal in all else, and tuned against the best of its arm."""
    trials = analysis.load_trials("small", root=world.root)
    states = ["COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]
    assert list(trials["state"]) == states
    assert list(trials["score"].dropna()) == [60.0, 66.5, 62.0]
    assert list(trials["paired_gain"].fillna(-99)) == [-99, 6.5, *[-99] * 5]
    assert list(trials["tuned_gain"].fillna(-99)) == [-2.0, 4.5, 0.0, *[-99] * 4]
    assert list(trials["arm"].fillna("?")) == [
        "none",
        "intermediate",
        "none",
        *["intermediate"] * 3,
        "?",
    ]
    assert trials.loc[3, "pruned_step"] == 30
    assert trials.loc[4, "reason"].startswith("rank 0: out of memory")
    assert pd.isna(trials.loc[6, "setting_id"]) and pd.isna(trials.loc[6, "started"])


def test_trials_name_their_setting(world: World) -> None:
    """A row says what was tried without a look at the plan."""
    row = analysis.load_trials("small", root=world.root).loc[1]
    assert row["setting_id"] == world.setting("intermediate").setting_id
    assert (row["intermediate"], row["source_languages"]) == ("qa:esho", "avel")
    assert (row["intermediate_learning_rate"], row["intermediate_steps"]) == (2e-3, 150)
    assert (row["world"], row["selection"], row["target_seed"]) == (
        "oracle",
        "held_out_languages",
        7,
    )
    assert row["attempts"] == 2 and row["reported_score"] == 64.0


def test_trials_say_what_their_initialisation_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Family, twin and image stage are the catalogue's; NA where it says nothing."""
    names = ["family", "twin", "image_stage"]
    assert analysis.load_trials("small", root=world.root)[names].isna().all(axis=None)
    said = {"family": "xlm-r-base", "twin": "oracle-placebo", "image_stage": "images"}
    rows = [
        replace(row, **said) if row.name == "oracle-text" else row
        for row in spaces.catalogue.INITIALISATIONS
    ]
    monkeypatch.setattr(spaces.catalogue, "INITIALISATIONS", rows)
    trials = analysis.load_trials("small", root=world.root)
    assert trials.loc[1, names].to_dict() == said
    assert trials.loc[6, names].isna().all()  # never asked: nobody knows which it would have been


def test_trials_count_what_they_executed(world: World) -> None:
    """Steps of an interrupted trial count once, a hit's do not, and the never asked are unknown."""
    trials = analysis.load_trials("small", root=world.root)
    # 0: target 60. 1: intermediate 150 + target 60. 2: target 60. 5: intermediate so far.
    assert list(trials["steps"].fillna(-1)) == [60, 210, 60, 0, 0, 150, -1]
    assert trials.loc[1, "seconds"] == 30.0 + 12.0 + 1.5
    phases = analysis.load_phases("small", root=world.root)
    assert phases.loc[~phases["hit"], "steps"].sum() == trials["steps"].sum() == 480


def test_phases_tell_executions_from_hits(world: World) -> None:
    """What another study executed shows as hits alone; what the trial did itself never as a hit."""
    phases = analysis.load_phases("small", root=world.root)
    hits = phases[phases["hit"]]
    assert list(hits["kind"]) == ["initialisation"] * 3
    assert set(hits["executed_by"]) == {"older"}
    assert list(hits["trial_number"]) == [0, 1, 2]
    mixed = phases[phases["kind"] == "intermediate"]
    assert list(mixed["trial_number"]) == [1, 5] and not mixed["hit"].any()
    assert len(phases) == 3 + 8  # 2 phases of 0, 3 of 1, 2 of 2, 1 of 5; and 3 hits


def test_phases_count_every_execution_of_a_key(world: World) -> None:
    """An attempt that was set aside was executed all the same, and cost its steps."""
    phase = world.phases(world.setting("none"))[1]
    world.execute(phase, 0, mark="attempts/b/set_aside.json")
    phases = analysis.load_phases("small", root=world.root)
    assert list(phases[phases["key"] == phase.key]["steps"]) == [60, 60]


def test_phases_outlive_the_phase_store(world: World, tmp_path: Path) -> None:
    """A study folder copied to a laptop still says what its trials executed and reused."""
    away = tmp_path / "laptop"
    away.mkdir()
    (world.root / "studies").rename(away / "studies")
    phases = analysis.load_phases("small", root=away)
    # Trial 1 wrote its intermediate phase down as a hit: two executions left for each of 0, 1, 2.
    assert list(phases["hit"]).count(False) == 6
    assert phases.loc[phases["hit"], "executed_by"].isna().all()


def test_scores_carry_flags(world: World) -> None:
    """A score says which part its language plays and what the setting saw of it."""
    scores = analysis.load_scores("small", root=world.root)
    assert len(scores) == 3 * 8 * 3
    one = scores[(scores["trial_number"] == 1) & (scores["items"] == "all")].set_index("language")
    assert list(one.index[one["seen_source"]]) == ["avel"]
    assert list(one.index[one["seen_intermediate"]]) == ["esho"]
    assert not one["seen_skill"].any()  # qa is not xnli's skill
    assert dict(one["leakage"]) == {code: "L1" if code == "esho" else "L0" for code in one.index}
    assert scores.loc[scores["trial_number"] != 1, "leakage"].isna().all()
    cut = world.record.cuts["xnli"]
    assert set(one.index[one["role"] == "selecting"]) == set(cut.selecting)
    assert set(one.index[one["in_objective"]]) == set(cut.objective)
    assert one.loc["esho", "group"] == "non_european" and one.loc["brin", "value"] == 67.5


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_exported_scores_hold_the_leakage_class(world: World, tmp_path: Path, form: str) -> None:
    """Others read the class of each score from the file, without this project."""
    export_frames("small", tmp_path / "out", form, root=world.root)
    file = tmp_path / "out" / f"scores.{form}"
    read = pd.read_parquet(file) if form == "parquet" else pd.read_csv(file)
    one = read[(read["trial_number"] == 1) & (read["items"] == "all")].set_index("language")
    assert (one.loc["esho", "leakage"], one.loc["fanu", "leakage"]) == ("L1", "L0")


def test_reports_are_in_order_of_steps(world: World) -> None:
    """Reports of complete and of pruned trials stand in the order in which they were made."""
    reports = analysis.load_reports("small", root=world.root)
    rows = reports[["trial_number", "step", "value"]].itertuples(index=False, name=None)
    assert list(rows) == [(1, 30, 55.0), (1, 60, 66.5), (3, 30, 61.0)]


def test_several_studies_follow_one_another(world: World) -> None:
    """A list of names gives their rows in turn, and counts the seeds behind a setting."""
    other = World(world.root, "second", seed=8)
    other.add("COMPLETE", other.setting("intermediate"), 70.0)
    trials = analysis.load_trials(["small", "second"], root=world.root)
    assert list(trials["study"]) == ["small"] * 7 + ["second"]
    best = analysis.best_settings(["small", "second"], root=world.root)
    assert list(best["seeds"]) == [2, 2]


@pytest.mark.parametrize(("load", "columns"), LOADERS)
def test_columns_are_the_same_when_empty(tmp_path: Path, world: World, load, columns) -> None:
    """An empty study gives the declared columns and dtypes, as a full one does."""
    World(tmp_path / "other", "empty")
    declared = {column.name: column.dtype for column in columns}
    for frame in (load("empty", root=tmp_path / "other"), load("small", root=world.root)):
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == declared
    assert list(load([], root=tmp_path).columns) == list(declared)


@pytest.mark.parametrize(
    "attrs",
    [{"setting": {"initialisation": "x"}}, {"setting_id": "0" * 12}, {"record": {"scores": 3}}],
)
def test_an_unreadable_trial_is_named(world: World, attrs) -> None:
    """A trial that cannot be read stops the reader: its condition must not look never run."""
    world.add("RUNNING", world.setting("none"), **attrs)
    with pytest.raises(StoreError, match="'small', target 'xnli', trial 7.*" + next(iter(attrs))):
        analysis.load_trials("small", root=world.root)


def test_readers_create_nothing(world: World) -> None:
    """Every reader leaves every file as it was, and adds none."""

    def state() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in sorted(world.root.rglob("*"))}

    before = state()
    for load, _ in LOADERS:
        load("small", root=world.root)
    analysis.report_text("small", root=world.root)
    assert state() == before


def test_analysis_needs_no_training_library() -> None:
    """A laptop without torch, Ray or DeepSpeed imports analysis, and pays for no Optuna."""
    code = (
        "import sys\n"
        "for name in ('torch', 'ray', 'deepspeed', 'transformers', 'datasets'):\n"
        "    sys.modules[name] = None\n"
        "import analysis\n"
        "assert not {'optuna', 'pandas', 'rich'} & set(sys.modules), 'a heavy import at the top'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
