"""``looks.jsonl``: every opening of a study's test rows, written before the rows can be read.

The log stands with the study that was searched, so that it outlives a confirmation's folder. It is
what opens the rows: a process that runs a confirmation may read those alone that a look names.
"""

import getpass
import json
import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spaces.layout import StudyPaths
from spaces.processes import parse_json
from spaces.study import StudyRecord


class Opened(BaseModel):
    """The test rows of one target, and whom they are opened for."""

    model_config = ConfigDict(frozen=True)

    settings: tuple[str, ...]
    """``setting_id`` of each."""
    languages: tuple[str, ...]
    rows: int
    """Over all languages."""


class Look(BaseModel):
    """One session of a confirmation, which may read what it names."""

    model_config = ConfigDict(frozen=True)

    when: str
    """UTC."""
    user: str
    host: str
    confirmation: str
    replicates: int
    targets: dict[str, Opened]


def look_of(record: StudyRecord, targets: Iterable[str]) -> Look:
    """The look that a session takes now.

    Args:
        record: of a confirmation.
        targets: those that still have trials to run.
    """
    assert record.confirms is not None
    opened = {
        target: Opened(
            settings=record.confirms.setting_ids(target),
            languages=tuple(code for _, code, _ in record.scored[target]),
            rows=record.confirms.rows[target],
        )
        for target in targets
    }
    return Look(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        user=_user(),
        host=socket.gethostname(),
        confirmation=record.name,
        replicates=record.confirms.replicates,
        targets=opened,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def log_look(path: Path, look: Look) -> None:
    """Append a look; it is on the disk when this returns.

    Raises:
        OSError: it cannot be written, so nothing is opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)  # the searched study may have been moved away
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        torn = file.read(1) not in (b"", b"\n")  # whoever wrote last died at it
        file.write(b"\n" * torn + json.dumps(look.model_dump(mode="json")).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_looks(path: Path) -> list[Look]:
    """All looks, the oldest first; a torn line never opened anything and is passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = (_look(parse_json(line)) for line in lines)
    return [look for look in found if look]


def _look(values: dict[str, Any] | None) -> Look | None:
    try:
        return Look.model_validate(values)
    except ValidationError:
        return None


def opened_targets(record: StudyRecord, root: Path) -> frozenset[str]:
    """Targets whose test rows may be read for a record: none of a search's.

    Of a confirmation, those of which a look names every setting.
    """
    if record.confirms is None:
        return frozenset()
    seen: dict[str, set[str]] = {}
    for look in read_looks(StudyPaths(root, record.confirms.of).looks):
        for target, opened in look.targets.items():
            if look.confirmation == record.name:
                seen.setdefault(target, set()).update(opened.settings)
    named = {
        target: set(record.confirms.setting_ids(target)) for target in record.confirms.settings
    }
    return frozenset(target for target, ids in named.items() if ids <= seen.get(target, set()))
