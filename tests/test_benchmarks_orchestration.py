"""The benchmark of orchestration, at sizes that say nothing but whether it runs."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import orchestration
from benchmarks.oracle_driver import NAME
from benchmarks.stock_tune import further
from spaces.layout import StudyPaths

SIZES = [10, 20]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Costs of a study at two sizes."""
    return orchestration.alone("one target, random", SIZES)


def test_every_cost_is_taken_at_every_size(rows: list[dict[str, Any]]) -> None:
    """Totals grow with the number of trials."""
    assert [row["trials"] for row in rows] == SIZES
    assert all(row[cost] > 0 for row in rows for cost in orchestration.COSTS if cost != "memory")
    assert rows[1]["driver"] > rows[0]["driver"] and rows[1]["journal"] > rows[0]["journal"]


def test_the_page_has_a_line_for_each_size_and_the_exponents(
    rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Medians, ratios of the same round, sizes, exponents, and a plot."""
    found = {"ours": [0.1, 0.3], "stock": [0.2, 0.3]}
    page = orchestration.text(found, rows, "plot.svg", "make it")
    assert "| stock | 0.250 (0.200, 0.300) | 1.50 |" in page
    assert "| 10 |" in page and "| 20 |" in page and "| exponent |" in page
    orchestration.plotted(rows, tmp_path / "plot.svg")
    assert "<svg" in (tmp_path / "plot.svg").read_text()


def test_an_older_section_is_replaced_and_what_stands_before_it_stays(tmp_path: Path) -> None:
    """A page that is not there yet gets a title."""
    page = tmp_path / "page.md"
    assert orchestration.replaced(page, "## Orchestration\nnew") == (
        "# Benchmarks\n\n## Orchestration\nnew"
    )
    page.write_text("# Benchmarks\n\n## Sharing\n\n## Orchestration\nold")
    assert orchestration.replaced(page, "## Orchestration\nnew") == (
        "# Benchmarks\n\n## Sharing\n\n## Orchestration\nnew"
    )


@pytest.mark.parametrize(("power", "values"), [(1, (2.0, 4.0, 10.0)), (2, (4.0, 16.0, 100.0))])
def test_the_exponent_is_that_of_the_power(power: int, values: tuple[float, ...]) -> None:
    """By least squares on logarithms."""
    rows = [
        {"trials": n, "driver": v, "study": ""} for n, v in zip((2, 4, 10), values, strict=True)
    ]
    assert orchestration.exponent(rows, "driver") == pytest.approx(power)


def test_a_further_trial_is_one_after_the_first_ones() -> None:
    """Ends come in any order."""
    assert further([9.0, 0.0, 5.0, 7.0], warm=2) == 2.0


def test_who_reads_or_resumes_leaves_the_measured_study_as_it_is(tmp_path: Path) -> None:
    """They work on a copy."""
    driven = orchestration.Driven(orchestration.oracle_plan(8, ("xnli",), "random"), tmp_path)
    driven.run_until(2)
    journal = StudyPaths(tmp_path, NAME).journal
    before = journal.read_bytes()
    assert orchestration.costs_of_readers(tmp_path).keys() == orchestration.ACTIONS.keys()
    assert journal.read_bytes() == before
