"""One target's trials without Ray: what they are for, adopted, asked and told."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from search.roles import roles
from search.study import open_target
from search.target_queue import Asked, TargetQueue, fullest_last
from spaces.keys import derived_seed
from spaces.mistakes import PlanError
from spaces.study import StudyRecord
from spaces.suggest import matched_baseline
from tests.plans import frozen

TARGET = "xnli"

INITIALISATIONS = ["oracle-text", "oracle-multimodal", "oracle-placebo"]

Row = tuple[Any, ...]


class Killed(BaseException):
    """The driver died here."""


class MortalStorage(InMemoryStorage):
    """A storage whose driver is killed right before one of its writes."""

    def __init__(self, lives: float = math.inf) -> None:
        super().__init__()
        self.lives = lives
        self.writes = 0

    def _write(self) -> None:
        if self.writes == self.lives:
            raise Killed
        self.writes += 1

    def create_new_trial(self, *args: Any, **kwargs: Any) -> int:
        self._write()
        return super().create_new_trial(*args, **kwargs)

    def set_trial_param(self, *args: Any, **kwargs: Any) -> None:
        self._write()
        super().set_trial_param(*args, **kwargs)

    def set_trial_state_values(self, *args: Any, **kwargs: Any) -> bool:
        self._write()
        return super().set_trial_state_values(*args, **kwargs)

    def set_trial_user_attr(self, *args: Any, **kwargs: Any) -> None:
        self._write()
        super().set_trial_user_attr(*args, **kwargs)

    def set_trial_system_attr(self, *args: Any, **kwargs: Any) -> None:
        self._write()
        super().set_trial_system_attr(*args, **kwargs)

    def set_trial_intermediate_value(self, *args: Any, **kwargs: Any) -> None:
        self._write()
        super().set_trial_intermediate_value(*args, **kwargs)


def queue_on(record: StudyRecord, storage: BaseStorage | None = None) -> TargetQueue:
    """The queue of a driver that opens the study anew."""
    study = open_target(record, TARGET, storage or InMemoryStorage(), None)
    return TargetQueue(record, TARGET, study)


def score_of(asked: Asked) -> float:
    """A score that follows from the setting alone, as an executed trial's does."""
    return derived_seed("score", asked.setting.setting_id) % 10_000 / 100


def drive(queue: TargetQueue, most: float = math.inf) -> None:
    """Ask and complete, one trial at a time, until nothing is left or enough is done."""
    done = 0
    while done < most and (asked := queue.next()):
        queue.complete(asked, score_of(asked), {})
        done += 1


def table(queue: TargetQueue) -> list[Row]:
    """All that decides what a study found, by trial number."""
    return [
        (t.number, t.state.name, t.value, t.params, t.user_attrs["setting_id"], role_of(t))
        for t in queue.trials()
    ]


def role_of(trial: FrozenTrial) -> str:
    """What a trial is for."""
    return str(trial.user_attrs["role"])


def arms(queue: TargetQueue) -> list[str]:
    """``none`` or ``intermediate`` for each trial, from the settings themselves."""
    return [
        "intermediate" if trial.user_attrs["setting"]["intermediate"] else "none"
        for trial in queue.trials()
    ]


# -- roles ----------------------------------------------------------------------------------------


def test_baselines_come_first_and_the_twin_of_the_best_last() -> None:
    """A study begins with no intermediate for each initialisation, and ends with a matched one."""
    queue = queue_on(frozen())
    drive(queue)
    found = [role_of(trial) for trial in queue.trials()]
    assert found == ["baseline"] * 4 + ["sampled"] * 7 + ["matched_baseline"]
    first = [trial.params for trial in queue.trials()[:4]]
    assert [params["arm"] for params in first] == ["none", "none", "equal_tokens", "same_rows"]
    assert [params["initialisation"] for params in first[:2]] == INITIALISATIONS[:2]
    assert queue.is_exhausted and queue.next() is None


@given(
    trials=st.integers(4, 40),
    share=st.floats(0, 0.95),
    initialisations=st.integers(1, 3),
)
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
def test_the_arm_without_an_intermediate_gets_its_share(
    trials: int, share: float, initialisations: int
) -> None:
    """Of all trials told, at least the guaranteed share has no intermediate phase."""
    budget = max(trials, initialisations + 2)
    assume(math.ceil(share * budget) < budget)  # a plan that leaves nothing to search is refused
    record = frozen(
        {
            "budget.trials_per_target": budget,
            "budget.no_intermediate_share": share,
            "space.initialisations": INITIALISATIONS[:initialisations],
            "study.sampler": "random",
        }
    )
    queue = queue_on(record)
    drive(queue)
    found, total = arms(queue), record.plan.budget.trials_per_target
    assert len(found) == total
    # The target's own rows as the intermediate is a baseline as well, and never gives way.
    own_rows = sum(trial.params["arm"] == "same_rows" for trial in queue.trials())
    assert found.count("none") >= min(math.ceil(share * total), total - own_rows)


@given(
    trials=st.integers(5, 30),
    more=st.integers(1, 20),
    share=st.sampled_from([0.0, 0.25, 0.5, 0.75]),
)
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
def test_a_raised_budget_keeps_the_share(trials: int, more: int, share: float) -> None:
    """A study that got more trials later has the share of a study that had them at once."""
    changes = {"budget.no_intermediate_share": share, "study.sampler": "random"}
    storage = InMemoryStorage()
    drive(queue_on(frozen({**changes, "budget.trials_per_target": trials}), storage))
    queue = queue_on(frozen({**changes, "budget.trials_per_target": trials + more}), storage)
    drive(queue)
    assert len(queue.trials()) == trials + more
    assert arms(queue).count("none") >= math.ceil(share * (trials + more))


@pytest.mark.parametrize("trials", [4, 5, 12, 33, 70])
def test_every_trial_has_a_role(trials: int) -> None:
    """The roles of a budget are as many as its trials, whatever it is."""
    record = frozen({"budget.trials_per_target": trials})
    found = [role.name for role in roles(record.spaces[TARGET], trials)]
    assert len(found) == trials
    assert found.count("matched_baseline") in (1, 2, 3)


def test_a_plan_without_mixtures_has_one_arm() -> None:
    """Where nothing stands in between, all trials but the baselines are sampled."""
    queue = queue_on(frozen({"space.mixture": ..., "budget.trials_per_target": 5}))
    drive(queue)
    assert [role_of(trial) for trial in queue.trials()] == ["baseline"] * 2 + ["sampled"] * 3
    assert set(arms(queue)) == {"none"}


def test_a_grid_tries_each_distinct_setting_once() -> None:
    """As many trials as settings, the no-intermediate one of each initialisation before all."""
    changes = {
        "study.sampler": "grid",
        "space.target.learning_rates": [2e-3],
        "space.mixture": {"chains": ["nli:esho", "nli:esho > qa:esho", "nli:esho + nli:esho"]},
    }
    record = frozen({**changes, "budget.trials_per_target": 10})
    queue = queue_on(record)
    drive(queue)
    names = [trial.user_attrs["setting"]["intermediate"] for trial in queue.trials()]
    ids = {trial.user_attrs["setting_id"] for trial in queue.trials()}
    # Two initialisations, and two lengths of an intermediate: 2 + 2 * 2 * 2.
    assert (
        len(ids) == len(names) == 10 and [bool(name) for name in names] == [False] * 2 + [True] * 8
    )
    with pytest.raises(PlanError, match="at most 10: the distinct settings of 'xnli'"):
        frozen({**changes, "budget.trials_per_target": 11})
    with pytest.raises(PlanError, match=r"a range of target\.learning_rate"):
        frozen({"study.sampler": "grid"})


def test_a_matched_baseline_waits_for_the_others() -> None:
    """The twin of the best setting is not asked while another trial may still become the best."""
    queue = queue_on(frozen())
    running = [queue.next() for _ in range(11)]
    assert None not in running
    assert queue.next() is None and not queue.is_exhausted
    for asked in running[1:]:
        queue.complete(asked, score_of(asked), {})
    assert queue.next() is None
    queue.fail(running[0], "a reason")
    assert queue.next().number == 11


def test_a_matched_baseline_is_the_twin_of_the_best() -> None:
    """It equals the best setting in all but the intermediate phase."""
    queue = queue_on(frozen())
    drive(queue, most=11)
    best = max(
        (trial for trial in queue.trials() if trial.params["arm"] == "intermediate"),
        key=lambda trial: trial.value,
    )
    for trial in queue.trials():  # whatever scored more is its own twin
        if trial.params["arm"] != "intermediate":
            assert trial.user_attrs["setting"]["target"] != best.user_attrs["setting"]["target"]
    asked = queue.next()
    assert role_of(queue.trials()[11]) == "matched_baseline"
    twin, setting = asked.setting, best.user_attrs["setting"]
    assert twin.intermediate == ()
    assert twin.initialisation == setting["initialisation"]
    assert twin.target.learning_rate == setting["target"]["learning_rate"]
    assert asked.trial.params == matched_baseline(best.params)


def test_where_all_twins_are_known_the_last_trial_is_sampled() -> None:
    """No setting is tried again only because its turn came."""
    one_point = {
        "space.initialisations": ["oracle-text"],
        "space.target.learning_rates": [2e-3],
        "space.intermediate.steps": [150],
        "budget.trials_per_target": 6,
    }
    queue = queue_on(frozen(one_point))
    drive(queue)
    last = queue.trials()[-1]
    assert (role_of(last), last.params["arm"]) == ("sampled", "none")


def test_targets_share_the_slots_evenly() -> None:
    """The target with the smallest share of its budget asked is served first."""
    record = frozen({"targets.tasks": ["xnli", "xcopa"]})
    storage = InMemoryStorage()
    queues = [
        TargetQueue(record, target, open_target(record, target, storage, None))
        for target in record.plan.targets.tasks
    ]
    served = []
    for _ in range(6):
        asked = fullest_last(queues)[0].next()
        served.append(asked.target)
    assert served == ["xnli", "xcopa"] * 3


# -- adoption -------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["memory", "journal"])
def test_running_trials_are_adopted_as_they_are(tmp_path: Path, backend: str) -> None:
    """What a dead driver left RUNNING keeps its number, parameters and setting."""

    def opened() -> BaseStorage:
        return JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))

    storage = InMemoryStorage() if backend == "memory" else opened()
    record = frozen()
    queue = queue_on(record, storage)
    drive(queue, most=5)
    left = [queue.next() for _ in range(3)]
    again = queue_on(record, storage if backend == "memory" else opened())
    assert again.asked == 5 and not again.is_exhausted
    for before in left:
        after = again.next()
        assert after.number == before.number
        assert after.setting == before.setting and after.phases == before.phases
        assert after.trial.params == before.trial.params
        assert after.trial.user_attrs["attempts"] == 2
    assert again.next().number == 8
    assert len(again.trials()) == 9


def test_a_half_drawn_trial_is_adopted() -> None:
    """A driver that died while a trial was drawn loses nothing of what was stored."""
    record, storage = frozen({"study.sampler": "random"}), MortalStorage()
    drive(queue_on(record, storage), most=4)
    storage.lives = storage.writes + 6  # one to enqueue, one to start, four of its parameters
    with pytest.raises(Killed):
        queue_on(record, storage).next()
    storage.lives = math.inf
    half = storage.get_all_trials(0, deepcopy=True)[4]
    assert half.state is TrialState.RUNNING and 0 < len(half.params) < 7
    asked = queue_on(record, storage).next()
    assert asked.number == 4
    assert asked.trial.params.items() >= half.params.items()
    assert len(asked.trial.params) > len(half.params)


def test_an_enqueued_trial_is_taken_up() -> None:
    """A driver that died between fixing a role and starting its trial leaves no second one."""
    record, storage = frozen(), MortalStorage(lives=1)
    with pytest.raises(Killed):
        queue_on(record, storage).next()
    storage.lives = math.inf
    queue = queue_on(record, storage)
    assert [trial.state for trial in queue.trials()] == [TrialState.WAITING]
    assert not queue.is_exhausted
    asked = queue.next()
    assert (asked.number, role_of(queue.trials()[0])) == (0, "baseline")
    assert (asked.setting.arm, asked.setting.initialisation) == ("none", "oracle-text")
    queue.complete(asked, score_of(asked), {})
    drive(queue)
    assert len(queue.trials()) == 12


def test_a_finished_trial_is_never_told_again() -> None:
    """Whatever is told of a finished trial later, it keeps its first value and its record."""
    queue = queue_on(frozen())
    asked = queue.next()
    queue.complete(asked, 60.0, {"reported_score": 1.0})
    before = queue.trials()[0].user_attrs
    for late in (
        lambda: queue.complete(asked, 70.0, {}),
        lambda: queue.fail(asked, "late"),
        lambda: queue.prune(asked, 30),
    ):
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            late()
    trial = queue.trials()[0]
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 60.0)
    assert trial.user_attrs == before


# -- ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_a_failure(score: float) -> None:
    """NaN and infinity become FAIL with the score as the reason, and the search goes on."""
    queue = queue_on(frozen())
    queue.complete(queue.next(), score, {})
    trial = queue.trials()[0]
    assert trial.state is TrialState.FAIL and trial.value is None
    assert trial.user_attrs["reason"] == f"score {score}"
    assert queue.next().number == 1


def test_failures_count_in_the_budget() -> None:
    """A target whose trials all fail ends with its budget, without a matched baseline."""
    queue = queue_on(frozen())
    while asked := queue.next():
        queue.fail(asked, "a reason")
    assert [trial.state for trial in queue.trials()] == [TrialState.FAIL] * 12
    assert queue.is_exhausted and "matched_baseline" not in map(role_of, queue.trials())


def pruning_queue(storage: BaseStorage) -> TargetQueue:
    """A queue in which five trials reported 60 at step 30 and completed."""
    changes = {"budget.pruner": "median", "budget.reports_per_phase": 2}
    queue = queue_on(frozen(changes), storage)
    for _ in range(5):
        asked = queue.next()
        assert not queue.should_prune(asked, 30, 60.0)
        queue.complete(asked, 60.0, {})
    return queue


def test_a_pruned_trial_keeps_its_step() -> None:
    """A trial below the median of its step is PRUNED there, and says where."""
    queue = pruning_queue(InMemoryStorage())
    asked = queue.next()
    assert queue.should_prune(asked, 30, 20.0)
    queue.prune(asked, 30)
    trial = queue.trials()[5]
    assert trial.state is TrialState.PRUNED
    assert trial.user_attrs["pruned_step"] == 30
    assert trial.intermediate_values == {30: 20.0}


def test_without_a_pruner_nothing_is_pruned() -> None:
    """Reports are kept, and end no trial, where the plan names no pruner."""
    queue = queue_on(frozen({"budget.reports_per_phase": 2}))
    for number in range(8):
        asked = queue.next()
        assert not queue.should_prune(asked, 30, 60.0 - number)
        queue.complete(asked, score_of(asked), {})


def test_an_adopted_trial_is_pruned_where_it_would_have_been() -> None:
    """A driver that died between a report and its consequence does not change the outcome."""
    storage = InMemoryStorage()
    queue = pruning_queue(storage)
    assert queue.should_prune(queue.next(), 30, 20.0)
    again = TargetQueue(queue._record, TARGET, queue._study)
    asked = again.next()
    assert asked.number == 5
    assert again.should_prune(asked, 30, 20.0)


# -- the promise of a resumed study ---------------------------------------------------------------


def finished(record: StudyRecord, storage: MortalStorage) -> list[Row]:
    """The table of a search that is resumed whenever its driver dies."""
    while True:
        queue = queue_on(record, storage)
        try:
            drive(queue)
        except Killed:
            storage.lives = math.inf
            continue
        return table(queue)


def uninterrupted(record: StudyRecord) -> tuple[list[Row], int]:
    """Its table, and how often it wrote."""
    storage = MortalStorage()
    return finished(record, storage), storage.writes


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_killed_between_trials_draws_the_same(sampler: str) -> None:
    """One trial at a time, killed after any trial: the whole table is the uninterrupted one's."""
    record = frozen({"study.sampler": sampler})
    whole, _ = uninterrupted(record)
    for cut in range(1, 12):
        storage = InMemoryStorage()
        drive(queue_on(record, storage), most=cut)
        queue = queue_on(record, storage)
        drive(queue)
        assert table(queue) == whole, cut


@pytest.mark.parametrize(
    ("sampler", "trials", "killed"),
    [
        ("random", 12, range(2, 180, 9)),
        ("tpe", 12, range(60, 180, 21)),
        ("tpe", 20, range(60, 90, 9)),
    ],
    ids=["random", "tpe", "tpe before its model"],
)
def test_a_search_killed_at_any_write_draws_the_same(
    sampler: str, trials: int, killed: range
) -> None:
    """One trial at a time, killed before any write: the whole table is the uninterrupted one's."""
    record = frozen({"study.sampler": sampler, "budget.trials_per_target": trials})
    whole, writes = uninterrupted(record)
    assert writes > killed[-1]
    differing = [
        f"killed before write {write}, trial {row[0]} drew\n{other[3]} instead of\n{row[3]}"
        for write in killed
        for row, other in zip(whole, finished(record, MortalStorage(write)), strict=True)
        if row != other
    ]
    assert not differing, f"{len(differing)} differ; the first:\n{differing[0]}"


def test_a_contrast_killed_at_any_write_is_whole() -> None:
    """Its cells, and the search after them, are those of a driver that never died."""
    cells = {"contrast": {"seeds": 2, "intermediates": ["none", "nli:esho"]}}
    record = frozen({**cells, "study.sampler": "random"})
    whole, writes = uninterrupted(record)
    assert [row[-1] for row in whole[:9]] == ["contrast"] * 8 + ["baseline"]
    for write in (*range(2, 60, 4), *range(60, writes, 23)):
        assert finished(record, MortalStorage(write)) == whole, write


def test_a_search_killed_again_and_again_draws_the_same() -> None:
    """Enqueued and sampled trials alike survive a driver that never lives for long."""
    record = frozen({"study.sampler": "random"})
    whole, _ = uninterrupted(record)
    storage = InMemoryStorage()
    for _ in range(30):
        queue = queue_on(record, storage)
        drive(queue, most=1)
        queue.next()  # asked, and left RUNNING
    drive(queue_on(record, storage))
    assert table(queue_on(record, storage)) == whole


def test_trials_of_one_number_differ_between_studies_and_targets() -> None:
    """The seed of a draw holds the study's seed and the target, so targets explore apart."""

    def rates(seed: int, target: str) -> list[float]:
        record = frozen({"study.seed": seed, "targets.tasks": [target], "study.sampler": "random"})
        queue = TargetQueue(record, target, open_target(record, target, InMemoryStorage(), None))
        drive(queue)
        return [trial.params["target.learning_rate"] for trial in queue.trials()[4:11]]

    assert len({tuple(rates(s, t)) for s in (1, 2) for t in ("xnli", "xcopa")}) == 4


def test_optuna_logs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Optuna's line per trial stays off the terminal of a search."""
    drive(queue_on(frozen()))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
