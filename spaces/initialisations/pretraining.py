"""How this project pretrains an initialisation itself."""

from dataclasses import dataclass
from typing import Literal

from spaces.initialisations.shape import EncoderShape
from spaces.languages import MICRO_LANGUAGES
from spaces.settings import Optimisation, require

MICRO_CODES = tuple(row.code for row in MICRO_LANGUAGES)

SecondLoss = Literal["none", "images", "shuffled", "views"]
"""What a text's vector is pulled towards, beside the masked words: nothing; its own picture, as in
CLIP (Radford et al. 2021, arXiv 2103.00020); a placebo, the picture of another text; or the same
text once more, with its words unmasked, which is a contrastive loss without pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretraining:
    """A recipe. Those that differ in ``contrast`` alone are controlled twins.

    They see the same text in the same order with the same masks, for as many steps, from the same
    first weights.
    """

    optimisation: Optimisation
    documents: int = 0
    """The micro-world's: generated documents over all languages, in equal shares."""
    texts: tuple[str, ...] = ()
    """Real ones: tasks of form ``masked`` whose training rows are the documents."""
    captions: str = ""
    """Real ones: a task of form ``captions``, whose texts have pictures and are documents too."""
    caption_share: float = 0.25
    """Share of captions among the documents of real text."""
    temperature: float = 1 / 0.3
    """Parts of real text weigh as rows^(1/T): XLM-R's 0.3 (Conneau et al. 2020, arXiv 1911.02116).
    """
    vocabulary: int = 0
    """Tokens of the tokenizer that is trained on the documents; 0 takes the micro-world's, or the
    one of the weights that are gone on from."""
    languages: tuple[str, ...] = MICRO_CODES
    """Languages of the documents."""
    contrast: SecondLoss = "none"
    captioned: tuple[str, ...] = ()
    """Languages whose captions are contrasted, empty for all; the text is the same."""
    contrast_weight: float = 1.0
    """Weight of the contrastive loss beside that of masked words."""
    contrast_unmasked: bool = False
    """Whether texts meet their pictures unmasked, in a second pass, and not with the masks of the
    first one: short captions lose too much by them."""
    mask_share: float = 0.2
    """Share of tokens masked (of which 80 % become [MASK], 10 % random, 10 % stay)."""
    hidden: int = 64
    layers: int = 2
    heads: int = 4
    feed_forward: int = 128
    positions: int = 64
    """Longest sequence, special tokens included; longer documents are cut into several."""
    initializer_range: float = 0.1
    """Standard deviation of fresh weights; at 0.02 so small an encoder learns far slower."""

    def __post_init__(self) -> None:
        """Refuse what no encoder can be made of."""
        divided = self.hidden % self.heads == 0
        require(divided, f"{self.hidden=} must be a multiple of {self.heads=}")
        require(0 <= self.caption_share < 1, f"{self.caption_share=} must lie in [0, 1)")
        pictured = bool(self.documents or self.captions)
        named = f"contrast={self.contrast!r} needs `captions`, a task whose texts have pictures"
        require(self.contrast == "none" or pictured, named)
        idle = f"contrast={self.contrast!r} needs {self.caption_share=} above 0"
        require(self.contrast == "none" or self.caption_share > 0, idle)

    @property
    def shape(self) -> EncoderShape:
        """What the fresh encoder is like."""
        return EncoderShape(self.layers, self.positions)

    def contrasts(self, language: str) -> bool:
        """Whether the captions of a language are contrasted with anything."""
        return self.contrast != "none" and (not self.captioned or language in self.captioned)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks whose rows are the documents; none of the micro-world."""
        return (*self.texts, *((self.captions,) if self.captions else ()))

    @property
    def sees_pictures(self) -> bool:
        """Whether pictures, right or wrong, are looked at."""
        return self.contrast in ("images", "shuffled")
