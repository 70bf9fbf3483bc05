"""What executes phases: the real engine, or the oracle's surface, alike from outside."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from spaces.phases import EvaluationSpec
from spaces.selection import Cut
from trainables.store import Artifact, Attempt


class NotANumber(ArithmeticError):
    """A loss or score left the numbers: the setting is bad, the machine is not."""


class LostRank(RuntimeError):
    """A process that trains with this one died, or the way to it: the setting is not to blame."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A phase is alive and stands here; with a report, it also has a score to tell."""

    step: int
    steps: int
    report: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One phase to execute, and what surrounds it."""

    attempt: Attempt
    """Says what to do (its specification) and where to write."""
    chain: tuple[Artifact, ...]
    """Artifacts of the phases before it, the initialisation first."""
    evaluation: EvaluationSpec
    """How the trial will be scored: its selecting rows are what reports are computed on."""
    cut: Cut

    @property
    def start(self) -> Artifact:
        """The initialisation of the trial: the last one, where it went on from another."""
        return [a for a in self.chain if a.provenance["kind"] == "initialisation"][-1]


@dataclass(slots=True)
class Outcome:
    """What an execution says of itself, filled in place: a closed iterator returns nothing."""

    steps: int = 0
    tokens: int = 0
    details: dict[str, Any] = field(default_factory=dict)


class Ranks(Protocol):
    """The processes that train a phase together, as one of them sees them."""

    @property
    def rank(self) -> int:
        """Which of them this one is. Rank 0 writes, tells and decides."""

    @property
    def world_size(self) -> int:
        """How many they are."""

    def together(self, job: Job, ticks: Iterator[Tick]) -> Iterator[Tick]:
        """Have the others train a job while this process does, in the same steps.

        Args:
            job: what is trained.
            ticks: its training in this process, not begun yet.

        Raises:
            LostRank: another rank is gone.
        """


@dataclass(frozen=True, slots=True)
class Rank:
    """A process that calls nobody: alone by default, or called by rank 0 itself."""

    rank: int = 0
    world_size: int = 1

    def together(self, job: Job, ticks: Iterator[Tick]) -> Iterator[Tick]:
        """The training in this process is all there is to start."""
        return ticks


ALONE = Rank()


class World(Protocol):
    """Executes phases into attempts."""

    def execute(self, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """Train or score, writing into the attempt's folder.

        Closing the iterator between two ticks leaves a checkpoint.
        """

    def scores(self, evaluation: Artifact, spec: EvaluationSpec, cut: Cut) -> list[dict[str, Any]]:
        """Score rows of an evaluation: language, split, items, metric, value in points, rows."""
