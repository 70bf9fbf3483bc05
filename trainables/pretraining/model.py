"""What is trained in a pretraining: an encoder, its output layer, and an eye if it is to see."""

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from transformers import XLMRobertaConfig, XLMRobertaModel

from spaces.initialisations import Pretraining
from trainables.contrast import contrast_in
from trainables.forms.masked import TiedOutput, masked_loss
from trainables.forms.retrieval import Pool
from trainables.initialisation import WORLD_MARK
from trainables.model import last_states

PADDING_OFFSET = 2
"""RoBERTa counts positions from the padding id on: so many ids stand for none."""


def fresh_encoder(
    pretraining: Pretraining, vocabulary_size: int, pad_id: int, world: str = "micro"
) -> nn.Module:
    """An XLM-R encoder of the recipe's size; its weights come from torch's current seed."""
    config = XLMRobertaConfig(
        vocab_size=vocabulary_size,
        hidden_size=pretraining.hidden,
        num_hidden_layers=pretraining.layers,
        num_attention_heads=pretraining.heads,
        intermediate_size=pretraining.feed_forward,
        hidden_act="relu",  # erf-GELU costs a third more per step on a CPU
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=pretraining.positions + PADDING_OFFSET,
        type_vocab_size=1,
        pad_token_id=pad_id,
        bos_token_id=None,
        eos_token_id=None,
        initializer_range=pretraining.initializer_range,
        **({WORLD_MARK: world} if world != "real" else {}),
    )
    encoder: nn.Module = XLMRobertaModel(config, add_pooling_layer=False)
    return encoder


class Eye(nn.Module):
    """Pictures [B, ...] -> vectors [B, H] of length 1."""

    picture: tuple[int, ...]
    """Shape of one picture."""


class PatchEncoder(Eye):
    """The miniature's eye: patches [B, P, V] -> vectors [B, H] of length 1."""

    def __init__(self, patches: int, patch_values: int, hidden: int) -> None:
        super().__init__()
        self.picture = (patches, patch_values)
        self.patches = nn.Sequential(
            nn.Linear(patch_values, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )

    def forward(self, images_bpv: Tensor) -> Tensor:
        """Mean over patches: what is where is told by the patches' own looks."""
        return nn.functional.normalize(self.patches(images_bpv).mean(1), dim=-1)


class PixelEncoder(Eye):
    """The eye for small pictures: [B, C, N, N] in [0, 1] -> vectors [B, H] of length 1.

    Three convolutions of stride 2; their groups are normalised one picture at a time, so that no
    picture's vector hangs on the cut into micro-batches.
    """

    def __init__(self, channels: int, side: int, hidden: int) -> None:
        super().__init__()
        self.picture = (channels, side, side)
        widths = (channels, 32, 64, 128)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1),
                nn.GroupNorm(8, after),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers)
        self.output = nn.Linear(2 * widths[-1], hidden)

    def forward(self, images_bcnn: Tensor) -> Tensor:
        """Mean and maximum over places: how much of a look there is, and whether there is any."""
        looks = self.layers(images_bcnn - 0.5).flatten(2)
        both = torch.cat([looks.mean(-1), looks.amax(-1)], dim=-1)
        return nn.functional.normalize(self.output(both), dim=-1)


class PretrainingModel(nn.Module):
    """An encoder with an output layer tied to its word embeddings, and an eye if asked.

    The mean state of the very forward pass that predicts the masked words is contrasted with the
    picture (as CLIP contrasts captions, Radford et al. 2021, arXiv 2103.00020), or with the text
    itself, unmasked. Where a batch holds ``texts``, the text unmasked takes the masked one's place
    before pictures too. The eye is not kept after pretraining.
    """

    def __init__(self, encoder: nn.Module, weight: float = 0.0, eye: Eye | None = None):
        """A model.

        Args:
            encoder: of transformers, without a head.
            weight: of the contrastive loss; 0 for masked words alone.
            eye: pictures -> vectors [B, H]; None where texts are contrasted with themselves.
        """
        super().__init__()
        self.output = TiedOutput(encoder)
        self.encoder = encoder
        config: Any = encoder.config
        self.vector_size: int = config.hidden_size
        self.weight = weight
        self.pool = Pool("mean")
        self.image_encoder: Eye | None = eye

    def forward(self, batch: dict[str, Any]) -> Tensor:
        """Sum of the rows' losses.

        The eye is touched with weight zero where there is nothing to see: ranks and ZeRO partitions
        must gather and reduce the same tensors in every micro-batch.
        """
        hidden_bth = last_states(self.encoder, batch)
        loss = masked_loss(self.output, hidden_bth, batch["targets"])
        if "same" in batch:
            return loss + self.weight * contrast_in(batch, self._pairs(hidden_bth, batch))
        if self.image_encoder is not None:
            nothing = torch.zeros(1, *self.image_encoder.picture, device=hidden_bth.device)
            loss = loss + 0.0 * self.image_encoder(nothing).sum()
        return loss

    def vectors(self, batch: dict[str, Any]) -> Tensor:
        """Vectors of a text and of what it is contrasted with, [B, 2, H]."""
        return self._pairs(last_states(self.encoder, batch), batch)

    def _pairs(self, hidden_bth: Tensor, batch: dict[str, Any]) -> Tensor:
        masked_bh = self.pool(hidden_bth, batch["attention_mask"])
        whole_bh = masked_bh
        if "texts" in batch:
            whole = {"input_ids": batch["texts"], "attention_mask": batch["attention_mask"]}
            whole_bh = self.pool(last_states(self.encoder, whole), batch["attention_mask"])
        seen = self.image_encoder
        other_bh = masked_bh if seen is None else seen(batch["images"]).to(masked_bh.dtype)
        return torch.stack([whole_bh, other_bh], dim=1)
