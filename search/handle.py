"""A study that is driven: its handle, from an open storage to told trials."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.text import Text

from analysis import load_trials, status_text
from analysis.typed import typed_frame
from analysis.wording import look_words
from search.cluster import ray_cluster
from search.deadline import Deadline
from search.lease import DriverLease
from search.probe import probe_nodes
from search.signals import soft_stops
from search.study import open_for_writing, open_target
from spaces.layout import StudyPaths
from spaces.looks import log_look, look_of
from spaces.objects import phase_place
from spaces.records import TRIAL_COLUMNS
from spaces.study import StudyRecord, read_study

if TYPE_CHECKING:
    from search.room import Room

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
        from search.room import Room, is_full  # heavy (Optuna's samplers), like Ray below

        room = Room(phase_place(self.record.plan, self.root), self.record, self.say)
        for is_last in (False, True):  # to start again is to go on
            try:
                self._run(room)
                break
            except OSError as error:
                if not is_full(error):
                    raise
                if is_last or not room.make_room():
                    if not self.paths.record.exists():
                        raise  # there is no study yet that could go on
                    self.reason = room.why(error)
                    break
        return self

    def _run(self, room: "Room") -> None:
        """Drive the study while the lease is held."""
        lease = DriverLease(self.paths.lease)
        lease.acquire(waiting=self.say)
        try:
            self.paths.stop.unlink(missing_ok=True)  # of a driver that died while it stopped
            self._drive(lease, room)
        finally:
            if lease.is_mine():
                self.paths.stop.unlink(missing_ok=True)
            lease.release()
            self.ended = True

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

    def _drive(self, lease: DriverLease, room: "Room") -> None:
        from search.offers import offers_of  # heavy (Optuna's samplers), like Ray below
        from search.target_queue import TargetQueue

        with (
            soft_stops(self) as arm,
            ray_cluster(self.record.plan, self.address) as ray,  # before the study: it may refuse
        ):
            arm()
            for line in probe_nodes(ray, self.record.plan, self.paths.folder, self.address):
                self.say(line)
            storage = open_for_writing(self.record.plan, self.paths, room.make_room)
            grown = self._keep_record()
            studies = {t: open_target(self.record, t, storage, grown) for t in self.record.targets}
            offers = offers_of(self.record, studies)
            queues = [TargetQueue(self.record, t, s, offers) for t, s in studies.items()]
            self.record.write(self.paths)  # the copied generation is current from here on
            self._log_look([queue.target for queue in queues if not queue.is_exhausted])
            room.open(queues)
            if not self._asked_to_stop.is_set():
                self._tune(queues, lease, room, arm)
            room.close()

    def _log_look(self, targets: list[str]) -> None:
        """Before a confirmation's trials can read test rows, write down that they will."""
        if self.record.confirms and targets:
            path = StudyPaths(self.root, self.record.confirms.of).looks
            look = look_of(self.record, targets)
            log_look(path, look)
            self.say(f"{path}: {look_words(look)}")

    def _keep_record(self) -> int | None:
        """Write down what a new study froze; the generation to copy from where the space grew."""
        if self.text and not self.paths.plan.exists():
            self.paths.plan.write_text(self.text, encoding="utf-8")
        if not self.paths.record.exists():
            self.record.write(self.paths)
        stored = read_study(self.root, self.record.name).generation
        return stored if stored != self.record.generation else None

    def _deadline(self, queues: list[Any]) -> Deadline:
        """When this session ends, with what earlier ones tell of how long phases last."""
        deadline = Deadline.of(self.record.plan)
        for queue in queues:
            for trial in queue.trials():
                deadline.book(trial.user_attrs.get("record", {}).get("phases", ()))
        return deadline

    def _tune(
        self, queues: list[Any], lease: DriverLease, room: "Room", arm: Callable[[], None]
    ) -> None:
        # Ray reads its environment when it is imported, and ``ray_cluster`` has just set it.
        from ray import tune

        from search.progress import Progress
        from search.searcher import Pruning, StudySearcher
        from search.stopper import Stopper
        from search.tracking import Observers, tracked
        from trainables.transfer import TransferTrainable

        plan, deadline = self.record.plan, self._deadline(queues)
        where = (plan.tracking, self.record.name, self.paths.folder)
        with (
            Progress(queues, self.console, self.quiet) as progress,
            tracked(*where, progress.say) as tracking,
        ):
            progress.opening(queues)
            searcher = StudySearcher(
                queues,
                root=self.root,
                study=self.record.name,
                concurrent=plan.resources.concurrent_trials,
                observer=Observers(progress, tracking),
                guard=lease.check,
                deadline=deadline,
                starts=len(plan.space.initialisations),
                room=room,
            )
            stopper = Stopper(
                searcher,
                marker=self.paths.stop,
                may_mark=lease.is_mine,
                asked=self._asked_to_stop,
                deadline=deadline,
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
