"""The intermediate tasks of the catalogue against the reference, and what is computed from rows."""

import re
from typing import Any

import pytest

from spaces.catalogue import Catalogue
from spaces.mistakes import PlanError
from spaces.tasks import DataSet, Task
from spaces.tasks.intermediate import INTERMEDIATE
from tests.reference import section
from tests.worlds import plan

REAL = Catalogue.of_world("real")

PHANG = {
    "MNLI": "mnli",
    "QQP": "qqp",
    "SQuAD v2.0": "squad_v2",
    "SQuAD v1.1": "squad",
    "HellaSwag": "hellaswag",
    "CCG": "ccg",
    "Cosmos QA": "cosmos_qa",
    "CommonsenseQA": "commonsense_qa",
}
"""Name in section 1.2 -> ours, but for ANLI+."""

ANLI_PLUS = ("mnli", "snli", "anli_r1", "anli_r2", "anli_r3")

NATIVE = {
    "OCNLI": "ocnli",
    "KLUE-NLI": "klue_nli",
    "FarsTail": "farstail",
    "IndoNLI": "indonli",
    "JNLI (v1.3)": "jnli",
    "HDA / BBC Hindi NLI": "bbc_hindi_nli",
    "KorQuAD 1.0 / 2.0": "korquad",
    "KLUE-MRC": "klue_mrc",
    "CMRC 2018": "cmrc2018",
    "DRCD": "drcd",
    "JaQuAD": "jaquad",
    "JSQuAD": "jsquad",
    "iapp_wiki_qa": "iapp_wiki_qa",
    "ARCD": "arcd",
    "SberQuAD": "sberquad",
    "JCommonsenseQA v1.3": "jcommonsenseqa",
    "AFQMC": "afqmc",
    "KLUE-NER": "klue_ner",
}
"""Name in section 5.1 -> ours, where a line of it holds one set."""

HUB_OF_5_1 = {
    "OCNLI",
    "KLUE-NLI",
    "IndoNLI",
    "KorQuAD 1.0 / 2.0",
    "KLUE-MRC",
    "CMRC 2018",
    "DRCD",
    "JaQuAD",
    "ARCD",
    "SberQuAD",
    "AFQMC",
}
"""Those whose hub id there is certain."""


def data_of(name: str) -> DataSet:
    """The data set of a real row."""
    data = REAL.tasks[name].data
    assert data is not None, name
    return data


def sizes(cell: str) -> set[int]:
    """Numbers of a cell."""
    return {int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", cell)}


def test_the_nine_tasks_of_the_paper_are_there() -> None:
    """Section 1.2: training rows of each, and its hub id where one may be passed on."""
    said = {cells[0]: cells for cells in section("1.2")}
    (others,) = (name for name in said if name.startswith("ANLI+"))
    assert {*PHANG, others} == set(said) - {"task", "---"}
    hubs = " ".join(cells[-1] for cells in said.values())
    for theirs, ours in PHANG.items():
        assert REAL.tasks[ours].train_rows in sizes(said[theirs][1]), ours
        hub = data_of(ours).hub
        assert f"`{hub}`" in hubs if hub else ours == "ccg"


def test_anli_plus_is_five_tasks_under_one_head() -> None:
    """Section 1.2: as many rows as its five sets have together; one skill, one order of labels."""
    (said,) = (cells for cells in section("1.2") if cells[0].startswith("ANLI+"))
    rows = [REAL.tasks[name] for name in ANLI_PLUS]
    assert {row.train_rows for row in rows} <= sizes(said[1])
    assert sum(row.train_rows or 0 for row in rows) == 1_104_934 == max(sizes(said[1]))
    assert {row.head for row in rows} == {"classification-nli-3"}
    assert all(f"`{data_of(name).hub}`" in said[-1] for name in ANLI_PLUS)
    assert [data_of(f"anli_r{n}").splits["train"] for n in (1, 2, 3)] == [
        "train_r1",
        "train_r2",
        "train_r3",
    ]


def plain(licence: str) -> str:
    """A licence as far as spellings agree."""
    return re.sub(r"[^A-Z0-9.]", "", licence.upper())


def test_native_sets_are_those_of_the_reference() -> None:
    """Section 5.1: language, training rows, licence and hub id."""
    said = {cells[1]: cells for cells in section("5.1")}
    for theirs, ours in NATIVE.items():
        row, data, cells = REAL.tasks[ours], data_of(ours), said[theirs]
        assert row.train_languages == (cells[2].split()[0],), ours
        assert row.train_rows in sizes(cells[3]), ours
        assert row.origin == "native"
        if theirs in HUB_OF_5_1:
            assert f"`{data.hub}`" in cells[-1], ours
        if cells[5] != cells[5].lower():  # a name, not "unknown" or a dash
            assert plain(cells[5].split("[")[0]) in plain(data.licence), ours


def test_sets_that_share_a_line_of_the_reference() -> None:
    """Section 5.1: KoBEST's three, and MasakhaNER's languages, by its own codes."""
    (kobest,) = (c for c in section("5.1") if "KoBEST" in c[1])
    for name in ("kobest_copa", "kobest_hellaswag"):
        assert REAL.tasks[name].train_rows in sizes(kobest[3])
    assert f"`{data_of('kobest_boolq').hub}`" in kobest[-1]
    (african,) = (c for c in section("5.1") if c[1] == "MasakhaNER 1")
    theirs = set(african[2].removesuffix("(N)").split())
    assert theirs == set(REAL.tasks["masakhaner"].train_languages)
    assert len(REAL.tasks["masakhaner2"].train_languages) == 20


@pytest.mark.parametrize("row", INTERMEDIATE, ids=lambda row: row.name)
def test_every_row_is_whole(row: Task) -> None:
    """Licence, collection, languages that exist, hyperparameters, and splits to train on."""
    assert row.data is not None and row.data.licence and row.collection
    assert row.train_languages and {*row.train_languages} <= {*REAL.languages}
    assert not row.languages and not row.recipe
    assert "train" in row.data.splits
    assert row.reference is not None and row.train_rows
    assert (row.reference.learning_rate, row.reference.warmup_share) == (1e-5, 0.1)
    assert abs(row.reference.steps * 32 - 3 * row.train_rows) <= 32
    assert {*row.data.spelled} <= {*row.train_languages}
    assert bool(row.labels) == (row.form in ("classification", "tagging") and row.name != "ccg")


def test_names_are_given_once() -> None:
    """A row never hides another."""
    assert len({row.name for row in INTERMEDIATE}) == len(INTERMEDIATE)
    assert len([n for n in REAL.tasks if REAL.tasks[n] in INTERMEDIATE]) == len(INTERMEDIATE)


def test_commercial_use_is_what_licences_say() -> None:
    """Section 7, line 7: OCNLI, ANLI, MasakhaNER are non-commercial, KorQuAD has no derivatives."""
    for name in ("ocnli", "anli_r1", "anli_r2", "anli_r3", "masakhaner", "masakhaner2"):
        assert data_of(name).commercial is False, name
    assert data_of("korquad").commercial is None and "ND" in data_of("korquad").licence
    for name, row in REAL.tasks.items():
        assert row.data is not None
        if re.search(r"-NC\b", row.data.licence):
            assert row.data.commercial is False, name
        elif re.search("not stated|no grant|on request|ND", row.data.licence):
            assert row.data.commercial is None, name
        else:
            assert row.data.commercial is not None, name


# What leakage classes are computed from (section 5.3)


def same_skill(task: str, target: str, code: str) -> bool:
    """Whether rows of a task in a language teach what a target tests there."""
    row, scored = REAL.tasks[task], REAL.tasks[target]
    spoken = {REAL.languages[c].iso3 for c in row.train_languages}
    there = REAL.languages[code].iso3 in spoken and code in scored.languages
    return there and row.skill == scored.skill


@pytest.mark.parametrize(
    ("task", "target", "codes"),
    [
        ("ocnli", "xnli", "zh"),
        ("bbc_hindi_nli", "xnli", "hi"),
        ("korquad", "tydiqa", "ko"),
        ("klue_mrc", "tydiqa", "ko"),
        ("cmrc2018", "xquad", "zh"),
        ("cmrc2018", "mlqa", "zh"),
        ("drcd", "xquad", "zh"),
        ("drcd", "mlqa", "zh"),
        ("sberquad", "xquad", "ru"),
        ("sberquad", "tydiqa", "ru"),
        ("iapp_wiki_qa", "xquad", "th"),
        ("masakhaner", "panx", "sw yo"),
        ("klue_ner", "panx", "ko"),
        ("nergrit", "panx", "id"),
        ("masakhapos", "udpos", "wo yo"),
    ],
)
def test_same_task_in_the_same_language(task: str, target: str, codes: str) -> None:
    """L2: skills say so in these languages and in no other of the target's."""
    found = {code for code in REAL.tasks[target].languages if same_skill(task, target, code)}
    assert found == {*codes.split()}


@pytest.mark.parametrize(
    ("tasks", "targets"),
    [
        ("klue_nli jnli indonli farstail", "xnli"),
        ("jaquad jsquad", "xquad mlqa tydiqa"),
        ("kobest_copa jcommonsenseqa kobest_hellaswag", "xcopa"),
    ],
)
def test_panels_of_languages_a_target_is_not_scored_in(tasks: str, targets: str) -> None:
    """L0: what section 5.4 matches with English sets."""
    for target in targets.split():
        for task in tasks.split():
            shared = {*REAL.tasks[task].train_languages} & {*REAL.tasks[target].languages}
            assert not shared, (task, target)


@pytest.mark.parametrize(
    ("collection", "names"),
    [
        (
            "squad",
            "squad squad_v2 squad_sentences xquad xquad_r lareqa mlqa_translate_train",
        ),
        ("xnli", "xnli xnli_bitext kor_nli americas_nli"),
        ("mnli", "mnli xnli_mt kor_nli_mt"),
        ("snli", "snli snli_cad xvnli"),
        ("copa", "copa xcopa"),
        ("masakhaner", "masakhaner masakhaner2"),
        ("mewslix", "mewslix wikipedia_pairs wikipedia_entities"),
    ],
)
def test_versions_of_one_set_are_one_collection(collection: str, names: str) -> None:
    """L4: rows of one may be rows of another."""
    found = {name for name, row in REAL.tasks.items() if row.collection == collection}
    assert found == {*names.split()}


def test_origins_are_those_of_the_reference() -> None:
    """Section 5.1, last lines: what is translated or parallel, and everything else is native."""
    found: dict[str, set[str]] = {"translated": set(), "parallel": set()}
    for row in INTERMEDIATE:
        if row.origin != "native":
            found[row.origin].add(row.name)
    assert found["translated"] == {"kor_nli", "kor_nli_mt", "americas_nli"}
    assert found["parallel"] == {"xnli_mt", "mlqa_translate_train", "xvnli"}
    assert REAL.tasks["pawsx"].origin == REAL.tasks["xquad"].origin == "parallel"


# Rows that nobody may pass on


def asked(**tables: Any) -> Catalogue:
    """The catalogue of a plan over real targets."""
    own = [{"name": "own", "path": "/nowhere"}]
    mixture = tables.pop("mixture", None)
    space = {"initialisations": ["own"], "source_languages": [["en"]], "mixture": mixture}
    tables = {"targets": {"tasks": ["panx"]}, "space": space, "initialisation": own, **tables}
    return Catalogue.for_plan(plan("/nowhere", **tables))


def test_a_task_without_rows_is_refused_with_the_way_out() -> None:
    """CCGbank: the LDC alone has it."""
    with pytest.raises(PlanError) as refused:
        asked(mixture={"tasks": ["ccg"], "languages": ["en"]})
    assert "LDC2005T13" in str(refused.value)
    assert "like = 'ccg'" in str(refused.value) and "`folder`" in str(refused.value)


def test_a_row_like_it_must_name_its_labels() -> None:
    """No head can be built without them."""
    own: dict[str, Any] = {"name": "supertags", "like": "ccg", "folder": "ccgbank"}
    with pytest.raises(PlanError, match="`labels`: 'ccg' does not know them"):
        asked(task=[own])
    mixture = {"tasks": ["supertags"], "languages": ["en"]}
    row = asked(task=[{**own, "labels": ["N", "NP"]}], mixture=mixture).tasks["supertags"]
    assert row.head == "tagging-ccg-2" and row.data is not None
    assert (row.data.folder, row.data.commercial) == ("ccgbank", False)
