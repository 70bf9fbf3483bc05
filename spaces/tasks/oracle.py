"""Tasks of the oracle world: names and languages of a response surface."""

from spaces.languages import MICRO_LANGUAGES, MICRO_TRAINING_LANGUAGES
from spaces.settings import Optimisation
from spaces.tasks.row import Task

_LANGUAGES = tuple(language.code for language in MICRO_LANGUAGES)


def _oracle_target(name: str, skill: str) -> Task:
    return Task(
        name=name,
        world="oracle",
        form="classification",
        skill=skill,
        labels=("no", "yes"),
        train_languages=("avel",),
        languages=_LANGUAGES,
        recipe=(name,),
        dev_language="avel",
        parallel=True,
        reference=Optimisation(learning_rate=2e-3, steps=60),
    )


def _oracle_intermediate(name: str, skill: str) -> Task:
    return Task(
        name=name,
        world="oracle",
        form="classification",
        skill=skill,
        labels=("no", "yes"),
        train_languages=MICRO_TRAINING_LANGUAGES,
        reference=Optimisation(learning_rate=2e-3, steps=150),
    )


ORACLE_TASKS = (
    _oracle_target("xnli", "nli"),
    _oracle_target("xcopa", "choice"),
    _oracle_target("xquad", "qa"),
    _oracle_target("panx", "ner"),
    _oracle_target("tatoeba", "retrieval"),
    _oracle_intermediate("nli", "nli"),
    _oracle_intermediate("choice", "choice"),
    _oracle_intermediate("qa", "qa"),
    _oracle_intermediate("permuted", "control"),
)
