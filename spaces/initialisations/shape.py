"""What of an encoder decides which tasks it can serve."""

from dataclasses import dataclass
from typing import Literal

Attention = Literal["bidirectional", "causal"]


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Told by a row of the catalogue, or read from a checkpoint."""

    layers: int
    """Layers, embeddings aside."""
    positions: int
    """Tokens that it has positions for, special ones included."""
    attention: Attention = "bidirectional"
    """Whether a token's state knows of the tokens after it (``causal``: it does not)."""

    def __str__(self) -> str:
        """``12 layers, 512 positions, bidirectional``."""
        return f"{self.layers} layers, {self.positions} positions, {self.attention}"
