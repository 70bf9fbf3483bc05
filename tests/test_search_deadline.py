"""Sessions that end at a known time: no phase begins that could not reach a checkpoint."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.deadline import JOB_END, LEAVE_SECONDS, Deadline
from search.searcher import StudySearcher
from spaces.layout import StudyPaths, is_done
from spaces.suggest import baselines
from tests.plans import frozen, plan
from tests.studies import queues
from trainables import TransferTrainable, TrialRequest, run_trial, world_for
from trainables.trial import OutOfTime

HOUR = 3600.0


@dataclass(slots=True)
class Clock:
    """Unix time that a test moves."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Deaf:
    """Hears a searcher and does nothing."""

    def asked(self, *_: Any) -> None: ...

    def held(self, *_: Any) -> None: ...

    def message(self, *_: Any) -> None: ...

    def told(self, *_: Any) -> None: ...


def deadline(clock: Clock, hours: float | None = 1.0, minutes: float = 10, **env: str) -> Deadline:
    """The deadline of a session that starts now."""
    changes = {"resources.checkpoint_minutes": minutes}
    asked = plan({**changes, **({"budget.wall_hours": hours} if hours else {})})
    return Deadline.of(asked, env, clock)


# -- the end ---------------------------------------------------------------------------------------


def test_a_session_may_last_for_ever() -> None:
    """Without wall time and outside SLURM nothing ends, and every phase may begin."""
    open_end = deadline(Clock(), hours=None)
    assert open_end.end == math.inf and not open_end.is_over and open_end.latest == {}
    assert open_end.allows("target")


@pytest.mark.parametrize(
    ("hours", "job", "end", "source"),
    [
        (1.0, None, HOUR, "[budget] wall_hours"),
        (None, 2 * HOUR, 2 * HOUR - LEAVE_SECONDS, JOB_END),
        (1.0, 2 * HOUR, HOUR, "[budget] wall_hours"),
        (3.0, 2 * HOUR, 2 * HOUR - LEAVE_SECONDS, JOB_END),
        (None, 240, 120, JOB_END),
    ],
    ids=["hours", "job", "hours first", "job first", "short job"],
)
def test_the_earlier_end_counts(
    hours: float | None, job: float | None, end: float, source: str
) -> None:
    """Wall hours count from the start; a job's end leaves time for checkpoints, at most half."""
    clock = Clock()
    env = {JOB_END: str(int(clock.now + job))} if job else {}
    found = deadline(clock, hours, **env)
    assert (found.end - clock.now, found.source) == (end, source)
    clock.now += end - 1
    assert not found.is_over
    clock.now += 2
    assert found.is_over


@pytest.mark.parametrize("value", ["", "NONE", "Unknown"])
def test_a_job_without_an_end_sets_none(value: str) -> None:
    """Jobs of unlimited time name no number."""
    assert deadline(Clock(), hours=None, **{JOB_END: value}).end == math.inf


# -- what may begin --------------------------------------------------------------------------------


def test_a_phase_needs_the_time_to_its_first_checkpoint() -> None:
    """Ten minutes where nothing is known, less where phases of the kind are shorter."""
    clock = Clock()
    found = deadline(clock)
    assert found.end - found.latest["target"] == 600
    found.book([{"kind": "target", "seconds": 40.0}, {"kind": "intermediate", "seconds": 5000.0}])
    found.book([{"kind": "target", "seconds": 30.0}])
    assert found.end - found.latest["target"] == 40  # the longest, not the last
    assert found.end - found.latest["intermediate"] == 600
    clock.now = found.end - 100
    assert found.allows("target") and not found.allows("intermediate")


def test_an_evaluation_needs_all_of_its_time() -> None:
    """It writes no checkpoint by time, so a long one begins only if it can end."""
    found = deadline(Clock())
    found.book([{"kind": "evaluation", "seconds": 900.0}])
    assert found.end - found.latest["evaluation"] == 900


def test_a_short_session_does_something() -> None:
    """Where the whole session is shorter than a checkpoint's interval, phases begin in its half."""
    clock = Clock()
    found = deadline(clock, hours=0.1)
    assert found.allows("target") and found.end - found.latest["target"] == pytest.approx(180)
    clock.now += 181
    assert not found.allows("target")


# -- a trial ---------------------------------------------------------------------------------------


def test_a_trial_stops_between_phases(tmp_path: Path) -> None:
    """What was trained is published, the phase without time is not begun, and hits need no time."""
    record = frozen()
    space = record.spaces["xnli"]
    setting = space.setting(next(p for p in baselines(space) if p["arm"] == "same_rows"))

    def trial(**latest: float) -> list[dict[str, Any]]:
        request = TrialRequest(
            root=tmp_path, record=record, target="xnli", setting=setting, latest=latest
        )
        return list(run_trial(request, world_for(record, tmp_path)))

    request = TrialRequest(root=tmp_path, record=record, target="xnli", setting=setting)
    with pytest.raises(OutOfTime, match="begin target"):
        trial(target=0.0)
    done = {phase.kind: is_done(tmp_path, phase.key) for phase in request.phases}
    assert done == {
        "initialisation": True,
        "intermediate": True,
        "target": False,
        "evaluation": False,
    }
    assert not list(tmp_path.glob(f"phases/*/{request.phases[-2].key}"))
    *_, last = trial(initialisation=0.0, intermediate=0.0)
    assert last["event"] == "final"
    *_, again = trial(initialisation=0.0, intermediate=0.0, target=0.0, evaluation=0.0)
    assert again["score"] == last["score"]


# -- a search --------------------------------------------------------------------------------------


def searcher(root: Path, until: Deadline) -> StudySearcher:
    """A searcher of two concurrent trials, without Ray around it."""
    record = frozen({"resources.concurrent_trials": 2})
    return StudySearcher(
        queues(record, root), root, record.name, 2, Deaf(), lambda: None, deadline=until
    )


def run_config(root: Path, config: dict[str, Any]) -> dict[str, Any]:
    """The last message of a trial as Tune hands it over."""
    actor = TransferTrainable(config)
    message: dict[str, Any] = {"done": False}
    while not message["done"]:
        message = actor.step()
    return message


def test_no_trial_is_handed_out_too_late(tmp_path: Path) -> None:
    """The searcher waits for what runs, then says why it stops; the trials stay for ``resume``."""
    clock = Clock()
    until = deadline(clock)
    search = searcher(tmp_path, until)
    first = search.suggest("a")
    assert isinstance(first, dict) and first["latest"] == until.latest
    clock.now = until.end - 60
    assert search.suggest("b") is None and not search.stop_reason  # one still runs
    search.on_trial_complete("a", run_config(tmp_path, {**first, "latest": {}}))
    until.longest.clear()  # as if nothing were known of how long phases last
    assert search.suggest("b") is None
    assert search.stop_reason.startswith("[budget] wall_hours leaves 1.0 min, too few")
    assert search.suggest("b") == "FINISHED" and not search.is_finished
    again = searcher(tmp_path, deadline(Clock(), hours=None)).suggest("a")
    assert isinstance(again, dict) and again["trial_number"] == 1


def test_a_trial_that_ran_out_of_time_stops_no_other(tmp_path: Path) -> None:
    """It waits for the next session, while a trial that was in time goes on to its end."""
    clock = Clock()
    until = deadline(clock)
    search = searcher(tmp_path, until)
    configs = {name: search.suggest(name) for name in ("a", "b")}
    late = run_config(tmp_path, {**configs["a"], "latest": {"target": 0.0}})
    assert late["event"] == "postponed" and "target" in late["reason"]
    clock.now = until.end - 60
    search.on_trial_complete("a", late)
    assert search.suggest("c") is None and not search.stop_reason
    search.on_trial_complete("b", run_config(tmp_path, {**configs["b"], "latest": {}}))
    states = [trial.state.name for trial in search._queues[0].trials()][:2]
    assert states == ["RUNNING", "COMPLETE"]


def test_what_is_known_of_phases_lets_short_ones_begin(tmp_path: Path) -> None:
    """A minute before the end, phases of milliseconds still begin: their lengths are known."""
    clock = Clock()
    until = deadline(clock)
    search = searcher(tmp_path, until)
    first = search.suggest("a")
    search.on_trial_complete("a", run_config(tmp_path, {**first, "latest": {}}))
    assert {"initialisation", "target", "evaluation"} <= set(until.longest)
    clock.now = until.end - 60
    assert isinstance(search.suggest("b"), dict)
    assert not StudyPaths(tmp_path, "first").stop.exists()
