"""A target's best setting language by language, as text."""

from statistics import fmean
from typing import Any

from analysis.frames import trial_score_rows
from analysis.gains import Baselines
from analysis.snapshot import ReadTrial, Snapshot
from analysis.tables import table, wrapped
from analysis.wording import gain, points
from spaces.selection import ITEMS, Cut

Row = dict[str, Any]

LANGUAGES = (
    "tuned, paired: gains over the two baselines in that language. trained on: the best setting "
    "saw rows of the language as target rows (source), as intermediate rows of the target's own "
    "skill (skill) or of another; else it is held-out."
)
GAINS = ("tuned", "paired")
CUES = " cue: what a rule that sees the surface of the rows alone reaches."


def languages_part(snapshot: Snapshot, best: ReadTrial) -> str:
    """Per language: the best setting's score, and its gains over both baselines."""
    baselines = Baselines.of(snapshot.of_target(best.target))
    mine = _by_language(snapshot, best)
    tuned = _values(snapshot, baselines.best)
    matched = _values(snapshot, baselines.matched(best))
    # No rule is known for real rows: they get no column of dashes.
    cues = any(row["cue_only"] is not None for row in mine.values())
    header = ("language", "group", "role", "trained on", "score", *["cue"] * cues, *GAINS)
    cells = [
        (
            language,
            row["group"] or "-",
            row["role"],
            _seen_words(row),
            points(row["value"]),
            *[points(row["cue_only"])] * cues,
            gain(_minus(row["value"], tuned.get(language))),
            gain(_minus(row["value"], matched.get(language))),
        )
        for language, row in mine.items()
    ]
    return table(header, cells, words=4) + "\n\n" + wrapped(LANGUAGES + CUES * cues)


def _by_language(snapshot: Snapshot, trial: ReadTrial) -> dict[str, Row]:
    """Language -> the score that plays the language's role in the cut."""
    cut = snapshot.record.cuts[trial.target]
    found: dict[str, list[Row]] = {}
    for row in trial_score_rows(snapshot, trial):
        if row["items"] == _items(cut, row["role"]):
            found.setdefault(row["language"], []).append(row)
    return {code: rows[0] | {"value": _mean(rows)} for code, rows in found.items()}


def _mean(rows: list[Row]) -> float:
    """Where rows of several tasks stand for a target's own, they count alike."""
    return fmean(row["value"] for row in rows)


def _items(cut: Cut, role: str) -> str:
    """The half of the items that a language of this role is scored on."""
    return role if cut.items_seed is not None and role in ITEMS else "all"


def _values(snapshot: Snapshot, trial: ReadTrial | None) -> dict[str, float]:
    found = _by_language(snapshot, trial) if trial else {}
    return {language: row["value"] for language, row in found.items()}


def _minus(value: float, baseline: float | None) -> float | None:
    return None if baseline is None else value - baseline


def _seen_words(row: Row) -> str:
    """How the best setting saw a language."""
    words = ["source"] if row["seen_source"] else []
    if row["seen_intermediate"]:
        words.append("skill" if row["seen_skill"] else "other skill")
    return "+".join(words) or "held-out"
