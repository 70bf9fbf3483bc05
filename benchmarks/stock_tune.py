"""What one more trial costs on a warm cluster: ours, and stock Ray Tune with OptunaSearch.

Stock trials do nothing at all: a class whose one step returns a number. Ours run the oracle's
phases, look for them in the store and publish them there.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

import search
from analysis import load_trials
from benchmarks.oracle_driver import NAME, oracle_plan
from spaces.plan import parse_plan

CONCURRENT = 2

WARM = 10
"""Trials until every actor has started."""


class NoOp(tune.Trainable):  # type: ignore[misc]
    """A trial that is done at once."""

    def setup(self, config: dict[str, Any]) -> None:
        """Nothing."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial into this actor."""
        return True

    def step(self) -> dict[str, Any]:
        """The only step."""
        return {"score": self.config["target.learning_rate"], "done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing."""


class Ends(tune.Callback):  # type: ignore[misc]
    """When each trial ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        """One more."""
        self.times.append(time.monotonic())


def further(ends: list[float], warm: int) -> float:
    """Seconds per trial after the first ones."""
    told = sorted(ends)
    return (told[-1] - told[warm - 1]) / (len(told) - warm)


def ours(trials: int) -> float:
    """Seconds per further trial of a search of two targets."""
    with tempfile.TemporaryDirectory() as folder:
        search.start(parse_plan(oracle_plan(trials // 2)), Path(folder), quiet=True)
        frame = load_trials(NAME, root=Path(folder))
    return further([moment.timestamp() for moment in frame["finished"]], WARM)


def _space(trial: optuna.Trial) -> None:
    """As many parameters as ours, by name."""
    trial.suggest_categorical("initialisation", ["oracle-text", "oracle-multimodal"])
    trial.suggest_categorical("task", ["nli", "choice"])
    trial.suggest_categorical("language", ["avel", "european", "non_european"])
    trial.suggest_categorical("intermediate.steps", [75, 150])
    trial.suggest_categorical("intermediate.learning_rate", [1e-3, 2e-3])
    trial.suggest_float("target.learning_rate", 5e-4, 8e-3, log=True)


def stock(trials: int, reuse: bool) -> float:
    """Seconds per further trial of Tune and OptunaSearch as their documentation shows them."""
    ends, warm = Ends(), WARM if reuse else CONCURRENT
    with tempfile.TemporaryDirectory() as folder:
        tune.Tuner(
            NoOp,
            tune_config=tune.TuneConfig(
                search_alg=OptunaSearch(_space, metric="score", mode="max", seed=1),
                num_samples=trials,
                max_concurrent_trials=CONCURRENT,
                metric="score",
                mode="max",
                reuse_actors=reuse,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[ends]),
        ).fit()
    return further(ends.times, warm)


def compared(rounds: int, trials: int, fresh: int) -> dict[str, list[float]]:
    """Seconds per further trial, one after the other in each round, on one warm cluster.

    Args:
        rounds: how often each is measured.
        trials: of ours, and of stock Tune where it reuses its actors.
        fresh: of stock Tune where it starts an actor for each trial.
    """
    found: dict[str, list[float]] = {"ours": [], "stock, reuse_actors": [], "stock": []}
    for _ in range(rounds):
        found["ours"].append(ours(trials))
        found["stock, reuse_actors"].append(stock(trials, reuse=True))
        found["stock"].append(stock(fresh, reuse=False))
    return found
