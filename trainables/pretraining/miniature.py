"""Pretraining in the micro-world: generated documents, and pictures of what they tell."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from spaces.initialisations import Pretraining
from spaces.keys import derived_seed
from trainables.batches import RowOrder
from trainables.contrast import APART
from trainables.forms.masked import Masking
from trainables.micro import documents, tokenizer
from trainables.micro.documents import Documents
from trainables.micro.images import PATCHES, VALUES, images
from trainables.micro.scenes import Scenes
from trainables.pretraining.documents import MaskedText, Numbers
from trainables.pretraining.model import Eye, PatchEncoder, PretrainingModel, fresh_encoder

SPECIAL_IDS = 5
"""Ids below this are special tokens, which are never masked."""


def micro_tokenizer() -> Any:
    """The micro-world's word-level tokenizer as transformers knows tokenizers."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )


@dataclass(frozen=True, slots=True)
class ScenePictures:
    """Pictures drawn of scenes, one per document."""

    scenes: Scenes

    def drawn(self, documents: Numbers, rng: np.random.Generator) -> NDArray[np.float32]:
        """[B, P, V], with fresh noise."""
        return images(self.scenes[documents], rng)


def miniature_run(pretraining: Pretraining, seed: int) -> tuple[PretrainingModel, Any, MaskedText]:
    """A fresh model, the tokenizer and the documents that an initialisation is pretrained on.

    Recipes that differ in ``contrast`` alone share the encoder's first weights, the documents,
    their order and their masks, where they have one seed.
    """
    fast = micro_tokenizer()
    written = documents(
        pretraining.documents, derived_seed("documents", seed), pretraining.languages
    )
    torch.manual_seed(derived_seed("encoder", seed))
    encoder = fresh_encoder(pretraining, len(fast), fast.pad_token_id)
    eye: Eye | None = None
    if pretraining.sees_pictures:
        eye = PatchEncoder(PATCHES, VALUES, pretraining.hidden)
    contrasted = pretraining.contrast != "none"
    model = PretrainingModel(encoder, pretraining.contrast_weight if contrasted else 0.0, eye)
    words = np.arange(len(fast)) >= SPECIAL_IDS
    data = MaskedText(
        texts=fast(written.texts)["input_ids"],
        order=RowOrder(seed, (len(written),), (1,), pretraining.optimisation.rows_per_step),
        masking=Masking(pretraining.mask_share, fast.mask_token_id, words),
        pad_id=fast.pad_token_id,
        names=_names(written, pretraining) if contrasted else (),
        pictures=ScenePictures(_shown(written, pretraining, seed)) if eye else None,
        with_texts=pretraining.contrast == "views" or pretraining.contrast_unmasked,
    )
    return model, fast, data


def _names(written: Documents, pretraining: Pretraining) -> tuple[int, ...]:
    """Each document is its own; those of languages without captions stand apart."""
    return tuple(
        number if pretraining.contrasts(language) else APART
        for number, language in enumerate(written.languages)
    )


def _shown(written: Documents, pretraining: Pretraining, seed: int) -> Scenes:
    """The scene on each document's picture: its own, or another document's."""
    if pretraining.contrast == "images":
        return written.scenes
    rng = np.random.default_rng(derived_seed("placebo", seed))
    return written.scenes[rng.permutation(len(written))]
