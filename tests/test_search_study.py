"""A study's durable side: what may change under its name, and what a crash leaves behind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

import analysis
from search.study import open_for_writing, open_target, reconcile, repair_journal
from search.target_queue import TargetQueue
from spaces.layout import StudyPaths
from spaces.mistakes import PlanError
from spaces.study import StudyRecord, read_study
from tests.plans import Changes, contents, frozen

TARGET = "xnli"

STORAGES = ("journal", "sqlite")


def stored(root: Path, changes: Changes | None = None) -> StudyRecord:
    """A study under a root that holds its record alone."""
    record = frozen(changes)
    record.write(StudyPaths(root, record.name))
    return record


def storage_changes(kind: str, root: Path) -> Changes:
    """What a plan says to keep its trials in one kind of storage."""
    return {} if kind == "journal" else {"store.storage": f"sqlite:///{root}/study.db"}


# -- reconcile: which plans may share a name -------------------------------------------------------

ACCEPTED: dict[str, tuple[Changes, int]] = {
    "nothing": ({}, 1),
    "budget": ({"budget.trials_per_target": 40, "budget.wall_hours": 2.0}, 1),
    "smaller budget": ({"budget.trials_per_target": 6}, 1),
    "share": ({"budget.no_intermediate_share": 0.5}, 1),
    "pruner": ({"budget.pruner": "median", "budget.reports_per_phase": 2}, 1),
    "sampler": ({"study.sampler": "random"}, 1),
    "resources": ({"resources.concurrent_trials": 7, "resources.zero_stage": 2}, 1),
    "workers": ({"resources.workers_per_trial": 2}, 1),
    "initialisations": (
        {"space.initialisations": ["oracle-text", "oracle-multimodal", "oracle-placebo"]},
        2,
    ),
    "mixture tasks": ({"space.mixture.tasks": ["nli", "qa", "choice"]}, 2),
    "mixture languages": ({"space.mixture.languages": ["esho", "fanu", "avel"]}, 2),
    "targets": ({"targets.tasks": ["xnli", "xcopa"]}, 2),
}
"""What changed -> the changes, and the generation of the study that runs on."""


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_plan_may_change_in_what_decides_no_result(tmp_path: Path, name: str) -> None:
    """Budget and resources may change, and a space may grow into the next generation."""
    changes, generation = ACCEPTED[name]
    stored(tmp_path)
    before = contents(tmp_path)
    new, growth = reconcile(frozen(changes), tmp_path)
    assert new.generation == generation
    assert bool(growth) == (generation == 2)
    assert new.plan == frozen(changes).plan
    assert contents(tmp_path) == before


def test_growth_is_shown(tmp_path: Path) -> None:
    """Each line of a growth says which axis had which choices and has which now."""
    stored(tmp_path)
    _, growth = reconcile(frozen({"space.mixture.tasks": ["nli", "qa", "choice"]}), tmp_path)
    line = next(one for one in growth if one.startswith("space|xnli|axes|mixture.A: "))
    was, now = line.partition(": ")[2].split(" -> ")
    assert "choice:esho" not in was and "choice:esho" in now and "nli:esho" in was


def test_a_study_keeps_its_birth(tmp_path: Path) -> None:
    """Versions and time of creation stay those of the first start."""
    record = frozen().model_copy(update={"created": "2020-01-01", "versions": {"python": "3.0"}})
    record.write(StudyPaths(tmp_path, "first"))
    new, _ = reconcile(frozen({"budget.trials_per_target": 40}), tmp_path)
    assert (new.created, new.versions) == ("2020-01-01", {"python": "3.0"})


REFUSED: dict[str, tuple[Changes, list[str]]] = {
    "seed": ({"study.seed": 2}, ["seed", "1 -> 2"]),
    "objective": ({"study.objective": "worst"}, ["objective", "mean -> worst"]),
    "selection": ({"study.selection": "target_dev"}, ["held_out_languages -> target_dev"]),
    "cut": ({"targets.heldout_seed": 3}, ["heldout_seed", "0 -> 3"]),
    "languages": ({"targets.languages": ["avel", "brin", "corm", "dask", "gire"]}, ["languages"]),
    "precision": ({"resources.precision": "bf16"}, ["precision", "fp32 -> bf16"]),
    "range": (
        {"space.target.learning_rates": {"low": 5e-4, "high": 4e-3}},
        ["target.learning_rate", "[0.0005, 0.008] -> [0.0005, 0.004]"],
    ),
    "steps": ({"space.intermediate.steps": [75, 150, 300]}, ["intermediate.steps", "300"]),
    "rows per step": ({"space.target.rows_per_step": 16}, ["rows_per_step"]),
    "choice lost": ({"space.mixture.languages": ["esho"]}, ["mixture.A"]),
    "initialisation lost": (
        {"space.initialisations": ["oracle-text"]},
        ["initialisation", "['oracle-text', 'oracle-multimodal'] -> ['oracle-text']"],
    ),
    "target lost": ({"targets.tasks": ["xcopa"]}, ["xnli"]),
    "supervised objective": ({"space.mixture.languages": ["esho", "fanu", "brin"]}, ["objective"]),
    "mixture lost": ({"space.mixture": ...}, ["mixture"]),
    "dev rows": ({"targets.dev_rows": 50}, ["dev_rows", "50"]),
    "storage": (
        {"store.storage": "sqlite:////tmp/study.db"},
        ["storage", "journal -> sqlite:////tmp/study.db"],
    ),
    "world": (
        {
            "data.source": "microworld",
            "space.initialisations": ["micro-text"],
            "space.mixture.tasks": ["nli"],
        },
        ["world", "oracle -> micro"],
    ),
}
"""What changed -> the changes, and what the refusal must show of them."""


@pytest.mark.parametrize("name", REFUSED)
def test_a_plan_with_other_results_needs_another_name(tmp_path: Path, name: str) -> None:
    """Whatever changes a result is refused, each difference shown as stored -> now."""
    changes, shown = REFUSED[name]
    stored(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(PlanError) as caught:
        reconcile(frozen(changes), tmp_path)
    text = str(caught.value)
    assert "study 'first' exists with another plan" in text
    assert all(part in text for part in [*shown, "->", "another [study] name"]), text
    assert contents(tmp_path) == before


def test_changed_rows_are_refused(tmp_path: Path) -> None:
    """A study whose rows or checkpoints are not those that it froze does not go on."""
    record = frozen()
    older = {**record.revisions, "nli/esho/train": "before", "oracle-text": "before"}
    record.model_copy(update={"revisions": older}).write(StudyPaths(tmp_path, "first"))
    with pytest.raises(PlanError, match=r"nli/esho/train\n.*before -> oracle") as caught:
        reconcile(record, tmp_path)
    assert "before -> oracle-oracle-text" in str(caught.value)


# -- growing: the next generation holds every trial ------------------------------------------------

GROWN: Changes = {
    "space.initialisations": ["oracle-text", "oracle-placebo", "oracle-multimodal"],
    "space.mixture.tasks": ["nli", "choice", "qa"],
    "space.mixture.languages": ["avel", "esho", "fanu"],
}


@dataclass
class Told:
    """A study of all states: 5 COMPLETE, then FAIL, PRUNED, RUNNING twice, WAITING."""

    record: StudyRecord
    root: Path

    def storage(self) -> Any:
        """Its storage, as a driver opens it."""
        return open_for_writing(self.record.plan, StudyPaths(self.root, "first"))

    def trials(self) -> list[FrozenTrial]:
        """Its trials."""
        return optuna.load_study(study_name="first/xnli", storage=self.storage()).get_trials()


def told(root: Path, kind: str) -> Told:
    """Such a study on disk, with its record."""
    study = Told(stored(root, storage_changes(kind, root)), root)
    open_target(study.record, TARGET, study.storage(), None).add_trials(trials_of_all_states())
    return study


@cache
def trials_of_all_states() -> list[FrozenTrial]:
    """Trials as a driver leaves them; made in memory, where no write waits for a disk."""
    queue = queue_of(frozen(), InMemoryStorage(), None)
    for number in range(5):
        queue.complete(queue.next(), 50.0 + number, {"reported_score": 40.0})
    queue.fail(queue.next(), "out of memory")
    pruned = queue.next()
    pruned.trial.report(30.0, 20)
    queue.prune(pruned, 20)
    half = [queue.next(), queue.next()]
    half[0].trial.report(31.0, 20)
    queue._study.enqueue_trial({"arm": "none"}, user_attrs={"role": "sampled"})
    states = ["COMPLETE"] * 5 + ["FAIL", "PRUNED", "RUNNING", "RUNNING", "WAITING"]
    assert [trial.state.name for trial in queue.trials()] == states
    return queue.trials()


def queue_of(record: StudyRecord, storage: Any, previous: int | None) -> TargetQueue:
    """A driver's queue on the record's generation."""
    return TargetQueue(record, TARGET, open_target(record, TARGET, storage, previous))


def facts(trial: FrozenTrial) -> tuple[Any, ...]:
    """All of a trial but its distributions and its id in the storage."""
    return (
        trial.number,
        trial.state,
        trial.value,
        trial.params,
        trial.user_attrs,
        trial.system_attrs,
        trial.intermediate_values,
        trial.datetime_start,
        trial.datetime_complete,
    )


@pytest.mark.parametrize("kind", STORAGES)
def test_a_grown_study_holds_every_trial(tmp_path: Path, kind: str) -> None:
    """Numbers, states, values, parameters, attributes, reports and times are those of before."""
    study = told(tmp_path, kind)
    before = [facts(trial) for trial in study.trials()]
    grown, _ = reconcile(frozen({**storage_changes(kind, tmp_path), **GROWN}), tmp_path)
    assert (grown.generation, grown.optuna_name(TARGET)) == (2, "first/xnli@2")
    opened = open_target(grown, TARGET, study.storage(), 1)
    assert [facts(trial) for trial in opened.get_trials()] == before
    assert [facts(trial) for trial in study.trials()] == before


def test_a_grown_study_goes_on(tmp_path: Path) -> None:
    """RUNNING trials of the smaller space are adopted, WAITING ones asked, then the wider drawn."""
    study = told(tmp_path, "journal")
    settings = [study.trials()[number].user_attrs["setting_id"] for number in (7, 8)]
    grown, _ = reconcile(frozen({**GROWN, "budget.trials_per_target": 40}), tmp_path)
    queue = queue_of(grown, study.storage(), 1)
    adopted = [queue.next(), queue.next()]
    assert [asked.number for asked in adopted] == [7, 8]
    assert [asked.setting.setting_id for asked in adopted] == settings
    waiting = queue.next()
    assert (waiting.number, waiting.setting.arm) == (9, "none")
    for asked in (*adopted, waiting):
        queue.complete(asked, 20.0, {})
    while (asked := queue.next()) and asked.number < 36:
        queue.complete(asked, 20.0, {})
    drawn = {name: {t.params.get(name) for t in queue.trials()[10:]} for name in WIDER}
    assert all(drawn[name] >= choices for name, choices in WIDER.items()), drawn


WIDER = {
    "initialisation": {"oracle-placebo"},
    "mixture.A": {"choice:esho", "nli:avel"},
}


def test_a_grown_study_has_every_baseline() -> None:
    """An initialisation that joined a study gets its own trial without an intermediate phase."""
    storage = InMemoryStorage()
    small = frozen({"space.initialisations": ["oracle-text"], "budget.trials_per_target": 8})
    queue = queue_of(small, storage, None)
    while asked := queue.next():
        queue.complete(asked, 50.0, {})
    changes = {"space.initialisations": ["oracle-text", "oracle-placebo"]}
    grown = frozen({**changes, "budget.trials_per_target": 16})
    queue = queue_of(grown.model_copy(update={"generation": 2}), storage, 1)
    while asked := queue.next():
        queue.complete(asked, 50.0, {})
    baselines = {
        trial.params["initialisation"]
        for trial in queue.trials()
        if trial.user_attrs["role"] == "baseline" and trial.params["arm"] == "none"
    }
    assert baselines == {"oracle-text", "oracle-placebo"}


def test_a_grown_grid_tries_each_setting_once() -> None:
    """New settings stand between the old ones; none of them is left out, and none comes again."""
    storage = InMemoryStorage()
    changes = {
        "study.sampler": "grid",
        "space.mixture.tasks": ["nli", "qa"],
        "space.initialisations": ["oracle-text"],
        "space.intermediate": {"learning_rates": [1e-3], "steps": [10]},
        "space.target": {"learning_rates": [1e-3], "steps": [10]},
    }
    small = frozen({**changes, "budget.trials_per_target": 3})
    queue = queue_of(small, storage, None)
    while asked := queue.next():
        queue.complete(asked, 50.0, {})
    more = {"space.initialisations": ["oracle-text", "oracle-placebo"]}
    grown = frozen({**changes, **more, "budget.trials_per_target": 6})
    queue = queue_of(grown.model_copy(update={"generation": 2}), storage, 1)
    while asked := queue.next():
        queue.complete(asked, 50.0, {})
    tried = {(t.params["initialisation"], t.params.get("mixture.A")) for t in queue.trials()}
    assert len(queue.trials()) == len(tried) == 6
    assert ("oracle-placebo", None) in tried


@pytest.mark.parametrize("kind", STORAGES)
def test_an_interrupted_copy_is_made_again(tmp_path: Path, kind: str) -> None:
    """A driver that died while it copied, before study.json named the copy, left no trial twice."""
    study = told(tmp_path, kind)
    before = [facts(trial) for trial in study.trials()]
    half = optuna.create_study(
        storage=study.storage(), study_name="first/xnli@2", direction="maximize"
    )
    half.add_trials(study.trials()[:3])
    assert read_study(tmp_path, "first").generation == 1
    grown, _ = reconcile(frozen({**storage_changes(kind, tmp_path), **GROWN}), tmp_path)
    opened = open_target(grown, TARGET, study.storage(), 1)
    assert [facts(trial) for trial in opened.get_trials()] == before


def test_readers_see_the_old_generation_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """While trials are copied, ``study.json`` still names the generation that has them all."""
    study = told(tmp_path, "journal")
    grown, _ = reconcile(frozen(GROWN), tmp_path)
    open_target(grown, TARGET, study.storage(), 1)
    assert len(analysis.load_trials("first", root=tmp_path)) == 10
    grown.write(StudyPaths(tmp_path, "first"))
    assert len(analysis.load_trials("first", root=tmp_path)) == 10


def test_a_new_target_starts_empty(tmp_path: Path) -> None:
    """A target that joins a study has no trials; those of the others are kept."""
    study = told(tmp_path, "journal")
    grown, _ = reconcile(frozen({"targets.tasks": ["xcopa", "xnli"]}), tmp_path)
    counts = {
        target: len(open_target(grown, target, study.storage(), 1).get_trials())
        for target in grown.plan.targets.tasks
    }
    assert counts == {"xcopa": 0, "xnli": 10}


# -- what a crash leaves behind --------------------------------------------------------------------


def cut_in(share: float) -> Callable[[bytes], bytes]:
    """Cuts a journal within its last line."""

    def cut(whole: bytes) -> bytes:
        start = whole.rstrip(b"\n").rindex(b"\n") + 1
        return whole[: start + max(1, round(share * (len(whole) - 1 - start)))]

    return cut


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, share: float) -> None:
    """A power loss within the tell of a trial gives it back RUNNING, and it is told again."""
    record, paths = stored(tmp_path), StudyPaths(tmp_path, "first")
    queue = queue_of(record, open_for_writing(record.plan, paths), None)
    queue.complete(queue.next(), 50.0, {})
    asked = queue.next()
    queue.complete(asked, 51.0, {})
    paths.journal.write_bytes(cut_in(share)(paths.journal.read_bytes()))

    again = queue_of(record, open_for_writing(record.plan, paths), None)
    assert [trial.state.name for trial in again.trials()] == ["COMPLETE", "RUNNING"]
    adopted = again.next()
    assert (adopted.number, adopted.setting) == (1, asked.setting)
    again.complete(adopted, 51.0, {})
    third = queue_of(record, open_for_writing(record.plan, paths), None)
    assert [trial.value for trial in third.trials()] == [50.0, 51.0]


@pytest.mark.parametrize(
    ("before", "after"), [(b"", b""), (b"a\n", b"a\n"), (b"a\nb", b"a\n"), (b"torn", b"")]
)
def test_only_a_torn_last_line_is_cut(tmp_path: Path, before: bytes, after: bytes) -> None:
    """Whole lines stay, byte for byte, and the count of bytes cut is returned."""
    path = tmp_path / "journal.log"
    path.write_bytes(before)
    assert repair_journal(path) == len(before) - len(after)
    assert path.read_bytes() == after


def test_a_journal_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Repairing leaves an empty folder empty."""
    assert repair_journal(tmp_path / "journal.log") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_dead_writers_lock_is_removed(tmp_path: Path) -> None:
    """A lock that a killed driver held delays no one: its lease says that nobody holds it."""
    record, paths = stored(tmp_path), StudyPaths(tmp_path, "first")
    open_for_writing(record.plan, paths)
    lock = Path(f"{paths.journal}.lock")
    lock.write_text("held")
    queue = queue_of(record, open_for_writing(record.plan, paths), None)
    assert not lock.exists()
    queue.complete(queue.next(), 50.0, {})
    assert not lock.exists()


@pytest.mark.parametrize("kind", STORAGES)
def test_what_is_written_can_be_read(tmp_path: Path, kind: str) -> None:
    """Both storages give readers the trials that a driver told, and start only once."""
    study = told(tmp_path, kind)
    expected = JournalStorage if kind == "journal" else RDBStorage
    assert isinstance(study.storage(), expected)
    assert (tmp_path / "study.db").exists() == (kind == "sqlite")
    assert StudyPaths(tmp_path, "first").journal.exists() == (kind == "journal")
    trials = analysis.load_trials("first", root=tmp_path)
    assert list(trials["score"].dropna()) == [50.0, 51.0, 52.0, 53.0, 54.0]
    assert list(trials["reason"].dropna()) == ["out of memory"]
    assert list(trials["pruned_step"].dropna()) == [20]
    assert len(open_target(study.record, TARGET, study.storage(), None).get_trials()) == 10


def test_a_trial_is_dated_when_it_is_asked(tmp_path: Path) -> None:
    """Times are the moment of asking and of telling, in that order."""
    study = told(tmp_path, "journal")
    now = datetime.now()
    for trial in study.trials()[:7]:
        assert trial.datetime_start <= trial.datetime_complete <= now
    running = study.trials()[7]
    assert (running.state, running.datetime_complete) == (TrialState.RUNNING, None)
