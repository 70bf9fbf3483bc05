"""What every compared pair is told with: options, columns, adjusted p-values."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from analysis.inference import (
    Estimate,
    benjamini_hochberg,
    holm,
    sets_needed,
    verdict,
    with_rows,
)
from spaces.mistakes import nearest

Row = dict[str, Any]

Covered = Literal["seeds", "languages", "rows"]
COVERED = ("seeds", "languages", "rows")

Pretrainings = Literal["sampled", "fixed"]

OVERALL = "overall"

UNIT, SHARED_UNIT = "set", "initialisation_seed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """How differences are to be told."""

    level: float = 0.95
    """What intervals cover."""
    margin: float = 1.0
    """The largest difference that counts as none, in points."""
    covers: tuple[str, ...] = ("seeds",)
    """What an interval holds over: always seeds; ``languages`` as a sample of more of them, else
    the claim is about these; ``rows`` as a sample of more of them."""
    pretrainings: Pretrainings = "sampled"
    """Whether sets that share a pretraining count as one, or the pretrained weights are as given as
    a checkpoint's, and the claim is about these weights."""

    def __post_init__(self) -> None:
        wrong = [one for one in self.covers if one not in COVERED]
        if wrong or "seeds" not in self.covers:
            rule = nearest(wrong[0], COVERED) if wrong else "'seeds' among them"
            raise ValueError(f"covers={self.covers!r}: expected {rule}")
        if self.pretrainings not in ("sampled", "fixed"):
            raise ValueError(f"pretrainings={self.pretrainings!r}: expected 'sampled' or 'fixed'")
        if not 0 < self.level < 1:
            raise ValueError(f"level={self.level!r}: expected a share, such as 0.95")
        if not self.margin > 0:
            raise ValueError(f"margin={self.margin!r}: expected points above 0")

    @property
    def covered(self) -> str:
        """``seeds+rows``."""
        return "+".join(one for one in COVERED if one in self.covers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """An estimate and what must be said beside it."""

    estimate: Estimate
    method: str = "paired"
    unit: str = UNIT
    left_out: int = 0
    rows_error: float = math.nan
    claim: str = ""

    def columns(self, asked: Asked) -> Row:
        """Those of ``ESTIMATE_COLUMNS``; p-values are adjusted when all rows are there."""
        found = self.estimate
        if "rows" in asked.covers:
            found = with_rows(found, self.rows_error)
        return {
            "estimate": known(found.value),
            "standard_error": known(found.standard_error),
            "df": known(found.df) if found.df > 0 else None,
            "low": known(found.low),
            "high": known(found.high),
            "level": asked.level,
            "p": known(found.p),
            "p_holm": None,
            "p_bh": None,
            "sd": known(found.sd),
            "n_sets": found.n,
            "unit": self.unit,
            "sets_left_out": self.left_out,
            "rows_standard_error": known(self.rows_error),
            "covers": asked.covered,
            "method": self.method,
            "margin": asked.margin,
            "verdict": verdict(found, asked.margin),
            "sets_needed": self._needed(asked),
            "claim": self.claim or None,
        }

    def _needed(self, asked: Asked) -> int | None:
        """Units of a new study; None where more of them would not make the interval narrow."""
        if asked.covers != ("seeds",):
            return None
        return sets_needed(self.estimate.sd, asked.margin, asked.level)


def known(value: float) -> float | None:
    """None for what is not known, as frames say it."""
    return None if math.isnan(value) else value


def adjusted(rows: Sequence[Row], family: Callable[[Row], Hashable]) -> list[Row]:
    """Rows with p-values adjusted within each family.

    Args:
        rows: have a ``p`` each.
        family: names what is looked at together.
    """
    found: dict[Hashable, list[Row]] = {}
    for row in rows:
        found.setdefault(family(row), []).append(row)
    for mine in found.values():
        values = [math.nan if row["p"] is None else row["p"] for row in mine]
        for row, strict, loose in zip(mine, holm(values), benjamini_hochberg(values), strict=True):
            row |= {"p_holm": known(float(strict)), "p_bh": known(float(loose))}
    return list(rows)
