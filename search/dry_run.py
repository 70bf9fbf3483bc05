"""``start --dry-run``: a plan's space and the phases it would train. Writes and fetches nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from analysis.tables import wrapped
from search.bringing import COMMAND, arrival, is_offline, unknown_commits, wanted
from search.checking import Checked, check
from search.driver import prepare, store_root
from search.roles import roles
from search.study import frozen_commits
from spaces.candidates import Infeasible
from spaces.contrast import CONTRAST, Contrast, contrast_of, contrast_seeds
from spaces.enumeration import chains, settings_words
from spaces.grouping import grouping_of
from spaces.layout import is_done
from spaces.mistakes import few
from spaces.objects import phase_place
from spaces.phases import KINDS, trial_phases
from spaces.places import Place
from spaces.plan import Plan
from spaces.selection import Cut, supervised_languages
from spaces.study import StudyRecord
from spaces.suggest import Space, baselines

MOST_NAMED = 6
"""Infeasible candidates of one reason that are named."""


def describe_plan(plan: Plan, root: Path | str) -> str:
    """The plan in words, checked against its rows and checkpoints as far as they lie here.

    Raises:
        PlanError: with every mistake.
    """
    checked = check(plan)
    if missing := _not_here(checked, root):
        checked.stop()
        spaces, cuts = checked.spaces, checked.cuts
        first, last = _unlooked(missing), []
    else:
        record, growth = prepare(_asking_nobody(plan), root)
        spaces, cuts = record.spaces, record.cuts
        first = [f"the space grows: {line}" for line in growth]
        last = _phase_lines(record, phase_place(plan, store_root(plan, root)))
    lines = [
        f"plan of study {plan.study.name!r}: whole; nothing was written",
        f"world {plan.world}, selection {plan.study.selection}, objective {plan.study.objective}, "
        f"seed {plan.study.seed}",
        wrapped(f"language groups: {grouping_of(plan)}"),
        *first,
    ]
    for target in plan.targets.tasks:
        lines += ["", *_target_lines(spaces[target], cuts[target])]
    return "\n".join([*lines, "", *last]).rstrip()


def _asking_nobody(plan: Plan) -> Plan:
    """A plan that is offline, by its own word or, as it is, by the environment's."""
    offline = plan.data.model_copy(update={"offline": True})
    return plan if is_offline(plan) else plan.model_copy(update={"data": offline})


def _not_here(checked: Checked, root: Path | str) -> list[str]:
    """Repositories of the hub that the plan needs and its cache does not hold.

    None where the hub may not be asked: there it is a mistake that they are missing.
    """
    wants = wanted(checked.plan, checked.catalogue, checked.needed)
    if not wants or is_offline(checked.plan):
        return []
    checked.stop(unknown_commits(checked.plan, wants))
    plan = checked.plan
    commits = {**frozen_commits(store_root(plan, root), plan.study.name), **plan.data.commits}
    found = [arrival(want, commits, may_ask=False) for want in wants]
    return [str(one.want.repository) for one in found if one.failures]


def _unlooked(missing: list[str]) -> list[str]:
    text = f"not looked at, because they are not in the hub's cache (`{COMMAND}` brings them): "
    return [wrapped(f"{text}{', '.join(missing)}")]


def _target_lines(space: Space, cut: Cut) -> list[str]:
    planned, contrast = _planned(space), contrast_of(space)
    halves = (
        (" (one half of the items)", " (the other half)")
        if cut.items_seed is not None
        else ("", "")
    )
    supervised = sorted(supervised_languages(space.catalogue, space) & {*space.target.languages})
    words = {
        "trials": ", ".join(f"{n} {name}" for name, n in planned.items() if n),
        "shared": _sharing_words(space.plan) if planned["sampled"] else "",
        "contrast": _cells_words(contrast) if contrast.planned else "",
        "left out": "; ".join(f"{name}: {why}" for name, why in contrast.left_out.items()),
        "objective": ", ".join(cut.objective),
        "supervised": f"{', '.join(supervised)} (in {space.target.skill!r} by a candidate)"
        if supervised
        else "",
        "reserved": ", ".join(c for c in space.plan.targets.reserve if c in cut.objective),
        "chosen by": ", ".join(cut.selecting) + halves[0],
        "reported": ", ".join(cut.reported) + halves[1],
    }
    return [
        f"target {space.target.name}: {settings_words(space)}",
        *(wrapped(axis.words, f"  {axis.name}: ") for axis in space.axes),
        *(wrapped(text, f"  {name + ':':<12}") for name, text in words.items() if text),
        *_infeasible_lines(space.candidates.infeasible),
    ]


def _planned(space: Space) -> Counter[str]:
    """Role -> trials."""
    trials = space.plan.budget.trials_per_target
    planned = Counter({CONTRAST: contrast_of(space).planned})
    if space.plan.study.sampler == "grid":  # whose roles may hang on sizes that nobody knows yet
        return planned + Counter(grid=trials)
    return planned + Counter(role.name for role in roles(space, trials))


def _sharing_words(plan: Plan) -> str:
    """What a target's sampled trials with an intermediate phase have of the other targets."""
    return {
        "none": "",
        "numbers": "trials of one number draw the same intermediate phase for all targets",
        "offers": f"{plan.budget.offered_share:g} of the sampled trials with an intermediate phase "
        "try one that another target paid for",
    }[plan.sharing]


def _cells_words(contrast: Contrast) -> str:
    """Cells and sets of seeds of a target."""
    return (
        f"({', '.join(contrast.initialisations)}) x ({', '.join(contrast.intermediates)}) x "
        f"sets of seeds {', '.join(map(str, contrast.sets))}"
    )


def _infeasible_lines(found: Iterable[Infeasible]) -> Iterator[str]:
    """Candidates by the reason why a target cannot have them."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in found:
        by_reason[one.reason].append(one.candidate)
    for reason, names in by_reason.items():
        yield wrapped(f"{reason}: {few(names, MOST_NAMED)}", "  infeasible: ")


def _phase_lines(record: StudyRecord, place: Place) -> list[str]:
    """Distinct phases of a contrast; of the space, as far as they can be counted; of baselines."""
    lines = [_needs("the contrast needs", _cell_phases(record), place)]
    if not record.plan.budget.trials_per_target:
        return lines
    counts = ", ".join(f"{n} {kind}" for kind, n in _distinct(record.spaces.values()).items())
    known = {
        phase.key: phase.kind
        for target, space in record.spaces.items()
        for params in baselines(space)
        for phase in trial_phases(record.frozen, target, space.setting(params), record.seeds)
    }
    return [
        *(lines if record.plan.contrast else ()),
        f"distinct phases the space can need: {counts}; target phases are one per setting",
        _needs("the baselines need", known, place),
    ]


def _needs(who: str, known: Mapping[str, str], place: Place) -> str:
    """How many phases, of each kind, and how many are there already."""
    counts = Counter(known.values())
    kinds = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    done = sum(is_done(place, key) for key in known)
    return f"{who} {len(known)} phases ({kinds}), of which the store holds {done}"


def _cell_phases(record: StudyRecord) -> dict[str, str]:
    """Key -> kind of every phase of a contrast."""
    sets = contrast_seeds(record.plan).values()
    return {
        phase.key: phase.kind
        for target, contrast in record.contrasts.items()
        for cell in contrast.cells(record.spaces[target])
        for seeds in sets
        for phase in trial_phases(record.frozen, target, cell.setting, seeds)
    }


def _distinct(spaces: Iterable[Space]) -> dict[str, int]:
    """Distinct phases of initialisations and intermediates; targets share them."""
    starts: set[str] = set()
    before: set[str] = set()
    begun: set[object] | None = set()
    for space in spaces:
        starts |= {str(choice) for choice in space.axis("initialisation").choices}
        before |= {row.name for row in space.catalogue.starts(starts)}
        found = chains(space) if space.plan.space.mixture else set()
        if found is None or begun is None:
            begun = None
            continue
        begun |= {chain[:length] for chain in found for length in range(1, len(chain) + 1)}
    counted = {"initialisation": len(before)}
    return counted | ({"intermediate": len(starts) * len(begun)} if begun else {})
