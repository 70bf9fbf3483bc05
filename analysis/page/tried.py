"""What was tried for a target: every setting's mean score, where it stands and what it costs."""

from collections.abc import Iterable, Sequence
from statistics import fmean

from analysis.page.cost import Priced
from analysis.page.heat import HeatCell
from analysis.phase_rows import full_cost
from analysis.snapshot import ReadTrial, Snapshot


def trials_to_show(snapshot: Snapshot, target: str) -> list[ReadTrial]:
    """COMPLETE trials with a known setting: of a search its own, else all replicates."""
    done = [t for t in snapshot.of_target(target) if t.is_complete and t.setting]
    return [trial for trial in done if trial.may_win] or done


def priced_settings(snapshot: Snapshot, target: str) -> list[Priced]:
    """Every setting with its mean score over its trials and its cost."""
    groups: dict[str, list[ReadTrial]] = {}
    for trial in trials_to_show(snapshot, target):
        groups.setdefault(str(trial.setting_id), []).append(trial)
    return [_priced(snapshot, trials) for trials in groups.values()]


def _priced(snapshot: Snapshot, trials: list[ReadTrial]) -> Priced:
    setting = trials[0].setting
    assert setting is not None
    costs = [full_cost(snapshot, trial) for trial in trials]
    return Priced(
        setting_id=setting.setting_id,
        initialisation=setting.initialisation,
        intermediate=setting.intermediate_name,
        trials=len(trials),
        steps=fmean(cost["steps"] for cost in costs),
        seconds=fmean(cost["seconds"] for cost in costs),
        score=fmean(trial.score for trial in trials if trial.score is not None),
    )


def searched_cells(settings: Iterable[Priced], starts: Sequence[str]) -> list[HeatCell]:
    """The best setting of each initialisation with each intermediate; none comes first.

    Args:
        settings: of one target.
        starts: initialisations in the plan's order.
    """
    found: dict[tuple[str, str], list[Priced]] = {}
    for one in settings:
        found.setdefault((one.initialisation, one.intermediate), []).append(one)
    return [
        HeatCell(*names, max(one.score for one in tried), sum(one.trials for one in tried))
        for names, tried in sorted(found.items(), key=lambda item: _place(item[0], starts))
    ]


def _place(names: tuple[str, str], starts: Sequence[str]) -> tuple[int, bool, str]:
    return starts.index(names[0]), names[1] != "none", names[1]
