"""Which setting to take for each target."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.frames import DEFAULT_ROOT, Studies, setting_columns
from analysis.gains import Baselines, best_trial
from analysis.rescoring import rescored, selector_cuts
from analysis.snapshot import ReadTrial, Snapshot, read_snapshots
from analysis.typed import typed_frame
from analysis.wording import hyperparameter_words
from spaces.layout import StoreError
from spaces.mistakes import nearest
from spaces.plan import SELECTIONS
from spaces.records import TRIAL_COLUMNS, Column
from spaces.selection import PROXY, Cut
from spaces.study import StudyRecord

if TYPE_CHECKING:
    from pandas import DataFrame

SEARCHED_ARMS = ("none", "intermediate")

_TRIAL = {column.name: column for column in TRIAL_COLUMNS}

BEST_COLUMNS = (
    *(_TRIAL[name] for name in ("study", "world", "target", "setting_id", "trial_number")),
    *(_TRIAL[name] for name in ("initialisation", "intermediate", "source_languages")),
    Column("hyperparameters", "string", "learning rates, steps, rows per step and caps in words"),
    *(_TRIAL[name] for name in ("intermediate_learning_rate", "intermediate_steps")),
    *(_TRIAL[name] for name in ("target_learning_rate", "target_steps")),
    *(_TRIAL[name] for name in ("score", "reported_score")),
    Column("baseline", "Float64", "best no-intermediate score of the target", "points"),
    Column("matched_baseline", "Float64", "score of the trial it is paired with", "points"),
    *(_TRIAL[name] for name in ("paired_gain", "tuned_gain", "selection")),
    Column("trials_none", "Int64", "COMPLETE trials without an intermediate phase", "trials"),
    Column("trials_intermediate", "Int64", "COMPLETE trials with an intermediate phase", "trials"),
    Column("seeds", "Int64", "sets of seeds behind the score; one is no evidence", "sets"),
)
"""Columns of ``best_settings``."""


def best_settings(
    study: Studies,
    root: Path | str = DEFAULT_ROOT,
    arm: str | None = None,
    selection: str | None = None,
) -> "DataFrame":
    """One row per target with a COMPLETE trial: the best by score, and what it is compared with.

    The score chose the setting, so it is too high by that choice; ``reported_score`` is over the
    languages that the rule reports. With another ``selection`` than the study's own, scores and
    both gains are those of that rule, as if the study had been asked to choose by it.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.
        arm: choose among ``none`` or ``intermediate`` alone; the gains stay as they are.
        selection: ``source_dev``, ``target_dev`` or ``held_out_languages``; the study's own where
            it is left out. Targets whose trials did not keep what the rule looks at have no row.

    Raises:
        ValueError: there is no such arm or selection.
        StoreError: there is no such study, or something of it cannot be read; or it is a
            confirmation, whose test rows choose nothing.
    """
    if arm not in (None, *SEARCHED_ARMS):
        raise ValueError(f"{arm=}: expected {nearest(str(arm), SEARCHED_ARMS)}, or None for both")
    if selection not in (None, *SELECTIONS, PROXY):
        rule = nearest(str(selection), SELECTIONS)
        raise ValueError(f"{selection=}: expected None, for the study's own, or {rule}")
    snapshots = read_snapshots(study, root)
    for snapshot in snapshots:
        refuse_confirmation(snapshot.record)
    rows = [
        _best_row(snapshot, best, trials, cut, snapshots)
        for snapshot in snapshots
        for target in snapshot.record.targets
        for cut, trials in _seen_by(snapshot, target, selection)
        if (best := best_trial(trials, arm))
    ]
    return typed_frame(rows, BEST_COLUMNS)


def _seen_by(
    snapshot: Snapshot, target: str, selection: str | None
) -> Iterator[tuple[Cut, list[ReadTrial]]]:
    """The cut of a rule and the trials as it saw them; nothing where the target has no such."""
    own = snapshot.record.cuts[target]
    cuts = {own.selection: own} if selection is None else selector_cuts(snapshot.record, target)
    if cut := cuts.get(selection or own.selection):
        yield cut, rescored(snapshot, target, cut)


def refuse_confirmation(record: StudyRecord) -> None:
    """Nothing is chosen from a confirmation.

    Raises:
        StoreError: the study is one.
    """
    if record.confirms:
        raise StoreError(
            f"{record.name!r} is a confirmation: its test rows choose nothing, and its best "
            f"replicate is the luckiest; read its report, or choose in {record.confirms.of!r}"
        )


def seeds_behind(snapshots: Iterable[Snapshot], world: str, best: ReadTrial) -> int:
    """How many sets of seeds stand behind a setting on its target, over studies of one world.

    One study has one set: its trials differ in their settings, not in chance.
    """
    return len(
        {
            snapshot.record.seeds
            for snapshot in snapshots
            if snapshot.record.plan.world == world
            for trial in snapshot.trials
            if trial.may_win and (trial.target, trial.setting_id) == (best.target, best.setting_id)
        }
    )


def trials_by_arm(trials: Iterable[ReadTrial]) -> Counter[str | None]:
    """Arm -> number of COMPLETE trials that could be chosen."""
    return Counter(trial.arm for trial in trials if trial.may_win)


def _best_row(
    snapshot: Snapshot,
    best: ReadTrial,
    trials: list[ReadTrial],
    cut: Cut,
    snapshots: Iterable[Snapshot],
) -> dict[str, Any]:
    record = snapshot.record
    baselines, arms = Baselines.of(trials), trials_by_arm(trials)
    matched = baselines.matched(best)
    return {
        "study": record.name,
        "world": record.plan.world,
        "target": best.target,
        "setting_id": best.setting_id,
        "trial_number": best.number,
        **setting_columns(best.setting),
        "hyperparameters": hyperparameter_words(best.setting) if best.setting else None,
        "score": best.score,
        "reported_score": best.attributes.record.reported_score,
        "baseline": baselines.best.score if baselines.best else None,
        "matched_baseline": matched.score if matched else None,
        "paired_gain": baselines.paired_gain(best),
        "tuned_gain": baselines.tuned_gain(best),
        "selection": cut.selection,
        "trials_none": arms["none"],
        "trials_intermediate": arms["intermediate"],
        "seeds": seeds_behind(snapshots, record.plan.world, best),
    }
