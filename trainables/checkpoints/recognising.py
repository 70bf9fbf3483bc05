"""Which layout a checkpoint has, and the configuration of the plain encoder that it becomes.

Only names and configurations are read. A configuration with code of its own is never run.
"""

from collections.abc import Collection, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, SiglipTextModel

from spaces.layout import read_json
from trainables.checkpoints.bases import base_config
from trainables.checkpoints.layouts import (
    LAYOUTS,
    OPEN_CLIP_TOWER,
    PLAIN_ENCODER,
    UNSUPPORTED,
    Layout,
)
from trainables.checkpoints.weights import weight_files

CLASSES = {"siglip_text_model": SiglipTextModel}
"""Model types that ``AutoModel`` does not know (transformers 5.23) -> their class."""

CAUSAL = ("clip_text_model",)
"""Model types whose tokens do not see those after them."""

_COPIED = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "max_position_embeddings",
    "type_vocab_size",
    "initializer_range",
    "layer_norm_eps",
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
)
"""What a tower's configuration and that of a plain encoder both have."""

_BY_TYPE = {kind: layout for layout in LAYOUTS for kind in layout.model_types}


class Unsupported(ValueError):
    """A checkpoint that is recognised and cannot be used; the message says why."""


def config_files(names: Collection[str]) -> list[str]:
    """The files, among these, that say which layout a checkpoint has."""
    return [name for name in ("config.json", OPEN_CLIP_TOWER.base[0]) if name in names]


def layout_of(folder: Path, names: Collection[str]) -> Layout:
    """The layout of a checkpoint.

    Args:
        folder: holds the files of ``config_files``.
        names: of all its files, those that are not brought yet among them.

    Raises:
        Unsupported: it is known why it cannot be used.
        FileNotFoundError: it says nothing of its architecture.
    """
    found = read_json(folder / "config.json")
    values = found or {}
    kind = str(values.get("model_type", ""))
    if weight_files(names, OPEN_CLIP_TOWER.weights) and base_name(folder, OPEN_CLIP_TOWER):
        return OPEN_CLIP_TOWER
    if why := UNSUPPORTED.get(kind):
        raise Unsupported(f"{why}: leave it out")
    if {"AutoConfig", "AutoModel"} & set(values.get("auto_map") or ()):
        raise Unsupported(
            f"its architecture ({kind!r}) is code of its repository (auto_map in config.json), "
            "which is never run: leave it out, or take a conversion to a class of transformers"
        )
    if found is None:
        raise FileNotFoundError(_nothing_known(folder))
    return _BY_TYPE.get(kind, PLAIN_ENCODER)


def _nothing_known(folder: Path) -> str:
    if (folder / OPEN_CLIP_TOWER.base[0]).is_file():
        return (
            f"{folder} has no config.json, and no weights of open_clip or no hf_model_name in its "
            f"{OPEN_CLIP_TOWER.base[0]}: take a conversion to transformers"
        )
    return f"{folder} has no config.json that can be read"


def base_name(folder: Path, layout: Layout) -> str:
    """The name of the model that a tower was started from; empty where nothing says it."""
    file, *keys = layout.base
    found = reduce(_entry, keys, read_json(folder / file))
    return found if isinstance(found, str) else ""


def _entry(values: Any, key: str) -> Any:
    return values.get(key) if isinstance(values, Mapping) else None


def encoder_config(folder: Path, layout: Layout) -> Any:
    """The configuration of the plain encoder that a checkpoint becomes.

    Raises:
        ValueError: transformers does not know the model, or ``BASES`` not its base.
    """
    if layout.base:
        return base_config(base_name(folder, layout))
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    config = config.text_config if layout.text_config else config
    return _plain(config, layout.becomes) if layout.becomes else config


def _plain(tower: Any, kind: str) -> Any:
    """A tower's configuration as that of a plain encoder.

    One without token types gets those of the plain encoder: tokenizers of pairs use two.
    """
    copied = {name: getattr(tower, name) for name in _COPIED if hasattr(tower, name)}
    return AutoConfig.for_model(kind, **copied)


def bare_encoder(config: Any, device: str = "cpu") -> nn.Module:
    """An encoder with fresh weights, in single precision and without a pooler that can be left out.

    Args:
        config: of a plain encoder.
        device: ``meta`` for names and shapes alone.
    """
    config.dtype = torch.float32  # else that of the checkpoint's files, which may be half
    with torch.device(device):
        if config.model_type in CLASSES:
            return CLASSES[config.model_type](config)  # type: ignore[no-any-return]
        try:
            return AutoModel.from_config(config, add_pooling_layer=False)  # type: ignore[no-any-return]
        except TypeError:  # architectures that never had a pooler do not know the argument
            return AutoModel.from_config(config)  # type: ignore[no-any-return]
