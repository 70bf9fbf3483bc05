"""Rows that a plan alone adds: ``[[task]]`` with columns, labels and codes of its own."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.folders import REPOSITORY, Folder, read, real_source, write
from trainables.rows import RowError


def test_the_own_task_of_the_documentation_is_read() -> None:
    """As it stands there, on the set that it names, and as the catalogue's own row reads it."""
    page = (REPOSITORY / "docs" / "rows.md").read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"```toml\n(.*?)```", page, re.S) if b.startswith("[[task]]"))
    (row,) = tomllib.loads(block)["task"]
    source = real_source(row)
    mine, known = (read(source, name, "ko", "dev") for name in (row["name"], "kobest_copa"))
    assert {**mine, "question": None} == {**known, "question": None}
    assert set(mine["question"]) == {"원인?", "결과?"}


OWN = {
    "name": "own_answers",
    "form": "span",
    "skill": "qa",
    "train_languages": ["sw", "de"],
    "folder": "mine",
    "config": "{iso3}",
    "spelled": {"sw": "swa"},
    "columns": {
        "text": "passage",
        "question": "asked",
        "answers": "found.text",
        "starts": "found.at",
        "impossible": "no_answer",
    },
    "without": "checked=no",
    "unanswerable": True,
    "splits": {"train": "train"},
    "licence": "mine",
    "commercial": True,
    "origin": "native",
    "documents": ["letters"],
}


def test_a_plan_alone_adds_a_set_with_columns_of_its_own(tmp_path: Path) -> None:
    """Its spelling of codes, its unchecked rows, answers it gives where there is none."""
    folder = Folder(tmp_path, OWN)
    rows = {
        "passage": ["the cat sat", "a dog ran", "no bird", "left out"],
        "asked": ["who sat?", "who ran?", "who sang?", "who?"],
        "found": [
            {"text": ["cat"], "at": [4]},
            {"text": ["dog"], "at": [2]},
            {"text": ["bird"], "at": [3]},
            {"text": ["nowhere"], "at": [99]},
        ],
        "no_answer": [False, False, True, None],
        "checked": ["yes", None, "yes", "no"],
    }
    write(folder.path, "mine/swa/train", (), **rows)
    table = folder.rows("own_answers", "sw", "train")
    assert table["answers"] == [["cat"], ["dog"], []]
    assert table["starts"] == [[4], [2], []]
    assert table["question"] == rows["asked"][:3]
    row = folder.catalogue.tasks["own_answers"]
    assert row.data is not None
    assert (row.data.commercial, row.documents) == (True, ("letters",))
    write(folder.path, "mine/deu/train", (), **rows)
    assert folder.rows("own_answers", "de", "train")["text"] == table["text"]


def test_a_plan_alone_adds_words_with_labels_it_folds(tmp_path: Path) -> None:
    """Labels by name in lists; a label that is folded into none of the task's is refused."""
    own: dict[str, Any] = {
        "name": "own_tags",
        "form": "tagging",
        "skill": "ner",
        "labels": ["O", "B-PER"],
        "label_names": ["none", "person"],
        "folded": {"date": "none"},
        "train_languages": ["en"],
        "folder": "mine",
        "splits": {"train": "train"},
    }
    folder = Folder(tmp_path, own, {**own, "name": "wrong", "folded": {"date": "nothing"}})
    words, tags = [["Ann", "came", "today"]], [["person", "none", "date"]]
    write(folder.path, "mine/en/train", (), words=words, tags=tags)
    assert folder.rows("own_tags", "en", "train")["tags"] == [[1, 0, 0]]
    with pytest.raises(RowError, match=r"folded of 'wrong' names \['nothing'\]"):
        folder.rows("wrong", "en", "train")


def test_another_reading_is_another_revision(tmp_path: Path) -> None:
    """What is folded and left out decides what rows are, so a study that froze them notices."""
    own: dict[str, Any] = {"name": "own", "like": "sick"}
    changed = [{}, {"without": "label=0"}, {"folded": {"unclear": "neutral"}}]
    tasks = [{**own, "name": f"own{n}", **more} for n, more in enumerate(changed)]
    folder = Folder(tmp_path, *tasks)
    pairs = {"sentence_A": ["a", "b"], "sentence_B": ["c", "d"], "label": [0, 1]}
    write(folder.path, "sick/default/train", **pairs)
    revisions = {folder.source.revision(f"own{n}", "en", "train") for n in range(3)}
    assert len(revisions) == 3
    assert folder.rows("own1", "en", "train")["label"] == [1]
