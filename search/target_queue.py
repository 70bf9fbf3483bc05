"""The trials of one target: adopted, asked, told. Optuna's storage is its only state."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, Trial, TrialState

from search.agenda import agenda_of
from search.sampler import Searched
from spaces.phases import PhaseSpec, trial_phases
from spaces.plan import Plan
from spaces.settings import Seeds, TransferSetting
from spaces.study import StudyRecord

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(slots=True)
class Asked:
    """A trial that was asked and not yet told."""

    queue: "TargetQueue"
    trial: Trial
    setting: TransferSetting
    seeds: Seeds
    phases: tuple[PhaseSpec, ...]
    keys: frozenset[str] = field(init=False)
    """Of the phases; a searcher that waits asks for them many times a second."""

    def __post_init__(self) -> None:
        """Hash each phase once."""
        self.keys = frozenset(phase.key for phase in self.phases)

    @property
    def target(self) -> str:
        """The trial's target."""
        return self.queue.target

    @property
    def number(self) -> int:
        """The trial's number within its target."""
        return self.trial.number

    @property
    def replicate(self) -> int | None:
        """Which set of fresh seeds a contrast or a confirmation runs; None in a search."""
        return self.trial.user_attrs.get("replicate")

    @property
    def name(self) -> str:
        """Name in Ray's logs and in messages."""
        return f"{self.target}-{self.number}"


class TargetQueue:
    """Hands out one target's trials and books their ends."""

    def __init__(self, record: StudyRecord, target: str, study: optuna.Study) -> None:
        self.target, self._record, self._study = target, record, study
        self._agenda = agenda_of(record, target)
        study.pruner = make_pruner(record.plan)
        left_running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        self._adopted = [trial.number for trial in left_running]

    @property
    def planned(self) -> int:
        """Trials there will be."""
        return self._agenda.planned

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
        return not self._adopted and not waiting and self._agenda.is_spent(self.trials())

    def next(self) -> Asked | None:
        """The next trial: one that a dead driver left, else a new one; None when none is due."""
        if self._adopted:
            number = self._adopted.pop(0)
            *before, frozen = self.trials()[: number + 1]
            self._study.sampler = self._agenda.sampler(before)
            return self._prepared(Trial(self._study, frozen._trial_id))
        waiting = self.trials(TrialState.WAITING)
        if not waiting and not self._enqueue():
            return None
        number = min(trial.number for trial in self.trials(TrialState.WAITING))
        self._study.sampler = self._agenda.sampler(self.trials()[:number])
        return self._prepared(self._study.ask())

    def _enqueue(self) -> bool:
        """Fix what the role of the next trial fixes; False when no trial is due now."""
        role = self._agenda.due(self.trials())
        if role is None:
            return False
        self._study.enqueue_trial(role.fixed, user_attrs={"role": role.name, **role.noted})
        return True

    def _prepared(self, trial: Trial) -> Asked:
        """Write down what the trial is."""
        setting, seeds = self._agenda.content(trial)
        phases = trial_phases(self._record.frozen, self.target, setting, seeds)
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
        return Asked(self, trial, setting, seeds, phases)

    def put_back(self, asked: Asked) -> None:
        """Take a trial back that was stopped and not told: it is due again."""
        self._adopted.append(asked.number)

    def should_prune(self, asked: Asked, step: int, value: float) -> bool:
        """Book a report; True when the trial should end here. A contrast lacks no cell."""
        reported = self.trials()[asked.number].intermediate_values
        if step not in reported:
            asked.trial.report(value, step)
        elif step < max(reported):
            return False  # an adopted trial tells again what it went beyond before
        return asked.replicate is None and bool(asked.trial.should_prune())

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
        return SearchedPruner(optuna.pruners.MedianPruner(n_startup_trials=5))
    return optuna.pruners.NopPruner()


class SearchedPruner(BasePruner):
    """Compares a trial with those of the search alone."""

    def __init__(self, pruner: BasePruner) -> None:
        self._pruner = pruner

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial should end here."""
        return self._pruner.prune(cast(optuna.Study, Searched(study)), trial)


def fullest_last(queues: Sequence[TargetQueue]) -> list[TargetQueue]:
    """Targets with the smallest share of their budget asked first."""
    return sorted(queues, key=lambda queue: queue.asked / queue.planned)
