"""Two processes that need one phase: who trains it, who waits, who takes over."""

import errno
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import trainables.trial
from spaces import leases
from spaces.layout import PhasePaths, StudyPaths, executions, write_json
from spaces.processes import Owner
from spaces.study import SETTING, StudyRecord
from tests.plans import python
from tests.worlds import attempts, run, setting_of, study
from trainables import TrialRequest, run_trial, world_for
from trainables.oracle import OracleWorld
from trainables.phase_lease import Elsewhere, PhaseLease
from trainables.trial import StopRequested
from trainables.world import Job, Outcome, Tick

KEY = "ab" * 32

TRIAL = """
import json, sys, time
from pathlib import Path
from spaces.study import SETTING, read_study
from trainables.trial import TrialRequest, run_trial, world_for
root, name, go = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
record, setting = read_study(root, name), SETTING.validate_json(sys.argv[4])
request = TrialRequest(root=root, record=record, target="xnli", setting=setting)
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
*_, last = run_trial(request, world_for(record, root))
hits = [phase["hit"] for phase in json.loads(last["record"])["phases"]]
print(json.dumps([last["score"], hits]), flush=True)
"""


def process_of(root: Path, name: str, seconds: float, go: Path) -> subprocess.Popen[str]:
    """A process that runs the trial of a study of its own, as soon as a file is there."""
    named(name, root, oracle_seconds_per_phase=seconds)
    return python(TRIAL, root, name, go, SETTING.dump_json(setting_of("oracle")).decode())


def named(name: str, root: Path | None = None, **data: Any) -> StudyRecord:
    """A study whose trials need the phases of all others here."""
    about = {"name": name, "seed": 7, "selection": "held_out_languages"}
    return study(root=root, study=about, data={"source": "oracle", **data})


def trial(root: Path, record: StudyRecord) -> Iterator[dict[str, Any]]:
    """Messages of a study's one trial, as they come."""
    request = TrialRequest(root=root, record=record, target="xnli", setting=setting_of("oracle"))
    return run_trial(request, world_for(record, root))


def keys() -> list[str]:
    """Keys of that trial's phases, in order."""
    request = TrialRequest(
        root=Path(), record=named("any"), target="xnli", setting=setting_of("oracle")
    )
    return [phase.key for phase in request.phases]


def elsewhere() -> Owner:
    """A process on another machine, of which nothing can be known from here."""
    return replace(Owner.me(), host="another-machine", boot_id="another-boot", pid=12)


def write_lease(root: Path, key: str, owner: Owner, beat: int = 7) -> None:
    """The lease of a phase's owner."""
    path = PhasePaths(root, key).lease
    write_json(path, {"owner": owner.to_json(), "epoch": 3, "beat": beat, "token": "theirs"})


@contextmanager
def silent_holder(root: Path, key: str) -> Iterator[Path]:
    """A living process of this machine that holds a phase's lease until the block ends."""
    code = "import sys; sys.stdin.readline()"
    process = python(code)
    import psutil

    started = psutil.Process(process.pid).create_time()
    write_lease(root, key, replace(Owner.me(), pid=process.pid, started=started))
    try:
        yield PhasePaths(root, key).lease
    finally:
        process.kill()
        process.communicate()


def test_two_processes_that_race_execute_each_phase_once(tmp_path: Path) -> None:
    """Three trials of three studies that start at one instant share the work, and the score."""
    go = tmp_path / "go"
    racers = [process_of(tmp_path, f"racer-{n}", 0.3, go) for n in range(3)]
    try:
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 3
        go.touch()
        found = [json.loads(racer.stdout.readline()) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert len({score for score, _ in found}) == 1
    assert [
        sum(not hit for hit in column) for column in zip(*(hits for _, hits in found), strict=True)
    ] == [1] * 4
    assert [len(executions(tmp_path, key)) for key in keys()] == [1] * 4
    assert not [*tmp_path.glob("phases/*/*/*.lease*")]


def test_a_killed_leader_is_followed_at_once(tmp_path: Path, monkeypatch: Any) -> None:
    """Who waits says for whom, and takes over when that process is gone: one publication."""
    monkeypatch.setattr(trainables.trial, "HEARTBEAT_SECONDS", 0.0)
    go = tmp_path / "go"
    go.touch()
    leader = process_of(tmp_path, "leader", 60, go)
    attempts_of = PhasePaths(tmp_path, keys()[1]).attempts
    try:
        while not [*attempts_of.glob("*/owner.json")]:  # a folder of nobody's is never swept
            time.sleep(0.01)
        messages = trial(tmp_path, named("follower"))
        first = next(messages)
        expected = {"event": "waiting", "kind": "intermediate", "title": "nli:esho"}
        assert first.items() >= expected.items()
        assert first["owner"].startswith(f"process {leader.pid} on ")
    finally:
        leader.kill()
        leader.communicate()
    rest = list(messages)
    assert rest[-1]["event"] == "final"
    assert [row["hit"] for row in json.loads(rest[-1]["record"])["phases"]] == [True] + [False] * 3
    assert [len(executions(tmp_path, key)) for key in keys()] == [1] * 4
    assert len(attempts(tmp_path)) == 4
    assert not [*tmp_path.glob("phases/*/*/*.lease*")]


def test_a_phase_that_is_published_meanwhile_is_a_hit(tmp_path: Path, monkeypatch: Any) -> None:
    """A trial that waited for another process takes its result and books no execution."""
    monkeypatch.setattr(trainables.trial, "HEARTBEAT_SECONDS", 0.0)
    run(tmp_path, named("first"), setting_of("oracle"))
    done = PhasePaths(tmp_path, keys()[1]).done
    hidden = done.with_name("hidden.json")
    done.rename(hidden)
    with silent_holder(tmp_path, keys()[1]) as path:
        messages = trial(tmp_path, named("second"))
        assert next(messages)["event"] == "waiting"
        hidden.rename(done)
        path.unlink()
        last = [*messages][-1]
    assert [row["hit"] for row in json.loads(last["record"])["phases"]] == [True] * 4


def test_a_waiting_trial_obeys_a_stop(tmp_path: Path, monkeypatch: Any) -> None:
    """A driver that stops need not wait for what its trial waits for."""
    monkeypatch.setattr(trainables.trial, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(trainables.trial, "LOOK_SECONDS", 0.0)
    record = named("first")
    with silent_holder(tmp_path, keys()[0]):
        messages = trial(tmp_path, record)
        assert next(messages)["event"] == "waiting"
        stop = StudyPaths(tmp_path, record.name).stop
        stop.parent.mkdir(parents=True)
        stop.touch()
        with pytest.raises(StopRequested):
            list(messages)


def test_another_machines_lease_is_abandoned_by_our_own_clock(tmp_path: Path) -> None:
    """A holder elsewhere that does not stir for a minute of ours is taken over, not sooner."""
    now = [1000.0]
    write_lease(tmp_path, KEY, elsewhere())
    lease = PhaseLease(tmp_path, KEY, clock=lambda: now[0])
    assert lease.taken_by() == elsewhere()
    now[0] += leases.STALE_SECONDS - 1
    assert lease.taken_by() == elsewhere()
    write_lease(tmp_path, KEY, elsewhere(), beat=8)  # it lives
    now[0] += 2
    assert lease.taken_by() == elsewhere()
    now[0] += leases.STALE_SECONDS - 1
    assert lease.taken_by() == elsewhere()
    now[0] += 1
    assert lease.taken_by() is None
    with lease:
        assert PhaseLease(tmp_path, KEY).taken_by() is None  # a process does not wait for itself
    assert not PhasePaths(tmp_path, KEY).lease.exists()


def test_a_searcher_sees_what_others_execute(tmp_path: Path) -> None:
    """Of some keys, those with a living holder; one that went silent counts no longer."""
    now = [0.0]
    seen = Elsewhere(tmp_path, clock=lambda: now[0])
    other = "cd" * 32
    write_lease(tmp_path, KEY, elsewhere())
    write_lease(tmp_path, other, replace(Owner.me(), started=1.0))  # this machine's, and gone
    assert seen.among([KEY, other, "ef" * 32]) == {KEY}
    now[0] += leases.STALE_SECONDS + 1
    assert seen.among([KEY, other]) == set()


def test_two_trials_of_one_process_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Taken in turns by one thread, both come to an end, on one published result."""
    both = [trial(tmp_path, named("first")), trial(tmp_path, named("second"))]
    assert [next(messages)["event"] for messages in both] == ["phase", "phase"]
    scores = [[*messages][-1]["score"] for messages in reversed(both)]
    assert len(set(scores)) == 1


def test_a_broken_lease_costs_work_alone(tmp_path: Path, monkeypatch: Any) -> None:
    """Where somebody deletes a lease, both execute; one result is published, both take it."""
    execute, scores = OracleWorld.execute, []

    def broken(self: OracleWorld, job: Job, outcome: Outcome) -> Iterator[Tick]:
        if job.attempt.spec.key == keys()[1] and not scores:
            monkeypatch.setattr(OracleWorld, "execute", execute)
            job.attempt.paths.lease.unlink()
            rival = threading.Thread(
                target=lambda: scores.append([*trial(tmp_path, named("rival"))][-1]["score"])
            )
            rival.start()
            rival.join()
        yield from execute(self, job, outcome)

    monkeypatch.setattr(OracleWorld, "execute", broken)
    scores.append([*trial(tmp_path, named("first"))][-1]["score"])
    assert len(scores) == 2 and len(set(scores)) == 1
    assert [len(executions(tmp_path, key)) for key in keys()] == [1, 2, 1, 1]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_store_that_cannot_be_written_stops_the_trial(
    code: int, tmp_path: Path, monkeypatch: Any
) -> None:
    """A full or read-only disk is told as always, also where the lease is what finds out."""
    from tests.test_trainables_trial import config_of, results_of
    from trainables import TransferTrainable

    trainable = TransferTrainable(config_of(tmp_path))

    def fail(*_: object) -> None:
        raise OSError(code, "the disk's own words")

    monkeypatch.setattr(leases, "write_json", fail)
    last = results_of(trainable)[-1]
    assert (last["event"], last["done"]) == ("stopped", True)
    assert last["reason"].startswith("a worker cannot write: ")
    assert "the disk's own words" in last["reason"]
