"""``start --dry-run``: a plan's space and the phases it would train. Writes nothing."""

import math
from collections import Counter
from pathlib import Path

from search.driver import prepare, store_root
from search.roles import roles
from spaces.enumeration import settings_words
from spaces.layout import is_done
from spaces.phases import trial_phases
from spaces.plan import Plan
from spaces.study import StudyRecord
from spaces.suggest import Space, baselines


def describe_plan(plan: Plan, root: Path | str) -> str:
    """The plan, checked against its rows and checkpoints, in words.

    Raises:
        PlanError: with every mistake.
    """
    record, growth = prepare(plan, root)
    lines = [
        f"plan of study {record.name!r}: whole; nothing was written",
        f"world {plan.world}, selection {plan.study.selection}, objective {plan.study.objective}, "
        f"seed {plan.study.seed}",
        *(f"the space grows: {line}" for line in growth),
    ]
    for target in plan.targets.tasks:
        lines += ["", *_target_lines(record, target)]
    return "\n".join([*lines, "", *_phase_lines(record, store_root(plan, root))])


def _target_lines(record: StudyRecord, target: str) -> list[str]:
    space, cut = record.spaces[target], record.cuts[target]
    planned = Counter(role.name for role in roles(space, record.plan.budget.trials_per_target))
    return [
        f"target {target}: {settings_words(space)}",
        *(f"  {axis}" for axis in space.axes),
        f"  trials: {', '.join(f'{n} {name}' for name, n in planned.items())}",
        f"  chosen by: {', '.join(cut.selecting)}"
        + (" (one half of the items)" if cut.items_seed is not None else ""),
        f"  reported:  {', '.join(cut.reported)}"
        + (" (the other half)" if cut.items_seed is not None else ""),
    ]


def _phase_lines(record: StudyRecord, root: Path) -> list[str]:
    """Distinct phases of the space, as far as they can be counted, and of the baselines."""
    per_kind = Counter[str]()
    for space in record.spaces.values():
        per_kind |= _distinct(space)  # the most of any: targets share these phases
    known = {
        phase.key: phase.kind
        for target, space in record.spaces.items()
        for params in baselines(space)
        for phase in trial_phases(record.frozen, target, space.setting(params), record.seeds)
    }
    done = sum(is_done(root, key) for key in known)
    counts = ", ".join(f"{n} {kind}" for kind, n in per_kind.items())
    return [
        f"distinct phases the space can need: {counts}; target phases are one per setting",
        f"the baselines need {len(known)} phases, of which the store holds {done}",
    ]


def _distinct(space: Space) -> Counter[str]:
    """Distinct initialisations and intermediate phases of one target's space."""
    starts = len(space.axis("initialisation").choices)
    names = [a for a in space.axes if a.name.startswith(("mixture.", "intermediate."))]
    found = Counter(initialisation=starts)
    if names and all(axis.choices for axis in names):
        found["intermediate"] = starts * math.prod(len(axis.choices) for axis in names)
    return found
