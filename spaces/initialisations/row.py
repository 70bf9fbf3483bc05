"""What a row of the catalogue says of an initialisation."""

from dataclasses import dataclass
from typing import Literal

from spaces.initialisations.pretraining import Pretraining
from spaces.initialisations.shape import EncoderShape
from spaces.initialisations.stage import ImageStage, Stage


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
    start: str = ""
    """The initialisation whose weights ``pretraining`` goes on from; empty for fresh ones."""
    twin: str = ""
    """The text-only initialisation it must be compared with: the one it was made from."""
    pretraining: Pretraining | None = None
    licence: str = ""
    commercial: bool | None = None
    """Whether the licence allows commercial use; None where nobody says, which counts as no."""
    family: str = ""
    """What shares tokenizer, size and first weights."""
    image_stage: ImageStage | None = None
    """What it knows pictures from; None where nobody says."""
    stages: tuple[Stage, ...] = ()
    """How its makers trained it, in order."""
    shape: EncoderShape | None = None
    """Layers, positions and attention; None where the checkpoint alone tells them."""
    pooling: str = ""
    """How its makers make a text's vector of its last states. Tasks here pool as their rows say."""
    parameters: float | None = None
    """Of the encoder without pooler and projection, in millions."""
    embedding_parameters: float | None = None
    """Those of the word embeddings among them, in millions: they cost memory and no time."""
    confound: str = ""
    """What else than its last stage differs between it and its twin."""
    unverified: tuple[str, ...] = ()
    """Facts of this row that were written down from memory."""
    converted: bool = False
    """Whether a real checkpoint of it was ever turned into an encoder by this project."""
    unsupported: str = ""
    """Why no plan can have it; empty where one can."""

    @property
    def encoder(self) -> EncoderShape | None:
        """Layers, positions and attention, also of one that is pretrained here; None: not known."""
        if self.shape is None and self.pretraining and not self.start:
            return self.pretraining.shape
        return self.shape
