"""An encoder with the heads of one phase, and tokenised rows as the batches it takes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spaces.phases import Rows
from spaces.tasks import Task
from trainables.batches import RowOrder
from trainables.forms import FORMS
from trainables.phase import StepRows

ENCODER_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class TaskModel(nn.Module):
    """A plain transformers encoder and one head per skill and label set."""

    def __init__(self, encoder: nn.Module, tasks: list[Task]) -> None:
        super().__init__()
        self.encoder = encoder
        config: Any = encoder.config
        self.forms = {task.head: FORMS[task.form] for task in tasks}
        scale = getattr(config, "initializer_range", 0.02)
        self.heads = nn.ModuleDict(
            {task.head: FORMS[task.form].head(task, config.hidden_size, scale) for task in tasks}
        )

    def hidden(self, batch: dict[str, Tensor]) -> Tensor:
        """Last hidden states [B, T, H]."""
        inputs = {name: batch[name] for name in ENCODER_INPUTS if name in batch}
        states: Tensor = self.encoder(**inputs).last_hidden_state
        return states

    def forward(self, batch: dict[str, Any]) -> Tensor:
        """Sum of the rows' losses; all rows of a micro-batch share one head.

        The other heads are touched with weight zero: ranks and ZeRO partitions must reduce the same
        tensors in every micro-batch.
        """
        name, hidden_bth = batch["head"], self.hidden(batch)
        loss = self.forms[name].loss(self.heads[name], hidden_bth, batch)
        for other, head in self.heads.items():
            if other != name:
                loss = loss + 0.0 * head(hidden_bth[:1, 0]).sum()
        return loss

    @torch.no_grad()
    def predict(self, batch: dict[str, Any]) -> np.ndarray:
        """One prediction per row."""
        name = batch["head"]
        return self.forms[name].predict(self.heads[name], self.hidden(batch))


def padded(features: dict[str, Any], positions: list[int], pad_id: int) -> dict[str, Tensor]:
    """Tensors of some rows, padded to the longest: input_ids, attention_mask[, token_type_ids]."""
    ids = [features["input_ids"][i] for i in positions]
    width = max(len(row) for row in ids)
    tensors = {
        "input_ids": torch.tensor([row + [pad_id] * (width - len(row)) for row in ids]),
        "attention_mask": torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in ids]),
    }
    if "token_type_ids" in features:
        kinds = [features["token_type_ids"][i] for i in positions]
        tensors["token_type_ids"] = torch.tensor([r + [0] * (width - len(r)) for r in kinds])
    return tensors


@dataclass(frozen=True, slots=True)
class TokenisedPart:
    """The rows of one part, tokenised."""

    rows: Rows
    task: Task
    features: dict[str, Any]
    items: list[str]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(ids) for ids in self.features["input_ids"]]

    def batch(self, positions: list[int], pad_id: int) -> dict[str, Any]:
        """A micro-batch of some rows."""
        tensors: dict[str, Any] = dict(padded(self.features, positions, pad_id))
        width = tensors["input_ids"].shape[1]
        tensors["targets"] = FORMS[self.task.form].targets(self.features, positions, width)
        return {**tensors, "head": self.task.head}


@dataclass(frozen=True, slots=True)
class TaskData:
    """Steps of labelled rows, for ``train_phase``."""

    parts: list[TokenisedPart]
    order: RowOrder
    pad_id: int

    def rows(self, step: int) -> StepRows:
        """The rows of a step with their lengths and heads."""
        rows = self.order.step(step)
        lengths = [len(self.parts[p].features["input_ids"][r]) for p, r in rows]
        return StepRows(step, rows, lengths, [self.parts[p].task.head for p, _ in rows])

    def batch(self, rows: StepRows, positions: list[int]) -> dict[str, Any]:
        """A micro-batch; its rows may come from several parts that share one head."""
        chosen = rows.rows[positions]
        features: dict[str, Any] = {}
        for part, row in chosen:
            for name, values in self.parts[part].features.items():
                features.setdefault(name, []).append(values[row])
        first = self.parts[chosen[0][0]]
        merged = TokenisedPart(first.rows, first.task, features, [])
        return merged.batch(list(range(len(chosen))), self.pad_id)
