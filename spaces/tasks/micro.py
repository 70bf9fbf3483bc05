"""Tasks of the micro-world: all ten targets of XTREME-R in miniature, and what may precede them.

Hyperparameters: a grid run on so small an encoder; steps are as short as effects allow.
"""

from typing import Any

from spaces.languages import MICRO_LANGUAGES, MICRO_TRAINING_LANGUAGES
from spaces.settings import Optimisation, Readout
from spaces.tasks.row import NLI_LABELS, Form, Task

HUB = MICRO_LANGUAGES[0].code
_ALL = tuple(language.code for language in MICRO_LANGUAGES)

POS_TAGS = ("ADJ", "ADP", "AUX", "DET", "NOUN", "PART", "PROPN", "PUNCT", "VERB")
NER_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")

_INTERMEDIATE = Optimisation(learning_rate=2e-3, steps=150)


def _target(name: str, form: Form, skill: str, *, recipe: tuple[str, ...], **row: Any) -> Task:
    """A target: scored in all eight languages, trained in the hub."""
    steps = 40 if form in ("tagging", "retrieval") else 60
    given: dict[str, Any] = {
        "train_languages": (HUB,) if name in recipe else (),
        "train_rows": 600 if name in recipe else None,
        "languages": _ALL,
        "dev_language": HUB,
        "max_tokens": 48,
        "reference": Optimisation(learning_rate=2e-3, steps=steps),
        **row,
    }
    return Task(
        name=name, world="micro", form=form, skill=skill, recipe=recipe, parallel=True, **given
    )


def _intermediate(
    name: str, form: Form, skill: str, *, labels: tuple[str, ...] = (), **row: Any
) -> Task:
    """An intermediate task: rows in the hub and in one half of each group."""
    given: dict[str, Any] = {
        "train_languages": MICRO_TRAINING_LANGUAGES,
        "train_rows": 2000,
        "max_tokens": 48,
        "reference": _INTERMEDIATE,
        **row,
    }
    return Task(name=name, world="micro", form=form, skill=skill, labels=labels, **given)


MICRO_TASKS = (
    _target(
        "xnli",
        "classification",
        "nli",
        recipe=("xnli",),
        labels=NLI_LABELS,
        chance=100 / 3,
        reference=Optimisation(learning_rate=1e-3, steps=60),
    ),
    # 60 steps leave some seeds at chance even in the hub.
    _target(
        "xcopa",
        "choice",
        "commonsense",
        recipe=("xcopa",),
        chance=50.0,
        reference=Optimisation(learning_rate=2e-3, steps=100),
    ),
    _target(
        "udpos", "tagging", "pos", recipe=("udpos",), labels=POS_TAGS, metric="tag_f1", chance=25.0
    ),
    _target("panx", "tagging", "ner", recipe=("panx",), labels=NER_TAGS, metric="entity_f1"),
    # One phase on `squad` serves both, as in the benchmark. Chance: any word of the context.
    _target("xquad", "span", "qa", recipe=("squad",), metric="answer_f1", chance=14.0),
    _target("mlqa", "span", "qa", recipe=("squad",), metric="answer_f1", chance=8.0),
    _target("tydiqa", "span", "qa", recipe=("tydiqa",), metric="answer_f1", chance=14.0),
    _target(
        "tatoeba",
        "retrieval",
        "alignment",
        recipe=(),
        metric="accuracy_at_1",
        chance=0.25,  # of the 400 candidates of a test part
        languages=_ALL[1:],
        dev_language="",
        readout=Readout(),
        reference=None,
    ),
    # Chance: any order of 400 candidates, of which some four are right; of 24, of which one is.
    _target(
        "lareqa",
        "retrieval",
        "answer_retrieval",
        recipe=("lareqa",),
        metric="map_at_20",
        chance=0.9,
    ),
    _target(
        "mewslix",
        "retrieval",
        "entity_linking",
        recipe=("mewslix",),
        metric="map_at_20",
        chance=15.0,
    ),
    # What the two reading-comprehension targets train on; in the hub alone.
    _intermediate("squad", "span", "qa", train_languages=(HUB,), train_rows=600),
    _intermediate("nli", "classification", "nli", labels=NLI_LABELS),
    _intermediate("choice", "choice", "commonsense"),
    _intermediate("qa", "span", "qa"),
    _intermediate("paraphrase", "classification", "paraphrase", labels=("different", "same")),
    _intermediate("tagging", "tagging", "pos", labels=POS_TAGS),
    # The controls. Rows of `nli` whose labels are permuted: they must not help.
    _intermediate(
        "permuted",
        "classification",
        "control",
        labels=NLI_LABELS,
        origin="control",
        permuted=True,
    ),
    # Sentences, half of them with shuffled words: nothing of what targets ask.
    _intermediate(
        "real_or_fake",
        "classification",
        "real_or_fake",
        labels=("fake", "real"),
        origin="control",
        single=True,
    ),
    # More of what the encoder was pretrained on, in all languages: text is everywhere.
    _intermediate(
        "masked", "masked", "mlm", train_languages=_ALL, dev_languages=(), origin="control"
    ),
)
