"""Texts with pictures, and texts that stand as lists of words: what encoders are pretrained on."""

import io
from typing import Any

import numpy as np

from spaces.tasks import Task
from trainables.rows import RowError, RowTable
from trainables.sources.columns import Raw

SIDE = 32
"""Pixels along each side of a picture."""

CHANNELS = 3

VALUES = SIDE * SIDE * CHANNELS

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Of files that are opened. Pillow knows others, and hands EPS to Ghostscript, which runs it."""


def read_captions(task: Task, raw: Raw) -> RowTable:
    """Texts with their pictures as bytes, [SIDE, SIDE, CHANNELS]; rows without a text are left out.

    The column of texts may be a structure with a field for each language.
    """
    assert task.data is not None
    columns, spoken = task.data.columns, task.data.spelled.get(raw.language, raw.language)
    texts = [
        value.get(spoken) if isinstance(value, dict) else value
        for value in raw.values(columns.get("text", "text"))
    ]
    kept = [row for row, text in enumerate(texts) if text]
    images = raw.values(columns.get("image", "image"))
    items = [str(item) for item in raw.values(columns.get("item", "#"))]
    return {
        "item": [items[row] for row in kept],
        "id": [items[row] for row in kept],
        "text": [str(texts[row]) for row in kept],
        "image": [pixels(images[row], raw.where) for row in kept],
    }


def caption_texts(task: Task, raw: Raw) -> RowTable:
    """The texts alone."""
    return {"text": read_captions(task, raw)["text"]}


def pixels(value: Any, where: str) -> bytes:
    """A picture as ``SIDE`` rows of ``SIDE`` red, green and blue bytes.

    Args:
        value: these bytes themselves, or ``{"bytes": ...}`` of a file in one of ``FORMATS``, as
            ``datasets`` stores pictures: it is laid on white and scaled.
        where: names its data set.

    Raises:
        RowError: it is neither.
    """
    if isinstance(value, bytes) and len(value) == VALUES:
        return value
    stored = value.get("bytes") if isinstance(value, dict) else None
    if not stored:
        what = f"{len(value)} bytes" if isinstance(value, bytes) else type(value).__name__
        raise RowError(
            f"{where} has a picture that is {what}: give {VALUES} bytes ({SIDE} x {SIDE} x "
            f"{CHANNELS}), or the bytes of a file as `datasets` stores them"
        )
    # Needed where pictures are files alone.
    from PIL import Image

    try:
        opened = Image.open(io.BytesIO(stored), formats=FORMATS)
        found = opened.convert("RGBA").resize((SIDE, SIDE))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RowError(f"{where} has a picture that cannot be read: {error}") from None
    white = Image.new("RGBA", found.size, "white")
    return np.asarray(Image.alpha_composite(white, found).convert("RGB")).tobytes()


UNSPACED = ("zh", "ja", "th", "my", "km", "lo")
"""Languages that are written without spaces between words."""


def read_words(task: Task, raw: Raw) -> RowTable:
    """Lists of words as texts; their content is as that of tagged words, whatever the spaces."""
    assert task.data is not None
    between = "" if raw.language in UNSPACED else " "
    lists = [words or () for words in raw.values(task.data.columns.get("text", "tokens"))]
    items = [str(item) for item in raw.values(task.data.columns.get("item", "#"))]
    texts = [between.join(words) for words in lists]
    return {"item": items, "id": items, "text": texts, "content": [*map(" ".join, lists)]}
