"""A full disk, as the libraries that meet one tell it."""

import errno
import os
from pathlib import Path

STOPPING_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENETUNREACH)
"""Errors of the disk, or of the way to the store, not of the setting: the search pauses and the
trial is taken up later."""

FULL = (errno.ENOSPC, errno.EDQUOT)

NO_ROOM_BYTES = 1 << 20
"""Less than this is none: what a phase writes is larger."""


def full_disk(error: BaseException, folder: Path) -> OSError | None:
    """The error as one of a full disk, None where it is not one.

    safetensors, torch and numpy hide the number of the error that they met: it is in their text, or
    seen by how much is free, if one looks before the torn file is deleted.

    Args:
        error: raised while something was written.
        folder: where.
    """
    if isinstance(error, OSError) and error.errno in FULL:
        return error
    is_writing = isinstance(error, (OSError, RuntimeError)) or "Safetensor" in type(error).__name__
    if not is_writing or getattr(error, "errno", None) is not None:
        return None
    if os.strerror(errno.ENOSPC) in str(error) or free_bytes(folder) < NO_ROOM_BYTES:
        told = str(error).partition("\n")[0]
        return OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} ({told})", str(folder))
    return None


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write in a folder, or where it would be."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize
