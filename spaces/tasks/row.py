"""What a row of the task catalogue says. A target and an intermediate task are one kind of row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from spaces.settings import Optimisation, Readout

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
    unanswerable: bool = False
    """Spans only: some questions have no answer, and none may be predicted."""
    readout: Readout | None = None
    """Retrieval only: how vectors are pooled (the mean where it is left out) and, for targets
    without training, at which layer; a plan may search over both for these."""
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
