"""Selection: which scores may choose a setting, frozen before the first trial.

``source_dev`` is the benchmark's own rule (strict zero-shot). ``target_dev`` looks at the target
languages' dev rows and says so. ``held_out_languages`` cuts the languages into S, which selects,
and R, which is reported; in parallel sets the items are cut too, so R is scored on items that S
never saw. English dev scores are often uncorrelated with target languages (Keung et al. 2020, arXiv
2004.15001), which is why the examples use the third.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from spaces.catalogue import Catalogue
from spaces.keys import derived_seed
from spaces.languages import Language
from spaces.mistakes import Mistake
from spaces.plan import Plan
from spaces.suggest import Space
from spaces.tasks import Task

ITEMS = ("all", "selecting", "reported")
"""Which items of a language a score is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """What may select and what is reported, for one target."""

    selection: str
    dev_language: str
    objective: tuple[str, ...]
    """O: languages that gains are averaged over; without English, without supervised ones."""
    selecting: tuple[str, ...]
    """Languages whose scores choose the setting."""
    reported: tuple[str, ...]
    """Languages whose scores are reported for the chosen setting."""
    items_seed: int | None = None
    """Cuts the items of parallel sets into halves; None where items are not cut."""

    def half(self, item: str) -> str:
        """``selecting`` or ``reported``: the half an item belongs to."""
        return ITEMS[1 + derived_seed("items", self.items_seed or 0, item) % 2]

    def role(self, language: str) -> str:
        """What a language is in this cut: ``selecting``, ``reported``, ``both`` or ``other``."""
        roles = [n for n in ("selecting", "reported") if language in getattr(self, n)]
        return "both" if len(roles) == 2 else "".join(roles) or "other"


def supervised_languages(catalogue: Catalogue, space: Space) -> set[str]:
    """Languages in which a candidate of the space trains on the target's own skill."""
    skill, mixture = space.target.skill, space.plan.space.mixture
    if mixture is None:
        return set()
    tasks = [name for name in mixture.tasks if catalogue.tasks[name].skill == skill]
    return {code for entry in mixture.languages for _, code in catalogue.parts_of(tasks, entry)}


def make_cut(space: Space, languages: Sequence[str]) -> Cut | Mistake:
    """The frozen cut of one target, or why the plan cannot have one.

    Args:
        space: the target's space.
        languages: languages with dev rows.
    """
    plan, row, catalogue = space.plan, space.target, space.catalogue
    sources = {code for codes in plan.space.source_languages for code in codes}
    apart = {row.dev_language, *sources, *(c for c in languages if catalogue.languages[c].twin_of)}
    ours = [code for code in languages if code not in apart]
    supervised = supervised_languages(catalogue, space)
    objective = tuple(code for code in ours if code not in supervised)
    if len(objective) < 3 or 2 * len(objective) < len(ours):
        return _too_few(row, ours, objective, supervised)
    if plan.study.selection == "source_dev":
        return _source_dev(space, objective)
    selecting = reported = objective
    if plan.study.selection == "held_out_languages":
        selecting, reported = _halves(catalogue, objective, plan.targets.heldout_seed)
    cut_items = row.parallel and plan.study.selection == "held_out_languages"
    return Cut(
        selection=plan.study.selection,
        dev_language=row.dev_language,
        objective=objective,
        selecting=selecting,
        reported=reported,
        items_seed=plan.targets.heldout_seed if cut_items else None,
    )


def _too_few(
    row: Task, ours: Sequence[str], left: Sequence[str], supervised: Iterable[str]
) -> Mistake:
    return Mistake(
        f"[space.mixture] for target {row.name!r}",
        f"candidates that train on {row.skill!r} in {_list(sorted(supervised))}; "
        f"of the target languages {_list(ours)}, {_list(left)} would remain to be scored",
        "at least three, and at least half: score more languages or supervise fewer",
    )


def _list(codes: Iterable[str]) -> str:
    return ", ".join(codes) or "none"


def _source_dev(space: Space, objective: tuple[str, ...]) -> Cut | Mistake:
    if len(space.plan.space.source_languages) > 1:
        return Mistake(
            "[study] selection",
            "'source_dev' with several sets of source languages",
            "'target_dev' or 'held_out_languages': a source's own dev rows cannot compare sources",
        )
    dev = space.target.dev_language
    if not dev:
        return Mistake(
            "[study] selection",
            f"'source_dev' for {space.target.name!r}, which has no dev rows in a source language",
            "'target_dev' or 'held_out_languages' for a study with this target",
        )
    return Cut(
        selection="source_dev",
        dev_language=dev,
        objective=objective,
        selecting=(dev,),
        reported=objective,
    )


def _halves(
    catalogue: Catalogue, objective: Sequence[str], seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """S and R: groups, their families and their languages in a drawn order, dealt out."""
    rng = random.Random(derived_seed("languages", seed))
    rows = [catalogue.languages[code] for code in sorted(objective)]
    rank = {name: rng.random() for name in sorted({n for r in rows for n in _names(r)})}
    dealt = sorted(rows, key=lambda row: [rank[name] for name in _names(row)])
    return tuple(r.code for r in dealt[0::2]), tuple(r.code for r in dealt[1::2])


def _names(row: Language) -> tuple[str, str, str]:
    """What a language is stratified by, the coarsest first."""
    return f"group {row.group}", f"family {row.family}", row.code


def aggregate(values: dict[str, float], objective: str, catalogue: Catalogue) -> float:
    """One number from per-language values in points; higher is better.

    Args:
        values: language -> value.
        objective: ``mean``, ``group_mean`` (mean of the groups' means) or ``worst``.
        catalogue: knows the languages' groups.
    """
    if objective == "worst":
        return min(values.values())
    if objective == "mean":
        return fmean(values.values())
    groups: dict[str, list[float]] = defaultdict(list)
    for language, value in values.items():
        groups[catalogue.languages[language].group].append(value)
    return fmean(fmean(group) for group in groups.values())


def chosen_scores(scores: Iterable[dict[str, Any]], cut: Cut, role: str) -> dict[str, float]:
    """Per-language values that play a role (``selecting`` or ``reported``) in a cut."""
    items = role if cut.items_seed is not None else "all"
    languages = cut.selecting if role == "selecting" else cut.reported
    return {
        score["language"]: score["value"]
        for score in scores
        if score["language"] in languages and score["items"] == items
    }


def trial_score(
    scores: Sequence[dict[str, Any]], cut: Cut, plan: Plan, catalogue: Catalogue, role: str
) -> float:
    """The number that chooses (``selecting``) or is reported (``reported``), in points."""
    return aggregate(chosen_scores(scores, cut, role), plan.study.objective, catalogue)
