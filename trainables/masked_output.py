"""The output layer for masked words that a checkpoint was pretrained with, kept beside its encoder.

Training on masked words goes on from it: a fresh one would first have to learn what the encoder's
states say, at the encoder's cost.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers.activations import ACT2FN

FILE = "masked_output.safetensors"
"""In an initialisation's artifact, where the checkpoint had such a layer."""

PREFIX = "lm_head."
"""Begins the names of its tensors there, as in XLM-R's checkpoints."""

_OURS = ("dense.weight", "dense.bias", "layer_norm.weight", "layer_norm.bias", "bias")

_THEIRS = {
    "XLM-R, RoBERTa": tuple(f"{PREFIX}{name}" for name in _OURS),
    "BERT": (
        "cls.predictions.transform.dense.weight",
        "cls.predictions.transform.dense.bias",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.LayerNorm.bias",
        "cls.predictions.bias",
    ),
    "DistilBERT": (
        "vocab_transform.weight",
        "vocab_transform.bias",
        "vocab_layer_norm.weight",
        "vocab_layer_norm.bias",
        "vocab_projector.bias",
    ),
}
"""Names of the five tensors in the checkpoints of each family."""


@dataclass(frozen=True, slots=True)
class PretrainedOutput:
    """A dense layer, an activation, a layer norm; then the word embeddings and a bias."""

    tensors: Mapping[str, Tensor]

    @property
    def bias(self) -> Tensor:
        """[V]."""
        return self.tensors[f"{PREFIX}bias"]

    def transform(self, config: Any) -> nn.Module:
        """What stands before the word embeddings, [M, H] -> [M, H]."""
        hidden = config.hidden_size
        dense = nn.Linear(hidden, hidden)
        norm = nn.LayerNorm(hidden, eps=getattr(config, "layer_norm_eps", 1e-12))
        for name, module in (("dense", dense), ("layer_norm", norm)):
            weights = {w: self.tensors[f"{PREFIX}{name}.{w}"] for w in ("weight", "bias")}
            module.load_state_dict(weights)
        act = getattr(config, "hidden_act", None) or config.activation  # DistilBERT's name
        return nn.Sequential(dense, ACT2FN[act], norm)


def output_names(names: Collection[str]) -> dict[str, str]:
    """Our names of the five tensors -> a checkpoint's; empty where one is missing.

    Args:
        names: of a checkpoint's tensors, without its model's prefix, in today's spelling.
    """
    for theirs in _THEIRS.values():
        if all(name in names for name in theirs):
            return {PREFIX + ours: name for ours, name in zip(_OURS, theirs, strict=True)}
    return {}


def keep_output(encoder: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Let an encoder carry its output layer to the head that asks for it, and not as weights."""
    encoder.__dict__["pretrained_output"] = PretrainedOutput(dict(tensors)) if tensors else None


def pretrained_output(encoder: nn.Module) -> PretrainedOutput | None:
    """What ``keep_output`` gave an encoder."""
    return encoder.__dict__.get("pretrained_output")


def output_tensors(transform: nn.Module, bias: Tensor) -> dict[str, Tensor]:
    """An output layer's five tensors by our names; empty where nothing stands before the words."""
    if not isinstance(transform, nn.Sequential):
        return {}
    dense, _, norm = transform
    found = {"dense": dense, "layer_norm": norm}
    weights = {f"{n}.{w}": getattr(m, w) for n, m in found.items() for w in ("weight", "bias")}
    return {PREFIX + name: tensor for name, tensor in {**weights, "bias": bias}.items()}
