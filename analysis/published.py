"""Published scores beside a study's own: what a plan that repeats a paper is compared with."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from analysis.gains import Baselines, best_trial
from analysis.scores import trial_score_rows
from analysis.snapshot import ReadTrial, Snapshot
from analysis.tables import Grid, title, wrapped
from analysis.wording import gain, points
from spaces.published import PUBLISHED, Published

NOTE = (
    "Means over languages, English among them, as they were published; the published ones are of "
    "test rows. rows: split of ours, and the languages it is scored in. ours: the best trial that "
    "has no intermediate phase, and the best that has one, by the study's own rule; in a "
    "confirmation their means over replicates."
)


Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ours:
    """A study's own mean scores on one target, in points."""

    without: float | None
    with_intermediate: float | None
    rows: str
    """Split and number of languages."""


def published_part(snapshot: Snapshot) -> list[str]:
    """The table, where the plan names what it repeats."""
    name = snapshot.record.plan.study.published
    if not name:
        return []
    source = PUBLISHED[name]
    words = wrapped(f"{source.where} {NOTE}")
    grid = published_grid(snapshot, source)
    return ["\n\n".join([title(f"beside {source.title}"), str(grid), words])]


def published_grid(snapshot: Snapshot, source: Published) -> Grid:
    """One line for each target of the study that the source has scores of."""
    header = ("target", "metric", *source.settings, "gain", "ours", "ours", "gain", "rows")
    rows = [
        _row(source, target, _ours(snapshot, target))
        for target in snapshot.record.targets
        if target in source.scores
    ]
    return Grid(header, rows, words=2)


def _row(source: Published, target: str, ours: Ours) -> tuple[str, ...]:
    without, best = source.scores[target]
    both = ours.without is not None and ours.with_intermediate is not None
    return (
        target,
        source.metrics[target],
        points(without),
        points(best),
        gain(best - without),
        points(ours.without),
        points(ours.with_intermediate),
        gain(ours.with_intermediate - ours.without if both else None),  # type: ignore[operator]
        ours.rows,
    )


def _ours(snapshot: Snapshot, target: str) -> Ours:
    trials = snapshot.of_target(target)
    chosen = _confirmed(snapshot, target) if snapshot.record.confirms else _searched(trials)
    values = [[_mean(snapshot, trial) for trial in group] for group in chosen]
    without, best = (fmean(group) if group else None for group in values)
    scored = {
        (row["split"], row["language"])
        for group in chosen
        for trial in group
        for row in trial_score_rows(snapshot, trial)
    }
    splits = sorted({split for split, _ in scored})
    return Ours(without, best, f"{'+'.join(splits) or '-'}, {len({c for _, c in scored})}")


def _searched(trials: list[ReadTrial]) -> tuple[list[ReadTrial], list[ReadTrial]]:
    """The best trial of a search without an intermediate phase, and with one."""
    without = Baselines.of(trials).best
    best = best_trial([trial for trial in trials if trial.arm == "intermediate"])
    return [without] if without else [], [best] if best else []


def _confirmed(snapshot: Snapshot, target: str) -> tuple[list[ReadTrial], list[ReadTrial]]:
    """All replicates of the study's own best finalist with an intermediate, and of its baseline."""
    confirms = snapshot.record.confirms
    assert confirms is not None
    own = snapshot.record.cuts[target].selection
    mine = [one.setting for one in confirms.settings[target] if own in one.chosen_by]
    best = next((setting for setting in mine if setting.intermediate), None)
    if best is None:
        return [], []
    wanted = (best.without_intermediate.setting_id, best.setting_id)
    done = [trial for trial in snapshot.of_target(target) if trial.is_complete]
    without, chosen = ([t for t in done if t.setting_id == name] for name in wanted)
    return without, chosen


def _mean(snapshot: Snapshot, trial: ReadTrial) -> float:
    """Mean over languages of whole parts."""
    found: dict[str, list[float]] = {}
    for row in _whole(trial_score_rows(snapshot, trial)):
        found.setdefault(row["language"], []).append(row["value"])
    return fmean(fmean(values) for values in found.values())


def _whole(rows: Iterable[Row]) -> Iterable[Row]:
    return (row for row in rows if row["items"] == "all")
