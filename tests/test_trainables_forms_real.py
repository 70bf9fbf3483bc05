"""Forms on real rows in many scripts: right outputs decode to the data set's own answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from spaces.catalogue import Catalogue
from spaces.metrics import score
from spaces.tasks import Task
from tests.tokenizers import minilm_tokenizer
from trainables.forms import FORMS

DATA = Path(__file__).parents[2] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent: no real rows here")

TASKS = Catalogue.of_world("micro").tasks


def table(name: str, rows: int = 60) -> dict[str, list[Any]]:
    """The first rows of a file, as columns."""
    whole = pq.read_table(DATA / f"{name}.parquet").slice(0, rows)
    return {str(column): whole.column(column).to_pylist() for column in whole.column_names}


@pytest.mark.parametrize("language", ["en", "ar", "zh", "hi", "ru"])
def test_real_answers_survive_windows(language: str) -> None:
    """A window that holds an answer gives back its text; short windows still hold nearly all."""
    raw = table(f"xquad/{language}/validation")
    rows = {
        "text": raw["context"],
        "question": raw["question"],
        "answers": [answer["text"] for answer in raw["answers"]],
        "starts": [answer["answer_start"] for answer in raw["answers"]],
    }
    for context, answers, starts in zip(rows["text"], rows["answers"], rows["starts"], strict=True):
        assert context[starts[0] : starts[0] + len(answers[0])] == answers[0]
    task = replace(TASKS["xquad"], stride=64)
    found = FORMS["span"].features(task, rows, minilm_tokenizer(), 192)
    assert len(found.units) > len(rows["text"])  # some contexts need several windows
    outputs = []
    for unit, (start, end) in enumerate(found.columns["span"]):
        logits_t2 = np.zeros((found.lengths[unit], 2))
        logits_t2[start, 0] = logits_t2[end, 1] = 5
        outputs.append(logits_t2)
    predicted = FORMS["span"].decode(task, rows, found, outputs)
    # An English vocabulary takes a whole unknown word for one subword, so where words are not
    # separated an answer inside one comes back longer than it is.
    assert score(task, rows["answers"], predicted, language) > (60 if language == "zh" else 90)


@pytest.mark.parametrize(
    ("name", "column"), [("udpos/ar/test", "pos_tags"), ("wikiann/ar/validation", "ner_tags")]
)
def test_real_sentences_keep_every_word(name: str, column: str) -> None:
    """Cut into short pieces, right labels still come back for every word that has a subword."""
    raw = table(name, 200)
    rows = {"words": raw["tokens"], "tags": raw[column]}
    task = Task(name="t", form="tagging", skill="t", labels=tuple("abcdefghijklmnopqr"))
    found = FORMS["tagging"].features(task, rows, minilm_tokenizer(), 24)
    assert len(found.units) > len(rows["words"]) and max(found.lengths) <= 24
    outputs = []
    for unit, places in enumerate(found.columns["places"]):
        labels = np.zeros(24, dtype=np.int64)
        labels[places] = found.columns["tags"][unit]
        outputs.append(labels)
    predicted = FORMS["tagging"].decode(task, rows, found, outputs)
    assert [len(labels) for labels in predicted] == [len(words) for words in rows["words"]]
    dropped = sum(len(words) for words in rows["words"]) - sum(map(len, found.columns["words"]))
    wrong = sum(p != t for ps, ts in zip(predicted, rows["tags"], strict=True)
                for p, t in zip(ps, ts, strict=True))  # fmt: skip
    assert wrong <= dropped <= 5


def test_real_choices_and_bitext_fit() -> None:
    """XCOPA and Tatoeba rows as their forms take them."""
    raw = table("xcopa/sw/test")
    rows = {
        "text": raw["premise"],
        "question": [f"What was the {asked}?" for asked in raw["question"]],
        "choices": [list(pair) for pair in zip(raw["choice1"], raw["choice2"], strict=True)],
        "label": raw["label"],
    }
    found = FORMS["choice"].features(TASKS["xcopa"], rows, minilm_tokenizer(), 64)
    assert set(found.sizes) == {2} and len(found.units) == 60
    raw = table("tatoeba/swh/validation")
    pairs = {"text": raw["source_sentence"], "target": raw["target_sentence"]}
    pairs["target_id"] = pairs["target"]
    found = FORMS["retrieval"].features(TASKS["tatoeba"], pairs, minilm_tokenizer(), 64)
    assert max(found.tokens) <= 128
