"""Classification of a text or a pair of texts by the first token's state."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from spaces.tasks import Task
from trainables.forms.base import Features, array, blank, linear, out_of_range, single_units
from trainables.rows import RowTable


class Classification:
    """NLI, paraphrase, a text's kind and the like: C logits from the state of the first token."""

    columns: ClassVar[tuple[str, ...]] = ("text", "text_pair", "label")
    content: ClassVar[tuple[str, ...]] = ("text", "text_pair")
    joint: ClassVar[bool] = False

    def flaw(self, task: Task, row: dict[str, Any], scored: bool) -> str:
        """A label must be one of the task's, and both texts must have words.

        A task of single texts has no second one; everywhere else a missing one is a mistake.
        """
        label = out_of_range("label", row["label"], len(task.labels))
        if task.has_pairs:
            return label or blank(row, "text", "text_pair")
        more = row["text_pair"] is not None
        second = f"column 'text_pair' is {row['text_pair']!r} in a task of single texts"
        return label or blank(row, "text") or (second if more else "")

    def head(self, task: Task, encoder: nn.Module) -> nn.Module:
        """A linear layer H -> C."""
        return linear(encoder, len(task.labels))

    def features(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """Pairs become one sequence; the longer text is cut first where they are too long."""
        encoded = tokenizer(
            rows["text"],
            rows["text_pair"] if task.has_pairs else None,
            truncation="longest_first",
            max_length=longest,
            return_attention_mask=False,
        )
        return single_units(encoded, len(rows["text"]), label=rows["label"])

    def targets(self, features: Features, width: int) -> Tensor:
        """labels[B]."""
        return torch.tensor(features.columns["label"])

    def loss(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Summed cross-entropy of logits[B, C] against labels[B]."""
        logits_bc = head(hidden_sth[:, 0]).float()
        return nn.functional.cross_entropy(logits_bc, batch["targets"], reduction="sum")

    def outputs(
        self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]
    ) -> Sequence[np.ndarray]:
        """logits[C] of each row."""
        return list(array(head(hidden_sth[:, 0])))

    def decode(
        self, task: Task, rows: RowTable, features: Features, outputs: Sequence[np.ndarray]
    ) -> list[Any]:
        """The most likely label of each row."""
        return [int(logits.argmax()) for logits in outputs]

    def gold(self, rows: RowTable) -> list[Any]:
        """The right label of each row."""
        return rows["label"]
