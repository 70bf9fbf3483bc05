"""What was shared, where the numbers come from, and what limits them."""

from analysis.held_out import NOTE as PRETRAINING
from analysis.held_out import held_out_rows, pretraining_grid
from analysis.page.blocks import Block, Facts, Section, Source, Table, Words
from analysis.published import NOTE as BESIDE
from analysis.published import published_grid
from analysis.report import phases_grid, rebuilt_line, sharing_line
from analysis.rows_left_out import WORDS as LEFT_OUT
from analysis.rows_left_out import left_out_grid
from analysis.scores import Row
from analysis.snapshot import Snapshot
from analysis.tables import Grid, looks_at
from analysis.wording import counted, look_words
from spaces.grouping import grouping_of
from spaces.layout import StudyPaths
from spaces.leakage import LEAKAGE_WORDS
from spaces.published import PUBLISHED
from spaces.study import StudyRecord

SHARING = (
    "executed: phases that this study trained or evaluated. reused: phases that a trial took from "
    "the store, with the steps and seconds that it would have cost to execute them."
)
NOMINATES = (
    "Scores of a search chose the setting, so they are too high by that choice. The reported score "
    "is over languages that did not choose."
)
COMPARABLE = (
    "Scores are comparable within a target alone: targets have unlike metrics, and chance differs."
)
LANGUAGES = (
    "Cells in which the setting saw rows of the target's own skill, data set or documents in that "
    "language are no transfer; means by group keep them apart, and English apart from both."
)
NO_LOOK = "The test rows of this study were never opened."


def sharing_section(snapshot: Snapshot, rows: list[Row]) -> Section:
    """What phases cost, and what the store saved."""
    table = Table("Phases by kind", phases_grid(rows))
    lines = map(Words, [*rebuilt_line(rows), *sharing_line(rows)])
    return Section("sharing", "What was shared", [table, *lines, Words(SHARING)])


def beside_sections(snapshot: Snapshot) -> list[Section]:
    """Published scores, and what own pretraining reached; each where there is any."""
    sections = []
    if name := snapshot.record.plan.study.published:
        source = PUBLISHED[name]
        table = Table(source.title, published_grid(snapshot, source))
        blocks: list[Block] = [table, Words(f"{source.where} {BESIDE}")]
        sections.append(Section("published", "Beside published scores", blocks))
    if rows := held_out_rows(snapshot):
        blocks = [Table("Means over languages", pretraining_grid(rows)), Words(PRETRAINING)]
        sections.append(Section("pretraining", "Pretraining, on held-out rows", blocks))
    return sections


def provenance_section(snapshot: Snapshot) -> Section:
    """Plan, versions, seeds, revisions and looks: what it takes to make these numbers again."""
    record = snapshot.record
    looks = [(one.when, look_words(one)) for one in looks_at(snapshot)]
    revisions = "\n".join(f"{name}  {one}" for name, one in sorted(record.revisions.items()))
    blocks: list[Block] = [
        Facts(_facts(snapshot)),
        *([Table("Looks at test rows", Grid(("when", "what"), looks, 2))] if looks else []),
        *([] if looks else [Words(NO_LOOK)]),
        *_plan(snapshot),
        Source(f"Revisions of {counted(len(record.revisions), 'part')} of the data", revisions),
    ]
    return Section("provenance", "Provenance", blocks)


def _plan(snapshot: Snapshot) -> list[Block]:
    """The user's own text; where there is none, the plan's tables as the study froze them."""
    file = StudyPaths(snapshot.root, snapshot.record.name).plan
    if file.is_file():
        return [Source("Plan, as it was first given", file.read_text(encoding="utf-8"))]
    frozen = snapshot.record.plan.model_dump_json(indent=1, exclude_defaults=True)
    return [Source("Plan, as the study froze it", frozen)]


def _facts(snapshot: Snapshot) -> list[tuple[str, str]]:
    record, plan = snapshot.record, snapshot.record.plan
    return [
        ("study", record.name),
        ("world", plan.world),
        ("started", record.created or "not written down"),
        ("seed of the plan", str(plan.study.seed)),
        ("seeds", _seeds(record)),
        ("sampler", plan.study.sampler),
        ("selection", plan.study.selection),
        ("objective", plan.study.objective),
        ("language groups", str(grouping_of(plan))),
        ("held-out seed", str(plan.targets.heldout_seed)),
        ("precision", plan.resources.precision),
        ("study folder", str(StudyPaths(snapshot.root, record.name).folder)),
        ("phase store", f"{snapshot.store}/phases"),
        ("versions", ", ".join(f"{n} {one}" for n, one in record.versions.items()) or "unknown"),
    ]


def _seeds(record: StudyRecord) -> str:
    """Which seeds trials had, and how many sets."""
    words = [f"{record.plan.study.seed} for every trial of the search"]
    if record.confirms:
        words = [f"{counted(record.confirms.replicates, 'fresh set')}, drawn from the search's"]
    elif contrast := record.plan.contrast:
        words.append(f"{counted(len(contrast.sets), 'fresh set')} for the contrast")
    return "; ".join(words)


def caveats_section(snapshot: Snapshot) -> Section:
    """What limits these numbers, beyond the warning above the answer."""
    record = snapshot.record
    blocks: list[Block] = [Words(words) for words in _caveats(record)]
    if (grid := left_out_grid(snapshot)).rows:
        blocks += [Table("Rows left out", grid), Words(LEFT_OUT)]
    infeasible = [
        (target, name, why)
        for target, reasons in record.infeasible.items()
        for name, why in reasons.items()
    ]
    if infeasible:
        grid = Grid(("target", "candidate", "why"), infeasible, words=3)
        blocks.append(Table("Candidates that a target cannot have", grid))
    return Section("caveats", "Caveats", blocks)


def _caveats(record: StudyRecord) -> list[str]:
    words = [COMPARABLE, LANGUAGES, f"Leakage of a language: {LEAKAGE_WORDS}"]
    if record.confirms is None:
        words.insert(0, NOMINATES)
    return words
