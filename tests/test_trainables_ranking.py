"""Ranking: the nearest candidates, however they come, and which of them are right."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables import ranking
from trainables.ranking import nearest, right_candidates, smaller


def ranked(queries: Any, batches: list[Any], best: int) -> torch.Tensor:
    """What ``nearest`` returns."""
    compared = nearest(queries, batches, best)
    while True:
        try:
            next(compared)
        except StopIteration as end:
            return end.value


@given(
    scores=st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=50),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=60),
    cells=st.sampled_from([1, 7, 2**22]),
    seed=st.integers(0, 99),
)
def test_nearest_is_the_head_of_a_stable_sort(
    scores: list[list[int]], cuts: list[int], cells: int, seed: int
) -> None:
    """Whatever the order, the batches and the chunks candidates come in, and however many tie."""
    whole = np.asarray(scores, dtype=np.float32)  # candidates x queries
    vectors = torch.tensor(whole)[:, None]  # one-hot queries: a candidate's vector is its scores
    order = np.random.default_rng(seed).permutation(len(whole)).tolist()
    batches, start = [], 0
    for size in [*cuts, len(whole)]:
        places = order[start : start + size]
        if places:
            batches.append((places, vectors[places]))
        start += size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "CELLS", cells)
        found = ranked(torch.eye(3)[:, None], batches, 20)
    expected = np.argsort(-whole.T, axis=1, kind="stable")[:, :20]
    assert found[:, 0].tolist() == expected.tolist()


def test_each_readout_has_its_own_ranking() -> None:
    """Vectors of one readout are compared with those of the same alone."""
    queries = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])  # one query, two readouts
    candidates = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    assert ranked(queries, [([0, 1], candidates)], 1).tolist() == [[[0], [1]]]


def test_what_is_right_for_a_question_is_right_in_every_language() -> None:
    """Rows of one id share their answers; a name stands as often as the pool has it."""
    tables = [
        {"id": ["q1", "q2"], "target_id": ["en:0", "en:1"]},
        {"id": ["q2", "q1"], "target_id": ["de:1", "de:0"]},
    ]
    pool = {"target_id": ["en:0", "en:1", "de:0", "de:1", "de:0"]}
    assert right_candidates(tables, pool) == [
        [["en:0", "de:0", "de:0"], ["en:1", "de:1"]],
        [["en:1", "de:1"], ["en:0", "de:0", "de:0"]],
    ]


def test_a_smaller_pool_holds_all_that_are_right() -> None:
    """The needed ones come whatever the size; the others are drawn, the same ones every time."""
    pool = {"target_id": list("abcdefgh"), "target": list("ABCDEFGH")}
    drawn = smaller(pool, {"g"}, 3)
    assert drawn == smaller(pool, {"g"}, 3) and "G" in drawn["target"]
    assert len(drawn["target"]) == 3 and drawn["target"] == sorted(drawn["target"])
    many = {"target_id": list(map(str, range(1000)))}
    assert smaller(many, set(), 100)["target_id"] != many["target_id"][:100]
    assert smaller(pool, {"g", "h"}, 1)["target_id"] == ["g", "h"]
    assert smaller(pool, {"g"}, None) is pool and smaller(pool, set(), 8) is pool
