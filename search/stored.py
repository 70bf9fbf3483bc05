"""What a store holds, by phase: read once from its marks, then kept up to date."""

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from spaces.layout import EVICTED, PhaseNames, latest_mark, weights_of
from spaces.places import Place
from trainables.store import file_sizes, finish_eviction

WITHDRAWN_SECONDS = 60.0
"""A mark that is older is not withdrawn any more by the driver that made it."""

READERS = 8
"""Threads that read marks: on a network disk each costs a round trip."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A finished phase, as its mark says."""

    key: str
    kind: str
    title: str
    parent: str
    seconds: float
    """That its execution took."""
    weights_bytes: int
    """Of what may be evicted, whether it is there or not."""
    other_bytes: int
    evicted: bool

    @property
    def held_bytes(self) -> int:
        """What it takes now."""
        return self.other_bytes + (0 if self.evicted else self.weights_bytes)


@dataclass(slots=True)
class Holdings:
    """The phases of a store that are known so far."""

    place: Place
    phases: dict[str, Stored] = field(default_factory=dict)

    @property
    def held_bytes(self) -> int:
        """Bytes of all finished phases."""
        return sum(stored.held_bytes for stored in self.phases.values())

    def scan(self) -> None:
        """Read every mark of the store: at the start, and where other drivers may add to it."""
        names = self.place.names("phases")
        self.phases.clear()
        self.look(name.split("/")[2] for name in names if name.endswith("/done.json"))

    def look(self, keys: Iterable[str]) -> None:
        """Read the marks of some phases (again)."""
        wanted = list(keys)
        with ThreadPoolExecutor(READERS) as pool:
            for key, stored in zip(wanted, pool.map(self._read, wanted), strict=True):
                self.phases.pop(key, None)
                if stored is not None:
                    self.phases[key] = stored

    def finish_evictions(self, now: float = math.inf) -> None:
        """Delete weights that a driver marked as evicted and, killed, did not delete.

        Args:
            now: by the place's clock; a mark of the last minute may still be withdrawn.
        """
        for key in [key for key, stored in self.phases.items() if stored.evicted]:
            if not (found := latest_mark(self.place, key)):
                continue
            marked = self.place.modified(PhaseNames(key).of(found[1], EVICTED))
            if marked is not None and now - marked > WITHDRAWN_SECONDS:
                finish_eviction(self.place, key, found[1])

    def rebuild_seconds(self, stored: Stored) -> float:
        """What it takes to have a phase's weights again: its own time and its lost ancestors'."""
        return stored.seconds + sum(lost.seconds for lost in self._lost_ancestors(stored))

    def _lost_ancestors(self, stored: Stored) -> Iterator[Stored]:
        parent = self.phases.get(stored.parent)
        while parent is not None and parent.evicted:
            yield parent
            parent = self.phases.get(parent.parent)

    def _read(self, key: str) -> Stored | None:
        found = latest_mark(self.place, key)
        if found is None:
            return None
        done, made = found[1], found[1]["provenance"]
        sizes, weights = file_sizes(self.place, key, done), weights_of(done)
        return Stored(
            key=key,
            kind=made["kind"],
            title=made["title"],
            parent=made["parent"],
            seconds=float(made.get("seconds", 0.0)),
            weights_bytes=sum(sizes[name] for name in weights),
            other_bytes=sum(size for name, size in sizes.items() if name not in weights),
            evicted=done["evicted"],
        )
