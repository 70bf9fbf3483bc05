"""Which trial of a target does what: a function of the budget and the trial's number alone."""

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

from search.checking import baseline_count
from spaces.enumeration import grid
from spaces.suggest import Space, baselines

MATCHED_EVERY = 16
"""One matched baseline for so many trials of a target, at least one and at most three."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a trial is for."""

    name: str
    """``baseline``, ``sampled``, ``offered``, ``matched_baseline`` or ``grid``; of a confirmation
    ``finalist``, ``tuned_baseline`` or ``matched_baseline``; of a contrast ``contrast``."""
    fixed: dict[str, Any]
    """Parameters that are not the sampler's to choose."""
    noted: dict[str, Any] = field(default_factory=dict)
    """What is stored with the trial from the start."""


def may_be_offered(role: Role) -> bool:
    """Whether a trial may take over what another target paid for, in the place of sampling."""
    return role.name == "sampled" and role.fixed.get("arm") == "intermediate"


def roles(space: Space, trials: int) -> list[Role]:
    """The role of each trial number of a search.

    Baselines come first. The no-intermediate arm gets its guaranteed share, spread evenly, because
    a tuned winner against an untuned baseline wins by tuning alone. Last come the no-intermediate
    twins of the best settings: they wait until the others are told.
    """
    if not trials:
        return []
    if space.plan.study.sampler == "grid":
        return [Role("grid", values) for values in itertools.islice(grid(space), trials)]
    first = [Role("baseline", params) for params in baselines(space)[: baseline_count(space)]]
    if space.plan.space.mixture is None:
        return first + [Role("sampled", {})] * (trials - len(first))
    matched = min(3, max(1, trials // MATCHED_EVERY))
    middle = max(0, trials - len(first) - matched)
    untrained = sum(role.fixed["arm"] != "same_rows" for role in first) + matched
    wanted = math.ceil(space.plan.budget.no_intermediate_share * trials)
    share = min(middle, max(0, wanted - untrained))
    arms = [
        "none" if (i + 1) * share // middle > i * share // middle else "intermediate"
        for i in range(middle)
    ]
    sampled = [Role("sampled", {"arm": arm}) for arm in arms]
    last = trials - len(first) - len(sampled)
    return first + sampled + [Role("matched_baseline", {})] * last
