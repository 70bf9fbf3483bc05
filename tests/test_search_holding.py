"""Which trial a searcher hands out, and which it holds back. Driven directly, without a cluster."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from search.searcher import StudySearcher
from search.target_queue import Asked
from spaces.layout import PhasePaths, write_json
from spaces.phases import trial_phases
from spaces.processes import Owner
from spaces.settings import Seeds
from spaces.study import SETTING, StudyRecord
from tests.plans import Changes, frozen
from tests.studies import queues
from trainables import TrialRequest, run_trial, world_for

STARTS = ["oracle-text", "oracle-multimodal", "oracle-placebo"]

TWO_TARGETS: Changes = {
    "targets.tasks": ["xnli", "xcopa"],
    "space.initialisations": STARTS,
    "study.sampler": "random",
    "budget.trials_per_target": 8,
}


class Heard:
    """An observer that keeps the counts of held trials."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def asked(self, asked: Asked) -> None:
        """A trial starts."""

    def held(self, count: int) -> None:
        """So many are held."""
        self.counts.append(count)

    def message(self, asked: Asked, message: dict[str, Any]) -> None:
        """A trial said something."""

    def told(self, asked: Asked, state: str, message: dict[str, Any]) -> None:
        """A trial ended."""


class Driver:
    """Hands trials out as Tune would, and runs them in this process."""

    def __init__(self, root: Path, changes: Changes | None = None, concurrent: int = 2) -> None:
        self.record, self.root = frozen({**TWO_TARGETS, **(changes or {})}), root
        self.heard = Heard()
        self.queues = queues(self.record, root)
        self.searcher = StudySearcher(
            self.queues,
            root=root,
            study=self.record.name,
            concurrent=concurrent,
            observer=self.heard,
            guard=lambda: None,
            starts=len(STARTS),
        )
        self.running: dict[str, dict[str, Any]] = {}
        self.count = 0

    def fill(self) -> list[dict[str, Any]]:
        """Ask until there is nothing to run now; what was handed out."""
        found = []
        while True:
            name = f"t{self.count}"
            config = self.searcher.suggest(name)
            if not isinstance(config, dict):
                return found
            self.count += 1
            self.running[name] = config
            found.append(config)

    def finish(self, config: dict[str, Any]) -> None:
        """Run a trial to its end and tell."""
        name = next(n for n, one in self.running.items() if one is config)
        request = TrialRequest(
            root=self.root,
            record=self.record,
            target=config["target"],
            setting=SETTING.validate_python(config["setting"]),
            trial_number=config["trial_number"],
            seeds=Seeds(**config["seeds"]),
        )
        *_, last = run_trial(request, world_for(self.record, self.root))
        del self.running[name]
        self.searcher.on_trial_complete(name, last)

    def start_key(self, name: str) -> str:
        """Key of an initialisation."""
        space = self.record.spaces["xnli"]
        return next(
            phases[0].key
            for phases in (
                trial_phases(self.record.frozen, "xnli", space.setting(values), self.record.seeds)
                for values in _baselines(self.record)
            )
            if phases[0].title == name
        )


def _baselines(record: StudyRecord) -> list[dict[str, Any]]:
    from spaces.suggest import baselines

    return baselines(record.spaces["xnli"])


def starts_of(configs: list[dict[str, Any]]) -> list[str]:
    """Initialisations of some trials."""
    return [config["setting"]["initialisation"] for config in configs]


def test_initialisations_begin_side_by_side(tmp_path: Path) -> None:
    """With a slot for each, all initialisations of a plan are trained at once."""
    driver = Driver(tmp_path, concurrent=3)
    assert sorted(starts_of(driver.fill())) == sorted(STARTS)


def test_initialisations_go_before_anything_else(tmp_path: Path) -> None:
    """With fewer slots than initialisations, a freed one takes the next initialisation first."""
    driver = Driver(tmp_path)
    first = driver.fill()
    assert starts_of(first) == STARTS[:2]
    driver.finish(first[0])
    (third,) = driver.fill()
    assert starts_of([third]) == STARTS[2:]


def test_held_trials_are_few_and_count_in_the_budget(tmp_path: Path) -> None:
    """While one phase blocks all, at most two trials a slot are held; none is asked twice."""
    driver = Driver(tmp_path, {"space.initialisations": STARTS[:1]})
    (first,) = driver.fill()
    assert driver.fill() == [] and driver.heard.counts[-1] == 4
    assert sum(queue.asked for queue in driver.queues) == 5
    noted = [t.user_attrs.get("held", False) for queue in driver.queues for t in queue.trials()]
    assert sorted(noted) == [False] + [True] * 4
    driver.finish(first)
    while driver.running or driver.fill():
        for config in [*driver.running.values()]:
            driver.finish(config)
    assert driver.searcher.suggest("last") == Searcher.FINISHED
    assert [len(queue.trials()) for queue in driver.queues] == [8, 8]
    assert not any(t.user_attrs.get("held") for queue in driver.queues for t in queue.trials())


def write_lease(root: Path, key: str, beat: int = 1) -> Path:
    """The lease of a phase that another machine's process executes."""
    owner = replace(Owner.me(), host="another-machine", boot_id="another-boot", pid=12)
    path = PhasePaths(root, key).lease
    write_json(path, {"owner": owner.to_json(), "epoch": 1, "beat": beat, "token": "theirs"})
    return path


def test_what_another_study_trains_is_held_back(tmp_path: Path, monkeypatch: Any) -> None:
    """A trial whose phase a living process elsewhere executes waits; the slot does other work."""
    monkeypatch.setattr("trainables.phase_lease.LOOK_SECONDS", 0.0)
    driver = Driver(tmp_path, concurrent=2)
    lease = write_lease(tmp_path, driver.start_key(STARTS[0]))
    first = driver.fill()
    assert starts_of(first) == STARTS[1:]
    for config in first:
        driver.finish(config)
    more = driver.fill()
    assert more and STARTS[0] not in starts_of(more)
    for config in more:
        driver.finish(config)
    lease.unlink()
    assert STARTS[0] in starts_of(driver.fill())


def test_a_search_waits_where_others_train_all_it_needs(tmp_path: Path, monkeypatch: Any) -> None:
    """With nothing to run the search is not over: it goes on as soon as the others are done."""
    monkeypatch.setattr("trainables.phase_lease.LOOK_SECONDS", 0.0)
    driver = Driver(tmp_path, {"space.initialisations": STARTS[:1]})
    lease = write_lease(tmp_path, driver.start_key(STARTS[0]))
    assert driver.searcher.suggest("none") is None and not driver.searcher.is_finished
    lease.unlink()
    assert len(driver.fill()) == 1


def test_status_shows_what_is_held(tmp_path: Path) -> None:
    """``status`` tells trials that train from those that wait for them."""
    from analysis import status_text

    driver = Driver(tmp_path, {"space.initialisations": STARTS[:1]})
    driver.fill()
    text = status_text("first", tmp_path)
    assert "held: 4 running trials, until phases that others train are there" in text
    driver.finish(next(iter(driver.running.values())))
    driver.fill()
    assert "held: 2 running trials" in status_text("first", tmp_path)  # for a slot, by now
