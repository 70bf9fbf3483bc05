"""Ray: connecting, what workers get, what stays quiet."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search.imports import PACKAGES
from spaces.mistakes import Mistake, PlanError
from spaces.plan import Plan

QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # Ray's folder is a log; our records are elsewhere
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # the driver has its own
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "RAY_DEDUP_LOGS": "0",
}
"""Environment of the driver; set before ``import ray`` reads it."""

UNHEARD = "ray.tune.execution.experiment_state"
"""Ray's logger that shows a traceback when its own folder cannot be written. That folder is a log;
where results cannot be written, the search stops and says so itself."""

CACHES = ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE")
"""Where the driver finds what came from the hub; the workers of a cluster look there as well."""

AUTH_MODE = "RAY_AUTH_MODE"
"""Whether Ray sends a token; read when it is imported."""

AUTH_TOKEN = Path("~/.ray/auth_token")
"""Where Ray keeps the token of clusters that ask for one, unless a variable names another place."""

TOKEN_VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
"""A token itself, and a file that holds one: Ray looks there first."""


def worker_environment(plan: Plan) -> dict[str, str]:
    """Environment of the workers."""
    threads = str(plan.resources.cpus_per_worker)
    common = {
        "OMP_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    return common if plan.resources.gpus_per_worker else {**common, "DS_ACCELERATOR": "cpu"}


def prepare_environment(plan: Plan) -> None:
    """Set what Ray and the libraries read when they are imported; a user's own values stay.

    The hub's client is imported first: workers never ask the hub, but a process that has driven one
    search may bring what the next one needs.
    """
    import huggingface_hub.constants  # noqa: F401

    for name, value in {**QUIET, **worker_environment(plan)}.items():
        os.environ.setdefault(name, value)
    logging.getLogger(UNHEARD).setLevel(logging.CRITICAL)


@contextmanager
def ray_cluster(plan: Plan, address: str | None) -> Iterator[Any]:
    """A connection to Ray: an existing one, the cluster at an address, or one of our own.

    Raises:
        PlanError: the cluster cannot be reached, or has fewer CPUs or GPUs than one trial needs.
    """
    prepare_environment(plan)
    if address is not None and _token_place():
        # Ray turns token authentication on for its own clusters, but not for a given address.
        os.environ.setdefault(AUTH_MODE, "token")
    import ray  # heavy, and reads the environment that was just set

    ours = not ray.is_initialized()
    if ours:
        _connect(ray, plan, address)
    try:
        _check_resources(plan, [node["Resources"] for node in ray.nodes() if node["Alive"]])
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _connect(ray: Any, plan: Plan, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        # "local", because no address at all would join whatever cluster runs on this machine.
        resources = plan.resources
        workers = resources.concurrent_trials * resources.workers_per_trial
        cpus = max(os.cpu_count() or 1, workers * resources.cpus_per_worker)
        ray.init(address="local", num_cpus=cpus, include_dashboard=False, **quiet)
        return
    _check_reachable(ray, address)
    home = Path(__file__).resolve().parent.parent
    caches = {name: os.environ[name] for name in CACHES if name in os.environ}
    shipped = {
        "py_modules": [str(home / name) for name in PACKAGES],
        "env_vars": {**worker_environment(plan), **caches},
    }
    try:
        ray.init(address=address, runtime_env=shipped, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(f"{address}: {str(error).splitlines()[0]}") from None


def _token_place() -> str:
    """Where this process finds a token to send; empty where there is none."""
    itself, file = TOKEN_VARIABLES
    if os.environ.get(itself):
        return itself
    place = Path(os.environ.get(file) or AUTH_TOKEN).expanduser()
    return str(place) if place.is_file() and place.stat().st_size else ""


def _check_reachable(ray: Any, address: str) -> None:
    """Ray itself tries a dead address for minutes, and a wrong token for 20 s, without a reason."""
    if os.environ.get(AUTH_MODE) == "token" and not _token_place():
        raise _refused(address)  # Ray's client would end the process
    host, _, port = address.rpartition(":")
    if not port.isdigit() or "//" in address:
        return  # `auto` and client addresses are Ray's to judge
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise _unreachable(f"{address}: {error}") from None
    try:
        ray._raylet.GcsClient(address=address)  # as `ray symmetric-run` asks for the head
    except ray.exceptions.AuthenticationError:
        raise _refused(address) from None
    except ray.exceptions.RpcError as error:
        raise _unreachable(f"{address}: {str(error).splitlines()[0]}") from None


def _refused(address: str) -> PlanError:
    """A token is asked for, and this process does not send the right one."""
    place, mode = _token_place(), os.environ.get(AUTH_MODE, "unset")
    if mode != "token":
        found = f"the cluster asks for a token, and none is sent, because {AUTH_MODE} is {mode}"
    elif place:
        found = f"the cluster asks for a token, and refuses the one in {place}"
    else:
        found = f"{AUTH_MODE} is token, and there is none here"
    expected = (
        f"{AUTH_MODE}=token and the cluster's own token in {AUTH_TOKEN} or in a file that "
        f"{TOKEN_VARIABLES[1]} names: `ray get-auth-token` prints it on the head; keep it to "
        "yourself (chmod 600), it lets run any code"
    )
    return PlanError("Ray", [Mistake("--address", f"{address}: {found}", expected)])


def _unreachable(found: str) -> PlanError:
    expected = (
        "HOST:PORT of a running cluster's head (`ray start --head` prints it); one with token "
        "authentication needs RAY_AUTH_MODE=token exported before this command"
    )
    return PlanError("Ray", [Mistake("--address", found, expected)])


def _check_resources(plan: Plan, nodes: list[dict[str, float]]) -> None:
    """A trial that fits nowhere would wait for ever.

    Args:
        plan: says what each worker of a trial needs.
        nodes: what each node of the cluster has. A worker is on one node, a trial may be on many.
    """
    resources = plan.resources
    worker = {"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker}
    needs = {name: need for name, need in worker.items() if need}
    most = {name: max(node.get(name, 0) for node in nodes) for name in needs}
    lacking = [
        Mistake(
            f"[resources] {name}", str(need), f"at most the cluster's {most[name]:g} on one node"
        )
        for name, need in needs.items()
        if need > most[name]
    ]
    room = sum(min(int(node.get(n, 0) // need) for n, need in needs.items()) for node in nodes)
    if not lacking and room < resources.workers_per_trial:
        rule = f"at most {room}: so many such workers fit the cluster's nodes at once"
        asked = str(resources.workers_per_trial)
        lacking = [Mistake("[resources] workers_per_trial", asked, rule)]
    if lacking:
        raise PlanError("the cluster", lacking)
