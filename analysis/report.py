"""The report of a study as text: what to take, against what, at what cost, where it lies."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.banner import record_banner
from analysis.cells import contrast_parts
from analysis.choose import trials_by_arm
from analysis.confirmed import confirmed_parts
from analysis.effects_text import effect_parts
from analysis.frames import DEFAULT_ROOT
from analysis.gains import Baselines, best_trial
from analysis.held_out import pretraining_part
from analysis.ladder_text import ladder_parts
from analysis.languages import languages_part
from analysis.phase_rows import phase_rows, totals
from analysis.published import published_part
from analysis.rows_left_out import left_out_part
from analysis.snapshot import ReadTrial, Snapshot, read_snapshot
from analysis.tables import Grid, boxed, heading, looks_line, title, wrapped
from analysis.wording import counted, gain, mixture_words, optimisation_words, points
from spaces.layout import StudyPaths
from spaces.phases import KINDS
from spaces.settings import Mixture, TransferSetting
from spaces.study import StudyRecord
from spaces.tasks import Task

Row = dict[str, Any]

BASELINES = (
    "tuned baseline: the best trial without an intermediate phase. matched baseline: the trial "
    "that equals the best setting in all but the intermediate phase."
)
OVERVIEW = (
    "score: over the languages that chose the setting. reported: over those that did not. tuned: "
    "gain of the score over the best trial without an intermediate phase."
)


def report_text(study: str, root: Path | str = DEFAULT_ROOT) -> str:
    """The whole report of a study, 80 columns wide; it may be running.

    Scores and gains are in points, costs in optimiser steps and seconds of wall time.

    Args:
        study: name of the study.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    return text_of(read_snapshot(study, root))


def text_of(snapshot: Snapshot) -> str:
    """The report of a study as it was at one moment."""
    rows = phase_rows(snapshot)
    confirms = snapshot.record.confirms
    record = snapshot.record
    warning = record_banner(record)
    parts = [
        *([boxed(*warning)] if warning else []),
        heading(snapshot.record),
        *(confirmed_parts(snapshot) if confirms else _searched_parts(snapshot, rows)),
        *ladder_parts(snapshot),
        *contrast_parts(snapshot),
        *effect_parts(snapshot),
        *pretraining_part(snapshot),
        *published_part(snapshot),
        *looks_line(snapshot),
        str(phases_grid(rows)),
        *map(wrapped, [*rebuilt_line(rows), *sharing_line(rows)]),
        *left_out_part(snapshot),
        _places_part(snapshot),
    ]
    return "\n\n".join(parts)


def _searched_parts(snapshot: Snapshot, rows: list[Row]) -> list[str]:
    """What a search found, target by target; nothing where a contrast is all of the study."""
    targets = snapshot.record.targets
    if not snapshot.record.plan.budget.trials_per_target:
        return []
    best = {target: best_trial(snapshot.of_target(target)) for target in targets}
    parts = [_target_part(snapshot, target, best[target], rows) for target in targets]
    return [*parts, _overview_part(snapshot, best)] if len(targets) > 1 else parts


def _target_part(
    snapshot: Snapshot, target: str, best: ReadTrial | None, rows: Iterable[Row]
) -> str:
    lines = [title(target), wrapped(target_words(snapshot.record, target)), ""]
    if best is None or best.setting is None:
        lines.append("nothing to choose from yet: no COMPLETE trial with a known setting")
    else:
        lines += _best_lines(snapshot, best, best.setting)
        lines += ["", languages_part(snapshot, best)]
    own = [row for row in rows if row["target"] == target and row["kind"] == "intermediate"]
    how = Counter(row["how"] for row in own)
    rebuilt = f", {how['rebuilt']} rebuilt" if how["rebuilt"] else ""
    trained = f"{how['trained']} trained, {how['hit']} reused"
    lines += ["", f"intermediate phases: {trained}{rebuilt}"]
    return "\n".join(lines)


def target_words(record: StudyRecord, target: str) -> str:
    """How a search's scores on a target chose, and what they measure."""
    row = record.catalogue.tasks[target]
    protocol = f", protocol {row.protocol}" if row.protocol else ""
    return (
        f"{_selection_words(record, target)} "
        f"Metric: {row.metric}{protocol}, in points; chance {row.chance:.1f}."
    )


def _selection_words(record: StudyRecord, target: str) -> str:
    """The rule that chose, in one sentence or two."""
    cut, row = record.cuts[target], record.catalogue.tasks[target]
    names = ", ".join(cut.selecting)
    if cut.selection == "source_dev":
        tasks = f" of {' and '.join(row.source_dev)}" if row.source_dev else ""
        return f"Chosen on dev rows{tasks} in {names} alone: strict zero-shot."
    if cut.selection == "proxy":
        return (
            f"Chosen on rows of {row.proxy} in {names}: a proxy, because there are no dev rows; "
            "it uses text of the target languages."
        )
    if cut.selection == "target_dev":
        return f"Chosen on dev rows of the target languages ({names}): not zero-shot."
    halves = " Items are cut as well: no item does both." if cut.items_seed is not None else ""
    spent = [code for _, code, split in record.scored[target] if split == "spent"]
    test = f" Test rows of {', '.join(spent)} were spent on choosing." if spent else ""
    return f"Chosen on {names}; reported on {', '.join(cut.reported)}.{halves}{test}"


def _best_lines(snapshot: Snapshot, best: ReadTrial, setting: TransferSetting) -> list[str]:
    trials = snapshot.of_target(best.target)
    baselines, arms = Baselines.of(trials), trials_by_arm(trials)
    matched = baselines.matched(best)
    reason = "" if setting.intermediate else "the best setting has no intermediate phase"
    tried = f"best of {counted(arms['none'], 'trial')}"
    return [
        f"best setting       {best.setting_id} (trial {best.number}, best of "
        f"{counted(arms.total(), 'trial')})",
        *_setting_lines(setting, snapshot.record.catalogue.tasks[best.target]),
        "",
        f"score              {points(best.score)}",
        _against("tuned baseline", baselines.best, "tuned", baselines.tuned_gain(best), tried),
        _against("matched baseline", matched, "paired", baselines.paired_gain(best), reason),
        f"reported score     {points(best.attributes.record.reported_score)}",
        *_reported_lines(best, baselines.best),
        wrapped(BASELINES),
    ]


def _setting_lines(setting: TransferSetting, target: Task) -> list[str]:
    """The setting in words, a line for each thing."""
    return [wrapped(text, f"  {name:<17}") for name, text in setting_words(setting, target)]


def setting_words(setting: TransferSetting, target: Task) -> list[tuple[str, str]]:
    """The setting in words, one phase after the other: (what, which); "" goes on with the last."""
    words = [("initialisation", setting.initialisation)]
    for mixture in setting.intermediate:
        words += [("intermediate", str(mixture)), ("", mixture_words(mixture))]
        if _is_same_rows(mixture, setting, target):
            words.append(("", "these are the target's own rows: extra epochs, not transfer"))
    if not setting.intermediate:
        words.append(("intermediate", setting.intermediate_name))
    if setting.target:
        words.append(("source languages", "+".join(setting.source_languages)))
        words.append(("target phase", optimisation_words(setting.target)))
    if setting.readout:
        words.append(("vectors read at", f"{setting.readout} (no target phase)"))
    return words


def _is_same_rows(mixture: Mixture, setting: TransferSetting, target: Task) -> bool:
    """Whether a mixture holds nothing but the rows that the target phase trains on anyway."""
    return bool(target.recipe) and all(
        part.task in target.recipe and part.language in setting.source_languages
        for part in mixture.parts
    )


def _against(
    name: str, baseline: ReadTrial | None, kind: str, difference: float | None, note: str
) -> str:
    """One baseline: its score, the gain over it, its trial."""
    if baseline is None:
        return f"  {name:<17}-       {note or 'no such COMPLETE trial'}"
    words = ", ".join(filter(None, [f"trial {baseline.number}", note]))
    return f"  {name:<17}{points(baseline.score):<8}{kind} gain {gain(difference)} ({words})"


def _reported_lines(best: ReadTrial, baseline: ReadTrial | None) -> list[str]:
    """The tuned baseline over the reported languages, which need not be those that chose."""
    mine = best.attributes.record.reported_score
    theirs = baseline.attributes.record.reported_score if baseline else None
    if mine is None or theirs is None:
        return []
    return [f"  {'tuned baseline':<17}{points(theirs):<8}tuned gain {gain(mine - theirs)}"]


def _overview_part(snapshot: Snapshot, best: dict[str, ReadTrial | None]) -> str:
    """One line per target, as text."""
    grid = str(overview_grid(snapshot, best))
    return "\n\n".join([title("best settings"), grid, wrapped(OVERVIEW)])


def overview_grid(snapshot: Snapshot, best: dict[str, ReadTrial | None]) -> Grid:
    """One line per target: what to take, and what it gains."""
    header = ("target", "initialisation", "intermediate", "reported", "score", "tuned")
    rows = [_overview_row(snapshot, target, trial) for target, trial in best.items()]
    return Grid(header, rows, words=3)


def _overview_row(snapshot: Snapshot, target: str, best: ReadTrial | None) -> tuple[str, ...]:
    if best is None or best.setting is None:
        return (target, *["-"] * 5)
    baselines = Baselines.of(snapshot.of_target(target))
    return (
        target,
        best.setting.initialisation,
        best.setting.intermediate_name,
        points(best.attributes.record.reported_score),
        points(best.score),
        gain(baselines.tuned_gain(best)),
    )


def phases_grid(rows: list[Row]) -> Grid:
    """What the study executed and what the store saved it, by kind; in GPU-seconds if any."""
    unit, words = ("gpu_seconds", "GPU-s") if totals(rows)["gpu_seconds"] else ("seconds",) * 2
    header = ("phases", "executed", "steps", words, "reused", "steps saved", f"{words} saved")
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    cells = [_kind_row(kind, [row for row in rows if row["kind"] == kind], unit) for kind in kinds]
    return Grid(header, [*cells, _kind_row("all", rows, unit)])


def rebuilt_line(rows: list[Row]) -> list[str]:
    """What was trained once more; nothing where nothing was."""
    again = [row for row in rows if row["how"] == "rebuilt"]
    cost, phases = totals(again), counted(len(again), "phase")
    spent = f"{cost['steps']:.0f} steps, {cost['seconds']:.1f} seconds"
    words = f"Of what was executed, {phases} ({spent}) rebuilt weights that had been evicted."
    return [words] if again else []


def _kind_row(name: str, rows: list[Row], unit: str) -> tuple[str, ...]:
    cells = [name]
    for hit in (False, True):
        chosen = [row for row in rows if row["hit"] is hit]
        cost = totals(chosen)
        cells += [str(len(chosen)), f"{cost['steps']:.0f}", f"{cost[unit]:.1f}"]
    return tuple(cells)


def sharing_line(rows: list[Row]) -> list[str]:
    """How many times fewer intermediate steps were trained than its trials needed."""
    own = [row for row in rows if row["kind"] == "intermediate"]
    needed, trained = (totals(some)["steps"] for some in (own, [r for r in own if not r["hit"]]))
    if not trained or needed == trained:
        return []
    words = f"intermediate steps: {needed:.0f} needed, {trained:.0f} trained"
    return [f"{words} ({needed / trained:.1f}x fewer)"]


def _places_part(snapshot: Snapshot) -> str:
    """Where everything lies; paths stand whole on one line, to be copied."""
    root, name = snapshot.root, snapshot.record.name
    return "\n".join(
        [
            f"study folder  {StudyPaths(root, name).folder}",
            f"phase store   {snapshot.store}/phases",
            "in pandas:",
            "  from analysis import load_trials, load_scores, load_phases",
            f"  trials = load_trials({name!r}, root={str(root)!r})",
            '  print(trials.sort_values("score", ascending=False).head())',
        ]
    )
