"""What a form must provide. Shapes: B rows, T tokens, H hidden size, C classes."""

from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from spaces.tasks import Task


class Form(Protocol):
    """Behaviour of one shape of task, stateless: everything it needs comes in."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that rows of this form must have, besides ``item``."""

    def head(self, task: Task, hidden: int, initializer_range: float) -> nn.Module:
        """A fresh head."""

    def features(self, rows: dict[str, list[Any]], tokenizer: Any, longest: int) -> dict[str, Any]:
        """Tokenise: ``input_ids`` as a list of lists, and the form's own columns, one per row."""

    def targets(self, features: dict[str, Any], positions: list[int], width: int) -> Tensor:
        """What the loss compares with, for some rows padded to ``width`` tokens."""

    def loss(self, head: nn.Module, hidden_bth: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Sum of the rows' losses, a scalar."""

    def predict(self, head: nn.Module, hidden_bth: Tensor) -> np.ndarray:
        """One prediction per row, comparable with ``gold``."""

    def gold(self, features: dict[str, Any]) -> np.ndarray:
        """The right answers, one per row."""
