"""Hashes of test text, kept between processes: hashing hundreds of thousands of rows takes seconds.

A file is named by the content of every part that it was made from, so it is never out of date; one
that was cut short or damaged fails its checksum and is made again. The folder is the user's own
cache, as others of this project's folders belong to a study.
"""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

HASH_BYTES = 8
CHECK_BYTES = 32


def cache_folder() -> Path:
    """``transfer-search`` in the user's cache (``XDG_CACHE_HOME``, else ``~/.cache``)."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "transfer-search"


def read_hashes(name: str) -> frozenset[bytes] | None:
    """What was kept under a name; None for nothing, or nothing whole."""
    try:
        whole = _file(name).read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None
    check, found = whole[:CHECK_BYTES], whole[CHECK_BYTES:]
    if sha256(found).digest() != check:
        return None
    return frozenset(found[i : i + HASH_BYTES] for i in range(0, len(found), HASH_BYTES))


def keep_hashes(name: str, hashes: Iterable[bytes]) -> None:
    """Keep hashes for the next process; where nothing can be written, it hashes again."""
    whole = b"".join(sorted(hashes))
    with suppress(OSError, RuntimeError):
        file = _file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
            written.write(sha256(whole).digest() + whole)
        Path(written.name).replace(file)


def _file(name: str) -> Path:
    return cache_folder() / f"test-text-{name}"
