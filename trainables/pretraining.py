"""Pretraining of a small encoder on masked words and pictures, through the same training loop."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from spaces.initialisations import Pretraining
from spaces.keys import derived_seed
from trainables.batches import RowOrder
from trainables.contrast import APART, contrast_in
from trainables.forms.masked import Masking, TiedOutput, masked_loss
from trainables.forms.retrieval import Pool
from trainables.initialisation import WORLD_MARK
from trainables.micro import documents, tokenizer
from trainables.micro.documents import Documents
from trainables.micro.images import VALUES, images
from trainables.micro.scenes import Scenes
from trainables.model import last_states, padded
from trainables.phase import StepRows

SPECIAL_IDS = 5
"""Ids below this are special tokens, which are never masked."""


def fresh_encoder(pretraining: Pretraining, vocabulary_size: int, pad_id: int) -> nn.Module:
    """An XLM-R encoder of the row's size; its weights come from torch's current seed."""
    config = XLMRobertaConfig(
        vocab_size=vocabulary_size,
        hidden_size=pretraining.hidden,
        num_hidden_layers=pretraining.layers,
        num_attention_heads=pretraining.heads,
        intermediate_size=pretraining.feed_forward,
        hidden_act="relu",  # erf-GELU costs a third more per step on a CPU
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=pad_id,
        bos_token_id=None,
        eos_token_id=None,
        initializer_range=pretraining.initializer_range,
        **{WORLD_MARK: "micro"},
    )
    encoder: nn.Module = XLMRobertaModel(config, add_pooling_layer=False)
    return encoder


class ImageEncoder(nn.Module):
    """Pictures as patches [B, P, V] -> vectors [B, H] of length 1; not kept after pretraining."""

    def __init__(self, patch_values: int, hidden: int) -> None:
        super().__init__()
        self.patches = nn.Sequential(
            nn.Linear(patch_values, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )

    def forward(self, images_bpv: Tensor) -> Tensor:
        """Mean over patches: what is where is told by the patches' own looks."""
        return nn.functional.normalize(self.patches(images_bpv).mean(1), dim=-1)


class PretrainingModel(nn.Module):
    """An encoder with an output layer tied to its word embeddings, and an image encoder if asked.

    Pictures are contrasted with the mean state of the very forward pass that predicts the masked
    words (as CLIP contrasts captions, Radford et al. 2021, arXiv 2103.00020), so they cost no
    second pass over the text.
    """

    def __init__(self, encoder: nn.Module, image_weight: float = 0.0) -> None:
        super().__init__()
        self.output = TiedOutput(encoder)
        self.encoder = encoder
        config: Any = encoder.config
        self.vector_size: int = config.hidden_size
        self.image_weight = image_weight
        self.pool = Pool("mean")
        self.image_encoder = ImageEncoder(VALUES, config.hidden_size) if image_weight else None

    def forward(self, batch: dict[str, Any]) -> Tensor:
        """Sum of the rows' losses."""
        hidden_bth = last_states(self.encoder, batch)
        loss = masked_loss(self.output, hidden_bth, batch["targets"])
        if self.image_encoder is not None:
            loss = loss + self.image_weight * contrast_in(batch, self._pairs(hidden_bth, batch))
        return loss

    def vectors(self, batch: dict[str, Any]) -> Tensor:
        """Vectors of text and picture, [B, 2, H]."""
        return self._pairs(last_states(self.encoder, batch), batch)

    def _pairs(self, hidden_bth: Tensor, batch: dict[str, Any]) -> Tensor:
        assert self.image_encoder is not None
        text_bh = self.pool(hidden_bth, batch["attention_mask"])
        return torch.stack([text_bh, self.image_encoder(batch["images"])], dim=1)


@dataclass(frozen=True, slots=True)
class MaskedText:
    """Steps of masked documents, for ``train_phase``."""

    texts: list[list[int]]
    """Token ids of each document."""
    order: RowOrder
    mask_share: float
    mask_id: int
    pad_id: int
    vocabulary_size: int
    scenes: Scenes | None = None
    """What the picture of each document shows; None for text alone."""
    names: tuple[int, ...] = ()
    """Name of each document's picture, ``APART`` for documents that see none."""

    def rows(self, step: int) -> StepRows:
        """The documents of a step."""
        rows = self.order.step(step)
        lengths = [len(self.texts[r]) for _, r in rows]
        joint = {"": [self.names[r] for _, r in rows]} if self.scenes else {}
        return StepRows(step, rows, lengths, [""] * len(rows), sum(lengths), joint)

    def batch(self, rows: StepRows, positions: list[int]) -> dict[str, Any]:
        """A micro-batch; a document's masks depend on (seed, step, place in the step) alone."""
        tensors = padded(
            {"input_ids": [self.texts[rows.rows[p, 1]] for p in positions]}, self.pad_id
        )
        ids_bt = tensors["input_ids"].numpy()
        draws = self._draws(rows)[:, positions, : ids_bt.shape[1]]
        is_word = np.arange(self.vocabulary_size) >= SPECIAL_IDS
        masked, targets_bt = Masking(self.mask_share, self.mask_id, is_word)(ids_bt, draws)
        tensors["input_ids"] = torch.from_numpy(masked)
        return {
            **tensors,
            "targets": torch.from_numpy(targets_bt),
            **self._pictures(rows, positions),
        }

    def _pictures(self, rows: StepRows, positions: list[int]) -> dict[str, Tensor]:
        """Pictures [B, P, V] and their names; noise depends on (seed, step, place) alone."""
        if self.scenes is None:
            return {}
        rng = np.random.default_rng(derived_seed("pictures", self.order.seed, rows.step))
        drawn = images(self.scenes[rows.rows[:, 1]], rng)[positions]
        names = [rows.joint[""][p] for p in positions]
        return {"images": torch.from_numpy(drawn), "same": torch.tensor(names)}

    def _draws(self, rows: StepRows) -> np.ndarray:
        """Uniform draws [3, rows, tokens] of a step: which, what becomes of it, which token."""
        rng = np.random.default_rng(derived_seed("mask", self.order.seed, rows.step))
        return rng.random((3, len(rows.lengths), max(rows.lengths)))


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


def pretraining_run(
    pretraining: Pretraining, seed: int
) -> tuple[PretrainingModel, Any, MaskedText]:
    """A fresh model, the tokenizer and the documents that an initialisation is pretrained on.

    The text-only, the multimodal and the placebo initialisation of one seed share the encoder's
    first weights, the documents, their order and their masks.
    """
    fast = micro_tokenizer()
    written = documents(
        pretraining.documents, derived_seed("documents", seed), pretraining.languages
    )
    torch.manual_seed(derived_seed("encoder", seed))
    encoder = fresh_encoder(pretraining, len(fast), fast.pad_token_id)
    seen = pretraining.images != "none"
    model = PretrainingModel(encoder, pretraining.image_weight if seen else 0.0)
    data = MaskedText(
        texts=fast(written.texts)["input_ids"],
        order=RowOrder(seed, (len(written),), (1,), pretraining.optimisation.rows_per_step),
        mask_share=pretraining.mask_share,
        mask_id=fast.mask_token_id,
        pad_id=fast.pad_token_id,
        vocabulary_size=len(fast),
        scenes=_shown(written, pretraining, seed) if seen else None,
        names=tuple(
            number if language in pretraining.captioned else APART
            for number, language in enumerate(written.languages)
        ),
    )
    return model, fast, data


def _shown(written: Documents, pretraining: Pretraining, seed: int) -> Scenes:
    """The scene on each document's picture: its own, or another document's."""
    if pretraining.images == "own":
        return written.scenes
    rng = np.random.default_rng(derived_seed("placebo", seed))
    return written.scenes[rng.permutation(len(written))]
