"""Every tensor of a checkpoint is loaded, ignored by a rule that says why, or an error.

transformers loads what it recognises and leaves the rest random without an exception: its
``AltCLIPTextModel``, ``BlipTextModel`` and ``ChineseCLIPTextModel`` leave the whole encoder random
when they are given the checkpoint of the full model.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from spaces.mistakes import few


class WeightError(ValueError):
    """Weights and encoder do not fit, or cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Account:
    """What became of every tensor when weights were loaded."""

    loaded: tuple[str, ...]
    ignored: Mapping[str, str]
    """Tensor -> the rule that left it out."""
    made: Mapping[str, str] = field(default_factory=dict)
    """Tensor that the checkpoint does not have -> what it is and why that changes no state."""
    layout: str = ""
    """Name of the layout that the tensors were found in."""

    def to_json(self) -> dict[str, Any]:
        """Counts and reasons, for provenance."""
        told = {"made": dict(self.made)} if self.made else {}
        return {
            "layout": self.layout,
            "loaded": len(self.loaded),
            "ignored": dict(self.ignored),
            **told,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """The tensors of a checkpoint, sorted by where they belong."""

    encoder: Mapping[str, tuple[int, ...]]
    """Shapes, by the encoder's own names."""
    outside: tuple[str, ...] = ()
    """Names of tensors beside the encoder."""


def account_for(
    module: nn.Module,
    found: Found,
    rules: Mapping[str, str],
    made: Mapping[str, str] | None = None,
    layout: str = "",
) -> Account:
    """Compare what an encoder needs with what a checkpoint has; nothing is loaded.

    Args:
        module: the encoder; may be on the ``meta`` device.
        found: names and shapes in the checkpoint.
        rules: beginning of a tensor's name (``*`` stands for anything) -> why it is not loaded.
        made: tensors that the checkpoint may lack, and what they are made.
        layout: name of the layout, for the account.

    Raises:
        WeightError: a tensor of the encoder is missing, has another shape, or one is left over
            that no rule explains.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    made = {name: why for name, why in (made or {}).items() if name not in found.encoder}
    spare = [*(name for name in found.encoder if name not in wanted), *found.outside]
    ignored = {name: why for name in spare if (why := _reason(name, rules))}
    left_over = [name for name in spare if name not in ignored]
    missing = [name for name in wanted if name not in found.encoder and name not in made]
    misfits = [n for n, shape in wanted.items() if found.encoder.get(n, shape) != shape]
    if left_over or missing or misfits:
        raise WeightError(
            f"{type(module).__name__} does not fit its weights{_as_layout(layout)}: missing "
            f"{few(missing)}; unexplained {few(left_over)}; other shape {few(misfits)}"
        )
    return Account(tuple(n for n in wanted if n not in made), ignored, made, layout)


def _as_layout(name: str) -> str:
    return f" (read as {name})" if name else ""


def _reason(name: str, rules: Mapping[str, str]) -> str:
    return next((why for start, why in rules.items() if _begins(name, start)), "")


def _begins(name: str, start: str) -> bool:
    return fnmatchcase(name, f"{start}*") if "*" in start else name.startswith(start)


def named_once(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The encoder's name -> the file's, of pairs of both.

    Raises:
        WeightError: two tensors of the files claim one name.
    """
    found: dict[str, str] = {}
    for ours, theirs in names:
        if ours in found:
            raise WeightError(f"{found[ours]!r} and {theirs!r} are both {ours!r} of the encoder")
        found[ours] = theirs
    return found
