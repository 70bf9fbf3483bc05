"""Rows made from rows in another language: the same items in several, or translations into one."""

from spaces.hub import PARQUET
from spaces.tasks.recurring import (
    CAPTIONS,
    MNLI_GENRES,
    NLI,
    QA,
    TRAIN_AND_DEV,
    WIKIPEDIA,
    intermediate,
)
from spaces.tasks.row import NLI_LABELS, DataSet

_DEV_AND_TEST = {"train": "validation", "dev": "test"}
"""Splits of sets without training rows: their dev part is trained on, their test part is dev."""

PARALLEL = (
    # MultiNLI in English, and by machine in the 14 others: language is all that differs.
    intermediate(
        "xnli_mt",
        "classification",
        "nli",
        "ar bg de el en es fr hi ru sw th tr ur vi zh",
        392_702,
        DataSet(
            hub="facebook/xnli",
            folder="xnli",
            columns=NLI,
            splits={"train": "train"},
            licence="CC-BY-NC-4.0",
            commercial=False,
        ),
        labels=NLI_LABELS,
        origin="parallel",
        collection="mnli",
        documents=MNLI_GENRES,
    ),
    # SQuAD 1.1 by machine, less the questions whose answer was not found again: 76,285 (zh) to
    # 84,816 (vi). The English rows are `squad`.
    intermediate(
        "mlqa_translate_train",
        "span",
        "qa",
        "ar de es hi vi zh",
        80_000,
        DataSet(
            hub="facebook/mlqa",
            branch=PARQUET,
            folder="mlqa",
            config="mlqa-translate-train.{language}",
            columns={**QA, "item": "id"},
            splits=TRAIN_AND_DEV,
            licence="CC-BY-SA-3.0",
            commercial=True,
        ),
        origin="parallel",
        collection="squad",
        documents=WIKIPEDIA,
    ),
    # Of IGLUE: captions of pictures, translated by people. The hub's copies hold the pictures too,
    # so rows come from a folder. They are a test part, but of no target here.
    intermediate(
        "xvnli",
        "classification",
        "nli",
        "ar en es fr ru",
        1_150,
        DataSet(
            folder="xvnli",
            columns={"text": "caption", "text_pair": "hypothesis", "item": "pair_id"},
            without="label=-",
            splits={"train": "test"},
            licence="MIT (translations); CC-BY-SA-4.0 (SNLI)",
            commercial=True,
        ),
        labels=NLI_LABELS,
        origin="parallel",
        collection="snli",
        documents=CAPTIONS,
    ),
    # XNLI's dev and test parts by machine, mended by people. The makers' CC-BY-SA cannot widen
    # what XNLI's licence allows.
    intermediate(
        "kor_nli",
        "classification",
        "nli",
        "ko",
        2_490,
        DataSet(
            hub="kakaobrain/kor_nli",
            branch=PARQUET,
            folder="kor_nli",
            config="xnli",
            columns=NLI,
            splits=_DEV_AND_TEST,
            licence="CC-BY-SA-4.0; XNLI CC-BY-NC-4.0",
            commercial=False,
        ),
        labels=NLI_LABELS,
        origin="translated",
        collection="xnli",
        documents=MNLI_GENRES,
    ),
    # MultiNLI by machine.
    intermediate(
        "kor_nli_mt",
        "classification",
        "nli",
        "ko",
        392_702,
        DataSet(
            hub="kakaobrain/kor_nli",
            branch=PARQUET,
            folder="kor_nli",
            config="multi_nli",
            columns=NLI,
            splits={"train": "train"},
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
        labels=NLI_LABELS,
        origin="translated",
        collection="mnli",
        documents=MNLI_GENRES,
    ),
    # XNLI's Spanish translated by people, 222 to 743 dev rows; licences as above.
    intermediate(
        "americas_nli",
        "classification",
        "nli",
        "ay bzd cni gn hch nah oto quy shp tar",
        743,
        DataSet(
            hub="nala-cub/americas_nli",
            branch=PARQUET,
            folder="americas_nli",
            spelled={"ay": "aym"},
            columns=NLI,
            splits=_DEV_AND_TEST,
            licence="CC-BY-SA-4.0; XNLI CC-BY-NC-4.0",
            commercial=False,
        ),
        labels=NLI_LABELS,
        origin="translated",
        collection="xnli",
        documents=MNLI_GENRES,
    ),
)
