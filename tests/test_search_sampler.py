"""What TPE sees of a long study."""

from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from search import sampler
from search.sampler import View, make_sampler
from search.study import open_target
from spaces.suggest import Space, draw
from tests.plans import frozen

RECORD = frozen({"budget.trials_per_target": 80})

SPACE: Space = RECORD.spaces["xnli"]

TOLD = 60


def study_of(trials: list[FrozenTrial]) -> optuna.Study:
    """A study that holds some trials."""
    study = open_target(RECORD, "xnli", optuna.storages.InMemoryStorage(), None)
    study.add_trials(trials)
    return study


def drawn(seed: int) -> list[FrozenTrial]:
    """Random trials with scores that are fixed by their numbers: 0 to 96, in no order."""
    study = study_of([])
    study.sampler = optuna.samplers.RandomSampler(seed=seed)
    for number in range(TOLD):
        trial = study.ask()
        draw(trial, SPACE)
        study.tell(trial, number * 37 % 97)
    return study.get_trials()


def next_params(trials: list[FrozenTrial]) -> list[dict[str, Any]]:
    """What TPE draws after some trials, under some seeds."""
    study, asked = study_of(trials), []
    for number in range(10):
        study.sampler = make_sampler(RECORD, "xnli", number)
        asked.append(study.ask())
        draw(asked[-1], SPACE)
    return [trial.params for trial in asked]


def test_a_short_study_is_seen_whole() -> None:
    """Up to the limit every trial with a score is seen, as Optuna's own sampler would."""
    told = drawn(0)
    failed = create_trial(state=TrialState.FAIL)
    assert [t.number for t in View(study_of([*told, failed])).seen] == list(range(TOLD))


def test_the_best_and_the_latest_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit: the 25 best whenever they were, and the latest of the others."""
    monkeypatch.setattr(sampler, "MOST_SEEN", 40)
    told = drawn(0)
    seen = View(study_of(told)).seen
    best = {t.number for t in sorted(told, key=lambda t: -t.value)[:25]}
    others = [t.number for t in told if t.number not in best]
    assert [t.number for t in seen] == sorted([*best, *others[-15:]])


def test_what_is_not_seen_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """TPE reads a study through that view alone: other trials beyond it, the same draw."""
    told, other = drawn(0), drawn(1)
    monkeypatch.setattr(sampler, "MOST_SEEN", 40)
    seen = {trial.number for trial in View(study_of(told)).seen}
    mixed = [trial if trial.number in seen else other[trial.number] for trial in told]
    assert next_params(mixed) == next_params(told)
    monkeypatch.setattr(sampler, "MOST_SEEN", TOLD)
    assert next_params(mixed) != next_params(told)
