"""The folder that an initialisation's ``path`` means, and the tokenizer in it."""

import importlib.util
from collections.abc import Collection
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from spaces.hub import checkpoint, is_on_hub
from trainables.checkpoints.layouts import Layout
from trainables.checkpoints.recognising import encoder_config, layout_of
from trainables.checkpoints.weights import weight_files

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
"vocab.txt", "sentencepiece.bpe.model", "spm.model", "merges.txt", "vocab.json",
                   "added_tokens.json")  # fmt: skip

VOCABULARIES = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spm.model",
                "vocab.json", "spiece.model", "tokenizer.model")  # fmt: skip
"""Files that hold a tokenizer's words; it needs one of them."""

TRANSFORMER = "0_Transformer"
"""Where old checkpoints of sentence-transformers keep the encoder."""

MODULES = "modules.json"
"""What sentence-transformers does with an encoder's states, in order."""


def checkpoint_folder(path: str) -> Path:
    """The folder that an initialisation's ``path`` means.

    Raises:
        FileNotFoundError: no such package or folder, or no configuration or weights in it.
        Unsupported: it is known why it cannot be used.
    """
    try:
        folder = _inside(_folder(path))
    except RuntimeError as error:  # a home that cannot be found
        raise FileNotFoundError(str(error)) from None
    names = file_names(folder)
    layout = layout_of(folder, names)
    if not weight_files(names, layout.weights):
        raise FileNotFoundError(
            f"{folder} has no weights of {layout.name} ({' or '.join(layout.weights)}); other "
            "formats are not opened"
        )
    return folder.absolute()


def file_names(folder: Path) -> list[str]:
    """Names of a folder's files; none where it is not there."""
    return [path.name for path in folder.glob("*") if path.is_file()]


def _inside(folder: Path) -> Path:
    inner = folder / encoder_place([str(p.relative_to(folder)) for p in folder.glob("*/*.json")])
    return folder if (folder / "config.json").is_file() else inner


def encoder_place(names: Collection[str]) -> str:
    """The sub-folder where sentence-transformers once kept the encoder; empty for the top."""
    inside = f"{TRANSFORMER}/config.json" in names and "config.json" not in names
    return TRANSFORMER if inside else ""


def _folder(path: str) -> Path:
    if path.startswith("package:"):
        return _package_folder(path)
    return _hub_folder(path) if is_on_hub(path) else Path(path).expanduser()


def _hub_folder(path: str) -> Path:
    """Links to what ``fetch`` brought of a repository at the frozen commit."""
    # The hub's client is not needed for checkpoints that lie in folders.
    from trainables.hub_cache import Piece, cache_folder, find, piece_files

    piece = Piece(checkpoint(path))
    commit = piece.repository.revision
    if find(piece, commit) is None:
        raise FileNotFoundError(
            f"{path} is not in {cache_folder()}: `transfer-search fetch PLAN.toml` brings it"
        )
    return piece_files(piece, commit)


def _package_folder(path: str) -> Path:
    name, _, inside = path.removeprefix("package:").partition("/")
    try:
        found = importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError):  # a package inside one that is not installed
        found = None
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"no installed package {name!r}: pip install it first")
    return Path(next(iter(found.submodule_search_locations))) / inside


def tokenizer_files(names: Collection[str], layout: Layout) -> list[str]:
    """Those of a folder's or repository's files that decide how its text is cut."""
    return [name for name in (*TOKENIZER_FILES, *layout.tokenizer) if name in names]


def checkpoint_tokenizer(folder: Path) -> Any:
    """The tokenizer of a checkpoint that may not be a plain encoder yet.

    Raises:
        FileNotFoundError: there is none.
    """
    names = file_names(folder)
    if not set(VOCABULARIES) & set(names):
        raise FileNotFoundError(
            f"{folder} has no tokenizer (none of {', '.join(VOCABULARIES)}): copy the files into a "
            "folder of your own, with the tokenizer of the model that it was started from"
        )
    config = encoder_config(folder, layout_of(folder, names))
    return AutoTokenizer.from_pretrained(
        folder, config=config, local_files_only=True, trust_remote_code=False
    )
