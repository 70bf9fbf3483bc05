"""Who executes a phase: a lease in its folder, so that no two processes train the same.

A lease lost or broken costs work that is done twice, never a wrong result: publishing is exclusive.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from spaces.layout import PhasePaths
from spaces.leases import Lease, LeaseHeld, Watch
from spaces.processes import Owner

LOOK_SECONDS = 0.5
"""How often a searcher looks again at the lease of a phase."""


class PhaseLease:
    """One process's turn at a phase."""

    def __init__(self, root: Path, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        path = PhasePaths(root, key).lease
        self._lease, self._watch = Lease(path), Watch(path, clock=clock)

    def taken_by(self) -> Owner | None:
        """Take the turn unless another process has it: that one, or None where it is ours now.

        A process does not wait for itself: of two trials that it runs in turns, one would for ever.

        Raises:
            OSError: nothing can be written under the root.
        """
        if (owner := self._watch.holder()) is not None:
            return None if owner == Owner.me() else owner
        with suppress(LeaseHeld):
            self._lease.take(self._watch.held)
            return None
        return self._watch.holder() or Owner.me()

    def __enter__(self) -> Self:
        """The turn is ours."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the next one have it."""
        with suppress(OSError):  # what matters is told where results are written
            self._lease.release()


class Elsewhere:
    """Which phases other processes execute, as one observer sees them."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._root, self._clock = root, clock
        self._watched: dict[str, tuple[Watch, float]] = {}

    def among(self, keys: Iterable[str]) -> set[str]:
        """Those of some keys whose phase another process executes, and lives."""
        return {key for key in keys if self._is_executed(key)}

    def _is_executed(self, key: str) -> bool:
        now = self._clock()
        watch, looked = self._watched.get(key) or (self._watch(key), -LOOK_SECONDS)
        if now - looked < LOOK_SECONDS:
            return True  # only what was executed then is remembered
        if watch.holder() is None:
            self._watched.pop(key, None)
            return False
        self._watched[key] = (watch, now)
        return True

    def _watch(self, key: str) -> Watch:
        return Watch(PhasePaths(self._root, key).lease, clock=self._clock)
