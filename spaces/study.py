"""``study.json``: what a study froze when it started, and its identity."""

from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from spaces.axes import Axis, is_weights
from spaces.catalogue import Catalogue
from spaces.confirmation import Confirmation, confirmation_name
from spaces.contrast import CONTRAST, GROWING, Contrast, contrast_identity, contrast_of
from spaces.grouping import grouping_identity
from spaces.initialisations import EncoderShape
from spaces.keys import canonical
from spaces.layout import SCHEMA_VERSION, StoreError, StudyPaths, read_json, study_names, write_json
from spaces.mistakes import nearest
from spaces.phases import Frozen
from spaces.plan import Plan
from spaces.plan_space import Entry
from spaces.selection import Cut
from spaces.settings import Seeds, TransferSetting
from spaces.suggest import Space

SETTING = TypeAdapter(TransferSetting)
"""Reads settings back from JSON."""


class StudyRecord(BaseModel):
    """Everything that a trial, a reader or a later driver must know of a study."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    schema_version: int = SCHEMA_VERSION
    plan: Plan
    generation: int = 1
    """Which copy of each target's Optuna study is current; grows with the space."""
    revisions: dict[str, str]
    cuts: dict[str, Cut]
    scored: dict[str, tuple[tuple[str, str, str], ...]] = {}
    """Target -> (task, language, split) of everything that its trials are scored on."""
    sizes: dict[str, int] = {}
    """``row_name`` -> rows that may be used, of all training rows: proportions follow from them."""
    encoders: dict[str, EncoderShape] = {}
    """Initialisation -> what was read of its checkpoint: what is feasible follows from it."""
    infeasible: dict[str, dict[str, str]] = {}
    """Target -> candidate of the plan that it cannot have -> why."""
    versions: dict[str, str] = {}
    created: str = ""
    confirms: Confirmation | None = None
    """Of a confirmation: which settings of which study it runs. No plan can say so: a search has
    none and opens no test rows."""

    @model_validator(mode="before")
    @classmethod
    def _upgraded(cls, values: Any) -> Any:
        """Records of before ``scored`` was written down: dev rows of the target itself."""
        if not isinstance(values, dict) or "scored" in values:
            return values
        parts = [tuple(name.split("/")) for name in values.get("revisions", {}) if "/" in name]
        dev = {t: [p for p in parts if p[0] == t and p[2] == "dev"] for t in values.get("cuts", {})}
        return {**values, "scored": dev}

    @property
    def name(self) -> str:
        """Name of the study."""
        return confirmation_name(self.confirms.of) if self.confirms else self.plan.study.name

    @property
    def targets(self) -> tuple[str, ...]:
        """Targets that have trials: all of a search, of a confirmation those that it can confirm.

        A confirmation's plan still names the others: what is sealed must be what the search sealed.
        """
        if self.confirms is None:
            return self.plan.targets.tasks
        return tuple(t for t in self.plan.targets.tasks if t in self.confirms.settings)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Rows of the plan's world and of the user, with what was read of checkpoints."""
        return Catalogue.for_plan(self.plan).knowing(self.encoders)

    @cached_property
    def frozen(self) -> Frozen:
        """What keys need."""
        targets = self.plan.targets
        return Frozen(
            catalogue=self.catalogue,
            revisions=self.revisions,
            dtype=self.plan.resources.precision,
            scored=self.scored,
            rows_scored=targets.test_rows if self.confirms else targets.dev_rows,
            whole_pool=self.confirms is not None,
        )

    def planned(self, target: str) -> int:
        """How many trials a target will have."""
        if self.confirms:
            return self.confirms.planned(target)
        return self.plan.budget.trials_per_target + self.contrasts[target].planned

    @property
    def spent(self) -> dict[str, Cut]:
        """Target -> its cut, where the search spends test rows."""
        parts = {target: {split for *_, split in rows} for target, rows in self.scored.items()}
        return {target: self.cuts[target] for target in parts if "spent" in parts[target]}

    @cached_property
    def spaces(self) -> dict[str, Space]:
        """The space of each target."""
        targets = self.plan.targets.tasks
        return {t: Space.of(self.plan, t, self.catalogue, self.sizes) for t in targets}

    @cached_property
    def contrasts(self) -> dict[str, Contrast]:
        """The planned cells of each target; none where the plan asks for no contrast."""
        return {target: contrast_of(space) for target, space in self.spaces.items()}

    @property
    def seeds(self) -> Seeds:
        """Seeds of every trial of the search; replicates each name their own."""
        return Seeds.all_equal(self.plan.study.seed)

    def optuna_name(self, target: str, generation: int | None = None) -> str:
        """Name of a target's Optuna study in the storage."""
        number = generation or self.generation
        return f"{self.name}/{target}" + (f"@{number}" if number > 1 else "")

    def identity(self) -> dict[str, Any]:
        """What makes this study this study: not its budget, not its resources.

        ``precision`` is here although it stands among the resources: it changes scores. So is the
        storage: another one holds none of the study's trials.
        """
        plan = self.plan
        return {
            "world": plan.world,
            "seed": plan.study.seed,
            "objective": plan.study.objective,
            "selection": plan.study.selection,
            "precision": plan.resources.precision,
            "storage": plan.store.storage,
            "languages": plan.targets.languages,
            "heldout_seed": plan.targets.heldout_seed,
            "bad_rows": plan.data.bad_rows,
            "dev_rows": plan.targets.dev_rows,
            "revisions": dict(sorted(self.revisions.items())),
            "cuts": {t: asdict(cut) for t, cut in self.cuts.items()},
            "scored": {t: [list(part) for part in parts] for t, parts in self.scored.items()},
            "space": {t: _space_identity(space) for t, space in self.spaces.items()},
            "rows": self._own_rows(),
            "mixture": _mixture_identity(plan),
            **({"reserve": plan.targets.reserve} if plan.targets.reserve else {}),
            **grouping_identity(plan),
            **contrast_identity(plan),
            **({"test_rows": plan.targets.test_rows} if self.confirms else {}),
        }

    @property
    def pretrains(self) -> bool:
        """Whether initialisations of the plan are pretrained here on real rows."""
        starts = self.catalogue.starts(self.plan.space.initialisations)
        return any(row.pretraining and row.pretraining.texts for row in starts)

    @property
    def names(self) -> dict[str, set[str]]:
        """Tasks, and entries of languages, that the space names."""
        mixture = self.plan.space.mixture
        named = {*self.plan.targets.tasks}
        named |= {*mixture.named[0], mixture.mlm_task} - {""} if mixture else set()
        rows = [self.catalogue.tasks[name] for name in named]
        named |= {t for row in rows for t in (*row.recipe, *row.source_dev, row.proxy)}
        entries = _named(tuple(mixture.named[1]), mixture.mlm_text[1]) if mixture else set()
        starts = self.catalogue.starts(self.plan.space.initialisations)
        named |= {t for row in starts if row.pretraining for t in row.pretraining.tasks}
        known = {row.name for row in starts}
        return {"task": named, "language_group": entries, "initialisation": known}

    def _own_rows(self) -> dict[str, Any]:
        """The user's own rows that the space names: one that changes its meaning is another."""
        names = self.names
        tasks = {
            row.name: row.model_dump(exclude_none=True, exclude={"name", "licence"})
            for row in self.plan.task
            if row.name in names["task"]
        }
        groups = {
            group.name: list(group.languages)
            for group in self.plan.language_group
            if group.name in names["language_group"]
        }
        recipes = {
            row.name: {"start": row.start, **canonical(row.pretraining)}
            for row in self.catalogue.starts(self.plan.space.initialisations)
            if row.pretraining and row.pretraining.texts
        }
        own = {"task": tasks, "language_group": groups}
        return {**own, "initialisation": recipes} if recipes else own

    def write(self, paths: StudyPaths) -> None:
        """Write ``study.json`` whole or not at all."""
        write_json(paths.record, self.model_dump(mode="json"))


def _named(*entries: Entry | tuple[Entry, ...]) -> set[str]:
    """Every code and group that some entries of languages name."""
    found = [{one} if isinstance(one, str) else _named(*one) for one in entries]
    return set().union(*found)


def _mixture_identity(plan: Plan) -> dict[str, Any]:
    """How mixtures are made; what they may be made of stands in the axes."""
    table = plan.space.mixture
    exclude = {"tasks", "languages", "chains"}
    return table.model_dump(mode="json", exclude=exclude, exclude_defaults=True) if table else {}


def _space_identity(space: Space) -> dict[str, Any]:
    values = {axis.name: list(axis.choices) or [axis.low, axis.high] for axis in space.axes}
    phases = {p: canonical(space.reference(p)) for p in ("intermediate", "target")}
    return {"axes": values, "phases": phases}


def read_study(root: Path, name: str) -> StudyRecord:
    """The record of a study.

    Raises:
        StoreError: there is no such study under the root, or its record is torn or newer.
    """
    root = Path(root).absolute()
    paths = StudyPaths(root, name)
    try:
        values = read_json(paths.record)
    except OSError as error:  # a name too long, a root that is a file
        raise StoreError(f"no study {name!r} under {root}: {error}") from None
    if values is None and paths.record.exists():
        raise StoreError(f"{paths.record} is torn: restore it, or start the plan under a new name")
    if values is None:
        raise StoreError(
            f"no study {name!r} under {root}: expected {nearest(name, study_names(root))}"
        )
    try:
        return StudyRecord.model_validate(values)
    except ValidationError as error:
        raise StoreError(f"{paths.record} cannot be read: {str(error).splitlines()[0]}") from None


def differences(old: StudyRecord, new: StudyRecord) -> tuple[list[str], list[str]]:
    """How two records of one study differ: (growth, refusals), one line each.

    Growth is more choices on an axis that may grow, more targets, and the revisions and cuts that
    come with them; a contrast, and more levels or sets of seeds of one. Everything else is a
    refusal.
    """
    before, after = _flat(old.identity()), _flat(new.identity())
    growth: list[str] = []
    refusals: list[str] = []
    for name in sorted(before.keys() | after.keys(), key=_weight):
        was, now = before.get(name), after.get(name)
        if was != now:
            kind = growth if _is_growth(name, was, now, old) else refusals
            kind.append(f"{name}: {_show(was)} -> {_show(now)}")
    return growth, refusals


def _weight(name: str) -> tuple[bool, str]:
    """What the plan says comes before what follows from it."""
    return name.startswith(("cuts|", "scored|", "revisions|", "rows|")), name


def _is_growth(name: str, was: Any, now: Any, old: StudyRecord) -> bool:
    table, *inside = name.split("|")
    if was is None:
        return _is_joining(table, inside, old)
    last = inside[-1] if inside else ""
    may_grow = Axis(last).may_grow if table == "space" else table == CONTRAST and last in GROWING
    if may_grow and isinstance(was, list) and isinstance(now, list):
        return set(was) <= set(now)
    return False


def _is_joining(table: str, inside: list[str], old: StudyRecord) -> bool:
    """Whether what an old study lacks only joins it.

    A row of the user's own does where the old space did not name it. Otherwise it would hide the
    built-in row of its name, or say more of one that is there: old trials would mean other rows.
    Ways to weigh join with the first part of several languages, or the first listed mixture of so
    many parts: the old space had nothing to weigh there.
    """
    if table in ("revisions", CONTRAST):
        return True
    if table == "rows":
        return inside[1] not in old.names[inside[0]]
    is_new_target = table in ("space", "cuts", "scored") and inside[0] not in old.cuts
    return is_new_target or (table == "space" and is_weights(inside[-1]))


def _show(value: Any) -> str:
    text = "(absent)" if value is None else str(value)
    return text if len(text) <= 90 else text[:87] + "..."


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mapping -> one level, names joined by ``|``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}|")
        else:
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat
