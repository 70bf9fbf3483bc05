"""Pictures of scenes: what an image encoder sees of them, alike for every language.

A picture is a grid of 3 x 3 patches of 6 x 6 pixels in three channels. Values are relative to a
grey ground, so 0 is an empty pixel and black is as far from it as white. The middle row shows
agent, action and patient, the patch below them the place; the other five are empty.

Each participant is its shape in its colour, and the larger it is, the stronger its contrast; the
agent has a line above it. Actions and places are glyphs. What no picture shows is what nobody can
see: an agent's proper name, and whether a sentence mentions a colour or a size.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from spaces.keys import derived_seed
from trainables.micro.scenes import Scenes, Things
from trainables.micro.vocabulary import KINDS, Ints

Floats = npt.NDArray[np.float32]

SIDE, CHANNELS = 6, 3
PATCHES, VALUES = 9, SIDE * SIDE * CHANNELS
"""Patches of a picture, and values of a patch."""

AGENT, ACTION, PATIENT, PLACE = 3, 4, 5, 7
"""Patches that show something, counted by rows from the upper left."""

NOISE = 0.15
"""Standard deviation of each value's noise."""

COLOURS = {
    "red": (1, -1, -1),
    "blue": (-1, -1, 1),
    "green": (-1, 1, -1),
    "yellow": (1, 1, -1),
    "black": (-1, -1, -1),
    "white": (1, 1, 1),
}
"""Colour -> red, green and blue relative to the ground."""

CONTRASTS = {"small": 0.4, "middling": 0.7, "large": 1.0}
"""Size -> factor of the colour."""


def images(scenes: Scenes, rng: np.random.Generator) -> Floats:
    """Draw pictures of scenes.

    Args:
        scenes: Scenes, n of them.
        rng: Source of the noise, which is the only draw.

    Returns:
        Patches, [n, PATCHES, VALUES].
    """
    pictures = rng.standard_normal((len(scenes), PATCHES, VALUES), dtype=np.float32) * NOISE
    pictures[:, AGENT] += _participants(scenes.agent, line=1.0)
    pictures[:, PATIENT] += _participants(scenes.patient, line=0.0)
    pictures[:, ACTION] += _glyphs("action")[scenes.action]
    pictures[:, PLACE] += _glyphs("name")[scenes.place]
    return pictures


def _participants(things: Things, line: float) -> Floats:
    """Shapes in colour, [n, VALUES], with a line of the given strength in the first pixel row."""
    colours, contrasts = (np.array(list(t.values()), np.float32) for t in (COLOURS, CONTRASTS))
    ink = colours[things.colour] * contrasts[things.size, None]
    pictures = _bitmaps("shape")[things.shape, :, :, None] * ink[:, None, None, :]
    pictures[:, 0] = line
    return pictures.reshape(len(ink), VALUES)


def _glyphs(kind: str) -> Floats:
    """White glyphs of a kind's values, [values + 1, VALUES]; the last, at index -1, is empty."""
    glyphs = np.repeat(_bitmaps(kind).reshape(-1, SIDE * SIDE), CHANNELS, axis=1)
    return np.concatenate([glyphs, np.zeros((1, VALUES), np.float32)])


@cache
def _bitmaps(kind: str) -> Floats:
    """Bitmaps of a kind's values, [values, SIDE, SIDE], bits of hashes: no seed changes them."""
    seeds = [derived_seed("micro", "bitmap", kind, gloss) for gloss in KINDS[kind]]
    bits: Ints = np.array(seeds)[:, None] >> np.arange(SIDE * SIDE) & 1
    return bits.reshape(-1, SIDE, SIDE).astype(np.float32)
