"""The micro-world's languages: invented, so that everything in which they differ is known."""

from dataclasses import replace

from spaces.languages.row import Grammar, Language

MICRO_LANGUAGES: tuple[Language, ...] = (
    Language(
        code="avel",
        name="Avel",
        family="Northern",
        script="round",
        group="english",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="before",
            determiner=True,
            case=(),
            adposition="before",
            copula=True,
            hub_overlap=1.0,
            name_overlap=1.0,
        ),
    ),
    Language(
        code="brin",
        name="Brin",
        family="Northern",
        script="round",
        group="european",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="before",
            determiner=True,
            case=(),
            adposition="before",
            copula=True,
            hub_overlap=0.45,
            name_overlap=1.0,
        ),
    ),
    Language(
        code="corm",
        name="Corm",
        family="Western",
        script="round",
        group="european",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="after",
            determiner=True,
            case=(),
            adposition="before",
            copula=True,
            hub_overlap=0.35,
            name_overlap=1.0,
            relative="brin",
            relative_overlap=0.5,
        ),
    ),
    Language(
        code="dask",
        name="Dask",
        family="Eastern",
        script="square",
        group="european",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="before",
            determiner=False,
            case=("object",),
            adposition="before",
            copula=False,
            hub_overlap=0.15,
            name_overlap=0.6,
            relative="brin",
            relative_overlap=0.4,
        ),
    ),
    Language(
        code="esho",
        name="Esho",
        family="Southern",
        script="sharp",
        group="non_european",
        world="micro",
        grammar=Grammar(
            word_order="VSO",
            adjective="after",
            determiner=True,
            case=(),
            adposition="before",
            copula=False,
            hub_overlap=0.03,
            name_overlap=0.4,
        ),
    ),
    Language(
        code="fanu",
        name="Fanu",
        family="Inland",
        script="sharp",
        group="non_european",
        world="micro",
        grammar=Grammar(
            word_order="SOV",
            adjective="before",
            determiner=False,
            case=("object",),
            adposition="after",
            copula=True,
            hub_overlap=0.06,
            name_overlap=0.5,
        ),
    ),
    Language(
        code="gire",
        name="Gire",
        family="Southern",
        script="long",
        group="non_european",
        world="micro",
        grammar=Grammar(
            word_order="SVO",
            adjective="after",
            determiner=False,
            case=(),
            adposition="before",
            copula=True,
            hub_overlap=0.08,
            name_overlap=0.6,
            relative="esho",
            relative_overlap=0.7,
        ),
    ),
    Language(
        code="hatu",
        name="Hatu",
        family="Inland",
        script="long",
        group="non_european",
        world="micro",
        grammar=Grammar(
            word_order="SOV",
            adjective="before",
            determiner=False,
            case=("subject", "object"),
            adposition="after",
            copula=True,
            hub_overlap=0.02,
            name_overlap=0.3,
            relative="fanu",
            relative_overlap=0.7,
        ),
    ),
)
"""The invented ones, hub first."""

MICRO_TWINS = (replace(MICRO_LANGUAGES[-1], code="itor", name="Itor", twin_of="hatu"),)
"""Invented languages for A/A tests: each has the grammar of another, overlaps included, and a
lexicon of its own, because words follow from the code. Where both are pretrained and neither is
supervised, any difference between the two is a false positive. A twin is in no group and in no
default; ``[[task]]`` rows and whoever writes documents name it where it is wanted."""

MICRO_TRAINING_LANGUAGES = ("avel", "brin", "esho", "fanu")
"""Invented languages that may hold intermediate rows. The other two of each group never do, so that
supervision in the language and transfer to it can be told apart."""
