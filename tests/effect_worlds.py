"""Studies for the tests of effects: scores are planted, nothing is trained, nothing is on disk."""

from collections.abc import Callable, Container
from pathlib import Path

from analysis.snapshot import Attributes, ReadTrial, Score, Snapshot, TrialRecord
from spaces.contrast import contrast_seeds
from spaces.settings import Seeds, TransferSetting
from spaces.study import StudyRecord

Planted = Callable[[str, str, str, int, str], float]
"""Target, initialisation, intermediate, set, language -> score."""


def trial_of(
    target: str,
    number: int,
    setting: TransferSetting,
    replicate: int | None,
    seeds: Seeds,
    scores: dict[str, float],
    error: float | None = None,
) -> ReadTrial:
    """A COMPLETE trial with these scores by language, on all items of dev rows."""
    found = tuple(
        Score(code, "dev", "all", "accuracy", value, 100, standard_error=error)
        for code, value in scores.items()
    )
    about = Attributes(
        setting=setting, replicate=replicate, seeds=seeds, record=TrialRecord(scores=found)
    )
    mean = sum(scores.values()) / len(scores)
    return ReadTrial(target, number, "COMPLETE", mean, {}, None, None, about, setting.setting_id)


def planted(
    record: StudyRecord,
    score: Planted,
    missing: Container[tuple[str, str, str, int]] = (),
    error: float | None = None,
) -> Snapshot:
    """A study whose contrast is done, but for missing (target, initialisation, intermediate, set).

    Args:
        record: with a contrast.
        score: what each cell scores.
        missing: trials that failed.
        error: standard error over rows of every score.
    """
    trials = []
    for target in record.targets:
        codes = [code for _, code, _ in record.scored[target]]
        for cell in record.contrasts[target].cells(record.spaces[target]):
            for number, seeds in contrast_seeds(record.plan).items():
                at = (target, cell.initialisation, cell.intermediate, number)
                if at in missing:
                    continue
                scores = {code: score(*at, code) for code in codes}
                one = (target, len(trials), cell.setting, number, seeds, scores, error)
                trials.append(trial_of(*one))
    return Snapshot(Path("nowhere"), record, tuple(trials))
