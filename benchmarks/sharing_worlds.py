"""The plans of ``sharing.py``: ten targets of the micro-world, or of an oracle widened to ten."""

import tomllib
from pathlib import Path
from typing import Any

from trainables import oracle

EXAMPLE = Path(__file__).parents[1] / "examples" / "micro-ten.toml"

MORE_TARGETS = {
    "mlqa": ("xquad", 70.0, 18.0, 6.0, {"qa": 28.0, "nli": -3.0}),
    "tydiqa": ("xquad", 75.0, 30.0, 5.0, {"qa": 23.0, "nli": -9.0}),
    "udpos": ("panx", 85.0, 57.0, 3.5, {"nli": -10.0, "qa": -4.0}),
    "lareqa": ("tatoeba", 60.0, 5.0, 1.0, {"qa": 1.0, "nli": -2.0}),
    "mewslix": ("tatoeba", 70.0, 19.0, 3.5, {"nli": 1.5, "qa": -5.0}),
}
"""Targets that the oracle lacks: the one whose catalogue row each takes, its scores in the hub
language and far from it, its standard deviation over seeds, effects of intermediate skills: what
the trained miniature shows, rounded, as the oracle's own."""


def widen_oracle() -> None:
    """Teach this process's oracle the other five targets."""
    for name, (_, hub, floor, spread, effects) in MORE_TARGETS.items():
        oracle.HUB[name], oracle.FLOOR[name], oracle.SD[name] = hub, floor, spread
        oracle.SKILL_EFFECT.update({(skill, name): effect for skill, effect in effects.items()})


def micro_plan() -> dict[str, Any]:
    """``examples/micro-ten.toml``."""
    return tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))


def oracle_plan() -> dict[str, Any]:
    """The same question to the oracle: three initialisations, chains of up to two mixtures."""
    own = ["xnli", "xcopa", "xquad", "panx", "tatoeba"]
    return {
        "study": {"name": "oracle-ten", "seed": 1, "selection": "held_out_languages"},
        "targets": {"tasks": [*own, *MORE_TARGETS]},
        "data": {"source": "oracle"},
        "budget": {"trials_per_target": 10},
        "task": [
            {"name": name, "like": like, "recipe": [like]}
            for name, (like, *_) in MORE_TARGETS.items()
        ],
        "space": {
            "initialisations": ["oracle-text", "oracle-multimodal", "oracle-placebo"],
            "source_languages": [["avel"]],
            "mixture": {
                "tasks": ["nli", "choice", "qa", "permuted"],
                "languages": ["avel", "european", "non_european"],
                "max_parts": 2,
            },
            "intermediate": {"learning_rates": [1e-3, 2e-3], "steps": [150]},
            "target": {"learning_rates": [1e-3, 2e-3, 4e-3]},
        },
    }


PLANS = {"micro": micro_plan, "oracle": oracle_plan}
