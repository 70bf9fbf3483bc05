"""Ctrl-C, SIGTERM and SIGUSR1 while a study is driven."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol


class Stoppable(Protocol):
    """What a signal stops."""

    reason: str
    """Why it stops; empty while it does not."""

    def say(self, text: str) -> None:
        """A line for the user."""

    def stop(self, reason: str) -> None:
        """Stop softly."""


@contextmanager
def hard_stops(exit_code: int) -> Iterator[None]:
    """SIGTERM and SIGUSR1 end the process: nothing runs yet, or everything is written.

    Args:
        exit_code: that of a search that was stopped, so that whoever asked knows to go on.
    """

    def end(*_: object) -> None:
        raise SystemExit(exit_code)

    with _taken((signal.SIGTERM, signal.SIGUSR1), end):
        try:
            yield
        except SystemExit as error:
            # While Ray starts, it has SIGTERM, and ends the process with the signal's number.
            raise SystemExit(exit_code if error.code == signal.SIGTERM else error.code) from None


@contextmanager
def soft_stops(search: Stoppable) -> Iterator[Callable[[], None]]:
    """Ctrl-C, SIGTERM and SIGUSR1 stop the search softly; a second Ctrl-C ends it at once.

    Yields a function that takes the signals again; it must be called whenever somebody else may
    have taken them: Ray takes SIGTERM when it starts, and Tune SIGUSR1.
    """

    def soft(number: int, _: FrameType | None) -> None:
        if search.reason and number == signal.SIGINT:
            os._exit(130)
        name = signal.Signals(number).name
        search.say(f"{name}: checkpointing and stopping (Ctrl-C again ends at once)")
        search.stop(f"stopped by {name}")

    with _taken((signal.SIGINT, signal.SIGTERM, signal.SIGUSR1), soft) as arm:
        yield arm


@contextmanager
def _taken(
    numbers: Sequence[signal.Signals], handler: Callable[[int, FrameType | None], None]
) -> Iterator[Callable[[], None]]:
    """Signals are this handler's, and then again whose they were; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def arm() -> None:
        for number in numbers:
            signal.signal(number, handler)

    before = {number: signal.getsignal(number) for number in numbers}
    arm()
    try:
        yield arm
    finally:
        for number, other in before.items():
            signal.signal(number, other)
