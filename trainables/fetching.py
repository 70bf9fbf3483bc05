"""Bringing pieces of the hub into its cache: the one place that asks the network for anything.

No code of a repository is run: a data set with a loading script is refused. Of a checkpoint come
its safetensors, or, where it has none, PyTorch's ``.bin`` files, which are opened as tensors alone;
one that needs more, and any other format, is refused.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from huggingface_hub import HfApi, hf_hub_download

from spaces.hub import PARQUET, Repository
from trainables.checkpoints.folders import (
    MODULES,
    checkpoint_folder,
    encoder_place,
    tokenizer_files,
)
from trainables.checkpoints.layouts import Layout
from trainables.checkpoints.reading import read_checkpoint
from trainables.checkpoints.recognising import config_files, encoder_config, layout_of
from trainables.checkpoints.weights import index_files, weight_files
from trainables.hub_cache import Brought, Piece, keep, link, piece_files
from trainables.sources.hub import read_piece

READERS = ("parquet", "json", "csv")
"""Formats that are brought, by the modules of ``datasets`` that read them (one reads pickles)."""


class Refused(ValueError):
    """A repository that must not or cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the hub says of a repository."""

    commit: str
    files: tuple[str, ...]
    licence: str


def describe(repository: Repository) -> Description:
    """Ask the hub for a repository's commit, files and licence.

    Raises:
        OSError: the hub, the repository or its revision cannot be reached.
    """
    ask = HfApi().model_info if repository.kind == "model" else HfApi().dataset_info
    info = ask(repository.id, revision=repository.revision)
    licence = getattr(info.card_data, "license", None) or ""
    names = licence if isinstance(licence, list) else [licence]
    files = tuple(sibling.rfilename for sibling in info.siblings or ())
    return Description(str(info.sha), files, ", ".join(names))


def bring(piece: Piece, described: Description) -> None:
    """Download what is not in the cache of a piece; half a file that has come is gone on with.

    Raises:
        Refused: it has code or weights that are not opened; or there is no such piece.
        RowError: its files are damaged.
        OSError: the hub cannot be reached.
    """
    is_model = piece.repository.kind == "model"
    brought = _checkpoint(piece, described) if is_model else _split(piece, described)
    _download(piece, described.commit, brought.files)
    if is_model:
        _check_weights(piece, described.commit)
    else:
        read_piece(piece, described.commit, brought)  # makes the Arrow file, finds damaged ones
    keep(piece, described.commit, brought)


def _download(piece: Piece, commit: str, files: Iterable[str]) -> None:
    where: dict[str, Any] = {"repo_type": piece.repository.kind, "revision": commit}
    name = piece.repository.id
    link(piece, commit, {file: hf_hub_download(name, file, **where) for file in files})


def _checkpoint(piece: Piece, described: Description) -> Brought:
    """Weights, configuration and tokenizer of a model; the first of these is brought to tell."""
    name, place = piece.repository.id, encoder_place(described.files)
    start = f"{place}/" if place else ""
    names = [f.removeprefix(start) for f in described.files if f.startswith(start)]
    configs = config_files(names)
    _download(piece, described.commit, [start + config for config in configs])
    layout = _layout(piece, described.commit, place, names)
    weights = weight_files(names, layout.weights)
    if not weights:
        raise Refused(
            f"{name} has no weights of {layout.name} ({' or '.join(layout.weights)}); other "
            "formats are foreign or run code when they are opened, and are not brought: take a "
            f"revision with safetensors ('hub:{name}@<revision>'), or convert it into a folder"
        )
    wanted = (*weights, *configs, *tokenizer_files(names, layout))
    shards = index_files(names, weights) if len(weights) > 1 else []
    modules = [MODULES] if MODULES in described.files else []
    return Brought((*(start + file for file in (*wanted, *shards)), *modules))


def _layout(piece: Piece, commit: str, place: str, names: list[str]) -> Layout:
    """What kind of checkpoint it is; one that is not supported is refused before weights come."""
    folder = piece_files(piece, commit) / place
    try:
        layout = layout_of(folder, names)
        encoder_config(folder, layout)
    except (ValueError, FileNotFoundError) as error:
        raise Refused(f"{piece.repository.id}: {_first_line(error)}") from None
    return layout


def _check_weights(piece: Piece, commit: str) -> None:
    """Weights that do not fit the encoder are refused when they are brought."""
    folder = checkpoint_folder(str(piece_files(piece, commit)))
    try:
        read_checkpoint(folder, "meta")
    except ValueError as error:
        raise Refused(f"{piece.repository.id}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _split(piece: Piece, described: Description) -> Brought:
    """The files of one split, by the rules of ``datasets`` itself.

    ``load_dataset`` would bring all splits, and offline it takes whatever commit it finds.
    """
    builder = _builder(piece, described)
    files = builder.config.data_files or {}
    if piece.split not in files:
        known = ", ".join(map(str, files)) or "none"
        raise Refused(f"{piece.repository.id} {piece}: no such split; there are: {known}")
    reader = type(builder.config).__module__.rpartition(".")[2]
    start = f"hf://datasets/{piece.repository.id}@{described.commit}/"
    names = [str(file) for file in files[piece.split]]
    foreign = [name for name in names if not name.startswith(start)]
    if reader not in READERS or foreign:
        found = foreign[0] if foreign else f"files of kind {reader!r}"
        rule = f"{', '.join(READERS)} files of the repository itself"
        raise Refused(f"{piece.repository.id} {piece}: {found}; expected {rule}")
    features = builder.info.features
    return Brought(
        files=tuple(name.removeprefix(start) for name in names),
        reader=reader,
        options=_options(builder.config),
        features=features.to_dict() if features else None,
    )


def _builder(piece: Piece, described: Description) -> Any:
    """What ``datasets`` makes of a configuration; reads cards and listings, no rows."""
    # Heavy (a second), and not needed for checkpoints.
    from datasets import load_dataset_builder

    repository = piece.repository
    script = f"{repository.id.rpartition('/')[2]}.py"
    if script in described.files:
        raise Refused(
            f"{repository.id} is a loading script at {repository.revision!r} ({script}), which is "
            f"never run: read the hub's own conversion with branch = '{PARQUET}' in a [[task]] row"
        )
    # The converted branch has a folder for each configuration and no card.
    place = "data_dir" if repository.revision == PARQUET else "name"
    with tempfile.TemporaryDirectory() as empty:  # where it finds no other commit to fall back on
        return load_dataset_builder(
            repository.id,
            **{place: piece.config},
            revision=described.commit,
            cache_dir=empty,
        )


def _options(config: Any) -> dict[str, Any]:
    """Options of a reader that are not its defaults; the data's place and columns aside."""
    from datasets import BuilderConfig

    placed = {"features", *(field.name for field in fields(BuilderConfig))}
    return {
        option.name: getattr(config, option.name)
        for option in fields(config)
        if option.name not in placed and getattr(config, option.name) != option.default
    }
