"""Predictions and the scores computed from them.

Predictions are kept with their row ids, so a score can be computed again, and cut another way,
without a model.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from spaces.metrics import score, standard_error
from spaces.phases import EvaluationSpec
from spaces.predictions import PredictionTable, prediction_column
from spaces.selection import ITEMS, Cut
from spaces.settings import Readout
from spaces.tasks import Task
from trainables.batches import cut as cut_rows
from trainables.forms import FORMS, Features, RowForm
from trainables.model import TaskModel, TokenisedPart, inputs
from trainables.phase import moved
from trainables.ranking import depth, nearest, right_candidates
from trainables.rows import RowTable

SCORED = ("predicted", "cue")
"""Columns of a prediction table that metrics compare with ``gold``."""

Predicting = Generator[int, None, list[PredictionTable]]
"""Yields units predicted since the last time, so that a long evaluation can be watched and stopped;
returns one table per part."""


class Evaluator:
    """A model in evaluation, and how its batches are made."""

    def __init__(self, model: TaskModel, token_budget: int, pad_id: int, dtype: str) -> None:
        self._model, self._budget, self._pad_id = model, token_budget, pad_id
        self._device = next(model.parameters()).device
        self._lowered = dtype == "bf16"

    def predictions(self, part: TokenisedPart) -> Predicting:
        """Predictions of a form whose rows are predicted one by one."""
        form = cast(RowForm, FORMS[part.task.form])
        outputs: list[np.ndarray] = [np.empty(0)] * len(part.lengths)
        for positions, batch in self._batches(part.task, part.features):
            for position, output in zip(positions, self._run(batch), strict=True):
                outputs[position] = output
            yield len(positions)
        predicted = form.decode(part.task, part.table, part.features, outputs)
        return [{**_named(part), "gold": form.gold(part.table), "predicted": predicted}]

    def rankings(
        self, parts: Sequence[TokenisedPart], pool: RowTable, candidates: Features
    ) -> Predicting:
        """Predictions of retrieval: parts that share a pool are ranked in one pass over it.

        Args:
            parts: their features are queries.
            pool: the candidates' names.
            candidates: the same, tokenised.
        """
        found = []
        for part in parts:
            found.append((yield from self._vectors(part.task, part.features)))
        best = depth(parts[0].task)
        encoded = self._read(parts[0].task, candidates)
        places_qrk = (yield from nearest(torch.cat(found), encoded, best)).cpu().numpy()
        names = np.asarray(pool["target_id"], dtype=object)
        right = right_candidates([part.table for part in parts], pool)
        ends = np.cumsum([len(part.table["item"]) for part in parts])[:-1]
        ranked = np.split(names[places_qrk], ends)
        return [
            {
                **_named(part),
                "candidates": [len(names)] * len(gold),
                "gold": gold,
                **_by_readout(self._model.readouts, ranked_qrk),
            }
            for part, gold, ranked_qrk in zip(parts, right, ranked, strict=True)
        ]

    def _vectors(self, task: Task, features: Features) -> Generator[int, None, Tensor]:
        """Vectors [S, R, H] of one-sequence units, in their order."""
        found: Tensor | None = None
        for positions, vectors_brh in self._read(task, features):
            if found is None:
                found = vectors_brh.new_empty(len(features.units), *vectors_brh.shape[1:])
            found[list(positions)] = vectors_brh
            yield len(positions)
        assert found is not None
        return found

    def _read(self, task: Task, features: Features) -> Iterator[tuple[list[int], Tensor]]:
        for positions, batch in self._batches(task, features):
            with self._precision():
                yield positions, self._model.read(batch)

    def _run(self, batch: dict[str, Any]) -> Sequence[np.ndarray]:
        with self._precision():
            return self._model.outputs(batch)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._lowered)

    def _batches(
        self, task: Task, features: Features
    ) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Batches of like length within the token budget, the longest first."""
        lengths = features.lengths
        (batches,) = cut_rows(lengths, [""] * len(lengths), 1, self._budget)
        for positions in batches:
            yield (
                positions,
                moved(inputs(task, features.take(positions), self._pad_id), self._device),
            )


def _named(part: TokenisedPart) -> PredictionTable:
    """Columns that say which rows these are; ``cue`` is there where a rule is known."""
    count = len(part.table["item"])
    cues = {} if part.cues is None else {"cue": part.cues}
    return cues | {
        "task": [part.rows.task] * count,
        "language": [part.rows.language] * count,
        "split": [part.rows.split] * count,
        "item": part.table["item"],
        "id": part.table["id"],
    }


def _by_readout(readouts: Sequence[Readout], ranked_qrk: np.ndarray) -> PredictionTable:
    """A column of ranked names, or one for each readout."""
    if not readouts:
        return {"predicted": ranked_qrk[:, 0].tolist()}
    return {
        prediction_column(readout): ranked_qrk[:, r].tolist() for r, readout in enumerate(readouts)
    }


def score_rows(
    tables: Iterable[PredictionTable], spec: EvaluationSpec, cut: Cut, task: Task
) -> list[dict[str, Any]]:
    """Scores of each language on all items and, where items are cut, on each half."""
    return [
        _score(table, rows, items, spec, task)
        for table in tables
        for items, rows in _kept(table, cut).items()
        if rows
    ]


def _score(
    table: PredictionTable, rows: list[int], items: str, spec: EvaluationSpec, task: Task
) -> dict[str, Any]:
    language, rows_of = str(table["language"][0]), str(table["task"][0])
    gold = [table["gold"][i] for i in rows]
    said = {name: [table[name][i] for i in rows] for name in SCORED if name in table}
    values = {name: score(task, gold, found, language) for name, found in said.items()}
    return {
        "language": language,
        "rows_of": rows_of,
        "split": str(table["split"][0]),
        "items": items,
        "metric": _metric_name(task, spec, rows_of),
        "value": values["predicted"],
        "standard_error": standard_error(task, gold, said["predicted"], language),
        "rows": len(rows),
        "candidates": table["candidates"][0] if "candidates" in table else None,
        "cue_only": values.get("cue"),
    }


def _metric_name(task: Task, spec: EvaluationSpec, rows_of: str) -> str:
    """The metric, and of how many candidates where there could be more; stand-ins have theirs."""
    capped = spec.pool_cap is not None and rows_of == task.name
    return f"{task.metric}_of_{spec.pool_cap}" if capped else task.metric


def _kept(table: PredictionTable, cut: Cut) -> dict[str, list[int]]:
    """Which rows belong to ``all``, and to each half; spent rows are of one half from the start."""
    everything = list(range(len(table["item"])))
    if cut.items_seed is None:
        return {ITEMS[0]: everything}
    halves = [cut.half(item) for item in table["item"]]
    kept = {half: [i for i in everything if halves[i] == half] for half in ITEMS[1:]}
    return kept if table["split"][0] == "spent" else {ITEMS[0]: everything} | kept
