"""The selection ladder: what each rule would have picked, and how far it fell short of the best.

DomainBed's lesson for this field: a result is a result under a selection. Every rule that the
trials' scores allow picks over all trials of the search; the oracle is the best of what was
confirmed, which no rule could know.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.choose import trials_by_arm
from analysis.confirmed_scores import Confirmed, read_confirmed
from analysis.estimates import Row, known
from analysis.frames import DEFAULT_ROOT, Studies
from analysis.gains import Baselines, best_trial
from analysis.inference import paired_interval
from analysis.rescoring import rescored, selector_cuts
from analysis.snapshot import ReadTrial, Snapshot, read_snapshot, read_snapshots
from analysis.typed import typed_frame
from spaces.confirmation import confirmation_name
from spaces.layout import StudyPaths
from spaces.records import LADDER_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame

ORACLE = "oracle"

LEVEL = 0.95


def selection_ladder(
    study: Studies, root: Path | str = DEFAULT_ROOT, *, level: float = LEVEL
) -> "DataFrame":
    """One row per target and rule that could have chosen its setting, the oracle last.

    Each rule picks over all COMPLETE trials of the search; both gains are by its own scores. Where
    the study was confirmed, ``confirmed`` is what the pick scores on test rows with fresh seeds,
    and ``gap`` what it lacks to the oracle, the setting with the best mean of all that were
    confirmed, set by set. The oracle was chosen by the very scores it is told with: its mean is
    somewhat too high, and so are the gaps.

    Args:
        study: name of a searched study or of its confirmation, or several names.
        root: folder of all studies and phases.
        level: what the gaps' intervals cover.

    Returns:
        Columns of ``LADDER_COLUMNS``; no rows of a target without a COMPLETE trial of a search.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return ladder_frame(read_snapshots(study, root), level)


def ladder_frame(snapshots: Iterable[Snapshot], level: float = LEVEL) -> "DataFrame":
    """``selection_ladder`` of studies that were read."""
    rows = [row for snapshot in snapshots for row in ladder_rows(snapshot, level)]
    return typed_frame(rows, LADDER_COLUMNS)


def ladder_rows(snapshot: Snapshot, level: float = LEVEL) -> list[Row]:
    """Rows of ``LADDER_COLUMNS``.

    Args:
        snapshot: of a search or of its confirmation; the other is read where it is there.
        level: what the gaps' intervals cover.
    """
    confirms = snapshot.record.confirms
    searched = _searched(snapshot)
    if searched is None:
        return []
    confirmed = read_confirmed(snapshot if confirms else _confirmation(snapshot) or snapshot)
    about = {"study": searched.record.name, "world": searched.record.plan.world}
    return [
        about | {"target": target} | row
        for target in snapshot.record.targets
        for row in _target_rows(searched, target, confirmed.get(target), level)
    ]


def _searched(snapshot: Snapshot) -> Snapshot | None:
    """The search itself; None of a confirmation whose search is gone."""
    confirms = snapshot.record.confirms
    if confirms is None:
        return snapshot
    there = StudyPaths(snapshot.root, confirms.of).record.exists()
    return read_snapshot(confirms.of, snapshot.root) if there else None


def _confirmation(snapshot: Snapshot) -> Snapshot | None:
    """The confirmation of a search; None where there is none yet."""
    name = confirmation_name(snapshot.record.name)
    there = StudyPaths(snapshot.root, name).record.exists()
    return read_snapshot(name, snapshot.root) if there else None


def _target_rows(
    searched: Snapshot, target: str, confirmed: Confirmed | None, level: float
) -> Iterator[Row]:
    own, best = searched.record.cuts[target].selection, _oracle(confirmed)
    picked = False
    for name, cut in selector_cuts(searched.record, target).items():
        trials = rescored(searched, target, cut)
        if pick := best_trial(trials):
            picked = True
            yield (
                {"selection": name, "is_own": name == own}
                | _pick_columns(pick, trials)
                | _confirmed_columns(confirmed, pick.setting_id, best, level)
            )
    if picked and confirmed and best:
        setting = next(o.setting for o in confirmed.settings if o.setting.setting_id == best)
        yield (
            {"selection": ORACLE, "is_own": False}
            | dict.fromkeys(_PICK)
            | {"setting_id": best, "initialisation": setting.initialisation}
            | {"intermediate": setting.intermediate_name}
            | _confirmed_columns(confirmed, best, best, level)
        )


_PICK = (
    "setting_id",
    "trial_number",
    "initialisation",
    "intermediate",
    "selection_score",
    "tuned_gain",
    "paired_gain",
    "trials_none",
    "trials_intermediate",
)


def _pick_columns(pick: ReadTrial, trials: list[ReadTrial]) -> Row:
    """What a rule picked, by its own scores."""
    assert pick.setting is not None  # no trial without one is best
    baselines, arms = Baselines.of(trials), trials_by_arm(trials)
    return {
        "setting_id": pick.setting_id,
        "trial_number": pick.number,
        "initialisation": pick.setting.initialisation,
        "intermediate": pick.setting.intermediate_name,
        "selection_score": pick.score,
        "tuned_gain": baselines.tuned_gain(pick),
        "paired_gain": baselines.paired_gain(pick),
        "trials_none": arms["none"],
        "trials_intermediate": arms["intermediate"],
    }


def _oracle(confirmed: Confirmed | None) -> str | None:
    """The setting with the best mean on test rows, of those that every set has."""
    if confirmed is None:
        return None
    names = [one.setting.setting_id for one in confirmed.settings]
    means = {name: float(np.mean(confirmed.values(name))) for name in names}
    whole = {name: mean for name, mean in means.items() if not math.isnan(mean)}
    return max(whole, key=lambda name: whole[name]) if whole else None


def _confirmed_columns(
    confirmed: Confirmed | None, setting_id: str | None, best: str | None, level: float
) -> Row:
    """What a pick scored once confirmed; all unknown where it was not."""
    empty = dict.fromkeys(("confirmed", "confirmed_sets", "gap", "gap_low", "gap_high"))
    names = {one.setting.setting_id for one in confirmed.settings} if confirmed else set()
    if confirmed is None or setting_id not in names:
        return empty
    mine = confirmed.mean(str(setting_id), level)
    found = {**empty, "confirmed": known(mine.value), "confirmed_sets": mine.n}
    if best is None:
        return found
    ours, theirs = (np.array(confirmed.values(name)) for name in (best, str(setting_id)))
    gap = paired_interval(ours - theirs, level)
    return found | {
        "gap": known(gap.value),
        "gap_low": known(gap.low),
        "gap_high": known(gap.high),
    }
