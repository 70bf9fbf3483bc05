"""Bringing pieces of the hub into its cache: the one place that asks the network for anything.

No code of a repository is run and no pickle is brought: a data set with a loading script, and a
checkpoint without safetensors, are refused.
"""

import tempfile
from dataclasses import dataclass, fields
from typing import Any

from huggingface_hub import HfApi, hf_hub_download

from spaces.hub import PARQUET, Repository
from trainables.hub_cache import Brought, Piece, keep, link, piece_files
from trainables.initialisation import TOKENIZER_FILES
from trainables.sources.hub import read_piece

READERS = ("parquet", "json", "csv")
"""Formats that are brought, by the modules of ``datasets`` that read them (one reads pickles)."""

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")


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
        Refused: no code is run and no pickle brought; or there is no such piece.
        RowError: its files are damaged.
        OSError: the hub cannot be reached.
    """
    is_model = piece.repository.kind == "model"
    brought = _checkpoint(piece, described) if is_model else _split(piece, described)
    name, commit = piece.repository.id, described.commit
    where: dict[str, Any] = {"repo_type": piece.repository.kind, "revision": commit}
    link(piece, commit, {file: hf_hub_download(name, file, **where) for file in brought.files})
    if is_model:
        _check_architecture(piece, commit)
    else:
        read_piece(piece, commit, brought)  # makes the Arrow file, finds damaged ones
    keep(piece, commit, brought)


def _checkpoint(piece: Piece, described: Description) -> Brought:
    """Weights, configuration and tokenizer of a model."""
    name, files = piece.repository.id, described.files
    weights = _weights([file for file in files if file.endswith(".safetensors")])
    if not weights:
        pickled = [file for file in files if file.endswith(PICKLES)]
        raise Refused(
            f"{name} has no *.safetensors ({', '.join(pickled) or 'no weights at all'}); other "
            "formats are pickles or foreign and are not brought: take a revision with safetensors "
            f"('hub:{name}@<revision>'), or convert it into a folder of your own"
        )
    if "config.json" not in files:
        raise Refused(f"{name} has no config.json: transformers cannot load it")
    return Brought((*weights, "config.json", *(f for f in TOKENIZER_FILES if f in files)))


def _weights(names: list[str]) -> list[str]:
    """One copy of the weights: repositories keep variants (``model.fp16``) beside them."""
    top = [name for name in names if "/" not in name]
    if "model.safetensors" in top:
        return ["model.safetensors"]
    shards = [name for name in top if name.startswith("model-") and "-of-" in name]
    return sorted(shards or top)


def _check_architecture(piece: Piece, commit: str) -> None:
    """A model whose architecture is code of its repository is refused when it is brought."""
    from transformers import AutoConfig

    folder = piece_files(piece, commit)
    try:
        AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except ValueError as error:
        first = str(error).strip().splitlines()[0]
        raise Refused(f"{piece.repository.id}: transformers does not know it: {first}") from None


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
