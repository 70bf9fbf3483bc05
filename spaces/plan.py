"""The plan: what a user asks of a search, as TOML. Its schema, its reader, its one error.

All mistakes of a plan stand in one message: where, what was read, what was expected, the nearest
valid name. Nothing is written before a plan is whole.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from spaces.hub import COMMIT
from spaces.languages import MICRO_HUB
from spaces.mistakes import Mistake, PlanError, mistakes_of
from spaces.plan_contrast import ContrastTable
from spaces.plan_initialisation import UserInitialisation
from spaces.plan_space import SpaceTable
from spaces.plan_table import Name, Positive, Rate, Table
from spaces.plan_tracking import TrackingTable
from spaces.tasks.row import Form, Origin, Reader

SELECTIONS = ("source_dev", "target_dev", "held_out_languages")
Selection = Literal["source_dev", "target_dev", "held_out_languages"]


def _all_or_some(value: Any) -> str:
    return "all" if isinstance(value, str) else "list"


Codes = Annotated[tuple[str, ...], Field(min_length=1)]

Languages = Annotated[
    Annotated[Literal["all"], Tag("all")] | Annotated[Codes, Tag("list")],
    Discriminator(_all_or_some),
]


class StudyTable(Table):
    """``[study]``: the question."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    objective: Literal["mean", "group_mean", "worst"] = "mean"
    selection: Selection = "source_dev"
    grouping: str = "indigenous"
    """Definition that language groups follow: built in, or a ``[[grouping]]`` of the plan."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    """``grid`` tries each distinct setting once, in the order of the plan's lists."""
    published: str = ""
    """Published scores that the report sets ours beside; see ``spaces/published.py``."""


class TargetsTable(Table):
    """``[targets]``: what is to be transferred to."""

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    languages: Languages = "all"
    reserve: tuple[str, ...] = ()
    """Languages that stay in the objective: what supervises them is infeasible for the target."""
    heldout_seed: Annotated[int, Field(ge=0)] = 0
    dev_rows: Positive | None = None
    """Most rows per language that a search scores; in parallel sets the same items in each."""
    test_rows: Positive | None = None
    """Most rows per language that a confirmation scores; all where it is left out."""


class DataTable(Table):
    """``[data]``: where rows come from."""

    source: Annotated[str, Field(min_length=1)]
    bad_rows: Literal["stop", "skip"] = "stop"
    """What becomes of a row that breaks a rule: ``skip`` leaves it out and counts it."""
    offline: bool = False
    """Whether a start may ask the hub for nothing: what ``fetch`` has not brought is a mistake."""
    commits: dict[str, str] = Field(default_factory=dict)
    """Repository of the hub -> its commit. A study freezes all of them; a plan may name some."""
    oracle_seconds_per_phase: Annotated[float, Field(ge=0, le=60)] = 0
    """How long an oracle phase pretends to train: for trying out clusters and interruptions."""

    @field_validator("commits")
    @classmethod
    def _whole(cls, value: dict[str, str]) -> dict[str, str]:
        if wrong := [commit for commit in value.values() if not COMMIT.fullmatch(commit)]:
            raise ValueError(f"whole commits of 40 hex digits, not {wrong[0]!r}")
        return value


class StoreTable(Table):
    """``[store]``: where the two durable things live."""

    url: str = ""
    storage: str = "journal"
    pins: tuple[str, ...] = ()
    """Initialisations, or keys of phases, whose weights are never evicted."""


class BudgetTable(Table):
    """``[budget]``: what the search may spend."""

    trials_per_target: Annotated[int, Field(ge=0)]
    """Of the search; a contrast's come on top. 0 where the contrast is all that a plan is for."""
    no_intermediate_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    offered_share: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Of the sampled trials with an intermediate phase: how many try one that another target paid
    for. A random sampler draws the same for all targets instead, unless this is 0."""
    wall_hours: Annotated[float, Field(gt=0)] | None = None
    store_gib: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Most that the phase store may take: beyond it weights are evicted; no limit without it."""
    pruner: Literal["none", "median"] = "none"
    reports_per_phase: Annotated[int, Field(ge=0, le=20)] = 0
    """Scores on the selecting rows during the target phase: what the pruner and reports see."""


class ResourcesTable(Table):
    """``[resources]``: what one trial gets. ``precision`` alone changes more than rounding."""

    concurrent_trials: Positive = 1
    workers_per_trial: Positive = 1
    """Ranks that train each phase of a trial together; all of them are reserved as a whole."""
    cpus_per_worker: Positive = 1
    gpus_per_worker: Annotated[float, Field(ge=0, le=1)] = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    zero_stage: Literal[0, 1, 2, 3] = 0
    tokens_per_micro_batch: Positive = 8192
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 10

    @property
    def gpus_per_trial(self) -> float:
        """What the workers of a trial hold together."""
        return self.workers_per_trial * self.gpus_per_worker

    @model_validator(mode="after")
    def _whole_devices(self) -> "ResourcesTable":
        if self.workers_per_trial > 1 and 0 < self.gpus_per_worker < 1:
            raise ValueError("gpus_per_worker must be 0 or 1 where workers_per_trial is above 1")
        return self


class UserTask(Table):
    """``[[task]]``: a row of the user's own; with ``like`` it takes the rest from another row."""

    name: Name
    like: str = ""
    form: Form | None = None
    skill: str | None = None
    labels: tuple[str, ...] | None = None
    metric: str | None = None
    train_languages: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    recipe: tuple[str, ...] | None = None
    dev_language: str | None = None
    dev_languages: tuple[str, ...] | None = None
    source_dev: tuple[str, ...] | None = None
    proxy: str | None = None
    parallel: bool | None = None
    protocol: str | None = None
    chance: float | None = None
    max_tokens: Positive | None = None
    query_tokens: Positive | None = None
    stride: Annotated[int, Field(ge=0)] | None = None
    unanswerable: bool | None = None
    pool: str | None = None
    search_pool: Positive | None = None
    hub: str | None = None
    branch: str | None = None
    folder: str | None = None
    config: str | None = None
    hub_config: str | None = None
    columns: dict[str, str | tuple[str, ...]] | None = None
    spelled: dict[str, str] | None = None
    label_names: tuple[str, ...] | None = None
    folded: dict[str, str] | None = None
    only: str | None = None
    without: str | None = None
    held: str | None = None
    reader: Reader | None = None
    splits: dict[str, str] | None = None
    licence: str | None = None
    commercial: bool | None = None
    origin: Origin | None = None
    collection: str | None = None
    documents: tuple[str, ...] | None = None
    permuted: bool | None = None
    single: bool | None = None
    learning_rate: Rate | None = None
    steps: Positive | None = None


class UserGroup(Table):
    """``[[language_group]]``: a group of languages for ``[space.mixture] languages``."""

    name: Name
    languages: Codes


class UserGrouping(Table):
    """``[[grouping]]``: a definition of language groups for ``[study] grouping``."""

    name: Name
    source: Annotated[str, Field(min_length=1)]
    """Who says so: reports show it."""
    groups: Annotated[dict[Name, Codes], Field(min_length=1)]
    """Group -> codes of its languages."""


World = Literal["real", "micro", "oracle"]


def _world(source: Any) -> World:
    if source == "microworld":
        return "micro"
    return "oracle" if source == "oracle" else "real"


class Plan(Table):
    """A whole plan, checked for form. ``Catalogue.for_plan`` checks its names."""

    study: StudyTable
    targets: TargetsTable
    data: DataTable
    space: SpaceTable
    budget: BudgetTable
    store: StoreTable = StoreTable()
    resources: ResourcesTable = ResourcesTable()
    tracking: TrackingTable = TrackingTable()
    contrast: ContrastTable | None = None
    task: tuple[UserTask, ...] = ()
    initialisation: tuple[UserInitialisation, ...] = ()
    language_group: tuple[UserGroup, ...] = ()
    grouping: tuple[UserGrouping, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _sources_of_the_world(cls, values: Any) -> Any:
        """English rows, or those of the invented worlds' hub, where no other source is asked."""
        space, data = (
            values.get(n) if isinstance(values, dict) else None for n in ("space", "data")
        )
        if not isinstance(space, dict) or not isinstance(data, dict):
            return values
        source = "en" if _world(data.get("source")) == "real" else MICRO_HUB
        return {**values, "space": {"source_languages": [[source]], **space}}

    @property
    def world(self) -> World:
        """Which world the rows come from. Results of different worlds never mix."""
        return _world(self.data.source)

    @property
    def sharing(self) -> Literal["offers", "numbers", "none"]:
        """How the targets of a search come to need the same intermediate phases.

        ``offers``: one tries what another paid for. ``numbers``: trials of one number draw alike,
        because what a random sampler draws must not hang on what has completed. A grid names the
        same settings for all as it is.
        """
        several = len(self.targets.tasks) > 1 and self.space.mixture is not None
        if not several or not self.budget.offered_share or self.study.sampler == "grid":
            return "none"
        return "offers" if self.study.sampler == "tpe" else "numbers"


def parse_plan(values: dict[str, Any], source: str = "plan") -> Plan:
    """Check a plan's form.

    Raises:
        PlanError: with every mistake found.
    """
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        raise PlanError(source, mistakes_of(Plan, error)) from None


def load_plan(path: Path | str) -> Plan:
    """Read and check a plan file.

    Raises:
        PlanError: the file is absent, is not TOML, or holds mistakes.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(str(path), [Mistake("file", str(error), "a readable plan")]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError(str(path), [Mistake("TOML", str(error), "a TOML document")]) from None
    return parse_plan(values, str(path))
