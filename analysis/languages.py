"""A target's best setting language by language, as text."""

from collections.abc import Iterable
from statistics import fmean
from typing import Any

from analysis.gains import Baselines
from analysis.scores import trial_score_rows
from analysis.snapshot import ReadTrial, Snapshot
from analysis.tables import Grid, wrapped
from analysis.wording import gain, points
from spaces.languages import HUBS
from spaces.leakage import LEAKAGE_WORDS, is_primary
from spaces.selection import ITEMS, Cut

Row = dict[str, Any]

LANGUAGES = (
    "tuned, paired: gains over the two baselines in that language. trained on: the best setting "
    "saw rows of the language as target rows (source), as intermediate rows of the target's own "
    "skill (skill) or of another; else it is held-out. leakage: of the intermediate phases. "
    f"{LEAKAGE_WORDS}"
)
GROUPS = (
    "Means over the languages above, those that chose included. primary: L0 and L1, or no "
    "intermediate phase; supervised: the other classes; English, or the hub language of an "
    "invented world, is apart. A mean of few languages says little."
)
GAINS = ("tuned", "paired")
CUES = " cue: what a rule that sees the surface of the rows alone reaches."


def languages_part(snapshot: Snapshot, best: ReadTrial) -> str:
    """The best setting's scores and gains over both baselines, by language and by group."""
    mine = best_by_language(snapshot, best)
    # No rule is known for real rows: they get no column of dashes.
    note = LANGUAGES + CUES * _has_cues(mine)
    parts = [str(language_grid(mine)), wrapped(note), str(group_grid(mine)), wrapped(GROUPS)]
    return "\n\n".join(parts)


def best_by_language(snapshot: Snapshot, best: ReadTrial) -> dict[str, Row]:
    """Language -> the best setting's score there, its ``tuned`` and ``paired`` gain, in points."""
    baselines = Baselines.of(snapshot.of_target(best.target))
    tuned = _values(snapshot, baselines.best)
    matched = _values(snapshot, baselines.matched(best))
    return {
        code: row
        | {
            "tuned": _minus(row["value"], tuned.get(code)),
            "paired": _minus(row["value"], matched.get(code)),
        }
        for code, row in by_language(snapshot, [best]).items()
    }


def _has_cues(mine: dict[str, Row]) -> bool:
    return any(row["cue_only"] is not None for row in mine.values())


def language_grid(mine: dict[str, Row]) -> Grid:
    """One line per language, of ``best_by_language``."""
    cues = _has_cues(mine)
    words = ("language", "group", "role", "trained on", "leakage")
    cells = [
        (
            language,
            row["group"] or "-",
            row["role"],
            seen_words(row),
            row["leakage"] or "-",
            points(row["value"]),
            *[points(row["cue_only"])] * cues,
            *(gain(row[kind]) for kind in GAINS),
        )
        for language, row in mine.items()
    ]
    return Grid((*words, "score", *["cue"] * cues, *GAINS), cells, words=len(words))


def group_grid(mine: dict[str, Row]) -> Grid:
    """Means by group, languages of the primary analysis and supervised ones never in one."""
    cells: dict[tuple[str, str], list[str]] = {}
    for language, row in mine.items():
        cells.setdefault((row["group"] or "-", _kind(language, row)), []).append(language)
    rows = [
        (
            group,
            kind,
            " ".join(codes),
            points(fmean(mine[code]["value"] for code in codes)),
            *(gain(_mean_gain([mine[code][one] for code in codes])) for one in GAINS),
        )
        for (group, kind), codes in sorted(cells.items())
    ]
    return Grid(("group", "cells", "languages", "score", *GAINS), rows, words=3)


def _kind(language: str, row: Row) -> str:
    """Which mean a language's cell counts in."""
    if language in HUBS:
        return "apart"
    return "primary" if is_primary(row["leakage"], language) else "supervised"


def _mean_gain(gains: list[float | None]) -> float | None:
    """None unless the baseline has a score in each of the languages."""
    known = [one for one in gains if one is not None]
    return fmean(known) if len(known) == len(gains) else None


def by_language(snapshot: Snapshot, trials: Iterable[ReadTrial]) -> dict[str, Row]:
    """Language -> the score that plays its role in the cut; of several trials, their mean.

    Args:
        snapshot: of the study.
        trials: of one target and one setting.
    """
    found: dict[str, list[Row]] = {}
    for trial in trials:
        cut = snapshot.record.cuts[trial.target]
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
    found = by_language(snapshot, [trial] if trial else [])
    return {language: row["value"] for language, row in found.items()}


def _minus(value: float, baseline: float | None) -> float | None:
    return None if baseline is None else value - baseline


def seen_words(row: Row) -> str:
    """How the setting of a row of scores saw a language."""
    words = ["source"] if row["seen_source"] else []
    if row["seen_intermediate"]:
        words.append("skill" if row["seen_skill"] else "other skill")
    return "+".join(words) or "held-out"
