"""Stages of an encoder's pretraining: what it was trained to do, and in which languages."""

from dataclasses import dataclass
from typing import Literal

from spaces.languages import Encoder, Language

StageKind = Literal[
    "masked words", "distillation", "text pairs", "distilled captions", "images", "shuffled images"
]
"""``distillation``: matches another text encoder on running text; ``text pairs``: contrast of texts
that belong together; ``distilled captions``: matches the vectors that an image model's text encoder
gives to captions or their translations, and never sees a picture; ``images``: contrast with the
pictures themselves; ``shuffled images``: with those of other texts."""

ImageStage = Literal["none", "distilled captions", "images", "shuffled images"]
"""What an encoder knows pictures from."""

Seen = Literal["listed", "not listed", "unmeasured", "not known"]
"""Whether a stage's rows hold a language, as far as anybody says. Not ``never seen``: corpora of
some languages hold text of others."""

BYSTANDERS = "arXiv 2204.08110"
"""Blevins and Zettlemoyer 2022: the English corpora of BERT and RoBERTa hold millions of tokens of
other languages, which explain much of what such encoders can do across languages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage, and the languages of its rows."""

    kind: StageKind
    data: str
    """What the rows are, in words."""
    column: Encoder | None = None
    """Column of the language catalogue whose list names the languages."""
    languages: tuple[str, ...] | None = None
    """Their codes, where the makers list them and no column has them."""
    count: int | None = None
    """How many there are, where nobody lists them."""

    def saw(self, language: Language) -> Seen:
        """What is known of a language in this stage."""
        if self.column:
            return "listed" if self.column in language.exposure else "not listed"
        if self.languages is None:
            return "not known"
        if language.code in self.languages:
            return "listed"
        return "unmeasured" if self.languages == ("en",) else "not listed"

    @property
    def reach(self) -> str:
        """Its languages in words."""
        if self.column:
            return f"the column {self.column} of `catalogue languages`"
        if self.languages == ("en",):
            return f"en, with unmeasured other text ({BYSTANDERS})"
        if self.languages is None:
            return f"about {self.count}, not listed" if self.count else "not listed"
        return f"{len(self.languages)}: {' '.join(self.languages)}"
