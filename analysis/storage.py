"""A study's Optuna storage, opened to be read: nothing is created, nothing is written."""

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from spaces.layout import StoreError, StudyPaths
from spaces.plan import Plan
from spaces.study import StudyRecord

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial
    from sqlalchemy.engine import URL

# Optuna and SQLAlchemy are imported inside the functions that need them: `import analysis` stays
# cheap, and a command that only prints help never pays for them.

DATABASES = ("sqlite", "postgresql")
"""Databases that may hold a study instead of a journal."""


def storage_url(plan: Plan) -> str | None:
    """The database URL of a plan's storage, or None where it is a journal in the study's folder.

    ``env:NAME`` stands for the URL in the environment variable NAME, so that a password appears in
    no plan, no ``study.json`` and no message.

    Raises:
        StoreError: the variable is not set, or this is no storage we know.
    """
    given = plan.store.storage
    if given == "journal":
        return None
    url = _from_environment(given) if given.startswith("env:") else given
    scheme, separator, _ = url.partition("://")
    if not separator or scheme.partition("+")[0] not in DATABASES:
        # What follows the scheme may hold a password.
        shown = given if given.startswith("env:") else given.partition(":")[0]
        raise StoreError(
            f"[store] storage = {shown!r} names no storage: expected 'journal', "
            "'sqlite:///<file>', 'postgresql://...', or 'env:NAME' where NAME holds such a URL"
        )
    return url


def _from_environment(given: str) -> str:
    variable = given.removeprefix("env:")
    url = os.environ.get(variable, "")
    if not url:
        raise StoreError(
            f"[store] storage = {given!r}: the environment variable {variable} is not set; "
            "export it with the storage's URL, password included, and call again"
        )
    return url


def open_storage(record: StudyRecord, root: Path) -> "BaseStorage":
    """A study's storage for readers; the study may be running.

    Args:
        record: the study.
        root: folder of all studies and phases.

    Raises:
        StoreError: the storage is absent, damaged or out of reach. It is never created.
    """
    url = storage_url(record.plan)
    if url is None:
        return _open_journal(StudyPaths(Path(root).absolute(), record.name).journal, record.name)
    return _open_database(url, record.name)


def _absent(path: Path, name: str) -> StoreError:
    return StoreError(
        f"no storage of study {name!r} at {path}: either no driver has opened it yet "
        f"(`transfer-search resume {name}` does), or it was moved"
    )


def _open_journal(path: Path, name: str) -> "BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if not path.is_file():
        raise _absent(path, name)  # JournalFileBackend would create it
    try:
        # A torn last line is a write in progress, or a driver that died in one: Optuna's reader
        # leaves it out. A torn line further up would shift trial numbers, so it is an error.
        return JournalStorage(JournalFileBackend(str(path)))
    except ValueError as error:
        raise StoreError(
            f"{path} is damaged before its last line ({error}): restore it from a copy"
        ) from error


def _open_database(url: str, name: str) -> "BaseStorage":
    from optuna.exceptions import OptunaError
    from optuna.storages import RDBStorage
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Not chained: the cause may quote the URL, and with it the password.
        raise StoreError(f"the storage URL of study {name!r} cannot be parsed") from None
    if parsed.get_backend_name() == "sqlite":
        parsed = _existing_file(parsed, name)
    try:
        # skip_table_creation: a reader of an empty database must not lay out tables in it.
        return RDBStorage(parsed.render_as_string(hide_password=False), skip_table_creation=True)
    except (OptunaError, SQLAlchemyError, ImportError, RuntimeError) as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        shown = parsed.render_as_string(hide_password=True)
        raise StoreError(f"study {name!r} cannot be read from {shown}: {cause}") from error


def _existing_file(url: "URL", name: str) -> "URL":
    """The URL that opens an SQLite file without ever creating it."""
    path = Path(url.database or ":memory:").absolute()
    if not path.is_file():
        raise _absent(path, name)
    # mode=rw and not ro: a driver killed within a commit leaves a journal that the next reader has
    # to roll back. SQLite itself falls back to reading where the file may not be written.
    opened = url.set(database=f"file:{quote(str(path))}")
    return opened.update_query_dict({"mode": "rw", "uri": "true"})


def read_all_trials(record: StudyRecord, root: Path) -> dict[str, list["FrozenTrial"]]:
    """Target -> its trials by number, from one look at the storage.

    Raises:
        StoreError: the storage cannot be read.
    """
    storage = open_storage(record, root)
    return {target: _trials(storage, record, target) for target in record.targets}


def read_trials(record: StudyRecord, root: Path, target: str) -> list["FrozenTrial"]:
    """Trials of one target by number; empty where its Optuna study does not exist yet.

    Raises:
        StoreError: the storage cannot be read.
    """
    return _trials(open_storage(record, root), record, target)


def _trials(storage: "BaseStorage", record: StudyRecord, target: str) -> list["FrozenTrial"]:
    try:
        study_id = storage.get_study_id_from_name(record.optuna_name(target))
    except KeyError:  # the driver has not come to this target yet
        return []
    return storage.get_all_trials(study_id, deepcopy=False)
