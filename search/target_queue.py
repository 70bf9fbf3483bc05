"""The trials of one target: adopted, asked, told. Optuna's storage is their only truth.

A queue looks through the storage once, when it is opened. From then on its driver, who holds the
lease, is the only writer, so it counts along: no ask and no end looks at the other trials again.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from search.agenda import agenda_of
from search.journal import together
from search.offers import Offers
from search.pruner import MedianPruner
from spaces.phases import PhaseSpec, trial_phases
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
    replicate: int | None = field(init=False)
    """Which set of fresh seeds a contrast or a confirmation runs; None in a search."""

    def __post_init__(self) -> None:
        """Hash each phase once, and copy the trial's attributes once."""
        self.keys = frozenset(phase.key for phase in self.phases)
        self.replicate = self.trial.user_attrs.get("replicate")

    @property
    def target(self) -> str:
        """The trial's target."""
        return self.queue.target

    @property
    def number(self) -> int:
        """The trial's number within its target."""
        return self.trial.number

    @property
    def identity(self) -> tuple[Any, ...]:
        """What a trial is known by before it is asked: a replicate by its setting and its set."""
        if self.replicate is None:
            return self.target, self.number
        return self.target, self.setting.setting_id, self.replicate

    @property
    def name(self) -> str:
        """Name in Ray's logs and in messages."""
        return f"{self.target}-{self.number}"


class TargetQueue:
    """Hands out one target's trials and books their ends."""

    def __init__(
        self,
        record: StudyRecord,
        target: str,
        study: optuna.Study,
        offers: Offers | None = None,
    ) -> None:
        """Open a target's queue.

        Args:
            record: of the study.
            target: one of its targets.
            study: the target's trials.
            offers: what the targets of this study take over from one another; None for nothing.
        """
        self.target, self._record, self._study = target, record, study
        self._storage = study._storage
        self._agenda, self._offers = agenda_of(record, target, offers), offers
        is_pruned = record.plan.budget.pruner == "median"
        self._pruner = MedianPruner() if is_pruned else None
        study.pruner = self._pruner or optuna.pruners.NopPruner()
        self._waiting: deque[FrozenTrial] = deque()
        self._adopted: deque[FrozenTrial] = deque()
        self._begun = 0
        """Trials that were handed out once, or more often."""
        for trial in self.trials():
            self._found(trial)

    def _found(self, trial: FrozenTrial) -> None:
        """Count a trial that is in the storage."""
        self._agenda.made(trial)
        if trial.state == TrialState.WAITING:
            self._waiting.append(trial)
            return
        self._begun += 1
        if trial.state == TrialState.RUNNING:
            self._adopted.append(trial)
        else:
            self._ended(trial)

    def _ended(self, trial: FrozenTrial) -> None:
        """Count a trial that has ended."""
        self._agenda.ended(trial)
        if self._pruner:
            self._pruner.ended(trial)
        if self._offers is not None:
            self._offers.told(self.target, trial.number, trial.state, trial.value)

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
        return self._begun - len(self._adopted)

    @property
    def is_exhausted(self) -> bool:
        """No trial is left to hand out."""
        return not self._adopted and not self._waiting and self._agenda.is_spent

    def expected(self) -> dict[tuple[Any, ...], list[str]]:
        """Trials that will come and are known -> keys of phases that they need.

        Those that a dead driver left, and replicates that nobody has begun; of these the phases
        before the target's own, which nobody else needs.
        """
        found: dict[tuple[Any, ...], list[str]] = {}
        for setting, seeds, replicate in self._agenda.left():
            phases = trial_phases(self._record.frozen, self.target, setting, seeds)
            shared = [p.key for p in phases if p.kind in ("initialisation", "intermediate")]
            found[self.target, setting.setting_id, replicate] = shared
        for trial in self._adopted:
            noted = trial.user_attrs
            which = noted.get("replicate")
            own = (trial.number,) if which is None else (noted["setting_id"], which)
            found[self.target, *own] = [phase["key"] for phase in noted.get("phases", ())]
        return found

    def next(self) -> Asked | None:
        """The next trial: one that a dead driver left, else a new one; None when none is due."""
        with together(self._storage):
            return self._next()

    def _next(self) -> Asked | None:
        if self._adopted:
            return self._prepared(self._adopted.popleft())
        if not self._waiting and not self._enqueue():
            return None
        waiting = self._waiting[0]
        # Not `study.ask`, which looks through all trials for one that waits.
        self._storage.set_trial_state_values(waiting._trial_id, TrialState.RUNNING)
        self._waiting.popleft()
        self._begun += 1
        return self._prepared(waiting)

    def _enqueue(self) -> bool:
        """Fix what the role of the next trial fixes; False when no trial is due now."""
        role = self._agenda.due()
        if role is None:
            return False
        template = create_trial(
            state=TrialState.WAITING,
            system_attrs={"fixed_params": role.fixed},
            user_attrs={"role": role.name, **role.noted},
        )
        trial_id = self._storage.create_new_trial(self._study._study_id, template)
        self._found(self._storage.get_trial(trial_id))
        return True

    def _prepared(self, frozen: FrozenTrial) -> Asked:
        """Draw what is open of a trial that runs, and write down what it is."""
        self._study.sampler = self._agenda.sampler(frozen.number)
        trial = Trial(self._study, frozen._trial_id)
        setting, seeds = self._agenda.content(trial)
        phases = trial_phases(self._record.frozen, self.target, setting, seeds)
        known = trial.user_attrs
        noted = {
            "setting": asdict(setting),
            "setting_id": setting.setting_id,
            "phases": [
                {"kind": p.kind, "key": p.key, "parent": p.parent, "title": p.title} for p in phases
            ],
            "attempts": int(known.get("attempts", 0)) + 1,
        }
        for name, value in noted.items():
            if known.get(name) != value:
                trial.set_user_attr(name, value)
        if self._offers is not None:
            self._offers.asked(self.target, trial)
        return Asked(self, trial, setting, seeds, phases)

    def put_back(self, asked: Asked) -> None:
        """Take a trial back that was stopped and not told: it is due again."""
        self._adopted.append(self._frozen(asked))

    def _frozen(self, asked: Asked) -> FrozenTrial:
        """A trial as it is stored."""
        return self._storage.get_trial(asked.trial._trial_id)

    def should_prune(self, asked: Asked, step: int, value: float) -> bool:
        """Book a report; True when the trial should end here. A contrast lacks no cell."""
        reported = self._frozen(asked).intermediate_values
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
        self._end(asked, TrialState.COMPLETE, "record", record, score)

    def prune(self, asked: Asked, step: int) -> None:
        """Book an early end."""
        self._end(asked, TrialState.PRUNED, "pruned_step", step)

    def fail(self, asked: Asked, reason: str) -> None:
        """Book a failure and its reason."""
        self._end(asked, TrialState.FAIL, "reason", reason)

    def _end(
        self, asked: Asked, state: TrialState, name: str, what: Any, score: float | None = None
    ) -> None:
        """Note what there is to say of an end, tell the storage, then count."""
        with together(self._storage):
            asked.trial.set_user_attr(name, what)  # refused where the trial has ended before
            self._study.tell(asked.trial, score, state=state, skip_if_finished=True)
        self._ended(self._frozen(asked))


def fullest_last(queues: Sequence[TargetQueue]) -> list[TargetQueue]:
    """Targets with the smallest share of their budget asked first."""
    return sorted(queues, key=lambda queue: queue.asked / queue.planned)
