"""What a row of the language catalogue says."""

from dataclasses import dataclass
from typing import Literal

WorldName = Literal["real", "micro"]

Group = Literal["english", "european", "non_european"]

Encoder = Literal["xlm-r", "mbert", "m-clip-48", "altclip-m18"]
"""A family of pretrained encoders whose makers publish the languages it was trained on."""

ENCODERS: tuple[Encoder, ...] = ("xlm-r", "mbert", "m-clip-48", "altclip-m18")

HUB_GROUP = "english"
"""Group of English, or of the micro-world's hub language, which is every source."""

GROUP_SOURCE = "built-in coding: European = indigenous to Europe; `english` apart from both"

EXPOSURE_SOURCE = (
    "whether the makers' published list names the language; m-clip-48 and altclip-m18 list those "
    "of their own training alone, which came after xlm-r's"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grammar:
    """The knobs of an invented language."""

    word_order: Literal["SVO", "VSO", "SOV"]
    adjective: Literal["before", "after"]
    """Where an attribute stands relative to its noun."""
    determiner: bool
    case: tuple[Literal["subject", "object"], ...]
    """Which noun phrases carry a case marker."""
    adposition: Literal["before", "after"]
    copula: bool
    hub_overlap: float
    """Share of content words spelled as in the hub language, in [0, 1]."""
    name_overlap: float
    """Share of proper names spelled as in the hub language, in [0, 1]."""
    relative: str = ""
    """Another invented language whose own words this one copies; empty for none."""
    relative_overlap: float = 0.0
    """Share of the remaining content words copied from ``relative``, in [0, 1]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """One language."""

    code: str
    """ISO 639-1 where there is one, with the script where a second one counts apart; else the code
    of the data sets."""
    name: str
    family: str
    script: str
    group: str
    """Of built-in rows, by ``GROUP_SOURCE``; in a plan's catalogue, by the plan's grouping."""
    iso3: str = ""
    """Three letters, as Tatoeba's files are called; elsewhere ISO 639-3. Real languages only."""
    exposure: tuple[Encoder, ...] = ()
    """Encoders whose published lists name the language, in the order of ``ENCODERS``. M-CLIP and
    AltCLIP list those of their own training alone: their text encoders began as XLM-R, so what it
    saw they saw too. Real languages only."""
    world: WorldName = "real"
    grammar: Grammar | None = None
    twin_of: str = ""
    """Invented languages only: the one that this is a second drawing of; see ``MICRO_TWINS``."""
