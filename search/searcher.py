"""Optuna's studies as a Ray Tune searcher, and the scheduler that prunes.

Tune asks, this hands out; Tune reports an end, this tells. Its only state is the storage: ``save``
writes nothing, and a new searcher on the same storage goes on where the last one died.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

from optuna.exceptions import StorageInternalError
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.deadline import NO_END, Deadline
from search.holding import Holding
from search.lease import LeaseLost
from search.room import Room, Unwatched, is_full
from search.target_queue import Asked, TargetQueue, fullest_last
from spaces.places import Disk
from trainables.transfer import trial_config

Message = dict[str, Any]

UNWRITABLE = (OSError, LeaseLost, StorageInternalError)
"""A full disk, another driver, a database that went away: not the setting's fault, and no trial is
told anything; the search stops, and a resume takes its open trials up."""


class SessionOnly:
    """Belongs to one session.

    Tune pickles and copies what it is given; this stays what it is, and an unpickled one would be
    empty, because no session is ever restored from Ray's folder.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The very object."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Nothing is kept."""
        return {}


class Observer(Protocol):
    """Told what happens, for progress."""

    def asked(self, asked: Asked) -> None:
        """A trial starts."""

    def held(self, count: int) -> None:
        """So many trials are asked and held back now."""

    def message(self, asked: Asked, message: Message) -> None:
        """A trial said something."""

    def told(self, asked: Asked, state: str, message: Message) -> None:
        """A trial ended."""


class StudySearcher(SessionOnly, Searcher):  # type: ignore[misc]  # Ray ships no types
    """Hands out the trials of all targets, holding back those whose phase is being trained."""

    def __init__(
        self,
        queues: list[TargetQueue],
        root: Path,
        study: str,
        concurrent: int,
        observer: Observer,
        guard: Callable[[], None],
        deadline: Deadline = NO_END,
        starts: int = 1,
        room: Room | None = None,
    ) -> None:
        """Make a searcher.

        Args:
            queues: one per target.
            root: holds the study.
            study: name of the study.
            concurrent: most trials at once.
            observer: told what happens.
            guard: called before anything is told; raises when the lease is lost.
            deadline: of this session; no phase begins that cannot reach a checkpoint before it.
            starts: initialisations of the plan; those that are not there yet begin first.
            room: pins what trials need, and evicts what nobody does.
        """
        super().__init__()
        self._queues, self._root, self._study = queues, root, study
        self._concurrent, self._observer, self._guard = concurrent, observer, guard
        self._deadline, self._room = deadline, room or Unwatched(Disk(root))
        self._live: dict[str, Asked] = {}
        self._holding, self._ahead = Holding(root, self._room.place), starts
        self._pruned: dict[str, int] = {}
        self.stop_reason = ""
        """Why the search must stop before its budget is spent; empty while it may go on."""

    # -- what Tune calls --------------------------------------------------------------------------

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A trial to run, ``FINISHED``, or None when nothing can run now."""
        if self.stop_reason:
            return None if self._live else Searcher.FINISHED
        if len(self._live) >= self._concurrent:
            return None
        try:
            self._guard()
            asked = self._runnable()
            self._room.hold([*self._open, *([asked] if asked else [])])
            self._holding.note(running=asked)
            self._observer.held(len(self._holding.trials))
            if asked is None:
                if self._is_out_of_time:
                    self.stop_reason = self._deadline.reason
                return Searcher.FINISHED if self.is_finished else None
            self._observer.asked(asked)
        except UNWRITABLE as error:
            self._stop_at(error)
            return None
        self._live[trial_id] = asked
        named = (asked.target, asked.setting, asked.number, asked.seeds)
        return trial_config(self._root, self._study, *named, self._deadline.latest)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing: ``decide`` hears every message before Tune does."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the study how a trial ended; one that was only stopped stays open."""
        asked = self._live.pop(trial_id, None)
        if asked is None:
            return
        message = result or {}
        try:
            self._guard()
            state = self._tell(trial_id, asked, message, error)
            self._observer.told(asked, state, message)
            self._room.told(asked, state, message, self._open)
        except UNWRITABLE as failure:
            self._stop_at(failure)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the storage is the truth."""
        Path(checkpoint_path).write_text("{}")

    def restore(self, checkpoint_path: str) -> None:
        """Never used: a new session makes a new searcher."""

    # -- what happens inside ----------------------------------------------------------------------

    @property
    def is_finished(self) -> bool:
        """Whether every trial of the budget was told."""
        idle = not self._live and not self._holding.trials
        return idle and all(queue.is_exhausted for queue in self._queues)

    @property
    def _open(self) -> list[Asked]:
        """Trials that were asked and not told: running and held back ones."""
        return [*self._live.values(), *self._holding.trials]

    def _runnable(self) -> Asked | None:
        """A trial that may begin: its phases are free, and there is time for the first of them."""
        self._look_ahead()
        busy = {key for asked in self._live.values() for key in self._holding.missing(asked)}
        if held := self._holding.release(lambda asked: self._may_begin(asked, busy)):
            return held
        for queue in fullest_last(self._queues):
            # Held trials are asked and count in the budget; a few are enough to fill the slots.
            while len(self._holding.trials) < 2 * self._concurrent and (fresh := queue.next()):
                if self._may_begin(fresh, busy):
                    return fresh
                self._holding.add(fresh)
        return None

    def _look_ahead(self) -> None:
        """Ask for the trials that open a study: all its initialisations can begin side by side.

        They are fixed baselines, one for each initialisation, so it does not matter when they are
        asked. The first that misses no initialisation ends this.
        """
        queues = fullest_last(self._queues) if self._ahead else []
        while self._ahead:
            fresh = queues[0].next()
            opens = fresh is not None and bool(self._holding.misses_start(fresh))
            self._ahead = self._ahead - 1 if opens else 0
            if fresh is not None:
                self._holding.add(fresh)

    def _may_begin(self, asked: Asked, busy: set[str]) -> bool:
        """Whether nobody trains a phase that a trial lacks, and there is time for the first."""
        return self._holding.is_free(asked, busy) and self._has_time(asked)

    def _has_time(self, asked: Asked) -> bool:
        missing = self._holding.missing(asked)
        first = next((phase.kind for phase in asked.phases if phase.key in missing), "")
        return self._deadline.allows(first)

    @property
    def _is_out_of_time(self) -> bool:
        """Whether nothing runs, and nothing that waits can begin before the deadline."""
        waits = bool(self._holding.trials) and not self._live
        return waits and not any(map(self._has_time, self._holding.trials))

    def _stop_at(self, error: BaseException) -> None:
        """Stop softly at an error of the storage; its cause says more than Optuna's own words."""
        cause = str(error.__cause__ or error).partition("\n")[0]
        reason = f"the study cannot be written: {cause}"
        if is_full(error.__cause__ or error):
            reason = self._room.why(reason)
        self.stop_reason = self.stop_reason or reason

    def decide(self, trial_id: str, message: Message) -> bool:
        """Hear a message of a trial; True when the trial should be pruned."""
        asked = self._live.get(trial_id)
        if asked is None:
            return False
        self._observer.message(asked, message)
        if message.get("event") != "report":
            return False
        try:
            prune = asked.queue.should_prune(asked, message["step"], message["value"])
        except UNWRITABLE as error:
            self._stop_at(error)
            return False
        if prune:
            self._pruned[trial_id] = message["step"]
        return prune

    def _tell(self, trial_id: str, asked: Asked, message: Message, error: bool) -> str:
        """Book a trial's end; returns its state."""
        event = message.get("event")
        if event == "final":
            record = json.loads(message["record"])
            self._deadline.book(record["phases"])
            asked.queue.complete(asked, message["score"], record)
            return "COMPLETE"
        if event == "failed" or error:
            reason = message.get("reason") or "its worker died again and again; see Ray's log"
            asked.queue.fail(asked, reason)
            return "FAIL"
        if trial_id in self._pruned:
            asked.queue.prune(asked, self._pruned.pop(trial_id))
            return "PRUNED"
        if event == "postponed":  # the others go on until the deadline
            self._holding.add(asked)
            return "RUNNING"
        if event == "stopped" and message.get("full_disk"):
            if not self._room.make_room():
                self.stop_reason = self.stop_reason or self._room.why(message["reason"])
        elif event == "stopped":
            self.stop_reason = self.stop_reason or message["reason"]
        asked.queue.put_back(asked)
        return "RUNNING"


class Pruning(SessionOnly, FIFOScheduler):  # type: ignore[misc]  # Ray ships no types
    """Passes every message to the searcher and stops what it prunes."""

    def __init__(self, searcher: StudySearcher) -> None:
        super().__init__()
        self._searcher = searcher

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Stop or go on."""
        prune = self._searcher.decide(trial.trial_id, result)
        return str(TrialScheduler.STOP if prune else TrialScheduler.CONTINUE)
