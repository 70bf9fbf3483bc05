"""The batch script for SLURM under bash; ``srun`` and ``scontrol`` but write down their calls."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from analysis import load_phases, load_trials
from tests.clusters import PATIENCE, TRIES, free_port, ray_environment, short_folder, until
from tests.plans import HOME, to_toml
from tests.worlds import plan_values

pytestmark = pytest.mark.cluster

SCRIPT = HOME / "examples" / "slurm" / "search.sh"

SRUN = """#!/bin/bash
echo "srun $*" >> "$CALLS"
while [[ "$1" == --* ]]; do shift; done
exec "$@"
"""

SCONTROL = """#!/bin/bash
echo "scontrol $*" >> "$CALLS"
[ "$1" = show ] && echo localhost
exit 0
"""

RAY = """#!{python}
# Ray's own command, but for three things: other clusters of this machine are none of its business;
# `ray stop`, which ends every Ray of the user, ends this one alone; and a start is tried again,
# because a raylet gives up where its agent takes more than 15 s to come up.
import os, subprocess, sys
import psutil

def stop():
    for process in psutil.process_iter(["cmdline"]):
        if any(os.environ["RAY_TMPDIR"] in part for part in process.info["cmdline"] or ()):
            process.kill()

command = sys.argv[1]
if command == "symmetric-run":
    from ray.scripts import symmetric_run
    symmetric_run.check_ray_already_started = lambda: False
    del sys.argv[1]
    symmetric_run.symmetric_run()
elif command == "stop":
    stop()
else:
    for _ in range({tries} if command == "start" else 1):
        code = subprocess.call(["{ray}", *sys.argv[1:]])
        if code == 0:
            break
        stop()
    sys.exit(code)
"""


@dataclass(slots=True)
class Slurm:
    """A machine that believes in SLURM."""

    environment: dict[str, str]
    calls: Path
    """A line for each call of ``srun`` and ``scontrol``."""

    def batch(self, plan: Path, root: Path) -> "subprocess.Popen[str]":
        """Start the script as a job does."""
        return subprocess.Popen(
            ["bash", str(SCRIPT), str(plan), str(root)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=root.parent,
        )

    def requeued(self) -> int:
        """How often the job asked to be queued again."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return lines.count("scontrol requeue 7")


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[Slurm]:
    """Commands of SLURM in front of the path, and a job of one node."""
    commands = tmp_path / "commands"
    commands.mkdir()
    beside = Path(sys.executable).parent
    ray = RAY.format(python=sys.executable, ray=beside / "ray", tries=TRIES)
    for name, text in {"srun": SRUN, "scontrol": SCONTROL, "ray": ray}.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    with short_folder() as short:
        job, calls = environment_of_job(tmp_path, short), tmp_path / "calls"
        path = f"{commands}:{beside}:{os.environ['PATH']}"
        yield Slurm({**job, "PATH": path, "CALLS": str(calls)}, calls)
        subprocess.run([str(commands / "ray"), "stop"], env={**job, "PATH": path}, check=False)


def environment_of_job(folder: Path, short: str) -> dict[str, str]:
    """What SLURM sets, and a port for Ray's head that is free."""
    return {
        **ray_environment(folder, short, ""),
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "localhost",
        "SLURM_JOB_NUM_NODES": "1",
        "RAY_PORT": str(free_port()),
        "RAY_START_OPTIONS": "--include-dashboard=false --num-cpus=2",
    }


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """One trial that pretrains, then trains for a while; checkpoints come often."""
    values = plan_values(
        "microworld",
        space={"mixture": None, "target": {"steps": [400]}},
        budget={"trials_per_target": 1},
        resources={"checkpoint_minutes": 0.02},
    )
    del values["space"]["mixture"]
    path = tmp_path / "plan.toml"
    path.write_text(to_toml(values))
    return path


def test_a_job_stops_requeues_and_completes(slurm: Slurm, plan_file: Path, tmp_path: Path) -> None:
    """USR1 before the wall time: checkpoint, exit 75, requeue; the next run ends the study."""
    root = tmp_path / "runs"
    job = slurm.batch(plan_file, root)
    try:
        until(
            lambda: list(root.glob("phases/*/*/checkpoints/*/step-*")) or job.poll() is not None,
            "a phase is in training",
            2 * PATIENCE,
        )
        assert job.poll() is None, job.communicate()
        job.send_signal(signal.SIGUSR1)
        output, _ = job.communicate(timeout=PATIENCE)
    finally:
        job.kill()
    assert job.returncode == 75, output
    assert "SIGUSR1: checkpointing" in output and "transfer-search resume small" in output
    assert "stopped and safe: requeued" in output and slurm.requeued() == 1
    assert list(root.glob("phases/*/*/checkpoints/*/step-*"))
    assert "--min-nodes 1" in slurm.calls.read_text()
    again = slurm.batch(plan_file, root)
    try:
        output, _ = again.communicate(timeout=3 * PATIENCE)
    finally:
        again.kill()
    assert again.returncode == 0, output
    assert slurm.requeued() == 1
    (trial,) = load_trials("small", root=root).itertuples()
    assert (trial.state, trial.attempts) == ("COMPLETE", 2)
    assert not load_phases("small", root=root)["key"].duplicated().any()


def test_a_job_with_a_bad_plan_is_not_requeued(slurm: Slurm, tmp_path: Path) -> None:
    """Exit codes other than 75 pass through: a mistake would come back for ever."""
    plan = tmp_path / "plan.toml"
    plan.write_text('[study]\nname = "small"\n')
    job = slurm.batch(plan, tmp_path / "runs")
    output, _ = job.communicate(timeout=PATIENCE)
    assert job.returncode == 2, output
    assert slurm.requeued() == 0 and "mistake" in output
