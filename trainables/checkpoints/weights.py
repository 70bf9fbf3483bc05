"""Files with weights: which of a folder's they are, and the tensors in them.

Safetensors come first. PyTorch's ``.bin`` files are pickles: they are opened with
``torch.load(..., weights_only=True)``, which builds tensors and runs nothing (safe since torch 2.6,
see CVE-2025-32434), and a file that needs more is refused. No other format is opened.
"""

import fnmatch
import json
import pickle
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from spaces.mistakes import few
from trainables.checkpoints.accounts import WeightError
from trainables.masked_output import FILE as OUTPUT

PLAIN = (
    "model.safetensors",
    "model-*-of-*.safetensors",
    "*.safetensors",
    "pytorch_model.bin",
    "pytorch_model-*-of-*.bin",
)
"""What transformers calls its files; the first pattern that fits any is taken."""

OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""What open_clip calls its files (``constants.py`` in mlfoundations/open_clip)."""


def weight_files(names: Iterable[str], patterns: tuple[str, ...] = PLAIN) -> list[str]:
    """The files, among these, that hold one copy of the weights; none where there are none.

    Repositories keep other formats, variants (``model.fp16``) and open_clip's files beside them.

    Args:
        names: of files, in a folder or a repository; those in sub-folders are not looked at.
        patterns: of names, in the order in which they are looked for.
    """
    top = sorted(name for name in names if "/" not in name and name != OUTPUT)
    for pattern in patterns:
        foreign = pattern not in OPEN_CLIP
        fitting = fnmatch.filter(top, pattern)
        if fitting := [n for n in fitting if not (foreign and n.startswith("open_clip_"))]:
            return fitting
    return []


def index_files(names: Collection[str], files: Iterable[str]) -> list[str]:
    """The lists of shards that belong to some files with weights."""
    endings = {Path(file).suffix for file in files}
    return [n for n in names if n.endswith(tuple(f"{e}.index.json" for e in endings))]


def check_shards(folder: Path, files: Collection[str]) -> None:
    """A checkpoint in several files must have all that its index names.

    Raises:
        WeightError: some are not there, or the index cannot be read.
    """
    names = [path.name for path in folder.iterdir()]
    for index in index_files(names, files) if len(files) > 1 else ():
        try:
            named = set(json.loads((folder / index).read_text())["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise WeightError(f"{folder / index} is no list of files: bring it again") from None
        if missing := sorted(named - set(names)):
            raise WeightError(f"{folder} lacks {few(missing)}, which {index} names: bring them")


def stored_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor in a file; the tensors themselves are not read where that can be.

    Raises:
        WeightError: the file is damaged, or holds or needs more than tensors.
    """
    if file.suffix == ".bin":
        return {name: tuple(tensor.shape) for name, tensor in _pickled(file).items()}
    try:
        with safe_open(file, framework="pt") as opened:
            names = list(opened.keys())
            return {name: tuple(opened.get_slice(name).get_shape()) for name in names}
    except SafetensorError as error:
        raise WeightError(f"{file} is damaged ({error}): bring it again") from None


def read_tensors(file: Path, names: Iterable[str]) -> dict[str, Tensor]:
    """Some tensors of a file, on the CPU.

    Raises:
        WeightError: see ``stored_shapes``.
    """
    if file.suffix == ".bin":
        found = _pickled(file)
        return {name: found[name] for name in names}
    with safe_open(file, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in names}


def _pickled(file: Path) -> Mapping[str, Tensor]:
    """Tensors of a ``.bin`` file, mapped into memory where its format allows that."""
    try:
        mapped = zipfile.is_zipfile(file)  # torch's format since 1.6
        found = torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError:
        raise WeightError(
            f"{file} is damaged, or a pickle of more than tensors, which could run code when it is "
            "opened: it is refused; take a revision or a conversion with safetensors"
        ) from None
    except Exception as error:  # whatever torch meets in a pickle whose bytes are wrong
        told = str(error).partition("\n")[0]
        raise WeightError(f"{file} is damaged or cannot be read ({told}): bring it again") from None
    return _only_tensors(file, found)


def _only_tensors(file: Path, found: Any) -> Mapping[str, Tensor]:
    if not isinstance(found, Mapping):
        raise WeightError(f"{file} holds a {type(found).__name__}; expected tensors by name")
    others = [str(name) for name, value in found.items() if not isinstance(value, Tensor)]
    if others:
        told = f"{few(others)}: these are no tensors"
        raise WeightError(f"{file} holds {told}; expected a file with a model's tensors alone")
    return found
