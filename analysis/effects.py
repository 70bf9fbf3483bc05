"""What a contrast's factors do: differences, their interaction, and how sure they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.comparisons import FACTORS, Comparison, Design, Factor, interactions, main_effects
from analysis.effect_rows import METHODS, Languages, Method, Question, effect_rows
from analysis.estimates import Asked, Covered, Pretrainings
from analysis.frames import DEFAULT_ROOT, Studies
from analysis.snapshot import read_snapshots
from analysis.typed import typed_frame
from spaces.mistakes import nearest
from spaces.records import EFFECT_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame


def contrast(
    study: Studies,
    root: Path | str = DEFAULT_ROOT,
    *,
    factor: Factor = "initialisation",
    baseline: str | None = None,
    averaged_over: Sequence[str] | None = None,
    groups: Mapping[str, str] | None = None,
    languages: Languages = "averaged",
    covers: Sequence[Covered] = ("seeds",),
    pretrainings: Pretrainings = "sampled",
    methods: Sequence[Method] = METHODS,
    level: float = 0.95,
    margin: float = 1.0,
) -> "DataFrame":
    """What one factor of a contrast does, averaged over the other: one row per target and pair.

    Differences are in points, taken set by set. ``paired`` is Student's t over units: sets of
    seeds, or initialisation seeds where the sets share pretrainings. ``mixed`` is a mixed model
    with random intercepts of sets and, within sets, of initialisations and intermediates; it pools
    spreads over all cells and uses sets that lack some (``analysis.inference.mixed_effect``).
    A set without all cells of a comparison is left out of its pairs and counted.

    Rows of ``overall`` average each set over the targets first, because targets of a set share its
    seeds; they are there where several targets have the comparison. P-values are adjusted over the
    targets and pairs of one method, those of ``overall`` apart; verdicts look at each row alone.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.
        factor: ``initialisation``; ``intermediate``, each against the baseline; or ``group``, the
            means of intermediates whose rows are of one language group, compared task by task.
        baseline: a level of the factor that all others are compared with. Left out, initialisations
            are compared with their twins, and right pictures with wrong ones; intermediates with
            ``none``; groups with English.
        averaged_over: levels of the other factor; all of them where it is left out. One level gives
            a simple effect.
        groups: intermediate -> group, in the place of the plan's grouping; those it leaves out are
            in none. They are compared as they stand, whatever their tasks.
        languages: ``averaged``, those of the contrast's objective; ``unseen``, those in which no
            compared intermediate phase had rows, nor their translations; ``seen``, the others;
            English, or the hub language, is in neither. Or codes.
        covers: what intervals hold over, beside ``seeds``: ``languages`` as a sample of more (else
            the claim is about these), ``rows`` as a sample of more (where scores have standard
            errors over rows). With languages there are neither mixed nor overall rows.
        pretrainings: ``fixed`` takes weights that were pretrained here as given, as those of a
            checkpoint are: sets that share them are then units of their own.
        methods: ``paired``, ``mixed``, or both.
        level: what intervals cover.
        margin: the largest difference that counts as none, in points.

    Returns:
        Columns of ``EFFECT_COLUMNS``; no rows where there is no contrast.

    Raises:
        ValueError: an argument that means nothing, or a level that no target has.
        StoreError: there is no such study, or something of it cannot be read.
    """
    if factor not in FACTORS:
        raise ValueError(f"{factor=}: expected {nearest(factor, FACTORS)}")

    def pairs(design: Design) -> list[Comparison]:
        return main_effects(design, factor, baseline, averaged_over)

    other = "intermediate" if factor == "initialisation" else "initialisation"
    named = [(one, "averaged_over", other) for one in averaged_over or ()]
    named += [(baseline, "baseline", str(factor))] if baseline else []
    question = Question(
        pairs=pairs,
        groups=groups,
        languages=languages,
        methods=tuple(methods),
        asked=_asked(level, margin, covers, pretrainings),
        levels=tuple(named),
    )
    return _frame(study, root, question)


def interaction(
    study: Studies,
    root: Path | str = DEFAULT_ROOT,
    *,
    initialisations: tuple[str, str] | None = None,
    intermediates: tuple[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
    languages: Languages = "averaged",
    covers: Sequence[Covered] = ("seeds",),
    pretrainings: Pretrainings = "sampled",
    methods: Sequence[Method] = METHODS,
    level: float = 0.95,
    margin: float = 1.0,
) -> "DataFrame":
    """Whether what an intermediate does depends on the initialisation: differences of differences.

    With initialisations (a, b) and intermediates (c, d): (a, c) - (a, d) - (b, c) + (b, d), set by
    set, in points. All else is as in ``contrast``.

    Args:
        study: name of a study, or several names; their rows follow one another.
        root: folder of all studies and phases.
        initialisations: a pair; all pairs of twins, and of right and wrong pictures, where it is
            left out.
        intermediates: a pair of intermediates or of groups; each group against English where it is
            left out, or against ``none`` where there are no English rows.
        groups: see ``contrast``.
        languages: see ``contrast``.
        covers: see ``contrast``.
        pretrainings: see ``contrast``.
        methods: see ``contrast``.
        level: what intervals cover.
        margin: the largest difference of differences that counts as none, in points.

    Returns:
        Columns of ``EFFECT_COLUMNS``; no rows where there is no contrast.

    Raises:
        ValueError: an argument that means nothing, or a level that no target has.
        StoreError: there is no such study, or something of it cannot be read.
    """

    def pairs(design: Design) -> list[Comparison]:
        return interactions(design, initialisations, intermediates)

    named = [(one, "initialisations", "initialisation") for one in initialisations or ()]
    named += [(one, "intermediates", "intermediate") for one in intermediates or ()]
    question = Question(
        pairs=pairs,
        groups=groups,
        languages=languages,
        methods=tuple(methods),
        asked=_asked(level, margin, covers, pretrainings),
        levels=tuple(named),
    )
    return _frame(study, root, question)


def _asked(level: float, margin: float, covers: Sequence[str], pretrainings: Pretrainings) -> Asked:
    covered = (covers,) if isinstance(covers, str) else tuple(covers)
    return Asked(level=level, margin=margin, covers=covered, pretrainings=pretrainings)


def _frame(study: Studies, root: Path | str, question: Question) -> "DataFrame":
    rows = [row for one in read_snapshots(study, root) for row in effect_rows(one, question)]
    return typed_frame(rows, EFFECT_COLUMNS)
