"""What a row of the task catalogue says. A target and an intermediate task are one kind of row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from spaces.settings import Optimisation, Readout

Form = Literal["classification", "choice", "tagging", "span", "retrieval", "masked", "captions"]
"""Shape of a task: selects head, loss, decoding and metric. ``masked`` is trained on alone, and so
is ``captions``: masked text whose rows have pictures."""

TRAINED_ONLY: tuple[Form, ...] = ("masked", "captions")
"""Forms without answers to score."""

Origin = Literal["native", "translated", "parallel", "control"]
"""Where a task's rows come from: written in their language; translated from another one; the same
items in several languages, so that language is the only thing that changes between them; or rows
that cannot teach the skill, for comparison."""

WorldOfTask = Literal["real", "micro", "oracle"]


Reader = Literal[
    "columns", "bitext", "sentences", "mentions", "entities", "real_or_fake", "words", "captions"
]
"""How a data set's rows become ours; see ``trainables/sources/readers.py``."""

PERMUTABLE = ("classification", "choice", "tagging")
"""Forms with labels that can be permuted among rows."""

SINGLE_READERS = ("real_or_fake",)
"""Readers whose rows are one text each."""

READ_BY_LANGUAGE = ("words", "captions")
"""Readers that make other rows of one file in another language."""

Reference = str | tuple[str, ...]
"""Where a column's values are; see ``trainables/sources/columns.py``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """Where a task's rows are and how they are read.

    In ``config``, ``hub_config`` and ``only``, ``{language}`` stands for the language's code,
    ``{iso3}`` for its three letters and ``{name}`` for its English name in small letters;
    ``spelled`` has the codes that the data set spells its own way.
    """

    hub: str = ""
    """Data set id on the Hugging Face hub; empty where there is none."""
    branch: str = "main"
    """Branch whose newest commit is frozen; ``refs/convert/parquet`` where the main one holds a
    loading script, which is never run."""
    folder: str = ""
    """Name of its folder in a tree ``<folder>/<config>/<split>.parquet``."""
    config: str = "{language}"
    """Name of the configuration."""
    hub_config: str = ""
    """The same on the hub, where it differs."""
    spelled: Mapping[str, str] = field(default_factory=dict)
    """Language -> what the data set calls it, in place of its code and of its three letters."""
    columns: Mapping[str, Reference] = field(default_factory=dict)
    """Our column -> where its values are; a column that is not named has one name in both. Of
    spans, ``impossible`` may name the column that says which questions have no answer, where the
    set has some for these as well."""
    labels: tuple[str, ...] = ()
    """The data set's names of the labels, in the task's order, where they are not the task's."""
    folded: Mapping[str, str] = field(default_factory=dict)
    """Label of the data set that the task does not know -> the one of ``labels`` it counts as."""
    only: str = ""
    """``column=prefix``: rows of one language among those of all."""
    without: str = ""
    """``column=value``: rows that the data set itself leaves without a label, which are no rows."""
    held: str = ""
    """Column that names documents. A tenth of the documents of the training split are dev rows,
    where both splits are one file."""
    reader: Reader = "columns"
    splits: Mapping[str, str] = field(
        default_factory=lambda: {"train": "train", "dev": "validation", "test": "test"}
    )
    """Our split -> the data set's split."""
    licence: str = ""
    commercial: bool | None = None
    """Whether the licence allows commercial use; None where nobody says, which counts as no."""


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
    dev_languages: tuple[str, ...] | None = None
    """Languages with dev rows; None for all where the data set has a dev split."""
    source_dev: tuple[str, ...] = ()
    """Targets only: tasks whose dev rows stand for the target's own in ``dev_language``, with equal
    weight; empty where the target's own dev rows are used."""
    proxy: str = ""
    """Targets without dev rows of any kind: a task whose dev rows choose protocol, layer and
    pooling in their place. They are text of the target languages, and scores say so."""
    protocol: str = ""
    """How a target is scored, where published scores come from more than one way."""
    parallel: bool = False
    """Targets only: the same items in every language, so selection cuts items as well."""
    metric: str = "accuracy"
    chance: float = 0.0
    """Score of guessing, in points."""
    max_tokens: int = 128
    """Longest sequence in subwords; what a form does with longer ones stands in its docstring."""
    query_tokens: int = 0
    """Retrieval only: longest query, where it is shorter than the longest candidate."""
    stride: int = 0
    """Spans only: subwords that consecutive windows of a long context share."""
    unanswerable: bool = False
    """Spans only: some questions have no answer, and none may be predicted."""
    pool: Literal["own", "languages"] | str = "own"
    """Retrieval only: the candidates of an evaluation. ``own``: those of a part's rows;
    ``languages``: those of all evaluated languages together; else a task whose rows they are."""
    search_pool: int | None = None
    """Retrieval only: most candidates during a search, drawn once and for all; such scores have a
    metric name of their own."""
    readout: Readout | None = None
    """Retrieval only: how vectors are pooled (the mean where it is left out) and, for targets
    that no retrieval task trains, at which layer; a plan may search over both for these."""
    train_rows: int | None = None
    """Training rows per language: of the micro-world, or for reference of a real set's English."""
    reference: Optimisation | None = None
    """Reference hyperparameters of one phase on this task's training rows."""
    origin: Origin = "native"
    collection: str = ""
    """Name shared by data sets that are versions of one another (SQuAD 1.1 and 2.0, XQuAD): rows
    of one may be rows of another."""
    documents: tuple[str, ...] = ()
    """What texts were taken from (``wikipedia``): tasks may share texts of it in a language."""
    permuted: bool = False
    """Whether labels are permuted among the training rows: a control that cannot teach. Dev and
    test rows are as they were. See ``trainables/sources/permuting.py``."""
    single: bool = False
    """Classification only: rows are one text, not two."""
    data: DataSet | None = None

    def has_dev(self, language: str) -> bool:
        """Whether there are dev rows of the task's own in a language."""
        named = self.dev_languages is None or language in self.dev_languages
        return named and (self.data is None or "dev" in self.data.splits)

    def has_test(self, language: str) -> bool:
        """Whether the benchmark tests the task in a language."""
        split = self.data is None or "test" in self.data.splits
        return split and (language in self.languages or self.data is None)

    @property
    def has_pairs(self) -> bool:
        """Whether rows of a classification task are two texts: a missing one is then a mistake."""
        return not self.single and (self.data is None or self.data.reader not in SINGLE_READERS)

    @property
    def head(self) -> str:
        """Name of the head: tasks of one skill and label set share it within a phase."""
        return f"{self.form}-{self.skill}-{len(self.labels)}".replace(".", "_")


NLI_LABELS = ("entailment", "neutral", "contradiction")
"""In the order of MNLI's and XNLI's integers."""
