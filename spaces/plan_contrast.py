"""``[contrast]`` of a plan: cells that are compared because they were planned, not chosen."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator

from spaces.plan_table import Positive, Table

Names = Annotated[tuple[str, ...], Field(min_length=1)]

Set = Annotated[int, Field(ge=1, le=1000)]


def _number_or_some(value: Any) -> str:
    return "list" if isinstance(value, (list, tuple)) else "number"


Sets = Annotated[
    Annotated[Set, Tag("number")] | Annotated[tuple[Set, ...], Field(min_length=1), Tag("list")],
    Discriminator(_number_or_some),
]


class ContrastTable(Table):
    """``[contrast]``: each initialisation with each intermediate, under the same sets of seeds.

    A search tries most what scores best, with one set of seeds, so its trials cannot say what an
    initialisation or an intermediate does. The cells of a contrast are balanced and paired, at
    reference hyperparameters, and run beside the search, which never sees them.
    """

    seeds: Sets
    """How many sets of fresh seeds, or the numbers of the sets: 3 is [1, 2, 3]. All cells of all
    targets run with the same sets. Others may be added later."""
    initialisations: Names | None = None
    """Those of the space where it is left out."""
    intermediates: Names | None = None
    """``none`` and candidates of the space (``nli:esho``, or a chain of those that the plan
    lists); ``none`` and all of them where it is left out."""
    initialisation_seeds: Positive | None = None
    """How many initialisation seeds the sets have, where weights are pretrained here: set n has
    seed n of so many, then the first again. One for each set where it is left out; 1 pretrains
    once, and then no spread says how much a pretraining varies."""
    languages: Names | None = None
    """What tables average over, as ``[study] objective`` says; those of each target's objective
    where it is left out."""

    @field_validator("seeds", "initialisations", "intermediates", "languages")
    @classmethod
    def _distinct(cls, value: Any) -> Any:
        if isinstance(value, tuple) and len(set(value)) < len(value):
            raise ValueError("each entry must stand once")
        return value

    @property
    def sets(self) -> tuple[int, ...]:
        """Numbers of the sets of seeds."""
        return tuple(range(1, self.seeds + 1)) if isinstance(self.seeds, int) else self.seeds

    def start(self, replicate: int) -> int:
        """Number of the initialisation seed of a set."""
        most = self.initialisation_seeds
        return (replicate - 1) % most + 1 if most else replicate
