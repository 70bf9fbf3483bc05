"""What a confirmation found, as text: means and spreads over replicates, differences in pairs."""

from collections.abc import Callable, Iterable
from statistics import fmean, stdev

from analysis.snapshot import ReadTrial, Snapshot
from analysis.tables import table, title, wrapped
from analysis.wording import gain, points
from spaces.confirmation import ConfirmedSetting

Scores = dict[int, float]
"""Replicate -> score, of one setting."""

NOTE = (
    "sd: standard deviation over replicates (sets of fresh seeds), n of them. A setting and its "
    "baseline run with the same seeds, so their differences are taken replicate by replicate. This "
    "is no test of significance: a mean of few replicates is uncertain by about sd / sqrt(n)."
)


def confirmed_parts(snapshot: Snapshot) -> list[str]:
    """One text for each target.

    Args:
        snapshot: of a confirmation.
    """
    return [_target_part(snapshot, target) for target in snapshot.record.targets]


def _target_part(snapshot: Snapshot, target: str) -> str:
    confirms = snapshot.record.confirms
    assert confirms is not None
    settings = confirms.settings[target]
    scores = {one.setting.setting_id: Scores() for one in settings}
    for trial in snapshot.of_target(target):
        _book(scores, trial)
    return "\n\n".join(
        [
            f"{title(target)}\n{wrapped(_about(snapshot, target))}",
            f"{_settings_table(settings, scores)}\n\n{_selectors_part(settings)}",
            _pairs_part(settings, scores),
            wrapped(NOTE),
        ]
    )


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
    """Which finalists each selector chose."""
    chosen: dict[str, list[str]] = {}
    for one in settings:
        for selector in one.chosen_by:
            chosen.setdefault(selector, []).append(one.setting.setting_id)
    return "\n".join(wrapped(", ".join(ids), f"{name}: ") for name, ids in chosen.items())


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
