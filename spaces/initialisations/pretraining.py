"""How this project pretrains an initialisation itself."""

from dataclasses import dataclass
from typing import Literal

from spaces.languages import MICRO_LANGUAGES
from spaces.settings import Optimisation

MICRO_CODES = tuple(row.code for row in MICRO_LANGUAGES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretraining:
    """How this project pretrains an initialisation itself (micro-world only)."""

    optimisation: Optimisation
    documents: int
    """Documents over all languages, in equal shares."""
    languages: tuple[str, ...] = MICRO_CODES
    """Languages of the documents."""
    images: Literal["none", "own", "shuffled"] = "none"
    """Whether documents are contrasted with pictures: of their own scenes, or, for a placebo, of
    others. Rows, masks and steps are the same in all three cases."""
    captioned: tuple[str, ...] = MICRO_CODES
    """Languages whose documents see a picture; the text is the same."""
    image_weight: float = 1.0
    """Weight of the contrastive loss beside that of masked words."""
    mask_share: float = 0.2
    """Share of tokens masked (of which 80 % become [MASK], 10 % random, 10 % stay)."""
    hidden: int = 64
    layers: int = 2
    heads: int = 4
    feed_forward: int = 128
    initializer_range: float = 0.1
    """Standard deviation of fresh weights; at 0.02 so small an encoder learns far slower."""
