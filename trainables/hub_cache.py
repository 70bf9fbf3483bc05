"""What of the hub lies on this machine, and at which commit. Nothing here asks the hub.

Files are in huggingface_hub's own cache. Which of them make a piece, only the hub can say (a data
card's patterns over a listing), so it is written down when they are brought, in
``$HF_HOME/transfer-search``, with links to them: what else lies in the cache makes no difference.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from huggingface_hub import constants

from spaces.hub import COMMIT, Repository
from spaces.layout import read_json, write_json


@dataclass(frozen=True, slots=True)
class Piece:
    """What is brought as a whole: a checkpoint, or one split of a data set's configuration."""

    repository: Repository
    config: str = ""
    split: str = ""

    def __str__(self) -> str:
        """``de/test``; a checkpoint has no parts."""
        return f"{self.config}/{self.split}" if self.split else "checkpoint"


@dataclass(frozen=True, slots=True)
class Brought:
    """The files of a piece, and how ``datasets`` reads them."""

    files: tuple[str, ...]
    """Paths within the repository."""
    reader: str = ""
    """Packaged module of ``datasets``: parquet, json or csv; empty for a checkpoint."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the reader, where the data card sets them."""
    features: dict[str, Any] | None = None
    """Columns and their kinds, where the data card names them."""


def cache_folder() -> Path:
    """Where huggingface_hub keeps files."""
    return Path(constants.HF_HUB_CACHE)


def _folder(repository: Repository) -> Path:
    owner_and_name = repository.id.replace("/", "--")
    return Path(constants.HF_HOME, "transfer-search", f"{repository.kind}s--{owner_and_name}")


def piece_folder(piece: Piece, commit: str) -> Path:
    """The folder of a piece: ``piece.json``, and links in ``files``."""
    parts = (quote(name, safe="") for name in (commit, piece.config, piece.split) if name)
    return _folder(piece.repository).joinpath(*parts)


def piece_files(piece: Piece, commit: str) -> Path:
    """The folder that holds a piece's files, under their names, and no others."""
    return piece_folder(piece, commit) / "files"


def known_commit(repository: Repository) -> str:
    """The commit of a branch when it was last brought; empty where that never happened."""
    if COMMIT.fullmatch(repository.revision):
        return repository.revision
    return str((read_json(_branch(repository)) or {}).get("commit", ""))


def remember_commit(repository: Repository, commit: str) -> None:
    """Write down which commit of a branch was brought."""
    write_json(_branch(repository), {"commit": commit})


def _branch(repository: Repository) -> Path:
    name = quote(repository.revision, safe="")
    return _folder(repository) / "branches" / f"{name}.json"


def find(piece: Piece, commit: str) -> Brought | None:
    """A piece, if all of its files are here."""
    values = read_json(piece_folder(piece, commit) / "piece.json")
    if values is None:
        return None
    brought = Brought(
        tuple(values["files"]), values["reader"], values["options"], values["features"]
    )
    folder = piece_files(piece, commit)
    return brought if all((folder / name).is_file() for name in brought.files) else None


def link(piece: Piece, commit: str, places: Mapping[str, str]) -> None:
    """Give a piece its files.

    Args:
        piece: what it is.
        commit: of its repository.
        places: name of each file -> where it lies in huggingface_hub's cache.
    """
    for name, place in places.items():
        linked = piece_files(piece, commit) / name
        linked.parent.mkdir(parents=True, exist_ok=True)
        linked.unlink(missing_ok=True)
        linked.symlink_to(Path(place).resolve())


def keep(piece: Piece, commit: str, brought: Brought) -> None:
    """Write down that a piece is here and whole: from now on ``find`` finds it."""
    write_json(piece_folder(piece, commit) / "piece.json", asdict(brought))


def piece_sizes(piece: Piece, commit: str) -> dict[Path, int]:
    """Each file that a piece's links lead to -> its bytes; pieces may share files."""
    brought = find(piece, commit)
    names = brought.files if brought else ()
    files = [(piece_files(piece, commit) / name).resolve() for name in names]
    return {file: file.stat().st_size for file in files}
