"""Studies in a PostgreSQL server: killed, resumed, two at once, confirmed, and no password left."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import search
from analysis import load_phases, load_reports, load_scores, load_trials
from search.cli import main
from spaces.layout import StoreError, StudyPaths
from tests.plans import HOME, Changes, frozen, to_toml, values
from tests.postgres import PASSWORD, Database, postgres
from tests.studies import driven, oracle, queues

pytestmark = pytest.mark.services

FOUND = ["target", "trial_number", "state", "score", "reported_score", "setting_id", "role"]
"""Columns that say what a study found, whenever it was found."""

PLAN: Changes = {
    "store.storage": "env:STUDIES_URL",
    "study.sampler": "random",  # proposals that depend on no order of completion
    "resources.concurrent_trials": 1,
    "budget.trials_per_target": 8,
    "budget.reports_per_phase": 2,
    "data.oracle_seconds_per_phase": 0.2,
}


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A server with an empty database, whose address the environment holds."""
    with postgres() as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIES_URL", database.url)
        yield database


def launch(root: Path, *command: str | Path) -> "subprocess.Popen[str]":
    """A driver in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "search", *map(str, command), "--root", str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=root.parent,
        env={**os.environ, "PYTHONPATH": str(HOME)},
    )


def told(root: Path, study: str) -> int:
    """Trials that are complete by now; 0 before there is anything to read."""
    with suppress(StoreError):
        return int((load_trials(study, root=root)["state"] == "COMPLETE").sum())
    return 0


def is_open(root: Path, study: str) -> bool:
    """Whether a trial is being trained."""
    return "RUNNING" in set(load_trials(study, root=root)["state"])


@dataclass(frozen=True)
class Shared:
    """Two studies in one database, one of them killed, and what the drivers said."""

    root: Path
    at_the_kill: pd.DataFrame
    said: str


@pytest.fixture(scope="module")
def shared(
    database: Database, shared_ray: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    """``first`` is killed after two trials and resumed; meanwhile ``second`` runs from start on."""
    root = tmp_path_factory.mktemp("shared") / "root"
    plan = root.parent / "plan.toml"
    plan.write_text(to_toml(values(PLAN)))
    driver = launch(root, "start", plan)
    try:
        while driver.poll() is None and (told(root, "first") < 2 or not is_open(root, "first")):
            time.sleep(0.05)
        driver.kill()
        driver.communicate()
        at_the_kill = load_trials("first", root=root)
        driver = launch(root, "resume", "first")
        second = search.start(oracle({**PLAN, "study.name": "second"}), root, quiet=True)
        assert second.finished
        said, _ = driver.communicate(timeout=300)
        assert driver.returncode == 0, said
        yield Shared(root, at_the_kill, said)
    finally:
        driver.kill()
        driver.communicate()


@pytest.mark.parametrize("study", ["first", "second"])
def test_a_study_finds_what_a_journal_finds(shared: Shared, study: str, tmp_path: Path) -> None:
    """Killed or not, alone in the database or not: the table of a plain loop on a journal."""
    alone = {**PLAN, "store.storage": "journal", "study.name": study}
    driven(frozen({**alone, "data.oracle_seconds_per_phase": 0}), tmp_path)
    there, here = load_trials(study, root=shared.root), load_trials(study, root=tmp_path)
    pd.testing.assert_frame_equal(there[FOUND], here[FOUND])
    assert set(there["state"]) == {"COMPLETE"} and len(there) == 8
    scores = [load_scores(study, root=root) for root in (shared.root, tmp_path)]
    pd.testing.assert_frame_equal(*scores)


def test_a_killed_driver_loses_nothing(shared: Shared) -> None:
    """Trials told before the kill stand as they were; the open one is taken up, nothing twice."""
    before = shared.at_the_kill.query("state == 'COMPLETE'").set_index("trial_number")
    after = load_trials("first", root=shared.root).set_index("trial_number")
    assert len(before) >= 2 and "RUNNING" in set(shared.at_the_kill["state"])
    columns = ["score", "setting_id", "started", "finished", "attempts"]
    pd.testing.assert_frame_equal(after.loc[before.index, columns], before[columns])
    assert after["attempts"].max() <= 2
    phases = load_phases("first", root=shared.root).query("not hit")
    assert not phases["key"].duplicated().any()
    reports = load_reports("first", root=shared.root)
    assert set(reports.groupby("trial_number").size()) == {2}


def test_a_confirmation_lives_there_too(shared: Shared) -> None:
    """A confirmation is a study of the same database, with its own trials."""
    done = search.confirm("second", shared.root, top=1, seeds=2, quiet=True)
    assert done.finished
    trials = load_trials("second.confirm", root=shared.root)
    assert set(trials["state"]) == {"COMPLETE"} and set(trials["replicate"]) == {1, 2}
    assert len(load_trials("second", root=shared.root)) == 8
    assert not StudyPaths(shared.root, "second.confirm").journal.exists()


def test_connections_that_the_server_ends_are_made_anew(database: Database, tmp_path: Path) -> None:
    """A server that ends idle connections while a phase trains, as firewalls do, costs nothing."""
    (queue,) = queues(frozen({**PLAN, "study.name": "cut"}), tmp_path)
    for number in range(3):
        asked = queue.next()
        assert asked is not None and asked.number == number
        assert database.cut_connections() > 0
        queue.fail(asked, "a try")
    assert list(load_trials("cut", root=tmp_path)["state"]) == ["FAIL"] * 3


def test_a_server_that_goes_away_stops_a_search_softly(
    database: Database, shared_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A search without its database says so and ends; once it is back, a resume loses nothing."""
    changes = {**PLAN, "study.name": "lost", "budget.trials_per_target": 5}
    handle = search.start(oracle(changes), tmp_path, wait=False, quiet=True)
    while handle.is_running and told(tmp_path, "lost") < 1:
        time.sleep(0.05)
    with database.away():
        handle.wait()
        assert not handle.finished and "the study cannot be written" in handle.reason
        assert PASSWORD not in handle.reason and "\n" not in handle.reason
        assert main(["status", "lost", "--root", str(tmp_path)]) == 2
        said = capsys.readouterr().err
        assert "cannot be read" in said and PASSWORD not in said
    again = search.resume("lost", tmp_path, quiet=True)
    assert again.finished and set(again.trials()["state"]) == {"COMPLETE"}
    assert not load_phases("lost", root=tmp_path).query("not hit")["key"].duplicated().any()


def test_no_file_holds_the_password(shared: Shared) -> None:
    """Neither the studies' records, nor Ray's logs of them, nor what a driver says."""
    files = [path for path in shared.root.parent.rglob("*") if path.is_file()]
    assert any(path.name == "study.json" for path in files)
    assert any("ray" in path.parts for path in files)
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert "xnli" in shared.said and PASSWORD not in shared.said
