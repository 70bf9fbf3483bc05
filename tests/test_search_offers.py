"""What one target of a study pays for, and what the others take over of it. Without Ray."""

from collections import Counter
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from search.dry_run import describe_plan
from search.offers import Offers, offers_of, prefix_key
from search.study import open_target
from search.target_queue import Asked, TargetQueue, fullest_last
from spaces.keys import derived_seed
from spaces.study import StudyRecord
from tests.plans import Changes, frozen
from tests.studies import oracle

TARGETS = ["xnli", "xcopa", "xquad"]


@pytest.fixture(autouse=True)
def cheap_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random draws in the place of TPE's, which take a hundred times longer."""
    random = optuna.samplers.RandomSampler
    monkeypatch.setattr(optuna.samplers, "TPESampler", lambda seed=None, **_: random(seed=seed))


SHARED: Changes = {
    "targets.tasks": TARGETS,
    "space.mixture.tasks": ["nli", "choice", "qa"],
    "space.mixture.languages": ["avel", "esho", "fanu"],
    "budget.trials_per_target": 16,
}


def queues_on(
    record: StudyRecord, storage: InMemoryStorage, shared: bool = True
) -> dict[str, TargetQueue]:
    """The queues of a driver that opens the study anew."""
    studies = {t: open_target(record, t, storage, None) for t in record.targets}
    offers = offers_of(record, studies) if shared else None
    return {t: TargetQueue(record, t, study, offers) for t, study in studies.items()}


def score_of(asked: Asked) -> float:
    """A score that follows from target and setting alone."""
    return derived_seed(asked.target, asked.setting.setting_id) % 10_000 / 100


def next_of(queues: dict[str, TargetQueue]) -> Asked | None:
    """A trial of the target that had the fewest."""
    order = fullest_last([*queues.values()])
    return next((asked for queue in order if (asked := queue.next())), None)


def drive(queues: dict[str, TargetQueue], most: float = float("inf")) -> None:
    """Complete trials of all targets in turns, one at a time."""
    done = 0
    while done < most and (asked := next_of(queues)):
        asked.queue.complete(asked, score_of(asked), {})
        done += 1


def driven(changes: Changes | None = None) -> dict[str, list[FrozenTrial]]:
    """The trials of a whole study."""
    queues = queues_on(frozen({**SHARED, **(changes or {})}), InMemoryStorage())
    drive(queues)
    return {target: queue.trials() for target, queue in queues.items()}


def role_of(trial: FrozenTrial) -> str:
    """What a trial is for."""
    return str(trial.user_attrs["role"])


def intermediate_keys(trials: list[FrozenTrial]) -> list[str]:
    """Keys of the last intermediate phases of a target's trials."""
    return [key for trial in trials if (key := prefix_key(trial))]


def table(trials: dict[str, list[FrozenTrial]]) -> list[tuple[Any, ...]]:
    """All that decides what a study found."""
    return [
        (target, t.number, t.state.name, t.value, t.params, role_of(t))
        for target, found in trials.items()
        for t in found
    ]


def test_an_offer_is_what_another_target_paid_for() -> None:
    """Every offered trial trains no intermediate phase that no other target has trained before."""
    queues = queues_on(frozen(SHARED), InMemoryStorage())
    paid: dict[str, set[str]] = {target: set() for target in TARGETS}
    seen = Counter()
    while asked := next(
        (q for q in map(TargetQueue.next, fullest_last([*queues.values()])) if q), None
    ):
        trial = asked.queue.trials()[asked.number]
        key = prefix_key(trial)
        if role_of(trial) == "offered":
            others = set().union(*(keys for name, keys in paid.items() if name != asked.target))
            assert key in others and key not in paid[asked.target]
        seen[role_of(trial)] += 1
        paid[asked.target] |= {key} - {""}
        asked.queue.complete(asked, score_of(asked), {})
    assert seen["offered"] >= 10 and seen["sampled"] >= 3


def test_a_share_of_the_intermediate_arm_is_offered() -> None:
    """Baselines, their twins and the other arm stay; 0 turns offers off, 1 leaves the first ask."""
    plain = driven({"budget.offered_share": 0.0})
    roles = [role_of(trial) for trials in plain.values() for trial in trials]
    assert "offered" not in roles
    every = driven({"budget.offered_share": 1.0})
    for target in TARGETS:
        before, after = plain[target], every[target]
        assert [role_of(t).replace("offered", "sampled") for t in after] == [*map(role_of, before)]
        middle = slice(4, 15)
        assert [t.params["arm"] for t in after[middle]] == [t.params["arm"] for t in before[middle]]
        assert all(t.params["arm"] == "intermediate" for t in after if role_of(t) == "offered")
    counts = Counter(role_of(t) for trials in every.values() for t in trials if prefix_key(t))
    assert counts["offered"] >= 1.5 * counts["sampled"] > 0  # each new one serves two others


def test_more_is_shared_than_by_chance() -> None:
    """The same budget trains fewer intermediate phases where offers are made."""

    def trained(share: float) -> float:
        found = [intermediate_keys(t) for t in driven({"budget.offered_share": share}).values()]
        return len({key for keys in found for key in keys}) / sum(map(len, found))

    assert trained(0.8) < 0.75 * trained(0.0)


def test_the_best_of_the_others_comes_first() -> None:
    """Merit is the mean of the others' scores, each on its own scale; the unscored are last."""
    record = frozen(SHARED)
    donor = queues_on(record, InMemoryStorage(), shared=False)
    samples = [trials_of(donor[name], 8) for name in TARGETS]
    asked = next(a for a in samples[0])
    prefixes = {prefix_key(a.trial): a for a in samples[0]}
    first, second, third = list(prefixes)[:3]
    offers = Offers(record)
    # xnli scores high on all; what is above its own mean is `second`.
    for key, score in ((first, 80.0), (second, 90.0)):
        offers.asked("xnli", prefixes[key].trial)
        offers.told("xnli", prefixes[key].trial.number, TrialState.COMPLETE, score)
    offers.asked("xnli", prefixes[third].trial)  # still running
    wanted = [key_of(offers.best("xquad"), record, asked) for _ in range(2)]
    assert wanted == [second, second]  # asked twice, the same
    # xcopa scores low on all, and prefers `first` by more than xnli prefers `second`.
    for number, (key, score) in enumerate(((first, 20.0), (second, 10.0), (third, 10.0))):
        offers.asked("xcopa", Renumbered(prefixes[key].trial, 100 + number))
        offers.told("xcopa", 100 + number, TrialState.COMPLETE, score)
    assert key_of(offers.best("xquad"), record, asked) == first
    # What xquad has tried is offered to it no more, whatever became of it.
    for number, key in enumerate((first, second)):
        offers.asked("xquad", Renumbered(prefixes[key].trial, number))
        offers.told("xquad", number, TrialState.FAIL, None)
    assert key_of(offers.best("xquad"), record, asked) == third
    offers.asked("xquad", Renumbered(prefixes[third].trial, 2))
    assert offers.best("xquad") is None


class Renumbered:
    """A trial under another number."""

    def __init__(self, trial: Any, number: int) -> None:
        self.params, self.user_attrs, self.number = trial.params, trial.user_attrs, number


def trials_of(queue: TargetQueue, most: int) -> list[Asked]:
    """Some sampled trials of the intermediate arm that are asked and not told."""
    found: list[Asked] = []
    while len(found) < most and (asked := queue.next()):
        if prefix_key(asked.trial) and prefix_key(asked.trial) not in map(
            lambda one: prefix_key(one.trial), found
        ):
            found.append(asked)
    return found


def key_of(fixed: dict[str, Any] | None, record: StudyRecord, like: Asked) -> str:
    """Key of the last intermediate phase that an offer means, for any target."""
    from spaces.phases import trial_phases

    assert fixed is not None
    setting = record.spaces["xquad"].setting({**like.trial.params, **fixed})
    phases = trial_phases(record.frozen, "xquad", setting, record.seeds)
    return [phase.key for phase in phases if phase.kind == "intermediate"][-1]


def test_what_failed_everywhere_is_not_offered() -> None:
    """A prefix whose trials all failed was not paid for; one that was pruned was."""
    record = frozen(SHARED)
    first, second = trials_of(queues_on(record, InMemoryStorage(), shared=False)["xnli"], 2)
    offers = Offers(record)
    for one in (first, second):
        offers.asked("xnli", one.trial)
    offers.told("xnli", first.number, TrialState.FAIL, None)
    offers.told("xnli", second.number, TrialState.PRUNED, None)
    assert key_of(offers.best("xquad"), record, first) == prefix_key(second.trial)
    offers.told("xnli", second.number, TrialState.FAIL, None)  # told again: it keeps its end
    assert offers.best("xquad") is not None


def test_only_feasible_prefixes_are_offered() -> None:
    """What supervises a reserved language in a target's skill goes to the other targets alone."""
    found = driven({"targets.reserve": ["esho"]})
    for target, skill in (("xnli", "nli"), ("xquad", "qa")):
        offered = [t for t in found[target] if role_of(t) == "offered"]
        assert offered
        names = [str(value) for t in offered for value in t.params.values()]
        assert f"{skill}:esho" not in names
    others = [str(v) for t in found["xcopa"] for v in t.params.values()]
    assert "nli:esho" in others or "qa:esho" in others


def test_offers_go_on_after_a_kill() -> None:
    """One trial at a time, a study that was opened anew again and again finds the same."""
    record = frozen({**SHARED, "budget.trials_per_target": 10})
    once, again = InMemoryStorage(), InMemoryStorage()
    whole = queues_on(record, once)
    drive(whole)
    for _ in range(10):
        drive(queues_on(record, again), most=3)
    last = queues_on(record, again)
    trials = [{t: q.trials() for t, q in queues.items()} for queues in (whole, last)]
    assert table(trials[0]) == table(trials[1])
    assert "offered" in {row[-1] for row in table(trials[0])}


def test_one_target_searches_as_it_always_did() -> None:
    """There is nobody to share with: no offers, the same proposals whatever the share."""
    alone = [
        driven({"targets.tasks": ["xnli"], "budget.offered_share": share, "study.sampler": name})
        for name in ("tpe", "random")
        for share in (0.0, 0.8)
    ]
    assert table(alone[0]) == table(alone[1]) and table(alone[2]) == table(alone[3])
    record = frozen({"study.sampler": "tpe"})
    assert offers_of(record, {}) is None


def test_cells_of_a_contrast_neither_give_nor_take() -> None:
    """Replicates have seeds of their own: their phases are no use to the search, nor it to them."""
    contrast = {"contrast.seeds": [1, 2], "contrast.intermediates": ["nli:esho"]}
    plain, mixed = driven(), driven(contrast)
    searched = {
        target: [t for t in trials if "replicate" not in t.user_attrs]
        for target, trials in mixed.items()
    }
    assert sum(map(len, mixed.values())) > sum(map(len, searched.values()))
    without = [[row[2:] for row in table(found)] for found in (plain, searched)]
    assert without[0] == without[1]


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_random_trials_of_one_number_have_one_prefix(share: float) -> None:
    """Where it is feasible, trial n of all targets proposes the same; order changes nothing."""
    found = driven({"study.sampler": "random", "budget.offered_share": share})
    both = same = 0
    for trials in zip(*found.values(), strict=True):
        keys = [prefix_key(t) for t in trials]
        if all(keys):
            both += 1
            same += len(set(keys)) == 1
            assert {role_of(t) for t in trials} == {"sampled"}
    assert both >= 5 and same == both
    assert len(set(intermediate_keys(found["xnli"]))) > 3
    queues = queues_on(frozen({**SHARED, "study.sampler": "random"}), InMemoryStorage())
    for target in reversed(TARGETS):  # one target after the other, the last one first
        drive({target: queues[target]})
    again = {target: queue.trials() for target, queue in queues.items()}
    assert [row[4:] for row in table(again) if row[5] == "sampled"] == [
        row[4:] for row in table(found) if row[5] == "sampled"
    ]


def test_random_prefixes_give_way_one_by_one() -> None:
    """A target that lacks what the others drew takes another; the rest of the prefix stays."""
    found = driven(
        {"study.sampler": "random", "targets.reserve": ["esho"], "budget.trials_per_target": 30}
    )
    pairs = [
        (one.params, other.params)
        for one, other in zip(found["xnli"], found["xcopa"], strict=True)
        if prefix_key(one) and prefix_key(other)
    ]
    differ = [(one, other) for one, other in pairs if one["mixture.A"] != other["mixture.A"]]
    assert differ and len(differ) < len(pairs) / 2
    for one, other in differ:
        assert other["mixture.A"] == "nli:esho" or one["mixture.A"] == "choice:esho"
        assert one["initialisation"] == other["initialisation"]
        assert one["intermediate.steps"] == other["intermediate.steps"]


def test_a_dry_run_says_what_is_shared() -> None:
    """The share of offers stands beside the trials; of one target there is nothing to say."""
    words = {
        name: " ".join(describe_plan(oracle({**SHARED, **changes}), "nowhere").split())
        for name, changes in {
            "tpe": {"budget.offered_share": 0.6},
            "random": {"study.sampler": "random"},
            "off": {"budget.offered_share": 0.0},
            "one": {"targets.tasks": ["xnli"]},
        }.items()
    }
    line = "shared: 0.6 of the sampled trials with an intermediate phase try one that another"
    assert words["tpe"].count(line) == 3
    assert words["random"].count("shared: trials of one number draw the same intermediate") == 3
    assert "shared:" not in words["off"] + words["one"]
