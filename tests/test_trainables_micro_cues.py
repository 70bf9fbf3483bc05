"""The micro-world: what surface cues alone reach on each target."""

from dataclasses import replace

import numpy as np
import pytest

from spaces.metrics import DEPTH
from tests.micro_rows import ALL_CODES, MICRO, table
from trainables.micro import cue_predictions


def predictions(name: str, language: str = "avel", count: int = 400):
    """Test rows of a task and what its cue predicts."""
    rows = table(name, language, "test", count)
    return rows, cue_predictions(MICRO[name], rows)


def share(name: str, column: str, language: str = "avel") -> float:
    """Share of rows whose predicted label is right."""
    rows, predicted = predictions(name, language)
    return float(np.equal(rows[column], predicted).mean())


def tag_pairs(name: str, language: str) -> list[tuple[int, int]]:
    """(gold, predicted) of every word."""
    rows, predicted = predictions(name, language)
    pairs = zip(rows["tags"], predicted, strict=True)
    return [pair for gold, tags in pairs for pair in zip(gold, tags, strict=True)]


@pytest.mark.parametrize("language", ALL_CODES)
@pytest.mark.parametrize("name", [name for name in MICRO if name != "masked"])
def test_predictions_have_the_shape_of_their_form(name: str, language: str) -> None:
    """One prediction per row, of the type that metrics take."""
    task = MICRO[name]
    rows, predicted = predictions(name, language, 50)
    assert len(predicted) == 50
    if task.form in ("classification", "choice"):
        assert set(predicted) <= set(range(len(task.labels) or 2))
    elif task.form == "tagging":
        sizes = [(len(p), len(w)) for p, w in zip(predicted, rows["words"], strict=True)]
        assert all(one == other for one, other in sizes)
        assert {tag for row in predicted for tag in row} <= set(range(len(task.labels)))
    elif task.form == "span":
        assert all(p in text.split() for p, text in zip(predicted, rows["text"], strict=True))
    else:
        pool = len(set(zip(rows["target_id"], rows["target"], strict=True)))
        assert all(len(row) == min(DEPTH, pool) for row in predicted)
        assert {name for row in predicted for name in row} <= set(rows["target_id"])


@pytest.mark.parametrize("language", ALL_CODES)
def test_what_the_cues_of_sentence_pairs_reach(language: str) -> None:
    """The place gives two thirds of NLI; a choice has no cue; the control has none that works."""
    assert abs(share("xnli", "label", language) - 2 / 3) < 0.01
    assert abs(share("xcopa", "label", language) - 1 / 2) < 0.01
    assert abs(share("permuted", "label", language) - 1 / 3) < 0.08
    assert abs(share("paraphrase", "label", language) - 2 / 3) < 0.08
    assert 0.55 < share("real_or_fake", "label", language) < 0.8


def test_what_the_cues_of_tagging_reach() -> None:
    """Nouns are a quarter of the words; a name's place in the sentence tells most of its class."""
    for language in ALL_CODES:
        assert 0.2 < np.mean([gold == tag for gold, tag in tag_pairs("udpos", language)]) < 0.32
    outside = MICRO["panx"].labels.index("O")
    named = [pair for pair in tag_pairs("panx", "avel") if outside not in pair]
    assert 0.6 < np.mean([gold == tag for gold, tag in named]) < 0.95


def test_what_the_cue_of_spans_reaches() -> None:
    """The word before the question's own words answers many questions, a distractor hides it."""
    right = {}
    for name in ("xquad", "mlqa", "tydiqa"):
        rows, predicted = predictions(name)
        right[name] = np.mean([p == a for p, (a,) in zip(predicted, rows["answers"], strict=True)])
    assert right["mlqa"] < right["xquad"] < right["tydiqa"] < 0.8
    assert right["tydiqa"] > 0.6


def test_what_shared_words_reach() -> None:
    """Shared words find everything in the hub, and the less the fewer words a language shares."""
    found = {}
    for language in ("avel", "brin", "dask", "hatu"):
        rows, ranked = predictions("tatoeba", language)
        first = [row[0] for row in ranked]
        found[language] = np.mean([p == t for p, t in zip(first, rows["target_id"], strict=True)])
    assert found["avel"] > 0.98
    assert found["avel"] > found["brin"] > found["dask"] > found["hatu"]
    assert found["hatu"] < 0.1


def test_a_skill_without_a_rule_is_refused() -> None:
    """The error names the skill and those that have a rule."""
    task = replace(MICRO["xnli"], skill="chess")
    with pytest.raises(ValueError, match="no surface cue for skill 'chess' of task 'xnli'"):
        cue_predictions(task, table("xnli"))
