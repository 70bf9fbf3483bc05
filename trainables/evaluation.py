"""Predictions and the scores computed from them.

Predictions are kept with their row ids, so a score can be computed again, and cut another way,
without a model.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spaces.metrics import score
from spaces.phases import EvaluationSpec
from spaces.selection import ITEMS, Cut
from spaces.tasks import Task
from trainables.batches import cut as cut_rows
from trainables.forms import FORMS
from trainables.model import TaskModel, TokenisedPart, collate
from trainables.phase import moved

PREDICTIONS = "predictions.parquet"

SCORED = ("predicted", "cue")
"""Columns of a prediction table that metrics compare with ``gold``."""


def predictions(
    model: TaskModel, part: TokenisedPart, token_budget: int, pad_id: int
) -> dict[str, list[Any]]:
    """Columns of one language's predictions: language, item, gold, predicted, a value per row.

    ``cue``, what a surface cue alone predicts, is there where a rule is known.
    """
    form, task = FORMS[part.task.form], part.task
    outputs = _outputs(model, part, token_budget, pad_id)
    cues = {} if part.cues is None else {"cue": part.cues}
    return cues | {
        "language": [part.rows.language] * len(part.table["item"]),
        "item": part.table["item"],
        "gold": form.gold(part.table),
        "predicted": form.decode(task, part.table, part.features, outputs),
    }


def _outputs(
    model: TaskModel, part: TokenisedPart, token_budget: int, pad_id: int
) -> list[np.ndarray]:
    """The model's output for every unit, computed in batches of like length."""
    device = next(model.parameters()).device
    (batches,) = cut_rows(part.lengths, [""] * len(part.lengths), 1, token_budget)
    found: list[np.ndarray] = [np.empty(0)] * len(part.lengths)
    for positions in batches:
        batch = collate(part.task, part.features.take(positions), pad_id)
        for position, output in zip(positions, model.outputs(moved(batch, device)), strict=True):
            found[position] = output
    return found


def write_predictions(tables: list[dict[str, Any]], folder: Path) -> None:
    """Write the predictions of all languages as one parquet file."""
    whole = pa.concat_tables([pa.table(table) for table in tables], promote_options="permissive")
    pq.write_table(whole, folder / PREDICTIONS, compression="zstd")


def score_rows(
    tables: Iterable[dict[str, Any]], spec: EvaluationSpec, cut: Cut, task: Task
) -> list[dict[str, Any]]:
    """Scores of each language on all items and, where items are cut, on each half."""
    scores = []
    for table in tables:
        for items, rows in _kept(table["item"], cut).items():
            gold = [table["gold"][i] for i in rows]
            values = {
                name: score(task, gold, [table[name][i] for i in rows])
                for name in SCORED
                if name in table
            }
            scores.append(
                {
                    "language": str(table["language"][0]),
                    "split": spec.rows[0].split,
                    "items": items,
                    "metric": task.metric,
                    "value": values["predicted"],
                    "rows": len(rows),
                    "cue_only": values.get("cue"),
                }
            )
    return scores


def _kept(items: list[str], cut: Cut) -> dict[str, list[int]]:
    """Which rows belong to ``all``, and to each half."""
    kept = {ITEMS[0]: list(range(len(items)))}
    if cut.items_seed is not None:
        halves = [cut.half(item) for item in items]
        kept |= {half: [i for i, name in enumerate(halves) if name == half] for half in ITEMS[1:]}
    return kept


def read_predictions(file: Path) -> list[dict[str, Any]]:
    """The tables that ``write_predictions`` wrote, one per language."""
    whole = pq.read_table(file)
    languages = whole.column("language").to_numpy(zero_copy_only=False)
    return [
        whole.filter(pa.array(languages == language)).to_pydict()
        for language in dict.fromkeys(languages.tolist())
    ]
