"""CPU time of one ask after many told trials, on a journal, for both samplers.

    python -m benchmarks.asks [--trials 5000]

No Ray and no training: a queue is asked and told. Filling takes a minute or two.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.oracle_driver import oracle_plan
from search.freeze import freeze
from search.study import open_for_writing, open_target
from search.target_queue import TargetQueue
from spaces.layout import StudyPaths
from spaces.plan import parse_plan

RECORD = {"text": "x" * 3000}
"""As long as an oracle trial's own record."""

ASKS = 20


def opened(root: Path, sampler: str, trials: int) -> TargetQueue:
    """The first target's queue, as a driver that starts opens it."""
    plan = oracle_plan(trials)
    plan["study"] |= {"sampler": sampler}  # type: ignore[operator]
    record = freeze(parse_plan(plan))
    storage = open_for_writing(record.plan, StudyPaths(root, record.name))
    return TargetQueue(record, "xnli", open_target(record, "xnli", storage, None))


def ask(queue: TargetQueue) -> float:
    """Ask a trial and tell it; seconds of CPU that the asking took."""
    begun = time.process_time()
    asked = queue.next()
    spent = time.process_time() - begun
    assert asked is not None
    queue.complete(asked, asked.number * 37 % 97, RECORD)
    return spent


def main() -> None:
    """Run and print one table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--trials", type=int, default=5000)
    trials = arguments.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        root, budget = Path(folder), trials + 10 * ASKS
        filling = opened(root, "random", budget)
        for _ in range(trials):
            ask(filling)
        print(f"after {trials} trials  open [s]  ask [ms]  slowest [ms]")
        for sampler in ("random", "tpe"):
            begun = time.process_time()
            queue = opened(root, sampler, budget)
            opening = time.process_time() - begun
            spent = [1000 * ask(queue) for _ in range(ASKS)]
            middle = statistics.median(spent)
            print(f"{sampler:<17}  {opening:8.1f}  {middle:8.0f}  {max(spent):12.0f}")


if __name__ == "__main__":
    main()
