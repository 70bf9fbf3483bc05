"""The sampler of one trial: a function of the study's seed, the target and the trial's number.

A sampler's own state is in no storage, so a resumed search could not go on drawing from it.
"""

import warnings
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from spaces.keys import derived_seed
from spaces.study import StudyRecord

# `group` is marked experimental; it is the documented way to model conditional parameters jointly.
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


class NumberedSampler(BaseSampler):
    """Seeds each independent draw by the parameter's name.

    A trial that died half drawn is adopted with what was stored; the rest is drawn as if nothing
    had happened, however many draws came before.
    """

    def __init__(self, record: StudyRecord, target: str, number: int) -> None:
        self._plan, self._names = record.plan, (record.plan.study.seed, target, number)
        self._joint = self._make("joint")

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

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Parameters that are drawn together."""
        return self._joint.infer_relative_search_space(study, trial)

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Draw them."""
        return self._joint.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one of the others."""
        alone = self._make(param_name)
        return alone.sample_independent(study, trial, param_name, param_distribution)


def make_sampler(record: StudyRecord, target: str, number: int) -> BaseSampler:
    """The sampler of a trial."""
    return NumberedSampler(record, target, number)
