"""What a confirmation found, as text: means, spreads, gains over both baselines, verdicts."""

from collections.abc import Callable, Iterable
from statistics import fmean, stdev

from analysis.claims import design_claim
from analysis.confirmed_scores import MATCHED, TUNED, confirmed_rows, gain_rows
from analysis.effects_text import ANSWER, answer_words
from analysis.estimates import OVERALL, Asked, Row
from analysis.snapshot import ReadTrial, Snapshot
from analysis.tables import table, title, wrapped
from analysis.wording import PHRASES, gain, margin_words, points
from spaces.confirmation import ConfirmedSetting

Scores = dict[int, float]
"""Replicate -> score, of one setting."""

NOTE = (
    "sd: standard deviation over replicates (sets of fresh seeds), n of them. A setting and its "
    "baselines run with the same seeds, so differences are taken replicate by replicate. low, "
    "high: 95 per cent interval, Student's t over replicates; it covers seeds, for these "
    "languages and rows. shrunken: means drawn towards that of their arm by the share of their "
    "spread that is noise, because the best of several is partly the luckiest. tuned: against the "
    "best setting without an intermediate phase that the same rule found; matched: against the "
    "finalist without its own. overall: the tuned gain over all targets, 0 where the best has no "
    "intermediate phase; the matched one over those where it has. p: adjusted by Holm over the "
    "finalists of all targets; intervals and verdicts look at each row alone. no different: "
    "within {margin} either way, by an equivalence test (TOST) at 5 per cent; better, worse: the "
    "interval lies on one side of zero; not enough: evidence, for which a new confirmation needs "
    "so many, fixed beforehand."
)
OLD = (
    "It ran before tuned baselines were confirmed: call `transfer-search confirm` again to add "
    "them."
)

ASKED = Asked()


def confirmed_parts(snapshot: Snapshot) -> list[str]:
    """One text for each target, and what holds for all.

    Args:
        snapshot: of a confirmation.
    """
    gains, means = gain_rows(snapshot, ASKED), confirmed_rows(snapshot, ASKED)
    targets = snapshot.record.targets
    parts = [_target_part(snapshot, target, means, gains) for target in targets]
    over = [row for row in gains if row["target"] == OVERALL]
    if over:
        parts.append(f"{title('over all targets')}\n{_gains_table(over)}")
    starts = {row["initialisation"]: None for row in means}
    claims = design_claim(snapshot.record.catalogue.initialisations, starts)
    return [
        *parts,
        wrapped(NOTE.format(margin=margin_words(ASKED.margin))),
        wrapped(claims, "claims: "),
    ]


def _target_part(
    snapshot: Snapshot, target: str, means: Iterable[Row], gains: Iterable[Row]
) -> str:
    confirms = snapshot.record.confirms
    assert confirms is not None
    settings = confirms.settings[target]
    scores = {one.setting.setting_id: Scores() for one in settings}
    for trial in snapshot.of_target(target):
        _book(scores, trial)
    mine = [row for row in gains if row["target"] == target]
    about = f"{_about(snapshot, target)} {_answer(snapshot, target, mine)}"
    return "\n\n".join(
        [
            f"{title(target)}\n{wrapped(about)}",
            f"{_settings_table(settings, scores)}\n\n{_selectors_part(settings)}",
            _means_table(row for row in means if row["target"] == target),
            *([_gains_table(mine)] if mine else []),
            _pairs_part(settings, scores),
        ]
    )


def _answer(snapshot: Snapshot, target: str, gains: Iterable[Row]) -> str:
    """The verdict on what the study's own rule put first."""
    confirms = snapshot.record.confirms
    assert confirms is not None
    own = snapshot.record.cuts[target].selection
    first, tuned = confirms.first(target, own), confirms.tuned(target, own)
    if tuned is None:
        return OLD
    if first is None or not first.setting.intermediate:
        return f"Verdict: what {own} put first has no intermediate phase."
    words = [
        PHRASES[row["verdict"]].format(f"its {row['against']} baseline ({gain(row['estimate'])})")
        for row in gains
        if row["is_answer"] and row["setting_id"] == first.setting.setting_id
    ]
    return f"Verdict on {first.setting.setting_id}, which {own} put first: {'; '.join(words)}."


def _means_table(rows: Iterable[Row]) -> str:
    """Intervals, and what is left of the means once luck is taken off."""
    cells = [
        (row["setting_id"], *(points(row[name]) for name in ("mean", "low", "high", "shrunken")))
        for row in rows
    ]
    return table(("setting", "mean", "low", "high", "shrunken"), cells)


def _gains_table(rows: Iterable[Row]) -> str:
    """Gains over tuned baselines, then those over matched ones."""
    ordered = sorted(rows, key=lambda row: (TUNED, MATCHED).index(row["against"]))
    cells = [
        (row["setting_id"] or row["target"], row["against"], *answer_words(row)) for row in ordered
    ]
    return table(("setting", "against", "gain", *ANSWER), cells, words=2)


def _book(scores: dict[str, Scores], trial: ReadTrial) -> None:
    replicate = trial.attributes.replicate
    if trial.score is not None and trial.setting_id in scores and replicate is not None:
        scores[trial.setting_id][replicate] = trial.score


def _about(snapshot: Snapshot, target: str) -> str:
    """What a score is here."""
    record, cut = snapshot.record, snapshot.record.cuts[target]
    assert record.confirms is not None
    row = record.catalogue.tasks[target]
    half = "" if cut.items_seed is None else " (the half of the items that selected nothing)"
    return (
        f"Test rows: {record.confirms.rows[target]} in {len(record.scored[target])} languages. "
        f"Score: {record.plan.study.objective} over {', '.join(cut.reported)}{half}. Metric: "
        f"{row.metric}, in points; chance {row.chance:.1f}."
    )


def _settings_table(settings: Iterable[ConfirmedSetting], scores: dict[str, Scores]) -> str:
    header = ("setting", "initialisation", "intermediate", "role", "n", "mean", "sd")
    rows = [
        (
            one.setting.setting_id,
            one.setting.initialisation,
            one.setting.intermediate_name,
            "finalist" if one.chosen_by else "baseline",
            *_summary(scores[one.setting.setting_id].values(), points),
        )
        for one in settings
    ]
    return table(header, rows, words=4)


def _selectors_part(settings: Iterable[ConfirmedSetting]) -> str:
    """Which finalists each selector chose, and its tuned baseline."""
    chosen: dict[str, list[str]] = {}
    tuned: dict[str, str] = {}
    for one in settings:
        for selector in one.chosen_by:
            chosen.setdefault(selector, []).append(one.setting.setting_id)
        for selector in one.tuned_for:
            tuned.setdefault(selector, f"; tuned baseline {one.setting.setting_id}")
    lines = {name: ", ".join(ids) + tuned.get(name, "") for name, ids in chosen.items()}
    return "\n".join(wrapped(words, f"{name}: ") for name, words in lines.items())


def _summary(values: Iterable[float], words: Callable[[float | None], str]) -> tuple[str, str, str]:
    """How many, their mean and their standard deviation."""
    found = list(values)
    mean = fmean(found) if found else None
    return str(len(found)), words(mean), points(stdev(found) if len(found) > 1 else None)


def _pairs_part(settings: Iterable[ConfirmedSetting], scores: dict[str, Scores]) -> str:
    """Each finalist's differences from its baseline."""
    rows = []
    for one in settings:
        mine, baseline = one.setting.setting_id, one.setting.without_intermediate.setting_id
        if one.chosen_by and mine != baseline:
            ours, theirs = scores[mine], scores[baseline]
            both = [
                ours[replicate] - theirs[replicate] for replicate in sorted(ours.keys() & theirs)
            ]
            rows.append((mine, baseline, " ".join(map(gain, both)), *_summary(both, gain)))
    if not rows:
        return "no finalist has an intermediate phase: there are no pairs"
    return table(
        ("setting", "baseline", "difference by replicate", "n", "mean", "sd"), rows, words=3
    )
