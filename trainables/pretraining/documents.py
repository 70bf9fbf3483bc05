"""Steps of masked documents, some of which have a picture, for ``train_phase``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spaces.keys import derived_seed
from trainables.batches import RowOrder
from trainables.contrast import APART
from trainables.forms.masked import Masking
from trainables.model import padded
from trainables.phase import StepRows

PLAIN, CONTRASTED = "", "contrasted"
"""Groups of documents: of some only masked words are told, of the others a second loss. They
stand in micro-batches of their own, because captions are short."""

Numbers = NDArray[np.int64]


class Pictures(Protocol):
    """What the documents of a pretraining show."""

    def drawn(self, documents: Numbers, rng: np.random.Generator) -> NDArray[np.float32]:
        """Pictures of some documents, [B, ...]; of those without one, anything.

        Args:
            documents: their numbers, [B].
            rng: source of noise.
        """


@dataclass(frozen=True, slots=True)
class MaskedText:
    """Steps of masked documents."""

    texts: Sequence[Sequence[int]]
    """Token ids of each document."""
    order: RowOrder
    """Over parts, whose documents stand one part after the other."""
    masking: Masking
    pad_id: int
    names: tuple[int, ...] = ()
    """Name of what each document is contrasted with, ``APART`` for nothing; empty where none is."""
    pictures: Pictures | None = None
    with_texts: bool = False
    """Whether batches hold the unmasked texts."""

    def rows(self, step: int) -> StepRows:
        """The documents of a step."""
        rows = self.order.step(step)
        rows[:, 1] += np.cumsum([0, *self.order.sizes])[rows[:, 0]]
        lengths = [len(self.texts[r]) for _, r in rows]
        names = [self.names[r] if self.names else APART for _, r in rows]
        groups = [PLAIN if name == APART else CONTRASTED for name in names]
        found = [name for name in names if name != APART]
        joint = {CONTRASTED: found} if found else {}
        return StepRows(step, rows, lengths, groups, sum(lengths), joint)

    def batch(self, rows: StepRows, positions: list[int]) -> dict[str, Any]:
        """A micro-batch of one group.

        A document's masks depend on (seed, step, place in the step) alone.
        """
        tensors = padded(
            {"input_ids": [self.texts[rows.rows[p, 1]] for p in positions]}, self.pad_id
        )
        texts_bt = tensors["input_ids"]
        draws = self._draws(rows)[:, positions, : texts_bt.shape[1]]
        masked, targets_bt = self.masking(texts_bt.numpy(), draws)
        tensors["input_ids"] = torch.from_numpy(masked)
        tensors["targets"] = torch.from_numpy(targets_bt)
        if rows.groups[positions[0]] == PLAIN:
            return tensors
        names = torch.tensor([self.names[rows.rows[p, 1]] for p in positions])
        texts = {"texts": texts_bt} if self.with_texts else {}
        return {**tensors, "same": names, **texts, **self._pictures(rows, positions)}

    def _pictures(self, rows: StepRows, positions: list[int]) -> dict[str, Tensor]:
        """Pictures [B, ...]; their noise depends on (seed, step, place in the step) alone."""
        if self.pictures is None:
            return {}
        rng = np.random.default_rng(derived_seed("pictures", self.order.seed, rows.step))
        drawn = self.pictures.drawn(rows.rows[:, 1], rng)[positions]
        return {"images": torch.from_numpy(drawn)}

    def _draws(self, rows: StepRows) -> NDArray[np.float64]:
        """Uniform draws [3, rows, tokens] of a step: which, what becomes of it, which token."""
        rng = np.random.default_rng(derived_seed("mask", self.order.seed, rows.step))
        return rng.random((3, len(rows.lengths), max(rows.lengths)))
