"""Ctrl-C, SIGTERM and SIGUSR1 while a study is driven."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
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
def soft_stops(search: Stoppable) -> Iterator[Callable[[], None]]:
    """Ctrl-C, SIGTERM and SIGUSR1 stop the search softly; a second Ctrl-C ends it at once.

    Yields a function that takes the signals; it must be called once Tune runs, because Tune takes
    SIGUSR1 for itself when it starts.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def soft(number: int, _: FrameType | None) -> None:
        if search.reason and number == signal.SIGINT:
            os._exit(130)
        name = signal.Signals(number).name
        search.say(f"{name}: checkpointing and stopping (Ctrl-C again ends at once)")
        search.stop(f"stopped by {name}")

    def arm() -> None:
        for number in before:
            signal.signal(number, soft)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    arm()
    try:
        yield arm
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
