"""A confirmation through Ray Tune: driven, stopped, resumed, grown and read like any study."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

import search
from analysis import load_phases, load_scores, load_trials
from search.handle import Search
from search.lease import LeaseHeld
from spaces.layout import StudyPaths, read_json
from spaces.looks import read_looks
from spaces.study import read_study
from tests.plans import contents, frozen, lease_holder
from tests.studies import driven

pytestmark = pytest.mark.usefixtures("shared_ray")

NAME = "first.confirm"

FOUND = ["target", "setting_id", "replicate", "role", "score", "target_seed", "rows_seed"]
"""Columns that say what a confirmation found, whenever it was found."""

ASKED = {"top": 2, "seeds": 3, "quiet": True}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a search of the oracle world, whose phases last long enough to interrupt."""
    root = tmp_path_factory.mktemp("root")
    slow = {"data.oracle_seconds_per_phase": 0.1, "resources.concurrent_trials": 1}
    driven(frozen(slow), root)
    return root


def found(root: Path) -> pd.DataFrame:
    """What the confirmation found, whatever the order."""
    trials = load_trials(NAME, root=root)
    assert set(trials["state"]) == {"COMPLETE"}
    return trials[FOUND].sort_values(FOUND[:3]).reset_index(drop=True)


def looks(root: Path) -> int:
    """How often test rows were opened."""
    return len(read_looks(StudyPaths(root, "first").looks))


@pytest.fixture(scope="module")
def stopped(shared_ray: None, root: Path) -> Iterator[Search]:
    """A confirmation that was stopped half-way."""
    handle = search.confirm("first", root, wait=False, **ASKED)
    try:
        while handle.is_running and (handle.trials()["state"] == "COMPLETE").sum() < 3:
            time.sleep(0.05)
        handle.stop()
        handle.wait()
        yield handle
    finally:
        handle.stop("the test is over")
        with suppress(Exception):
            handle.wait()


@pytest.fixture(scope="module")
def resumed(stopped: Search, root: Path) -> pd.DataFrame:
    """The same, resumed by its name."""
    assert not stopped.finished and stopped.reason == "stopped"
    before = load_trials(NAME, root=root)
    assert 3 <= (before["state"] == "COMPLETE").sum() < stopped.record.planned("xnli")
    assert looks(root) == 1
    assert search.resume(NAME, root, quiet=True).finished
    return before


def test_a_stopped_confirmation_goes_on(resumed: pd.DataFrame, root: Path) -> None:
    """Nothing that was told is told again; every setting has every set of seeds once."""
    after = load_trials(NAME, root=root)
    told = resumed[resumed["state"] == "COMPLETE"]["trial_number"]
    columns = ["trial_number", "score", "finished"]
    pd.testing.assert_frame_equal(
        resumed[resumed["trial_number"].isin(told)][columns].reset_index(drop=True),
        after[after["trial_number"].isin(told)][columns].reset_index(drop=True),
    )
    confirms = read_study(root, NAME).confirms
    assert confirms is not None
    pairs = set(zip(after["setting_id"], after["replicate"], strict=True))
    names = confirms.setting_ids("xnli")
    assert pairs == {(name, n) for name in names for n in (1, 2, 3)} and len(pairs) == len(after)
    assert looks(root) == 2


def test_what_it_finds_is_what_a_plain_loop_finds(
    resumed: pd.DataFrame, root: Path, tmp_path: Path
) -> None:
    """Scores are, to the bit, those of each setting run with its seeds elsewhere."""
    driven(read_study(root, NAME), tmp_path)
    pd.testing.assert_frame_equal(found(root), found(tmp_path))


def test_no_phase_is_trained_twice(resumed: pd.DataFrame, root: Path) -> None:
    """Pairs share an initialisation, replicates share nothing, and nothing is the search's."""
    phases = load_phases(NAME, root=root)
    executed = phases[~phases["hit"]]
    assert not executed["key"].duplicated().any()
    assert set(phases["executed_by"]) == {NAME}
    trials = load_trials(NAME, root=root).set_index("trial_number")
    replicates = phases["trial_number"].map(trials["replicate"])
    assert (replicates.groupby(phases["key"]).nunique() == 1).all()


def test_only_test_rows_are_scored(resumed: pd.DataFrame, root: Path) -> None:
    """Every language on test rows, on all items, and no language selects."""
    scores = load_scores(NAME, root=root)
    assert set(scores["split"]) == {"test"} and set(scores["items"]) == {"all"}
    assert scores.groupby("trial_number")["language"].nunique().unique().tolist() == [8]
    assert set(scores["role"]) == {"reported", "other"}
    reported = scores[scores["role"] == "reported"]
    means = reported.groupby("trial_number")["value"].mean()
    trials = load_trials(NAME, root=root).set_index("trial_number")
    assert (means - trials["score"]).abs().max() < 1e-9
    assert (trials["score"] == trials["reported_score"]).all()


def test_a_finished_confirmation_opens_nothing(resumed: pd.DataFrame, root: Path) -> None:
    """Asked again it finds all done: no look, no trial, no phase; its folder holds no locks."""
    before, phases = found(root), contents(root / "phases")
    record, opened = read_json(StudyPaths(root, NAME).record), looks(root)
    assert search.confirm("first", root, **ASKED).finished
    pd.testing.assert_frame_equal(found(root), before)
    assert contents(root / "phases") == phases
    assert read_json(StudyPaths(root, NAME).record) == record and looks(root) == opened
    left = {path.name for path in StudyPaths(root, NAME).folder.iterdir()}
    assert left == {"study.json", "journal.log", "ray"}


def test_more_seeds_join(resumed: pd.DataFrame, root: Path) -> None:
    """A fourth set runs alone, after a look of its own; the search itself can still go on."""
    before, opened = found(root), looks(root)
    assert search.confirm("first", root, **{**ASKED, "seeds": 4}).finished
    after = found(root)
    pd.testing.assert_frame_equal(after[after["replicate"] <= 3].reset_index(drop=True), before)
    assert (after["replicate"] == 4).sum() == after["setting_id"].nunique()
    assert looks(root) == opened + 1
    assert search.start(read_study(root, "first").plan, root, quiet=True).finished
    assert looks(root) == opened + 1


def test_one_driver_at_a_time(resumed: pd.DataFrame, root: Path) -> None:
    """A confirmation has a lease of its own."""
    opened = looks(root)
    with lease_holder(StudyPaths(root, NAME).lease), pytest.raises(LeaseHeld):
        search.confirm("first", root, **{**ASKED, "seeds": 9})
    assert looks(root) == opened
    assert (load_trials(NAME, root=root)["replicate"] <= 4).all()
