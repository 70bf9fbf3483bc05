"""The oracle world: an exact response surface with a known optimum and known effects.

Milliseconds per trial, the same phases, store and reports as the real engine: for tests of search,
resume and statistics. Sizes of effects and of noise follow the trained miniature (5 seeds; effects
on the non-European score in points), rounded.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from spaces.catalogue import Catalogue
from spaces.keys import derived_seed
from spaces.phases import EvaluationSpec, InitialisationSpec, TrainingSpec
from spaces.plan import Plan
from spaces.selection import ITEMS, Cut, trial_score
from spaces.settings import Optimisation, TransferSetting
from trainables.store import Artifact
from trainables.world import Job, Outcome, Tick

STATE = "state.json"

HUB = {"xnli": 66.0, "xcopa": 90.0, "xquad": 78.0, "panx": 89.0, "tatoeba": 100.0}
"""Score in the hub language, no intermediate, text-only initialisation."""

FLOOR = {"xnli": 36.0, "xcopa": 51.0, "xquad": 22.0, "panx": 50.0, "tatoeba": 3.0}
"""Score in a language that shares nothing with the hub."""

SD = {"xnli": 2.9, "xcopa": 3.1, "xquad": 5.4, "panx": 5.6, "tatoeba": 1.1}
"""Standard deviation of a target phase over seeds."""

SKILL_EFFECT = {
    ("nli", "xnli"): 24.0,
    ("choice", "xcopa"): 18.0,
    ("qa", "xquad"): 35.0,
    ("nli", "panx"): -11.0,
    ("choice", "panx"): -7.0,
    ("qa", "tatoeba"): -1.0,
}
"""(intermediate skill, target) -> effect in a language that the intermediate holds."""

RELATED_SHARE = 0.3
"""Share of an effect that reaches a language of the same family without supervision in it."""

INITIALISATION_EFFECT = {
    ("oracle-multimodal", "xcopa"): 22.0,
    ("oracle-multimodal", "xnli"): 6.0,
    ("oracle-multimodal", "tatoeba"): 40.0,
}
"""(initialisation, target) -> effect; the placebo has none, and is there to show it."""

INTERACTION = {("oracle-multimodal", "choice", "xnli"): 22.0}
"""(initialisation, intermediate skill, target) -> what they do together beyond their sum."""

BEST_RATE = 2e-3
"""Learning rate at which both phases do best; a factor of two away costs ``RATE_COST`` points."""

RATE_COST = 3.0


@dataclass(frozen=True, slots=True)
class Surface:
    """Expected scores, without noise."""

    catalogue: Catalogue

    def value(self, target: str, setting: TransferSetting, language: str) -> float:
        """Expected score of a setting in a language, in points, cut to [0, 100]."""
        mixtures = [
            ([(part.task, part.language) for part in mixture.parts], mixture.optimisation)
            for mixture in setting.intermediate
        ]
        assert setting.target is not None  # every target of this world is trained
        return self.expected(target, language, setting.initialisation, mixtures, setting.target)

    def expected(
        self,
        target: str,
        language: str,
        initialisation: str,
        mixtures: list[tuple[list[tuple[str, str]], Optimisation]],
        optimisation: Optimisation,
    ) -> float:
        """The surface itself; see ``value``."""
        grammar = self.catalogue.languages[language].grammar
        assert grammar is not None
        score = FLOOR[target] + (HUB[target] - FLOOR[target]) * grammar.hub_overlap
        score += INITIALISATION_EFFECT.get((initialisation, target), 0.0)
        for parts, phase in mixtures:
            reach = 1 - math.exp(-phase.steps / 75)
            score += reach * self._effect(target, language, initialisation, parts)
            score -= _rate_cost(phase)
        score -= _rate_cost(optimisation) + 10 * math.exp(-optimisation.steps / 20)
        return min(100.0, max(0.0, score))

    def _effect(
        self, target: str, language: str, initialisation: str, parts: list[tuple[str, str]]
    ) -> float:
        """Effect of one mixture: each skill counts by its share of the tasks."""
        skills = [self.catalogue.tasks[task].skill for task, _ in parts]
        total = 0.0
        for skill in dict.fromkeys(skills):
            codes = {c for (_, c), s in zip(parts, skills, strict=True) if s == skill}
            direct = SKILL_EFFECT.get((skill, target), 0.0)
            joint = INTERACTION.get((initialisation, skill, target), 0.0)
            total += (direct + joint) * self._closeness(language, codes) / len(set(skills))
        return total

    def _closeness(self, language: str, codes: set[str]) -> float:
        """1 in a supervised language, ``RELATED_SHARE`` in its family, else 0."""
        if language in codes:
            return 1.0
        families = {self.catalogue.languages[code].family for code in codes}
        return RELATED_SHARE if self.catalogue.languages[language].family in families else 0.0


def _rate_cost(optimisation: Optimisation) -> float:
    return RATE_COST * min(4.0, math.log2(optimisation.learning_rate / BEST_RATE) ** 2)


@dataclass(slots=True)
class State:
    """What a chain of phases has been through; each artifact holds one."""

    initialisation: str = ""
    mixtures: list[dict[str, Any]] = field(default_factory=list)
    target: dict[str, Any] = field(default_factory=dict)
    seed_noise: float = 0.0
    """Standard normal draw of the target phase's seed."""


class OracleWorld:
    """Executes phases by arithmetic."""

    def __init__(self, plan: Plan, catalogue: Catalogue) -> None:
        self._plan, self._catalogue = plan, catalogue
        self._surface = Surface(catalogue)

    def execute(self, job: Job, outcome: Outcome) -> Iterator[Tick]:
        """Advance the state and write it; evaluations write their scores' inputs alone."""
        spec = job.attempt.spec
        state = _read(job.chain[-1]) if job.chain else State()
        rng = np.random.default_rng(derived_seed("oracle", spec.key))
        yield Tick(0, 1)
        if isinstance(spec, InitialisationSpec):
            state.initialisation = spec.name
        elif isinstance(spec, TrainingSpec):
            yield from self._train(spec, state, rng, job, outcome)
        (job.attempt.folder / STATE).write_text(json.dumps(asdict(state)))

    def _train(
        self,
        spec: TrainingSpec,
        state: State,
        rng: np.random.Generator,
        job: Job,
        outcome: Outcome,
    ) -> Iterator[Tick]:
        step = {
            "parts": [[rows.task, rows.language] for rows in spec.rows],
            "optimisation": asdict(spec.optimisation),
        }
        if spec.kind == "intermediate":
            state.mixtures.append(step)
        else:
            state.target, state.seed_noise = step, float(rng.standard_normal())
            yield from self._reports(spec, state, job)
        yield from self._pace(spec.optimisation.steps)
        outcome.steps = spec.optimisation.steps
        outcome.tokens = 20 * spec.optimisation.steps * spec.optimisation.rows_per_step

    def _pace(self, steps: int) -> Iterator[Tick]:
        """Take as long as the plan says a phase takes, awake between naps."""
        until = time.monotonic() + self._plan.data.oracle_seconds_per_phase
        while time.monotonic() < until:
            time.sleep(min(0.05, self._plan.data.oracle_seconds_per_phase))
            yield Tick(0, steps)

    def _reports(self, spec: TrainingSpec, state: State, job: Job) -> Iterator[Tick]:
        """A learning curve that ends at the final score."""
        count, steps = self._plan.budget.reports_per_phase, spec.optimisation.steps
        scores = self._scores(state, job.evaluation, job.cut)
        final = trial_score(scores, job.cut, self._plan, self._catalogue)
        for number in range(1, count + 1):
            step = round(steps * number / (count + 1))
            yield Tick(step, steps, final - 12 * math.exp(-step / 15))

    def scores(self, evaluation: Artifact, spec: EvaluationSpec, cut: Cut) -> list[dict[str, Any]]:
        """Scores on all items and on each half, with noise of seeds and of rows."""
        return self._scores(_read(evaluation), spec, cut)

    def _scores(self, state: State, spec: EvaluationSpec, cut: Cut) -> list[dict[str, Any]]:
        kinds = ITEMS if cut.items_seed is not None else ITEMS[:1]
        return [
            {
                "language": rows.language,
                "split": rows.split,
                "items": items,
                "metric": "accuracy",
                "value": self._noisy(state, spec, rows.language, items),
                "rows": 200 if items == "all" else 100,
                "cue_only": None,
            }
            for rows in spec.rows
            for items in kinds
        ]

    def _noisy(self, state: State, spec: EvaluationSpec, language: str, items: str) -> float:
        """The surface plus the seed's noise (shared by languages) and the rows' own."""
        mixtures = [
            ([(task, code) for task, code in step["parts"]], Optimisation(**step["optimisation"]))
            for step in state.mixtures
        ]
        expected = self._surface.expected(
            spec.target,
            language,
            state.initialisation,
            mixtures,
            Optimisation(**state.target["optimisation"]),
        )
        rng = np.random.default_rng(derived_seed("rows", spec.parent, language, items))
        value = expected + SD[spec.target] * state.seed_noise + rng.standard_normal()
        return min(100.0, max(0.0, value))


def _read(artifact: Artifact) -> State:
    return State(**json.loads(artifact.file(STATE).read_text()))
