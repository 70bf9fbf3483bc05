"""Masked words: what encoders are pretrained on, as one more task of a mixture."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spaces.keys import derived_seed
from spaces.tasks import Task
from trainables.forms.base import (
    IGNORED_LABEL,
    Features,
    at_places,
    blank,
    room_for_text,
    single_units,
)
from trainables.masked_output import pretrained_output
from trainables.rows import RowError, RowTable

MASK_SHARE = 0.15
"""Share of a text's subwords that are masked (Devlin et al. 2019, "BERT", arXiv 1810.04805)."""


class TiedOutput(nn.Module):
    """Scores of every word: the encoder's word embeddings, and a bias of its own.

    Where the checkpoint had been pretrained on masked words, its own transform and bias go on from
    there (``trainables/masked_output.py``); else the bias is fresh and nothing stands between.

    The embeddings stay the encoder's: torch does not see them among this module's weights, so that
    nothing counts, partitions or saves them twice.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        config: Any = encoder.config
        embeddings: nn.Embedding = encoder.get_input_embeddings()  # type: ignore[operator]
        if embeddings.embedding_dim != config.hidden_size:
            raise RowError(
                f"the word embeddings of this {config.model_type} have {embeddings.embedding_dim} "
                f"dimensions and its states {config.hidden_size}: masked words cannot be told from "
                "them; leave tasks of form 'masked' out"
            )
        self.bias = nn.Parameter(torch.zeros(embeddings.num_embeddings))
        self.transform: nn.Module = nn.Identity()
        self._hidden = (embeddings,)  # torch registers a module, not a tuple that holds one
        if pretrained := pretrained_output(encoder):
            self.transform = pretrained.transform(config)
            self.bias.data.copy_(pretrained.bias)

    def forward(self, states_mh: Tensor) -> Tensor:
        """Scores [M, V] of states [M, H]."""
        states_mh = self.transform(states_mh)
        scores_mv: Tensor = states_mh @ self._hidden[0].weight.T + self.bias
        return scores_mv


def masked_loss(output: nn.Module, hidden_bth: Tensor, targets_bt: Tensor) -> Tensor:
    """Sum over rows of each row's mean cross-entropy on its masked tokens, a scalar.

    Args:
        output: scores of the vocabulary, [M, H] -> [M, V].
        hidden_bth: states.
        targets_bt: what was masked, ``IGNORED_LABEL`` everywhere else.
    """
    masked_bt = targets_bt != IGNORED_LABEL
    scores_mv = output(hidden_bth[masked_bt])  # only masked tokens meet the vocabulary
    losses_m = nn.functional.cross_entropy(
        scores_mv.float(), targets_bt[masked_bt], reduction="none"
    )
    rows_m = masked_bt.nonzero()[:, 0]
    counts_b = masked_bt.sum(1).clamp(min=1)
    total: Tensor = (losses_m / counts_b[rows_m]).sum()
    return total


@dataclass(frozen=True, slots=True)
class Masking:
    """Which tokens are masked, and what stands in their places."""

    share: float
    mask_id: int
    is_word: NDArray[np.bool_]
    """Whether an id is no special token, [V]: it may be masked, and be drawn in another's place."""
    words: NDArray[np.int64] = field(init=False)
    """Those ids."""

    def __post_init__(self) -> None:
        """List the words once."""
        object.__setattr__(self, "words", np.flatnonzero(self.is_word))

    def __call__(
        self, ids_bt: NDArray[np.int64], draws_3bt: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Masked ids and targets: 80 % [MASK], 10 % a random word, 10 % as it is.

        Args:
            ids_bt: tokens, padding among them.
            draws_3bt: uniform draws: which are masked, what becomes of them, which word.

        Returns:
            Both [B, T]. Every row with a word has a target at least, so that none lacks a loss.
        """
        is_word = self.is_word[ids_bt]
        which, fate, word = draws_3bt
        which = np.where(is_word, which, 2.0)
        chosen = is_word & (which <= np.maximum(self.share, which.min(axis=1, keepdims=True)))
        drawn = self.words[(word * len(self.words)).astype(np.int64)]
        masked = np.where(chosen & (fate < 0.8), self.mask_id, ids_bt)
        masked = np.where(chosen & (fate >= 0.8) & (fate < 0.9), drawn, masked)
        return masked, np.where(chosen, ids_bt, IGNORED_LABEL)


class Masked:
    """Masked language modelling on any text: trained on alone, nothing is predicted or scored.

    A long text is cut into consecutive windows, each a unit, and nothing of it is lost. The masks
    are static: which subwords of a window are masked follows from the window itself. So they depend
    neither on the step nor on how rows are spread over micro-batches and ranks, and a resumed phase
    is exact. The cost: a window that comes again is masked as before, where new masks each time
    were found to be slightly better (Liu et al. 2019, "RoBERTa", arXiv 1907.11692).

    A window of unknown words alone has no target, and a loss of zero.
    """

    columns: ClassVar[tuple[str, ...]] = ("text",)
    content: ClassVar[tuple[str, ...]] = ("text",)
    joint: ClassVar[bool] = False

    def flaw(self, task: Task, row: dict[str, Any], scored: bool) -> str:
        """A text must have words."""
        return blank(row, "text")

    def head(self, task: Task, encoder: nn.Module) -> nn.Module:
        """The encoder's own word embeddings, and a bias."""
        return TiedOutput(encoder)

    def features(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """One unit per window, with the places of its masked tokens and what stood there."""
        masking = masking_of(tokenizer, MASK_SHARE)
        room_for_text(tokenizer, longest)
        encoded = tokenizer(
            rows["text"],
            truncation=True,
            max_length=longest,
            return_overflowing_tokens=True,
            return_attention_mask=False,
        )
        origin = encoded["overflow_to_sample_mapping"]
        units = single_units(encoded, len(origin), places=[], words=[])
        for unit in units.units:
            seen, places, words = _masked(masking, unit["input_ids"][0])
            unit["input_ids"] = [seen]
            units.columns["places"].append(places)
            units.columns["words"].append(words)
        return Features(units.units, list(origin), units.columns)

    def targets(self, features: Features, width: int) -> Tensor:
        """What was masked, [B, T], ``IGNORED_LABEL`` everywhere else."""
        return at_places(features, width, "words")

    def loss(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Sum over units of the mean cross-entropy of their masked subwords."""
        return masked_loss(head, hidden_sth, batch["targets"])


class Captions(Masked):
    """Masked text whose rows have pictures: pretraining looks at these, a mixture does not."""

    columns: ClassVar[tuple[str, ...]] = ("text", "image")


def masking_of(tokenizer: Any, share: float) -> Masking:
    """How a tokenizer's subwords are masked.

    Raises:
        RowError: it has no mask token.
    """
    if tokenizer.mask_token_id is None:
        raise RowError(
            f"the tokenizer {type(tokenizer).__name__} of this initialisation has no mask token: "
            "leave tasks of form 'masked' out, or start from an encoder that was pretrained on "
            "masked words"
        )
    is_word = np.ones(len(tokenizer), dtype=np.bool_)
    is_word[tokenizer.all_special_ids] = False
    return Masking(share, tokenizer.mask_token_id, is_word)


def _masked(masking: Masking, ids: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """A window as the encoder sees it, and its masked places with what stood there."""
    rng = np.random.default_rng(derived_seed("masked", *ids))
    masked, targets = masking(np.asarray([ids]), rng.random((3, 1, len(ids))))
    places = np.flatnonzero(targets[0] != IGNORED_LABEL)
    return masked[0].tolist(), places.tolist(), targets[0, places].tolist()
