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
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from spaces.catalogue import Catalogue
from spaces.keys import derived_seed
from spaces.languages import Language
from spaces.mistakes import Mistake
from spaces.plan import SELECTIONS, Plan
from spaces.suggest import Space
from spaces.tasks import Task

PROXY = "proxy"
"""The rule of targets without dev rows of their own; no plan names it."""

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
    """Languages in which a feasible candidate trains on the target's own skill."""
    pairs = {pair for part in space.candidates.parts.values() for pair in part}
    skill = space.target.skill
    tongues = {
        catalogue.tongue(code) for task, code in pairs if catalogue.tasks[task].skill == skill
    }
    return {code for code in catalogue.languages if catalogue.tongue(code) in tongues}


@dataclass(frozen=True, kw_only=True, slots=True)
class AtHand:
    """Languages in which a source has rows that could score one target."""

    dev: tuple[str, ...] = ()
    """With dev rows of the target's own."""
    test: tuple[str, ...] = ()
    proxy: tuple[str, ...] = ()
    """With rows of the target's proxy."""
    source_dev: bool = False
    """Whether there are rows to select on in the dev language."""


def at_hand(space: Space, languages: Iterable[str]) -> AtHand:
    """What the catalogue says there is for a target, of the languages that a plan scores."""
    row, catalogue, languages = space.target, space.catalogue, tuple(languages)
    stand_ins = [catalogue.tasks[name] for name in row.source_dev] or [row]
    dev_language = row.dev_language
    return AtHand(
        dev=tuple(code for code in languages if row.has_dev(code) and not row.proxy),
        test=tuple(code for code in languages if row.has_test(code)),
        proxy=tuple(c for c in languages if row.proxy and catalogue.tasks[row.proxy].has_dev(c)),
        source_dev=bool(dev_language) and all(task.has_dev(dev_language) for task in stand_ins),
    )


def make_cut(space: Space, languages: Sequence[str]) -> Cut | Mistake:
    """The frozen cut of one target, or why the plan cannot have one.

    Args:
        space: the target's space.
        languages: those that the plan scores.
    """
    row, catalogue, there = space.target, space.catalogue, at_hand(space, languages)
    sources = {code for codes in space.candidates.sources for code in codes}
    apart = {row.dev_language, *sources, *(c for c in languages if catalogue.languages[c].twin_of)}
    scorable = {*there.dev, *there.test, *there.proxy}
    ours = [code for code in languages if code not in apart and code in scorable]
    supervised = supervised_languages(catalogue, space)
    objective = tuple(code for code in ours if code not in supervised)
    if len(objective) < 3 or 2 * len(objective) < len(ours):
        return _too_few(row, ours, objective, supervised)
    asked = "proxy" if row.proxy else space.plan.study.selection
    made = _SELECTIONS[asked](space, objective, there)
    return made or _impossible(space, objective, there)


def _too_few(
    row: Task, ours: Sequence[str], left: Sequence[str], supervised: Iterable[str]
) -> Mistake:
    return Mistake(
        f"[space.mixture] for target {row.name!r}",
        f"candidates that train on {row.skill!r} in {_list(sorted(supervised))}; "
        f"of the target languages {_list(ours)}, {_list(left)} would remain to be scored",
        "at least three, and at least half: supervise fewer, score more, or name in "
        "`[targets] reserve` the languages that no candidate may supervise for this target",
    )


def _list(codes: Iterable[str]) -> str:
    return ", ".join(codes) or "none"


def _impossible(space: Space, objective: tuple[str, ...], there: AtHand) -> Mistake:
    """A selection that the target cannot serve, and those that work."""
    if space.target.proxy:
        rule = f"rows of its proxy {space.target.proxy!r} in one of {_list(objective)}"
        return Mistake(f"target {space.target.name!r}", "no dev rows of any kind", rule)
    work = [name for name in SELECTIONS if _SELECTIONS[name](space, objective, there)]
    asked, why = space.plan.study.selection, ""
    if asked == "source_dev":
        several = len(space.candidates.sources) > 1
        why = (
            ": a source's own dev rows cannot compare sets of source languages"
            if several
            else ", which has no dev rows in a source language"
        )
    elif asked == "target_dev":
        why = ", which has no dev rows in the languages of its objective"
    return Mistake(
        "[study] selection",
        f"{asked!r} for {space.target.name!r}{why}",
        " or ".join(repr(name) for name in work) or "another target: none would work for this one",
    )


def _cut(
    space: Space, selection: str, objective: tuple[str, ...], selecting: Iterable[str]
) -> Cut | None:
    """A cut that reports its whole objective; None where no language would select."""
    chosen, dev = tuple(selecting), space.target.dev_language
    if not chosen:
        return None
    return Cut(
        selection=selection,
        dev_language=dev,
        objective=objective,
        selecting=chosen,
        reported=objective,
    )


def _source_dev(space: Space, objective: tuple[str, ...], there: AtHand) -> Cut | None:
    if len(space.candidates.sources) > 1 or not there.source_dev:
        return None
    return _cut(space, "source_dev", objective, [space.target.dev_language])


def _target_dev(space: Space, objective: tuple[str, ...], there: AtHand) -> Cut | None:
    return _cut(space, "target_dev", objective, (c for c in objective if c in there.dev))


def _proxy(space: Space, objective: tuple[str, ...], there: AtHand) -> Cut | None:
    return _cut(space, "proxy", objective, (c for c in objective if c in there.proxy))


def _held_out(space: Space, objective: tuple[str, ...], there: AtHand) -> Cut | None:
    usable = tuple(code for code in objective if code in {*there.dev, *there.test})
    if len(usable) < 2:
        return None
    seed = space.plan.targets.heldout_seed
    selecting, reported = _halves(space.catalogue, usable, seed)
    cut = _cut(space, "held_out_languages", objective, selecting)
    items = seed if space.target.parallel else None
    return cut and replace(cut, reported=reported, items_seed=items)


_SELECTIONS = {
    "source_dev": _source_dev,
    "target_dev": _target_dev,
    "held_out_languages": _held_out,
    "proxy": _proxy,
}
"""Name -> the cut it makes, or None where it cannot."""


def selectors(space: Space, languages: Iterable[str], cut: Cut) -> dict[str, Cut]:
    """Every rule that could have chosen among the same trials, and the cut it would have made.

    Args:
        space: the target's space.
        languages: those that the plan scores.
        cut: the study's own; its rule comes first, and is the only one where a proxy chooses,
            whose rows stand for the target's in no other rule.
    """
    if cut.selection == "proxy":
        return {"proxy": cut}
    there = at_hand(space, languages)
    made = {name: rule(space, cut.objective, there) for name, rule in _SELECTIONS.items()}
    others = {name: one for name, one in made.items() if one and name != cut.selection}
    return {cut.selection: cut} | others


def kept_cut(task: Task, cut: Cut, plan: Plan) -> Cut:
    """The cut by which a search keeps its scores, so that every rule can look at them later.

    Items of parallel targets are kept in halves also where the study's own rule cuts none:
    ``held_out_languages`` would have.

    Args:
        task: the target.
        cut: the study's own; what is told follows it alone.
        plan: names the seed of the halves.
    """
    if cut.items_seed is not None or not task.parallel or cut.selection == PROXY:
        return cut
    return replace(cut, items_seed=plan.targets.heldout_seed)


def scored_rows(
    space: Space, languages: Sequence[str], cut: Cut
) -> tuple[tuple[str, str, str], ...]:
    """(task, language, split) of everything that a search scores for a target.

    Dev rows wherever there are some. In the dev language those of ``source_dev`` stand for the
    target's own. Test rows are spent where a cut selects on a language without dev rows.
    """
    row, there = space.target, at_hand(space, languages)
    scored = []
    for code in languages:
        if code == row.dev_language and row.source_dev:
            scored += [(name, code, "dev") for name in row.source_dev]
        elif code in there.dev:
            scored.append((row.name, code, "dev"))
        elif cut.selection == "proxy" and code in there.proxy:
            scored.append((row.proxy, code, "dev"))
        elif cut.selection == "held_out_languages" and code in cut.selecting:
            scored.append((row.name, code, "spent"))
    return tuple(scored)


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
    """Per-language values that play a role (``selecting`` or ``reported``) in a cut.

    Where a language is scored on rows of several tasks, their mean.
    """
    items = role if cut.items_seed is not None else "all"
    languages = cut.selecting if role == "selecting" else cut.reported
    values: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        if score["language"] in languages and score["items"] == items:
            values[score["language"]].append(score["value"])
    return {language: fmean(found) for language, found in values.items()}


def selecting_score(
    scores: Sequence[dict[str, Any]], cut: Cut, plan: Plan, catalogue: Catalogue
) -> float:
    """The number that chooses, in points.

    Raises:
        ValueError: a language that selects has no score.
    """
    values = chosen_scores(scores, cut, "selecting")
    if missing := set(cut.selecting) - set(values):
        raise ValueError(f"no score in {_list(sorted(missing))}, which select")
    return aggregate(values, plan.study.objective, catalogue)


def reported_score(
    scores: Sequence[dict[str, Any]], cut: Cut, plan: Plan, catalogue: Catalogue
) -> float | None:
    """The number that is reported, in points; None where a reported language's rows are sealed."""
    values = chosen_scores(scores, cut, "reported")
    if not values or set(cut.reported) - set(values):
        return None
    return aggregate(values, plan.study.objective, catalogue)


def trial_score(
    scores: Sequence[dict[str, Any]], cut: Cut, plan: Plan, catalogue: Catalogue
) -> float:
    """The number that a trial is told with, in points.

    Of a search, the one that chooses. Of a confirmation, whose cut has nothing that selects, the
    one that is reported: the plan's objective (by default the mean) over the reported languages.

    Raises:
        ValueError: a language that it needs has no score.
    """
    if cut.selecting:
        return selecting_score(scores, cut, plan, catalogue)
    reported = reported_score(scores, cut, plan, catalogue)
    if reported is None:
        raise ValueError(f"no score in one of {_list(cut.reported)}, which are reported")
    return reported
