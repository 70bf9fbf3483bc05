"""What the planned cells of a contrast say: effects with intervals, and the cells themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from analysis.cell_scores import CellScores, read_cells
from analysis.cells import averaged_languages
from analysis.claims import design_claim
from analysis.comparisons import Comparison, Design, main_effects
from analysis.effect_rows import Question, effect_rows
from analysis.effects_text import (
    DEPENDS,
    STARTS,
    asked_of,
    comparison_words,
    effects_note,
    shown_effects,
)
from analysis.estimates import OVERALL, Asked
from analysis.inference.verdicts import NOT_ENOUGH
from analysis.page.blocks import Block, Figure, Figures, Folded, Heading, Section, Table, Words
from analysis.page.heat import HeatCell, heat_map
from analysis.page.interaction import Effect, interaction_plot
from analysis.page.words import capital, interval
from analysis.scores import Row
from analysis.snapshot import Snapshot
from analysis.tables import Grid
from analysis.wording import counted, gain, p_words, verdict_words
from spaces.study import StudyRecord

MOST_LINES = 20
"""Lines of a table that stands in view; longer ones are shown on demand."""

EFFECTS = (
    "Differences in points, taken set by set, the other factor averaged over; of a - b, c - d how "
    "much more c has over d after a than after b. 95 % intervals are Student's t over independent "
    "sets of seeds: they cover seeds, not other languages, rows or checkpoints. p: adjusted by "
    "Holm over the rows of its table, overall apart; intervals and verdicts look at each row "
    "alone. overall: each set's mean over the targets. no different: within {margin} either way, "
    "by an equivalence test (TOST) at 5 %; better, worse: the interval lies on one side of zero; "
    "not enough evidence: a new study needs so many sets, fixed beforehand. More: "
    "`analysis.contrast`, `analysis.interaction`."
)
INTERACTION = (
    "How far intermediate rows of each group stand above those of {baseline}, after each "
    "initialisation, with 95 % intervals over {sets}. Parallel lines: what the rows do does not "
    "depend on the initialisation."
)
CELLS = (
    "Mean over {sets} of the objective over {languages}, at the plan's reference hyperparameters; "
    "the best mean is framed and bold. No cell was chosen."
)
NO_PAIRS = (
    "The contrast has too few levels for an interaction: it takes two initialisations, and rows of "
    "two language groups."
)
NOTHING_YET = "No cell of the contrast has a score yet."


@dataclass(frozen=True)
class Findings:
    """The effects of a study's contrast, computed once for the answer and for the section."""

    asked: Asked
    shown: dict[str, list[Row]]
    """Those of the text report, by heading."""
    simple: list[Row]
    """What each group, or each intermediate, does after one initialisation alone."""
    cells: dict[str, CellScores]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Findings | None":
        """Effects of a study; None where its plan has no contrast."""
        if snapshot.record.plan.contrast is None or snapshot.record.confirms:
            return None
        question = Question(pairs=_simple_effects, asked=asked_of(snapshot.record))
        simple = effect_rows(snapshot, question)
        # Over targets one name would stand for several initialisations.
        simple = [row for row in simple if row["target"] != OVERALL]
        return cls(question.asked, shown_effects(snapshot), simple, read_cells(snapshot))

    @property
    def leading(self) -> tuple[str, Grid | None]:
        """The heading and the effects that answer what the contrast was planned for.

        Whether one factor depends on the other, else what initialisations do; over all targets
        where there are several, with what is settled of each target, because a mean may hide
        effects that go against one another.
        """
        heading = DEPENDS if DEPENDS in self.shown else STARTS
        rows = self.shown.get(heading, [])
        over = [row for row in rows if row["target"] == OVERALL]
        if not over:
            return heading, effect_grid(rows) if rows else None
        grid = _with_targets(effect_grid(over), [_settled(row, rows) for row in over])
        return f"{heading}, mean over the targets", grid


def _simple_effects(design: Design) -> list[Comparison]:
    """Group by group; where all rows are of one group, intermediate by intermediate."""
    by_group = [e for a in design.initialisations for e in main_effects(design, "group", None, [a])]
    if by_group:
        return by_group
    starts = design.initialisations
    return [e for a in starts for e in main_effects(design, "intermediate", None, [a])]


def _with_targets(grid: Grid, settled: Sequence[str]) -> Grid:
    """The same with what is settled of each target in the place of the target."""
    lines = zip(grid.rows, settled, strict=True)
    cells = [(*cells[1:3], words, *cells[3:]) for cells, words in lines]
    return Grid((*grid.header[1:3], "target by target", *grid.header[3:]), cells, words=3)


def _settled(over: Row, rows: Sequence[Row]) -> str:
    """The verdicts on targets of what is told over all of them."""
    words = comparison_words(over)
    alike = (row for row in rows if comparison_words(row) == words and row["target"] != OVERALL)
    found = [f"{row['target']} {row['verdict']}" for row in alike if row["verdict"] != NOT_ENOUGH]
    return "; ".join(found) or "none settled"


def effect_grid(rows: Sequence[Row]) -> Grid:
    """One line for each effect."""
    cells = [
        (
            *(row["target"], comparison_words(row), row["verdict"]),
            *(gain(row["estimate"]), interval(row["low"], row["high"]), p_words(row["p_holm"])),
            *(str(row["n_sets"]), verdict_words(row)[0]),
        )
        for row in rows
    ]
    numbers = ("points", "95 % interval", "p", "sets", "needs")
    return Grid(("target", "comparison", "verdict", *numbers), cells, words=3)


def contrast_section(snapshot: Snapshot, findings: Findings) -> Section:
    """Interaction, main effects, cells."""
    record = snapshot.record
    used = dict.fromkeys(n for one in record.contrasts.values() for n in one.initialisations)
    blocks: list[Block] = [Words(design_claim(record.catalogue.initialisations, used))]
    if any(cells.scores for cells in findings.cells.values()):
        blocks += _tables(findings)
        for target in record.targets:
            blocks += [Heading(target), Figures(_figures(snapshot, target, findings))]
    else:
        blocks.append(Words(NOTHING_YET))
    return Section("contrast", "Contrast", [*blocks, *_left_out(record)])


def _tables(findings: Findings) -> list[Block]:
    """Effects as numbers; that there is no interaction is said."""
    shown = findings.shown
    headings = sorted(shown, key=lambda heading: heading != DEPENDS)
    blocks: list[Block] = [_table(capital(name), effect_grid(shown[name])) for name in headings]
    if DEPENDS not in shown:
        blocks.append(Words(NO_PAIRS))
    return [*blocks, Words(effects_note(EFFECTS, findings.asked))] if shown else blocks


def _table(caption: str, grid: Grid) -> Table | Folded:
    """Short tables in view."""
    return Table(caption, grid) if len(grid.rows) <= MOST_LINES else Folded(caption, grid)


def _left_out(record: StudyRecord) -> list[Block]:
    """Levels that a target cannot have."""
    rows = [
        (target, name, why)
        for target, one in record.contrasts.items()
        for name, why in one.left_out.items()
    ]
    grid = Grid(("target", "level", "why"), rows, words=3)
    return [Table("Left out of all cells of a target", grid)] if rows else []


def _figures(snapshot: Snapshot, target: str, findings: Findings) -> list[Figure]:
    sets = counted(len(snapshot.record.contrasts[target].sets), "set") + " of fresh seeds"
    found = [_lines(target, findings, sets), _squares(snapshot, target, findings, sets)]
    return [figure for figure in found if figure]


def _lines(target: str, findings: Findings, sets: str) -> Figure | None:
    rows = [
        row for row in findings.simple if row["target"] == target and row["estimate"] is not None
    ]
    if not rows:
        return None
    title, baseline = f"{target}: intermediate rows by initialisation", rows[0]["baseline"]
    words = INTERACTION.format(baseline=baseline, sets=sets)
    effects = [_effect(row) for row in rows]
    return interaction_plot(f"interaction-{target}", title, words, effects, baseline)


def _squares(snapshot: Snapshot, target: str, findings: Findings, sets: str) -> Figure | None:
    cells = _cells(snapshot, findings.cells[target])
    languages = ", ".join(averaged_languages(snapshot.record, target))
    words = CELLS.format(sets=sets, languages=languages)
    title = f"{target}: cells of the contrast"
    return heat_map(f"cells-{target}", title, words, cells) if cells else None


def _effect(row: Row) -> Effect:
    return Effect(
        initialisation=row["averaged_over"],
        level=row["contrasted"],
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        sets=row["n_sets"],
        verdict=row["verdict"],
    )


def _cells(snapshot: Snapshot, scores: CellScores) -> list[HeatCell]:
    """Means over sets, in the plan's order."""
    values: dict[tuple[str, str], list[float]] = {}
    for (cell, _), value in scores.values(
        averaged_languages(snapshot.record, scores.target)
    ).items():
        values.setdefault(cell, []).append(value)
    one = snapshot.record.contrasts[scores.target]
    planned = [(start, name) for name in one.intermediates for start in one.initialisations]
    return [
        HeatCell(*cell, fmean(values[cell]), len(values[cell]))
        for cell in planned
        if cell in values
    ]
