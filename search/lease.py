"""One driver per study: a lease in the study's folder, with takeover when its owner is gone."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from spaces.leases import STALE_SECONDS, Lease, LeaseHeld, Watch

__all__ = ["DriverLease", "LeaseHeld", "LeaseLost"]


class LeaseLost(RuntimeError):
    """Another driver took this study over while we still ran."""


class DriverLease(Lease):
    """Held while a driver runs; whoever publishes asks ``check`` first."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._made: list[Path] = []

    def acquire(
        self, waiting: Callable[[str], None] = print, patience: float = STALE_SECONDS
    ) -> None:
        """Take the lease.

        Args:
            waiting: told, every few seconds, what is waited for.
            patience: seconds without a change after which another machine's lease is abandoned.

        Raises:
            LeaseHeld: its owner lives.
        """
        held = self._judged(waiting, patience)
        parents = (self._path.parent, *self._path.parents[1:3])
        self._made = [folder for folder in parents if not folder.exists()]
        self.take(held)

    def _judged(self, waiting: Callable[[str], None], patience: float) -> dict[str, Any] | None:
        """The lease of an owner that is gone, or None where there is none; raise when it lives."""
        watch = Watch(self._path, patience)
        while (owner := watch.holder()) is not None:
            if owner.is_here:
                raise LeaseHeld(
                    f"{owner} drives this study\n  wait for it, or stop it (Ctrl-C or SIGTERM), "
                    "then call again"
                )
            if watch.stirred:
                raise LeaseHeld(f"{owner} drives this study and is alive: stop it there first")
            left = watch.seconds_left
            waiting(f"{owner} holds the lease; taken over in {left:.0f} s unless it stirs")
            time.sleep(max(0.0, min(5.0, left, patience / 4)))
        return watch.held

    def check(self) -> None:
        """Refuse to publish with a lost lease.

        Raises:
            LeaseLost: another driver took over.
        """
        if not self.is_mine():
            raise LeaseLost(f"another driver took over {self._path.parent.name!r}; this one stops")

    def release(self) -> None:
        """Give the lease back; the next driver need not wait."""
        super().release()
        with suppress(OSError):  # a refused start leaves no empty folders behind
            for folder in self._made:
                folder.rmdir()
