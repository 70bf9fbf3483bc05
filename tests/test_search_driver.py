"""Whole searches of the oracle world through Ray Tune: told once, stopped, resumed, grown."""

import io
import json
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from optuna.storages import InMemoryStorage
from rich.console import Console

import search
from analysis import load_phases, load_reports, load_scores, load_trials
from analysis.storage import read_trials
from search.cli import _finish
from search.cluster import prepare_environment
from search.driver import Search
from search.lease import LeaseHeld
from search.study import open_target
from search.target_queue import TargetQueue
from spaces.layout import PhasePaths, StoreError, StudyPaths, read_json, write_json
from spaces.mistakes import PlanError
from spaces.phases import trial_phases
from spaces.processes import Owner
from spaces.records import TRIAL_COLUMNS
from spaces.study import SETTING, StudyRecord, read_study
from spaces.suggest import Space, baselines
from tests.plans import Changes, contents, frozen, lease_holder, to_toml, values
from tests.studies import nli_file, oracle, real_world
from trainables import TrialRequest, run_trial, world_for

SLOW = {"data.oracle_seconds_per_phase": 0.15}
"""Phases that last long enough to be interrupted."""

TWO_AT_A_TIME = {"resources.concurrent_trials": 2}

FOUND = ["target", "trial_number", "state", "score", "reported_score", "setting_id", "role"]
"""Columns that say what a study found, whenever it was found."""

Begin = Callable[..., Search]

pytestmark = pytest.mark.usefixtures("shared_ray")


def start(root: Path, changes: Changes | None = None, **options: Any) -> Search:
    """A search of the changed oracle plan, to its end unless told otherwise."""
    return search.start(oracle(changes), root, **{"quiet": True, **options})


def found(root: Path) -> list[tuple[Any, ...]]:
    """What the study found, row by row."""
    trials = load_trials("first", root=root)[FOUND]
    return [tuple(row) for row in trials.itertuples(index=False)]


def executions(root: Path) -> pd.Series:
    """Key of a phase -> how often it was executed to its end, by whomever."""
    phases = load_phases("first", root=root)
    return phases[~phases["hit"]].groupby("key").size()


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Starts searches in the background; none outlives its test."""
    begun: list[Search] = []

    def begin(root: Path, changes: Changes | None = None) -> Search:
        begun.append(start(root, changes, wait=False))
        return begun[-1]

    yield begin
    for handle in begun:
        handle.stop("the test is over")
        with suppress(Exception):
            handle.wait()


def until(handle: Search, reached: Callable[[pd.DataFrame], bool]) -> None:
    """Wait until the trials of a running search have come so far."""
    while handle.is_running:
        opened = handle.paths.record.exists() and handle.paths.journal.exists()
        if opened and reached(handle.trials()):
            return
        time.sleep(0.05)
    handle.wait()
    pytest.fail("the search ended before it came so far")


def complete(count: int) -> Callable[[pd.DataFrame], bool]:
    """Whether so many trials are COMPLETE."""
    return lambda trials: int((trials["state"] == "COMPLETE").sum()) >= count


# -- a search that is left alone -------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(shared_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Search:
    """A finished search of twelve trials, two at a time, started from a plan file."""
    folder = tmp_path_factory.mktemp("finished")
    path = folder / "plan.toml"
    path.write_text("# as its author wrote it\n" + to_toml(values()))
    return search.start(path, folder / "root", quiet=True)


@pytest.fixture
def copied(finished: Search, tmp_path: Path) -> Path:
    """A root of its own with the finished search."""
    shutil.copytree(finished.root, tmp_path / "root")
    return tmp_path / "root"


def test_every_trial_is_told(finished: Search) -> None:
    """A search spends its whole budget, each trial told once with a score and its role."""
    trials = finished.trials()
    assert finished.finished and not finished.reason
    assert {c.name: c.dtype for c in TRIAL_COLUMNS} == {
        name: str(dtype) for name, dtype in trials.dtypes.items()
    }
    assert list(trials["trial_number"]) == list(range(12))
    assert set(trials["state"]) == {"COMPLETE"} and set(trials["attempts"]) == {1}
    assert list(trials["role"]) == ["baseline"] * 4 + ["sampled"] * 7 + ["matched_baseline"]
    assert trials["score"].between(0, 100).all()
    assert (trials["arm"] == "none").sum() >= 3
    assert (trials["started"] <= trials["finished"]).all()


def test_values_are_those_of_the_settings_alone(finished: Search, tmp_path: Path) -> None:
    """Each score is, to the bit, that of its recorded setting run by itself elsewhere."""
    record = finished.record
    record.write(StudyPaths(tmp_path, record.name))
    attributes = {trial.number: trial.user_attrs for trial in _optuna_trials(finished.root)}
    for row in finished.trials().itertuples():
        setting = SETTING.validate_python(attributes[row.trial_number]["setting"])
        request = TrialRequest(root=tmp_path, record=record, target=row.target, setting=setting)
        *_, last = run_trial(request, world_for(record, tmp_path))
        assert last["score"] == row.score


def _optuna_trials(root: Path) -> list[Any]:
    return read_trials(read_study(root, "first"), root, "xnli")


def test_each_phase_is_executed_once(finished: Search) -> None:
    """What trials share is trained by one of them and taken from the store by the others."""
    phases = load_phases("first", root=finished.root)
    assert set(executions(finished.root)) == {1}
    assert set(phases["executed_by"]) == {"first"}
    per_trial = phases.groupby("trial_number")["kind"].apply(set)
    assert all({"initialisation", "target", "evaluation"} <= kinds for kinds in per_trial)
    assert phases["hit"].sum() >= 12 - 2  # ten trials at least found their initialisation
    stored = {path.name for path in finished.root.glob("phases/*/*")}
    assert stored == set(phases["key"])


def test_every_language_is_scored(finished: Search) -> None:
    """A trial has a score for each language, split and half of the items, and none of test."""
    scores = load_scores("first", root=finished.root)
    assert len(scores) == 12 * 8 * 3
    assert set(scores["split"]) == {"dev"}
    chosen = scores[(scores["role"] == "selecting") & (scores["items"] == "selecting")]
    means = chosen.groupby("trial_number")["value"].mean()
    trials = finished.trials().set_index("trial_number")
    assert (means - trials["score"]).abs().max() < 1e-9


def test_a_finished_search_ends_with_its_report_and_its_page(
    copied: Path, finished: Search, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a user sees at the end of `start`: the report, and where its page lies."""
    assert _finish(replace(finished, root=copied)) == 0
    page = StudyPaths(copied, finished.record.name).report
    said = capsys.readouterr().out
    assert "best setting" in said and said.endswith(f"page          {page}\n")
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_a_finished_search_leaves_no_locks(finished: Search) -> None:
    """Lease, claims, locks and marks of a stop are gone; the plan is kept as it was written."""
    left = {path.name for path in finished.paths.folder.iterdir()}
    assert left == {"plan.toml", "study.json", "journal.log", "ray"}
    assert finished.paths.plan.read_text().startswith("# as its author wrote it\n")
    assert not list(finished.root.glob("phases/*/*/attempts/*/owner.json"))


def test_a_finished_search_starts_no_more(copied: Path) -> None:
    """The same plan again finds everything done: no trial, no phase, no other record."""
    before = found(copied)
    phases, record = contents(copied / "phases"), read_json(StudyPaths(copied, "first").record)
    again = start(copied, TWO_AT_A_TIME)
    assert again.finished
    assert found(copied) == before
    assert contents(copied / "phases") == phases
    assert read_json(StudyPaths(copied, "first").record) == record


def test_trials_can_be_added(copied: Path) -> None:
    """More trials come after those that are there, from one call on; the next adds none."""
    before = found(copied)
    log = io.StringIO()
    more = search.resume("first", copied, add_trials=4, console=Console(file=log))
    assert more.finished
    after = found(copied)
    assert after[:12] == before and len(after) == 16
    assert {row[2] for row in after} == {"COMPLETE"}
    assert set(executions(copied)) == {1}
    assert search.resume("first", copied, quiet=True).finished
    assert found(copied) == after

    # Without a terminal each trial that ended is a line of its own.
    told = [line for line in log.getvalue().splitlines() if "/16 " in line]
    assert [f"{number}/16" in line for number, line in enumerate(told, 13)] == [True] * 4
    assert "oracle-" in told[0] and "best" in told[-1]


@pytest.mark.slow
def test_another_study_reuses_the_phases(copied: Path) -> None:
    """A study of the same settings on the same store trains nothing."""
    other = start(copied, {"study.name": "second", "budget.trials_per_target": 8})
    phases = load_phases("second", root=copied)
    assert other.finished and len(other.trials()) == 8
    # The first four trials are the baselines, which both studies hold.
    assert phases[phases["trial_number"] < 4]["hit"].all()
    assert set(phases[phases["hit"]]["executed_by"]) == {"first"}


# -- a search that is stopped ----------------------------------------------------------------------


CROWDED = {
    **TWO_AT_A_TIME,
    "targets.tasks": ["xnli", "xcopa"],
    "space.initialisations": ["oracle-text"],
    "space.mixture.tasks": ["nli"],
    "space.mixture.languages": ["esho"],
    "space.intermediate.steps": [75],
    "budget.trials_per_target": 6,
    "budget.no_intermediate_share": 0.0,
}
"""Two targets and few prefixes: trials that want the same phase at the same time."""


@dataclass(frozen=True)
class Interrupted:
    """A crowded search that was stopped in the middle, and resumed."""

    first: Search
    running: pd.DataFrame
    """Its trials while it ran, ..."""
    stopped: pd.DataFrame
    """... when it had stopped, ..."""
    resumed: pd.DataFrame
    """... and when it had spent its budget."""
    trained: set[str]
    """Keys of the phases that were there when it had stopped."""
    left: set[str]
    """What its folder held then."""

    @property
    def root(self) -> Path:
        """Holds the study."""
        return self.first.root

    def of(self, state: str) -> pd.DataFrame:
        """Trials that were in some state when the search had stopped."""
        return self.stopped[self.stopped["state"] == state]


@pytest.fixture(scope="module")
def interrupted(shared_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    """The crowded search, stopped once two trials were told."""
    root = tmp_path_factory.mktemp("interrupted")
    handle = start(root, {**CROWDED, **SLOW}, wait=False)
    until(handle, complete(2))
    running = handle.trials()
    handle.stop()
    assert handle.wait() is handle
    stopped, trained = handle.trials(), set(executions(root).index)
    left = {path.name for path in handle.paths.folder.iterdir()}
    assert start(root, CROWDED).finished  # the same study: how long a phase lasts decides nothing
    frames = [indexed(frame) for frame in (running, stopped, load_trials("first", root=root))]
    return Interrupted(handle, *frames, trained, left)


def indexed(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials by target and number."""
    return trials.set_index(["target", "trial_number"])


def test_a_search_stops_softly(interrupted: Interrupted) -> None:
    """A stopped search says why, holds no lease, and keeps what was told while it ran."""
    assert not interrupted.first.is_running and not interrupted.first.finished
    assert interrupted.first.reason == "stopped"
    told = interrupted.running[interrupted.running["state"] == "COMPLETE"]
    assert list(interrupted.stopped.loc[told.index, "score"]) == list(told["score"])
    assert interrupted.left == {"study.json", "journal.log", "ray"}
    assert 2 <= len(interrupted.of("COMPLETE")) < 12 and len(interrupted.of("RUNNING")) >= 1


def test_a_resumed_search_spends_its_budget(interrupted: Interrupted) -> None:
    """Nothing stays RUNNING, and no trial is told twice or in vain."""
    resumed, done = interrupted.resumed, interrupted.of("COMPLETE")
    assert set(resumed["state"]) == {"COMPLETE"} and len(resumed) == 12
    assert list(resumed.loc[done.index, "score"]) == list(done["score"])
    assert (resumed.loc[done.index, "attempts"] == done["attempts"]).all()


def test_a_resumed_search_takes_trials_up(interrupted: Interrupted) -> None:
    """Trials that were RUNNING keep number and setting, and are handed out once more."""
    running = interrupted.of("RUNNING")
    taken_up = interrupted.resumed.loc[running.index]
    assert list(taken_up["setting_id"]) == list(running["setting_id"])
    assert (taken_up["attempts"] == running["attempts"] + 1).all()


def test_no_phase_is_trained_twice(interrupted: Interrupted) -> None:
    """Trials wait for a phase that another one trains, within and across targets and sessions."""
    counts = executions(interrupted.root)
    assert set(counts) == {1} and interrupted.trained <= set(counts.index)
    attempts = list(interrupted.root.glob("phases/*/*/attempts/*"))
    assert len(attempts) == len(counts) == len(list(interrupted.root.glob("phases/*/*/done.json")))


def test_targets_share_phases(interrupted: Interrupted) -> None:
    """The one intermediate phase of the space is trained once for both targets."""
    phases = load_phases("first", root=interrupted.root)
    shared = phases[phases["title"] == "nli:esho"]
    assert (~shared["hit"]).sum() == 1 and shared["hit"].sum() >= 3
    assert set(shared["target"]) == {"xnli", "xcopa"}


def alone(record: StudyRecord, root: Path) -> list[tuple[Any, ...]]:
    """What a study finds that is driven by a plain loop, without Ray and without a stop."""
    study = open_target(record, "xnli", InMemoryStorage(), None)
    queue, world = TargetQueue(record, "xnli", study), world_for(record, root)
    rows = []
    while asked := queue.next():
        request = TrialRequest(root=root, record=record, target="xnli", setting=asked.setting)
        *_, last = run_trial(request, world)
        noted = json.loads(last["record"])
        queue.complete(asked, last["score"], noted)
        trial = queue.trials()[asked.number]
        values = (trial.state.name, trial.value, noted["reported_score"])
        names = (asked.setting.setting_id, trial.user_attrs["role"])
        rows.append(("xnli", trial.number, *values, *names))
    return rows


@pytest.mark.parametrize("sampler", ["random", pytest.param("tpe", marks=pytest.mark.slow)])
def test_an_interrupted_search_finds_the_same(tmp_path: Path, begin: Begin, sampler: str) -> None:
    """One trial at a time, a search stopped half-way has the very table of one left alone."""
    handle = begin(tmp_path / "cut", {"study.sampler": sampler, **SLOW})
    until(handle, complete(5))
    handle.stop()
    handle.wait()
    assert 5 <= len(handle.trials()) < 12
    start(tmp_path / "cut", {"study.sampler": sampler})
    assert found(tmp_path / "cut") == alone(frozen({"study.sampler": sampler}), tmp_path / "whole")


def test_a_search_out_of_time_stops(tmp_path: Path) -> None:
    """When the wall time is spent the search stops softly, and says what is spent."""
    spent = start(tmp_path, {"budget.wall_hours": 1e-9})
    assert not spent.finished and "[budget] wall_hours" in spent.reason
    assert not complete(12)(spent.trials())
    assert not spent.paths.lease.exists() and not spent.paths.stop.exists()


def test_a_handle_can_be_asked_at_once(tmp_path: Path, begin: Begin) -> None:
    """``status()`` and ``trials()`` answer from the first moment on, when there is no trial yet."""
    handle = begin(tmp_path, {"budget.trials_per_target": 4})
    trials, status = handle.trials(), handle.status()
    assert list(trials.columns) == [column.name for column in TRIAL_COLUMNS]
    assert "first" in status
    handle.wait()
    assert len(handle.trials()) == 4


def test_stopping_a_finished_search_changes_nothing(finished: Search) -> None:
    """A search that spent its budget stays finished, whoever asks it to stop afterwards."""
    again = replace(finished)
    again.stop()
    assert again.wait() is again
    assert again.finished and not again.reason


def test_a_lost_lease_ends_a_search(tmp_path: Path, begin: Begin) -> None:
    """Whoever was taken over tells nothing more, stops nobody else, and leaves the lease alone."""
    handle = begin(tmp_path, {"data.oracle_seconds_per_phase": 1.0})  # this process is busy as well
    until(handle, complete(1))
    other = replace(Owner.me(), host="another-machine", pid=12)
    write_json(handle.paths.lease, {"owner": other.to_json(), "epoch": 9, "beat": 1})
    told = complete_numbers(handle)
    marked = False
    while handle.is_running:
        marked = marked or handle.paths.stop.exists()
        time.sleep(0.005)
    handle.wait()
    assert not handle.finished and "took over" in handle.reason
    assert len(complete_numbers(handle) - told) <= 1  # one may have been in the act of telling
    assert Owner.from_json(read_json(handle.paths.lease)["owner"]) == other
    assert not marked  # the mark would stop the trials of the new driver


def complete_numbers(handle: Search) -> set[int]:
    """Numbers of the trials that are COMPLETE."""
    trials = handle.trials()
    return set(trials[trials["state"] == "COMPLETE"]["trial_number"])


def test_a_held_study_is_not_driven(copied: Path, begin: Begin) -> None:
    """A handle in the background raises what ended it."""
    with lease_holder(StudyPaths(copied, "first").lease):
        handle = begin(copied, {"budget.trials_per_target": 20})
        with pytest.raises(LeaseHeld):
            handle.wait()
    assert not handle.finished and len(load_trials("first", root=copied)) == 12


# -- a space that grows ----------------------------------------------------------------------------


def test_a_space_grows_while_its_trials_stay(copied: Path) -> None:
    """A wider plan of the same name goes on with all trials and draws from the wider space."""
    before = found(copied)
    wider = {
        "space.initialisations": ["oracle-text", "oracle-multimodal", "oracle-placebo"],
        "space.mixture.tasks": ["nli", "qa", "choice"],
        "budget.trials_per_target": 24,
    }
    grown = start(copied, wider)
    after = found(copied)
    assert grown.finished and grown.record.generation == 2
    assert read_study(copied, "first").generation == 2
    assert after[:12] == before and len(after) == 24
    late = load_trials("first", root=copied)[12:]
    assert "oracle-placebo" in set(late["initialisation"])
    assert late["intermediate"].str.startswith("choice").any()
    assert set(executions(copied)) == {1}


# -- trials that end otherwise ---------------------------------------------------------------------


def test_weak_trials_are_pruned(tmp_path: Path) -> None:
    """The median pruner ends trials at a step, without a score, and the search goes on."""
    changes = {
        "budget.pruner": "median",
        "budget.reports_per_phase": 3,
        "budget.trials_per_target": 16,
        "study.sampler": "random",
    }
    pruning = start(tmp_path, changes)
    trials = pruning.trials()
    pruned = trials[trials["state"] == "PRUNED"]
    assert pruning.finished and len(trials) == 16 and 1 <= len(pruned) < 11
    assert pruned["score"].isna().all() and pruned["reported_score"].isna().all()
    reports = load_reports("first", root=tmp_path)
    last = reports.groupby("trial_number")["step"].max()
    assert list(last[pruned["trial_number"]]) == list(pruned["pruned_step"])
    assert trials[trials["state"] == "COMPLETE"]["pruned_step"].isna().all()
    # Who is pruned follows from the reports, not from chance: the first five are never pruned.
    assert set(trials.head(5)["state"]) == {"COMPLETE"}


def test_a_failed_trial_says_why(tmp_path: Path) -> None:
    """A phase that cannot be stored fails the trials that need it, with the reason in a line."""
    record = frozen()
    space = record.spaces["xnli"]
    request = TrialRequest(
        root=tmp_path, record=record, target="xnli", setting=space.setting(_same_rows(space))
    )
    broken = request.phases[1]
    folder = tmp_path / "phases" / broken.key[:2] / broken.key
    folder.mkdir(parents=True)
    (folder / "attempts").write_text("a file where a folder must be")
    log = io.StringIO()
    failing = start(tmp_path, console=Console(file=log))
    trials = failing.trials()
    failed = trials[trials["state"] == "FAIL"]
    assert failing.finished and len(trials) == 12
    assert list(failed["trial_number"]) == [3] and set(failed["role"]) == {"baseline"}
    (reason,) = failed["reason"]
    assert "NotADirectoryError" in reason and "\n" not in reason
    assert set(trials[trials["state"] != "FAIL"]["state"]) == {"COMPLETE"}
    assert failed["score"].isna().all()
    assert log.getvalue() == ""  # a quiet search prints nothing


def _same_rows(space: Space) -> dict[str, Any]:
    return next(params for params in baselines(space) if params["arm"] == "same_rows")


def test_a_cluster_that_is_too_small_is_refused(tmp_path: Path) -> None:
    """A trial that fits nowhere is refused before anything is written, not waited for."""
    with pytest.raises(PlanError, match=r"CPU\n.*read: +64\n.*at most"):
        start(tmp_path, {"resources.cpus_per_worker": 64})
    assert tmp_path.is_dir() and list(tmp_path.iterdir()) == []


def test_rays_own_folder_is_no_news() -> None:
    """A full disk shows our message, not the traceback of Ray's sync of a folder nobody reads."""
    from ray.tune.execution import experiment_state

    prepare_environment(oracle())
    assert not experiment_state.logger.isEnabledFor(logging.ERROR)


# -- another storage -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_study_in_sqlite(tmp_path: Path) -> None:
    """A database holds a study as well as a journal does, from start to resume."""
    changes = {
        "store.storage": f"sqlite:///{tmp_path}/trials.db",
        "budget.trials_per_target": 4,
    }
    first = start(tmp_path / "root", changes)
    assert first.finished and complete(4)(first.trials())
    assert not first.paths.journal.exists()
    before = found(tmp_path / "root")
    assert start(tmp_path / "root", changes).finished
    assert found(tmp_path / "root") == before


# -- real rows -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_that_changes_fails_the_trials_that_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are no longer those that were frozen fail their trials; the others go on."""
    real = real_world(tmp_path)
    monkeypatch.chdir(tmp_path)  # workers have other current folders
    record, _ = search.prepare(real, tmp_path / "root")
    nli_file(tmp_path / "rows" / "other" / "default" / "train.parquet", "sentence_A", "b", 12)
    trials = Search(record, tmp_path / "root", quiet=True).run().trials()
    assert len(trials) == 7
    reads_it = trials["intermediate"] == "other:en"
    assert set(trials[~reads_it]["state"]) == {"COMPLETE"}, list(trials["reason"].dropna())
    assert reads_it.any() and set(trials[reads_it]["state"]) == {"FAIL"}
    assert trials[reads_it]["reason"].str.contains("is not what the study froze").all()
    assert trials[reads_it]["reason"].str.contains("train.parquet").all()


def test_a_search_goes_on_when_another_process_leaves_its_phase(tmp_path: Path) -> None:
    """All that a study needs is leased elsewhere: it waits, trains nothing, then finds all."""
    record = frozen({"space.initialisations": ["oracle-text"]})
    space = record.spaces["xnli"]
    phases = trial_phases(record.frozen, "xnli", space.setting(baselines(space)[0]), record.seeds)
    code = "import sys; sys.stdin.readline()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as other:
        started = psutil.Process(other.pid).create_time()
        owner = replace(Owner.me(), pid=other.pid, started=started)
        lease = PhasePaths(tmp_path, phases[0].key).lease
        held = {"owner": owner.to_json(), "epoch": 1, "beat": 1, "token": "theirs"}
        write_json(lease, held)
        changes = {"space.initialisations": ["oracle-text"], "budget.trials_per_target": 5}
        ended = start(tmp_path, changes, wait=False)
        try:
            while load_trials_or_none(ended) is None:
                time.sleep(0.1)
            time.sleep(2)  # Tune asks again and again, and must not give up
            assert ended.is_running and "0 executed" in ended.status()
        finally:
            other.kill()
    assert ended.wait().finished
    assert list(load_trials("first", root=tmp_path)["state"]) == ["COMPLETE"] * 5


def load_trials_or_none(running: Search) -> pd.DataFrame | None:
    """The trials of a search that runs; None before the first is asked."""
    with suppress(StoreError):
        trials = running.trials()
        return trials if len(trials) and (trials["state"] == "RUNNING").any() else None
    return None
