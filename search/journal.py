"""The journal as its driver writes it: on the disk after each step, not after each line."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from trainables.full_disk import FULL

LOCK_GRACE_SECONDS = 5


class DriverJournal(JournalFileBackend):
    """Optuna's file of operations, some of which reach the disk together.

    To ask for a trial takes a dozen writes, and Optuna waits for the disk after each: most of what
    a trial costs. Within ``together`` the lines go to the operating system at once, so that readers
    see them and a killed driver loses none; the disk is waited for at its end. What a power cut
    takes is the end of a file that nobody was told of yet, as if the driver had died earlier.

    A full disk leaves the file as it was: what an append wrote before it failed is cut off, because
    the next one would join it and lose the study.
    """

    def __init__(self, path: Path, make_room: Callable[[], bool] = lambda: False) -> None:
        """Open a journal; only the holder of the driver's lease may.

        Args:
            path: of the journal.
            make_room: asked for room where a disk is full; false where there is none to make.
        """
        self._path, self._make_room = path, make_room
        self._guard = JournalFileOpenLock(str(path), grace_period=LOCK_GRACE_SECONDS)
        self._together = self._written = False
        super().__init__(str(path), lock_obj=self._guard)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write operations, in Optuna's own form: all of them, or none."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        try:
            self._append(lines.encode("utf-8"))
        except OSError as error:
            if error.errno not in FULL or not self._make_room():
                raise
            self._append(lines.encode("utf-8"))
        self._written = True

    def _append(self, lines: bytes) -> None:
        self._guard.acquire()
        before = self._path.stat().st_size
        try:
            with self._path.open("ab") as file:
                file.write(lines)
                file.flush()
                if not self._together:
                    os.fsync(file.fileno())
        except OSError:
            os.truncate(self._path, before)
            raise
        finally:
            self._guard.release()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Wait for the disk once, when the block ends, however it ends."""
        self._together, self._written = True, False
        try:
            yield
        finally:
            self._together = False
            if self._written:
                with self._path.open("ab") as file:
                    os.fsync(file.fileno())


class DriverStorage(JournalStorage):
    """A storage on a driver's journal."""

    def __init__(self, journal: DriverJournal) -> None:
        super().__init__(journal)
        self.journal = journal


@contextmanager
def together(storage: BaseStorage) -> Iterator[None]:
    """Some writes as one step; what is written has reached the disk when the block ends.

    A database commits each write by itself.
    """
    if not isinstance(storage, DriverStorage):
        yield
        return
    with storage.journal.together():
        yield
