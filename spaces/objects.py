"""Phases in an object store: S3, Google Cloud Storage or Azure, by the library obstore.

An attempt is written on the machine that trains it, in a folder of the user's cache that has the
layout of a store, and uploaded when it is whole; then its mark is created, which the object store
refuses to all but one (``If-None-Match: *``). What is read is brought into the same folder and
compared with its checksums. So everything that opens files goes on opening files.

Checkpoints of unfinished phases stay in that folder: DeepSpeed's states are pickles, and only
those that this user wrote on this machine may be opened. After a crash a phase goes on from its
checkpoint on the same machine, and starts again on another; finished phases are safe in both cases.

Credentials come from the environment alone (``AWS_ACCESS_KEY_ID`` and so on), and stand in no file.
"""

import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from errno import ENETUNREACH
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from spaces.layout import StoreError
from spaces.places import Disk, Place, file_sha256, is_intact
from spaces.plan import Plan

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az")

URL = re.compile(r"(s3|gs|az)://[A-Za-z0-9][\w.-]*(/[\w./=+-]*)?")
"""A bucket and a folder in it; no user, no password, no token."""

SCRATCH = "TRANSFER_SEARCH_SCRATCH"
"""Environment variable that names the folder of attempts, checkpoints and what was brought."""

IS_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/")

ABSENT_SECONDS = 1.0
"""How long a file that was not there is not asked for again: a searcher with a free slot would ask
many times a second."""

PATIENCE = timedelta(minutes=3)
"""How long a request is repeated before the search pauses."""

TRIES = 10

CHECK_PATIENCE, CHECK_TRIES = timedelta(seconds=10), 2
"""The same for the first request, which finds out whether the store can be used at all."""


class StoreAway(OSError):
    """The object store cannot be reached, or refuses what is asked of it."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            ENETUNREACH, f"the object store {url} does not answer as it must ({cause})"
        )


@dataclass
class Objects:
    """A folder of a bucket."""

    url: str
    patience: timedelta = PATIENCE
    tries: int = TRIES
    _absent: dict[str, float] = field(default_factory=dict)

    @property
    def is_disk(self) -> bool:
        """A bucket is never full, and a machine's disk gains little by what leaves the bucket."""
        return False

    @property
    def local(self) -> Path:
        """A folder of this user and this store; it may be deleted while nothing is trained."""
        return scratch_folder() / sha256(self.url.encode()).hexdigest()[:12]

    def __str__(self) -> str:
        """As people name it."""
        return self.url

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name; that there is none is believed for a second."""
        if monotonic() < self._absent.get(name, 0.0):
            return False
        if self.modified(name) is not None:
            return True
        self._absent[name] = monotonic() + ABSENT_SECONDS
        return False

    def read(self, name: str) -> bytes | None:
        """The content of an object; None where there is none."""
        with self._asking() as store:
            try:
                return bytes(store.get(name).bytes())
            except FileNotFoundError:
                return None

    def modified(self, name: str) -> float | None:
        """By the object store's clock."""
        with self._asking() as store:
            try:
                return float(store.head(name)["last_modified"].timestamp())
            except FileNotFoundError:
                return None

    def names(self, folder: str) -> list[str]:
        """Names of all objects below a folder."""
        with self._asking() as store:
            return sorted(meta["path"] for page in store.list(f"{folder}/") for meta in page)

    def create(self, name: str, content: bytes) -> bool:
        """One request that the object store refuses where the object is there."""
        self._absent.pop(name, None)
        with self._asking() as store:
            from obstore.exceptions import AlreadyExistsError

            try:
                store.put(name, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                # A request whose answer was lost is repeated: the object there may be our own.
                return self.read(name) == content and bool(content)
        return True

    def put(self, name: str, content: bytes) -> None:
        """An object appears whole or not at all."""
        self._absent.pop(name, None)
        with self._asking() as store:
            store.put(name, content)

    def move(self, name: str, to: str) -> bool:
        """Copied, then deleted: no two of ours move one object to different names."""
        content = self.read(name)
        if content is None:
            return False
        self.put(to, content)
        self.delete(name)
        return True

    def delete(self, name: str) -> None:
        """Delete an object and all below it, and what is here of them."""
        gone = [name, *self.names(name)]
        with self._asking() as store:
            for one in gone:
                # One by one: not every store that speaks S3 deletes several at once.
                _unless_absent(store.delete, one)
        Disk(self.local).delete(name)

    def keep(self, folder: str, names: Iterable[str]) -> None:
        """Upload an attempt; large files in parts."""
        with self._asking() as store:
            for name in names:
                store.put(f"{folder}/{name}", self.local / folder / name)

    def bring(self, folder: str, files: Mapping[str, str]) -> bool:
        """Download what is not here, or not whole."""
        return all(self._brought(f"{folder}/{name}", digest) for name, digest in files.items())

    def _brought(self, name: str, digest: str) -> bool:
        path = self.local / name
        if is_intact(path, digest):
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            with self._asking() as store, temporary.open("wb") as file:
                try:
                    for part in store.get(name):
                        file.write(part)
                except FileNotFoundError:
                    return False
            if file_sha256(temporary) != digest:
                return False
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return True

    @property
    def hasty(self) -> "Objects":
        """The same, which says soon that it cannot be reached."""
        return Objects(self.url, CHECK_PATIENCE, CHECK_TRIES)

    def check(self) -> None:
        """Find out whether phases can be kept here; leaves nothing behind.

        Raises:
            StoreAway: it cannot be reached or written, or creates what is there already.
        """
        probe = f"pins/.probe-{uuid.uuid4().hex}"
        first, second = (self.create(probe, who) for who in (b"first", b"second"))
        self.delete(probe)
        if not first or second:
            raise StoreAway(self.url, "it ignores If-None-Match: two could publish one phase")

    @contextmanager
    def _asking(self) -> Iterator["ObjectStore"]:
        """The store; its errors, whose text may be long, become one line."""
        store = self._store  # first: it says what to install
        from obstore.exceptions import BaseError

        try:
            yield store
        except (BaseError, FileNotFoundError) as error:  # the latter: there is no such bucket
            raise StoreAway(self.url, _cause(error)) from None

    @cached_property
    def _store(self) -> "ObjectStore":
        try:  # late: a native library that few studies need
            from obstore.store import from_url
        except ModuleNotFoundError as error:
            hint = "pip install '.[objects]' in the checkout"
            raise StoreError(f"{self.url} is in an object store: {error}; {hint}") from None
        retries: Any = {"max_retries": self.tries, "retry_timeout": self.patience}
        return from_url(self.url, retry_config=retries)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: a connection is its own."""
        return {"url": self.url, "patience": self.patience, "tries": self.tries, "_absent": {}}


def phase_place(plan: Plan, root: Path) -> Place:
    """The place of a study's phases.

    Args:
        plan: its ``[store] url`` may name an object store.
        root: holds the study, and the phases where it does not.
    """
    return Objects(plan.store.url) if is_url(plan.store.url) else Disk(root)


def reachable(place: Place) -> None:
    """Ask an object store for anything; a disk is looked at by whoever opens the study.

    Raises:
        StoreAway: it does not answer.
    """
    if isinstance(place, Objects):
        place.hasty.names("pins")


def check_place(place: Place) -> None:
    """Find out whether phases can be kept in a place, before a search writes anything.

    Raises:
        StoreAway: see ``Objects.check``.
    """
    if isinstance(place, Objects):
        place.hasty.check()


def is_url(text: str) -> bool:
    """Whether a text means an object store, or tries to, and not a folder."""
    return bool(IS_URL.match(text))


def scratch_folder() -> Path:
    """Where this user keeps what is in object stores: ``SCRATCH``, else the user's cache."""
    if given := os.environ.get(SCRATCH):
        return Path(given).expanduser().absolute()
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser().absolute() / "transfer-search" / "stores"


def _unless_absent(delete: Callable[[str], None], name: str) -> None:
    try:
        delete(name)
    except FileNotFoundError:
        return


def _cause(error: Exception) -> str:
    """The kind of an error and the first of what it says, without what was sent."""
    told = re.sub(r"\?[^\s\"]*", "?...", str(error).strip().partition("\n")[0])
    return f"{type(error).__name__}: {told[:200]}"
