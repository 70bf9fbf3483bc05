"""The scores of a submission as text."""

from collections.abc import Iterable, Mapping
from statistics import fmean

from analysis.submission.scoring import Remark, Scored, Values
from analysis.tables import table, wrapped
from analysis.wording import ABSENT, counted, points
from spaces.benchmark import Averages, BenchmarkTask

SCORES = (
    "score: mean over the languages of the task (questions: mean of F1 and exact match), in "
    "points. A star: over some of the languages only, which is not the benchmark's score."
)

_TIE = "\N{NO-BREAK SPACE}"


def scored_text(scored: Scored) -> str:
    """Tables of tasks, groups and languages, then what is missing; 80 columns wide."""
    means = scored.averages()
    parts = [
        f"{scored.benchmark.name}: scores of a submission",
        _tasks_part(scored, means),
        wrapped(SCORES),
        table(("group", "score"), [(name, points(v)) for name, v in means.groups.items()]),
        "\n".join(_languages(task, scored.headlines(task)) for task, _ in scored.scored_tasks()),
        *_remarks("could not be scored", scored.missing),
        *_remarks("notes", scored.notes),
        _average(scored, means),
    ]
    return "\n\n".join(part for part in parts if part)


def _tasks_part(scored: Scored, means: Averages) -> str:
    rows = [
        _task_row(task, scored.values.get(task.name, {}), means) for task in scored.benchmark.tasks
    ]
    return table(("task", "measures", "languages", "score"), rows, words=2)


def _task_row(task: BenchmarkTask, values: Values, means: Averages) -> tuple[str, ...]:
    there = means.available_tasks.get(task.name)
    star = "*" if there is not None and task.name in means.missing else " "
    measures = ", ".join(
        f"{name} {points(fmean(by_code.values()))}" for name, by_code in values.items()
    )
    count = len(task.languages) - len(means.missing.get(task.name, ()))
    return (
        task.name,
        measures or ABSENT,
        f"{count} of {len(task.languages)}",
        f"{points(there)}{star}",
    )


def _languages(task: BenchmarkTask, by_language: Mapping[str, float]) -> str:
    """The score in each language; a code and its number stay on one line."""
    cells = (f"{code}{_TIE}{value:.2f}" for code, value in by_language.items())
    return wrapped("  ".join(cells), f"{task.name}: ").replace(_TIE, " ")


def _remarks(title: str, remarks: Iterable[Remark]) -> list[str]:
    """Remarks of the same words on one task, once for all languages."""
    languages: dict[tuple[str, str], list[str]] = {}
    for row in remarks:
        languages.setdefault((row.task, row.text), []).append(row.language)
    lines = [
        wrapped(f"{' '.join(codes)}: {text}", f"  {task}  ")
        for (task, text), codes in languages.items()
    ]
    return ["\n".join([f"{title}:", *lines])] if lines else []


def _average(scored: Scored, means: Averages) -> str:
    tasks = counted(len(scored.benchmark.tasks), "task")
    if means.average is not None:
        return f"average over {tasks}: {points(means.average)}"
    short = ", ".join(
        name if name not in means.available_tasks else f"{name} ({' '.join(codes)})"
        for name, codes in means.missing.items()
    )
    there = counted(len(means.available_tasks), "task")
    return wrapped(
        f"no average over {tasks}, as these are missing, or languages of them: {short}. Mean over "
        f"what is there (from {there}; no benchmark score): {points(means.average_of_available)}"
    )
