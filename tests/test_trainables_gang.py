"""Trials of two workers: the same numbers as with one, through stops, faults and deaths.

Rank 0 is driven as Tune drives it, one message at a time. The micro-world is the tiny one of
``tests.worlds.shrink_micro_world``, in every process.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
import ray
import torch
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

import search.cluster
import trainables.gang
from analysis import load_trials
from spaces.mistakes import PlanError
from spaces.plan import Plan
from spaces.settings import Mixture, Part, TransferSetting
from spaces.study import StudyRecord, read_study
from spaces.suggest import baselines
from spaces.tasks.row import NLI_LABELS
from tests.worlds import (
    artifact_file,
    attempts,
    plan,
    run,
    setting_of,
    shrink_micro_world,
    study,
)
from trainables import TransferTrainable, TrialRequest, trial_config
from trainables.gang import Follower
from trainables.model import TaskModel, last_states
from trainables.rows import RowError
from trainables.trial import Message
from trainables.world import Job, LostRank, Tick

pytestmark = pytest.mark.usefixtures("tiny")

TRAINED = 3
"""Phases before the evaluation."""

PREPARED = "prepared"
"""File under the root, a line for each phase of rank 1: process, address, checkpoints."""


class TinyFollower(Follower):
    """Rank 1 in the tiny micro-world, with a fault where the study's name asks for one."""

    def __init__(self, rank: int, world_size: int) -> None:
        shrink_micro_world(pytest.MonkeyPatch())
        super().__init__(rank, world_size)
        self.faults = pytest.MonkeyPatch()

    def prepare(self, root: Path, study: str, job: Job) -> None:
        """Prepare, and plant the fault."""
        steps = [path.name for path in job.attempt.paths.folder.glob("checkpoints/w2-*/*")]
        with (root / PREPARED).open("a") as file:
            print(os.getpid(), os.environ["MASTER_ADDR"], ",".join(steps) or "-", file=file)
        self.faults.undo()
        if study == "rows":
            raise RowError("row 3: label 9")
        if study == "nan":
            self.faults.setattr(TaskModel, "forward", _no_number)
        super().prepare(root, study, job)
        if study == "memory":
            self._ticks = _failing(self._ticks)


def _no_number(model: TaskModel, batch: dict[str, Any]) -> torch.Tensor:
    return model.heads[batch["head"]](last_states(model.encoder, batch)[:, 0]).sum() * torch.nan


def _failing(ticks: Iterator[Tick]) -> Iterator[Tick]:
    """Training that runs out of memory after a step, while rank 0 waits in the next."""
    yield next(ticks)
    raise torch.OutOfMemoryError("planted")


class TinyTrainable(TransferTrainable):
    """Rank 0 in the tiny micro-world."""

    def setup(self, config: dict[str, Any]) -> None:
        """Shrink this process's world and its followers'."""
        shrink_micro_world(pytest.MonkeyPatch())
        trainables.gang.Follower = TinyFollower  # type: ignore[misc]
        super().setup(config)


class Prepared(NamedTuple):
    """How rank 1 began a phase."""

    pid: int
    host: str
    checkpoints: str


def prepared(root: Path) -> list[Prepared]:
    """Each time that rank 1 began a phase."""
    lines = [line.split() for line in (root / PREPARED).read_text().splitlines()]
    return [Prepared(int(pid), host, steps) for pid, host, steps in lines]


@pytest.fixture(scope="module")
def tiny() -> Iterator[None]:
    """The tiny micro-world in this process as well."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink_micro_world(monkeypatch)
        yield


FOUR_WAY = {"name": "four_way", "like": "nli", "labels": [*NLI_LABELS, "none"]}
"""A task with a head of its own."""

LINKS = {"name": "links", "like": "lareqa", "train_languages": ["esho"]}
"""A task whose negatives are all the other rows of a step."""


def micro(root: Path, name: str = "small", **resources: Any) -> StudyRecord:
    """A study of the tiny micro-world, written under a root; one report in the target phase."""
    return study(
        "microworld",
        root,
        study={"name": name},
        task=[FOUR_WAY, LINKS],
        space={
            "initialisations": ["micro-text", "micro-multimodal"],
            "mixture": {"tasks": ["nli", "four_way", "links", "masked"], "languages": ["esho"]},
        },
        budget={"reports_per_phase": 1},
        resources={"tokens_per_micro_batch": 48, **resources},
    )


def two_workers(root: Path, stage: int = 0, name: str = "small") -> StudyRecord:
    """The same with two workers per trial."""
    return micro(root, name, workers_per_trial=2, zero_stage=stage)


ONE_HEAD = setting_of("microworld")

TWO_HEADS = replace(
    ONE_HEAD,
    intermediate=(
        Mixture(
            parts=(
                Part(task="nli", language="esho", weight=2),
                Part(task="four_way", language="esho"),
            ),
            optimisation=ONE_HEAD.target,
        ),
    ),
)


WITH_MASKED_WORDS = replace(
    ONE_HEAD,
    intermediate=(
        Mixture(
            parts=tuple(Part(task=task, language="esho") for task in ("nli", "masked")),
            optimisation=ONE_HEAD.target,
        ),
    ),
)
"""A head that shares its weights with the encoder, beside one that does not."""

IN_BATCH = replace(
    ONE_HEAD,
    initialisation="micro-multimodal",
    intermediate=(
        Mixture(
            parts=tuple(Part(task=task, language="esho") for task in ("links", "nli")),
            optimisation=replace(ONE_HEAD.target, rows_per_step=12),
        ),
    ),
)
"""Pictures as negatives of captions, then candidates as negatives of queries, in a mixture."""


class Pair:
    """Trial actors of two workers, in a placement group as Tune would make it."""

    def __init__(self) -> None:
        self.group = ray.util.placement_group([{"CPU": 1}] * 2)
        ray.get(self.group.ready())
        self.actor: Any = None

    def open(
        self, record: StudyRecord, root: Path, setting: TransferSetting = ONE_HEAD
    ) -> Iterator[Message]:
        """Begin a trial, in the same actor where there is one; its messages to the end."""
        config = trial_config(root, record.name, "xnli", setting)
        if self.actor is None:
            place = PlacementGroupSchedulingStrategy(self.group, 0, True)
            options = ray.remote(TinyTrainable).options(num_cpus=1, scheduling_strategy=place)
            self.actor = options.remote(config)
        else:
            assert ray.get(self.actor.reset.remote(config))
        return self.messages()

    def messages(self) -> Iterator[Message]:
        """What the trial says."""
        message: Message = {"done": False}
        while not message["done"]:
            message = ray.get(self.actor.train.remote())
            yield message

    def end(self) -> None:
        """Stop the actor, as Tune stops one whose trial failed."""
        if self.actor is not None:
            ray.get(self.actor.stop.remote())
            ray.kill(self.actor)
            self.actor = None


@pytest.fixture(scope="module")
def pair(shared_ray: None) -> Iterator[Pair]:
    """One pair for all tests, reused from trial to trial."""
    pair = Pair()
    yield pair
    pair.end()
    ray.util.remove_placement_group(pair.group)


class Found(NamedTuple):
    """What a trial left behind."""

    losses: list[list[float]]
    """Of every step of each trained phase."""
    reports: list[float]
    scores: list[dict[str, Any]]


def found(
    record: StudyRecord, root: Path, messages: list[Message], setting: TransferSetting = ONE_HEAD
) -> Found:
    """What a finished trial left behind."""
    assert messages[-1]["event"] == "final", messages[-1]
    request = TrialRequest(root=root, record=record, target="xnli", setting=setting)
    files = [artifact_file(root, phase, "losses.npy") for phase in request.phases[:TRAINED]]
    return Found(
        [np.load(file).tolist() for file in files],
        [m["value"] for m in messages if m["event"] == "report"],
        json.loads(messages[-1]["record"])["scores"],
    )


def assert_equal(mine: Found, theirs: Found) -> None:
    """The same but for rounding."""
    for one, other in zip(mine.losses, theirs.losses, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    assert len(mine.reports) == 1 and mine.reports == pytest.approx(theirs.reports)
    assert mine.scores == theirs.scores


@pytest.fixture(scope="module")
def alone(tiny: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Found]:
    """Trials with one worker."""

    @cache
    def trial(setting: TransferSetting = ONE_HEAD) -> Found:
        root = tmp_path_factory.mktemp("alone")
        record = micro(root)
        return found(record, root, run(root, record, setting), setting)

    return trial


@pytest.fixture(scope="module")
def whole(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Found]:
    """Uninterrupted trials of two workers, one per ZeRO stage."""

    @cache
    def trial(stage: int) -> Found:
        root = tmp_path_factory.mktemp(f"stage-{stage}")
        record = two_workers(root, stage)
        return found(record, root, list(pair.open(record, root)))

    return trial


# Exactness


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_two_workers_find_what_one_finds(
    whole: Callable[[int], Found], alone: Callable[..., Found], stage: int
) -> None:
    """Pretraining, intermediate and target phase: equal losses, report and scores."""
    assert_equal(whole(stage), alone())


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_two_heads_are_trained_by_two_workers(
    pair: Pair, alone: Callable[..., Found], stage: int, tmp_path: Path
) -> None:
    """Micro-batches of different heads on the ranks at once give the losses of one worker.

    Each holds one row, so that ranks with unlike numbers of one task's rows fall out of step.
    """
    record = micro(tmp_path, workers_per_trial=2, zero_stage=stage, tokens_per_micro_batch=1)
    messages = list(pair.open(record, tmp_path, TWO_HEADS))
    assert_equal(found(record, tmp_path, messages, TWO_HEADS), alone(TWO_HEADS))


@pytest.mark.parametrize("stage", [pytest.param(0, marks=pytest.mark.slow), 3])
def test_masked_words_are_trained_by_two_workers(
    pair: Pair, alone: Callable[..., Found], stage: int, tmp_path: Path
) -> None:
    """A part of masked words beside one of labelled rows gives the losses of one worker."""
    record = two_workers(tmp_path, stage)
    messages = list(pair.open(record, tmp_path, WITH_MASKED_WORDS))
    assert_equal(found(record, tmp_path, messages, WITH_MASKED_WORDS), alone(WITH_MASKED_WORDS))


@pytest.mark.parametrize("stage", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_negatives_are_gathered_over_workers(
    pair: Pair, alone: Callable[..., Found], stage: int, tmp_path: Path
) -> None:
    """Each row is contrasted with the rows of all ranks: the losses are those of one worker."""
    record = two_workers(tmp_path, stage)
    messages = list(pair.open(record, tmp_path, IN_BATCH))
    assert_equal(found(record, tmp_path, messages, IN_BATCH), alone(IN_BATCH))


@pytest.mark.parametrize(
    "stage", [0, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("kind", "step"), [("initialisation", 2), ("target", 3)])
def test_a_stopped_trial_goes_on_to_the_bit(
    pair: Pair, whole: Callable[[int], Found], kind: str, step: int, stage: int, tmp_path: Path
) -> None:
    """Closed within a phase, both ranks leave one checkpoint; resumed, the losses are the same."""
    record = two_workers(tmp_path, stage)
    messages = pair.open(record, tmp_path)
    next(m for m in messages if (m.get("kind"), m.get("step")) == (kind, step))
    messages = pair.open(record, tmp_path)
    (checkpoint,) = tmp_path.glob("phases/*/*/checkpoints/*/*")
    assert checkpoint.parent.name.startswith(f"w2-z{stage}-") and checkpoint.name == f"step-{step}"
    rest = list(messages)
    assert next(m["step"] for m in rest if m.get("kind") == kind and "step" in m) == step + 1
    again = found(record, tmp_path, rest)
    assert (again.losses, again.scores) == (whole(stage).losses, whole(stage).scores)
    assert len(attempts(tmp_path)) == TRAINED + 1


# What goes wrong


@pytest.mark.parametrize(
    ("fault", "said"), [("rows", "RowError: row 3: label 9"), ("nan", "NotANumber: loss nan at")]
)
def test_a_fault_of_the_setting_fails_one_trial(
    pair: Pair, whole: Callable[[int], Found], fault: str, said: str, tmp_path: Path
) -> None:
    """What rank 1 alone met is told as it is, and the same gang trains the next trial."""
    *_, last = pair.open(two_workers(tmp_path / "bad", name=fault), tmp_path / "bad")
    assert last["event"] == "failed" and said in last["reason"]
    record = two_workers(tmp_path)
    messages = list(pair.open(record, tmp_path))
    assert found(record, tmp_path, messages) == whole(0)
    before, after = prepared(tmp_path / "bad")[-1], prepared(tmp_path)[-1]
    assert before.pid == after.pid and after.host == trainables.gang.LOOPBACK


def test_a_killed_follower_ends_the_trial_at_once(
    pair: Pair, whole: Callable[[int], Found], tmp_path: Path
) -> None:
    """Rank 0 raises, so that Tune tries again; another gang goes on to the bit."""
    record = micro(tmp_path, workers_per_trial=2, checkpoint_minutes=1e-9)
    messages = pair.open(record, tmp_path)
    next(m for m in messages if (m.get("kind"), m.get("step")) == ("target", 2))
    os.kill(prepared(tmp_path)[-1].pid, signal.SIGKILL)
    with pytest.raises(LostRank):
        list(messages)
    assert len(attempts(tmp_path)) == 2
    pair.end()
    rest = list(pair.open(record, tmp_path))
    dead, living = prepared(tmp_path)[-2:]
    assert dead.pid != living.pid and "step-2" in living.checkpoints
    again = found(record, tmp_path, rest)
    assert (again.losses, again.scores) == (whole(0).losses, whole(0).scores)


def test_a_rank_that_fails_while_others_wait_is_heard(pair: Pair, tmp_path: Path) -> None:
    """Rank 0 leaves its collective with rank 1's reason, and with no gang for the next trial."""
    *_, last = pair.open(two_workers(tmp_path, name="memory"), tmp_path)
    assert last["event"] == "failed" and "OutOfMemoryError: planted" in last["reason"]
    with pytest.raises(LostRank):  # Tune takes the trial up again in another actor
        list(pair.open(two_workers(tmp_path), tmp_path))
    gone = prepared(tmp_path)[-1].pid
    pair.end()
    wait_until_gone(gone)


def wait_until_gone(pid: int) -> None:
    """Ray ends a process a moment after it was asked to."""
    until = time.monotonic() + 20
    while psutil.pid_exists(pid):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_rank_that_cannot_be_freed_ends_its_process(
    shared_ray: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collective that outlives its ranks (a node without power) is left by dying."""

    @ray.remote(num_cpus=0)
    def fail() -> None:
        raise RowError("row 3: label 9")

    done: list[Any] = []
    monkeypatch.setattr(trainables.gang, "FREE_SECONDS", 0.1)
    monkeypatch.setattr(os, "_exit", done.append)
    watch = trainables.gang.Watch([fail.remote()], lambda: done.append("disbanded"))
    watch.run()
    assert done == ["disbanded", 1] and isinstance(watch.failure, RowError)


@pytest.mark.slow
def test_followers_go_with_their_actor(pair: Pair, tmp_path: Path) -> None:
    """A trial actor that is killed leaves no process behind."""
    messages = pair.open(two_workers(tmp_path), tmp_path)
    lead = next(m["pid"] for m in messages if (m.get("kind"), m.get("step")) == ("target", 2))
    follower = prepared(tmp_path)[-1].pid
    assert psutil.pid_exists(follower)
    os.kill(lead, signal.SIGKILL)
    wait_until_gone(follower)
    pair.actor = None


# Clusters and plans


@pytest.mark.parametrize(("nodes", "fits"), [((1, 1), True), ((2,), True), ((1,), False)])
def test_a_gang_must_fit_the_cluster(nodes: tuple[int, ...], fits: bool) -> None:
    """Workers may be on several nodes, each on one; what does not fit is refused."""
    asked = plan(resources={"workers_per_trial": 2})
    cluster = [{"CPU": float(cpus)} for cpus in nodes]
    if fits:
        search.cluster._check_resources(asked, cluster)
        return
    with pytest.raises(PlanError, match=r"workers_per_trial\n.*read: +2\n.*at most 1"):
        search.cluster._check_resources(asked, cluster)


def test_a_worker_must_fit_a_node() -> None:
    """Three CPUs on two nodes are not three on one."""
    with pytest.raises(PlanError, match=r"CPU\n.*read: +3\n.*at most the cluster's 2"):
        search.cluster._check_resources(plan(resources={"cpus_per_worker": 3}), [{"CPU": 2.0}] * 2)


def test_workers_do_not_share_a_gpu() -> None:
    """Half a GPU is for one worker; nccl refuses two ranks on one device."""
    plan(resources={"gpus_per_worker": 0.5})
    with pytest.raises(PlanError, match="must be 0 or 1 where workers_per_trial is above 1"):
        plan(resources={"gpus_per_worker": 0.5, "workers_per_trial": 2})


def test_a_trial_asks_for_all_of_its_workers(tmp_path: Path) -> None:
    """The trainable itself says what it needs, so that a plain Tuner reserves it."""
    record = micro(tmp_path, workers_per_trial=3, cpus_per_worker=2)
    config = trial_config(tmp_path, record.name, "xnli", ONE_HEAD)
    request = TransferTrainable.default_resource_request(config)
    assert request.bundles == [{"CPU": 2}] * 3 and request.strategy == "PACK"


# Whole searches; each in a process with a Ray of its own, because the pair keeps its CPUs

SEARCH = """
import sys
import pytest, ray, search, trainables.transfer
from ray.cluster_utils import Cluster
from tests.test_trainables_gang import TinyTrainable, searched
from tests.worlds import shrink_micro_world

shrink_micro_world(pytest.MonkeyPatch())
trainables.transfer.TransferTrainable = TinyTrainable
if sys.argv[2] == "two nodes":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
search.start(searched(), sys.argv[1], quiet=True)
ray.shutdown()
"""


def searched() -> Plan:
    """One trial of two workers, whose target phase lasts a few seconds."""
    return plan(
        "microworld",
        space={"mixture": None, "target": {"steps": [200]}},
        budget={"trials_per_target": 1},
        resources={"workers_per_trial": 2, "checkpoint_minutes": 0.001},
    )


@contextmanager
def search_process(root: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that searches; killed with the block."""
    command = [sys.executable, "-c", SEARCH, str(root), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_tune_replaces_a_killed_follower(tmp_path: Path) -> None:
    """A search whose trial loses a worker begins it again with another gang, and completes it."""
    with search_process(tmp_path, "one node") as process:
        while not list(tmp_path.glob("phases/*/*/checkpoints/w2-*/step-??")):
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(prepared(tmp_path)[-1].pid, signal.SIGKILL)
        assert process.wait(200) == 0
    dead, living = prepared(tmp_path)[-2:]
    assert dead.pid != living.pid and "step-" in living.checkpoints
    wait_until_gone(living.pid)
    assert_completed(tmp_path)


@pytest.mark.slow
def test_a_gang_spans_two_nodes(tmp_path: Path) -> None:
    """Where a node has room for one worker, the ranks meet at rank 0's address."""
    with search_process(tmp_path, "two nodes") as process:
        assert process.wait(200) == 0
    assert {row.host for row in prepared(tmp_path)} & {trainables.gang.LOOPBACK} == set()
    assert_completed(tmp_path)


def assert_completed(root: Path) -> None:
    """The search's trial is COMPLETE with the score of one worker, its phases trained once."""
    (trial,) = load_trials("small", root=root).itertuples()
    record = read_study(root, "small")
    space = record.spaces["xnli"]
    setting = space.setting(baselines(space)[0])
    (*_, final) = run(root / "alone", record, setting)
    assert (trial.state, trial.attempts, trial.score) == ("COMPLETE", 1, final["score"])
    (*_, again) = run(root, record, setting)
    assert all(row["hit"] for row in json.loads(again["record"])["phases"])
