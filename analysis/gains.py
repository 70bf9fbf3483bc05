"""Gains over the no-intermediate arm, and the one rule that picks a best trial."""

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.snapshot import ReadTrial


def best_trial(trials: Iterable[ReadTrial], arm: str | None = None) -> ReadTrial | None:
    """The COMPLETE trial with the highest score; of equals the one with the lowest number.

    Args:
        trials: trials of one target. One whose setting is not known cannot be chosen; nor can a
            replicate.
        arm: ``none`` or ``intermediate``; both where it is left out.
    """
    found = [
        (-trial.score, trial.number, trial)
        for trial in trials
        if trial.score is not None and trial.may_win and trial.setting and arm in (None, trial.arm)
    ]
    return min(found, key=lambda item: item[:2])[2] if found else None


@dataclass(frozen=True, slots=True)
class Baselines:
    """What the trials of one target are compared with."""

    best: ReadTrial | None
    """The best no-intermediate trial, found by the same rule as any other best."""
    by_setting: dict[tuple[str | None, int | None], ReadTrial]
    """setting_id and replicate -> its first COMPLETE no-intermediate trial."""

    @classmethod
    def of(cls, trials: Iterable[ReadTrial]) -> "Baselines":
        """Baselines among the trials of one target."""
        plain = [trial for trial in trials if trial.is_complete and trial.arm == "none"]
        by_setting: dict[tuple[str | None, int | None], ReadTrial] = {}
        for trial in sorted(plain, key=lambda trial: trial.number):
            by_setting.setdefault((trial.setting_id, trial.attributes.replicate), trial)
        return cls(best_trial(plain), by_setting)

    def matched(self, trial: ReadTrial) -> ReadTrial | None:
        """The no-intermediate trial that is equal in all else, seeds among it.

        None for one that is such itself.
        """
        if trial.setting is None or not trial.setting.intermediate:
            return None
        paired = trial.setting.without_intermediate.setting_id
        return self.by_setting.get((paired, trial.attributes.replicate))

    def paired_gain(self, trial: ReadTrial) -> float | None:
        """Score minus the matched trial's, in points; None where either is missing."""
        return _difference(trial, self.matched(trial))

    def tuned_gain(self, trial: ReadTrial) -> float | None:
        """Score minus the best no-intermediate score, in points; None where either is missing.

        None of replicates as well, the best of which is the luckiest.
        """
        if trial.attributes.replicate is not None:
            return None
        return _difference(trial, self.best)


def _difference(trial: ReadTrial, baseline: ReadTrial | None) -> float | None:
    if trial.score is None or baseline is None or baseline.score is None:
        return None
    return trial.score - baseline.score
