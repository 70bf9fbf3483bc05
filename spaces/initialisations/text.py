"""Published encoders that were trained on text alone: twins of the multimodal ones, and placebos.

Facts are those of the model cards and of the authors' repositories; parameters were counted on the
architectures. A placebo was tuned on pairs of texts: what it gains over its twin, the contrast of
sentences gives without any picture.
"""

from spaces.initialisations.row import Initialisation
from spaces.initialisations.shape import EncoderShape
from spaces.initialisations.stage import Stage
from spaces.tasks.recurring import codes

BASE, LARGE = EncoderShape(12, 512), EncoderShape(24, 512)
"""Shapes of BERT and of all that followed it. Two of RoBERTa's 514 positions are no token's."""

XLMR = Stage(kind="masked words", data="CommonCrawl (CC-100)", column="xlm-r")
MBERT = Stage(kind="masked words", data="Wikipedia", column="mbert")
ROBERTA = Stage(
    kind="masked words", data="books, Wikipedia, news, web pages and stories", languages=("en",)
)
BERT = Stage(kind="masked words", data="books and Wikipedia", languages=("en",))

DISTILMBERT = Stage(kind="distillation", data="of mBERT on Wikipedia", column="mbert")

LABSE_LANGUAGES = codes(
    "af am ar as az be bg bn bo bs ca ceb co cs cy da de el en eo es et eu fa fi fr fy ga gd gl "
    "gu ha haw he hi hmn hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lb lo lt lv mg mi "
    "mk ml mn mr ms mt my ne nl no ny or pa pl pt ro ru rw si sk sl sm sn so sq sr st su sv sw ta "
    "te tg th tk tl tr tt ug uk ur uz vi wo xh yi yo zh zu"
)
"""Of the card of sentence-transformers/LaBSE."""

LABSE = (
    Stage(
        kind="masked words",
        data="running and parallel text of CommonCrawl and Wikipedia",
        languages=LABSE_LANGUAGES,
    ),
    Stage(kind="text pairs", data="translations", languages=LABSE_LANGUAGES),
)
E5 = Stage(kind="text pairs", data="from the web, then labelled ones of retrieval and the like")

TEXT: tuple[Initialisation, ...] = (
    Initialisation(
        name="xlmr-base",
        path="hub:FacebookAI/xlm-roberta-base",
        licence="MIT",
        commercial=True,
        family="xlm-r-base",
        image_stage="none",
        stages=(XLMR,),
        shape=BASE,
        parameters=277.5,
        embedding_parameters=192.0,
    ),
    Initialisation(
        name="xlmr-large",
        path="hub:FacebookAI/xlm-roberta-large",
        licence="MIT",
        commercial=True,
        family="xlm-r-large",
        image_stage="none",
        stages=(XLMR,),
        shape=LARGE,
        parameters=558.8,
        embedding_parameters=256.0,
    ),
    Initialisation(
        name="mbert",
        path="hub:google-bert/bert-base-multilingual-cased",
        licence="Apache-2.0",
        commercial=True,
        family="mbert",
        image_stage="none",
        stages=(MBERT,),
        shape=BASE,
        parameters=177.3,
        embedding_parameters=91.8,
    ),
    Initialisation(
        name="distilmbert",
        path="hub:distilbert/distilbert-base-multilingual-cased",
        licence="Apache-2.0",
        commercial=True,
        family="distilmbert",
        image_stage="none",
        stages=(DISTILMBERT,),
        shape=EncoderShape(6, 512),
        parameters=134.7,
        embedding_parameters=91.8,
    ),
    # Already aligned by translations, and yet the twin of what M-CLIP made of it.
    Initialisation(
        name="labse",
        path="hub:sentence-transformers/LaBSE",
        licence="Apache-2.0",
        commercial=True,
        family="labse",
        image_stage="none",
        stages=LABSE,
        shape=BASE,
        pooling="first token, then a dense layer",
        parameters=470.3,
        embedding_parameters=384.9,
        unverified=("what its stages read",),
    ),
    Initialisation(
        name="e5-base",
        path="hub:intfloat/multilingual-e5-base",
        twin="xlmr-base",
        licence="MIT",
        commercial=True,
        family="xlm-r-base",
        image_stage="none",
        stages=(XLMR, E5),
        shape=BASE,
        pooling="mean",
        parameters=277.5,
        embedding_parameters=192.0,
        confound="the placebo: contrasted with texts, no pictures; other texts than captions, and "
        "labelled pairs among them",
        unverified=("what its second stage reads", "pooling"),
    ),
    Initialisation(
        name="e5-large",
        path="hub:intfloat/multilingual-e5-large",
        twin="xlmr-large",
        licence="MIT",
        commercial=True,
        family="xlm-r-large",
        image_stage="none",
        stages=(XLMR, E5),
        shape=LARGE,
        pooling="mean",
        parameters=558.8,
        embedding_parameters=256.0,
        confound="the placebo: contrasted with texts, no pictures; other texts than captions, and "
        "labelled pairs among them",
        unverified=("what its second stage reads", "pooling"),
    ),
    Initialisation(
        name="roberta-base",
        path="hub:FacebookAI/roberta-base",
        licence="MIT",
        commercial=True,
        family="roberta-base",
        image_stage="none",
        stages=(ROBERTA,),
        shape=BASE,
        parameters=124.1,
        embedding_parameters=38.6,
    ),
    Initialisation(
        name="bert-base",
        path="hub:google-bert/bert-base-uncased",
        licence="Apache-2.0",
        commercial=True,
        family="bert-base-uncased",
        image_stage="none",
        stages=(BERT,),
        shape=BASE,
        parameters=108.9,
        embedding_parameters=23.4,
        unverified=("licence",),
    ),
)
