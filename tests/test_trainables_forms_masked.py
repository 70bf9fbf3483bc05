"""Masked words: windows, masks, the tied output layer, and phases that train on them."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import AlbertConfig, AlbertModel, BertConfig, BertModel

import trainables.engine
from spaces.catalogue import Catalogue
from spaces.initialisations import Pretraining
from spaces.phases import Rows
from spaces.settings import Optimisation
from tests.encoders import tiny_bert
from tests.test_trainables_phase import assert_same, distance, interrupted, plain_loop, trained
from tests.tokenizers import minilm_tokenizer
from trainables.batches import RowOrder
from trainables.engine import Layout
from trainables.forms import FORMS, Features
from trainables.forms.base import IGNORED_LABEL
from trainables.forms.masked import MASK_SHARE
from trainables.initialisation import load_encoder, save_encoder, save_weights
from trainables.micro import task_rows
from trainables.model import TaskData, TaskModel, TokenisedPart, collate
from trainables.phase import PhaseRun
from trainables.pretraining.miniature import micro_tokenizer
from trainables.pretraining.model import fresh_encoder
from trainables.rows import RowError

TASKS = Catalogue.of_world("micro").tasks
MASKED, NLI = TASKS["masked"], TASKS["nli"]
FORM = FORMS["masked"]

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def features(texts: list[str], longest: int) -> Features:
    """Texts as a real tokenizer cuts them, masked."""
    return FORM.features(MASKED, {"text": texts}, minilm_tokenizer(), longest)


def unmasked(found: Features) -> list[list[int]]:
    """Each window as it was before it was masked."""
    windows = []
    for unit, (sequence, places) in enumerate(
        zip((u["input_ids"][0] for u in found.units), found.columns["places"], strict=True)
    ):
        ids = list(sequence)
        for place, word in zip(places, found.columns["words"][unit], strict=True):
            ids[place] = word
        windows.append(ids)
    return windows


# Windows and masks


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(LETTERS + "  é漢字", min_size=1, max_size=120), min_size=1, max_size=4),
    st.integers(3, 20),
)
def test_no_subword_is_lost_to_a_short_encoder(texts: list[str], longest: int) -> None:
    """The windows of a text, one after the other, are the text; none is too long."""
    tokenizer, found = minilm_tokenizer(), features(texts, longest)
    assert max(found.lengths) <= longest
    for row, text in enumerate(texts):
        mine = [w for w, origin in zip(unmasked(found), found.rows, strict=True) if origin == row]
        assert all(w[0] == tokenizer.cls_token_id and w[-1] == tokenizer.sep_token_id for w in mine)
        whole = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert [word for window in mine for word in window[1:-1]] == whole


def test_masks_keep_their_shares() -> None:
    """15 % of the subwords are masked: 80 % by [MASK], 10 % by any word, 10 % not at all."""
    rng, tokenizer = np.random.default_rng(0), minilm_tokenizer()
    letters = list(LETTERS)
    texts = ["".join(rng.choice([*letters, " "], size=400)) for _ in range(300)]
    found = features(texts, 64)
    words = sum(found.tokens) - 2 * len(found.units)
    chosen = [w for unit in found.columns["words"] for w in unit]
    assert words > 40_000 and abs(len(chosen) / words - MASK_SHARE) < 0.01
    seen = [u["input_ids"][0][p] for u, places in zip(found.units, found.columns["places"],
                                                      strict=True) for p in places]  # fmt: skip
    masks = [now == tokenizer.mask_token_id for now in seen]
    kept = [now == before for now, before in zip(seen, chosen, strict=True)]
    assert abs(np.mean(masks) - 0.8) < 0.03 and abs(np.mean(kept) - 0.1) < 0.02
    specials = set(tokenizer.all_special_ids)
    drawn = [now for now, mask, same in zip(seen, masks, kept, strict=True) if not mask | same]
    assert not specials & {*drawn, *chosen}
    assert np.std(drawn) > 0.25 * len(tokenizer)  # from the whole vocabulary


def test_every_window_with_a_word_has_a_target() -> None:
    """However short; one of unknown words alone has none, and a loss of zero."""
    assert [len(p) for p in features(["a", "b c"], 8).columns["places"]] == [1, 1]
    found = features(["\U0001f642 \U0001f643"], 8)
    assert found.columns["places"] == [[]]
    batch = collate(MASKED, found, 0)
    model = TaskModel(tiny_bert(), [MASKED])
    loss = FORM.loss(model.heads[MASKED.head], torch.ones(1, batch["targets"].shape[1], 8), batch)
    assert loss.item() == 0.0


def test_masks_are_a_function_of_the_text_alone() -> None:
    """Neither the rows around a text nor those before it change what is masked of it."""
    text = "the quick brown fox jumps over the lazy dog"
    alone, among = features([text], 8), features(["something else entirely", text, text], 8)
    mine = [u["input_ids"][0] for u in alone.units]
    theirs = [u["input_ids"][0] for u, row in zip(among.units, among.rows, strict=True) if row]
    assert theirs == mine + mine
    assert len({tuple(p) for p in features([f"{text} {n}" for n in range(9)], 32).columns["places"]
                }) > 3  # fmt: skip


@pytest.mark.parametrize("longest", [1, 2])
def test_windows_without_room_are_refused(longest: int) -> None:
    """A row says what to change."""
    with pytest.raises(RowError, match=f"room for {longest - 2} subwords: raise it in a"):
        features(["a"], longest)


def test_a_tokenizer_without_a_mask_is_refused() -> None:
    """The error says what cannot be done with this initialisation, and what to do."""
    tokenizer = micro_tokenizer()
    tokenizer.mask_token = None
    with pytest.raises(RowError, match="has no mask token: leave tasks of form 'masked' out"):
        FORM.features(MASKED, {"text": ["a"]}, tokenizer, 16)


# The output layer


def test_the_loss_by_hand() -> None:
    """Rows count alike, however many of their tokens are masked."""
    model = TaskModel(tiny_bert(), [MASKED])
    head: Any = model.heads[MASKED.head]
    embeddings = torch.zeros(40, 8)
    embeddings[7, 0], embeddings[9, 1] = 2.0, 3.0
    with torch.no_grad():
        model.encoder.get_input_embeddings().weight.copy_(embeddings)  # type: ignore[operator]
        head.bias[9] = 0.5
    hidden = torch.zeros(2, 3, 8)
    hidden[:, 1, 0] = hidden[:, 2, 1] = 1.0
    targets = torch.tensor([[IGNORED_LABEL, 7, 9], [IGNORED_LABEL, 3, IGNORED_LABEL]])
    # Scores at place 1: 2 for word 7, 0.5 for 9, 0 for 38 others; at place 2: 3.5 for 9.
    first = np.log(np.exp(2) + np.exp(0.5) + 38)
    second = np.log(np.exp(3.5) + 39)
    expected = ((first - 2) + (second - 3.5)) / 2 + first
    loss = FORM.loss(head, hidden, {"targets": targets})
    assert loss.item() == pytest.approx(float(expected), rel=1e-6)


def test_no_second_copy_of_the_embeddings_is_saved(tmp_path: Path) -> None:
    """The head's one weight is its bias, and the next phase loads the encoder without it."""
    encoder = tiny_bert()
    model = TaskModel(encoder, [MASKED])
    own = {f"heads.{MASKED.head}.bias"}
    assert set(model.state_dict()) - {f"encoder.{name}" for name in encoder.state_dict()} == own
    assert len(list(model.parameters())) == len(list(encoder.parameters())) + 1
    save_encoder(encoder, tmp_path)
    (tmp_path / "phase").mkdir()
    save_weights(model.state_dict(), tmp_path / "phase")
    _, account = load_encoder(tmp_path, tmp_path / "phase" / "model.safetensors")
    assert set(account.ignored) == own


def test_embeddings_of_another_size_are_refused() -> None:
    """ALBERT's are narrower than its states: no product of the two exists."""
    config = AlbertConfig(
        vocab_size=40, embedding_size=4, hidden_size=8, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=16,
    )  # fmt: skip
    with pytest.raises(RowError, match="this albert have 4 dimensions and its states 8"):
        TaskModel(AlbertModel(config, add_pooling_layer=False), [MASKED])


# Phases

STEPS = Optimisation(learning_rate=5e-3, steps=6, rows_per_step=6, clip_norm=0.3)


def wide_bert(dropout: float = 0.0) -> nn.Module:
    """One layer over the micro-world's vocabulary, the same weights each time."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(micro_tokenizer()), hidden_size=8, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=16, max_position_embeddings=48,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout, initializer_range=0.4,
    )  # fmt: skip
    encoder: nn.Module = BertModel(config, add_pooling_layer=False)
    return encoder


@cache
def mixture() -> TaskData:
    """Rows of ``nli`` and of ``masked`` in equal shares."""
    parts, tokenizer = [], micro_tokenizer()
    for task in (NLI, MASKED):
        table = task_rows(task, "esho", "train", 24, 0)
        rows = Rows(task=task.name, language="esho", split="train", revision="r")
        found = FORMS[task.form].features(task, table, tokenizer, 48)
        parts.append(TokenisedPart(rows, task, table, found))
    sizes = tuple(len(part.lengths) for part in parts)
    return TaskData(parts, RowOrder(3, sizes, (1, 1), STEPS.rows_per_step), tokenizer.pad_token_id)


def phase(folder: Path, stage: int, dropout: float = 0.0) -> PhaseRun:
    """Six steps of the mixture."""
    module = TaskModel(wide_bert(dropout), [NLI, MASKED])
    layout = Layout(zero_stage=stage, token_budget=120)
    return PhaseRun(module, mixture(), STEPS, 3, layout, folder)


@pytest.fixture
def scattered(monkeypatch: pytest.MonkeyPatch) -> None:
    """ZeRO stage 3 keeps no weight whole between its uses, as it does with weights of real size."""
    config = trainables.engine._config

    def changed(*given: Any) -> dict[str, Any]:
        found = config(*given)
        found["zero_optimization"]["stage3_param_persistence_threshold"] = 0
        return found

    monkeypatch.setattr(trainables.engine, "_config", changed)


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_a_mixture_with_masked_words_equals_a_plain_loop(
    stage: int, tmp_path: Path, scattered: None
) -> None:
    """At every ZeRO stage: the embeddings belong to the encoder and to a head."""
    assert {len(set(mixture().rows(step).groups)) for step in range(6)} == {2}
    losses, expected = plain_loop(TaskModel(wide_bert(), [NLI, MASKED]), mixture(), STEPS)
    run = trained(phase(tmp_path, stage))
    assert run.losses == pytest.approx(losses, rel=1e-5)
    assert distance(run.weights, expected) < 1e-5


@pytest.mark.parametrize("stage", [0, 3])
def test_a_closed_phase_with_masked_words_goes_on_to_the_bit(
    stage: int, tmp_path: Path, scattered: None
) -> None:
    """The masks of a resumed phase are those of an uninterrupted one, and so are its losses."""
    whole = trained(phase(tmp_path / "whole", stage, 0.2))
    interrupted(phase(tmp_path / "cut", stage, 0.2), 3)
    assert_same(trained(phase(tmp_path / "cut", stage, 0.2)), whole)


def test_the_loss_falls(tmp_path: Path) -> None:
    """An encoder learns which words come at all, and then more, from masked sentences alone."""
    tokenizer, optimisation = micro_tokenizer(), replace(STEPS, steps=60, rows_per_step=16)
    table = task_rows(MASKED, "avel", "train", 400, 0)
    found = FORM.features(MASKED, table, tokenizer, 48)
    rows = Rows(task="masked", language="avel", split="train", revision="r")
    part = TokenisedPart(rows, MASKED, table, found)
    data = TaskData([part], RowOrder(0, (400,), (1,), 16), tokenizer.pad_token_id)
    torch.manual_seed(0)
    small = Pretraining(optimisation=optimisation, documents=1, hidden=16, heads=2, layers=1,
                        feed_forward=32)  # fmt: skip
    encoder = fresh_encoder(small, len(tokenizer), tokenizer.pad_token_id)
    run = PhaseRun(TaskModel(encoder, [MASKED]), data, optimisation, 0, Layout(), tmp_path)
    losses = trained(run).losses
    assert losses[0] > 0.8 * np.log(len(tokenizer))
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
