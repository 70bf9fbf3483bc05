"""Where finished phases lie: one small interface, and its implementation on a disk.

Names are paths relative to the place, with ``/`` between their parts. What a place must be able to
do is little, so that an object store can be one as well (``spaces/objects.py``): nothing but
``create`` has to exclude anybody, and nothing is ever changed in place.
"""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class Place(Protocol):
    """Holds files by name.

    Raises:
        OSError: whatever cannot be done; the name of an absent file is no error.
    """

    @property
    def is_disk(self) -> bool:
        """Whether what is deleted here makes room where attempts are written."""

    @property
    def local(self) -> Path:
        """Folder of this machine in which attempts are written and artifacts are opened."""

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none."""

    def modified(self, name: str) -> float | None:
        """Seconds since the epoch by the place's own clock; None where there is no such file."""

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder, at any depth, sorted."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a file whole unless it exists; True for exactly one of all who try."""

    def put(self, name: str, content: bytes) -> None:
        """Write a file whole, over whatever was there."""

    def move(self, name: str, to: str) -> bool:
        """Give a file another name; False where it is not there (any more)."""

    def delete(self, name: str) -> None:
        """Delete a file, or everything below a folder, if it is there."""

    def keep(self, folder: str, names: Iterable[str]) -> None:
        """Take files over that an attempt has written in the folder of this name under ``local``.

        Args:
            folder: the attempt's.
            names: of its files, relative to the folder.
        """

    def bring(self, folder: str, files: Mapping[str, str]) -> bool:
        """Have files in the folder of this name under ``local``, with these sha256 digests.

        False where one of them is not there, or is not what it was.
        """


@dataclass(frozen=True, slots=True)
class Disk:
    """A folder on a local or shared POSIX disk: files are opened where they lie."""

    root: Path

    @property
    def is_disk(self) -> bool:
        """It is."""
        return True

    @property
    def local(self) -> Path:
        """The folder itself."""
        return self.root

    def __str__(self) -> str:
        """As people name it."""
        return str(self.root)

    def exists(self, name: str) -> bool:
        """One look at the disk."""
        return (self.root / name).is_file()

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def modified(self, name: str) -> float | None:
        """By the clock of the disk's server."""
        try:
            return (self.root / name).stat().st_mtime
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder."""
        # Unlike ``rglob`` it is not put off by a folder that another process has just deleted.
        walked = os.walk(self.root / folder)
        found = [Path(where, file) for where, _, files in walked for file in files]
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def create(self, name: str, content: bytes) -> bool:
        """Link a complete file to its name: atomic on local disks and on NFS."""
        path = self.root / name
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        write_whole(temporary, content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
                raise
            return _create_without_links(path, content)
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def put(self, name: str, content: bytes) -> None:
        """Write a file whole, over whatever was there."""
        write_whole(self.root / name, content)

    def move(self, name: str, to: str) -> bool:
        """One rename."""
        (self.root / to).parent.mkdir(parents=True, exist_ok=True)
        try:
            (self.root / name).rename(self.root / to)
        except FileNotFoundError:
            return False
        return True

    def delete(self, name: str) -> None:
        """Delete a file, or a folder and all that it holds."""
        path = self.root / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def keep(self, folder: str, names: Iterable[str]) -> None:
        """Nothing: they lie where they stay."""

    def bring(self, folder: str, files: Mapping[str, str]) -> bool:
        """Whether the files are there, as they were."""
        return all(is_intact(self.root / folder / name, sha) for name, sha in files.items())


Where = Path | Place
"""A place, or the folder on a disk that is one."""


def place_of(where: Where) -> Place:
    """The place itself."""
    return Disk(where) if isinstance(where, Path) else where


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(path: Path, digest: str) -> bool:
    """Whether a file is there and has this sha256."""
    return path.is_file() and file_sha256(path) == digest


def _create_without_links(path: Path, content: bytes) -> bool:
    """The same on file systems without hard links; a torn file is dropped by the next reader."""
    try:
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    except OSError:
        with suppress(OSError):
            path.unlink()  # ours, and torn: a full disk
        raise
    return True
