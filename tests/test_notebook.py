"""The notebook of ``examples/notebooks``: run as it stands, on a study of the oracle world."""

from pathlib import Path
from statistics import fmean, stdev

import nbformat
import pytest
from nbclient import NotebookClient
from scipy import stats

from analysis import contrast_cells
from tests.plans import HOME, frozen
from tests.studies import driven

NOTEBOOK = HOME / "examples" / "notebooks" / "study-to-paper.ipynb"

PLAN = {
    "targets.tasks": ["xnli"],
    "budget.trials_per_target": 0,
    "contrast": {"seeds": 3, "intermediates": ["none", "nli:esho", "qa:fanu"]},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two initialisations by three intermediates under three sets of seeds."""
    root = tmp_path_factory.mktemp("root")
    driven(frozen(PLAN), root)
    return root


@pytest.fixture(scope="module")
def out(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the notebook wrote."""
    out = tmp_path_factory.mktemp("out")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"STUDY": "first", "ROOT": root, "OUT": out, "PYTHONPATH": HOME}.items():
            patch.setenv(name, str(value))
        patch.setenv("MPLBACKEND", "agg")
        NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(out)}}).execute()
    return out


def test_it_is_committed_clean() -> None:
    """No outputs, no counters: a change of it shows what changed. Ten cells of code."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) == 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_it_writes_the_table_and_the_figure(out: Path) -> None:
    """From a study to files that a paper includes."""
    table = (out / "gains.tex").read_text(encoding="utf-8")
    assert r"\toprule" in table and r"\label{tab:gains}" in table
    assert "Study first: world oracle" in table and "DEMONSTRATION, NOT EVIDENCE" in table
    assert "oracle-multimodal" in (out / "depends.tex").read_text(encoding="utf-8")
    assert (out / "gains.pdf").read_bytes().startswith(b"%PDF")
    assert (out / "gains.png").stat().st_size > 10_000


def test_its_numbers_are_those_of_the_study(root: Path, out: Path) -> None:
    """A cell of its table is the mean gain over sets, with Student's interval, worked out apart."""
    cells = contrast_cells("first", root=root)
    mine = cells[cells["initialisation"] == "oracle-text"]
    mine = mine[~mine["language"].isin(["avel", "fanu"])]  # the hub, and what qa:fanu has seen
    value = mine.set_index(["intermediate", "replicate", "language"])["score"]
    codes, sets = set(mine["language"]), sorted(set(mine["replicate"]))
    assert len(codes) > 2 and len(sets) == 3
    gains = [
        fmean(value["qa:fanu", n, code] - value["none", n, code] for code in codes) for n in sets
    ]
    mean, half = fmean(gains), stats.t.ppf(0.975, len(sets) - 1) * stdev(gains) / len(sets) ** 0.5
    table = (out / "gains.tex").read_text(encoding="utf-8")
    plain = table.replace("$-$", "-").replace("{[}", "[").replace("{]}", "]")
    (line,) = (row for row in plain.splitlines() if "oracle-text & qa:fanu" in row)
    assert f"{mean:+.1f} [{mean - half:.1f}, {mean + half:.1f}]" in line
