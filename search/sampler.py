"""The sampler of one trial: a function of the study's seed, the target and the trial's number.

A sampler's own state is in no storage, so a resumed search could not go on drawing from it.
"""

import math
import warnings
from bisect import insort
from collections.abc import Container, Iterable
from functools import cached_property
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from spaces.axes import is_prefix
from spaces.keys import derived_seed
from spaces.study import StudyRecord

# `group` is marked experimental; it is the documented way to model conditional parameters jointly.
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


MOST_SEEN, BEST_SEEN = 500, 25
"""Trials that TPE looks at: the best, which it calls good however many there are, and the latest.

Its time grows with them: 0.3 s an ask where it saw 5,000.
"""


def is_replicate(trial: FrozenTrial | Trial) -> bool:
    """Whether a trial is a cell of a contrast: nothing that is drawn or stopped looks at it.

    Its seeds are others than the search's, so beside the search's trials it might but be luckier.
    """
    return "replicate" in trial.user_attrs


class Searched:
    """A study without the cells of its contrast."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        """Everything else is the study's own."""
        return getattr(self._study, name)

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The search's trials in some states, by number."""
        found = self._study.get_trials(deepcopy=deepcopy, states=states)
        return [trial for trial in found if not is_replicate(trial)]


class Seen:
    """The best and the latest of the search's trials that have a score, kept as they end.

    The same whatever the order they end in, so a driver that opens a study sees what the one before
    saw.
    """

    def __init__(self, trials: Iterable[FrozenTrial] = ()) -> None:
        self._best: list[tuple[float, int, FrozenTrial]] = []
        self._latest: list[tuple[int, FrozenTrial]] = []
        for trial in trials:
            self.add(trial)

    def add(self, trial: FrozenTrial) -> None:
        """A trial has ended; it counts where it has a score."""
        if trial.state == TrialState.COMPLETE:
            insort(self._best, (-cast(float, trial.value), trial.number, trial))
            del self._best[BEST_SEEN:]
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            insort(self._latest, (trial.number, trial))
            del self._latest[:-MOST_SEEN]

    @property
    def trials(self) -> list[FrozenTrial]:
        """They, by number."""
        best = {number: trial for _, number, trial in self._best}
        others = [(number, trial) for number, trial in self._latest if number not in best]
        kept = best | dict(others[len(best) - MOST_SEEN :])
        return [kept[number] for number in sorted(kept)]


class View(Searched):
    """The search's trials, of which a sampler sees some alone."""

    def __init__(self, study: optuna.Study, seen: Seen | None = None) -> None:
        """A view of a study.

        Args:
            study: all its trials.
            seen: what is to be seen of them; found in the study where nobody kept it.
        """
        super().__init__(study)
        self._kept = seen

    @cached_property
    def seen(self) -> list[FrozenTrial]:
        """The best and the latest trials that have a score, by number."""
        return (self._kept or Seen(self.get_trials(deepcopy=False))).trials

    def _get_trials(
        self, deepcopy: bool, states: Container[TrialState], use_cache: bool
    ) -> list[FrozenTrial]:
        """What Optuna's samplers read a study with."""
        return [trial for trial in self.seen if trial.state in states]


class NumberedSampler(BaseSampler):
    """Seeds each independent draw by the parameter's name.

    A trial that died half drawn is adopted with what was stored; the rest is drawn as if nothing
    had happened, however many draws came before.
    """

    def __init__(self, record: StudyRecord, target: str, number: int, seen: Seen | None) -> None:
        self._seen_now = seen
        self._plan, self._names = record.plan, (record.plan.study.seed, target, number)
        self._number, self._shares = number, record.plan.sharing == "numbers"
        self._joint = self._make("joint")
        self._view: View | None = None

    def _make(self, what: str) -> BaseSampler:
        plan = self._plan
        seed = derived_seed("sampler", *self._names, what) % 2**32
        if plan.study.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        startup = max(4, min(10, plan.budget.trials_per_target // 3))
        # group=True: the arms have different parameters, and each gets a joint model of its own.
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=startup, multivariate=True, group=True
        )

    def _seen(self, study: optuna.Study) -> optuna.Study:
        """One look for the whole trial, however many draws it takes."""
        self._view = self._view or View(study, self._seen_now)
        return cast(optuna.Study, self._view)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Parameters that are drawn together."""
        return self._joint.infer_relative_search_space(self._seen(study), trial)

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Draw them."""
        return self._joint.sample_relative(self._seen(study), trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one of the others."""
        if self._shares and is_prefix(param_name):
            names = (self._plan.study.seed, self._number, param_name)
            return drawn_alike(param_distribution, *names)
        alone = self._make(param_name)
        return alone.sample_independent(self._seen(study), trial, param_name, param_distribution)


def drawn_alike(distribution: BaseDistribution, *names: str | int) -> Any:
    """A random value that is the same for all targets which have it among their choices.

    Each choice has a number of its own, and the smallest wins: where a target lacks the winner, it
    takes the next one, and the others are drawn as often as ever.
    """
    if isinstance(distribution, CategoricalDistribution):
        return min(distribution.choices, key=lambda one: derived_seed("alike", *names, str(one)))
    assert isinstance(distribution, FloatDistribution)
    low, high = math.log(distribution.low), math.log(distribution.high)
    return math.exp(low + (high - low) * derived_seed("alike", *names) / 2**63)


def make_sampler(
    record: StudyRecord, target: str, number: int, seen: Seen | None = None
) -> BaseSampler:
    """The sampler of a trial.

    Args:
        record: the study.
        target: one of its targets.
        number: the trial's among the search's.
        seen: what TPE looks at; found in the storage where nobody kept it.
    """
    return NumberedSampler(record, target, number, seen)
