"""The command line: arguments in, text out, exit codes.

0 done; 1 something failed that is not the user's input; 2 bad input, nothing written; 3 (``score``)
a task or a language of the benchmark is missing; 75 stopped before the budget was spent, everything
safe, call ``resume``.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from search.imports import foreign_package
from search.signals import hard_stops

if TYPE_CHECKING:
    from analysis.snapshot import Snapshot
    from search.handle import Search

# Everything of ours is imported inside the functions: the import names are checked first, and
# `--help` answers without Optuna, pandas or Ray.

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INCOMPLETE, EXIT_STOPPED = 1, 2, 3, 75

TRAINING_LIBRARIES = (
    "ray", "torch", "deepspeed", "transformers", "datasets", "tokenizers", "huggingface_hub"
)  # fmt: skip

PAGES = (".html", ".htm")

EPILOG = """\
exit codes: 0 done, 1 failed, 2 bad input (nothing was written), 3 scored, but not all of the
benchmark was there, 75 stopped and safe: resume
"""


CONFIRM = """\
Opens the test rows of a searched study for its finalists: the best K settings by each rule that
could have chosen (the study's own, source_dev, target_dev), each with its no-intermediate baseline,
each S times with fresh seeds. Each opening is written to looks.jsonl in the study's folder first.
The confirmation is a study of its own, STUDY.confirm: stop, resume and report it by that name.
Called again it goes on, or grows where K or S is larger.
"""

REPORT = """\
Prints what a study found and writes it as report.html into the study's folder: one page with
figures and their numbers, which needs neither a network nor other files. With --output FILE.html
the page goes there; with any other FILE the text does, and there is no page. The study may be
running.
"""


def parser() -> argparse.ArgumentParser:
    """Every command and flag."""
    top = argparse.ArgumentParser(
        prog="transfer-search",
        description="Find the best transfer setting for each XTREME-R target task.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = commands.add_parser("start", help="start the search a plan describes, or resume it")
    start.add_argument("plan", type=Path, metavar="PLAN.toml")
    start.add_argument("--dry-run", action="store_true", help="check and describe; write nothing")
    start.add_argument("--data", metavar="DIR", help="overrides [data] source of the plan")
    fetch = commands.add_parser("fetch", help="bring what a plan needs of the hub; go on offline")
    fetch.add_argument("plan", type=Path, metavar="PLAN.toml")
    resume = commands.add_parser("resume", help="go on with a study where it was left")
    resume.add_argument("--add-trials", type=int, default=0, metavar="N", help="per target")
    confirm = commands.add_parser(
        "confirm",
        help="run a study's finalists and their baselines on test rows, with fresh seeds",
        description=CONFIRM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    confirm.add_argument("--top", type=int, default=3, metavar="K",
                         help="finalists of each selector; default: 3")  # fmt: skip
    confirm.add_argument("--seeds", type=int, default=5, metavar="S",
                         help="sets of fresh seeds; default: 5")  # fmt: skip
    status = commands.add_parser("status", help="where a study stands; works while it runs")
    report = commands.add_parser(
        "report", help="what a study found, as text and as a page", description=REPORT
    )
    report.add_argument("--output", type=Path, metavar="FILE",
                        help="FILE.html: the page; any other: the text; "
                             "default: report.html in the study's folder")  # fmt: skip
    for command in (resume, confirm, status, report):
        command.add_argument("study", metavar="STUDY")
    for command in (start, fetch, resume, confirm, status, report):
        command.add_argument("--root", default="runs", help="default: ./runs")
    for command in (start, resume, confirm):
        command.add_argument("--address", help="of a running Ray cluster; default: one of our own")
    export = commands.add_parser(
        "export", help="write a study for others: frames, submission, model"
    )
    export.add_argument("study", metavar="STUDY")
    export.add_argument("folder", type=Path, metavar="DIR")
    export.add_argument("--format", required=True, choices=["parquet", "csv", "xtreme-r", "model"])
    export.add_argument("--target", metavar="T", help="whose model; with --format model alone")
    export.add_argument("--root", default="runs", help="default: ./runs")
    catalogue = commands.add_parser("catalogue", help="what a plan may name")
    catalogue.add_argument(
        "kind", choices=["targets", "intermediates", "languages", "initialisations"]
    )
    score = commands.add_parser("score", help="score a submission to XTREME or XTREME-R")
    score.add_argument("predictions", type=Path, metavar="PREDICTIONS", help="folder of tasks")
    score.add_argument("labels", type=Path, metavar="LABELS", help="folder of tasks")
    score.add_argument("--benchmark", choices=["xtreme", "xtreme-r"], default="xtreme-r")
    score.add_argument("--json", type=Path, metavar="FILE", help="write all scores there as well")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    given = parser().parse_args(arguments)
    if problem := foreign_package():
        print(f"transfer-search: {problem}", file=sys.stderr)
        return EXIT_BAD_INPUT
    from search.lease import LeaseHeld
    from spaces.layout import StoreError
    from spaces.mistakes import PlanError

    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "start": _start,
        "fetch": _fetch,
        "resume": _resume,
        "confirm": _confirm,
        "status": _status,
        "report": _report,
        "export": _export,
        "catalogue": _catalogue,
        "score": _score,
    }
    drives = given.command in ("start", "resume", "confirm")
    try:
        with hard_stops(EXIT_STOPPED) if drives else nullcontext():
            return commands[given.command](given)
    except (PlanError, StoreError, LeaseHeld) as error:
        print(f"transfer-search: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except ModuleNotFoundError as error:
        if error.name not in TRAINING_LIBRARIES:
            raise
        print(f"transfer-search: {error}: this command trains; install what does, in a checkout:\n"
              "  pip install -c constraints.txt '.[train]'", file=sys.stderr)  # fmt: skip
        return EXIT_BAD_INPUT
    except BrokenPipeError:  # `head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        print(f"transfer-search: {error}\n  what is finished is safe: mend this, then resume",
              file=sys.stderr)  # fmt: skip
        return EXIT_FAILED


def _start(given: argparse.Namespace) -> int:
    from spaces.plan import load_plan

    plan = load_plan(given.plan)
    if given.data:
        data = plan.data.model_copy(update={"source": str(Path(given.data).absolute())})
        plan = plan.model_copy(update={"data": data})
    if given.dry_run:
        from search.dry_run import describe_plan

        print(describe_plan(plan, given.root))
        return 0
    from search.driver import start

    text = given.plan.read_text(encoding="utf-8")
    return _finish(start(plan, given.root, address=given.address, text=text))


def _fetch(given: argparse.Namespace) -> int:
    from search.fetch import fetch, fetched_text
    from spaces.plan import load_plan

    fetched = fetch(load_plan(given.plan), given.root)
    print(fetched_text(fetched))
    return EXIT_FAILED if fetched.failures else 0


def _resume(given: argparse.Namespace) -> int:
    from search.driver import resume
    from spaces.mistakes import Mistake, PlanError

    if given.add_trials < 0:
        mistake = Mistake("--add-trials", str(given.add_trials), "0 or more")
        raise PlanError("resume", [mistake])
    return _finish(
        resume(given.study, given.root, address=given.address, add_trials=given.add_trials)
    )


def _confirm(given: argparse.Namespace) -> int:
    from search.driver import confirm

    asked = {"top": given.top, "seeds": given.seeds, "address": given.address}
    return _finish(confirm(given.study, given.root, **asked))


def _finish(search: "Search") -> int:
    """The report of a finished search; how to go on with an unfinished one."""
    from analysis.report import text_of
    from analysis.snapshot import read_snapshot

    root = "" if search.root == Path("runs").absolute() else f" --root {search.root}"
    if not search.finished:
        print(
            f"stopped: {search.reason}\n"
            f"safe: every finished trial and phase, and a checkpoint of each phase in training\n"
            f"go on: transfer-search resume {search.record.name}{root}"
        )
        return EXIT_STOPPED
    snapshot = read_snapshot(search.record.name, search.root)
    print(text_of(snapshot))
    _write_page(snapshot)
    complete = search.trials().query("state == 'COMPLETE'")
    return 0 if set(complete["target"]) == set(search.record.targets) else EXIT_FAILED


def _status(given: argparse.Namespace) -> int:
    from analysis import status_text

    print(status_text(given.study, given.root))
    return 0


def _report(given: argparse.Namespace) -> int:
    from analysis.report import text_of
    from analysis.snapshot import read_snapshot

    snapshot = read_snapshot(given.study, given.root)  # once: text and page are of one moment
    text = text_of(snapshot)
    if given.output and given.output.suffix.lower() not in PAGES:
        _write("report", "--output", given.output, text)
        return 0
    print(text)
    _write_page(snapshot, given.output)
    return 0


def _write_page(snapshot: "Snapshot", output: Path | None = None) -> None:
    """The page where the flag says, else into the study's folder, as far as one may write there."""
    from analysis.page import page_of
    from spaces.layout import StudyPaths
    from spaces.mistakes import PlanError

    file = output or StudyPaths(snapshot.root.absolute(), snapshot.record.name).report
    page = page_of(snapshot)
    try:
        _write("report", "--output", file, page)
        print(f"page          {file}")
    except PlanError as error:
        if output:
            raise
        # Somebody else's study can be read all the same.
        print(f"transfer-search: no page: {error}", file=sys.stderr)


def _write(command: str, flag: str, file: Path, text: str) -> None:
    """Write a text where a flag says."""
    from spaces.mistakes import Mistake, PlanError

    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        mistake = Mistake(flag, repr(str(file)), f"a file one can write: {error}")
        raise PlanError(command, [mistake]) from None


def _export(given: argparse.Namespace) -> int:
    from search.export import export

    print(export(given.study, given.folder, given.format, given.target, given.root))
    return 0


def _catalogue(given: argparse.Namespace) -> int:
    from search.listing import catalogue_text

    print(catalogue_text(given.kind))
    return 0


def _score(given: argparse.Namespace) -> int:
    import json

    from analysis.submission import as_json, score_folders, scored_text
    from spaces.benchmark import BENCHMARKS

    scored = score_folders(given.predictions, given.labels, BENCHMARKS[given.benchmark])
    print(scored_text(scored))
    if given.json:
        _write("score", "--json", given.json, json.dumps(as_json(scored), indent=2))
    return EXIT_INCOMPLETE if scored.missing else 0
