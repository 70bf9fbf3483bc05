"""Drivers, actors and phases killed at random instants; what DESIGN promises of a resumed study."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from analysis import load_phases, load_trials
from spaces.layout import StudyPaths
from spaces.looks import read_looks
from spaces.plan import load_plan
from spaces.settings import Seeds
from spaces.study import SETTING, read_study
from trainables.trial import TrialRequest, run_trial, world_for

pytestmark = pytest.mark.slow

DRIVERS: list["subprocess.Popen[str]"] = []
"""Every driver a test launched."""

EXAMPLES = Path(__file__).parent.parent / "examples"

ORACLE_PLAN = """
[study]
name = "torture"
seed = 3
selection = "held_out_languages"
sampler = "random"
[targets]
tasks = ["xnli", "xcopa"]
[data]
source = "oracle"
oracle_seconds_per_phase = 0.2
[budget]
trials_per_target = 30
[resources]
concurrent_trials = {concurrent}
[space]
initialisations = ["oracle-text", "oracle-multimodal"]
source_languages = [["avel"]]
[space.mixture]
tasks = ["nli", "choice", "permuted"]
languages = ["avel", "european", "non_european"]
[space.intermediate]
learning_rates = [1e-3, 2e-3]
steps = [75, 150]
[space.target]
learning_rates = {{ low = 5e-4, high = 8e-3 }}
steps = [40, 60]
"""


def launch(root: Path, *command: str | Path) -> "subprocess.Popen[str]":
    """A driver in a process of its own, killed by its own pid."""
    driver = subprocess.Popen(
        [sys.executable, "-m", "search", *map(str, command), "--root", str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=root.parent,
    )
    DRIVERS.append(driver)
    return driver


@pytest.fixture(autouse=True)
def no_driver_outlives_its_test() -> Iterator[None]:
    """A failed assertion must not leave a search running."""
    yield
    while DRIVERS:
        DRIVERS.pop().kill()


def told(root: Path, study: str) -> int:
    """Trials that are complete by now; 0 before the study exists."""
    if not (root / "studies" / study / "study.json").exists():
        return 0
    return int((load_trials(study, root=root)["state"] == "COMPLETE").sum())


def wait_for_start(driver: "subprocess.Popen[str]", root: Path, study: str, before: int) -> None:
    """Return once the driver has told something new, or has ended."""
    until = time.monotonic() + 120
    while driver.poll() is None and told(root, study) <= before and time.monotonic() < until:
        time.sleep(0.1)


def kill_at_random_instants(
    root: Path, study: str, *command: str | Path, kills: int, spread: float
) -> str:
    """Kill drivers again and again, then let one finish; returns its output."""
    chance = random.Random(7)
    for _ in range(kills):
        driver, before = launch(root, *command), told(root, study)
        if chance.random() < 0.7:  # most kills hit trials in flight, the others the start-up
            wait_for_start(driver, root, study, before)
        time.sleep(chance.uniform(0, spread))
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    driver = launch(root, *command)
    output, _ = driver.communicate(timeout=600)
    assert driver.returncode == 0, output
    return output


def check_promises(study: str, root: Path, alone: Path, trials: int) -> pd.DataFrame:
    """Each trial COMPLETE once, none RUNNING, no phase trained twice, values as alone."""
    frame = load_trials(study, root=root)
    assert Counter(frame["state"]) == {"COMPLETE": trials}
    assert not frame.duplicated(["target", "trial_number"]).any()
    executed = load_phases(study, root=root).query("not hit")
    assert not executed["key"].duplicated().any(), "a finished phase was trained twice"
    check_alone(study, root, alone, frame)
    return frame


def check_alone(study: str, root: Path, alone: Path, frame: pd.DataFrame) -> None:
    """Run each setting alone in an empty store and compare to the bit."""
    record = read_study(root, study)
    world = world_for(record, alone)
    stored = stored_settings(root, study)
    for row in frame.itertuples():
        setting = SETTING.validate_python(stored[row.setting_id])
        seeds = Seeds(
            initialisation=int(row.initialisation_seed),
            rows=int(row.rows_seed),
            intermediate=int(row.intermediate_seed),
            target=int(row.target_seed),
        )
        request = TrialRequest(
            root=alone, record=record, target=row.target, setting=setting, seeds=seeds
        )
        *_, final = run_trial(request, world)
        assert final["score"] == row.score, (row.target, row.trial_number)


def stored_settings(root: Path, study: str) -> dict[str, dict[str, object]]:
    """setting_id -> setting, from the journal's own lines."""
    found = {}
    for line in (root / "studies" / study / "journal.log").read_text().splitlines():
        attributes = json.loads(line).get("user_attr", {})
        if "setting" in attributes:
            found[SETTING.validate_python(attributes["setting"]).setting_id] = attributes["setting"]
    return found


def test_oracle_study_survives_ten_kills(tmp_path: Path) -> None:
    """60 trials, ten kill -9 of the driver: every trial once, none lost, values as alone."""
    plan, root = tmp_path / "plan.toml", tmp_path / "a root with spaces"
    plan.write_text(ORACLE_PLAN.format(concurrent=2))
    kill_at_random_instants(root, "torture", "start", plan, kills=10, spread=4.0)
    check_promises("torture", root, tmp_path / "alone", trials=60)


def test_whole_table_equals_an_uninterrupted_run(tmp_path: Path) -> None:
    """Where proposals do not depend on the order of completion, the tables are equal."""
    plan = tmp_path / "plan.toml"
    plan.write_text(ORACLE_PLAN.format(concurrent=1).replace("= 30", "= 12"))
    start = ("torture", "start", plan)
    kill_at_random_instants(tmp_path / "killed", *start, kills=4, spread=4.0)
    kill_at_random_instants(tmp_path / "whole", *start, kills=0, spread=0.0)
    columns = ["target", "trial_number", "setting_id", "score", "reported_score", "arm", "role"]
    killed, whole = (
        load_trials("torture", root=tmp_path / name)[columns] for name in ("killed", "whole")
    )
    pd.testing.assert_frame_equal(killed, whole)


def test_confirmation_survives_kills(tmp_path: Path) -> None:
    """A confirmation killed five times: every setting once with each set, the looks all there."""
    plan, root = tmp_path / "plan.toml", tmp_path / "runs"
    plan.write_text(ORACLE_PLAN.format(concurrent=2).replace("= 30", "= 12"))
    kill_at_random_instants(root, "torture", "start", plan, kills=0, spread=0.0)
    confirm = ("torture.confirm", "confirm", "torture", "--top", "2", "--seeds", "3")
    kill_at_random_instants(root, *confirm, kills=5, spread=4.0)
    confirms = read_study(root, "torture.confirm").confirms
    trials = sum(confirms.planned(target) for target in confirms.settings)
    frame = check_promises("torture.confirm", root, tmp_path / "alone", trials=trials)
    assert not frame.duplicated(["target", "setting_id", "replicate"]).any()
    looks = read_looks(StudyPaths(root, "torture").looks)
    assert 1 <= len(looks) <= 6 and {look.confirmation for look in looks} == {"torture.confirm"}


def test_demo_survives_three_kills(tmp_path: Path) -> None:
    """The micro-world demo, killed in training three times: values equal each setting run alone."""
    plan, root = EXAMPLES / "demo.toml", tmp_path / "runs"
    kill_at_random_instants(root, "demo", "start", plan, kills=3, spread=12.0)
    loaded = load_plan(plan)
    trials = loaded.budget.trials_per_target * len(loaded.targets.tasks)
    frame = check_promises("demo", root, tmp_path / "alone", trials=trials)
    assert (frame["attempts"] > 1).any()


def test_killed_trial_actor_is_replaced(tmp_path: Path) -> None:
    """Kill -9 of a trial's worker: Tune starts another, and the study ends as if nothing was."""
    plan, root = tmp_path / "plan.toml", tmp_path / "runs"
    plan.write_text(ORACLE_PLAN.format(concurrent=2).replace("= 30", "= 12"))
    driver = launch(root, "start", plan)
    for kills in range(1, 4):
        wait_for_start(driver, root, "torture", 2 * kills)
        kill_one_actor(driver.pid)
    output, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, output
    check_promises("torture", root, tmp_path / "alone", trials=24)


def kill_one_actor(driver_pid: int) -> None:
    """Kill one of the driver's own trial workers; they come and go, so look for a while."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for process in psutil.Process(driver_pid).children(recursive=True):
            if "Trainable.train" in process_title(process):
                os.kill(process.pid, signal.SIGKILL)
                return
        time.sleep(0.05)
    pytest.fail("no trial worker was running for 30 s")


def process_title(process: psutil.Process) -> str:
    """Command line of a process that may be gone by now."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_checkpoint_and_exit_75(tmp_path: Path, number: int) -> None:
    """A soft stop leaves a checkpoint of the phase in training, says how to go on, exits 75."""
    root = tmp_path / "runs"
    driver = launch(root, "start", EXAMPLES / "demo.toml")
    attempts = root / "phases"
    until = time.monotonic() + 120
    while not list(attempts.glob("*/*/attempts/*/owner.json")) and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(8)
    driver.send_signal(number)
    output, _ = driver.communicate(timeout=120)
    assert driver.returncode == 75, output
    assert "transfer-search resume demo" in output
    assert list(root.glob("phases/*/*/checkpoints/*/step-*")), output
    assert not list(root.glob("studies/demo/driver.lease"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_at_any_moment_of_the_start_exits_75(tmp_path: Path, number: int) -> None:
    """Before Ray, while it starts, before Tune: whoever requeues on 75 goes on."""
    plan, root = tmp_path / "plan.toml", tmp_path / "runs"
    plan.write_text(ORACLE_PLAN.format(concurrent=2))
    codes = {-number, 75}  # the first while Python itself starts
    for tenths in range(10, 80, 5):
        driver = launch(root, "start", plan)
        time.sleep(tenths / 10)
        driver.send_signal(number)
        output, _ = driver.communicate(timeout=120)
        assert driver.returncode in codes, (tenths, output)
        codes = {75, 0} if told(root, "torture") > 50 else {75}
    driver = launch(root, "start", plan)
    output, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, output
    assert told(root, "torture") == 60
