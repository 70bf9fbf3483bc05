"""The nine intermediate tasks of Phang et al. 2020 (arXiv 2005.13013), but for two of its rows.

MNLI and SQuAD 1.1 are in ``spaces/tasks/training.py``, with the benchmark's hyperparameters: target
phases train on them. The paper's ANLI+ is five tasks under one head, ``mnli snli anli_r1 anli_r2
anli_r3`` in proportion to their sizes: name them together in ``[space.mixture] tasks``.
"""

from dataclasses import replace

from spaces.hub import PARQUET
from spaces.tasks.recurring import (
    CAPTIONS,
    NEWS,
    NLI,
    PARAPHRASE_LABELS,
    QA,
    TRAIN_AND_DEV,
    WIKIPEDIA,
    intermediate,
)
from spaces.tasks.row import NLI_LABELS, DataSet, Task

_ANLI = DataSet(
    hub="facebook/anli",
    folder="anli",
    config="plain_text",
    columns=NLI,
    without="label=-1",
    licence="CC-BY-NC-4.0",
    commercial=False,
)


def _anli(number: int, rows: int, documents: tuple[str, ...]) -> Task:
    """A round of ANLI: splits of one configuration."""
    splits = {part: f"{part}_r{number}" for part in ("train", "dev", "test")}
    return intermediate(
        f"anli_r{number}",
        "classification",
        "nli",
        "en",
        rows,
        replace(_ANLI, splits=splits),
        labels=NLI_LABELS,
        collection="anli",
        documents=documents,
    )


ENGLISH = (
    intermediate(
        "snli",
        "classification",
        "nli",
        "en",
        549_367,
        DataSet(
            hub="stanfordnlp/snli",
            folder="snli",
            config="plain_text",
            columns=NLI,
            without="label=-1",
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
        labels=NLI_LABELS,
        collection="snli",
        documents=CAPTIONS,
    ),
    _anli(1, 16_946, WIKIPEDIA),
    _anli(2, 45_460, WIKIPEDIA),
    _anli(3, 100_459, (*WIKIPEDIA, *NEWS, "fiction", "speech", "web")),
    intermediate(
        "qqp",
        "classification",
        "paraphrase",
        "en",
        363_846,
        DataSet(
            hub="nyu-mll/glue",
            folder="qqp",
            config="qqp",
            columns={"text": "question1", "text_pair": "question2"},
            labels=("not_duplicate", "duplicate"),
            splits=TRAIN_AND_DEV,
            licence="Quora's terms of use; no grant",
        ),
        labels=PARAPHRASE_LABELS,
        collection="qqp",
        documents=("web",),
    ),
    intermediate(
        "squad_v2",
        "span",
        "qa",
        "en",
        130_319,
        DataSet(
            hub="rajpurkar/squad_v2",
            folder="squad_v2",
            config="squad_v2",
            columns=QA,
            splits=TRAIN_AND_DEV,
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
        unanswerable=True,
        collection="squad",
        documents=WIKIPEDIA,
    ),
    intermediate(
        "hellaswag",
        "choice",
        "completion",
        "en",
        39_905,
        DataSet(
            hub="Rowan/hellaswag",
            branch=PARQUET,
            folder="hellaswag",
            config="default",
            columns={"text": "ctx", "question": "", "choices": "endings"},
            labels=("0", "1", "2", "3"),
            splits=TRAIN_AND_DEV,
            licence="MIT",
            commercial=True,
        ),
        chance=25.0,
        collection="hellaswag",
        documents=(*CAPTIONS, "wikihow"),
    ),
    # Supertags of CCGbank, which may be had from the LDC alone. A `[[task]]` row like this one has
    # to name `folder` and `labels`, in the order it likes; columns are `words` and `tags`.
    intermediate(
        "ccg",
        "tagging",
        "ccg",
        "en",
        38_015,
        DataSet(
            config="en", splits=TRAIN_AND_DEV, licence="LDC2005T13, not public", commercial=False
        ),
        collection="ccgbank",
        documents=NEWS,
    ),
    intermediate(
        "cosmos_qa",
        "choice",
        "commonsense",
        "en",
        25_262,
        DataSet(
            hub="allenai/cosmos_qa",
            branch=PARQUET,
            folder="cosmos_qa",
            config="default",
            columns={"text": "context", "choices": ("answer0", "answer1", "answer2", "answer3")},
            splits=TRAIN_AND_DEV,
            licence="CC-BY-4.0",
            commercial=True,
        ),
        chance=25.0,
        collection="cosmos_qa",
        documents=("blogs",),
    ),
    intermediate(
        "commonsense_qa",
        "choice",
        "commonsense",
        "en",
        9_741,
        DataSet(
            hub="tau/commonsense_qa",
            folder="commonsense_qa",
            config="default",
            columns={
                "text": "question",
                "question": "",
                "choices": "choices.text",
                "label": "answerKey",
            },
            labels=("A", "B", "C", "D", "E"),
            splits=TRAIN_AND_DEV,
            licence="MIT",
            commercial=True,
        ),
        chance=20.0,
        collection="commonsense_qa",
    ),
)
