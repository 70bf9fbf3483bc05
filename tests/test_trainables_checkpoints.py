"""Checkpoints of multimodal families become plain encoders with the tower's own states, or fail."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModel, BertConfig, BertModel

import tests.towers as towers
from spaces.initialisations import EncoderShape
from tests.towers import FAMILIES, Touch, alike, as_bin, rewritten, states, tensors_of, weights_of
from trainables.checkpoints.accounts import WeightError
from trainables.checkpoints.bases import BASES
from trainables.checkpoints.folders import TOKENIZER_FILES, checkpoint_folder
from trainables.checkpoints.layouts import LAYOUTS, UNSUPPORTED
from trainables.checkpoints.recognising import Unsupported, base_config
from trainables.checkpoints.weights import stored_shapes
from trainables.initialisation import (
    check_checkpoint,
    checkpoint_revision,
    convert_checkpoint,
    encoder_shape,
    load_encoder,
)

TOWERS = tuple(FAMILIES)


@pytest.fixture(autouse=True)
def small_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny models stand among the published ones."""
    towers.tiny_bases(monkeypatch)


def converted(folder: Path) -> Any:
    """The plain folder that a checkpoint becomes, and its account."""
    ours = folder.with_name("ours")
    ours.mkdir()
    return ours, convert_checkpoint(str(folder), ours)


@pytest.mark.parametrize("family", TOWERS)
def test_a_tower_becomes_a_plain_encoder_with_its_states(family: str, tmp_path: Path) -> None:
    """All layers are the tower's, through us and through transformers; every tensor is told of."""
    tower = FAMILIES[family](tmp_path / "theirs")
    names = set(tensors_of(tmp_path / "theirs"))
    ours, account = converted(tmp_path / "theirs")
    encoder, plain = load_encoder(ours)
    expected = states(tower.encoder)
    assert len({float(layer.sum()) for layer in expected}) >= 3  # no layer is another's copy
    for mine, theirs in zip(states(encoder), expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0)
    later = [name for name in account.ignored if name.endswith("/")]
    assert len(account.loaded) + len(account.ignored) - len(later) == len(names)
    assert {*account.loaded, *account.made} == set(encoder.state_dict())
    assert plain.ignored == {} and plain.made == {}
    assert account.layout and account.to_json()["layout"] == account.layout
    config: Any = encoder.config
    assert config.model_type == tower.kind
    loader: Any = transformers.SiglipTextModel if family == "siglip" else AutoModel
    again, told = loader.from_pretrained(ours, local_files_only=True, output_loading_info=True)
    assert not told["unexpected_keys"] and not told["mismatched_keys"]
    assert all("pooler" in name for name in told["missing_keys"])
    for mine, theirs in zip(states(again), states(encoder), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("family", TOWERS)
def test_the_shape_is_told_without_weights(family: str, tmp_path: Path) -> None:
    """Layers, positions and attention are read from configurations; the encoder agrees."""
    tower = FAMILIES[family](tmp_path / "theirs")
    ours, _ = converted(tmp_path / "theirs")
    weights_of(tmp_path / "theirs").write_bytes(b"no weights")
    attention = "causal" if tower.kind == "clip_text_model" else "bidirectional"
    expected = EncoderShape(2, tower.positions, attention)  # type: ignore[arg-type]
    assert encoder_shape(str(tmp_path / "theirs")) == encoder_shape(str(ours)) == expected
    encoder: Any = load_encoder(ours)[0]
    long = torch.full((1, tower.positions), 7)
    assert encoder(input_ids=long).last_hidden_state.shape[1] == tower.positions
    with pytest.raises((IndexError, RuntimeError, ValueError)):
        encoder(input_ids=torch.full((1, tower.positions + 1), 7))
    # The first token's state knows of the last one, unless attention is causal.
    changed = long.clone()
    changed[0, -1] = 8
    encoder.eval()
    first, other = (encoder(input_ids=ids).last_hidden_state[0, 0] for ids in (long, changed))
    assert torch.allclose(first, other) == (attention == "causal")


def test_every_layout_has_a_round_trip(tmp_path: Path) -> None:
    """A row of the table without a family here would be a claim that nothing holds."""
    found = set()
    for family, made in FAMILIES.items():
        made(tmp_path / family / "theirs")
        found.add(converted(tmp_path / family / "theirs")[1].layout)
    assert found | {"transformers encoder"} == {layout.name for layout in LAYOUTS}


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("altclip", "AltCLIPTextModel"),
        ("blip", "BlipTextModel"),
        ("blip_retrieval", "BlipTextModel"),
        ("chinese_clip", "ChineseCLIPTextModel"),
    ],
)
def test_where_transformers_leaves_the_encoder_random_ours_is_the_towers(
    family: str, name: str, tmp_path: Path
) -> None:
    """Their class loads the full checkpoint without an exception and differs by the seed alone."""
    tower = FAMILIES[family](tmp_path / "theirs")
    theirs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = getattr(transformers, name).from_pretrained(
            tmp_path / "theirs", local_files_only=True
        )
        theirs.append(states(getattr(model, "roberta", model))[-1])
    assert not torch.allclose(theirs[0], theirs[1], atol=1e-2)  # random weights
    ours = states(load_encoder(tmp_path / "theirs")[0])[-1]
    torch.testing.assert_close(ours, states(tower.encoder)[-1], atol=1e-6, rtol=0)


def test_what_is_beside_a_tower_is_ignored_for_a_reason(tmp_path: Path) -> None:
    """Image tower, projections, cross-attention and poolers stand in the account; zeros do too."""
    FAMILIES["blip_retrieval"](tmp_path / "blip")
    account = load_encoder(tmp_path / "blip")[1]
    cross = "encoder.layer.1.crossattention.self.key.weight"
    assert account.ignored[cross].startswith("reads an image")
    assert account.ignored["itm_head.weight"] and account.ignored["vision_proj.bias"]
    assert list(account.made) == ["embeddings.token_type_embeddings.weight"]
    assert account.to_json()["made"] == account.made
    FAMILIES["open_clip"](tmp_path / "laion")
    ignored = load_encoder(tmp_path / "laion")[1].ignored
    assert ignored["visual.conv1.weight"] == "image tower"
    assert "shared with images" in ignored["text.proj.2.weight"]
    FAMILIES["multilingual_clip"](tmp_path / "multilingual")
    ignored = load_encoder(tmp_path / "multilingual")[1].ignored
    assert set(ignored) == {"1_Pooling/", "2_Dense/"}
    assert "sentence-transformers" in ignored["2_Dense/"]


def test_an_encoder_in_a_folder_of_its_own_is_found(tmp_path: Path) -> None:
    """Old checkpoints of sentence-transformers keep it in ``0_Transformer``."""
    tower = towers.multilingual_clip(tmp_path / "made")
    (tmp_path / "old").mkdir()
    (tmp_path / "made/modules.json").rename(tmp_path / "old/modules.json")
    (tmp_path / "made").rename(tmp_path / "old/0_Transformer")
    folder = checkpoint_folder(str(tmp_path / "old"))
    encoder, account = load_encoder(folder)
    assert torch.equal(states(encoder)[-1], states(tower.encoder)[-1])
    assert "2_Dense/" in account.ignored
    assert encoder_shape(str(tmp_path / "old")).positions == 40


# Weights that do not fit


BROKEN: dict[str, tuple[Callable[[dict[str, torch.Tensor], str], None], str]] = {
    "dropped": (lambda tensors, name: tensors.__delitem__(name), "missing"),
    "of another shape": (
        lambda tensors, name: tensors.update({name: tensors[name][:-1].clone()}),
        "other shape",
    ),
    "unexplained beside it": (
        lambda tensors, name: tensors.update({"adapter.down": tensors[name]}),
        "unexplained adapter.down",
    ),
    "unexplained in it": (
        lambda tensors, name: tensors.update({f"{name}_scale": tensors[name]}),
        "_scale",
    ),
}


@pytest.mark.parametrize("family", [name for name in TOWERS if name != "multilingual_clip"])
@pytest.mark.parametrize("flaw", BROKEN)
def test_a_tensor_too_few_or_too_many_is_an_error(family: str, flaw: str, tmp_path: Path) -> None:
    """In the tower or beside it; and the plan is refused before a trial begins."""
    FAMILIES[family](tmp_path / "theirs")
    tensors = tensors_of(tmp_path / "theirs")
    (name,) = [name for name in tensors if _is_last_bias(name)]
    change, told = BROKEN[flaw]
    change(tensors, name)
    rewritten(tmp_path / "theirs", tensors)
    with pytest.raises(WeightError, match=told):
        load_encoder(tmp_path / "theirs")
    found = check_checkpoint("path", str(tmp_path / "theirs"), "real")
    assert told in str(found)


def _is_last_bias(name: str) -> bool:
    """The last layer's feed-forward bias of a text tower."""
    mine = not name.startswith(("vision", "visual"))
    return mine and name.endswith(("layer.1.output.dense.bias", "layers.1.output.dense.bias",
                                   "layers.1.mlp.fc2.bias"))  # fmt: skip


def test_a_checkpoint_without_a_text_encoder_is_told_so(tmp_path: Path) -> None:
    """BLIP's captioning models have a decoder alone."""
    towers.blip_captions(tmp_path / "captions")
    with pytest.raises(WeightError, match="no text encoder of BLIP"):
        load_encoder(tmp_path / "captions")


def test_two_tensors_never_claim_one_name(tmp_path: Path) -> None:
    """Old and new spelling of a layer in one file: neither is guessed."""
    FAMILIES["altclip"](tmp_path / "a")
    tensors = tensors_of(tmp_path / "a")
    name = next(n for n in tensors if "roberta.encoder.layer" in n)
    other = {
        True: ("encoder.layers.", "encoder.layer."),
        False: ("encoder.layer.", "encoder.layers."),
    }["encoder.layers." in name]
    rewritten(tmp_path / "a", {**tensors, name.replace(*other): tensors[name]})
    with pytest.raises(WeightError, match="are both 'encoder"):
        load_encoder(tmp_path / "a")


def test_both_spellings_of_altclips_layers_are_read(tmp_path: Path) -> None:
    """The module's own names (``encoder.layers``) as well as those that transformers writes."""
    tower = FAMILIES["altclip"](tmp_path / "a")
    tensors = tensors_of(tmp_path / "a")
    start = "text_model.roberta."
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(start)}
    own = {start + name: tensor for name, tensor in tower.encoder.state_dict().items()}
    assert set(own) & set(tensors) != set(own)
    rewritten(tmp_path / "a", {**kept, **own})
    ours = load_encoder(tmp_path / "a")[0]
    assert alike(ours, tower.encoder)


def test_half_precision_is_read_into_single(tmp_path: Path) -> None:
    """Files and a configuration in float16 give an encoder that trains in float32."""
    tower = FAMILIES["altclip"](tmp_path / "a")
    tower.encoder.half()
    rewritten(tmp_path / "a", {n: t.half() for n, t in tensors_of(tmp_path / "a").items()})
    config = json.loads((tmp_path / "a/config.json").read_text())
    config["text_config"]["dtype"] = config["dtype"] = "float16"
    (tmp_path / "a/config.json").write_text(json.dumps(config))
    ours = load_encoder(tmp_path / "a")[0]
    assert {tensor.dtype for tensor in ours.parameters()} == {torch.float32}
    assert all(map(torch.equal, states(ours), states(tower.encoder.float())))


# Files


def bert(folder: Path) -> Any:
    """A plain BERT."""
    model = towers.shaken(BertModel(BertConfig(**towers.TEXT), add_pooling_layer=False))
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_of_tensors_is_read(legacy: bool, tmp_path: Path) -> None:
    """``pytorch_model.bin`` in today's format and in that of before torch 1.6."""
    model = bert(tmp_path / "a")
    as_bin(tmp_path / "a")
    tensors = tensors_of(tmp_path / "a")
    torch.save(tensors, weights_of(tmp_path / "a"), _use_new_zipfile_serialization=not legacy)
    assert all(map(torch.equal, states(load_encoder(tmp_path / "a")[0]), states(model)))
    first = checkpoint_revision(str(tmp_path / "a"))
    tensors["embeddings.LayerNorm.bias"] += 1
    rewritten(tmp_path / "a", tensors)
    assert checkpoint_revision(str(tmp_path / "a")) != first


def sharded(folder: Path, ending: str) -> None:
    """The weights in two files with an index."""
    tensors = tensors_of(folder)
    weights_of(folder).unlink()
    stem = {"bin": "pytorch_model", "safetensors": "model"}[ending]
    listed = {}
    for number in range(2):
        name = f"{stem}-0000{number + 1}-of-00002.{ending}"
        shard = {n: tensors[n].clone() for n in sorted(tensors)[number::2]}
        torch.save(shard, folder / name) if ending == "bin" else save_file(shard, folder / name)
        listed |= dict.fromkeys(shard, name)
    index = {"metadata": {}, "weight_map": listed}
    (folder / f"{stem}.{ending}.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("ending", ["bin", "safetensors"])
def test_shards_are_one_checkpoint_and_a_missing_one_is_named(ending: str, tmp_path: Path) -> None:
    """Of either format, by their index."""
    tower = FAMILIES["chinese_clip"](tmp_path / "a")
    sharded(tmp_path / "a", ending)
    assert all(map(torch.equal, states(load_encoder(tmp_path / "a")[0]), states(tower.encoder)))
    index = next((tmp_path / "a").glob("*.index.json"))
    values = json.loads(index.read_text())
    values["weight_map"]["extra"] = "model-00003-of-00003.bin"
    index.write_text(json.dumps(values))
    with pytest.raises(WeightError, match=r"lacks model-00003-of-00003\.bin, which"):
        load_encoder(tmp_path / "a")
    index.write_text("{")
    with pytest.raises(WeightError, match="is no list of files"):
        load_encoder(tmp_path / "a")


@pytest.mark.parametrize("family", ["m_clip", "open_clip", "chinese_clip"])
def test_a_pickle_with_code_is_refused_and_not_run(family: str, tmp_path: Path) -> None:
    """Neither when a plan is checked nor when it is converted; unguarded it would have run."""
    mark = tmp_path / "was-run"
    FAMILIES[family](tmp_path / "a")
    if family == "chinese_clip":
        as_bin(tmp_path / "a")
    file = weights_of(tmp_path / "a")
    torch.save({**tensors_of(tmp_path / "a"), "evil": Touch(mark)}, file)
    with pytest.raises(WeightError, match="could run code"):
        convert_checkpoint(str(tmp_path / "a"), tmp_path)
    assert "could run code" in str(check_checkpoint("path", str(tmp_path / "a"), "real"))
    assert not mark.exists()
    torch.load(file, weights_only=False)
    assert mark.exists()


@pytest.mark.parametrize("value", [{"state_dict": {}, "epoch": 3}, [torch.ones(1)]])
def test_a_pickle_of_something_else_is_refused(value: Any, tmp_path: Path) -> None:
    """A training checkpoint or a list holds no model's tensors by name."""
    FAMILIES["m_clip"](tmp_path / "a")
    torch.save(value, weights_of(tmp_path / "a"))
    with pytest.raises(WeightError, match=r"these are no tensors|expected tensors by name"):
        load_encoder(tmp_path / "a")


@pytest.mark.parametrize("family", ["m_clip", "altclip", "open_clip", "open_clip_safe"])
@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_truncated_file_is_told_of(family: str, kept: float, tmp_path: Path) -> None:
    """An interrupted copy, wherever it broke off."""
    FAMILIES[family](tmp_path / "a")
    file = weights_of(tmp_path / "a")
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(WeightError, match=f"{file.name} is damaged"):
        load_encoder(tmp_path / "a")
    assert "is damaged" in str(check_checkpoint("path", str(tmp_path / "a"), "real"))


def test_old_pickles_with_wrong_bytes_are_told_of(tmp_path: Path) -> None:
    """Torch fails on them in many ways; each is one message."""
    bert(tmp_path / "a")
    as_bin(tmp_path / "a")
    file = weights_of(tmp_path / "a")
    torch.save(tensors_of(tmp_path / "a"), file, _use_new_zipfile_serialization=False)
    content = file.read_bytes()
    for at in range(0, 600, 23):
        file.write_bytes(content[:at] + b"\x85" + content[at + 1 :])
        with contextlib.suppress(WeightError):  # some bytes change a number that nobody reads
            stored_shapes(file)


def test_two_copies_of_the_weights_are_refused(tmp_path: Path) -> None:
    """Under names that say nothing of which one counts."""
    bert(tmp_path / "a")
    file = weights_of(tmp_path / "a")
    for name in ("one.safetensors", "two.safetensors"):
        shutil.copyfile(file, tmp_path / "a" / name)
    assert load_encoder(tmp_path / "a")  # model.safetensors counts
    file.unlink()
    with pytest.raises(WeightError, match="leave one copy"):
        load_encoder(tmp_path / "a")


def test_safetensors_come_before_pickles(tmp_path: Path) -> None:
    """A pickle beside them is not opened, and open_clip's own files are not mixed with others."""
    mark = tmp_path / "was-run"
    tower = FAMILIES["clip"](tmp_path / "a")
    first = checkpoint_revision(str(tmp_path / "a"))
    torch.save({"evil": Touch(mark)}, tmp_path / "a/pytorch_model.bin")
    assert all(map(torch.equal, states(load_encoder(tmp_path / "a")[0]), states(tower.encoder)))
    assert not mark.exists() and checkpoint_revision(str(tmp_path / "a")) == first
    config = {"model_cfg": {"text_cfg": {"context_length": 77}}}
    (tmp_path / "a/open_clip_config.json").write_text(json.dumps(config))
    save_file({"token_embedding.weight": torch.ones(2)}, tmp_path / "a/open_clip_model.safetensors")
    assert all(map(torch.equal, states(load_encoder(tmp_path / "a")[0]), states(tower.encoder)))


@pytest.mark.parametrize("name", ["tf_model.h5", "flax_model.msgpack", "model.ckpt", "weights.pkl"])
def test_other_formats_are_refused(name: str, tmp_path: Path) -> None:
    """The message says which names are looked for."""
    bert(tmp_path / "a")
    weights_of(tmp_path / "a").rename(tmp_path / "a" / name)
    with pytest.raises(FileNotFoundError, match=r"pytorch_model\.bin.*other formats"):
        checkpoint_folder(str(tmp_path / "a"))


def test_a_checkpoint_without_a_configuration_is_told_so(tmp_path: Path) -> None:
    """Neither of transformers nor of open_clip."""
    FAMILIES["siglip"](tmp_path / "a")
    (tmp_path / "a/config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        checkpoint_folder(str(tmp_path / "a"))
    FAMILIES["open_clip"](tmp_path / "b")
    (tmp_path / "b/open_clip_config.json").write_text(json.dumps({"model_cfg": {"text_cfg": {}}}))
    with pytest.raises(FileNotFoundError, match="hf_model_name"):
        checkpoint_folder(str(tmp_path / "b"))


# What is refused


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_what_is_known_and_not_supported_says_why(kind: str, tmp_path: Path) -> None:
    """Recognised by its configuration alone."""
    bert(tmp_path / "a")
    (tmp_path / "a/config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(Unsupported) as caught:
        checkpoint_folder(str(tmp_path / "a"))
    assert UNSUPPORTED[kind] in str(caught.value)
    assert UNSUPPORTED[kind] in str(check_checkpoint("path", str(tmp_path / "a"), "real"))


@pytest.mark.parametrize("kind", ["bert", "unheard"])
def test_code_of_a_repository_is_never_run(kind: str, tmp_path: Path) -> None:
    """Not even where transformers knows a model of that name: its own code may compute another."""
    bert(tmp_path / "a")
    values = json.loads((tmp_path / "a/config.json").read_text()) | {"model_type": kind}
    values["auto_map"] = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
    (tmp_path / "a/config.json").write_text(json.dumps(values))
    (tmp_path / "a/own.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')")
    with pytest.raises(Unsupported, match="never run"):
        checkpoint_folder(str(tmp_path / "a"))
    assert "never run" in str(check_checkpoint("path", str(tmp_path / "a"), "real"))
    assert not (tmp_path / "was-run").exists()


def test_a_base_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    """Its heads cannot be read off tensors, and a guess would run."""
    FAMILIES["m_clip"](tmp_path / "a")
    values = json.loads((tmp_path / "a/config.json").read_text())
    for base, said in (("KB/swedish", "'KB/swedish'"), ("xlm-roberta-bose", "did you mean")):
        (tmp_path / "a/config.json").write_text(json.dumps({**values, "modelBase": base}))
        with pytest.raises(ValueError, match=said):
            load_encoder(tmp_path / "a")
    # A base of other sizes than the tensors is no less an error.
    (tmp_path / "a/config.json").write_text(json.dumps({**values, "modelBase": "tiny-labse"}))
    with pytest.raises(WeightError, match="other shape"):
        load_encoder(tmp_path / "a")


@pytest.mark.parametrize("name", [name for name in BASES if not name.startswith("tiny")])
def test_published_bases_have_their_published_size(name: str) -> None:
    """Parameters without a pooler, as counted on the models that transformers builds of them."""
    published = {
        "xlm-roberta-base": 277_453_056,
        "xlm-roberta-large": 558_840_832,
        "roberta-base": 124_055_040,
        "roberta-large": 354_310_144,
        "labse": 470_336_256,
    }
    with torch.device("meta"):
        model = AutoModel.from_config(base_config(name), add_pooling_layer=False)
    assert sum(tensor.numel() for tensor in model.parameters()) == published[name]
    assert model.config.hidden_size // model.config.num_attention_heads == 64


def test_tokenizer_files_come_along(tmp_path: Path) -> None:
    """The usual ones, and a tower's own; others stay behind."""
    FAMILIES["siglip"](tmp_path / "theirs")
    for name in (*TOKENIZER_FILES, "spiece.model", "README.md"):
        (tmp_path / "theirs" / name).write_text(name)
    ours, _ = converted(tmp_path / "theirs")
    found = {path.name for path in ours.iterdir()} - {"config.json", "model.safetensors"}
    assert found == {*TOKENIZER_FILES, "spiece.model"}


@pytest.mark.parametrize("family", ["open_clip", "m_clip", "siglip"])
def test_a_tower_without_a_tokenizer_is_refused(family: str, tmp_path: Path) -> None:
    """With the next move, before a trial begins."""
    FAMILIES[family](tmp_path / "theirs")
    told = str(check_checkpoint("path", str(tmp_path / "theirs"), "real"))
    assert "has no tokenizer" in told and "copy the files into a folder of your own" in told
