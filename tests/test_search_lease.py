"""One driver per study: who holds the lease, who may take it, and who finds out."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from search.lease import DriverLease, LeaseHeld, LeaseLost
from spaces import leases
from spaces.layout import read_json, write_json
from spaces.processes import Owner
from tests.plans import contents, lease_holder, python

RACER = """
import sys, time
from pathlib import Path
from search.lease import DriverLease, LeaseHeld
first, rounds = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
for number in range(rounds):
    lease = DriverLease(first.with_name(f"{number}.lease"))
    while not first.with_name(f"{number}.go").exists():
        pass
    try:
        lease.acquire(waiting=lambda text: None)
    except LeaseHeld:
        print(number, 0, flush=True)
        continue
    time.sleep(0.1)  # whoever lost has found out by now
    try:
        lease.check()
        print(number, 1, flush=True)
    except RuntimeError:
        print(number, "lost", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a study keeps its lease."""
    return tmp_path / "studies" / "first" / "driver.lease"


def elsewhere() -> Owner:
    """A process on another machine, of which nothing can be known from here."""
    return replace(Owner.me(), host="another-machine", boot_id="another-boot", pid=12)


def dead() -> Owner:
    """A process of this machine that runs no more: another one has its number."""
    return replace(Owner.me(), started=1.0)


def write_lease(path: Path, owner: Owner, epoch: int = 3, beat: int = 7) -> None:
    """The lease file of an owner."""
    write_json(path, {"owner": owner.to_json(), "epoch": epoch, "beat": beat})


def quietly(text: str) -> None:
    """Waits without a word."""


@contextmanager
def beating(path: Path, owner: Owner) -> Iterator[None]:
    """An owner that renews its lease, as a driver on another machine does."""
    ended = threading.Event()

    def beat() -> None:
        for number in range(8, 10_000):
            write_lease(path, owner, beat=number)
            if ended.wait(0.05):
                return

    thread = threading.Thread(target=beat)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_a_lease_comes_and_goes(path: Path) -> None:
    """A lease names its owner while it is held, and leaves nothing behind."""
    lease = DriverLease(path)
    lease.acquire()
    held = read_json(path)
    assert Owner.from_json(held["owner"]) == Owner.me() and held["epoch"] == 1
    lease.check()
    lease.release()
    assert not path.exists() and not list(path.parent.glob("*.claim-*"))
    again = DriverLease(path)
    again.acquire()
    again.check()
    again.release()


def test_a_second_driver_is_refused_at_once(path: Path) -> None:
    """While a driver of this machine lives, another one is told who it is and what to do."""
    with lease_holder(path) as process:
        before = contents(path.parent)
        with pytest.raises(LeaseHeld) as caught:
            DriverLease(path).acquire(waiting=pytest.fail)
        assert f"process {process.pid} on" in str(caught.value)
        assert "wait for it, or stop it" in str(caught.value)
        assert contents(path.parent) == before
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait() == 0
    lease = DriverLease(path)
    lease.acquire(waiting=pytest.fail)
    lease.release()


def test_a_killed_owner_is_taken_over_at_once(path: Path) -> None:
    """After kill -9 of a driver, the next one on its machine does not wait."""
    with lease_holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        lease = DriverLease(path)
        lease.acquire(waiting=pytest.fail)
        assert read_json(path)["epoch"] == 2
        lease.check()
        lease.release()


def test_owners_may_be_killed_again_and_again(path: Path) -> None:
    """Every takeover counts one up, and no claim of a dead owner stands in the way."""
    for epoch in (1, 2, 3):
        with lease_holder(path) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert read_json(path)["epoch"] == epoch


def test_a_number_used_again_is_another_process(path: Path) -> None:
    """A process that has the dead owner's number does not keep its lease alive."""
    write_lease(path, dead())
    lease = DriverLease(path)
    lease.acquire(waiting=pytest.fail)
    assert read_json(path)["epoch"] == 4
    lease.release()


def test_a_restarted_machine_has_no_old_owners(path: Path) -> None:
    """After a reboot the lease of any process of before is abandoned."""
    write_lease(path, replace(Owner.me(), boot_id="before"))
    lease = DriverLease(path)
    lease.acquire(waiting=pytest.fail)
    lease.release()


def test_another_machines_lease_is_abandoned_in_time(path: Path) -> None:
    """An owner elsewhere that does not stir for the whole patience is taken over, with a word."""
    write_lease(path, elsewhere())
    said: list[str] = []
    lease = DriverLease(path)
    lease.acquire(waiting=said.append, patience=0.4)
    lease.check()
    assert read_json(path)["epoch"] == 4
    assert said and all("process 12 on another-machine holds the lease" in text for text in said)
    lease.release()


def test_another_machines_living_owner_is_left_alone(path: Path) -> None:
    """An owner elsewhere that renews its lease keeps it, whatever this machine's clock says."""
    write_lease(path, elsewhere())
    with beating(path, elsewhere()), pytest.raises(LeaseHeld, match="alive: stop it there first"):
        DriverLease(path).acquire(waiting=quietly, patience=4)
    assert Owner.from_json(read_json(path)["owner"]) == elsewhere()
    assert not list(path.parent.glob("*.claim-*"))


def test_a_lease_given_back_elsewhere_is_free(path: Path) -> None:
    """While one waits for another machine's driver, that one may finish."""
    write_lease(path, elsewhere())
    lease = DriverLease(path)
    lease.acquire(waiting=lambda text: path.unlink(missing_ok=True), patience=4)
    lease.check()
    lease.release()


def test_a_lost_lease_is_noticed(path: Path) -> None:
    """Whoever was taken over may publish no more, and takes nothing away from the new owner."""
    lease = DriverLease(path)
    lease.acquire()
    write_lease(path, elsewhere(), epoch=2)
    assert not lease.is_mine()
    with pytest.raises(LeaseLost, match="another driver took over 'first'; this one stops"):
        lease.check()
    lease.release()
    assert Owner.from_json(read_json(path)["owner"]) == elsewhere()


def test_a_lost_lease_is_not_renewed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old owner's beat ends when another one has the lease."""
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.02)
    lease = DriverLease(path)
    lease.acquire()
    while read_json(path)["beat"] < 3:
        time.sleep(0.01)
    write_lease(path, elsewhere(), epoch=2)
    lease._thread.join(timeout=30)
    assert not lease._thread.is_alive()
    assert read_json(path)["beat"] == 7
    lease.release()


def test_a_sleeper_does_not_share_the_lease_of_a_later_driver(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that slept while another took over, finished and left, finds a third one's lease."""
    monkeypatch.setattr(leases, "BEAT_SECONDS", 3600)
    sleeper = DriverLease(path)
    sleeper.acquire()
    write_lease(path, elsewhere(), epoch=2)  # took over while this one slept ...
    path.unlink()  # ... and gave it back, claims and all
    for claim in path.parent.glob("*.claim-*"):
        claim.unlink()
    with lease_holder(path), pytest.raises(LeaseLost):
        sleeper.check()


def test_a_claim_that_is_about_to_be_written_counts(path: Path) -> None:
    """Between another driver's claim and its lease there is no gap to slip through."""
    write_lease(path, dead())
    first, second = DriverLease(path), DriverLease(path)
    refused: list[LeaseHeld] = []
    write = first._write

    def late() -> None:
        first._write = write  # type: ignore[method-assign]
        try:
            second.acquire(waiting=quietly)
        except LeaseHeld as error:
            refused.append(error)
        write()

    first._write = late  # type: ignore[method-assign]
    try:
        first.acquire(waiting=quietly)
    except LeaseHeld as error:
        refused.append(error)
    assert len(refused) == 1
    for lease in (first, second):
        lease._stop.set()


def test_of_simultaneous_takeovers_one_wins(tmp_path: Path) -> None:
    """However many drivers see a dead owner at the same instant, one of them drives."""
    rounds = 8
    for number in range(rounds):
        write_lease(tmp_path / f"{number}.lease", dead())
    racers = [python(RACER, tmp_path / "0.lease", rounds) for _ in range(3)]
    try:
        for racer in racers:
            assert racer.stdout.readline() == "ready\n"
        found = []
        for number in range(rounds):
            (tmp_path / f"{number}.go").touch()
            found.append([racer.stdout.readline().split() for racer in racers])
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert [[int(words[0]) for words in round] for round in found] == [
        [number] * 3 for number in range(rounds)
    ]
    winners = [sum(words[1] != "0" for words in round) for round in found]
    assert winners == [1] * rounds


def test_a_torn_lease_is_no_lease(path: Path) -> None:
    """A lease file that a full disk cut short stops nobody."""
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"owner": 1})[:5])
    lease = DriverLease(path)
    lease.acquire(waiting=pytest.fail)
    lease.check()
    lease.release()
