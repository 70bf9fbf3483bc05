"""Published text encoders of image-text models, each beside the text-only one it was made from.

Facts as in ``text.py``. They fall into three classes that must not be thrown together: contrast
with real pictures (LAION, AltCLIP, SigLIP), vectors learnt from captions without a picture
(M-CLIP), and English towers, which tell pictures apart from languages.
"""

from spaces.initialisations.row import Initialisation
from spaces.initialisations.shape import EncoderShape
from spaces.initialisations.stage import Stage
from spaces.initialisations.text import BASE, BERT, DISTILMBERT, LABSE, LARGE, MBERT, ROBERTA, XLMR
from spaces.tasks.recurring import codes

_LAION_5B = Stage(
    kind="images",
    data="LAION-5B, 13 billion samples of captions of at most 77 tokens",
    count=100,
)
_MORE_TRAINING = "more training, on 13 billion captions; loss of what masked words taught"

_MT_CAPTIONS = Stage(
    kind="distilled captions",
    data="7 million machine-translated captions of CC3M, CC12M and SBU, no English original",
    column="m-clip-48",
)
_NO_IMAGES = "no images at all: distillation, and machine-translated captions"

_EARLY_CAPTIONS = "captions of GCC, MSCOCO and VizWiz, machine-translated, 40,000 a language"

_CAPTIONS_40 = codes(
    "am ar az bg bn ca de el en es et fa fr hi hu id is it ja ka kk ko lv mk ms nl pl ps ro ru sl "
    "sq sv th tl tr ur vi zh zh-Hant"
)
"""Of the card of M-BERT-Distil-40 in FreddeFrallan/Multilingual-CLIP."""

_ALTCLIP_9 = codes("en zh es fr ru ja ko ar it")

_CREATIVE = "CreativeML OpenRAIL-M: its restrictions of use must be passed on"

_WEBLI = Stage(kind="images", data="WebLI, from scratch", count=100)
_WEBLI_2 = Stage(
    kind="images", data="WebLI, from scratch, with captioning and self-distillation", count=109
)
_NO_TWIN = "it has no text-only twin: trained from scratch on pictures, it is matched with nothing"
_LAST = "last token of 64, padding included, then a head"


def _mclip(name: str, model: str) -> Initialisation:
    """XLM-R large that learnt the vectors of one CLIP's text encoder."""
    return Initialisation(
        name=name,
        modality="multimodal",
        path=f"hub:M-CLIP/{model}",
        twin="xlmr-large",
        licence="MIT, as its repository",
        commercial=True,
        family="xlm-r-large",
        image_stage="distilled captions",
        stages=(XLMR, _MT_CAPTIONS),
        shape=LARGE,
        pooling="mean, then a linear layer",
        parameters=558.8,
        embedding_parameters=256.0,
        confound=_NO_IMAGES,
    )


def _mclip_bert(name: str, model: str, stage: Stage, unverified: tuple[str, ...]) -> Initialisation:
    """Multilingual BERT that learnt the vectors of a CLIP's text encoder; the first of M-CLIP's."""
    return Initialisation(
        name=name,
        modality="multimodal",
        path=f"hub:M-CLIP/{model}",
        twin="mbert",
        licence="MIT, as its repository",
        commercial=True,
        family="mbert",
        image_stage="distilled captions",
        stages=(MBERT, stage),
        shape=BASE,
        pooling="mean, then a linear layer that lies elsewhere",
        parameters=177.3,
        embedding_parameters=91.8,
        confound=_NO_IMAGES,
        unverified=unverified,
    )


def _altclip(
    name: str, model: str, codes: tuple[str, ...], licence: str, commercial: bool | None
) -> Initialisation:
    """XLM-R large that learnt CLIP's vectors from parallel text, then from pictures."""
    return Initialisation(
        name=name,
        modality="multimodal",
        path=f"hub:BAAI/{model}",
        twin="xlmr-large",
        licence=licence,
        commercial=commercial,
        family="xlm-r-large",
        image_stage="images",
        stages=(
            XLMR,
            Stage(kind="distillation", data="of CLIP on parallel text", languages=codes),
            Stage(kind="images", data="WuDao and LAION", languages=codes),
        ),
        shape=LARGE,
        pooling="first token, then a linear layer",
        parameters=558.8,
        embedding_parameters=256.0,
        confound="parallel text before the pictures: alignment by translation is in it",
        unverified=("pooling",),
    )


def _siglip2(
    name: str, model: str, shape: EncoderShape, parameters: float, embeddings: float
) -> Initialisation:
    return Initialisation(
        name=name,
        modality="multimodal",
        path=f"hub:google/{model}",
        licence="Apache-2.0",
        commercial=True,
        family=name,
        image_stage="images",
        stages=(_WEBLI_2,),
        shape=shape,
        pooling=_LAST,
        parameters=parameters,
        embedding_parameters=embeddings,
        confound=_NO_TWIN,
    )


MULTIMODAL: tuple[Initialisation, ...] = (
    Initialisation(
        name="laion-xlmr-base",
        modality="multimodal",
        path="hub:laion/CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k",
        twin="xlmr-base",
        licence="MIT",
        commercial=True,
        family="xlm-r-base",
        image_stage="images",
        stages=(XLMR, _LAION_5B),
        shape=BASE,
        pooling="mean, then two layers",
        parameters=277.5,
        embedding_parameters=192.0,
        confound=_MORE_TRAINING,
    ),
    Initialisation(
        name="laion-xlmr-large",
        modality="multimodal",
        path="hub:laion/CLIP-ViT-H-14-frozen-xlm-roberta-large-laion5B-s13B-b90k",
        twin="xlmr-large",
        licence="MIT",
        commercial=True,
        family="xlm-r-large",
        image_stage="images",
        stages=(XLMR, _LAION_5B),
        shape=LARGE,
        pooling="mean, then two layers",
        parameters=558.8,
        embedding_parameters=256.0,
        confound=f"{_MORE_TRAINING}; its image tower was frozen, that of laion-xlmr-base was not",
    ),
    _mclip("mclip-xlmr-large-b32", "XLM-Roberta-Large-Vit-B-32"),
    _mclip("mclip-xlmr-large-l14", "XLM-Roberta-Large-Vit-L-14"),
    _mclip("mclip-xlmr-large-b16plus", "XLM-Roberta-Large-Vit-B-16Plus"),
    Initialisation(
        name="mclip-labse-l14",
        modality="multimodal",
        path="hub:M-CLIP/LABSE-Vit-L-14",
        twin="labse",
        licence="MIT, as its repository",
        commercial=True,
        family="labse",
        image_stage="distilled captions",
        stages=(*LABSE, _MT_CAPTIONS),
        shape=BASE,
        pooling="mean, then a linear layer",
        parameters=470.3,
        embedding_parameters=384.9,
        confound=f"{_NO_IMAGES}; its twin is aligned by translations already",
    ),
    _mclip_bert(
        "mclip-mbert-vit-b",
        "M-BERT-Base-ViT-B",
        Stage(kind="distilled captions", data=_EARLY_CAPTIONS, count=69),
        ("number of languages: 68 elsewhere",),
    ),
    _mclip_bert(
        "mclip-mbert-69",
        "M-BERT-Base-69",
        # The list beside its card has 40 languages, those of M-BERT-Distil-40.
        Stage(kind="distilled captions", data=_EARLY_CAPTIONS, count=69),
        (),
    ),
    Initialisation(
        name="mclip-distilmbert-40",
        modality="multimodal",
        path="hub:M-CLIP/M-BERT-Distil-40",
        twin="distilmbert",
        licence="MIT, as its repository",
        commercial=True,
        family="distilmbert",
        image_stage="distilled captions",
        stages=(
            DISTILMBERT,
            Stage(kind="distilled captions", data=_EARLY_CAPTIONS, languages=_CAPTIONS_40),
        ),
        shape=EncoderShape(6, 512),
        pooling="mean, then a linear layer that lies elsewhere",
        parameters=134.7,
        embedding_parameters=91.8,
        confound=_NO_IMAGES,
    ),
    # How many languages saw pictures is a dial: 2, 9, 18.
    _altclip("altclip", "AltCLIP", ("en", "zh"), _CREATIVE, True),
    _altclip("altclip-m9", "AltCLIP-m9", _ALTCLIP_9, _CREATIVE, True),
    _altclip(
        "altclip-m18",
        "AltCLIP-m18",
        (*_ALTCLIP_9, *codes("th hi uk tr vi pl nl pt de")),
        "not stated: its card has lost the CreativeML OpenRAIL-M of its first version",
        None,
    ),
    # The smallest, and transformers loads it as it is.
    Initialisation(
        name="clip-multilingual-b32",
        modality="multimodal",
        path="hub:sentence-transformers/clip-ViT-B-32-multilingual-v1",
        twin="distilmbert",
        licence="Apache-2.0",
        commercial=True,
        family="distilmbert",
        image_stage="distilled captions",
        stages=(DISTILMBERT, Stage(kind="distilled captions", data="parallel text", count=50)),
        shape=EncoderShape(6, 512),
        pooling="mean, then a linear layer",
        parameters=134.7,
        embedding_parameters=91.8,
        confound="no images at all: distillation, and parallel text",
    ),
    Initialisation(
        name="siglip-base",
        modality="multimodal",
        path="hub:google/siglip-base-patch16-256-multilingual",
        licence="Apache-2.0",
        commercial=True,
        family="siglip-base",
        image_stage="images",
        stages=(_WEBLI,),
        shape=EncoderShape(12, 64),
        pooling=_LAST,
        parameters=277.7,
        embedding_parameters=192.0,
        confound=_NO_TWIN,
    ),
    _siglip2("siglip2-base", "siglip2-base-patch16-224", EncoderShape(12, 64), 282.3, 196.6),
    _siglip2("siglip2-large", "siglip2-large-patch16-256", EncoderShape(24, 64), 565.6, 262.1),
    _siglip2("siglip2-so400m", "siglip2-so400m-patch14-384", EncoderShape(27, 64), 707.8, 294.9),
    # Controls: pictures without other languages.
    Initialisation(
        name="laion-roberta-base",
        modality="multimodal",
        path="hub:laion/CLIP-ViT-B-32-roberta-base-laion2B-s12B-b32k",
        twin="roberta-base",
        licence="MIT",
        commercial=True,
        family="roberta-base",
        image_stage="images",
        stages=(
            ROBERTA,
            Stage(kind="images", data="LAION-2B, 12 billion samples", languages=("en",)),
        ),
        shape=BASE,
        pooling="mean, then two layers",
        parameters=124.1,
        embedding_parameters=38.6,
        confound="English only; more training, on 12 billion captions",
        unverified=("pooling",),
    ),
    Initialisation(
        name="clip-b32",
        modality="multimodal",
        path="hub:openai/clip-vit-base-patch32",
        licence="MIT",
        commercial=True,
        family="clip-b32",
        image_stage="images",
        stages=(
            Stage(kind="images", data="400 million pairs of the web, scratch", languages=("en",)),
        ),
        shape=EncoderShape(12, 77, "causal"),
        pooling="end-of-text token, then a linear layer",
        parameters=63.2,
        embedding_parameters=25.3,
        confound=_NO_TWIN,
        unverified=("licence", "what its stage reads"),
    ),
    Initialisation(
        name="blip-base",
        modality="multimodal",
        path="hub:Salesforce/blip-itm-base-coco",
        twin="bert-base",
        licence="BSD-3-Clause",
        commercial=True,
        family="bert-base-uncased",
        image_stage="images",
        stages=(
            BERT,
            Stage(kind="images", data="captions of the web, then COCO", languages=("en",)),
        ),
        shape=BASE,
        pooling="first token, then a linear layer",
        parameters=108.9,
        embedding_parameters=23.4,
        confound="English only; two word embeddings more; layers that look at pictures left out",
        unverified=("pooling", "what its second stage reads"),
    ),
)
