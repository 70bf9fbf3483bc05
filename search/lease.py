"""One driver per study: a lease in the study's folder, with takeover when its owner is gone."""

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


class LeaseHeld(RuntimeError):
    """Another driver runs this study."""


class LeaseLost(RuntimeError):
    """Another driver took this study over while we still ran."""


class DriverLease:
    """Held while a driver runs; whoever publishes asks ``check`` first.

    Each holder has an epoch. The right to write epoch N + 1 is the exclusive creation of a claim
    file, so of two drivers that take over at once one wins.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._beat = path, 0
        self._owner, self._epoch = Owner.me(), 0
        self._token = uuid.uuid4().hex  # an epoch may come again once a lease was given back
        self._made: list[Path] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

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
        held = read_json(self._path)
        if held is not None:
            self._judge(Owner.from_json(held["owner"]), held["beat"], waiting, patience)
            held = held if self._path.exists() else None  # given back while we waited
        self._epoch = (held["epoch"] if held else 0) + 1
        parents = (self._path.parent, *self._path.parents[1:3])
        self._made = [folder for folder in parents if not folder.exists()]
        self._claim()
        if _who(read_json(self._path)) != _who(held):
            raise LeaseHeld("another driver took this study over at the same moment")
        self._write()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def _judge(
        self, owner: Owner, beat: int, waiting: Callable[[str], None], patience: float
    ) -> None:
        """Return when the owner is gone; raise when it lives."""
        if owner.is_gone:
            return
        if owner.host == self._owner.host:
            raise LeaseHeld(
                f"{owner} drives this study\n  wait for it, or stop it (Ctrl-C or SIGTERM), then "
                "call again"
            )
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            waiting(f"{owner} holds the lease; taken over in {left:.0f} s unless it stirs")
            time.sleep(min(5.0, left, patience / 4))
            held = read_json(self._path)
            if held is None:
                return
            if held["beat"] != beat or held["owner"] != owner.to_json():
                raise LeaseHeld(f"{owner} drives this study and is alive: stop it there first")

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
            os.link(mine, claim)  # exclusive, and the claimant's name is there from the start
            return True
        values = read_json(claim)
        if values is None or Owner.from_json(values["owner"]).is_gone:
            return False
        if time.time() - claim.stat().st_mtime > STALE_SECONDS:
            return False  # another machine's claimant, dead between its claim and its lease
        raise LeaseHeld(f"{Owner.from_json(values['owner'])} is taking this study over")

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
            if not self.is_mine():
                return
            with suppress(OSError):  # a full disk is reported where results are written
                self._write()

    def is_mine(self) -> bool:
        """Whether nobody took over."""
        held = read_json(self._path)
        return held is not None and held.get("token") == self._token

    def check(self) -> None:
        """Refuse to publish with a lost lease.

        Raises:
            LeaseLost: another driver took over.
        """
        if not self.is_mine():
            raise LeaseLost(f"another driver took over {self._path.parent.name!r}; this one stops")

    def release(self) -> None:
        """Give the lease back; the next driver need not wait."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self.is_mine():
            self._path.unlink(missing_ok=True)
        for claim in self._path.parent.glob(f"{self._path.name}.claim-*"):
            claim.unlink(missing_ok=True)
        with suppress(OSError):  # a refused start leaves no empty folders behind
            for folder in self._made:
                folder.rmdir()


def _who(held: dict[str, Any] | None) -> tuple[Any, ...] | None:
    """What tells two states of a lease apart, beats aside."""
    return None if held is None else (held["owner"], held["epoch"], held.get("token"))
