"""What the benchmarks hold, and how they average."""

from dataclasses import replace

import pytest

from analysis.submission.kinds import KINDS
from spaces.benchmark import BENCHMARKS, XTREME, XTREME_R, Benchmark, averages
from spaces.catalogue import Catalogue
from spaces.metrics import METRICS

SMALL = Benchmark(
    "small",
    tuple(
        replace(row, languages=languages)
        for row, languages in zip(
            (XTREME_R.tasks[0], XTREME_R.tasks[1], XTREME_R.tasks[-1]),
            (("de", "en"), ("et",), ("ar", "de", "th")),
            strict=True,
        )
    ),
)


def test_languages_of_each_task() -> None:
    """As many as XTREME and XTREME-R have (the papers' tables and ``evaluate.py``), each once."""
    counts = {
        "xtreme": {
            **{"pawsx": 7, "xnli": 15, "panx": 40, "udpos": 33, "bucc2018": 4, "tatoeba": 36},
            **{"xquad": 11, "mlqa": 7, "tydiqa": 9},
        },
        "xtreme-r": {
            **{"xnli": 15, "xcopa": 11, "udpos": 38, "panx": 48, "xquad": 12, "mlqa": 7},
            **{"tydiqa": 9, "tatoeba": 41, "mewslix": 11, "lareqa": 11},
        },
    }
    for name, benchmark in BENCHMARKS.items():
        assert {row.name: len(set(row.languages)) for row in benchmark.tasks} == counts[name]
        assert all(len(row.languages) == len(set(row.languages)) for row in benchmark.tasks)
    languages = {code for row in XTREME_R.tasks for code in row.languages}
    assert len(languages) == 50


def test_each_task_is_in_one_group_and_can_be_read_and_scored() -> None:
    """XTREME-R's script has XCOPA in two groups, and LAReQA in none."""
    for benchmark in BENCHMARKS.values():
        names = [name for tasks in benchmark.groups.values() for name in tasks]
        assert sorted(names) == sorted(row.name for row in benchmark.tasks)
        for row in benchmark.tasks:
            assert row.file in KINDS
            assert {row.metric, *row.measures.values()} <= set(METRICS)
    assert XTREME_R.groups["retrieval"] == ["tatoeba", "mewslix", "lareqa"]
    assert XTREME_R.groups["classification"] == ["xnli", "xcopa"]
    assert XTREME.task("lareqa") is None and XTREME_R.task("pawsx") is None


@pytest.mark.parametrize(
    ("task", "values", "expected"),
    [
        ("xquad", {"f1": 80.0, "exact_match": 60.0}, 70.0),
        ("mlqa", {"f1": 80.0, "exact_match": 60.0}, 70.0),
        ("panx", {"f1": 50.0, "precision": 40.0, "recall": 66.0}, 50.0),
        ("mewslix", {"map@20": 12.5}, 12.5),
        ("tatoeba", {"accuracy": 31.0}, 31.0),
    ],
)
def test_headlines(task: str, values: dict[str, float], expected: float) -> None:
    """Questions score the mean of F1 and exact match; tags F1 alone."""
    row = XTREME_R.task(task)
    assert row is not None and row.headline(values) == expected


def test_averages_of_a_whole_benchmark() -> None:
    """Over languages, then over tasks; a task counts once, however many languages it has."""
    scores = {
        "xnli": {"de": 40.0, "en": 60.0, "sw": 99.0},  # sw is not asked for
        "xcopa": {"et": 80.0},
        "lareqa": {"ar": 10.0, "de": 20.0, "th": 30.0},
        "pawsx": {"de": 99.0},  # nor is this task
    }
    means = averages(SMALL, scores)
    assert means.tasks == {"xnli": 50.0, "xcopa": 80.0, "lareqa": 20.0}
    assert means.groups == {"classification": 65.0, "retrieval": 20.0}
    assert means.average == means.average_of_available == pytest.approx(50.0)
    assert means.missing == {}


def test_averages_of_a_part() -> None:
    """Nothing that misses something has an average; what is there has one of its own."""
    means = averages(SMALL, {"xnli": {"de": 40.0}, "lareqa": {"ar": 10.0, "de": 20.0, "th": 30.0}})
    assert means.tasks == {"xnli": None, "xcopa": None, "lareqa": 20.0}
    assert means.groups == {"classification": None, "retrieval": 20.0}
    assert means.average is None
    assert means.available_tasks == {"xnli": 40.0, "lareqa": 20.0}
    assert means.average_of_available == 30.0
    assert means.missing == {"xnli": ("en",), "xcopa": ("et",)}
    nothing = averages(SMALL, {"xnli": {}})
    assert nothing.average is nothing.average_of_available is None
    assert nothing.available_tasks == {}


def test_the_catalogue_agrees_with_the_benchmark() -> None:
    """A real target of a benchmark's name has its form, its languages and its metric."""
    rows = {name: row for name, row in Catalogue.of_world("real").tasks.items() if row.languages}
    shared = [task for task in XTREME_R.tasks if task.name in rows]
    assert "xnli" in [task.name for task in shared]
    for task in shared:
        row = rows[task.name]
        assert (row.form, row.metric) == (task.form, task.metric)
        assert set(row.languages) == set(task.languages)
