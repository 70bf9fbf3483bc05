"""What phases cost and what the store saved: one row per execution, one per hit.

What was trained once more, as its weights had been evicted, is an execution that is told apart.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from analysis.snapshot import FinishedPhase, ReadTrial, Snapshot
from spaces.phases import KINDS

COSTS = ("steps", "tokens", "seconds", "gpu_seconds")


def phase_rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Rows of ``PHASE_COLUMNS``, by target and trial.

    The store's own provenance says who executed a phase, because a trial that was interrupted finds
    its own phases there and writes them down as hits.
    """
    executed = _executed_rows(snapshot)
    done = {(row["target"], row["trial_number"], row["key"]) for row in executed}
    recorded = [
        _recorded_row(snapshot, trial, phase)
        for trial in snapshot.trials
        for phase in trial.attributes.record.phases
        if (trial.target, trial.number, phase.key) not in done
    ]
    targets = snapshot.record.targets
    rows = sorted(executed + recorded, key=lambda row: _place(row, targets))
    positions: Counter[tuple[str, int]] = Counter()
    for row in rows:
        trial = row["target"], row["trial_number"]
        row["position"] = positions[trial]
        positions[trial] += 1
    return rows


def _place(row: dict[str, Any], targets: tuple[str, ...]) -> tuple[int, int, int]:
    """By target in the plan's order, then by trial, then by the trial's own order of phases."""
    number = row["trial_number"]
    return (
        _rank(targets, row["target"]),
        -1 if number is None else number,
        _rank(KINDS, row["kind"]),
    )


def _rank(names: tuple[str, ...], name: str | None) -> int:
    """Place of a name; what an older study of this name left behind comes last."""
    return names.index(name) if name in names else len(names)


def _executed_rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    name = snapshot.record.name
    return [
        {
            "study": name,
            "world": snapshot.record.plan.world,
            "target": made.get("target"),
            "trial_number": made.get("trial_number"),
            "key": key,
            "parent": made.get("parent", ""),
            "kind": made.get("kind"),
            "title": made.get("title"),
            "hit": False,
            "how": "rebuilt" if made.get("rebuilt") else "trained",
            **costs(made),
            "executed_by": name,
        }
        for key, found in snapshot.executions.items()
        for made in found
        if is_own(snapshot, made)
    ]


def is_own(snapshot: Snapshot, made: dict[str, Any]) -> bool:
    """Whether this very study executed a phase: a deleted one may have had its name."""
    return (
        made.get("study") == snapshot.record.name
        and made.get("study_created", snapshot.record.created) == snapshot.record.created
    )


def _recorded_row(snapshot: Snapshot, trial: ReadTrial, phase: FinishedPhase) -> dict[str, Any]:
    """A hit; or an execution whose mark is gone from the store, known from the trial alone."""
    name = snapshot.record.name
    found = snapshot.executions[phase.key]
    # What an execution cost stands in its provenance; a trial's own note serves where that is gone.
    made = found[0] if phase.hit and found else asdict(phase)
    return {
        "study": name,
        "world": snapshot.record.plan.world,
        "target": trial.target,
        "trial_number": trial.number,
        "key": phase.key,
        "parent": phase.parent,
        "kind": phase.kind,
        "title": phase.title,
        "hit": phase.hit,
        "how": phase.how or ("hit" if phase.hit else "trained"),
        **costs(made),
        "executed_by": (found[0].get("study") if found else None) if phase.hit else name,
    }


def costs(made: dict[str, Any]) -> dict[str, Any]:
    """What an execution cost; None for what it did not write down."""
    gpus, seconds = made.get("gpus"), made.get("seconds")
    held = None if gpus is None or seconds is None else gpus * seconds
    return {**{cost: made.get(cost) for cost in COSTS}, "gpu_seconds": held}


def full_cost(snapshot: Snapshot, trial: ReadTrial) -> dict[str, float]:
    """What a finished trial's phases cost, the initialisation's apart, whoever executed them."""
    return totals(
        _recorded_row(snapshot, trial, phase)
        for phase in trial.attributes.record.phases
        if phase.kind != "initialisation"
    )


def totals(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Sums of each cost over some rows; one that nobody wrote down counts nothing."""
    chosen = list(rows)
    return {cost: sum(row[cost] or 0 for row in chosen) for cost in COSTS}
