"""Retrieval with a dual encoder: query and candidate become vectors, the nearest is the answer."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from spaces.keys import derived_seed
from spaces.settings import Pooling, Readout
from spaces.tasks import Task
from trainables.contrast import contrast_in
from trainables.forms.base import Features, blank, single_units
from trainables.rows import RowTable


def pooled(hidden_sth: Tensor, mask_st: Tensor, pooling: Pooling) -> Tensor:
    """One vector of length 1 for each sequence, [S, H]."""
    pooled_sh = hidden_sth[:, 0]
    if pooling == "mean":
        weights_st1 = mask_st[..., None].to(hidden_sth.dtype)
        pooled_sh = (hidden_sth * weights_st1).sum(1) / weights_st1.sum(1)
    return nn.functional.normalize(pooled_sh.float(), dim=-1)


class Pool(nn.Module):
    """The head of a dual encoder has no weights: it pools."""

    def __init__(self, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling

    def forward(self, hidden_sth: Tensor, mask_st: Tensor) -> Tensor:
        """Vectors [S, H] of length 1."""
        return pooled(hidden_sth, mask_st, self.pooling)


class Retrieval:
    """Bitext mining, answer retrieval, entity linking.

    Training pulls each query to its own candidate and away from those of all other rows of the
    step. A task without training is read at the layer and pooling of its ``readout``.
    """

    columns: ClassVar[tuple[str, ...]] = ("text", "target", "target_id")
    content: ClassVar[tuple[str, ...]] = ("text", "target")
    joint: ClassVar[bool] = True

    def flaw(self, task: Task, row: dict[str, Any], scored: bool) -> str:
        """Texts must have words, and candidates a name: nameless ones would all match.

        A candidate of None is one of a pool of its own.
        """
        names = ("text", "target_id") if row["target"] is None else self.columns
        return blank(row, *names)

    def head(self, task: Task, encoder: nn.Module) -> nn.Module:
        """Pooling without weights."""
        return Pool((task.readout or Readout()).pooling)

    def features(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """Two sequences per unit: the query and its candidate."""
        queries = self.queries(task, rows, tokenizer, longest).units
        candidates = self.candidates(task, rows, tokenizer, longest).units
        units = [
            {name: query[name] + candidate[name] for name in query}
            for query, candidate in zip(queries, candidates, strict=True)
        ]
        # Rows whose candidates are equally right are not each other's negatives.
        same = [derived_seed("candidate", task.name, name) for name in rows["target_id"]]
        return Features(units, list(range(len(units))), {"same": same})

    def queries(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """One sequence per row; a longer query is cut."""
        return _sequences(rows["text"], tokenizer, min(longest, task.query_tokens or longest))

    def candidates(self, task: Task, pool: RowTable, tokenizer: Any, longest: int) -> Features:
        """One sequence per candidate; a longer one is cut."""
        return _sequences(pool["target"], tokenizer, longest)

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


def _sequences(texts: list[str], tokenizer: Any, longest: int) -> Features:
    encoded = tokenizer(texts, truncation=True, max_length=longest, return_attention_mask=False)
    return single_units(encoded, len(texts))
