"""The effect table of the micro-world: what its generator plants, with standard errors over seeds.

    python -m benchmarks.micro_effects [--seeds 1 2 3 4 5] [--processes 2] [--root runs/effects]

Prints Markdown. About ten minutes of one core per seed; phases stay under ``--root``, so a second
call goes on where the first one stopped.
"""

import argparse
import multiprocessing
import os
import platform
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.micro_lab import (
    EUROPEAN,
    HELD_OUT,
    HUB,
    SEEN,
    TARGETS,
    Lab,
    scaled_overlap,
    variant,
)
from spaces.catalogue import Catalogue

TEXT, MULTIMODAL, PLACEBO = "micro-text", "micro-multimodal", "micro-placebo"
CROSSED = ("xnli", "xcopa", "udpos", "xquad", "tatoeba")
"""Targets that every intermediate phase is crossed with."""

INTERMEDIATES = (
    "nli:avel",
    "nli:non_european",
    "choice:avel",
    "choice:non_european",
    "qa:avel",
    "qa:non_european",
    "paraphrase:non_european",
    "tagging:non_european",
    "permuted:non_european",
)
CAPTIONED = {
    "hub alone": (HUB,),
    "hub + European": (HUB, *EUROPEAN),
    "hub + esho + hatu": (HUB, "esho", "hatu"),
}
"""Which languages' documents see a picture."""

SHOWN = ("tatoeba", "xcopa")
"""Targets that the captions are looked at with."""

OVERLAPS = (0.0, 2.0)
"""Factors on every language's share of words spelled as in the hub, families left out."""

AS_IT_IS = -1.0
"""In the place of a factor: the world as it is."""

REGIONS = {
    "hub": (HUB,),
    "European": EUROPEAN,
    "non-European, seen": SEEN,
    "non-European, held out": HELD_OUT,
}
TWINS = ("hatu", "itor")


@dataclass(frozen=True)
class Cell:
    """One trial: where it starts, what comes between, what is scored."""

    seed: int
    initialisation: str
    intermediate: str
    target: str
    overlap: float = AS_IT_IS


def cells(seed: int) -> list[Cell]:
    """Everything that is measured with one seed; what shares phases stands together."""
    plain = [Cell(seed, name, "none", t) for name in (TEXT, MULTIMODAL) for t in TARGETS]
    plain += [Cell(seed, PLACEBO, "none", t) for t in CROSSED]
    between = [
        Cell(seed, name, task, t)
        for name in (TEXT, MULTIMODAL)
        for task in INTERMEDIATES
        for t in CROSSED
    ]
    captions = [Cell(seed, name, "none", t) for name in CAPTIONED for t in SHOWN]
    overlaps = [
        Cell(seed, TEXT, "none", t, factor) for factor in OVERLAPS for t in ("udpos", "tatoeba")
    ]
    twins = [
        Cell(seed, "micro-text-twin", task, t)
        for task in ("none", "qa:non_european")
        for t in ("xnli", "xquad", "udpos")
    ]
    return plain + captions + overlaps + twins + between


def measure(root: Path, seed: int) -> list[dict[str, object]]:
    """Scores of every cell of one seed: cell, language, value."""
    rows = tuple(variant(MULTIMODAL, name, captioned=codes) for name, codes in CAPTIONED.items())
    labs, found = {}, []
    for cell in cells(seed):
        with nullcontext() if cell.overlap == AS_IT_IS else scaled_overlap(cell.overlap):
            if cell.overlap not in labs:
                labs[cell.overlap] = Lab(root, seed, rows, twins=cell.overlap == AS_IT_IS)
            scores = labs[cell.overlap].scores(cell.target, cell.initialisation, cell.intermediate)
        found += [{**vars(cell), "language": code, "value": v} for code, v in scores.items()]
        print(cell, file=sys.stderr, flush=True)
    return found


def regions(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean over each region's languages: one row per cell and region."""
    keys = ["seed", "initialisation", "intermediate", "target", "overlap"]
    parts = [
        frame[frame.language.isin(codes)].groupby(keys).value.mean().rename(name)
        for name, codes in REGIONS.items()
    ]
    return (
        pd.concat(parts, axis=1).rename_axis(columns="region").stack().rename("value").reset_index()
    )


def over_seeds(values: pd.Series) -> str:
    """Mean and standard error over seeds."""
    return f"{values.mean():.1f} ({values.sem():.1f})"


def starred(values: pd.Series) -> str:
    """The same, with a star where |t| > 2.8 (p < .05 for five seeds)."""
    error = values.sem()
    return over_seeds(values) + " *" * bool(error > 0 and abs(values.mean() / error) > 2.8)


def table(
    values: pd.Series,
    rows: str | list[str],
    columns: str,
    words: Callable[[pd.Series], str] = starred,
) -> str:
    """Markdown of mean (standard error); ``values`` has a ``seed`` level."""
    levels = [rows] if isinstance(rows, str) else rows
    known = values.dropna().groupby([*levels, columns], sort=False)
    return to_markdown(known.apply(words).unstack(columns).reset_index())


def to_markdown(frame: pd.DataFrame) -> str:
    """A frame of strings as a Markdown table."""
    lines = [list(map(str, frame.columns)), ["--"] * len(frame.columns)]
    lines += [["" if pd.isna(cell) else str(cell) for cell in row] for row in frame.to_numpy()]
    return "\n".join(f"|{'|'.join(line)}|" for line in lines)


def effects(cells_: pd.DataFrame) -> pd.Series:
    """Score minus that of no intermediate phase: same seed, initialisation, target and region."""
    keys = ["seed", "initialisation", "target", "region"]
    plain = cells_[cells_.intermediate == "none"].set_index(keys).value
    treated = cells_[cells_.intermediate != "none"].set_index([*keys, "intermediate"]).value
    return treated - plain.reindex(treated.index.droplevel("intermediate")).to_numpy()


def interaction(gains: pd.Series) -> pd.Series:
    """Effect from the multimodal initialisation minus effect from the text-only one."""
    return gains.xs(MULTIMODAL, level="initialisation") - gains.xs(TEXT, level="initialisation")


def twin_differences(frame: pd.DataFrame) -> pd.Series:
    """Score in ``itor`` minus score in ``hatu``, on which nothing differs but the words."""
    frame = frame[frame.initialisation == "micro-text-twin"]
    wide = frame.pivot_table(
        index=["seed", "intermediate", "target"], columns="language", values="value"
    )
    return wide[TWINS[1]] - wide[TWINS[0]]


def sections(frame: pd.DataFrame) -> Iterable[tuple[str, str]]:
    """Titles and tables."""
    whole = regions(frame)
    world = whole[whole.overlap == AS_IT_IS]
    built_in = world[world.initialisation.isin([TEXT, MULTIMODAL, PLACEBO])]
    index = ["seed", "initialisation", "target", "region"]
    plain = built_in[built_in.intermediate == "none"].set_index(index).value
    yield (
        "No intermediate phase: score",
        table(plain, ["target", "initialisation"], "region", over_seeds),
    )
    gains = effects(built_in[built_in.initialisation != PLACEBO])
    for region in REGIONS:
        chosen = gains.xs(region, level="region")
        yield (
            f"Effect of an intermediate phase, {region}",
            table(chosen, ["initialisation", "intermediate"], "target"),
        )
    for region in ("non-European, seen", "non-European, held out"):
        chosen = interaction(gains).xs(region, level="region")
        yield (
            f"Interaction: effect from multimodal minus effect from text, {region}",
            table(chosen, "intermediate", "target"),
        )
    captions = frame[frame.initialisation.isin([*CAPTIONED, MULTIMODAL, TEXT])]
    captions = captions[(captions.intermediate == "none") & (captions.overlap == AS_IT_IS)]
    for target in SHOWN:
        chosen = captions[captions.target == target]
        values = chosen.set_index(["seed", "initialisation", "language"]).value
        yield (
            f"Which languages' captions have pictures: {target}",
            table(values, "initialisation", "language"),
        )
    overlap = whole[whole.overlap != AS_IT_IS]
    values = overlap.set_index(["seed", "target", "overlap", "region"]).value.sort_index()
    yield (
        "Words shared with the hub, times a factor",
        table(values, ["target", "overlap"], "region", over_seeds),
    )
    yield (
        "A/A: score in `itor` minus score in `hatu`, its twin",
        table(twin_differences(frame), "intermediate", "target"),
    )


def head(frame: pd.DataFrame) -> str:
    """What the numbers are, and where and when they were taken."""
    seeds = sorted(frame.seed.unique())
    tasks = Catalogue.of_world("micro").tasks
    chance = ", ".join(f"{name} {tasks[name].chance:.1f}" for name in TARGETS)
    return (
        "# Effects planted in the micro-world\n\n"
        f"Taken on {date.today():%Y-%m-%d}, {platform.machine()}, CPU, one thread per process; "
        f"seeds {', '.join(map(str, seeds))}. Written by `benchmarks/micro_effects.py`.\n\n"
        "Points on dev rows, mean (standard error) over seeds; a star marks effects with |t| > "
        "2.8. A seed fixes initialisation, rows, intermediate and target phase alike. With so many "
        "cells one in twenty has a star by chance. Invented languages: this shows what the "
        f"generator plants and says nothing about real ones. Chance: {chance}.\n"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--root", type=Path, default=Path("runs/effects"))
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.processes, mp_context=context) as pool:
        found = pool.map(measure, [given.root.absolute()] * len(given.seeds), given.seeds)
        frame = pd.DataFrame([row for rows in found for row in rows])
    print(head(frame))
    for title, text in sections(frame):
        print(f"## {title}\n\n{text}\n")


if __name__ == "__main__":
    main()
