"""Whole trials on the oracle and the micro-world: order, hits, interruption, scores, the trainable.

The micro-world here is the tiny one of ``tests.worlds.shrink_micro_world``.
"""

import errno
import gc
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import trainables.trial
from spaces.layout import PhasePaths, StudyPaths, executions, is_done
from spaces.settings import Seeds
from spaces.study import StudyRecord
from tests.worlds import (
    GOLDEN,
    artifact_file,
    attempts,
    golden_losses,
    run,
    setting_of,
    shrink_micro_world,
    study,
)
from trainables import TrialRequest, run_trial, world_for
from trainables.oracle import OracleWorld
from trainables.rows import RowError
from trainables.store import PhaseStore
from trainables.trial import StopRequested
from trainables.world import Job, NotANumber, Outcome, Tick

KINDS = ["initialisation", "intermediate", "target", "evaluation"]
STEPS = {"initialisation": 4, "intermediate": 3, "target": 4, "evaluation": 0}


def request_of(root: Path, record: StudyRecord, source: str = "oracle") -> TrialRequest:
    """The fixed trial of a study."""
    setting = setting_of(source)
    return TrialRequest(root=root, record=record, target="xnli", setting=setting, trial_number=3)


def booked(messages: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The phases that a final message books, by kind."""
    assert messages[-1]["event"] == "final"
    return {row["kind"]: row for row in json.loads(messages[-1]["record"])["phases"]}


# The oracle world


def test_phases_run_in_order_and_are_hits_the_second_time(tmp_path: Path) -> None:
    """The first trial executes every phase; an equal one takes all and scores the same."""
    record, setting = study(), setting_of("oracle")
    first = run(tmp_path, record, setting)
    assert [m["kind"] for m in first if m["event"] == "phase"] == KINDS
    assert [row["hit"] for row in booked(first).values()] == [False] * 4
    (only,) = second = run(tmp_path, record, setting)
    assert [row["hit"] for row in booked(second).values()] == [True] * 4
    assert only["score"] == first[-1]["score"]
    assert json.loads(only["record"])["scores"] == json.loads(first[-1]["record"])["scores"]
    assert len(attempts(tmp_path)) == 4


def test_the_final_record_holds_what_the_study_keeps(tmp_path: Path) -> None:
    """Scores of every language and half, phases with costs and parents, both aggregates."""
    record = study()
    messages = run(tmp_path, record, setting_of("oracle"))
    kept = json.loads(messages[-1]["record"])
    cut, rows = record.cuts["xnli"], kept["scores"]
    assert {(row["language"], row["items"]) for row in rows} == {
        (code, items)
        for code in record.catalogue.tasks["xnli"].languages
        for items in ("all", "selecting", "reported")
    }
    for role, found in (("selecting", messages[-1]["score"]), ("reported", kept["reported_score"])):
        values = [
            row["value"]
            for row in rows
            if row["items"] == role and row["language"] in getattr(cut, role)
        ]
        assert found == pytest.approx(sum(values) / len(values))
        assert len(values) == len(getattr(cut, role)) == 3
    phases = kept["phases"]
    assert [row["parent"] for row in phases] == ["", *(row["key"] for row in phases[:3])]
    assert [row["steps"] for row in phases] == [0, 3, 4, 0]
    assert [row["tokens"] for row in phases] == [0, 20 * 3 * 8, 20 * 4 * 8, 0]
    assert [row["title"] for row in phases] == [
        "oracle-text",
        "nli:esho",
        "xnli:avel",
        "xnli in 8 languages",
    ]


def test_trials_share_their_common_phases(tmp_path: Path) -> None:
    """Another target of the same setting trains its own phases only; provenance says who did."""
    record, setting = study(targets={"tasks": ["xnli", "xcopa"]}), setting_of("oracle")
    run(tmp_path, record, setting)
    request = replace(request_of(tmp_path, record), target="xcopa")
    messages = list(run_trial(request, world_for(record, tmp_path)))
    assert [m["kind"] for m in messages if m["event"] == "phase"] == ["target", "evaluation"]
    shared, own = ([*executions(tmp_path, request.phases[n].key)] for n in (1, 2))
    assert [row["target"] for row in shared] == ["xnli"]
    assert [(row["target"], row["trial_number"], row["study"]) for row in own] == [
        ("xcopa", 3, "small")
    ]


def test_a_trials_own_seeds_go_before_the_studys(tmp_path: Path) -> None:
    """A replicate has its own target phase and its own score on shared phases."""
    record = study()
    first = run(tmp_path, record, setting_of("oracle"))
    seeds = replace(Seeds.all_equal(7), target=8)
    request = replace(request_of(tmp_path, record), seeds=seeds)
    second = list(run_trial(request, world_for(record, tmp_path)))
    assert [row["hit"] for row in booked(second).values()] == [True, True, False, False]
    assert second[-1]["score"] != first[-1]["score"]


def test_reports_come_at_even_distances(tmp_path: Path) -> None:
    """Two reports of a 60-step target phase stand at steps 20 and 40, and rise to the score."""
    record = study(budget={"trials_per_target": 8, "reports_per_phase": 2})
    setting = replace(setting_of("oracle"), target=replace(setting_of("oracle").target, steps=60))
    messages = run(tmp_path, record, setting)
    reports = [(m["kind"], m["step"], m["value"]) for m in messages if m["event"] == "report"]
    assert [row[:2] for row in reports] == [("target", 20), ("target", 40)]
    assert reports[0][2] < reports[1][2] < messages[-1]["score"]


def test_a_closed_trial_leaves_no_attempt(tmp_path: Path, monkeypatch) -> None:
    """Closing inside a phase first ends the phase (it may checkpoint), then drops its attempt."""
    monkeypatch.setattr(trainables.trial, "HEARTBEAT_SECONDS", 0.0)
    order: list[str] = []

    class Watched(OracleWorld):
        def execute(self, job: Job, outcome: Outcome) -> Iterator[Tick]:
            try:
                yield from super().execute(job, outcome)
            finally:
                order.append(f"{job.attempt.spec.kind}, folder {job.attempt.folder.exists()}")

    record = study(data={"oracle_seconds_per_phase": 60.0})
    request = request_of(tmp_path, record)
    messages = run_trial(request, Watched(record.plan, record.catalogue))
    while next(messages).get("kind") != "intermediate":
        pass
    assert next(messages)["event"] == "heartbeat"  # the attempt is open
    assert len(attempts(tmp_path)) == 2
    messages.close()
    assert order == ["initialisation, folder True", "intermediate, folder True"]
    assert [is_done(tmp_path, phase.key) for phase in request.phases] == [True, False, False, False]
    assert len(attempts(tmp_path)) == 1
    assert executions(tmp_path, request.phases[1].key) == []


@pytest.mark.parametrize("at_once", [False, True])
def test_a_failing_phase_leaves_no_attempt(at_once: bool, tmp_path: Path) -> None:
    """An error before or after a phase's first tick is told as it is, and its attempt is gone."""

    class Failing(OracleWorld):
        def execute(self, job: Job, outcome: Outcome) -> Iterator[Tick]:
            if at_once and job.attempt.spec.kind == "target":
                raise RowError("row 3: label 9")
            return self.halfway(job, outcome)

        def halfway(self, job: Job, outcome: Outcome) -> Iterator[Tick]:
            for tick in super().execute(job, outcome):
                yield tick
                if job.attempt.spec.kind == "target":
                    (job.attempt.folder / "half").write_text("...")
                    raise RowError("row 3: label 9")

    record = study()
    request = request_of(tmp_path, record)
    with pytest.raises(RowError, match="row 3"):
        list(run_trial(request, Failing(record.plan, record.catalogue)))
    assert not is_done(tmp_path, request.phases[2].key)
    assert len(attempts(tmp_path)) == 2


def test_a_stop_file_ends_the_trial_from_within(tmp_path: Path) -> None:
    """A driver that asks for a stop gets no further phase; without the file the trial goes on."""
    record = study(root=tmp_path)
    stop = StudyPaths(tmp_path, record.name).stop
    messages = run_trial(request_of(tmp_path, record), world_for(record, tmp_path))
    while next(messages).get("kind") != "target":
        pass
    stop.touch()
    with pytest.raises(StopRequested, match="asks to stop"):
        list(messages)
    assert len(attempts(tmp_path)) == 2
    stop.unlink()
    assert run(tmp_path, record, setting_of("oracle"))[-1]["event"] == "final"


def test_a_score_that_is_no_number_fails_the_trial(tmp_path: Path) -> None:
    """NaN is never told to the study as a score."""

    class Lost(OracleWorld):
        def scores(self, *arguments: Any) -> list[dict[str, Any]]:
            rows = super().scores(*arguments)
            return [{**row, "value": float("nan")} for row in rows]

    record = study()
    with pytest.raises(NotANumber, match="xnli"):
        list(run_trial(request_of(tmp_path, record), Lost(record.plan, record.catalogue)))


NO_RAY = """
import sys
from pathlib import Path
sys.modules["ray"] = None  # importing it raises ImportError
from tests.worlds import run, setting_of, study
score = run(Path(sys.argv[1]), study(), setting_of("oracle"))[-1]["score"]
import trainables.neural
loaded = sorted(name for name in sys.modules if name.split(".")[0] == "ray")
print("told:", score, *loaded)
"""


def test_a_trial_needs_no_ray(tmp_path: Path) -> None:
    """A trial runs, and the neural world imports, where Ray cannot be imported."""
    command = [sys.executable, "-c", NO_RAY, str(tmp_path / "a")]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    (told,) = [line.split() for line in child.stdout.splitlines() if line.startswith("told:")]
    expected = run(tmp_path / "b", study(), setting_of("oracle"))[-1]["score"]
    assert float(told[1]) == expected
    assert told[2:] == ["ray"]  # the block itself


# The micro-world, trained


@pytest.fixture(scope="module")
def tiny() -> Iterator[None]:
    """The shrunken micro-world."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink_micro_world(monkeypatch)
        gc.freeze()  # each phase collects garbage: let it look at our objects alone
        yield
        gc.unfreeze()


@pytest.fixture(scope="module")
def trained(tiny: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialRequest, list[Any]]:
    """One uninterrupted trial with reports, and its messages."""
    root = tmp_path_factory.mktemp("trained")
    budget = {"trials_per_target": 8, "reports_per_phase": 1}
    request = request_of(root, study("microworld", budget=budget), "microworld")
    return request, list(run_trial(request, world_for(request.record, root)))


def test_a_trained_trial_runs_end_to_end(trained) -> None:
    """Pretraining, intermediate, target and evaluation each take their steps and book them."""
    request, messages = trained
    assert [m["kind"] for m in messages if m["event"] == "phase"] == KINDS
    ticks = [(m["kind"], m["step"]) for m in messages if m["event"] in ("heartbeat", "report")]
    for kind in KINDS[:3]:
        assert [step for k, step in ticks if k == kind] == list(range(1, STEPS[kind] + 1))
    (report,) = [m for m in messages if m["event"] == "report"]
    assert (report["kind"], report["step"]) == ("target", 2)
    assert {kind: row["steps"] for kind, row in booked(messages).items()} == STEPS
    for phase in request.phases[:3]:
        losses = np.load(artifact_file(request.root, phase, "losses.npy"))
        assert len(losses) == STEPS[phase.kind] and np.isfinite(losses).all()
    provenance = executions(request.root, request.phases[2].key)[0]
    assert provenance["layout"].startswith("w1-z0-fp32") and provenance["tokens"] > 0
    assert provenance["tensors"]["fresh"] == ["classification-nli-3"]
    assert provenance["final_loss"] == losses[-1]


def test_scores_are_what_the_kept_predictions_say(trained) -> None:
    """Accuracies worked out from the parquet file equal the record's, on all items and halves."""
    request, messages = trained
    file = artifact_file(request.root, request.phases[-1], "predictions.parquet")
    frame = pq.read_table(file).to_pandas()
    cut = request.record.cuts["xnli"]
    frame["half"] = [cut.half(item) for item in frame["item"]]
    frame["right"] = 100.0 * (frame["gold"] == frame["predicted"])
    assert len(frame) == 8 * 24 and set(frame["half"]) == {"selecting", "reported"}
    found = {
        (row["language"], row["items"]): (row["value"], row["rows"])
        for row in json.loads(messages[-1]["record"])["scores"]
    }
    expected = {}
    for language, rows in frame.groupby("language"):
        halves = {"all": rows, **dict(iter(rows.groupby("half")))}
        expected |= {(language, k): (v["right"].mean(), len(v)) for k, v in halves.items()}
    assert found.keys() == expected.keys()
    for name, (value, count) in expected.items():
        assert found[name] == (pytest.approx(value), count)
    items = [sorted(rows["item"]) for _, rows in frame.groupby("language")]
    assert all(one == items[0] for one in items)  # the same items in every language


def test_kept_predictions_give_the_same_scores_again(trained) -> None:
    """A second trial trains nothing and computes equal scores without a model."""
    request, messages = trained
    world = world_for(request.record, request.root)
    (final,) = run_trial(request, world)
    assert final["score"] == messages[-1]["score"]
    spec, store = request.phases[-1], PhaseStore(request.root)
    artifact = store.find(spec.key)
    assert artifact is not None
    again = world.scores(artifact, spec, request.record.cuts["xnli"])
    assert again == json.loads(messages[-1]["record"])["scores"]


def stopped(request: TrialRequest, kind: str, step: int) -> None:
    """Close a trial right after a step of one of its phases."""
    messages = run_trial(request, world_for(request.record, request.root))
    for message in messages:
        if (message.get("kind"), message.get("step")) == (kind, step):
            break
    messages.close()


@pytest.mark.parametrize(("kind", "step"), [("initialisation", 2), ("target", 3)])
def test_an_interrupted_trial_ends_like_an_uninterrupted_one(
    trained, kind: str, step: int, tmp_path: Path
) -> None:
    """Closed within a phase it leaves a checkpoint and no attempt; resumed, it ends to the bit."""
    whole, messages = trained
    request, done = replace(whole, root=tmp_path), KINDS.index(kind)
    for phase in request.phases[:done]:
        folders = [PhasePaths(root, phase.key).folder for root in (whole.root, tmp_path)]
        shutil.copytree(*folders)
    stopped(request, kind, step)
    assert len(attempts(tmp_path)) == done
    assert len(list(tmp_path.glob("phases/*/*/checkpoints/*/step-*"))) == 1
    rest = list(run_trial(request, world_for(request.record, tmp_path)))
    ticks = [m["step"] for m in rest if m.get("kind") == kind and "step" in m]
    assert ticks == list(range(step + 1, STEPS[kind] + 1))
    assert [row["hit"] for row in booked(rest).values()] == [n < done for n in range(4)]
    mine, theirs = (json.loads(m[-1]["record"])["scores"] for m in (rest, messages))
    assert mine == theirs
    for phase in request.phases[:3]:
        pair = [np.load(artifact_file(r, phase, "losses.npy")) for r in (tmp_path, whole.root)]
        assert (pair[0] == pair[1]).all()
    assert not list(tmp_path.glob("phases/*/*/checkpoints"))


def test_a_checkpoint_of_another_layout_is_not_used(trained, tmp_path: Path) -> None:
    """Under another ZeRO stage the interrupted phase starts again, under the same key."""
    whole, _ = trained
    stopped(replace(whole, root=tmp_path), "initialisation", 2)
    assert list(tmp_path.glob("phases/*/*/checkpoints/*/step-2"))
    record = study("microworld", resources={"zero_stage": 1})
    request = replace(whole, root=tmp_path, record=record)
    assert request.phases[0].key == whole.phases[0].key
    messages = run_trial(request, world_for(record, tmp_path))
    assert next(messages)["event"] == "phase"
    assert next(messages)["step"] == 1
    messages.close()


def test_golden_losses(trained) -> None:
    """Losses of a tiny pretraining, intermediate and target phase do not move by accident.

    Regenerate with ``python -m tests.worlds``, only together with a raised version in
    ``spaces.phases.PHASE_VERSIONS`` (or ``WORLD_VERSION``): stores hold results under these keys.
    Other CPUs round differently, hence the tolerance.
    """
    golden = json.loads(GOLDEN.read_text())["losses"]
    found = golden_losses(trained[0].root)  # in the store already
    assert found.keys() == golden.keys()
    for kind, losses in golden.items():
        assert found[kind] == pytest.approx(losses, rel=1e-4), kind


# The Tune trainable


def config_of(root: Path, task: str = "nli", **tables: Any) -> dict[str, Any]:
    """What Tune hands to the trainable, for a study written under a root."""
    from trainables.transfer import trial_config

    record = study(root=root, **tables)
    return trial_config(root, record.name, "xnli", setting_of("oracle", task), 5)


def results_of(trainable: Any) -> list[dict[str, Any]]:
    """Results of ``train`` until the last, without heartbeats."""
    results = [trainable.train()]
    while not results[-1]["done"]:
        results.append(trainable.train())
    return [result for result in results if result["event"] != "heartbeat"]


TWO_TASKS = {"mixture": {"tasks": ["nli", "qa"], "languages": ["esho"]}}


def test_the_trainable_is_the_generator(tmp_path: Path) -> None:
    """Each step is one message; the last is done; the next trial runs in the same object."""
    from trainables import TransferTrainable

    record = study(space=TWO_TASKS)
    first, second = (
        run(tmp_path / "b", record, setting_of("oracle", task))[-1]["score"]
        for task in ("nli", "qa")
    )
    trainable = TransferTrainable(config_of(tmp_path, space=TWO_TASKS))
    results = results_of(trainable)
    assert [r["event"] for r in results] == ["phase"] * 4 + ["final"]
    assert results[-1]["score"] == first
    assert trainable.reset(config_of(tmp_path, "qa", space=TWO_TASKS))
    results = results_of(trainable)
    assert [r["event"] for r in results] == ["phase"] * 3 + ["final"]  # one initialisation for both
    assert results[-1]["score"] == second
    trainable.stop()


@pytest.mark.parametrize(
    ("error", "event", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "stopped", "No space left"),
        (OSError(errno.EACCES, "Permission denied"), "failed", "PermissionError"),
        (RowError("row 3: label 9"), "failed", "RowError: row 3: label 9 (test_trainables_trial"),
    ],
)
def test_errors_are_results(
    error: Exception, event: str, said: str, tmp_path: Path, monkeypatch
) -> None:
    """A failure ends the trial with its reason; a full disk stops it, to be taken up later."""
    from trainables import TransferTrainable

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(OracleWorld, "execute", fail)
    trainable = TransferTrainable(config_of(tmp_path))
    last = results_of(trainable)[-1]
    assert (last["event"], last["done"]) == (event, True)
    assert said in last["reason"]


def test_stopping_the_trainable_closes_the_trial(tmp_path: Path, monkeypatch) -> None:
    """``stop`` in the middle of a phase leaves no attempt behind."""
    from trainables import TransferTrainable

    monkeypatch.setattr(trainables.trial, "HEARTBEAT_SECONDS", 0.0)
    trainable = TransferTrainable(config_of(tmp_path, data={"oracle_seconds_per_phase": 60.0}))
    while trainable.train().get("kind") != "intermediate":
        pass
    trainable.train()
    assert len(attempts(tmp_path)) == 2
    trainable.stop()
    assert len(attempts(tmp_path)) == 1


def test_the_trainable_runs_in_a_plain_tuner(shared_ray: None, tmp_path: Path) -> None:
    """``tune.Tuner`` alone runs two trials of the oracle world to their known scores."""
    from ray import tune

    from trainables import TransferTrainable

    configs = [config_of(tmp_path, task, space=TWO_TASKS) for task in ("nli", "qa")]
    settings = tune.grid_search([config["setting"] for config in configs])
    tuner = tune.Tuner(
        TransferTrainable,
        param_space={**configs[0], "setting": settings},
        run_config=tune.RunConfig(storage_path=str(tmp_path / "ray"), verbose=0),
    )
    results = tuner.fit()
    assert not results.errors
    expected = {
        run(tmp_path / "b", study(space=TWO_TASKS), setting_of("oracle", task))[-1]["score"]
        for task in ("nli", "qa")
    }
    assert {result.metrics["score"] for result in results} == expected
