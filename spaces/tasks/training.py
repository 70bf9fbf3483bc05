"""Real tasks that targets are trained on, chosen on, or retrieve from."""

from dataclasses import replace
from typing import Any

from spaces.hub import PARQUET
from spaces.settings import Readout
from spaces.tasks.recurring import (
    COPA,
    NLI,
    QA,
    SQUAD,
    SQUAD_RETRIEVAL,
    codes,
    row,
    trained,
)
from spaces.tasks.row import NLI_LABELS, DataSet

_ENGLISH: dict[str, Any] = {"train_languages": ("en",)}
_ENTITIES = DataSet(
    hub="izhx/mewsli-x",
    folder="mewsli-x",
    config="candidate_entities",
    reader="entities",
    splits={"candidates": "test"},
    licence="Apache-2.0",
)
_SQUAD_DATA = DataSet(
    hub="rajpurkar/squad",
    folder="squad",
    config="plain_text",
    columns=QA,
    splits={"train": "train", "dev": "validation"},
    licence="CC-BY-SA-4.0",
)

TRAINING = (
    row(
        "mnli",
        "classification",
        "nli",
        trained(3e-5, 392_702, 5),
        labels=NLI_LABELS,
        **_ENGLISH,
        data=DataSet(
            hub="nyu-mll/multi_nli",
            folder="multi_nli",
            config="default",
            columns=NLI,
            splits={"train": "train", "dev": "validation_matched"},
            licence="OANC and others, see its card",
        ),
    ),
    row(
        "social_i_qa",
        "choice",
        "commonsense",
        trained(3e-5, 33_410, 5),
        **_ENGLISH,
        data=DataSet(
            hub="allenai/social_i_qa",
            branch=PARQUET,
            folder="social_i_qa",
            config="en",
            hub_config="default",
            columns={"text": "context", "choices": ("answerA", "answerB", "answerC")},
            labels=("1", "2", "3"),
            splits={"train": "train", "dev": "validation"},
            licence="CC-BY-4.0",
        ),
    ),
    row(
        "copa",
        "choice",
        "commonsense",
        trained(3e-5, 400, 5),
        **_ENGLISH,
        data=DataSet(
            hub="aps/super_glue",
            folder="copa",
            config="en",
            hub_config="copa",
            columns=COPA,
            labels=("choice1", "choice2"),
            licence="BSD-2-Clause",
        ),
    ),
    row("squad", "span", "qa", SQUAD, **_ENGLISH, max_tokens=384, stride=128, data=_SQUAD_DATA),
    row(
        "squad_sentences",
        "retrieval",
        "answer_retrieval",
        SQUAD_RETRIEVAL,
        **_ENGLISH,
        max_tokens=256,
        query_tokens=96,
        metric="map_at_20",
        readout=Readout(pooling="first"),
        data=replace(_SQUAD_DATA, reader="sentences"),
    ),
    row(
        "wikipedia_pairs",
        "retrieval",
        "entity_linking",
        trained(1e-5, 167_719, 2),
        **_ENGLISH,
        max_tokens=64,
        metric="map_at_20",
        readout=Readout(pooling="first"),
        data=replace(
            _ENTITIES,
            config="wikipedia_pairs",
            reader="mentions",
            splits={"train": "train", "dev": "validation"},
        ),
    ),
    # The candidates of Mewsli-X: one description of each of 1,003,893 entities in 50 languages.
    row("wikipedia_entities", "retrieval", "entity_linking", None, max_tokens=64, data=_ENTITIES),
    # What chooses a layer for Tatoeba: the premises of XNLI, each once, in two languages.
    row(
        "xnli_bitext",
        "retrieval",
        "alignment",
        None,
        dev_languages=codes("ar bg de el es fr hi ru sw th tr ur vi zh"),
        max_tokens=512,
        metric="accuracy_at_1",
        data=DataSet(
            hub="facebook/xnli",
            folder="xnli",
            columns={"text": "en:premise", "target": "premise", "target_id": "en:#premise"},
            splits={"dev": "validation"},
            reader="bitext",
            licence="CC-BY-NC-4.0",
        ),
    ),
    row(
        "snli_cad",
        "classification",
        "nli",
        trained(2e-5, 8_330, 2),
        labels=NLI_LABELS,
        **_ENGLISH,
        data=DataSet(
            folder="snli_cad",
            config="all_combined",
            columns=NLI,
            licence="Apache-2.0 (revisions); CC-BY-SA-4.0 (SNLI sentences)",
        ),
    ),
    row(
        "sick",
        "classification",
        "nli",
        trained(2e-5, 4_500, 2),
        labels=NLI_LABELS,
        **_ENGLISH,
        data=DataSet(
            hub="RobZamp/sick",
            folder="sick",
            config="default",
            columns={"text": "sentence_A", "text_pair": "sentence_B"},
            licence="CC-BY-NC-SA-3.0",
        ),
    ),
)
