"""When Tune must stop every trial: asked to, out of time, or unable to write."""

import threading
import time
from collections.abc import Callable

from ray import tune

from search.searcher import SessionOnly, StudySearcher


class Stopper(SessionOnly, tune.Stopper):  # type: ignore[misc]  # Ray ships no types
    """Looked at between results, so a trial's heartbeat bounds how long a stop takes."""

    def __init__(
        self,
        searcher: StudySearcher,
        asked: threading.Event,
        wall_hours: float | None,
        arm: Callable[[], None],
    ) -> None:
        """Make a stopper.

        Args:
            searcher: may have reasons of its own.
            asked: set when somebody asked to stop.
            wall_hours: budget of wall time; None for no end.
            arm: called once, at the first look, when Tune certainly runs.
        """
        self._searcher, self._asked, self._arm = searcher, asked, arm
        self._armed = False
        self._until = time.monotonic() + 3600 * wall_hours if wall_hours else None
        self.reason = ""

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """No trial is stopped on its own here."""
        return False

    def stop_all(self) -> bool:
        """Whether the search is over for now."""
        if not self._armed:
            self._arm()
            self._armed = True
        if self._until is not None and time.monotonic() > self._until:
            self.reason = "[budget] wall_hours is spent"
        if self._asked.is_set() and not self._searcher.stop_reason:
            self._searcher.stop_reason = "asked to stop"
        return bool(self.reason or self._searcher.stop_reason)
