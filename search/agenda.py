"""What the trials of one target are: a search's agenda, a contrast's, and a confirmation's.

The queue books trials and asks its agenda which one is due; all kinds are driven, stopped and
resumed by the same code. An agenda counts the trials it is told of and never looks through them
all: an ask costs the same after ten trials as after ten thousand.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Protocol

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from search.offers import Offers, is_offered
from search.roles import Role, may_be_offered, roles
from search.sampler import Seen, is_replicate, make_sampler
from spaces.confirmation import replicate_seeds
from spaces.contrast import CONTRAST, contrast_seeds
from spaces.settings import Seeds, TransferSetting
from spaces.study import SETTING, StudyRecord
from spaces.suggest import baselines, draw, matched_baseline

Replicate = tuple[TransferSetting, Seeds, int]
"""A setting, the seeds of one set, and the number of the set."""


class Agenda(Protocol):
    """Decides what a target's trials are, from what it was told of those there are.

    What it keeps can be told again from the storage: a driver that opens a study tells it of every
    trial, made and ended.
    """

    @property
    def planned(self) -> int:
        """How many trials there will be."""

    def made(self, trial: FrozenTrial) -> None:
        """A trial is there; told once of each, by number, whatever its state."""

    def ended(self, trial: FrozenTrial) -> None:
        """A trial has ended; told once of each, after it was made."""

    def due(self) -> Role | None:
        """What the next trial is for; None when none is due now. No trial waits to be started."""

    @property
    def is_spent(self) -> bool:
        """Whether no other trial will follow."""

    def sampler(self, number: int) -> BaseSampler:
        """Draws what the role of the trial of this number leaves open."""

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """The setting and the seeds of a trial."""

    def left(self) -> Iterator[Replicate]:
        """Replicates that no trial is so far; a search knows no trial to come."""


def agenda_of(record: StudyRecord, target: str, offers: Offers | None = None) -> Agenda:
    """The agenda that a study's record asks for."""
    if record.confirms:
        return confirm_agenda(record, target)
    search = SearchAgenda(record, target, offers)
    return ContrastAgenda(record, target, search) if record.plan.contrast else search


class SearchAgenda:
    """Roles by number, settings by the sampler, one set of seeds."""

    def __init__(self, record: StudyRecord, target: str, offers: Offers | None = None) -> None:
        self._record, self._target, self._space = record, target, record.spaces[target]
        self._offers = offers
        self._roles = roles(self._space, record.plan.budget.trials_per_target)
        self._made, self._ended = 0, 0
        self._begun: set[str] = set()
        """Initialisations that have their baseline."""
        self._ranked: list[tuple[float, int, FrozenTrial]] = []
        """COMPLETE trials, the best first."""
        self._scored: set[str] = set()
        """Names of their settings."""
        self._seen = Seen()
        self._tried: set[str] = set()
        """Names of a grid's settings that have a trial."""
        self._next = 0
        """Where in the grid the first one without may be."""

    @property
    def planned(self) -> int:
        """Trials the budget allows."""
        return len(self._roles)

    def made(self, trial: FrozenTrial) -> None:
        """Count it, and what it was made for."""
        self._made += 1
        fixed, role = trial.system_attrs.get("fixed_params", {}), trial.user_attrs.get("role")
        if role == "baseline" and "initialisation" in fixed:
            self._begun.add(fixed["initialisation"])
        if self._record.plan.study.sampler == "grid":
            named = trial.user_attrs.get("setting_id")  # none yet where nobody has begun it
            if named or role == "grid":
                self._tried.add(named or self._space.setting(fixed).setting_id)

    def ended(self, trial: FrozenTrial) -> None:
        """Rank it, where it has a score."""
        self._ended += 1
        self._seen.add(trial)
        if trial.state == TrialState.COMPLETE:
            insort(self._ranked, (-(trial.value or -math.inf), trial.number, trial))
            self._scored.add(trial.user_attrs["setting_id"])

    def due(self) -> Role | None:
        """The role of the next number, and what it fixes."""
        if self.is_spent:
            return None
        role = self._roles[self._made]
        if role.name == "grid":
            return self._untried()
        if role.name != "baseline":
            role = self._missing_baseline() or role
        if role.name == "matched_baseline":
            if self._ended < self._made:
                return None  # it is the twin of a best setting, which the others still decide
            role = self._matched(role)
        return self._offered() or role if may_be_offered(role) else role

    def _offered(self) -> Role | None:
        """What another target paid for, where it is this number's turn and there is something."""
        if self._offers is None or not is_offered(self._record, self._target, self._made):
            return None
        fixed = self._offers.best(self._target)
        return Role("offered", fixed) if fixed else None

    def _untried(self) -> Role:
        """The first setting of a grid that no trial has: a space that grew has new ones between."""
        while self._space.setting(self._roles[self._next].fixed).setting_id in self._tried:
            self._next += 1
        return self._roles[self._next]

    @cached_property
    def _untrained(self) -> list[Role]:
        """The baseline without an intermediate phase of each initialisation."""
        names = self._space.axis("initialisation").choices
        return [Role("baseline", params) for params in baselines(self._space)[: len(names)]]

    def _missing_baseline(self) -> Role | None:
        """The baseline of an initialisation that joined a study when its space grew."""
        missing = (r for r in self._untrained if r.fixed["initialisation"] not in self._begun)
        return next(missing, None)

    def _matched(self, role: Role) -> Role:
        """The no-intermediate twin of the best setting that has none yet."""
        for _, _, trial in self._ranked:
            params = matched_baseline(trial.params)
            if self._space.setting(params).setting_id not in self._scored:
                return Role(role.name, params)
        return Role("sampled", {"arm": "none"})

    @property
    def is_spent(self) -> bool:
        """Whether there are as many as the budget allows."""
        return self._made >= self.planned

    def sampler(self, number: int) -> BaseSampler:
        """The sampler of a trial, seeded by its number among the search's."""
        return make_sampler(self._record, self._target, number, self._seen)

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """Draw what is not fixed."""
        return self._space.setting(draw(trial, self._space)), self._record.seeds

    def left(self) -> Iterator[Replicate]:
        """None."""
        return iter(())


@dataclass
class ReplicateAgenda:
    """Fixed settings, each once with every set of fresh seeds.

    Set after set, so that what is cut short has whole sets. A trial is known by its setting and its
    set, not by its number: more sets, or more settings, come after those there are.
    """

    settings: Sequence[tuple[str, TransferSetting]]
    """What each is for, and what it is."""
    seeds: Mapping[int, Seeds]
    """Number of each set -> its seeds."""
    _held: set[tuple[str, int]] = field(default_factory=set)
    _next: int = 0
    """Where in the order the first one without a trial may be."""

    @property
    def planned(self) -> int:
        """Each setting with each set of seeds."""
        return len(self.settings) * len(self.seeds)

    def made(self, trial: FrozenTrial) -> None:
        """Its setting has its set."""
        self._held.add((trial.user_attrs["setting_id"], trial.user_attrs["replicate"]))

    def ended(self, trial: FrozenTrial) -> None:
        """No end decides what comes next."""

    @cached_property
    def _wanted(self) -> list[tuple[str, int]]:
        """Name of a setting, number of a set, in the order in which they are due."""
        names = [setting.setting_id for _, setting in self.settings]
        return [(name, replicate) for replicate in self.seeds for name in names]

    def due(self) -> Role | None:
        """The first setting and set that no trial has."""
        if self.is_spent:
            return None
        role, setting = self.settings[self._next % len(self.settings)]
        return Role(role, {}, self._noted(setting, self._wanted[self._next][1]))

    def left(self) -> Iterator[Replicate]:
        """Each setting with each set of seeds that no trial has."""
        for place in range(self._next, self.planned):
            name, replicate = self._wanted[place]
            if (name, replicate) not in self._held:
                yield self.settings[place % len(self.settings)][1], self.seeds[replicate], replicate

    def _noted(self, setting: TransferSetting, replicate: int) -> dict[str, Any]:
        """What makes the trial this one; stored with it in one write."""
        return {
            "setting": asdict(setting),
            "setting_id": setting.setting_id,
            "replicate": replicate,
            "seeds": asdict(self.seeds[replicate]),
        }

    @property
    def is_spent(self) -> bool:
        """Whether each setting has each set."""
        while self._next < self.planned and self._wanted[self._next] in self._held:
            self._next += 1
        return self._next == self.planned

    def sampler(self, number: int) -> BaseSampler:
        """Nothing is drawn."""
        return optuna.samplers.RandomSampler(seed=number)

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
        self._searched: list[int] = []
        """Numbers of the search's trials."""

    @property
    def planned(self) -> int:
        """Trials of both."""
        return self._cells.planned + self._search.planned

    def _of(self, trial: FrozenTrial | Trial) -> Agenda:
        """Whose a trial is."""
        return self._cells if is_replicate(trial) else self._search

    def made(self, trial: FrozenTrial) -> None:
        """Tell whose it is."""
        self._of(trial).made(trial)
        if not is_replicate(trial):
            self._searched.append(trial.number)

    def ended(self, trial: FrozenTrial) -> None:
        """Tell whose it is."""
        self._of(trial).ended(trial)

    def due(self) -> Role | None:
        """The first cell that no trial is, or what the search would try next."""
        return self._cells.due() or self._search.due()

    @property
    def is_spent(self) -> bool:
        """Whether both are."""
        return self._cells.is_spent and self._search.is_spent

    def sampler(self, number: int) -> BaseSampler:
        """That of the search, which numbers its own trials; of a cell nothing is drawn."""
        return self._search.sampler(bisect_left(self._searched, number))

    def content(self, trial: Trial) -> tuple[TransferSetting, Seeds]:
        """As noted, of a cell; of the search's trials as drawn."""
        return self._of(trial).content(trial)

    def left(self) -> Iterator[Replicate]:
        """The cells that no trial is."""
        return self._cells.left()
