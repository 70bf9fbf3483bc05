"""The room that a store's weights may take: which of them go, and when.

Weights alone are evicted, because a phase makes them again; predictions, scores, marks and
provenance never are. The driver evicts, after a trial was told: until the store is within
``[budget] store_gib``, or, where a disk is full, until a phase has room again.

First go weights of target phases that are not among the best few of their target: nothing but a
second look at their own setting would read them. Then, lowest first, by

    value = chance x cost / size

- cost: seconds of the phase, and of those of its ancestors that are evicted as well;
- size: bytes of its weights;
- chance: how often this study's trials had the phase on their way, each such use halved after
  ``HALF_LIFE`` trials told, and doubled where the trial is among the best quarter of its target:
  the sampler proposes near those. A small constant more, so that what this study never used has an
  order too.

That is Greedy-Dual-Size-Frequency (Cherkasova 1998), which evicts the lowest frequency x cost /
size and ages by a clock that is raised to the value last evicted. The halving ages as well and,
unlike the clock, follows from the trials alone: a resumed study values as the driver before did.
"""

import bisect
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from search.pins import Pins
from search.sampler import is_replicate
from search.stored import Holdings, Stored
from search.target_queue import FINISHED, Asked, TargetQueue
from spaces.places import Place
from spaces.study import StudyRecord
from trainables.full_disk import FULL, free_bytes
from trainables.store import evict

TOP_KEPT = 3
"""Settings of each target whose last weights are kept: as many as ``confirm`` takes, so that any
finalist's model can be exported."""

HALF_LIFE = 50.0
"""Trials told after which a use counts half: about a target's budget; older ones say little of what
a sampler proposes now."""

UNUSED = 0.01
"""Chance of what this study never used."""

BEST_SHARE = 0.25

COPIES = 4
"""Copies of the largest weights that a full disk needs to go on: an artifact, and a checkpoint with
two moments of each weight."""

SCAN_SECONDS = 600.0
"""How long what other drivers added may stay unknown."""

GIB = float(1 << 30)


@dataclass(slots=True)
class Uses:
    """How hot each phase is: uses by trials, halved with every ``HALF_LIFE`` trials told."""

    told: int = 0
    heat: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Key -> its heat, and after how many trials told it had that."""
    scores: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Target -> scores so far, ascending."""
    best: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    """Target -> scores and last trained phases of its best settings, best first."""

    def book(
        self, target: str, phases: list[dict[str, Any]], score: float | None, may_win: bool
    ) -> None:
        """Count a trial that was told, with its phases as it noted them."""
        self.told += 1
        weight = 1.0
        if score is not None:
            scores = self.scores[target]
            bisect.insort(scores, score)
            weight += bisect.bisect_left(scores, score) >= (1 - BEST_SHARE) * (len(scores) - 1)
        for phase in phases:
            self.heat[phase["key"]] = self.of(phase["key"]) + weight, self.told
        last = [phase["key"] for phase in phases if phase["kind"] == "target"][-1:]
        if score is not None and may_win and last:
            known = {**{key: best for best, key in self.best[target]}, last[0]: score}
            ranked = sorted(((best, key) for key, best in known.items()), reverse=True)
            self.best[target] = ranked[:TOP_KEPT]

    def of(self, key: str) -> float:
        """Heat of a phase now."""
        heat, then = self.heat.get(key, (0.0, self.told))
        return float(heat * 0.5 ** ((self.told - then) / HALF_LIFE))

    @property
    def kept(self) -> set[str]:
        """Keys of the best settings' last weights."""
        return {key for ranked in self.best.values() for _, key in ranked}


class Room:
    """Keeps a study's store within its limit, and makes room where a disk is full."""

    def __init__(
        self, place: Place, record: StudyRecord, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """Make a keeper; nothing is read or written yet.

        Args:
            place: holds the phases.
            record: of the study that is driven.
            say: told what a user should know.
        """
        self.place, self._record, self._say = place, record, say
        self._pins, self._uses = Pins(place, record), Uses()
        self._holdings, self._scanned = Holdings(place), 0.0
        self._waiting: dict[tuple[Any, ...], list[str]] = {}
        self._needed: Counter[str] = Counter()
        self._open: tuple[tuple[str, int], ...] | None = None
        self._has_said = False
        gib = record.plan.budget.store_gib
        self._limit = None if gib is None else gib * GIB

    # -- what the driver tells --------------------------------------------------------------------

    def open(self, queues: Iterable[TargetQueue]) -> None:
        """A session begins: what earlier ones used, and what open and planned trials wait for."""
        self._uses, self._waiting, self._needed = Uses(), {}, Counter()
        ended: list[tuple[str, FrozenTrial]] = []
        for queue in queues:
            ended += [(queue.target, trial) for trial in queue.trials(*FINISHED)]
            self._waiting |= queue.expected()
        for target, trial in sorted(ended, key=lambda e: str(e[1].datetime_complete)):
            score = trial.value if trial.state == TrialState.COMPLETE else None
            phases = trial.user_attrs.get("phases", [])
            self._uses.book(target, phases, score, not is_replicate(trial))
        for keys in self._waiting.values():
            self._needed.update(keys)
        self.hold(())
        if self._limit is not None:
            self._scan()
            self._holdings.finish_evictions(self._pins.now)
            self._tidy()

    def hold(self, open_trials: Iterable[Asked]) -> None:
        """Pin what running and held trials need, before they can look for it."""
        trials = list(open_trials)
        now = tuple((asked.target, asked.number) for asked in trials)
        if now == self._open and self._pins.are_fresh:
            return  # a searcher with a free slot comes here many times a second
        needs = {key for asked in trials for key in asked.keys} | set(+self._needed)
        keeps = self._uses.kept | set(self._record.plan.store.pins)
        try:
            self._pins.hold(needs, keeps)
        except OSError as error:
            if not is_full(error) or not self.make_room():
                raise
            self._pins.hold(needs, keeps)
        self._open = now

    def told(
        self, asked: Asked, state: str, message: dict[str, Any], left: Iterable[Asked]
    ) -> None:
        """A trial ended: count it, and evict what is too much.

        Args:
            asked: the trial.
            state: that it was told; RUNNING where it was put back.
            message: its last.
            left: running and held trials without it.
        """
        if state == "RUNNING":
            self.hold(left)
            return
        self._needed.subtract(self._waiting.pop(asked.identity, ()))
        phases = [{"key": phase.key, "kind": phase.kind} for phase in asked.phases]
        score = message["score"] if state == "COMPLETE" else None
        self._uses.book(asked.target, phases, score, asked.replicate is None)
        self.hold(left)
        if self._limit is not None:
            self._holdings.look(asked.keys)
            self._tidy()

    def close(self) -> None:
        """The session ends; pins that cannot be written are abandoned in time."""
        with suppress(OSError):
            self._pins.release()

    # -- a full disk ------------------------------------------------------------------------------

    def make_room(self) -> bool:
        """Evict where a disk is full; False where nothing can go, or that would not help."""
        if not self.place.is_disk:
            return False
        try:
            self._scan()
            largest = max((s.weights_bytes for s in self._holdings.phases.values()), default=0)
            freed = self._free(COPIES * largest)
        except OSError:  # there is not even room for a mark
            return False
        if freed:
            self._say(f"no space left: evicted weights of {freed / GIB:.3g} GiB, and going on")
        return freed > 0

    def why(self, error: object) -> str:
        """Why the search pauses, for a user: what, where, how much is free, what to do."""
        where, evictable = self.place.local, []
        with suppress(OSError):
            evictable = self._evictable() if self.place.is_disk else []
        return (
            f"{error}\n"
            f"free: {free_bytes(where) / GIB:.3g} GiB of the disk of {where}; weights that could "
            f"be evicted: {sum(s.weights_bytes for s in evictable) / GIB:.3g} GiB in "
            f"{len(evictable)} phases; what else lies in the store is needed or never deleted\n"
            "next: free some space, or move the store to a larger disk, then resume; [budget] "
            "store_gib keeps a store within a limit from the start"
        )

    # -- what happens inside ----------------------------------------------------------------------

    def _scan(self) -> None:
        self._holdings.scan()
        self._scanned = time.monotonic()

    def _tidy(self) -> None:
        """Evict until the store is within its limit."""
        assert self._limit is not None
        if self._holdings.held_bytes <= self._limit:
            return
        if time.monotonic() - self._scanned > SCAN_SECONDS:
            self._scan()
        self._free(self._holdings.held_bytes - self._limit)
        over = self._holdings.held_bytes - self._limit
        if over > 0 and not self._has_said:
            self._has_said = True
            self._say(
                f"the store is {over / GIB:.3g} GiB above [budget] store_gib = "
                f"{self._limit / GIB:g}: all weights that are left are needed, kept or pinned"
            )

    def _free(self, wanted: float) -> int:
        """Evict the least valuable weights until so many bytes are free; returns how many are."""
        freed, left = 0, self._evictable()
        while left and freed < wanted:
            victim = min(left, key=self.order)
            left.remove(victim)
            freed += evict(self.place, victim.key, partial(self._is_pinned, victim))
            self._holdings.look([victim.key])
        return freed

    def _evictable(self) -> list[Stored]:
        """Phases whose weights are there and that nobody needs."""
        pinned = self._pins.everyones()
        phases = self._holdings.phases.values()
        there = [one for one in phases if one.weights_bytes and not one.evicted]
        return [one for one in there if not _is_among(one, pinned)]

    def _is_pinned(self, stored: Stored) -> bool:
        return _is_among(stored, self._pins.everyones())

    def order(self, stored: Stored) -> tuple[bool, float]:
        """What goes first has the least; see the top of this file."""
        cost = self._holdings.rebuild_seconds(stored)
        chance = UNUSED + self._uses.of(stored.key)
        return stored.kind != "target", chance * cost / stored.weights_bytes


class Unwatched(Room):
    """Pins and evicts nothing: for queues that are asked without a store to look after."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def hold(self, open_trials: Iterable[Asked]) -> None:
        """Nothing."""

    def told(
        self, asked: Asked, state: str, message: dict[str, Any], left: Iterable[Asked]
    ) -> None:
        """Nothing."""

    def make_room(self) -> bool:
        """Never."""
        return False

    def why(self, error: object) -> str:
        """The error alone."""
        return str(error)


def _is_among(stored: Stored, pinned: frozenset[str]) -> bool:
    """Whether a pin means this phase: by key, or by name where it is an initialisation."""
    return stored.key in pinned or (stored.kind == "initialisation" and stored.title in pinned)


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full."""
    return isinstance(error, OSError) and error.errno in FULL
