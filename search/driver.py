"""From a plan or a study's name to a handle that drives it; start, resume and confirm alike."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from search.confirmation import confirmation, unchanged
from search.freeze import freeze
from search.handle import Search
from search.study import frozen_commits, reconcile
from spaces.mistakes import Mistake, PlanError
from spaces.objects import StoreAway, check_place, is_url, phase_place, reachable
from spaces.plan import Plan, load_plan
from spaces.plan_tracking import tracking_mistakes
from spaces.study import StudyRecord, read_study

DEFAULT_ROOT = Path("runs")

TOP, REPLICATES = 3, 5
"""Finalists of each selector, and sets of fresh seeds, where nobody asks for others."""


def prepare(
    plan: Plan | Path | str, root: Path | str = DEFAULT_ROOT
) -> tuple[StudyRecord, list[str]]:
    """A plan checked, frozen and compared with what its study already holds. Writes nothing.

    Returns:
        The record to run with, and one line for each way in which the space grew.

    Raises:
        PlanError: with every mistake.
        NotBrought: the hub does not give what is not in its cache.
        StoreError: the study's record cannot be read.
    """
    loaded = plan if isinstance(plan, Plan) else load_plan(plan)
    commits: dict[str, str] = {}
    with suppress(PlanError):  # a root that cannot be is told after what is wrong with the plan
        commits = frozen_commits(store_root(loaded, root), loaded.study.name)
    record = freeze(loaded, commits)
    with _explained(loaded):
        reachable(phase_place(loaded, Path(root)))
    return reconcile(record, store_root(loaded, root))


@contextmanager
def _explained(plan: Plan) -> Iterator[None]:
    """An object store that cannot be used is a mistake of the plan, or of the environment."""
    try:
        yield
    except StoreAway as error:
        rule = (
            "a bucket that can be listed, read and written, on a store that honours "
            "If-None-Match; its credentials and endpoint come from the environment "
            "(AWS_ACCESS_KEY_ID, AWS_ENDPOINT, ...)"
        )
        found = f"{plan.store.url!r}: {error.strerror}"
        raise PlanError("[store]", [Mistake("[store] url", found, rule)]) from None


def store_root(plan: Plan, root: Path | str) -> Path:
    """The root a plan uses, absolute: workers have other current folders than the driver.

    Studies lie there also where phases go to an object store, so that a journal has its disk.
    """
    given = str(root if is_url(plan.store.url) else plan.store.url or root)
    if is_url(given):
        rule = "a folder on a local or shared POSIX disk; [store] url may name an object store"
        raise PlanError("root", [Mistake("--root", repr(given), rule)])
    try:
        path = Path(given).expanduser().absolute()
        with suppress(FileNotFoundError):  # it may be new
            next(path.iterdir(), None)
    except (RuntimeError, OSError, ValueError) as error:  # no such home; a file; a name too long
        rule = f"a folder that is there or can be made: {error}"
        raise PlanError("root", [Mistake("--root or [store] url", repr(given), rule)]) from None
    return path


def _drive(
    record: StudyRecord,
    root: Path | str,
    lines: Iterable[str],
    *,
    wait: bool,
    address: str | None,
    quiet: bool,
    console: Console | None,
    text: str = "",
) -> Search:
    """Tell the user some lines, then drive a record to its end, or in the background.

    Raises:
        PlanError: of a confirmation, whose plan was checked on another day: a tracker is missing.
    """
    if wrong := [*tracking_mistakes(record.plan.tracking)]:
        raise PlanError(f"plan of study {record.plan.study.name!r}", wrong)
    found = store_root(record.plan, root)
    with _explained(record.plan):
        check_place(phase_place(record.plan, found))
    search = Search(record, found, console or Console(), address, quiet, text)
    for line in lines:
        search.say(line)
    return search.run() if wait else search.run_in_background()


def start(
    plan: Plan | Path | str,
    root: Path | str = DEFAULT_ROOT,
    *,
    wait: bool = True,
    address: str | None = None,
    quiet: bool = False,
    console: Console | None = None,
    text: str = "",
) -> Search:
    """Start a search; an existing study with an equal plan is resumed.

    Args:
        plan: a plan, or the path of one.
        root: holds studies, and phases where ``[store] url`` names no object store; a disk.
        wait: return when the search has ended; else at once, with the search in a thread.
        address: of a running Ray cluster; one of our own where it is left out.
        quiet: print nothing.
        console: where progress goes.
        text: the plan as its author wrote it, kept beside the study for people.

    Raises:
        PlanError: the plan has mistakes, or another study has its name.
        LeaseHeld: another driver runs this study.
    """
    record, growth = prepare(plan, root)
    if not text and not isinstance(plan, Plan):
        text = Path(plan).read_text(encoding="utf-8")
    lines = [f"the space grows: {line}" for line in growth]
    return _drive(
        record, root, lines, wait=wait, address=address, quiet=quiet, console=console, text=text
    )


def resume(
    study: str,
    root: Path | str = DEFAULT_ROOT,
    *,
    wait: bool = True,
    address: str | None = None,
    add_trials: int = 0,
    quiet: bool = False,
    console: Console | None = None,
) -> Search:
    """Go on with a study where it was left.

    Args:
        study: its name.
        root: holds it.
        add_trials: raise the budget by so many trials per target.
        wait: as for ``start``, like the other arguments.
        address: of a running Ray cluster.
        quiet: print nothing.
        console: where progress goes.

    Raises:
        StoreError: no such study.
        PlanError: rows or checkpoints changed since it was frozen; or trials are to be added to
            a confirmation.
    """
    record = read_study(Path(root), study)
    if record.confirms:
        if add_trials:
            rule = f"0: `transfer-search confirm {record.confirms.of} --seeds N` adds replicates"
            raise PlanError("resume", [Mistake("--add-trials", str(add_trials), rule)])
        again = unchanged(record)
        return _drive(again, root, (), wait=wait, address=address, quiet=quiet, console=console)
    plan = record.plan
    if add_trials:
        trials = plan.budget.trials_per_target + add_trials
        budget = plan.budget.model_copy(update={"trials_per_target": trials})
        plan = plan.model_copy(update={"budget": budget})
    return start(plan, root, wait=wait, address=address, quiet=quiet, console=console)


def confirm(
    study: str,
    root: Path | str = DEFAULT_ROOT,
    *,
    top: int = TOP,
    seeds: int = REPLICATES,
    wait: bool = True,
    address: str | None = None,
    quiet: bool = False,
    console: Console | None = None,
) -> Search:
    """Run a study's finalists and their baselines on test rows, with fresh seeds.

    The confirmation is a study ``<study>.confirm`` of its own, which is stopped, resumed, reported
    and read like any other. Called again it goes on, or grows where more is asked.

    Args:
        study: a searched study.
        root: holds it.
        top: finalists of each selector.
        seeds: sets of fresh seeds.
        wait: as for ``start``, like the other arguments.
        address: of a running Ray cluster.
        quiet: print nothing.
        console: where progress goes.

    Raises:
        StoreError: no such study.
        PlanError: nothing can be confirmed, or not under the conditions of an earlier confirmation.
        LeaseHeld: another driver runs this confirmation.
    """
    record, notes = confirmation(study, Path(root).absolute(), top, seeds)
    return _drive(record, root, notes, wait=wait, address=address, quiet=quiet, console=console)
