"""How well answers to questions fit, question by question: SQuAD's rules, and MLQA's.

An answer is compared as a list of words, without case, punctuation and articles. ``None`` is a
question that was not answered at all: it scores 0, even where nothing but articles was wanted.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from spaces.tasks import Task

Words = Callable[[str], list[str]]
Agreement = Callable[[list[str], list[str]], float]

_MARKS = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")

_MLQA_ARTICLES: Mapping[str, re.Pattern[str] | None] = {
    # XTREME's script writes Arabic's as `\sال^|ال`, of which the first half can never match: what
    # is left takes the two letters out of the middle of words too, and its numbers are with that.
    "ar": re.compile("ال"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": _ARTICLES,
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "zh": None,
}
"""Language -> what MLQA's script takes for articles."""

_UNSPACED = {"zh": re.compile(r"([\u4e00-\u9fa5])")}
"""Languages in which some characters are words of their own."""


def squad_words(answer: str) -> list[str]:
    """Words of an answer as SQuAD's ``evaluate-v1.1.py`` compares them."""
    return _ARTICLES.sub(" ", answer.lower().translate(_MARKS)).split()


def mlqa_words(answer: str, language: str) -> list[str]:
    """Words of an answer as MLQA's ``mlqa_evaluation_v1.py`` compares them.

    Args:
        answer: any text.
        language: code of the answer's language.

    Raises:
        ValueError: MLQA has no rule for the language.
    """
    if language not in _MLQA_ARTICLES:
        raise ValueError(
            f"MLQA has no rule for answers in language {language!r}, only for "
            f"{', '.join(_MLQA_ARTICLES)}: score it by `answer_mean` instead"
        )
    plain = "".join(letter for letter in answer.lower() if not _is_punctuation(letter))
    if articles := _MLQA_ARTICLES[language]:
        plain = articles.sub(" ", plain)
    if unspaced := _UNSPACED.get(language):
        plain = unspaced.sub(r" \1 ", plain)
    return plain.split()


def _is_punctuation(letter: str) -> bool:
    """Unicode's punctuation, and ASCII's signs, some of which Unicode calls symbols."""
    return letter in string.punctuation or unicodedata.category(letter)[0] == "P"


def same(right: list[str], ours: list[str]) -> float:
    """1 where the words are the same."""
    return float(right == ours)


def overlap(right: list[str], ours: list[str]) -> float:
    """F1 of two bags of words; 0 where they share none, even if both are empty."""
    common = sum((Counter(right) & Counter(ours)).values())
    return 2 * common / (len(right) + len(ours)) if common else 0.0


def overlap_or_none(right: list[str], ours: list[str]) -> float:
    """The same, but two empty answers agree (SQuAD 2.0)."""
    return overlap(right, ours) if right and ours else same(right, ours)


def _best(
    task: Task, gold: Sequence[list[str]], predicted: Sequence[str | None], words: Words, f1: bool
) -> list[float]:
    """The best agreement of each answer with one of the right ones, 0 to 1."""
    agree: Agreement = same
    if f1:
        agree = overlap_or_none if task.unanswerable else overlap
    rows = zip(gold, predicted, strict=True)
    return [_best_of(_wanted(task, right, words), ours, words, agree) for right, ours in rows]


def _best_of(right: list[list[str]], ours: str | None, words: Words, agree: Agreement) -> float:
    if ours is None:
        return 0.0
    given = words(ours)
    return max(agree(each, given) for each in right)


def _wanted(task: Task, answers: list[str], words: Words) -> list[list[str]]:
    """Right answers as words. Where questions may have none, one of no words is none."""
    right = [words(answer) for answer in answers]
    if task.unanswerable:
        return [each for each in right if each] or [[]]
    if not right:
        raise ValueError(
            f"a question of {task.name!r} has no right answer: leave it out, or mark the task "
            "`unanswerable`"
        )
    return right


def answer_f1(
    task: Task, gold: Sequence[list[str]], predicted: Sequence[str | None], language: str
) -> list[float]:
    """Overlap with the best of the right answers, in SQuAD's words."""
    return _best(task, gold, predicted, squad_words, True)


def exact_match(
    task: Task, gold: Sequence[list[str]], predicted: Sequence[str | None], language: str
) -> list[float]:
    """Whether an answer is one of the right ones, in SQuAD's words."""
    return _best(task, gold, predicted, squad_words, False)


def mlqa_f1(
    task: Task, gold: Sequence[list[str]], predicted: Sequence[str | None], language: str
) -> list[float]:
    """Overlap with the best of the right answers, in MLQA's words."""
    return _best(task, gold, predicted, partial(mlqa_words, language=language), True)


def mlqa_exact_match(
    task: Task, gold: Sequence[list[str]], predicted: Sequence[str | None], language: str
) -> list[float]:
    """Whether an answer is one of the right ones, in MLQA's words."""
    return _best(task, gold, predicted, partial(mlqa_words, language=language), False)
