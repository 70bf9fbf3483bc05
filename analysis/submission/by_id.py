"""JSON files whose rows are found by their ids."""

import json
from pathlib import Path
from typing import Any, ClassVar

from analysis.submission.parts import (
    Rows,
    SubmissionError,
    Table,
    is_names,
    is_text,
    one_right_each,
    read_by_id,
    read_object,
    unique_ids,
    unlike_ids,
)
from spaces.metrics import DEPTH
from spaces.tasks import Task


class Answers:
    """Answers ``{id: text}`` for questions in SQuAD's format (XQuAD, MLQA, TyDiQA).

    Of the labels only ids and answers count; what is written has no contexts, as predictions hold
    none.
    """

    suffix: ClassVar[str] = "json"

    def read(self, predictions: Path, labels: Path) -> Rows:
        """A row per question; one that is not among the predictions has none."""
        ours = read_by_id(predictions, is_text, "an answer")
        questions = _questions(read_object(labels), labels)
        return Rows(
            gold=[answers for _, answers in questions],
            predicted=[ours.get(name) for name, _ in questions],
            notes=unlike_ids((name for name, _ in questions), ours),
        )

    def texts(self, task: Task, table: Table) -> tuple[str, str]:
        """Questions that were not answered are left out of the predictions."""
        names = unique_ids(table)
        answered = zip(names, table["predicted"], strict=True)
        questions = [
            {
                "id": name,
                "question": "",
                "answers": [{"text": text, "answer_start": -1} for text in right],
            }
            for name, right in zip(names, table["gold"], strict=True)
        ]
        document = {"version": "1.1", "data": [{"paragraphs": [{"context": "", "qas": questions}]}]}
        ours = {name: answer for name, answer in answered if answer is not None}
        return _text(ours), _text(document)


def _questions(articles: Any, file: Path) -> list[tuple[str, list[str]]]:
    """Id and right answers of each question."""
    try:
        return [
            (question["id"], [answer["text"] for answer in question["answers"]])
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (KeyError, TypeError) as error:
        raise SubmissionError(
            f"{file} is not in SQuAD's format (data, paragraphs, qas, answers): "
            f"{type(error).__name__} {error}"
        ) from None


class Rankings:
    """Candidates, best first, ``{id: [name, ...]}``; labels ``{id: [right name, ...]}`` (LAReQA).

    XTREME has no files for LAReQA; these are Mewsli-X's with as many right candidates as there are
    (11 of each question). Names are any texts that tell the candidates of the pool apart.
    """

    suffix: ClassVar[str] = "json"

    def read(self, predictions: Path, labels: Path) -> Rows:
        """A row per id of the labels; one that is not among the predictions ranks nothing."""
        ours = read_by_id(predictions, is_names, "a list of names, best first,")
        right = read_by_id(labels, is_names, "a list of right names")
        return Rows(
            gold=[self.right(names) for names in right.values()],
            predicted=[ours.get(name, []) for name in right],
            notes=unlike_ids(right, ours),
        )

    def right(self, names: list[str]) -> list[str]:
        """The right candidates of a row of the labels."""
        return names

    def texts(self, task: Task, table: Table) -> tuple[str, str]:
        """The first 20 candidates of each row."""
        names = unique_ids(table)
        ours = {n: ranked[:DEPTH] for n, ranked in zip(names, table["predicted"], strict=True)}
        return _text(ours), _text(dict(zip(names, table["gold"], strict=True)))


class Entities(Rankings):
    """The same with one right candidate, whose name is read without spaces around it (Mewsli-X)."""

    def right(self, names: list[str]) -> list[str]:
        """The first: Mewsli-X's script looks at no other."""
        return [names[0].strip()] if names else []

    def texts(self, task: Task, table: Table) -> tuple[str, str]:
        """Both files, after a look that each row has one right candidate."""
        one_right_each(table)
        return super().texts(task, table)


def _text(document: Any) -> str:
    return json.dumps(document) + "\n"
