"""Prediction tables for every task of the benchmarks, and the folders made of them."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from analysis.submission import write_submission
from spaces.benchmark import Benchmark, BenchmarkTask
from spaces.tasks import Task

LABELS: Mapping[str, tuple[str, ...]] = {
    "pawsx": ("different", "same"),
    "xnli": ("entailment", "neutral", "contradiction"),
    "udpos": ("ADJ", "DET", "INTJ", "NOUN", "PUNCT", "SYM", "VERB", "X"),
    "panx": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"),
}
ANSWERS = ("the red ball", "box", "the", "", "北京大学", "กรุงเทพ", "الكتاب، كبير", "$5", "«x»\ny")

Row = tuple[Any, Any]


def task_of(row: BenchmarkTask) -> Task:
    """A row of the catalogue for a benchmark's task."""
    labels = LABELS.get(row.name, ())
    return Task(name=row.name, form=row.form, skill="", labels=labels, metric=row.metric)


def _label(name: str, random: Random) -> Row:
    count = len(LABELS.get(name, "ab"))
    return random.randrange(count), random.randrange(count)


def _tags(name: str, random: Random) -> Row:
    count = len(LABELS[name])
    gold = [random.randrange(count) for _ in range(random.randrange(6))]
    return gold, [random.choice([tag, random.randrange(count)]) for tag in gold]


def _answer(name: str, random: Random) -> Row:
    gold = random.choices(ANSWERS, k=random.randrange(1, 4))
    return gold, random.choice([None, gold[0], f"{gold[0]} box", random.choice(ANSWERS)])


def _ranking(name: str, random: Random) -> Row:
    names = [f"c{number}" for number in range(30)]
    ranked = random.sample(names, random.randrange(31))
    return random.sample(names, 11 if name == "lareqa" else 1), ranked


def _pairs(name: str, random: Random) -> Row:
    names = ["en-1", "en-2", "en-3"]
    return [random.sample(names, random.randrange(3)) for _ in range(2)]  # type: ignore[return-value]


_ROWS = {
    "answers": _answer,
    "choices": _label,
    "entities": _ranking,
    "labels": _label,
    "nearest": _ranking,
    "numbers": _label,
    "pairs": _pairs,
    "rankings": _ranking,
    "tags": _tags,
}


def random_table(task: BenchmarkTask, language: str, rows: int, random: Random) -> dict[str, Any]:
    """A prediction table with right and wrong rows of a task."""
    drawn = [_ROWS[task.file](task.name, random) for _ in range(rows)]
    return {
        "language": [language] * rows,
        "item": [str(row) for row in range(rows)],
        "id": [f"{language}-{row}" for row in range(rows)],
        "gold": [gold for gold, _ in drawn],
        "predicted": [predicted for _, predicted in drawn],
    }


def random_tables(benchmark: Benchmark, rows: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Tables of every task in every language."""
    random = Random(seed)
    return {
        task.name: [random_table(task, code, rows, random) for code in task.languages]
        for task in benchmark.tasks
    }


def write(folder: Path, tables: dict[str, list[dict[str, Any]]], benchmark: Benchmark) -> None:
    """Write tables as a submission to ``folder``."""
    write_submission(folder, tables, {t.name: task_of(t) for t in benchmark.tasks}, benchmark)
