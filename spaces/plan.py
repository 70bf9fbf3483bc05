"""The plan: what a user asks of a search, as TOML. Its schema, its reader, its one error.

All mistakes of a plan stand in one message: where, what was read, what was expected, the nearest
valid name. Nothing is written before a plan is whole.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

SELECTIONS = ("source_dev", "target_dev", "held_out_languages")
Selection = Literal["source_dev", "target_dev", "held_out_languages"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a plan or a call."""

    where: str
    read: str
    expected: str

    def __str__(self) -> str:
        """Three short lines: where, the value, the rule and the next move."""
        return f"  {self.where}\n    read:     {self.read}\n    expected: {self.expected}"


class PlanError(ValueError):
    """Everything that is wrong with a plan; ``str()`` fits one screen."""

    def __init__(self, source: str, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{len(mistakes)} mistake" + ("s" if len(mistakes) != 1 else "")
        shown = "\n".join(str(mistake) for mistake in mistakes[:12])
        more = f"\n  ... and {len(mistakes) - 12} more" if len(mistakes) > 12 else ""
        super().__init__(f"{source}: {count}; nothing was written\n{shown}{more}")


def nearest(name: str, valid: Iterable[str]) -> str:
    """``one of a, b, c; did you mean b?`` for a name that is not among the valid ones."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return f"one of {', '.join(names) or '(none)'}{hint}"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StudyTable(_Table):
    """``[study]``: the question."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    objective: Literal["mean", "group_mean", "worst"] = "mean"
    selection: Selection = "source_dev"
    sampler: Literal["tpe", "random"] = "tpe"


class TargetsTable(_Table):
    """``[targets]``: what is to be transferred to."""

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    languages: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    heldout_seed: Annotated[int, Field(ge=0)] = 0
    dev_rows: Positive | None = None
    """Most dev rows per language that a search scores; in parallel sets the same items in each."""


class DataTable(_Table):
    """``[data]``: where rows come from."""

    source: Annotated[str, Field(min_length=1)]
    oracle_seconds_per_phase: Annotated[float, Field(ge=0, le=60)] = 0
    """How long an oracle phase pretends to train: for trying out clusters and interruptions."""


class StoreTable(_Table):
    """``[store]``: where the two durable things live."""

    url: str = ""
    storage: str = "journal"


class BudgetTable(_Table):
    """``[budget]``: what the search may spend."""

    trials_per_target: Positive
    no_intermediate_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    wall_hours: Annotated[float, Field(gt=0)] | None = None
    pruner: Literal["none", "median"] = "none"
    reports_per_phase: Annotated[int, Field(ge=0, le=20)] = 0
    """Scores on the selecting rows during the target phase: what the pruner and reports see."""


class ResourcesTable(_Table):
    """``[resources]``: what one trial gets. Nothing here changes a score, except ``precision``."""

    concurrent_trials: Positive = 1
    cpus_per_worker: Positive = 1
    gpus_per_worker: Annotated[float, Field(ge=0, le=1)] = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    zero_stage: Literal[0, 1, 2, 3] = 0
    tokens_per_micro_batch: Positive = 8192
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 10


class Range(_Table):
    """A learning rate drawn log-uniformly between two bounds."""

    low: Rate
    high: Rate

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low={self.low} must be below high={self.high}")
        return self


Rates = Range | Annotated[tuple[Rate, ...], Field(min_length=1)]
Steps = Annotated[tuple[Positive, ...], Field(min_length=1)]


class PhaseRanges(_Table):
    """``[space.intermediate]``, ``[space.target]``: hyperparameters of a phase.

    What is left out takes the catalogue's reference value.
    """

    learning_rates: Rates | None = None
    steps: Steps | None = None
    rows_per_step: Positive | None = None


class MixtureTable(_Table):
    """``[space.mixture]``: what may stand between the initialisation and the target."""

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    languages: Annotated[tuple[str, ...], Field(min_length=1)]
    max_parts: Annotated[int, Field(ge=1, le=4)] = 1
    rows_caps: Steps | None = None


class SpaceTable(_Table):
    """``[space]``: what the search may choose from."""

    initialisations: Annotated[tuple[str, ...], Field(min_length=1)]
    source_languages: Annotated[
        tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)
    ]
    mixture: MixtureTable | None = None
    intermediate: PhaseRanges = PhaseRanges()
    target: PhaseRanges = PhaseRanges()
    target_by_task: dict[str, PhaseRanges] = {}

    @model_validator(mode="before")
    @classmethod
    def _split_target(cls, values: Any) -> Any:
        """``[space.target.<task>]`` stands inside ``[space.target]`` in TOML."""
        target = values.get("target") if isinstance(values, dict) else None
        if not isinstance(target, dict):
            return values
        own = {k: v for k, v in target.items() if k in PhaseRanges.model_fields}
        rest = {k: v for k, v in target.items() if k not in own}
        by_task = {k: v for k, v in rest.items() if isinstance(v, dict)}
        own |= {k: v for k, v in rest.items() if k not in by_task}  # unknown keys, refused below
        return {**values, "target": own, "target_by_task": by_task}

    @field_validator("initialisations", "source_languages")
    @classmethod
    def _distinct(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(value)) < len(value):
            raise ValueError("each entry must stand once")
        return value


class UserTask(_Table):
    """``[[task]]``: a row of the user's own; with ``like`` it takes the rest from another row."""

    name: Name
    like: str = ""
    form: Literal["classification"] | None = None
    skill: str | None = None
    labels: tuple[str, ...] | None = None
    train_languages: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    recipe: tuple[str, ...] | None = None
    dev_language: str | None = None
    parallel: bool | None = None
    chance: float | None = None
    max_tokens: Positive | None = None
    folder: str | None = None
    config: str | None = None
    columns: dict[str, str] | None = None
    splits: dict[str, str] | None = None
    licence: str | None = None
    learning_rate: Rate | None = None
    steps: Positive | None = None


class UserInitialisation(_Table):
    """``[[initialisation]]``: a checkpoint folder of the user's own."""

    name: Name
    path: Annotated[str, Field(min_length=1)]
    modality: Literal["text", "multimodal"] = "text"
    twin: str = ""
    licence: str = ""


class UserGroup(_Table):
    """``[[language_group]]``: a group of languages for ``[space.mixture] languages``."""

    name: Name
    languages: Annotated[tuple[str, ...], Field(min_length=1)]


class Plan(_Table):
    """A whole plan, checked for form. ``Catalogue.for_plan`` checks its names."""

    study: StudyTable
    targets: TargetsTable
    data: DataTable
    space: SpaceTable
    budget: BudgetTable
    store: StoreTable = StoreTable()
    resources: ResourcesTable = ResourcesTable()
    task: tuple[UserTask, ...] = ()
    initialisation: tuple[UserInitialisation, ...] = ()
    language_group: tuple[UserGroup, ...] = ()

    @property
    def world(self) -> Literal["real", "micro", "oracle"]:
        """Which world the rows come from. Results of different worlds never mix."""
        if self.data.source == "microworld":
            return "micro"
        return "oracle" if self.data.source == "oracle" else "real"


def _dotted(location: tuple[str | int, ...]) -> str:
    """Location of a mistake as TOML writes it: ``[space.mixture] tasks``."""
    path = [str(part) for part in location if not str(part).startswith(("function-", "tuple["))]
    path = [part for part in path if part not in ("Range", "constrained-str")]
    if len(path) <= 1:
        return f"[{path[0]}]" if path else "plan"
    return f"[{'.'.join(path[:-1])}] {path[-1]}"


def _siblings(location: tuple[str | int, ...]) -> list[str]:
    """Names that are valid where an unknown key was found."""
    model: type[BaseModel] = Plan
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        inner = [t for t in _models_in(field.annotation)] if field else []
        if inner:
            model = inner[0]
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Table models that a field's annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _mistake(error: Any) -> Mistake:
    where, last = _dotted(error["loc"]), str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return Mistake(where, f"unknown key {last!r}", nearest(last, _siblings(error["loc"])))
    if error["type"] == "missing":
        return Mistake(where, "nothing: it is missing", f"a value for {last!r}")
    return Mistake(where, _shown(error["input"]), _rule(error["msg"]))


WORDS = (
    (r"^(Value error, |Input should be )", ""),
    (r"^(Tuple|List|Value) should have (at least \d+).*", r"\2 entry"),
    (r"^String should match.*", "letters, digits, '.', '_' and '-', at most 64 of them"),
    (r"^a valid tuple", "a list"),
    (r"^a valid integer.*", "a whole number"),
    (r"^a valid number.*", "a number"),
    (r"^a valid string", "a text in quotes"),
    (r"^a valid dictionary.*", "a table"),
)
"""Pydantic's words for a rule -> a plan's."""


def _rule(message: str) -> str:
    """A rule in the words of TOML, not of Python."""
    for pattern, words in WORDS:
        message = re.sub(pattern, words, message)
    return message


def parse_plan(values: dict[str, Any], source: str = "plan") -> Plan:
    """Check a plan's form.

    Raises:
        PlanError: with every mistake found.
    """
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        raise PlanError(source, [_mistake(item) for item in error.errors()]) from None


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
