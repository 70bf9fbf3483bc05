"""What a contrast's factors do, as text: differences, intervals, verdicts, and what may be said."""

from collections.abc import Callable, Sequence
from functools import partial

from analysis.claims import design_claim
from analysis.comparisons import Comparison, Design, interactions, main_effects
from analysis.effect_rows import Question, effect_rows
from analysis.estimates import Asked, Row
from analysis.snapshot import Snapshot
from analysis.tables import table, title, wrapped
from analysis.wording import gain, margin_words, p_words, verdict_words
from spaces.study import StudyRecord

Pairs = Callable[[Design], list[Comparison]]

STARTS, DEPENDS = "what an initialisation does", "whether one depends on the other"

SHOWN: dict[str, Pairs] = {
    STARTS: partial(main_effects, factor="initialisation", baseline=None, over=None),
    "what an intermediate does": partial(
        main_effects, factor="intermediate", baseline=None, over=None
    ),
    "what the language of intermediate rows does": partial(
        main_effects, factor="group", baseline=None, over=None
    ),
    DEPENDS: partial(interactions, initialisations=None, intermediates=None),
}
"""Heading -> its comparisons."""

NOTE = (
    "points: the difference, taken set by set, the other factor averaged over; of a - b, c - d "
    "how much more c has over d after a than after b. low, high: 95 per cent interval, Student's "
    "t over n independent sets of seeds; it covers seeds, not other languages, rows or "
    "checkpoints. p: adjusted by Holm over the rows of its table, overall apart; intervals and "
    "verdicts look at each row alone. overall: each set's mean over the targets. no different: "
    "within {margin} either way, by an equivalence test (TOST) at 5 per cent; better, worse: the "
    "interval lies on one side of zero; not enough: evidence, for which a new study needs so "
    "many, fixed beforehand. Mixed models, unseen languages, other margins: `analysis.contrast`, "
    "`analysis.interaction`."
)


SHARED = "All sets share one pretraining made here: differences are about these weights."


def asked_of(record: StudyRecord) -> Asked:
    """How a study's effects are told: sets that all share one pretraining have no other spread."""
    contrast, rows = record.plan.contrast, record.catalogue.initialisations
    names = {name for one in record.contrasts.values() for name in one.initialisations}
    made_here = any(not rows[name].path for name in names)
    shared = made_here and contrast is not None and contrast.initialisation_seeds == 1
    return Asked(pretrainings="fixed" if shared else "sampled")


def effects_note(words: str, asked: Asked) -> str:
    """What stands below tables of effects."""
    return words.format(margin=margin_words(asked.margin)) + (
        f" {SHARED}" if asked.pretrainings == "fixed" else ""
    )


def effect_parts(snapshot: Snapshot) -> list[str]:
    """Tables of effects and what they allow one to say; nothing where there is no contrast."""
    record, shown = snapshot.record, shown_effects(snapshot)
    tables = [f"{title(heading)}\n{_table(found)}" for heading, found in shown.items()]
    if not tables:
        return []
    starts = dict.fromkeys(n for one in record.contrasts.values() for n in one.initialisations)
    claims = design_claim(record.catalogue.initialisations, starts)
    note = effects_note(NOTE, asked_of(record))
    return [*tables, wrapped(note), wrapped(claims, "claims: ")]


def shown_effects(snapshot: Snapshot) -> dict[str, list[Row]]:
    """Heading of ``SHOWN`` -> its effects, where it has any; nothing where there is no contrast."""
    if snapshot.record.plan.contrast is None:
        return {}
    how = asked_of(snapshot.record)
    asked = {heading: Question(pairs=pairs, asked=how) for heading, pairs in SHOWN.items()}
    found = {heading: effect_rows(snapshot, question) for heading, question in asked.items()}
    return {heading: rows for heading, rows in found.items() if rows}


def _table(rows: Sequence[Row]) -> str:
    header = ("target", "comparison", "points", *ANSWER)
    cells = [(row["target"], comparison_words(row), *answer_words(row)) for row in rows]
    return table(header, cells, words=2)


ANSWER = ("low", "high", "p", "n", "needs", "verdict")
"""Header of ``answer_words`` but for its first, the difference."""


def comparison_words(row: Row) -> str:
    """``a - b``; of an interaction ``a - b, c - d``."""
    if row["effect"] != "interaction":
        return f"{row['contrasted']} - {row['baseline']}"
    first, _, middles = row["contrasted"].partition(": ")
    second = row["baseline"].partition(": ")[0]
    return f"{first} - {second}, {middles}"


def answer_words(row: Row) -> tuple[str, ...]:
    """Difference, interval, adjusted p-value, units, units that it needs, verdict."""
    numbers = (gain(row[name]) for name in ("estimate", "low", "high"))
    return (*numbers, p_words(row["p_holm"]), str(row["n_sets"]), *verdict_words(row))
