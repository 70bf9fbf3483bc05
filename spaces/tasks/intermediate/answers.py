"""Questions written in languages other than English, answered by a span of a text."""

from dataclasses import replace
from typing import Any

from spaces.hub import PARQUET
from spaces.tasks.recurring import NEWS, QA, TRAIN_AND_DEV, WIKIPEDIA, codes, intermediate
from spaces.tasks.row import DataSet, Task


def _answers(name: str, languages: str, rows: int, data: DataSet, **more: Any) -> Task:
    """A set that is a collection of its own, of Wikipedia, in SQuAD's columns unless it says so."""
    given = {"collection": name, "documents": WIKIPEDIA, **more}
    columns = {**QA, **data.columns}
    return intermediate(
        name, "span", "qa", languages, rows, replace(data, columns=columns), **given
    )


ANSWERS = (
    _answers(
        "korquad",
        "ko",
        60_407,
        DataSet(
            hub="KorQuAD/squad_kor_v1",
            folder="korquad",
            hub_config="squad_kor_v1",
            splits=TRAIN_AND_DEV,
            licence="CC-BY-ND-2.0-KR",
        ),
    ),
    # Questions without an answer come with plausible wrong ones.
    _answers(
        "klue_mrc",
        "ko",
        17_554,
        DataSet(
            hub="klue/klue",
            folder="klue",
            config="mrc",
            columns={"impossible": "is_impossible"},
            splits=TRAIN_AND_DEV,
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
        unanswerable=True,
        documents=(*WIKIPEDIA, *NEWS),
    ),
    # Some of its dev answers are not in their paragraph, and a few not where they are said to be:
    # a study of the whole set needs `[data] bad_rows = "skip"`.
    _answers(
        "cmrc2018",
        "zh",
        10_142,
        DataSet(
            hub="hfl/cmrc2018",
            branch=PARQUET,
            folder="cmrc2018",
            hub_config="default",
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
    ),
    # Mandarin in traditional characters, a code of its own here: compare languages by `iso3`.
    _answers(
        "drcd",
        "zh-Hant",
        26_936,
        DataSet(
            hub="clue/clue",
            folder="drcd",
            config="zh",
            hub_config="drcd",
            licence="CC-BY-SA-3.0",
            commercial=True,
        ),
    ),
    _answers(
        "jaquad",
        "ja",
        31_748,
        DataSet(
            hub="SkelterLabsInc/JaQuAD",
            branch=PARQUET,
            folder="jaquad",
            hub_config="default",
            splits=TRAIN_AND_DEV,
            licence="CC-BY-SA-3.0",
            commercial=True,
        ),
    ),
    # A paragraph is read after its title and " [SEP] ", as its makers have it: places count both.
    _answers(
        "jsquad",
        "ja",
        62_859,
        DataSet(
            hub="shunk031/JGLUE",
            branch=PARQUET,
            folder="jglue",
            config="JSQuAD",
            splits=TRAIN_AND_DEV,
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
    ),
    _answers(
        "iapp_wiki_qa",
        "th",
        5_761,
        DataSet(
            hub="iapp/iapp_wiki_qa_squad",
            branch=PARQUET,
            folder="iapp_wiki_qa_squad",
            hub_config="default",
            licence="MIT",
            commercial=True,
        ),
    ),
    _answers(
        "arcd",
        "ar",
        693,
        DataSet(
            hub="hsseinmz/arcd",
            folder="arcd",
            config="plain_text",
            splits=TRAIN_AND_DEV,
            licence="MIT",
            commercial=True,
        ),
    ),
    # Rows: four fifths of about 80,000.
    _answers(
        "pquad",
        "fa",
        64_000,
        DataSet(
            hub="Gholamreza/pquad",
            branch=PARQUET,
            folder="pquad",
            hub_config="default",
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
        unanswerable=True,
    ),
    # Texts found for questions people ask a search engine. The hub has its parquet conversion under
    # `community-datasets`.
    _answers(
        "parsinlu_rc",
        "fa",
        600,
        DataSet(
            hub="community-datasets/parsinlu_reading_comprehension",
            branch=PARQUET,
            folder="parsinlu",
            config="reading_comprehension",
            hub_config="parsinlu-repo",
            columns={"answers": "answers.answer_text"},
            licence="CC-BY-NC-SA-4.0",
            commercial=False,
        ),
        documents=("web",),
    ),
    # The set is had from its makers on request; the hub's copy calls itself MIT.
    _answers(
        "viquad2",
        "vi",
        28_500,
        DataSet(
            hub="taidng/UIT-ViQuAD2.0",
            branch=PARQUET,
            folder="viquad2",
            hub_config="default",
            columns={"impossible": "is_impossible"},
            splits=TRAIN_AND_DEV,
            licence="on request; a copy says MIT",
        ),
        unanswerable=True,
    ),
    # European: the control for "not English" against "not European".
    _answers(
        "sberquad",
        "ru",
        45_328,
        DataSet(
            hub="kuznetsoffandrey/sberquad",
            folder="sberquad",
            hub_config="sberquad",
            licence="not stated",
        ),
    ),
    # Only the questions are in these languages: their texts are in English, Fon's in French. There
    # are no training rows with a passage in Swahili, and no dev rows in Yoruba.
    _answers(
        "afriqa",
        "bem fon ha ig rw tw yo zu",
        240,
        DataSet(
            hub="masakhane/afriqa-gold-passages",
            branch=PARQUET,
            folder="afriqa-gold-passages",
            config="{iso3}",
            columns={
                "question": "question_lang",
                "answers": "answer_pivot.text",
                "starts": "answer_pivot.answer_start",
            },
            licence="CC-BY-4.0",
            commercial=True,
        ),
        dev_languages=codes("bem fon ha ig rw tw zu"),
    ),
    # On no hub: github.com/semantic-systems/amharic-qa has it.
    _answers(
        "amqa",
        "am",
        1_723,
        DataSet(folder="amqa", licence="MIT", commercial=True),
    ),
)
