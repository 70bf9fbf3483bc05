"""Real targets: the ten of XTREME-R, and PAWS-X of XTREME.

Languages, sizes and hyperparameters: the paper (Ruder et al. 2021, arXiv 2104.07412) and the
benchmark's scripts for XLM-R Large (google-research/xtreme, commit 838c13b). Hub ids, columns,
licences: the data sets' cards, as of 2026. A commit is resolved when a study starts.
"""

from dataclasses import replace

from spaces.settings import Readout
from spaces.tasks.recurring import (
    COPA,
    ENTITY_TAGS,
    EVALUATION_ONLY,
    MNLI_GENRES,
    NEWS,
    NLI,
    PARAPHRASE_LABELS,
    QA,
    QA_ROW,
    SQUAD,
    SQUAD_RETRIEVAL,
    UPOS,
    WIKIPEDIA,
    XQUAD_LANGUAGES,
    codes,
    row,
    trained,
)
from spaces.tasks.row import NLI_LABELS, DataSet

BENCHMARK = (
    row(
        "xnli",
        "classification",
        "nli",
        trained(3e-5, 392_702, 5),
        labels=NLI_LABELS,
        languages=codes("ar bg de el en es fr hi ru sw th tr ur vi zh"),
        recipe=("mnli",),
        dev_language="en",
        parallel=True,
        chance=100 / 3,
        origin="parallel",
        collection="xnli",
        documents=MNLI_GENRES,
        data=DataSet(
            hub="facebook/xnli",
            folder="xnli",
            columns=NLI,
            licence="CC-BY-NC-4.0",
            commercial=False,
        ),
    ),
    row(
        "xcopa",
        "choice",
        "commonsense",
        trained(3e-5, 400, 5),
        languages=codes("et ht id it qu sw ta th tr vi zh"),
        recipe=("social_i_qa", "copa"),
        dev_language="en",
        source_dev=("copa", "social_i_qa"),
        parallel=True,
        chance=50.0,
        origin="parallel",
        collection="copa",
        data=DataSet(
            hub="cambridgeltl/xcopa",
            folder="xcopa",
            columns=COPA,
            licence="CC-BY-4.0",
            commercial=True,
        ),
    ),
    row(
        "udpos",
        "tagging",
        "pos",
        trained(2e-5, 21_253, 10),
        labels=UPOS,
        languages=codes(
            "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko lt mr nl pl pt ro ru ta "
            "te th tl tr uk ur vi wo yo zh"
        ),
        train_languages=codes(
            "af ar bg de el en es et eu fa fi fr he hi hu id it ja ko lt mr nl pl pt ro ru ta te "
            "tr uk ur vi wo zh"
        ),
        recipe=("udpos",),
        dev_language="en",
        dev_languages=("en",),
        metric="tag_f1",
        collection="ud",
        data=DataSet(
            hub="izhx/xtreme-r-udpos",
            folder="udpos",
            columns={"words": "tokens", "tags": "pos_tags"},
            licence="by treebank: CC-BY-SA-3.0/4.0 or CC-BY-NC-SA-3.0/4.0",
            commercial=False,
        ),
    ),
    row(
        "panx",
        "tagging",
        "ner",
        trained(2e-5, 20_000, 10),
        labels=ENTITY_TAGS,
        languages=codes(
            "af ar az bg bn de el en es et eu fa fi fr gu he hi hu id it ja jv ka kk ko lt ml mr "
            "ms my nl pa pl pt qu ro ru sw ta te th tl tr uk ur vi yo zh"
        ),
        train_languages=codes(
            "af ar az bg bn de el en es et eu fa fi fr gu he hi hu id it ja jv ka kk ko lt ml mr "
            "ms my nl pa pl pt qu ro ru sw ta te th tl tr uk ur vi yo zh"
        ),
        recipe=("panx",),
        dev_language="en",
        metric="entity_f1",
        collection="wikiann",
        documents=WIKIPEDIA,
        data=DataSet(
            hub="unimelb-nlp/wikiann",
            folder="wikiann",
            columns={"words": "tokens", "tags": "ner_tags"},
            licence="not stated by its makers; Wikipedia text, CC-BY-SA-3.0",
        ),
    ),
    row(
        "xquad",
        "span",
        "qa",
        SQUAD,
        languages=codes("ar de el en es hi ro ru th tr vi zh"),
        recipe=("squad",),
        source_dev=("squad",),
        parallel=True,
        **QA_ROW,
        origin="parallel",
        collection="squad",
        documents=WIKIPEDIA,
        data=DataSet(
            hub="google/xquad",
            folder="xquad",
            hub_config="xquad.{language}",
            columns={**QA, "item": "#context"},
            splits=EVALUATION_ONLY,
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
    ),
    row(
        "mlqa",
        "span",
        "qa",
        SQUAD,
        languages=codes("ar de en es hi vi zh"),
        recipe=("squad",),
        source_dev=("squad",),
        parallel=True,
        **{**QA_ROW, "metric": "mlqa_mean"},
        origin="parallel",
        collection="mlqa",
        documents=WIKIPEDIA,
        data=DataSet(
            hub="google/xtreme",
            hub_config="MLQA.{language}.{language}",
            folder="mlqa",
            config="mlqa.{language}.{language}",
            columns={**QA, "item": "id"},
            licence="CC-BY-SA-3.0",
            commercial=True,
        ),
    ),
    row(
        "tydiqa",
        "span",
        "qa",
        trained(3e-5, 3_696, 3, warmup_share=0.1, weight_decay=1e-4),
        languages=codes("ar bn en fi id ko ru sw te"),
        train_languages=codes("ar bn en fi id ko ru sw te"),
        recipe=("tydiqa",),
        dev_languages=("en",),
        **QA_ROW,
        collection="tydiqa",
        documents=WIKIPEDIA,
        data=DataSet(
            hub="google/xtreme",
            hub_config="tydiqa",
            folder="tydiqa",
            columns=QA,
            only="id={name}-",
            held="title",
            splits={"train": "train", "dev": "train", "test": "validation"},
            licence="Apache-2.0",
            commercial=True,
        ),
    ),
    row(
        "tatoeba",
        "retrieval",
        "alignment",
        SQUAD,
        languages=codes(
            "af ar az bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko lt ml mr nl pl "
            "pt ro ru sw ta te th tl tr uk ur vi zh"
        ),
        recipe=("squad",),
        protocol="squad",  # XTREME-R's baseline is tuned on SQuAD before its vectors are read
        proxy="xnli_bitext",
        metric="accuracy_at_1",
        max_tokens=512,
        readout=Readout(layer=8),  # the scripts' 7 of 12
        # A query is the English sentence, the candidates are the other language's, by row.
        origin="parallel",
        collection="tatoeba",
        documents=("tatoeba",),
        data=DataSet(
            hub="google/xtreme",
            hub_config="tatoeba.{iso3}",
            folder="tatoeba",
            config="{iso3}",
            columns={"text": "target_sentence", "target": "source_sentence", "target_id": "#"},
            splits=EVALUATION_ONLY,
            licence="CC-BY-2.0-FR",
            commercial=True,
        ),
    ),
    row(
        "lareqa",
        "retrieval",
        "answer_retrieval",
        SQUAD_RETRIEVAL,
        languages=XQUAD_LANGUAGES,
        recipe=("squad_sentences",),
        source_dev=("squad_sentences",),
        dev_language="en",
        parallel=True,
        metric="map_at_20",
        max_tokens=256,
        query_tokens=96,
        pool="languages",
        protocol="sentences",  # others retrieve whole paragraphs
        readout=Readout(pooling="first"),
        # The hub's copy lacks the sentence breaks; the repository google-research-datasets/lareqa
        # has them.
        origin="parallel",
        collection="squad",
        documents=WIKIPEDIA,
        data=DataSet(
            folder="lareqa",
            columns={**QA, "item": "#context"},
            splits=EVALUATION_ONLY,
            reader="sentences",
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
    ),
    row(
        "mewslix",
        "retrieval",
        "entity_linking",
        trained(1e-5, 167_719, 2),
        languages=codes("ar de en es fa ja pl ro ta tr uk"),
        recipe=("wikipedia_pairs",),
        source_dev=("wikipedia_pairs",),
        dev_language="en",
        metric="map_at_20",
        max_tokens=64,
        pool="wikipedia_entities",
        search_pool=20_000,
        protocol="20220518_6",  # the released data; the paper's were sampled otherwise
        readout=Readout(pooling="first"),
        collection="mewslix",
        documents=(*NEWS, *WIKIPEDIA),
        data=DataSet(
            hub="izhx/mewsli-x",
            folder="mewsli-x",
            reader="mentions",
            licence="Apache-2.0",
            commercial=True,
        ),
    ),
    # Of XTREME, not of XTREME-R.
    row(
        "pawsx",
        "classification",
        "paraphrase",
        trained(2e-5, 49_401, 5),
        labels=PARAPHRASE_LABELS,
        languages=codes("de en es fr ja ko zh"),
        train_languages=codes("de en es fr ja ko zh"),
        recipe=("pawsx",),
        dev_language="en",
        parallel=True,
        chance=50.0,
        origin="parallel",
        collection="paws",
        documents=WIKIPEDIA,
        data=DataSet(
            hub="google-research-datasets/paws-x",
            folder="paws-x",
            columns={"text": "sentence1", "text_pair": "sentence2", "item": "id"},
            labels=("0", "1"),
            licence="free for any purpose, see its card",
            commercial=True,
        ),
    ),
)

_BY_NAME = {row.name: row for row in BENCHMARK}

PROTOCOLS = (
    # XTREME's protocol, where no phase comes before the vectors are read.
    replace(_BY_NAME["tatoeba"], name="tatoeba_untuned", recipe=(), protocol="untuned"),
    # LAReQA's questions read as spans: shares the SQuAD phase of XQuAD and MLQA.
    replace(
        _BY_NAME["xquad"],
        name="xquad_r",
        languages=XQUAD_LANGUAGES,
        data=DataSet(
            hub="google-research-datasets/xquad_r",
            folder="xquad_r",
            columns={**QA, "item": "#context"},
            splits=EVALUATION_ONLY,
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
    ),
)

TARGETS = BENCHMARK + PROTOCOLS
