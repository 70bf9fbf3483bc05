"""What the initialisations of a study allow one to say, whatever the numbers are.

A difference between two published checkpoints is about these two. What multimodal pretraining does
in general takes several pairs of a multimodal initialisation and a text-only twin of its own, and a
placebo that was trained on from one of these twins with wrong pictures, which tells pictures from
further training. Pairs that share a twin share its luck.
"""

from collections.abc import Iterable, Mapping

from spaces.initialisations import Initialisation

SEVERAL = 3
"""Twins from which on one may speak of pretraining in general: two may both be odd."""

PICTURES = ("images", "distilled captions")
PLACEBO = "shuffled images"

Rows = Mapping[str, Initialisation]
"""Initialisations by name."""


def twin_pairs(rows: Rows, names: Iterable[str]) -> list[tuple[str, str]]:
    """Each initialisation and its twin, where both are there, in the order of the first."""
    there = list(names)
    return [(name, rows[name].twin) for name in there if rows[name].twin in there]


def placebo_pairs(rows: Rows, names: Iterable[str]) -> list[tuple[str, str]]:
    """Each initialisation that saw right pictures and one of the same twin that saw wrong ones."""
    there = list(names)
    seen = [name for name in there if rows[name].image_stage == "images" and rows[name].twin]
    return [
        (name, other)
        for name in seen
        for other in there
        if rows[other].image_stage == PLACEBO and rows[other].twin == rows[name].twin
    ]


def default_pairs(rows: Rows, names: Iterable[str]) -> list[tuple[str, str]]:
    """What initialisations are compared with unless somebody says otherwise.

    Each with its twin, then right pictures with wrong ones; where no pair of these is there, each
    with the first.
    """
    there = list(names)
    found = [*twin_pairs(rows, there), *placebo_pairs(rows, there)]
    return found or [(name, there[0]) for name in there[1:]]


def picture_pairs(rows: Rows, names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of twins of which the first knows pictures."""
    return [pair for pair in twin_pairs(rows, names) if rows[pair[0]].image_stage in PICTURES]


def speaks_of_all(rows: Rows, names: Iterable[str]) -> bool:
    """Whether a design can speak of multimodal pretraining in general."""
    there = list(names)
    twins = {twin for _, twin in picture_pairs(rows, there)}
    placebo = any(rows[first].twin in twins for first, _ in placebo_pairs(rows, there))
    return len(twins) >= SEVERAL and placebo


def claim(rows: Rows, names: Iterable[str], first: str, second: str) -> str:
    """What a difference between two initialisations is about, in a few words.

    Args:
        rows: initialisations by name.
        names: all that the design compares.
        first: one of them.
        second: another.
    """
    there = list(names)
    if (first, second) in placebo_pairs(rows, there):
        return "right against wrong pictures, in this pair"
    if rows[first].twin != second and rows[second].twin != first:
        return "these two initialisations, which are no twins"
    pairs = picture_pairs(rows, there)
    if (first, second) in pairs and speaks_of_all(rows, there):
        return f"this pair; with all {len(pairs)} and the placebo, multimodal pretraining"
    return "this pair of twins"


def design_claim(rows: Rows, names: Iterable[str]) -> str:
    """What the initialisations of a design allow one to say, in sentences.

    Args:
        rows: initialisations by name.
        names: all that the design compares.
    """
    there = list(names)
    pairs, placebos = picture_pairs(rows, there), placebo_pairs(rows, there)
    general = speaks_of_all(rows, there)
    words = [_pairs_words(pairs, placebos, general), *_lone_words(rows, there, pairs)]
    if given := [name for name in there if rows[name].path]:
        words.append(
            f"The weights of {', '.join(given)} are given: no interval here says how another "
            "pretraining would do."
        )
    words += [
        f"{name} and {rows[name].twin} also differ in this: {rows[name].confound}."
        for name, _ in pairs
        if rows[name].confound
    ]
    return " ".join(words)


def _pairs_words(
    pairs: list[tuple[str, str]], placebos: list[tuple[str, str]], general: bool
) -> str:
    if not pairs:
        return (
            "No initialisation that knows pictures stands beside its text-only twin: nothing here "
            "speaks of multimodal pretraining."
        )
    named = "; ".join(f"{first} and {second}" for first, second in pairs)
    if general:
        return (
            f"{len(pairs)} pairs of twins ({named}) and a placebo: where they agree, the "
            "differences speak of multimodal pretraining in general."
        )
    pair = "One pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
    placebo = (
        "a placebo tells the right pictures from the rest of that training"
        if placebos
        else "without a placebo, pictures and further training cannot be told apart"
    )
    return (
        f"{pair} of twins ({named}): differences are about {'it' if len(pairs) == 1 else 'them'}, "
        f"not about multimodal pretraining in general, which takes {SEVERAL} pairs, each with a "
        f"twin of its own, and a placebo; {placebo}."
    )


def _lone_words(rows: Rows, there: list[str], pairs: list[tuple[str, str]]) -> list[str]:
    paired = {name for name, _ in pairs}
    alone = [n for n in there if rows[n].image_stage in PICTURES and n not in paired]
    if not alone:
        return []
    return [
        f"{', '.join(alone)} without a twin: a difference may be of anything in which it differs."
    ]
