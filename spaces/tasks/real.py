"""Real tasks. Facts of rows (sizes, columns, hub ids): the data sets' own cards, as of 2026."""

from spaces.settings import Optimisation
from spaces.tasks.row import NLI_LABELS, DataSet, Task

_PAIR = {"text": "premise", "text_pair": "hypothesis", "label": "label"}

# Reference: XLM-R Large in the released replication of Phang et al. 2020 (jiant, XTREME guide):
# lr 1e-5, batch 32, warm-up 10 %, linear decay; steps here are about two epochs of MNLI.
_REAL_NLI = Optimisation(learning_rate=1e-5, steps=24_500, rows_per_step=32)

REAL_TASKS = (
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
