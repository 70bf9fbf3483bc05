"""A plan looked at as far as that needs neither rows nor checkpoints."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from search.store_mistakes import store_mistakes
from spaces.candidates import licence_mistakes
from spaces.catalogue import Catalogue
from spaces.confirmation import SUFFIX
from spaces.contrast import contrast_mistakes
from spaces.enumeration import MOST_COUNTED, bounded
from spaces.hub import HUB, is_on_hub
from spaces.initialisations import EncoderShape
from spaces.layout import is_folder
from spaces.mistakes import Mistake, PlanError, nearest
from spaces.phases import POOL_LANGUAGE, pretraining_rows, scored_languages
from spaces.plan import Plan
from spaces.plan_tracking import tracking_mistakes
from spaces.selection import Cut, make_cut, scored_rows
from spaces.suggest import Space, baselines

RowsAt = tuple[str, str, str]
"""Task, language, split."""

MOST_TRIALS = 100_000
"""Of one target: a driver reads them all when it starts, and holds a role for each."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan that was looked at as far as that needs neither rows nor checkpoints."""

    plan: Plan
    catalogue: Catalogue
    spaces: dict[str, Space]
    cuts: dict[str, Cut]
    scored: dict[str, tuple[RowsAt, ...]]
    mistakes: list[Mistake]

    @property
    def needed(self) -> list[RowsAt]:
        """Every row set that some trial of the plan may read."""
        pretrained = pretraining_needed(self.plan, self.catalogue)
        return list(dict.fromkeys([*self.trained_or_scored, *pretrained]))

    @property
    def trained_or_scored(self) -> list[RowsAt]:
        """The same without the text that initialisations are pretrained on."""
        return needed_rows(self.spaces, self.scored)

    def stop(self, mistakes: Iterable[Mistake] = ()) -> None:
        """Raise a ``PlanError`` if there are mistakes, its own or some more."""
        if found := [*self.mistakes, *mistakes]:
            raise PlanError(f"plan of study {self.plan.study.name!r}", found)


def check(plan: Plan, encoders: Mapping[str, EncoderShape] = MappingProxyType({})) -> Checked:
    """Look for mistakes, and cut the languages of each target.

    Args:
        plan: what a user asks for.
        encoders: initialisation -> what was read of its checkpoint; of the others, the catalogue
            knows or nobody does.

    Raises:
        PlanError: the source of rows is none, or a name is wrong.
    """
    if wrong := [*source_mistakes(plan)]:
        raise PlanError(f"plan of study {plan.study.name!r}", wrong)
    plan = _absolute(plan)
    catalogue = Catalogue.for_plan(plan).knowing(encoders)
    mistakes = [*_name_mistakes(plan), *store_mistakes(plan, catalogue)]
    mistakes += [*tracking_mistakes(plan.tracking)]
    mistakes += licence_mistakes(plan, catalogue)
    spaces: dict[str, Space] = {}
    cuts: dict[str, Cut] = {}
    scored: dict[str, tuple[RowsAt, ...]] = {}
    for target in plan.targets.tasks:
        try:
            spaces[target] = Space.of(plan, target, catalogue)
        except PlanError as error:
            mistakes += error.mistakes
            continue
        languages = scored_languages(catalogue, catalogue.tasks[target], plan.targets.languages)
        cut = make_cut(spaces[target], languages)
        if isinstance(cut, Mistake):
            mistakes.append(cut)
        else:
            cuts[target], scored[target] = cut, scored_rows(spaces[target], languages, cut)
    mistakes += _budget_mistakes(plan, spaces.values())
    mistakes += layer_mistakes(spaces.values())
    mistakes += contrast_mistakes(plan, spaces, scored)
    return Checked(plan, catalogue, spaces, cuts, scored, mistakes)


def _absolute(plan: Plan) -> Plan:
    """A plan whose folders are absolute: workers have other current folders than the driver."""
    rows = [
        row
        if not row.path or row.path.startswith(("package:", "~")) or is_on_hub(row.path)
        else row.model_copy(update={"path": str(Path(row.path).absolute())})
        for row in plan.initialisation
    ]
    data = plan.data
    if plan.world == "real" and data.source != HUB:
        data = data.model_copy(update={"source": str(Path(data.source).absolute())})
    return plan.model_copy(update={"data": data, "initialisation": tuple(rows)})


def needed_rows(
    spaces: Mapping[str, Space], scored: Mapping[str, Iterable[RowsAt]]
) -> list[RowsAt]:
    """(task, language, split) of every row set that some trial of the targets may read."""
    needed: list[RowsAt] = []
    for target in scored:
        row, found = spaces[target].target, spaces[target].candidates
        sources = sorted({code for codes in found.sources for code in codes})
        needed += [(training, code, "train") for training in row.recipe for code in sources]
        if row.pool in spaces[target].catalogue.tasks and any(
            p[0] == target for p in scored[target]
        ):
            needed.append((row.pool, POOL_LANGUAGE, "candidates"))
    needed += [part for parts in scored.values() for part in parts]
    for target in scored:
        found = spaces[target].candidates
        pairs = [pair for part in found.parts.values() for pair in part]
        needed += [(task, code, "train") for task, code in (*pairs, *found.masked)]
    return list(dict.fromkeys(needed))


def pretraining_needed(plan: Plan, catalogue: Catalogue) -> list[RowsAt]:
    """Rows of the text that the plan's own initialisations are pretrained on."""
    rows = catalogue.starts(plan.space.initialisations)
    return [at for row in rows for at in pretraining_rows(catalogue, row)]


def _name_mistakes(plan: Plan) -> Iterator[Mistake]:
    """A search must not stand where its confirmation, which reads test rows, would be."""
    if plan.study.name.endswith(SUFFIX):
        rule = f"a name without {SUFFIX!r} at its end: `transfer-search confirm` gives such names"
        yield Mistake("[study] name", repr(plan.study.name), rule)


def source_mistakes(plan: Plan) -> Iterator[Mistake]:
    """A source that is no world, not the hub and no folder."""
    source = plan.data.source
    if plan.world != "real" or source == HUB or is_folder(Path(source)):
        return
    worlds = nearest(source, ("microworld", "oracle", HUB))
    expected = f"a folder <data set>/<config>/<split>.parquet that is there, or {worlds}"
    yield Mistake("[data] source", repr(source), expected)


def layer_mistakes(spaces: Iterable[Space]) -> Iterator[Mistake]:
    """Layers to read vectors at must be there in every initialisation of their target."""
    asked = {
        (str(name), int(layer)): space.catalogue.initialisations[str(name)].encoder
        for space in spaces
        if space.catalogue.is_read(space.target)
        for name in space.axis("initialisation").choices
        for layer in space.axis("readout.layer").choices
    }
    for (name, layer), shape in sorted(asked.items(), key=lambda item: item[0]):
        if shape and not -shape.layers - 1 <= layer <= shape.layers:
            rule = f"0 (embeddings) to {shape.layers}, or -1: {name!r} has {shape.layers} layers"
            yield Mistake("[space.target.<task>] layers", str(layer), rule)


def _budget_mistakes(plan: Plan, spaces: Iterable[Space]) -> Iterator[Mistake]:
    """Every study holds its no-intermediate baselines, and room to search."""
    spaces = list(spaces)
    if plan.budget.trials_per_target == 0:
        yield from _nothing_to_do(plan)
        return
    if plan.study.sampler == "grid":
        yield from _open_ranges(spaces)
        return
    least = max(map(_needed_baselines, spaces), default=0)
    starts = max((len(space.axis("initialisation").choices) for space in spaces), default=0)
    needed = least + (2 if plan.space.mixture else 0)
    if plan.budget.trials_per_target < needed:
        yield Mistake(
            "[budget] trials_per_target",
            str(plan.budget.trials_per_target),
            f"at least {needed}: a baseline for each of {starts} "
            "initialisations, and its untrained twin where steps hold 0"
            + (", an intermediate setting and its matched baseline" if plan.space.mixture else ""),
        )
    share, trials = plan.budget.no_intermediate_share, plan.budget.trials_per_target
    if trials > MOST_TRIALS:
        yield Mistake("[budget] trials_per_target", str(trials), f"at most {MOST_TRIALS}")
    if plan.space.mixture and math.ceil(share * trials) >= trials:
        expected = (
            f"less, so that one of {trials} trials has an intermediate phase, or "
            "a plan without [space.mixture]"
        )
        yield Mistake("[budget] no_intermediate_share", str(share), expected)


def _nothing_to_do(plan: Plan) -> Iterator[Mistake]:
    """A plan without a search is there for its contrast."""
    if plan.contrast is None:
        rule = "at least 1, or a [contrast]: 0 leaves the search out"
        yield Mistake("[budget] trials_per_target", "0", rule)


def _open_ranges(spaces: Iterable[Space]) -> Iterator[Mistake]:
    """A grid has no ranges."""
    for space in spaces:
        if names := [axis.name for axis in space.axes if not axis.choices]:
            where = f"[study] sampler for target {space.target.name!r}"
            yield Mistake(where, f"'grid', and a range of {names[0]}", "lists of values")


def grid_mistakes(plan: Plan, spaces: Iterable[Space]) -> Iterator[Mistake]:
    """A grid's budget reaches no further than its end.

    Args:
        plan: its sampler may be another.
        spaces: with sizes, which proportions and idle limits follow from.
    """
    for space in spaces if plan.study.sampler == "grid" else ():
        found, trials = bounded(space), plan.budget.trials_per_target
        if found is None or not found[1]:
            where = f"[study] sampler for target {space.target.name!r}"
            yield Mistake(where, "'grid'", f"at most {MOST_COUNTED} combinations of values")
        elif trials > found[0]:
            rule = f"at most {found[0]}: the distinct settings of {space.target.name!r}"
            yield Mistake("[budget] trials_per_target", str(trials), rule)


def baseline_count(space: Space) -> int:
    """Baselines that fit into a target's budget: at most half of it beyond the needed ones."""
    most = max(_needed_baselines(space), space.plan.budget.trials_per_target // 2)
    return min(len(baselines(space)), most)


def _needed_baselines(space: Space) -> int:
    """Those without an intermediate phase at the reference length, trained and untrained."""
    return sum(params.get("arm", "none") == "none" for params in baselines(space))
