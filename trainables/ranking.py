"""Retrieval at any scale: the nearest candidates of every query, in one pass over the candidates.

Queries are encoded first and stay; candidates are encoded batch by batch and forgotten, so a
million of them need no more memory than a chunk of them: 230 MB were measured for the 14,624
queries of Mewsli-X, beside their own vectors (1,024 numbers each: 60 MB), the model and the
candidates' text.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaces.keys import derived_seed
from spaces.metrics import DEPTH
from spaces.tasks import Task
from trainables.rows import RowTable

CELLS = 2**22
"""Most scores at once."""

_LOW = 0xFFFFFFFF
"""The lower half of a key: the candidate's place, counted down."""


def depth(task: Task) -> int:
    """Candidates that are kept for each query."""
    return 1 if task.metric == "accuracy_at_1" else DEPTH


def nearest(
    queries_qrh: Tensor, candidates: Iterable[tuple[Sequence[int], Tensor]], best: int
) -> Generator[int, None, Tensor]:
    """Rank candidates by their dot product with each query.

    Args:
        queries_qrh: vectors of Q queries in R readouts.
        candidates: batches of (places, vectors [C, R, H]); every place from 0 on comes once.
        best: how many to keep.

    Yields:
        Candidates compared since the last time.

    Returns:
        Places of the nearest, best first, [Q, R, K]; of equal scores the lower place is first.
    """
    queries, readouts = queries_qrh.shape[:2]
    keys_qrk = torch.empty(queries, readouts, 0, dtype=torch.int64, device=queries_qrh.device)
    for places, vectors_crh in _chunks(candidates, max(1, CELLS // max(1, queries * readouts))):
        scores_qrc = torch.einsum("qrh,crh->qrc", queries_qrh, vectors_crh)
        keys_qrk = torch.cat([keys_qrk, _keys(scores_qrc, places)], dim=-1)
        keys_qrk = keys_qrk.topk(min(best, keys_qrk.shape[-1]), dim=-1).values
        yield len(places)
    return _LOW - (keys_qrk & _LOW)


def _chunks(
    candidates: Iterable[tuple[Sequence[int], Tensor]], most: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches gathered, or cut, to chunks of about ``most`` candidates."""
    places: list[int] = []
    vectors: list[Tensor] = []
    for batch_places, vectors_crh in candidates:
        for start in range(0, len(batch_places), most):
            places += batch_places[start : start + most]
            vectors.append(vectors_crh[start : start + most])
            if len(places) >= min(most, 1024):
                yield torch.tensor(places, device=vectors[0].device), torch.cat(vectors)
                places, vectors = [], []
    if places:
        yield torch.tensor(places, device=vectors[0].device), torch.cat(vectors)


def _keys(scores: Tensor, places_c: Tensor) -> Tensor:
    """Integers in the order of (score, then lower place first): no two are equal."""
    bits = (scores.float() + 0.0).contiguous().view(torch.int32).to(torch.int64)
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)  # floats as integers of their order
    return (ordered << 32) | (_LOW - places_c)


def right_candidates(tables: Sequence[RowTable], pool: RowTable) -> list[list[list[str]]]:
    """Names of the right candidates of each row of some tables that share a pool.

    Rows of one ``id`` ask the same in several languages, so what is right for one is right for all;
    a name stands as often as the pool has candidates of it.
    """
    count = Counter(pool["target_id"])
    right: dict[str, dict[str, None]] = {}
    for table in tables:
        for row, name in zip(table["id"], table["target_id"], strict=True):
            right.setdefault(row, {})[name] = None
    return [
        [[name for name in right[row] for _ in range(count[name])] for row in table["id"]]
        for table in tables
    ]


def smaller(pool: RowTable, needed: set[Any], most: int | None) -> RowTable:
    """A pool of at most ``most`` candidates: those needed, and others drawn once and for all."""
    names = pool["target_id"]
    if most is None or len(names) <= most:
        return pool
    wanted = [i for i, name in enumerate(names) if name in needed]
    others = [i for i, name in enumerate(names) if name not in needed]
    rng = np.random.default_rng(derived_seed("pool", most))
    kept = sorted(wanted + rng.permutation(others)[: max(0, most - len(wanted))].tolist())
    return {name: [values[i] for i in kept] for name, values in pool.items()}
