"""From a specification to what ``train_phase`` needs, and what is measured after it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spaces.initialisations import Pretraining
from spaces.keys import derived_seed
from spaces.languages import HUBS
from spaces.phases import InitialisationSpec
from trainables.batches import RowOrder
from trainables.forms.masked import masking_of
from trainables.initialisation import (
    load_encoder,
    load_tokenizer,
    longest_input,
    save_encoder,
    save_weights,
)
from trainables.masked_output import FILE as OUTPUT
from trainables.masked_output import output_tensors
from trainables.pretraining.corpora import (
    Corpus,
    Photographs,
    Tokenised,
    contrast_names,
    part_weights,
    shown_pictures,
)
from trainables.pretraining.documents import MaskedText
from trainables.pretraining.held_out import Examiner, write_measures
from trainables.pretraining.miniature import miniature_run
from trainables.pretraining.model import PixelEncoder, PretrainingModel, fresh_encoder
from trainables.pretraining.vocabulary import trained_tokenizer
from trainables.rows import Source
from trainables.sources.captions import CHANNELS, SIDE
from trainables.store import Artifact


@dataclass(slots=True)
class PretrainingRun:
    """What is trained on what, and how what came out is kept."""

    model: PretrainingModel
    tokenizer: Any
    data: MaskedText
    held_out: Corpus | None = None

    def save(self, weights: dict[str, Tensor], folder: Path) -> None:
        """Write encoder and tokenizer, and what real rows that were held out say of them."""
        self.model.load_state_dict(weights)
        self.model.eval()
        self.tokenizer.save_pretrained(folder)
        save_encoder(self.model.encoder, folder)
        if output := output_tensors(self.model.output.transform, self.model.output.bias):
            save_weights(output, folder, OUTPUT)
        if self.held_out and self.held_out.parts:
            longest = longest_input(self.model.encoder)
            examiner = Examiner(self.model, self.tokenizer, self.data.masking, longest, HUBS[0])
            write_measures(examiner.measures(self.held_out), folder)


def pretraining_run(
    spec: InitialisationSpec, source: Source, start: Artifact | None
) -> PretrainingRun:
    """A model and its documents.

    Args:
        spec: of a recipe.
        source: rows of real text.
        start: the initialisation that it goes on from; None for fresh weights.

    Raises:
        RowError: rows are gone, or cannot be pretrained on.
    """
    assert spec.pretraining is not None and spec.seed is not None
    if spec.pretraining.documents:
        return PretrainingRun(*miniature_run(spec.pretraining, spec.seed))
    return _real_run(spec, spec.pretraining, spec.seed, source, start)


def _real_run(
    spec: InitialisationSpec,
    recipe: Pretraining,
    seed: int,
    source: Source,
    start: Artifact | None,
) -> PretrainingRun:
    corpus = Corpus.read(spec, source, "train")
    tokenizer, encoder = _beginning(recipe, corpus, seed, start)
    data = _documents(recipe, corpus, seed, tokenizer, longest_input(encoder))
    return PretrainingRun(
        _model(recipe, encoder, seed), tokenizer, data, Corpus.read(spec, source, "dev")
    )


def _beginning(
    recipe: Pretraining, corpus: Corpus, seed: int, start: Artifact | None
) -> tuple[Any, nn.Module]:
    """Tokenizer and encoder: another initialisation's, or a trained one and fresh weights."""
    if start:
        return load_tokenizer(start.folder), load_encoder(start.folder)[0]
    tokenizer = trained_tokenizer(corpus.texts, recipe.vocabulary)
    torch.manual_seed(derived_seed("encoder", seed))
    pad_id: Any = tokenizer.pad_token_id
    return tokenizer, fresh_encoder(recipe, len(tokenizer), pad_id, world="real")


def _documents(
    recipe: Pretraining, corpus: Corpus, seed: int, tokenizer: Any, positions: int
) -> MaskedText:
    found = Tokenised.of(corpus, tokenizer, min(recipe.positions, positions))
    weights = part_weights(recipe, corpus.parts, found.sizes)
    shown = shown_pictures(recipe, found.items, seed)
    contrasted = recipe.contrast != "none"
    names = contrast_names(recipe, found.languages, found.items, shown) if contrasted else ()
    return MaskedText(
        texts=found.ids,
        order=RowOrder(seed, found.sizes, weights, recipe.optimisation.rows_per_step),
        masking=masking_of(tokenizer, recipe.mask_share),
        pad_id=tokenizer.pad_token_id,
        names=names,
        pictures=Photographs(corpus.album.pixels(), shown) if recipe.sees_pictures else None,
        with_texts=contrasted and (recipe.contrast == "views" or recipe.contrast_unmasked),
    )


def _model(recipe: Pretraining, encoder: nn.Module, seed: int) -> PretrainingModel:
    """The encoder with its output layer and, where pictures are looked at, a fresh eye."""
    torch.manual_seed(derived_seed("eye", seed))
    config: Any = encoder.config
    eye = PixelEncoder(CHANNELS, SIDE, config.hidden_size) if recipe.sees_pictures else None
    weight = recipe.contrast_weight if recipe.contrast != "none" else 0.0
    return PretrainingModel(encoder, weight, eye)
