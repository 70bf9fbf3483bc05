"""When a session must end, and which phases may still begin before that."""

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spaces.phases import KINDS
from spaces.plan import Plan

JOB_END = "SLURM_JOB_END_TIME"
"""Environment variable in which SLURM (22.05 and newer) says when a job is killed, Unix seconds."""

LEAVE_SECONDS = 300.0
"""How long before a job's end the search stops: for checkpoints, and for Ray to go."""

WHOLE = ("evaluation",)
"""Kinds of phases that write no checkpoint by time: they begin only if they can end."""


@dataclass(slots=True)
class Deadline:
    """The end of a session, and the longest phases that the study has seen.

    A phase begins only while more time is left than it takes to its first checkpoint: the plan's
    ``checkpoint_minutes``, or the longest finished phase of its kind in this study if that is
    shorter. An evaluation must fit as a whole, and takes as long as the longest one did. No phase
    is taken to need more than half of the session: a short session would do nothing else. What
    begins in time and does not end in time writes its checkpoint when the session stops.
    """

    source: str = ""
    """What sets the end, in a user's words; empty where nothing does."""
    end: float = math.inf
    """When the search stops softly, Unix seconds."""
    checkpoint_seconds: float = math.inf
    clock: Callable[[], float] = time.time
    started: float = 0.0
    longest: dict[str, float] = field(default_factory=dict)
    """Kind of phase -> seconds of the longest finished one."""

    @classmethod
    def of(
        cls,
        plan: Plan,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> "Deadline":
        """The earlier of the plan's ``wall_hours`` from now and the end of the SLURM job.

        Args:
            plan: names wall time and how often checkpoints are written.
            environment: of the driver.
            clock: Unix seconds; the machines of a cluster agree on them within seconds.
        """
        now = clock()
        ends = {"": math.inf}
        if hours := plan.budget.wall_hours:
            ends["[budget] wall_hours"] = now + 3600 * hours
        job_end = environment.get(JOB_END, "")
        if job_end.isdigit():
            # A job shorter than twice the time to leave spends half of it.
            left = float(job_end) - now
            ends[JOB_END] = now + max(left - LEAVE_SECONDS, left / 2)
        source = min(ends, key=lambda name: ends[name])
        return cls(source, ends[source], 60 * plan.resources.checkpoint_minutes, clock, now)

    @property
    def is_over(self) -> bool:
        """Whether the session must stop now."""
        return self.clock() > self.end

    @property
    def reason(self) -> str:
        """Why no trial can go on although the session is not over."""
        left = max(0.0, self.end - self.clock())
        return (
            f"{self.source} leaves {left / 60:.1f} min, too few for the next phases to reach a "
            "checkpoint"
        )

    @property
    def latest(self) -> dict[str, float]:
        """Kind of phase -> when the last one may begin, Unix seconds; empty where none must end."""
        if not self.source:
            return {}
        return {kind: self.end - self._needed(kind) for kind in KINDS}

    def allows(self, kind: str) -> bool:
        """Whether a phase of this kind may begin now."""
        return self.clock() <= self.latest.get(kind, math.inf)

    def book(self, phases: Iterable[Mapping[str, Any]]) -> None:
        """Learn from the finished phases of a trial, its own and those it took from the store."""
        for phase in phases:
            known = self.longest.get(phase["kind"], 0.0)
            self.longest[phase["kind"]] = max(known, phase["seconds"])

    def _needed(self, kind: str) -> float:
        """Seconds that a phase takes to its first checkpoint, or to its end."""
        whole = self.longest.get(kind, self.checkpoint_seconds)
        needed = whole if kind in WHOLE else min(whole, self.checkpoint_seconds)
        return min(needed, (self.end - self.started) / 2)


NO_END = Deadline()
"""Of a session that may last for ever."""
