"""Predictions and the scores computed from them.

Predictions are kept with their row ids, so a score can be computed again, and cut another way,
without a model.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from spaces.metrics import METRICS
from spaces.phases import EvaluationSpec
from spaces.selection import ITEMS, Cut
from trainables.batches import cut as cut_rows
from trainables.forms import FORMS
from trainables.model import TaskModel, TokenisedPart

PREDICTIONS = "predictions.parquet"


def predict(
    model: TaskModel, part: TokenisedPart, token_budget: int, pad_id: int
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Predict rows in batches of like length: (positions, predictions) of each batch."""
    device = next(model.parameters()).device
    (batches,) = cut_rows(part.lengths, [""] * len(part.items), 1, token_budget)
    for positions in batches:
        batch = part.batch(positions, pad_id)
        moved = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
        yield positions, model.predict(moved)


def prediction_table(part: TokenisedPart, predicted: np.ndarray) -> dict[str, Any]:
    """Columns of the predictions of one language."""
    gold = FORMS[part.task.form].gold(part.features)
    return {
        "language": [part.rows.language] * len(part.items),
        "item": part.items,
        "gold": gold,
        "predicted": predicted,
    }


def write_predictions(tables: list[dict[str, Any]], folder: Path) -> None:
    """Write the predictions of all languages as one parquet file."""
    whole = pa.concat_tables([pa.table(table) for table in tables])
    pq.write_table(whole, folder / PREDICTIONS, compression="zstd")


def score_rows(
    tables: Iterable[dict[str, Any]], spec: EvaluationSpec, cut: Cut, metric: str
) -> list[dict[str, Any]]:
    """Scores of each language on all items and, where items are cut, on each half."""
    scores = []
    for table in tables:
        gold, predicted = np.asarray(table["gold"]), np.asarray(table["predicted"])
        for items, mask in _masks(table["item"], cut).items():
            scores.append(
                {
                    "language": str(table["language"][0]),
                    "split": spec.rows[0].split,
                    "items": items,
                    "metric": metric,
                    "value": METRICS[metric](gold[mask], predicted[mask]),
                    "rows": int(mask.sum()),
                }
            )
    return scores


def _masks(items: list[str], cut: Cut) -> dict[str, np.ndarray]:
    """Which rows belong to ``all``, and to each half."""
    masks = {ITEMS[0]: np.ones(len(items), dtype=bool)}
    if cut.items_seed is not None:
        halves = np.asarray([cut.half(item) for item in items])
        masks |= {half: halves == half for half in ITEMS[1:]}
    return masks


def read_predictions(file: Path) -> list[dict[str, Any]]:
    """The tables that ``write_predictions`` wrote, one per language."""
    whole = pq.read_table(file)
    languages = whole.column("language").to_numpy(zero_copy_only=False)
    return [
        {
            name: whole.filter(pa.array(languages == language)).column(name).to_pylist()
            for name in whole.column_names
        }
        for language in dict.fromkeys(languages.tolist())
    ]
