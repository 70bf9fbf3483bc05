"""What stands for a target on its page: a setting and what it is compared with."""

from dataclasses import dataclass

from analysis.confirmed_scores import read_confirmed
from analysis.gains import Baselines, best_trial
from analysis.languages import by_language, seen_words
from analysis.page.dots import Dot
from analysis.snapshot import ReadTrial, Snapshot
from spaces.confirmation import ConfirmedSetting
from spaces.settings import TransferSetting


@dataclass(frozen=True, slots=True)
class Chosen:
    """A setting, its trials, and the trials of its baseline."""

    setting: TransferSetting
    trials: list[ReadTrial]
    """COMPLETE: one of a search, of a confirmation the replicates."""
    baseline: list[ReadTrial]
    """None where the setting itself is the best without an intermediate."""
    against: str
    """What the baseline is."""


def chosen_of(snapshot: Snapshot, target: str) -> Chosen | None:
    """What a study puts first for a target; None where nothing can be chosen yet.

    A confirmation chooses nothing: the setting is the one that the search put first.
    """
    if snapshot.record.confirms:
        return _nominated(snapshot, target)
    trials = snapshot.of_target(target)
    best, baseline = best_trial(trials), Baselines.of(trials).best
    if best is None or best.setting is None:
        return None
    other = [baseline] if baseline and baseline != best else []
    return Chosen(best.setting, [best], other, "tuned baseline")


def _nominated(snapshot: Snapshot, target: str) -> Chosen | None:
    """The answer of a confirmation beside its tuned baseline, else its matched one."""
    found = read_confirmed(snapshot)[target]
    if found.answer is None:
        return None
    pair = next((pair for pair in found.pairs() if pair[0] == found.answer), None)
    mine = _replicates(snapshot, target, found.answer)
    theirs = _replicates(snapshot, target, pair[2]) if pair else []
    against = f"{pair[1]} baseline" if pair else ""
    return Chosen(found.answer.setting, mine, theirs, against) if mine else None


def _replicates(snapshot: Snapshot, target: str, one: ConfirmedSetting) -> list[ReadTrial]:
    done = [trial for trial in snapshot.of_target(target) if trial.is_complete]
    return [trial for trial in done if trial.setting_id == one.setting.setting_id]


def dots_of(snapshot: Snapshot, chosen: Chosen) -> list[Dot]:
    """One dot for each language that the setting is scored in."""
    theirs = by_language(snapshot, chosen.baseline)
    languages = snapshot.record.catalogue.languages
    return [
        Dot(
            code=code,
            family=languages[code].family,
            script=languages[code].script,
            group=row["group"] or "-",
            seen=seen_words(row),
            leakage=row["leakage"] or "-",
            score=row["value"],
            baseline=theirs[code]["value"] if code in theirs else None,
        )
        for code, row in by_language(snapshot, chosen.trials).items()
    ]
