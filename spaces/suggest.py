"""The search space as axes, and the way from an Optuna trial to a transfer setting.

One list of axes serves all: the sampler draws from it, ``--dry-run`` prints it, the study's
fingerprint compares it, a growing space extends it.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from spaces.catalogue import Catalogue
from spaces.plan import PhaseRanges, Plan, Range, TargetRanges
from spaces.settings import Mixture, Optimisation, Part, Readout, TransferSetting
from spaces.tasks import Task

Scalar = str | int | float

ARMS = ("none", "intermediate", "equal_tokens", "same_rows")
"""``none`` and ``intermediate`` are searched; the other two are baselines that a study always has:
no intermediate at the length of one, and the target's own rows as the intermediate."""

SEARCHED_ARMS = ARMS[:2]

DEFAULT_REFERENCE = Optimisation(learning_rate=2e-5, steps=500)
"""Hyperparameters of a phase whose task names none."""

GROWING_AXES = ("initialisation", "mixture.tasks", "mixture.languages")
"""Axes that may gain choices while a study runs."""


class Suggester(Protocol):
    """What is needed of an Optuna trial."""

    def suggest_categorical(self, name: str, choices: Any, /) -> Any:
        """Pick one of the choices."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Pick a number."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter of the space."""

    name: str
    choices: tuple[Scalar, ...] = ()
    """Empty for a log-uniform range."""
    low: float = 0.0
    high: float = 0.0
    arms: tuple[str, ...] = ARMS
    """Arms in which the parameter exists."""

    def suggest(self, trial: Suggester) -> Any:
        """Draw a value."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        return trial.suggest_float(self.name, self.low, self.high, log=True)

    def nearest(self, reference: float) -> Scalar:
        """The value of this axis closest to a reference value."""
        if self.choices:
            return min(self.choices, key=lambda c: _ratio(float(c), reference))
        return min(max(reference, self.low), self.high)

    def __str__(self) -> str:
        """``name: a | b | c`` or ``name: low .. high (log)``."""
        if self.choices:
            return f"{self.name}: {' | '.join(str(choice) for choice in self.choices)}"
        return f"{self.name}: {self.low:g} .. {self.high:g} (log)"


def _ratio(value: float, reference: float) -> float:
    """How far apart two numbers are by ratio; 0 is farther than any other."""
    return abs(math.log(value / reference)) if value else math.inf


@dataclass(frozen=True, slots=True)
class Space:
    """The space of one target."""

    target: Task
    catalogue: Catalogue
    plan: Plan
    axes: tuple[Axis, ...]

    @classmethod
    def of(cls, plan: Plan, target: str, catalogue: Catalogue | None = None) -> "Space":
        """The space a plan describes for one of its targets."""
        catalogue = catalogue or Catalogue.for_plan(plan)
        return cls(catalogue.tasks[target], catalogue, plan, _axes(plan, target, catalogue))

    def axis(self, name: str) -> Axis:
        """An axis by name."""
        return next(axis for axis in self.axes if axis.name == name)

    def in_arm(self, arm: str) -> Iterator[Axis]:
        """Axes that exist in an arm, without the arm itself."""
        return (axis for axis in self.axes if axis.name != "arm" and arm in axis.arms)

    def setting(self, values: dict[str, Any]) -> TransferSetting:
        """The setting that one value per axis means."""
        arm = values.get("arm", "none")
        chain: tuple[Mixture, ...] = ()
        if arm not in ("none", "equal_tokens"):
            chain = (self._mixture(values, arm),)
        trained = self._target_phase(values, arm) if self.target.recipe else {}
        read = self._readout(values) if self.catalogue.is_read(self.target) else {}
        return TransferSetting(
            initialisation=values["initialisation"], intermediate=chain, **trained, **read
        )

    def _target_phase(self, values: dict[str, Any], arm: str) -> dict[str, Any]:
        """Source languages and hyperparameters of a target that is trained."""
        target = replace(
            self.reference("target"),
            learning_rate=values["target.learning_rate"],
            steps=values["target.steps"],
        )
        if arm == "equal_tokens":
            rows = values["intermediate.steps"] * self.reference("intermediate").rows_per_step
            target = replace(target, steps=target.steps + round(rows / target.rows_per_step))
        lead = {"lead_steps": values["target.lead_steps"]} if len(self.target.recipe) > 1 else {}
        return {"source_languages": _codes(values), "target": target, **lead}

    def _readout(self, values: dict[str, Any]) -> dict[str, Any]:
        """Where vectors are read that no phase trained."""
        layer, pooling = values["readout.layer"], values["readout.pooling"]
        return {"readout": Readout(layer=layer, pooling=pooling)}

    def _mixture(self, values: dict[str, Any], arm: str) -> Mixture:
        if arm == "same_rows":
            pairs = [(task, code) for task in self.target.recipe for code in _codes(values)]
        else:
            tasks = values["mixture.tasks"].split("+")
            pairs = self.catalogue.parts_of(tasks, values["mixture.languages"])
        optimisation = replace(
            self.reference("intermediate"),
            learning_rate=values["intermediate.learning_rate"],
            steps=values["intermediate.steps"],
        )
        return Mixture(
            parts=tuple(Part(task=task, language=code) for task, code in pairs),
            rows_cap=values.get("mixture.rows_cap"),
            optimisation=optimisation,
        )

    def reference(self, phase: str) -> Optimisation:
        """Reference hyperparameters of a phase, before the axes overwrite some of them."""
        return _reference(self.plan, self.target.name, self.catalogue, phase)


def _codes(values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(values["source_languages"].split("+"))


def _ranges(plan: Plan, target: str, phase: str) -> PhaseRanges:
    """The plan's own table of a phase; a task's own table goes before the general one."""
    return plan.space.intermediate if phase == "intermediate" else _target_ranges(plan, target)


def _target_ranges(plan: Plan, target: str) -> TargetRanges:
    own = plan.space.target_by_task.get(target, TargetRanges())
    given = plan.space.target.model_dump(exclude_none=True) | own.model_dump(exclude_none=True)
    return TargetRanges.model_validate(given)


def _reference(plan: Plan, target: str, catalogue: Catalogue, phase: str) -> Optimisation:
    """Reference hyperparameters of a phase, with the plan's rows per step."""
    if phase == "intermediate" and plan.space.mixture:
        row = catalogue.tasks[plan.space.mixture.tasks[0]]
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
    if isinstance(rates, Range):
        rate = Axis(name, low=rates.low, high=rates.high, arms=arms)
    else:
        rate = Axis(name, _distinct(rates), arms=arms)
    return [rate, Axis(f"{phase}.steps", _distinct(ranges.steps or (reference.steps,)), arms=arms)]


def _axes(plan: Plan, target: str, catalogue: Catalogue) -> tuple[Axis, ...]:
    mixture, row = plan.space.mixture, catalogue.tasks[target]
    axes = [Axis("initialisation", plan.space.initialisations)]
    axes += _target_axes(plan, target, catalogue) if row.recipe else []
    axes += _readout_axes(plan, row) if catalogue.is_read(row) else []
    if mixture is None:
        return tuple(axes)
    mixed = ("intermediate",)
    axes += [
        Axis("arm", ARMS if row.recipe else SEARCHED_ARMS),
        Axis("mixture.tasks", _combinations(mixture.tasks, mixture.max_parts), arms=mixed),
        Axis("mixture.languages", _distinct(mixture.languages), arms=mixed),
        *_phase_axes(plan, target, catalogue, "intermediate", ARMS[1:]),
    ]
    if mixture.rows_caps:
        axes.append(
            Axis("mixture.rows_cap", _distinct(mixture.rows_caps), arms=(*mixed, "same_rows"))
        )
    return tuple(axes)


def _target_axes(plan: Plan, target: str, catalogue: Catalogue) -> list[Axis]:
    sources = ("+".join(sorted(set(codes))) for codes in plan.space.source_languages)
    axes = [Axis("source_languages", _distinct(sources))]
    axes += _phase_axes(plan, target, catalogue, "target", ARMS)
    recipe, asked = catalogue.tasks[target].recipe, _target_ranges(plan, target).lead_steps
    if len(recipe) > 1:
        reference = catalogue.tasks[recipe[0]].reference or DEFAULT_REFERENCE
        axes.append(Axis("target.lead_steps", _distinct(asked or (reference.steps,))))
    return axes


def _readout_axes(plan: Plan, row: Task) -> list[Axis]:
    """Layer and pooling of a target whose vectors are only read."""
    own, reference = _target_ranges(plan, row.name), row.readout or Readout()
    return [
        Axis("readout.layer", _distinct(own.layers or (reference.layer,))),
        Axis("readout.pooling", _distinct(own.poolings or (reference.pooling,))),
    ]


def _distinct(choices: Iterable[Scalar]) -> tuple[Scalar, ...]:
    """Choices in their order, each once."""
    return tuple(dict.fromkeys(choices))


def _combinations(tasks: tuple[str, ...], most: int) -> tuple[str, ...]:
    """One task, or several joined by ``+``: as many as a mixture may hold."""
    names = list(dict.fromkeys(tasks))
    sizes = range(1, min(most, len(names)) + 1)
    return tuple("+".join(c) for size in sizes for c in itertools.combinations(names, size))


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
    """One value per axis of the drawn arm."""
    arms = [axis for axis in space.axes if axis.name == "arm"]
    arm = arms[0].suggest(trial) if arms else "none"
    return {"arm": arm} | {axis.name: axis.suggest(trial) for axis in space.in_arm(arm)}


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
    longer = common | _reference_values(space, "intermediate") | {"initialisation": names[0]}
    return [*plain, {**longer, "arm": "equal_tokens"}, {**longer, "arm": "same_rows"}]


def _trained_values(space: Space) -> dict[str, Any]:
    first = space.axis("source_languages").choices[0]
    lead = [axis for axis in space.axes if axis.name == "target.lead_steps"]
    values = {axis.name: axis.choices[0] for axis in lead}
    return {"source_languages": first} | values | _reference_values(space, "target")


def _readout_values(space: Space) -> dict[str, Any]:
    """The reference readout, or the first one that the plan has in its place."""
    reference = asdict(space.target.readout or Readout())
    axes = [(name, space.axis(f"readout.{name}")) for name in ("layer", "pooling")]
    return {
        axis.name: reference[name] if reference[name] in axis.choices else axis.choices[0]
        for name, axis in axes
    }


def _reference_values(space: Space, phase: str) -> dict[str, Any]:
    reference = space.reference(phase)
    return {
        f"{phase}.learning_rate": space.axis(f"{phase}.learning_rate").nearest(
            reference.learning_rate
        ),
        f"{phase}.steps": space.axis(f"{phase}.steps").nearest(reference.steps),
    }


def matched_baseline(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the no-intermediate trial that a trial is paired with."""
    dropped = ("arm", "mixture.", "intermediate.")
    kept = {k: v for k, v in params.items() if not k.startswith(dropped)}
    return {**kept, "arm": "none"}


def distinct_settings(space: Space) -> int | None:
    """How many settings the two searched arms hold; None where an axis is continuous."""
    total = 0
    for arm in ("none", "intermediate") if space.plan.space.mixture else ("none",):
        axes = list(space.in_arm(arm))
        if any(not axis.choices for axis in axes):
            return None
        total += math.prod(len(axis.choices) for axis in axes)
    return total


def describe(plan: Plan) -> str:
    """The space of each target in words, one axis a line."""
    catalogue = Catalogue.for_plan(plan)
    lines = []
    for target in plan.targets.tasks:
        space = Space.of(plan, target, catalogue)
        count = distinct_settings(space)
        lines.append(f"{target}: {count if count is not None else 'unbounded'} distinct settings")
        lines += [f"  {axis}" for axis in space.axes]
    return "\n".join(lines)
