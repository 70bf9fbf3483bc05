"""Tagging of words: each is labelled by the state of its first subword."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from spaces.tasks import Task
from trainables.forms.base import (
    IGNORED_LABEL,
    Features,
    array,
    at_places,
    linear,
    out_of_range,
    room_for_text,
    single_units,
)
from trainables.rows import RowTable


class Tagging:
    """Parts of speech and entities: C logits from the first subword of each word.

    A sentence too long for the encoder is cut between words into pieces, as XTREME's preprocessing
    does, so that no word goes without a prediction.
    """

    columns: ClassVar[tuple[str, ...]] = ("words", "tags")
    content: ClassVar[tuple[str, ...]] = ("words",)
    joint: ClassVar[bool] = False

    def flaw(self, task: Task, row: dict[str, Any], scored: bool) -> str:
        """Every word must have a tag, and every tag must be one of the task's."""
        words, tags = row["words"], row["tags"]
        if not isinstance(words, list) or not isinstance(tags, list):
            return f"words {words!r} or tags {tags!r} are no list"
        if {*map(type, words)} - {str}:
            return f"one of the words {words} is not text"
        if len(words) != len(tags):
            return f"{len(words)} words have {len(tags)} tags: {words}, {tags}"
        kinds = {*tags}  # a few of them, in many words
        return next(filter(None, (out_of_range("tag", t, len(task.labels)) for t in kinds)), "")

    def head(self, task: Task, encoder: nn.Module) -> nn.Module:
        """A linear layer H -> C."""
        return linear(encoder, len(task.labels))

    def features(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """One unit per piece, with the places of its words in the sequence and in the sentence."""
        whole = tokenizer(
            rows["words"],
            is_split_into_words=True,
            return_attention_mask=False,
            verbose=False,  # it would warn of long sentences, which are cut below
        )
        room = room_for_text(tokenizer, longest)
        pieces = [
            (row, piece)
            for row, words in enumerate(rows["words"])
            for piece in _pieces(_subwords(whole.word_ids(row), len(words)), room)
        ]
        encoded = tokenizer(
            [rows["words"][row][piece.start : piece.stop] for row, piece in pieces],
            is_split_into_words=True,
            truncation=True,  # one word alone may be longer than the encoder
            max_length=longest,
            return_attention_mask=False,
        )
        found = [_first_subwords(encoded.word_ids(i)) for i in range(len(pieces))]
        words = [[piece.start + w for w in f] for (_, piece), f in zip(pieces, found, strict=True)]
        tags = [[rows["tags"][r][w] for w in w_] for (r, _), w_ in zip(pieces, words, strict=True)]
        units = single_units(
            encoded, len(pieces), places=[list(f.values()) for f in found], words=words, tags=tags
        )
        return Features(units.units, [row for row, _ in pieces], units.columns)

    def targets(self, features: Features, width: int) -> Tensor:
        """labels[B, T], ``IGNORED_LABEL`` everywhere but at first subwords."""
        return at_places(features, width, "tags")

    def loss(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Sum over units of the mean cross-entropy of their words."""
        targets_bt = batch["targets"]
        logits_btc = head(hidden_sth).float()
        losses_bt = nn.functional.cross_entropy(
            logits_btc.transpose(1, 2), targets_bt, reduction="none", ignore_index=IGNORED_LABEL
        )
        counts_b = (targets_bt != IGNORED_LABEL).sum(1).clamp(min=1)
        total: Tensor = (losses_bt.sum(1) / counts_b).sum()
        return total

    def outputs(
        self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]
    ) -> Sequence[np.ndarray]:
        """The most likely label of every token, [T] of each unit."""
        return list(array(head(hidden_sth).argmax(-1)))

    def decode(
        self, task: Task, rows: RowTable, features: Features, outputs: Sequence[np.ndarray]
    ) -> list[Any]:
        """Labels of each row's words; a word that the tokenizer drops gets ``O``, or the first."""
        fallback = task.labels.index("O") if "O" in task.labels else 0
        predicted = [[fallback] * len(words) for words in rows["words"]]
        for unit, labels in enumerate(outputs):
            mine = predicted[features.rows[unit]]
            columns = features.columns["words"][unit], features.columns["places"][unit]
            for word, place in zip(*columns, strict=True):
                mine[word] = int(labels[place])
        return predicted

    def gold(self, rows: RowTable) -> list[Any]:
        """The right labels of each row's words."""
        return rows["tags"]


def _subwords(word_ids: list[int | None], words: int) -> list[int]:
    """Subwords of each word; 0 for a word that the tokenizer drops."""
    counted = np.bincount([word for word in word_ids if word is not None], minlength=words)
    return [int(count) for count in counted]


def _pieces(subwords: list[int], longest: int) -> Iterator[range]:
    """Cut words into runs of at most ``longest`` subwords; a longer word stands alone."""
    ends = [0, *accumulate(subwords)]
    start = 0
    for word in range(1, len(subwords) + 1):
        if word == len(subwords) or ends[word + 1] - ends[start] > longest:
            yield range(start, word)
            start = word


def _first_subwords(word_ids: list[int | None]) -> dict[int, int]:
    """Word of a piece -> place of its first subword in the sequence."""
    first: dict[int, int] = {}
    for place, word in enumerate(word_ids):
        if word is not None:
            first.setdefault(word, place)
    return first
