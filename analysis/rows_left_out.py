"""Rows of a study's parts that its phases did not use, and why."""

from analysis.snapshot import Snapshot
from analysis.tables import Grid, wrapped

REASONS = ("sealed", "flawed")

WORDS = (
    "rows left out: sealed, because they hold the text of a target's test rows; flawed, because "
    "they break a rule of their form and the plan says bad_rows = 'skip'."
)


def rows_left_out(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """Part -> reason -> rows, as the provenance of the study's phases has it."""
    found: dict[str, dict[str, int]] = {}
    for executions in snapshot.executions.values():
        for made in executions:
            found |= made.get("left_out") or {}
    return dict(sorted(found.items()))


def left_out_part(snapshot: Snapshot) -> list[str]:
    """The part of a report that counts them; nothing where all rows were used."""
    grid = left_out_grid(snapshot)
    return [f"{grid}\n\n{wrapped(WORDS)}"] if grid.rows else []


def left_out_grid(snapshot: Snapshot) -> Grid:
    """One line for each part of which rows were left out."""
    found = rows_left_out(snapshot)
    cells = [(part, *(str(counts.get(n, 0)) for n in REASONS)) for part, counts in found.items()]
    return Grid(("rows left out of", *REASONS), cells)
