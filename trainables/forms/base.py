"""What a form must provide, and the sequences it turns rows into.

Shapes: B units, S sequences (those of all units, one after the other), T tokens, H hidden size,
C classes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from spaces.tasks import Task
from trainables.rows import RowError, RowTable

IGNORED_LABEL = -100
"""Label of a token without one: torch's cross-entropy leaves it out."""

Encoded = dict[str, list[Sequence[int]]]
"""One unit: ``input_ids`` and what else the encoder takes, each a list of sequences."""


@dataclass(frozen=True, slots=True)
class Features:
    """Rows as units. A unit is what a loss is computed on: a row, or a window or piece of one."""

    units: list[Encoded]
    rows: list[int]
    """Row that each unit comes from."""
    columns: dict[str, list[Any]] = field(default_factory=dict)
    """What else the form needs of each unit."""

    @property
    def lengths(self) -> list[int]:
        """Tokens of each unit as it is padded: sequences times the longest of them."""
        return [len(u["input_ids"]) * max(map(len, u["input_ids"])) for u in self.units]

    @property
    def tokens(self) -> list[int]:
        """Tokens of each unit without padding."""
        return [sum(map(len, unit["input_ids"])) for unit in self.units]

    @property
    def sizes(self) -> list[int]:
        """Sequences of each unit."""
        return [len(unit["input_ids"]) for unit in self.units]

    def packed(self) -> "Features":
        """The same in a quarter of the memory: a list of integers takes 36 bytes for each."""
        units: list[Encoded] = [
            {name: [np.asarray(s, dtype=np.int32) for s in found] for name, found in unit.items()}  # type: ignore[misc]
            for unit in self.units
        ]
        return Features(units, self.rows, self.columns)

    @classmethod
    def joined(cls, pieces: Sequence["Features"], first_rows: Sequence[int]) -> "Features":
        """Features of consecutive rows as one; ``first_rows`` says where each piece begins."""
        units = [unit for piece in pieces for unit in piece.units]
        starts = zip(pieces, first_rows, strict=True)
        rows = [start + row for piece, start in starts for row in piece.rows]
        columns = {n: [v for piece in pieces for v in piece.columns[n]] for n in pieces[0].columns}
        return cls(units, rows, columns)

    def take(self, units: Iterable[int]) -> "Features":
        """Some of the units."""
        units = list(units)
        columns = {name: [values[i] for i in units] for name, values in self.columns.items()}
        return Features([self.units[i] for i in units], [self.rows[i] for i in units], columns)

    def __add__(self, other: "Features") -> "Features":
        """These units and others of the same form."""
        columns = {name: values + other.columns[name] for name, values in self.columns.items()}
        return Features(self.units + other.units, self.rows + other.rows, columns)


class Form(Protocol):
    """Behaviour of one shape of task, stateless: everything it needs comes in.

    Either a ``RowForm`` or, where ``joint``, a ``JointForm``; neither, if it is only trained on.
    """

    columns: ClassVar[tuple[str, ...]]
    """Columns that rows of this form must have, besides ``item``."""

    content: ClassVar[tuple[str, ...]]
    """Columns that make up a row's text: test text is known by them wherever it turns up."""

    joint: ClassVar[bool]
    """Whether a unit's loss looks at the other units of its step (in-batch negatives). Such a form
    is a ``JointForm``, and its features have a column ``same``; see ``trainables/contrast.py``."""

    def flaw(self, task: Task, row: dict[str, Any], scored: bool) -> str:
        """Which rule a row breaks, in words; empty for none.

        Args:
            task: the row's task.
            row: a value for each of ``columns``.
            scored: whether it will be scored: more rules then.
        """

    def head(self, task: Task, encoder: nn.Module) -> nn.Module:
        """A fresh head for an encoder of transformers, whose own weights it may share."""

    def features(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """Tokenise rows into sequences of at most ``longest`` subwords."""

    def targets(self, features: Features, width: int) -> Tensor:
        """What the loss compares with, for units padded to ``width`` tokens."""

    def loss(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Sum of the units' losses, a scalar."""


class RowForm(Form, Protocol):
    """A form whose rows are predicted one by one."""

    def outputs(
        self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]
    ) -> Sequence[np.ndarray]:
        """What decoding needs of each unit."""

    def decode(
        self, task: Task, rows: RowTable, features: Features, outputs: Sequence[np.ndarray]
    ) -> list[Any]:
        """One prediction per row, comparable with ``gold`` by the task's metric."""

    def gold(self, rows: RowTable) -> list[Any]:
        """The right answers, one per row."""


class JointForm(Form, Protocol):
    """A form whose units are contrasted with one another, and whose rows are ranked candidates."""

    def queries(self, task: Task, rows: RowTable, tokenizer: Any, longest: int) -> Features:
        """One sequence per row: its query."""

    def candidates(self, task: Task, pool: RowTable, tokenizer: Any, longest: int) -> Features:
        """One sequence per candidate of a pool."""

    def vectors(self, head: nn.Module, hidden_sth: Tensor, batch: dict[str, Any]) -> Tensor:
        """Vectors of query and candidate, [B, 2, H]."""


def flaws(
    form: Form, task: Task, rows: RowTable, scored: bool = False
) -> Iterator[tuple[int, str]]:
    """Rows that break a rule of their form: number, and the rule and value in words."""
    names = form.columns
    for number, values in enumerate(zip(*(rows[name] for name in names), strict=True)):
        if flaw := form.flaw(task, dict(zip(names, values, strict=True)), scored):
            yield number, flaw


def blank(row: dict[str, Any], *names: str) -> str:
    """The flaw of a text without words; empty where all have some."""
    bad = [n for n in names if not isinstance(row[n], str) or not row[n].strip()]
    return f"column {bad[0]!r} is empty or not text: {row[bad[0]]!r}" if bad else ""


def out_of_range(name: str, value: Any, count: int) -> str:
    """The flaw of a number that names none of ``count`` things; empty where it names one."""
    inside = isinstance(value, int) and 0 <= value < count
    return "" if inside else f"{name} {value!r} is not in 0..{count - 1}"


def single_units(encoded: Any, count: int, **columns: list[Any]) -> Features:
    """Units of one sequence each, from what a tokenizer returned for a list of texts."""
    names = [name for name in ("input_ids", "token_type_ids") if name in encoded]
    units = [{name: [encoded[name][i]] for name in names} for i in range(count)]
    return Features(units, list(range(count)), columns)


def room_for_text(tokenizer: Any, longest: int) -> int:
    """Subwords of a text that fit into a sequence of at most ``longest`` with its special tokens.

    Raises:
        RowError: none does.
    """
    room: int = longest - tokenizer.num_special_tokens_to_add()
    if room < 1:
        raise RowError(f"max_tokens leaves room for {room} subwords: raise it in a [[task]] row")
    return room


def at_places(features: Features, width: int, column: str) -> Tensor:
    """A column of each unit at its ``places``, [B, width], ``IGNORED_LABEL`` everywhere else."""
    values_bt = torch.full((len(features.units), width), IGNORED_LABEL)
    for unit, (places, values) in enumerate(
        zip(features.columns["places"], features.columns[column], strict=True)
    ):
        values_bt[unit, places] = torch.tensor(values, dtype=torch.int64)
    return values_bt


def linear(encoder: nn.Module, classes: int) -> nn.Linear:
    """A fresh linear head H -> C on an encoder's states."""
    config: Any = encoder.config
    head = nn.Linear(config.hidden_size, classes)
    nn.init.normal_(head.weight, std=getattr(config, "initializer_range", 0.02))
    nn.init.zeros_(head.bias)
    return head


def array(tensor: Tensor) -> np.ndarray:
    """A tensor's values on the CPU, float32 or as they are."""
    values: np.ndarray = (
        (tensor.float() if tensor.is_floating_point() else tensor).detach().cpu().numpy()
    )
    return values
