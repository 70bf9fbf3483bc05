"""Leakage classes by hand, on rows that exist and rows like those that intermediates have."""

from dataclasses import replace
from functools import cache

import pytest

from spaces.catalogue import Catalogue
from spaces.leakage import LEAKAGE, PRIMARY, SUPERVISED, is_primary, leakage_classes
from spaces.settings import Mixture, Optimisation, Part, TransferSetting
from spaces.tasks import Task
from spaces.tasks.row import Form, Origin
from tests.folders import real_source
from tests.worlds import setting_of, study
from trainables.sources.readers import READERS
from trainables.sources.real import RealSource
from trainables.sources.sealing import contents

RATE = Optimisation(learning_rate=1e-3, steps=10)


def native(
    name: str,
    form: Form,
    skill: str,
    *languages: str,
    documents: tuple[str, ...] = (),
    collection: str = "",
    origin: Origin = "native",
) -> Task:
    """A row of an intermediate task."""
    return Task(
        name=name,
        form=form,
        skill=skill,
        train_languages=languages,
        documents=documents,
        collection=collection,
        origin=origin,
    )


WIKIPEDIA = ("wikipedia",)

ROWS = (
    native("klue_nli", "classification", "nli", "ko", documents=("news", "wikipedia")),
    native("jnli", "classification", "nli", "ja", documents=("captions",)),
    native("indonli", "classification", "nli", "id", documents=WIKIPEDIA),
    native("farstail", "classification", "nli", "fa"),
    native("ocnli", "classification", "nli", "zh", documents=("news",)),
    native("jaquad", "span", "qa", "ja", documents=WIKIPEDIA),
    native("korquad", "span", "qa", "ko", documents=WIKIPEDIA),
    native("cmrc", "span", "qa", "zh", documents=WIKIPEDIA),
    native("tquad", "span", "qa", "tr", documents=WIKIPEDIA),
    native("sberquad", "span", "qa", "ru", documents=WIKIPEDIA),
    native("iapp", "span", "qa", "th", documents=WIKIPEDIA),
    native("kobest", "choice", "commonsense", "ko"),
    native("jcqa", "choice", "commonsense", "ja"),
    native("masakhaner", "tagging", "ner", "sw", "yo", "am", documents=("news",)),
    native("klue_ner", "tagging", "ner", "ko"),
    native("mnli_mt", "classification", "nli", "de", "zh", collection="mnli", origin="translated"),
    native("squad_twin", "classification", "impossible", "en", collection="squad"),
    native("masked", "masked", "mlm", "de", "ja", documents=WIKIPEDIA),
    native("permuted", "classification", "control", "zh", documents=WIKIPEDIA),
)

REAL = Catalogue.of_world("real")
REAL.tasks.update({row.name: row for row in ROWS if row.name not in REAL.tasks})


def setting(*parts: tuple[str, str], sources: tuple[str, ...] = ("en",)) -> TransferSetting:
    """Some intermediate parts, then rows of some source languages."""
    mixture = Mixture(parts=tuple(Part(task=t, language=m) for t, m in parts), optimisation=RATE)
    trained = {"source_languages": sources, "target": RATE} if sources else {}
    return TransferSetting(initialisation="any", intermediate=(mixture,), **trained)


def found(given: TransferSetting, target: str, catalogue: Catalogue = REAL) -> dict[str, str]:
    """Language -> class, over the target's languages."""
    languages = catalogue.tasks[target].languages
    return {c: n or "none" for c, n in leakage_classes(catalogue, given, target, languages).items()}


@pytest.mark.parametrize(
    ("task", "language", "targets"),
    [
        ("klue_nli", "ko", ["xnli"]),
        ("jnli", "ja", ["xnli"]),
        ("farstail", "fa", ["xnli"]),
        ("jaquad", "ja", ["xquad", "mlqa", "tydiqa"]),
        ("kobest", "ko", ["xcopa"]),
        ("jcqa", "ja", ["xcopa"]),
        ("indonli", "id", ["xnli"]),
        ("masakhaner", "am", ["panx"]),
    ],
)
def test_a_language_that_the_target_lacks_leaks_nowhere(
    task: str, language: str, targets: list[str]
) -> None:
    """L0 in every language of the target."""
    for target in targets:
        assert set(found(setting((task, language)), target).values()) == {"L0"}


@pytest.mark.parametrize(
    ("task", "language", "target", "expected"),
    [
        ("ocnli", "zh", "mlqa", "L1"),
        ("jnli", "ja", "tatoeba", "L1"),
        ("korquad", "ko", "udpos", "L1"),
        ("ocnli", "zh", "xnli", "L2"),
        ("korquad", "ko", "tydiqa", "L2"),
        ("cmrc", "zh", "xquad", "L2"),
        ("cmrc", "zh", "mlqa", "L2"),
        ("tquad", "tr", "xquad", "L2"),
        ("sberquad", "ru", "xquad", "L2"),
        ("sberquad", "ru", "tydiqa", "L2"),
        ("iapp", "th", "xquad", "L2"),
        ("masakhaner", "sw", "panx", "L2"),
        ("masakhaner", "yo", "panx", "L2"),
        ("klue_ner", "ko", "panx", "L2"),
        ("squad", "en", "tydiqa", "L2"),
        ("jaquad", "ja", "mewslix", "L3"),
        ("korquad", "ko", "panx", "L3"),
        ("masked", "de", "xquad", "L3"),
        ("masked", "de", "xnli", "L1"),
        ("permuted", "zh", "xquad", "L3"),
        ("permuted", "zh", "xnli", "L1"),
        ("tydiqa", "ko", "tydiqa", "L4"),
        ("panx", "sw", "panx", "L4"),
        ("udpos", "de", "udpos", "L4"),
        ("mnli_mt", "de", "xnli", "L4"),
        ("xnli_mt", "sw", "xnli", "L4"),
        ("squad", "en", "lareqa", "L4"),
        ("squad_twin", "en", "mlqa", "L4"),
    ],
)
def test_a_cell_in_the_parts_own_language(
    task: str, language: str, target: str, expected: str
) -> None:
    """The class there, and L0 in every other language of the target."""
    classes = found(setting((task, language)), target)
    assert classes.pop(language) == expected
    assert set(classes.values()) == {"L0"}


def test_translations_of_the_targets_items_leak_into_every_language() -> None:
    """Also where the target is not scored in their own."""
    assert set(found(setting(("kor_nli", "ko")), "xnli").values()) == {"L4"}
    assert set(found(setting(("americas_nli", "ay")), "xnli").values()) == {"L4"}


def test_translations_of_training_rows_are_no_translations_of_the_targets_items() -> None:
    """They leak where they are written in the language, and nowhere else.

    MultiNLI in Korean says nothing of XNLI's test items, and XNLI has no Korean.
    """
    assert set(found(setting(("kor_nli_mt", "ko")), "xnli").values()) == {"L0"}
    for task, target in (
        ("xnli_mt", "xnli"),
        ("pawsx", "pawsx"),
        ("mlqa_translate_train", "xquad"),
    ):
        classes = found(setting((task, "de")), target)
        assert classes.pop("de") == "L4" and set(classes.values()) == {"L0"}


def test_one_language_in_two_scripts_is_one() -> None:
    """Questions in traditional Chinese supervise Chinese, whatever the code says."""
    assert found(setting(("drcd", "zh-Hant")), "mlqa")["zh"] == "L2"


@pytest.mark.parametrize(
    ("task", "target"), [("mnli", "xnli"), ("squad", "xquad"), ("social_i_qa", "xcopa")]
)
def test_the_targets_own_rows_are_extra_epochs(task: str, target: str) -> None:
    """In every language alike, beside whatever else; not where the source languages are others."""
    assert set(found(setting((task, "en")), target).values()) == {"same rows"}
    assert set(found(setting((task, "en"), ("klue_ner", "ko")), target).values()) == {"same rows"}
    elsewhere = found(setting((task, "en"), sources=("de",)), target)
    assert "same rows" not in elsewhere.values() and elsewhere.get("en", "L4") == "L4"


def test_a_target_without_training_has_no_rows_of_its_own() -> None:
    """Nothing is the same rows; its data set still is its data set."""
    given = setting(("squad", "en"), ("masked", "de"), sources=())
    classes = found(given, "tatoeba_untuned")
    assert classes.pop("de") == "L1" and set(classes.values()) == {"L0"}


def test_the_first_class_that_a_part_gives_is_the_cells() -> None:
    """Over the parts of all mixtures."""
    first, second = setting(("masked", "de"), ("ocnli", "zh")), setting(("cmrc", "zh"))
    both = replace(first, intermediate=(*first.intermediate, *second.intermediate))
    classes = found(both, "xquad")
    assert (classes["zh"], classes["de"], classes["tr"]) == ("L2", "L3", "L0")


def test_without_an_intermediate_phase_there_is_no_class() -> None:
    """None, which is not L0: nothing was trained in any language."""
    assert set(found(setting(("ocnli", "zh")).without_intermediate, "xnli").values()) == {"none"}


def test_an_empty_collection_is_shared_with_nobody() -> None:
    """Two rows that name no data set are not of one."""
    bare = replace(REAL.tasks["xnli"], collection="", documents=())
    catalogue = replace(REAL, tasks=REAL.tasks | {"xnli": bare})
    assert found(setting(("ocnli", "zh")), "xnli", catalogue)["zh"] == "L2"


def test_the_oracle_world() -> None:
    """Another skill in the language is L1 there, the target's own L2."""
    oracle = study().catalogue
    assert found(setting_of("oracle", "qa"), "xnli", oracle)["esho"] == "L1"
    assert found(setting_of("oracle", "nli"), "xnli", oracle)["esho"] == "L2"


def test_the_primary_analysis_leaves_english_and_supervision_out() -> None:
    """Every class is on one side, and no class makes English count."""
    assert {*PRIMARY, *SUPERVISED} == {*LEAKAGE} and len(LEAKAGE) == 6
    assert [name for name in LEAKAGE if is_primary(name, "zh")] == ["L1", "L0"]
    assert is_primary(None, "esho")
    assert not any(is_primary(name, hub) for name in (None, *LEAKAGE) for hub in ("en", "avel"))


# Real rows

BUILT_IN = Catalogue.of_world("real")

TRAINED = [n for n, row in BUILT_IN.tasks.items() if row.train_languages and row.data]

TARGETS = [name for name, row in BUILT_IN.tasks.items() if row.languages and row.data]


@pytest.fixture(scope="module")
def real() -> RealSource:
    """The folder of real data sets."""
    return real_source()


A_NAME = 12
"""Most letters of a text that two people write alike: a picture's "shrimp" is a tagged sentence."""


@cache
def texts(source: RealSource, task: str, language: str, split: str) -> frozenset[bytes]:
    """Hashes of the text of a part as its file has it, sealed rows included and names aside."""
    row = BUILT_IN.tasks[task]
    assert row.data is not None
    table = READERS[row.data.reader].content(row, source._raw(row, language, split))
    letters = (
        sum(len("".join(v or "")) for v in cells) for cells in zip(*table.values(), strict=True)
    )
    return frozenset(h for h, n in zip(contents(row, table), letters, strict=True) if n > A_NAME)


def shared(source: RealSource, task: str, split: str, target: str, language: str) -> int:
    """How many texts of a part are test text of a target in its language."""
    test = texts(source, target, language, "test")
    return len(texts(source, task, language, split) & test)


def class_of(task: str, target: str, language: str) -> str | None:
    """Class of the cell in the part's own language, of a target that trains in no language."""
    given = setting((task, language), sources=())
    return leakage_classes(BUILT_IN, given, target, [language])[language]


@pytest.mark.parametrize("task", TRAINED)
def test_what_counts_as_unsupervised_shares_no_text(task: str, real: RealSource) -> None:
    """A part of which a row is test text of a target in its language is neither L0 nor L1."""
    languages = BUILT_IN.tasks[task].train_languages
    parts = [(c, s) for c in languages for s in ("train", "dev") if real.has(task, c, s)]
    if not parts:
        pytest.skip(f"the folder has no rows of {task!r}")
    for language, split in parts:
        for target in TARGETS:
            primary = class_of(task, target, language) in PRIMARY
            if primary and language in dict(real.parts(BUILT_IN.tasks[target])):
                found = shared(real, task, split, target, language)
                assert not found, f"{found} texts of {split} rows in {language!r} are {target}'s"


@pytest.mark.parametrize(
    ("task", "split", "target", "language"),
    [
        ("tydiqa", "train", "tydiqa", "ko"),
        ("tydiqa", "train", "tydiqa", "sw"),
        ("squad", "dev", "xquad", "en"),
        ("squad", "dev", "lareqa", "en"),
        ("udpos", "train", "udpos", "en"),
    ],
)
def test_shared_text_is_found_and_supervised(
    task: str, split: str, target: str, language: str, real: RealSource
) -> None:
    """Parts that are known to hold test text; without them the promise above would say nothing."""
    assert shared(real, task, split, target, language) > 0
    assert class_of(task, target, language) in SUPERVISED
