"""``[[initialisation]]`` of a plan: a checkpoint of the user's own, or a recipe to pretrain one."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from spaces.hub import checkpoint, is_on_hub
from spaces.initialisations.pretraining import SecondLoss
from spaces.initialisations.stage import ImageStage
from spaces.plan_table import Name, Positive, Rate, Table

Share = Annotated[float, Field(ge=0, lt=1)]


class UserPretraining(Table):
    """``[initialisation.pretraining]``; with ``like`` it takes the rest from another row.

    What each field means stands in ``spaces/initialisations/pretraining.py``.
    """

    texts: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    captions: str | None = None
    caption_share: Share | None = None
    languages: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    temperature: Annotated[float, Field(gt=0)] | None = None
    vocabulary: Annotated[int, Field(ge=300)] | None = None
    contrast: SecondLoss | None = None
    captioned: tuple[str, ...] | None = None
    contrast_weight: Annotated[float, Field(gt=0)] | None = None
    contrast_unmasked: bool | None = None
    mask_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    hidden: Positive | None = None
    layers: Positive | None = None
    heads: Positive | None = None
    feed_forward: Positive | None = None
    positions: Annotated[int, Field(ge=8)] | None = None
    initializer_range: Annotated[float, Field(gt=0)] | None = None
    steps: Positive | None = None
    rows_per_step: Positive | None = None
    learning_rate: Rate | None = None

    @property
    def names_rows(self) -> bool:
        """Whether it says itself what is read."""
        named = (self.texts, self.captions, self.languages, self.captioned)
        return any(value is not None for value in named)


OPTIMISATION = ("steps", "rows_per_step", "learning_rate")
"""Fields of ``UserPretraining`` that say how, and not on what."""


class UserInitialisation(Table):
    """``[[initialisation]]``: a checkpoint folder of the user's own, or a recipe."""

    name: Name
    like: str = ""
    """Another row that is pretrained here, whose recipe this one changes."""
    start: str = ""
    """The initialisation that ``pretraining`` goes on from."""
    pretraining: UserPretraining | None = None
    path: Annotated[str, Field(validate_default=True)] = ""
    modality: Literal["text", "multimodal"] = "text"
    family: str = ""
    twin: str = ""
    image_stage: ImageStage | None = None
    licence: str = ""
    commercial: bool | None = None

    @field_validator("path")
    @classmethod
    def _named(cls, value: str, info: ValidationInfo) -> str:
        if "pretraining" in info.data and bool(value) == bool(info.data["pretraining"]):
            raise ValueError("give either path, or [initialisation.pretraining]")
        if is_on_hub(value):
            checkpoint(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "UserInitialisation":
        if (self.like or self.start) and not self.pretraining:
            raise ValueError("like and start go with [initialisation.pretraining]")
        if self.pretraining and self.image_stage:
            raise ValueError("image_stage of a recipe follows from its contrast")
        if self.image_stage not in (None, "none") and self.modality == "text":
            raise ValueError(f"image_stage={self.image_stage!r} needs modality = 'multimodal'")
        return self
