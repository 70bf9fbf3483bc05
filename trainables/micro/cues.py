"""What a surface cue alone predicts: the score that a target gives without any understanding.

Each rule looks at which words are equal, new, names or at an edge, never at what they mean, and
knows no gold. A score near a rule's is no evidence of transfer, however far above chance.
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from spaces.metrics import DEPTH
from spaces.tasks import Task
from trainables.micro.vocabulary import CONCEPTS, concept_range, surfaces
from trainables.rows import RowTable


def cue_predictions(task: Task, table: RowTable) -> list[Any]:
    """Predict rows of a task by the surface cue of its skill.

    Args:
        task: A row of the micro-world.
        table: Its rows in one language, as ``task_rows`` gives them; for retrieval the whole part,
            because the candidates are the targets of its rows.

    Returns:
        One prediction per row. Classification and choice: the label (int). Tagging: the tags of
        its words (list[int]). Span: the answer (str). Retrieval: ids of the ``DEPTH`` best
        candidates, the best first (list[str]); candidates of one id repeat it.

    Raises:
        ValueError: no rule is known for the task's skill; for masked words there is none.
    """
    if task.skill not in _CUES:
        raise ValueError(
            f"no surface cue for skill {task.skill!r} of task {task.name!r}; "
            f"there are: {', '.join(_CUES)}"
        )
    return _CUES[task.skill](task, table)


@cache
def _names() -> frozenset[str]:
    """Proper names of all languages; a word that is a name in one is none elsewhere."""
    by_concept = surfaces()[:-1].reshape(-1, CONCEPTS)
    return frozenset(by_concept[:, list(concept_range("name"))].ravel().tolist())


def _new_words(text: str, known: str) -> set[str]:
    """Words of a text that another does not have."""
    return set(text.split()) - set(known.split())


def _new_name(task: Task, table: RowTable) -> list[int]:
    """Neutral where the hypothesis has a name that the premise lacks, else entailment."""
    labels = [task.labels.index(label) for label in ("entailment", "neutral")]
    pairs = zip(table["text"], table["text_pair"], strict=True)
    return [labels[bool(_new_words(pair, text) & _names())] for text, pair in pairs]


def _new_word(task: Task, table: RowTable) -> list[int]:
    """Different where the second sentence has more new words than the verb, else same."""
    labels = [task.labels.index(label) for label in ("same", "different")]
    pairs = zip(table["text"], table["text_pair"], strict=True)
    return [labels[len(_new_words(pair, text)) > 1] for text, pair in pairs]


def _misplaced_mark(task: Task, table: RowTable) -> list[int]:
    """Fake where a full stop is at an edge or a question mark is not at the end."""
    real, fake = (task.labels.index(label) for label in ("real", "fake"))
    rows = [text.split() for text in table["text"]]
    odd = ["." in (words[0], words[-1]) or "?" in words[:-1] for words in rows]
    return [fake if flag else real for flag in odd]


def _first_choice(task: Task, table: RowTable) -> list[int]:
    """The first choice: nothing on the surface tells the two effects apart."""
    return [0] * len(table["choices"])


def _nouns(task: Task, table: RowTable) -> list[list[int]]:
    """Every word is a noun, the most common tag of all languages together."""
    noun = task.labels.index("NOUN")
    return [[noun] * len(words) for words in table["words"]]


def _places(task: Task, table: RowTable) -> list[list[int]]:
    """A name is a person's where it is the first word and a place's elsewhere."""
    outside, person, place = (task.labels.index(tag) for tag in ("O", "B-PER", "B-LOC"))
    return [
        [
            outside if word not in _names() else place if number else person
            for number, word in enumerate(words)
        ]
        for words in table["words"]
    ]


def _word_before_question(task: Task, table: RowTable) -> list[str]:
    """The word that stands before what the question repeats of the context, at its last place."""
    answers = []
    for text, question in zip(table["text"], table["question"], strict=True):
        words, asked = text.split(), {*question.split(), "."}
        found = [word for word, after in pairwise(words) if word not in asked and after in asked]
        answers.append(found[-1] if found else words[-1])
    return answers


def _most_shared_words(task: Task, table: RowTable) -> list[list[str]]:
    """Candidates that share most words with the query; among equals, the first in the part."""
    pool = list(dict.fromkeys(zip(table["target_id"], table["target"], strict=True)))
    candidates = [(name, set(target.split())) for name, target in pool]
    ranked = []
    for query in table["text"]:
        words = set(query.split())
        best = sorted(candidates, key=lambda candidate: -len(words & candidate[1]))
        ranked.append([name for name, _ in best[:DEPTH]])
    return ranked


_CUES: Mapping[str, Callable[[Task, RowTable], list[Any]]] = {
    "nli": _new_name,
    "control": _new_name,
    "paraphrase": _new_word,
    "real_or_fake": _misplaced_mark,
    "commonsense": _first_choice,
    "pos": _nouns,
    "ner": _places,
    "qa": _word_before_question,
    "alignment": _most_shared_words,
    "answer_retrieval": _most_shared_words,
    "entity_linking": _most_shared_words,
}
"""Skill -> rule."""
