"""Every path under a root, what counts as done, and the read side of the phase store.

    <root>/studies/<study>/  plan.toml  study.json  journal.log  driver.lease  looks.jsonl  ray/
                             report.html
    <root>/phases/<key[:2]>/<key>/  spec.json  done.json  training.lease  attempts/<id>/
    checkpoints/<layout>/step-N/
    <root>/pins/<study>.json

A phase is done when its ``done.json`` exists, names an attempt and parses. A folder without one is
garbage, never a result. Readers create nothing.

Marks are only ever added. ``evicted`` in the folder of a published attempt says that its weights
are gone, or about to go; ``rebuilt.json`` beside it is what ``done.json`` was for the first
attempt: the mark of the one that has trained them again, which may in its turn be evicted.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaces.places import Where, place_of, write_whole
from spaces.processes import parse_json

SCHEMA_VERSION = 1
"""Version of every JSON file that is written here."""

HELD_OUT = "held_out.parquet"
"""In the artifact of an initialisation that was pretrained on real rows: what it does on rows that
it has not seen."""


EVICTED, REBUILT = "evicted", "rebuilt.json"
"""Marks of a published attempt: its weights are gone; which attempt has them again. The first is
empty: it can be made on a disk that has no room for one more byte."""

WEIGHTS = ("model.safetensors", "state.json")
"""Files of a phase that only later phases read (the oracle's weights are its state): what may be
evicted. An initialisation's config, tokenizer and output layer are small, and stay."""


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
    def report(self) -> Path:
        """What it found, as a page."""
        return self.folder / "report.html"

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


@dataclass(frozen=True, slots=True)
class PhaseNames:
    """The same as names in a place."""

    key: str

    @property
    def folder(self) -> str:
        """Everything of the phase."""
        return PhasePaths(Path(), self.key).folder.as_posix()

    @property
    def spec(self) -> str:
        """What the phase is."""
        return f"{self.folder}/spec.json"

    @property
    def done(self) -> str:
        """The mark of completion."""
        return f"{self.folder}/done.json"

    @property
    def attempts(self) -> str:
        """One folder for each attempt."""
        return f"{self.folder}/attempts"

    def of(self, done: dict[str, Any], file: str = "") -> str:
        """The folder of the attempt that a mark names, or a file of it."""
        return "/".join((self.attempts, str(done["attempt"]), *filter(None, (file,))))


def read_json(path: Path) -> dict[str, Any] | None:
    """A versioned JSON file, or None where it is absent or torn.

    Raises:
        StoreError: a newer version of this package wrote it.
    """
    try:
        return _versioned(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None


def _versioned(content: bytes, name: str) -> dict[str, Any] | None:
    """What a JSON file holds, None where it is torn, which may also mean: no text any more."""
    values = parse_json(content)
    if values is not None and int(values.get("schema_version", 1)) > SCHEMA_VERSION:
        raise StoreError(
            f"{name} has schema version {values['schema_version']}; this package reads up to "
            f"{SCHEMA_VERSION}: update transfer-search"
        )
    return values


def json_bytes(values: dict[str, Any]) -> bytes:
    """The content of a versioned JSON file."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **values}, indent=1, allow_nan=False)
    return (text + "\n").encode()


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a versioned JSON file whole or not at all."""
    write_whole(path, json_bytes(values))


def read_mark(where: Where, name: str) -> dict[str, Any] | None:
    """A versioned JSON object of a place, None where it is absent or torn; see ``read_json``."""
    place = place_of(where)
    content = place.read(name)
    return None if content is None else _versioned(content, str(place.local / name))


def is_done(where: Where, key: str) -> bool:
    """Whether a phase has a result, evicted or not; one look at the place."""
    return place_of(where).exists(PhaseNames(key).done)


def latest_mark(where: Where, key: str) -> tuple[str, dict[str, Any]] | None:
    """Name and content of the mark that holds for a phase: its own, or that of its last rebuild.

    ``evicted`` joins the content: whether the attempt that the mark names has lost its weights.
    """
    place, names = place_of(where), PhaseNames(key)
    mark = names.done
    done = read_mark(place, mark)
    while done is not None:
        evicted = place.exists(names.of(done, EVICTED))
        again = names.of(done, REBUILT)
        rebuilt = read_mark(place, again) if evicted else None
        if rebuilt is None:
            return mark, {**done, "evicted": evicted}
        mark, done = again, rebuilt
    return None


def read_done(where: Where, key: str) -> dict[str, Any] | None:
    """The completion record of a phase, or None; see ``latest_mark``."""
    found = latest_mark(where, key)
    return found[1] if found else None


def weights_of(done: dict[str, Any]) -> tuple[str, ...]:
    """Files of a published attempt that may be evicted. Predictions and scores never may."""
    if done["provenance"]["kind"] == "evaluation":
        return ()
    return tuple(name for name in done["files"] if name in WEIGHTS)


def artifact_folder(where: Where, key: str, done: dict[str, Any]) -> Path:
    """The folder of the attempt that a completion record names, on this machine."""
    return place_of(where).local / PhaseNames(key).of(done)


def finished_folder(where: Where, key: str, weights: bool = False) -> Path:
    """The folder of a phase's result, with its files on this machine.

    Args:
        where: holds the phase.
        key: of the phase.
        weights: whether its weights are needed as well.

    Raises:
        StoreError: the store holds no such phase, or not its weights any more.
    """
    done = read_done(where, key)
    if done is None:
        raise StoreError(f"phase {key} is not in the store: train it again")
    large = weights_of(done)
    if weights and large and done["evicted"]:
        raise StoreError(
            f"the weights of phase {key} ({done['provenance'].get('title')}) were evicted: name "
            "the key in [store] pins, and a trial that needs them trains them again"
        )
    files = {name: sha for name, sha in done["files"].items() if weights or name not in large}
    if not place_of(where).bring(PhaseNames(key).of(done), files):
        raise StoreError(f"files of phase {key} are damaged: the next trial trains it again")
    return artifact_folder(where, key, done)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; False also where its name is too long or it may not be seen."""
    try:
        return path.is_dir()
    except OSError:
        return False


def executions(where: Where, key: str) -> list[dict[str, Any]]:
    """Provenance of every execution of a phase that reached its end, the published one first."""
    place, names = place_of(where), PhaseNames(key)
    ends = ("lost.json", "set_aside.json", REBUILT)
    found = [names.done, *(n for n in place.names(names.attempts) if n.endswith(ends))]
    records = (read_mark(place, name) for name in found)
    return [record["provenance"] for record in records if record is not None]


def study_names(root: Path) -> list[str]:
    """Names of the studies under a root."""
    return sorted(path.parent.name for path in (root / "studies").glob("*/study.json"))
