"""A trained target as a folder that transformers loads, without anything of ours."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForQuestionAnswering, AutoModelForTokenClassification
from transformers.utils import logging

from spaces.tasks import Task
from trainables.checkpoints.recognising import CLASSES
from trainables.initialisation import (
    load_encoder,
    load_tokenizer,
    save_encoder,
    save_weights,
)

HEAD_FILE = "head.safetensors"

WHOLE_MODELS: dict[str, tuple[Any, str]] = {
    "tagging": (AutoModelForTokenClassification, "classifier"),
    "span": (AutoModelForQuestionAnswering, "qa_outputs"),
}
"""Form -> the transformers class whose head computes what ours does, and that head's name.

The sequence classifiers of transformers put a pooler before their linear layer, ours do not, so
those forms are written as an encoder with the head beside it.
"""


def write_model(folder: Path, initialisation: Path, weights: Path | None, task: Task) -> str:
    """Write encoder, head and tokenizer.

    Args:
        folder: made where it is not there.
        initialisation: holds configuration and tokenizer.
        weights: those of the last phase; None where the initialisation's own are the last.
        task: the target.

    Returns:
        Name of the class to load the folder with.

    Raises:
        WeightError: the weights do not fit the encoder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logging.disable_progress_bar()
    encoder: Any = load_encoder(initialisation, weights)[0]
    head = _head(load_file(weights), task) if weights else {}
    load_tokenizer(initialisation).save_pretrained(folder)
    whole = _whole_model(encoder, head, task)
    if whole is None:
        save_encoder(encoder, folder)
        if head:
            save_weights(head, folder, HEAD_FILE)
        return type(encoder).__name__ if encoder.config.model_type in CLASSES else "AutoModel"
    whole.save_pretrained(folder, safe_serialization=True)
    return WHOLE_MODELS[task.form][0].__name__  # type: ignore[no-any-return]


def _head(weights: dict[str, Tensor], task: Task) -> dict[str, Tensor]:
    """The target's head: ``weight`` [C, H] and ``bias`` [C]; empty for one without weights."""
    prefix = f"heads.{task.head}."
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def _whole_model(encoder: nn.Module, head: dict[str, Tensor], task: Task) -> Any:
    """Encoder and head in one model; None where transformers has none that computes the same."""
    if task.form not in WHOLE_MODELS or not head:
        return None
    family, name = WHOLE_MODELS[task.form]
    config: Any = encoder.config
    labels = dict(enumerate(task.labels or ("start", "end")))
    config.id2label, config.label2id = labels, {label: i for i, label in labels.items()}
    try:
        whole = family.from_config(config)
    except ValueError:  # an architecture without such a class
        return None
    prefix = whole.base_model_prefix
    ours = {f"{prefix}.{k}": v for k, v in encoder.state_dict().items()}
    ours |= {f"{name}.{k}": v for k, v in head.items()}
    if set(ours) != set(whole.state_dict()):
        return None
    whole.load_state_dict(ours)
    return whole.eval()
