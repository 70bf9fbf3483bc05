"""Multiple choice: every choice is read with its premise, and a score picks one."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from spaces.tasks import Task
from trainables.forms.base import Encoded, Features, array, blank, linear, out_of_range
from trainables.rows import RowTable


class Choice:
    """COPA, Social IQa and the like: one logit per choice from the state of its first token."""

    columns: ClassVar[tuple[str, ...]] = ("text", "question", "choices", "label")
    content: ClassVar[tuple[str, ...]] = ("text", "choices")
    joint: ClassVar[bool] = False

    def flaw(self, task: Task, row: dict[str, Any], scored: bool) -> str:
        """The label must be the place of one of the choices; the question alone may be empty."""
        choices = row["choices"] or []
        if not isinstance(row["question"], str) or not all(isinstance(c, str) for c in choices):
            return f"question {row['question']!r} or one of the choices {choices} is not text"
        return blank(row, "text") or out_of_range("label", row["label"], len(choices))

    def head(self, task: Task, encoder: nn.Module) -> nn.Module:
        """A linear layer H -> 1: a choice's score does not know the other choices."""
        return linear(encoder, 1)

    def features(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """A sequence per choice: premise and question, then the choice; the longer is cut first."""
        asked = [f"{t} {q}".strip() for t, q in zip(rows["text"], rows["question"], strict=True)]
        sizes = [len(choices) for choices in rows["choices"]]
        encoded = tokenizer(
            [text for text, size in zip(asked, sizes, strict=True) for _ in range(size)],
            [choice for choices in rows["choices"] for choice in choices],
            truncation="longest_first",
            max_length=longest,
            return_attention_mask=False,
        )
        ends = np.cumsum(sizes).tolist()
        units: list[Encoded] = [
            {name: encoded[name][end - size : end] for name in encoded}
            for end, size in zip(ends, sizes, strict=True)
        ]
        return Features(units, list(range(len(units))), {"label": rows["label"]})

    def targets(self, features: Features, width: int) -> Tensor:
        """Place of the right choice, [B]."""
        return torch.tensor(features.columns["label"])

    def loss(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Summed cross-entropy over each row's choices."""
        logits_bc = _scores(head, hidden_sth, batch)
        return nn.functional.cross_entropy(logits_bc, batch["targets"], reduction="sum")

    def outputs(
        self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]
    ) -> Sequence[np.ndarray]:
        """Scores of each row's choices; minus infinity where it has fewer than another row."""
        return list(array(_scores(head, hidden_sth, batch)))

    def decode(
        self, task: Task, rows: RowTable, features: Features, outputs: Sequence[np.ndarray]
    ) -> list[Any]:
        """Place of the best choice of each row."""
        return [int(scores.argmax()) for scores in outputs]

    def gold(self, rows: RowTable) -> list[Any]:
        """Place of the right choice of each row."""
        return rows["label"]


def _scores(head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
    """Scores [B, most choices], rows with fewer choices filled with minus infinity."""
    scores_s = head(hidden_sth[:, 0]).float()[:, 0]
    return pad_sequence(
        list(scores_s.split(batch["sizes"])), batch_first=True, padding_value=float("-inf")
    )
