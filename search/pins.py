"""Pins: which phases' weights a study needs, told to every driver that shares its store.

One file for each study. What its trials need counts while its driver lives: a driver that is
certainly gone, or has not renewed its file for an hour by the store's own clock, needs nothing, and
whoever resumes its study trains again what it then lacks. What a study keeps (the weights of its
best settings, and what its plan pins) counts for as long as the file is there: delete it, and it
may go.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from spaces.keys import content_hash
from spaces.layout import json_bytes, read_mark
from spaces.places import Place
from spaces.processes import Owner
from spaces.study import StudyRecord

FOLDER = "pins"

RENEW_SECONDS = 600.0
"""A driver writes its file again at least this often."""

PIN_SECONDS = 3600.0
"""A file that is older, compared with one that was just written, belongs to no living driver."""


@dataclass(slots=True)
class Pins:
    """A study's own pins, and those of all others in its store."""

    place: Place
    record: StudyRecord
    _now: dict[str, list[str]] = field(default_factory=dict)
    _written: float = 0.0

    @property
    def name(self) -> str:
        """Of the file; another study of this name, of another root, has another."""
        birth = content_hash({"study": self.record.name, "created": self.record.created})
        return f"{FOLDER}/{self.record.name}-{birth[:8]}.json"

    @property
    def are_fresh(self) -> bool:
        """Whether they were written lately."""
        return bool(self._written) and time.monotonic() - self._written < RENEW_SECONDS

    def hold(self, needs: Iterable[str], keeps: Iterable[str]) -> None:
        """Write down what is needed now; before a trial that needs it can begin.

        Args:
            needs: keys of phases that trials of the running driver read or will read.
            keeps: keys, or names of initialisations, that stay when it has ended.
        """
        now = {"needs": sorted(set(needs)), "keeps": sorted(set(keeps))}
        if now == self._now and self.are_fresh:
            return
        owner = Owner.me().to_json()
        self.place.put(self.name, json_bytes({"study": self.record.name, "owner": owner, **now}))
        self._now, self._written = now, time.monotonic()

    def release(self) -> None:
        """The driver ends: its trials need nothing until the study is resumed."""
        self.hold((), self._now.get("keeps", ()))

    def everyones(self) -> frozenset[str]:
        """Keys, and names of initialisations, that some study on this store needs or keeps."""
        found = {*self._now.get("needs", ()), *self._now.get("keeps", ())}
        for name in self.place.names(FOLDER):
            values = None if name == self.name else read_mark(self.place, name)
            if values is not None:
                found |= {*values["keeps"], *(values["needs"] if self._lives(name, values) else ())}
        return frozenset(found)

    def _lives(self, name: str, values: dict[str, Any]) -> bool:
        """Whether the driver behind a file may still run."""
        then = self.place.modified(name)
        if then is None or Owner.from_json(values["owner"]).is_gone:
            return False
        return self.now - then < PIN_SECONDS

    @property
    def now(self) -> float:
        """Seconds since the epoch by the place's clock; 0 before our own pins were written."""
        mine = self.place.modified(self.name)
        return 0.0 if mine is None else mine + time.monotonic() - self._written
