"""Settings and numbers in the words that every text uses."""

from collections.abc import Mapping
from typing import Any

from analysis.inference.verdicts import BETTER, NO_DIFFERENT, NOT_ENOUGH, WORSE
from spaces.looks import Look
from spaces.settings import Mixture, Optimisation, TransferSetting

ABSENT = "-"


def points(value: float | None) -> str:
    """A score in points, two decimals."""
    return ABSENT if value is None else f"{value:.2f}"


def gain(value: float | None) -> str:
    """A difference of scores in points, with its sign."""
    return ABSENT if value is None else f"{value:+.2f}"


def p_words(value: float | None) -> str:
    """A p-value, three decimals."""
    if value is None:
        return ABSENT
    return "<.001" if value < 0.0005 else f"{value:.3f}"


SHORT = {NOT_ENOUGH: "not enough"}

PHRASES = {
    BETTER: "better than {}",
    NO_DIFFERENT: "no different from {}",
    WORSE: "worse than {}",
    NOT_ENOUGH: "not enough evidence to tell it from {}",
}


def verdict_words(row: Mapping[str, Any]) -> tuple[str, str]:
    """How many sets would settle it, where these do not; and the verdict, short."""
    needed, open_ = row["sets_needed"], row["verdict"] == NOT_ENOUGH
    return str(needed) if open_ and needed else "", SHORT.get(row["verdict"], row["verdict"])


def margin_words(margin: float) -> str:
    """``1 point``, ``0.5 points``."""
    return f"{margin:g} point{'' if margin == 1 else 's'}"


def counted(number: int, noun: str) -> str:
    """``1 phase``, ``2 phases``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def look_words(look: Look) -> str:
    """One opening of test rows: when, by whom, for whom, how many."""
    targets = "; ".join(
        f"{target}: {counted(len(one.settings), 'setting')}, {counted(one.rows, 'row')} in "
        f"{counted(len(one.languages), 'language')}"
        for target, one in look.targets.items()
    )
    sets = counted(look.replicates, "set")
    return f"{look.when} {look.user}@{look.host}, {look.confirmation}, {sets} of seeds ({targets})"


def optimisation_words(optimisation: Optimisation) -> str:
    """``learning rate 2e-05, 500 steps of 32 rows``."""
    return (
        f"learning rate {optimisation.learning_rate:g}, "
        f"{counted(optimisation.steps, 'step')} of {optimisation.rows_per_step} rows"
    )


def mixture_words(mixture: Mixture) -> str:
    """Hyperparameters of one intermediate phase."""
    cap = f", at most {mixture.rows_cap} rows of each part" if mixture.rows_cap else ""
    whole = f", at most {mixture.rows_total} rows in all" if mixture.rows_total else ""
    return optimisation_words(mixture.optimisation) + cap + whole


def hyperparameter_words(setting: TransferSetting) -> str:
    """Hyperparameters of every phase that a setting trains, in order."""
    words = [f"intermediate: {mixture_words(mixture)}" for mixture in setting.intermediate]
    if setting.target:
        words.append(f"target: {optimisation_words(setting.target)}")
    if setting.readout:
        words.append(f"vectors: {setting.readout}")
    return "; ".join(words)
