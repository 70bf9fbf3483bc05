"""Write side of the phase store: attempts, exclusive publishing, checksums, provenance.

Each attempt writes its own folder. Publishing is the exclusive creation of ``done.json``: of two
attempts on one key exactly one wins, the other deletes its files and takes the winner's. Readers
(``spaces/layout.py``) need nothing from here.
"""

import errno
import os
import platform
import shutil
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spaces.layout import (
    PhasePaths,
    StoreError,
    artifact_folder,
    file_sha256,
    read_done,
    read_json,
    write_json,
)
from spaces.phases import PhaseSpec
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
        """Delete what this attempt wrote; checkpoints stay."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(slots=True)
class PhaseStore:
    """The store under one root, as seen by one trial."""

    root: Path
    author: dict[str, Any] = field(default_factory=dict)
    """Who executes: study, target, trial number; goes into provenance."""
    _verified: set[Path] = field(default_factory=set)

    def find(self, key: str) -> Artifact | None:
        """The artifact of a key, its checksums verified once; None where there is none.

        A corrupt artifact is set aside, so that its phase is trained again.
        """
        done = read_done(self.root, key)
        if done is None:
            self._drop_torn_mark(key)
            return None
        folder = artifact_folder(self.root, key, done)
        if folder not in self._verified and not _is_intact(folder, done["files"]):
            self._set_aside(key, folder)
            return None
        self._verified.add(folder)
        return Artifact(key, folder, done["provenance"])

    def begin(self, spec: PhaseSpec) -> Attempt:
        """Open an attempt; what dead processes of this machine left is swept."""
        paths = PhasePaths(self.root, spec.key)
        self._sweep(paths)
        attempt = Attempt(spec, paths, uuid.uuid4().hex[:12])
        attempt.folder.mkdir(parents=True)
        write_json(attempt.folder / OWNER, Owner.me().to_json())
        if not paths.spec.exists():
            write_json(paths.spec, spec.to_json())
        return attempt

    def publish(self, attempt: Attempt, outcome: dict[str, Any]) -> Artifact:
        """Make an attempt the result of its key; where another was first, return that one.

        Args:
            attempt: with all of its files written.
            outcome: what the execution says of itself (steps, tokens, seconds, ...).
        """
        owner = attempt.folder / OWNER
        files = {
            path.relative_to(attempt.folder).as_posix(): file_sha256(path)
            for path in sorted(attempt.folder.rglob("*"))
            if path.is_file() and path != owner
        }
        provenance = self._provenance(attempt.spec, outcome)
        record = {"attempt": attempt.name, "files": files, "provenance": provenance}
        if _create_exclusively(attempt.paths.done, record):
            owner.unlink(missing_ok=True)
            shutil.rmtree(attempt.paths.folder / "checkpoints", ignore_errors=True)
        else:
            attempt.abandon()
            write_json(attempt.folder / "lost.json", record)
        artifact = self.find(attempt.spec.key)
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

    def _sweep(self, paths: PhasePaths) -> None:
        """Delete attempts whose process is certainly gone, except the published one."""
        done = read_done(self.root, paths.key)
        for path in paths.attempts.glob(f"*/{OWNER}"):
            values = read_json(path)
            published = done is not None and done["attempt"] == path.parent.name
            if values is not None and not published and Owner.from_json(values).is_gone:
                shutil.rmtree(path.parent, ignore_errors=True)

    def _set_aside(self, key: str, folder: Path) -> None:
        """Unpublish a corrupt artifact, keeping its record beside it."""
        done = read_done(self.root, key)
        if done is None or done["attempt"] != folder.name:
            return  # another process has set it aside, and perhaps published anew
        folder.mkdir(parents=True, exist_ok=True)
        try:
            PhasePaths(self.root, key).done.rename(folder / "set_aside.json")
        except FileNotFoundError:
            return  # another process set it aside first

    def _drop_torn_mark(self, key: str) -> None:
        """Remove a ``done.json`` that does not parse: it completes nothing, and blocks."""
        done = PhasePaths(self.root, key).done
        if done.exists() and read_json(done) is None:
            done.unlink(missing_ok=True)


def _is_intact(folder: Path, files: dict[str, str]) -> bool:
    return all(
        (folder / name).is_file() and file_sha256(folder / name) == digest
        for name, digest in files.items()
    )


def _create_exclusively(path: Path, record: dict[str, Any]) -> bool:
    """Create a file with its whole content unless it exists; True for the one who created it."""
    temporary = path.with_name(f".{path.name}.{record['attempt']}")
    write_json(temporary, record)
    try:
        os.link(temporary, path)  # atomic on local disks and NFS, and the content is complete
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        return _create_without_links(path, temporary)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _create_without_links(path: Path, content: Path) -> bool:
    """The same on file systems without hard links; a torn file is dropped by the next reader."""
    try:
        with path.open("xb") as file:
            file.write(content.read_bytes())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    return True
