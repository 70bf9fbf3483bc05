"""Leases: files that name the process which holds something, and that change while it lives.

A driver holds one of its study (``search/lease.py``), whoever executes a phase one of its key
(``trainables/phase_lease.py``). A lease saves work and keeps order; what must never go wrong rests
on exclusive creation where results are published, because a holder that slept may wake up.
"""

import errno
import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from spaces.layout import read_json, write_json
from spaces.processes import Owner

BEAT_SECONDS = 5.0
"""The owner renews its lease this often."""

STALE_SECONDS = 60.0
"""A lease of another machine that does not change for this long, on our own clock, is abandoned."""

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What file systems without hard links answer."""


class LeaseHeld(RuntimeError):
    """Another process holds the lease, or was faster."""


class Lease:
    """One process's hold on a file.

    Each holder has an epoch. The right to write epoch N + 1 is the exclusive creation of a claim
    file, so of two processes that take over at once one wins.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._beat = path, 0
        self._owner, self._epoch = Owner.me(), 0
        self._token = uuid.uuid4().hex  # an epoch may come again once a lease was given back
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, judged: dict[str, Any] | None) -> None:
        """Take the lease, and renew it from now on.

        Args:
            judged: the state of the file that was found to be abandoned; None where there was none.

        Raises:
            LeaseHeld: another process was faster.
        """
        self._epoch = (judged["epoch"] if judged else 0) + 1
        self._claim()
        try:
            if _who(read_json(self._path)) != _who(judged):
                raise LeaseHeld(f"another process took over {self._path.parent.name!r} before us")
            self._write()
        finally:  # whoever claims this epoch from now on finds the lease, and is too late
            self._claim_path().unlink(missing_ok=True)
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def _claim(self) -> None:
        """Win the right to this epoch, passing over claims whose claimant died."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        mine = self._path.with_name(f".{self._path.name}.{self._token}")
        write_json(mine, {"owner": self._owner.to_json()})
        try:
            while not self._claimed(mine):
                self._epoch += 1
        finally:
            mine.unlink(missing_ok=True)

    def _claimed(self, mine: Path) -> bool:
        """True when this epoch is ours; False when a dead process had claimed it."""
        claim = self._claim_path()
        with suppress(FileExistsError):
            _link(mine, claim)  # exclusive, and the claimant's name is there from the start
            return True
        values = read_json(claim)
        if values is None or Owner.from_json(values["owner"]).is_gone:
            return False
        try:
            if time.time() - claim.stat().st_mtime > STALE_SECONDS:
                return False  # another machine's claimant, dead between its claim and its lease
        except FileNotFoundError:
            return False  # given back this moment
        owner = Owner.from_json(values["owner"])
        raise LeaseHeld(f"{owner} is taking over {self._path.parent.name!r}")

    def _claim_path(self) -> Path:
        return self._path.with_name(f"{self._path.name}.claim-{self._epoch}")

    def _write(self) -> None:
        self._beat += 1
        write_json(
            self._path,
            {
                "owner": self._owner.to_json(),
                "epoch": self._epoch,
                "beat": self._beat,
                "token": self._token,
            },
        )

    def _renew(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            with suppress(OSError):  # a full disk is reported where results are written
                if not self.is_mine():
                    return
                self._write()

    def is_mine(self) -> bool:
        """Whether nobody took over."""
        held = read_json(self._path)
        return held is not None and held.get("token") == self._token

    def release(self) -> None:
        """Give the lease back; the next one need not wait."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self.is_mine():
            self._path.unlink(missing_ok=True)
        for claim in self._path.parent.glob(f"{self._path.name}.claim-*"):
            claim.unlink(missing_ok=True)


class Watch:
    """What one observer knows of a lease: whether its holder lives, by the observer's own clock."""

    def __init__(
        self,
        path: Path,
        patience: float = STALE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look at nothing yet.

        Args:
            path: the lease file.
            patience: seconds without a change after which another machine's lease is abandoned.
            clock: seconds that never go back.
        """
        self._path, self._patience, self._clock = path, patience, clock
        self._mark: tuple[Any, ...] | None = None
        self._since = 0.0
        self.held: dict[str, Any] | None = None
        """The file as it was seen last; None where there was none."""
        self.stirred = False
        """Whether a holder was seen to renew the lease, or another one to take it."""

    def holder(self) -> Owner | None:
        """Who holds the lease now; None where nobody does, or where the holder is gone."""
        self.held = read_json(self._path)
        if self.held is None:
            return None
        owner = Owner.from_json(self.held["owner"])
        if owner.is_gone:
            return None
        if owner.is_here:
            return owner
        mark = (*(_who(self.held) or ()), self.held["beat"])
        if mark != self._mark:
            self.stirred = self._mark is not None
            self._mark, self._since = mark, self._clock()
        return owner if self.seconds_left > 0 else None

    @property
    def seconds_left(self) -> float:
        """Until another machine's lease is abandoned, unless it changes."""
        return self._patience - (self._clock() - self._since)


def _link(content: Path, path: Path) -> None:
    """Give a written file a second name, unless that name exists."""
    try:
        os.link(content, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with path.open("xb") as file:  # a reader that comes too early takes it for torn
            file.write(content.read_bytes())


def _who(held: dict[str, Any] | None) -> tuple[Any, ...] | None:
    """What tells two states of a lease apart, beats aside."""
    return None if held is None else (held["owner"], held["epoch"], held.get("token"))
