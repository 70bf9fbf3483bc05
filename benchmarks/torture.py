"""Sixty trials through fifty kills: what was injected, what was seen, and what must be zero.

`python -m benchmarks.torture --root ROOT` (`make torture`) starts a Ray cluster of two nodes on
this machine, drives `benchmarks/torture.toml` on it, and at random instants kills the driver, a
trial's worker or a node, or asks the driver to stop; beside that it tears the journal's last line,
damages finished artifacts, lets the driver's wall clock jump, and fills a small disk. The study is
then compared with one that nobody disturbed. Exit code 0 when every promise held, else 1.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis import load_phases, load_trials
from spaces.layout import StudyPaths
from tests.clusters import PATIENCE, LocalCluster, driver, local_cluster
from tests.test_torture import ORACLE_PLAN, stored_settings, told

PLAN = Path(__file__).with_suffix(".toml")
STUDY, TRIALS = "torture", 60

KILLS = {
    "driver, kill -9": 0.4,
    "driver, SIGTERM": 0.15,
    "trial's worker, kill -9": 0.25,
    "node, kill -9": 0.2,
}
"""What may be killed -> how often."""

ON_DISK = ("journal's last line torn", "finished artifact damaged")
"""Done between two drivers, each after every so many kills of one."""

FAILED = (1, 2)
"""Exit codes of a driver that gave up: on what nobody expected, or on what a user must mend."""

LOOK_SECONDS = 0.3
"""How often the study is read while something is waited for."""

CLOCK = """
import os, random, time
_chance, _real = random.Random(os.getpid()), time.time
_offset = [0.0, 0.0]

def _jumping():
    if time.monotonic() > _offset[1]:
        _offset[:] = [_chance.uniform(-7200.0, 7200.0), time.monotonic() + 2.0]
    return _real() + _offset[0]

time.time = _jumping
"""
"""A `sitecustomize` whose wall clock jumps by up to two hours, every two seconds."""


@dataclass(slots=True)
class Torture:
    """A study that is driven, and what is done to it."""

    cluster: LocalCluster
    root: Path
    chance: random.Random
    injected: Counter[str] = field(default_factory=Counter)
    damaged: set[str] = field(default_factory=set)
    """Keys of phases whose artifact was damaged."""
    failures: list[str] = field(default_factory=list)
    """The last that each driver said that failed."""
    running: "subprocess.Popen[str] | None" = None

    def go(self, kills: int) -> None:
        """Kill again and again, spread over the whole study, then let it end."""
        for number in range(kills):
            self._drive()
            if not self._wait(due=TRIALS * (number + 1) // (kills + 1)):
                break  # it came to its end: fewer kills than were asked for, which the table shows
            self._kill()
        output = self._finish()
        print(output[-2000:], file=sys.stderr)

    def _drive(self) -> None:
        """A driver, unless one still runs."""
        if self.running is not None and self.running.poll() is None:
            return
        self._note_end()
        self.running = driver(self.cluster, self.root, "start", PLAN)

    def _note_end(self) -> None:
        if self.running is not None:
            self._wait_for_end()

    def _wait_for_end(self, timeout: float | None = None) -> tuple[int, str]:
        """Exit code of the driver, and what it said."""
        assert self.running is not None
        output, _ = self.running.communicate(timeout=timeout)
        code, self.running = self.running.returncode, None
        if code in FAILED:
            self.failures.append(output[-1500:])
        return code, output

    def _wait(self, due: int) -> bool:
        """Pass some seconds, fewer where the study is ahead; False when it is done."""
        assert self.running is not None
        begun = told(self.root, STUDY)
        if self.chance.random() < 0.7:  # most kills hit trials in flight, the others the start-up
            end = time.monotonic() + PATIENCE
            while told(self.root, STUDY) <= begun and self._lives and time.monotonic() < end:
                time.sleep(LOOK_SECONDS)
        end = time.monotonic() + self.chance.uniform(0.0, 6.0)
        while time.monotonic() < end and self._lives and told(self.root, STUDY) < due:
            time.sleep(LOOK_SECONDS)
        return told(self.root, STUDY) < TRIALS

    @property
    def _lives(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def _kill(self) -> None:
        (name,) = self.chance.choices([*KILLS], weights=[*KILLS.values()])
        if name.startswith("driver"):
            self._kill_driver(signal.SIGKILL if "-9" in name else signal.SIGTERM)
        elif name.startswith("node"):
            self.cluster.kill_node()
            self.cluster.add_node(1)
        elif not self._kill_worker():
            name = "driver, kill -9"  # no trial runs: the driver is starting
            self._kill_driver(signal.SIGKILL)
        self.injected[name] += 1

    def _kill_driver(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(number)
        self._note_end()
        if self.chance.random() < 0.25:
            self._tear()
        if self.chance.random() < 0.25:
            self._damage()

    def _kill_worker(self) -> bool:
        found = self.cluster.workers("Trainable.train")
        for process in found[:1]:
            process.kill()
        return bool(found)

    def _tear(self) -> None:
        """Half a line at the journal's end, as a power cut leaves it."""
        journal = StudyPaths(self.root, STUDY).journal
        if journal.exists():
            with journal.open("ab") as file:
                file.write(b'{"op_code": 8, "worker_id": "torn')
            self.injected[ON_DISK[0]] += 1

    def _damage(self) -> None:
        """Another byte in the weights of a phase that is done."""
        done = sorted(self.root.glob("phases/*/*/attempts/*/model.safetensors"))
        intact = [f for f in done if f.parents[2].joinpath("done.json").exists()]
        fresh = [f for f in intact if f.parents[2].name not in self.damaged]
        if fresh:
            file = self.chance.choice(fresh)
            content = bytearray(file.read_bytes())
            content[-1] ^= 0xFF
            file.write_bytes(content)
            self.damaged.add(file.parents[2].name)
            self.injected[ON_DISK[1]] += 1

    def _finish(self) -> str:
        """Let drivers come to the end; returns what the last one said."""
        for _ in range(3):  # nobody kills any more; one that was asked to stop may still have to
            self._drive()
            code, output = self._wait_for_end(timeout=1800)
            if code == 0:
                return output
        raise SystemExit(f"the study did not come to its end:\n{output}")


def undisturbed(root: Path) -> None:
    """The same plan on a store of its own, by one driver that nobody touches."""
    command = [sys.executable, "-m", "search", "start", str(PLAN), "--root", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def seen(torture: Torture, whole: Path) -> list[tuple[str, int, int]]:
    """What was seen: (what, how many, how many there should be)."""
    root = torture.root
    frame, calm = load_trials(STUDY, root=root), load_trials(STUDY, root=whole)
    executed = load_phases(STUDY, root=root).query("how == 'trained'")
    again = executed[executed["key"].duplicated() & ~executed["key"].isin(torture.damaged)]
    return [
        ("trials lost", TRIALS - int((frame["state"] == "COMPLETE").sum()), 0),
        ("trials RUNNING", int((frame["state"] == "RUNNING").sum()), 0),
        ("trials told twice", _told_twice(root), 0),
        ("settings tried twice", int(frame.duplicated(["target", "setting_id"]).sum()), 0),
        ("finished phases trained again", len(again), 0),
        ("values that differ from the undisturbed study's", _differing(frame, calm), 0),
        ("settings that the undisturbed study did not try", _strange(root, whole), 0),
        ("drivers that failed", len(torture.failures), 0),
    ]


def _told_twice(root: Path) -> int:
    """Trials whose end stands in the journal more than once."""
    ends: Counter[int] = Counter()
    for line in StudyPaths(root, STUDY).journal.read_text().splitlines():
        entry = json.loads(line)
        if entry.get("op_code") == 6 and entry.get("state") in (1, 2, 3):  # COMPLETE, PRUNED, FAIL
            ends[entry["trial_id"]] += 1
    return sum(count > 1 for count in ends.values())


def _differing(one: pd.DataFrame, other: pd.DataFrame) -> int:
    columns = ["target", "setting_id", "score", "reported_score", "role"]
    both = one[columns].merge(other[columns], how="outer", indicator=True)
    return int((both["_merge"] != "both").sum())


def _strange(root: Path, whole: Path) -> int:
    return len(stored_settings(root, STUDY).keys() ^ stored_settings(whole, STUDY).keys())


def disk_full(root: Path) -> tuple[str, list[tuple[str, int, int]]]:
    """A search on a disk of 1.5 MB, which fills up; then on a larger one."""
    plan, disk = root / "plan.toml", root / "disk"
    plan.write_text(ORACLE_PLAN.format(concurrent=2).replace("_phase = 0.2", "_phase = 0.02"))
    disk.mkdir()
    try:
        with small_disk(disk):
            first = _start(plan, disk)
            _mount("-o", "remount,size=64m", str(disk))
            second = _start(plan, disk)
            frame = load_trials(STUDY, root=disk)
            executed = load_phases(STUDY, root=disk).query("how == 'trained'")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"skipped: no small disk can be mounted here ({error})", []
    return "1 time", [
        ("full disk: exit code of the search", first, 75),
        ("full disk: exit code once there is room", second, 0),
        ("full disk: trials lost", TRIALS - int((frame["state"] == "COMPLETE").sum()), 0),
        ("full disk: phases trained again", int(executed["key"].duplicated().sum()), 0),
    ]


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A file system in memory; root alone may mount one."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise PermissionError("mounting needs root")
    _mount("-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _start(plan: Path, root: Path) -> int:
    command = [sys.executable, "-m", "search", "start", str(plan), "--root", str(root)]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode


def show(title: str, rows: list[tuple[str, str]]) -> None:
    """Two columns under a title."""
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<52}{value}")


def run(root: Path, kills: int, seed: int) -> bool:
    """The whole torture; True when every promise held."""
    started = time.monotonic()
    clock = root / "clock"
    clock.mkdir()
    (clock / "sitecustomize.py").write_text(CLOCK)
    with local_cluster(root, 1) as cluster:
        cluster.add_node(1)  # the one that is killed and replaced; every driver looks at each node
        cluster.environment["PYTHONPATH"] = str(clock)
        torture = Torture(cluster, root / "tortured", random.Random(seed))
        torture.go(kills)
    undisturbed(root / "whole")
    note, full = disk_full(root)
    found = [*seen(torture, root / "whole"), *full]
    held = all(number == wanted for _, number, wanted in found)
    held = held and sum(torture.injected[name] for name in KILLS) == kills
    injected = [(name, f"{torture.injected[name]} times") for name in (*KILLS, *ON_DISK)]
    jumps = ("wall clock of the driver jumps", "every 2 s, by up to 2 h")
    show("injected", [*injected, jumps, ("disk full", note)])
    show("seen", [(name, f"{number} (must be {wanted})") for name, number, wanted in found])
    for failure in torture.failures:
        print(f"\na driver failed:\n{failure}")
    attempts = load_trials(STUDY, root=root / "tortured")["attempts"]
    print(
        f"\n{TRIALS} trials, {int(attempts.sum())} attempts, {time.monotonic() - started:.0f} s: "
        f"{'every promise held' if held else 'A PROMISE WAS BROKEN'}"
    )
    return held


def main() -> None:
    """Torture a study under a root, or under a temporary one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, help="a new folder; a temporary one if left out")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.root or Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        held = run(root.absolute(), given.kills, given.seed)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
