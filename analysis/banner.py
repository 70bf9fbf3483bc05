"""What a report must say before its first number."""

from spaces.study import StudyRecord

_MINIATURE = (
    "DEMONSTRATION, NOT EVIDENCE",
    "A miniature with invented languages, {seeds}. {noise}, and nothing here speaks of a real "
    "language.",
)
_ORACLE = (
    "DEMONSTRATION, NOT EVIDENCE",
    "A miniature with invented languages, {seeds}; its scores come from a formula, no model was "
    "trained. {noise}, and nothing here speaks of a real language.",
)
_NOISE = "Effects under about 15 points are noise"
_SETTLED = "What its intervals do not settle is open"
_PRETRAINED_HERE = (
    "DEMONSTRATION, NOT EVIDENCE",
    "Initialisations here were pretrained by this project: encoders of a few million weights on a "
    "few thousand rows. They show the machinery at work, and settle nothing about XLM-R.",
)
_ONE_SEED = (
    "A SEARCH NOMINATES, IT DOES NOT CONFIRM",
    "Every trial has the same one seed, and one seed is no evidence: the best of many trials is "
    "partly the luckiest. `transfer-search confirm` runs the best settings and their baselines "
    "with fresh seeds on test rows.",
)

_DEMONSTRATIONS = {"micro": _MINIATURE, "oracle": _ORACLE}


def banner(world: str, seeds: int, pretrained: bool = False) -> tuple[str, str] | None:
    """Title and text of the warning that a report carries, or None where it needs none.

    Args:
        world: real, micro or oracle.
        seeds: sets of seeds behind the best settings.
        pretrained: whether initialisations were pretrained here on real rows.
    """
    if pretrained:
        return _PRETRAINED_HERE
    if world not in _DEMONSTRATIONS:
        return _ONE_SEED if seeds <= 1 else None
    title, text = _DEMONSTRATIONS[world]
    if seeds <= 1:
        return title, text.format(seeds="one seed", noise=_NOISE)
    return title, text.format(seeds=f"{seeds} sets of seeds", noise=_SETTLED)


def record_banner(record: StudyRecord) -> tuple[str, str] | None:
    """Title and text of a study's warning, or None where it needs none."""
    return banner(record.plan.world, seeds_behind(record), record.pretrains)


def seeds_behind(record: StudyRecord) -> int:
    """Sets of seeds behind what a report shows; one, as soon as it shows a search."""
    if record.confirms:
        return record.confirms.replicates
    plan = record.plan
    return len(plan.contrast.sets) if plan.contrast and not plan.budget.trials_per_target else 1
