"""Extractive question answering: a start and an end in the context, read in windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spaces.tasks import Task
from trainables.forms.base import Features, array, blank, linear, single_units
from trainables.rows import RowError, RowTable

LONGEST_QUESTION = 64
LONGEST_ANSWER = 30
BEST_ENDS = 20
"""Subwords of a question, subwords of an answer, starts and ends looked at per window: XTREME's
``run_squad.py`` (max_query_length, max_answer_length, n_best_size). There, places outside the
context count among the best and are then dropped; here the best are those in the context."""

OUTSIDE = -1
"""Character of a token that is not of the context."""

NULL_PLACE = 0
"""The first token stands for "no answer in this window"."""


class Span:
    """SQuAD and the like: two logits per token.

    A long context is read in windows that overlap by the task's ``stride``; each window is a unit
    of training, as in the reference scripts, and points at the first token where the answer is not
    in it. Decoding takes the best span of all windows; tasks with unanswerable questions may answer
    nothing.
    """

    columns: ClassVar[tuple[str, ...]] = ("text", "question", "answers", "starts")
    content: ClassVar[tuple[str, ...]] = ("text",)
    joint: ClassVar[bool] = False

    def flaw(self, task: Task, row: dict[str, Any], scored: bool) -> str:
        """Every answer must stand where it is said to; a question may be empty.

        A scored one must have an answer, unless the task's questions need none.
        """
        text, answers, starts = row["text"], row["answers"] or [], row["starts"] or []
        if not isinstance(row["question"], str):
            return f"question {row['question']!r} is not text"
        if len(answers) != len(starts):
            return f"{len(answers)} answers have {len(starts)} starts: {answers}, {starts}"
        if scored and not answers and not task.unanswerable:
            return "the question has no answer, and the task is not `unanswerable`"
        return blank(row, "text") or next(
            filter(None, (_misplaced(text, a, s) for a, s in zip(answers, starts, strict=True))), ""
        )

    def head(self, task: Task, encoder: nn.Module) -> nn.Module:
        """A linear layer H -> 2: start and end."""
        return linear(encoder, 2)

    def features(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """One unit per window, with the context's character offsets of each token."""
        encoded = tokenizer(
            _short_questions(rows["question"], tokenizer, _room(task, tokenizer, longest)),
            rows["text"],
            truncation="only_second",
            max_length=longest,
            stride=task.stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_attention_mask=False,
        )
        origin = encoded["overflow_to_sample_mapping"]
        offsets = [
            _context_offsets(encoded["offset_mapping"][i], encoded.sequence_ids(i))
            for i in range(len(origin))
        ]
        spans = [_gold_span(rows, row, window) for row, window in zip(origin, offsets, strict=True)]
        units = single_units(encoded, len(origin), offsets=offsets, span=spans)
        return Features(units.units, list(origin), units.columns)

    def targets(self, features: Features, width: int) -> Tensor:
        """First and last subword of the answer, [B, 2]."""
        return torch.tensor(features.columns["span"])

    def loss(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Summed mean of the cross-entropies of start and end over the window's tokens."""
        logits_bt2 = _logits(head, hidden_sth, batch)
        both: Tensor = nn.functional.cross_entropy(logits_bt2, batch["targets"], reduction="sum")
        return both / 2

    def outputs(
        self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]
    ) -> Sequence[np.ndarray]:
        """Logits of start and end, [T, 2] of each window."""
        return list(array(_logits(head, hidden_sth, batch)))

    def decode(
        self, task: Task, rows: RowTable, features: Features, outputs: Sequence[np.ndarray]
    ) -> list[Any]:
        """The text of the best span of each row over its windows; empty for no answer."""
        best: dict[int, Candidate] = {}
        nulls: dict[int, float] = {}
        for unit, logits_t2 in enumerate(outputs):
            row, offsets = features.rows[unit], features.columns["offsets"][unit]
            null = float(logits_t2[NULL_PLACE].sum())
            nulls[row] = min(nulls.get(row, np.inf), null)  # as SQuAD 2.0's scripts: the least
            candidate = _best(logits_t2, offsets)
            if candidate and (row not in best or candidate.score > best[row].score):
                best[row] = candidate
        return [
            _answer(text, best.get(row), nulls[row] if task.unanswerable else -np.inf)
            for row, text in enumerate(rows["text"])
        ]

    def gold(self, rows: RowTable) -> list[Any]:
        """All right answers of each row."""
        return rows["answers"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span of the context and its score."""

    score: float
    start: int
    """First character."""
    end: int
    """Character after the last."""


def _misplaced(text: str, answer: Any, start: Any) -> str:
    """The flaw of an answer that is not where it is said to be; empty where it is."""
    if not isinstance(answer, str) or not answer.strip():
        return f"answer {answer!r} is empty or not text"
    if not isinstance(start, int) or start < 0:
        return f"start {start!r} of answer {answer!r} is no place in a text"
    found = text[start : start + len(answer)]
    return "" if found == answer else f"answer {answer!r} is not at {start}, where {found!r} is"


def _logits(head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
    """Logits [B, T, 2]; minus infinity at padding."""
    logits_bt2 = head(hidden_sth).float()
    padding_bt1 = batch["attention_mask"][..., None] == 0
    masked: Tensor = logits_bt2.masked_fill(padding_bt1, float("-inf"))
    return masked


def _room(task: Task, tokenizer: Any, longest: int) -> int:
    """Subwords a question may have: every window must hold more context than it shares.

    Raises:
        RowError: not one. Asked for windows that do not move, tokenizers end the process.
    """
    left: int = longest - tokenizer.num_special_tokens_to_add(pair=True) - task.stride - 1
    if left < 1:
        raise RowError(
            f"max_tokens {longest} of {task.name!r} leaves no room for a question beside "
            f"{task.stride} shared subwords: raise max_tokens, or lower stride, in its row"
        )
    return min(LONGEST_QUESTION, longest // 2, left)


def _short_questions(questions: list[str], tokenizer: Any, longest: int) -> list[str]:
    """Questions cut after ``longest`` subwords, so that every window has room for context."""
    encoded = tokenizer(questions, add_special_tokens=False, return_offsets_mapping=True)
    short = [
        text if len(o) <= longest else text[: min(o[longest - 1][1], o[longest][0])]
        for text, o in zip(questions, encoded["offset_mapping"], strict=True)
    ]
    # A text cut in two may have more subwords than it had as a part.
    return short if short == questions else _short_questions(short, tokenizer, longest)


def _context_offsets(offsets: list[tuple[int, int]], parts: list[int | None]) -> NDArray[np.int32]:
    """Characters of each token in the context, [T, 2]; ``OUTSIDE`` for all other tokens."""
    found = np.asarray(offsets, dtype=np.int32)
    found[[part != 1 for part in parts]] = OUTSIDE
    return found


def _gold_span(rows: RowTable, row: int, offsets_t2: NDArray[np.int32]) -> tuple[int, int]:
    """First and last token of a row's first answer; ``NULL_PLACE`` where a window lacks it."""
    if not rows["answers"][row]:
        return NULL_PLACE, NULL_PLACE
    start, text = rows["starts"][row][0], rows["answers"][row][0]
    last = start + len(text.rstrip())  # no subword holds the spaces around an answer
    first = last - len(text.strip())
    starts_t, ends_t = offsets_t2.T
    context_t = starts_t != OUTSIDE
    inside = np.flatnonzero(context_t & (starts_t < last) & (ends_t > first))
    whole = np.flatnonzero(context_t & (ends_t > starts_t))
    if not len(inside) or not len(whole):
        return NULL_PLACE, NULL_PLACE
    if starts_t[whole[0]] > first or ends_t[whole[-1]] < last:
        return NULL_PLACE, NULL_PLACE
    return int(inside[0]), int(inside[-1])


def _best(logits_t2: np.ndarray, offsets_t2: NDArray[np.int32]) -> Candidate | None:
    """The best span of a window among its best starts and ends; None where it has no context."""
    places = np.flatnonzero(offsets_t2[:, 0] != OUTSIDE)
    if not len(places):
        return None
    starts, ends = (places[np.argsort(-logits_t2[places, k])[:BEST_ENDS]] for k in (0, 1))
    lengths = ends[None] - starts[:, None] + 1
    scores = np.where(
        (lengths > 0) & (lengths <= LONGEST_ANSWER),
        logits_t2[starts, 0][:, None] + logits_t2[ends, 1][None],
        -np.inf,
    )
    start, end = np.unravel_index(scores.argmax(), scores.shape)
    first, last = offsets_t2[starts[start], 0], offsets_t2[ends[end], 1]
    return Candidate(float(scores[start, end]), int(first), int(last))


def _answer(text: str, best: Candidate | None, null: float) -> str:
    """The best span's text, unless nothing at all scores higher."""
    if best is None or best.score == -np.inf or null > best.score:
        return ""
    return text[best.start : best.end].strip()
