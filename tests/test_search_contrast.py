"""A contrast beside a search, through Ray Tune: stopped in the middle, resumed, grown."""

import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

import search
from analysis import load_phases, load_trials
from search.handle import Search
from spaces.study import read_study
from tests.studies import driven, oracle

pytestmark = pytest.mark.usefixtures("shared_ray")

CHANGES = {
    "contrast": {"seeds": 2, "intermediates": ["none", "nli:esho"]},
    "budget.trials_per_target": 5,
    "data.oracle_seconds_per_phase": 0.1,
    "resources.concurrent_trials": 2,
    "study.sampler": "random",
}

FOUND = ["target", "setting_id", "replicate", "role", "score", "target_seed"]
"""Columns that say what a study found, in whatever order."""


def found(root: Path) -> pd.DataFrame:
    """What the study found, whatever the order."""
    trials = load_trials("first", root=root)
    assert set(trials["state"]) == {"COMPLETE"}
    return trials[FOUND].sort_values(FOUND[:4]).reset_index(drop=True)


def stopped(root: Path) -> Search:
    """A study that was stopped in the middle of its first set."""
    handle = search.start(oracle(CHANGES), root, wait=False, quiet=True)
    try:
        while handle.is_running:
            opened = handle.paths.record.exists() and handle.paths.journal.exists()
            if opened and (handle.trials()["state"] == "COMPLETE").sum() >= 2:
                break
            time.sleep(0.05)
        handle.stop()
        return handle.wait()
    finally:
        handle.stop("the test is over")
        with suppress(Exception):
            handle.wait()


def test_a_stopped_contrast_goes_on_and_grows(tmp_path: Path) -> None:
    """What a stop and a resume leave is what a plain loop finds; a third set joins it alone."""
    root = tmp_path / "root"
    assert not stopped(root).finished
    before = load_trials("first", root=root)
    told = before[before["state"] == "COMPLETE"]
    assert 2 <= len(told) < 8 and set(told["role"]) == {"contrast"}
    assert search.resume("first", root, quiet=True).finished
    driven(read_study(root, "first"), tmp_path / "plain")
    pd.testing.assert_frame_equal(found(root), found(tmp_path / "plain"))
    kept = load_trials("first", root=root).set_index("trial_number").loc[told["trial_number"]]
    assert kept["finished"].tolist() == told["finished"].tolist()
    phases = load_phases("first", root=root)
    assert not phases[~phases["hit"]]["key"].duplicated().any()

    three = {**CHANGES, "contrast": {**CHANGES["contrast"], "seeds": 3}}
    older = found(root)
    assert search.start(oracle(three), root, quiet=True).finished
    grown = found(root)
    new = grown["replicate"] == 3
    pd.testing.assert_frame_equal(grown[~new.fillna(False)].reset_index(drop=True), older)
    assert int(new.sum()) == 4
    assert search.resume("first", root, add_trials=2, quiet=True).finished
    assert load_trials("first", root=root)["replicate"].isna().sum() == 7
