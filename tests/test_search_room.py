"""The store's budget: what is evicted, what never is, and that nothing is lost by it."""

import errno
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from analysis import load_phases, load_trials, report_text, status_text
from search.cli import EXIT_STOPPED, _finish
from search.export import export_model
from search.freeze import freeze
from search.handle import Search
from search.journal import DriverJournal
from search.pins import PIN_SECONDS, Pins
from search.room import GIB, TOP_KEPT, Room
from search.searcher import StudySearcher
from search.stored import Holdings, Stored
from search.study import open_for_writing
from search.target_queue import Asked, TargetQueue
from spaces.layout import (
    StoreError,
    StudyPaths,
    executions,
    is_done,
    read_done,
    write_json,
)
from spaces.objects import phase_place
from spaces.phases import InitialisationSpec
from spaces.places import Disk, Place
from spaces.processes import Owner
from spaces.study import StudyRecord
from tests.plans import Changes
from tests.studies import oracle, queues
from tests.worlds import attempts, run, setting_of, shrink_micro_world, study
from trainables import TrialRequest, run_trial, world_for
from trainables.full_disk import full_disk
from trainables.store import PhaseStore, evict

ROUGHLY_ONE = 400 / GIB
"""GiB that about one state of the oracle takes."""


def frozen(changes: Changes | None = None) -> StudyRecord:
    """The record of a changed oracle study of 12 trials."""
    return freeze(oracle(changes))


def limited(gib: float, **more: Any) -> StudyRecord:
    """The same with a limit."""
    return frozen({"budget.store_gib": gib, **more})


def requested(record: StudyRecord, root: Path, asked: Asked) -> TrialRequest:
    """The trial that a searcher would hand out."""
    given = {"target": asked.target, "setting": asked.setting, "seeds": asked.seeds}
    return TrialRequest(root=root, record=record, trial_number=asked.number, **given)


def driven(record: StudyRecord, root: Path) -> Iterator[tuple[Room, Asked]]:
    """A study driven without Ray, as a searcher drives it; after each trial that was told."""
    found, world = queues(record, root), world_for(record, root)
    room = Room(phase_place(record.plan, root), record)
    room.open(found)
    for queue in found:
        while asked := queue.next():
            room.hold([asked])
            *_, last = run_trial(requested(record, root, asked), world)
            queue.complete(asked, last["score"], json.loads(last["record"]))
            room.told(asked, "COMPLETE", last, [])
            yield room, asked


def holdings_of(place: Place) -> Holdings:
    """What a place holds, read anew."""
    found = Holdings(place)
    found.scan()
    return found


def holdings(root: Path) -> Holdings:
    """The same of a disk."""
    return holdings_of(Disk(root))


def everything_in(place: Place) -> None:
    """Evict all weights of a place."""
    for key in holdings_of(place).phases:
        evict(place, key, lambda: False)


def everything(root: Path) -> None:
    """The same on a disk."""
    everything_in(Disk(root))


def scores(record: StudyRecord, root: Path) -> list[Any]:
    """What each trial was told, and what follows from its predictions."""
    trials = load_trials(record.name, root=root)
    names = ["target", "trial_number", "setting_id", "score", "reported_score"]
    return trials[names].to_numpy().tolist()


def test_a_store_stays_within_its_limit_and_the_search_finds_the_same(tmp_path: Path) -> None:
    """After each trial the store holds no more than its limit; every score is as without one."""
    free, tight = tmp_path / "free", tmp_path / "tight"
    whole = frozen()
    assert len(list(driven(whole, free))) == 12
    assert not any(stored.evicted for stored in holdings(free).phases.values())
    limit = 0.75 * holdings(free).held_bytes / GIB
    record = limited(limit)
    for _ in driven(record, tight):
        assert holdings(tight).held_bytes <= limit * GIB
    found = holdings(tight).phases
    assert {key: replace(s, evicted=False, seconds=0.0) for key, s in found.items()} == {
        key: replace(s, seconds=0.0) for key, s in holdings(free).phases.items()
    }
    assert any(stored.evicted for stored in found.values())
    assert scores(record, tight) == scores(whole, free)


def test_only_weights_go(tmp_path: Path) -> None:
    """Marks, provenance, checksums and everything of an evaluation outlive any eviction."""
    record = limited(ROUGHLY_ONE)
    assert len(list(driven(record, tmp_path))) == 12
    found = holdings(tmp_path).phases
    kept = [stored for stored in found.values() if stored.weights_bytes and not stored.evicted]
    assert {stored.kind for stored in kept} == {"target"} and len(kept) == TOP_KEPT
    trials = load_trials(record.name, root=tmp_path)
    best = trials.sort_values("score", ascending=False)["score"].head(TOP_KEPT).tolist()
    for stored in found.values():
        done = read_done(tmp_path, stored.key)
        artifact = PhaseStore(tmp_path).find(stored.key, whole=True)
        assert done is not None and artifact is not None and artifact.evicted == stored.evicted
        there = {name for name in done["files"] if artifact.file(name).exists()}
        assert there == done["files"].keys() - ({"state.json"} if stored.evicted else set())
        assert len(executions(tmp_path, stored.key)) >= 1
    kept_scores = [
        trial.score
        for trial in trials.itertuples()
        for phase in load_phases(record.name, root=tmp_path).itertuples()
        if phase.key in {s.key for s in kept} and phase.trial_number == trial.trial_number
    ]
    assert sorted(set(kept_scores), reverse=True) == best


def test_what_is_done_needs_no_weights(tmp_path: Path) -> None:
    """A trial whose phases are done but evicted executes nothing and has its score."""
    record, setting = study(), setting_of("oracle")
    first = run(tmp_path, record, setting)[-1]
    before = len(attempts(tmp_path))
    everything(tmp_path)
    again = run(tmp_path, record, setting)
    assert [message["event"] for message in again] == ["final"]
    assert again[-1]["score"] == first["score"] and len(attempts(tmp_path)) == before
    assert {p["how"] for p in json.loads(again[-1]["record"])["phases"]} == {"hit"}


def test_a_missing_phase_has_its_ancestors_rebuilt(tmp_path: Path) -> None:
    """Down to the first weights that are there, each once, booked as such in frames and reports."""
    record = frozen({"budget.trials_per_target": 4, "budget.no_intermediate_share": 0.0})
    record.write(StudyPaths(tmp_path, record.name))
    (queue,) = queues(record, tmp_path)
    world = world_for(record, tmp_path)
    asked = queue.next()
    while asked is not None and not asked.setting.intermediate:
        asked = queue.next()
    assert asked is not None
    other = replace(asked.setting.target, steps=asked.setting.target.steps + 1)
    # Another study on this store went the same way before, and a budget took its weights.
    assert asked.setting.target is not None
    older = replace(asked.setting, target=other)
    request = requested(record, tmp_path, asked)
    list(run_trial(replace(request, setting=older, trial_number=99), world))
    everything(tmp_path)
    *_, last = run_trial(request, world)
    queue.complete(asked, last["score"], json.loads(last["record"]))
    hows = [phase["how"] for phase in json.loads(last["record"])["phases"]]
    assert hows == ["rebuilt", "rebuilt", "trained", "trained"]
    phases = load_phases(record.name, root=tmp_path).query(f"trial_number == {asked.number}")
    assert phases["how"].tolist() == hows and not phases["hit"].any()
    steps = load_trials(record.name, root=tmp_path).set_index("trial_number")["steps"]
    assert steps[asked.number] == phases["steps"].sum()
    assert "2 of them rebuilt" in status_text(record.name, tmp_path)
    text = " ".join(report_text(record.name, tmp_path).split())
    assert "1 rebuilt" in text and "2 phases" in text and "that had been evicted" in text
    alone = run_trial(replace(request, root=tmp_path / "alone"), world)
    assert [*alone][-1]["score"] == last["score"]


def test_rebuilt_weights_are_the_very_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained after an eviction, a target phase is to the bit what it would have been."""
    shrink_micro_world(monkeypatch)
    record, setting = study("microworld"), setting_of("microworld")
    whole, evicted = tmp_path / "whole", tmp_path / "evicted"
    assert setting.target is not None
    earlier = replace(setting, target=replace(setting.target, steps=1))
    finals = []
    for root in (whole, evicted):
        run(root, record, earlier)
        if root == evicted:
            everything(root)
        finals.append(run(root, record, setting)[-1])
    phases = TrialRequest(root=whole, record=record, target="xnli", setting=setting).phases
    hows = [[p["how"] for p in json.loads(final["record"])["phases"]] for final in finals]
    assert hows[0][:2] == ["hit", "hit"] and hows[1][:2] == ["rebuilt", "rebuilt"]
    assert finals[0]["score"] == finals[1]["score"]
    for phase in phases[:3]:
        one, other = (PhaseStore(root).find(phase.key, whole=True) for root in (whole, evicted))
        assert one is not None and other is not None and not other.evicted
        tensors = [load_file(artifact.file("model.safetensors")) for artifact in (one, other)]
        assert tensors[0].keys() == tensors[1].keys()
        assert all((tensors[0][name] == tensors[1][name]).all() for name in tensors[0])


@pytest.mark.parametrize("instant", range(4))
def test_a_crash_within_an_eviction_corrupts_nothing(
    instant: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before or after any of its writes: the weights are whole, or known to be gone."""
    record, setting = study(), setting_of("oracle")
    first = run(tmp_path, record, setting)[-1]
    phases = TrialRequest(root=tmp_path, record=record, target="xnli", setting=setting).phases
    key = phases[1].key

    class Killed(BaseException):
        pass

    writes = iter(range(10))

    def mortal(method: Any) -> Any:
        def call(*arguments: Any) -> Any:
            at = next(writes)
            if 2 * at == instant:
                raise Killed
            done = method(*arguments)
            if 2 * at + 1 == instant:
                raise Killed
            return done

        return call

    with monkeypatch.context() as patch:
        for name in ("create", "delete"):
            patch.setattr(Disk, name, mortal(getattr(Disk, name)))
        with pytest.raises(Killed):
            evict(Disk(tmp_path), key, lambda: False)
    store = PhaseStore(tmp_path)
    artifact = store.find(key, whole=True)
    assert artifact is not None, "an evicted artifact was taken for a corrupt one"
    assert artifact.evicted == (instant > 0)
    assert artifact.evicted or artifact.file("state.json").exists()
    Holdings(Disk(tmp_path)).scan()
    found = holdings(tmp_path)
    found.finish_evictions()
    assert artifact.file("state.json").exists() == (instant == 0)
    assert run(tmp_path, record, setting)[-1]["score"] == first["score"]
    assert not list(tmp_path.rglob("set_aside.json"))


def test_of_two_that_rebuild_one_wins(tmp_path: Path) -> None:
    """Both get the winner's weights; an eviction, a rebuild and so on are all booked."""
    store, spec = PhaseStore(tmp_path), InitialisationSpec(name="some", revision="r")

    def attempt(text: str) -> Any:
        made = store.begin(spec)
        (made.folder / "state.json").write_text(text)
        return made

    store.publish(attempt("one"), {"steps": 1})
    for steps in (2, 4):
        assert evict(Disk(tmp_path), spec.key, lambda: False) == 3
        gone = store.find(spec.key, whole=True)
        assert gone is not None and gone.evicted and is_done(tmp_path, spec.key)
        first, second = attempt("one"), attempt("one")
        won = store.publish(first, {"steps": steps})
        assert store.publish(second, {"steps": steps + 1}) == won
        assert won.folder == first.folder and not won.evicted
        assert won.file("state.json").read_text() == "one"
        assert not (second.folder / "state.json").exists()
    made = executions(tmp_path, spec.key)
    assert made[0]["steps"] == 1 and sorted(row["steps"] for row in made) == [1, 2, 3, 4, 5]
    assert [row.get("rebuilt") for row in sorted(made, key=lambda r: r["steps"])] == [
        False, True, True, True, True
    ]  # fmt: skip


def test_corrupt_rebuilt_weights_are_rebuilt(tmp_path: Path) -> None:
    """A checksum that fails sets the rebuilt attempt aside; the first result stays published."""
    record, setting = study(), setting_of("oracle")
    run(tmp_path, record, setting)
    phases = TrialRequest(root=tmp_path, record=record, target="xnli", setting=setting).phases
    key = phases[1].key
    longer = replace(setting, target=replace(setting.target, steps=9))  # type: ignore[type-var]
    evict(Disk(tmp_path), key, lambda: False)
    run(tmp_path, record, longer)
    rebuilt = PhaseStore(tmp_path).find(key, whole=True)
    assert rebuilt is not None and not rebuilt.evicted
    rebuilt.file("state.json").write_text("{}")
    again = PhaseStore(tmp_path).find(key, whole=True)
    assert again is None  # set aside
    after = PhaseStore(tmp_path).find(key, whole=True)
    assert after is not None and after.evicted and after.folder != rebuilt.folder
    hows = run(tmp_path, record, replace(setting, target=replace(setting.target, steps=8)))  # type: ignore[type-var]
    assert [p["how"] for p in json.loads(hows[-1]["record"])["phases"]][1] == "rebuilt"


# -- what goes first, and what stays --------------------------------------------------------------


def stored(key: str, **more: Any) -> Stored:
    """A phase of 100 bytes of weights that took a second."""
    given = {"kind": "intermediate", "title": key, "parent": "", "seconds": 1.0}
    given |= {"weights_bytes": 100, "other_bytes": 0, "evicted": False}
    return Stored(key=key, **{**given, **more})


def ordered(room: Room, *phases: Stored) -> list[str]:
    """Keys in the order in which they would go."""
    room._holdings.phases.update({one.key: one for one in phases})
    return [one.key for one in sorted(phases, key=room.order)]


def test_the_least_value_goes_first(tmp_path: Path) -> None:
    """Cheap before dear, large before small, unused before used, used long ago before lately."""
    room = Room(Disk(tmp_path), frozen())
    cheap, dear = stored("cheap"), stored("dear", seconds=9.0)
    large = stored("large", weights_bytes=1000)
    assert ordered(room, dear, cheap, large) == ["large", "cheap", "dear"]
    lost = stored("lost", seconds=50.0, evicted=True)
    room._holdings.phases["lost"] = lost
    assert ordered(room, stored("orphan", parent="lost"), dear) == ["dear", "orphan"]
    target = stored("target", kind="target", seconds=1e6)
    assert ordered(room, cheap, target) == ["target", "cheap"]
    for key in ("early", *["other"] * 60, "late"):
        room._uses.book("xnli", [{"key": key, "kind": "intermediate"}], None, True)
    unused, early, late = stored("unused"), stored("early"), stored("late")
    assert ordered(room, late, early, unused) == ["unused", "early", "late"]


def test_phases_of_good_trials_are_likelier(tmp_path: Path) -> None:
    """Of two that were used as often, that of the better trials stays."""
    room = Room(Disk(tmp_path), frozen())
    for score in range(8):
        for key in ("bad", "good"):
            phase = {"key": key, "kind": "initialisation"}
            room._uses.book("xnli", [phase], score + (50.0 if key == "good" else 0.0), True)
    assert ordered(room, stored("good"), stored("bad")) == ["bad", "good"]


def write_pins(root: Path, key: str, kind: str = "needs", owner: Owner | None = None) -> Path:
    """What the driver of another study would write."""
    file = root / "pins" / "other-00000000.json"
    named = {"needs": [], "keeps": [], kind: [key]}
    write_json(file, {"study": "other", "owner": (owner or Owner.me()).to_json(), **named})
    return file


def evicted_keys(root: Path) -> set[str]:
    """Keys of phases without their weights."""
    return {key for key, one in holdings(root).phases.items() if one.evicted}


@pytest.mark.parametrize("case", ["alive", "gone", "old", "keeps", "keeps of the gone"])
def test_pins_of_other_studies_hold(case: str, tmp_path: Path) -> None:
    """What a living driver needs stays, and what any study keeps; what a dead one needed goes."""
    record, setting = study(), setting_of("oracle")
    run(tmp_path, record, setting)
    phases = TrialRequest(root=tmp_path, record=record, target="xnli", setting=setting).phases
    key = phases[1].key
    me = Owner.me()
    owner = replace(me, started=me.started - 1) if "gone" in case else replace(me, host="other")
    file = write_pins(tmp_path, key, "keeps" if "keeps" in case else "needs", owner)
    room = Room(Disk(tmp_path), limited(ROUGHLY_ONE / 100))
    if case == "old":
        then = file.stat().st_mtime - PIN_SECONDS - 60
        os.utime(file, (then, then))
    room.open([])
    everywhere = {phase.key for phase in phases[:3]}
    assert evicted_keys(tmp_path) == everywhere - ({key} if case not in ("gone", "old") else set())


def test_an_eviction_that_meets_a_pin_is_withdrawn(tmp_path: Path) -> None:
    """A driver that pins between the mark and the first deletion keeps its weights."""
    record, setting = study(), setting_of("oracle")
    run(tmp_path, record, setting)
    phases = TrialRequest(root=tmp_path, record=record, target="xnli", setting=setting).phases
    key, seen = phases[1].key, []

    def pinned() -> bool:
        done = read_done(tmp_path, key)
        seen.append(done is not None and done["evicted"])
        return True

    assert evict(Disk(tmp_path), key, pinned) == 0 and seen == [True]
    found = PhaseStore(tmp_path).find(key, whole=True)
    assert found is not None and not found.evicted


def test_what_a_plan_pins_stays(tmp_path: Path) -> None:
    """By the name of an initialisation, and by key."""
    record = frozen()
    list(driven(record, tmp_path))
    some = next(s for s in holdings(tmp_path).phases.values() if s.kind == "intermediate")
    pins = ["oracle-text", some.key]
    again = limited(ROUGHLY_ONE / 100, **{"store.pins": pins})
    room = Room(Disk(tmp_path), again)
    room.open(queues(again, tmp_path))
    left = {k for k, s in holdings(tmp_path).phases.items() if s.weights_bytes and not s.evicted}
    titles = {holdings(tmp_path).phases[key].title for key in left}
    kinds = [holdings(tmp_path).phases[key].kind for key in left]
    assert some.key in left and "oracle-text" in titles and "oracle-multimodal" not in titles
    assert kinds.count("target") == TOP_KEPT


def test_open_and_planned_trials_are_pinned(tmp_path: Path) -> None:
    """What a dead driver left open and the cells of a contrast hold their phases until told."""
    cells = {"contrast": {"seeds": 1, "intermediates": ["none", "nli:esho"]}}
    record = frozen({**cells, "budget.trials_per_target": 0})
    found = queues(record, tmp_path)
    (queue,) = found
    planned = queue.expected()
    assert len(planned) == record.planned("xnli") == 4
    left = queue.next()
    assert left is not None
    (queue,) = found = queues(record, tmp_path)  # the driver died with the trial open
    assert len(queue.expected()) == 4
    room = Room(Disk(tmp_path), record)
    room.open(found)
    another = Pins(Disk(tmp_path), record.model_copy(update={"created": "earlier"}))
    needs = another.everyones()
    assert {key for keys in planned.values() for key in keys} <= needs and left.keys <= needs
    world = world_for(record, tmp_path)
    while asked := queue.next():
        room.hold([asked])
        *_, last = run_trial(requested(record, tmp_path, asked), world)
        queue.complete(asked, last["score"], json.loads(last["record"]))
        room.told(asked, "COMPLETE", last, [])
    room.close()
    assert not another.everyones()


def test_a_limit_that_cannot_be_kept_is_said_once(tmp_path: Path) -> None:
    """Where all that is left is needed or kept, the search goes on above its limit, and says so."""
    said: list[str] = []
    record = limited(ROUGHLY_ONE / 1000)
    found, world = queues(record, tmp_path), world_for(record, tmp_path)
    room = Room(Disk(tmp_path), record, said.append)
    room.open(found)
    while asked := found[0].next():
        room.hold([asked])
        *_, last = run_trial(requested(record, tmp_path, asked), world)
        found[0].complete(asked, last["score"], json.loads(last["record"]))
        room.told(asked, "COMPLETE", last, [])
    assert len(said) == 1 and "above [budget] store_gib" in said[0]


def test_a_model_without_weights_is_not_exported(tmp_path: Path) -> None:
    """The message says what happened to the weights and what to do."""
    record = frozen()
    list(driven(record, tmp_path))
    everything(tmp_path)
    with pytest.raises(StoreError, match=r"were evicted.*\[store\] pins"):
        export_model(record.name, tmp_path / "model", "xnli", tmp_path)


# -- a full disk ----------------------------------------------------------------------------------


def full(*_: Any) -> Any:
    """A disk without room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/a file")


@pytest.mark.parametrize("is_room", [False, True])
def test_a_journal_on_a_full_disk_stays_whole(
    is_room: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a failed append wrote is cut off; where room can be made, the append is made."""
    asked: list[int] = []

    def make_room() -> bool:
        asked.append(1)
        monkeypatch.undo()
        return is_room

    journal = DriverJournal(tmp_path / "journal.log", make_room)
    journal.append_logs([{"number": 1}])
    before = (tmp_path / "journal.log").read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    if not is_room:
        with pytest.raises(OSError, match="No space left"):
            journal.append_logs([{"number": 2}])
        assert (tmp_path / "journal.log").read_bytes() == before
        monkeypatch.undo()
    journal.append_logs([{"number": 2}])
    assert [log["number"] for log in journal.read_logs(0)] == [1, 2] and asked == [1]


class Silent:
    """Hears everything and shows nothing."""

    def asked(self, asked: Asked) -> None: ...

    def held(self, count: int) -> None: ...

    def message(self, asked: Asked, message: Any) -> None: ...

    def told(self, asked: Asked, state: str, message: Any) -> None: ...


def searching(record: StudyRecord, root: Path) -> tuple[StudySearcher, Room, list[TargetQueue]]:
    """A searcher without Tune."""
    found, room = queues(record, root), Room(Disk(root), record)
    room.open(found)
    about = (found, root, record.name, 1, Silent(), lambda: None)
    return StudySearcher(*about, room=room), room, found


STOPPED = {"event": "stopped", "full_disk": True, "reason": "a worker cannot write: /data/a: full"}


def test_a_full_disk_makes_room_before_it_pauses(tmp_path: Path) -> None:
    """A trial that found no room is taken up again once weights have gone; else all pauses."""
    record = frozen()
    older = study()
    run(tmp_path, older, setting_of("oracle", steps=5))  # of a study that is over
    searcher, _, (queue,) = searching(record, tmp_path)
    config = searcher.suggest("a")
    assert isinstance(config, dict)
    searcher.on_trial_complete("a", dict(STOPPED))
    assert not searcher.stop_reason and len(evicted_keys(tmp_path)) >= 1
    again = searcher.suggest("b")
    assert isinstance(again, dict) and again["trial_number"] == config["trial_number"]
    large = {k for k, one in holdings(tmp_path).phases.items() if one.weights_bytes}
    while evicted_keys(tmp_path) != large:
        searcher.on_trial_complete("b", dict(STOPPED))
        assert not searcher.stop_reason
        searcher.suggest("b")
    searcher.on_trial_complete("b", dict(STOPPED))
    reason = searcher.stop_reason
    for shown in ("/data/a", "free:", f"disk of {tmp_path}", "could be evicted", "next:", "resume"):
        assert shown in reason
    assert "0 GiB in 0 phases" in reason
    assert queue.left_open == 1  # nothing was told: the trial is due again


def test_a_study_that_cannot_be_written_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk under the journal or the pins stops the search with the same message, whole."""
    record = frozen()
    searcher, *_ = searching(record, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert searcher.suggest("a") is None
    assert "cannot be written" in searcher.stop_reason and "next:" in searcher.stop_reason
    storage = open_for_writing(record.plan, StudyPaths(tmp_path, record.name))
    assert storage.get_all_studies()


@pytest.mark.parametrize("is_room", [False, True])
def test_a_driver_that_finds_no_room_pauses(
    is_room: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Its lease, record and pins are tried again once room was made; else it exits with 75."""
    record = study(root=tmp_path)
    if is_room:
        run(tmp_path, record, setting_of("oracle"))
    tries: list[int] = []

    def cramped(self: Search, room: Room) -> None:
        tries.append(1)
        if len(tries) == 1 or not is_room:
            full()

    monkeypatch.setattr(Search, "_run", cramped)
    handle = Search(record, tmp_path, quiet=True).run()
    assert handle.finished == is_room and len(tries) == 1 + is_room
    assert bool(evicted_keys(tmp_path)) == is_room
    if not is_room:
        assert _finish(handle) == EXIT_STOPPED == 75
        said = capsys.readouterr().out
        for shown in ("No space left", "/somewhere/a file", "free:", "next:", "resume small"):
            assert shown in said


@pytest.mark.parametrize(
    ("error", "free", "is_full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1 << 40, True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 1 << 40, True),
        (OSError("128 requested and 0 written"), 0, True),  # numpy
        (RuntimeError("PytorchStreamWriter failed writing file data/0"), 0, True),
        (RuntimeError("I/O error: No space left on device (os error 28)"), 1 << 40, True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), 1 << 40, False),
        (OSError(errno.ENOENT, "No such file"), 0, False),
        (ValueError("label 9"), 0, False),
    ],
)
def test_a_full_disk_is_known_by_whoever_meets_it(
    error: Exception, free: int, is_full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries that hide the error's number are seen through; other errors stay what they are."""
    monkeypatch.setattr("trainables.full_disk.free_bytes", lambda _: free)
    found = full_disk(error, tmp_path)
    assert (found is not None) == is_full
    assert found is None or found.errno in (errno.ENOSPC, errno.EDQUOT)


@pytest.mark.slow
def test_a_disk_that_is_really_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On 12 MiB a phase pauses the trial, eviction makes room, and it ends as elsewhere."""
    shrink_micro_world(monkeypatch)
    record, setting = study("microworld"), setting_of("microworld")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk of a known size can be mounted here: {mounted.stderr.strip()}")
    try:
        earlier = replace(setting, target=replace(setting.target, steps=1))  # type: ignore[type-var]
        run(disk, record, earlier)
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space") as caught, ballast.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        assert caught.value.errno == errno.ENOSPC
        with pytest.raises(OSError, match="No space") as paused:
            run(disk, record, setting)
        assert paused.value.errno == errno.ENOSPC
        everything(disk)  # the marks need no room
        assert evicted_keys(disk)
        ballast.write_bytes(b"")
        final = run(disk, record, setting)[-1]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert final["score"] == run(tmp_path / "elsewhere", record, setting)[-1]["score"]
