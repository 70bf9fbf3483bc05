"""What rows of real tasks are made of: columns that recur, and hyperparameters by epochs."""

from collections.abc import Mapping
from typing import Any

from spaces.settings import Optimisation
from spaces.tasks.row import Form, Reference, Task

EVALUATION_ONLY = {"test": "validation"}
"""Splits of sets whose one labelled part is the benchmark's test part."""

NLI = {"text": "premise", "text_pair": "hypothesis"}
QA: Mapping[str, Reference] = {
    "text": "context",
    "answers": "answers.text",
    "starts": "answers.answer_start",
}
COPA: Mapping[str, Reference] = {
    "text": "premise",
    "question": "What was the {question}?",
    "choices": ("choice1", "choice2"),
}


def codes(text: str) -> tuple[str, ...]:
    """Language codes, as one writes them."""
    return tuple(text.split())


def trained(
    rate: float, rows: int, epochs: float, batch: int = 32, **more: float
) -> tuple[int, Optimisation]:
    """Training rows, and hyperparameters whose steps go ``epochs`` times over them."""
    steps = round(rows * epochs / batch)
    return rows, Optimisation(learning_rate=rate, steps=steps, rows_per_step=batch, **more)


def row(
    name: str, form: Form, skill: str, trained: tuple[int, Optimisation] | None, **row: Any
) -> Task:
    """A row; ``trained`` is what the function of that name gives."""
    rows, reference = trained or (None, None)
    return Task(name=name, form=form, skill=skill, train_rows=rows, reference=reference, **row)


# The scripts' `train_qa.sh` warms up for 500 of some 8,212 steps.
SQUAD = trained(3e-5, 87_599, 3, warmup_share=0.06, weight_decay=1e-4)
SQUAD_RETRIEVAL = trained(2e-5, 87_599, 3, batch=16, warmup_share=0.0, weight_decay=0.0)
QA_ROW: dict[str, Any] = {
    "metric": "answer_mean",
    "max_tokens": 384,
    "stride": 128,
    "dev_language": "en",
}
XQUAD_LANGUAGES = codes("ar de el en es hi ru th tr vi zh")
