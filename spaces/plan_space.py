"""``[space]`` of a plan: what the search may choose from."""

import itertools
import re
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from spaces.mixing import UNITS
from spaces.plan_table import Positive, Rate, Table
from spaces.settings import Pooling


class Range(Table):
    """A learning rate drawn log-uniformly between two bounds."""

    low: Rate
    high: Rate

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low={self.low} must be below high={self.high}")
        return self


def _form(value: Any) -> str:
    """Which of two forms a value was meant to have; a mistake is told for that one alone."""
    return "range" if isinstance(value, (dict, Range)) else "list"


Rates = Annotated[
    Annotated[Range, Tag("range")] | Annotated[tuple[Rate, ...], Field(min_length=1), Tag("list")],
    Discriminator(_form),
]
Steps = Annotated[tuple[Positive, ...], Field(min_length=1)]


class PhaseRanges(Table):
    """``[space.intermediate]``, ``[space.target]``: hyperparameters of a phase.

    What is left out takes the catalogue's reference value.
    """

    learning_rates: Rates | None = None
    steps: Steps | None = None
    rows_per_step: Positive | None = None


class TargetRanges(PhaseRanges):
    """``[space.target]`` and ``[space.target.<task>]``."""

    steps: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    """0 scores the target untrained."""
    lead_steps: Steps | None = None
    """For targets with several phases: steps of those before the last."""
    layers: Annotated[tuple[int, ...], Field(min_length=1)] | None = None
    """For targets without training: layers to read vectors at, as indices of ``hidden_states``."""
    poolings: Annotated[tuple[Pooling, ...], Field(min_length=1)] | None = None
    """For targets without training: how to pool a layer's states."""


Entry = str | Annotated[tuple[str, ...], Field(min_length=1)]
"""A language, a group of languages, or several of these."""

Limits = Annotated[tuple[Positive, ...], Field(min_length=1)]
Temperatures = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1 - 1 / UNITS)]


def entry_name(entry: Entry) -> str:
    """``non_european``, ``de+es+fr``: as axes and reports call it."""
    return entry if isinstance(entry, str) else "+".join(entry)


_PART = r"[\w.-]+:[\w.+-]+"
CHAIN = re.compile(rf"{_PART}(?: [+>] {_PART}){{0,11}}")


def split_chain(chain: str) -> list[list[str]]:
    """Parts of each mixture: ``a:x + b:y > c:z`` is [[a:x, b:y], [c:z]]."""
    return [mixture.split(" + ") for mixture in chain.split(" > ")]


class MixtureTable(Table):
    """``[space.mixture]``: what may stand between the initialisation and the target.

    A candidate is a task in an entry of languages; a chain has up to ``max_parts`` of them.
    """

    tasks: tuple[str, ...] = ()
    languages: tuple[Entry, ...] = ()
    chains: tuple[str, ...] = ()
    """The chains themselves, in the place of all that tasks and languages could make:
    ``klue_nli:ko``, ``pawsx:de+es+fr``, ``klue_nli:ko + jnli:ja``, ``klue_nli:ko > jnli:ja``."""
    max_parts: Annotated[int, Field(ge=1, le=4)] = 1
    order: Annotated[tuple[Literal["joint", "sequence"], ...], Field(min_length=1)] = ("joint",)
    """Whether several parts are one mixture, or follow one another, or both are tried."""
    temperatures: Temperatures | None = None
    """Parts weigh as min(rows, cap)^(1/T): 1 is proportional to size. Where neither this nor
    ``weight_step`` is given, candidates weigh alike."""
    caps: Limits | None = None
    """Most rows that count in proportions by size."""
    weight_step: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """Grid of the shares of candidates: 0.25 tries 1:3, 1:1 and 3:1."""
    rows_caps: Limits | None = None
    """Most rows of each part (a task in one language)."""
    rows_totals: Limits | None = None
    """Most rows of a whole mixture, shared by weight: matches sets of unlike size."""
    mlm_shares: Annotated[tuple[Share, ...], Field(min_length=1)] | None = None
    """Shares of the rows that are text with masked words, in every mixture of a chain."""
    mlm_task: str = ""
    """Task of form ``masked`` whose text that is."""
    mlm_languages: Entry | None = None

    @model_validator(mode="after")
    def _whole(self) -> "MixtureTable":
        if bool(self.chains) == bool(self.tasks or self.languages):
            raise ValueError("give either chains, or tasks and languages")
        if bool(self.tasks) != bool(self.languages):
            raise ValueError("tasks and languages go together: a candidate is one in the other")
        if wrong := [c for c in self.chains if not CHAIN.fullmatch(c)]:
            raise ValueError(f"{wrong[0]!r} is no chain: write task:languages + ... > ...")
        if self.caps and not self.temperatures:
            raise ValueError("caps limit what counts in proportions by size: give temperatures")
        if self.weight_step and abs(1 / self.weight_step - round(1 / self.weight_step)) > 1e-6:
            raise ValueError(f"weight_step={self.weight_step} must be one of 1/2, 1/3, 1/4 ...")
        if self.weight_step and round(1 / self.weight_step) < self._most_together:
            most = f"mixtures of {self._most_together} candidates"
            raise ValueError(f"weight_step={self.weight_step} is too coarse for {most}")
        if wrong_shares := [share for share in self.mlm_shares or () if 0 < share < 1 / UNITS]:
            raise ValueError(f"mlm_shares: {wrong_shares[0]} is neither 0 nor at least {1 / UNITS}")
        if self.mlm_shares and not (self.mlm_task and self.mlm_languages):
            raise ValueError("mlm_shares needs mlm_task and mlm_languages")
        return self

    @property
    def _most_together(self) -> int:
        """Candidates of the largest mixture."""
        listed = [len(mixture) for chain in self.chains for mixture in split_chain(chain)]
        return max(listed, default=self.max_parts if "joint" in self.order else 1)

    @property
    def candidates(self) -> list[tuple[str, Entry]]:
        """Each task with each entry of languages, or the parts of the chains, in order."""
        named = [
            part for chain in self.chains for mixture in split_chain(chain) for part in mixture
        ]
        parts = [part.partition(":")[::2] for part in dict.fromkeys(named)]
        given = [(task, tuple(e.split("+")) if "+" in e else e) for task, e in parts]
        return [*itertools.product(self.tasks, self.languages), *given]

    @property
    def named(self) -> tuple[list[str], list[Entry]]:
        """Every task, and every entry of languages, that a candidate names."""
        pairs = self.candidates
        return [*dict.fromkeys(t for t, _ in pairs)], [*dict.fromkeys(e for _, e in pairs)]

    @property
    def mlm_text(self) -> tuple[list[str], Entry]:
        """Task and languages of the text with masked words; nothing where none is asked."""
        asked = self.mlm_shares and self.mlm_languages
        return ([self.mlm_task], asked) if asked else ([], ())


class SpaceTable(Table):
    """``[space]``: what the search may choose from."""

    initialisations: Annotated[tuple[str, ...], Field(min_length=1)]
    source_languages: Annotated[
        tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)
    ] = (("en",),)
    """Sets of languages of the target phase's rows."""
    commercial_only: bool = False
    """Whether everything that is trained on or started from must allow commercial use."""
    mixture: MixtureTable | None = None
    intermediate: PhaseRanges = PhaseRanges()
    target: TargetRanges = TargetRanges()
    target_by_task: dict[str, TargetRanges] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _split_target(cls, values: Any) -> Any:
        """``[space.target.<task>]`` stands inside ``[space.target]`` in TOML."""
        target = values.get("target") if isinstance(values, dict) else None
        if not isinstance(target, dict):
            return values
        own = {k: v for k, v in target.items() if k in TargetRanges.model_fields}
        rest = {k: v for k, v in target.items() if k not in own}
        by_task = {k: v for k, v in rest.items() if isinstance(v, dict)}
        own |= {k: v for k, v in rest.items() if k not in by_task}  # unknown keys, refused below
        stored = values.get("target_by_task", {})  # of a plan read back from a study's record
        merged = by_task | stored if isinstance(stored, dict) else stored  # the rest is refused
        return {**values, "target": own, "target_by_task": merged}

    def ranges_of(self, target: str) -> TargetRanges:
        """Ranges of one target: its own table goes before the general one, value by value."""
        own = self.target_by_task.get(target, TargetRanges())
        given = self.target.model_dump(exclude_none=True) | own.model_dump(exclude_none=True)
        return TargetRanges.model_validate(given)

    @field_validator("initialisations", "source_languages")
    @classmethod
    def _distinct(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(value)) < len(value):
            raise ValueError("each entry must stand once")
        return value
