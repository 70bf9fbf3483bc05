"""Classification of a text or a pair of texts by the first token's state."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spaces.tasks import Task


class Classification:
    """NLI, paraphrase and the like: C logits from the state of the first token."""

    columns = ("text", "text_pair", "label")

    def head(self, task: Task, hidden: int, initializer_range: float) -> nn.Module:
        """A linear layer H -> C."""
        head = nn.Linear(hidden, len(task.labels))
        nn.init.normal_(head.weight, std=initializer_range)
        nn.init.zeros_(head.bias)
        return head

    def features(self, rows: dict[str, list[Any]], tokenizer: Any, longest: int) -> dict[str, Any]:
        """Pairs become one sequence; the longer text is cut first where a pair is too long."""
        encoded = tokenizer(
            rows["text"],
            rows["text_pair"],
            truncation="longest_first",
            max_length=longest,
            return_attention_mask=False,
        )
        return {**encoded, "label": rows["label"]}

    def targets(self, features: dict[str, Any], positions: list[int], width: int) -> Tensor:
        """labels[B]."""
        return torch.tensor([features["label"][i] for i in positions])

    def loss(self, head: nn.Module, hidden_bth: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Summed cross-entropy of logits[B, C] against labels[B]."""
        logits_bc = head(hidden_bth[:, 0]).float()
        return nn.functional.cross_entropy(logits_bc, batch["targets"], reduction="sum")

    def predict(self, head: nn.Module, hidden_bth: Tensor) -> np.ndarray:
        """The most likely label of each row."""
        return np.asarray(head(hidden_bth[:, 0]).argmax(-1).cpu().numpy(), dtype=np.int64)

    def gold(self, features: dict[str, Any]) -> np.ndarray:
        """labels[B]."""
        return np.asarray(features["label"], dtype=np.int64)
