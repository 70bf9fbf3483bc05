"""What a confirmation says: gains with intervals, settings' means, and the selection ladder."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.confirmed import ASKED
from analysis.confirmed_scores import TUNED, confirmed_rows, gain_rows
from analysis.ladder import ladder_rows
from analysis.page.blocks import Block, Folded, Section, Table, Words
from analysis.page.words import interval
from analysis.scores import Row
from analysis.snapshot import Snapshot, read_snapshot
from analysis.tables import Grid
from analysis.wording import ABSENT, gain, margin_words, p_words, points
from spaces.confirmation import confirmation_name
from spaces.layout import StudyPaths

GAINS = (
    "Differences on test rows over sets of fresh seeds, in points, with 95 % intervals of "
    "Student's t: they cover seeds, for these languages and rows. tuned: against the best setting "
    "without an intermediate phase that the same rule found; matched: against the finalist "
    "without its own. overall: the tuned gain over all targets, 0 where the best has no "
    "intermediate phase; the matched one over those where it has. p: adjusted by Holm over the "
    "finalists of all targets; intervals and verdicts look at each row alone. shrunken: of means "
    "drawn towards that of their arm by the share of their spread that is noise, because the best "
    "of several is partly the luckiest. no different: within {margin} either way, by an "
    "equivalence test (TOST) at 5 %. More: `analysis.confirmed_gains`."
)
LADDER = (
    "What each rule that could have chosen would have picked from the trials of the search (its "
    "score and gains are by the rows that it looks at; tuned: over the best of so many trials "
    "without an intermediate phase, paired: over the trial that is equal in all else), what that "
    "scores on test rows with fresh seeds, and what it lacks to the oracle, the best of the "
    "confirmed, which no rule could know. The oracle's mean is somewhat too high, and so are the "
    "gaps. The interval is the gap's, over sets. More: `analysis.selection_ladder`."
)
NOTHING = "No rule can pick yet: no COMPLETE trial of the search has a known setting."
UNCONFIRMED = (
    "The study is not confirmed: the ladder has neither test scores nor an oracle. "
    "`transfer-search confirm {name}` runs every rule's finalists."
)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What is known of a study's confirmation, computed once for the answer and for the section."""

    about: str
    """Which confirmation, and how far it is."""
    gains: list[Row]
    settings: list[Row]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Confirmed | None":
        """Of a confirmation or of the search that it confirms; None where there is none yet."""
        confirmation = snapshot
        if snapshot.record.confirms is None:
            name = confirmation_name(snapshot.record.name)
            if not StudyPaths(snapshot.root, name).record.exists():
                return None
            confirmation = read_snapshot(name, snapshot.root)
        gains, settings = gain_rows(confirmation, ASKED), confirmed_rows(confirmation, ASKED)
        return cls(_about(confirmation), gains, settings)

    def answer(self, target: str) -> Row | None:
        """The tuned gain of the setting that the study's own selection put first."""
        wanted = (target, True, TUNED)
        found = (r for r in self.gains if (r["target"], r["is_answer"], r["against"]) == wanted)
        return next(found, None)

    def holds(self, target: str, setting_id: str) -> bool:
        """Whether a setting was run on the target's test rows."""
        return any((r["target"], r["setting_id"]) == (target, setting_id) for r in self.settings)


def _about(confirmation: Snapshot) -> str:
    record = confirmation.record
    done = sum(trial.is_complete for trial in confirmation.trials)
    planned = sum(record.planned(target) for target in record.targets)
    return f"{record.name} on test rows: {done} of {planned} planned trials have a score."


def confirmed_section(found: Confirmed) -> Section:
    """Gains of the settings that the search put first; on demand, of every finalist."""
    blocks: list[Block] = [Words(found.about)]
    if answers := [row for row in found.gains if row["is_answer"]]:
        blocks.append(Table("Gains of what the search put first", _gains_grid(answers)))
    if found.gains:
        blocks += [
            Words(GAINS.format(margin=margin_words(ASKED.margin))),
            Folded("Gains of every finalist", _gains_grid(found.gains)),
        ]
    blocks.append(Folded("Means of every confirmed setting", _settings_grid(found.settings)))
    return Section("confirmed", "Confirmation", blocks)


def _gains_grid(rows: Sequence[Row]) -> Grid:
    words = ("target", "setting", "intermediate", "against", "answer", "verdict")
    numbers = ("gain", "95 % interval", "p", "sets", "shrunken")
    cells = [
        (
            *(row["target"], row["setting_id"] or ABSENT, row["intermediate"] or ABSENT),
            *(row["against"], "yes" if row["is_answer"] else "no", row["verdict"]),
            *(gain(row["estimate"]), interval(row["low"], row["high"]), p_words(row["p_holm"])),
            *(str(row["n_sets"]), gain(row["shrunken"])),
        )
        for row in rows
    ]
    return Grid((*words, *numbers), cells, words=len(words))


def _settings_grid(rows: Sequence[Row]) -> Grid:
    words = ("target", "setting", "initialisation", "intermediate", "role", "chosen by")
    cells = [
        (
            *(row["target"], row["setting_id"], row["initialisation"], row["intermediate"]),
            *(row["role"].replace("_", " "), row["chosen_by"] or ABSENT),
            *(str(row["n_sets"]), points(row["mean"]), _range(row["low"], row["high"])),
            points(row["shrunken"]),
        )
        for row in rows
    ]
    numbers = ("sets", "mean", "95 % interval", "shrunken")
    return Grid((*words, *numbers), cells, words=len(words))


def _range(low: float | None, high: float | None) -> str:
    return ABSENT if low is None or high is None else f"[{points(low)}, {points(high)}]"


def ladder_section(snapshot: Snapshot) -> Section:
    """What each available selector would have picked, and its gap to the oracle."""
    rows = ladder_rows(snapshot)
    blocks: list[Block] = []
    if rows:
        blocks = [Table("What each rule picks", _ladder_grid(rows)), Words(LADDER)]
    else:
        blocks = [Words(NOTHING)]
    if all(row["confirmed"] is None for row in rows) and snapshot.record.confirms is None:
        blocks.append(Words(UNCONFIRMED.format(name=snapshot.record.name)))
    return Section("ladder", "Selection ladder", blocks)


def _ladder_grid(rows: Sequence[Row]) -> Grid:
    words = ("target", "selection", "setting", "initialisation", "intermediate")
    numbers = ["its score", "tuned gain", "paired gain", "trials: none, intermediate"]
    if tested := any(row["confirmed"] is not None for row in rows):
        numbers += ["confirmed", "sets", "gap to oracle", "95 % interval"]
    cells = [(*_pick(row), *(_tested(row) if tested else ())) for row in rows]
    return Grid((*words, *numbers), cells, words=len(words))


def _pick(row: Row) -> tuple[str, ...]:
    return (
        *(row["target"], row["selection"] + (" (the study's)" if row["is_own"] else "")),
        *(row["setting_id"], row["initialisation"], row["intermediate"]),
        *(points(row["selection_score"]), gain(row["tuned_gain"]), gain(row["paired_gain"])),
        ABSENT if row["trials_none"] is None else _arms(row),
    )


def _arms(row: Row) -> str:
    return f"{row['trials_none']}, {row['trials_intermediate']}"


def _tested(row: Row) -> tuple[str, ...]:
    """What a pick scored once confirmed."""
    gap = points(row["gap"]), _range(row["gap_low"], row["gap_high"])
    return points(row["confirmed"]), str(row["confirmed_sets"] or ABSENT), *gap
