"""Trackers that are told of a search beside its own records; none of them can hold it up.

The searcher's observer only puts what happens into queues. A thread for each tracker calls Ray's
logger, and tries again after an outage, which is said once.
"""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from analysis.frames import setting_columns
from analysis.phase_rows import costs, totals
from search.searcher import Message, Observer
from search.target_queue import Asked
from spaces.plan_tracking import TrackingTable

RETRIES = (2.0, 15.0, 60.0)
"""Seconds before something that a tracker did not take is tried again; then it is left out."""

GRACE_SECONDS = 30.0
"""How long a search that has ended waits for its trackers."""

MOST_WAITING = 20_000
"""Entries that wait for a tracker; more are left out."""

Result = dict[str, float]
"""Name of a metric -> its value; ``training_iteration`` is the step, as Ray calls it."""


@dataclass(eq=False)
class Run:
    """A trial as Ray's loggers know trials."""

    name: str
    """``<study>/<target>/<trial number>``: the same whenever a study goes on."""
    config: dict[str, Any]
    """Columns of its setting."""
    local_path: str
    """Where TensorBoard's event files go."""
    is_stopped: bool = False
    """It ended without a result, and will be taken up by a resume."""

    @property
    def trial_id(self) -> str:
        """The name as W&B allows ids: dots for slashes."""
        return self.name.replace("/", ".")

    @property
    def evaluated_params(self) -> dict[str, Any]:
        """What TensorBoard shows as hyperparameters."""
        return self.config

    def init_local_path(self) -> None:
        """Make the folder."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)

    def __str__(self) -> str:
        return self.name


class Logger(Protocol):
    """What is asked of Ray's loggers."""

    def setup(self) -> None:
        """Connect."""

    def log_trial_start(self, trial: Run) -> None:
        """Begin or go on with a run."""

    def log_trial_result(self, iteration: int, trial: Run, result: Result) -> None:
        """Log numbers."""

    def log_trial_end(self, trial: Run, failed: bool = False) -> None:
        """End a run."""


class Tracker:
    """One logger with its queue and its thread."""

    def __init__(self, name: str, make: Callable[[], Logger], say: Callable[[str], None]) -> None:
        """Start the thread.

        Args:
            name: of the tracker, for messages.
            make: makes the logger, which is made and called in the thread alone.
            say: shows a line to the user; called once for all outages, and once at the end.
        """
        self.name, self._make, self._say = name, make, say
        self._logger: Logger | None = None
        self._waiting: queue.Queue[tuple[Run, Result | bool] | None] = queue.Queue(MOST_WAITING)
        self._closing = threading.Event()
        self._begun: set[Run] = set()
        self._has_said = False
        self._given = self._taken = 0
        self._thread = threading.Thread(target=self._work, name=f"tracking-{name}", daemon=True)
        self._thread.start()

    def put(self, run: Run, what: Result | bool) -> None:
        """Numbers of a run, none of one that begins; or its end, True where it failed."""
        self._given += 1
        with suppress(queue.Full):
            self._waiting.put_nowait((run, what))

    def close(self, until: float) -> None:
        """Wait for what is left, each tried once more, to ``time.monotonic() == until``."""
        self._closing.set()
        with suppress(queue.Full):
            self._waiting.put(None, timeout=max(0.0, until - time.monotonic()))
        self._thread.join(max(0.0, until - time.monotonic()))
        if left := self._given - self._taken:
            self._say(f"tracking: {self.name} lacks {left} entries; the study itself lacks none")

    def _work(self) -> None:
        while entry := self._waiting.get():
            self._deliver(*entry)

    def _deliver(self, run: Run, what: Result | bool) -> None:
        """Try until the tracker takes it, or often enough."""
        for pause in (*RETRIES, 0.0):
            try:
                self._log(run, what)
            except BaseException as error:  # a client may also call sys.exit
                self._say_once(error)
                if self._closing.wait(pause):
                    return
            else:
                self._taken += 1
                return

    def _log(self, run: Run, what: Result | bool) -> None:
        logger = self._logger or self._opened()
        if run not in self._begun:
            logger.log_trial_start(run)
            self._begun.add(run)
        if isinstance(what, bool):
            logger.log_trial_end(run, failed=what)
            self._begun.discard(run)
        elif what:
            logger.log_trial_result(0, run, what)

    def _opened(self) -> Logger:
        logger = self._make()
        logger.setup()
        self._logger = logger
        return logger

    def _say_once(self, error: BaseException) -> None:
        if not self._has_said:
            self._has_said = True
            cause = (str(error).splitlines() or [""])[0]
            self._say(
                f"tracking: {self.name} does not answer ({type(error).__name__}: {cause}); "
                "the search goes on, and this is said once"
            )


class Tracking:
    """Hears the searcher and tells each tracker: reports and ends, not every heartbeat."""

    def __init__(self, trackers: Sequence[Tracker], study: str, folder: Path) -> None:
        self._trackers, self._study, self._folder = trackers, study, folder
        self._runs: dict[str, Run] = {}

    def asked(self, asked: Asked) -> None:
        """A trial starts, or goes on."""
        name = f"{self._study}/{asked.target}/{asked.number}"
        path = self._folder / asked.target / str(asked.number)
        self._runs[asked.name] = Run(name, _params(self._study, asked), str(path))
        self._put(asked, {})

    def held(self, count: int) -> None:
        """Nothing: a run begins when its trial does."""

    def message(self, asked: Asked, message: Message) -> None:
        """A trial said something."""
        if message.get("event") == "report":
            numbers = {"report": message["value"], "training_iteration": message["step"]}
            self._put(asked, numbers)

    def told(self, asked: Asked, state: str, message: Message) -> None:
        """A trial ended; one that was only stopped will go on."""
        if state == "COMPLETE":
            self._put(asked, final_numbers(message, _steps(asked)))
        self._runs[asked.name].is_stopped = state == "RUNNING"
        self._put(asked, state == "FAIL")
        del self._runs[asked.name]

    def _put(self, asked: Asked, what: Result | bool) -> None:
        for tracker in self._trackers:
            tracker.put(self._runs[asked.name], what)


def _params(study: str, asked: Asked) -> dict[str, Any]:
    """Columns of a trial that are known when it starts; those that it lacks are left out."""
    columns = {
        "study": study,
        "target": asked.target,
        "trial_number": asked.number,
        "replicate": asked.replicate,
        "setting_id": asked.setting.setting_id,
        "arm": asked.setting.arm,
        **setting_columns(asked.setting),
    }
    return {name: value for name, value in columns.items() if value is not None}


def _steps(asked: Asked) -> int:
    """The step of a trial's last report: the end of its target phase."""
    return asked.setting.target.steps if asked.setting.target else 0


def final_numbers(message: Message, step: int) -> Result:
    """What is logged of a trial's score: itself, by language, and what the trial executed."""
    record = json.loads(message["record"])
    reported = record["reported_score"]
    executed = totals(costs(phase) for phase in record["phases"] if not phase["hit"])
    return {
        "score": message["score"],
        **({} if reported is None else {"reported_score": reported}),
        **{f"score/{language}": v for language, v in language_scores(record["scores"]).items()},
        **executed,
        "training_iteration": step,
    }


def language_scores(scores: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Language -> its score in points over all items, or over the half that was scored."""
    found: dict[str, dict[bool, list[float]]] = {}
    for score in scores:
        of_language = found.setdefault(score["language"], {True: [], False: []})
        of_language[score["items"] == "all"].append(score["value"])
    return {language: fmean(of[True] or of[False]) for language, of in found.items()}


class Observers:
    """Several that are told what happens."""

    def __init__(self, *observers: Observer) -> None:
        self.observers = observers

    def asked(self, asked: Asked) -> None:
        """A trial starts."""
        for observer in self.observers:
            observer.asked(asked)

    def held(self, count: int) -> None:
        """So many trials are held back."""
        for observer in self.observers:
            observer.held(count)

    def message(self, asked: Asked, message: Message) -> None:
        """A trial said something."""
        for observer in self.observers:
            observer.message(asked, message)

    def told(self, asked: Asked, state: str, message: Message) -> None:
        """A trial ended."""
        for observer in self.observers:
            observer.told(asked, state, message)


@contextmanager
def tracked(
    table: TrackingTable, study: str, folder: Path, say: Callable[[str], None]
) -> Iterator[Observer]:
    """Trackers of a plan while its search runs; what they did not take in time is counted.

    Args:
        table: ``[tracking]`` of the plan.
        study: its name.
        folder: the study's.
        say: shows a line to the user.
    """

    def open_logger(name: str) -> Logger:
        from search import loggers  # in the tracker's thread: clients take seconds to import

        logger: Logger = loggers.open_logger(name, table, study, folder)
        return logger

    def say_safely(text: str) -> None:
        for secret in table.secrets:
            text = text.replace(secret, "***")
        say(text)

    trackers = [Tracker(name, partial(open_logger, name), say_safely) for name in table.names]
    try:
        yield Tracking(trackers, study, folder / "tensorboard") if trackers else Observers()
    finally:
        until = time.monotonic() + GRACE_SECONDS
        for tracker in trackers:
            tracker.close(until)
