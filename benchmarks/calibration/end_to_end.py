"""Simulated studies written to disk as a search writes them, and read by the public functions."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from analysis import contrast, interaction
from analysis.inference import CellModel, Estimate, paired_interval
from benchmarks.calibration import simulator
from benchmarks.calibration.effects import CELLS, CROSSED, EFFECTS, by_cell, summed
from benchmarks.calibration.lines import Line
from benchmarks.calibration.simulator import Floats, Study
from search.freeze import freeze
from search.study import open_for_writing, open_target
from search.target_queue import TargetQueue
from spaces.contrast import Cell
from spaces.layout import StudyPaths
from spaces.plan import parse_plan
from spaces.study import StudyRecord

PATHS = "Studies on disk, by `analysis.contrast` and `analysis.interaction`"
TARGETS = ("xnli", "xquad")
LANGUAGES = ("brin", "corm", "dask", "esho", "fanu", "gire", "hatu")
MIDDLES = ("none", "nli:avel", "nli:esho")
SETS = 5


def record(name: str) -> StudyRecord:
    """A study of the oracle world that holds the simulator's cells and no search."""
    return freeze(parse_plan({
        "study": {"name": name, "seed": 1, "selection": "held_out_languages"},
        "targets": {"tasks": list(TARGETS)},
        "data": {"source": "oracle"},
        "budget": {"trials_per_target": 0},
        "contrast": {
            "seeds": SETS, "intermediates": list(MIDDLES), "languages": list(LANGUAGES),
        },
        "space": {
            "initialisations": [f"oracle-{start}" for start in simulator.STARTS],
            "source_languages": [["avel"]],
            "mixture": {"tasks": ["nli"], "languages": ["avel", "esho"]},
        },
    }))  # fmt: skip


def write(frozen: StudyRecord, root: Path, study: Study) -> None:
    """Tell each trial of a study what the simulator drew for it."""
    paths = StudyPaths(root, frozen.name)
    frozen.write(paths)
    storage = open_for_writing(frozen.plan, paths)
    for target in frozen.targets:
        queue = TargetQueue(frozen, target, open_target(frozen, target, storage, None))
        contrasted = frozen.contrasts[target].cells(frozen.spaces[target])
        cells = {cell.setting.setting_id: cell for cell in contrasted}
        while asked := queue.next():
            cell = cells[asked.setting.setting_id]
            values = study.scores[(asked.replicate or 1) - 1, _target(target), *_place(cell)]
            scores = [*_scores(frozen, target, values)]
            queue.complete(asked, float(values.mean()), {"scores": scores, "phases": []})


def _target(name: str) -> int:
    return simulator.TARGETS.index(name)


def _place(cell: Cell) -> tuple[int, int]:
    start = simulator.STARTS.index(cell.initialisation.removeprefix("oracle-"))
    return start, MIDDLES.index(cell.intermediate)


def _scores(frozen: StudyRecord, target: str, values: Floats) -> Iterator[dict[str, Any]]:
    """What a trial records in each language; of those that the simulator has not, nothing."""
    for _, code, split in frozen.scored[target]:
        if code in LANGUAGES:
            value = float(values[LANGUAGES.index(code)])
            about = {"language": code, "split": split, "metric": "accuracy", "rows": 100}
            # Test rows of a parallel set are cut: the contrast reads the half that selects.
            for items in ("all", "selecting", "reported"):
                yield about | {"items": items, "value": value}


def agreement(rng: np.random.Generator, studies: int) -> Iterator[Line]:
    """Largest distance between what the frames say and what the arrays say."""
    apart: dict[str, list[float]] = {"paired": [], "mixed": []}
    held: list[bool] = []
    with TemporaryDirectory() as folder:
        for number in range(studies):
            drawn = simulator.contrast(rng, SETS)
            frozen = record(f"simulated-{number}")
            write(frozen, Path(folder), drawn)
            for row, wanted, truth in _compared(frozen.name, Path(folder), drawn):
                found = row[["estimate", "standard_error", "df", "low", "high"]].astype(float)
                expected = [wanted.value, wanted.standard_error, wanted.df, wanted.low, wanted.high]
                apart[row["method"]].append(float(np.abs(found.to_numpy() - expected).max()))
                held.append(bool(row["low"] <= truth <= row["high"]))
    for method, distances in apart.items():
        row = f"{method}: largest difference from the arrays, of {len(distances)} rows"
        yield Line(
            PATHS, row, "points", max(distances), studies, "about", 0.0, 1e-6, in_points=True
        )
    share = float(np.mean(held))
    yield Line(PATHS, "per cent of these intervals that hold the truth", "points", share, studies)


def _compared(
    name: str, root: Path, drawn: Study
) -> Iterator[tuple["pd.Series[Any]", Estimate, float]]:
    """Each row of the frames with what the arrays say of it, and the truth."""
    chosen = [_target(target) for target in TARGETS]
    scores = drawn.scores.mean(axis=4)[:, chosen]
    truths = drawn.expected.mean(axis=3)[chosen]
    start = contrast(name, root, languages=LANGUAGES)
    start = start[start["contrasted"].eq("oracle-multimodal") & start["baseline"].eq("oracle-text")]
    middle = contrast(name, root, factor="intermediate", languages=LANGUAGES)
    middle = middle[middle["contrasted"].eq("nli:esho")]
    pairs = {"initialisations": ("oracle-multimodal", "oracle-text")}
    pairs["intermediates"] = ("nli:esho", "nli:avel")
    crossed = interaction(name, root, languages=LANGUAGES, **pairs)
    for frame, weights in zip((start, middle, crossed), _asked(), strict=True):
        for _, row in frame.iterrows():
            at = TARGETS.index(row["target"]) if row["target"] in TARGETS else slice(None)
            mine = scores[:, at].reshape(SETS, -1, *scores.shape[2:]).mean(axis=1)
            truth = float(np.mean(summed(weights, truths[at])))
            yield row, _by_arrays(row["method"], mine, weights), truth


def _asked() -> list[Floats]:
    first, second, *_ = EFFECTS.values()
    return [first, second, EFFECTS[CROSSED]]


def _by_arrays(method: str, scores: Floats, weights: Floats) -> Estimate:
    if method == "paired":
        return paired_interval(summed(weights, scores))
    units = np.repeat(np.arange(SETS), len(CELLS)).tolist()
    return CellModel.fit(scores.ravel(), CELLS * SETS, units).effect(by_cell(weights))
