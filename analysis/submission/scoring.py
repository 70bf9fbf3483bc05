"""Scores of a submission: what ``evaluate.py`` makes of two folders, and what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from analysis.submission.kinds import KINDS, file_of
from analysis.submission.parts import Rows
from spaces.benchmark import Averages, Benchmark, BenchmarkTask, averages
from spaces.metrics import score
from spaces.mistakes import Mistake, PlanError
from spaces.tasks import Task

Values = dict[str, dict[str, float]]
"""Measure -> language -> value in points."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that one should know of a task in a language."""

    task: str
    language: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """What came out of two folders."""

    benchmark: Benchmark
    values: dict[str, Values] = field(default_factory=dict)
    """Task -> measure -> language -> value in points."""
    missing: list[Remark] = field(default_factory=list)
    """Tasks and languages that could not be scored, and why."""
    notes: list[Remark] = field(default_factory=list)
    """What is scored, but not as one might think."""

    def averages(self) -> Averages:
        """Over languages and tasks, by each task's own score."""
        scores = {task.name: self.headlines(task) for task, _ in self.scored_tasks()}
        return averages(self.benchmark, scores)

    def headlines(self, task: BenchmarkTask) -> dict[str, float]:
        """Language -> the task's own score in points."""
        values = self.values[task.name]
        codes = next(iter(values.values()))
        return {
            code: task.headline({name: by_code[code] for name, by_code in values.items()})
            for code in codes
        }

    def scored_tasks(self) -> Iterator[tuple[BenchmarkTask, Values]]:
        """Tasks of which at least one language was scored."""
        for task in self.benchmark.tasks:
            if task.name in self.values:
                yield task, self.values[task.name]


def score_folders(predictions: Path, labels: Path, benchmark: Benchmark) -> Scored:
    """Score the files of two folders, ``<task>/test-<language>.<suffix>`` in each.

    Args:
        predictions: folder of predictions.
        labels: folder of right answers.
        benchmark: which tasks and languages are looked for.

    Returns:
        Every score that can be computed; what cannot is listed, not raised.

    Raises:
        PlanError: one of the two is no folder.
    """
    _check_folders(predictions, labels)
    scored = Scored(benchmark=benchmark, notes=_foreign_folders(predictions, benchmark))
    for task in benchmark.tasks:
        for language in task.languages:
            try:
                rows = _read(task, language, predictions, labels)
                row = _measured(task, language, rows)
            except ValueError as error:
                scored.missing.append(Remark(task.name, language, str(error)))
                continue
            for name, value in row.items():
                scored.values.setdefault(task.name, {}).setdefault(name, {})[language] = value
            scored.notes.extend(Remark(task.name, language, note) for note in rows.notes)
    return scored


def _check_folders(predictions: Path, labels: Path) -> None:
    expected = "a folder that holds <task>/test-<language>.<tsv|json|jsonl>"
    given = (("PREDICTIONS", predictions), ("LABELS", labels))
    mistakes = [Mistake(w, repr(str(path)), expected) for w, path in given if not path.is_dir()]
    if mistakes:
        raise PlanError("score", mistakes)


def _foreign_folders(predictions: Path, benchmark: Benchmark) -> list[Remark]:
    """Folders that no task of the benchmark is called by; perhaps one is misspelt."""
    names = sorted(path.name for path in predictions.iterdir() if path.is_dir())
    text = f"no task of {benchmark.name}, so not looked at"
    return [Remark(name, "folder", text) for name in names if benchmark.task(name) is None]


def _read(task: BenchmarkTask, language: str, predictions: Path, labels: Path) -> Rows:
    """Rows of one language.

    Raises:
        ValueError: a file is missing or unreadable, or the two do not fit each other.
    """
    name = file_of(task, language)
    absent = [
        word
        for word, folder in (("predictions", predictions), ("labels", labels))
        if not (folder / name).is_file()
    ]
    if absent:
        raise ValueError(f"no {file_of(task, '<language>')} in {' and '.join(absent)}")
    return KINDS[task.file].read(predictions / name, labels / name)


def _measured(task: BenchmarkTask, language: str, rows: Rows) -> dict[str, float]:
    """Every measure of one language, in points."""
    return {
        name: score(_row_for(task, metric, rows), rows.gold, rows.predicted, language)
        for name, metric in task.measures.items()
    }


def _row_for(task: BenchmarkTask, metric: str, rows: Rows) -> Task:
    """A row of the catalogue as metrics want it, of a task as the files tell it."""
    return Task(name=task.name, form=task.form, skill="", labels=rows.labels, metric=metric)


def as_json(scored: Scored) -> dict[str, Any]:
    """The report as ``evaluate.py`` writes it, and what it lacks.

    Returns:
        ``{task: {measure: {language: value}, "avg_<measure>": value, "avg_metric": value}}``, a
        value for each group, ``average``. An average is None where something that it averages is
        missing; ``avg_metric_of_available`` and ``average_of_available`` are over what is there.
        ``missing`` says what is not: task, language, reason.
    """
    means = scored.averages()
    tasks = {task.name: _task_json(task, values, means) for task, values in scored.scored_tasks()}
    return {
        **means.groups,
        **tasks,
        "average": means.average,
        "average_of_available": means.average_of_available,
        "missing": [
            {"task": row.task, "language": row.language, "reason": row.text}
            for row in scored.missing
        ],
    }


def _task_json(task: BenchmarkTask, values: Values, means: Averages) -> dict[str, Any]:
    whole = task.name not in means.missing
    return {
        **values,
        **{
            f"avg_{name}": fmean(by_code.values()) if whole else None
            for name, by_code in values.items()
        },
        "avg_metric": means.tasks[task.name],
        "avg_metric_of_available": means.available_tasks[task.name],
    }
