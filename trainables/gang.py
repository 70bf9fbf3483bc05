"""Several workers per trial: the trial actor is rank 0, its followers are actors beside it.

All live in the trial's own placement group, which Ray reserves as a whole, so that no two trials
can wait for each other's half. Followers run the training code of rank 0 on the same job; reasons
of failures travel through Ray, because a rank left alone in a collective cannot know why.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from spaces.plan import ResourcesTable
from spaces.study import read_study
from trainables.trial import Worlds
from trainables.world import Job, LostRank, NotANumber, Outcome, Rank, Tick

LOOPBACK = "127.0.0.1"

FREE_SECONDS = 60.0
"""How long rank 0 may take to leave a collective, or a long step, once its followers are dead."""


def trial_bundles(resources: ResourcesTable) -> tune.PlacementGroupFactory:
    """What a trial reserves: a bundle per worker, the first one the trial actor's."""
    worker = {"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker}
    bundle = {name: amount for name, amount in worker.items() if amount}
    return tune.PlacementGroupFactory([bundle] * resources.workers_per_trial, strategy="PACK")


class Follower:
    """Another rank than 0, in an actor of its own; it does what rank 0 says."""

    def __init__(self, rank: int, world_size: int) -> None:
        # Heavy (torch, transformers, DeepSpeed): loaded here while rank 0 loads them as well.
        import trainables.neural  # noqa: F401

        self._rank, self._worlds = Rank(rank, world_size), Worlds()
        self._ticks: Iterator[Tick] = iter(())

    def node(self) -> str:
        """Where this process runs."""
        return str(ray.get_runtime_context().get_node_id())

    def join(self, host: str, port: int) -> None:
        """Meet the other ranks where rank 0 listens."""
        from trainables.engine import join_gang

        join_gang(self._rank, _own_address(host), host, port)

    def prepare(self, root: Path, study: str, job: Job) -> None:
        """Read what a phase needs, up to its first collective."""
        world = self._worlds.of(read_study(root, study), root, self._rank)
        self._ticks = world.execute(job, Outcome())
        next(self._ticks)

    def train(self) -> None:
        """Train the phase that was prepared, to its end or until rank 0 stops it.

        Raises:
            LostRank: the connection to another rank broke.
        """
        try:
            for _ in self._ticks:
                pass
        except NotANumber:
            pass  # rank 0 has the same loss, and tells
        except RuntimeError as error:
            raise _cause(error) from None


class Gang:
    """The followers of one trial actor, for as long as it lives."""

    def __init__(self, world_size: int) -> None:
        """Start the followers in the placement group of the actor that calls.

        Raises:
            ValueError: its placement group has too few bundles.
        """
        self.world_size, self._has_joined = world_size, False
        group = ray.util.get_current_placement_group()
        bundles = group.bundle_specs if group else []
        if len(bundles) < world_size:
            raise ValueError(
                f"a trial of {world_size} workers needs a placement group of as many bundles, "
                f"but has {len(bundles)}: let TransferTrainable ask for its own resources"
            )
        self._followers = [
            ray.remote(Follower)
            .options(
                num_cpus=bundles[rank].get("CPU", 0),
                num_gpus=bundles[rank].get("GPU", 0),
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, rank),
            )
            .remote(rank, world_size)
            for rank in range(1, world_size)
        ]

    def train(self, root: Path, study: str, job: Job, ticks: Iterator[Tick]) -> Iterator[Tick]:
        """Train a job on all ranks; see ``Ranks.together``.

        A gang that was disbanded stays so, and its process with it: what DeepSpeed holds of the
        broken group cannot be trusted. Tune begins the trial again in another actor.
        """
        self._join()
        prepared = [f.prepare.remote(root, study, job) for f in self._followers]
        next(ticks)  # as far as the followers' own preparation
        _results(prepared)
        with self._beside([f.train.remote() for f in self._followers]):
            yield from ticks

    def _join(self) -> None:
        """Form the process group, once."""
        if self._has_joined:
            return
        from trainables.engine import join_gang, meeting_point

        nodes = _results([f.node.remote() for f in self._followers])
        is_one_node = set(nodes) == {ray.get_runtime_context().get_node_id()}
        host = LOOPBACK if is_one_node else ray.util.get_node_ip_address()
        store = meeting_point(host)
        with self._beside([f.join.remote(host, store.port) for f in self._followers]):
            join_gang(Rank(0, self.world_size), host, host, store.port, store)
        self._has_joined = True

    @contextmanager
    def _beside(self, tasks: list[Any]) -> Iterator[None]:
        """Do rank 0's share of what the followers do, with an eye on them.

        A stop and a loss that is no number reach all ranks alike. After any other error some rank
        may wait in a collective that never ends: the followers are killed, and the gang is lost.
        """
        watch = Watch(tasks, self.disband)
        watch.start()
        try:
            yield
        except NotANumber:
            raise
        except Exception as error:
            cause = watch.failure or _cause(error)
            self.disband()
            raise cause from error
        finally:
            watch.is_over.set()
            watch.join()
        _results(tasks)

    def disband(self) -> None:
        """Kill the followers; whoever calls on them later learns that they are lost."""
        for follower in self._followers:
            ray.kill(follower)


class Watch(Thread):
    """Frees rank 0 from a collective that a follower will never join.

    A follower that raised keeps its connections until it is killed here: the first failure to
    arrive is the cause of what follows from it, unless a process died.
    """

    def __init__(self, tasks: list[Any], disband: Callable[[], None]) -> None:
        super().__init__(name="watch", daemon=True)
        self.failure: Exception | None = None
        """Of the first follower that failed."""
        self.is_over = Event()
        """Set when rank 0 is out of its collectives."""
        self._tasks, self._disband = tasks, disband

    def run(self) -> None:
        """Wait until the followers are through, or one fails."""
        left = self._tasks
        while left and self.failure is None:
            (ended,), left = ray.wait(left)
            self.failure = _failure(ended)
        if self.failure is not None and not self.is_over.is_set():
            self._disband()  # their connections close, which ends a collective over gloo at once
            if not self.is_over.wait(FREE_SECONDS):
                os._exit(1)  # over nccl, or where a node lost its power; Tune tries again


@dataclass(frozen=True, slots=True)
class Lead:
    """Rank 0 of a gang, as the world of one study sees it."""

    gang: Gang
    root: Path
    study: str
    rank: int = 0

    @property
    def world_size(self) -> int:
        """Ranks of the gang, this one included."""
        return self.gang.world_size

    def together(self, job: Job, ticks: Iterator[Tick]) -> Iterator[Tick]:
        """Have the followers train a job as well; see ``Ranks``."""
        return self.gang.train(self.root, self.study, job, ticks)


def _own_address(host: str) -> str:
    """This node's address in the network that rank 0 listens in."""
    return host if host == LOOPBACK else str(ray.util.get_node_ip_address())


def _results(tasks: list[Any]) -> list[Any]:
    """Results of the followers.

    Raises:
        LostRank: one of them is gone.
        Exception: whatever one of them raised.
    """
    for task in tasks:
        if failure := _failure(task):
            raise failure
    return list(ray.get(tasks))


def _failure(task: Any) -> Exception | None:
    """What a follower's task raised, in the words of the process that raised it."""
    try:
        ray.get(task)
    except RayTaskError as error:
        return error.cause if isinstance(error.cause, Exception) else error
    except RayError as error:
        return LostRank(f"a worker of the trial died: {str(error).splitlines()[0]}")
    return None


def _cause(error: Exception) -> Exception:
    """The error itself, or what it means where a collective found nobody at its other end."""
    from trainables.engine import is_lost_connection

    return LostRank(str(error).splitlines()[0]) if is_lost_connection(error) else error
