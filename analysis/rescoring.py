"""The trials of a search as each rule that could have chosen among them saw them."""

from dataclasses import replace

from analysis.snapshot import ReadTrial, Snapshot
from spaces.phases import scored_languages
from spaces.selection import Cut, reported_score, selecting_score, selectors
from spaces.study import StudyRecord


def selector_cuts(record: StudyRecord, target: str) -> dict[str, Cut]:
    """Every rule that could choose a target's setting, and its cut; the study's own first.

    Whether the trials kept the scores that a rule looks at, only they can tell.
    """
    asked = record.plan.targets.languages
    languages = scored_languages(record.catalogue, record.catalogue.tasks[target], asked)
    return selectors(record.spaces[target], languages, record.cuts[target])


def rescored(snapshot: Snapshot, target: str, cut: Cut) -> list[ReadTrial]:
    """A search's trials of one target with the scores that a cut gives them.

    A trial without a score in a language that selects, as one that is no COMPLETE trial of the
    search, has no score. Gains, arms and bests of what is returned follow the cut's rule.
    """
    trials = [one for one in snapshot.of_target(target) if one.attributes.replicate is None]
    if cut == snapshot.record.cuts[target]:
        return trials
    return [_rescored(snapshot, trial, cut) for trial in trials]


def _rescored(snapshot: Snapshot, trial: ReadTrial, cut: Cut) -> ReadTrial:
    record, plan = trial.attributes.record, snapshot.record.plan
    catalogue = snapshot.record.catalogue
    scores = [
        {"language": one.language, "items": one.items, "value": one.value} for one in record.scores
    ]
    try:
        score = selecting_score(scores, cut, plan, catalogue) if trial.is_complete else None
    except ValueError:
        score = None
    reported = reported_score(scores, cut, plan, catalogue) if score is not None else None
    kept = trial.attributes.model_copy(update={"record": replace(record, reported_score=reported)})
    return replace(trial, score=score, attributes=kept)
