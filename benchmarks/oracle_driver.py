"""Oracle studies that a plain loop drives through the searcher: no Ray, no training."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from analysis import load_trials, status_text
from analysis.typed import typed_frame
from search.freeze import freeze
from search.room import Room
from search.searcher import StudySearcher
from search.study import open_for_writing, open_target
from search.target_queue import TargetQueue
from spaces.layout import StudyPaths
from spaces.objects import phase_place
from spaces.plan import parse_plan
from spaces.records import TRIAL_COLUMNS
from spaces.settings import Seeds
from spaces.study import SETTING, StudyRecord, read_study
from trainables import TrialRequest, run_trial, world_for

NAME = "orchestration"


def oracle_plan(
    trials: int, targets: tuple[str, ...] = ("xnli", "xcopa"), sampler: str = "tpe"
) -> dict[str, Any]:
    """Some targets, a continuous rate, two trials at a time."""
    return {
        "study": {
            "name": NAME,
            "seed": 1,
            "selection": "held_out_languages",
            "sampler": sampler,
        },
        "targets": {"tasks": list(targets)},
        "data": {"source": "oracle"},
        "budget": {"trials_per_target": trials},
        "resources": {"concurrent_trials": 2},
        "space": {
            "initialisations": ["oracle-text", "oracle-multimodal"],
            "source_languages": [["avel"]],
            "mixture": {
                "tasks": ["nli", "choice"],
                "languages": ["avel", "european", "non_european"],
            },
            "target": {"learning_rates": {"low": 5e-4, "high": 8e-3}},
        },
    }


class Silent:
    """An observer that shows nothing."""

    def asked(self, *_: Any) -> None:
        """Nothing."""

    def held(self, *_: Any) -> None:
        """Nothing."""

    def message(self, *_: Any) -> None:
        """Nothing."""

    def told(self, *_: Any) -> None:
        """Nothing."""


def opened(record: StudyRecord, root: Path) -> StudySearcher:
    """The searcher of a driver that opens a study."""
    storage = open_for_writing(record.plan, StudyPaths(root, record.name))
    queues = [TargetQueue(record, t, open_target(record, t, storage, None)) for t in record.targets]
    room = Room(phase_place(record.plan, root), record)
    room.open(queues)
    return StudySearcher(queues, root, record.name, 2, Silent(), lambda: None, room=room)


class Driven:
    """A study that is driven trial by trial; ``seconds`` is the driver's own CPU time."""

    def __init__(self, plan: dict[str, Any], root: Path) -> None:
        self.record, self.root, self.seconds, self.told = freeze(parse_plan(plan)), root, 0.0, 0
        self.record.write(StudyPaths(root, self.record.name))
        self._searcher = self._timed(opened, self.record, root)
        self._world = world_for(self.record, root)
        typed_frame([], TRIAL_COLUMNS)  # imports pandas, which nobody's memory or time is to hold

    def _timed(self, action: Callable[..., Any], *arguments: Any) -> Any:
        begun = time.process_time()
        result = action(*arguments)
        self.seconds += time.process_time() - begun
        return result

    def run_until(self, told: int) -> None:
        """Run trials until so many were told."""
        while self.told < told:
            config = self._timed(self._searcher.suggest, "trial")
            for message in self._messages(config):
                self._timed(self._searcher.decide, "trial", message)
            self._timed(self._searcher.on_trial_complete, "trial", message)
            self.told += 1

    def _messages(self, config: dict[str, Any]) -> list[dict[str, Any]]:
        """What the oracle says of a trial; a worker's time, not the driver's."""
        request = TrialRequest(
            root=self.root,
            record=self.record,
            target=config["target"],
            setting=SETTING.validate_python(config["setting"]),
            trial_number=config["trial_number"],
            seeds=Seeds(**config["seeds"]),
        )
        return list(run_trial(request, self._world))


def held_mib() -> float:
    """The memory that this process holds, in MiB."""
    return float(psutil.Process().memory_info().rss) / 2**20


def apart(action: Callable[[Path], None], root: Path) -> float:
    """CPU seconds of an action in a copy of this process, whose memory stays what it was."""
    context = multiprocessing.get_context("fork")  # what is imported here is imported there
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_timed, args=(action, root, sending))
    child.start()
    sending.close()
    seconds = float(receiving.recv())
    child.join()
    return seconds


def _timed(action: Callable[[Path], None], root: Path, sending: Connection) -> None:
    begun = time.process_time()
    action(root)
    sending.send(time.process_time() - begun)


def _resume(root: Path) -> None:
    searcher = opened(read_study(root, NAME), root)
    assert isinstance(searcher.suggest("trial"), dict)


def _status(root: Path) -> None:
    assert "executed" in status_text(NAME, root)


def _load(root: Path) -> None:
    assert len(load_trials(NAME, root=root))


ACTIONS: dict[str, Callable[[Path], None]] = {
    "resume": _resume,
    "status": _status,
    "load_trials": _load,
}
