"""What a row of the catalogue says of an initialisation."""

from dataclasses import dataclass
from typing import Literal

from spaces.initialisations.pretraining import Pretraining


@dataclass(frozen=True, kw_only=True, slots=True)
class Initialisation:
    """One row: a checkpoint folder, or weights that this project pretrains."""

    name: str
    modality: Literal["text", "multimodal"] = "text"
    world: Literal["real", "micro", "oracle"] = "real"
    path: str = ""
    """A folder that transformers can load, ``package:<import name>/<folder>`` for one that an
    installed Python package carries, or ``hub:<owner>/<name>``, with ``@<revision>`` for another
    than the main branch. Empty where ``pretraining`` is given."""
    twin: str = ""
    """The text-only initialisation a multimodal one must be compared with."""
    pretraining: Pretraining | None = None
    licence: str = ""
    commercial: bool | None = None
    """Whether the licence allows commercial use; None where nobody says, which counts as no."""
