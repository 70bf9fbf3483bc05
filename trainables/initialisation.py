"""Encoders on disk: any checkpoint becomes one plain encoder folder, every tensor accounted for.

How each kind of checkpoint is read lies in ``trainables/checkpoints``.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer

from spaces.hub import checkpoint, is_on_hub
from spaces.initialisations.shape import Attention, EncoderShape
from spaces.layout import read_json
from spaces.mistakes import Mistake
from spaces.places import file_sha256
from trainables.checkpoints.accounts import Account, Found, account_for
from trainables.checkpoints.folders import (
    checkpoint_folder,
    checkpoint_tokenizer,
    file_names,
    tokenizer_files,
)
from trainables.checkpoints.layouts import PLAIN_ENCODER
from trainables.checkpoints.reading import read_checkpoint
from trainables.checkpoints.recognising import (
    CAUSAL,
    bare_encoder,
    encoder_config,
    layout_of,
)
from trainables.checkpoints.weights import weight_files
from trainables.masked_output import FILE as OUTPUT
from trainables.masked_output import keep_output, output_names, pretrained_output

WORLD_MARK = "transfer_search_world"
"""Entry of ``config.json`` that names the invented world an encoder was pretrained in."""


def checkpoint_revision(path: str) -> str:
    """Hash of everything in a checkpoint folder that decides a result; the hub's own of its commit.

    Raises:
        FileNotFoundError: see ``checkpoint_folder``.
    """
    folder = checkpoint_folder(path)
    if is_on_hub(path):
        return checkpoint(path).revision
    names = file_names(folder)
    layout = layout_of(folder, names)
    deciding = {name for name in names if name.endswith(".safetensors")}
    deciding |= {*weight_files(names, layout.weights), *tokenizer_files(names, layout)}
    deciding |= {"config.json", *layout.base[:1]} & set(names)
    digest = json.dumps([[name, file_sha256(folder / name)] for name in sorted(deciding)])
    return hashlib.sha256(digest.encode()).hexdigest()[:16]


def check_checkpoint(where: str, path: str, world: str) -> Mistake | str:
    """A checkpoint's revision, or what is wrong with its path or with the world it comes from.

    Names and shapes of its tensors are compared with those of its encoder; none is read.
    """
    try:
        revision, made_in = checkpoint_revision(path), _world_of(checkpoint_folder(path))
        read_checkpoint(checkpoint_folder(path), "meta")
        checkpoint_tokenizer(checkpoint_folder(path))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        told = str(error).partition("\n")[0]
        return Mistake(where, repr(path), f"a checkpoint that holds a plain encoder: {told}")
    if made_in not in ("", world):
        found = f"{path!r}, which was pretrained in the {made_in}-world"
        return Mistake(where, found, f"a checkpoint for a {world} study: worlds never mix")
    return revision


def encoder_shape(path: str) -> EncoderShape:
    """Layers, positions and attention of a checkpoint's encoder; no weights are read.

    Raises:
        FileNotFoundError: see ``checkpoint_folder``.
        ValueError: the architecture is not supported.
    """
    config = _config(checkpoint_folder(path))
    causal = config.model_type in CAUSAL or getattr(config, "is_decoder", False)
    attention: Attention = "causal" if causal else "bidirectional"
    return EncoderShape(int(config.num_hidden_layers), _positions(config), attention)


def why_unmasked(path: str) -> str:
    """Why a checkpoint cannot be trained on masked words; empty where it can."""
    folder = checkpoint_folder(path)
    if checkpoint_tokenizer(folder).mask_token_id is None:
        return "has no mask token"
    config = _config(folder)
    width = getattr(config, "embedding_size", config.hidden_size)  # ALBERT's and ELECTRA's
    if width != config.hidden_size:
        return f"has word embeddings of {width} dimensions and states of {config.hidden_size}"
    return ""


def _config(folder: Path) -> Any:
    return encoder_config(folder, layout_of(folder, file_names(folder)))


def _world_of(folder: Path) -> str:
    """The invented world that a checkpoint was pretrained in; empty for all others."""
    config = read_json(folder / "config.json") or {}
    return str(config.get(WORLD_MARK, ""))


def load_encoder(folder: Path, weights: Path | None = None) -> tuple[nn.Module, Account]:
    """An encoder with all of its tensors loaded.

    Args:
        folder: a checkpoint's, or that of an artifact.
        weights: what a phase wrote; the folder's own where it is left out.

    Raises:
        WeightError: see ``read_checkpoint``.
    """
    kept = load_file(folder / OUTPUT) if (folder / OUTPUT).is_file() else {}
    if weights:
        encoder = bare_encoder(_config(folder))
        keep_output(encoder, kept)
        return encoder, _load_phase(encoder, load_file(weights))
    encoder, account, stored = read_checkpoint(folder)
    names = {} if kept else output_names(stored.named)
    read = stored.read(names.values())
    keep_output(encoder, kept or {ours: read[theirs] for ours, theirs in names.items()})
    return encoder, account


def _load_phase(encoder: nn.Module, found: Mapping[str, Tensor]) -> Account:
    """Load a phase's weights: ``encoder.*`` without its prefix, ``heads.*`` as they are."""
    tensors = {name.removeprefix("encoder."): tensor for name, tensor in found.items()}
    shapes = Found({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    account = account_for(encoder, shapes, PLAIN_ENCODER.rules, layout="weights of a phase")
    encoder.load_state_dict({name: tensors[name] for name in account.loaded})
    return account


def save_encoder(encoder: Any, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` that transformers itself can load."""
    encoder.config.save_pretrained(folder)
    save_weights(encoder.state_dict(), folder)


def save_weights(
    weights: Mapping[str, Tensor], folder: Path, name: str = "model.safetensors"
) -> None:
    """Write a safetensors file; tensors that share memory are written apart."""
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}
    save_file(whole, folder / name, metadata={"format": "pt"})


def convert_checkpoint(path: str, folder: Path) -> Account:
    """Turn a checkpoint into a plain encoder folder with its tokenizer.

    Raises:
        WeightError: see ``read_checkpoint``.
    """
    source = checkpoint_folder(path)
    encoder, account = load_encoder(source)
    save_encoder(encoder, folder)
    if output := pretrained_output(encoder):
        save_weights(output.tensors, folder, OUTPUT)
    names = file_names(source)
    for name in tokenizer_files(names, layout_of(source, names)):
        shutil.copyfile(source / name, folder / name)
    return account


@lru_cache(maxsize=16)
def load_tokenizer(folder: Path) -> Any:
    """The fast tokenizer of an initialisation; artifacts never change, so it is read once."""
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def longest_input(encoder: Any) -> int:
    """Tokens the encoder has positions for."""
    return _positions(encoder.config)


def _positions(config: Any) -> int:
    offset = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0
    return int(config.max_position_embeddings) - offset
