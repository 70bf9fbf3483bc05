"""Which settings of a study are worth confirming: the best by every rule that could choose."""

from collections.abc import Iterator

from analysis.gains import best_trial
from analysis.rescoring import rescored, selector_cuts
from analysis.snapshot import ReadTrial, Snapshot
from spaces.confirmation import ConfirmedSetting, distinct
from spaces.settings import TransferSetting


def finalists(snapshot: Snapshot, target: str, top: int) -> tuple[ConfirmedSetting, ...]:
    """The best settings by each selector, and both baselines of each.

    Each finalist is followed by its matched baseline: the same without an intermediate phase. The
    tuned baselines come last: the best setting without an intermediate phase by each selector,
    which a search found in an arm of its own.

    A selector is available where the trials kept the scores that it looks at: the study's own
    always, the others by the dev rows that were scored. Of equals the lowest trial number wins, as
    everywhere. No setting stands twice; a finalist without an intermediate phase has no matched
    baseline.

    Args:
        snapshot: of the study.
        target: one of its targets.
        top: settings to take from each selector.
    """
    cuts = selector_cuts(snapshot.record, target)
    trials = {name: rescored(snapshot, target, cut) for name, cut in cuts.items()}
    chosen = distinct(
        ConfirmedSetting(setting=setting, chosen_by=(name,))
        for name, found in trials.items()
        for setting in _best(found, top)
    )
    paired = (one for finalist in chosen for one in (finalist, _matched(finalist)))
    return distinct((*paired, *_tuned(trials)))


def _matched(finalist: ConfirmedSetting) -> ConfirmedSetting:
    """What a finalist is paired with: itself, where it has no intermediate phase."""
    return ConfirmedSetting(setting=finalist.setting.without_intermediate)


def _tuned(trials: dict[str, list[ReadTrial]]) -> Iterator[ConfirmedSetting]:
    """The best setting without an intermediate phase by each selector that found one."""
    for name, found in trials.items():
        best = best_trial(found, "none")
        if best and best.setting:
            yield ConfirmedSetting(setting=best.setting, tuned_for=(name,))


def _best(trials: list[ReadTrial], top: int) -> list[TransferSetting]:
    """The settings with the highest scores."""
    found = [
        (-trial.score, trial.number, trial.setting)
        for trial in trials
        if trial.setting and trial.may_win and trial.score is not None
    ]
    ranked = [setting for _, _, setting in sorted(found, key=lambda item: item[:2])]
    return list({setting.setting_id: setting for setting in ranked}.values())[:top]
