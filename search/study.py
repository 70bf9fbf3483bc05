"""A study's durable side: the frozen record, Optuna's storage opened for writing, generations."""

from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, create_trial
from sqlalchemy.exc import SQLAlchemyError

from analysis.storage import storage_url
from search.journal import DriverJournal, DriverStorage
from spaces.layout import StoreError, StudyPaths
from spaces.mistakes import Mistake, PlanError
from spaces.plan import Plan
from spaces.study import StudyRecord, differences, read_study
from spaces.suggest import Space

optuna.logging.set_verbosity(optuna.logging.WARNING)


def reconcile(new: StudyRecord, root: Path) -> tuple[StudyRecord, list[str]]:
    """The record to run with, given what the study's folder holds, and how the space grew.

    Writes nothing.

    Raises:
        PlanError: a study of this name has another plan.
    """
    if not StudyPaths(root, new.name).record.exists():
        return new, []
    old = read_study(root, new.name)
    growth, refusals = differences(old, new)
    if refusals:
        raise PlanError(f"study {new.name!r} exists with another plan", _refused(refusals))
    kept = {"versions": old.versions, "created": old.created}
    generation = old.generation + 1 if growth else old.generation
    return new.model_copy(update={**kept, "generation": generation}), growth


def frozen_commits(root: Path, study: str) -> dict[str, str]:
    """Repository of the hub -> the commit that a study has frozen; empty for a new study."""
    if not StudyPaths(root, study).record.exists():
        return {}
    return read_study(root, study).plan.data.commits


def _refused(refusals: list[str]) -> list[Mistake]:
    """Each difference as stored -> now."""
    rule = "the stored value (resume), or another [study] name; only the space may grow"
    return [
        Mistake(where.replace("|", "."), change, rule)
        for where, _, change in (line.partition(": ") for line in refusals)
    ]


def open_for_writing(
    plan: Plan, paths: StudyPaths, make_room: Callable[[], bool] = lambda: False
) -> BaseStorage:
    """The study's storage. Only the holder of the driver's lease may call this.

    A journal's torn last line (power loss) is cut off first: the next append would join it and lose
    the study. So is a dead writer's lock.

    Args:
        plan: names the storage.
        paths: of the study.
        make_room: see ``DriverJournal``.
    """
    url = storage_url(plan)
    if url is not None:
        return _open_database(url)
    paths.folder.mkdir(parents=True, exist_ok=True)
    repair_journal(paths.journal)
    Path(f"{paths.journal}.lock").unlink(missing_ok=True)
    try:
        return DriverStorage(DriverJournal(paths.journal, make_room))
    except ValueError as error:
        raise StoreError(
            f"{paths.journal} is damaged before its last line ({error}): restore it from a copy"
        ) from None


def _open_database(url: str) -> BaseStorage:
    """A database, its tables made where they are missing; messages never hold the URL."""
    try:
        # A connection that idled through a long phase may have been cut on the way: look first.
        return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    except ImportError as error:
        hint = "pip install '.[postgresql]' in the checkout"
        raise StoreError(f"[store] storage: {str(error).splitlines()[0]}; {hint}") from None
    except (SQLAlchemyError, OptunaError) as error:
        cause = type(error).__name__
        raise StoreError(
            f"[store] storage: the database cannot be opened ({cause}): is its server up, do user, "
            "password and database exist?"
        ) from None


def repair_journal(path: Path) -> int:
    """Cut a torn last line off a journal; returns the bytes cut."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        whole = file.read()
        torn = len(whole) - (whole.rfind(b"\n") + 1)
        if torn:
            file.truncate(len(whole) - torn)
    return torn


def open_target(
    record: StudyRecord, target: str, storage: BaseStorage, previous: int | None
) -> optuna.Study:
    """A target's Optuna study in the record's generation.

    Args:
        record: names the study.
        target: one of its targets.
        storage: open for writing.
        previous: the generation to copy trials from where this one is new; None otherwise.
    """
    name = record.optuna_name(target)
    if previous is None:
        return optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )
    names = {summary.study_name for summary in optuna.get_all_study_summaries(storage)}
    if name in names:  # a copy that was interrupted before study.json named it
        optuna.delete_study(study_name=name, storage=storage)
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    old = record.optuna_name(target, previous)
    if old in names:
        trials = optuna.load_study(study_name=old, storage=storage).get_trials(deepcopy=False)
        for trial in trials:
            study.add_trial(_regrown(trial, record.spaces[target]))
    return study


def _regrown(trial: FrozenTrial, space: Space) -> FrozenTrial:
    """A trial under the grown space's distributions: Optuna's categorical choices cannot change."""
    wider = {axis.name: axis.choices for axis in space.axes if axis.choices}
    distributions: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(wider[name]) if name in wider else old
        for name, old in trial.distributions.items()
    }
    copy = create_trial(
        state=trial.state,
        value=trial.value,
        params=trial.params,
        distributions=distributions,
        user_attrs=trial.user_attrs,
        system_attrs=trial.system_attrs,
        intermediate_values=trial.intermediate_values,
    )
    copy.datetime_start, copy.datetime_complete = trial.datetime_start, trial.datetime_complete
    return copy
