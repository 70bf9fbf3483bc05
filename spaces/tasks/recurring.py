"""What rows of real tasks are made of: columns that recur, and hyperparameters by epochs."""

from collections.abc import Mapping
from typing import Any

from spaces.settings import Optimisation
from spaces.tasks.row import DataSet, Form, Reference, Task

EVALUATION_ONLY = {"test": "validation"}
"""Splits of sets whose one labelled part is the benchmark's test part."""

TRAIN_AND_DEV = {"train": "train", "dev": "validation"}
"""Splits of sets whose test labels are not public."""

NLI = {"text": "premise", "text_pair": "hypothesis"}
PAIR = {"text": "sentence1", "text_pair": "sentence2"}
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


PARAPHRASE_LABELS = ("different", "paraphrase")

UPOS = codes(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X",
)
"""Universal parts of speech, in the order of ``udpos``'s integers."""

ENTITY_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
"""In the order of WikiANN's integers. Entities of other types count as none wherever they are
trained on, so that all tasks of the skill have one head and one notion of an entity."""

SWAHILI = {"sw": "swa"}
"""How Masakhane's sets spell languages: Swahili by its macrolanguage, where ISO 639-3's code of the
language itself is ``swh``."""

WIKIPEDIA = ("wikipedia",)
NEWS = ("news",)
CAPTIONS = ("captions",)
MNLI_GENRES = ("fiction", "government", "magazines", "speech", "travel")
"""Of MultiNLI's ten genres; XNLI's rows were written for sentences of the same."""


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

_READ = {"span": {"max_tokens": 384, "stride": 128}}
"""Lengths by form, where they are not jiant's 256 of all that is neither spans nor retrieval."""


def intermediate(
    name: str, form: Form, skill: str, languages: str, rows: int, data: DataSet, **more: Any
) -> Task:
    """A task that is trained on before others: ``rows`` of them in most of its languages.

    Hyperparameters are jiant's for Phang et al. 2020 (arXiv 2005.13013): learning rate 1e-5, a
    tenth of the steps to warm up, three epochs, steps of 32 rows. What the paper's appendix has
    for each of its nine tasks (from 2 epochs for the large to 15 for the small, as far as one
    remembers) is not recovered: a plan that follows the paper sets ``steps`` itself.
    """
    lengths = _READ.get(form, {"max_tokens": 256})
    given = {"train_languages": codes(languages), "data": data, **lengths, **more}
    return row(name, form, skill, trained(1e-5, rows, 3), **given)
