"""Trials that are asked and held back while another trial trains a phase that they miss.

A held trial takes no slot: the slot goes to other work. It is RUNNING in the storage, so it counts
in the budget, and a later driver takes it up like any other.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from search.target_queue import Asked
from spaces.layout import is_done
from spaces.places import Where
from trainables.phase_lease import Elsewhere

HELD = "held"
"""Attribute of a trial: whether it is held back now. ``status`` shows how many are."""


class Holding:
    """The trials that one driver holds back."""

    def __init__(self, root: Path, place: Where | None = None) -> None:
        """Hold nothing so far.

        Args:
            root: where leases of phases are.
            place: where the phases are; the same where it is left out.
        """
        self._place, self._elsewhere = place or root, Elsewhere(root)
        self._done: set[str] = set()
        self._noted: set[str] = set()
        self.trials: list[Asked] = []
        """In the order in which they were asked."""

    def missing(self, asked: Asked) -> set[str]:
        """Keys of a trial's phases that the store does not hold yet."""
        missing = set(asked.keys - self._done)
        found = {key for key in missing if is_done(self._place, key)}
        self._done |= found
        return missing - found

    def is_free(self, asked: Asked, busy: set[str]) -> bool:
        """Whether nobody trains what a trial misses.

        Args:
            asked: the trial.
            busy: what the trials of this driver are there to train.
        """
        missing = self.missing(asked)
        return not busy & missing and not self._elsewhere.among(missing)

    def misses_start(self, asked: Asked) -> str:
        """Key of the first initialisation that a trial misses; empty where it misses none."""
        missing = self.missing(asked)
        kinds = ((phase.key, phase.kind) for phase in asked.phases)
        return next((k for k, kind in kinds if kind == "initialisation" and k in missing), "")

    def add(self, asked: Asked) -> None:
        """Hold a trial back."""
        self.trials.append(asked)

    def release(self, may_begin: Callable[[Asked], bool]) -> Asked | None:
        """A held trial that may run now, or None.

        First those whose missing initialisation the most others wait for: what follows can be
        trained side by side only when the initialisations are there. Else in the order of asking.
        """
        free = [asked for asked in self.trials if may_begin(asked)]
        if not free:
            return None
        starts = {id(asked): self.misses_start(asked) for asked in self.trials}
        waited_for = Counter(start for start in starts.values() if start)
        first = max(free, key=lambda asked: waited_for[starts[id(asked)]])
        self.trials.remove(first)
        return first

    def note(self, running: Asked | None) -> None:
        """Write down which trials are held, for whoever asks how the study stands."""
        for asked in self.trials:
            if asked.name not in self._noted:
                self._noted.add(asked.name)
                asked.trial.set_user_attr(HELD, True)
        if running is None:
            return
        if running.name in self._noted or running.trial.user_attrs.get(HELD):
            self._noted.discard(running.name)
            running.trial.set_user_attr(HELD, False)
