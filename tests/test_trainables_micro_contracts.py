"""The micro-world: what holds of the rows of every task, in every language and split."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from spaces.tasks import Task
from tests.micro_rows import ALL_CODES, CONTENT, MICRO, glossed, row_glosses, table
from trainables.micro import WORLD_VERSION, documents, vocabulary, words
from trainables.micro.tasks import SPLITS

COLUMNS = {
    "classification": {"text", "text_pair", "label"},
    "choice": {"text", "question", "choices", "label"},
    "tagging": {"words", "tags"},
    "span": {"text", "question", "answers", "starts"},
    "retrieval": {"text", "target", "target_id"},
    "masked": {"text"},
}
"""Form -> columns, besides "item"."""

Row = dict[str, Any]


def check_classification(task: Task, row: Row) -> None:
    """Two texts, or one where the task says so, and a label of the task."""
    assert row["text"] and (row["text_pair"] if task.has_pairs else row["text_pair"] is None)
    assert type(row["label"]) is int
    assert row["label"] in range(len(task.labels))


def check_choice(task: Task, row: Row) -> None:
    """Two different choices, one of them labelled."""
    assert row["question"] == ""
    assert len(row["choices"]) == len(set(row["choices"])) == 2
    assert type(row["label"]) is int
    assert row["label"] in (0, 1)


def check_tagging(task: Task, row: Row) -> None:
    """As many tags as words, all of the task; I- tags follow their B- tag."""
    assert len(row["words"]) == len(row["tags"]) > 0
    assert all(type(tag) is int and tag in range(len(task.labels)) for tag in row["tags"])
    tags = [task.labels[tag] for tag in row["tags"]]
    assert all(
        tags[number - 1] == f"B-{tag[2:]}"
        for number, tag in enumerate(tags)
        if tag.startswith("I-")
    )


def check_span(task: Task, row: Row) -> None:
    """One answer, which stands where its offset says, from edge to edge of words."""
    (answer,), (start,) = row["answers"], row["starts"]
    assert type(start) is int
    assert row["text"][start : start + len(answer)] == answer != ""
    assert f" {row['text']} "[start : start + len(answer) + 2] == f" {answer} "
    assert row["question"].endswith(" ?")


def check_retrieval(task: Task, row: Row) -> None:
    """A query, a candidate in the hub language and its id."""
    assert row["text"] and row["target_id"]
    assert set(row["target"].split()) <= set(words("avel"))


def check_masked(task: Task, row: Row) -> None:
    """A text."""
    assert row["text"]


CHECKS: dict[str, Callable[[Task, Row], None]] = {
    "classification": check_classification,
    "choice": check_choice,
    "tagging": check_tagging,
    "span": check_span,
    "retrieval": check_retrieval,
    "masked": check_masked,
}


@pytest.mark.parametrize("language", ALL_CODES)
@pytest.mark.parametrize("name", MICRO)
def test_rows_keep_the_contract_of_their_form(name: str, language: str) -> None:
    """Columns, types and sizes are the form's, words are known, and no row is cut by its task."""
    task, known = MICRO[name], vocabulary()
    for split in SPLITS:
        rows = table(name, language, split)
        assert rows.keys() == {"item"} | COLUMNS[task.form]
        assert all(type(values) is list and len(values) == 60 for values in rows.values())
        assert len(set(rows["item"])) == 60
        for values in zip(*rows.values(), strict=True):
            row = dict(zip(rows, values, strict=True))
            CHECKS[task.form](task, row)
        for texts in row_glosses(name, rows):
            # Three special tokens and a choice at a time, which is less than all of them.
            assert sum(map(len, texts)) + 3 <= task.max_tokens
        said = [v for column in ("text", "question", "target") for v in rows.get(column, [])]
        assert {word for text in said for word in text.split()} <= known.keys()


SPANS = [name for name, task in MICRO.items() if task.form == "span"]
LABELLED = [name for name, task in MICRO.items() if task.form in ("classification", "choice")]
QUESTION_WORDS = ("who", "where", "which-colour", "which-size")


def asked(name: str, rows: Row) -> list[Any]:
    """What each row asks for: its label, or its question word."""
    if "label" in rows:
        return rows["label"]
    return [next(g for g in glossed(q) if g in QUESTION_WORDS) for q in rows["question"]]


@pytest.mark.parametrize("name", SPANS)
def test_questions_are_balanced_and_shuffled(name: str) -> None:
    """Question words have equal shares."""
    check_balance(name, QUESTION_WORDS[2:] if name == "tydiqa" else QUESTION_WORDS)


@pytest.mark.parametrize("name", LABELLED)
def test_labels_are_balanced_and_shuffled(name: str) -> None:
    """Labels and places of the right choice have equal shares."""
    check_balance(name, range(len(MICRO[name].labels) or 2))


def check_balance(name: str, values: Any) -> None:
    """All values come, within one as often, and as often in any cut of a table."""
    for split in SPLITS:
        found = asked(name, table(name, "esho", split, 601))
        counts = Counter(found)
        assert set(counts) == set(values)
        assert max(counts.values()) - min(counts.values()) <= 1
        for cut in (found[:200], found[::3]):
            assert min(Counter(cut)[value] for value in values) > 0.7 * 200 / len(values)


def parallel_content(name: str, language: str, split: str) -> list[Any]:
    """What a row says, however its language says it."""
    rows = table(name, language, split, 40)
    said = [[sorted(CONTENT & {*text}) for text in texts] for texts in row_glosses(name, rows)]
    answers = [glossed(answer) for answer in rows.get("answers", [])]
    fixed = [rows[column] for column in ("item", "label", "target", "target_id") if column in rows]
    tags = [
        sorted(zip(glossed(words), tags, strict=True))
        for words, tags in zip(rows.get("words", []), rows.get("tags", []), strict=True)
    ]
    named = [[pair for pair in row if pair[0] in CONTENT] for row in tags]
    return [said, answers, fixed, named]


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("name", MICRO)
def test_scored_rows_are_translations_of_one_another(name: str, split: str) -> None:
    """Row i has one id, one content, one label, one answer and one candidate in every language."""
    expected = parallel_content(name, "avel", split)
    for language in ALL_CODES[1:]:
        assert parallel_content(name, language, split) == expected


Said = list[tuple[tuple[str, ...], ...]]


def overlap(one: Said, other: Said) -> int:
    """Rows of one table that some row of the other repeats."""
    known = set(other)
    return sum(row in known for row in one)


@pytest.mark.parametrize("name", MICRO)
def test_no_row_is_in_two_streams_but_by_chance(name: str) -> None:
    """Splits and training languages share rows no oftener than different seeds do."""
    # Tables of one size, because only then does one stream give the same rows twice.
    parts = (("avel", "train"), ("esho", "train"), ("avel", "dev"), ("avel", "test"))
    ours, elsewhere = (
        [row_glosses(name, table(name, *part, 400, seed)) for part in parts] for seed in (0, 1)
    )
    by_chance = max(overlap(one, other) for one in ours for other in elsewhere)
    shared = max(overlap(one, other) for one, other in combinations(ours, 2))
    assert shared <= by_chance + 8
    assert by_chance < 0.2 * 400


def test_tasks_of_one_skill_draw_different_scenes() -> None:
    """Intermediate rows of a skill are not the target's own: only the grammar is shared."""
    for name, other in (
        ("xnli", "nli"),
        ("xcopa", "choice"),
        ("squad", "qa"),
        ("udpos", "tagging"),
    ):
        for split in SPLITS:
            one, two = (row_glosses(n, table(n, "avel", split, 300)) for n in (name, other))
            assert overlap(one, two) < 15


GOLDEN = {
    "version": 2,
    "xnli": "950ea6ee3c57",
    "xcopa": "9770ce35b89e",
    "udpos": "61b1fae2e6ec",
    "panx": "8ec413359ee0",
    "xquad": "04a1c8d84565",
    "mlqa": "28a46fbab377",
    "tydiqa": "b5470d2c3418",
    "tatoeba": "a0d4d59ea0c9",
    "lareqa": "db4c3302d885",
    "mewslix": "81903a4d9624",
    "squad": "c4ad4bc805ba",
    "nli": "9c9098011a72",
    "choice": "ef2bbbd6313f",
    "qa": "3885e114e347",
    "paraphrase": "974491a5ef9e",
    "tagging": "9841060df989",
    "permuted": "dbb3f8de8d65",
    "real_or_fake": "88f3ae5b4439",
    "masked": "ad759c6a9a4a",
    "documents": "e836f02680a8",
    "vocabulary": "bcfd026836c8",
}
"""Version of the world and digests of a small table of each task. They move together."""


def digest(value: Any) -> str:
    """First digits of a hash of JSON."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


def test_golden_rows_and_documents() -> None:
    """Nothing generated moves without a raised ``WORLD_VERSION``: stores hold results under it."""
    found: dict[str, Any] = {"version": WORLD_VERSION}
    for name in MICRO:
        parts = (("avel", "train"), ("esho", "dev"), ("itor", "test"))
        found[name] = digest([table(name, *part, 30, 1) for part in parts])
    found["documents"] = digest(documents(300, 1).texts)
    found["vocabulary"] = digest(vocabulary())
    assert found == GOLDEN
