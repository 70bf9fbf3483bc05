"""The answer first: for each target what to take, what it gains, and how sure that is."""

from analysis.banner import record_banner
from analysis.gains import Baselines
from analysis.page.blocks import Block, Section, Table, Words
from analysis.page.chosen import Chosen, chosen_of
from analysis.page.confirmed import Confirmed
from analysis.page.contrast import Findings
from analysis.page.words import interval
from analysis.snapshot import Snapshot
from analysis.tables import DONE, Grid, failures, heading_words, status_grid
from analysis.wording import ABSENT, counted, gain, margin_words, p_words

SEARCHED = (
    "tuned gain: score of the best setting minus that of the best setting without an intermediate "
    "phase. A search has no interval: all its trials have one set of seeds, and the best of many "
    "is partly the luckiest. `transfer-search confirm` gives one."
)
CONFIRMED = (
    "tuned gain: on test rows with fresh seeds, over the best setting without an intermediate "
    "phase that the same rule found, with its 95 % interval. no different: within {margin}, by an "
    "equivalence test. p: adjusted by Holm over the finalists of all targets; intervals and "
    "verdicts look at each target alone. Where there is no interval, the setting is not "
    "confirmed: its gain is a search's, which is partly luck."
)
NO_PAIR, OLD = "no intermediate was chosen", "no tuned baseline: confirm again"


def answer_section(
    snapshot: Snapshot, findings: Findings | None, confirmed: Confirmed | None
) -> Section:
    """What the study found, before anything else."""
    blocks: list[Block] = [Words(heading_words(snapshot.record))]
    if warning := record_banner(snapshot.record):
        blocks.insert(0, Words(f"{warning[0]}. {warning[1]}", warns=True))
    blocks += _settings(snapshot, confirmed)
    return Section("answer", "Answer", [*blocks, *_contrast(findings)])


def _contrast(findings: Findings | None) -> list[Block]:
    """What a contrast says of the question it was planned for."""
    heading, grid = findings.leading if findings else ("", None)
    return [Table(f"The contrast: {heading}", grid)] if grid else []


def _settings(snapshot: Snapshot, confirmed: Confirmed | None) -> list[Block]:
    """The best setting of each target; nothing where a contrast is all of the study."""
    record = snapshot.record
    if not record.plan.budget.trials_per_target and not record.confirms:
        return []
    rows = [_row(snapshot, target, confirmed) for target in record.targets]
    header = ("target", "initialisation", "intermediate", "verdict", "tuned gain", "interval", "p")
    known = [one for one in (confirmed.gains if confirmed else []) if one["is_answer"]]
    words = CONFIRMED.format(margin=margin_words(known[0]["margin"])) if known else SEARCHED
    return [Table("Best setting of each target", Grid(header, rows, words=4)), Words(words)]


def _row(snapshot: Snapshot, target: str, confirmed: Confirmed | None) -> tuple[str, ...]:
    chosen = chosen_of(snapshot, target)
    if chosen is None:
        return (target, ABSENT, ABSENT, "nothing to choose from yet", ABSENT, ABSENT, ABSENT)
    names = (target, chosen.setting.initialisation, chosen.setting.intermediate_name)
    answer = confirmed.answer(target) if confirmed else None
    if answer and answer["setting_id"] == chosen.setting.setting_id:
        where = f"{interval(answer['low'], answer['high'])}, {counted(answer['n_sets'], 'set')}"
        found = gain(answer["estimate"]), where, p_words(answer["p_holm"])
        return (*names, answer["verdict"], *found)
    if confirmed and confirmed.holds(target, chosen.setting.setting_id):
        return (*names, OLD if chosen.setting.intermediate else NO_PAIR, ABSENT, ABSENT, ABSENT)
    return (*names, *_searched(snapshot, target, chosen))


def _searched(snapshot: Snapshot, target: str, chosen: Chosen) -> tuple[str, ...]:
    """Verdict, gain, interval and p-value of a setting that nobody compared on test rows."""
    difference = Baselines.of(snapshot.of_target(target)).tuned_gain(chosen.trials[0])
    return "nominated, not confirmed", gain(difference), "none: one set of seeds", ABSENT


def progress_section(snapshot: Snapshot) -> Section:
    """How far the study is, and what failed."""
    record = snapshot.record
    done = sum(trial.state in DONE for trial in snapshot.trials)
    planned = sum(record.planned(target) for target in record.targets)
    running = sum(trial.state == "RUNNING" for trial in snapshot.trials)
    words = f"Finished: all {planned} planned trials are done."
    if done < planned or running:
        words = (
            f"Not finished: {done} of {planned} planned trials are done, {running} are running. "
            "All numbers here may still change."
        )
    blocks: list[Block] = [Words(words), Table("Trials of each target", status_grid(snapshot))]
    return Section("progress", "Progress", [*blocks, *map(Words, failures(snapshot))])
