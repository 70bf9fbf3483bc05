"""A look at every node before the first trial: the root, the caches, Python and the packages.

The part that runs on the nodes needs the standard library alone and travels by value: a node on
which nothing of ours can be imported still says so. Nodes that join later are not looked at.
"""

import importlib
import os
import platform
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from search.cluster import CACHES
from search.imports import PACKAGES
from spaces.mistakes import Mistake, PlanError, few
from spaces.plan import Plan
from trainables.store import PACKAGES as RECORDED

PINNED = tuple(name for name in RECORDED if name != "transfer-search")
"""Distributions whose versions nodes should share; our own packages are shipped to them."""

TRAINING = ("torch", "transformers", "deepspeed")
"""Imported on the nodes where a world trains; each takes seconds."""

PROBE_SECONDS = 300.0
"""Longest wait for the nodes: the first worker of a node unpacks the code and imports torch."""

Read = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Question:
    """What a node is asked to look for."""

    file: str
    """Probe that the driver wrote under the root."""
    text: str
    """What it says."""
    caches: Mapping[str, str]
    """Environment variable -> folder of a cache."""
    imports: tuple[str, ...]
    """Packages to import."""
    pinned: tuple[str, ...] = PINNED
    """Distributions whose versions are told."""


def read_file(path: str) -> str:
    """The text of a file."""
    return Path(path).read_text(encoding="utf-8")


def look(question: Mapping[str, Any], read: Read = read_file) -> dict[str, Any]:
    """Look around on a node.

    Args:
        question: a ``Question`` as plain values.
        read: gives the text of a file, or raises ``OSError``.

    Returns:
        Plain values: ``host``, ``python``, ``versions``, ``free_bytes`` under the root (None where
        nobody can tell) and what is wrong: ``root``, ``caches``, ``imports``.
    """
    file, root = question["file"], ""
    try:
        if read(file) != question["text"]:
            root = "another file of this name"
    except (OSError, ValueError) as error:
        root = str(error)
    caches = [f"{k}={v}" for k, v in question["caches"].items() if not Path(v).is_dir()]
    imports = [said for name in question["imports"] if (said := _import(name))]
    wrong = {"root": root, "caches": caches, "imports": imports}
    return {"free_bytes": _free(file), **wrong, **about_python(question["pinned"])}


def _import(name: str) -> str:
    """Why a package cannot be imported; empty where it can."""
    try:
        importlib.import_module(name)
    except Exception as error:  # a broken installation raises anything
        return f"{name}: {type(error).__name__}: {error}"
    return ""


def about_python(pinned: Sequence[str]) -> dict[str, Any]:
    """Host, interpreter and versions of distributions; ``absent`` where one is not installed."""
    versions = {}
    for name in pinned:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    return {"host": platform.node(), "python": platform.python_version(), "versions": versions}


def _free(file: str) -> int | None:
    try:
        return shutil.disk_usage(Path(file).parent).free
    except OSError:
        return None


def probe_nodes(ray: Any, plan: Plan, folder: Path, address: str | None) -> list[str]:
    """Have every node read a probe back, before any trial starts.

    A cluster of our own that is this machine alone is looked at from this process.

    Args:
        ray: connected.
        plan: says whether nodes must train.
        folder: the study's, under the root; the probe is written there and removed.
        address: of a running cluster; None for our own.

    Returns:
        Lines for the user: least free disk, and versions that differ.

    Raises:
        PlanError: naming each node that cannot take part, and what to do.
    """
    nodes = _alive(ray)
    is_here = address is None and len(nodes) == 1
    probe, text = folder / f".probe-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    caches = {name: os.environ[name] for name in CACHES if os.environ.get(name)}
    caches = {name: folder for name, folder in caches.items() if Path(folder).is_dir()}
    trains = plan.world != "oracle" and not is_here
    imports = (*PACKAGES, *(TRAINING if trains else ()))
    question = Question(str(probe), text, caches, imports)
    probe.write_text(text, encoding="utf-8")
    try:
        asked = asdict(question)
        answers = [look(asked)] if is_here else _ask(ray, asked, nodes)
    finally:
        probe.unlink(missing_ok=True)
    gone, there = _parted(answers, _alive(ray))
    died = [f"{name} died while it was looked at: the search begins without it" for name in gone]
    return [*died, *judge(there, folder, about_python(question.pinned))]


def _alive(ray: Any) -> dict[str, str]:
    """Id and address of each node that lives, as far as the cluster knows."""
    return {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}


def _parted(
    answers: Sequence[dict[str, Any]], alive: Mapping[str, str]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of the nodes that gave no answer and are dead by now, and the answers of the others."""
    died = [a for a in answers if "broken" in a and a["id"] not in alive]
    return [a["node"] for a in died], [a for a in answers if a not in died]


def _ask(ray: Any, question: dict[str, Any], nodes: Mapping[str, str]) -> list[dict[str, Any]]:
    """The answer of every node; one that gives none is named."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        # max_calls: no trial gets this process, in which torch has found no GPU. max_retries: a
        # dying node loses its worker before the cluster knows why; a second try waits for that.
        task = ray.remote(num_cpus=0, max_retries=1, max_calls=1)(look)
        asked: dict[Any, dict[str, str]] = {
            task.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
            ).remote(question): {"id": node, "node": f"node {name} ({node[:8]})"}
            for node, name in nodes.items()
        }
    finally:
        ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    ended, silent = ray.wait([*asked], num_returns=len(asked), timeout=PROBE_SECONDS)
    rule = "an answer: is the node alive, and can its raylet start workers (see its log)?"
    answers = []
    for ref in [*ended, *silent]:
        try:
            answer = ray.get(ref, timeout=0.0 if ref in silent else None)
        except ray.exceptions.RayError as error:
            line = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
            answer = {"broken": Mistake(asked[ref]["node"], line, rule)}
        answers.append({**asked[ref], **answer})
    return answers


def judge(answers: Sequence[Mapping[str, Any]], folder: Path, here: Mapping[str, Any]) -> list[str]:
    """Lines for the user, from what the nodes answered.

    Args:
        answers: of ``look``, each with the name of its node.
        folder: where the probe was.
        here: the driver's own ``about_python``.

    Raises:
        PlanError: naming each node that cannot take part, and what to do.
    """
    mistakes = [mistake for answer in answers for mistake in _mistakes(answer, folder, here)]
    if mistakes:
        raise PlanError("the cluster", mistakes)
    return [*_disk(answers, folder), *_versions(answers, here)]


def _mistakes(
    answer: Mapping[str, Any], folder: Path, here: Mapping[str, Any]
) -> Iterator[Mistake]:
    """What keeps a node from running trials."""
    if "broken" in answer:
        yield answer["broken"]
        return
    where = _name(answer)
    if answer["root"]:
        rule = (
            "the file that the driver has just written there: mount the same disk at the same "
            "path on every node, or give --root on one that is"
        )
        yield Mistake(f"{where}, {folder}", answer["root"], rule)
    if answer["caches"]:
        rule = "the folders that the driver reads: put the cache on a disk that every node sees"
        yield Mistake(f"{where}, caches", few(answer["caches"]), rule)
    if _minor(answer["python"]) != _minor(here["python"]):
        rule = f"Python {_minor(here['python'])}, the driver's: start Ray there from the same one"
        yield Mistake(f"{where}, Python", answer["python"], rule)
    if answer["imports"]:
        rule = "packages that import: the checkout's '.[train]' in the node's environment"
        yield Mistake(f"{where}, packages", few(answer["imports"]), rule)


def _disk(answers: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[str]:
    """How many nodes see the root, and the least that one of them has left there."""
    free = [(a["free_bytes"], _name(a)) for a in answers if a["free_bytes"] is not None]
    if free and len(answers) > 1:
        least, name = min(free)
        yield (
            f"{len(answers)} nodes see {folder}; least free there: {least / 2**30:.1f} GiB ({name})"
        )


def _versions(answers: Sequence[Mapping[str, Any]], here: Mapping[str, Any]) -> Iterator[str]:
    """Packages of a node that are not the driver's: results may differ in rounding, or worse."""
    for answer in answers:
        unlike = [
            f"{name} {found} (here {here['versions'][name]})"
            for name, found in answer["versions"].items()
            if found != here["versions"][name]
        ]
        if unlike:
            yield f"{_name(answer)} has other versions than the driver: {few(unlike)}"


def _name(answer: Mapping[str, Any]) -> str:
    return f"{answer.get('node', 'this machine')} on {answer['host']}"


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])
