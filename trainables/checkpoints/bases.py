"""Configurations of the published encoders that towers without one of their own were started from.

open_clip's and M-CLIP's checkpoints name the model they began as and nothing else of its shape. The
heads cannot be read off tensors, so a base that is not listed is refused: a guess would run.
"""

from typing import Any

from transformers import AutoConfig

from spaces.mistakes import nearest

_ROBERTA = {
    "model_type": "roberta",
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
}
_BASE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}
_LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
}
_XLM_R = {**_ROBERTA, "model_type": "xlm-roberta", "vocab_size": 250_002}

BASES: dict[str, dict[str, Any]] = {
    "xlm-roberta-base": {**_XLM_R, **_BASE},
    "xlm-roberta-large": {**_XLM_R, **_LARGE},
    "roberta-base": {**_ROBERTA, **_BASE, "vocab_size": 50_265},
    "roberta-large": {**_ROBERTA, **_LARGE, "vocab_size": 50_265},
    "labse": {
        "model_type": "bert",
        "vocab_size": 501_153,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        **_BASE,
    },
}
"""Last part of its name on the hub, in small letters -> its ``config.json`` there."""


def base_config(name: str) -> Any:
    """The configuration of a published encoder.

    Args:
        name: on the hub, with or without its owner.

    Raises:
        ValueError: it is not listed.
    """
    last = name.rpartition("/")[2].lower()
    if last not in BASES:
        raise ValueError(
            f"its text tower was started from {name!r}, whose configuration is not known here; "
            f"expected {nearest(last, BASES)}; a row in trainables/checkpoints/bases.py adds one"
        )
    values = dict(BASES[last])
    return AutoConfig.for_model(values.pop("model_type"), **values)
