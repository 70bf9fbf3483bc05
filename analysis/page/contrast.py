"""What the planned cells of a contrast say: effects with intervals, and the cells themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from analysis.cell_scores import CellScores, read_cells
from analysis.cells import averaged_languages
from analysis.claims import design_claim
from analysis.comparisons import Comparison, Design, interactions, main_effects
from analysis.effect_rows import Question, effect_rows
from analysis.estimates import OVERALL
from analysis.frames import Row
from analysis.page.blocks import Block, Figure, Figures, Heading, Section, Table, Words
from analysis.page.heat import HeatCell, heat_map
from analysis.page.interaction import Effect, interaction_plot
from analysis.page.words import interval, p_value
from analysis.snapshot import Snapshot
from analysis.tables import Grid
from analysis.wording import ABSENT, counted, gain
from spaces.study import StudyRecord

EFFECTS = (
    "Differences in points, taken set of seeds by set of seeds; 95 % intervals of Student's t over "
    "sets hold for these targets, languages, rows and, where weights are given, weights. p: "
    "two-sided, adjusted by Holm over the lines of this table that have the same kind of target. "
    "verdict: no different is a difference within the margin of {margin:g} points by an "
    "equivalence test. sets needed: of this spread, to settle it. More: `analysis.contrast`, "
    "`analysis.interaction`."
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

    interactions: list[Row]
    starts: list[Row]
    """Main effects of initialisations."""
    simple: list[Row]
    """What each group, or each intermediate, does after one initialisation alone."""
    cells: dict[str, CellScores]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Findings | None":
        """Effects of a study; None where its plan has no contrast."""
        if snapshot.record.plan.contrast is None or snapshot.record.confirms:
            return None
        simple = effect_rows(snapshot, Question(pairs=_simple_effects))
        return cls(
            interactions=effect_rows(snapshot, Question(pairs=_interactions)),
            starts=effect_rows(snapshot, Question(pairs=_starts)),
            # Over targets one name would stand for several initialisations.
            simple=[row for row in simple if row["target"] != OVERALL],
            cells=read_cells(snapshot),
        )


def _interactions(design: Design) -> list[Comparison]:
    return interactions(design, None, None)


def _starts(design: Design) -> list[Comparison]:
    return main_effects(design, "initialisation", None, None)


def _simple_effects(design: Design) -> list[Comparison]:
    """Group by group; where all rows are of one group, intermediate by intermediate."""
    by_group = [e for a in design.initialisations for e in main_effects(design, "group", None, [a])]
    if by_group:
        return by_group
    starts = design.initialisations
    return [e for a in starts for e in main_effects(design, "intermediate", None, [a])]


def effect_grid(rows: Sequence[Row]) -> Grid:
    """One line for each effect."""
    header = ("target", "difference of", "and", "verdict")
    numbers = ("estimate", "95 % interval", "p", "sets", "sets needed")
    cells = [
        (
            *(row["target"], row["contrasted"], row["baseline"], row["verdict"]),
            *(gain(row["estimate"]), interval(row["low"], row["high"]), p_value(row["p_holm"])),
            *(str(row["n_sets"]), str(row["sets_needed"] or ABSENT)),
        )
        for row in rows
    ]
    return Grid((*header, *numbers), cells, words=4)


def leading(rows: Sequence[Row]) -> list[Row]:
    """Over all targets where there are several, else of the one."""
    return [row for row in rows if row["target"] == OVERALL] or list(rows)


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
    titles = {
        "Interaction: differences of differences": findings.interactions,
        "Initialisations, over all intermediates": findings.starts,
    }
    blocks: list[Block] = [Table(t, effect_grid(rows)) for t, rows in titles.items() if rows]
    if not findings.interactions:
        blocks.append(Words(NO_PAIRS))
    if rows := [*findings.interactions, *findings.starts]:
        blocks.append(Words(EFFECTS.format(margin=rows[0]["margin"])))
    return blocks


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
