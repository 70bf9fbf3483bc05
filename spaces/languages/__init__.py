"""Languages, one row each: who they are, which group they count in, and how the invented ones work.

Invented rows carry a ``Grammar``: everything that makes the micro-world's languages differ is data.
"""

from spaces.languages.micro import MICRO_LANGUAGES, MICRO_TRAINING_LANGUAGES, MICRO_TWINS
from spaces.languages.real import REAL_LANGUAGES, XTREME_R_LANGUAGES
from spaces.languages.row import (
    ENCODERS,
    EXPOSURE_SOURCE,
    GROUP_SOURCE,
    HUB_GROUP,
    Encoder,
    Grammar,
    Language,
    WorldName,
)

MICRO_HUB = MICRO_LANGUAGES[0].code
"""Every source in the invented worlds, as English is in the real one."""

LANGUAGES: tuple[Language, ...] = REAL_LANGUAGES + MICRO_LANGUAGES + MICRO_TWINS
"""Every built-in language."""

HUBS = tuple(row.code for row in LANGUAGES if row.group == HUB_GROUP)
"""English, and what stands for it in the invented worlds: the usual source, apart in every mean."""

__all__ = [
    "ENCODERS",
    "EXPOSURE_SOURCE",
    "GROUP_SOURCE",
    "HUBS",
    "HUB_GROUP",
    "LANGUAGES",
    "MICRO_HUB",
    "MICRO_LANGUAGES",
    "MICRO_TRAINING_LANGUAGES",
    "MICRO_TWINS",
    "REAL_LANGUAGES",
    "XTREME_R_LANGUAGES",
    "Encoder",
    "Grammar",
    "Language",
    "WorldName",
]
