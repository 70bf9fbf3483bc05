"""What is wrong with a plan or a call, said once, in the words of TOML."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

MOST_SHOWN = 7
"""Mistakes in one message: with three lines each it still fits a screen."""

MOST_NAMES = 40
"""Valid names that a message lists; the catalogue has more tasks than anyone would read here."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a plan or a call."""

    where: str
    read: str
    expected: str

    def __str__(self) -> str:
        """Three short lines: where, the value, the rule and the next move."""
        return f"  {self.where}\n    read:     {self.read}\n    expected: {self.expected}"


class PlanError(ValueError):
    """Everything that is wrong with a plan; ``str()`` fits one screen."""

    def __init__(self, source: str, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{len(mistakes)} mistake" + ("s" if len(mistakes) != 1 else "")
        shown = "\n".join(str(mistake) for mistake in mistakes[:MOST_SHOWN])
        left = len(mistakes) - MOST_SHOWN
        more = f"\n  ... and {left} more" if left > 0 else ""
        super().__init__(f"{source}: {count}; nothing was written\n{shown}{more}")


def nearest(name: str, valid: Iterable[str]) -> str:
    """``one of a, b, c; did you mean b?`` for a name that is not among the valid ones."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return f"one of {few(names, MOST_NAMES)}{hint}"


def few(names: Sequence[str], most: int = 4) -> str:
    """The first of some names, and how many more there are; ``none`` of none."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "(none)") + more


def _dotted(location: tuple[str | int, ...]) -> str:
    """Location of a mistake as TOML writes it: ``[space.mixture] tasks``."""
    path = [str(part) for part in location if part not in ("range", "list", "all", "number")]
    if len(path) <= 1:
        return f"[{path[0]}]" if path else "plan"
    tables = ["target" if part == "target_by_task" else part for part in path[:-1]]
    return f"[{'.'.join(tables)}] {path[-1]}"


def _siblings(top: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Names that are valid where an unknown key was found."""
    model = top
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        inner = [t for t in _models_in(field.annotation)] if field else []
        if inner:
            model = inner[0]
    return [name for name in model.model_fields if name != "target_by_task"]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Table models that a field's annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]


def _once(errors: list[Any]) -> list[Any]:
    """Without "too short" of a list whose entries have mistakes of their own."""
    return [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(e is not error and e["loc"][: len(error["loc"])] == error["loc"] for e in errors)
    ]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _mistake(top: type[BaseModel], error: Any) -> Mistake:
    where, last = _dotted(error["loc"]), str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return Mistake(where, f"unknown key {last!r}", nearest(last, _siblings(top, error["loc"])))
    if error["type"] == "missing":
        return Mistake(where, "nothing: it is missing", f"a value for {last!r}")
    return Mistake(where, _shown(error["input"]), _rule(error["msg"]))


WORDS = (
    (r"^(Value error, |Input should be )", ""),
    (r"^(Tuple|List|Value) should have (at least \d+).*", r"\2 entry"),
    (r"^String should match.*", "letters, digits, '.', '_' and '-', at most 64 of them"),
    (r"^a valid tuple", "a list"),
    (r"^a valid integer.*", "a whole number"),
    (r"^a valid number.*", "a number"),
    (r"^a valid string", "a text in quotes"),
    (r"^a valid dictionary.*", "a table"),
)
"""Pydantic's words for a rule -> a plan's."""


def _rule(message: str) -> str:
    """A rule in the words of TOML, not of Python."""
    for pattern, words in WORDS:
        message = re.sub(pattern, words, message)
    return message


def mistakes_of(top: type[BaseModel], error: ValidationError) -> list[Mistake]:
    """Every mistake that pydantic found in a document of model ``top``."""
    return [_mistake(top, item) for item in _once(error.errors())]
