"""Which rows a step trains on, how they are cut, and masks that do not depend on the cut."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.batches import RowOrder, _shuffled, cut

ROWS = st.lists(st.tuples(st.integers(1, 40), st.sampled_from("abc")), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(1, 5), st.integers(1, 120))
def test_a_cut_keeps_every_promise(rows, world_size: int, budget: int) -> None:
    """Each row once over ranks, micro-batches within the budget, one head at a time everywhere."""
    lengths, groups = [length for length, _ in rows], [group for _, group in rows]
    ranks = cut(lengths, groups, world_size, budget)
    assert len(ranks) == world_size
    assert len({len(batches) for batches in ranks}) == 1
    flat = [row for batches in ranks for batch in batches for row in batch]
    assert sorted(flat) == list(range(len(rows)))
    for together in zip(*ranks, strict=True):
        assert len({groups[row] for batch in together for row in batch}) == 1
        for batch in together:
            assert len(batch) <= 1 or len(batch) * max(lengths[row] for row in batch) <= budget


@settings(max_examples=50, deadline=None)
@given(ROWS, st.integers(1, 5))
def test_ranks_get_like_shares(rows, world_size: int) -> None:
    """Rows are dealt in turn: no rank has two rows more than another, nor all the long ones."""
    lengths = [length for length, _ in rows]
    ranks = cut(lengths, ["one"] * len(rows), world_size, 10**9)
    counts = [sum(len(batch) for batch in batches) for batches in ranks]
    assert max(counts) - min(counts) <= 1
    longest = [max((lengths[r] for batch in b for r in batch), default=0) for b in ranks]
    assert longest == sorted(lengths, reverse=True)[:world_size] + [0] * (world_size - len(rows))


def test_a_cut_by_hand() -> None:
    """Longest first; six tokens hold the 3 and the 2, the 5 stands alone, heads stay apart."""
    lengths, groups = [2, 5, 3, 1, 9], ["a", "a", "a", "a", "b"]
    assert cut(lengths, groups, 1, 6) == [[[1], [2, 0], [3], [4]]]
    # Dealt in turn to two ranks: 1, 0, 4 and 2, 3; the second rank ends in an empty micro-batch.
    assert cut(lengths, groups, 2, 6) == [[[1], [0], [4]], [[2, 3], [], []]]


@st.composite
def orders(draw: st.DrawFn) -> RowOrder:
    """Small orders over up to three parts."""
    count = draw(st.integers(1, 3))
    sizes = draw(st.lists(st.integers(1, 12), min_size=count, max_size=count))
    weights = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    seed, rows = draw(st.integers(0, 99)), draw(st.integers(1, 9))
    return RowOrder(seed, tuple(sizes), tuple(weights), rows)


def slots(order: RowOrder, steps: int) -> list[tuple[int, int]]:
    """(part, row) of every slot of the first steps."""
    return [(int(p), int(r)) for step in range(steps) for p, r in order.step(step)]


@settings(max_examples=60, deadline=None)
@given(orders())
def test_shares_follow_the_weights_in_every_block(order: RowOrder) -> None:
    """Each block of as many slots as weights sum to holds exactly ``weight`` rows of each part."""
    block = sum(order.weights)
    parts = [part for part, _ in slots(order, 5 * block)]
    for start in range(0, len(parts) - block + 1, block):
        counts = Counter(parts[start : start + block])
        assert tuple(counts[part] for part in range(len(order.sizes))) == order.weights


@settings(max_examples=60, deadline=None)
@given(orders())
def test_every_row_comes_before_one_comes_back(order: RowOrder) -> None:
    """Each part runs through all of its rows, in another order each time, before it repeats."""
    steps = 3 * max(order.sizes) * sum(order.weights)
    drawn = slots(order, steps)
    for part, size in enumerate(order.sizes):
        rows = [row for p, row in drawn if p == part]
        epochs = [rows[i : i + size] for i in range(0, len(rows) - size + 1, size)]
        assert len(epochs) >= 3
        assert all(sorted(epoch) == list(range(size)) for epoch in epochs)


def test_epochs_and_seeds_are_shuffled_anew() -> None:
    """Neither a second pass over the rows nor another seed repeats an order."""
    order = RowOrder(0, (50,), (1,), 50)
    first, second = order.step(0)[:, 1].tolist(), order.step(1)[:, 1].tolist()
    other = RowOrder(1, (50,), (1,), 50).step(0)[:, 1].tolist()
    assert len({tuple(rows) for rows in (first, second, other, range(50))}) == 4
    patterns = {
        tuple(RowOrder(seed, (9, 9), (4, 4), 8).step(0)[:, 0].tolist()) for seed in range(9)
    }
    assert len(patterns) > 5


@settings(max_examples=60, deadline=None)
@given(orders(), st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_a_step_is_a_function_of_its_number(order: RowOrder, steps: list[int]) -> None:
    """Steps in any order, asked again or of an equal order, are the same rows: resuming is free."""
    straight = [order.step(step).tolist() for step in range(41)]
    equal = RowOrder(order.seed, order.sizes, order.weights, order.rows_per_step)
    assert [equal.step(step).tolist() for step in steps] == [straight[step] for step in steps]


@settings(max_examples=40, deadline=None)
@given(orders(), st.integers(1, 6))
def test_rows_per_step_only_cut_one_endless_order(order: RowOrder, factor: int) -> None:
    """Larger steps hold the same rows as the smaller steps they replace."""
    larger = RowOrder(order.seed, order.sizes, order.weights, factor * order.rows_per_step)
    assert slots(larger, 3) == slots(order, 3 * factor)


@pytest.mark.parametrize("positions", [[[0, 1, 2, 3, 4, 5]], [[5], [0, 3], [4, 1, 2]]])
def test_masks_do_not_depend_on_the_cut(positions: list[list[int]]) -> None:
    """A document's masked tokens follow from seed, step and its place in the step alone."""
    from trainables.forms.masked import Masking
    from trainables.pretraining.documents import MaskedText

    rng = np.random.default_rng(0)
    ids = [rng.integers(5, 30, size=size).tolist() for size in (3, 12, 7, 7, 1, 9)]
    order = RowOrder(4, (6,), (1,), 6)
    data = MaskedText(ids, order, Masking(0.3, 4, np.arange(30) >= 5), pad_id=0)
    rows = data.rows(2)
    whole = data.batch(rows, list(range(6)))
    for chosen in positions:
        batch = data.batch(rows, chosen)
        for place, position in enumerate(chosen):
            length = rows.lengths[position]
            for name in ("input_ids", "targets", "attention_mask"):
                mine, all_ = batch[name][place, :length], whole[name][position, :length]
                assert mine.tolist() == all_.tolist()
            assert (batch["targets"][place, :length] != -100).any()
            assert (batch["targets"][place, length:] == -100).all()


def test_masks_keep_their_shares() -> None:
    """Of 20 % chosen tokens 80 % become the mask, 10 % a random token, 10 % stay; specials stay."""
    from trainables.forms.masked import Masking
    from trainables.pretraining.documents import MaskedText

    ids = [[2, *[7] * 100, 3]] * 200
    order = RowOrder(0, (200,), (1,), 200)
    data = MaskedText(ids, order, Masking(0.2, 4, np.arange(1000) >= 5), pad_id=0)
    batch = data.batch(data.rows(0), list(range(200)))
    seen, targets = batch["input_ids"].numpy(), batch["targets"].numpy()
    assert (seen[:, 0] == 2).all() and (seen[:, -1] == 3).all()
    chosen = targets != -100
    assert not chosen[:, [0, -1]].any() and (targets[chosen] == 7).all()
    assert abs(chosen.sum() / 20_000 - 0.2) < 0.015  # five standard deviations
    shares = [(seen[chosen] == 4).mean(), (seen[chosen] == 7).mean()]
    assert abs(shares[0] - 0.8) < 0.03 and abs(shares[1] - 0.1) < 0.03
    assert (seen[~chosen] == np.asarray(ids)[~chosen]).all()


def test_many_parts_are_shuffled_once_each() -> None:
    """A mixture of a hundred parts permutes each of them once per epoch, not once per row."""
    order = RowOrder(17, (1000,) * 100, (1,) * 100, 32)
    _shuffled.cache_clear()
    for step in range(12):
        order.step(step)
    assert _shuffled.cache_info().misses == 100
