"""Trials, scores, reports and phases as pandas frames; columns stand in ``spaces/records.py``.

Every function takes one study or several, also while they run. A frame has the same columns and
dtypes when it is empty.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.gains import Baselines
from analysis.phase_rows import COSTS, phase_rows, totals
from analysis.scores import Row, scores_frame
from analysis.snapshot import ReadTrial, Snapshot, read_snapshots
from analysis.typed import studies_frame
from spaces.records import PHASE_COLUMNS, REPORT_COLUMNS, TRIAL_COLUMNS, TRIAL_KEYS
from spaces.settings import TransferSetting

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "DEFAULT_ROOT", "Studies", "load_phases", "load_reports", "load_scores", "load_trials",
    "phases_frame", "reports_frame", "setting_columns", "trials_frame", "with_trials",
]  # fmt: skip

Studies = str | Iterable[str]

DEFAULT_ROOT = Path("runs")


def load_trials(study: Studies, root: Path | str = DEFAULT_ROOT) -> "DataFrame":
    """One row per trial: state, score and gains in points, setting, what it executed.

    ``score`` is NA unless the trial is COMPLETE. ``paired_gain`` is NA for trials without an
    intermediate phase; ``tuned_gain`` is at most 0 for them. ``steps``, ``tokens`` and ``seconds``
    (wall time) count what the trial executed itself, in all of its attempts.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return trials_frame(read_snapshots(study, root))


def load_scores(study: Studies, root: Path | str = DEFAULT_ROOT) -> "DataFrame":
    """One row per trial, language, split, items and metric; values in points.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return scores_frame(read_snapshots(study, root))


def load_reports(study: Studies, root: Path | str = DEFAULT_ROOT) -> "DataFrame":
    """One row per report of a running or finished trial: step of the target phase, points.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return reports_frame(read_snapshots(study, root))


def load_phases(study: Studies, root: Path | str = DEFAULT_ROOT) -> "DataFrame":
    """One row per phase that the study executed, and one per phase a trial took from the store.

    A trial that was interrupted and later found its own phase again has one row for it: executed.
    ``how`` tells apart what was executed once more, because its weights had been evicted. Steps are
    optimiser steps, seconds wall time; those of a hit are what it saved.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return phases_frame(read_snapshots(study, root))


def with_trials(frame: "DataFrame", trials: "DataFrame") -> "DataFrame":
    """A frame of scores, reports or phases with the columns of its trials that it lacks.

    Each row stays, in its place, and none is doubled; of trials that are not there the new columns
    are NA. Names that both have, such as ``role``, ``steps`` or ``seconds``, keep the frame's own
    meaning.

    Args:
        frame: with the columns study, target and trial_number.
        trials: of ``load_trials``, of the same studies; a choice of its columns or rows will do.

    Raises:
        KeyError: one of the frames lacks a column of those three.
        pandas.errors.MergeError: a trial stands twice in ``trials``.
    """
    keys = list(TRIAL_KEYS)
    new = [name for name in trials.columns if name not in {*keys, *frame.columns}]
    found = frame.merge(trials[[*keys, *new]], on=keys, how="left", validate="many_to_one")
    for name in ("units", "meanings"):
        found.attrs[name] = trials.attrs.get(name, {}) | frame.attrs.get(name, {})
    return found


def trials_frame(snapshots: Iterable[Snapshot]) -> "DataFrame":
    """A frame of ``TRIAL_COLUMNS``."""
    return studies_frame(_trial_rows, snapshots, TRIAL_COLUMNS)


def reports_frame(snapshots: Iterable[Snapshot]) -> "DataFrame":
    """A frame of ``REPORT_COLUMNS``."""
    return studies_frame(_report_rows, snapshots, REPORT_COLUMNS)


def phases_frame(snapshots: Iterable[Snapshot]) -> "DataFrame":
    """A frame of ``PHASE_COLUMNS``."""
    return studies_frame(phase_rows, snapshots, PHASE_COLUMNS)


def _trial_rows(snapshot: Snapshot) -> list[Row]:
    executed: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in phase_rows(snapshot):
        if not row["hit"]:
            executed[row["target"], row["trial_number"]].append(row)
    targets = snapshot.record.targets
    baselines = {target: Baselines.of(snapshot.of_target(target)) for target in targets}
    return [
        _trial_columns(snapshot, trial)
        | setting_columns(trial.setting)
        | _start_columns(snapshot, trial)
        | _cost_columns(trial, executed[trial.target, trial.number])
        | {
            "paired_gain": baselines[trial.target].paired_gain(trial),
            "tuned_gain": baselines[trial.target].tuned_gain(trial),
        }
        for trial in snapshot.trials
    ]


def _trial_columns(snapshot: Snapshot, trial: ReadTrial) -> Row:
    record, attributes = snapshot.record, trial.attributes
    seeds = attributes.seeds or record.seeds
    return {
        "study": record.name,
        "world": record.plan.world,
        "target": trial.target,
        "trial_number": trial.number,
        "state": trial.state,
        "score": trial.score,
        "reported_score": attributes.record.reported_score,
        "setting_id": trial.setting_id,
        "arm": trial.arm,
        "role": attributes.role,
        "replicate": attributes.replicate,
        "initialisation_seed": seeds.initialisation,
        "rows_seed": seeds.rows,
        "intermediate_seed": seeds.intermediate,
        "target_seed": seeds.target,
        "selection": record.cuts[trial.target].selection,
        "pruned_step": attributes.pruned_step,
        "reason": attributes.reason,
        "attempts": attributes.attempts,
        "started": trial.started,
        "finished": trial.finished,
    }


def _start_columns(snapshot: Snapshot, trial: ReadTrial) -> Row:
    """What the catalogue says of a trial's initialisation."""
    rows = snapshot.record.catalogue.initialisations
    row = rows.get(trial.setting.initialisation) if trial.setting else None
    return {n: getattr(row, n, None) or None for n in ("family", "twin", "image_stage")}


def setting_columns(setting: TransferSetting | None) -> Row:
    """The columns that say in short what a setting is; None throughout where it is not known."""
    mixtures = setting.intermediate if setting else ()
    parts = [part for mixture in mixtures for part in mixture.parts]
    target = setting.target if setting else None
    return {
        "initialisation": setting.initialisation if setting else None,
        "intermediate": setting.intermediate_name if setting else None,
        "intermediate_tasks": _names(part.task for part in parts) if setting else None,
        "intermediate_languages": _names(part.language for part in parts) if setting else None,
        "intermediate_learning_rate": mixtures[0].optimisation.learning_rate if mixtures else None,
        "intermediate_steps": sum(m.optimisation.steps for m in mixtures) if setting else None,
        "source_languages": "+".join(setting.source_languages) if setting else None,
        "target_learning_rate": target.learning_rate if target else None,
        "target_steps": target.steps if target else None,
        "readout": str(setting.readout) if setting and setting.readout else None,
    }


def _names(names: Iterable[str]) -> str:
    return "+".join(sorted({*names})) or "none"


def _cost_columns(trial: ReadTrial, executed: list[Row]) -> Row:
    """What the trial executed; unknown, which is not zero, where it never named its phases."""
    return {**totals(executed)} if trial.keys or executed else dict.fromkeys(COSTS)


def _report_rows(snapshot: Snapshot) -> list[Row]:
    return [
        {
            "study": snapshot.record.name,
            "world": snapshot.record.plan.world,
            "target": trial.target,
            "trial_number": trial.number,
            "step": step,
            "value": value,
        }
        for trial in snapshot.trials
        for step, value in trial.reports.items()
    ]
