"""Text on a terminal of 80 columns, without colours; and the status of a study."""

import io
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analysis.frames import DEFAULT_ROOT
from analysis.gains import Baselines, best_trial
from analysis.phase_rows import phase_rows
from analysis.snapshot import ReadTrial, Snapshot, read_snapshot
from analysis.wording import counted, gain, look_words, points
from spaces.grouping import grouping_of
from spaces.layout import StudyPaths
from spaces.looks import Look, read_looks
from spaces.study import StudyRecord

WIDTH = 80

REASONS = 3
"""Failed trials of a target whose reasons are shown."""

DONE = ("COMPLETE", "PRUNED", "FAIL")
"""States that use up a plan's trials."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table whose cells are words: what a text draws, and a page shows."""

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: int = 1
    """How many of the first columns hold words; the others hold numbers."""

    def __str__(self) -> str:
        """The table as text."""
        return table(self.header, self.rows, self.words)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A table as text.

    Args:
        header: names of the columns.
        rows: cells.
        words: how many of the first columns hold words; the others hold numbers and stand right.
    """
    # Late, as only texts need it.
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for place, name in enumerate(header):
        side: Literal["left", "right"] = "left" if place < words else "right"
        drawn.add_column(name, justify=side, overflow="fold", no_wrap=place == 0)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))  # Text: a title's brackets are no markup
    output = io.StringIO()
    Console(file=output, width=WIDTH, color_system=None).print(drawn)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def boxed(title: str, text: str) -> str:
    """A note in a box."""
    inner = WIDTH - 4
    lines = [title, *textwrap.wrap(text, inner)]
    edge = "+" + "-" * (WIDTH - 2) + "+"
    return "\n".join([edge, *(f"| {line.ljust(inner)} |" for line in lines), edge])


def wrapped(text: str, label: str = "") -> str:
    """Prose in lines that fit, all of them beside the label of the first."""
    indent = " " * len(label)
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=label,
        subsequent_indent=indent,
        break_on_hyphens=False,  # names of models and studies hold hyphens
    )


def title(text: str) -> str:
    """A heading, underlined."""
    return f"{text}\n{'=' * len(text)}"


def heading(record: StudyRecord) -> str:
    """Name of a study, and what its numbers are numbers of, as text."""
    return wrapped(heading_words(record))


def heading_words(record: StudyRecord) -> str:
    """Name of a study, and what its numbers are numbers of."""
    plan = record.plan
    text = (
        f"study {record.name}: world {plan.world}, selection {plan.study.selection}, "
        f"objective {plan.study.objective}, seed {plan.study.seed}, "
        f"precision {plan.resources.precision}. Scores and gains are in points. "
        f"Language groups: {grouping_of(plan)}."
    )
    if record.confirms:
        sets = counted(record.confirms.replicates, "set")
        text += f" Confirms {record.confirms.of} on test rows, with {sets} of fresh seeds."
    return text


def looks_at(snapshot: Snapshot) -> list[Look]:
    """Every opening of the test rows of a study, or of the study that it confirms."""
    confirms = snapshot.record.confirms
    searched = confirms.of if confirms else snapshot.record.name
    return read_looks(StudyPaths(snapshot.root, searched).looks)


def looks_line(snapshot: Snapshot) -> list[str]:
    """How often the test rows of a study were opened, and the last time; nothing where never."""
    looks = looks_at(snapshot)
    if not looks:
        return []
    times = counted(len(looks), "time")
    return [wrapped(f"test rows opened {times}, last {look_words(looks[-1])}")]


def status_text(study: str, root: Path | str = DEFAULT_ROOT) -> str:
    """How far a study is, target by target; scores and gains in points.

    Args:
        study: name of the study; it may be running.
        root: folder of all studies and phases.

    Raises:
        StoreError: there is no such study, or something of it cannot be read.
    """
    snapshot = read_snapshot(study, root)
    how = Counter(row["how"] for row in phase_rows(snapshot))
    parts = [
        heading(snapshot.record),
        str(status_grid(snapshot)),
        *failures(snapshot),
        *looks_line(snapshot),
        *_held_line(snapshot),
        f"phases: {how['trained'] + how['rebuilt']} executed{rebuilt_words(how)}, "
        f"{how['hit']} reused",
    ]
    return "\n\n".join(parts)


def rebuilt_words(how: Counter[str]) -> str:
    """How many of some executions were of evicted weights; nothing where none was."""
    return f" ({how['rebuilt']} of them rebuilt)" if how["rebuilt"] else ""


def status_grid(snapshot: Snapshot) -> Grid:
    """How many trials of each target are done, and the best of them."""
    header = ("target", "done", "running", "pruned", "failed", "best", "tuned gain")
    return Grid(header, [_status_row(snapshot, target) for target in snapshot.record.targets])


def _status_row(snapshot: Snapshot, target: str) -> tuple[str, ...]:
    trials = snapshot.of_target(target)
    states = Counter(trial.state for trial in trials)
    # The best replicate of a confirmation would be the luckiest.
    best = None if snapshot.record.confirms else best_trial(trials)
    done = sum(states[state] for state in DONE)
    return (
        target,
        f"{done} of {snapshot.record.planned(target)}",
        str(states["RUNNING"]),
        str(states["PRUNED"]),
        str(states["FAIL"]),
        points(best.score if best else None),
        gain(Baselines.of(trials).tuned_gain(best) if best else None),
    )


def _held_line(snapshot: Snapshot) -> list[str]:
    """How many of the running trials take no slot; nothing where none waits."""
    held = sum(trial.is_held for trial in snapshot.trials)
    words = counted(held, "running trial")
    return [f"held: {words}, until phases that others train are there"] if held else []


def failures(snapshot: Snapshot) -> list[str]:
    """The first reasons of each target's failed trials, one line each."""
    blocks = []
    for target in snapshot.record.targets:
        failed = [trial for trial in snapshot.of_target(target) if trial.state == "FAIL"]
        lines = [_failure(trial) for trial in failed[:REASONS]]
        if len(failed) > REASONS:
            lines.append(f"  ... and {len(failed) - REASONS} more")
        if failed:
            blocks.append("\n".join([f"{target}: failed trials", *lines]))
    return blocks


def _failure(trial: ReadTrial) -> str:
    reason = (trial.attributes.reason or "no reason was written down").strip() or "empty reason"
    return "  " + textwrap.shorten(f"trial {trial.number}: {reason.splitlines()[0]}", WIDTH - 2)
