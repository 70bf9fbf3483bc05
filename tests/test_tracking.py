"""Trackers beside a study's own records: what they are told, and that they hold nothing up."""

import io
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

import search
from analysis import load_reports, load_scores
from analysis.phase_rows import COSTS
from search import tracking
from search.tracking import Run, Tracker
from spaces.layout import StudyPaths
from spaces.plan_tracking import TrackingTable
from spaces.study import differences, read_study
from tests.plans import Changes, frozen
from tests.studies import oracle

KEY = "hunter2" * 6
"""An API key that no file may hold."""

SMALL = {
    "budget.trials_per_target": 4,
    "budget.no_intermediate_share": 0.0,
    "budget.reports_per_phase": 3,
    "space.initialisations": ["oracle-text"],
}

NUMBERS = ["report", "score", "reported_score", *COSTS]


# -- real trackers ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tracked:
    """A search that was stopped and resumed, with all three trackers."""

    root: Path
    uri: str
    stopped: pd.DataFrame
    trials: pd.DataFrame
    said: str

    @property
    def folder(self) -> Path:
        """The study's."""
        return StudyPaths(self.root, "first").folder


@pytest.fixture(scope="module")
def tracked(shared_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    """Four trials with reports, stopped once one was told, and gone on with."""
    pytest.importorskip("mlflow", reason="of the extra `tracking`")
    pytest.importorskip("wandb", reason="of the extra `tracking`")
    root = tmp_path_factory.mktemp("tracked")
    uri = f"sqlite:////{root}/mlflow.db"
    tables = {
        "tracking.mlflow": {"uri": uri, "experiment": "ours"},
        "tracking.wandb": {"project": "ours", "api_key": "env:SOME_KEY"},
        "tracking.tensorboard": True,
    }
    said = io.StringIO()
    console = Console(file=said, width=200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOME_KEY", KEY)
        patch.setenv("WANDB_MODE", "offline")
        patch.delenv("WANDB_API_KEY", raising=False)
        slow = {**SMALL, **tables, "data.oracle_seconds_per_phase": 0.3}
        first = search.start(oracle(slow), root, wait=False, console=console)
        until(first, lambda trials: (trials["state"] == "COMPLETE").any())
        first.stop()
        first.wait()
        stopped = first.trials()
        again = search.start(oracle({**SMALL, **tables}), root, console=console)
        assert again.finished
        yield Tracked(root, uri, stopped, again.trials(), said.getvalue())


def until(handle: search.Search, reached: Callable[[pd.DataFrame], bool]) -> None:
    """Wait until the trials of a running search have come so far."""
    while handle.is_running and not (
        handle.paths.record.exists() and handle.paths.journal.exists() and reached(handle.trials())
    ):
        time.sleep(0.05)


def expected(tracked: Tracked, number: int) -> dict[str, float]:
    """What a trial's run must hold at its end, from the study's own frames.

    Costs are those of the session that finished it: of an interrupted trial the frames tell more.
    """
    row = tracked.trials.set_index("trial_number").loc[number]
    open_then = tracked.stopped.query("state == 'RUNNING'")["trial_number"]
    names = NUMBERS[1:] if number not in set(open_then) else NUMBERS[1 : -len(COSTS)]
    scores = load_scores("first", root=tracked.root).query("items == 'all'")
    by_language = scores[scores["trial_number"] == number].groupby("language")["value"].mean()
    numbers = {name: float(row[name]) for name in names}
    return {**numbers, **{f"score/{code}": value for code, value in by_language.items()}}


def reports(tracked: Tracked, number: int) -> dict[int, float]:
    """Step -> value of a trial's reports, from the study's own frame."""
    frame = load_reports("first", root=tracked.root).query("trial_number == @number")
    return dict(zip(frame["step"], frame["value"], strict=True))


def test_a_stop_left_a_trial_open(tracked: Tracked) -> None:
    """What the next tests look at was interrupted, said nothing of trackers, and finished."""
    assert "RUNNING" in set(tracked.stopped["state"])
    assert set(tracked.trials["state"]) == {"COMPLETE"} and len(tracked.trials) == 4
    assert "tracking:" not in tracked.said


def test_mlflow_has_one_run_for_each_trial(tracked: Tracked) -> None:
    """Reports, scores by language, costs and columns of the setting; a resume makes no new run."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracked.uri)
    experiment = client.get_experiment_by_name("ours")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {f"first/xnli/{number}" for number in range(4)}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    for number in range(4):
        run = runs[f"first/xnli/{number}"]
        wanted = expected(tracked, number)
        assert set(run.data.metrics) == {*wanted, *COSTS, "report"}
        assert {name: run.data.metrics[name] for name in wanted} == pytest.approx(wanted)
        history = client.get_metric_history(run.info.run_id, "report")
        assert {point.step: point.value for point in history} == pytest.approx(
            reports(tracked, number)
        )
        row = tracked.trials.set_index("trial_number").loc[number]
        assert run.data.params["intermediate"] == row["intermediate"]
        assert run.data.params["setting_id"] == row["setting_id"]
        assert float(run.data.params["target_learning_rate"]) == row["target_learning_rate"]


def test_tensorboard_has_one_folder_for_each_trial(tracked: Tracked) -> None:
    """Event files under the study's folder read back as they were logged, all of one trial."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for number in range(4):
        folder = tracked.folder / "tensorboard" / "xnli" / str(number)
        events = accumulator.EventAccumulator(str(folder))
        events.Reload()
        wanted = expected(tracked, number)
        for name, value in wanted.items():
            assert events.Scalars(f"ray/tune/{name}")[-1].value == pytest.approx(value, rel=1e-5)
        seen = {e.step: e.value for e in events.Scalars("ray/tune/report")}
        assert seen == pytest.approx(reports(tracked, number), rel=1e-5)
    assert not list(tracked.folder.glob("tensorboard/xnli/4"))


def test_a_session_within_the_same_second_writes_over_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of event files hold whole seconds; a trial that is gone on with has two of them."""
    from search.loggers import open_logger  # imports Ray's loggers, as a search does

    monkeypatch.setattr(time, "time", lambda: 1.8e9)
    run = Run("first/xnli/0", {}, str(tmp_path))
    for step in range(2):
        logger = open_logger("tensorboard", TrackingTable(tensorboard=True), "first", tmp_path)
        logger.log_trial_start(run)
        logger.log_trial_result(step, run, {"training_iteration": step, "report": 1.0})
        logger.log_trial_end(run)
    files = list(tmp_path.glob("events.*"))
    assert len(files) == 2 and all(b"report" in file.read_bytes() for file in files)


def test_wandb_has_one_id_for_each_trial(tracked: Tracked) -> None:
    """Offline runs lie in the study's folder; one that went on has the same id."""
    assert {run_id(path) for path in wandb_runs(tracked)} == {f"first.xnli.{n}" for n in range(4)}
    assert len(wandb_runs(tracked)) == 4 + (tracked.stopped["state"] == "RUNNING").sum()
    for number in range(4):
        folders = [path for path in wandb_runs(tracked) if run_id(path) == f"first.xnli.{number}"]
        logged = b"".join(file.read_bytes() for path in folders for file in path.glob("*.wandb"))
        assert b"score/gire" in logged and b"reported_score" in logged
        assert b"target_learning_rate" in logged


def run_id(folder: Path) -> str:
    """W&B's id of an offline run; a second folder of one id and second has a number behind it."""
    return re.sub(r"-\d+$", "", folder.name[folder.name.index("first") :])


def wandb_runs(tracked: Tracked) -> list[Path]:
    """Folders of offline runs."""
    return sorted(tracked.folder.glob("wandb/offline-run-*"))


def test_no_file_holds_a_key(tracked: Tracked) -> None:
    """An API key is in no file of the study: not in its record, not in Ray's, not in W&B's."""
    files = [path for path in tracked.root.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert "env:SOME_KEY" in StudyPaths(tracked.root, "first").record.read_text()


def test_trackers_are_no_part_of_a_study() -> None:
    """A study may be tracked elsewhere when it goes on, or no more."""
    before = frozen()
    after = frozen({"tracking.tensorboard": True})
    assert differences(before, after) == ([], [])


# -- outages ---------------------------------------------------------------------------------------


@dataclass
class Flaky:
    """A logger that raises where it is told to, so many times, and notes the rest."""

    where: str = ""
    times: int = 10**9
    error: BaseException = field(default_factory=lambda: ConnectionError("no route\nto host"))
    noted: list[tuple[Any, ...]] = field(default_factory=list)

    def _do(self, where: str, *what: Any) -> None:
        if where == self.where and self.times > 0:
            self.times -= 1
            raise self.error
        self.noted.append((where, *what))

    def made(self) -> "Flaky":
        """Itself."""
        self._do("make")
        return self

    def setup(self) -> None:
        self._do("setup")

    def log_trial_start(self, trial: Run) -> None:
        self._do("start", trial.name)

    def log_trial_result(self, iteration: int, trial: Run, result: dict[str, float]) -> None:
        self._do("result", trial.name, result)

    def log_trial_end(self, trial: Run, failed: bool = False) -> None:
        self._do("end", trial.name, failed)


PLACES = ["make", "setup", "start", "result", "end"]


def fed(flaky: Flaky, monkeypatch: pytest.MonkeyPatch, enough: int = 0) -> list[str]:
    """Two runs told to a tracker that pauses little, and closed once it noted enough; its words."""
    monkeypatch.setattr(tracking, "RETRIES", (0.001, 0.001))
    said: list[str] = []
    tracker = Tracker("ours", flaky.made, said.append)
    for name in ("s/t/0", "s/t/1"):
        run = Run(name, {}, "")
        for what in ({}, {"report": 1.0}, {"score": 2.0}, name.endswith("1")):
            tracker.put(run, what)
    until = time.monotonic() + 20
    while len(flaky.noted) < enough and time.monotonic() < until:
        time.sleep(0.001)
    tracker.close(until)
    return said


WHOLE: list[tuple[Any, ...]] = [("setup",)] + [
    entry
    for name, failed in (("s/t/0", False), ("s/t/1", True))
    for entry in (
        ("start", name),
        ("result", name, {"report": 1.0}),
        ("result", name, {"score": 2.0}),
        ("end", name, failed),
    )
]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("error", [ConnectionError("no route"), SystemExit(3), KeyError("x")])
def test_an_outage_is_said_once(
    monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException
) -> None:
    """Whatever a client raises, and wherever, for good: one line, and one that counts."""
    said = fed(Flaky(where, error=error), monkeypatch)
    assert len(said) == 2
    assert said[0].startswith(f"tracking: ours does not answer ({type(error).__name__}")
    lost = {"result": 4, "end": 2}.get(where, 8)
    assert said[1] == f"tracking: ours lacks {lost} entries; the study itself lacks none"


@pytest.mark.parametrize("where", PLACES)
def test_after_an_outage_nothing_is_lacking(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """What a tracker did not take is tried again, in order, once it answers."""
    flaky = Flaky(where, times=2)
    made = 3 if where == "setup" else 1  # a client that could not be set up is made anew
    said = fed(flaky, monkeypatch, enough=made + len(WHOLE))
    assert len(said) == 1 and "is said once" in said[0]
    assert flaky.noted == [("make",)] * made + WHOLE


def test_a_tracker_that_hangs_is_left_behind() -> None:
    """A client that never returns costs the end of a search a bounded wait, and nothing before."""
    gate, said = threading.Event(), []
    flaky = Flaky()
    tracker = Tracker("ours", lambda: gate.wait() and flaky, said.append)
    for _ in range(3):
        tracker.put(Run("s/t/0", {}, ""), {})
    tracker.close(time.monotonic() + 0.2)
    assert said == ["tracking: ours lacks 3 entries; the study itself lacks none"]
    gate.set()


def test_a_full_queue_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what does not fit the queue of a tracker that hangs, the number is told."""
    monkeypatch.setattr(tracking, "MOST_WAITING", 2)
    gate, said = threading.Event(), []
    tracker = Tracker("ours", lambda: gate.wait() and Flaky(), said.append)
    for _ in range(50):
        tracker.put(Run("s/t/0", {}, ""), {})
    tracker.close(time.monotonic() + 0.2)
    assert said == ["tracking: ours lacks 50 entries; the study itself lacks none"]
    gate.set()


@pytest.mark.usefixtures("shared_ray")
def test_a_search_outlives_its_trackers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no MLflow server and a disk that takes no event files, every trial is told."""
    pytest.importorskip("mlflow", reason="of the extra `tracking`")
    monkeypatch.setenv("MLFLOW_URL", "http://me:hunter2@127.0.0.1:1")
    monkeypatch.setattr(tracking, "GRACE_SECONDS", 10.0)
    folder = StudyPaths(tmp_path, "first").folder
    folder.mkdir(parents=True)
    (folder / "tensorboard").write_text("a file where a folder must be")
    said = io.StringIO()
    changes: Changes = {
        **SMALL,
        "tracking.mlflow": {"uri": "env:MLFLOW_URL"},
        "tracking.tensorboard": True,
    }
    done = search.start(oracle(changes), tmp_path, console=Console(file=said, width=300))
    assert done.finished and set(done.trials()["state"]) == {"COMPLETE"}
    lines = [line for line in said.getvalue().splitlines() if line.startswith("tracking:")]
    assert sorted(" ".join(line.split()[1:4]) for line in lines) == [
        "mlflow does not",
        "mlflow lacks 24",
        "tensorboard does not",
        "tensorboard lacks 24",
    ]
    assert "hunter2" not in said.getvalue()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path


# -- what a plan may say ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlflow", "wandb", "tensorboard"])
def test_a_missing_package_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Dry run, start and resume name the extra that brings a tracker, before anything starts."""
    from search.dry_run import describe_plan
    from spaces import plan_tracking
    from spaces.mistakes import PlanError

    table: dict[str, Any] = {
        "mlflow": {"uri": "sqlite:////tmp/x.db"},
        "wandb": {"project": "ours"},
        "tensorboard": True,
    }
    changes = {f"tracking.{name}": table[name]}
    frozen(changes).write(StudyPaths(tmp_path, "first"))
    monkeypatch.setattr(plan_tracking, "find_spec", lambda package: None)
    before = sorted(tmp_path.rglob("*"))
    for call in (
        lambda: describe_plan(oracle(changes), tmp_path),
        lambda: search.start(oracle(changes), tmp_path / "new", quiet=True),
        lambda: search.resume("first", tmp_path, quiet=True),
    ):
        with pytest.raises(PlanError, match=r"pip install '\.\[(tracking|train)\]'"):
            call()
    assert sorted(tmp_path.rglob("*")) == before
    assert read_study(tmp_path, "first").plan.tracking.names == (name,)


def test_secrets_are_hidden_whatever_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message shows what the environment holds, nor the password inside an address."""
    monkeypatch.setenv("U", "http://me:pass@word@h:1")
    monkeypatch.setenv("T", "a-token")
    monkeypatch.setenv("K", KEY)
    tables = {
        "tracking.mlflow": {"uri": "env:U", "token": "env:T"},
        "tracking.wandb": {"project": "p", "api_key": "env:K"},
    }
    secrets = oracle(tables).tracking.secrets
    assert secrets == ("http://me:pass@word@h:1", "a-token", KEY, "pass@word")
