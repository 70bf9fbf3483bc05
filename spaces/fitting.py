"""What an encoder can read: positions for a task's texts, and states that know of both sides.

An encoder that cannot is infeasible. Nothing is cut to fit it: a task that lost the end of its
texts would be another task, under the same name and only for some of the encoders.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from spaces.catalogue import Catalogue
from spaces.initialisations import EncoderShape
from spaces.plan import Plan
from spaces.settings import Readout
from spaces.tasks import Task

BLIND = {
    "classification": "its first token's state is read, which knows of no other token",
    "choice": "its first token's state is read, which knows of no other token",
    "retrieval": "its first token's state is read, which knows of no other token",
    "tagging": "a word's state does not know what follows the word",
    "span": "a token's state does not know what follows it",
    "masked": "a masked word's state does not know what follows the word",
}
"""Form -> why an encoder with causal attention cannot serve it. Retrieval by the mean it can."""


def reads_of(plan: Plan, catalogue: Catalogue, target: Task, trained: Iterable[str]) -> list[Task]:
    """Everything that a target's trials may read.

    Args:
        plan: may ask for several ways to pool a target whose vectors are only read.
        catalogue: has the tasks.
        target: is scored at its own length, whatever rows stand for its own.
        trained: tasks that may be trained on in between.
    """
    scored = [target]
    if catalogue.is_read(target):
        own = target.readout or Readout()
        poolings = plan.space.ranges_of(target.name).poolings or (own.pooling,)
        scored = [replace(target, readout=replace(own, pooling=p)) for p in poolings]
    return [*scored, *(catalogue.tasks[n] for n in dict.fromkeys((*target.recipe, *trained)))]


def why_unfit(tasks: Collection[Task], shape: EncoderShape) -> str:
    """Why an encoder cannot read some tasks; empty where it can read all of them."""
    long = {f"{t.name} ({t.max_tokens})": None for t in tasks if t.max_tokens > shape.positions}
    few = f"{shape.positions} positions, less than max_tokens of {', '.join(long)}" if long else ""
    return "; ".join(filter(None, [few, *_blind(tasks, shape)]))


def _blind(tasks: Iterable[Task], shape: EncoderShape) -> list[str]:
    """What causal attention cannot tell."""
    named: dict[str, dict[str, None]] = {}
    for task in tasks if shape.attention == "causal" else ():
        if task.form != "retrieval" or (task.readout or Readout()).pooling == "first":
            named.setdefault(BLIND[task.form], {})[task.name] = None
    return [f"causal attention, and of {', '.join(n)} {why}" for why, n in named.items()]
