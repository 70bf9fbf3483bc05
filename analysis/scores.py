"""What trials scored: rows for texts that look at one trial, and one frame of all of them.

10,000 trials in 50 languages have half a million scores, so the frame is made column by column:
what holds for a trial or for a cell is written down once and then taken for each of its scores.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from analysis.snapshot import ReadTrial, Score, Snapshot
from analysis.typed import joined, typed_columns, typed_frame
from spaces.leakage import leakage_classes, seen_flags
from spaces.records import SCORE_COLUMNS, Column
from spaces.settings import TransferSetting

if TYPE_CHECKING:
    from pandas import DataFrame

Row = dict[str, Any]

OF_TRIAL = ("study", "world", "target", "trial_number", "setting_id")
"""Columns that are the same for all scores of a trial."""

OF_SCORE = tuple(field.name for field in fields(Score))
"""Columns that a trial wrote down; those of neither kind belong to a cell: trial and language."""


def _chosen(names: Iterable[str]) -> list[Column]:
    return [column for column in SCORE_COLUMNS if column.name in {*names}]


def _others() -> list[Column]:
    return [column for column in SCORE_COLUMNS if column.name not in {*OF_TRIAL, *OF_SCORE}]


def trial_score_rows(snapshot: Snapshot, trial: ReadTrial) -> list[Row]:
    """Rows of ``SCORE_COLUMNS`` for one trial."""
    scores = trial.attributes.record.scores
    cells = _cell_rows(snapshot, trial, dict.fromkeys(score.language for score in scores))
    about = _trial_row(snapshot, trial)
    # No `asdict`: it copies values deeply and takes longer than all else together.
    return [
        about | {name: getattr(score, name) for name in OF_SCORE} | cells[score.language]
        for score in scores
    ]


def scores_frame(snapshots: Iterable[Snapshot]) -> "DataFrame":
    """A frame of ``SCORE_COLUMNS``: the scores of every trial, trial by trial."""
    return joined(map(_study_frame, snapshots), SCORE_COLUMNS)


def _study_frame(snapshot: Snapshot) -> "DataFrame":
    # Late: `import analysis` must not pay for pandas.
    import pandas as pd

    trials, cells = snapshot.trials, Cells(snapshot)
    scores = [score for trial in trials for score in trial.attributes.record.scores]
    of_cell = [place for trial in trials for place in cells.places(trial)]
    of_trial = [n for n, trial in enumerate(trials) for _ in trial.attributes.record.scores]
    own = {name: [getattr(score, name) for score in scores] for name in OF_SCORE}
    about = typed_frame([_trial_row(snapshot, trial) for trial in trials], _chosen(OF_TRIAL))
    parts = [
        about.take(of_trial).reset_index(drop=True),
        typed_columns(own, _chosen(OF_SCORE)),
        typed_frame(cells.rows, _others()).take(of_cell).reset_index(drop=True),
    ]
    return pd.concat(parts, axis=1)[[column.name for column in SCORE_COLUMNS]]


@dataclass(slots=True)
class Cells:
    """What is known of each cell of a study, once: most trials differ in learning rates alone."""

    snapshot: Snapshot
    rows: list[Row] = field(default_factory=list)
    """One for each target, what a setting was trained on, and language."""
    _known: dict[Hashable, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def places(self, trial: ReadTrial) -> list[int]:
        """Which of the rows each of a trial's scores belongs to."""
        codes = [score.language for score in trial.attributes.record.scores]
        known = self._known[trial.target, _trained_on(trial.setting)]
        if new := [code for code in dict.fromkeys(codes) if code not in known]:
            found = _cell_rows(self.snapshot, trial, new)
            known |= {code: len(self.rows) + n for n, code in enumerate(found)}
            self.rows += found.values()
        return [known[code] for code in codes]


def _trained_on(setting: TransferSetting | None) -> Hashable:
    """All of a setting that flags and leakage classes look at; None where it is not known."""
    if setting is None:
        return None
    parts = (part for mixture in setting.intermediate for part in mixture.parts)
    return setting.source_languages, frozenset((part.task, part.language) for part in parts)


def _trial_row(snapshot: Snapshot, trial: ReadTrial) -> Row:
    return {
        "study": snapshot.record.name,
        "world": snapshot.record.plan.world,
        "target": trial.target,
        "trial_number": trial.number,
        "setting_id": trial.setting_id,
    }


def _cell_rows(snapshot: Snapshot, trial: ReadTrial, languages: Iterable[str]) -> dict[str, Row]:
    """Language -> what holds for all of a trial's scores in it."""
    languages = tuple(languages)
    classes = _leakage(snapshot, trial, languages)
    return {c: _cell_row(snapshot, trial, c) | {"leakage": classes[c]} for c in languages}


def _leakage(
    snapshot: Snapshot, trial: ReadTrial, languages: Iterable[str]
) -> dict[str, str | None]:
    """Leakage class of each language; unknown where the setting is."""
    if trial.setting is None:
        return dict.fromkeys(languages)
    return leakage_classes(snapshot.record.catalogue, trial.setting, trial.target, languages)


def _cell_row(snapshot: Snapshot, trial: ReadTrial, code: str) -> Row:
    catalogue, cut = snapshot.record.catalogue, snapshot.record.cuts[trial.target]
    language = catalogue.languages.get(code)
    seen: Row = dict.fromkeys(("seen_source", "seen_intermediate", "seen_skill"))
    if trial.setting:
        seen |= seen_flags(catalogue, trial.setting, trial.target, code)
    return {
        "chance": catalogue.tasks[trial.target].chance,
        "group": language.group if language else None,
        "grouping": snapshot.record.plan.study.grouping,
        "role": cut.role(code),
        "in_objective": code in cut.objective,
        **seen,
    }
