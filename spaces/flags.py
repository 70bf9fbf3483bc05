"""What a setting has seen of a language: the flags every score row carries."""

from spaces.catalogue import Catalogue
from spaces.settings import Part, TransferSetting


def seen_flags(
    catalogue: Catalogue, setting: TransferSetting, target: str, language: str
) -> dict[str, bool]:
    """Whether a setting trained on a language, and whether on the target's own skill in it."""
    parts = [part for mixture in setting.intermediate for part in mixture.parts]
    skill = catalogue.tasks[target].skill

    def in_language(some: list[Part]) -> bool:
        return any(part.language == language for part in some)

    return {
        "seen_source": language in setting.source_languages,
        "seen_intermediate": in_language(parts),
        "seen_skill": in_language([p for p in parts if catalogue.tasks[p.task].skill == skill]),
    }
