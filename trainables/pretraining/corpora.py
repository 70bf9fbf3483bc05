"""Pretraining on real text and real pictures: the documents of a recipe, and what is held out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.initialisations import Pretraining
from spaces.keys import derived_seed
from spaces.mixing import by_size, weights_of, with_masked
from spaces.phases import InitialisationSpec, Rows
from trainables.contrast import APART
from trainables.pretraining.documents import Numbers
from trainables.rows import RowError, RowTable, Source
from trainables.sources.captions import CHANNELS, SIDE

SHIFT = 2
"""Pixels by which a picture is moved at most, each time it is seen."""


@dataclass(slots=True)
class Album:
    """Pictures by name, each once whatever number of languages describe it."""

    places: dict[str, int] = field(default_factory=dict)
    images: list[bytes] = field(default_factory=list)

    def place(self, item: str, image: bytes) -> int:
        """Where a picture stands.

        Raises:
            RowError: another one has its name.
        """
        if item not in self.places:
            self.places[item] = len(self.images)
            self.images.append(image)
        if self.images[self.places[item]] != image:
            raise RowError(
                f"two pictures are called {item!r}: let `item` in the task's columns name them in "
                "all languages alike, and each differently"
            )
        return self.places[item]

    def pixels(self) -> NDArray[np.uint8]:
        """[I, C, N, N]."""
        flat = np.frombuffer(b"".join(self.images), np.uint8)
        return flat.reshape(-1, SIDE, SIDE, CHANNELS).transpose(0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class Part:
    """Documents of one task in one language."""

    rows: Rows
    texts: list[str]
    items: list[int]
    """Place of each document's picture, ``APART`` for none; of plain text empty."""

    @property
    def has_pictures(self) -> bool:
        """Whether its documents are captions."""
        return bool(self.items)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents of all parts, and the pictures that captions show."""

    parts: list[Part]
    album: Album

    @classmethod
    def read(cls, spec: InitialisationSpec, source: Source, split: str) -> "Corpus":
        """The training rows of a recipe, or its dev rows.

        Raises:
            RowError: rows are gone, or changed since the study was frozen.
        """
        album = Album()
        assert spec.pretraining is not None
        captions = spec.pretraining.captions
        parts = []
        for rows in spec.rows:
            if rows.split == split:
                table = source.rows(rows)
                parts.append(Part(rows, table["text"], _places(album, table, rows, captions)))
        return cls(parts, album)

    @property
    def texts(self) -> list[str]:
        """All documents, one part after the other."""
        return [text for part in self.parts for text in part.texts]


def _places(album: Album, table: RowTable, rows: Rows, captions: str) -> list[int]:
    if rows.task != captions:
        return []
    pairs = zip(table["item"], table["image"], strict=True)
    return [album.place(item, image) for item, image in pairs]


@dataclass(frozen=True, slots=True)
class Tokenised:
    """A corpus as token ids."""

    ids: list[list[int]]
    """Of each document or, of a long text, of each of its windows."""
    sizes: tuple[int, ...]
    """Documents of each part."""
    items: NDArray[np.int64]
    """Place of each document's picture, ``APART`` for none."""
    languages: list[str]
    """Of each document."""

    @classmethod
    def of(cls, corpus: Corpus, tokenizer: Any, longest: int) -> "Tokenised":
        """Long texts become several documents; captions are cut off, for each has one picture."""
        ids: list[list[int]] = []
        sizes, items, languages = [], [], []
        for part in corpus.parts:
            found = tokenizer(
                part.texts,
                truncation=True,
                max_length=longest,
                return_overflowing_tokens=not part.has_pictures,
                return_attention_mask=False,
            )["input_ids"]
            ids += [list(one) for one in found]
            sizes.append(len(found))
            items += part.items or [APART] * len(found)
            languages += [part.rows.language] * len(found)
        return cls(ids, tuple(sizes), np.asarray(items, dtype=np.int64), languages)


def part_weights(
    recipe: Pretraining, parts: Sequence[Part], sizes: Sequence[int]
) -> tuple[int, ...]:
    """Integer weights: plain text by rows^(1/T), captions alike, in the recipe's proportions.

    Raises:
        RowError: there is no plain text.
    """
    plain = {
        (part.rows.task, part.rows.language): size
        for part, size in zip(parts, sizes, strict=True)
        if not part.has_pictures
    }
    captions = [(p.rows.task, p.rows.language) for p in parts if p.has_pictures]
    if not plain:
        raise RowError("pretraining found no plain text: name `texts` with rows in its languages")
    shares = by_size(plain, recipe.temperature)
    if captions:
        shares = with_masked(shares, captions, recipe.caption_share)
    weights = weights_of(shares)
    return tuple(weights.get((part.rows.task, part.rows.language), 0) for part in parts)


@dataclass(frozen=True, slots=True)
class Photographs:
    """Pictures of a corpus, moved a little each time they are seen."""

    pixels: NDArray[np.uint8]
    """[I, C, N, N]."""
    shown: NDArray[np.int64]
    """Place of the picture that each document sees, ``APART`` for none."""

    def drawn(self, documents: Numbers, rng: np.random.Generator) -> NDArray[np.float32]:
        """[B, C, N, N] in [0, 1]; an empty one where there is none."""
        places = self.shown[documents]
        moved = np.stack(
            [
                np.roll(self.pixels[place], (int(down), int(right)), axis=(1, 2))
                for place, (down, right) in zip(
                    np.maximum(places, 0),
                    rng.integers(-SHIFT, SHIFT + 1, size=(len(places), 2)),
                    strict=True,
                )
            ]
        )
        moved[places == APART] = 0
        return as_values(moved)


def as_values(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes as numbers in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(255)


def shown_pictures(recipe: Pretraining, items: Numbers, seed: int) -> Numbers:
    """Which picture each document sees: its own or, for a placebo, another document's.

    The placebo is drawn anew for every document, so that not even a wrong picture tells that two
    captions in different languages mean the same.
    """
    if recipe.contrast != "shuffled":
        return items
    shown, captions = items.copy(), np.flatnonzero(items != APART)
    rng = np.random.default_rng(derived_seed("placebo", seed))
    shown[captions] = items[rng.permutation(captions)]
    return shown


def contrast_names(
    recipe: Pretraining, languages: Iterable[str], items: Numbers, shown: Numbers
) -> tuple[int, ...]:
    """What each document is contrasted with: the picture that it sees; or, of texts, its own item.

    Documents with one name are not each other's negatives.
    """
    named = shown if recipe.sees_pictures else items
    pairs = zip(languages, named.tolist(), strict=True)
    return tuple(name if recipe.contrasts(language) else APART for language, name in pairs)
