"""Layouts of checkpoints, one row each: how its text encoder is found and what it becomes.

Names of tensors were read off transformers' own saves (5.23) and, for open_clip and M-CLIP, off
their sources: ``HFTextEncoder`` in mlfoundations/open_clip (``text.transformer``, ``text.proj``),
``MultilingualCLIP`` in FreddeFrallan/Multilingual-CLIP (``transformer``, ``LinearTransformation``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainables.checkpoints.weights import OPEN_CLIP, PLAIN

ANYWHERE = {
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
"""Beginning of a tensor's name (without the model's own prefix) -> why it is not loaded."""

_SHARED = {
    "vision_model.": "image tower",
    "visual_projection.": "maps pooled images into the space shared with text",
    "text_projection.": "maps pooled text into the space shared with images",
    "logit_scale": "temperature of the contrastive loss",
    "logit_bias": "bias of the contrastive loss",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where a checkpoint keeps its text encoder, and which plain encoder that becomes."""

    name: str
    model_types: tuple[str, ...] = ()
    """What ``config.json`` calls it."""
    weights: tuple[str, ...] = PLAIN
    """Patterns of the files with its weights."""
    towers: tuple[str, ...] = ()
    """Prefixes of the encoder's tensors; the first that any tensor has is taken. None: the prefix
    that transformers gives the encoder within larger models, and names without it as well."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Part of an encoder's tensor names -> what the plain encoder calls it."""
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Beginning of a tensor's name -> why it is not loaded."""
    made: Mapping[str, str] = field(default_factory=dict)
    """Tensor that the plain encoder has and this one has not: it is made of zeros -> why."""
    text_config: bool = False
    """Whether ``config.json`` holds the encoder's configuration as its ``text_config``."""
    becomes: str = ""
    """Model type of the plain encoder, where that is not the tower's own."""
    base: tuple[str, ...] = ()
    """File and keys of the name of the model that the tower was started from, where nothing else
    says how large it is (see ``BASES``)."""
    tokenizer: tuple[str, ...] = ()
    """Files of its tokenizer beyond the usual ones."""

    @property
    def rules(self) -> Mapping[str, str]:
        """Why tensors are not loaded."""
        return {**ANYWHERE, **self.ignored}


PLAIN_ENCODER = Layout(name="transformers encoder")
"""What everything becomes, and what every other checkpoint of transformers is taken for."""

OPEN_CLIP_TOWER = Layout(
    name="open_clip with a transformers text tower",
    weights=OPEN_CLIP,
    towers=("text.transformer.",),
    ignored={
        "text.proj.": "maps pooled text into the space shared with images",
        "visual.": "image tower",
        **_SHARED,
    },
    base=("open_clip_config.json", "model_cfg", "text_cfg", "hf_model_name"),
)

LAYOUTS: tuple[Layout, ...] = (
    Layout(
        name="M-CLIP",
        model_types=("M-CLIP",),
        towers=("transformer.",),
        ignored={"LinearTransformation.": "maps pooled text into the space of CLIP's text tower"},
        base=("config.json", "modelBase"),
    ),
    Layout(
        name="AltCLIP",
        model_types=("altclip",),
        towers=("text_model.roberta.",),
        renamed=(("encoder.layers.", "encoder.layer."),),
        ignored={
            "text_model.pre_LN.": "normalises states before they are mapped into CLIP's space",
            "text_model.transformation.": "maps states into the space of CLIP's text tower",
            **_SHARED,
        },
        text_config=True,
        becomes="xlm-roberta",
    ),
    Layout(
        name="SigLIP",
        model_types=("siglip",),
        towers=("text_model.",),
        ignored=_SHARED,
        text_config=True,
        tokenizer=("spiece.model", "tokenizer.model"),
    ),
    Layout(
        name="CLIP",
        model_types=("clip",),
        towers=("text_model.",),
        ignored=_SHARED,
        text_config=True,
    ),
    Layout(
        name="text tower of CLIP or SigLIP",
        model_types=("clip_text_model", "siglip_text_model"),
        towers=("text_model.", ""),
        ignored=_SHARED,
        tokenizer=("spiece.model", "tokenizer.model"),
    ),
    Layout(
        name="BLIP",
        model_types=("blip",),
        towers=("text_encoder.", "text_model."),
        ignored={
            "encoder.layer.*.crossattention.": "reads an image, which text alone does not have",
            "itm_head.": "tells whether an image and a text match",
            "text_proj.": "maps pooled text into the space shared with images",
            "vision_proj.": "maps pooled images into the space shared with text",
            "text_decoder.": "writes captions or answers",
            **_SHARED,
        },
        made={
            "embeddings.token_type_embeddings.weight": "BLIP has no token types: zeros add nothing"
        },
        text_config=True,
        becomes="bert",
    ),
    Layout(
        name="ChineseCLIP",
        model_types=("chinese_clip",),
        towers=("text_model.",),
        ignored=_SHARED,
        text_config=True,
        becomes="bert",
    ),
    Layout(
        name="dual encoder of transformers",
        model_types=("vision-text-dual-encoder",),
        towers=("text_model.",),
        ignored=_SHARED,
        text_config=True,
    ),
    OPEN_CLIP_TOWER,
    PLAIN_ENCODER,
)
"""A new row needs a round trip in ``tests/test_trainables_checkpoints.py``."""

UNSUPPORTED = {
    "metaclip_2": "MetaCLIP 2's text tower is causal, has 77 positions and no text-only twin",
    "jina_clip": "jina-clip's architecture is code of its repository, which is never run",
    "m2m_100": "NLLB and M2M-100 are encoder-decoders that must be told the language of each text",
    "blip-2": "BLIP-2's text side is a large decoder, and no encoder of text",
    "instructblip": "InstructBLIP's text side is a large decoder, and no encoder of text",
    "siglip2": "SigLIP 2 with images of any shape (naflex) has classes of its own; one of a fixed "
    "resolution is 'siglip' in its config.json and can be used",
}
"""Model type -> why it is recognised and yet refused."""
