"""Who is asked to stop: at once while nothing runs, softly while a search does."""

import os
import signal
import threading

import pytest

from search.signals import hard_stops, soft_stops

NUMBERS = (signal.SIGTERM, signal.SIGUSR1)


class Stopped:
    def __init__(self) -> None:
        self.reason, self.said = "", list[str]()

    def say(self, text: str) -> None:
        self.said.append(text)

    def stop(self, reason: str) -> None:
        self.reason = reason


@pytest.mark.parametrize("number", NUMBERS)
def test_a_process_in_which_nothing_runs_ends_at_once(number: int) -> None:
    """With the code of a search that was stopped; the handlers of before are back afterwards."""
    before = [signal.getsignal(n) for n in NUMBERS]
    with pytest.raises(SystemExit) as ended, hard_stops(75):
        os.kill(os.getpid(), number)
    assert ended.value.code == 75
    assert [signal.getsignal(n) for n in NUMBERS] == before


@pytest.mark.parametrize(("theirs", "code"), [(signal.SIGTERM, 75), (2, 2), (None, None)])
def test_an_end_that_ray_made_of_sigterm_is_a_stop(theirs: object, code: object) -> None:
    """Ray takes SIGTERM while it starts, and exits with the signal's number; others' codes stay."""
    with pytest.raises(SystemExit) as ended, hard_stops(75):
        raise SystemExit(theirs)
    assert ended.value.code == code


@pytest.mark.parametrize("number", [signal.SIGINT, *NUMBERS])
def test_a_search_is_stopped_softly(number: int) -> None:
    """Within the block the search is asked; after it the signals are whose they were."""
    search = Stopped()
    with hard_stops(75):
        outer = signal.getsignal(number)
        with soft_stops(search):
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is outer
    assert search.reason == f"stopped by {signal.Signals(number).name}"
    assert "checkpointing" in search.said[0]


def test_signals_that_somebody_took_are_taken_again() -> None:
    """As Ray and Tune take them when they start."""
    search = Stopped()
    with soft_stops(search) as arm:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        arm()
        os.kill(os.getpid(), signal.SIGTERM)
    assert search.reason == "stopped by SIGTERM"


def test_a_thread_leaves_signals_alone() -> None:
    """Python gives them to the main thread; a search in the background has ``stop``."""
    seen = []

    def body() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with hard_stops(75), soft_stops(Stopped()) as arm:
            arm()
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [True]
