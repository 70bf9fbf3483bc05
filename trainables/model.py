"""An encoder with the heads of one phase, and tokenised rows as the batches it takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from spaces.phases import Rows
from spaces.settings import Readout
from spaces.tasks import Task
from trainables.batches import RowOrder
from trainables.forms import FORMS, Features, JointForm, RowForm
from trainables.forms.retrieval import pooled
from trainables.phase import StepRows
from trainables.rows import RowTable, Source

ENCODER_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def encoder_inputs(batch: dict[str, Any]) -> dict[str, Tensor]:
    """What of a batch the encoder takes."""
    return {name: batch[name] for name in ENCODER_INPUTS if name in batch}


def last_states(encoder: nn.Module, batch: dict[str, Any]) -> Tensor:
    """States of the last layer, [S, T, H]."""
    states: Tensor = encoder(**encoder_inputs(batch)).last_hidden_state
    return states


class TaskModel(nn.Module):
    """A plain transformers encoder and one head per skill and label set."""

    def __init__(
        self, encoder: nn.Module, tasks: list[Task], readouts: Sequence[Readout] = ()
    ) -> None:
        """Fresh heads on an encoder.

        Args:
            encoder: of transformers, without a head.
            tasks: what it is trained or scored on.
            readouts: where vectors are read; the last layer and the head's pooling for none.
        """
        super().__init__()
        self.encoder = encoder
        config: Any = encoder.config
        self.forms = {task.head: FORMS[task.form] for task in tasks}
        self.heads = nn.ModuleDict(
            {task.head: FORMS[task.form].head(task, encoder) for task in tasks}
        )
        self.vector_size: int = config.hidden_size
        self.readouts = tuple(readouts)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        """Sum of the units' losses; all units of a micro-batch share one head.

        The other heads' weights are touched with weight zero, and all of them in one order: ranks
        and ZeRO partitions must gather and reduce the same tensors in every micro-batch, and ZeRO
        does so in the order of their use.
        """
        name, hidden_sth = batch["head"], last_states(self.encoder, batch)
        losses = [
            self.forms[name].loss(head, hidden_sth, batch)
            if each == name
            else 0.0 * head(hidden_sth[:1, 0]).sum()
            for each, head in self.heads.items()
            if each == name or any(True for _ in head.parameters())
        ]
        return sum(losses[1:], start=losses[0])

    def vectors(self, batch: dict[str, Any]) -> Tensor:
        """Vectors of query and candidate, [B, 2, H], of a head whose form is joint."""
        name = batch["head"]
        form = cast(JointForm, self.forms[name])
        return form.vectors(self.heads[name], last_states(self.encoder, batch), batch)

    @torch.no_grad()
    def outputs(self, batch: dict[str, Any]) -> Sequence[np.ndarray]:
        """What decoding needs of each unit."""
        name = batch["head"]
        form = cast(RowForm, self.forms[name])
        return form.outputs(self.heads[name], last_states(self.encoder, batch), batch)

    @torch.no_grad()
    def read(self, batch: dict[str, Any]) -> Tensor:
        """The vector of each sequence in each readout, [S, R, H]; one pass serves all layers."""
        mask_st = batch["attention_mask"]
        if not self.readouts:
            head = self.heads[batch["head"]]
            vectors_sh: Tensor = head(last_states(self.encoder, batch), mask_st)
            return vectors_sh[:, None]
        output = self.encoder(**encoder_inputs(batch), output_hidden_states=True)
        # Towers of CLIP and SigLIP normalise the last layer's states outside of `hidden_states`.
        states = (*output.hidden_states[:-1], output.last_hidden_state)
        found = [
            pooled(states[readout.layer], mask_st, readout.pooling) for readout in self.readouts
        ]
        return torch.stack(found, dim=1)


def padded(sequences: Mapping[str, Sequence[Sequence[int]]], pad_id: int) -> dict[str, Tensor]:
    """Sequences padded to the longest: input_ids, attention_mask[, token_type_ids], [S, T]."""
    lengths = torch.tensor([len(ids) for ids in sequences["input_ids"]])
    width = int(lengths.max())
    tensors = {
        name: _rectangle(rows, width, pad_id if name == "input_ids" else 0)
        for name, rows in sequences.items()
    }
    return {**tensors, "attention_mask": (torch.arange(width) < lengths[:, None]).long()}


def _rectangle(sequences: Sequence[Sequence[int]], width: int, filling: int) -> Tensor:
    """Sequences as rows of one tensor, [S, T]."""
    rows = np.full((len(sequences), width), filling, dtype=np.int64)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(rows)


def inputs(task: Task, features: Features, pad_id: int) -> dict[str, Any]:
    """A batch of units whose answers are not looked at."""
    names = features.units[0]
    sequences = {name: [s for unit in features.units for s in unit[name]] for name in names}
    return {**padded(sequences, pad_id), "head": task.head, "sizes": features.sizes}


def collate(task: Task, features: Features, pad_id: int) -> dict[str, Any]:
    """A micro-batch of units that share one head, with what their loss compares with."""
    batch = inputs(task, features, pad_id)
    if "same" in features.columns:
        batch["same"] = torch.tensor(features.columns["same"])
    return batch | {"targets": FORMS[task.form].targets(features, batch["input_ids"].shape[1])}


ROWS_AT_ONCE = 2000
"""Rows that are tokenised at once: what a tokenizer returns takes many times what is kept of it."""


def tokenised(
    read: Callable[..., Features], task: Task, table: RowTable, tokenizer: Any, longest: int
) -> Features:
    """Features of a table, or of a pool of candidates, by one of a form's methods."""
    count = len(next(iter(table.values())))
    starts = range(0, count, ROWS_AT_ONCE)
    pieces = []
    for start in starts:
        piece = {name: values[start : start + ROWS_AT_ONCE] for name, values in table.items()}
        pieces.append(read(task, piece, tokenizer, longest).packed())
    return Features.joined(pieces, starts)


@dataclass(frozen=True, slots=True)
class TokenisedPart:
    """The rows of one part, tokenised."""

    rows: Rows
    task: Task
    table: RowTable
    features: Features
    cues: list[Any] | None = None
    """What a surface cue alone predicts of each row, where a rule is known."""
    lengths: list[int] = field(init=False)
    """Tokens of each unit as it is padded."""
    tokens: list[int] = field(init=False)
    """Tokens of each unit without padding."""

    def __post_init__(self) -> None:
        """Count once: every step asks."""
        object.__setattr__(self, "lengths", self.features.lengths)
        object.__setattr__(self, "tokens", self.features.tokens)

    @classmethod
    def of(
        cls, rows: Rows, task: Task, source: Source, tokenizer: Any, longest: int
    ) -> "TokenisedPart":
        """Read and tokenise rows; of scored rows of a joint form, the queries alone."""
        table, form = source.rows(rows), FORMS[task.form]
        if rows.split == "train":
            return cls(rows, task, table, tokenised(form.features, task, table, tokenizer, longest))
        read = cast(JointForm, form).queries if form.joint else form.features
        features = tokenised(read, task, table, tokenizer, longest)
        return cls(rows, task, table, features, source.cues(task, table))


@dataclass(frozen=True, slots=True)
class TaskData:
    """Steps of labelled rows, for ``train_phase``. A unit (a window, a piece) counts as a row."""

    parts: list[TokenisedPart]
    order: RowOrder
    pad_id: int

    def rows(self, step: int) -> StepRows:
        """The rows of a step with their lengths and heads."""
        rows = self.order.step(step)
        joint: dict[str, list[int]] = {}
        for part, row in rows:
            chosen = self.parts[part]
            if FORMS[chosen.task.form].joint:
                same = chosen.features.columns["same"][row]
                joint.setdefault(chosen.task.head, []).append(same)
        return StepRows(
            step,
            rows,
            lengths=[self.parts[part].lengths[row] for part, row in rows],
            groups=[self.parts[part].task.head for part, _ in rows],
            tokens=sum(self.parts[part].tokens[row] for part, row in rows),
            joint=joint,
        )

    def batch(self, rows: StepRows, positions: list[int]) -> dict[str, Any]:
        """A micro-batch; its rows may come from several parts that share one head."""
        chosen = rows.rows[positions]
        units = [self.parts[part].features.take([row]) for part, row in chosen]
        return collate(self.parts[chosen[0][0]].task, reduce(add, units), self.pad_id)
