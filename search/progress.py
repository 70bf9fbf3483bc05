"""Live progress: a table on a terminal, one line per finished trial elsewhere."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from search.sampler import is_replicate
from search.searcher import Message
from search.target_queue import FINISHED, Asked, TargetQueue

SILENCE_SECONDS = 20.0
"""Without a terminal, a line at least this often says what is in training."""


@dataclass(slots=True)
class TargetProgress:
    """What one target has reached."""

    planned: int
    states: Counter[str] = field(default_factory=Counter)
    best: float | None = None
    best_untrained: float | None = None
    """Best score of the no-intermediate arm."""

    def book(self, score: float, arm: str) -> None:
        """Count a score of a search; the best replicate would be but the luckiest."""
        self.best = score if self.best is None else max(self.best, score)
        if arm == "none":
            known = self.best_untrained
            self.best_untrained = score if known is None else max(known, score)

    @property
    def finished(self) -> int:
        """Trials that ended, whatever their state."""
        return sum(self.states.values())

    @property
    def gain(self) -> str:
        """Best score minus the best of the no-intermediate arm, in points."""
        if self.best is None or self.best_untrained is None:
            return "-"
        return f"{self.best - self.best_untrained:+.1f}"


class Progress:
    """Hears the searcher and shows where the search stands."""

    def __init__(self, queues: list[TargetQueue], console: Console, quiet: bool = False) -> None:
        self._console, self._quiet = console, quiet
        self._targets = {queue.target: _so_far(queue) for queue in queues}
        self._live: dict[str, str] = {}
        self._phases: Counter[str] = Counter()
        self._held = 0
        self._started, self._at_start = time.monotonic(), self._finished
        self._said = 0.0
        self._display = Live(console=console, get_renderable=self._table, refresh_per_second=2)

    def __enter__(self) -> "Progress":
        """Show the table while the search runs, where there is a terminal."""
        if self._console.is_terminal and not self._quiet:
            self._display.start()
        return self

    def opening(self, queues: list[TargetQueue]) -> None:
        """Say what earlier sessions left."""
        for queue in queues:
            done, taken_up = self._targets[queue.target].finished, queue.left_open
            if done or taken_up:
                left = f"{taken_up} taken up again"
                self.say(f"{queue.target}: {done} of {queue.planned} trials done, {left}")

    def __exit__(self, *_: object) -> None:
        """Leave the last table on the screen."""
        if self._display.is_started:
            self._display.stop()

    def say(self, text: str) -> None:
        """A line of its own."""
        self._said = time.monotonic()
        if not self._quiet:
            self._console.print(Text(text), soft_wrap=True)

    def asked(self, asked: Asked) -> None:
        """A trial starts."""
        self._live[asked.name] = "starting"

    def held(self, count: int) -> None:
        """So many trials are held back."""
        self._held = count

    def message(self, asked: Asked, message: Message) -> None:
        """A trial said where it is."""
        if message.get("event") == "phase":
            self._phases["executed"] += 1
            self._live[asked.name] = f"{message['kind']} {message['title']}"
        elif message.get("event") == "waiting":
            what = f"{message['kind']} {message['title']}"
            self._live[asked.name] = f"waits for {what}, in training by {message['owner']}"
        elif "steps" in message:
            self._live[asked.name] = f"{message['kind']}, {_place(message)}"
        if time.monotonic() - self._said > SILENCE_SECONDS and not self._console.is_terminal:
            doing = "; ".join(f"{name}: {what}" for name, what in self._live.items())
            self.say(f"{self._clock()} {doing or 'nothing can run'}{self._held_words()}")

    def _held_words(self) -> str:
        """How many trials wait for a phase that another one trains; empty where none does."""
        return f"; {self._held} held" if self._held else ""

    def told(self, asked: Asked, state: str, message: Message) -> None:
        """A trial ended."""
        self._live.pop(asked.name, None)
        if state == "RUNNING":
            return
        target = self._targets[asked.target]
        target.states[state] += 1
        if state == "COMPLETE":
            if asked.replicate is None:
                target.book(message["score"], asked.setting.arm)
            phases = json.loads(message["record"])["phases"]
            self._phases["reused"] += sum(phase["hit"] for phase in phases)
        if not self._console.is_terminal:
            self.say(self._line(asked, state, message))

    def _line(self, asked: Asked, state: str, message: Message) -> str:
        target = self._targets[asked.target]
        ending = f"{message['score']:.1f}" if state == "COMPLETE" else state
        if state == "FAIL":
            ending += f" ({message.get('reason', 'its worker died')})"
        setting = f"{asked.setting.initialisation}, {asked.setting.intermediate_name}"
        best = f"best {target.best:.1f} ({target.gain})" if target.best is not None else "best -"
        best = best if asked.replicate is None else f"replicate {asked.replicate}"
        done = f"{target.finished}/{target.planned}"
        return (
            f"{self._clock()} {asked.target} {done:>6}  {setting}: {ending}"
            f"  | {best}, {self._time_left()}"
        )

    @property
    def _finished(self) -> int:
        return sum(target.finished for target in self._targets.values())

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes:3d}:{seconds:02d}"

    def _time_left(self) -> str:
        """From the pace of this session; phases still to be shared make it an upper guess."""
        done = self._finished - self._at_start
        left = sum(target.planned for target in self._targets.values()) - self._finished
        if done == 0 or left <= 0:
            return "" if left <= 0 else "time left unknown"
        seconds = (time.monotonic() - self._started) / done * left
        return (
            f"about {seconds:.0f} s left" if seconds < 120 else f"about {seconds / 60:.0f} min left"
        )

    def _table(self) -> Group:
        table = Table("target", "trials", "best", "gain", "failed", "pruned", box=None)
        for name, target in self._targets.items():
            best = f"{target.best:.1f}" if target.best is not None else "-"
            failed, pruned = (str(target.states[s]) for s in ("FAIL", "PRUNED"))
            done = f"{target.finished} of {target.planned}"
            table.add_row(name, done, best, target.gain, failed, pruned)
        now = [Text(f"  {name}: {doing}", style="dim") for name, doing in self._live.items()]
        phases = f"phases executed {self._phases['executed']}, reused {self._phases['reused']}"
        head = f"{self._clock()}  {phases}{self._held_words()}  {self._time_left()}"
        return Group(Text(head), table, *now)


def _so_far(queue: TargetQueue) -> TargetProgress:
    """What earlier sessions reached."""
    progress = TargetProgress(queue.planned)
    for trial in queue.trials(*FINISHED):
        progress.states[trial.state.name] += 1
        if trial.value is not None and trial.state.name == "COMPLETE" and not is_replicate(trial):
            arm = "intermediate" if trial.user_attrs["setting"]["intermediate"] else "none"
            progress.book(trial.value, arm)
    return progress


def _place(message: Message) -> str:
    """How far a phase is. An evaluation counts what it has read: rows, windows, candidates."""
    if message["kind"] == "evaluation":
        return f"{message['step']} sequences"
    return f"step {message['step']} of {message['steps']}"
