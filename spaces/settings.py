"""Transfer settings: frozen values that say all of a trial but its target and seeds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

from spaces.keys import short_hash


def require(condition: bool, message: str) -> None:
    """Raise ``ValueError(message)`` unless ``condition`` holds."""
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimisation:
    """How one phase is trained. AdamW, linear warm-up, linear decay to zero."""

    learning_rate: float
    """Peak learning rate."""
    steps: int
    """Optimiser steps; a phase always runs all of them and hands on its last weights. 0 hands on
    what it was given, with fresh heads: untrained."""
    rows_per_step: int = 32
    """Rows in one optimiser step, over all ranks and micro-batches."""
    warmup_share: float = 0.1
    """Share of the steps that warm up, in [0, 1)."""
    weight_decay: float = 0.01
    beta2: float = 0.999
    """AdamW's second-moment decay; the first is 0.9."""
    clip_norm: float = 1.0
    """Largest norm of the whole step's gradient."""

    def __post_init__(self) -> None:
        """Check ranges, so that an impossible phase never reaches a machine."""
        require(self.learning_rate > 0, f"{self.learning_rate=} must be above 0")
        require(self.steps >= 0, f"{self.steps=} must be at least 0")
        require(self.rows_per_step >= 1, f"{self.rows_per_step=} must be at least 1")
        require(0 <= self.warmup_share < 1, f"{self.warmup_share=} must lie in [0, 1)")
        for name in ("learning_rate", "warmup_share", "weight_decay", "beta2", "clip_norm"):
            object.__setattr__(self, name, float(getattr(self, name)))  # 1 and 1.0 are one value


Pooling = Literal["mean", "first"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Readout:
    """Where an untrained encoder's sentence vector is read."""

    layer: int = -1
    """Index into ``hidden_states``: 0 is the embeddings, k the output of the k-th layer, -1 the
    last one's. XTREME's scripts leave the embeddings out and count from 0: their 7 of 12 and 13 of
    24 are 8 and 14 here; jiant counts as we do."""
    pooling: Pooling = "mean"
    """Mean over all tokens, special ones included, as XTREME pools; or the first token."""

    def __str__(self) -> str:
        """``layer -1, mean``, as reports show it."""
        return f"layer {self.layer}, {self.pooling}"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Part:
    """One ingredient of a mixture: the training rows of a task in a language."""

    task: str
    language: str
    weight: int = 1
    """Share of the rows, in integer units; a mixture reduces them to lowest terms."""

    def __post_init__(self) -> None:
        """A part of weight zero is no part."""
        require(self.weight >= 1, f"{self.weight=} of {self.task}:{self.language} must be >= 1")


SizeOf = Callable[[tuple[str, str]], int | None]
"""Training rows of a task in a language; None where nobody has counted them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mixture:
    """What one intermediate phase trains on, in canonical form: sorted parts, reduced weights."""

    parts: tuple[Part, ...]
    optimisation: Optimisation
    rows_cap: int | None = None
    """At most this many rows of each part; None takes all."""
    rows_total: int | None = None
    """At most this many rows of all parts together, shared by their weights: mixtures of unlike
    numbers of languages are so matched in size. Where parts weigh alike it becomes a cap."""

    def __post_init__(self) -> None:
        """Bring equal mixtures to one form, so that they share one key."""
        require(bool(self.parts), "a mixture needs at least one part")
        names = [(part.task, part.language) for part in self.parts]
        require(len(set(names)) == len(names), f"a part stands twice in {names}")
        unit = reduce(math.gcd, (part.weight for part in self.parts))
        parts = sorted(
            Part(task=part.task, language=part.language, weight=part.weight // unit)
            for part in self.parts
        )
        object.__setattr__(self, "parts", tuple(parts))
        if self.rows_total is not None and all(part.weight == 1 for part in parts):
            caps = [cap for cap in (self.rows_cap, self.rows_total // len(parts) or 1) if cap]
            object.__setattr__(self, "rows_cap", min(caps))
            object.__setattr__(self, "rows_total", None)

    def cap_of(self, part: Part) -> int | None:
        """At most how many rows of a part are read; None for all."""
        caps = [self.rows_cap] if self.rows_cap else []
        if self.rows_total:
            weight = sum(one.weight for one in self.parts)
            caps.append(max(1, self.rows_total * part.weight // weight))
        return min(caps, default=None)

    def without_idle_limits(self, size_of: SizeOf) -> "Mixture":
        """The same with the fewest and least limits that read the same rows.

        Limits that no part reaches, or that another one makes idle, would only name it otherwise.
        """
        sizes = [size_of((part.task, part.language)) for part in self.parts]
        read, weight = self._read(sizes), sum(part.weight for part in self.parts)
        bound = [(p, n) for p, n, size in zip(self.parts, read, sizes, strict=True) if n != size]
        cap = max((n for _, n in bound if n), default=None)
        # The least total whose shares reach what every part reads; a share is one row at least.
        known = [(part, n) for part, n in zip(self.parts, read, strict=True) if n]
        needed = (-(-n * weight // part.weight) if n > 1 else 1 for part, n in known)
        total = max(needed, default=None)
        for limits in ((None, None), (cap, None), (None, total), (self.rows_cap, total)):
            made = replace(self, rows_cap=limits[0], rows_total=limits[1])
            if made._read(sizes) == read:
                return made
        return self

    def _read(self, sizes: Sequence[int | None]) -> list[int | None]:
        """Rows that are read of each part; None for all of unknown many."""
        found = [
            [limit for limit in (self.cap_of(part), size) if limit is not None]
            for part, size in zip(self.parts, sizes, strict=True)
        ]
        return [min(limits, default=None) for limits in found]

    def __str__(self) -> str:
        """Name tasks and languages, as reports show them: ``nli:esho+fanu``."""
        by_task: dict[str, list[str]] = {}
        for part in self.parts:
            weight = f"x{part.weight}" if part.weight > 1 else ""
            by_task.setdefault(part.task, []).append(part.language + weight)
        return " & ".join(f"{task}:{'+'.join(codes)}" for task, codes in by_task.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferSetting:
    """One point of the search space: everything that decides a trial except target and seeds."""

    initialisation: str
    source_languages: tuple[str, ...] = ()
    """Languages of the target phase's training rows; empty for a target without training."""
    target: Optimisation | None = None
    """Hyperparameters of the target phase; None for a target without training."""
    intermediate: tuple[Mixture, ...] = ()
    """Mixtures trained one after the other before the target phase; empty for none."""
    readout: Readout | None = None
    """Where vectors are read for a target that no retrieval task trains; None for all others."""
    lead_steps: int | None = None
    """Steps of the target's phases before its last one; None: as many as of the last."""

    def __post_init__(self) -> None:
        """Source languages are a set: their order must not make another setting."""
        trained = self.target is not None
        require(bool(self.source_languages) == trained, "a target phase needs a source language")
        object.__setattr__(self, "source_languages", tuple(sorted(set(self.source_languages))))

    @property
    def setting_id(self) -> str:
        """Hash of the setting: the join key over targets and seeds."""
        return short_hash(self)

    @property
    def arm(self) -> str:
        """``intermediate`` or ``none``: which arm's share of the trials this setting uses."""
        return "intermediate" if self.intermediate else "none"

    @property
    def without_intermediate(self) -> "TransferSetting":
        """The setting that is equal in all else: what this one is paired with."""
        return replace(self, intermediate=())

    @property
    def intermediate_name(self) -> str:
        """The chain of mixtures as reports show it; ``none`` where there is none."""
        return " > ".join(str(mixture) for mixture in self.intermediate) or "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeds:
    """The four seeds of a trial. A phase's key holds its own and its parents' alone."""

    initialisation: int
    rows: int
    intermediate: int
    target: int

    @classmethod
    def all_equal(cls, seed: int) -> "Seeds":
        """The seeds of every trial of a search: settings differ, chance does not."""
        return cls(initialisation=seed, rows=seed, intermediate=seed, target=seed)
