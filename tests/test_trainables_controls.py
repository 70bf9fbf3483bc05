"""Controls made from other data sets: permuted labels, and sentences with shuffled words."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.catalogue import Catalogue
from spaces.mistakes import PlanError
from spaces.tasks import Task
from tests.folders import Folder, nli_rows, read, real_source, write
from tests.tokenizers import minilm_tokenizer
from tests.worlds import plan
from trainables.forms import FORMS
from trainables.rows import RowError
from trainables.sources.permuting import permuted
from trainables.sources.shuffling import shuffled

PERMUTED = {"name": "permuted", "like": "mnli", "permuted": True, "skill": "control",
            "origin": "control"}  # fmt: skip


def nli_folder(root: Path, *tasks: dict[str, Any], **more: Any) -> Folder:
    """MNLI's training and dev rows, generated."""
    folder = Folder(root, *tasks, **more)
    write(folder.path, "multi_nli/default/train", **nli_rows(60))
    write(folder.path, "multi_nli/default/validation_matched", **nli_rows(30, "q"))
    return folder


# Permuted labels


def test_permuted_rows_have_the_texts_and_labels_of_the_others(tmp_path: Path) -> None:
    """The same texts, as many of each label, and nothing that connects the two."""
    folder = nli_folder(tmp_path, PERMUTED)
    honest, control = (folder.rows(name, "en", "train") for name in ("mnli", "permuted"))
    assert {**control, "label": honest["label"]} == honest
    assert Counter(control["label"]) == Counter(honest["label"])
    agreed = sum(a == b for a, b in zip(control["label"], honest["label"], strict=True))
    assert 8 <= agreed <= 34  # 20 of 60 by chance
    assert folder.rows("permuted", "en", "dev") == folder.rows("mnli", "en", "dev")


def test_permuting_is_in_the_revision_of_training_rows_alone(tmp_path: Path) -> None:
    """A phase on permuted labels never has the key of one on honest labels."""
    source = nli_folder(tmp_path, PERMUTED).source
    assert source.revision("permuted", "en", "train") != source.revision("mnli", "en", "train")
    assert source.revision("permuted", "en", "dev") == source.revision("mnli", "en", "dev")


def test_everybody_permutes_alike(tmp_path: Path) -> None:
    """The permutation follows from the data set, not from a plan's name for it."""
    folder = nli_folder(tmp_path, PERMUTED, {**PERMUTED, "name": "other"})
    assert folder.rows("permuted", "en", "train") == folder.rows("other", "en", "train")
    assert folder.rows("permuted", "en", "train", cap=20)["label"] == [
        label
        for item, label in zip(*(folder.rows("other", "en", "train")[c] for c in ("item", "label")),
                               strict=True)
        if item in folder.rows("permuted", "en", "train", cap=20)["item"]
    ]  # fmt: skip


def test_a_row_without_a_label_keeps_to_itself(tmp_path: Path) -> None:
    """SNLI's -1 stays where it is, so that the rows to skip are the same."""
    folder = Folder(tmp_path, PERMUTED, bad_rows="skip")
    rows = nli_rows(30)
    rows["label"] = [-1 if n % 5 == 0 else label for n, label in enumerate(rows["label"])]
    write(folder.path, "multi_nli/default/train", (), **rows)
    honest, control = (folder.rows(name, "en", "train") for name in ("mnli", "permuted"))
    assert honest["text"] == control["text"] and len(honest["text"]) == 24
    assert Counter(honest["label"]) == Counter(control["label"])


def row(form: Any, *labels: str) -> Task:
    """A task of a form."""
    return Task(name="t", form=form, skill="control", labels=labels, permuted=True)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(2, 5), st.integers(0, 4)), min_size=1, max_size=30),
       st.integers(0, 99))  # fmt: skip
def test_choices_of_different_numbers_keep_labels_in_range(
    drawn: list[tuple[int, int]], seed: int
) -> None:
    """Labels move among rows with as many choices, so each still names one of them."""
    sizes = [size for size, _ in drawn]
    table = {
        "item": [str(n) for n in range(len(drawn))],
        "text": ["a"] * len(drawn),
        "question": [""] * len(drawn),
        "choices": [list("abcde"[:size]) for size in sizes],
        "label": [label % size for size, label in drawn],
    }
    found = permuted(row("choice"), table, seed)
    pairs = [Counter(zip(sizes, t["label"], strict=True)) for t in (table, found)]
    assert pairs[0] == pairs[1]
    assert {**found, "label": table["label"]} == table


def test_tags_move_among_all_words() -> None:
    """Sentences keep their words and lengths, the part its tags; tags cross sentences."""
    lengths = [3, 1, 0, 7, 20]
    table = {
        "item": [str(n) for n in range(5)],
        "words": [[f"w{n}" for n in range(length)] for length in lengths],
        "tags": [[number % 3] * length for number, length in enumerate(lengths)],
    }
    found = permuted(row("tagging", "A", "B", "C"), table, 1)
    assert [len(tags) for tags in found["tags"]] == lengths
    assert found["words"] == table["words"]
    assert Counter(t for r in found["tags"] for t in r) == Counter(
        t for r in table["tags"] for t in r
    )
    assert len(set(found["tags"][-1])) > 1


@pytest.mark.parametrize("form", ["span", "retrieval", "masked"])
def test_forms_without_labels_are_not_permuted(form: str) -> None:
    """The error names the task and the forms that have labels."""
    with pytest.raises(RowError, match=f"'t' is of form '{form}': labels are permuted in classif"):
        permuted(row(form), {"item": []}, 0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"like": "squad"}, "a task of form 'span'"),
        ({"skill": "nli"}, "skill 'nli', as xnli, mnli"),
    ],
)
def test_a_control_that_is_none_is_refused(changes: dict[str, str], told: str, tmp_path) -> None:
    """Labels that cannot be permuted; a head and a skill that honest rows have as well."""
    with pytest.raises(PlanError, match=r"\[\[task\]\] permuted permuted") as refused:
        Folder(tmp_path, PERMUTED | changes)
    assert told in str(refused.value)


def test_a_masked_target_is_refused(tmp_path: Path) -> None:
    """Nothing of it could be scored."""
    mine = {"name": "mine", "like": "masked", "languages": ["avel", "brin"], "recipe": ["masked"]}
    with pytest.raises(
        PlanError, match=r"(?s)'mine', of form 'masked'.*only trained on, in mixtures"
    ):
        Catalogue.for_plan(plan("microworld", task=[mine], targets={"tasks": ["mine"]}))


def test_invented_rows_are_not_permuted_again(tmp_path: Path) -> None:
    """The micro-world has a control of its own; a flag without effect would be a trap."""
    mine = {"name": "mine", "like": "choice", "permuted": True, "skill": "control"}
    with pytest.raises(PlanError, match=r"(?s)invented rows.*own 'permuted'"):
        Catalogue.for_plan(plan("microworld", task=[mine]))


# Real or fake


def fakes(**more: Any) -> dict[str, Any]:
    """A row that makes the control of some data set."""
    return {"name": "fakes", "form": "classification", "skill": "real_or_fake",
            "labels": ["fake", "real"], "reader": "real_or_fake", "origin": "control",
            "splits": {"train": "train", "dev": "validation"}, **more}  # fmt: skip


@settings(deadline=None)
@given(st.text(min_size=0, max_size=40), st.sampled_from(["en", "zh"]))
def test_a_shuffled_text_has_the_same_characters(text: str, language: str) -> None:
    """In another order wherever there is one, spaces in their places, and always the same one."""
    found = shuffled(text, language)
    assert Counter(found) == Counter(text) and found == shuffled(text, language)
    words = text.split()
    if language == "en" and len(words) >= 4:
        assert sorted(found.split()) == sorted(words)
        assert (found != text) == (len(set(words)) > 1)


@pytest.mark.parametrize(
    ("config", "data", "languages", "column"),
    [
        ("en", "xnli", ["en"], "premise"),
        ("zh", "xnli", ["zh"], "premise"),
        ("de", "wikiann", ["de"], "tokens"),
        ("zh", "udpos", ["zh"], "tokens"),
    ],
)
def test_real_sentences_are_shuffled(
    config: str, data: str, languages: list[str], column: str
) -> None:
    """About half of them; the others are as they were, and no row breaks a rule of its form."""
    split = "train" if column == "tokens" else "dev"
    control = fakes(folder=data, columns={"text": column}, train_languages=languages)
    honest = {"wikiann": "panx"}.get(data, data)
    source = real_source(control)
    rows, own = (read(source, name, config, split) for name in ("fakes", honest))
    texts = [" ".join(w) for w in own["words"]] if column == "tokens" else own["text"]
    known = dict(zip(own["item"], texts, strict=True))
    checked = 0
    for item, shown, label in zip(rows["item"], rows["text"], rows["label"], strict=True):
        if item in known:  # the seals of the two tasks need not leave out the same rows
            assert (shown == known[item]) == (label == 1)
            assert Counter(shown) == Counter(known[item])
            checked += 1
    assert checked >= 500 and abs(rows["label"].count(0) / len(rows["label"]) - 0.5) < 0.05
    assert set(rows["text_pair"]) == {None}
    if config == "en":
        words = [sorted(shown.split()) == sorted(known[item].split())
                 for item, shown in zip(rows["item"], rows["text"], strict=True)
                 if len(known[item].split()) >= 4]  # fmt: skip
        assert all(words)


def test_single_texts_are_one_sequence(tmp_path: Path) -> None:
    """A classifier sees a text alone, where its task has no pairs."""
    folder = Folder(tmp_path, fakes(folder="mine", columns={"text": "said"},
                                    train_languages=["en"]))  # fmt: skip
    write(folder.path, "mine/en/train", (), said=[f"this is the sentence {n}" for n in range(20)])
    task, rows = folder.catalogue.tasks["fakes"], folder.rows("fakes", "en", "train")
    assert set(rows["label"]) == {0, 1}
    tokenizer = minilm_tokenizer()
    found = FORMS["classification"].features(task, rows, tokenizer, 32)
    for unit in found.units:
        assert unit["input_ids"][0].count(tokenizer.sep_token_id) == 1


def test_a_task_may_have_single_texts_of_its_own(tmp_path: Path) -> None:
    """``single`` says so; without it, rows of one text are a mistake."""
    given = {"form": "classification", "skill": "mood", "labels": ["bad", "good"], "folder": "mine",
             "columns": {"text": "said"}, "train_languages": ["en"]}  # fmt: skip
    one, two = {"name": "one", "single": True, **given}, {"name": "two", **given}
    folder = Folder(tmp_path, one, two)
    write(folder.path, "mine/en/train", ("bad", "good"), said=["a", "b"], label=[0, 1])
    assert folder.rows("one", "en", "train")["text_pair"] == [None, None]
    with pytest.raises(RowError, match="no column 'text_pair'"):
        folder.rows("two", "en", "train")


def test_inference_never_goes_without_its_second_text(tmp_path: Path) -> None:
    """A hypothesis that is missing stops the part, or the row is left out and counted."""
    rows = nli_rows(6)
    rows["hypothesis"][2] = None
    for bad_rows in ("stop", "skip"):
        folder = Folder(tmp_path / bad_rows, bad_rows=bad_rows)
        write(folder.path, "multi_nli/default/train", (), **rows)
        if bad_rows == "skip":
            assert len(folder.rows("mnli", "en", "train")["item"]) == 5
        else:
            with pytest.raises(RowError, match="row 2: column 'text_pair' is empty or not text"):
                folder.rows("mnli", "en", "train")


def test_other_labels_than_real_and_fake_are_refused(tmp_path: Path) -> None:
    """The reader makes the labels, so it must know which is which."""
    row = fakes(folder="mine", columns={"text": "said"}, labels=["no", "yes"],
                train_languages=["en"])  # fmt: skip
    folder = Folder(tmp_path, row)
    write(folder.path, "mine/en/train", (), said=["a b c d"])
    with pytest.raises(RowError, match=r"'fakes' has labels \('no', 'yes'\), and its reader"):
        folder.rows("fakes", "en", "train")


def test_shuffled_test_text_is_sealed(tmp_path: Path) -> None:
    """A seal looks at a text as it was: a shuffled test sentence is left out of training."""
    folder = Folder(tmp_path, fakes(folder="mine", columns={"text": "tokens"},
                                    train_languages=["en"]))  # fmt: skip
    test = [f"a secret sentence of number {n}".split() for n in range(8)]
    write(folder.path, "udpos/en/test", (), tokens=test, pos_tags=[[0] * 6] * 8)
    write(folder.path, "mine/en/train", (), tokens=[*test, ["an", "open", "one", "of", "mine"]])
    assert len(folder.rows("fakes", "en", "train")["item"]) == 1
