"""A checkpoint's encoder with its account: first names and shapes, then the tensors it needs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spaces.mistakes import few
from trainables.checkpoints.accounts import Account, Found, WeightError, account_for, named_once
from trainables.checkpoints.folders import MODULES, TRANSFORMER, file_names
from trainables.checkpoints.layouts import Layout
from trainables.checkpoints.recognising import bare_encoder, encoder_config, layout_of
from trainables.checkpoints.weights import (
    check_shards,
    read_tensors,
    stored_shapes,
    weight_files,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the files of a checkpoint hold, before a tensor is read."""

    places: Mapping[str, Path]
    """The files' names of tensors -> their file."""
    named: Mapping[str, str]
    """The encoder's names -> the files'."""
    found: Found

    def read(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Tensors by the encoder's names."""
        wanted = {self.named[name]: name for name in names}
        tensors: dict[str, Tensor] = {}
        for file in dict.fromkeys(self.places[theirs] for theirs in wanted):
            here = [theirs for theirs in wanted if self.places[theirs] == file]
            tensors |= {wanted[n]: tensor for n, tensor in read_tensors(file, here).items()}
        return tensors


def read_checkpoint(folder: Path, device: str = "cpu") -> tuple[nn.Module, Account, Stored]:
    """The plain encoder of a checkpoint, with all of its tensors loaded.

    Args:
        folder: see ``checkpoint_folder``.
        device: ``meta`` to compare names and shapes alone.

    Raises:
        WeightError: a tensor of the encoder is missing, has another shape, or one is left over
            that no rule explains; or a file cannot be read.
        ValueError: the layout or the architecture is not supported.
    """
    layout = layout_of(folder, file_names(folder))
    encoder = bare_encoder(encoder_config(folder, layout), device)
    stored = _stored(folder, layout, encoder)
    account = account_for(encoder, stored.found, layout.rules, layout.made, layout.name)
    if device != "meta":
        zeros = {n: torch.zeros_like(encoder.state_dict()[n]) for n in account.made}
        encoder.load_state_dict({**stored.read(account.loaded), **zeros})
    ignored = {**account.ignored, **_later_modules(folder)}
    return encoder, Account(account.loaded, ignored, account.made, layout.name), stored


def _stored(folder: Path, layout: Layout, encoder: nn.Module) -> Stored:
    files = weight_files(file_names(folder), layout.weights)
    check_shards(folder, files)
    shapes: dict[str, tuple[int, ...]] = {}
    places: dict[str, Path] = {}
    for file in (folder / name for name in files):
        found = stored_shapes(file)
        if twice := sorted(shapes.keys() & found.keys()):
            rule = "leave one copy of the weights in the folder"
            raise WeightError(f"{few(twice)} in {places[twice[0]]} and in {file}: {rule}")
        shapes |= found
        places |= dict.fromkeys(found, file)
    tower = _tower(layout, shapes)
    inside = [name for name in shapes if name.startswith(tower)]
    own = f"{getattr(encoder, 'base_model_prefix', '')}." if not layout.towers else tower
    named = named_once((_plain(name.removeprefix(own), layout), name) for name in inside)
    outside = tuple(name for name in shapes if not name.startswith(tower))
    return Stored(places, named, Found({n: shapes[t] for n, t in named.items()}, outside))


def _tower(layout: Layout, names: Iterable[str]) -> str:
    """The prefix of the encoder's tensors; empty where all of them may be its own."""
    names = list(names)
    for prefix in layout.towers or ("",):
        if any(name.startswith(prefix) for name in names):
            return prefix
    raise WeightError(
        f"none of {len(names)} tensors begins with {' or '.join(layout.towers)}: this checkpoint "
        f"has no text encoder of {layout.name}; take one that embeds text"
    )


def _plain(name: str, layout: Layout) -> str:
    """The plain encoder's name of a tensor, in today's spelling."""
    spelled = (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"))
    for old, new in (*spelled, *layout.renamed):
        name = name.replace(old, new)
    return name


def _later_modules(folder: Path) -> dict[str, str]:
    """What sentence-transformers does with the states, and forms do not."""
    home = folder.parent if folder.name == TRANSFORMER else folder
    if not (home / MODULES).is_file():
        return {}
    listed: Any = json.loads((home / MODULES).read_text(encoding="utf-8"))
    modules = [module for module in listed if module["path"]]
    why = "a later step of sentence-transformers: forms pool for themselves"
    return {f"{m['path']}/": why for m in modules if m["path"] != TRANSFORMER}
