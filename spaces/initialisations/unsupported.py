"""Published text encoders of image-text models that no plan can have, and why."""

from collections.abc import Iterable, Iterator, Mapping

from spaces.initialisations.row import Initialisation
from spaces.initialisations.shape import EncoderShape
from spaces.initialisations.stage import Stage
from spaces.mistakes import Mistake

UNSUPPORTED: tuple[Initialisation, ...] = (
    Initialisation(
        name="nllb-clip-base",
        modality="multimodal",
        path="hub:visheratin/nllb-clip-base-oc",
        licence="CC-BY-NC",
        commercial=False,
        family="nllb-600m",
        image_stage="images",
        stages=(
            Stage(
                kind="images",
                data="LAION-COCO with machine-translated captions; image tower frozen",
                count=201,
            ),
        ),
        parameters=413.0,
        confound="its twin would be the encoder of facebook/nllb-200-distilled-600M",
        unsupported="half of a translation model that wants a language's token before each text, "
        "which no form here writes; weights of open_clip that no conversion here reads",
    ),
    Initialisation(
        name="metaclip2-huge",
        modality="multimodal",
        path="hub:facebook/metaclip-2-worldwide-huge-quickgelu",
        licence="CC-BY-NC-4.0",
        commercial=False,
        family="metaclip2",
        image_stage="images",
        stages=(Stage(kind="images", data="pairs of the web, from scratch", count=300),),
        shape=EncoderShape(24, 77, "causal"),
        parameters=1226.0,
        embedding_parameters=923.0,
        confound="it has no text-only twin",
        unverified=("licence", "layers"),
        unsupported="causal, 77 positions and 901,629 word embeddings: it could serve retrieval of "
        "short texts by their mean alone, and no conversion here reads it",
    ),
    Initialisation(
        name="mblip-mt0-xl",
        modality="multimodal",
        path="hub:Gregor/mblip-mt0-xl",
        licence="MIT",
        commercial=True,
        family="mt0-xl",
        image_stage="images",
        stages=(Stage(kind="images", data="BLIP-2's, aligned anew", count=96),),
        parameters=3700.0,
        confound="its twin would be mT0-XL",
        unverified=("licence",),
        unsupported="a language model of 3.7 billion parameters with encoder and decoder, of which "
        "no plain encoder can be made here",
    ),
    Initialisation(
        name="jina-clip-v2",
        modality="multimodal",
        path="hub:jinaai/jina-clip-v2",
        licence="CC-BY-NC-4.0",
        commercial=False,
        family="jina-xlm-r-large",
        image_stage="images",
        stages=(Stage(kind="images", data="contrast in three stages", count=89),),
        parameters=561.0,
        confound="its twin would be jina-embeddings-v3",
        unverified=("parameters",),
        unsupported="it comes with code of its own, and code from the hub is never run",
    ),
)


def unsupported_mistakes(
    names: Iterable[str], rows: Mapping[str, Initialisation]
) -> Iterator[Mistake]:
    """Initialisations that a plan names and cannot have.

    Args:
        names: those that the plan names.
        rows: all of its world, by name.
    """
    for name in names:
        if name in rows and rows[name].unsupported:
            rule = f"a supported one: {rows[name].unsupported}"
            yield Mistake("[space] initialisations", repr(name), rule)
