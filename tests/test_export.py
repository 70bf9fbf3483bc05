"""Exports: frames as files, submissions, and models that transformers loads without us."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForQuestionAnswering, AutoModelForTokenClassification

from analysis import load_scores
from analysis.export import export_frames
from search.cli import main
from spaces.catalogue import Catalogue
from tests.analysis_world import World
from tests.encoders import tiny_bert
from tests.tokenizers import minilm_tokenizer
from trainables.initialisation import save_encoder, save_weights
from trainables.model import TaskModel, last_states
from trainables.model_folder import HEAD_FILE, write_model

TASKS = Catalogue.of_world("real").tasks


@pytest.fixture
def initialisation(tmp_path: Path) -> Path:
    """A tiny encoder's folder, as the phase of that name leaves it."""
    folder = tmp_path / "initialisation"
    folder.mkdir()
    save_encoder(tiny_bert(), folder)
    minilm_tokenizer().save_pretrained(folder)
    return folder


def trained(task: str, initialisation: Path) -> tuple[TaskModel, Path]:
    """A model with weights of its own, and the file a target phase leaves."""
    torch.manual_seed(1)
    model = TaskModel(tiny_bert(), [TASKS[task]]).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    folder = initialisation.parent / "target"
    folder.mkdir()
    save_weights(model.state_dict(), folder)
    return model, folder / "model.safetensors"


INPUTS = {"input_ids": torch.tensor([[1, 2, 3, 4]]), "attention_mask": torch.ones(1, 4).long()}


@pytest.mark.parametrize(
    ("task", "family", "output"),
    [
        ("udpos", AutoModelForTokenClassification, "logits"),
        ("xquad", AutoModelForQuestionAnswering, "start_logits"),
    ],
)
def test_whole_models_say_what_ours_says(
    task: str, family: Any, output: str, initialisation: Path, tmp_path: Path
) -> None:
    """Tagging and spans have a class with the same head; labels have their names."""
    model, weights = trained(task, initialisation)
    row = TASKS[task]
    assert write_model(tmp_path / "out", initialisation, weights, row) == family.__name__
    loaded = family.from_pretrained(tmp_path / "out")
    ours = model.heads[row.head](last_states(model.encoder, INPUTS))
    with torch.no_grad():
        theirs = loaded(**INPUTS)[output]
    assert torch.allclose(theirs, ours if task == "udpos" else ours[..., 0], atol=1e-6)
    if row.labels:
        assert tuple(loaded.config.id2label.values()) == row.labels


@pytest.mark.parametrize("task", ["xnli", "xcopa", "lareqa"])
def test_other_forms_have_their_head_beside_the_encoder(
    task: str, initialisation: Path, tmp_path: Path
) -> None:
    """An encoder that AutoModel loads; a form's linear layer, where it has one, in its own file."""
    model, weights = trained(task, initialisation)
    row = TASKS[task]
    assert write_model(tmp_path / "out", initialisation, weights, row) == "AutoModel"
    loaded = AutoModel.from_pretrained(tmp_path / "out", add_pooling_layer=False)
    with torch.no_grad():
        states = loaded(**INPUTS).last_hidden_state
    assert torch.allclose(states, last_states(model.encoder, INPUTS), atol=1e-6)
    assert (tmp_path / "out" / HEAD_FILE).exists() == (row.form != "retrieval")
    if row.form != "retrieval":
        head = load_file(tmp_path / "out" / HEAD_FILE)
        logits = states[:, 0] @ head["weight"].T + head["bias"]
        assert torch.allclose(logits, model.heads[row.head](states[:, 0]), atol=1e-6)


def test_an_untrained_target_is_the_initialisation(initialisation: Path, tmp_path: Path) -> None:
    """No phase trained it, so its own weights are exported."""
    row = TASKS["tatoeba_untuned"]
    assert write_model(tmp_path / "out", initialisation, None, row) == "AutoModel"
    written = load_file(tmp_path / "out" / "model.safetensors")
    kept = load_file(initialisation / "model.safetensors")
    assert written.keys() == kept.keys()
    assert all(torch.equal(written[name], kept[name]) for name in kept)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_frames_are_written_whole(form: str, tmp_path: Path) -> None:
    """One file for each frame, with its columns also where it is empty, and their dictionary."""
    study = World(tmp_path / "root")
    files = export_frames(study.name, tmp_path / "out", form, tmp_path / "root")
    names = "cells confirmed data_dictionary gains ladder phases pretraining reports scores trials"
    assert sorted(file.stem for file in files) == names.split()
    scores = tmp_path / "out" / f"scores.{form}"
    read = pd.read_parquet(scores) if form == "parquet" else pd.read_csv(scores)
    assert list(read.columns) == list(load_scores(study.name, tmp_path / "root").columns)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--format", "model"], "--target"),
        (["--format", "csv", "--target", "xnli"], "no target"),
        (["--format", "model", "--target", "xnlii"], 'did you mean "xnli"'),
        (["--format", "model", "--target", "xnli"], "no COMPLETE trial"),
        (["--format", "xtreme-r"], "transfer-search confirm"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one message, nothing written."""
    study = World(tmp_path / "root")
    out = tmp_path / "out"
    command = ["export", study.name, str(out), *arguments, "--root", str(tmp_path / "root")]
    assert main(command) == 2
    assert told in capsys.readouterr().err and not out.exists()
