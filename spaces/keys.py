"""Canonical JSON and content keys: two things that mean the same have the same name.

A key is the sha256 of the canonical JSON of a dataclass. Fields that equal their dataclass default
are left out, so a field added later keeps old keys as long as its default means "as before"; a
default therefore never changes without a new phase version. Fields marked ``NOT_IN_KEY`` are for
people (names, paths) and are left out as well.
"""

import hashlib
import json
import math
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

NOT_IN_KEY = {"in_key": False}
"""Metadata of a dataclass field that cannot change a result."""

SIGNIFICANT_DIGITS = 6
"""Floats are hashed at this precision: a grid's 0.30000000000000004 is 0.3."""


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be part of a key: only finite numbers name a result")
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0  # -0.0 is 0.0


@cache
def _named(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Names and defaults of a dataclass's fields that are part of a key."""
    return tuple((f.name, f.default) for f in fields(kind) if f.metadata.get("in_key", True))


def _fields(value: Any) -> dict[str, Any]:
    """Fields of a dataclass that differ from their default, rounding noise aside."""
    found = {}
    for name, default in _named(value.__class__):
        own = getattr(value, name)
        if default is own:  # no float that is not finite is a default
            continue
        reduced = canonical(own)
        if default is MISSING or reduced != canonical(default):
            found[name] = reduced
    return found


def canonical(value: Any) -> Any:
    """Reduce a value of dataclasses, mappings, sequences and scalars to its JSON form.

    Raises:
        ValueError: a number is not finite.
        TypeError: a value of another type, whose JSON form would be a guess.
    """
    if value is None or isinstance(value, (str, bool, int)):  # most values, so they come first
        return value
    if isinstance(value, float):
        return _number(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, dict):
        return {str(name): canonical(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [canonical(item) for item in value]
    raise TypeError(f"{value!r} of type {type(value).__name__} has no canonical form")


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted names, no spaces, no NaN."""
    return json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """sha256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def short_hash(value: Any) -> str:
    """First 12 digits of the content hash, for names that people read."""
    return content_hash(value)[:12]


def derived_seed(*parts: str | int) -> int:
    """A 63-bit seed from names and numbers, the same on every machine and in every process."""
    text = json.dumps(parts, separators=(",", ":")).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1
