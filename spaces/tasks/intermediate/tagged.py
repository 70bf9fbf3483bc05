"""Entities and parts of speech in languages other than English.

All entity sets are read with WikiANN's types: dates, quantities and times count as no entity.
"""

from spaces.hub import PARQUET
from spaces.tasks.recurring import ENTITY_TAGS, NEWS, SWAHILI, TRAIN_AND_DEV, UPOS, intermediate
from spaces.tasks.row import DataSet

_NER = {"words": "tokens", "tags": "ner_tags"}
_NO_DATES = {"B-DATE": "O", "I-DATE": "O"}

TAGGED = (
    # Words are single characters, and blanks are words too: as KLUE is scored. Encoders drop the
    # blanks.
    intermediate(
        "klue_ner",
        "tagging",
        "ner",
        "ko",
        21_008,
        DataSet(
            hub="klue/klue",
            folder="klue",
            config="ner",
            columns=_NER,
            labels=("O", "B-PS", "I-PS", "B-OG", "I-OG", "B-LC", "I-LC"),
            folded={f"{place}-{kind}": "O" for place in "BI" for kind in ("DT", "QT", "TI")},
            splits=TRAIN_AND_DEV,
            licence="CC-BY-SA-4.0",
            commercial=True,
        ),
        labels=ENTITY_TAGS,
        metric="entity_f1",
        collection="klue_ner",
        documents=(*NEWS, "reviews"),
    ),
    intermediate(
        "nergrit",
        "tagging",
        "ner",
        "id",
        1_672,
        DataSet(
            hub="indonlp/indonlu",
            branch=PARQUET,
            folder="indonlu",
            config="nergrit",
            columns=_NER,
            labels=(
                "O",
                "B-PERSON",
                "I-PERSON",
                "B-ORGANISATION",
                "I-ORGANISATION",
                "B-PLACE",
                "I-PLACE",
            ),
            licence="MIT",
            commercial=True,
        ),
        labels=ENTITY_TAGS,
        metric="entity_f1",
        collection="nergrit",
        documents=NEWS,
    ),
    intermediate(
        "masakhaner",
        "tagging",
        "ner",
        "am ha ig lg luo pcm rw sw wo yo",
        1_900,
        DataSet(
            hub="masakhane/masakhaner",
            branch=PARQUET,
            folder="masakhaner",
            config="{iso3}",
            spelled=SWAHILI,
            columns=_NER,
            folded=_NO_DATES,
            licence="CC-BY-NC-4.0",
            commercial=False,
        ),
        labels=ENTITY_TAGS,
        metric="entity_f1",
        collection="masakhaner",
        documents=NEWS,
    ),
    # The repository says CC-BY-NC-4.0, the hub's card AFL-3.0: the stricter one.
    intermediate(
        "masakhaner2",
        "tagging",
        "ner",
        "bbj bm ee fon ha ig lg luo mos ny pcm rw sn sw tn tw wo xh yo zu",
        4_500,
        DataSet(
            hub="masakhane/masakhaner2",
            branch=PARQUET,
            folder="masakhaner2",
            config="{iso3}",
            spelled=SWAHILI,
            columns=_NER,
            folded=_NO_DATES,
            licence="CC-BY-NC-4.0",
            commercial=False,
        ),
        labels=ENTITY_TAGS,
        metric="entity_f1",
        collection="masakhaner",
        documents=NEWS,
    ),
    # Its integers are in another order than UD's, with `_` for a word without a part of speech.
    intermediate(
        "masakhapos",
        "tagging",
        "pos",
        "bbj bm ee fon ha ig lg luo mos ny pcm rw sn sw tn tw wo xh yo zu",
        750,
        DataSet(
            hub="masakhane/masakhapos",
            branch=PARQUET,
            folder="masakhapos",
            config="{iso3}",
            spelled=SWAHILI,
            columns={"words": "tokens", "tags": "upos"},
            folded={"_": "X"},
            licence="MIT",
            commercial=True,
        ),
        labels=UPOS,
        metric="tag_f1",
        collection="masakhapos",
        documents=NEWS,
    ),
)
