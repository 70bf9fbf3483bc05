"""Initialisations that are pretrained here on real rows: recipes, twins, what they learn."""

import io
import itertools
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForMaskedLM, BertModel

from analysis import load_pretraining, report_text
from search.freeze import freeze
from spaces.initialisations import EncoderShape
from spaces.layout import StoreError, StudyPaths
from spaces.mistakes import PlanError
from spaces.phases import InitialisationSpec, Rows, trial_phases
from spaces.plan import parse_plan
from spaces.records import PRETRAINING_COLUMNS
from spaces.settings import Optimisation, TransferSetting
from spaces.study import StudyRecord, differences
from tests.captioned import (
    CONTRASTS,
    NOTES,
    TASKS,
    XNLI_CODES,
    captioned_study,
    initialisations,
    picture,
    write_captions,
)
from tests.folders import Folder, nli_rows, write
from tests.studies import driven
from tests.tokenizers import minilm_tokenizer
from tests.worlds import run, study
from trainables import TrialRequest
from trainables.batches import cut
from trainables.contrast import APART
from trainables.engine import Layout
from trainables.initialisation import load_encoder
from trainables.phase import PhaseRun, train_phase
from trainables.pretraining import PretrainingRun, pretraining_run
from trainables.pretraining.corpora import Album, Corpus, Part, shown_pictures
from trainables.pretraining.held_out import with_hub, with_pictures
from trainables.pretraining.vocabulary import trained_tokenizer
from trainables.rows import RowError
from trainables.sources import source_for
from trainables.sources.captions import pixels
from trainables.store import PhaseStore

TARGET = Optimisation(learning_rate=1e-3, steps=2, rows_per_step=4)


def setting(name: str) -> TransferSetting:
    """An initialisation and two steps of a target."""
    return TransferSetting(initialisation=name, source_languages=("en",), target=TARGET)


def specs(record: StudyRecord, name: str) -> list[InitialisationSpec]:
    """The initialisation phases of a trial."""
    found = trial_phases(record.frozen, "xnli", setting(name), record.seeds)
    return [phase for phase in found if isinstance(phase, InitialisationSpec)]


def runs(record: StudyRecord) -> dict[str, PretrainingRun]:
    """What each of the four versions trains, from fresh weights."""
    source, base = source_for(record.plan, record.catalogue), specs(record, "own")[0]
    recipes = {name: specs(record, name)[1].pretraining for name in CONTRASTS}
    found = {}
    for name, recipe in recipes.items():
        assert recipe is not None and base.pretraining is not None
        fresh = replace(base.pretraining, contrast=recipe.contrast)
        found[name] = pretraining_run(replace(base, pretraining=fresh), source, None)
    return found


# Recipes and phases


def test_versions_go_on_from_one_start(tmp_path: Path) -> None:
    """Four versions share the phase before them, and differ in their own key alone."""
    record = captioned_study(tmp_path)
    chains = {name: specs(record, name) for name in CONTRASTS}
    assert {len(chain) for chain in chains.values()} == {2}
    assert len({chain[0].key for chain in chains.values()}) == 1
    assert len({chain[1].key for chain in chains.values()}) == 4
    assert all(chain[1].parent == chain[0].key for chain in chains.values())
    rows = {tuple((r.task, r.language, r.split) for r in c[1].rows) for c in chains.values()}
    assert len(rows) == 1 and ("emoji_captions", "de", "dev") in next(iter(rows))


def test_twins_see_the_same_text_in_the_same_order_with_the_same_masks(tmp_path: Path) -> None:
    """Only the second loss differs: first weights, documents, masks and steps are equal."""
    found = runs(captioned_study(tmp_path, contrast_unmasked=False))
    reference = found["own"]
    for name, other in found.items():
        for ours, theirs in zip(
            reference.model.encoder.parameters(), other.model.encoder.parameters(), strict=True
        ):
            assert torch.equal(ours, theirs), name
        for step in (0, 3):
            mine, their = reference.data.rows(step), other.data.rows(step)
            assert (mine.rows == their.rows).all()
            for position in range(len(mine.lengths)):
                one, two = (
                    reference.data.batch(mine, [position]),
                    other.data.batch(their, [position]),
                )
                assert torch.equal(one["input_ids"], two["input_ids"])
                assert torch.equal(one["targets"], two["targets"])
    assert found["own"].model.weight == 0 and found["own"].model.image_encoder is None
    assert found["views"].model.image_encoder is None and found["views"].model.weight == 1


def test_a_placebo_shows_wrong_pictures_to_the_very_captions_that_see_one(tmp_path: Path) -> None:
    """Every caption has a picture, and two of one item in two languages rarely the same."""
    record = captioned_study(tmp_path)
    spec = specs(record, "placebo")[-1]
    assert spec.pretraining is not None
    items = np.asarray([APART, *range(40), *range(40), APART])
    shown = shown_pictures(spec.pretraining, items, 3)
    assert (shown[[0, -1]] == APART).all() and sorted(shown[1:-1]) == sorted(items[1:-1])
    assert (shown[1:41] == items[1:41]).mean() < 0.2
    assert (shown[1:41] == shown[41:81]).mean() < 0.2
    again = shown_pictures(spec.pretraining, items, 3)
    assert (again == shown).all() and (shown_pictures(spec.pretraining, items, 4) != shown).any()
    own = replace(spec.pretraining, contrast="images")
    assert (shown_pictures(own, items, 3) == items).all()


@pytest.mark.parametrize("name", ["seeing", "placebo", "views"])
def test_the_loss_does_not_depend_on_the_cut(tmp_path: Path, name: str) -> None:
    """Contrasted rows look at all others of the step, whatever micro-batches they are cut into."""
    from trainables.contrast import gradients
    from trainables.phase import StepRows

    made = runs(captioned_study(tmp_path))[name]
    rows = made.data.rows(1)
    [whole] = [g for g in cut(rows.lengths, rows.groups, 1, 10_000)[0] if _contrasted(rows, g)]
    expected = float(made.model(made.data.batch(rows, whole)))
    pieces = [g for g in cut(rows.lengths, rows.groups, 1, 12)[0] if _contrasted(rows, g)]
    assert len(pieces) > 2
    vectors = torch.cat([made.model.vectors(made.data.batch(rows, piece)) for piece in pieces])
    order = [position for piece in pieces for position in piece]
    names = torch.tensor([made.data.names[rows.rows[p, 1]] for p in order])
    spread, total, start = gradients(vectors, names), 0.0, 0
    for piece in pieces:
        mine = {k: v[start : start + len(piece)] for k, v in spread.items()}
        total += float(made.model(made.data.batch(rows, piece) | mine))
        start += len(piece)
    assert isinstance(rows, StepRows) and total == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("stage", [0, 2, 3])
@pytest.mark.parametrize("name", ["seeing", "views"])
def test_the_cut_changes_rounding_alone(tmp_path: Path, name: str, stage: int) -> None:
    """Captions and plain text in many micro-batches train as in two, at every ZeRO stage."""
    record, found = captioned_study(tmp_path), []
    for budget, zero in ((10_000, 0), (12, stage)):
        made = runs(record)[name]
        phase = PhaseRun(
            module=made.model,
            data=made.data,
            optimisation=Optimisation(learning_rate=1e-3, steps=3, rows_per_step=16),
            seed=3,
            layout=Layout(zero_stage=zero, token_budget=budget),  # type: ignore[arg-type]
            checkpoints=tmp_path / f"{budget}",
        )
        for _ in train_phase(phase):
            pass
        found.append(phase)
    whole, cut_small = found
    assert cut_small.micro_batches > whole.micro_batches == 6
    assert cut_small.losses == pytest.approx(whole.losses, rel=1e-5)
    for key, weight in whole.weights.items():
        if not key.endswith("key.bias"):  # its gradient is zero but for rounding
            # A twentieth of one step. On one processor a single weight of 73,728 was 1.4e-5 off;
            # supposed, not shown: its gradient is nearly zero, and Adam moves it by the rounding.
            assert torch.allclose(cut_small.weights[key], weight, atol=5e-5), key


def _contrasted(rows: Any, group: list[int]) -> bool:
    return rows.groups[group[0]] != ""


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no such text": ({"texts": ["nots"]}, 'did you mean "notes"'),
    "no such captions": ({"captions": "emoji"}, 'did you mean "emoji_captions"'),
    "a text that is no text": ({"texts": ["xnli"]}, "texts and captions"),
    "no such language": ({"languages": ["en", "xx"]}, "'xx'"),
    "a text in other languages": ({"languages": ["sw"]}, "some of: "),
    "sizes that do not divide": ({"heads": 3}, "must be a multiple"),
    "no tokenizer": ({"vocabulary": None}, "no vocabulary"),
    "captions that are never seen": (
        {"caption_share": 0, "contrast": "images"},
        "caption_share=0.0 above 0",
    ),
    "a language without captions": ({"captioned": ["en", "fr"]}, "one of en, de: `languages`"),
    "pictures without captions": ({"captions": None, "contrast": "images"}, "needs `captions`"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_recipe_that_cannot_be_followed_is_a_mistake(tmp_path: Path, name: str) -> None:
    """Each names the row, the value and what would do."""
    changes, said = MISTAKES[name]
    with pytest.raises(PlanError) as raised:
        captioned_study(tmp_path, **changes)
    assert said in str(raised.value) and "base" in str(raised.value)
    assert not (tmp_path / "root").exists()


def test_rows_name_others_that_stand_before_them(tmp_path: Path) -> None:
    """A start that is not there, one that comes later, and a recipe beside a checkpoint."""
    from tests.captioned import BASE
    from tests.worlds import plan

    late = [{"name": "a", "start": "b", "pretraining": BASE}, {"name": "b", "pretraining": BASE}]
    with pytest.raises(PlanError, match="stand before those that name them"):
        from spaces.catalogue import Catalogue

        Catalogue.for_plan(plan(str(tmp_path), initialisation=late))
    both = [{"name": "a", "path": "/x", "pretraining": BASE}]
    with pytest.raises(PlanError, match="either path, or"):
        plan(str(tmp_path), initialisation=both)


def test_going_on_leaves_the_sizes_and_not_the_length_to_choose(tmp_path: Path) -> None:
    """What only fresh weights hang on is refused; how long texts are is the recipe's own."""
    base, twin, *_ = initialisations(6)
    wider = {**twin, "pretraining": {"hidden": 64, "vocabulary": 400}}
    with pytest.raises(PlanError, match=r"own pretraining\n +read: +hidden, vocabulary"):
        _planned(tmp_path, initialisation=[base, wider])
    shorter = _planned(tmp_path, initialisation=[base, {**twin, "pretraining": {"positions": 8}}])
    recipes = [specs(shorter, "own")[n].pretraining for n in (0, 1)]
    assert [(r.positions, r.hidden) for r in recipes if r] == [(16, 32), (8, 32)]


def test_a_checkpoint_that_cannot_mask_words_is_not_gone_on_from(tmp_path: Path) -> None:
    """Told before anything is trained, as for masked text in mixtures."""
    config = BertConfig(vocab_size=400, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)
    BertModel(config).save_pretrained(tmp_path / "weights")
    tokenizer = deepcopy(minilm_tokenizer())
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path / "weights")
    recipe = {"texts": ["notes"], "languages": ["en", "de"]}
    rows = [
        {"name": "checkpoint", "path": str(tmp_path / "weights")},
        {"name": "own", "start": "checkpoint", "pretraining": recipe},
    ]
    with pytest.raises(PlanError, match="weights', which has no mask token"):
        _planned(tmp_path, initialisation=rows)


def test_a_changed_recipe_is_another_study(tmp_path: Path) -> None:
    """A study refuses to go on under the name of a recipe that means something else."""
    first = captioned_study(tmp_path)
    other = captioned_study(tmp_path, steps=7)
    growth, refusals = differences(first, other)
    assert not growth and any("initialisation|own|optimisation" in line for line in refusals)


def test_a_recipe_that_goes_on_from_another_start_is_another_study(tmp_path: Path) -> None:
    """Nothing but ``start`` changes: both starts are in the space, before and after."""
    base, twin, *_ = initialisations(6)
    second = {"name": "second", "like": "base", "pretraining": {"mask_share": 0.3}}
    rows = [base, second, {**twin, "start": "base"}]
    moved = [base, second, {**twin, "start": "second"}]
    found = [_planned(tmp_path, initialisation=own) for own in (rows, moved)]
    assert differences(*found) == ([], ["rows|initialisation|own|start: base -> second"])


def test_text_that_gains_a_language_is_another_study(tmp_path: Path) -> None:
    """The recipe asks for both languages already, so old trials would mean other weights."""
    less = {**NOTES, "train_languages": ["en"]}
    found = [_planned(tmp_path, task=[task]) for task in (less, NOTES)]
    _, refusals = differences(*found)
    assert refusals == ["rows|task|notes|train_languages: ['en'] -> ['en', 'de']"]
    grown = _planned(tmp_path, task=[NOTES, {**NOTES, "name": "more"}])
    assert differences(found[1], grown) == ([], [])  # no recipe of the space reads it


def _planned(folder: Path, **tables: list[dict[str, Any]]) -> StudyRecord:
    """The captioned study with other rows of its own, in which base and own may be chosen."""
    plan = captioned_study(folder).plan.model_dump(mode="json", exclude_defaults=True)
    own = tables.get("initialisation", initialisations(6)[:2])
    plan["space"] |= {"initialisations": [row["name"] for row in own]}
    kept = [row for row in plan["task"] if row["name"] != "notes"]
    tasks = [*kept, *tables.get("task", [NOTES])]
    return freeze(parse_plan({**plan, "initialisation": own, "task": tasks}))


# Tokenizer


TEXTS = [f"{a}{b} {b}{a}" for a, b in itertools.product("abcdefgh", repeat=2)] * 3


def test_a_tokenizer_is_the_same_for_the_same_texts() -> None:
    """Twice, and in whatever state the process is; special tokens are XLM-R's."""
    first, second = trained_tokenizer(TEXTS, 60), trained_tokenizer(list(TEXTS), 60)
    assert first.get_vocab() == second.get_vocab()
    assert first.backend_tokenizer.to_str() == second.backend_tokenizer.to_str()
    ids = first("ab ba", "cd")["input_ids"]
    assert ids[0] == first.cls_token_id and ids.count(first.sep_token_id) == 3
    assert first.decode(first("ab ba")["input_ids"], skip_special_tokens=True).split() == [
        "ab",
        "ba",
    ]


def test_the_rarest_characters_are_unknown() -> None:
    """An alphabet that does not fit is refused; characters beyond the coverage are left out."""
    with pytest.raises(ValueError, match="vocabulary=10 is smaller than the 9 characters"):
        trained_tokenizer(TEXTS, 10)
    rare = trained_tokenizer([*TEXTS * 20, "\u0e01"], 60)
    assert rare("\u0e01")["input_ids"][1:-1][-1] == rare.unk_token_id


# Pictures


def test_captions_are_read_in_the_language_that_is_asked(tmp_path: Path) -> None:
    """All languages stand in one file: what one has must not be taken for another's."""
    folder = Folder(tmp_path)
    write_captions(folder.path)
    tables = {}
    for code in ("en", "de"):
        asked = folder.asked("emoji_captions", code, "train")
        tables[code] = folder.source.rows(asked)
    assert tables["en"]["text"][0] == "red bottom" and tables["de"]["text"][0] == "rot unten"
    assert tables["en"]["image"] == tables["de"]["image"]
    assert folder.source.revision("emoji_captions", "en", "train") != folder.source.revision(
        "emoji_captions", "de", "train"
    )


def test_a_caption_that_is_not_there_is_no_row(tmp_path: Path) -> None:
    """A picture without a name in a language is left out of it."""
    folder = Folder(tmp_path)
    rows = [
        {"image_id": "1", "rgb": picture("red", "top"), "names": {"en": "one", "de": None}},
        {"image_id": "2", "rgb": picture("red", "left"), "names": {"en": "two", "de": "zwei"}},
    ]
    place = folder.path / "emoji_captions" / "noto_rgb32"
    place.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), place / "train.parquet")
    assert folder.source.rows(folder.asked("emoji_captions", "de", "train"))["item"] == ["2"]


def test_two_pictures_of_one_name_are_refused() -> None:
    """Rows that are only numbered would pair captions of one language with another's pictures."""
    album = Album()
    assert album.place("0", picture("red", "top")) == album.place("0", picture("red", "top")) == 0
    with pytest.raises(RowError, match="two pictures are called '0'"):
        album.place("0", picture("red", "left"))


def test_pictures_may_be_files() -> None:
    """A PNG is laid on white and scaled; what is no picture is refused with what would do."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(file, "PNG")
    assert set(pixels({"bytes": file.getvalue(), "path": None}, "here")) == {255}
    assert pixels(picture("red", "top"), "here") == picture("red", "top")
    huge = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(huge, "PNG")
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    with pytest.raises(RowError, match="cannot identify image file"):
        pixels({"bytes": script}, "here")  # never handed to Ghostscript
    for bad in (b"123", None, {"bytes": b"no picture"}, 7, {"bytes": huge.getvalue()}):
        with pytest.raises(RowError, match="here has a picture that"):
            pixels(bad, "here")


WORDS = {
    "name": "words",
    "form": "masked",
    "skill": "mlm",
    "folder": "words",
    "reader": "words",
    "columns": {"text": "tokens"},
    "train_languages": ["en", "zh"],
    "splits": {"train": "train"},
}


def test_words_stand_apart_where_their_language_writes_them_so(tmp_path: Path) -> None:
    """Lists of words are texts, with spaces or without."""
    folder = Folder(tmp_path, WORDS)
    for code in ("en", "zh"):
        write(folder.path, f"words/{code}/train", tokens=[["a", "b"], ["c"]])
    found = {c: folder.source.rows(folder.asked("words", c, "train"))["text"] for c in ("en", "zh")}
    assert found == {"en": ["a b", "c"], "zh": ["ab", "c"]}


def test_words_of_test_rows_are_left_out_with_spaces_or_without(tmp_path: Path) -> None:
    """A tagged test sentence is left out of the text, also where words stand without spaces."""
    folder = Folder(tmp_path, WORDS)
    for code in ("en", "zh"):
        tested = {"tokens": [["a", "test"]], "pos_tags": [["DET", "NOUN"]]}
        write(folder.path, f"udpos/{code}/test", **tested)
        write(folder.path, f"words/{code}/train", tokens=[["a", "test"], ["b", "c"]])
    for code, text in (("en", "b c"), ("zh", "bc")):
        asked = folder.asked("words", code, "train")
        assert folder.source.rows(asked)["text"] == [text]
        assert folder.source.left_out(asked) == {"sealed": 1}


# What is measured


def test_captions_of_one_picture_are_all_right() -> None:
    """With two captions for each picture, perfect vectors find everything; equal ones nothing."""
    rows = Rows(task="captions", language="en", split="dev", revision="r")
    two, one = Part(rows, ["a"] * 4, [0, 0, 1, 1]), Part(replace(rows, language="de"), [""], [1])
    eyes = np.eye(2, dtype=np.float32)
    found = with_pictures(two, eyes[[0, 0, 1, 1]], eyes)
    assert found == [("text_to_image", 100, 4, 50), ("image_to_text", 100, 2, 50)]
    vectors = {"en": eyes[[0, 0, 1, 1]], "de": eyes[[1]]}
    assert with_hub(one, two, vectors) == [("text_to_hub_text", 100, 1, 50)]
    same = np.ones((4, 2), np.float32)
    assert [value for _, value, *_ in with_pictures(two, same, same[:2])] == [0, 0]


# Whole trials


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyRecord]:
    """Four versions trained until pictures can be told apart, each with a trial behind it."""
    folder = tmp_path_factory.mktemp("learnt")
    record = captioned_study(folder, steps=150)
    return folder / "root", driven(record, folder / "root")


def measured(root: Path, record: StudyRecord, name: str) -> dict[tuple[str, str, str], float]:
    """(task, language, measure) -> value of one version."""
    artifact = PhaseStore(root).find(specs(record, name)[-1].key)
    assert artifact is not None
    rows = pq.read_table(artifact.file("held_out.parquet")).to_pylist()
    return {(row["task"], row["language"], row["measure"]): row["value"] for row in rows}


def test_pictures_teach_and_wrong_ones_do_not(learnt: tuple[Path, StudyRecord]) -> None:
    """Held-out captions find their pictures in both languages; those of the placebo guess."""
    found = {name: measured(*learnt, name) for name in CONTRASTS}
    for code in ("en", "de"):
        for measure in ("text_to_image", "image_to_text"):
            cell = ("emoji_captions", code, measure)
            assert found["seeing"][cell] >= 60, cell
            assert found["placebo"][cell] <= 50, cell  # of six pictures
            assert cell not in found["own"] and cell not in found["views"]
    across = ("emoji_captions", "de", "text_to_hub_text")
    assert found["seeing"][across] > found["own"][across]


def test_every_version_learns_words(learnt: tuple[Path, StudyRecord]) -> None:
    """The losses of masked words are there for text and captions in each language."""
    for name in CONTRASTS:
        found = measured(*learnt, name)
        losses = {cell: v for cell, v in found.items() if cell[2] == "masked_loss"}
        assert set(losses) == {
            (task, code, "masked_loss")
            for task in ("notes", "emoji_captions")
            for code in ("en", "de")
        }
        assert all(value < np.log(320) for value in losses.values()), name


def test_the_target_goes_on_from_the_last_initialisation(
    learnt: tuple[Path, StudyRecord], tmp_path: Path
) -> None:
    """Not from the base that all four share: predictions of the versions differ."""
    root, record = learnt
    stores = PhaseStore(root)
    losses = {}
    for name in CONTRASTS:
        run(root, record, setting(name))
        request = TrialRequest(root=root, record=record, target="xnli", setting=setting(name))
        target = next(phase for phase in request.phases if phase.kind == "target")
        artifact = stores.find(target.key)
        assert artifact is not None and target.parent == specs(record, name)[-1].key
        losses[name] = tuple(np.load(artifact.file("losses.npy")))
    assert len(set(losses.values())) == 4


def test_what_pretraining_taught_is_read_back(learnt: tuple[Path, StudyRecord]) -> None:
    """The frame, and its part of the report; a banner says what small encoders are worth."""
    root, record = learnt
    frame = load_pretraining(record.name, root=root)
    assert [*frame.columns] == [column.name for column in PRETRAINING_COLUMNS]
    cell = frame.set_index(["initialisation", "task", "language", "measure"])["value"]
    for name in CONTRASTS:
        for where, value in measured(root, record, name).items():
            assert cell[(name, *where)] == pytest.approx(value)
    assert "base" in set(frame["initialisation"])
    text = report_text(record.name, root)
    assert "settle nothing about XLM-R" in " ".join(text.split())
    [line] = [one for one in text.splitlines() if one.startswith("guessing")]
    assert "16.7" in line  # six pictures


def test_pretraining_goes_on_to_the_bit(tmp_path: Path) -> None:
    """Stopped in the middle and resumed, pictures and all, it ends with the very same weights."""
    record = captioned_study(tmp_path, steps=6)
    finals = []
    for name in ("whole", "stopped"):
        root = tmp_path / name
        record.write(StudyPaths(root, record.name))
        if name == "stopped":
            _stop_in(root, record, "seeing")
        run(root, record, setting("seeing"))
        artifact = PhaseStore(root).find(specs(record, "seeing")[-1].key)
        assert artifact is not None
        finals.append((artifact.file("model.safetensors")).read_bytes())
    assert finals[0] == finals[1]


def _stop_in(root: Path, record: StudyRecord, name: str) -> None:
    """Run a trial until its second initialisation phase has made some steps, and close it."""
    from trainables import run_trial, world_for

    request = TrialRequest(root=root, record=record, target="xnli", setting=setting(name))
    seen = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainables.trial.HEARTBEAT_SECONDS", 0.0)
        trial = run_trial(request, world_for(record, root))
        for message in trial:
            seen += message["event"] == "phase"
            if seen == 2 and message.get("step") == 3:
                break
        trial.close()  # type: ignore[attr-defined]
    assert list(root.glob("phases/*/*/checkpoints/*/step-3"))


@pytest.mark.parametrize("model", [BertModel, BertForMaskedLM])
def test_a_checkpoint_is_gone_on_from(tmp_path: Path, model: Any) -> None:
    """Its weights, its tokenizer and, where it has one, its output layer for masked words."""
    torch.manual_seed(0)
    tokenizer = minilm_tokenizer()
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(tokenizer), intermediate_size=16, **sizes)
    model(config).save_pretrained(tmp_path / "weights")
    tokenizer.save_pretrained(tmp_path / "weights")
    write_captions(tmp_path / "data")
    rows = {"rows": "rows/default/train", **{c: f"xnli/{c}/validation" for c in XNLI_CODES}}
    for word, place in rows.items():
        write(tmp_path / "data", place, **nli_rows(12, word))
    recipe = {"texts": ["notes"], "captions": "emoji_captions", "languages": ["en", "de"]}
    how = {"contrast": "images", "contrast_unmasked": True, "steps": 3, "rows_per_step": 8}
    record = study(
        str(tmp_path / "data"),
        tmp_path / "root",
        study={"selection": "source_dev"},
        targets={"tasks": ["xnli"], "languages": XNLI_CODES},
        space={"initialisations": ["seeing"], "source_languages": [["en"]], "mixture": None},
        task=TASKS,
        initialisation=[
            {"name": "checkpoint", "path": str(tmp_path / "weights")},
            {"name": "seeing", "start": "checkpoint", "pretraining": {**recipe, **how}},
        ],
    )
    run(tmp_path / "root", record, setting("seeing"))
    before, after = (PhaseStore(tmp_path / "root").find(s.key) for s in specs(record, "seeing"))
    assert before is not None and after is not None
    assert record.catalogue.initialisations["seeing"].encoder == EncoderShape(1, 512)
    names = ("tokenizer.json", "masked_output.safetensors")
    kept = [[(a.folder / name).exists() for name in names] for a in (before, after)]
    assert kept == [[True, model is BertForMaskedLM]] * 2
    old, new = (load_encoder(artifact.folder)[0].state_dict() for artifact in (before, after))
    moved = [name for name in old if not torch.equal(old[name], new[name])]
    assert old.keys() == new.keys() and len(moved) > len(old) / 2
    if model is BertForMaskedLM:
        outputs = [load_file(a.file("masked_output.safetensors")) for a in (before, after)]
        assert all(not torch.equal(outputs[0][name], outputs[1][name]) for name in outputs[0])


def test_rows_that_changed_are_not_pretrained_on(tmp_path: Path) -> None:
    """A file that is no longer what the study froze fails the trial and says so."""
    record = captioned_study(tmp_path)
    write(tmp_path / "data", "notes/de/train", text=["etwas anderes"])
    with pytest.raises((RowError, StoreError), match="is not what the study froze"):
        run(tmp_path / "root", record, setting("own"))


def test_a_recipe_without_plain_text_is_refused(tmp_path: Path) -> None:
    """Captions alone are too little: the parts of plain text are what weights are made of."""
    from trainables.pretraining.corpora import part_weights

    record = captioned_study(tmp_path)
    recipe = specs(record, "own")[-1].pretraining
    assert recipe is not None
    rows = Rows(task="emoji_captions", language="en", split="train", revision="r")
    with pytest.raises(RowError, match="no plain text"):
        part_weights(recipe, [Part(rows, ["a"], [0])], [1])
    corpus = Corpus.read(
        specs(record, "own")[-1], source_for(record.plan, record.catalogue), "train"
    )
    sizes = [len(part.texts) for part in corpus.parts]
    weights = part_weights(recipe, corpus.parts, sizes)
    captions = sum(w for w, p in zip(weights, corpus.parts, strict=True) if p.has_pictures)
    assert captions / sum(weights) == pytest.approx(recipe.caption_share, abs=0.01)
