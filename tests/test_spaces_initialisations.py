"""The catalogue of initialisations: its rows, the reference behind them, what a user may add."""

import re
from dataclasses import replace

import pytest

from search.freeze import freeze
from search.listing import WORLDS, catalogue_text
from spaces.catalogue import Catalogue
from spaces.hub import checkpoint
from spaces.initialisations import INITIALISATIONS, EncoderShape, Initialisation
from spaces.languages import ENCODERS, REAL_LANGUAGES
from spaces.mistakes import PlanError
from tests.reference import section
from tests.worlds import plan

ROWS = {row.name: row for row in INITIALISATIONS}
PUBLISHED = {name: row for name, row in ROWS.items() if row.world == "real"}
SUPPORTED = {name: row for name, row in PUBLISHED.items() if not row.unsupported}
LANGUAGES = {row.code: row for row in REAL_LANGUAGES}


def kinds(row: Initialisation) -> list[str]:
    """Kinds of a row's stages."""
    return [stage.kind for stage in row.stages]


def test_names_and_places_stand_once() -> None:
    """No two rows of any world share a name, and no two published ones a repository."""
    assert len(ROWS) == len(INITIALISATIONS)
    places = [checkpoint(row.path) for row in PUBLISHED.values()]
    assert len(set(places)) == len(places) > 25
    assert {place.revision for place in places} == {"main"}


@pytest.mark.parametrize("row", INITIALISATIONS, ids=lambda row: row.name)
def test_twins_are_what_a_row_was_made_from(row: Initialisation) -> None:
    """A twin saw no picture, is of the same family, shape and size, and shares the first stage."""
    if not row.twin:
        assert row.modality == "text" or "twin" in row.confound
        return
    twin = ROWS[row.twin]
    assert (twin.modality, twin.world, twin.twin) == ("text", row.world, "")
    assert (twin.family, twin.encoder, twin.parameters) == (row.family, row.encoder, row.parameters)
    assert row.stages[: len(twin.stages)] == twin.stages
    if row.pretraining and twin.pretraining:  # made here: the second loss is all that differs
        assert row.pretraining != twin.pretraining
        assert replace(row.pretraining, contrast=twin.pretraining.contrast) == twin.pretraining
    elif row.world != "oracle":
        assert row.image_stage != twin.image_stage or "text pairs" in kinds(row)


@pytest.mark.parametrize("row", PUBLISHED.values(), ids=PUBLISHED)
def test_published_rows_are_whole(row: Initialisation) -> None:
    """Each says where it lies, what may be done with it, how it was trained, what it can read."""
    assert row.licence and row.family and row.stages and row.parameters
    assert not row.converted, "no real checkpoint could be had"
    assert (row.modality == "text") == (row.image_stage == "none")
    assert (row.image_stage in kinds(row)) == (row.modality == "multimodal")
    if row.commercial is not True:
        assert "NC" in row.licence or "not stated" in row.licence
    if not row.unsupported:
        assert row.shape and 0 < (row.embedding_parameters or 0) < row.parameters
        causal = row.shape.attention == "causal"
        assert causal == (row.name == "clip-b32")
        assert row.shape.positions == (77 if causal else 64 if "siglip" in row.name else 512)


@pytest.mark.parametrize("row", PUBLISHED.values(), ids=PUBLISHED)
def test_stages_say_which_languages_they_saw(row: Initialisation) -> None:
    """A column of the language catalogue, a list, or a number; lists name no language twice."""
    for stage in row.stages:
        assert stage.data and stage.reach
        assert stage.column is None or stage.column in ENCODERS
        assert not (stage.column and stage.languages)
        assert len(set(stage.languages or ())) == len(stage.languages or ())
        seen = {stage.saw(language) for language in LANGUAGES.values()}
        assert seen == {"not known"} if not (stage.column or stage.languages) else "listed" in seen


def test_english_towers_are_never_said_to_have_seen_nothing_else() -> None:
    """Other languages are unmeasured in them, and unlisted, which is less, in those with lists."""
    for name in ("roberta-base", "bert-base", "clip-b32", "laion-roberta-base", "blip-base"):
        for stage in ROWS[name].stages:
            assert stage.saw(LANGUAGES["en"]) == "listed"
            assert {stage.saw(LANGUAGES[code]) for code in ("de", "sw", "zh")} == {"unmeasured"}
            assert "unmeasured" in stage.reach and "2204.08110" in stage.reach
    xlmr, altclip = ROWS["xlmr-base"].stages[0], ROWS["altclip"].stages
    assert [xlmr.saw(LANGUAGES[code]) for code in ("sw", "qu")] == ["listed", "not listed"]
    assert [stage.saw(LANGUAGES["sw"]) for stage in altclip] == ["listed", *["not listed"] * 2]


def test_the_dial_of_altclip() -> None:
    """2, 9 and 18 languages saw pictures, each list within the next; the last is m18's column."""
    lists = [set(ROWS[name].stages[-1].languages) for name in ("altclip", "altclip-m9")]
    last = ROWS["altclip-m18"].stages[-1]
    lists.append(set(last.languages))
    assert list(map(len, lists)) == [2, 9, 18] and lists[0] < lists[1] < lists[2]
    column = {code for code, row in LANGUAGES.items() if "altclip-m18" in row.exposure}
    assert column == {code for code, row in LANGUAGES.items() if last.saw(row) == "listed"}
    assert len(ROWS["mclip-distilmbert-40"].stages[-1].languages) == 40
    assert len(ROWS["labse"].stages[0].languages) == 109


def test_placebos_are_contrasted_with_texts() -> None:
    """Text-only rows with a second stage of text pairs, of the family of a multimodal row."""
    placebos = [row for row in SUPPORTED.values() if row.twin and row.modality == "text"]
    assert {row.name for row in placebos} == {"e5-base", "e5-large"}
    for row in placebos:
        assert kinds(row) == ["masked words", "text pairs"]
        assert any(r.family == row.family and r.image_stage == "images" for r in SUPPORTED.values())


def test_the_reference_has_the_sizes_and_the_pairs() -> None:
    """Rows of the reference's table have its parameters (a pooler apart) and licence, as here."""
    places, compared = {checkpoint(row.path).id: row for row in SUPPORTED.values()}, []
    for line in section("4.2"):
        names = re.findall(r"`([\w.-]+/[\w.-]+)`", line[0])
        for row in (places[name] for name in names if name in places):
            if sizes := re.match(r"(\d+)M \((\d+)M\)", line[2]):
                ours = [row.parameters, row.embedding_parameters]
                assert ours == pytest.approx([float(n) for n in sizes.groups()], abs=1.3), row.name
            assert row.licence.split()[0].split(",")[0] in line[5], row.name
            compared.append(row.name)
    assert {"laion-xlmr-base", "laion-xlmr-large", "siglip-base", "altclip"} <= set(compared)
    pairs = {line[0]: " ".join(line[1:3]) for line in section("4.3")}
    ours = {
        "P1": ("xlmr-base", "laion-xlmr-base"),
        "P2": ("xlmr-large", "laion-xlmr-large"),
        "P3": ("xlmr-large", "mclip-xlmr-large-b32"),
        "P5": ("distilmbert", "clip-multilingual-b32"),
        "P6 (control)": ("roberta-base", "laion-roberta-base"),
        "P7 (**needed** placebo)": ("xlmr-large", "e5-large"),
    }
    for pair, (twin, name) in ours.items():
        assert ROWS[name].twin == twin
        model = checkpoint(ROWS[twin].path).id.split("/")[1]
        assert model in pairs[pair], pair


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nllb-clip-base", "language's token"),
        ("metaclip2-huge", "causal"),
        ("mblip-mt0-xl", "3.7 billion"),
        ("jina-clip-v2", "code of its own"),
    ],
)
def test_an_unsupported_one_is_refused_with_the_reason(name: str, said: str) -> None:
    """Where a plan names it; in the catalogue it stands after all others."""
    space = {"initialisations": ["xlmr-base", name], "source_languages": [["en"]], "mixture": None}
    with pytest.raises(PlanError, match="1 mistake") as caught:
        freeze(plan("hub", space=space))
    assert f"[space] initialisations\n    read:     '{name}'" in str(caught.value)
    assert said in str(caught.value)
    names = [block.split("  (")[0] for block in catalogue_text("initialisations").split("\n\n")]
    assert name in names[-4:] and "unsupported" in catalogue_text("initialisations")


def test_the_listing_shows_every_row_whole() -> None:
    """In 80 columns: place, twin, stages, licence, what it serves, and that nobody tried it."""
    text = catalogue_text("initialisations")
    assert max(map(len, text.splitlines())) <= 80
    blocks = {block.split("  (")[0]: " ".join(block.split()) for block in text.split("\n\n")}
    assert set(blocks) == set(ROWS)
    for name, row in PUBLISHED.items():
        facts = [f"weights {row.path} branch main", row.licence, row.confound, row.unsupported]
        facts += [f"twin {row.twin}" if row.twin else "", f"image stage {row.image_stage}"]
        facts += [stage.data for stage in row.stages] + [str(row.encoder or "")]
        facts += [f"from memory: {', '.join(row.unverified)}"] if row.unverified else []
        missing = [fact for fact in facts if fact not in blocks[name]]
        assert not missing, name
        assert ("tried never, with the real files" in blocks[name]) == (not row.unsupported)
    assert "serves every target" in blocks["laion-xlmr-base"]
    assert "serves mewslix if shorter xnli" in blocks["siglip-base"]
    clip = blocks["clip-b32"]
    assert (
        "serves none as it stands if shorter tatoeba_untuned, with max_tokens of at most 77" in clip
    )
    assert "never xnli, xcopa, udpos, panx, xquad" in clip
    assert "pretrained here on text and wrong pictures" in blocks["micro-placebo"]


def test_a_row_of_the_users_own_says_what_it_knows() -> None:
    """Family, twin and image stage; pictures of a text-only one are a mistake."""
    own = {"name": "mine", "path": "/weights", "family": "xlm-r-base", "twin": "xlmr-base"}
    own |= {"modality": "multimodal", "image_stage": "images"}
    space = {"initialisations": ["mine"], "source_languages": [["en"]], "mixture": None}
    row = Catalogue.for_plan(plan("hub", space=space, initialisation=[own])).initialisations["mine"]
    assert (row.family, row.twin, row.image_stage, row.encoder) == (
        "xlm-r-base",
        "xlmr-base",
        "images",
        None,
    )
    with pytest.raises(PlanError, match="image_stage='images' needs modality = 'multimodal'"):
        plan("hub", space=space, initialisation=[{**own, "modality": "text"}])
    with pytest.raises(PlanError, match="real images"):
        plan("hub", space=space, initialisation=[{**own, "image_stage": "real images"}])
    hidden = {"name": "xlmr-base", "path": "/weights"}
    rows = Catalogue.for_plan(plan("hub", space=space, initialisation=[own, hidden]))
    assert rows.initialisations["xlmr-base"].path == "/weights"
    assert rows.initialisations["xlmr-base"].shape is None


def test_an_encoder_made_here_has_a_shape() -> None:
    """As it is pretrained, unless a row says otherwise; a formula has none."""
    row = ROWS["micro-text"]
    assert row.encoder == EncoderShape(2, 64)
    assert replace(row, shape=EncoderShape(3, 9)).encoder == EncoderShape(3, 9)
    assert ROWS["oracle-text"].encoder is None
    assert set(WORLDS) == {row.world for row in ROWS.values()}
