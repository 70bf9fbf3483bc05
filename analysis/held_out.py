"""What initialisations that were pretrained here do on rows that they have not seen."""

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from analysis.frames import DEFAULT_ROOT, Studies
from analysis.scores import Row
from analysis.snapshot import Snapshot, read_snapshots
from analysis.tables import Grid, title, wrapped
from analysis.typed import studies_frame
from spaces.layout import HELD_OUT, finished_folder, read_done
from spaces.places import Where
from spaces.records import PRETRAINING_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame

PERCENT = ("text_to_image", "image_to_text", "text_to_hub_text")

NOTE = (
    "Means over languages, of rows held out of pretraining. masked_loss: mean cross-entropy of a "
    "masked token, in nats, by task; lower is better, and only encoders with one tokenizer can be "
    "compared. text_to_image, image_to_text: how often, in per cent, a caption finds its picture "
    "among all, and a picture its caption. text_to_hub_text: how often a caption finds the English "
    "one of the same picture. By language: `analysis.load_pretraining`."
)


def load_pretraining(study: Studies, root: Path | str = DEFAULT_ROOT) -> "DataFrame":
    """One row per pretrained initialisation, task, language and measure; see ``held_out.py``.

    Empty where a study pretrained none on real rows.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return pretraining_frame(read_snapshots(study, root))


def pretraining_frame(snapshots: Iterable[Snapshot]) -> "DataFrame":
    """A frame of ``PRETRAINING_COLUMNS``."""
    return studies_frame(held_out_rows, snapshots, PRETRAINING_COLUMNS)


def held_out_rows(snapshot: Snapshot) -> list[Row]:
    """Rows of ``PRETRAINING_COLUMNS``, by initialisation, in the order of the trials."""
    record = snapshot.record
    phases = {
        phase.key: phase.title
        for trial in snapshot.trials
        for phase in trial.attributes.phases
        if phase.kind == "initialisation"
    }
    return [
        {
            "study": record.name,
            "world": record.plan.world,
            "initialisation": name,
            "key": key,
            **row,
            "group": record.catalogue.languages[row["language"]].group,
        }
        for key, name in phases.items()
        for row in _measures(snapshot.store, key)
    ]


def _measures(store: Where, key: str) -> list[Row]:
    """What an initialisation's artifact says; nothing where it has no such file."""
    done = read_done(store, key)
    if done is None or HELD_OUT not in done["files"]:
        return []
    file = finished_folder(store, key) / HELD_OUT
    # Late, as few studies have one.
    import pyarrow.parquet as pq

    rows: list[Row] = pq.read_table(file).to_pylist()
    return rows


def pretraining_part(snapshot: Snapshot) -> list[str]:
    """Means of every initialisation; nothing where none was pretrained on real rows."""
    grid = pretraining_grid(held_out_rows(snapshot))
    text = [title("pretraining, on held-out rows"), str(grid), wrapped(NOTE)]
    return ["\n\n".join(text)] if grid.rows else []


def pretraining_grid(rows: list[Row]) -> Grid:
    """One line per initialisation of ``held_out_rows``, and what guessing reaches."""
    columns = list(dict.fromkeys(map(_column, rows)))
    starts = {row["key"]: row["initialisation"] for row in rows}
    lines = []
    for key, name in starts.items():
        mine = [row for row in rows if row["key"] == key]
        lines.append((name, *(_mean(mine, column) for column in columns)))
    guesses = ("guessing", *(_chance(rows, column) for column in columns))
    header = ("initialisation", *(name.replace(" ", "\n") for name in columns))
    return Grid(header, [*lines, guesses] if lines else [])


def _column(row: Row) -> str:
    """``text_to_image``; of a loss also the task."""
    measure: str = row["measure"]
    return measure if measure in PERCENT else f"{measure} {row['task']}"


def _mean(rows: Iterable[Row], column: str) -> str:
    return _number([row["value"] for row in rows if _column(row) == column], column)


def _chance(rows: Iterable[Row], column: str) -> str:
    found = [row["chance"] for row in rows if _column(row) == column]
    return _number([chance for chance in found if chance is not None], column)


def _number(values: list[Any], column: str) -> str:
    if not values:
        return "-"
    return f"{fmean(values):.1f}" if column in PERCENT else f"{fmean(values):.3f}"
