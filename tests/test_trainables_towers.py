"""Converted towers in every form, at every ZeRO stage, and as the start of whole trials."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import PreTrainedTokenizerFast

import tests.towers as towers
from spaces.catalogue import Catalogue
from spaces.layout import artifact_folder, read_done
from spaces.phases import Rows
from spaces.settings import Optimisation, Readout, TransferSetting
from tests.folders import nli_rows, write
from tests.test_trainables_phase import trained
from tests.tokenizers import minilm_tokenizer
from tests.towers import FAMILIES, alike, states
from tests.worlds import run, study
from trainables import TrialRequest
from trainables.batches import RowOrder
from trainables.engine import Layout
from trainables.forms import FORMS, Features
from trainables.initialisation import convert_checkpoint, load_encoder, load_tokenizer, why_unmasked
from trainables.model import TaskData, TaskModel, TokenisedPart, collate, inputs
from trainables.phase import PhaseRun

TASKS = Catalogue.of_world("micro").tasks

FORM_ROWS: dict[str, dict[str, list[Any]]] = {
    "nli": {"text": ["a cat", "a dog"], "text_pair": ["an animal", "no animal"], "label": [0, 2]},
    "xcopa": {"text": ["it rained"], "question": ["effect?"], "choices": [["wet", "dry"]],
              "label": [0]},
    "panx": {"words": [["Paris", "is", "big"]], "tags": [[5, 0, 0]]},
    "xquad": {"text": ["the ball is red"], "question": ["which?"], "answers": [["red"]],
              "starts": [[12]]},
    "tatoeba": {"text": ["ein Hund", "eine Katze"], "target": ["a dog", "a cat"],
                "text_id": ["1", "2"], "target_id": ["1", "2"]},
    "masked": {"text": ["the quick brown fox jumps over the lazy dog"]},
}  # fmt: skip
"""Rows of one task of each form."""


@pytest.fixture(autouse=True)
def small_bases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tiny models with MiniLM's vocabulary stand among the published ones."""
    size = len(minilm_tokenizer())
    towers.tiny_bases(monkeypatch, size)
    monkeypatch.setitem(towers.TEXT, "vocab_size", size)
    yield


@cache
def untyped_tokenizer() -> Any:
    """A tokenizer that tells no token types, as those of the XLM-R family and of CLIP."""
    theirs = minilm_tokenizer()
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=theirs.backend_tokenizer,
        model_input_names=["input_ids", "attention_mask"],
        **{name: getattr(theirs, name) for name in names},
    )


def plain(family: str, folder: Path) -> Any:
    """The encoder that a tiny checkpoint of a family becomes, and its tokenizer."""
    FAMILIES[family](folder / "theirs")
    (folder / "ours").mkdir()
    convert_checkpoint(str(folder / "theirs"), folder / "ours")
    encoder: Any = load_encoder(folder / "ours")[0]
    typed = getattr(encoder.config, "type_vocab_size", 1) > 1
    return encoder, minilm_tokenizer() if typed else untyped_tokenizer()


def test_each_form_is_here() -> None:
    """A new form needs a row; captions are masked text that may have a picture of this world."""
    assert {TASKS[name].form for name in FORM_ROWS} == set(FORMS) - {"captions"}


@pytest.mark.parametrize(
    "family", ["altclip", "blip", "siglip", "open_clip", "m_clip_labse", "multilingual_clip"]
)
def test_a_tower_serves_every_form(family: str, tmp_path: Path) -> None:
    """A finite loss that moves the encoder, with all heads beside it; vectors of every layer."""
    encoder, tokenizer = plain(family, tmp_path)
    model = TaskModel(encoder, [TASKS[name] for name in FORM_ROWS])
    assert all(moved(model, name, tokenizer) > 0 for name in FORM_ROWS)
    check_vectors(encoder, tokenizer)


def test_the_first_token_of_a_causal_tower_knows_nothing(tmp_path: Path) -> None:
    """Forms that read it have nothing to learn from; vectors of all tokens have."""
    encoder, tokenizer = plain("clip", tmp_path)
    model = TaskModel(encoder, [TASKS[name] for name in FORM_ROWS])
    assert moved(model, "xcopa", tokenizer) == 0.0
    assert moved(model, "tatoeba", tokenizer) > 0
    features = FORMS["classification"].features(TASKS["nli"], FORM_ROWS["nli"], tokenizer, 38)
    first, second = model.eval().outputs(inputs(TASKS["nli"], features, 0))
    assert first == pytest.approx(second, abs=1e-5)
    check_vectors(encoder, tokenizer)


def moved(model: TaskModel, name: str, tokenizer: Any) -> float:
    """How much a task's finite loss pulls at the word embeddings."""
    task, form = TASKS[name], FORMS[TASKS[name].form]
    embeddings = model.encoder.get_input_embeddings()  # type: ignore[operator]
    model.zero_grad()
    loss = model(collate(task, form.features(task, FORM_ROWS[name], tokenizer, 38), 0))
    loss.backward()
    assert loss.isfinite() and loss > 0
    return float(embeddings.weight.grad.abs().max())


def check_vectors(encoder: Any, tokenizer: Any) -> None:
    """Vectors of every layer; those of the last are what a head that is trained sees."""
    reading = TaskModel(
        encoder, [TASKS["tatoeba"]], [Readout(layer=k, pooling="mean") for k in (0, 1, 2, -1)]
    )
    task = TASKS["tatoeba"]
    features = FORMS["retrieval"].features(task, FORM_ROWS["tatoeba"], tokenizer, 38)
    batch = inputs(task, features, 0)
    vectors_srh = reading.eval().read(batch)
    assert torch.equal(vectors_srh[:, 2], vectors_srh[:, 3])
    last = TaskModel(encoder, [TASKS["tatoeba"]]).eval().read(batch)[:, 0]
    cosine = torch.nn.functional.cosine_similarity(last, vectors_srh[:, -1])
    assert torch.allclose(cosine, torch.ones(len(cosine)), atol=1e-5)
    assert not torch.allclose(vectors_srh[:, 1], vectors_srh[:, 2])


@pytest.mark.parametrize("family", ["siglip", "clip", "altclip"])
def test_a_tower_trains_alike_at_every_zero_stage(family: str, tmp_path: Path) -> None:
    """Also SigLIP's, whose own pooling head no loss ever touches."""
    towers.TEXT["vocab_size"] = 60
    task = TASKS["nli"]
    ids = [[5 + (7 * row + place) % 50 for place in range(3 + row % 9)] for row in range(12)]
    features = Features([{"input_ids": [i]} for i in ids], list(range(12)),
                        {"label": [row % 3 for row in range(12)]})  # fmt: skip
    rows = Rows(task=task.name, language="avel", split="train", revision="r")
    data = TaskData([TokenisedPart(rows, task, {}, features)], RowOrder(3, (12,), (1,), 6), 0)
    found = []
    for stage in (0, 1, 2, 3):
        encoder = plain(family, tmp_path / str(stage))[0]
        torch.manual_seed(1)
        phase = PhaseRun(
            module=TaskModel(encoder, [task]),
            data=data,
            optimisation=Optimisation(learning_rate=1e-3, steps=4, rows_per_step=6),
            seed=3,
            layout=Layout(zero_stage=stage, token_budget=20),
            checkpoints=tmp_path / "checkpoints",
        )
        for module in phase.module.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        found.append(trained(phase))
    first = found[0]
    assert first.losses[0] != first.losses[-1]
    for other in found[1:]:
        assert other.losses == pytest.approx(first.losses, rel=1e-5)
        assert set(other.weights) == set(first.weights)
        assert all(torch.isfinite(tensor).all() for tensor in other.weights.values())


def test_a_tower_without_words_to_mask_says_so(tmp_path: Path) -> None:
    """CLIP's tokenizer has no mask token; open_clip's towers have that of their base."""
    for family, why in (("clip", "has no mask token"), ("open_clip", "")):
        FAMILIES[family](tmp_path / family)
        tokenizer = deepcopy(untyped_tokenizer())
        if why:
            tokenizer.mask_token = None
        tokenizer.save_pretrained(tmp_path / family)
        assert why_unmasked(str(tmp_path / family)) == why


# Whole trials


OPTIMISATION = Optimisation(learning_rate=1e-3, steps=3, rows_per_step=4)
SETTING = TransferSetting(initialisation="own", source_languages=("en",), target=OPTIMISATION)


@pytest.mark.parametrize("family", ["open_clip", "m_clip", "altclip", "siglip", "blip_retrieval"])
def test_a_trial_starts_from_a_tower(family: str, tmp_path: Path) -> None:
    """Converted once, published with its account, trained on, scored; and taken the second time."""
    tower = FAMILIES[family](tmp_path / "weights")
    tokenizer = minilm_tokenizer() if tower.kind == "bert" else untyped_tokenizer()
    tokenizer.save_pretrained(tmp_path / "weights")
    for code in ("en", "de", "fr", "sw"):
        write(tmp_path / "data", f"xnli/{code}/validation", **nli_rows(6, code))
    write(tmp_path / "data", "multi_nli/default/train", **nli_rows(12))
    record = study(
        str(tmp_path / "data"),
        tmp_path / "root",
        space={"initialisations": ["own"], "source_languages": [["en"]], "mixture": None},
        initialisation=[{"name": "own", "path": str(tmp_path / "weights")}],
        task=[{"name": name, "like": name, "max_tokens": 38} for name in ("mnli", "xnli")],
        study={"selection": "target_dev"},
        targets={"languages": ["en", "de", "fr", "sw"]},
    )
    messages = run(tmp_path / "root", record, SETTING)
    assert messages[-1]["event"] == "final" and 0 <= messages[-1]["score"] <= 100
    request = TrialRequest(root=tmp_path / "root", record=record, target="xnli", setting=SETTING)
    first, target = (next(p for p in request.phases if p.kind == kind)
                     for kind in ("initialisation", "target"))  # fmt: skip
    done = read_done(tmp_path / "root", first.key)
    assert done is not None
    told = done["provenance"]["tensors"]
    assert told["layout"] and told["loaded"] > 30 and all(told["ignored"].values())
    folder = artifact_folder(tmp_path / "root", first.key, done)
    assert alike(load_encoder(folder)[0], tower.encoder)
    assert load_tokenizer(folder)("a cat")["input_ids"] == minilm_tokenizer()("a cat")["input_ids"]
    after = read_done(tmp_path / "root", target.key)
    assert after is not None
    weights = load_file(artifact_folder(tmp_path / "root", target.key, after) / "model.safetensors")
    trained_encoder, account = load_encoder(
        folder, artifact_folder(tmp_path / "root", target.key, after) / "model.safetensors"
    )
    assert set(account.ignored) == {name for name in weights if name.startswith("heads.")}
    assert not torch.equal(states(trained_encoder)[-1], states(tower.encoder)[-1])
    assert all(m["event"] == "final" for m in run(tmp_path / "root", record, SETTING))
