"""What a setting has seen of a language: flags, and the leakage class of every cell.

Intermediate rows in a target's language make an evaluation there less than zero-shot, and rows of
one data set, skill or source of documents more so. Definitions of leakage mostly speak of pairs of
data sets; ours speaks of cells (a setting, a target, a language), because one mixture leaks into
some languages of a target and not into others.

The classes stand in the order in which they are looked for, over all parts of all mixtures. ``L2``
goes before ``L3`` because supervision in the language is certain and shared documents are only
possible. Masked text and controls count like any other part: their skill is never the target's, so
they leak through their data set, their documents or their language.
"""

from collections.abc import Iterable

from spaces.catalogue import Catalogue
from spaces.languages import HUBS
from spaces.settings import Part, TransferSetting
from spaces.tasks import Task

SAME_ROWS = "same rows"

SUPERVISED = (SAME_ROWS, "L4", "L2", "L3")
"""Classes of cells in which the setting saw rows like those that it is scored on."""

PRIMARY = ("L1", "L0")
"""Classes of the primary analysis."""

LEAKAGE = SUPERVISED + PRIMARY
"""Every class, in the order in which they are looked for."""

LEAKAGE_WORDS = (
    "same rows: the intermediate rows are the target's own training rows. Intermediate rows in the "
    "language: L4 of the target's data set (of one that is parallel to it, in any language), L2 of "
    "its skill, L3 of its documents, L1 others; L0: none."
)
"""What the classes mean, for texts."""


def leakage_classes(
    catalogue: Catalogue, setting: TransferSetting, target: str, languages: Iterable[str]
) -> dict[str, str | None]:
    """The class of each cell of one setting and target.

    A part (task t, language m) puts the cell of target T and language l into the first of these:

    - ``same rows``: t is a task of T's recipe and m a source language; whatever l is.
    - ``L4``: t shares its data set with T or with a task of its recipe, and m is l; or t is
      trained on translations of T's own dev or test items, whatever l is.
    - ``L2``: t has T's skill, and m is l.
    - ``L3``: t and T share a source of documents, and m is l.
    - ``L1``: m is l.
    - ``L0``: m is another language.

    The first that any part gives is the cell's.

    Args:
        catalogue: has the rows of all tasks.
        setting: whose intermediate phases are looked at.
        target: name of the target.
        languages: codes of languages that the target is scored in.

    Returns:
        Language -> one of ``LEAKAGE``; None for each where there is no intermediate phase.
    """
    there = [
        (catalogue.tongue(part.language), *_classes(catalogue, setting, target, part))
        for part in _parts(setting)
    ]
    anywhere = {elsewhere for _, _, elsewhere in there}
    tongues = {code: catalogue.tongue(code) for code in languages}
    return {
        code: _first(anywhere | {here for spoken, here, _ in there if spoken == tongue})
        for code, tongue in tongues.items()
    }


def _first(classes: set[str]) -> str | None:
    return min(classes, key=LEAKAGE.index, default=None)


def _classes(
    catalogue: Catalogue, setting: TransferSetting, target: str, part: Part
) -> tuple[str, str]:
    """What a part makes of cells in its own language, and of those in others."""
    row, trained = catalogue.tasks[target], catalogue.tasks[part.task]
    if part.task in row.recipe and part.language in setting.source_languages:
        return SAME_ROWS, SAME_ROWS
    recipe = [catalogue.tasks[name] for name in row.recipe]
    return _in_its_language(trained, row, recipe), _in_others(trained, row)


def _in_its_language(trained: Task, target: Task, recipe: Iterable[Task]) -> str:
    if any(_share_set(trained, task) for task in (target, *recipe)):
        return "L4"
    if trained.skill == target.skill:
        return "L2"
    return "L3" if {*trained.documents} & {*target.documents} else "L1"


def _in_others(trained: Task, target: Task) -> str:
    """Translations of the target's dev or test items tell of them in every language.

    Those of its training items do not: XNLI's machine-translated rows are MNLI's.
    """
    parallel = trained.parallel or trained.origin in ("parallel", "translated")
    items = trained.data is not None and trained.data.splits.get("train", "train") != "train"
    return "L4" if parallel and items and _share_set(trained, target) else "L0"


def _share_set(one: Task, other: Task) -> bool:
    """Whether the rows of two tasks are of one data set, or of versions of it."""
    return one.name == other.name or one.collection == other.collection != ""


def is_primary(leakage: str | None, language: str) -> bool:
    """Whether a cell counts in the primary analysis: ``L0`` and ``L1``, English apart.

    A cell without an intermediate phase leaks nothing, and is what the others are compared with.

    Args:
        leakage: the cell's class.
        language: code of its language.
    """
    return language not in HUBS and (leakage is None or leakage in PRIMARY)


def _parts(setting: TransferSetting) -> list[Part]:
    """Parts of all intermediate phases."""
    return [part for mixture in setting.intermediate for part in mixture.parts]


def seen_flags(
    catalogue: Catalogue, setting: TransferSetting, target: str, language: str
) -> dict[str, bool]:
    """Whether a setting trained on a language, and whether on the target's own skill in it."""
    parts = _parts(setting)
    skill = catalogue.tasks[target].skill

    def in_language(some: list[Part]) -> bool:
        return any(catalogue.tongue(p.language) == catalogue.tongue(language) for p in some)

    return {
        "seen_source": language in setting.source_languages,
        "seen_intermediate": in_language(parts),
        "seen_skill": in_language([p for p in parts if catalogue.tasks[p.task].skill == skill]),
    }
