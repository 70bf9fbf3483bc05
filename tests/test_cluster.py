"""Searches on several Ray nodes: code that is shipped, tokens, jobs, and deaths of all kinds."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from analysis import load_trials
from tests.clusters import (
    PATIENCE,
    LocalCluster,
    bare_python,
    driver,
    local_cluster,
    short_folder,
    until,
)
from tests.plans import HOME, to_toml, values
from tests.test_torture import ORACLE_PLAN, check_promises, told
from tests.test_trainables_gang import assert_completed, prepared
from tests.worlds import shrink_micro_world
from trainables.gang import LOOPBACK

pytestmark = pytest.mark.cluster


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A plan of twelve oracle trials, two at a time."""
    path = tmp_path / "plans" / "plan.toml"
    path.parent.mkdir()
    path.write_text(to_toml(values()))
    return path


# -- every node ------------------------------------------------------------------------------------

SHIPPED = """
import json, sys
from pathlib import Path
from search.cluster import ray_cluster
from search.probe import probe_nodes
from tests.plans import plan

with ray_cluster(plan(), sys.argv[1]) as ray:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    @ray.remote(num_cpus=0)
    def where():
        import analysis, search, spaces, trainables
        return [package.__file__ for package in (analysis, search, spaces, trainables)]

    lines = probe_nodes(ray, plan(), Path(sys.argv[2]), sys.argv[1])
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    found = [where.options(scheduling_strategy=On(n, soft=False)).remote() for n in nodes]
    print(json.dumps({"lines": lines, "found": ray.get(found)}))
"""


def test_every_node_is_looked_at_and_runs_what_was_shipped(tmp_path: Path) -> None:
    """Two nodes whose Python has none of our packages see the root and import the driver's."""
    bare = "import importlib.util as i; assert i.find_spec('ray') and not i.find_spec('trainables')"
    subprocess.run([str(bare_python(tmp_path)), "-c", bare], check=True, cwd=tmp_path)
    with local_cluster(tmp_path, 1) as cluster:
        cluster.add_node(1)
        done = subprocess.run(
            [sys.executable, "-c", SHIPPED, cluster.address, str(tmp_path)],
            cwd=tmp_path,  # Ray adds the driver's own folder to the path of its workers
            env={**cluster.environment, "PYTHONPATH": str(HOME)},
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
        )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    (line,) = answer["lines"]
    assert line.startswith(f"2 nodes see {tmp_path}; least free there: ")
    assert len(answer["found"]) == 2
    for file in itertools.chain(*answer["found"]):
        assert "runtime_resources/py_modules_files" in file and not file.startswith(str(HOME))
    assert not list(tmp_path.glob(".probe-*"))


# -- tokens and jobs -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster of one node that asks for a token and takes jobs."""
    folder = tmp_path_factory.mktemp("guarded")
    with local_cluster(folder, 2, "0123456789abcdef" * 4, "dashboard") as cluster:
        yield cluster


WRONG = "fedcba9876543210" * 4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "none is sent, because RAY_AUTH_MODE is unset"),
        ({"RAY_AUTH_MODE": "token"}, "RAY_AUTH_MODE is token, and there is none here"),
        (
            {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": "/no/such/token"},
            "RAY_AUTH_MODE is token, and there is none here",
        ),
        ({"RAY_AUTH_TOKEN": WRONG}, "refuses the one in RAY_AUTH_TOKEN"),
        (
            {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": WRONG},
            "none is sent, because RAY_AUTH_MODE is disabled",
        ),
    ],
    ids=["nothing", "no token", "no such file", "wrong token", "disabled"],
)
def test_a_token_that_is_missing_is_explained(
    guarded: LocalCluster, plan_file: Path, tmp_path: Path, given: dict[str, str], said: str
) -> None:
    """One message, exit code 2 and nothing written, whichever way the token fails."""
    none = dict.fromkeys(("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"), "")
    bare = replace(guarded, environment=without(guarded.environment, {**none, **given}))
    refused = driver(bare, tmp_path / "runs", "start", plan_file)
    output, _ = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 2, output
    assert said in output and "`ray get-auth-token` prints it on the head" in output
    assert "Traceback" not in output and not (tmp_path / "runs").exists()


def without(environment: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """An environment with other values; an empty one takes its variable away."""
    changed = {**environment, **given}
    return {name: value for name, value in changed.items() if value}


def test_a_token_alone_is_enough(guarded: LocalCluster, plan_file: Path, tmp_path: Path) -> None:
    """Whoever has the cluster's token need not say that tokens are used."""
    bare = replace(guarded, environment=without(guarded.environment, {"RAY_AUTH_MODE": ""}))
    started = driver(bare, tmp_path / "runs", "start", plan_file)
    output, _ = started.communicate(timeout=2 * PATIENCE)
    assert started.returncode == 0, output
    assert told(tmp_path / "runs", "first") == 12


def test_a_node_without_the_root_is_named(
    guarded: LocalCluster, plan_file: Path, tmp_path: Path
) -> None:
    """A root that means another folder on the node: exit code 2, no trial, nothing left."""
    mine_alone = Path("/proc/self/cwd/runs")  # each process has a folder of its own there
    refused = driver(guarded, mine_alone, "start", plan_file, cwd=tmp_path)
    output, _ = refused.communicate(timeout=2 * PATIENCE)
    assert refused.returncode == 2, output
    assert "the cluster: 1 mistake; nothing was written" in output
    assert f"on {socket.gethostname()}, {mine_alone}/studies/first" in output
    assert "mount the same disk at the same path" in output
    assert not (tmp_path / "runs").exists()


def test_a_job_runs_a_search(guarded: LocalCluster, plan_file: Path, tmp_path: Path) -> None:
    """``ray job submit`` drives a study on the head; it is read from its root as any other."""
    root, ray_cli = tmp_path / "runs", Path(sys.executable).parent / "ray"
    submit = [str(ray_cli), "job", "submit", "--address", f"http://{guarded.jobs}"]
    submit += ["--working-dir", str(plan_file.parent), "--", sys.executable, "-m", "search"]
    submit += ["start", plan_file.name, "--root", str(root), "--address", "auto"]
    done = subprocess.run(
        submit, env=guarded.environment, capture_output=True, text=True, timeout=2 * PATIENCE
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    trials = load_trials("first", root=root)
    assert len(trials) == 12 and set(trials["state"]) == {"COMPLETE"}


# -- deaths ----------------------------------------------------------------------------------------


def test_a_search_survives_worker_node_and_driver(tmp_path: Path) -> None:
    """Kill -9 of each in turn: every trial once, none lost, no phase again, values as alone."""
    plan, root = tmp_path / "plan.toml", tmp_path / "runs"
    plan.write_text(ORACLE_PLAN.format(concurrent=2).replace("= 30", "= 12"))
    with local_cluster(tmp_path, 1) as cluster:
        cluster.add_node(1)
        first = driver(cluster, root, "start", plan)
        until(lambda: told(root, "torture") >= 2 or first.poll() is not None, "trials are told")
        assert first.poll() is None, first.communicate()
        kill_a_worker(cluster)
        before = told(root, "torture")
        until(lambda: told(root, "torture") > before, "the search goes on without its worker")
        cluster.kill_node()
        cluster.add_node(1)
        before = told(root, "torture")
        until(lambda: told(root, "torture") > before + 2, "the search goes on without its node")
        first.send_signal(signal.SIGKILL)
        first.communicate()
        assert told(root, "torture") < 24
        again = driver(cluster, root, "resume", "torture")
        output, _ = again.communicate(timeout=600)
        assert again.returncode == 0, output
    check_promises("torture", root, tmp_path / "alone", trials=24)
    assert not list(root.glob("phases/*/*/attempts/*/lost.json")), "a finished phase came again"
    assert not list(root.glob("studies/torture/.probe-*"))


def kill_a_worker(cluster: LocalCluster) -> None:
    """Kill a process in which a trial runs."""
    found: list[psutil.Process] = []
    until(lambda: found.extend(cluster.workers("Trainable.train")) or found, "a trial runs")
    found[0].kill()


GANG = """
import sys, time
from pathlib import Path
import pytest, ray, search, trainables.transfer
from ray.cluster_utils import Cluster
from tests.test_trainables_gang import TinyTrainable, searched
from tests.worlds import shrink_micro_world

shrink_micro_world(pytest.MonkeyPatch())
trainables.transfer.TransferTrainable = TinyTrainable
root = Path(sys.argv[1])
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
node = cluster.add_node(num_cpus=1)
ray.init(address=cluster.address, log_to_driver=False)
handle = search.start(searched(), root, wait=False)
while not list(root.glob("phases/*/*/checkpoints/w2-*/step-??")):
    assert handle.is_running
    time.sleep(0.01)
cluster.remove_node(node, allow_graceful=False)
cluster.add_node(num_cpus=1)
handle.wait()
assert handle.finished, handle.reason
ray.shutdown()
cluster.shutdown()
"""


def test_a_gang_over_two_nodes_survives_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial of two ranks on two nodes goes on from its checkpoint when one node is replaced."""
    with short_folder() as short:
        environment = {**os.environ, "PYTHONPATH": str(HOME), "RAY_TMPDIR": short}
        command = [sys.executable, "-c", GANG, str(tmp_path)]
        done = subprocess.run(
            command, cwd=HOME, env=environment, timeout=900, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    first, *_, last = prepared(tmp_path)
    assert first.pid != last.pid and "step-" in last.checkpoints
    assert {row.host for row in prepared(tmp_path)} & {LOOPBACK} == set()
    shrink_micro_world(monkeypatch)
    assert_completed(tmp_path)
