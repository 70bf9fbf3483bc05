"""Initialisations, one row each: the pretrained weights a trial may start from."""

from spaces.initialisations.invented import INVENTED
from spaces.initialisations.multimodal import MULTIMODAL
from spaces.initialisations.pretraining import Pretraining
from spaces.initialisations.row import Initialisation
from spaces.initialisations.shape import EncoderShape
from spaces.initialisations.stage import BYSTANDERS, ImageStage, Stage
from spaces.initialisations.text import TEXT
from spaces.initialisations.unsupported import UNSUPPORTED, unsupported_mistakes

__all__ = [
    "BYSTANDERS",
    "INITIALISATIONS",
    "EncoderShape",
    "ImageStage",
    "Initialisation",
    "Pretraining",
    "Stage",
    "unsupported_mistakes",
]

INITIALISATIONS: tuple[Initialisation, ...] = (*TEXT, *MULTIMODAL, *UNSUPPORTED, *INVENTED)
"""Every built-in initialisation, unsupported ones too. Other checkpoints enter through
``[[initialisation]]`` rows."""
