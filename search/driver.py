"""One search: from a plan or a study's name to told trials; start and resume alike."""

import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd
from rich.console import Console
from rich.text import Text

from analysis import load_trials, status_text
from analysis.frames import typed_frame
from search.cluster import ray_cluster
from search.freeze import freeze
from search.lease import DriverLease
from search.study import frozen_commits, open_for_writing, open_target, reconcile
from spaces.layout import StudyPaths
from spaces.mistakes import Mistake, PlanError
from spaces.plan import Plan, load_plan
from spaces.records import TRIAL_COLUMNS
from spaces.study import StudyRecord, read_study

DEFAULT_ROOT = Path("runs")
WORKER_DEATHS_FORGIVEN = 3


@dataclass(slots=True)
class Search:
    """A search that runs or has run."""

    record: StudyRecord
    root: Path
    console: Console = field(default_factory=Console)
    address: str | None = None
    quiet: bool = False
    text: str = ""
    """The plan as its author wrote it; kept for people, never read."""
    reason: str = ""
    """Why the search ended before its budget was spent; empty when it finished."""
    error: BaseException | None = None
    ended: bool = False
    """Whether ``run`` has returned: what is asked afterwards changes nothing."""
    _asked_to_stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def paths(self) -> StudyPaths:
        """Paths of the study."""
        return StudyPaths(self.root, self.record.name)

    @property
    def finished(self) -> bool:
        """Whether the whole budget was spent."""
        return not self.reason and self.error is None and not self.is_running

    @property
    def is_running(self) -> bool:
        """Whether it still runs in the background."""
        return self._thread is not None and self._thread.is_alive()

    def say(self, text: str) -> None:
        """A line for the user, unless the search is quiet."""
        if not self.quiet:
            self.console.print(Text(text), soft_wrap=True)

    def status(self) -> str:
        """Where the study stands, as text."""
        if not self.paths.record.exists():
            return f"study {self.record.name}: starting"
        return status_text(self.record.name, self.root)

    def trials(self) -> pd.DataFrame:
        """One row per trial, also while the search runs."""
        if not self.paths.record.exists():
            return typed_frame([], TRIAL_COLUMNS)
        return load_trials(self.record.name, root=self.root)

    def stop(self, reason: str = "stopped") -> None:
        """Checkpoint and stop; trials in training are taken up by the next ``resume``."""
        if self.ended:
            return
        self.reason = self.reason or reason
        self._asked_to_stop.set()

    def wait(self) -> "Search":
        """Return when a background search has ended; raises what it raised."""
        if self._thread is not None:
            self._thread.join()
        if self.error is not None:
            raise self.error
        return self

    def run(self) -> "Search":
        """Drive the study to the end of its budget, or until it is stopped."""
        lease = DriverLease(self.paths.lease)
        lease.acquire(waiting=self.say)
        try:
            self.paths.stop.unlink(missing_ok=True)  # of a driver that died while it stopped
            self._drive(lease)
        finally:
            if lease.is_mine():
                self.paths.stop.unlink(missing_ok=True)
            lease.release()
            self.ended = True
        return self

    def run_in_background(self) -> "Search":
        """Drive the study in a thread."""

        def body() -> None:
            try:
                self.run()
            except BaseException as error:
                self.error = error

        self._thread = threading.Thread(target=body, name="search", daemon=True)
        self._thread.start()
        return self

    def _drive(self, lease: DriverLease) -> None:
        from search.target_queue import TargetQueue  # heavy (Optuna's samplers), like Ray below

        with ray_cluster(self.record.plan, self.address):  # first: it may refuse
            storage = open_for_writing(self.record.plan, self.paths)
            grown = self._keep_record()
            queues = [
                TargetQueue(self.record, t, open_target(self.record, t, storage, grown))
                for t in self.record.plan.targets.tasks
            ]
            self.record.write(self.paths)  # the copied generation is current from here on
            self._tune(queues, lease)

    def _keep_record(self) -> int | None:
        """Write down what a new study froze; the generation to copy from where the space grew."""
        if self.text and not self.paths.plan.exists():
            self.paths.plan.write_text(self.text, encoding="utf-8")
        if not self.paths.record.exists():
            self.record.write(self.paths)
        stored = read_study(self.root, self.record.name).generation
        return stored if stored != self.record.generation else None

    def _tune(self, queues: list[Any], lease: DriverLease) -> None:
        # Ray reads its environment when it is imported, and ``ray_cluster`` has just set it.
        from ray import tune

        from search.progress import Progress
        from search.searcher import Pruning, StudySearcher
        from search.stopper import Stopper
        from trainables.transfer import TransferTrainable

        plan = self.record.plan
        with Progress(queues, self.console, self.quiet) as progress:
            progress.opening(queues)
            searcher = StudySearcher(
                queues,
                root=self.root,
                study=self.record.name,
                concurrent=plan.resources.concurrent_trials,
                observer=progress,
                guard=lease.check,
            )
            with _signals(self) as arm:
                stopper = Stopper(
                    searcher,
                    marker=self.paths.stop,
                    may_mark=lease.is_mine,
                    asked=self._asked_to_stop,
                    wall_hours=plan.budget.wall_hours,
                    arm=arm,
                )
                tune.Tuner(
                    TransferTrainable,
                    tune_config=tune.TuneConfig(
                        search_alg=searcher,
                        scheduler=Pruning(searcher),
                        num_samples=-1,
                        reuse_actors=True,
                        trial_name_creator=_trial_name,
                        trial_dirname_creator=_trial_name,
                    ),
                    run_config=tune.RunConfig(
                        # A new folder each session: Ray's state is never restored from.
                        name=f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}",
                        storage_path=str(self.paths.ray),
                        verbose=0,
                        stop=stopper,
                        failure_config=tune.FailureConfig(max_failures=WORKER_DEATHS_FORGIVEN),
                    ),
                ).fit()
        self.reason = self.reason or searcher.stop_reason
        if not self.reason and not searcher.is_finished:
            self.reason = "Ray Tune ended the run before the budget was spent; see its log"


def _trial_name(trial: Any) -> str:
    """Names Ray's trial folder; unique, because a study may adopt a trial again."""
    return f"{trial.config['target']}-{trial.config['trial_number']}-{trial.trial_id}"


@contextmanager
def _signals(search: Search) -> Iterator[Callable[[], None]]:
    """Ctrl-C, SIGTERM and SIGUSR1 stop the search softly; a second Ctrl-C ends it at once.

    Yields a function that takes the signals; it must be called once Tune runs, because Tune takes
    SIGUSR1 for itself when it starts.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def soft(number: int, _: FrameType | None) -> None:
        if search.reason and number == signal.SIGINT:
            os._exit(130)
        name = signal.Signals(number).name
        search.say(f"{name}: checkpointing and stopping (Ctrl-C again ends at once)")
        search.stop(f"stopped by {name}")

    def arm() -> None:
        for number in before:
            signal.signal(number, soft)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    arm()
    try:
        yield arm
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def prepare(
    plan: Plan | Path | str, root: Path | str = DEFAULT_ROOT
) -> tuple[StudyRecord, list[str]]:
    """A plan checked, frozen and compared with what its study already holds. Writes nothing.

    Returns:
        The record to run with, and one line for each way in which the space grew.

    Raises:
        PlanError: with every mistake.
        NotBrought: the hub does not give what is not in its cache.
        StoreError: the study's record cannot be read.
    """
    loaded = plan if isinstance(plan, Plan) else load_plan(plan)
    commits: dict[str, str] = {}
    with suppress(PlanError):  # a root that cannot be is told after what is wrong with the plan
        commits = frozen_commits(store_root(loaded, root), loaded.study.name)
    return reconcile(freeze(loaded, commits), store_root(loaded, root))


def store_root(plan: Plan, root: Path | str) -> Path:
    """The root a plan uses, absolute: workers have other current folders than the driver."""
    given = str(plan.store.url or root)
    if re.match(r"^[A-Za-z][A-Za-z0-9+.-]+:/", given):
        rule = "a folder on a local or shared POSIX disk; object stores are not supported yet"
        raise PlanError("root", [Mistake("--root or [store] url", repr(given), rule)])
    try:
        path = Path(given).expanduser().absolute()
        with suppress(FileNotFoundError):  # it may be new
            next(path.iterdir(), None)
    except (RuntimeError, OSError, ValueError) as error:  # no such home; a file; a name too long
        rule = f"a folder that is there or can be made: {error}"
        raise PlanError("root", [Mistake("--root or [store] url", repr(given), rule)]) from None
    return path


def start(
    plan: Plan | Path | str,
    root: Path | str = DEFAULT_ROOT,
    *,
    wait: bool = True,
    address: str | None = None,
    quiet: bool = False,
    console: Console | None = None,
    text: str = "",
) -> Search:
    """Start a search; an existing study with an equal plan is resumed.

    Args:
        plan: a plan, or the path of one.
        root: holds studies and phases; a local or shared disk.
        wait: return when the search has ended; else at once, with the search in a thread.
        address: of a running Ray cluster; one of our own where it is left out.
        quiet: print nothing.
        console: where progress goes.
        text: the plan as its author wrote it, kept beside the study for people.

    Raises:
        PlanError: the plan has mistakes, or another study has its name.
        LeaseHeld: another driver runs this study.
    """
    record, growth = prepare(plan, root)
    loaded_root = store_root(record.plan, root)
    search = Search(record, loaded_root, console or Console(), address, quiet)
    for line in growth:
        search.say(f"the space grows: {line}")
    if not text and not isinstance(plan, Plan):
        text = Path(plan).read_text(encoding="utf-8")
    search.text = text
    return search.run() if wait else search.run_in_background()


def resume(
    study: str,
    root: Path | str = DEFAULT_ROOT,
    *,
    wait: bool = True,
    address: str | None = None,
    add_trials: int = 0,
    quiet: bool = False,
    console: Console | None = None,
) -> Search:
    """Go on with a study where it was left.

    Args:
        study: its name.
        root: holds it.
        add_trials: raise the budget by so many trials per target.
        wait: as for ``start``, like the other arguments.
        address: of a running Ray cluster.
        quiet: print nothing.
        console: where progress goes.

    Raises:
        StoreError: no such study.
        PlanError: rows or checkpoints changed since it was frozen.
    """
    plan = read_study(Path(root), study).plan
    if add_trials:
        trials = plan.budget.trials_per_target + add_trials
        budget = plan.budget.model_copy(update={"trials_per_target": trials})
        plan = plan.model_copy(update={"budget": budget})
    return start(plan, root, wait=wait, address=address, quiet=quiet, console=console)
