"""What the trials of one target are: a search's agenda, a contrast's, and a confirmation's.

The queue books trials and asks its agenda which one is due; all kinds are driven, stopped and
resumed by the same code.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Protocol

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from search.roles import Role, roles
from search.sampler import is_replicate, make_sampler
from spaces.confirmation import replicate_seeds
from spaces.contrast import CONTRAST, contrast_seeds
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

    def is_spent(self, trials: list[FrozenTrial]) -> bool:
        """Whether no trial will follow these."""

    def sampler(self, before: list[FrozenTrial]) -> BaseSampler:
        """Draws what the role of a trial leaves open, given all before it."""

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """The setting and the seeds of a trial."""


def agenda_of(record: StudyRecord, target: str) -> Agenda:
    """The agenda that a study's record asks for."""
    if record.confirms:
        return confirm_agenda(record, target)
    search = SearchAgenda(record, target)
    return ContrastAgenda(record, target, search) if record.plan.contrast else search


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
        if self.is_spent(trials):
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

    def is_spent(self, trials: list[FrozenTrial]) -> bool:
        """Whether there are as many as the budget allows."""
        return len(trials) >= self.planned

    def sampler(self, before: list[FrozenTrial]) -> BaseSampler:
        """The sampler of a trial, seeded by its number."""
        return make_sampler(self._record, self._target, len(before))

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """Draw what is not fixed."""
        return self._space.setting(draw(trial, self._space)), self._record.seeds


@dataclass(frozen=True, slots=True)
class ReplicateAgenda:
    """Fixed settings, each once with every set of fresh seeds.

    Set after set, so that what is cut short has whole sets. A trial is known by its setting and its
    set, not by its number: more sets, or more settings, come after those there are.
    """

    settings: Sequence[tuple[str, TransferSetting]]
    """What each is for, and what it is."""
    seeds: Mapping[int, Seeds]
    """Number of each set -> its seeds."""

    @property
    def planned(self) -> int:
        """Each setting with each set of seeds."""
        return len(self.settings) * len(self.seeds)

    def due(self, trials: list[FrozenTrial]) -> Role | None:
        """The first setting and set that no trial has."""
        known = {(t.user_attrs["setting_id"], t.user_attrs["replicate"]) for t in trials}
        for replicate in self.seeds:
            for role, setting in self.settings:
                if (setting.setting_id, replicate) not in known:
                    return Role(role, {}, self._noted(setting, replicate))
        return None

    def _noted(self, setting: TransferSetting, replicate: int) -> dict[str, Any]:
        """What makes the trial this one; stored with it in one write."""
        return {
            "setting": asdict(setting),
            "setting_id": setting.setting_id,
            "replicate": replicate,
            "seeds": asdict(self.seeds[replicate]),
        }

    def is_spent(self, trials: list[FrozenTrial]) -> bool:
        """Whether each setting has each set."""
        return self.due(trials) is None

    def sampler(self, before: list[FrozenTrial]) -> BaseSampler:
        """Nothing is drawn."""
        return optuna.samplers.RandomSampler(seed=len(before))

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """As they were noted when the trial was made."""
        noted = trial.user_attrs
        return SETTING.validate_python(noted["setting"]), Seeds(**noted["seeds"])


def confirm_agenda(record: StudyRecord, target: str) -> ReplicateAgenda:
    """The agenda of a confirmation: finalists and their baselines."""
    assert record.confirms is not None
    settings = [(one.role, one.setting) for one in record.confirms.settings[target]]
    sets, seed = range(1, record.confirms.replicates + 1), record.plan.study.seed
    return ReplicateAgenda(settings, {number: replicate_seeds(seed, number) for number in sets})


class ContrastAgenda:
    """The cells of a contrast first, then the search, neither of which looks at the other.

    Cells come first so that a study which is cut short has what was planned. The search numbers its
    own trials alone: with a contrast or without one, it draws the same.
    """

    def __init__(self, record: StudyRecord, target: str, search: SearchAgenda) -> None:
        cells = record.contrasts[target].cells(record.spaces[target])
        settings = [(CONTRAST, cell.setting) for cell in cells]
        self._cells = ReplicateAgenda(settings, contrast_seeds(record.plan))
        self._search = search

    @property
    def planned(self) -> int:
        """Trials of both."""
        return self._cells.planned + self._search.planned

    def due(self, trials: list[FrozenTrial]) -> Role | None:
        """The first cell that no trial is, or what the search would try next."""
        cells, searched = _split(trials)
        return self._cells.due(cells) or self._search.due(searched)

    def is_spent(self, trials: list[FrozenTrial]) -> bool:
        """Whether both are."""
        cells, searched = _split(trials)
        return self._cells.is_spent(cells) and self._search.is_spent(searched)

    def sampler(self, before: list[FrozenTrial]) -> BaseSampler:
        """That of the search; of a cell nothing is drawn."""
        return self._search.sampler(_split(before)[1])

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """As noted, of a cell; of the search's trials as drawn."""
        agenda = self._cells if is_replicate(trial) else self._search
        return agenda.content(trial)


def _split(trials: Iterable[FrozenTrial]) -> tuple[list[FrozenTrial], list[FrozenTrial]]:
    """Trials of a contrast, and those of the search."""
    found: tuple[list[FrozenTrial], list[FrozenTrial]] = ([], [])
    for trial in trials:
        found[not is_replicate(trial)].append(trial)
    return found
