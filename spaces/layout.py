"""Every path under a root, what counts as done, and the read side of the phase store.

    <root>/studies/<study>/  plan.toml  study.json  journal.log  driver.lease  looks.jsonl  ray/
    <root>/phases/<key[:2]>/<key>/  spec.json  done.json  training.lease  attempts/<id>/
    checkpoints/<layout>/step-N/

A phase is done when its ``done.json`` exists, names an attempt and parses. A folder without one is
garbage, never a result. Readers create nothing.
"""

import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaces.processes import parse_json

SCHEMA_VERSION = 1
"""Version of every JSON file that is written here."""

HELD_OUT = "held_out.parquet"
"""In the artifact of an initialisation that was pretrained on real rows: what it does on rows that
it has not seen."""


class StoreError(RuntimeError):
    """A file of the store or of a study cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class StudyPaths:
    """Paths of one study."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """Everything of the study but its phases."""
        return self.root / "studies" / self.name

    @property
    def plan(self) -> Path:
        """The user's plan as it was first given."""
        return self.folder / "plan.toml"

    @property
    def record(self) -> Path:
        """What was frozen at the start."""
        return self.folder / "study.json"

    @property
    def looks(self) -> Path:
        """Every opening of its test rows, by its confirmation."""
        return self.folder / "looks.jsonl"

    @property
    def journal(self) -> Path:
        """Optuna's journal, where the storage is one."""
        return self.folder / "journal.log"

    @property
    def lease(self) -> Path:
        """Who drives the study."""
        return self.folder / "driver.lease"

    @property
    def stop(self) -> Path:
        """Exists while trials are asked to checkpoint and end; every node sees it."""
        return self.folder / "stop"

    @property
    def ray(self) -> Path:
        """Ray's logs; never read."""
        return self.folder / "ray"


@dataclass(frozen=True, slots=True)
class PhasePaths:
    """Paths of one phase, named by its key."""

    root: Path
    key: str

    @property
    def folder(self) -> Path:
        """Everything of the phase."""
        return self.root / "phases" / self.key[:2] / self.key

    @property
    def spec(self) -> Path:
        """What the phase is."""
        return self.folder / "spec.json"

    @property
    def done(self) -> Path:
        """The mark of completion: attempt, checksums, provenance."""
        return self.folder / "done.json"

    @property
    def attempts(self) -> Path:
        """One folder for each attempt."""
        return self.folder / "attempts"

    @property
    def lease(self) -> Path:
        """Who executes the phase now."""
        return self.folder / "training.lease"

    def checkpoints(self, layout: str) -> Path:
        """Resumable states written under one layout of ranks, ZeRO stage, dtype, micro-batch."""
        return self.folder / "checkpoints" / layout


def read_json(path: Path) -> dict[str, Any] | None:
    """A versioned JSON file, or None where it is absent or torn.

    Raises:
        StoreError: a newer version of this package wrote it.
    """
    try:
        values = parse_json(path.read_bytes())  # torn may also mean: no text any more
    except FileNotFoundError:
        return None
    if values is not None and int(values.get("schema_version", 1)) > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema version {values['schema_version']}; this package reads up to "
            f"{SCHEMA_VERSION}: update transfer-search"
        )
    return values


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a versioned JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    text = json.dumps({"schema_version": SCHEMA_VERSION, **values}, indent=1, allow_nan=False)
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_done(root: Path, key: str) -> bool:
    """Whether a phase has a result; one look at the disk."""
    return PhasePaths(root, key).done.exists()


def read_done(root: Path, key: str) -> dict[str, Any] | None:
    """The completion record of a phase, or None."""
    return read_json(PhasePaths(root, key).done)


def artifact_folder(root: Path, key: str, done: dict[str, Any]) -> Path:
    """The folder of the attempt that a completion record names."""
    return PhasePaths(root, key).attempts / str(done["attempt"])


def finished_folder(root: Path, key: str) -> Path:
    """The folder of a phase's result.

    Raises:
        StoreError: the store holds none.
    """
    done = read_done(root, key)
    if done is None:
        raise StoreError(f"phase {key} is not in the store under {root}: train it again")
    return artifact_folder(root, key, done)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; False also where its name is too long or it may not be seen."""
    try:
        return path.is_dir()
    except OSError:
        return False


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def executions(root: Path, key: str) -> list[dict[str, Any]]:
    """Provenance of every execution of a phase that reached its end, the published one first."""
    paths = PhasePaths(root, key)
    done = read_json(paths.done)
    winner = done["attempt"] if done else ""
    names = sorted(p.name for p in paths.attempts.iterdir()) if paths.attempts.is_dir() else []
    others = [
        record
        for attempt in names
        if attempt != winner  # most phases have one attempt, and it is the winner
        for mark in ("lost.json", "set_aside.json")
        if (record := read_json(paths.attempts / attempt / mark)) is not None
    ]
    return [record["provenance"] for record in ([done] if done else []) + others]


def study_names(root: Path) -> list[str]:
    """Names of the studies under a root."""
    return sorted(path.parent.name for path in (root / "studies").glob("*/study.json"))
