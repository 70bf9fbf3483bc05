"""Folders of predictions and labels, as XTREME's ``evaluate.py`` and our ``score`` read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.submission.kinds import KINDS, file_of
from analysis.submission.parts import SubmissionError, Table
from spaces.benchmark import XTREME_R, Benchmark, BenchmarkTask
from spaces.mistakes import nearest
from spaces.tasks import Task

PREDICTIONS, LABELS = "predictions", "labels"
"""Folders of a submission."""


def write_submission(
    folder: Path,
    tables_by_task: Mapping[str, Sequence[Table]],
    tasks: Mapping[str, Task],
    benchmark: Benchmark = XTREME_R,
) -> list[Path]:
    """Write ``predictions/<task>/test-<language>.<suffix>`` and the same below ``labels/``.

    Rows stand in the order of their table, which files without ids rely on: against labels from
    elsewhere a table must have all rows of the data set, in its order.

    Args:
        folder: where the two folders are made; it need not exist.
        tables_by_task: name of a task -> one table per language: columns ``language``, ``item``,
            ``id`` (text), ``gold`` and ``predicted``, a value per row. Classification and choice:
            the label's number. Tagging: the words' tag numbers. Span: the right answers; the
            answer, or None. Retrieval: names of the right candidates; names, best first.
        tasks: rows of the catalogue by name, for the names of labels.
        benchmark: whose tasks and files.

    Returns:
        The files that were written.

    Raises:
        SubmissionError: a task or a language is not the benchmark's, a language comes twice, or
            the files cannot say what a table holds. Nothing is written then.
        FileExistsError: there is a submission already.
    """
    texts: dict[Path, str] = {}
    for name, tables in tables_by_task.items():
        row = _row(name, tasks, benchmark)
        for table in tables:
            texts |= _texts(folder, row, tasks[name], table, texts)
    for place in (folder / PREDICTIONS, folder / LABELS):
        if place.exists():
            raise FileExistsError(f"{place} is there already: name another folder, or remove it")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


def _row(name: str, tasks: Mapping[str, Task], benchmark: Benchmark) -> BenchmarkTask:
    """The benchmark's row of a task, which must be of the catalogue's form."""
    row = benchmark.task(name)
    if row is None:
        known = nearest(name, (task.name for task in benchmark.tasks))
        raise SubmissionError(f"{name!r} is no task of {benchmark.name}: {known}")
    if tasks[name].form != row.form:
        raise SubmissionError(
            f"task {name!r} has form {tasks[name].form!r}, and {benchmark.name} wants {row.form!r}"
        )
    return row


def _texts(
    folder: Path, row: BenchmarkTask, task: Task, table: Table, written: Mapping[Path, str]
) -> dict[Path, str]:
    """Path -> content of the two files of one table."""
    language = _language(row, table)
    paths = [folder / side / file_of(row, language) for side in (PREDICTIONS, LABELS)]
    if paths[0] in written:
        raise SubmissionError(f"two tables of {row.name!r} are in {language!r}: give one of each")
    try:
        contents = KINDS[row.file].texts(task, table)
    except SubmissionError as error:
        raise SubmissionError(f"{row.name} in {language}: {error}") from None
    return dict(zip(paths, contents, strict=True))


def _language(row: BenchmarkTask, table: Table) -> str:
    """The one language of a table, which the benchmark must have.

    Raises:
        SubmissionError: there are no rows, or several languages, or an unknown one.
    """
    codes = sorted({str(code) for code in table["language"]})
    if len(codes) != 1:
        raise SubmissionError(f"a table of {row.name!r} has languages {codes}: one is expected")
    if codes[0] not in row.languages:
        raise SubmissionError(f"{row.name!r} in {codes[0]!r}: {nearest(codes[0], row.languages)}")
    return codes[0]
