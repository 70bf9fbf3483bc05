"""Tasks, one row each. A target and an intermediate task are the same kind of row.

A row holds everything that varies; behaviour is chosen by its ``form``. Facts of real rows (sizes,
columns, hub ids): the data sets' own cards, as of 2026.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from spaces.languages import MICRO_LANGUAGES, MICRO_TRAINING_LANGUAGES
from spaces.settings import Optimisation

Form = Literal["classification"]
"""Shape of a task: selects head, loss, decoding and metric."""

WorldOfTask = Literal["real", "micro", "oracle"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """Where a task's rows are and what their columns are called."""

    hub: str
    """Data set id on the Hugging Face hub; empty where there is none."""
    folder: str
    """Name of its folder in a tree ``<folder>/<config>/<split>.parquet``."""
    config: str = "{language}"
    """Name of the configuration; ``{language}`` stands for the language code."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our column -> the data set's column."""
    splits: Mapping[str, str] = field(
        default_factory=lambda: {"train": "train", "dev": "validation", "test": "test"}
    )
    """Our split -> the data set's split."""
    licence: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One task: a target, an intermediate task, or both."""

    name: str
    form: Form
    skill: str
    """What the task teaches; finer than its form."""
    labels: tuple[str, ...]
    """Label names in the order of the data set's integers."""
    world: WorldOfTask = "real"
    train_languages: tuple[str, ...] = ()
    """Languages with training rows."""
    languages: tuple[str, ...] = ()
    """Languages a target is scored in; empty for a task that is only ever trained on."""
    recipe: tuple[str, ...] = ()
    """Targets only: tasks whose training rows the target phases use, one phase each, in order."""
    dev_language: str = ""
    """Targets only: the language of ``source_dev``."""
    parallel: bool = False
    """Targets only: the same items in every language, so selection cuts items as well."""
    metric: str = "accuracy"
    chance: float = 0.0
    """Score of guessing, in points."""
    max_tokens: int = 128
    """Longest row in subwords; longer ones are cut from the longer text first."""
    train_rows: int | None = None
    """Micro-world only: training rows per language. Real sets take what the data hold."""
    reference: Optimisation | None = None
    """Reference hyperparameters of one phase on this task's training rows."""
    data: DataSet | None = None

    @property
    def head(self) -> str:
        """Name of the head: tasks of one skill and label set share it within a phase."""
        return f"{self.form}-{self.skill}-{len(self.labels)}".replace(".", "_")


NLI_LABELS = ("entailment", "neutral", "contradiction")
_PAIR = {"text": "premise", "text_pair": "hypothesis", "label": "label"}
_ALL_MICRO = tuple(language.code for language in MICRO_LANGUAGES)

# Reference: XLM-R Large in the released replication of Phang et al. 2020 (jiant, XTREME guide):
# lr 1e-5, batch 32, warm-up 10 %, linear decay; steps here are about two epochs of MNLI.
_REAL_NLI = Optimisation(learning_rate=1e-5, steps=24_500, rows_per_step=32)

_REAL = (
    Task(
        name="xnli",
        form="classification",
        skill="nli",
        labels=NLI_LABELS,
        languages=tuple(
            [
                "ar",
                "bg",
                "de",
                "el",
                "en",
                "es",
                "fr",
                "hi",
                "ru",
                "sw",
                "th",
                "tr",
                "ur",
                "vi",
                "zh",
            ]
        ),
        recipe=("mnli",),
        dev_language="en",
        parallel=True,
        chance=100 / 3,
        reference=_REAL_NLI,
        data=DataSet(hub="facebook/xnli", folder="xnli", columns=_PAIR, licence="CC-BY-NC-4.0"),
    ),
    Task(
        name="mnli",
        form="classification",
        skill="nli",
        labels=NLI_LABELS,
        train_languages=("en",),
        reference=_REAL_NLI,
        data=DataSet(
            hub="nyu-mll/multi_nli",
            folder="multi_nli",
            config="default",
            columns=_PAIR,
            splits={"train": "train", "dev": "validation_matched"},
            licence="OANC and others, see its card",
        ),
    ),
    Task(
        name="snli_cad",
        form="classification",
        skill="nli",
        labels=NLI_LABELS,
        train_languages=("en",),
        reference=Optimisation(learning_rate=2e-5, steps=500),
        data=DataSet(
            hub="",
            folder="snli_cad",
            config="all_combined",
            columns=_PAIR,
            licence="Apache-2.0 (revisions); CC-BY-SA-4.0 (SNLI sentences)",
        ),
    ),
    Task(
        name="sick",
        form="classification",
        skill="nli",
        labels=NLI_LABELS,
        train_languages=("en",),
        reference=Optimisation(learning_rate=2e-5, steps=300),
        data=DataSet(
            hub="RobZamp/sick",
            folder="sick",
            config="default",
            columns={"text": "sentence_A", "text_pair": "sentence_B", "label": "label"},
            licence="CC-BY-NC-SA-3.0",
        ),
    ),
)

_MICRO = (
    Task(
        name="xnli",
        world="micro",
        form="classification",
        skill="nli",
        labels=NLI_LABELS,
        train_languages=("avel",),
        train_rows=600,
        languages=_ALL_MICRO,
        recipe=("xnli",),
        dev_language="avel",
        parallel=True,
        chance=100 / 3,
        max_tokens=48,
        reference=Optimisation(learning_rate=1e-3, steps=60),
    ),
    Task(
        name="nli",
        world="micro",
        form="classification",
        skill="nli",
        labels=NLI_LABELS,
        train_languages=MICRO_TRAINING_LANGUAGES,
        train_rows=2000,
        max_tokens=48,
        reference=Optimisation(learning_rate=2e-3, steps=150),
    ),
)


def _oracle_target(name: str, skill: str) -> Task:
    return Task(
        name=name,
        world="oracle",
        form="classification",
        skill=skill,
        labels=("no", "yes"),
        train_languages=("avel",),
        languages=_ALL_MICRO,
        recipe=(name,),
        dev_language="avel",
        parallel=True,
        reference=Optimisation(learning_rate=2e-3, steps=60),
    )


def _oracle_intermediate(name: str, skill: str) -> Task:
    return Task(
        name=name,
        world="oracle",
        form="classification",
        skill=skill,
        labels=("no", "yes"),
        train_languages=MICRO_TRAINING_LANGUAGES,
        reference=Optimisation(learning_rate=2e-3, steps=150),
    )


_ORACLE = (
    _oracle_target("xnli", "nli"),
    _oracle_target("xcopa", "choice"),
    _oracle_target("xquad", "qa"),
    _oracle_target("panx", "ner"),
    _oracle_target("tatoeba", "retrieval"),
    _oracle_intermediate("nli", "nli"),
    _oracle_intermediate("choice", "choice"),
    _oracle_intermediate("qa", "qa"),
    _oracle_intermediate("permuted", "control"),
)

TASKS: tuple[Task, ...] = _REAL + _MICRO + _ORACLE
"""Every built-in task."""
