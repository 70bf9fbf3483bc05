"""A folder of captioned pictures in two languages that any eye can tell apart, and its plan."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spaces.study import StudyRecord
from tests.folders import nli_rows, write
from tests.worlds import study

COLOURS = {
    "red": (230, 20, 20),
    "green": (20, 200, 20),
    "blue": (20, 20, 230),
    "white": (250, 250, 250),
    "black": (5, 5, 5),
    "yellow": (240, 240, 20),
}
PLACES = ("top", "bottom", "left", "right", "centre", "everywhere")
GERMAN = {
    **dict(zip(COLOURS, ("rot", "gruen", "blau", "weiss", "schwarz", "gelb"), strict=True)),
    **dict(zip(PLACES, ("oben", "unten", "links", "rechts", "mitte", "ganz"), strict=True)),
}
SLICES = dict(
    zip(
        PLACES,
        (np.s_[:10], np.s_[22:], np.s_[:, :10], np.s_[:, 22:], np.s_[11:21, 11:21], np.s_[:]),
        strict=True,
    )
)


def picture(colour: str, place: str) -> bytes:
    """A square of a colour on grey, 32 x 32."""
    image = np.full((32, 32, 3), 128, np.uint8)
    image[SLICES[place]] = COLOURS[colour]
    return image.tobytes()


def caption_rows(held: bool) -> list[dict[str, Any]]:
    """Every colour in every place; a sixth of them is held out, each word of them known."""
    pairs = [
        (colour, place)
        for number, (colour, place) in enumerate(itertools.product(COLOURS, PLACES))
        if bool((number // 6 + number % 6) % 6) != held
    ]
    return [
        {
            "image_id": f"{colour}-{place}",
            "rgb": picture(colour, place),
            "names": {"en": f"{colour} {place}", "de": f"{GERMAN[colour]} {GERMAN[place]}"},
        }
        for colour, place in pairs
    ]


def write_captions(data: Path) -> None:
    """Captions as the emoji have them, and plain text in which their words stand."""
    folder = data / "emoji_captions" / "noto_rgb32"
    folder.mkdir(parents=True, exist_ok=True)
    for split, held in (("train", False), ("validation", True)):
        pq.write_table(pa.Table.from_pylist(caption_rows(held)), folder / f"{split}.parquet")
    words = {"en": [*COLOURS, *PLACES], "de": [*GERMAN.values()]}
    for code, known in words.items():
        texts = [f"{a} {b} {c}" for a, b, c in itertools.permutations(known[:6], 3)]
        write(data, f"notes/{code}/train", text=texts)
        write(data, f"notes/{code}/validation", text=texts[::7])


NOTES: dict[str, Any] = {
    "name": "notes",
    "form": "masked",
    "skill": "mlm",
    "folder": "notes",
    "train_languages": ["en", "de"],
    "splits": {"train": "train", "dev": "validation"},
}

XNLI_CODES = ["en", "de", "es", "fr"]

TASKS: list[dict[str, Any]] = [
    {"name": "rows", "like": "mnli", "folder": "rows", "config": "default", "max_tokens": 16},
    {"name": "xnli", "like": "xnli", "recipe": ["rows"], "max_tokens": 16},
    NOTES,
]
"""A little XNLI, trained on a file of its own, and plain text."""

BASE: dict[str, Any] = {
    "texts": ["notes"],
    "captions": "emoji_captions",
    "languages": ["en", "de"],
    "vocabulary": 320,
    "hidden": 32,
    "layers": 1,
    "heads": 2,
    "feed_forward": 64,
    "positions": 16,
    "initializer_range": 0.1,
    "contrast_unmasked": True,
    "caption_share": 0.5,
    "learning_rate": 5e-3,
    "steps": 6,
    "rows_per_step": 16,
}

CONTRASTS = {"own": "none", "seeing": "images", "placebo": "shuffled", "views": "views"}


def initialisations(steps: int, **more: Any) -> list[dict[str, Any]]:
    """A base and four versions that go on from it."""
    base = {"name": "base", "pretraining": {**BASE, **more}}
    twin = {"name": "own", "like": "base", "start": "base", "pretraining": {"steps": steps}}
    others = [
        {
            "name": name,
            "like": "own",
            "twin": "own",
            "modality": "text" if contrast == "views" else "multimodal",
            "pretraining": {"contrast": contrast},
        }
        for name, contrast in CONTRASTS.items()
        if name != "own"
    ]
    return [base, twin, *others]


def captioned_study(folder: Path, steps: int = 6, **more: Any) -> StudyRecord:
    """A study on these pictures whose target is a little XNLI."""
    data = folder / "data"
    write_captions(data)
    write(data, "rows/default/train", **nli_rows(12))
    for code in XNLI_CODES:
        write(data, f"xnli/{code}/validation", **nli_rows(12, code))
    values: dict[str, Any] = {
        "study": {"selection": "source_dev"},
        "targets": {"tasks": ["xnli"], "languages": XNLI_CODES},
        "space": {
            "initialisations": list(CONTRASTS),
            "source_languages": [["en"]],
            "mixture": None,
            "target": {"steps": [2], "rows_per_step": 4, "learning_rates": [1e-3]},
        },
        "budget": {"trials_per_target": len(CONTRASTS)},
    }
    return study(
        str(data),
        folder / "root",
        task=TASKS,
        initialisation=initialisations(steps, **more),
        **values,
    )
