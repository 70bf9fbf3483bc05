"""Tiny random checkpoints of multimodal families, with the names and files of the real ones."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AltCLIPConfig,
    AltCLIPModel,
    AutoModel,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipModel,
    ChineseCLIPConfig,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    DistilBertConfig,
    DistilBertModel,
    SiglipConfig,
    SiglipModel,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
)

from trainables.checkpoints.bases import BASES, base_config

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
}
TEXT: dict[str, Any] = {
    **SMALL,
    "vocab_size": 60,
    "max_position_embeddings": 40,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
IMAGE: dict[str, Any] = {**SMALL, "hidden_size": 8, "image_size": 8, "patch_size": 4}

TINY = {
    "xlm-roberta-base": "tiny-xlm-roberta",
    "roberta-base": "tiny-roberta",
    "labse": "tiny-labse",
}
"""Published bases -> names of the same in small, where ``tiny_bases`` is in force."""


def tiny_bases(patch: pytest.MonkeyPatch, vocabulary: int = 60) -> None:
    """Small models stand among the bases that towers were started from."""
    for base, name in TINY.items():
        few = {"vocab_size": vocabulary, "max_position_embeddings": 40}
        patch.setitem(BASES, name, {**BASES[base], **SMALL, **few})


@dataclass(frozen=True)
class Tower:
    """What a checkpoint's folder was made from."""

    encoder: Any
    """Gives the states that the converted encoder must give."""
    kind: str
    """Model type that it becomes."""
    positions: int = 40


def shaken(model: Any) -> Any:
    """A model whose tensors are all unlike what a fresh one has, norms and biases too."""
    torch.manual_seed(len(type(model).__name__))
    for tensor in model.parameters():
        nn.init.normal_(tensor, std=0.3)
    return model.eval()


def _saved(model: Any, folder: Path) -> Any:
    shaken(model).save_pretrained(folder)
    return model


def altclip(folder: Path) -> Tower:
    """BAAI/AltCLIP: XLM-R, and a projection behind it."""
    text = {**TEXT, "project_dim": 12, "pad_token_id": 1}
    config = AltCLIPConfig(text_config=text, vision_config=IMAGE, projection_dim=12)
    return Tower(_saved(AltCLIPModel(config), folder).text_model.roberta, "xlm-roberta", 38)


def chinese_clip(folder: Path) -> Tower:
    """OFA-Sys/chinese-clip: BERT."""
    config = ChineseCLIPConfig(text_config=TEXT, vision_config=IMAGE, projection_dim=12)
    return Tower(_saved(ChineseCLIPModel(config), folder).text_model, "bert")


def clip(folder: Path) -> Tower:
    """openai/clip: a causal tower."""
    config = CLIPConfig(text_config=TEXT, vision_config=IMAGE, projection_dim=12)
    return Tower(_saved(CLIPModel(config), folder).text_model, "clip_text_model")


def clip_text(folder: Path) -> Tower:
    """The text half of CLIP alone, as transformers 4 spelled it, with its projection."""
    model = shaken(CLIPTextModelWithProjection(CLIPTextConfig(**TEXT, projection_dim=12)))
    folder.mkdir(parents=True)
    CLIPTextConfig(**TEXT, projection_dim=12).save_pretrained(folder)
    save_file(dict(model.state_dict()), folder / "model.safetensors")
    assert any(name.startswith("text_model.encoder") for name in model.state_dict())
    return Tower(model.text_model, "clip_text_model")


def siglip(folder: Path) -> Tower:
    """google/siglip and siglip2 of a fixed resolution."""
    config = SiglipConfig(text_config=TEXT, vision_config=IMAGE)
    return Tower(_saved(SiglipModel(config), folder).text_model, "siglip_text_model")


def _blip() -> Any:
    text = {**TEXT, "encoder_hidden_size": 8, "sep_token_id": 2, "pad_token_id": 0}
    return BlipConfig(text_config=text, vision_config=IMAGE, projection_dim=12)


def blip(folder: Path) -> Tower:
    """BLIP's contrastive half."""
    return Tower(_saved(BlipModel(_blip()), folder).text_model, "bert")


def blip_retrieval(folder: Path) -> Tower:
    """Salesforce/blip-itm."""
    return Tower(_saved(BlipForImageTextRetrieval(_blip()), folder).text_encoder, "bert")


def blip_captions(folder: Path) -> None:
    """Salesforce/blip-image-captioning: a decoder and no text encoder."""
    _saved(BlipForConditionalGeneration(_blip()), folder)


def dual(folder: Path) -> Tower:
    """A dual encoder of transformers."""
    vision = CLIPConfig(text_config=TEXT, vision_config=IMAGE).vision_config
    config = VisionTextDualEncoderConfig.from_vision_text_configs(
        vision, base_config("tiny-xlm-roberta"), projection_dim=12
    )
    model = _saved(VisionTextDualEncoderModel(config), folder)
    return Tower(model.text_model, "xlm-roberta", 38)


def multilingual_clip(folder: Path) -> Tower:
    """sentence-transformers/clip-ViT-B-32-multilingual-v1: DistilBERT, a Dense beside it."""
    config = DistilBertConfig(
        vocab_size=TEXT["vocab_size"],
        max_position_embeddings=40,
        dim=16,
        n_layers=2,
        n_heads=2,
        hidden_dim=12,
    )
    model = _saved(DistilBertModel(config), folder)
    modules = ["", "1_Pooling", "2_Dense"]
    listed = [{"idx": n, "name": str(n), "path": path} for n, path in enumerate(modules)]
    (folder / "modules.json").write_text(json.dumps(listed))
    dense = folder / "2_Dense"
    dense.mkdir()
    save_file({"linear.weight": torch.ones(8, 16)}, dense / "model.safetensors")
    return Tower(model, "distilbert")


def started_from(base: str, pooler: bool) -> Any:
    """A random encoder of a tiny base."""
    return shaken(AutoModel.from_config(base_config(base), add_pooling_layer=pooler))


def open_clip(folder: Path, base: str = "tiny-xlm-roberta", ending: str = "bin") -> Tower:
    """laion/CLIP-ViT-B-32-xlm-roberta-base: no config.json, the names of open_clip."""
    encoder = started_from(base, pooler=False)
    text = {"hf_model_name": base, "hf_tokenizer_name": base, "pooler_type": "mean_pooler"}
    beside = {
        "logit_scale": torch.ones(()),
        "text.proj.0.weight": torch.ones(14, 16),
        "text.proj.2.weight": torch.ones(12, 14),
        "visual.conv1.weight": torch.ones(8, 3, 4, 4),
        "visual.transformer.resblocks.0.ln_1.weight": torch.ones(8),
        "text.transformer.embeddings.position_ids": torch.arange(40)[None],
    }
    named = {f"text.transformer.{n}": tensor for n, tensor in encoder.state_dict().items()}
    _write(folder, {**named, **beside}, {"bin": "open_clip_pytorch_model.bin",
           "safetensors": "open_clip_model.safetensors"}[ending])  # fmt: skip
    values = {"model_cfg": {"embed_dim": 12, "text_cfg": text}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(values))
    return Tower(encoder, encoder.config.model_type, 38)


def m_clip(folder: Path, base: str = "someone/tiny-xlm-roberta") -> Tower:
    """M-CLIP/XLM-Roberta-Large-Vit-*: with the encoder's own pooler."""
    encoder = started_from(base.rpartition("/")[2], pooler=True)
    named = {f"transformer.{name}": tensor for name, tensor in encoder.state_dict().items()}
    linear = {"weight": torch.ones(12, 16), "bias": torch.ones(12)}
    named |= {f"LinearTransformation.{name}": tensor for name, tensor in linear.items()}
    _write(folder, named, "pytorch_model.bin")
    values = {"model_type": "M-CLIP", "modelBase": base, "numDims": 12, "transformerDimensions": 16}
    (folder / "config.json").write_text(json.dumps(values))
    return Tower(encoder, encoder.config.model_type, 40 if "labse" in base else 38)


def _write(folder: Path, tensors: Mapping[str, Tensor], name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    whole = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    if name.endswith(".bin"):
        torch.save(whole, folder / name)
    else:
        save_file(whole, folder / name)


FAMILIES: dict[str, Callable[[Path], Tower]] = {
    "altclip": altclip,
    "chinese_clip": chinese_clip,
    "clip": clip,
    "clip_text": clip_text,
    "siglip": siglip,
    "blip": blip,
    "blip_retrieval": blip_retrieval,
    "dual": dual,
    "multilingual_clip": multilingual_clip,
    "open_clip": open_clip,
    "open_clip_safe": lambda folder: open_clip(folder, ending="safetensors"),
    "open_clip_roberta": lambda folder: open_clip(folder, "tiny-roberta"),
    "m_clip": m_clip,
    "m_clip_labse": lambda folder: m_clip(folder, "sentence-transformers/tiny-labse"),
}


def weights_of(folder: Path) -> Path:
    """The one file with weights at the top of a folder."""
    (file,) = [path for path in folder.iterdir() if path.suffix in (".bin", ".safetensors")]
    return file


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """The tensors in it."""
    file = weights_of(folder)
    return dict(torch.load(file) if file.suffix == ".bin" else load_file(file))


def rewritten(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Put other tensors into that file."""
    _write(folder, tensors, weights_of(folder).name)


def as_bin(folder: Path) -> None:
    """The same weights as a pickle, as older repositories have them."""
    tensors = tensors_of(folder)
    weights_of(folder).unlink()
    _write(folder, tensors, "pytorch_model.bin")


def pickled(values: Any) -> bytes:
    """What ``torch.save`` writes of them."""
    file = io.BytesIO()
    torch.save(values, file)
    return file.getvalue()


class Touch:
    """Unpickled without a guard, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def states(encoder: Any) -> tuple[Tensor, ...]:
    """Hidden states of all layers, and the last as it is handed on, of rows of which one is padded.

    Only those of real tokens: of padding nobody asks.
    """
    ids = torch.arange(5, 29).reshape(2, 12)
    ids[1, 7:] = encoder.config.pad_token_id
    mask = torch.tensor([[1] * 12, [1] * 7 + [0] * 5])
    with torch.no_grad():
        output = encoder.eval()(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    return tuple(
        states[mask.bool()] for states in (*output.hidden_states, output.last_hidden_state)
    )


def alike(ours: Any, theirs: Any) -> bool:
    """Whether two encoders say the same, but for rounding: SSE alone needs this bound."""
    pairs = zip(states(ours), states(theirs), strict=True)
    return all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)
