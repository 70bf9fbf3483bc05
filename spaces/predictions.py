"""Predictions on disk: one parquet file per evaluation, row ids and right answers beside them.

Columns: ``task``, ``language``, ``split``, ``item``, ``id``, ``gold``, ``predicted`` and, where a
rule is known, ``cue``; for retrieval ``candidates``, the size of the pool. An evaluation that reads
vectors in many places has a column of predictions for each.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from spaces.settings import Pooling, Readout

PREDICTIONS = "predictions.parquet"

PredictionTable = dict[str, Any]
"""Columns of one task in one language."""


def prediction_column(readout: Readout | None = None) -> str:
    """Name of the column of predictions, or of those of one readout."""
    return f"predicted at {readout}" if readout else "predicted"


def write_predictions(tables: Iterable[PredictionTable], folder: Path) -> None:
    """Write the predictions of all languages as one parquet file."""
    whole = pa.concat_tables([pa.table(table) for table in tables], promote_options="permissive")
    pq.write_table(whole, folder / PREDICTIONS, compression="zstd")


def read_predictions(file: Path, readout: Readout | None = None) -> list[PredictionTable]:
    """The tables that ``write_predictions`` wrote, one per task and language.

    Args:
        file: a phase's predictions.
        readout: which of several to take as ``predicted``.
    """
    schema = pq.read_schema(file)
    read = [name for name in schema.names if name.startswith("predicted")]
    ours = prediction_column(readout and _from_below(readout, len(read)))
    names = [name for name in schema.names if name == ours or name not in read]
    whole = pq.read_table(file, columns=names)
    whole = whole.rename_columns(["predicted" if name == ours else name for name in names])
    parts = zip(*(whole.column(n).to_pylist() for n in ("task", "language")), strict=True)
    places: dict[tuple[str, str], list[int]] = {}
    for row, part in enumerate(parts):
        places.setdefault(part, []).append(row)
    return [whole.take(rows).to_pydict() for rows in places.values()]


def _from_below(readout: Readout, columns: int) -> Readout:
    """A layer counted from the embeddings, of as many as there are columns for."""
    layers = columns // len(get_args(Pooling))
    return replace(readout, layer=readout.layer % layers)
