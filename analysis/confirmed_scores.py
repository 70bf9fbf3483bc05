"""What a confirmation's settings scored on test rows, and what they gain over their baselines."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.cell_scores import CellScores
from analysis.comparisons import Cell, Comparison
from analysis.effect_rows import Compared, Question
from analysis.estimates import OVERALL, Asked, Covered, Row, adjusted, known
from analysis.frames import DEFAULT_ROOT, Studies
from analysis.inference import Estimate, noise_variance, paired_interval, shrink
from analysis.snapshot import ReadTrial, Snapshot, read_snapshots
from analysis.typed import typed_frame
from spaces.confirmation import ConfirmedSetting
from spaces.records import CONFIRMED_COLUMNS, GAIN_COLUMNS
from spaces.selection import Cut, chosen_scores

if TYPE_CHECKING:
    from pandas import DataFrame

TUNED, MATCHED = "tuned", "matched"

CLAIMS = {
    TUNED: "this setting, against the best found without an intermediate phase",
    MATCHED: "an intermediate phase, all else equal",
}


def confirmed_settings(
    study: Studies, root: Path | str = DEFAULT_ROOT, *, level: float = 0.95
) -> "DataFrame":
    """One row per target and setting of a confirmation: mean on test rows, interval, shrunken mean.

    Intervals are Student's t over sets of fresh seeds. The best of several means is partly the
    luckiest: ``shrunken`` draws each towards the mean of its arm by the share of their spread that
    is noise (``analysis.inference.shrink``; errors are taken to be alike in all settings of a
    target).

    Args:
        study: name of a confirmation (``demo.confirm``), or several; of others there are no rows.
        root: folder of all studies and phases.
        level: what intervals cover.

    Raises:
        ValueError: an argument that means nothing.
        StoreError: there is no such study, or something of it cannot be read.
    """
    return confirmed_frame(read_snapshots(study, root), Asked(level=level))


def confirmed_gains(
    study: Studies,
    root: Path | str = DEFAULT_ROOT,
    *,
    covers: Sequence[Covered] = ("seeds",),
    level: float = 0.95,
    margin: float = 1.0,
) -> "DataFrame":
    """One row per target, finalist and baseline of a confirmation: difference and verdict.

    ``tuned`` is against the best setting without an intermediate phase that the finalist's selector
    found; ``matched`` against the finalist itself without its intermediate phase; finalists without
    one have no rows. Differences are set by set, in points. ``is_answer`` marks the setting that
    the study's own selection put first: its rows were settled before a test row was read. Rows of
    ``overall`` average these over targets: the tuned gain over all of them, with 0 where the best
    found has no intermediate phase, the matched one over those where it has. P-values are adjusted
    over the rows against one kind of baseline; intervals and verdicts look at each row alone.

    Args:
        study: name of a confirmation (``demo.confirm``), or several; of others there are no rows.
        root: folder of all studies and phases.
        covers: what intervals hold over, see ``contrast``.
        level: what intervals cover.
        margin: the largest difference that counts as none, in points.

    Raises:
        ValueError: an argument that means nothing.
        StoreError: there is no such study, or something of it cannot be read.
    """
    covered = (covers,) if isinstance(covers, str) else tuple(covers)
    asked = Asked(level=level, margin=margin, covers=covered)
    return gains_frame(read_snapshots(study, root), asked)


def confirmed_frame(snapshots: Iterable[Snapshot], asked: Asked | None = None) -> "DataFrame":
    """``confirmed_settings`` of studies that were read."""
    rows = [row for snapshot in snapshots for row in confirmed_rows(snapshot, asked or Asked())]
    return typed_frame(rows, CONFIRMED_COLUMNS)


def gains_frame(snapshots: Iterable[Snapshot], asked: Asked | None = None) -> "DataFrame":
    """``confirmed_gains`` of studies that were read."""
    rows = [row for snapshot in snapshots for row in gain_rows(snapshot, asked or Asked())]
    return typed_frame(rows, GAIN_COLUMNS)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One target of a confirmation."""

    settings: tuple[ConfirmedSetting, ...]
    cells: CellScores
    """Each setting is a cell of its own."""
    selection: str
    """The study's own."""

    def values(self, name: str) -> list[float]:
        """[sets] score of a setting, NaN where a set has none."""
        found = self.cells.values(self.cells.averaged)
        return [found.get((_cell(name), number), math.nan) for number in self.cells.sets]

    def mean(self, name: str, level: float) -> Estimate:
        """Its mean, with an interval over sets."""
        return paired_interval(self.values(name), level)

    def shrunken(self) -> dict[str, float]:
        """setting_id -> mean drawn towards its arm's."""
        table = {
            one.setting.setting_id: self.values(one.setting.setting_id) for one in self.settings
        }
        there = [row for row in table.values() if not np.isnan(row).all()]
        noise = noise_variance(there) if there else math.nan
        arms: dict[str, list[str]] = {}
        for one in self.settings:
            arms.setdefault(one.setting.arm, []).append(one.setting.setting_id)
        found: dict[str, float] = {}
        for names in arms.values():
            means = [self.mean(name, 0.95).value for name in names]
            found |= dict(zip(names, map(float, shrink(means, noise)), strict=True))
        return found

    def pairs(self) -> Iterator[tuple[ConfirmedSetting, str, ConfirmedSetting]]:
        """Finalist, kind of baseline, baseline; the tuned ones first."""
        by_name = {one.setting.setting_id: one for one in self.settings}
        for one in self.settings:
            if not one.chosen_by or not one.setting.intermediate:
                continue
            if tuned := self.tuned(one):
                yield one, TUNED, tuned
            if matched := by_name.get(one.setting.without_intermediate.setting_id):
                yield one, MATCHED, matched

    def tuned(self, finalist: ConfirmedSetting) -> ConfirmedSetting | None:
        """The tuned baseline of the selector that chose a finalist, the study's own first."""
        names = sorted(finalist.chosen_by, key=lambda name: name != self.selection)
        found = (one for name in names for one in self.settings if name in one.tuned_for)
        return next(found, None)

    @property
    def answer(self) -> ConfirmedSetting | None:
        """The setting that the study's own selection put first."""
        return next((one for one in self.settings if self.selection in one.chosen_by), None)


def _cell(setting_id: str) -> Cell:
    return setting_id, ""


def read_confirmed(snapshot: Snapshot) -> dict[str, Confirmed]:
    """Target -> what was confirmed of it; nothing where the study is no confirmation."""
    record, confirms = snapshot.record, snapshot.record.confirms
    if confirms is None:
        return {}
    sets = tuple(range(1, confirms.replicates + 1))
    found = {}
    for target in record.targets:
        cut = record.cuts[target]
        cells = CellScores(record, target, cut.reported, sets, {}, {}, {}, set(), {})
        settings = confirms.settings[target]
        names = {one.setting.setting_id for one in settings}
        for trial in snapshot.of_target(target):
            if trial.is_complete and trial.setting_id in names:
                _book(cells, trial, cut)
        found[target] = Confirmed(settings, cells, cut.selection)
    return found


def _book(cells: CellScores, trial: ReadTrial, cut: Cut) -> None:
    """Put a replicate's scores by language where they belong; of equal ones the first stays."""
    number = trial.attributes.replicate
    at = (_cell(str(trial.setting_id)), number or 0)
    if number not in cells.sets or at in cells.scores:
        return
    rows = [
        {"language": one.language, "items": one.items, "value": one.value}
        for one in trial.attributes.record.scores
    ]
    cells.scores[at] = chosen_scores(rows, cut, "reported")
    items = "reported" if cut.items_seed is not None else "all"
    cells.errors[at] = {
        one.language: one.standard_error
        for one in trial.attributes.record.scores
        if one.items == items and one.standard_error is not None
    }


def confirmed_rows(snapshot: Snapshot, asked: Asked) -> list[Row]:
    """Rows of ``CONFIRMED_COLUMNS``."""
    about = {"study": snapshot.record.name, "world": snapshot.record.plan.world}
    rows = []
    for target, found in read_confirmed(snapshot).items():
        shrunken = found.shrunken()
        for one in found.settings:
            name = one.setting.setting_id
            mean = found.mean(name, asked.level)
            rows.append(
                about
                | {"target": target, "setting_id": name, "arm": one.setting.arm, "role": one.role}
                | {"initialisation": one.setting.initialisation}
                | {"intermediate": one.setting.intermediate_name}
                | {"chosen_by": ", ".join(one.chosen_by) or None}
                | {"tuned_for": ", ".join(one.tuned_for) or None}
                | {"n_sets": mean.n, "mean": known(mean.value), "sd": known(mean.sd)}
                | {"standard_error": known(mean.standard_error), "level": asked.level}
                | {"low": known(mean.low), "high": known(mean.high)}
                | {"shrunken": known(shrunken[name])}
            )
    return rows


def gain_rows(snapshot: Snapshot, asked: Asked) -> list[Row]:
    """Rows of ``GAIN_COLUMNS``; those of ``overall`` last.

    Raises:
        ValueError: languages are taken for a sample where the objective is no mean over them.
    """
    question = Question(pairs=lambda _: [], asked=asked)
    question.check_objective(snapshot.record.plan.study.objective)
    about = {"study": snapshot.record.name, "world": snapshot.record.plan.world}
    rows: list[Row] = []
    answers: dict[str, list[Compared]] = {}
    confirmed = read_confirmed(snapshot).values()
    for found in confirmed:
        shrunken = found.shrunken()
        for finalist, against, baseline in found.pairs():
            pair = _comparison(finalist, against, baseline)
            compared = Compared.of_target(found.cells, pair, question)
            if is_answer := finalist == found.answer:
                answers.setdefault(against, []).append(compared)
            mine, theirs = (shrunken[one.setting.setting_id] for one in (finalist, baseline))
            rows.append(
                about
                | _setting_columns(finalist, baseline)
                | {"is_answer": is_answer, "against": against, "shrunken": known(mine - theirs)}
                | _told(compared, question)
            )
    if TUNED in answers:
        answers[TUNED] += (one for found in confirmed for one in _no_gain(found, question))
    for against, each in answers.items():
        if len(each) > 1 and not question.samples_languages:
            rows.append(
                about
                | dict.fromkeys(_setting_columns(None, None))
                | {"is_answer": True, "against": against, "shrunken": None}
                | _told(Compared.over(each), question)
            )
    return adjusted(rows, lambda row: (row["against"], row["target"] == OVERALL))


def _no_gain(found: Confirmed, question: Question) -> Iterator[Compared]:
    """An answer without an intermediate phase, against itself: a gain of 0 in each set."""
    answer = found.answer
    if answer and not answer.setting.intermediate and found.tuned(answer):
        yield Compared.of_target(found.cells, _comparison(answer, TUNED, answer), question)


def _comparison(finalist: ConfirmedSetting, against: str, baseline: ConfirmedSetting) -> Comparison:
    mine, theirs = finalist.setting.setting_id, baseline.setting.setting_id
    weights = {_cell(mine): 1.0}
    weights[_cell(theirs)] = weights.get(_cell(theirs), 0.0) - 1.0
    return Comparison("gain", mine, theirs, (), weights, CLAIMS[against])


def _setting_columns(finalist: ConfirmedSetting | None, baseline: ConfirmedSetting | None) -> Row:
    mine, theirs = finalist and finalist.setting, baseline and baseline.setting
    return {
        "setting_id": mine and mine.setting_id,
        "initialisation": mine and mine.initialisation,
        "intermediate": mine and mine.intermediate_name,
        "chosen_by": finalist and ", ".join(finalist.chosen_by),
        "baseline_id": theirs and theirs.setting_id,
    }


def _told(compared: Compared, question: Question) -> Row:
    row = compared.row("paired", question)
    assert row is not None  # none but what is over targets lacks languages
    return row
