"""Phases in an object store, against an S3 server on loopback that the tests start."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from analysis import load_phases, load_scores, load_trials, report_text
from search.dry_run import describe_plan
from search.room import Room
from spaces.layout import (
    PhaseNames,
    StudyPaths,
    artifact_folder,
    executions,
    finished_folder,
    is_done,
    json_bytes,
    latest_mark,
    read_done,
)
from spaces.objects import SCRATCH, Objects, StoreAway, phase_place
from spaces.phases import InitialisationSpec
from spaces.places import Disk, Place
from spaces.processes import Owner
from tests.object_server import BUCKET, SECRET, environment, exported, object_server
from tests.plans import HOME, to_toml, values
from tests.test_search_room import driven, everything_in, frozen, holdings_of
from tests.worlds import run, setting_of, shrink_micro_world, study
from trainables import TrialRequest
from trainables.store import PhaseStore

pytestmark = pytest.mark.services

SPEC = InitialisationSpec(name="some", revision="r")
ROUNDS = 6


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server for all tests of this file."""
    with object_server() as found, exported(found):
        yield found


@pytest.fixture
def url(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of the bucket that is a test's own, and so is the cache."""
    monkeypatch.setenv(SCRATCH, str(tmp_path / "scratch"))
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture(params=["disk", "objects"])
def place(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> Place:
    """An empty place of each kind."""
    return Disk(tmp_path / "disk") if request.param == "disk" else Objects(url)


def test_both_kinds_of_place_keep_the_contract(place: Place) -> None:
    """Names appear whole, once created nobody creates them again, and absence is no error."""
    assert place.read("a/b.json") is None and place.modified("a/b.json") is None
    assert place.names("a") == [] and not place.move("a/b.json", "a/c.json")
    place.delete("a/b.json")
    assert place.create("a/b.json", b"first") and not place.create("a/b.json", b"second")
    assert place.read("a/b.json") == b"first" and place.exists("a/b.json")
    assert not place.exists("a") and not place.exists("a/b")
    assert place.create("a/empty", b"") and not place.create("a/empty", b"")
    assert place.read("a/empty") == b""
    modified = place.modified("a/b.json")
    assert modified is not None and abs(modified - time.time()) < 60
    place.put("a/b.json", b"third")
    place.put("a/deep/er/c", b"")
    place.put("ab/not", b"")
    assert place.names("a") == ["a/b.json", "a/deep/er/c", "a/empty"]
    assert place.move("a/b.json", "a/deep/b.json") and place.read("a/deep/b.json") == b"third"
    place.delete("a/deep")
    assert place.names("a") == ["a/empty"] and place.names("ab") == ["ab/not"]


def test_files_are_brought_once_and_whole(url: str) -> None:
    """What is kept comes back with its checksum; what is damaged here is brought again."""
    from spaces.places import file_sha256

    place = Objects(url)
    folder = place.local / "phases" / "x"
    folder.mkdir(parents=True)
    content = os.urandom(12_000_000)  # several parts
    (folder / "big").write_bytes(content)
    digest = file_sha256(folder / "big")
    place.keep("phases/x", ["big"])
    for damage in (lambda f: f.unlink(), lambda f: f.write_bytes(b"torn"), lambda f: None):
        damage(folder / "big")
        assert place.bring("phases/x", {"big": digest})
        assert (folder / "big").read_bytes() == content
    assert not place.bring("phases/x", {"big": "0" * 64})
    assert not place.bring("phases/x", {"absent": digest})
    assert [path.name for path in folder.iterdir()] == ["big"]


def written(store: PhaseStore, text: str, phase: InitialisationSpec = SPEC) -> Any:
    """An attempt with weights and something smaller."""
    attempt = store.begin(phase)
    (attempt.folder / "model.safetensors").write_text(text)
    (attempt.folder / "losses.npy").write_text("losses")
    return attempt


def race(url: str, scratch: str, name: str, gate: Any, answers: Any) -> None:
    """One of two machines that publish the same phases at the same moments."""
    os.environ[SCRATCH] = scratch
    store, seen = PhaseStore(Objects(url), {"study": name}), []
    for number in range(ROUNDS):
        attempt = written(store, name, replace(SPEC, revision=f"r{number}"))
        gate.wait(120)
        artifact = store.publish(attempt, {"steps": 1})
        text = artifact.file("model.safetensors").read_text()
        seen.append((attempt.name, artifact.folder.name, text))
    answers.put((name, seen))


def test_of_two_publishers_exactly_one_wins(url: str, tmp_path: Path) -> None:
    """Both machines read the winner's files; of the loser's nothing is left but its record."""
    context = multiprocessing.get_context("spawn")
    gate, answers = context.Barrier(2), context.Queue()
    racers = [
        context.Process(target=race, args=(url, str(tmp_path / name), name, gate, answers))
        for name in ("a", "b")
    ]
    for racer in racers:
        racer.start()
    told = dict(answers.get(timeout=200) for _ in racers)
    for racer in racers:
        racer.join()
    for number, (first, second) in enumerate(zip(told["a"], told["b"], strict=True)):
        assert first[1:] == second[1:]
        winner, loser = (first, second) if first[0] == first[1] else (second, first)
        assert winner[0] == winner[1] != loser[0]
        key = replace(SPEC, revision=f"r{number}").key
        names = PhaseNames(key)
        left = Objects(url).names(names.folder)
        own = {f"{winner[0]}/losses.npy", f"{winner[0]}/model.safetensors", f"{loser[0]}/lost.json"}
        attempts = {name for name in left if name.startswith(names.attempts)}
        assert {name.removeprefix(f"{names.attempts}/") for name in attempts} == own
        assert {*left} - attempts == {names.done, names.spec}
        assert sorted(row["study"] for row in executions(Objects(url), key)) == ["a", "b"]
    assert len(told["a"]) == ROUNDS


CHILD = """
import os, sys
import trainables.store as module
from spaces.objects import Objects
from spaces.phases import InitialisationSpec

place = Objects(sys.argv[1])
store = module.PhaseStore(place)
attempt = store.begin(InitialisationSpec(name="some", revision="r"))
for name in ("losses.npy", "model.safetensors"):
    (attempt.folder / name).write_text("weights")
if sys.argv[2] == "uploading":
    def torn(self, folder, names):
        self.put(f"{folder}/losses.npy", b"weights")
        os._exit(1)
    Objects.keep = torn
else:
    module._create_exclusively = lambda *_: os._exit(1)
store.publish(attempt, {})
"""


@pytest.mark.parametrize("died", ["uploading", "publishing"])
def test_torn_uploads_are_never_results(url: str, died: str) -> None:
    """Killed before its mark, an attempt is no result; the next one on its machine sweeps it."""
    command = [sys.executable, "-c", CHILD, url, died]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(HOME)}, check=False)
    place, names = Objects(url), PhaseNames(SPEC.key)
    (dead,) = {name.rpartition("/")[0] for name in place.names(names.attempts)}
    assert f"{dead}/losses.npy" in place.names(names.attempts)
    assert not is_done(place, SPEC.key) and executions(place, SPEC.key) == []
    store = PhaseStore(place)
    assert store.find(SPEC.key) is None
    mine = store.begin(SPEC)
    assert not any(name.startswith(dead) for name in place.names(names.attempts))
    assert not (place.local / dead).exists() and mine.folder.is_dir()


def test_only_the_dead_of_this_machine_are_swept(url: str) -> None:
    """An upload of another machine stays, dead or not: that cannot be known from here."""
    place, names = Objects(url), PhaseNames(SPEC.key)
    elsewhere = replace(Owner.me(), host="another-machine", pid=1)
    place.put(f"{names.attempts}/theirs/owner.json", json_bytes(elsewhere.to_json()))
    PhaseStore(place).begin(SPEC)
    assert f"{names.attempts}/theirs/owner.json" in place.names(names.attempts)


def test_a_damaged_artifact_is_set_aside(url: str) -> None:
    """Bytes that are not what was published make the phase absent; its execution stays booked."""
    place = Objects(url)
    store = PhaseStore(place)
    artifact = store.publish(written(store, "weights"), {"steps": 1})
    done = read_done(place, SPEC.key)
    assert done is not None
    place.put(PhaseNames(SPEC.key).of(done, "model.safetensors"), b"damaged")
    artifact.file("model.safetensors").unlink()
    assert PhaseStore(place).find(SPEC.key, whole=True) is None
    assert latest_mark(place, SPEC.key) is None
    assert [row["steps"] for row in executions(place, SPEC.key)] == [1]
    assert store.publish(written(store, "weights"), {"steps": 2}).folder != artifact.folder


def test_weights_are_brought_for_those_who_train(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another machine a hit costs no weights; what is trained from them equals a disk's bits."""
    shrink_micro_world(monkeypatch)
    record, setting = study("microworld", store={"url": url}), setting_of("microworld")
    assert setting.target is not None
    run(tmp_path, record, replace(setting, target=replace(setting.target, steps=1)))
    monkeypatch.setenv(SCRATCH, str(tmp_path / "another machine"))
    final = run(tmp_path, record, setting)[-1]
    place = phase_place(record.plan, tmp_path)
    phases = TrialRequest(root=tmp_path, record=record, target="xnli", setting=setting).phases
    folders = []
    for phase in phases[:3]:
        done = read_done(place, phase.key)
        assert done is not None
        folders.append(artifact_folder(place, phase.key, done))
    weights = [folder / "model.safetensors" for folder in folders]
    assert [file.exists() for file in weights] == [False, True, True]
    assert (folders[0] / "tokenizer.json").exists()
    disk = study("microworld")
    assert run(tmp_path / "disk", disk, setting)[-1]["score"] == final["score"]
    other = PhaseStore(tmp_path / "disk").find(phases[2].key, whole=True)
    assert other is not None
    ours, theirs = load_file(weights[2]), load_file(other.file("model.safetensors"))
    assert all((ours[name] == theirs[name]).all() for name in theirs)
    monkeypatch.setenv(SCRATCH, str(tmp_path / "a laptop"))
    place = phase_place(record.plan, tmp_path)
    assert not (finished_folder(place, phases[2].key) / "model.safetensors").exists()
    assert (finished_folder(place, phases[2].key, weights=True) / "model.safetensors").exists()


def test_eviction_works_there_too(url: str, tmp_path: Path) -> None:
    """Within a limit the search finds the same; evicted weights are nowhere any more."""
    whole = frozen()
    list(driven(whole, tmp_path / "disk"))
    limit = 0.75 * holdings_of(Disk(tmp_path / "disk")).held_bytes / float(1 << 30)
    record = frozen({"store.url": url, "budget.store_gib": limit})
    place = phase_place(record.plan, tmp_path)
    assert isinstance(place, Objects)
    for _ in driven(record, tmp_path):
        fresh = phase_place(record.plan, tmp_path)  # what was absent is remembered for a second
        assert holdings_of(fresh).held_bytes <= limit * (1 << 30)
    found = holdings_of(fresh).phases
    gone = [key for key, one in found.items() if one.evicted]
    assert gone
    for key in gone:
        done = read_done(place, key)
        assert done is not None and is_done(place, key)
        name = PhaseNames(key).of(done, "state.json")
        assert not place.exists(name) and not (place.local / name).exists()
    names = ["trial_number", "setting_id", "score"]
    ours, theirs = (load_trials("first", root=r)[names] for r in (tmp_path, tmp_path / "disk"))
    assert ours.equals(theirs)
    everything_in(place)
    assert all(_scored(place, n) for n in place.names("phases") if n.endswith("state.json"))


def _scored(place: Place, name: str) -> bool:
    """Whether a file is of an evaluation."""
    done = read_done(place, name.split("/")[2])
    return done is not None and done["provenance"]["kind"] == "evaluation"


DRIVER = """
import sys
import search
if __name__ == "__main__":
    handle = search.start(sys.argv[1], root=sys.argv[2], quiet=True)
    print("finished", handle.finished, flush=True)
"""


def start(plan: Path, root: Path, endpoint: str) -> subprocess.Popen[str]:
    """A driver in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(plan), str(root)],
        env={**os.environ, **environment(endpoint), "PYTHONPATH": str(HOME)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_killed_search_goes_on(url: str, endpoint: str, tmp_path: Path) -> None:
    """Driver and workers are killed with SIGKILL: no phase twice, all trials told, frames readable.

    The key of the bucket stands in no file of the study, and in no report.
    """
    tables = values({"store.url": url, "data.oracle_seconds_per_phase": 0.5})
    plan, root = tmp_path / "plan.toml", tmp_path / "root"
    plan.write_text(to_toml(tables))
    dry = describe_plan(frozen({"store.url": url}).plan, root)
    assert "store holds 0" in dry and not root.exists()
    driver = start(plan, root, endpoint)
    until, place = time.monotonic() + 200, Objects(url)
    while len([n for n in place.names("phases") if n.endswith("/done.json")]) < 6:
        assert driver.poll() is None and time.monotonic() < until, driver.communicate()[0]
        time.sleep(0.2)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    before = {n for n in place.names("phases") if n.endswith("/done.json")}
    again = start(plan, root, endpoint)
    said, _ = again.communicate(timeout=280)
    assert "finished True" in said, said
    trials = load_trials("first", root=root)
    assert trials["state"].tolist() == ["COMPLETE"] * 12
    phases = load_phases("first", root=root)
    executed = phases[~phases["hit"]]
    assert not executed["key"].duplicated().any() and set(phases["how"]) == {"trained", "hit"}
    assert len(load_scores("first", root=root)) > 0
    assert len(before & {PhaseNames(key).done for key in executed["key"]}) == len(before)
    assert url in report_text("first", root)
    assert StudyPaths(root, "first").journal.exists()
    assert not [f for f in (root / "phases").rglob("*") if f.is_file()]  # leases were given back
    for file in [f for f in root.rglob("*") if f.is_file()]:
        assert SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in said + report_text("first", root)
    for name in place.names("pins") + place.names("phases"):
        assert SECRET.encode() not in (place.read(name) or b"")


def test_a_store_that_goes_away_pauses_the_search(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket that cannot be reached fails no trial: the error says so, and is one that pauses."""
    from trainables.full_disk import STOPPING_ERRNOS

    record = study(store={"url": url})
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:1")
    place = Objects(url, tries=1)
    with pytest.raises(StoreAway, match=url) as caught:
        place.put("a", b"")
    assert caught.value.errno in STOPPING_ERRNOS and SECRET not in str(caught.value)
    assert not Room(place, record).make_room()  # a full disk here gains nothing by it


def test_a_store_that_ignores_conditions_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two could create one mark, no search begins; the probe leaves nothing behind."""
    place = Objects(url)
    place.check()

    def overwritten(self: Objects, name: str, content: bytes) -> bool:
        self.put(name, content)
        return True

    monkeypatch.setattr(Objects, "create", overwritten)
    with pytest.raises(StoreAway, match="If-None-Match"):
        place.check()
    assert place.names("pins") == []


def test_a_bucket_that_is_not_there_is_refused(url: str) -> None:
    """The message names the store, not the request."""
    with pytest.raises(StoreAway, match="s3://no-such-bucket/x"):
        Objects("s3://no-such-bucket/x").check()
