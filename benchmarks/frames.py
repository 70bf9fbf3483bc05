"""Seconds and memory of a large study's frames: read, made, written to parquet and read back.

    python -m benchmarks.frames [--trials 10000] [--languages 50]

One target of the real world whose trials are made up and written straight into a journal: no model,
no Ray, no phases on disk. Each frame is made in a process of its own: `held` is the most that the
process held meanwhile, imports and the study's trials among it, `MB` what the frame holds. The
first line is what all frames begin with, reading the trials.
"""

import argparse
import itertools
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
from optuna import create_study
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from analysis.dictionary import FRAMES
from analysis.snapshot import read_snapshot
from spaces.catalogue import Catalogue
from spaces.layout import StudyPaths
from spaces.phases import row_name, trial_phases
from spaces.plan import parse_plan
from spaces.selection import make_cut
from spaces.settings import TransferSetting
from spaces.study import StudyRecord
from spaces.suggest import Space, baselines

NAME, TARGET = "large", "panx"

PLAN = {
    "study": {"name": NAME, "seed": 1, "selection": "held_out_languages"},
    "targets": {"tasks": [TARGET]},
    "data": {"source": "hub"},
    "budget": {"trials_per_target": 10_000},
    "space": {
        "initialisations": ["xlmr-base"],
        "source_languages": [["en"]],
        "mixture": {"tasks": ["pawsx", "tydiqa"], "languages": ["en", "ko", "european"]},
        "target": {"learning_rates": {"low": 5e-6, "high": 5e-5}},
    },
}


def frozen() -> StudyRecord:
    """A record of the plan, without a look at any row."""
    plan = parse_plan(PLAN)
    catalogue = Catalogue.for_plan(plan)
    space = Space.of(plan, TARGET, catalogue)
    languages = catalogue.tasks[TARGET].languages
    scored = tuple((TARGET, code, "dev") for code in languages)
    used = [*scored, *((task, code, "train") for task, code in pairs(space))]
    return StudyRecord(
        plan=plan,
        revisions=dict.fromkeys(["xlmr-base", *(row_name(*one) for one in used)], "r1"),
        cuts={TARGET: make_cut(space, languages)},
        scored={TARGET: scored},
    )


def pairs(space: Space) -> set[tuple[str, str]]:
    """Task and language of everything that a trial may train on."""
    chosen = {pair for parts in space.candidates.parts.values() for pair in parts}
    return chosen | {(task, "en") for task in space.target.recipe}


def settings(space: Space) -> Iterator[TransferSetting]:
    """Distinct settings without end: every candidate, with ever other learning rates."""
    plain = {**baselines(space)[0], **baselines(space)[1]}
    choices = space.axis("mixture.A").choices
    found = [space.setting(plain | {"arm": "none"})]
    found += [space.setting(plain | {"arm": "intermediate", "mixture.A": a}) for a in choices]
    for number in itertools.count():
        one = found[number % len(found)]
        assert one.target
        yield replace(one, target=replace(one.target, learning_rate=1e-5 + number * 1e-9))


def told(
    record: StudyRecord, number: int, setting: TransferSetting, codes: list[str]
) -> FrozenTrial:
    """A COMPLETE trial as a driver leaves it."""
    phases = trial_phases(record.frozen, TARGET, setting, record.seeds)
    asked = [{n: getattr(p, n) for n in ("key", "kind", "parent", "title")} for p in phases]
    scores = [
        {"language": code, "split": "dev", "items": "all", "metric": "f1", "rows": 500}
        | {"value": (number * 7 + place * 13) % 10_000 / 100, "standard_error": None}
        for place, code in enumerate(codes)
    ]
    cost = {"hit": False, "steps": 100, "tokens": 50_000, "seconds": 12.5}
    attributes: dict[str, Any] = {
        "setting": asdict(setting),
        "setting_id": setting.setting_id,
        "role": "sampled",
        "attempts": 1,
        "phases": asked,
        "record": {"scores": scores, "phases": [phase | cost for phase in asked]},
    }
    return create_trial(
        state=TrialState.COMPLETE,
        value=number * 37 % 9_700 / 100,
        user_attrs=attributes,
        intermediate_values={50: 40.0, 100: 50.0},
    )


def write_study(root: Path, trials: int, languages: int) -> str:
    """Write a study; returns its name."""
    record = frozen()
    paths = StudyPaths(root, record.name)
    record.write(paths)
    storage = JournalStorage(JournalFileBackend(str(paths.journal)))
    study = create_study(storage=storage, study_name=record.optuna_name(TARGET))
    codes = list(record.catalogue.languages)[:languages]
    made = itertools.islice(settings(record.spaces[TARGET]), trials)
    study.add_trials(told(record, number, one, codes) for number, one in enumerate(made))
    return record.name


def measured(name: str, root: Path) -> dict[str, Any]:
    """What one frame costs; run in a process of its own."""
    spent, begun = time.process_time(), time.perf_counter()
    if name == "-":
        read_snapshot(NAME, root)
        return {"frame": name} | _held(spent, begun)
    load = next(frame.load for frame in FRAMES if frame.name == name)
    frame = load(NAME, root=root)
    row = {"frame": name, "rows": len(frame)} | _held(spent, begun)
    row["MB"] = frame.memory_usage(deep=True).sum() / 1e6
    file, begun = root / f"{name}.parquet", time.perf_counter()
    frame.to_parquet(file, index=False)
    row["written [s]"], begun = time.perf_counter() - begun, time.perf_counter()
    pd.read_parquet(file)
    row["read back [s]"] = time.perf_counter() - begun
    return row | {"file [MB]": file.stat().st_size / 1e6}


def _held(spent: float, begun: float) -> dict[str, float]:
    """CPU and wall time since some moment, and the most memory that was held until now."""
    return {
        "CPU [s]": time.process_time() - spent,
        "wall [s]": time.perf_counter() - begun,
        "held [MB]": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Run and print one table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--trials", type=int, default=10_000)
    arguments.add_argument("--languages", type=int, default=50)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_study(root, given.trials, given.languages)
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            jobs = [(name, root) for name in ("-", "trials", "scores", "reports", "phases")]
            rows = pool.starmap(measured, jobs, chunksize=1)
    print(pd.DataFrame(rows).round(1).to_string(index=False, na_rep="-"))


if __name__ == "__main__":
    main()
