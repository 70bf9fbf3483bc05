"""Initialisations, one row each: the pretrained weights a trial may start from."""

from spaces.initialisations.invented import INVENTED
from spaces.initialisations.pretraining import Pretraining
from spaces.initialisations.row import Initialisation
from spaces.initialisations.shape import EncoderShape

__all__ = ["INITIALISATIONS", "EncoderShape", "Initialisation", "Pretraining"]

INITIALISATIONS: tuple[Initialisation, ...] = (*INVENTED,)
"""Every built-in initialisation. Other checkpoints enter through ``[[initialisation]]`` rows."""
