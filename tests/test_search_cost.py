"""What an ask and an end cost, counted in steps of the interpreter and looks at the storage."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from search import sampler
from search.pruner import STARTUP, MedianPruner
from search.sampler import Seen
from search.searcher import StudySearcher
from search.study import open_target
from search.target_queue import TargetQueue
from spaces.study import StudyRecord
from tests.plans import Changes, frozen

ALIKE: Changes = {"space.mixture": ..., "space.target.learning_rates": [2e-3]}
"""One setting for each initialisation: every ask draws the same, so it costs the same."""

SAMPLED: dict[str, Changes] = {
    "random": {**ALIKE, "study.sampler": "random"},
    "tpe": ALIKE,
    "median": {
        **ALIKE,
        "study.sampler": "random",
        "budget.pruner": "median",
        "budget.reports_per_phase": 2,
    },
}

LISTED: dict[str, Changes] = {
    "grid": {
        "space.mixture": ...,
        "study.sampler": "grid",
        "space.target.learning_rates": [n * 1e-5 for n in range(1, 201)],
    },
    "cells": {"space.mixture": ..., "study.sampler": "random", "contrast": {"seeds": 200}},
}

ASKED = 5
"""Trials whose cost is taken, at each length of a study."""


class Silent:
    """An observer that shows nothing."""

    def asked(self, *_: Any) -> None: ...

    def message(self, *_: Any) -> None: ...

    def held(self, *_: Any) -> None: ...

    def told(self, *_: Any) -> None: ...


def watched(storage: BaseStorage, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets an entry whenever all trials of a study are read."""
    looks: list[int] = []
    read = storage.get_all_trials

    def counted(*arguments: Any, **named: Any) -> list[FrozenTrial]:
        found = read(*arguments, **named)
        looks.append(len(found))
        return found

    monkeypatch.setattr(storage, "get_all_trials", counted)
    return looks


def steps(action: Callable[[], Any]) -> int:
    """Lines and calls that an action executes, in whatever library; each turn of a loop counts."""
    count = 0

    def tracer(*_: Any) -> Any:
        nonlocal count
        count += 1
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def searcher_on(record: StudyRecord, storage: BaseStorage, root: Path) -> StudySearcher:
    """The searcher of a driver that opens the study anew, one trial at a time."""
    queues = [TargetQueue(record, t, open_target(record, t, storage, None)) for t in record.targets]
    return StudySearcher(queues, root, record.name, 1, Silent(), lambda: None)


def one_trial(searcher: StudySearcher) -> None:
    """Ask, report and tell one trial; what Tune asks for while it runs is heard as well."""
    config = searcher.suggest("a")
    assert isinstance(config, dict)
    assert searcher.suggest("b") is None
    searcher.decide("a", {"event": "report", "step": 30, "value": 60.0})
    record = json.dumps({"scores": [], "phases": [], "reported_score": 1.0})
    searcher.on_trial_complete("a", {"event": "final", "score": 60.0, "record": record})


def asked_until(searcher: StudySearcher, number: int) -> None:
    """Run trials until so many were asked."""
    while searcher._queues[0].asked < number:
        one_trial(searcher)


def cost(searcher: StudySearcher, looks: list[int]) -> int:
    """Steps of the dearest of the next trials, none of which looks at all others."""
    looks.clear()
    dearest = max(steps(lambda: one_trial(searcher)) for _ in range(ASKED))
    assert not looks
    return dearest


@pytest.mark.parametrize(
    ("name", "backend"), [*((name, "memory") for name in SAMPLED), ("median", "journal")]
)
def test_a_trial_costs_the_same_after_two_thousand(
    name: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask, hear and tell one takes no more steps than after two hundred.

    A loop over the trials would take a step for each of them, 1,800 more.
    """
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the power stays on
    monkeypatch.setattr(sampler, "MOST_SEEN", 30)
    record = frozen({"budget.trials_per_target": 2100, **SAMPLED[name]})
    journal = JournalFileBackend(str(tmp_path / "journal.log"))
    storage = InMemoryStorage() if backend == "memory" else JournalStorage(journal)
    looks, searcher = watched(storage, monkeypatch), searcher_on(record, storage, tmp_path)
    asked_until(searcher, 40)
    copied(storage, 200)
    short = cost(searcher_on(record, storage, tmp_path), looks)
    copied(storage, 2000)
    long = cost(searcher_on(record, storage, tmp_path), looks)
    assert long - short < 300, (short, long)


def copied(storage: BaseStorage, number: int) -> None:
    """Fill a study with copies of its last trials up to a number."""
    told = storage.get_all_trials(0)[-10:]
    for place in range(len(storage.get_all_trials(0)), number):
        storage.create_new_trial(0, told[place % len(told)])


@pytest.mark.parametrize("name", LISTED)
def test_the_next_of_a_list_is_found_as_cheaply(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grid's settings and a contrast's cells are not looked through for one that is missing."""
    record = frozen({"budget.trials_per_target": 400, **LISTED[name]})
    storage = InMemoryStorage()
    looks, searcher = watched(storage, monkeypatch), searcher_on(record, storage, tmp_path)
    asked_until(searcher, 30)
    short = cost(searcher, looks)
    asked_until(searcher, 330)
    assert cost(searcher, looks) - short < 75


def reports() -> st.SearchStrategy[dict[int, float]]:
    """Reports at some of three steps; many are equal, and some are no number."""
    values = st.sampled_from([float("nan"), 0.0, 1.0, 2.5, 40.0, 1 / 3])
    return st.dictionaries(st.sampled_from([10, 20, 30]), values, max_size=3)


@given(
    told=st.lists(
        st.tuples(
            st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]), reports()
        ),
        max_size=14,
    ),
    asked=reports(),
)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
def test_the_median_that_is_kept_prunes_as_optunas(
    told: list[tuple[TrialState, dict[int, float]]], asked: dict[int, float]
) -> None:
    """Counted along or read anew, the rule stops the same trials."""
    study = optuna.create_study(direction="maximize", storage=InMemoryStorage())
    pruner = MedianPruner()
    for state, reported in told:
        value = 1.0 if state is TrialState.COMPLETE else None
        trial = create_trial(state=state, value=value, intermediate_values=reported)
        study.add_trial(trial)
        pruner.ended(trial)
    trial = create_trial(state=TrialState.RUNNING, intermediate_values=asked)
    theirs = optuna.pruners.MedianPruner(n_startup_trials=STARTUP)
    assert pruner.prune(study, trial) == theirs.prune(study, trial)


@given(order=st.permutations(range(30)), most=st.integers(10, 35))
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_what_a_sampler_sees_is_the_same_whatever_ended_first(order: list[int], most: int) -> None:
    """The best, whenever they were, and the latest of the others: as if read by number."""
    told = []
    for number in range(30):
        state = TrialState.PRUNED if number % 7 == 3 else TrialState.COMPLETE
        told.append(create_trial(state=state, value=float(number * 37 % 11)))
        told[-1].number = number
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sampler, "MOST_SEEN", most)
        patched.setattr(sampler, "BEST_SEEN", 5)
        seen = [trial.number for trial in Seen(told[number] for number in order).trials]
    complete = [trial for trial in told if trial.state is TrialState.COMPLETE]
    best = {t.number for t in sorted(complete, key=lambda trial: -trial.value)[:5]}
    others = [trial.number for trial in told if trial.number not in best]
    assert seen == sorted([*best, *others[max(0, len(others) + 5 - most) :]])
