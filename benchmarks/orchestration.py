"""What a trial costs beyond its training, and how that grows with the number of trials.

    python -m benchmarks.orchestration [--output docs/benchmarks.md] [--sizes 500 1000 ...]

Three parts. One more trial through Ray, against stock Tune, turn by turn on one warm cluster. Then
studies of up to 10,000 oracle trials that a loop drives through the searcher, without Ray: CPU time
and memory of the driver, the journal, and what it takes to resume and to read them. Then the
exponent of each cost: 1 where it grows with the number of trials, 2 with its square.
"""

import argparse
import shutil
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.oracle_driver import ACTIONS, Driven, apart, held_mib, oracle_plan
from search.cluster import ray_cluster
from spaces.layout import StudyPaths
from spaces.plan import parse_plan

SIZES = [500, 1000, 2000, 5000, 10000]

TITLE = "## Orchestration"

COSTS = {
    "driver": "CPU s of the driver",
    "resume": "CPU s to resume",
    "status": "CPU s of `status`",
    "load_trials": "CPU s of `load_trials`",
    "journal": "journal, MB",
    "memory": "memory that the driver gained, MiB",
}

STUDIES: dict[str, tuple[tuple[str, ...], str]] = {
    "one target, random": (("xnli",), "random"),
    "five targets, random": (("xnli", "xcopa", "xquad", "panx", "tatoeba"), "random"),
    "one target, TPE": (("xnli",), "tpe"),
}

Row = dict[str, Any]


def alone(name: str, sizes: list[int]) -> list[Row]:
    """What a study costs, measured in a process of its own, whose memory nobody else has filled."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, get_context("spawn")) as process,
    ):
        return process.submit(measured, name, sizes, Path(folder)).result()


def measured(name: str, sizes: list[int], root: Path) -> list[Row]:
    """What a study costs when it has reached each size."""
    targets, sampler = STUDIES[name]
    # Some more than the largest size, for the ask of whoever resumes.
    driven = Driven(oracle_plan(sizes[-1] // len(targets) + 8, targets, sampler), root)
    before, rows = held_mib(), []
    for size in sizes:
        driven.run_until(size)
        row: Row = {"study": name, "trials": size, "driver": driven.seconds}
        row["memory"] = held_mib() - before
        row["journal"] = StudyPaths(root, driven.record.name).journal.stat().st_size / 1e6
        row |= costs_of_readers(root)
        rows.append(row)
        print(row, flush=True)
    return rows


def costs_of_readers(root: Path) -> dict[str, float]:
    """CPU seconds of each, on a copy of the study's folder: who resumes asks, and so writes."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(root / "studies", copy / "studies")
        (copy / "phases").symlink_to(root / "phases")
        return {what: apart(action, copy) for what, action in ACTIONS.items()}


def exponent(rows: list[Row], cost: str) -> float:
    """Slope of the logarithm of a total over that of the trials, by least squares."""
    found = np.array([(row["trials"], row[cost]) for row in rows if row[cost] > 0])
    return float(np.polyfit(*np.log(found).T, 1)[0]) if len(found) > 1 else float("nan")


def scaling_lines(name: str, rows: list[Row]) -> list[str]:
    """A table: totals by size, the exponents below."""
    lines = [
        f"**{name}**",
        "",
        "| trials | " + " | ".join(COSTS.values()) + " |",
        "|---:" * (len(COSTS) + 1) + "|",
    ]
    for row in rows:
        cells = " | ".join(f"{row[cost]:.1f}" for cost in COSTS)
        lines.append(f"| {row['trials']:,} | {cells} |")
    if len(rows) > 1:
        cells = " | ".join(f"{exponent(rows, cost):.2f}" for cost in COSTS)
        lines.append(f"| exponent | {cells} |")
    last = rows[-1]
    per_trial = 1000 * last["driver"] / last["trials"]
    kilobytes = 1000 * last["journal"] / last["trials"]
    return [*lines, "", f"Per trial at the end: {per_trial:.1f} ms, {kilobytes:.1f} kB.", ""]


def compared_lines(found: dict[str, list[float]]) -> list[str]:
    """A table: seconds per further trial, and how many of ours that is."""
    lines = ["| | s per further trial, median (each round) | ratio to ours |", "|---|---|---:|"]
    middle = {name: statistics.median(values) for name, values in found.items()}
    for name, values in found.items():
        each = ", ".join(f"{value:.3f}" for value in values)
        ratio = statistics.median(v / o for v, o in zip(values, found["ours"], strict=True))
        lines.append(f"| {name} | {middle[name]:.3f} ({each}) | {ratio:.2f} |")
    return lines


def plotted(rows: list[Row], path: Path) -> None:
    """Cost per trial over the number of trials: flat where the total is linear."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "orchestration"
    import matplotlib.pyplot as plt

    shown = {"driver": "driver", "resume": "resume", "status": "status", "load_trials": "load"}
    names = list(dict.fromkeys(row["study"] for row in rows))
    size = (1 + 3.2 * len(names), 3.6)
    figure, axes = plt.subplots(
        1, len(names), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axis, name in zip(axes[0], names, strict=True):
        own = [row for row in rows if row["study"] == name]
        for (cost, label), style in zip(shown.items(), ("o-", "s--", "^:", "D-."), strict=True):
            each = [1000 * row[cost] / row["trials"] for row in own]
            axis.plot([row["trials"] for row in own], each, style, color="black", label=label)
        axis.set(title=name, xlabel="trials", xscale="log", yscale="log")
        axis.grid(True, which="both", color="0.9")
    axes[0][0].set_ylabel("CPU ms per trial")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside right center")
    figure.savefig(path, metadata={"Date": None})


def text(found: dict[str, list[float]], rows: list[Row], plot: str, command: str) -> str:
    """The section of ``docs/benchmarks.md``."""
    lines = [
        TITLE,
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, 2 shared cores, no GPU; `{command}`.",
        "",
    ]
    if found:
        lines += [
            "One more trial on a warm cluster, two at a time, turn by turn. Stock trials return a "
            "number; ours run the oracle's phases through the store.",
            "",
            *compared_lines(found),
            "",
        ]
    lines += [
        "Totals after so many trials. The driver is the searcher alone, in a loop without Ray; "
        "resume is to open the study and ask once; readers are processes of their own. An exponent "
        "of 1 is a cost that grows with the number of trials.",
        "",
    ]
    for name in STUDIES:
        if own := [row for row in rows if row["study"] == name]:
            lines += scaling_lines(name, own)
    return "\n".join([*lines, f"![CPU time per trial, by number of trials]({plot})", ""])


def replaced(page: Path, section: str) -> str:
    """The page with this section, its last, in the place of an older one."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n\n"
    return text.partition(TITLE)[0] + section


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="against stock Tune; 0 for none")
    parser.add_argument("--trials", type=int, default=60, help="of each round")
    parser.add_argument("--fresh", type=int, default=8, help="of a round without reuse")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--tpe-sizes", type=int, nargs="+", default=SIZES[:3])
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--output", type=Path, help="markdown; the plot goes beside it")
    given = parser.parse_args()
    found: dict[str, list[float]] = {}
    if given.rounds:
        with ray_cluster(parse_plan(oracle_plan(given.trials)), None):
            from benchmarks.stock_tune import compared

            found = compared(given.rounds, given.trials, given.fresh)
        print(found, flush=True)
    rows = []
    for name in given.studies:
        rows += alone(name, given.tpe_sizes if STUDIES[name][1] == "tpe" else given.sizes)
    command = "make bench-orchestration"
    plot = given.output.with_name("orchestration.svg") if given.output else None
    section = text(found, rows, plot.name if plot else "-", command)
    print(section)
    if given.output and plot:
        given.output.write_text(replaced(given.output, section), encoding="utf-8")
        plotted(rows, plot)


if __name__ == "__main__":
    main()
