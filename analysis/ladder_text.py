"""The selection ladder as text."""

from analysis.estimates import Row
from analysis.ladder import ORACLE, ladder_rows
from analysis.snapshot import Snapshot
from analysis.tables import table, title, wrapped
from analysis.wording import ABSENT, gain, points

NOTE = (
    "What each rule would have picked over all trials (without an intermediate phase + with one). "
    "score, tuned: of its pick, by the rule's own scores; * the study's own rule. confirmed: its "
    "mean on test rows with fresh seeds. gap: what it lacks to the oracle, the best of all that "
    "were confirmed, which was chosen by these very scores and is somewhat too good."
)
UNCONFIRMED = " Nothing is confirmed yet: `transfer-search confirm` fills both columns."


def ladder_parts(snapshot: Snapshot) -> list[str]:
    """One table for each target; nothing where no rule has anything to pick from."""
    rows = ladder_rows(snapshot)
    if not rows:
        return []
    header = ("rule", "pick", "trials", "score", "tuned", "confirmed", "gap")
    tables = []
    for target in dict.fromkeys(row["target"] for row in rows):
        cells = [_cells(row) for row in rows if row["target"] == target]
        tables.append(f"{title(f'selections on {target}')}\n{table(header, cells, words=2)}")
    note = NOTE + UNCONFIRMED * all(row["confirmed"] is None for row in rows)
    return [*tables, wrapped(note)]


def _cells(row: Row) -> tuple[str, ...]:
    pick = f"{row['setting_id']} {row['initialisation']}, {row['intermediate']}"
    trials = ABSENT
    if row["selection"] != ORACLE:
        trials = f"{row['trials_none']}+{row['trials_intermediate']}"
    return (
        row["selection"] + "*" * row["is_own"],
        pick,
        trials,
        points(row["selection_score"]),
        gain(row["tuned_gain"]),
        points(row["confirmed"]),
        points(row["gap"]),
    )
