"""Languages, one row each: who they are, which group they count in, and how the invented ones work.

Real rows: family and script are common knowledge; the European / non-European coding is this
project's own ("indigenous to Europe"), and rival codings exist, so a plan may name another one in
``[[language_group]]``. Invented rows carry a ``Grammar``: everything that makes the micro-world's
languages differ is data here.
"""

from dataclasses import dataclass, replace
from typing import Literal

WorldName = Literal["real", "micro"]

GROUP_SOURCE = "built-in coding: European = indigenous to Europe; `english` apart from both"


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
    name: str
    family: str
    script: str
    group: Literal["english", "european", "non_european"]
    """English (or the micro-world's hub language) is a group of its own: it is every source."""
    world: WorldName = "real"
    grammar: Grammar | None = None
    twin_of: str = ""
    """Invented languages only: the one that this is a second drawing of; see ``MICRO_TWINS``."""


def _real(code: str, name: str, family: str, script: str, group: str) -> Language:
    return Language(code=code, name=name, family=family, script=script, group=group)  # type: ignore[arg-type]


_REAL = (
    _real("ar", "Arabic", "Afro-Asiatic", "Arabic", "non_european"),
    _real("bg", "Bulgarian", "IE: Slavic", "Cyrillic", "european"),
    _real("de", "German", "IE: Germanic", "Latin", "european"),
    _real("el", "Greek", "IE: Greek", "Greek", "european"),
    _real("en", "English", "IE: Germanic", "Latin", "english"),
    _real("es", "Spanish", "IE: Romance", "Latin", "european"),
    _real("fr", "French", "IE: Romance", "Latin", "european"),
    _real("hi", "Hindi", "IE: Indo-Aryan", "Devanagari", "non_european"),
    _real("id", "Indonesian", "Austronesian", "Latin", "non_european"),
    _real("ko", "Korean", "isolate (Koreanic)", "Hangul", "non_european"),
    _real("ru", "Russian", "IE: Slavic", "Cyrillic", "european"),
    _real("sw", "Swahili", "Niger-Congo", "Latin", "non_european"),
    _real("th", "Thai", "Kra-Dai", "Thai", "non_european"),
    _real("tr", "Turkish", "Turkic", "Latin", "non_european"),
    _real("ur", "Urdu", "IE: Indo-Aryan", "Arabic", "non_european"),
    _real("vi", "Vietnamese", "Austroasiatic", "Latin", "non_european"),
    _real("zh", "Chinese", "Sino-Tibetan", "Han", "non_european"),
)

_MICRO = (
    Language(
        code="avel",
        name="Avel",
        family="Northern",
        script="round",
        group="english",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="before",
            determiner=True,
            case=(),
            adposition="before",
            copula=True,
            hub_overlap=1.0,
            name_overlap=1.0,
        ),
    ),
    Language(
        code="brin",
        name="Brin",
        family="Northern",
        script="round",
        group="european",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="before",
            determiner=True,
            case=(),
            adposition="before",
            copula=True,
            hub_overlap=0.45,
            name_overlap=1.0,
        ),
    ),
    Language(
        code="corm",
        name="Corm",
        family="Western",
        script="round",
        group="european",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="after",
            determiner=True,
            case=(),
            adposition="before",
            copula=True,
            hub_overlap=0.35,
            name_overlap=1.0,
            relative="brin",
            relative_overlap=0.5,
        ),
    ),
    Language(
        code="dask",
        name="Dask",
        family="Eastern",
        script="square",
        group="european",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="before",
            determiner=False,
            case=("object",),
            adposition="before",
            copula=False,
            hub_overlap=0.15,
            name_overlap=0.6,
            relative="brin",
            relative_overlap=0.4,
        ),
    ),
    Language(
        code="esho",
        name="Esho",
        family="Southern",
        script="sharp",
        group="non_european",
        world="micro",
        grammar=Grammar(
            word_order="VSO",
            adjective="after",
            determiner=True,
            case=(),
            adposition="before",
            copula=False,
            hub_overlap=0.03,
            name_overlap=0.4,
        ),
    ),
    Language(
        code="fanu",
        name="Fanu",
        family="Inland",
        script="sharp",
        group="non_european",
        world="micro",
        grammar=Grammar(
            word_order="SOV",
            adjective="before",
            determiner=False,
            case=("object",),
            adposition="after",
            copula=True,
            hub_overlap=0.06,
            name_overlap=0.5,
        ),
    ),
    Language(
        code="gire",
        name="Gire",
        family="Southern",
        script="long",
        group="non_european",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="after",
            determiner=False,
            case=(),
            adposition="before",
            copula=True,
            hub_overlap=0.08,
            name_overlap=0.6,
            relative="esho",
            relative_overlap=0.7,
        ),
    ),
    Language(
        code="hatu",
        name="Hatu",
        family="Inland",
        script="long",
        group="non_european",
        world="micro",
        grammar=Grammar(
            word_order="SOV",
            adjective="before",
            determiner=False,
            case=("subject", "object"),
            adposition="after",
            copula=True,
            hub_overlap=0.02,
            name_overlap=0.3,
            relative="fanu",
            relative_overlap=0.7,
        ),
    ),
)

MICRO_LANGUAGES: tuple[Language, ...] = _MICRO
"""The invented ones, hub first."""

MICRO_TWINS = (replace(_MICRO[-1], code="itor", name="Itor", twin_of="hatu"),)
"""Invented languages for A/A tests: each has the grammar of another, overlaps included, and a
lexicon of its own, because words follow from the code. Where both are pretrained and neither is
supervised, any difference between the two is a false positive. A twin is in no group and in no
default; ``[[task]]`` rows and whoever writes documents name it where it is wanted."""

LANGUAGES: tuple[Language, ...] = _REAL + MICRO_LANGUAGES + MICRO_TWINS
"""Every built-in language."""

MICRO_TRAINING_LANGUAGES = ("avel", "brin", "esho", "fanu")
"""Invented languages that may hold intermediate rows. The other two of each group never do, so that
supervision in the language and transfer to it can be told apart."""
