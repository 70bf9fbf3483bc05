"""The search space as axes, and the way from an Optuna trial to a transfer setting.

One list of axes serves all: the sampler draws from it, ``--dry-run`` prints it, the study's
fingerprint compares it, a growing space extends it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spaces.axes import ARMS, CHAIN, SEARCHED_ARMS, SHAPE, Axis, Suggester, distinct
from spaces.candidates import Candidates, candidates, impossible
from spaces.catalogue import Catalogue
from spaces.chains import ROWS_LIMITS, chain, mixture, mixture_axes
from spaces.mistakes import PlanError
from spaces.mixing import Pair, by_weight
from spaces.phases import row_name
from spaces.plan import Plan
from spaces.plan_space import PhaseRanges, Range
from spaces.settings import Mixture, Optimisation, Readout, TransferSetting
from spaces.tasks import Task
from spaces.tasks.row import TRAINED_ONLY

DEFAULT_REFERENCE = Optimisation(learning_rate=2e-5, steps=500)
"""Hyperparameters of a phase whose task names none."""


@dataclass(frozen=True, slots=True)
class Space:
    """The space of one target."""

    target: Task
    catalogue: Catalogue
    plan: Plan
    candidates: Candidates
    axes: tuple[Axis, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    """``row_name`` -> training rows, as a study counted them."""

    @classmethod
    def of(
        cls,
        plan: Plan,
        target: str,
        catalogue: Catalogue | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> "Space":
        """The space a plan describes for one of its targets.

        Raises:
            PlanError: nothing is feasible for it.
        """
        catalogue = catalogue or Catalogue.for_plan(plan)
        row, found = catalogue.tasks[target], candidates(plan, catalogue, target)
        if mistakes := [*impossible(plan, target, found, bool(row.recipe))]:
            raise PlanError(f"plan of study {plan.study.name!r}", mistakes)
        axes = _axes(plan, row, catalogue, found)
        return cls(row, catalogue, plan, found, axes, sizes or {})

    def axis(self, name: str) -> Axis:
        """An axis by name."""
        return next(axis for axis in self.axes if axis.name == name)

    def in_arm(self, arm: str, shape: str | None = None) -> Iterator[Axis]:
        """Axes that exist in an arm (and in a shape of its chain), without the arm itself."""
        for axis in self.axes:
            shaped = shape is None or not axis.shapes or shape in axis.shapes
            if axis.name != "arm" and arm in axis.arms and shaped:
                yield axis

    def setting(self, values: Mapping[str, Any]) -> TransferSetting:
        """The setting that one value per axis means."""
        arm = values.get("arm", "none")
        trained = self._target_phase(values, arm) if self.target.recipe else {}
        read = self._readout(values) if self.catalogue.is_read(self.target) else {}
        return TransferSetting(
            initialisation=values["initialisation"],
            intermediate=self.chain(values),
            **trained,
            **read,
        )

    def chain(self, values: Mapping[str, Any]) -> tuple[Mixture, ...]:
        """The mixtures that one value per axis means; none where there is no intermediate."""
        arm, table = values.get("arm", "none"), self.plan.space.mixture
        if arm in ("none", "equal_tokens") or table is None:
            return ()

        def optimise(tasks: Collection[str]) -> Optimisation:
            rate = values["intermediate.learning_rate"]
            steps = values.get("intermediate.steps") or self._reference_steps(tasks)
            return replace(self.reference("intermediate"), learning_rate=rate, steps=steps)

        if arm == "same_rows":
            recipe = self.target.recipe
            own = by_weight([[(task, code) for task in recipe for code in _codes(values)]], [1])
            return (mixture(own, values, optimise(recipe), self.size_of),)
        return chain(values, table, self.candidates, optimise, self.size_of)

    def _reference_steps(self, tasks: Collection[str]) -> int:
        """Steps of a mixture where the plan names none: of all its tasks together.

        Masked text shares the steps of others; where it stands alone it has its own.
        """
        rows = [self.catalogue.tasks[task] for task in tasks]
        found = [row for row in rows if row.form not in TRAINED_ONLY] or rows
        return sum((row.reference or DEFAULT_REFERENCE).steps for row in found)

    def size_of(self, pair: Pair) -> int | None:
        """Training rows of a part: counted, else as the catalogue says; None where neither does."""
        known = self.sizes.get(row_name(*pair, "train"))
        return known or self.catalogue.tasks[pair[0]].train_rows

    def _target_phase(self, values: Mapping[str, Any], arm: str) -> dict[str, Any]:
        """Source languages and hyperparameters of a target that is trained."""
        target = replace(
            self.reference("target"),
            learning_rate=values["target.learning_rate"],
            steps=values["target.steps"],
        )
        if arm == "equal_tokens":
            reference = self.reference("intermediate")
            rows = values.get("intermediate.steps", reference.steps) * reference.rows_per_step
            target = replace(target, steps=target.steps + round(rows / target.rows_per_step))
        lead = {"lead_steps": values["target.lead_steps"]} if len(self.target.recipe) > 1 else {}
        return {"source_languages": _codes(values), "target": target, **lead}

    def _readout(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Where vectors are read that no phase trained."""
        layer, pooling = values["readout.layer"], values["readout.pooling"]
        return {"readout": Readout(layer=layer, pooling=pooling)}

    def reference(self, phase: str) -> Optimisation:
        """Reference hyperparameters of a phase, before the axes overwrite some of them."""
        return _reference(self.plan, self.target.name, self.catalogue, phase)


def _codes(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(values["source_languages"].split("+"))


def _ranges(plan: Plan, target: str, phase: str) -> PhaseRanges:
    """The plan's own table of a phase."""
    return plan.space.intermediate if phase == "intermediate" else plan.space.ranges_of(target)


def _reference(plan: Plan, target: str, catalogue: Catalogue, phase: str) -> Optimisation:
    """Reference hyperparameters of a phase, with the plan's rows per step."""
    if phase == "intermediate" and plan.space.mixture:
        row = catalogue.tasks[plan.space.mixture.candidates[0][0]]
    else:
        row = catalogue.tasks[target]
    reference = row.reference or DEFAULT_REFERENCE
    rows = _ranges(plan, target, phase).rows_per_step or reference.rows_per_step
    return replace(reference, rows_per_step=rows)


def _phase_axes(
    plan: Plan, target: str, catalogue: Catalogue, phase: str, arms: tuple[str, ...]
) -> list[Axis]:
    reference = _reference(plan, target, catalogue, phase)
    ranges = _ranges(plan, target, phase)
    rates = ranges.learning_rates or (reference.learning_rate,)
    name = f"{phase}.learning_rate"
    steps = ranges.steps or (() if phase == "intermediate" else (reference.steps,))
    if isinstance(rates, Range):
        rate = Axis(name, low=rates.low, high=rates.high, arms=arms)
    else:
        rate = Axis(name, distinct(rates), arms=arms)
    return [rate, *([Axis(f"{phase}.steps", distinct(steps), arms=arms)] if steps else [])]


def _axes(plan: Plan, row: Task, catalogue: Catalogue, found: Candidates) -> tuple[Axis, ...]:
    table = plan.space.mixture
    axes = [Axis("initialisation", found.initialisations)]
    axes += _target_axes(plan, row.name, catalogue, found) if row.recipe else []
    axes += _readout_axes(plan, row) if catalogue.is_read(row) else []
    if table is None:
        return tuple(axes)
    axes.append(Axis("arm", ARMS if row.recipe else SEARCHED_ARMS))
    axes += mixture_axes(table, found)
    axes += _phase_axes(plan, row.name, catalogue, "intermediate", ARMS[1:])
    return tuple(axes)


def _target_axes(plan: Plan, target: str, catalogue: Catalogue, found: Candidates) -> list[Axis]:
    sources = ("+".join(sorted(set(codes))) for codes in found.sources)
    axes = [Axis("source_languages", distinct(sources))]
    axes += _phase_axes(plan, target, catalogue, "target", ARMS)
    recipe, asked = catalogue.tasks[target].recipe, plan.space.ranges_of(target).lead_steps
    if len(recipe) > 1:
        reference = catalogue.tasks[recipe[0]].reference or DEFAULT_REFERENCE
        axes.append(Axis("target.lead_steps", distinct(asked or (reference.steps,))))
    return axes


def _readout_axes(plan: Plan, row: Task) -> list[Axis]:
    """Layer and pooling of a target whose vectors are only read."""
    own, reference = plan.space.ranges_of(row.name), row.readout or Readout()
    return [
        Axis("readout.layer", distinct(own.layers or (reference.layer,))),
        Axis("readout.pooling", distinct(own.poolings or (reference.pooling,))),
    ]


def suggest(trial: Suggester, plan: Plan, target: str | None = None) -> TransferSetting:
    """Draw a transfer setting; works in any Optuna objective.

    Args:
        trial: an Optuna trial, or anything with its ``suggest_*`` methods.
        plan: the plan whose space is searched.
        target: one of the plan's targets; the first where it is left out.
    """
    space = Space.of(plan, target or plan.targets.tasks[0])
    return space.setting(draw(trial, space))


def draw(trial: Suggester, space: Space) -> dict[str, Any]:
    """One value per axis of the drawn arm, and of the drawn shape of its chain."""
    values: dict[str, Any] = {}
    names = {axis.name for axis in space.axes}
    for first in ("arm", SHAPE):
        if first in names and values.get("arm", "intermediate") == "intermediate":
            values[first] = space.axis(first).suggest(trial)
    values.setdefault("arm", "none")
    active = space.in_arm(values["arm"], values.get(SHAPE))
    return values | {axis.name: axis.suggest(trial) for axis in active if axis.name != SHAPE}


def baselines(space: Space) -> list[dict[str, Any]]:
    """Parameters of the baselines every study holds, most needed first.

    No intermediate for each initialisation; the same untrained where the plan's steps hold 0; then
    (first initialisation) no intermediate at equal total rows, then the target's own rows as the
    intermediate. A target without training has no rows of its own, so only the first kind.
    """
    names = space.axis("initialisation").choices
    common = _trained_values(space) if space.target.recipe else {}
    common |= _readout_values(space) if space.catalogue.is_read(space.target) else {}
    common |= {"arm": "none"} if space.plan.space.mixture else {}
    plain = [{**common, "initialisation": name} for name in names]
    if not space.target.recipe:
        return plain
    if 0 in space.axis("target.steps").choices:
        plain += [{**params, "target.steps": 0} for params in plain if params["target.steps"]]
    if space.plan.space.mixture is None:
        return plain
    longer = common | reference_values(space, "intermediate") | {"initialisation": names[0]}
    limits = {a.name: a.choices[0] for a in space.in_arm("same_rows") if a.name in ROWS_LIMITS}
    return [*plain, {**longer, "arm": "equal_tokens"}, {**longer, **limits, "arm": "same_rows"}]


def _trained_values(space: Space) -> dict[str, Any]:
    first = space.axis("source_languages").choices[0]
    lead = [axis for axis in space.axes if axis.name == "target.lead_steps"]
    values = {axis.name: axis.choices[0] for axis in lead}
    return {"source_languages": first} | values | reference_values(space, "target")


def _readout_values(space: Space) -> dict[str, Any]:
    """The reference readout, or the first one that the plan has in its place."""
    reference = asdict(space.target.readout or Readout())
    axes = [(name, space.axis(f"readout.{name}")) for name in ("layer", "pooling")]
    return {
        axis.name: reference[name] if reference[name] in axis.choices else axis.choices[0]
        for name, axis in axes
    }


def reference_values(space: Space, phase: str) -> dict[str, Any]:
    """Learning rate and steps of a phase: of the plan's, those nearest to the catalogue's."""
    reference = asdict(space.reference(phase))
    names = {f"{phase}.{name}": reference[name] for name in ("learning_rate", "steps")}
    return {a.name: a.nearest(names[a.name]) for a in space.axes if a.name in names}


def matched_baseline(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the no-intermediate trial that a trial is paired with."""
    dropped = ("arm", *CHAIN)
    kept = {k: v for k, v in params.items() if not k.startswith(dropped)}
    return {**kept, "arm": "none"}
