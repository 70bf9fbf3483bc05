"""Which settings of a study are worth confirming: the best by every rule that could choose."""

from analysis.snapshot import ReadTrial, Snapshot
from spaces.confirmation import ConfirmedSetting, distinct
from spaces.phases import scored_languages
from spaces.selection import Cut, selecting_score, selectors
from spaces.settings import TransferSetting


def finalists(snapshot: Snapshot, target: str, top: int) -> tuple[ConfirmedSetting, ...]:
    """The best settings by each selector, each followed by its no-intermediate baseline.

    A selector is available where the trials kept the scores that it looks at: the study's own
    always, the others by the dev rows that were scored. Of equals the lowest trial number wins, as
    everywhere. No setting stands twice; a finalist without an intermediate phase has no baseline.

    Args:
        snapshot: of the study.
        target: one of its targets.
        top: settings to take from each selector.
    """
    record = snapshot.record
    asked = record.plan.targets.languages
    languages = scored_languages(record.catalogue, record.catalogue.tasks[target], asked)
    cuts = selectors(record.spaces[target], languages, record.cuts[target])
    chosen = distinct(
        ConfirmedSetting(setting=setting, chosen_by=(name,))
        for name, cut in cuts.items()
        for setting in _best(snapshot, target, cut, top)
    )
    return distinct(one for finalist in chosen for one in (finalist, _baseline(finalist)))


def _baseline(finalist: ConfirmedSetting) -> ConfirmedSetting:
    """What a finalist is paired with: itself, where it has no intermediate phase."""
    return ConfirmedSetting(setting=finalist.setting.without_intermediate)


def _best(snapshot: Snapshot, target: str, cut: Cut, top: int) -> list[TransferSetting]:
    """The best settings by one cut."""
    found = [
        (-score, trial.number, trial.setting)
        for trial in snapshot.of_target(target)
        if trial.setting and trial.may_win and (score := _score(snapshot, trial, cut)) is not None
    ]
    ranked = [setting for _, _, setting in sorted(found, key=lambda item: item[:2])]
    return list({setting.setting_id: setting for setting in ranked}.values())[:top]


def _score(snapshot: Snapshot, trial: ReadTrial, cut: Cut) -> float | None:
    """A trial's score by a cut, in points; None where a language that selects has none."""
    if cut == snapshot.record.cuts[trial.target]:
        return trial.score
    scores = [
        {"language": one.language, "items": one.items, "value": one.value}
        for one in trial.attributes.record.scores
    ]
    try:
        return selecting_score(scores, cut, snapshot.record.plan, snapshot.record.catalogue)
    except ValueError:
        return None
