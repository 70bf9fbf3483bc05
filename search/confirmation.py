"""From a searched study to the record of its confirmation: finalists, test rows, fresh seeds.

A confirmation is a study of its own, ``<study>.confirm``, with its own folder, storage names and
lease; its record names its settings, so nothing is drawn. That record alone opens test rows, which
no plan can.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from analysis.finalists import finalists
from analysis.snapshot import Snapshot, read_snapshot
from analysis.tables import DONE
from search.checking import RowsAt, needed_rows, pretraining_needed, source_mistakes
from search.freeze import look
from spaces.confirmation import Confirmation, ConfirmedSetting, confirmation_cut
from spaces.layout import StudyPaths
from spaces.mistakes import Mistake, PlanError
from spaces.phases import scored_languages
from spaces.plan import Plan
from spaces.study import StudyRecord, differences, read_study
from trainables.rows import Source
from trainables.sources import source_for
from trainables.store import installed_versions

MOST_REPLICATES = 1000

Notes = list[str]
"""Lines for the user."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One target that can be confirmed."""

    settings: tuple[ConfirmedSetting, ...]
    scored: tuple[RowsAt, ...]
    """Its test rows."""


def confirmation(
    study: str, root: Path, top: int, replicates: int
) -> tuple[StudyRecord, list[str]]:
    """The record of a study's confirmation, and what the user should know. Writes nothing.

    An unfinished study is confirmed as it stands, with a line that says so: test scores never go
    back into a search, so its later finalists may follow. What an earlier confirmation of the study
    holds stays; more finalists or more sets of seeds join it.

    Args:
        study: a searched study.
        root: holds it.
        top: finalists of each selector.
        replicates: sets of fresh seeds.

    Raises:
        StoreError: there is no such study.
        PlanError: nothing can be confirmed, or rows or checkpoints changed since the search.
    """
    source_name = f"confirmation of study {study!r}"
    if wrong := [*_number_mistakes(top, replicates)]:
        raise PlanError(source_name, wrong)
    snapshot = read_snapshot(study, root)
    if snapshot.record.confirms:
        rule = f"the study that was searched: {snapshot.record.confirms.of!r}"
        raise PlanError(source_name, [Mistake("STUDY", repr(study), rule)])
    if wrong := [*source_mistakes(snapshot.record.plan)]:
        raise PlanError(source_name, wrong)
    source = source_for(snapshot.record.plan, snapshot.record.catalogue)
    parts, notes = _parts(snapshot, top, source)
    if not parts:
        rule = "a target with COMPLETE trials and with test rows in the languages it reports"
        raise PlanError(source_name, [Mistake(study, "; ".join(notes), rule)])
    new = _record(snapshot.record, parts, top, replicates, source)
    joined, more = joined_with_older(new, root)
    return joined, [*_unfinished(snapshot), *notes, *more]


def _number_mistakes(top: int, replicates: int) -> Iterator[Mistake]:
    for flag, value in (("--top", top), ("--seeds", replicates)):
        if not 1 <= value <= MOST_REPLICATES:
            yield Mistake(flag, str(value), f"1 to {MOST_REPLICATES}")


def _unfinished(snapshot: Snapshot) -> Notes:
    record = snapshot.record
    told = sum(trial.state in DONE for trial in snapshot.trials)
    planned = sum(record.planned(target) for target in record.targets)
    if told >= planned:
        return []
    return [
        f"study {record.name!r} is unfinished ({told} of {planned} trials): its finalists so far "
        "are confirmed; call confirm again when it is done to add those that follow"
    ]


def _parts(snapshot: Snapshot, top: int, source: Source) -> tuple[dict[str, _Part], Notes]:
    """Target -> what can be confirmed of it; and why others, or some languages, cannot."""
    record = snapshot.record
    parts: dict[str, _Part] = {}
    notes: Notes = []
    for target in record.targets:
        settings = finalists(snapshot, target, top)
        scored, absent = _test_rows(record, target, source)
        if not settings:
            notes.append(f"{target} is not confirmed: it has no COMPLETE trial of a search")
        elif not any(code in record.cuts[target].reported for _, code, _ in scored):
            where = f"its reported languages ({', '.join(record.cuts[target].reported)})"
            notes.append(f"{target} is not confirmed: no test rows in {where}")
        else:
            parts[target] = _Part(settings, scored)
            if absent:
                notes.append(f"{target} is not confirmed in {', '.join(absent)}: no test rows")
    return parts, notes


def _test_rows(
    record: StudyRecord, target: str, source: Source
) -> tuple[tuple[RowsAt, ...], list[str]]:
    """Test rows of what the plan scores and the benchmark tests, and languages without any."""
    row = record.catalogue.tasks[target]
    asked = scored_languages(record.catalogue, row, record.plan.targets.languages)
    languages = [code for code in asked if row.has_test(code)]
    there = [code for code in languages if source.has(target, code, "test")]
    scored = tuple((target, code, "test") for code in there)
    return scored, [code for code in languages if code not in there]


def _rows_opened(plan: Plan, source: Source, scored: Iterable[RowsAt]) -> int:
    most = plan.targets.test_rows
    sizes = [source.size(*part) for part in scored]
    return sum(size if most is None else min(size, most) for size in sizes)


def _record(
    searched: StudyRecord, parts: dict[str, _Part], top: int, replicates: int, source: Source
) -> StudyRecord:
    """The record of a confirmation that is alone in the world.

    Raises:
        PlanError: rows or checkpoints are gone, or are not what the search froze.
    """
    plan = _plan(searched.plan)
    scored = {target: part.scored for target, part in parts.items()}
    revisions = _revisions(scored, searched, source)
    cuts = {
        target: confirmation_cut(
            searched.cuts[target],
            tested=(code for _, code, _ in part.scored),
            spent=target in searched.spent,
        )
        for target, part in parts.items()
    }
    return StudyRecord(
        plan=plan,
        revisions=revisions,
        encoders=searched.encoders,
        cuts=cuts,
        scored=scored,
        versions=installed_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        confirms=Confirmation(
            of=searched.name,
            top=top,
            replicates=replicates,
            settings={target: part.settings for target, part in parts.items()},
            rows={target: _rows_opened(plan, source, part) for target, part in scored.items()},
        ),
    )


def _plan(plan: Plan) -> Plan:
    """The plan of the search alone; nothing is pruned, and no report looks at rows."""
    budget = plan.budget.model_copy(update={"pruner": "none", "reports_per_phase": 0})
    return plan.model_copy(update={"budget": budget, "contrast": None})


def _revisions(
    scored: dict[str, tuple[RowsAt, ...]], frozen: StudyRecord, source: Source
) -> dict[str, str]:
    """Revisions of everything a confirmation reads, equal to a record's where it has them.

    Raises:
        PlanError: they are not, or something is gone.
    """
    plan = frozen.plan
    pretrained = pretraining_needed(plan, frozen.catalogue)
    needed = [*needed_rows(frozen.spaces, scored), *pretrained]
    looked = look(plan, frozen.catalogue, needed, source)
    for name, found in looked.revisions.items():
        if (was := frozen.revisions.get(name, found)) != found:
            rule = f"revision {was}, as {frozen.name!r} froze it: put it back"
            looked.mistakes.append(Mistake(name, f"revision {found}", rule))
    if looked.mistakes:
        raise PlanError(f"confirmation of study {plan.study.name!r}", looked.mistakes)
    return looked.revisions


def joined_with_older(new: StudyRecord, root: Path) -> tuple[StudyRecord, Notes]:
    """A confirmation and what an earlier one of the study ran.

    Raises:
        PlanError: the earlier one ran under other conditions.
    """
    if not StudyPaths(root, new.name).record.exists():
        return new, []
    old = read_study(root, new.name)
    if refusals := differences(old, new)[1]:
        rule = f"the stored value; or move the folder of {new.name!r} away to confirm anew"
        lines = (line.partition(": ") for line in refusals)
        mistakes = [Mistake(where.replace("|", "."), change, rule) for where, _, change in lines]
        raise PlanError(f"study {new.name!r} exists under other conditions", mistakes)
    assert old.confirms is not None and new.confirms is not None
    confirms = new.confirms.joined(old.confirms)
    kept = {"versions": old.versions, "created": old.created, "confirms": confirms}
    return new.model_copy(update=kept), _growth(old.confirms, new.confirms, confirms)


def _growth(old: Confirmation, asked: Confirmation, new: Confirmation) -> Notes:
    """How a confirmation grew, one line each; and where less was asked than it holds."""
    notes = []
    if asked.replicates < old.replicates or asked.top < old.top:
        held = f"top {old.top} with {old.replicates} sets of seeds"
        notes.append(f"it holds {held} already, and nothing that was opened is taken away")
    if new.replicates > old.replicates:
        notes.append(f"sets of seeds: {old.replicates} -> {new.replicates}")
    for target in new.settings:
        before, now = len(old.settings.get(target, ())), len(new.settings[target])
        if now > before:
            notes.append(f"settings of {target}, baselines among them: {before} -> {now}")
    return notes


def unchanged(record: StudyRecord) -> StudyRecord:
    """A confirmation's own record, to go on with.

    Raises:
        PlanError: rows or checkpoints changed since it was frozen.
    """
    _revisions(record.scored, record, source_for(record.plan, record.catalogue))
    return record
