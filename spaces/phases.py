"""Phases of a trial as specifications, and the keys that name their results.

A specification holds exactly what decides a phase's result: versions, parents, rows, optimisation,
seeds, dtype. World size, micro-batches and ZeRO stage change rounding alone and stay out.
Torch-free, so that the searcher can ask which phases a setting needs before anything is trained.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from spaces.catalogue import Catalogue
from spaces.initialisations import Initialisation, Pretraining
from spaces.keys import NOT_IN_KEY, content_hash
from spaces.settings import (
    Mixture,
    Optimisation,
    Part,
    Pooling,
    Readout,
    Seeds,
    TransferSetting,
)
from spaces.tasks import Task

KINDS = ("initialisation", "intermediate", "target", "evaluation")

PHASE_VERSIONS = {"initialisation": 2, "intermediate": 1, "target": 1, "evaluation": 2}
"""Raised whenever the same specification gives other numbers than before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows of a task in a language and split, as they were when the study started."""

    task: str
    language: str
    split: str
    revision: str
    """Hash of the rows themselves; see ``row_name`` for where a study keeps it."""
    cap: int | None = None
    weight: int = 1
    rows_seed: int = 0
    """Draws the rows below a cap, and invented rows."""

    def __str__(self) -> str:
        """``nli:esho``."""
        return f"{self.task}:{self.language}"


HELD_ROWS = 200
"""Most rows per task and language that a pretraining is measured on."""

POOL_LANGUAGE = "en"
"""Candidates in many languages stand in one place; a name needs a language all the same."""


def row_name(task: str, language: str, split: str) -> str:
    """Name under which a study freezes the revision of some rows."""
    return f"{task}/{language}/{split}"


class _Keyed:
    """What every specification has: a kind, a key, a parent's key."""

    __slots__ = ()
    kind: str
    parent: str

    @property
    def key(self) -> str:
        """Content key of the result."""
        return content_hash({"kind": self.kind, "version": PHASE_VERSIONS[self.kind], "spec": self})

    def to_json(self) -> dict[str, Any]:
        """The whole specification, names included, for ``spec.json``."""
        return {"kind": self.kind, "version": PHASE_VERSIONS[self.kind], **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True, kw_only=True, slots=True)
class InitialisationSpec(_Keyed):
    """Weights to start from: a checkpoint turned into a plain encoder, or one pretrained here."""

    kind: ClassVar[str] = "initialisation"  # type: ignore[misc]
    parent: str = ""
    """Key of the weights that pretraining goes on from; empty for fresh ones, and for a checkpoint.
    """
    name: str = field(metadata=NOT_IN_KEY)
    revision: str
    """Hash of the checkpoint's files, or of the world that pretraining reads."""
    pretraining: Pretraining | None = None
    rows: tuple["Rows", ...] = ()
    """Real text that pretraining reads, and the rows that it is then measured on."""
    seed: int | None = None
    """None for a checkpoint: it is what it is."""
    dtype: str = "fp32"

    @property
    def title(self) -> str:
        """What people call this phase."""
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSpec(_Keyed):
    """An intermediate or target phase: rows trained on, starting from the parent's encoder."""

    kind: str
    parent: str
    rows: tuple[Rows, ...]
    optimisation: Optimisation
    seed: int
    max_tokens: int
    dtype: str = "fp32"
    pooling: Pooling = "mean"
    """How retrieval tasks among the rows pool."""

    @property
    def title(self) -> str:
        """What people call this phase."""
        return "+".join(str(rows) for rows in self.rows)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks trained on, each once."""
        return tuple(dict.fromkeys(rows.task for rows in self.rows))


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSpec(_Keyed):
    """Predictions and scores of some weights on some rows."""

    kind: ClassVar[str] = "evaluation"  # type: ignore[misc]
    parent: str
    target: str
    rows: tuple[Rows, ...]
    max_tokens: int
    dtype: str = "fp32"
    readout: Readout | None = field(default=None, metadata=NOT_IN_KEY)
    """Where vectors are read that no phase trained. One evaluation reads them everywhere, so that
    trials which differ in this alone share it."""
    reads: bool = False
    """Whether vectors are read in all layers."""
    candidates: tuple[Rows, ...] = ()
    """Candidates of retrieval where they are rows of their own."""
    pool_cap: int | None = None
    """Most candidates; the right ones of all queries are among them."""

    @property
    def title(self) -> str:
        """What people call this phase."""
        return f"{self.target} in {len(self.rows)} languages"


PhaseSpec = InitialisationSpec | TrainingSpec | EvaluationSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """What a study froze when it started, as far as keys need it."""

    catalogue: Catalogue
    revisions: Mapping[str, str]
    """``row_name`` or initialisation name -> revision."""
    dtype: str
    scored: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)
    """Target -> (task, language, split) of everything that is scored."""
    rows_scored: int | None = None
    """Most rows per language that are scored."""
    whole_pool: bool = False
    """Whether retrieval looks at all candidates, also where a search looks at fewer."""

    def rows(self, part: Part, split: str, seed: int, cap: int | None = None) -> Rows:
        """The frozen rows of a part."""
        name = row_name(part.task, part.language, split)
        if name not in self.revisions:
            raise KeyError(f"the study froze no rows {name!r}; it knows {sorted(self.revisions)}")
        return Rows(
            task=part.task,
            language=part.language,
            split=split,
            revision=self.revisions[name],
            cap=cap,
            weight=part.weight,
            rows_seed=seed,
        )


def trial_phases(
    frozen: Frozen, target: str, setting: TransferSetting, seeds: Seeds
) -> tuple[PhaseSpec, ...]:
    """The phases of a trial in order, each keyed through its parents."""
    phases: list[PhaseSpec] = []
    for row in frozen.catalogue.lineage(setting.initialisation):
        phases.append(_initialisation(frozen, row, phases[-1].key if phases else "", seeds))
    for mixture in setting.intermediate:
        phases.append(_intermediate(frozen, mixture, phases[-1].key, seeds))
    target_row = frozen.catalogue.tasks[target]
    for training in target_row.recipe:
        phases.append(_target(frozen, target_row, training, setting, phases[-1].key, seeds))
    phases.append(_evaluation(frozen, target_row, phases[-1].key, seeds, setting.readout))
    return tuple(phases)


def pretraining_rows(catalogue: Catalogue, row: Initialisation) -> list[tuple[str, str, str]]:
    """(task, language, split) of the real text that an initialisation is made from.

    Dev rows, where there are some, are what it is measured on.
    """
    recipe = row.pretraining
    tasks = [catalogue.tasks[name] for name in recipe.tasks] if recipe else []
    spoken = [(task, code) for task in tasks for code in task.train_languages]
    return [
        (task.name, code, split)
        for task, code in spoken
        if recipe and code in recipe.languages
        for split in ("train", "dev")
        if split == "train" or task.has_dev(code)
    ]


def _initialisation(
    frozen: Frozen, row: Initialisation, parent: str, seeds: Seeds
) -> InitialisationSpec:
    rows = pretraining_rows(frozen.catalogue, row)
    return InitialisationSpec(
        parent=parent,
        name=row.name,
        revision=frozen.revisions[row.name],
        pretraining=row.pretraining,
        rows=tuple(
            frozen.rows(Part(task=t, language=c), split, 0, None if split == "train" else HELD_ROWS)
            for t, c, split in rows
        ),
        seed=None if row.path else seeds.initialisation,
        dtype=frozen.dtype,
    )


def _longest(frozen: Frozen, tasks: Iterable[str]) -> int:
    return max(frozen.catalogue.tasks[task].max_tokens for task in tasks)


def _pooling(frozen: Frozen, tasks: Iterable[str]) -> Pooling:
    """The one pooling of a phase's retrieval tasks."""
    readouts = (frozen.catalogue.tasks[task].readout for task in tasks)
    return next((readout.pooling for readout in readouts if readout), "mean")


def _intermediate(frozen: Frozen, mixture: Mixture, parent: str, seeds: Seeds) -> TrainingSpec:
    return TrainingSpec(
        kind="intermediate",
        parent=parent,
        rows=tuple(frozen.rows(p, "train", seeds.rows, mixture.cap_of(p)) for p in mixture.parts),
        optimisation=mixture.optimisation,
        seed=seeds.intermediate,
        max_tokens=_longest(frozen, (part.task for part in mixture.parts)),
        dtype=frozen.dtype,
        pooling=_pooling(frozen, (part.task for part in mixture.parts)),
    )


def _target(
    frozen: Frozen, row: Task, training: str, setting: TransferSetting, parent: str, seeds: Seeds
) -> TrainingSpec:
    assert setting.target is not None
    parts = [Part(task=training, language=code) for code in setting.source_languages]
    optimisation = setting.target
    if training != row.recipe[-1] and setting.lead_steps is not None:
        optimisation = replace(optimisation, steps=setting.lead_steps)
    return TrainingSpec(
        kind="target",
        parent=parent,
        rows=tuple(frozen.rows(part, "train", seeds.rows) for part in parts),
        optimisation=optimisation,
        seed=seeds.target,
        max_tokens=_longest(frozen, [training]),
        dtype=frozen.dtype,
        pooling=_pooling(frozen, [training]),
    )


def scored_languages(catalogue: Catalogue, row: Task, asked: str | tuple[str, ...]) -> list[str]:
    """Languages of a target that a plan scores; twins only where the plan names them.

    The dev language is always among them, also where the benchmark does not test it.
    """
    twins = [
        code
        for code, language in catalogue.languages.items()
        if language.twin_of in row.languages and code in asked and asked != "all"
    ]
    ours = [c for c in row.languages if asked == "all" or c in asked or c == row.dev_language]
    dev = [row.dev_language] if row.source_dev else []
    return list(dict.fromkeys([*dev, *ours, *twins]))


def _evaluation(
    frozen: Frozen, row: Task, parent: str, seeds: Seeds, readout: Readout | None
) -> EvaluationSpec:
    scored = [
        frozen.rows(Part(task=task, language=code), split, seeds.rows, frozen.rows_scored)
        for task, code, split in frozen.scored[row.name]
    ]
    pool = frozen.catalogue.tasks.get(row.pool)
    own = any(rows.task == row.name for rows in scored)  # dev rows of a training task have theirs
    return EvaluationSpec(
        parent=parent,
        target=row.name,
        rows=tuple(scored),
        max_tokens=row.max_tokens,
        dtype=frozen.dtype,
        readout=readout,
        reads=readout is not None,
        candidates=(
            (frozen.rows(Part(task=pool.name, language=POOL_LANGUAGE), "candidates", seeds.rows),)
            if pool and own
            else ()
        ),
        pool_cap=row.search_pool if pool and own and not frozen.whole_pool else None,
    )
