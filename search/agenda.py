"""What the trials of one target are: a search's agenda, and a confirmation's.

The queue books trials and asks its agenda which one is due; both kinds are driven, stopped and
resumed by the same code.
"""

import math
from dataclasses import asdict
from functools import cached_property
from typing import Any, Protocol

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from search.roles import Role, roles
from search.sampler import make_sampler
from spaces.confirmation import replicate_seeds
from spaces.settings import Seeds, TransferSetting
from spaces.study import SETTING, StudyRecord
from spaces.suggest import baselines, draw, matched_baseline


class Agenda(Protocol):
    """Decides what a target's trials are; it keeps no state."""

    @property
    def planned(self) -> int:
        """How many trials there will be."""

    def due(self, trials: list[FrozenTrial]) -> Role | None:
        """What the next trial is for, given all before it; None when none is due now."""

    def sampler(self, number: int) -> BaseSampler:
        """Draws what the role of a trial leaves open."""

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """The setting and the seeds of a trial."""


def agenda_of(record: StudyRecord, target: str) -> Agenda:
    """The agenda that a study's record asks for."""
    return ConfirmAgenda(record, target) if record.confirms else SearchAgenda(record, target)


class SearchAgenda:
    """Roles by number, settings by the sampler, one set of seeds."""

    def __init__(self, record: StudyRecord, target: str) -> None:
        self._record, self._target, self._space = record, target, record.spaces[target]
        self._roles = roles(self._space, record.plan.budget.trials_per_target)

    @property
    def planned(self) -> int:
        """Trials the budget allows."""
        return len(self._roles)

    def due(self, trials: list[FrozenTrial]) -> Role | None:
        """The role of the next number, and what it fixes."""
        if len(trials) >= self.planned:
            return None
        role = self._roles[len(trials)]
        if role.name == "grid":
            return self._untried(trials)
        if role.name != "baseline":
            role = self._missing_baseline(trials) or role
        if role.name == "matched_baseline":
            if any(trial.state == TrialState.RUNNING for trial in trials):
                return None  # it is the twin of a best setting, which the others still decide
            role = self._matched(role, trials)
        return role

    def _untried(self, trials: list[FrozenTrial]) -> Role:
        """The first setting of a grid that no trial has: a space that grew has new ones between."""
        known = {trial.user_attrs.get("setting_id") or self._fixed(trial) for trial in trials}
        return next(role for role, name in self._named if name not in known)

    @cached_property
    def _named(self) -> list[tuple[Role, str]]:
        """Roles of a grid with the names of their settings."""
        return [(role, self._space.setting(role.fixed).setting_id) for role in self._roles]

    def _fixed(self, trial: FrozenTrial) -> str:
        """Name of the setting of a grid's trial that nobody has begun; empty for a sampled one."""
        values = trial.system_attrs.get("fixed_params", {})
        is_grid = trial.user_attrs.get("role") == "grid"
        return self._space.setting(values).setting_id if is_grid else ""

    def _missing_baseline(self, trials: list[FrozenTrial]) -> Role | None:
        """The baseline of an initialisation that joined a study when its space grew."""
        held = {
            trial.system_attrs.get("fixed_params", {}).get("initialisation")
            for trial in trials
            if trial.user_attrs.get("role") == "baseline"
        }
        names = self._space.axis("initialisation").choices
        for params, name in zip(baselines(self._space), names, strict=False):
            if name not in held:
                return Role("baseline", params)
        return None

    def _matched(self, role: Role, trials: list[FrozenTrial]) -> Role:
        """The no-intermediate twin of the best setting that has none yet."""
        done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        ranked = sorted(done, key=lambda t: (-(t.value or -math.inf), t.number))
        known = {trial.user_attrs["setting_id"] for trial in done}
        for trial in ranked:
            params = matched_baseline(trial.params)
            if self._space.setting(params).setting_id not in known:
                return Role(role.name, params)
        return Role("sampled", {"arm": "none"})

    def sampler(self, number: int) -> BaseSampler:
        """The sampler of a trial, seeded by its number."""
        return make_sampler(self._record, self._target, number)

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """Draw what is not fixed."""
        return self._space.setting(draw(trial, self._space)), self._record.seeds


class ConfirmAgenda:
    """Fixed settings, each once with every set of fresh seeds.

    Set after set, so that a confirmation that is cut short has whole pairs. A trial is known by its
    setting and its set, not by its number: more sets, or more settings, come after those there are.
    """

    def __init__(self, record: StudyRecord, target: str) -> None:
        assert record.confirms is not None
        self._seed, self._confirms = record.plan.study.seed, record.confirms
        self._target = target

    @property
    def planned(self) -> int:
        """Each setting with each set of seeds."""
        return self._confirms.planned(self._target)

    def due(self, trials: list[FrozenTrial]) -> Role | None:
        """The first setting and set that no trial has."""
        known = {(t.user_attrs["setting_id"], t.user_attrs["replicate"]) for t in trials}
        for replicate in range(1, self._confirms.replicates + 1):
            for one in self._confirms.settings[self._target]:
                if (one.setting.setting_id, replicate) not in known:
                    role = "finalist" if one.chosen_by else "matched_baseline"
                    return Role(role, {}, self._noted(one.setting, replicate))
        return None

    def _noted(self, setting: TransferSetting, replicate: int) -> dict[str, Any]:
        """What makes the trial this one; stored with it in one write."""
        return {
            "setting": asdict(setting),
            "setting_id": setting.setting_id,
            "replicate": replicate,
            "seeds": asdict(replicate_seeds(self._seed, replicate)),
        }

    def sampler(self, number: int) -> BaseSampler:
        """Nothing is drawn."""
        return optuna.samplers.RandomSampler(seed=number)

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """As they were noted when the trial was made."""
        noted = trial.user_attrs
        return SETTING.validate_python(noted["setting"]), Seeds(**noted["seeds"])
