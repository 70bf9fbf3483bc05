"""What a row of the task catalogue says. A target and an intermediate task are one kind of row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from spaces.settings import Optimisation

Form = Literal["classification", "choice", "tagging", "span", "retrieval"]
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


Pooling = Literal["mean", "first"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Readout:
    """Where an untrained encoder's sentence vector is read."""

    layer: int = -1
    """Index into ``hidden_states``: 0 is the embeddings, k the output of the k-th layer, -1 the
    last one's. XTREME's scripts count the same way (their 7 of 12 and 13 of 24)."""
    pooling: Pooling = "mean"
    """Mean over all tokens, special ones included, as XTREME pools; or the first token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One task: a target, an intermediate task, or both."""

    name: str
    form: Form
    skill: str
    """What the task teaches; finer than its form."""
    labels: tuple[str, ...] = ()
    """Label names in the order of the data set's integers; empty for spans and retrieval, and for
    choices, whose label is the place of the right one."""
    world: WorldOfTask = "real"
    train_languages: tuple[str, ...] = ()
    """Languages with training rows."""
    languages: tuple[str, ...] = ()
    """Languages a target is scored in; empty for a task that is only ever trained on."""
    recipe: tuple[str, ...] = ()
    """Targets only: tasks whose training rows the target phases use, one phase each, in order;
    empty for a target that is never trained (a ``readout`` says how it is scored)."""
    dev_language: str = ""
    """Targets only: the language of ``source_dev``."""
    parallel: bool = False
    """Targets only: the same items in every language, so selection cuts items as well."""
    metric: str = "accuracy"
    chance: float = 0.0
    """Score of guessing, in points."""
    max_tokens: int = 128
    """Longest sequence in subwords; what a form does with longer ones stands in its docstring."""
    stride: int = 0
    """Spans only: subwords that consecutive windows of a long context share."""
    readout: Readout | None = None
    """Retrieval without training only: where vectors are read; a plan may search over it."""
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
"""In the order of MNLI's and XNLI's integers."""
