"""The driver's journal: on the disk when it matters, and Optuna's own to everybody else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.study import open_for_writing, open_target
from search.target_queue import TargetQueue
from spaces.layout import StudyPaths
from tests.plans import frozen

RECORD = frozen({"study.sampler": "random"})


@contextmanager
def synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Lengths of a file at the moments when it was forced to the disk."""
    lengths: list[int] = []
    force = os.fsync

    def watched(number: int) -> None:
        force(number)
        lengths.append(path.stat().st_size)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", watched)
        yield lengths


def test_each_step_reaches_the_disk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked, reported, told or failed is on the disk when its caller goes on."""
    paths = StudyPaths(tmp_path, RECORD.name)
    storage = open_for_writing(RECORD.plan, paths)
    queue = TargetQueue(RECORD, "xnli", open_target(RECORD, "xnli", storage, None))
    with synced(paths.journal, monkeypatch) as lengths:
        first = queue.next()
        assert lengths == [paths.journal.stat().st_size]
        queue.should_prune(first, 30, 50.0)
        assert lengths[1:] == [paths.journal.stat().st_size]
        queue.complete(first, 50.0, {"reported_score": 1.0})
        assert lengths[2:] == [paths.journal.stat().st_size]
        queue.fail(queue.next(), "a reason")
        assert lengths[4:] == [paths.journal.stat().st_size]
        running = [queue.next() for _ in range(9)]
        del lengths[:]
        assert queue.next() is None and not lengths and len(running) == 9  # the last one waits


def test_a_step_that_fails_reaches_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that dies of an error within a step leaves what it had written."""
    paths = StudyPaths(tmp_path, RECORD.name)
    storage = open_for_writing(RECORD.plan, paths)
    queue = TargetQueue(RECORD, "xnli", open_target(RECORD, "xnli", storage, None))

    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("search.target_queue.trial_phases", broken)
    with synced(paths.journal, monkeypatch) as lengths:
        with pytest.raises(MemoryError):
            queue.next()
        assert lengths == [paths.journal.stat().st_size]
        storage.set_trial_user_attr(0, "later", 1)
        assert lengths[1:] == [paths.journal.stat().st_size]


def test_optuna_reads_it_while_it_is_written(tmp_path: Path) -> None:
    """Another process sees each trial as soon as it is asked; the file has Optuna's own form."""
    paths = StudyPaths(tmp_path, RECORD.name)
    storage = open_for_writing(RECORD.plan, paths)
    queue = TargetQueue(RECORD, "xnli", open_target(RECORD, "xnli", storage, None))
    theirs = JournalStorage(JournalFileBackend(str(paths.journal)))
    while asked := queue.next():
        queue.complete(asked, float(asked.number), {"reported_score": 1.0})
        assert theirs.get_all_trials(0) == storage.get_all_trials(0)
    assert not Path(f"{paths.journal}.lock").exists()
