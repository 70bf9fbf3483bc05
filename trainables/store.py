"""Write side of the phase store: attempts, exclusive publishing, checksums, provenance, eviction.

Each attempt writes its own folder. Publishing is the exclusive creation of ``done.json``: of two
attempts on one key exactly one wins, the other deletes its files and takes the winner's. Readers
(``spaces/layout.py``) need nothing from here.

An evicted artifact keeps its mark, predictions and provenance, and says that its weights are gone.
They are made again by an attempt like any other, whose mark is ``rebuilt.json``.
"""

import platform
import shutil
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spaces.layout import (
    EVICTED,
    REBUILT,
    PhaseNames,
    PhasePaths,
    StoreError,
    artifact_folder,
    json_bytes,
    latest_mark,
    read_done,
    read_mark,
    weights_of,
)
from spaces.phases import PhaseSpec
from spaces.places import Place, Where, file_sha256, place_of
from spaces.processes import Owner

OWNER = "owner.json"
"""Names the process of an attempt until it is published."""

PACKAGES = ("transfer-search", "torch", "transformers", "deepspeed", "ray", "optuna", "numpy")


@cache
def installed_versions() -> dict[str, str]:
    """Versions of what decides a result, Python's among them."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


@dataclass(frozen=True, slots=True)
class Artifact:
    """The published result of a phase."""

    key: str
    folder: Path
    provenance: dict[str, Any]
    evicted: bool = False
    """Whether its weights are gone: what follows from them can be read, and nothing trained."""

    def file(self, name: str) -> Path:
        """A file of the artifact."""
        return self.folder / name


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a phase, writing where nobody else writes."""

    spec: PhaseSpec
    paths: PhasePaths
    name: str

    @property
    def folder(self) -> Path:
        """Where the attempt writes its files."""
        return self.paths.attempts / self.name

    def abandon(self) -> None:
        """Delete what this attempt wrote; checkpoints stay, but for one that was being written."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for torn in self.paths.folder.glob(f"checkpoints/*/.writing-{self.name}-*"):
            shutil.rmtree(torn, ignore_errors=True)


@dataclass(slots=True)
class PhaseStore:
    """The store in one place, as seen by one trial."""

    root: Where
    author: dict[str, Any] = field(default_factory=dict)
    """Who executes: study, target, trial number; goes into provenance."""
    _verified: set[Path] = field(default_factory=set)

    @property
    def place(self) -> Place:
        """Where the phases lie."""
        return place_of(self.root)

    def find(self, key: str, whole: bool = False) -> Artifact | None:
        """The artifact of a key, its checksums verified once; None where there is none.

        A corrupt artifact is set aside, so that its phase is trained again; an evicted one is not
        corrupt.

        Args:
            key: of the phase.
            whole: look at the weights as well: they are large, and few phases that a trial finds
                are trained from.
        """
        done = read_done(self.place, key)
        if done is None:
            self._drop_torn_mark(key)
            return None
        folder, weights = artifact_folder(self.place, key, done), weights_of(done)
        with_weights = whole and not done["evicted"]
        files = {n: sha for n, sha in done["files"].items() if with_weights or n not in weights}
        unseen = {name: sha for name, sha in files.items() if folder / name not in self._verified}
        if not self.place.bring(PhaseNames(key).of(done), unseen):
            self._set_aside(key, done)
            return None
        self._verified |= {folder / name for name in unseen}
        return Artifact(key, folder, done["provenance"], done["evicted"])

    def begin(self, spec: PhaseSpec) -> Attempt:
        """Open an attempt; what dead processes of this machine left is swept."""
        names = PhaseNames(spec.key)
        self._sweep(names)
        paths = PhasePaths(self.place.local, spec.key)
        attempt = Attempt(spec, paths, uuid.uuid4().hex[:12])
        attempt.folder.mkdir(parents=True)
        owner = json_bytes(Owner.me().to_json())
        self.place.put(f"{names.attempts}/{attempt.name}/{OWNER}", owner)
        if not self.place.exists(names.spec):
            self.place.put(names.spec, json_bytes(spec.to_json()))
        return attempt

    def abandon(self, attempt: Attempt) -> None:
        """Delete what an attempt wrote, wherever."""
        attempt.abandon()
        with suppress(OSError):  # whatever ended the attempt is told; this is swept later
            self.place.delete(f"{PhaseNames(attempt.spec.key).attempts}/{attempt.name}")

    def publish(self, attempt: Attempt, outcome: dict[str, Any]) -> Artifact:
        """Make an attempt the result of its key; where another was first, return that one.

        Args:
            attempt: with all of its files written.
            outcome: what the execution says of itself (steps, tokens, seconds, ...).
        """
        key = attempt.spec.key
        names, before = PhaseNames(key), read_done(self.place, key)
        mark, again = names.done, False
        if before is not None:
            mark = names.of(before, REBUILT) if before["evicted"] else mark
            again = before["evicted"] or before["provenance"].get("rebuilt", False)
        owner = attempt.folder / OWNER
        paths = [p for p in sorted(attempt.folder.rglob("*")) if p.is_file() and p != owner]
        written = {path.relative_to(attempt.folder).as_posix(): path for path in paths}
        record = {
            "attempt": attempt.name,
            "files": {name: file_sha256(path) for name, path in written.items()},
            "sizes": {name: path.stat().st_size for name, path in written.items()},
            "provenance": self._provenance(attempt.spec, {**outcome, "rebuilt": again}),
        }
        folder = names.of(record)
        self.place.keep(folder, written)
        if _create_exclusively(self.place, mark, record):
            self.place.delete(f"{folder}/{OWNER}")
            shutil.rmtree(attempt.paths.folder / "checkpoints", ignore_errors=True)
        else:
            self.abandon(attempt)
            self.place.put(f"{folder}/lost.json", json_bytes(record))
        artifact = self.find(key, whole=True)
        if artifact is None:
            raise StoreError(f"{attempt.paths.folder} changed on disk right after it was published")
        return artifact

    def _provenance(self, spec: PhaseSpec, outcome: dict[str, Any]) -> dict[str, Any]:
        return {
            **self.author,
            "kind": spec.kind,
            "title": spec.title,
            "parent": spec.parent,
            **outcome,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": platform.node(),
            "machine": platform.machine(),
            "command": Path(sys.argv[0]).name,
            "versions": installed_versions(),
        }

    def _sweep(self, names: PhaseNames) -> None:
        """Delete attempts whose process is certainly gone, except the published one."""
        done = read_done(self.place, names.key)
        for name in self.place.names(names.attempts):
            folder, _, file = name.rpartition("/")
            if file != OWNER or (done is not None and folder == names.of(done)):
                continue
            values = read_mark(self.place, name)
            if values is not None and Owner.from_json(values).is_gone:
                self.place.delete(folder)

    def _set_aside(self, key: str, seen: dict[str, Any]) -> None:
        """Unpublish a corrupt artifact, keeping its record beside it."""
        found = latest_mark(self.place, key)
        if found is None or found[1]["attempt"] != seen["attempt"]:
            return  # another process has set it aside, and perhaps published anew
        self.place.move(found[0], PhaseNames(key).of(seen, "set_aside.json"))

    def _drop_torn_mark(self, key: str) -> None:
        """Remove a ``done.json`` that does not parse: it completes nothing, and blocks."""
        done = PhaseNames(key).done
        if self.place.exists(done) and read_mark(self.place, done) is None:
            self.place.delete(done)


def evict(place: Place, key: str, pinned: Callable[[], bool]) -> int:
    """Delete the weights of a finished phase; returns the bytes that this set free.

    The mark comes first: whoever finds it counts the weights as gone, also where a crash has left
    them. Then the pins are looked at once more, since a driver writes its pins before its trials
    look at marks: of an eviction and a trial that need the same weights at the same moment, at
    least one sees the other. A trial that saw a mark which is then withdrawn trains once more than
    it must, and loses to what is there.

    Args:
        place: holds the phase.
        key: of the phase.
        pinned: whether somebody needs the weights, as the pins say now.
    """
    done = read_done(place, key)
    weights = weights_of(done) if done else ()
    if done is None or done["evicted"] or not weights:
        return 0
    mark = PhaseNames(key).of(done, EVICTED)
    if not place.create(mark, b""):
        return 0  # another driver was first
    if pinned():
        place.delete(mark)
        return 0
    sizes = file_sizes(place, key, done)
    finish_eviction(place, key, done)
    return sum(sizes[name] for name in weights)


def finish_eviction(place: Place, key: str, done: dict[str, Any]) -> None:
    """Delete what a mark says is gone."""
    for name in weights_of(done):
        place.delete(PhaseNames(key).of(done, name))


def file_sizes(where: Where, key: str, done: dict[str, Any]) -> dict[str, int]:
    """Bytes of each file of an artifact, as its mark says.

    Marks of before sizes were written down: as the disk says; 0 where it has no such file.
    """
    folder = artifact_folder(where, key, done)
    known: dict[str, int] = done.get("sizes", {})
    unknown = (name for name in done["files"] if name not in known)
    return {**known, **{n: f.stat().st_size if (f := folder / n).exists() else 0 for n in unknown}}


def _create_exclusively(place: Place, mark: str, record: dict[str, Any]) -> bool:
    """Create a mark unless it exists; True for the one who created it. A torn one counts nothing.

    ``done.json`` alone may be found torn by readers as well; see ``_drop_torn_mark``.
    """
    if place.create(mark, json_bytes(record)):
        return True
    if read_mark(place, mark) is not None:
        return False
    place.delete(mark)
    return place.create(mark, json_bytes(record))
