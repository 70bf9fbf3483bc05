"""Ray clusters on this machine for tests: a process of their own holds the nodes.

The nodes run a Python that finds the libraries but none of our packages, in another folder: what
trials import there is what a driver ships. Nothing but their own processes is ever stopped.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import ray

PATIENCE = 240.0
"""Seconds until something that never comes fails a test; both cores may be busy."""

TRIES = 5
"""How often a node may fail to come up."""

NODES = """
import socket, sys
from ray.cluster_utils import Cluster

def patiently(make):
    # A raylet gives up where its agent takes more than 15 s to come up: busy cores.
    for left in range(TRIES, 0, -1):
        try:
            return make()
        except Exception:
            if left == 1:
                raise

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]

head = {"num_cpus": int(sys.argv[1]), "include_dashboard": sys.argv[2] == "dashboard"}
if head["include_dashboard"]:
    head |= {"dashboard_port": free_port(), "dashboard_agent_listen_port": free_port()}
cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
print("at", cluster.address, cluster.webui_url or "-", flush=True)
nodes = []
for line in sys.stdin:
    command, *values = line.split()
    if command == "add":
        nodes.append(patiently(lambda: cluster.add_node(num_cpus=int(values[0]))))
    elif command == "kill":
        cluster.remove_node(nodes.pop(0), allow_graceful=False)
    print("done", flush=True)
cluster.shutdown()
"""


@dataclass(slots=True)
class LocalCluster:
    """Nodes on this machine; the head is the first."""

    process: "subprocess.Popen[str]"
    folder: Path
    environment: dict[str, str]
    """Of the nodes, and of drivers that may connect."""
    address: str = ""
    jobs: str = ""
    """Where ``ray job submit`` finds it."""

    def add_node(self, cpus: int) -> None:
        """Start another node, and wait until it is there."""
        self._do(f"add {cpus}")

    def kill_node(self) -> None:
        """Kill -9 of everything on the first node beside the head."""
        self._do("kill")

    def _do(self, command: str) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def workers(self, title: str) -> list[psutil.Process]:
        """Processes of the nodes whose command line holds a text."""
        return [p for p in _family(self.process.pid) if title in _title(p)]


@contextmanager
def local_cluster(folder: Path, cpus: int = 1, token: str = "", *extra: str) -> Iterator[Any]:
    """A cluster whose head has so many CPUs; gone with the block.

    Args:
        folder: for its Python and its token.
        cpus: of the head.
        token: asks for this token where it is not empty.
        extra: ``dashboard`` for jobs.
    """
    with short_folder() as short:
        environment = ray_environment(folder, short, token)
        nodes = NODES.replace("TRIES", str(TRIES))
        process = subprocess.Popen(
            [str(bare_python(folder)), "-c", nodes, str(cpus), *(extra or ("-",))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=short,
            env=environment,
        )
        cluster = LocalCluster(process, folder, environment)
        try:
            assert process.stdout
            for line in process.stdout:
                if line.startswith("at "):
                    _, cluster.address, cluster.jobs = line.split()
                    break
            assert cluster.address, "the cluster did not start"
            yield cluster
        finally:
            _end(process)


@contextmanager
def short_folder() -> Iterator[str]:
    """A folder for Ray: names of its sockets may have 107 letters."""
    with tempfile.TemporaryDirectory(prefix="ts-", dir="/tmp", ignore_cleanup_errors=True) as short:
        (Path(short) / "ray").mkdir()
        yield short


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ray_environment(folder: Path, short: str, token: str) -> dict[str, str]:
    """This process's environment with a Ray of its own and, where one is given, a token."""
    ours = ("RAY_AUTH", "RAY_ADDRESS", "RAY_TMPDIR", "PYTHONPATH")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment |= {"RAY_TMPDIR": short, "RAY_USAGE_STATS_ENABLED": "0", "HOME": str(folder)}
    environment["RAY_AUTH_MODE"] = "disabled"
    environment["RAY_raylet_start_wait_time_s"] = "60"
    if token:
        file = folder / "token"
        file.write_text(token)
        file.chmod(0o600)
        environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}
    return environment


def bare_python(folder: Path) -> Path:
    """A Python with all libraries and without our packages."""
    place = folder / "bare"
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
        (site,) = place.glob("lib/python*/site-packages")
        # A path that a .pth file adds has its own .pth files ignored: no editable install.
        (site / "libraries.pth").write_text(str(Path(ray.__file__).parents[1]))
    return python


def driver(
    cluster: LocalCluster, root: Path, *command: str | Path, cwd: Path | None = None
) -> "subprocess.Popen[str]":
    """A driver on a cluster, in a process of its own, killed by its own pid."""
    asked = [*map(str, command), "--root", str(root), "--address", cluster.address]
    return subprocess.Popen(
        [sys.executable, "-m", "search", *asked],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd or root.parent,  # Ray adds the driver's own folder to the path of its workers
        env=cluster.environment,
    )


def until(happens: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something, looking often."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)


def _end(process: "subprocess.Popen[str]") -> None:
    """End the nodes as they like to, then whatever is left of them."""
    family = _family(process.pid)
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    for left in family:
        if left.is_running():
            left.kill()


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
