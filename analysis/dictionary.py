"""The data dictionary: every frame, what a row of it is, what names a row, and its columns."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.cells import CELL_COLUMNS, cells_frame, contrast_cells
from analysis.choose import BEST_COLUMNS, best_settings
from analysis.confirmed_scores import (
    confirmed_frame,
    confirmed_gains,
    confirmed_settings,
    gains_frame,
)
from analysis.effects import contrast
from analysis.frames import (
    load_phases,
    load_reports,
    load_scores,
    load_trials,
    phases_frame,
    reports_frame,
    trials_frame,
)
from analysis.held_out import load_pretraining, pretraining_frame
from analysis.ladder import ladder_frame, selection_ladder
from analysis.scores import scores_frame
from analysis.snapshot import Snapshot
from analysis.typed import typed_frame
from spaces.records import (
    CONFIRMED_COLUMNS,
    EFFECT_COLUMNS,
    GAIN_COLUMNS,
    LADDER_COLUMNS,
    PHASE_COLUMNS,
    PRETRAINING_COLUMNS,
    REPORT_COLUMNS,
    SCORE_COLUMNS,
    TRIAL_COLUMNS,
    TRIAL_KEYS,
    Column,
)

if TYPE_CHECKING:
    from pandas import DataFrame

DICTIONARY = "data_dictionary"
"""Name of the file that an export writes beside the frames."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as users meet it."""

    name: str
    """Of its file in an export."""
    load: Callable[..., "DataFrame"]
    """From the names of studies, and their root."""
    make: Callable[[Iterable[Snapshot]], "DataFrame"] | None
    """From snapshots, as reports tell it; None where an export leaves it out, because what it holds
    depends on what is asked or is in another frame."""
    columns: tuple[Column, ...]
    row: str
    """What one row is."""
    keys: tuple[str, ...]
    """Columns that together name a row."""


FRAMES = (
    Frame("trials", load_trials, trials_frame, TRIAL_COLUMNS, "a trial", TRIAL_KEYS),
    Frame(
        "scores",
        load_scores,
        scores_frame,
        SCORE_COLUMNS,
        "a score of a trial, in one language, on one kind of rows",
        (*TRIAL_KEYS, "language", "split", "items", "metric", "rows_of"),
    ),
    Frame(
        "reports",
        load_reports,
        reports_frame,
        REPORT_COLUMNS,
        "a score that a trial reported while it trained",
        (*TRIAL_KEYS, "step"),
    ),
    Frame(
        "phases",
        load_phases,
        phases_frame,
        PHASE_COLUMNS,
        "a phase that a trial executed or took from the store; one that it executed twice, "
        "because the first result was damaged, has two",
        (*TRIAL_KEYS, "position"),
    ),
    Frame(
        "cells",
        contrast_cells,
        cells_frame,
        CELL_COLUMNS,
        "a cell of a contrast under one set of seeds, in one language",
        (*TRIAL_KEYS, "language"),
    ),
    Frame(
        "best",
        best_settings,
        None,
        BEST_COLUMNS,
        "a target that has a COMPLETE trial: the best one",
        ("study", "target"),
    ),
    Frame(
        "pretraining",
        load_pretraining,
        pretraining_frame,
        PRETRAINING_COLUMNS,
        "a measure of an initialisation that was pretrained here, in one language",
        ("study", "key", "task", "language", "measure"),
    ),
    Frame(
        "effects",
        contrast,
        None,
        EFFECT_COLUMNS,
        "a difference of two levels of a contrast's factor; `interaction` has the same columns",
        ("study", "target", "contrasted", "baseline", "averaged_over", "method"),
    ),
    Frame(
        "confirmed",
        confirmed_settings,
        confirmed_frame,
        CONFIRMED_COLUMNS,
        "a setting that a confirmation ran",
        ("study", "target", "setting_id"),
    ),
    Frame(
        "gains",
        confirmed_gains,
        gains_frame,
        GAIN_COLUMNS,
        "a finalist of a confirmation against one of its baselines",
        ("study", "target", "setting_id", "against", "baseline_id", "method"),
    ),
    Frame(
        "ladder",
        selection_ladder,
        ladder_frame,
        LADDER_COLUMNS,
        "a rule that could have chosen a target's setting, and what it would have picked",
        ("study", "target", "selection"),
    ),
)
"""Every frame that is loaded from studies."""

DICTIONARY_COLUMNS = (
    Column("frame", "string", "name of the frame"),
    Column("column", "string", "name of the column"),
    Column("dtype", "string", "pandas' name of its type"),
    Column("unit", "string", "unit of its values; NA where they have none"),
    Column("key", "boolean", "whether it is one of the columns that together name a row"),
    Column("meaning", "string", "what it says"),
)
"""Columns of ``data_dictionary``."""


def data_dictionary() -> "DataFrame":
    """One row per column of every frame, in their order."""
    rows = [
        {
            "frame": frame.name,
            "column": column.name,
            "dtype": column.dtype,
            "unit": column.unit or None,
            "key": column.name in frame.keys,
            "meaning": column.meaning,
        }
        for frame in FRAMES
        for column in frame.columns
    ]
    return typed_frame(rows, DICTIONARY_COLUMNS)
