"""The trials of one target: adopted, asked, told. Optuna's storage is its only state."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, Trial, TrialState

from search.roles import Role, roles
from search.sampler import make_sampler
from spaces.phases import PhaseSpec, trial_phases
from spaces.plan import Plan
from spaces.settings import TransferSetting
from spaces.study import StudyRecord
from spaces.suggest import baselines, draw, matched_baseline

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(slots=True)
class Asked:
    """A trial that was asked and not yet told."""

    queue: "TargetQueue"
    trial: Trial
    setting: TransferSetting
    phases: tuple[PhaseSpec, ...]

    @property
    def target(self) -> str:
        """The trial's target."""
        return self.queue.target

    @property
    def number(self) -> int:
        """The trial's number within its target."""
        return self.trial.number

    @property
    def name(self) -> str:
        """Name in Ray's logs and in messages."""
        return f"{self.target}-{self.number}"


class TargetQueue:
    """Hands out one target's trials and books their ends."""

    def __init__(self, record: StudyRecord, target: str, study: optuna.Study) -> None:
        self.target, self._record, self._study = target, record, study
        self._space = record.spaces[target]
        self._roles = roles(self._space, record.plan.budget.trials_per_target)
        study.pruner = make_pruner(record.plan)
        left_running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        self._adopted = [trial.number for trial in left_running]

    @property
    def planned(self) -> int:
        """Trials the budget allows."""
        return len(self._roles)

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Trials in some states (all where none is named), by number."""
        return self._study.get_trials(deepcopy=False, states=states or None)

    @property
    def left_open(self) -> int:
        """Trials that a dead driver left, not handed out again so far."""
        return len(self._adopted)

    @property
    def asked(self) -> int:
        """Trials that were handed out, in this session or before."""
        return len(self.trials(TrialState.RUNNING, *FINISHED)) - len(self._adopted)

    @property
    def is_exhausted(self) -> bool:
        """No trial is left to hand out."""
        waiting = self.trials(TrialState.WAITING)
        return not self._adopted and not waiting and len(self.trials()) >= self.planned

    def next(self) -> Asked | None:
        """The next trial: one that a dead driver left, else a new one; None when none is due."""
        if self._adopted:
            number = self._adopted.pop(0)
            frozen = self.trials()[number]
            self._study.sampler = make_sampler(self._record, self.target, number)
            return self._prepared(Trial(self._study, frozen._trial_id))
        waiting = self.trials(TrialState.WAITING)
        if not waiting and not self._enqueue():
            return None
        number = min(trial.number for trial in self.trials(TrialState.WAITING))
        self._study.sampler = make_sampler(self._record, self.target, number)
        return self._prepared(self._study.ask())

    def _enqueue(self) -> bool:
        """Fix what the role of the next number fixes; False when no trial is due now."""
        trials = self.trials()
        if len(trials) >= self.planned:
            return False
        role = self._roles[len(trials)]
        if role.name != "baseline":
            role = self._missing_baseline(trials) or role
        if role.name == "matched_baseline":
            if self.trials(TrialState.RUNNING):
                return False  # it is the twin of a best setting, which the others still decide
            role = self._matched(role)
        self._study.enqueue_trial(role.fixed, user_attrs={"role": role.name})
        return True

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

    def _matched(self, role: Role) -> Role:
        """The no-intermediate twin of the best setting that has none yet."""
        done = self.trials(TrialState.COMPLETE)
        ranked = sorted(done, key=lambda t: (-(t.value or -math.inf), t.number))
        known = {trial.user_attrs["setting_id"] for trial in done}
        for trial in ranked:
            params = matched_baseline(trial.params)
            if self._space.setting(params).setting_id not in known:
                return Role(role.name, params)
        return Role("sampled", {"arm": "none"})

    def _prepared(self, trial: Trial) -> Asked:
        """Draw what is not fixed, and write down what the trial is."""
        setting = self._space.setting(draw(trial, self._space))
        phases = trial_phases(self._record.frozen, self.target, setting, self._record.seeds)
        attempts = int(trial.user_attrs.get("attempts", 0)) + 1
        noted = {
            "setting": asdict(setting),
            "setting_id": setting.setting_id,
            "phases": [
                {"kind": p.kind, "key": p.key, "parent": p.parent, "title": p.title} for p in phases
            ],
            "attempts": attempts,
        }
        for name, value in noted.items():
            if trial.user_attrs.get(name) != value:
                trial.set_user_attr(name, value)
        return Asked(self, trial, setting, phases)

    def put_back(self, asked: Asked) -> None:
        """Take a trial back that was stopped and not told: it is due again."""
        self._adopted.append(asked.number)

    def should_prune(self, asked: Asked, step: int, value: float) -> bool:
        """Book a report; True when the trial should end here."""
        reported = self.trials()[asked.number].intermediate_values
        if step not in reported:
            asked.trial.report(value, step)
        elif step < max(reported):
            return False  # an adopted trial tells again what it went beyond before
        return bool(asked.trial.should_prune())

    def complete(self, asked: Asked, score: float, record: dict[str, Any]) -> None:
        """Book a score; a score that is no number is a failure."""
        if not math.isfinite(score):
            self.fail(asked, f"score {score}")
            return
        asked.trial.set_user_attr("record", record)
        self._study.tell(asked.trial, score, skip_if_finished=True)

    def prune(self, asked: Asked, step: int) -> None:
        """Book an early end."""
        asked.trial.set_user_attr("pruned_step", step)
        self._study.tell(asked.trial, state=TrialState.PRUNED, skip_if_finished=True)

    def fail(self, asked: Asked, reason: str) -> None:
        """Book a failure and its reason."""
        asked.trial.set_user_attr("reason", reason)
        self._study.tell(asked.trial, state=TrialState.FAIL, skip_if_finished=True)


def make_pruner(plan: Plan) -> BasePruner:
    """The plan's pruner; it reads the storage alone, so it is exact after a resume."""
    if plan.budget.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5)
    return optuna.pruners.NopPruner()


def fullest_last(queues: Sequence[TargetQueue]) -> list[TargetQueue]:
    """Targets with the smallest share of their budget asked first."""
    return sorted(queues, key=lambda queue: queue.asked / queue.planned)
