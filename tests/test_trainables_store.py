"""The phase store: exclusive publishing, checksums, sweeping, and what readers see."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spaces.layout import (
    SCHEMA_VERSION,
    PhasePaths,
    StoreError,
    executions,
    is_done,
    read_done,
    read_json,
    write_json,
)
from spaces.phases import PHASE_VERSIONS, InitialisationSpec
from spaces.places import file_sha256
from spaces.processes import Owner
from tests.worlds import attempts
from trainables.store import Attempt, PhaseStore

SPEC = InitialisationSpec(name="some", revision="r")
ROUNDS = 60


def spec(number: int) -> InitialisationSpec:
    """One of many phases."""
    return replace(SPEC, revision=f"r{number}")


def written(store: PhaseStore, text: str = "weights", phase: InitialisationSpec = SPEC) -> Attempt:
    """An attempt with two files, one of them in a folder."""
    attempt = store.begin(phase)
    (attempt.folder / "inside").mkdir()
    (attempt.folder / "a.txt").write_text(text)
    (attempt.folder / "inside" / "b.bin").write_bytes(b"\x00\x01")
    return attempt


def outcome(steps: int = 3) -> dict[str, Any]:
    """What an execution says of itself."""
    return {"steps": steps, "tokens": 90, "seconds": 1.5}


@pytest.fixture
def store(tmp_path: Path) -> PhaseStore:
    """A store with an author."""
    return PhaseStore(tmp_path, {"study": "s", "trial_number": 4})


def test_a_published_phase_is_found_with_its_provenance(store: PhaseStore) -> None:
    """A phase is absent until published; then its files, author and costs are there."""
    assert store.find(SPEC.key) is None and not is_done(store.root, SPEC.key)
    attempt = written(store)
    assert store.find(SPEC.key) is None and executions(store.root, SPEC.key) == []
    published = store.publish(attempt, outcome())
    found = PhaseStore(store.root).find(SPEC.key)
    assert found == published and found.folder == attempt.folder
    assert found.file("a.txt").read_text() == "weights"
    expected = {"study": "s", "trial_number": 4, "kind": "initialisation", "title": "some"}
    expected |= {"parent": "", **outcome()}
    assert expected.items() <= found.provenance.items()
    assert found.provenance["versions"]["python"].startswith("3.")
    assert executions(store.root, SPEC.key) == [found.provenance]


def test_the_mark_holds_every_file_and_its_checksum(store: PhaseStore) -> None:
    """``done.json`` names the attempt and the sha256 of each file it left, and nothing else."""
    attempt = written(store)
    store.publish(attempt, outcome())
    done = read_done(store.root, SPEC.key)
    assert done is not None and done["attempt"] == attempt.name
    names = ("a.txt", "inside/b.bin")
    assert done["files"] == {name: file_sha256(attempt.folder / name) for name in names}
    left = {p.name for p in attempt.folder.rglob("*") if p.is_file()}
    assert left == {"a.txt", "b.bin"}
    described = read_json(PhasePaths(store.root, SPEC.key).spec)
    assert described is not None and described["revision"] == "r"
    assert described["version"] == PHASE_VERSIONS["initialisation"]


def test_publishing_drops_the_checkpoints(store: PhaseStore) -> None:
    """A finished phase keeps no resumable state."""
    attempt = written(store)
    checkpoints = attempt.paths.checkpoints("w1-z0-fp32")
    checkpoints.mkdir(parents=True)
    store.publish(attempt, outcome())
    assert not checkpoints.parent.exists()


def names_in(folder: Path) -> list[str]:
    """What a folder holds."""
    return sorted(path.name for path in folder.iterdir())


def race(root: Path, name: str, gate: Any, answers: Any) -> None:
    """One of two processes that publish the same phases at the same moments."""
    store, seen = PhaseStore(root, {"study": name}), []
    for number in range(ROUNDS):
        attempt = written(store, name, spec(number))
        gate.wait(60)
        artifact = store.publish(attempt, outcome())
        seen.append((attempt.name, artifact.folder.name, artifact.file("a.txt").read_text()))
    answers.put((name, seen))


def test_of_two_publishers_exactly_one_wins(tmp_path: Path) -> None:
    """In every round both get the winner's files; the loser's are gone but for its record."""
    context = multiprocessing.get_context("fork")
    gate, answers = context.Barrier(2), context.Queue()
    racers = [
        context.Process(target=race, args=(tmp_path, name, gate, answers)) for name in ("a", "b")
    ]
    for racer in racers:
        racer.start()
    told = dict(answers.get(timeout=120) for _ in racers)
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0, 0]
    wins = 0
    for number, (first, second) in enumerate(zip(told["a"], told["b"], strict=True)):
        assert first[1:] == second[1:]  # one artifact for both
        winner, loser = (first, second) if first[0] == first[1] else (second, first)
        assert winner[0] == winner[1] and loser[0] != loser[1]
        wins += winner is first
        paths = PhasePaths(tmp_path, spec(number).key)
        assert names_in(paths.folder) == ["attempts", "done.json", "spec.json"]
        assert names_in(paths.attempts) == sorted([winner[0], loser[0]])
        assert names_in(paths.attempts / loser[0]) == ["lost.json"]
        booked = [row["study"] for row in executions(tmp_path, spec(number).key)]
        assert booked == (["a", "b"] if winner is first else ["b", "a"])
    assert len(told["a"]) == ROUNDS


def test_publishing_is_exclusive_without_hard_links_too(store: PhaseStore, monkeypatch) -> None:
    """Where a file system knows no links, the second publisher still takes the first's result."""

    def no_links(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(os, "link", no_links)
    first, second = written(store, "first"), written(store, "second")
    artifact = store.publish(first, outcome(1))
    assert store.publish(second, outcome(2)) == artifact
    assert artifact.file("a.txt").read_text() == "first"
    assert [row["steps"] for row in executions(store.root, SPEC.key)] == [1, 2]
    assert not list(PhasePaths(store.root, SPEC.key).folder.glob(".done*"))


@pytest.mark.parametrize("fault", ["changed", "shorter", "gone"])
def test_a_corrupt_artifact_is_set_aside(store: PhaseStore, fault: str) -> None:
    """A file that is not what was published makes the phase absent; its execution stays booked."""
    attempt = written(store)
    store.publish(attempt, outcome(1))
    file = attempt.folder / "inside" / "b.bin"
    if fault == "gone":
        file.unlink()
    else:
        file.write_bytes({"changed": b"\x00\x02", "shorter": b"\x00"}[fault])
    later = PhaseStore(store.root)
    assert later.find(SPEC.key) is None
    assert not is_done(store.root, SPEC.key)
    assert (attempt.folder / "set_aside.json").is_file()
    again = later.publish(written(later), outcome(2))
    assert again.folder != attempt.folder and later.find(SPEC.key) == again
    assert [row["steps"] for row in executions(store.root, SPEC.key)] == [2, 1]


@pytest.mark.parametrize("text", ["", '{"attempt": "x", "fil', "[1, 2]"])
def test_a_torn_mark_is_dropped(store: PhaseStore, text: str) -> None:
    """A ``done.json`` that does not parse completes nothing and blocks nobody."""
    done = PhasePaths(store.root, SPEC.key).done
    done.parent.mkdir(parents=True)
    done.write_text(text)
    assert store.find(SPEC.key) is None
    assert not done.exists()
    assert store.publish(written(store), outcome()) == store.find(SPEC.key)


def test_a_mark_of_a_newer_version_is_refused(store: PhaseStore) -> None:
    """What a later version of this package wrote is neither misread nor deleted."""
    store.publish(written(store), outcome())
    done = PhasePaths(store.root, SPEC.key).done
    newer = {**json.loads(done.read_text()), "schema_version": SCHEMA_VERSION + 1}
    done.write_text(json.dumps(newer))
    with pytest.raises(StoreError, match=f"schema version {SCHEMA_VERSION + 1}.*update") as caught:
        PhaseStore(store.root).find(SPEC.key)
    assert str(done) in str(caught.value)
    assert json.loads(done.read_text()) == newer


def test_interrupted_attempts_are_not_executions(store: PhaseStore) -> None:
    """Neither an abandoned nor an unfinished attempt is booked."""
    written(store).abandon()
    assert attempts(store.root) == []
    unfinished = written(store)
    assert executions(store.root, SPEC.key) == []
    store.publish(written(store), outcome())
    assert len(executions(store.root, SPEC.key)) == 1
    assert unfinished.folder.is_dir()


CHILD = """
import os, sys
from pathlib import Path
import trainables.store as module
from spaces.phases import PHASE_VERSIONS, InitialisationSpec

store = module.PhaseStore(Path(sys.argv[1]))
attempt = store.begin(InitialisationSpec(name="some", revision="r"))
(attempt.folder / "model").write_text("weights")
print(attempt.name, flush=True)
if sys.argv[2] == "publishing":
    module._create_exclusively = lambda *_: os._exit(1)
    store.publish(attempt, {})
os._exit(1)
"""


@pytest.mark.parametrize("died", ["training", "publishing"])
def test_attempts_of_dead_processes_are_swept(store: PhaseStore, died: str) -> None:
    """What a killed process left, at any moment before its mark, is deleted by the next attempt."""
    command = [sys.executable, "-c", CHILD, str(store.root), died]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    (dead,) = attempts(store.root)
    assert child.stdout.split() == [dead.name] and (dead / "model").is_file()
    mine = store.begin(SPEC)
    assert attempts(store.root) == [mine.folder]


def test_only_certainly_dead_owners_are_swept(store: PhaseStore) -> None:
    """Living processes and those of other machines keep theirs; a reused process id does not."""
    me = Owner.me()
    owners = {
        "living": me,
        "reused": replace(me, started=me.started - 1),
        "before-boot": replace(me, boot_id="an-earlier-one"),
        "elsewhere": replace(me, host="another-machine", pid=1),
    }
    paths = PhasePaths(store.root, SPEC.key)
    for name, owner in owners.items():
        write_json(paths.attempts / name / "owner.json", owner.to_json())
    mine = store.begin(SPEC)
    left = {path.name for path in attempts(store.root)}
    assert left == {"living", "elsewhere", mine.name}


def test_a_swept_key_keeps_its_published_attempt(store: PhaseStore) -> None:
    """Sweeping never touches what was published, lost or set aside."""
    first, second = written(store), written(store)
    artifact = store.publish(first, outcome())
    store.publish(second, outcome())
    store.begin(SPEC)
    assert PhaseStore(store.root).find(SPEC.key) == artifact
    assert len(executions(store.root, SPEC.key)) == 2


def test_reading_creates_nothing(store: PhaseStore) -> None:
    """Looking for a phase that is not there leaves no trace."""
    assert store.find(SPEC.key) is None and executions(store.root, SPEC.key) == []
    assert list(store.root.iterdir()) == []


def test_json_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A value that JSON cannot hold leaves the old file and no temporary one."""
    file = tmp_path / "a.json"
    write_json(file, {"a": 1})
    for bad in ({"a": float("nan")}, {"a": object()}):
        with pytest.raises((ValueError, TypeError)):
            write_json(file, bad)
    assert read_json(file) == {"schema_version": SCHEMA_VERSION, "a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
