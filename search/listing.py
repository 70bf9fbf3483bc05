"""The catalogue as text."""

from collections.abc import Iterable, Sequence

from spaces.catalogue import Catalogue
from spaces.initialisations import Initialisation
from spaces.languages import ENCODERS, EXPOSURE_SOURCE, GROUP_SOURCE

WORLDS = ("real", "micro", "oracle")


def catalogue_text(kind: str) -> str:
    """The rows of one kind, of every world.

    Args:
        kind: targets, intermediates, languages or initialisations.
    """
    rows = [row for world in WORLDS for row in _ROWS[kind](Catalogue.of_world(world))]
    head = _HEADS[kind]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, tuple("-" * width for width in widths), *dict.fromkeys(rows)]
    return "\n".join([*(_line(line, widths) for line in lines), *_NOTES.get(kind, ())])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def _targets(rows: Catalogue) -> Iterable[tuple[str, ...]]:
    for task in rows.tasks.values():
        if task.languages:
            recipe, codes = " > ".join(task.recipe) or "nothing", " ".join(task.languages)
            about = (rows.world, task.name, task.form, task.skill, recipe)
            yield *about, task.metric, f"{task.chance:.1f}", codes


def _intermediates(rows: Catalogue) -> Iterable[tuple[str, ...]]:
    for task in rows.tasks.values():
        if task.train_languages:
            licence = task.data.licence if task.data else ""
            codes = " ".join(task.train_languages)
            yield rows.world, task.name, task.form, task.skill, codes, licence


def _languages(rows: Catalogue) -> Iterable[tuple[str, ...]]:
    for row in rows.languages.values():
        group = f"twin of {row.twin_of}" if row.twin_of else row.group
        seen = ["yes" if encoder in row.exposure else "-" for encoder in ENCODERS]
        scoring = sum(row.code in task.languages for task in rows.tasks.values())
        about = (rows.world, row.code, row.name, row.family, row.script, group)
        yield *about, *seen, str(scoring or "-")


def _initialisations(rows: Catalogue) -> Iterable[tuple[str, ...]]:
    for row in rows.initialisations.values():
        yield rows.world, row.name, row.modality, row.twin, _origin(row)


def _origin(row: Initialisation) -> str:
    """Where an initialisation's weights come from."""
    if row.pretraining is None:
        return row.path or "a formula"
    pictures = {"none": "text", "own": "text and pictures", "shuffled": "text and wrong pictures"}
    words = f"pretrained here on {pictures[row.pretraining.images]}"
    return f"{words}, {len(row.pretraining.languages)} languages"


_ROWS = {
    "targets": _targets,
    "intermediates": _intermediates,
    "languages": _languages,
    "initialisations": _initialisations,
}

_HEADS = {
    "targets": ("world", "target", "form", "skill", "trained on", "metric", "chance", "languages"),
    "intermediates": ("world", "task", "form", "skill", "languages", "licence"),
    "languages": ("world", "code", "name", "family", "script", "group", *ENCODERS, "targets"),
    "initialisations": ("world", "name", "modality", "twin", "weights"),
}

_NOTES = {
    "languages": (
        "",
        f"group: {GROUP_SOURCE}",
        f"{', '.join(ENCODERS)}: {EXPOSURE_SOURCE}",
        "targets: how many of this world's targets score the language",
    ),
}
"""Lines below a table."""
