"""What a contrast's cells scored: a tidy frame, and a table for each target."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from analysis.comparisons import intermediate_groups
from analysis.frames import DEFAULT_ROOT, Studies
from analysis.scores import Row, trial_score_rows
from analysis.snapshot import ReadTrial, Snapshot, read_snapshots
from analysis.tables import table, title, wrapped
from analysis.typed import studies_frame
from analysis.wording import counted, points
from spaces.contrast import Cell, averaged
from spaces.records import SCORE_COLUMNS, TRIAL_COLUMNS, Column
from spaces.selection import aggregate
from spaces.study import StudyRecord

if TYPE_CHECKING:
    from pandas import DataFrame

_TRIAL = {column.name: column for column in TRIAL_COLUMNS}
_SCORE = {column.name: column for column in SCORE_COLUMNS}

CELL_COLUMNS = (
    *(_TRIAL[name] for name in ("study", "world", "target", "trial_number", "setting_id")),
    _TRIAL["initialisation"],
    Column("intermediate", "string", "none, or a candidate by the plan's name"),
    Column(
        "intermediate_group",
        "string",
        "group of its languages, by the plan's grouping; mixed where there are several; or none",
    ),
    Column("replicate", "Int64", "number of the set of seeds: the same in all cells and targets"),
    *(_TRIAL[name] for name in ("initialisation_seed", "intermediate_seed", "target_seed")),
    *(_SCORE[name] for name in ("language", "group", "split", "items", "metric")),
    Column("score", "Float64", "in this language; of rows of several tasks, their mean", "points"),
    _SCORE["standard_error"],
    Column("averaged", "boolean", "whether the contrast's objective is over this language"),
    *(_SCORE[name] for name in ("seen_source", "seen_intermediate", "seen_skill", "leakage")),
)
"""Columns of ``contrast_cells``."""

MOST_COLUMNS = 5
"""Intermediates in one table; of more, the others stand in tables below."""

NOTE = (
    "mean, sd: mean and standard deviation over n sets of fresh seeds, each of one trial's score "
    "over these languages. A set has the same seeds in every cell and for every target: compare "
    "set by set (`analysis.contrast_cells`). All cells have the plan's reference hyperparameters, "
    "and none was chosen. Differences, with intervals, stand below."
)


def contrast_cells(study: Studies, root: Path | str = DEFAULT_ROOT) -> "DataFrame":
    """One row per COMPLETE trial of a contrast and language; empty where there is no contrast.

    Scores are in points, on all items of the rows that a search may see; where it spends test
    rows of a parallel set, on the half of the items that it spends.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return cells_frame(read_snapshots(study, root))


def cells_frame(snapshots: Iterable[Snapshot]) -> "DataFrame":
    """A frame of ``CELL_COLUMNS``."""
    return studies_frame(cell_rows, snapshots, CELL_COLUMNS)


def cell_rows(snapshot: Snapshot) -> list[Row]:
    """Rows of ``CELL_COLUMNS``, target by target, by trial number."""
    rows = []
    for target in snapshot.record.targets:
        groups = intermediate_groups(snapshot.record, target)
        for trial, cell in _trials(snapshot, target):
            about = {"intermediate_group": groups[cell.intermediate]}
            rows += [row | about for row in _trial_rows(snapshot, trial, cell)]
    return rows


def _trials(snapshot: Snapshot, target: str) -> Iterator[tuple[ReadTrial, Cell]]:
    """Trials of a contrast that have a score, each with its cell."""
    record = snapshot.record
    contrast = record.contrasts[target]
    cells = {cell.setting.setting_id: cell for cell in contrast.cells(record.spaces[target])}
    for trial in snapshot.of_target(target):
        is_cell = trial.is_complete and trial.attributes.replicate in contrast.sets
        if is_cell and trial.setting_id in cells:
            yield trial, cells[trial.setting_id]


def _trial_rows(snapshot: Snapshot, trial: ReadTrial, cell: Cell) -> Iterator[Row]:
    """One row for each language of a trial."""
    seeds, chosen = trial.attributes.seeds, averaged_languages(snapshot.record, trial.target)
    assert seeds is not None
    about = {
        "initialisation": cell.initialisation,
        "intermediate": cell.intermediate,
        "replicate": trial.attributes.replicate,
        "initialisation_seed": seeds.initialisation,
        "intermediate_seed": seeds.intermediate,
        "target_seed": seeds.target,
    }
    halved = snapshot.record.cuts[trial.target].items_seed is not None
    found: dict[str, list[Row]] = {}
    for row in trial_score_rows(snapshot, trial):
        if row["items"] == ("selecting" if halved and row["split"] == "spent" else "all"):
            found.setdefault(row["language"], []).append(row)
    for language, rows in found.items():
        numbers = {"score": fmean(row["value"] for row in rows), "standard_error": _error(rows)}
        yield {**rows[0], **about, **numbers, "averaged": language in chosen}


def _error(rows: Sequence[Row]) -> float | None:
    """Standard error of the mean of scores on rows of several tasks; None where one is unknown."""
    errors = [row["standard_error"] for row in rows]
    known = [one for one in errors if one is not None]
    return math.hypot(*known) / len(rows) if len(known) == len(rows) else None


def averaged_languages(record: StudyRecord, target: str) -> tuple[str, ...]:
    """Languages that a target's scores are over."""
    scored = {code for _, code, _ in record.scored[target]}
    return averaged(record.plan, record.cuts[target], scored)


def contrast_parts(snapshot: Snapshot) -> list[str]:
    """One text for each target, and what holds for all; nothing where there is no contrast."""
    record = snapshot.record
    if record.plan.contrast is None:
        return []
    rows = cell_rows(snapshot)
    tables = [
        _target_part(record, target, [row for row in rows if row["target"] == target])
        for target in record.targets
    ]
    return [*tables, wrapped(" ".join([NOTE, *_shared(record)]))]


def _target_part(record: StudyRecord, target: str, rows: Sequence[Row]) -> str:
    contrast, scores = record.contrasts[target], _scores(record, rows)
    done, row = sum(map(len, scores.values())), record.catalogue.tasks[target]
    codes = ", ".join(averaged_languages(record, target))
    about = (
        f"Score: {record.plan.study.objective} over {codes}. "
        f"Metric: {row.metric}, in points; chance {row.chance:.1f}. "
        f"{done} of {counted(contrast.planned, 'trial')} {'has' if done == 1 else 'have'} a score."
    )
    names = contrast.intermediates
    parts = [f"{title(f'contrast on {target}')}\n{wrapped(about)}"]
    for first in range(0, len(names), MOST_COLUMNS):
        parts.append(_table(contrast.initialisations, names[first : first + MOST_COLUMNS], scores))
    left_out = [wrapped(why, f"left out: {name}: ") for name, why in contrast.left_out.items()]
    return "\n\n".join([*parts, *(["\n".join(left_out)] if left_out else [])])


def _scores(record: StudyRecord, rows: Iterable[Row]) -> dict[tuple[str, str], list[float]]:
    """(initialisation, intermediate) -> the objective of each set that has scores."""
    values: dict[tuple[str, str, int], dict[str, float]] = {}
    for row in rows:
        if row["averaged"]:
            name = (row["initialisation"], row["intermediate"], row["replicate"])
            values.setdefault(name, {})[row["language"]] = row["score"]
    scores: dict[tuple[str, str], list[float]] = {}
    for (*cell, _), found in values.items():
        score = aggregate(found, record.plan.study.objective, record.catalogue)
        scores.setdefault((cell[0], cell[1]), []).append(score)
    return scores


def _table(
    initialisations: Iterable[str],
    intermediates: Sequence[str],
    scores: dict[tuple[str, str], list[float]],
) -> str:
    """Three lines for each initialisation: mean, standard deviation, number of sets."""
    rows = []
    for name in initialisations:
        found = [scores.get((name, intermediate), []) for intermediate in intermediates]
        rows += [
            (name, "mean", *(points(fmean(values) if values else None) for values in found)),
            ("", "sd", *(points(stdev(values) if len(values) > 1 else None) for values in found)),
            ("", "n", *(str(len(values)) for values in found)),
        ]
    return table(("initialisation", "", *intermediates), rows, words=2)


def _shared(record: StudyRecord) -> Iterator[str]:
    """What replicates share, and their spread therefore cannot show."""
    contrast = record.plan.contrast
    assert contrast is not None
    rows: dict[str, Any] = record.catalogue.initialisations
    used = dict.fromkeys(n for one in record.contrasts.values() for n in one.initialisations)
    starts = len({contrast.start(number) for number in contrast.sets})
    if starts < len(contrast.sets) and any(not rows[name].path for name in used):
        yield (
            f"The {len(contrast.sets)} sets share {counted(starts, 'pretraining')} of each "
            "initialisation that is pretrained here: replicates of one are not independent, and "
            "sd leaves out how much pretraining varies."
        )
    if checkpoints := [name for name in used if rows[name].path]:
        yield (
            f"All sets share the weights of {', '.join(checkpoints)}: sd says nothing of another "
            "pretraining."
        )
