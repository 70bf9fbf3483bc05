"""Retrieval with a dual encoder: query and candidate become vectors, the nearest is the answer."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from spaces.keys import derived_seed
from spaces.metrics import DEPTH
from spaces.settings import Pooling, Readout
from spaces.tasks import Task
from trainables.contrast import contrast_in
from trainables.forms.base import Features, array, blank
from trainables.rows import RowTable


class Pool(nn.Module):
    """The head of a dual encoder has no weights: it pools, and the length of a vector is 1."""

    def __init__(self, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling

    def forward(self, hidden_sth: Tensor, mask_st: Tensor) -> Tensor:
        """Vectors [S, H] of length 1."""
        pooled_sh = hidden_sth[:, 0]
        if self.pooling == "mean":
            weights_st1 = mask_st[..., None].to(hidden_sth.dtype)
            pooled_sh = (hidden_sth * weights_st1).sum(1) / weights_st1.sum(1)
        return nn.functional.normalize(pooled_sh.float(), dim=-1)


class Retrieval:
    """Bitext mining, answer retrieval, entity linking.

    Training pulls each query to its own candidate and away from those of all other rows of the
    step. A task without training is read at the layer and pooling of its ``readout``.
    """

    columns: ClassVar[tuple[str, ...]] = ("text", "target", "target_id")
    joint: ClassVar[bool] = True

    def flaw(self, task: Task, row: dict[str, Any]) -> str:
        """Both texts must have words, and the candidate a name: nameless ones would all match."""
        return blank(row, "text", "target", "target_id")

    def head(self, task: Task, hidden: int, initializer_range: float) -> nn.Module:
        """Pooling without weights."""
        return Pool((task.readout or Readout()).pooling)

    def features(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """Two sequences per unit: the query and its candidate."""
        both = {"truncation": True, "max_length": longest, "return_attention_mask": False}
        queries, candidates = tokenizer(rows["text"], **both), tokenizer(rows["target"], **both)
        units = [
            {name: [queries[name][i], candidates[name][i]] for name in queries}
            for i in range(len(rows["text"]))
        ]
        # Rows whose candidates are equally right are not each other's negatives.
        same = [derived_seed("candidate", task.name, name) for name in rows["target_id"]]
        return Features(units, list(range(len(units))), {"same": same})

    def targets(self, features: Features, width: int) -> Tensor:
        """Nothing, [B, 0]: the right candidate is the unit's own."""
        return torch.empty(len(features.units), 0)

    def vectors(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Vectors of query and candidate, [B, 2, H]."""
        vectors_sh: Tensor = head(hidden_sth, batch["attention_mask"])
        return vectors_sh.view(-1, 2, vectors_sh.shape[-1])

    def loss(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Summed loss of finding one's own among the candidates of the whole step."""
        return contrast_in(batch, self.vectors(head, hidden_sth, batch))

    def outputs(
        self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]
    ) -> Sequence[np.ndarray]:
        """Vectors of query and candidate, [2, H] of each unit."""
        return list(array(self.vectors(head, hidden_sth, batch)))

    def decode(
        self, task: Task, rows: RowTable, features: Features, outputs: Sequence[np.ndarray]
    ) -> list[Any]:
        """Names of the nearest candidates of each row, best first, ``DEPTH`` of them at most."""
        pool = candidates(rows)
        vectors_b2h = np.stack(outputs)
        scores_bp = vectors_b2h[:, 0] @ vectors_b2h[list(pool.values()), 1].T
        names = [name for name, _ in pool]
        return [[names[place] for place in places] for places in _nearest(scores_bp)]

    def gold(self, rows: RowTable) -> list[Any]:
        """Name of each row's right candidate, as often as the pool holds right ones."""
        right = Counter(name for name, _ in candidates(rows))
        return [[name] * right[name] for name in rows["target_id"]]


def _nearest(scores_bp: np.ndarray) -> Iterator[np.ndarray]:
    """Places of each row's ``DEPTH`` highest scores, best first; equal ones keep their order."""
    last = max(0, scores_bp.shape[1] - DEPTH)
    least_b = np.partition(scores_bp, last, axis=1)[:, last]  # a sort of all is ten times as long
    for scores_p, least in zip(scores_bp, least_b, strict=True):
        places = np.flatnonzero(~(scores_p < least))
        yield places[np.argsort(-scores_p[places], kind="stable")][:DEPTH]


def candidates(rows: RowTable) -> dict[tuple[str, str], int]:
    """The pool of some rows: each distinct (name, text), and a row that has it."""
    pairs = list(zip(rows["target_id"], rows["target"], strict=True))
    return {pair: row for row, pair in reversed(list(enumerate(pairs)))}
