"""Every intermediate task whose files are there, read as a study reads it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Features

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from spaces.tasks import DataSet
from spaces.tasks.intermediate import INTERMEDIATE
from tests.folders import DATA, read, real_source
from trainables.rows import RowError
from trainables.sources.folder import Folder as Shelf
from trainables.sources.hub import HubShelf
from trainables.sources.real import RealSource
from trainables.sources.shelf import named

REAL = Catalogue.of_world("real")

WITHOUT_FILES = {
    "snli",
    "qqp",
    "ccg",
    "farstail",
    "afqmc",
    "korquad",
    "klue_mrc",
    "viquad2",
    "sberquad",
    "xnli_mt",
    "mlqa_translate_train",
    "kor_nli_mt",
}
"""Sets that the folder of samples does not hold."""

LANGUAGES_THERE = {"masakhaner2": 8}
"""Where the folder holds some of a row's languages alone."""

UNLABELLED = {"xvnli": 14}
"""Rows of each part that have no gold label."""

WITH_TEST_TEXT = {"squad_v2", "masakhaner", "masakhaner2"}
"""SQuAD's dev paragraphs are XQuAD's; a few short news lines are of other targets too."""

FLAWED = {("parsinlu_rc", "fa", "test"): 1, ("americas_nli", "nah", "dev"): 3}
"""Parts with rows that break a rule: an empty answer, empty premises."""


@pytest.fixture(scope="module")
def real() -> RealSource:
    """The folder of real data sets; a bad row stops it."""
    return real_source()


def data_of(task: str) -> DataSet:
    """The data set of a real row."""
    data = REAL.tasks[task].data
    assert data is not None
    return data


def parts(task: str, source: RealSource) -> list[tuple[str, str]]:
    """(language, split) of every part that is there."""
    row = REAL.tasks[task]
    splits = [(code, split) for code in row.train_languages for split in data_of(task).splits]
    return [part for part in splits if source.has(task, *part)]


def file_of(task: str, code: str, split: str) -> Path:
    """The file of a part."""
    data = data_of(task)
    config = named(data.config, data, REAL.languages[code])
    return DATA / data.folder / config / f"{data.splits[split]}.parquet"


def left_out(source: RealSource, task: str, code: str, split: str) -> int:
    """Rows of a part that hold test text."""
    found = source.left_out(Rows(task=task, language=code, split=split, revision=""))
    assert set(found) <= {"sealed"}
    return sum(found.values())


THERE = [row.name for row in INTERMEDIATE if row.name not in WITHOUT_FILES]


@pytest.mark.parametrize("task", THERE)
def test_every_part_is_read_without_a_flaw(task: str, real: RealSource) -> None:
    """Not one row breaks a rule of its form; what is left out holds test text of a target."""
    found = [part for part in parts(task, real) if (task, *part) not in FLAWED]
    languages = {code for code, _ in found}
    assert len(languages) == LANGUAGES_THERE.get(task, len(REAL.tasks[task].train_languages))
    for code, split in found:
        out = left_out(real, task, code, split)
        assert not out or task in WITH_TEST_TEXT, (code, split, out)
        table = read(real, task, code, split)
        assert len({len(values) for values in table.values()}) == 1
        rows = pq.read_metadata(file_of(task, code, split)).num_rows
        assert len(table["item"]) + out == rows - UNLABELLED.get(task, 0)


@pytest.mark.parametrize(("task", "code", "split"), FLAWED)
def test_a_flawed_part_is_refused_or_read_without_its_flaws(
    task: str, code: str, split: str, real: RealSource
) -> None:
    """Real flaws of real sets: a study skips them if it says so."""
    asked = Rows(task=task, language=code, split=split, revision="")
    with pytest.raises(RowError, match="is empty or not text"):
        real.left_out(asked)
    skipping = RealSource(Shelf(DATA), REAL, "skip", sealed=())
    assert skipping.left_out(asked) == {"flawed": FLAWED[task, code, split]}


@pytest.mark.parametrize("task", sorted(WITHOUT_FILES - {"ccg"}))
def test_a_set_that_is_not_there_is_said_to_be_absent(task: str, real: RealSource) -> None:
    """The message names the file that would be read."""
    code = REAL.tasks[task].train_languages[0]
    assert not real.has(task, code, "train")
    with pytest.raises(RowError, match=r"train\.parquet is absent"):
        real.revision(task, code, "train")


@pytest.mark.parametrize(
    ("task", "code", "piece"),
    [
        ("masakhaner", "sw", "swa/train"),
        ("masakhaner2", "tw", "twi/train"),
        ("americas_nli", "ay", "aym/validation"),
        ("mlqa_translate_train", "vi", "mlqa-translate-train.vi/train"),
        ("xnli_mt", "bg", "bg/train"),
        ("drcd", "zh-Hant", "drcd/train"),
        ("anli_r2", "en", "plain_text/train_r2"),
    ],
)
def test_configurations_on_the_hub_are_spelled_its_way(task: str, code: str, piece: str) -> None:
    """What ``fetch`` asks for."""
    data = data_of(task)
    found = HubShelf({}).piece(data, REAL.languages[code], data.splits["train"])
    assert str(found) == piece


def names_of(file: Path, column: str) -> list[str]:
    """Names of a file's class labels, at the end of a path of fields and lists."""
    feature: Any = Features.from_arrow_schema(pq.read_schema(file))
    for name in column.split("."):
        feature = feature[name]
    return list(getattr(feature, "feature", feature).names)


def flat(values: list[Any]) -> list[Any]:
    """Labels, or those of all words."""
    return [v for value in values for v in (value if isinstance(value, list) else [value])]


NUMBERED = {
    "ocnli": ("zh", "label"),
    "klue_nli": ("ko", "label"),
    "indonli": ("id", "label"),
    "jnli": ("ja", "label"),
    "bbc_hindi_nli": ("hi", "label"),
    "kor_nli": ("ko", "label"),
    "americas_nli": ("ay", "label"),
    "anli_r1": ("en", "label"),
    "klue_sts": ("ko", "labels.binary-label"),
    "kobest_boolq": ("ko", "label"),
    "klue_ner": ("ko", "ner_tags"),
    "nergrit": ("id", "ner_tags"),
    "masakhaner": ("am", "ner_tags"),
    "masakhaner2": ("tw", "ner_tags"),
    "masakhapos": ("yo", "upos"),
}
"""A language with files, and the column of class labels: numbered in each set's own order."""

SAID_AS = {"negative": "different", "positive": "paraphrase", "False": "no", "True": "yes"}
SAID_AS |= {"LC": "LOC", "OG": "ORG", "PS": "PER"}
SAID_AS |= {"PERSON": "PER", "ORGANISATION": "ORG", "PLACE": "LOC"}


def said_as(name: str) -> str:
    """A set's name of a label as ours."""
    begin, dash, kind = name.partition("-")
    if name == "_":
        return "X"
    if dash and begin in "BI":
        return "O" if kind in ("DATE", "DT", "QT", "TI") else f"{begin}-{SAID_AS.get(kind, kind)}"
    return SAID_AS.get(name, name)


@pytest.mark.parametrize("task", NUMBERED)
def test_labels_keep_their_names(task: str, real: RealSource) -> None:
    """As many rows, or words, of each label as the file has of its name; none of them rare."""
    code, column = NUMBERED[task]
    split = "dev" if task != "masakhapos" else "train"
    file = file_of(task, code, split)
    name, *inner = column.split(".")
    raw = pq.read_table(file).column(name).to_pylist()
    raw = [row[inner[0]] for row in raw] if inner else raw
    theirs = names_of(file, column)
    counted = Counter(said_as(theirs[label]) for label in flat(raw))
    row = REAL.tasks[task]
    table = read(real, task, code, split)
    ours = Counter(row.labels[v] for v in flat(table.get("label") or table["tags"]))
    assert not left_out(real, task, code, split) and ours == counted
    if row.form == "classification":
        assert set(ours) == set(row.labels)
        assert min(ours.values()) >= len(raw) / (3 * len(row.labels))


def test_chinese_labels_are_not_english_ones(real: RealSource) -> None:
    """OCNLI's first integer is neutral: a row that everybody can judge."""
    file = file_of("ocnli", "zh", "dev")
    assert names_of(file, "label") == ["neutral", "entailment", "contradiction"]
    raw = pq.read_table(file).to_pylist()
    table = read(real, "ocnli", "zh", "dev")
    ours = {0: 1, 1: 0, 2: 2}  # neutral and entailment change places
    assert table["label"] == [ours[row["label"]] for row in raw]


def test_japanese_labels_are_not_english_ones(real: RealSource) -> None:
    """JNLI's second integer is contradiction."""
    raw = pq.read_table(file_of("jnli", "ja", "dev")).to_pylist()
    ours = {0: 0, 1: 2, 2: 1}
    assert read(real, "jnli", "ja", "dev")["label"] == [ours[row["label"]] for row in raw]


RIGHT = {
    "commonsense_qa": ("en", lambda r: r["choices"]["text"]["ABCDE".index(r["answerKey"])]),
    "hellaswag": ("en", lambda r: r["endings"][int(r["label"])]),
    "cosmos_qa": ("en", lambda r: r[f"answer{r['label']}"]),
    "jcommonsenseqa": ("ja", lambda r: r[f"choice{r['label']}"]),
    "kobest_copa": ("ko", lambda r: r[f"alternative_{r['label'] + 1}"]),
    "kobest_hellaswag": ("ko", lambda r: r[f"ending_{r['label'] + 1}"]),
    "parsinlu_mc": ("fa", lambda r: r["candidates"][int(r["answer"]) - 1]),
}
"""What the file says is right; ``int`` reads Persian digits too."""


@pytest.mark.parametrize("task", RIGHT)
def test_the_right_choice_is_the_set_s_own(task: str, real: RealSource) -> None:
    """However a set says which one it is: by letter, digit, name or place; no place is rare."""
    code, right = RIGHT[task]
    raw = pq.read_table(file_of(task, code, "train")).to_pylist()
    table = read(real, task, code, "train")
    chosen = [c[label] for c, label in zip(table["choices"], table["label"], strict=True)]
    assert chosen == [right(row) for row in raw]
    places = Counter(table["label"])
    assert len(places) == len(table["choices"][0])
    assert min(places.values()) >= len(raw) / (2 * len(places))


def test_choices_are_asked_as_their_sets_ask(real: RealSource) -> None:
    """KoBEST's cause or effect, in Korean; a question that is the whole text is not read twice."""
    asked = set(read(real, "kobest_copa", "ko", "dev")["question"])
    assert asked == {"무엇이 원인입니까?", "무엇이 결과입니까?"}
    for task, code in (("commonsense_qa", "en"), ("jcommonsenseqa", "ja"), ("parsinlu_mc", "fa")):
        assert set(read(real, task, code, "dev")["question"]) == {""}
    assert "" not in read(real, "cosmos_qa", "en", "dev")["question"]


UNANSWERED = {"squad_v2": ("en", 992), "pquad": ("fa", 489)}
"""Language, and questions without an answer in the dev part."""


@pytest.mark.parametrize("task", [n for n in THERE if REAL.tasks[n].form == "span"])
def test_questions_without_an_answer_are_where_they_belong(task: str, real: RealSource) -> None:
    """In tasks that say so, and in no other."""
    code, count = UNANSWERED.get(task, (REAL.tasks[task].train_languages[0], 0))
    table = read(real, task, code, "dev")
    out = left_out(real, task, code, "dev")
    none = sum(not answers for answers in table["answers"])
    assert count - out <= none <= count
    assert REAL.tasks[task].unanswerable == (task in UNANSWERED)


def test_questions_are_in_the_language_and_their_texts_are_not(real: RealSource) -> None:
    """AfriQA: gold passages in English, French for Fon."""
    raw = pq.read_table(file_of("afriqa", "zu", "dev")).to_pylist()
    table = read(real, "afriqa", "zu", "dev")
    assert table["question"] == [row["question_lang"] for row in raw]
    assert table["answers"] == [row["answer_pivot"]["text"] for row in raw]


def test_parallel_rows_are_the_same_in_every_language(real: RealSource) -> None:
    """XVNLI: one item, one label, whatever the language."""
    tables = [read(real, "xvnli", code, "train") for code in REAL.tasks["xvnli"].train_languages]
    assert all(table["item"] == tables[0]["item"] for table in tables)
    assert all(table["label"] == tables[0]["label"] for table in tables)
    assert len({table["text"][0] for table in tables}) == len(tables)


def test_licences_are_those_of_the_samples_manifest() -> None:
    """Hub id and permission of each set in the folder, but for what stands in the row's comment."""
    manifest = DATA / "MANIFEST.json"
    if not manifest.is_file():
        pytest.skip(f"{manifest} is absent: it is no part of the project")
    said = json.loads(manifest.read_text(encoding="utf-8"))["datasets"]
    made_of_xnli = {"kor_nli", "americas_nli"}
    moved = {"parsinlu_rc"}
    for task in THERE:
        data, about = data_of(task), said[data_of(task).folder]
        assert task in moved or data.hub in (about["hub"] or ""), task
        forbidden = "non-commercial" in about["redistribution"] or task in made_of_xnli
        assert data.commercial is (not forbidden), task
