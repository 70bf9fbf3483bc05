"""Rows from a folder in the hub's schemas: generated files, and the real folder where it is."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from spaces.mistakes import PlanError
from spaces.phases import Frozen, Rows, trial_phases
from spaces.settings import Optimisation, Seeds, TransferSetting
from tests.folders import DATA, LABELS, Folder, nli_rows, read, real_source, write
from tests.worlds import study
from trainables.rows import RowError
from trainables.sources.real import RealSource


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder."""
    return Folder(tmp_path)


def test_columns_come_under_our_names(folder: Folder) -> None:
    """A language is a configuration, columns are renamed, items are numbered."""
    write(folder.path, "xnli/de/validation", **nli_rows(4), genre=["x"] * 4)
    assert folder.rows("xnli", "de", "dev") == {
        "item": ["0", "1", "2", "3"],
        "id": ["0", "1", "2", "3"],
        "text": ["p0", "p1", "p2", "p3"],
        "text_pair": ["h0", "h1", "h2", "h3"],
        "label": [0, 1, 2, 0],
    }


@pytest.mark.parametrize("names", [LABELS, LABELS[::-1], (LABELS[2], LABELS[0])])
def test_labels_are_mapped_by_name(folder: Folder, names: tuple[str, ...]) -> None:
    """Whatever numbers a data set gives its labels, ours follow the task's order."""
    said = ["contradiction", "entailment", "contradiction"]
    labels = [names.index(name) for name in said]
    write(
        folder.path,
        "sick/default/train",
        names,
        sentence_A=["a", "b", "c"],
        sentence_B=["d", "e", "f"],
        label=labels,
    )
    assert folder.rows("sick", "en", "train")["label"] == [2, 0, 2]


def test_unknown_label_names_are_refused(folder: Folder) -> None:
    """A label that the task does not know is named, not numbered."""
    write(folder.path, "xnli/de/validation", ("entailment", "maybe"), **nli_rows(2))
    with pytest.raises(RowError, match="maybe"):
        folder.rows("xnli", "de", "dev")


@pytest.mark.parametrize("label", [-1, 3, 9])
def test_a_label_out_of_range_is_refused(folder: Folder, label: int) -> None:
    """The first row with such a label is named, whether or not the column has class labels."""
    rows = nli_rows(5)
    rows["label"][3] = label
    for names in ((), LABELS) if label == -1 else ((),):
        write(folder.path, f"xnli/{'de' if names else 'fr'}/validation", names, **rows)
        with pytest.raises(RowError, match=f"row 3: label {label} "):
            folder.rows("xnli", "de" if names else "fr", "dev")


@pytest.mark.parametrize("labels", [["0", "1"], [None, 1], [0.0, 1.0]])
def test_labels_that_are_no_integers_are_refused(folder: Folder, labels: list[Any]) -> None:
    """Names without class labels, gaps and fractions are not guessed at."""
    write(folder.path, "xnli/de/validation", (), **{**nli_rows(2), "label": labels})
    with pytest.raises(RowError, match="row 0: label"):
        folder.rows("xnli", "de", "dev")


@pytest.mark.parametrize("text", ["", "  \n", None])
@pytest.mark.parametrize("column", ["premise", "hypothesis"])
def test_an_empty_text_is_refused(folder: Folder, column: str, text: str | None) -> None:
    """A row without words is named by number and by column."""
    rows = nli_rows(4)
    rows[column][2] = text
    write(folder.path, "xnli/de/validation", **rows)
    ours = {"premise": "text", "hypothesis": "text_pair"}[column]
    with pytest.raises(RowError, match=f"row 2: column '{ours}' is empty"):
        folder.rows("xnli", "de", "dev")


def test_a_missing_column_is_named(folder: Folder) -> None:
    """The message says which column is missing and which there are."""
    rows = nli_rows(2)
    del rows["hypothesis"]
    write(folder.path, "xnli/de/validation", **rows)
    with pytest.raises(RowError, match=r"no column 'hypothesis'.*'premise', 'label'"):
        folder.rows("xnli", "de", "dev")


def test_what_is_not_there_is_named(folder: Folder) -> None:
    """An absent file is named with its path, an absent split with its task."""
    with pytest.raises(RowError, match=r"xnli/de/validation.parquet is absent"):
        folder.source.revision("xnli", "de", "dev")
    with pytest.raises(RowError, match="'mnli' names no data set with a 'test' split"):
        folder.source.revision("mnli", "en", "test")


def test_a_cap_draws_the_same_rows_for_the_same_seed(folder: Folder) -> None:
    """Rows below a cap follow the rows seed, keep their order, and are all there without need."""
    write(folder.path, "xnli/de/validation", **nli_rows(50))
    first, again, other = (
        folder.rows("xnli", "de", "dev", cap=10, seed=seed)["item"] for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len(set(first)) == 10 and first == sorted(first, key=int)
    whole = folder.rows("xnli", "de", "dev", cap=50)
    assert whole == folder.rows("xnli", "de", "dev")
    capped = folder.rows("xnli", "de", "dev", cap=10)
    assert capped["text"] == [f"p{item}" for item in capped["item"]]


def test_a_cap_keeps_the_same_items_in_every_language(folder: Folder) -> None:
    """Parallel sets stay parallel below a cap; training and scored rows are drawn apart."""
    for code in ("de", "fr"):
        write(folder.path, f"xnli/{code}/validation", **nli_rows(40, code))
    items = [folder.rows("xnli", code, "dev", cap=12)["item"] for code in ("de", "fr")]
    assert items[0] == items[1]
    write(folder.path, "xnli/de/test", **nli_rows(40, "de"))
    assert folder.rows("xnli", "de", "test", cap=12)["item"] != items[0]


def test_a_changed_file_is_refused(folder: Folder) -> None:
    """Rows that are not those that were frozen are not read, even if they are as many."""
    write(folder.path, "xnli/de/validation", **nli_rows(4))
    frozen = Rows(
        task="xnli",
        language="de",
        split="dev",
        revision=folder.source.revision("xnli", "de", "dev"),
    )
    assert folder.source.rows(frozen)["text"][0] == "p0"
    write(folder.path, "xnli/de/validation", **nli_rows(4, "q"))
    with pytest.raises(RowError, match="not what the study froze"):
        folder.source.rows(frozen)


def test_the_revision_follows_the_content_not_the_place(tmp_path: Path) -> None:
    """Equal files in two folders share their phases; another row makes another revision."""
    revisions = []
    for place, word in (("a", "p"), ("b", "p"), ("c", "q")):
        folder = Folder(tmp_path / place)
        write(folder.path, "xnli/de/validation", **nli_rows(4, word))
        revisions.append(folder.source.revision("xnli", "de", "dev"))
    assert revisions[0] == revisions[1] != revisions[2]


@pytest.mark.parametrize(
    "changed",
    [
        {"columns": {"text": "hypothesis", "text_pair": "premise"}},
        {"labels": ["neutral", "entailment", "contradiction"]},
    ],
)
def test_another_reading_of_a_file_is_another_revision(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    """A user's row that reads the same file differently never finds the other reading's phases."""
    row = {"name": "mine", "like": "sick", "folder": "mine"}
    row |= {"columns": {"text": "premise", "text_pair": "hypothesis"}}
    folders = [Folder(tmp_path, row), Folder(tmp_path, {**row, **changed})]
    write(folders[0].path, "mine/default/train", **nli_rows(4))
    tables = [folder.rows("mine", "en", "train") for folder in folders]
    assert tables[0] != tables[1]
    revisions = [folder.source.revision("mine", "en", "train") for folder in folders]
    assert revisions[0] != revisions[1]


def test_a_plan_freezes_what_it_needs_or_says_what_is_missing(tmp_path: Path) -> None:
    """Freezing takes the revision of every needed file; absent ones are mistakes with paths."""
    folder = Folder(tmp_path)
    codes = ("en", "de", "fr", "sw", "zh")
    for code in codes[:-1]:
        write(folder.path, f"xnli/{code}/validation", **nli_rows(9))
    write(folder.path, "multi_nli/default/train", **nli_rows(9))
    space = {"initialisations": ["mine"], "source_languages": [["en"]], "mixture": None}
    tables: dict[str, Any] = {
        "space": space,
        "targets": {"languages": list(codes)},
        "initialisation": [{"name": "mine", "path": str(tmp_path / "none")}],
    }
    with pytest.raises(PlanError) as caught:
        study(str(folder.path), **tables)
    told = str(caught.value)
    assert "zh/validation.parquet" in told and "none has no config.json" in told
    assert caught.value.mistakes[1:] and len(caught.value.mistakes) == 2


# The real folder


@pytest.fixture(scope="module")
def real() -> RealSource:
    """The folder of real data sets."""
    return real_source()


def test_real_dev_rows_are_parallel(real: RealSource) -> None:
    """XNLI's dev rows in three languages are the same items with the same labels."""
    tables = [read(real, "xnli", code, "dev") for code in ("en", "sw", "zh")]
    assert tables[0]["label"] == tables[1]["label"] == tables[2]["label"]
    assert len({tuple(table["item"]) for table in tables}) == 1
    assert len({table["text"][0] for table in tables}) == 3
    counts = Counter(tables[0]["label"])
    assert set(counts) == {0, 1, 2} and max(counts.values()) <= 1.1 * min(counts.values())


def test_real_dev_rows_are_the_files_own(real: RealSource, tmp_path: Path) -> None:
    """Texts and label names are what pyarrow reads from the file without us."""
    table = read(real, "xnli", "en", "dev")
    raw = pq.read_table(DATA / "xnli" / "en" / "validation.parquet").to_pydict()
    assert (table["text"], table["text_pair"]) == (raw["premise"], raw["hypothesis"])
    features = Dataset.from_parquet(
        str(DATA / "xnli" / "en" / "validation.parquet"), cache_dir=str(tmp_path)
    ).features
    names = getattr(features["label"], "names", LABELS)
    assert [LABELS[label] for label in table["label"]] == [names[n] for n in raw["label"]]


def test_real_training_rows_are_whole(real: RealSource) -> None:
    """Every training row of the revised SNLI passes the checks and holds all three labels."""
    table = read(real, "snli_cad", "en", "train")
    assert set(table) == {"item", "id", "text", "text_pair", "label"}
    assert len({len(values) for values in table.values()}) == 1
    assert len(table["item"]) > 1000 and set(table["label"]) == {0, 1, 2}


def test_revisions_enter_the_keys(tmp_path: Path) -> None:
    """The same setting on another file of the same name trains another target phase."""
    optimisation = Optimisation(learning_rate=1e-5, steps=3)
    setting = TransferSetting(initialisation="own", source_languages=("en",), target=optimisation)
    keys = []
    for word in ("p", "q"):
        folder = Folder(tmp_path / word)
        write(folder.path, "multi_nli/default/train", **nli_rows(9, word))
        revisions = {"own": "r", "mnli/en/train": folder.source.revision("mnli", "en", "train")}
        frozen = Frozen(
            catalogue=folder.catalogue, revisions=revisions, dtype="fp32", scored={"xnli": ()}
        )
        phases = trial_phases(frozen, "xnli", setting, Seeds.all_equal(1))
        keys.append([phase.key for phase in phases])
    assert [one == other for one, other in zip(*keys, strict=True)] == [True, False, False]
