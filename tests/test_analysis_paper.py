"""Tables that a paper can cite: what is in a cell, what is escaped, what the caption owns up to."""

import re
from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis.paper import latex, paper_table, provenance
from spaces.layout import StoreError, StudyPaths
from tests.analysis_world import World, small_study
from tests.plans import frozen

EFFECTS = pd.DataFrame(
    {
        "study": ["small"] * 4,
        "target": ["xnli", "xnli", "xcopa", "xcopa"],
        "contrasted": ["qa:esho & nli:fanu", "nli_x > 50%", "a{b}~c^d\\e", "[first]"],
        "estimate": [1.25, -0.04, 3.0, None],
        "low": [0.5, -1.0, 3.0, None],
        "high": [2.0, 0.92, 3.0, None],
        "p_holm": [0.0004, 0.5, 0.0123, None],
        "verdict": ["better", "no different", "better", "not enough evidence"],
        "n_sets": [5, 5, 5, 1],
        "level": [0.95] * 4,
        "covers": ["seeds"] * 4,
    }
).convert_dtypes(infer_objects=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The study of ``tests/analysis_world.py``."""
    return small_study(tmp_path)


def lines(table: str) -> list[list[str]]:
    """Cells of the body of a LaTeX table."""
    body = table.split(r"\midrule")[1].split(r"\bottomrule")[0]
    rows = [row for row in body.split(r" \\") if row.strip()]
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", row)] for row in rows]


def test_cells_hold_estimates_with_their_intervals() -> None:
    """Signs on differences, ends beside what they bound, small p-values told as such, dashes."""
    rows = lines(paper_table(EFFECTS, caption="x", columns=["estimate", "p_holm", "n_sets"]))
    assert rows == [
        ["+1.2 {[}0.5, 2.0{]}", "$<$0.001", "5"],
        ["$-$0.0 {[}$-$1.0, 0.9{]}", "0.500", "5"],
        ["+3.0 {[}3.0, 3.0{]}", "0.012", "5"],
        ["--", "--", "1"],
    ]
    two = lines(paper_table(EFFECTS, caption="x", columns=["estimate"], decimals=2))
    assert two[0] == ["+1.25 {[}0.50, 2.00{]}"]


def test_latex_is_escaped_and_whole() -> None:
    """No name can break a table: every special sign is escaped, braces and columns balance."""
    table = paper_table(EFFECTS, caption="A caption of mine with $x_1$", label="tab:effects")
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:effects}"):
        assert table.count(part) == 1
    assert r"\caption{A caption of mine with $x_1$}" in table
    rows = lines(table)
    assert len(rows) == 4 and len({len(row) for row in rows}) == 1
    place = next(n for n, cell in enumerate(rows[0]) if "esho" in cell)
    assert [row[place] for row in rows] == [
        r"qa:esho \& nli:fanu",
        r"nli\_x $>$ 50\%",
        r"a\{b\}\textasciitilde{}c\textasciicircum{}d\textbackslash{}e",
        "{[}first{]}",
    ]
    plain = re.sub(r"\\[\\&%$#_{}]", "", table)
    assert plain.count("{") == plain.count("}") and plain.count("$") % 2 == 0
    columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", table)
    assert columns and len(columns[1]) == len(rows[0])


def test_markdown_is_escaped_and_whole() -> None:
    """As many cells in each line as there are headings, whatever names hold."""
    frame = pd.DataFrame({"a|b": ["x|y", "*z*_", "line\nbreak"], "value": [1.0, 2.0, None]})
    head, rule, *rows = paper_table(frame, "markdown", caption="Mine").splitlines()[2:]
    assert (head, rule) == (r"| a\|b | value |", "| --- | ---: |")
    assert rows == [r"| x\|y | 1.0 |", r"| \*z\*\_ | 2.0 |", "| line break | - |"]


def test_the_best_is_bold_within_groups() -> None:
    """One best in all, or one in each group; equals share it, and NA is never best."""
    options = {"caption": "x", "columns": ["target", "estimate"], "best": "estimate"}
    bold = [r"\textbf" in row[1] for row in lines(paper_table(EFFECTS, **options))]
    assert bold == [False, False, True, False]
    bold = [r"\textbf" in r[1] for r in lines(paper_table(EFFECTS, within=["target"], **options))]
    assert bold == [True, False, True, False]
    same = pd.DataFrame({"score": [2.0, 2.0, None]}, dtype="Float64")
    table = paper_table(same, "markdown", caption="x", best="score")
    assert table.splitlines()[-3:] == ["| **2.0** |", "| **2.0** |", "| - |"]


def test_rows_stand_as_the_frame_has_them() -> None:
    """An index that is sorted or cut moves no bold and loses no row."""
    some = EFFECTS.sort_values("estimate", ascending=False).iloc[:3]
    options = {"caption": "x", "columns": {"target": "Target", "estimate": "Gain"}}
    table = paper_table(some, best="estimate", **options)
    assert r"Target & Gain \\" in table
    assert [r"\textbf" in row[1] for row in lines(table)] == [True, False, False]


def test_columns_of_a_frame_are_chosen_where_none_are_named(world: World) -> None:
    """Frames of this package give a table of their usual columns, hyperparameters readable."""
    best = analysis.best_settings("small", root=world.root)
    rows = lines(paper_table(best, root=world.root))
    setting = world.setting("intermediate").setting_id
    names = ["xnli", r"held\_out\_languages", setting, "oracle-text", "qa:esho", "62.0"]
    assert rows == [[*names, "66.5", "64.0", "+6.5", "+4.5"]]
    rates = paper_table(best, root=world.root, columns=["target_learning_rate"])
    assert lines(rates) == [["0.002"]]


def test_captions_own_up(world: World) -> None:
    """Study, world, selection, seeds, what intervals hold over, and the banner of a miniature."""
    said = provenance(EFFECTS, world.root)
    for part in ("Study small", "world oracle", "held_out_languages", "5 sets of seeds (seed 7)"):
        assert part in said
    assert "Intervals: 95 per cent, over seeds." in said
    assert "DEMONSTRATION, NOT EVIDENCE" in said
    assert latex(said) in paper_table(EFFECTS, root=world.root)
    searched = provenance(analysis.best_settings("small", root=world.root), world.root)
    assert "1 set of seeds" in searched and "Intervals" not in searched


def test_captions_say_how_many_sets_a_contrast_has(tmp_path: Path) -> None:
    """Where no row counts its sets, the plan does: a contrast's own, one as soon as it searches."""
    for trials, words in ((0, "4 sets"), (5, "1 set")):
        changes = {"contrast": {"seeds": 4}, "budget.trials_per_target": trials}
        record = frozen({**changes, "study.name": f"cells{trials}"})
        record.write(StudyPaths(tmp_path, record.name))
        cells = pd.DataFrame({"study": [record.name], "score": [50.0]})
        assert f"{words} of seeds" in provenance(cells, tmp_path)


def test_bad_arguments_are_named(world: World) -> None:
    """One message each: what was asked, and what there is."""
    with pytest.raises(ValueError, match=r"form='latx'.*latex"):
        paper_table(EFFECTS, "latx", root=world.root)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"no column 'verdickt'.*verdict"):
        paper_table(EFFECTS, columns=["verdickt"], root=world.root)
    with pytest.raises(ValueError, match="no column 'scor'"):
        paper_table(EFFECTS, best="scor", root=world.root)
    with pytest.raises(ValueError, match="names no study"):
        paper_table(EFFECTS.drop(columns="study"), root=world.root)
    with pytest.raises(StoreError, match="small"):
        paper_table(EFFECTS, root=world.root / "elsewhere")


def test_an_empty_frame_is_a_table_without_rows() -> None:
    """No row, no error: the heading stands alone."""
    for form in ("latex", "markdown"):
        table = paper_table(EFFECTS.iloc[:0], form, caption="x", columns=["target", "estimate"])
        assert "target" in table and "xnli" not in table
