"""Frames as tables that a pandas user joins, groups, and writes to files."""

import re
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import analysis
from analysis.dictionary import DICTIONARY, FRAMES, data_dictionary
from analysis.export import export_frames
from analysis.scores import trial_score_rows
from analysis.snapshot import read_snapshots
from analysis.typed import typed_frame
from search.confirmation import confirmation
from spaces.records import SCORE_COLUMNS, TRIAL_KEYS
from tests.analysis_world import World, small_study
from tests.frame_docs import PAGE, page
from tests.plans import frozen
from tests.studies import driven

KEYS = list(TRIAL_KEYS)

NAMES = ["small", "second", "first", "empty"]

CONFIRMED = {name: ["first.confirm"] for name in ("confirmed", "gains", "ladder")}
"""Frames that speak of a confirmation."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies by hand, with other seeds, driven with a contrast and confirmed, and empty."""
    root = tmp_path_factory.mktemp("root")
    small_study(root)
    second = World(root, "second", seed=8)
    second.add("COMPLETE", second.setting("intermediate"), 70.0)
    World(root, "empty")
    contrast = {"seeds": 2, "intermediates": ["none", "nli:esho"]}
    few = {"budget.trials_per_target": 5}
    driven(frozen({"contrast": contrast, "targets.tasks": ["xnli", "xcopa"], **few}), root)
    record, _ = confirmation("first", root, top=1, replicates=2)
    driven(record, root)
    return root


@pytest.fixture(scope="module")
def frames(root: Path) -> dict[str, pd.DataFrame]:
    """Every frame over all studies that it speaks of."""
    return {f.name: f.load(CONFIRMED.get(f.name, NAMES), root=root) for f in FRAMES}


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
@pytest.mark.parametrize("names", ["full", "empty", "no study"])
def test_parquet_keeps_all(root: Path, tmp_path: Path, frames, frame, names: str) -> None:
    """Values, dtypes, missing values, units and meanings come back as they were."""
    few = ["empty"] if names == "empty" else []
    made = frames[frame.name] if names == "full" else frame.load(few, root=root)
    made.to_parquet(tmp_path / "frame.parquet", index=False)
    read = pd.read_parquet(tmp_path / "frame.parquet")
    assert_frame_equal(read, made)
    assert {str(kind) for kind in read.dtypes} <= {
        *("string", "Int64", "Float64", "boolean", "datetime64[us]")
    }
    assert read.attrs == made.attrs and read.attrs["meanings"].keys() == {*made.columns}
    assert all(read.attrs["meanings"].values())
    units = {column.name: column.unit for column in frame.columns if column.unit}
    assert read.attrs["units"] == units


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
def test_keys_name_one_row(frames, frame) -> None:
    """No two rows of a frame are alike in its keys, over studies, targets and replicates."""
    made = frames[frame.name]
    assert len(made) or frame.name == "pretraining"  # this world pretrains nothing
    assert not made.duplicated(list(frame.keys)).any()
    assert not made[[*frame.keys[:2]]].isna().any(axis=None)


@pytest.mark.parametrize("name", ["scores", "reports", "phases"])
def test_trials_join_without_losing_or_doubling(frames, name: str) -> None:
    """Every row finds its one trial, keeps its place, and its own meaning of names they share."""
    frame, trials = frames[name], frames["trials"]
    joined = analysis.with_trials(frame, trials)
    assert_frame_equal(joined[list(frame.columns)], frame, check_like=False)
    assert {*joined.columns} == {*frame.columns, *trials.columns}
    assert joined["state"].notna().all()
    known = trials.set_index(KEYS)["initialisation"]
    assert joined["initialisation"].tolist() == [known[tuple(row)] for row in frame[KEYS].values]
    both = trials.attrs["meanings"] | frame.attrs["meanings"]
    assert joined.attrs["meanings"] == both


def test_scores_join_trials_and_phases(frames) -> None:
    """Scores, their trials and the phases that scored them: as many rows as there are scores."""
    trials, scores, phases = (frames[name] for name in ("trials", "scores", "phases"))
    evaluations = phases.loc[phases["kind"] == "evaluation", [*KEYS, "key", "parent"]]
    joined = analysis.with_trials(scores, trials).merge(
        evaluations, on=KEYS, how="left", validate="many_to_one"
    )
    assert len(joined) == len(scores) and joined["key"].notna().all()
    assert joined["value"].sum() == scores["value"].sum()
    assert joined.groupby(KEYS)["key"].nunique().eq(1).all()
    # Of each evaluation's parent, the phase before it is that of the same trial.
    before = phases[[*KEYS, "key", "kind"]].rename(columns={"key": "parent"})
    chain = evaluations.merge(before, on=[*KEYS, "parent"], how="left", validate="one_to_one")
    assert chain["kind"].isin(["target", "initialisation"]).all()


def test_costs_of_trials_are_those_of_their_phases(frames) -> None:
    """What a trial cost is the sum over the phases that it executed; hits cost it nothing."""
    trials, phases = frames["trials"], frames["phases"]
    executed = phases[~phases["hit"]].groupby(KEYS)[["steps", "tokens"]].sum()
    joined = trials.set_index(KEYS)[["steps", "tokens"]].join(executed, rsuffix="_of_phases")
    for cost in ("steps", "tokens"):
        known = joined[joined[cost].notna()]
        assert (known[cost] == known[f"{cost}_of_phases"].fillna(0)).all() and known[cost].sum()


def test_settings_join_over_targets_and_studies(frames) -> None:
    """One setting_id is one setting wherever it stands, so targets and seeds line up by it."""
    trials = frames["trials"]
    known = trials[trials["setting_id"].notna()]
    same = ["initialisation", "intermediate", "source_languages", "target_learning_rate"]
    assert known.groupby("setting_id")[same].nunique(dropna=False).eq(1).all(axis=None)
    seeds = known[known["state"] == "COMPLETE"].pivot_table("score", "setting_id", "study")
    assert seeds[["small", "second"]].dropna().to_numpy().tolist() == [[66.5, 70.0]]
    cells = known[known["role"] == "contrast"].groupby("setting_id")["target"].nunique()
    assert cells.eq(2).all()


def test_trials_name_tasks_and_languages_of_their_intermediate(frames) -> None:
    """What one groups by stands in columns of its own, not in a name to be taken apart."""
    trials = frames["trials"]
    named = trials[["intermediate", "intermediate_tasks", "intermediate_languages"]]
    assert named.loc[0].tolist() == ["none"] * 3
    assert named.loc[1].tolist() == ["qa:esho", "qa", "esho"]
    assert named.loc[6].isna().all()  # never asked


def test_a_trial_that_stands_twice_is_refused(frames) -> None:
    """Rows are never doubled in silence, nor by trials that were joined from several calls."""
    trials, scores = frames["trials"], frames["scores"]
    with pytest.raises(pd.errors.MergeError, match="not a many-to-one merge"):
        analysis.with_trials(scores, pd.concat([trials, trials]))
    with pytest.raises(KeyError, match="trial_number"):
        analysis.with_trials(scores.drop(columns="trial_number"), trials)
    some = analysis.with_trials(scores, trials[trials["trial_number"] == 1])
    assert some["arm"].notna().sum() == (scores["trial_number"] == 1).sum() < len(some)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_exports_say_what_their_columns_are(root: Path, tmp_path: Path, form: str) -> None:
    """The dictionary beside the files names each of their columns, in order, with its dtype."""
    files = export_frames("first", tmp_path, form, root=root)
    read = pd.read_parquet if form == "parquet" else pd.read_csv
    dictionary = read(tmp_path / f"{DICTIONARY}.{form}")
    assert dictionary["meaning"].notna().all()
    for file in files:
        if file.stem != DICTIONARY:
            named = dictionary[dictionary["frame"] == file.stem]
            frame = read(file)
            assert list(frame.columns) == list(named["column"]), file
            if form == "parquet":
                assert [str(kind) for kind in frame.dtypes] == list(named["dtype"]), file


def test_csv_is_read_by_its_dictionary(root: Path, tmp_path: Path) -> None:
    """Dtypes that csv forgets come back from the dictionary's column of them."""
    export_frames("first", tmp_path, "csv", root=root)
    dictionary = pd.read_csv(tmp_path / f"{DICTIONARY}.csv")
    kinds = dictionary[dictionary["frame"] == "trials"].set_index("column")["dtype"]
    dates = list(kinds.index[kinds.str.startswith("datetime")])
    read = pd.read_csv(
        tmp_path / "trials.csv", dtype=kinds.drop(dates).to_dict(), parse_dates=dates
    )
    assert_frame_equal(read, analysis.load_trials("first", root=root), check_dtype=True)


def test_the_dictionary_counts_every_column_once() -> None:
    """Frames, columns and keys of the dictionary are those that are declared."""
    told = data_dictionary()
    assert list(told["frame"].unique()) == [frame.name for frame in FRAMES]
    assert len(told) == sum(len(frame.columns) for frame in FRAMES)
    assert not told.duplicated(["frame", "column"]).any()
    for frame in FRAMES:
        keys = told.loc[(told["frame"] == frame.name) & told["key"], "column"]
        assert {*keys} == {*frame.keys}


def test_the_page_of_frames_says_what_is_declared() -> None:
    """``docs/frames.md`` has every frame's columns as the code has them."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "the page is old: python -m tests.frame_docs"
    for frame in FRAMES:
        assert text.count(f"\n## {frame.name}\n") == 1
        assert f"analysis.{frame.load.__name__}" in text and hasattr(analysis, frame.load.__name__)
        assert all(f"| `{column.name}` | {column.dtype} |" in text for column in frame.columns)


def test_examples_of_the_page_run(root: Path, tmp_path: Path, monkeypatch) -> None:
    """Each block of Python on the page does what it says, in order, on a study of this name."""
    export_frames("first", tmp_path, "csv", root=root)
    monkeypatch.chdir(tmp_path)
    Path("runs").symlink_to(root)
    names = {"pd": pd}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block.replace('"demo"', '"first"').replace('"other"', '"second"'), names)
    assert names["wide"]["intermediate_languages"].notna().all()
    assert names["scores"].memory_usage().sum() < names["wide"].memory_usage().sum()


def test_scores_are_those_of_their_trials_one_by_one(tmp_path: Path) -> None:
    """The frame that is made by columns holds what rows made trial by trial hold, also unknowns."""
    small_study(tmp_path)
    world = World(tmp_path, "odd", seed=9)
    for number, tasks in enumerate(("qa", "nli", "qa")):
        language = ("esho", "fanu")[number % 2]
        world.add("COMPLETE", world.setting("intermediate", tasks, language), 60.0 + number)
    world.add("COMPLETE", world.setting("none"), 50.0, setting=None, setting_id=None)
    names = ["odd", "small"]
    rows = [
        row
        for snapshot in read_snapshots(names, tmp_path)
        for trial in snapshot.trials
        for row in trial_score_rows(snapshot, trial)
    ]
    made = analysis.load_scores(names, root=tmp_path)
    assert_frame_equal(made, typed_frame(rows, SCORE_COLUMNS))
    odd = made[made["study"] == "odd"]
    assert odd["leakage"].isna().mean() == 0.25 and odd["seen_skill"].sum() == 3
    assert odd.groupby("trial_number")["seen_intermediate"].sum().tolist() == [
        3,
        3,
        3,
        0,
    ]  # of all items and of halves
