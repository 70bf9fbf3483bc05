"""Mixed models of complete tables in closed form: against statsmodels' search, and by hand."""

import itertools

import numpy as np
import pytest

from analysis.inference import CellModel, mixed
from analysis.inference.balanced import covariance
from analysis.inference.mixed import Cell

STARTS, MIDDLES = ("a", "b", "c"), ("x", "y")
CELLS: list[Cell] = [*itertools.product(STARTS, MIDDLES)]
WEIGHTS = [
    {("a", "x"): 0.5, ("a", "y"): 0.5, ("b", "x"): -0.5, ("b", "y"): -0.5},
    {("a", "x"): 1.0, ("a", "y"): -1.0},
    {("a", "x"): 1.0, ("a", "y"): -1.0, ("b", "x"): -1.0, ("b", "y"): 1.0},
]


def table(seed: int, start: float, middle: float, sets: int = 6) -> np.ndarray:
    """[sets, cells] with these spreads of initialisations and of intermediates within sets."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 1, (sets, 3, 2)) + rng.normal(0, 3, (sets, 1, 1))
    own += start * rng.normal(size=(sets, 3, 1)) + middle * rng.normal(size=(sets, 1, 2))
    return (50 + own).reshape(sets, -1)


def model(values: np.ndarray, cells: list[Cell] = CELLS) -> CellModel:
    """The fitted model of a table."""
    sets = np.repeat(np.arange(len(values)), len(cells)).tolist()
    return CellModel.fit(values.ravel(), cells * len(values), sets)


def test_closed_form_is_where_the_search_ends() -> None:
    """Where no spread is zero, statsmodels finds the same means and standard errors."""
    values = table(1, 2.0, 2.0)
    ours = model(values)
    sets = np.repeat(np.arange(6), 6).tolist()
    searched = mixed._fitted(values.ravel(), [*range(6)] * 6, CELLS, sets)
    assert searched is not None
    theirs = CellModel(tuple(CELLS), ours.sets, *searched, ours.own)
    for weights in WEIGHTS:
        found, wanted = ours.effect(weights), theirs.effect(weights)
        assert found.value == pytest.approx(wanted.value)
        assert found.standard_error == pytest.approx(wanted.standard_error, rel=1e-3)
        assert found.df == wanted.df


def test_a_spread_that_would_be_negative_is_that_of_cells() -> None:
    """By hand: initialisations spread less than single cells, whose mean square serves both."""
    values = table(3, 0.0, 2.0)
    cube = values.reshape(6, 3, 2) - values.reshape(6, 3, 2).mean(axis=0)
    start = cube.mean(axis=2, keepdims=True) - cube.mean(axis=(1, 2), keepdims=True)
    middle = cube.mean(axis=1, keepdims=True) - cube.mean(axis=(1, 2), keepdims=True)
    rest = cube - start - middle - cube.mean(axis=(1, 2), keepdims=True)
    of_start, of_rest = 2 * (start**2).sum() / 10, (rest**2).sum() / 10
    assert of_start < of_rest, "another seed is needed"
    main, _, crossed = (model(values).effect(weights) for weights in WEIGHTS)
    assert main.standard_error == pytest.approx(np.sqrt(of_rest * 1 / 6))
    assert crossed.standard_error == pytest.approx(np.sqrt(of_rest * 4 / 6))


def test_the_order_of_cells_and_trials_is_nothing() -> None:
    """Trials as they come, cells of any first appearance."""
    values = table(3, 1.0, 1.0)
    trials = [(c, s, values[s, at]) for s in range(6) for at, c in enumerate(CELLS)]
    np.random.default_rng(4).shuffle(trials)  # type: ignore[arg-type]
    cells, sets, scores = zip(*trials, strict=True)
    shuffled = CellModel.fit(scores, list(cells), list(sets))
    for weights in WEIGHTS:
        found, wanted = shuffled.effect(weights), model(values).effect(weights)
        assert found.value == pytest.approx(wanted.value)
        assert found.standard_error == pytest.approx(wanted.standard_error)


@pytest.mark.parametrize(("starts", "middles"), [(1, 1), (1, 4), (4, 1), (2, 2), (3, 4)])
def test_a_covariance_of_any_shape_of_table(starts: int, middles: int) -> None:
    """Symmetric, never negative, and of one pair what the pairs say."""
    values = np.random.default_rng(5).normal(size=(5, starts * middles))
    found = covariance(values, starts, middles)
    assert found == pytest.approx(found.T) and np.linalg.eigvalsh(found).min() > -1e-12
    if starts * middles == 4 and 1 in (starts, middles):
        rest = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
        assert found[0, 0] + found[1, 1] - 2 * found[0, 1] == pytest.approx(
            2 * (rest**2).sum() / 12 / 5
        )


def test_a_table_with_a_hole_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose sets have a cell twice; complete ones are not."""
    asked: list[int] = []
    monkeypatch.setattr(mixed, "_fitted", lambda scores, *_: asked.append(len(scores)))
    values = table(6, 1.0, 1.0, sets=3)
    assert len(model(values).means) == 6 and not asked
    sets = np.repeat(np.arange(3), 6).tolist()
    CellModel.fit(values.ravel()[:-1], (CELLS * 3)[:-1], sets[:-1])
    CellModel.fit(values.ravel(), [*(CELLS * 3)[:-1], CELLS[0]], sets)
    assert asked == [17, 18]
