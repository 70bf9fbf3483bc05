"""What sharing phases saves: ten targets in one study, against what each would cost alone.

    python -m benchmarks.sharing [--world micro|oracle] [--seeds 5] [--trials 20] [--jobs 2]

(a) The same trials: what a study of ten targets executed, beside what its very trials would have
cost without a store. A sample of them is run again, each on an empty store: equal to the bit.
(b) Ten searches of one target each, at equal executed steps: a tenth of the shared study's steps
for each, initialisations aside, which all get for nothing. A trial that begins before its search's
steps are spent is run to its end. Best setting by the score that may choose; ``reported`` is over
the languages that did not choose, so that more trials do not look better by luck alone.

No Ray: trials run in this process, one after the other, the seeds in ``--jobs`` processes.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import load_phases, load_trials
from benchmarks.markdown import markdown
from benchmarks.sharing_worlds import PLANS, widen_oracle
from search.freeze import freeze
from search.offers import offers_of
from search.study import open_for_writing, open_target
from search.target_queue import Asked, TargetQueue, fullest_last
from spaces.layout import StudyPaths, read_json
from spaces.plan import parse_plan
from spaces.study import SETTING, StudyRecord, read_study
from trainables import TrialRequest, run_trial, world_for

GOAL = 5.0
"""Times fewer intermediate steps for the same trials of ten targets."""

BITS = ["score", "reported_score"]


@dataclass(frozen=True)
class Job:
    """One seed of the benchmark."""

    root: Path
    world: str
    seed: int
    trials: int
    offered: float
    checks: int
    targets: int = 10

    def record(self, target: str = "") -> StudyRecord:
        """The study of all targets, or of one."""
        values = PLANS[self.world]()
        values["study"] |= {"name": target or "shared", "seed": self.seed}
        values["budget"] |= {"trials_per_target": self.trials, "offered_share": self.offered}
        tasks = [target] if target else values["targets"]["tasks"][: self.targets]
        values["targets"] |= {"tasks": tasks}
        ranges = values["space"].get("target", {})
        own = {name: v for name, v in ranges.items() if name in tasks or not isinstance(v, dict)}
        values["space"] |= {"target": own}  # less the tables of the targets that are left out
        return freeze(parse_plan(values))


def run(record: StudyRecord, root: Path, asked: Asked) -> dict[str, Any]:
    """The last message of a trial."""
    request = TrialRequest(
        root=root,
        record=record,
        target=asked.target,
        setting=asked.setting,
        trial_number=asked.number,
        seeds=asked.seeds,
    )
    *_, last = run_trial(request, world_for(record, root))
    return last


def steps_of(last: dict[str, Any]) -> int:
    """Steps that a trial executed, initialisations aside."""
    phases = json.loads(last["record"])["phases"]
    return sum(p["steps"] for p in phases if not p["hit"] and p["kind"] != "initialisation")


def drive(record: StudyRecord, root: Path, most_steps: float = float("inf")) -> int:
    """Search until the budget of trials or of steps is spent; returns the steps."""
    paths = StudyPaths(root, record.name)
    record.write(paths)
    storage = open_for_writing(record.plan, paths)
    studies = {t: open_target(record, t, storage, None) for t in record.targets}
    offers = offers_of(record, studies)
    queues = [TargetQueue(record, t, study, offers) for t, study in studies.items()]
    spent = 0
    while spent < most_steps and (asked := _next(queues)):
        last = run(record, root, asked)
        spent += steps_of(last)
        asked.queue.complete(asked, last["score"], json.loads(last["record"]))
    return spent


def _next(queues: list[TargetQueue]) -> Asked | None:
    """A trial of the target that had the fewest."""
    return next((asked for queue in fullest_last(queues) if (asked := queue.next())), None)


def one_seed(job: Job) -> dict[str, pd.DataFrame]:
    """Both parts for one seed: phases by kind, best trials by target, checked trials."""
    if job.world == "oracle":
        widen_oracle()
    else:
        import torch

        torch.set_num_threads(1)
    folder = job.root / f"{job.world}-{job.seed}-{job.offered}"
    shared, record = folder / "shared", job.record()
    spent = drive(record, shared)
    trials = load_trials(record.name, root=shared)
    found = [best_trials(trials).assign(search="shared")]
    for target in record.targets:
        alone = folder / target
        copy_initialisations(shared, alone)
        single = job.record(target)
        drive(single, alone, spent / len(record.targets))
        found.append(best_trials(load_trials(single.name, root=alone)).assign(search="alone"))
        shutil.rmtree(alone)
    phases = load_phases(record.name, root=shared)
    checked = check_alone(record, shared, trials, job.checks)
    return {
        "phases": phases.assign(seed=job.seed),
        "best": pd.concat(found).assign(seed=job.seed),
        "checked": checked.assign(seed=job.seed),
    }


def best_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Each target's best complete trial, and how many there were."""
    done = trials[trials["state"] == "COMPLETE"].astype({"score": float, "reported_score": float})
    best = done.loc[done.groupby("target")["score"].idxmax()].set_index("target")
    return best[BITS].assign(trials=done.groupby("target").size()).reset_index()


def copy_initialisations(source: Path, root: Path) -> None:
    """Give a root the finished initialisations of another one."""
    for spec in source.glob("phases/*/*/spec.json"):
        if (read_json(spec) or {}).get("kind") == "initialisation":
            shutil.copytree(spec.parent, root / spec.parent.relative_to(source))


def check_alone(record: StudyRecord, root: Path, trials: pd.DataFrame, checks: int) -> pd.DataFrame:
    """Some of a study's trials run again, each on an empty store of its own."""
    done = trials[(trials["state"] == "COMPLETE") & (trials["arm"] == "intermediate")]
    hits = load_phases(record.name, root=root).query("hit and kind == 'intermediate'")
    reusing = done.merge(hits[["target", "trial_number"]].drop_duplicates())
    rows = []
    for trial in reusing.sample(min(checks, len(reusing)), random_state=1).itertuples():
        with tempfile.TemporaryDirectory() as empty:
            fresh = Path(empty)
            read_study(root, record.name).write(StudyPaths(fresh, record.name))
            setting = noted_setting(record, root, str(trial.target), int(trial.trial_number))
            request = TrialRequest(
                root=fresh, record=record, target=str(trial.target), setting=setting
            )
            *_, last = run_trial(request, world_for(record, fresh))
            reported = json.loads(last["record"])["reported_score"]
            equal = (last["score"], reported) == (trial.score, trial.reported_score)
            rows.append({"target": trial.target, "trial": trial.trial_number, "equal": equal})
    return pd.DataFrame(rows, columns=["target", "trial", "equal"])


def noted_setting(record: StudyRecord, root: Path, target: str, number: int) -> Any:
    """The setting of a trial, as the storage has it."""
    from analysis.storage import read_trials

    return SETTING.validate_python(read_trials(record, root, target)[number].user_attrs["setting"])


def savings(phases: pd.DataFrame) -> pd.DataFrame:
    """By kind: phases, steps, seconds executed, and what the same trials cost without a store."""
    numbers = phases.astype({"steps": float, "seconds": float, "hit": bool})
    executed = numbers[~numbers["hit"]]
    rows = {}
    kinds = [
        k
        for k in ("initialisation", "intermediate", "target", "evaluation")
        if (numbers["kind"] == k).any()
    ]
    for name in [*kinds, "all"]:
        whole = numbers if name == "all" else numbers[numbers["kind"] == name]
        own = executed if name == "all" else executed[executed["kind"] == name]
        rows[name] = {
            "phases": len(own),
            "phases without": len(whole),
            "steps": own["steps"].sum(),
            "steps without": whole["steps"].sum(),
            "steps saved": _times(whole["steps"].sum(), own["steps"].sum()),
            "seconds": own["seconds"].sum(),
            "seconds without": whole["seconds"].sum(),
            "seconds saved": _times(whole["seconds"].sum(), own["seconds"].sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("phase")


def _times(without: float, executed: float) -> str:
    return f"{without / executed:.1f}x" if executed else "-"


def compared(best: pd.DataFrame) -> pd.DataFrame:
    """By target: means over seeds, and the paired difference with its standard error."""
    wide = best.pivot_table(index=["target", "seed"], columns="search", values=[*BITS, "trials"])
    for name in BITS:
        wide[name, "difference"] = wide[name, "shared"] - wide[name, "alone"]
    rows = wide.groupby("target", sort=False).apply(_summary)
    rows.loc["mean of targets"] = _summary(wide.groupby("seed").mean())
    return rows


def _summary(frame: pd.DataFrame) -> pd.Series:
    """Means over seeds; ``s.e.`` of the difference."""
    found: dict[str, float] = {}
    for name, words in zip(BITS, ("score", "reported"), strict=True):
        difference = frame[name, "difference"]
        found |= {
            f"{words} shared": frame[name, "shared"].mean(),
            f"{words} alone": frame[name, "alone"].mean(),
            f"{words} difference": difference.mean(),
            f"{words} s.e.": difference.std() / len(difference) ** 0.5,
        }
    return pd.Series(
        found
        | {"trials shared": frame["trials", "shared"].mean()}
        | {"trials alone": frame["trials", "alone"].mean()}
    )


def results(jobs: list[Job], processes: int) -> Iterator[dict[str, pd.DataFrame]]:
    """What each seed found."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(one_seed, jobs)


def main() -> None:
    """Run and print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--world", choices=sorted(PLANS), default="micro")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--trials", type=int, default=20, help="of each target")
    arguments.add_argument("--targets", type=int, default=10, help="the first so many of the ten")
    arguments.add_argument("--offered", type=float, default=0.8, help="[budget] offered_share")
    arguments.add_argument("--checks", type=int, default=2, help="trials of a seed run again alone")
    arguments.add_argument("--jobs", type=int, default=2, help="processes")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            Job(
                root=Path(folder),
                world=given.world,
                seed=seed,
                trials=given.trials,
                offered=given.offered,
                checks=given.checks,
                targets=given.targets,
            )
            for seed in range(1, given.seeds + 1)
        ]
        found = [*results(jobs, given.jobs)]
    phases, best, checked = (
        pd.concat([one[name] for one in found]) for name in ("phases", "best", "checked")
    )
    saved = savings(phases)
    print(f"{given.world}: {given.seeds} seeds, {given.trials} trials of each target, ", end="")
    print(f"offered_share {given.offered:g}\n\n{markdown(saved)}\n")
    equal = checked["equal"].sum()
    print(f"run again on an empty store: {equal} of {len(checked)} trials equal to the bit\n")
    print(f"{markdown(compared(best))}\n")
    print(f"goal: {GOAL:.1f}x")
    print(f"intermediate steps saved: {saved.loc['intermediate', 'steps saved']}")
    if not checked["equal"].all():
        raise SystemExit("a trial that shared phases is not equal to the same trial alone")


if __name__ == "__main__":
    main()
