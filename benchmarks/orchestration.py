"""What a trial costs beyond its training: oracle trials through the whole driver.

    python benchmarks/orchestration.py [--trials 60]

The oracle's arithmetic takes about a millisecond, so what is left is Ray, Optuna and the store.
"""

import argparse
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

import search
from analysis import load_phases, load_scores, load_trials
from spaces.plan import parse_plan


def oracle_plan(trials: int) -> dict[str, object]:
    """Two targets, a continuous rate, two trials at a time."""
    return {
        "study": {"name": "orchestration", "seed": 1, "selection": "held_out_languages"},
        "targets": {"tasks": ["xnli", "xcopa"]},
        "data": {"source": "oracle"},
        "budget": {"trials_per_target": trials},
        "resources": {"concurrent_trials": 2},
        "space": {
            "initialisations": ["oracle-text", "oracle-multimodal"],
            "source_languages": [["avel"]],
            "mixture": {
                "tasks": ["nli", "choice"],
                "languages": ["avel", "european", "non_european"],
            },
            "target": {"learning_rates": {"low": 5e-4, "high": 8e-3}},
        },
    }


def seconds_per_trial(frame: pd.DataFrame) -> float:
    """Wall time between the tenth told trial and the last, per trial: start-up is left out."""
    told = frame["finished"].sort_values()
    span = (told.iloc[-1] - told.iloc[9]).total_seconds()
    return float(span / (len(told) - 10))


def main() -> None:
    """Run and print one table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--trials", type=int, default=60, help="per target")
    trials = arguments.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        root, started = Path(folder), time.monotonic()
        search.start(parse_plan(oracle_plan(trials)), root, quiet=True)
        whole = time.monotonic() - started
        frame = load_trials("orchestration", root=root)
        reads = {}
        for load in (load_trials, load_scores, load_phases):
            begun = time.monotonic()
            load("orchestration", root=root)
            reads[load.__name__] = time.monotonic() - begun
        journal = root / "studies" / "orchestration" / "journal.log"
        kib = journal.stat().st_size / len(frame) / 1024
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.processor() or platform.machine()}")
    print(f"trials told                    {len(frame)}")
    print(f"whole search                   {whole:.1f} s")
    print(f"per further trial              {seconds_per_trial(frame):.3f} s")
    print(f"journal per trial              {kib:.1f} KiB")
    for name, seconds in reads.items():
        print(f"{name:<31}{seconds:.2f} s")


if __name__ == "__main__":
    main()
