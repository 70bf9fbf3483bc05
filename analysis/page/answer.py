"""The answer first: for each target what to take, what it gains, and how sure that is."""

from analysis.gains import Baselines
from analysis.page.blocks import Block, Section, Table, Words
from analysis.page.chosen import chosen_of
from analysis.report import record_banner
from analysis.snapshot import Snapshot
from analysis.tables import DONE, Grid, failures, heading_words, status_grid
from analysis.wording import gain

SEARCHED = (
    "tuned gain: score of the best setting minus that of the best setting without an intermediate "
    "phase. A search has no interval: all its trials have one set of seeds, and the best of many "
    "is partly the luckiest. `transfer-search confirm` gives one."
)


def answer_section(snapshot: Snapshot) -> Section:
    """What the study found, before anything else."""
    blocks: list[Block] = [Words(heading_words(snapshot.record))]
    if warning := record_banner(snapshot.record):
        blocks.insert(0, Words(f"{warning[0]}. {warning[1]}", warns=True))
    return Section("answer", "Answer", [*blocks, *_answers(snapshot)])


def _answers(snapshot: Snapshot) -> list[Block]:
    rows = [_searched_row(snapshot, target) for target in snapshot.record.targets]
    header = ("target", "initialisation", "intermediate", "verdict", "tuned gain", "interval")
    return [Table("Best setting of each target", Grid(header, rows, words=4)), Words(SEARCHED)]


def _searched_row(snapshot: Snapshot, target: str) -> tuple[str, ...]:
    chosen = chosen_of(snapshot, target)
    if chosen is None:
        return (target, "-", "-", "nothing to choose from yet", "-", "-")
    setting = chosen.setting
    difference = Baselines.of(snapshot.of_target(target)).tuned_gain(chosen.trials[0])
    names = (setting.initialisation, setting.intermediate_name)
    return (target, *names, "nominated, not confirmed", gain(difference), "none: one set of seeds")


def progress_section(snapshot: Snapshot) -> Section:
    """How far the study is, and what failed."""
    record = snapshot.record
    done = sum(trial.state in DONE for trial in snapshot.trials)
    planned = sum(record.planned(target) for target in record.targets)
    running = sum(trial.state == "RUNNING" for trial in snapshot.trials)
    if done >= planned and not running:
        words = f"Finished: all {planned} planned trials are done."
    else:
        words = (
            f"Not finished: {done} of {planned} planned trials are done, {running} are running. "
            "All numbers here may still change."
        )
    blocks: list[Block] = [Words(words), Table("Trials of each target", status_grid(snapshot))]
    return Section("progress", "Progress", [*blocks, *map(Words, failures(snapshot))])
