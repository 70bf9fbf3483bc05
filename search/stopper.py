"""When a search must stop softly: asked to, out of time, or unable to write."""

import threading
from collections.abc import Callable
from pathlib import Path

from ray import tune

from search.deadline import Deadline
from search.searcher import SessionOnly, StudySearcher


class Stopper(SessionOnly, tune.Stopper):  # type: ignore[misc]  # Ray ships no types
    """Looked at in each round of Tune's loop; asks the trials to end, and lets Tune run out.

    Tune's own way to stop kills a trial after five seconds, so it is only the last resort.
    """

    def __init__(
        self,
        searcher: StudySearcher,
        marker: Path,
        may_mark: Callable[[], bool],
        asked: threading.Event,
        deadline: Deadline,
        arm: Callable[[], None],
    ) -> None:
        """Make a stopper.

        Args:
            searcher: may have reasons of its own to stop, and is told ours.
            marker: the file that asks every trial to checkpoint and end.
            may_mark: false once another driver has the study: the mark would stop its trials.
            asked: set when somebody asked to stop.
            deadline: when the session must end.
            arm: called once, at the first look, when Tune certainly runs.
        """
        self._searcher, self._marker, self._asked, self._arm = searcher, marker, asked, arm
        self._may_mark, self._deadline = may_mark, deadline
        self._armed = self._marked = False

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """No trial is stopped on its own here."""
        return False

    def stop_all(self) -> bool:
        """False: the trials end themselves. True when they cannot be asked."""
        if not self._armed:
            self._arm()
            self._armed = True
        reason = self._searcher.stop_reason or self._reason()
        if not reason or self._marked:
            return False
        self._searcher.stop_reason = reason
        try:
            if not self._may_mark():
                return True
            self._marker.touch()
        except OSError:
            return True
        self._marked = True
        return False

    def _reason(self) -> str:
        if self._deadline.is_over:
            return f"{self._deadline.source} is spent"
        return "asked to stop" if self._asked.is_set() else ""
