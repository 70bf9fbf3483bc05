"""Seeds of replicates: fresh for each set, and none of them a search's."""

from spaces.keys import derived_seed
from spaces.settings import Seeds

SEARCHED_SEEDS = 2**31
"""Seeds of plans lie below; those of replicates lie above, so that none is a search's."""


def fresh_seeds(purpose: str, seed: int, replicate: int, start: int | None = None) -> Seeds:
    """The seeds of one replicate: everything that is compared runs with the same ones.

    Each phase that is trained has its own, because replicates that share a phase are not
    independent; rows stay those of the study.

    Args:
        purpose: ``confirm`` or ``contrast``: neither has the other's.
        seed: the study's.
        replicate: from 1 on.
        start: number of the initialisation seed, where replicates may share one; else their own.
    """

    def fresh(phase: str, number: int) -> int:
        drawn = derived_seed(purpose, seed, number, phase)
        return SEARCHED_SEEDS + drawn % SEARCHED_SEEDS

    return Seeds(
        initialisation=fresh("initialisation", replicate if start is None else start),
        rows=seed,
        intermediate=fresh("intermediate", replicate),
        target=fresh("target", replicate),
    )
