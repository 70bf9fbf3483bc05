"""Forms on the tokenizer of a real checkpoint: nothing lost, and right answers decode to gold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spaces.catalogue import Catalogue
from spaces.metrics import score
from spaces.tasks import Task
from tests.tokenizers import minilm_tokenizer
from trainables.forms import FORMS, Features
from trainables.model import collate
from trainables.rows import RowError

TASKS = Catalogue.of_world("micro").tasks
NER, QA, COPA, BITEXT = (TASKS[name] for name in ("panx", "xquad", "xcopa", "tatoeba"))

WORDS = st.text(alphabet="ab cdé漢字ก🙂\u200b\u00ad-", min_size=1, max_size=12)
"""Words a tokenizer splits, knows not, or drops altogether."""


def features(task: Task, rows: dict[str, list[Any]], longest: int) -> Features:
    """Rows as the real tokenizer cuts them."""
    return FORMS[task.form].features(task, rows, minilm_tokenizer(), longest)


def sentence(words: list[str], labels: int) -> dict[str, list[Any]]:
    """One tagged sentence; its labels run through all there are."""
    return {"words": [words], "tags": [[i % labels for i in range(len(words))]]}


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=40), st.integers(4, 20))
def test_no_word_is_lost_to_a_short_encoder(words: list[str], longest: int) -> None:
    """Each word that has a subword at all stands in exactly one piece, and no piece is too long."""
    rows = sentence(words, 7)
    found = features(NER, rows, longest)
    placed = [word for unit in found.columns["words"] for word in unit]
    encoded = minilm_tokenizer()([words], is_split_into_words=True).word_ids(0)
    assert placed == sorted({word for word in encoded if word is not None})
    assert max(found.lengths) <= longest
    outputs = []
    for unit, places in enumerate(found.columns["places"]):
        labels = np.full(longest, 99)
        labels[places] = found.columns["tags"][unit]
        outputs.append(labels)
    (predicted,) = FORMS["tagging"].decode(NER, rows, found, outputs)
    assert [predicted[word] for word in placed] == [rows["tags"][0][word] for word in placed]
    assert all(predicted[w] == 0 for w in set(range(len(words))) - set(placed))  # "O"


def test_tags_stand_at_first_subwords_alone() -> None:
    """The loss sees one subword per word, and neither padding nor special tokens."""
    rows = {
        "words": [["Unbelievably", "good"], ["Paris"]],
        "tags": [[1, 2], [5]],
    }
    found = features(NER, rows, 32)
    targets_bt = FORMS["tagging"].targets(found, 8)
    assert [row[row != -100].tolist() for row in targets_bt] == [[1, 2], [5]]
    (first, _) = found.columns["places"]
    assert first[0] == 1 and first[1] > 2  # "Unbelievably" has several subwords
    logits = nn.functional.one_hot(targets_bt.clamp(min=0), 7).float() * 50
    batch = collate(NER, found, 0)
    batch["targets"] = targets_bt[:, : batch["input_ids"].shape[1]]
    loss = FORMS["tagging"].loss(nn.Identity(), logits[:, : batch["targets"].shape[1]], batch)
    assert float(loss) < 1e-6


def question_rows(context: str, answers: list[str]) -> dict[str, list[Any]]:
    """One question about a context that holds the answers."""
    return {
        "text": [context],
        "question": ["what is it?"],
        "answers": [answers],
        "starts": [[context.index(answer) for answer in answers]],
    }


def gold_logits(found: Features, width: int = 64) -> list[np.ndarray]:
    """Logits that point at each window's gold span, the null ones with less confidence."""
    outputs = []
    for unit, (start, end) in enumerate(found.columns["span"]):
        logits_t2 = np.zeros((max(width, found.lengths[unit]), 2))
        logits_t2[start, 0] = logits_t2[end, 1] = 5 if start else 2
        outputs.append(logits_t2)
    return outputs


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 59), st.integers(1, 4), st.integers(0, 6), st.integers(16, 40))
def test_an_answer_is_found_in_some_window(
    first: int, length: int, stride: int, longest: int
) -> None:
    """Wherever it stands, an answer that fits into the overlap is whole in a window and decodes."""
    words = [f"{a}{b}" for a in "bcdfghjk" for b in "aeiouxyz"]  # 64 words, each its own
    answer = " ".join(words[first : first + min(length, 64 - first)])
    rows = question_rows(" ".join(words), [answer])
    task = replace(QA, stride=stride)
    found = features(task, rows, longest)
    seen = [tuple(o) for unit in found.columns["offsets"] for o in unit.tolist() if o[0] >= 0]
    assert min(seen)[0] == 0 and max(seen)[1] == len(rows["text"][0])  # nothing is left unread
    whole = [span for span in found.columns["span"] if span != (0, 0)]
    if len(minilm_tokenizer()(answer)["input_ids"]) - 2 <= max(1, stride):
        assert whole
    if whole:
        assert FORMS["span"].decode(task, rows, found, gold_logits(found)) == [answer]


def test_a_question_without_answer_may_be_left_unanswered() -> None:
    """Null wins where the task knows unanswerable questions, and never elsewhere."""
    rows = question_rows("the ball is red and the box is blue", [])
    found = features(QA, rows, 32)
    assert found.columns["span"] == [(0, 0)]
    outputs, knowing = gold_logits(found), replace(QA, unanswerable=True)
    assert FORMS["span"].decode(knowing, rows, found, outputs) == [""]
    assert FORMS["span"].decode(QA, rows, found, outputs) != [""]
    assert score(knowing, FORMS["span"].gold(rows), [""], "avel") == 100.0


def test_padding_never_answers() -> None:
    """Scores of padding are minus infinity, so neither loss nor decoding can pick it."""
    long, short = "a b c d e f g h i j k l", "the ball"
    rows = {
        "text": [long, short],
        "question": ["?", "?"],
        "answers": [["a"], ["ball"]],
        "starts": [[0], [4]],
    }
    batch = collate(QA, features(QA, rows, 32), 0)
    hidden = torch.ones(*batch["input_ids"].shape, 2)
    first, second = FORMS["span"].outputs(nn.Identity(), hidden, batch)
    assert (
        np.isfinite(first).all() and np.isinf(second[int(batch["attention_mask"][1].sum()) :]).all()
    )


def test_long_questions_leave_room_for_the_context() -> None:
    """A question of a thousand words is cut; the context is still read to its end."""
    rows = question_rows("the ball is red", ["red"]) | {"question": ["why " * 1000]}
    found = features(QA, rows, 24)
    assert any(span != (0, 0) for span in found.columns["span"])
    assert max(found.lengths) <= 24


@pytest.mark.parametrize("words", ["why ", "unbelievablyinternationalised ", "🙂漢"])
@pytest.mark.parametrize(("longest", "stride"), [(5, 0), (7, 2), (64, 30), (64, 59)])
def test_no_question_stops_the_windows(words: str, longest: int, stride: int) -> None:
    """However long a question and wide the overlap, windows move on and read all of the context."""
    rows = question_rows("the ball is red " * 9, ["red"]) | {"question": [words * 200]}
    found = FORMS["span"].features(replace(QA, stride=stride), rows, minilm_tokenizer(), longest)
    assert max(found.lengths) <= longest
    seen = {tuple(o) for unit in found.columns["offsets"] for o in unit.tolist() if o[0] >= 0}
    assert len(seen) == 4 * 9


@pytest.mark.parametrize(("longest", "stride"), [(3, 0), (4, 0), (64, 60), (64, 70)])
def test_windows_that_cannot_move_are_refused(longest: int, stride: int) -> None:
    """A row says what to change; the tokenizer would end the process or cut nothing."""
    rows = question_rows("the ball is red", ["red"])
    with pytest.raises(RowError, match=f"max_tokens {longest} .* {stride} shared .* lower stride"):
        FORMS["span"].features(replace(QA, stride=stride), rows, minilm_tokenizer(), longest)


@pytest.mark.parametrize(
    ("context", "answer"), [(" red ball", " red"), ("red ball \n", "ball \n"), (" a b ", " a b ")]
)
def test_spaces_around_an_answer_do_not_hide_it(context: str, answer: str) -> None:
    """No subword holds them, so at the edge of a context they would make the answer absent."""
    rows = question_rows(context, [answer])
    found = features(QA, rows, 32)
    assert found.columns["span"] != [(0, 0)]
    assert FORMS["span"].decode(QA, rows, found, gold_logits(found)) == [answer.strip()]


def test_choices_may_differ_in_number() -> None:
    """Rows with two and three choices share a batch; a choice that is not there is not picked."""
    rows = {
        "text": ["it rained", "he fell"],
        "question": ["", "why"],
        "choices": [["wet", "dry"], ["ice", "sun", "joy"]],
        "label": [1, 2],
    }
    found = features(COPA, rows, 32)
    assert found.sizes == [2, 3]
    batch = collate(COPA, found, 0)
    hidden = torch.zeros(5, batch["input_ids"].shape[1], 1)
    hidden[:, 0, 0] = torch.tensor([-3.0, -2.0, -9.0, -8.0, -7.0])
    outputs = FORMS["choice"].outputs(nn.Identity(), hidden, batch)
    assert FORMS["choice"].decode(COPA, rows, found, outputs) == [1, 2] == rows["label"]
    loss = FORMS["choice"].loss(nn.Identity(), hidden, batch)
    one = -np.log(np.exp(-2) / (np.exp(-3) + np.exp(-2)))
    two = -np.log(np.exp(-7) / (np.exp(-9) + np.exp(-8) + np.exp(-7)))
    assert abs(float(loss) - one - two) < 1e-5


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_pooling_leaves_padding_out(pooling: Any) -> None:
    """A vector is the same however far its sequence is padded, and has length one."""
    from trainables.forms.retrieval import Pool

    hidden = torch.randn(2, 5, 3)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    vectors = Pool(pooling)(hidden, mask)
    alone = Pool(pooling)(hidden[:1, :3], mask[:1, :3])
    assert torch.allclose(vectors[0], alone[0]) and torch.allclose(
        vectors.norm(dim=-1), torch.ones(2)
    )
    expected = hidden[0, :3].mean(0) if pooling == "mean" else hidden[0, 0]
    assert torch.allclose(vectors[0], expected / expected.norm())
