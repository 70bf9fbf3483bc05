"""Metrics on cases small enough to count by hand, and against slow counting."""

from collections import Counter
from dataclasses import replace
from itertools import groupby
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.metrics import METRICS, ROW_METRICS, score, standard_error
from spaces.metrics.answers import mlqa_words, squad_words
from spaces.metrics.tagging import chunks
from spaces.tasks import Task

NER = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
UPOS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN"),
    *("PUNCT", "SCONJ", "SYM", "VERB", "X", "_"),
)
TAGGED = Task(name="panx", form="tagging", skill="ner", labels=NER, metric="entity_f1")
PARTS = replace(TAGGED, name="udpos", labels=UPOS, metric="tag_f1")
QUESTIONS = Task(name="xquad", form="span", skill="qa", metric="answer_f1")
RANKED = Task(name="lareqa", form="retrieval", skill="answer_retrieval", metric="map_at_20")


def tags(text: str, labels: tuple[str, ...] = NER) -> list[int]:
    """Label numbers of names."""
    return [labels.index(name) for name in text.split()]


def by(task: Task, metric: str, gold: Any, predicted: Any, language: str = "en") -> float:
    """A score by some metric."""
    return score(replace(task, metric=metric), gold, predicted, language)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("O B-PER I-PER O", {("PER", 1, 2)}),
        ("B-PER B-PER", {("PER", 0, 0), ("PER", 1, 1)}),
        ("I-PER I-PER", {("PER", 0, 1)}),  # an I that continues nothing starts an entity
        ("O I-PER", {("PER", 1, 1)}),
        ("B-PER I-LOC", {("PER", 0, 0), ("LOC", 1, 1)}),
        ("B-ORG I-ORG", {("ORG", 0, 1)}),
        ("O O", set()),
        ("", set()),
        ("B-PER E-PER I-PER", {("PER", 0, 1), ("PER", 2, 2)}),  # E ends what it stands in
        ("S-PER S-PER", {("PER", 0, 0), ("PER", 1, 1)}),
    ],
)
def test_entities(names: str, expected: set[Any]) -> None:
    """IOB2 as CoNLL's script and seqeval read it, and its further prefixes."""
    assert chunks(names.split()) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("DET NOUN NOUN VERB", {("DET", 0, 0), ("NOUN", 1, 2), ("VERB", 3, 3)}),
        ("SYM SYM SCONJ", {("SYM", 0, 0), ("SYM", 1, 1), ("SCONJ", 2, 2)}),
        ("INTJ INTJ SYM INTJ", {("INTJ", 0, 1), ("SYM", 2, 2), ("INTJ", 3, 3)}),
        ("X X", {("X", 0, 1)}),
        ("_ X", {("_", 0, 0), ("X", 1, 1)}),
        ("", set()),
    ],
)
def test_runs_of_tags(names: str, expected: set[Any]) -> None:
    """Neighbours of one tag are one run, except tags in S, which seqeval takes for singles."""
    assert chunks(names.split()) == expected


def plain_runs(names: list[str]) -> set[Any]:
    """Runs of parts of speech, by grouping."""
    found, place = set(), 0
    for name, group in groupby(names):
        length = len(list(group))
        cuts = [1] * length if name[0] == "S" else [length]
        for size in cuts:
            found.add((name, place, place + size - 1))
            place += size
    return found


def plain_entities(names: list[str]) -> set[Any]:
    """Entities of IOB2, each followed from its first word to its last."""
    found = set()
    for first, name in enumerate(names):
        before = names[first - 1] if first else "O"
        if name == "O" or (name[0] == "I" and before[1:] == name[1:]):
            continue
        last = first
        while last + 1 < len(names) and names[last + 1] == "I" + name[1:]:
            last += 1
        found.add((name[2:], first, last))
    return found


def plain_shares(gold: list[set[Any]], predicted: list[set[Any]]) -> tuple[float, float, float]:
    """Precision, recall and F1 in points, each by its definition."""
    right = sum(len(a & b) for a, b in zip(gold, predicted, strict=True))
    found, wanted = sum(map(len, predicted)), sum(map(len, gold))
    precision, recall = right / found if found else 0, right / wanted if wanted else 0
    total = precision + recall
    return 100 * precision, 100 * recall, 200 * precision * recall / total if total else 0


@st.composite
def two_taggings(draw: Any, labels: tuple[str, ...]) -> tuple[list[list[int]], list[list[int]]]:
    """Right and predicted tags of some sentences, alike enough to agree now and then."""
    sizes = draw(st.lists(st.integers(0, 8), min_size=1, max_size=5))
    one = st.integers(0, len(labels) - 1)
    gold = [draw(st.lists(one, min_size=n, max_size=n)) for n in sizes]
    return gold, [[draw(st.sampled_from([tag, tag, draw(one)])) for tag in row] for row in gold]


@pytest.mark.parametrize(
    ("task", "name", "plain"),
    [(PARTS, "tag", plain_runs), (TAGGED, "entity", plain_entities)],
    ids=["tags", "entities"],
)
@given(data=st.data())
def test_shares_of_chunks(data: Any, task: Task, name: str, plain: Any) -> None:
    """F1, precision and recall equal those of slow counting, on any tags."""
    gold, predicted = data.draw(two_taggings(task.labels))
    named = [
        [plain([task.labels[tag] for tag in row]) for row in column] for column in (gold, predicted)
    ]
    ours = [by(task, f"{name}_{share}", gold, predicted) for share in ("precision", "recall", "f1")]
    assert ours == pytest.approx(plain_shares(*named), abs=1e-9)


def test_entity_f1_counts_over_all_rows() -> None:
    """Two of three found entities are right, of four that are there: F1 = 2 * 2 / (3 + 4)."""
    gold = [tags("B-PER O B-LOC"), tags("B-ORG I-ORG B-LOC")]
    predicted = [tags("B-PER O O"), tags("B-ORG O B-LOC")]
    assert score(TAGGED, gold, predicted, "en") == pytest.approx(100 * 4 / 7)
    assert by(TAGGED, "entity_precision", gold, predicted) == pytest.approx(100 * 2 / 3)
    assert by(TAGGED, "entity_recall", gold, predicted) == 50.0
    nothing = [tags("O O")]
    for metric in ("entity_f1", "entity_precision", "entity_recall"):
        assert by(TAGGED, metric, nothing, nothing) == 0.0


def test_every_word_needs_a_tag() -> None:
    """A sentence with fewer tags than words is refused, by its place."""
    with pytest.raises(ValueError, match=r"sentence 1 .* 1 predicted tags for 2 words"):
        score(TAGGED, [[0], [0, 1]], [[0], [0]], "en")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The  Big, (Red) ball!", "big red ball"),
        ("a the an", ""),
        ("U.S. $5.00", "us 500"),
        ("¿Qué?", "¿qué"),  # only ASCII's marks are taken away
        ("กรุงเทพ มหานคร", "กรุงเทพ มหานคร"),
        ("北京,大学", "北京大学"),  # no spaces, so one word
        ("كتاب، قلم", "كتاب، قلم"),  # the Arabic comma stays
        ("anthem of a theatre", "anthem of theatre"),
    ],
)
def test_words_of_squad(answer: str, expected: str) -> None:
    """SQuAD's normalisation, in any script."""
    assert " ".join(squad_words(answer)) == expected


@pytest.mark.parametrize(
    ("language", "answer", "expected"),
    [
        ("en", "The “Big” ball…", "big ball"),  # Unicode's punctuation goes too
        ("de", "Das Haus des Hundes", "haus hundes"),
        ("es", "¿Los perros?", "perros"),
        ("vi", "Những ngôi nhà", "ngôi nhà"),
        ("hi", "घर, बड़ा।", "घर बड़ा"),
        ("zh", "北京 2008年、OK", "北 京 2008 年 ok"),  # characters apart, Latin words whole
        ("ar", "الكتاب، كبير؟", "كتاب كبير"),
        ("ar", "والكتاب", "و كتاب"),  # the two letters go wherever they stand
        ("en", "das $5", "das 5"),
        ("zh", "the 书", "the 书"),
    ],
)
def test_words_of_mlqa(language: str, answer: str, expected: str) -> None:
    """MLQA's normalisation in each of its languages, quirks and all."""
    assert " ".join(mlqa_words(answer, language)) == expected


@pytest.mark.parametrize("language", ["", "ro", "th"])
def test_mlqa_scores_its_own_languages_alone(language: str) -> None:
    """A language without rules is named, whatever the prediction."""
    for predicted in ("x", None):
        with pytest.raises(ValueError, match=rf"language '{language}'.*ar, de, en, es, hi, vi, zh"):
            by(QUESTIONS, "mlqa_mean", [["x"]], [predicted], language)


def test_the_best_of_several_answers_counts() -> None:
    """F1 and exact match each take the answer that suits them best."""
    assert score(QUESTIONS, [["the red ball", "box"]], ["red Ball."], "en") == 100.0
    assert score(QUESTIONS, [["red ball"]], ["ball"], "en") == pytest.approx(100 * 2 / 3)
    assert by(QUESTIONS, "exact_match", [["red ball"], ["x"]], ["ball", "X"]) == 50.0
    repeated = score(QUESTIONS, [["tora tora tora"]], ["tora tora"], "en")
    assert repeated == pytest.approx(100 * 4 / 5)  # two in common, of two and of three


def test_an_answer_of_articles_matches_but_overlaps_nothing() -> None:
    """Both are empty then: SQuAD 1.1 and MLQA give exact match 1 and F1 0."""
    for prefix in ("", "mlqa_"):
        f1 = "mlqa_f1" if prefix else "answer_f1"
        assert by(QUESTIONS, f"{prefix}exact_match", [["The"]], [""]) == 100.0
        assert by(QUESTIONS, f1, [["The"]], ["an"]) == 0.0
    assert by(QUESTIONS, "answer_mean", [["The"]], [""]) == 50.0


def test_an_unanswered_question_scores_nothing() -> None:
    """None is no answer, also where an empty one would match; an empty one overlaps nothing."""
    assert by(QUESTIONS, "exact_match", [["The"], ["x"]], [None, "x"]) == 50.0
    assert by(QUESTIONS, "answer_mean", [["x"]], [None]) == 0.0
    assert by(QUESTIONS, "answer_mean", [["x"]], [""]) == 0.0
    assert by(QUESTIONS, "mlqa_mean", [["书"]], [None], "zh") == 0.0


def test_questions_that_may_have_no_answer() -> None:
    """SQuAD 2.0's rule where the task says so, and a refusal where it does not."""
    knowing = replace(QUESTIONS, unanswerable=True)
    assert score(knowing, [[]], [""], "en") == score(knowing, [[]], ["the"], "en") == 100.0
    assert score(knowing, [[]], ["x"], "en") == 0.0
    assert score(knowing, [["the", "ball"]], [""], "en") == 0.0  # an answer of articles is none
    assert score(knowing, [["ball"]], [None], "en") == 0.0
    with pytest.raises(ValueError, match="a question of 'xquad' has no right answer"):
        score(QUESTIONS, [[]], [""], "en")


def test_a_question_task_scores_f1_and_exact_match_alike() -> None:
    """The benchmark's score is the mean of both; MLQA's by its own words."""
    gold, predicted = [["red ball"], ["box"]], ["ball", "box"]
    assert by(QUESTIONS, "answer_mean", gold, predicted) == pytest.approx((500 / 6 + 50) / 2)
    # Two of three characters are right: F1 = 2 * 2 / (3 + 2); as one word nothing is.
    assert by(QUESTIONS, "mlqa_f1", [["北京市"]], ["北京"], "zh") == pytest.approx(80)
    assert by(QUESTIONS, "mlqa_mean", [["北京市"]], ["北京"], "zh") == pytest.approx(40)
    assert by(QUESTIONS, "answer_f1", [["北京市"]], ["北京"], "zh") == 0.0


WORDS = st.lists(st.sampled_from(["red", "ball", "box", "the", "กข", "."]), max_size=5)


@given(right=WORDS, ours=WORDS)
def test_overlap_is_that_of_bags(right: list[str], ours: list[str]) -> None:
    """F1 by precision and recall of words that are crossed off one by one."""
    true, guessed = ([w for w in words if w not in ("the", ".")] for words in (right, ours))
    left, common = list(true), 0
    for word in guessed:
        if word in left:
            left.remove(word)
            common += 1
    expected = 0.0
    if common:
        precision, recall = common / len(guessed), common / len(true)
        expected = 200 * precision * recall / (precision + recall)
    assert score(QUESTIONS, [[" ".join(right)]], [" ".join(ours)], "en") == pytest.approx(expected)


def test_average_precision() -> None:
    """Hits at ranks 1 and 3 of two right ones: (1/1 + 2/3) / 2; no hit is 0; one gold is MRR."""
    assert score(RANKED, [["a", "a"]], [["a", "b", "a"]], "en") == pytest.approx(
        100 * (1 + 2 / 3) / 2
    )
    assert score(RANKED, [["a"]], [["b", "c"]], "en") == 0.0
    assert score(RANKED, [["a"]], [["b", "a"]], "en") == 50.0
    assert score(RANKED, [["a"], ["a"]], [[], ["a"]], "en") == 50.0  # nothing ranked is nothing
    many = [f"{n}" for n in range(40)]
    assert score(RANKED, [["39"]], [many], "en") == 0.0  # beyond the twentieth
    assert score(RANKED, [many], [many], "en") == 100.0  # 40 right ones, of which 20 can be shown
    assert score(RANKED, [many[:11]], [many], "en") == pytest.approx(100)
    # A candidate that is named again is no second hit, and never lifts a score above 100.
    assert score(RANKED, [["a"]], [["a", "a"]], "en") == 100.0
    assert score(RANKED, [["a", "b"]], [["a", "a", "b"]], "en") == pytest.approx(
        100 * (1 + 2 / 3) / 2
    )
    with pytest.raises(ValueError, match="no right candidate"):
        score(RANKED, [[]], [["a"]], "en")


@given(
    right=st.sets(st.integers(0, 40), min_size=1, max_size=30),
    ranked=st.permutations(range(30)),
)
def test_average_precision_by_its_definition(right: set[int], ranked: list[int]) -> None:
    """Mean over right candidates of the precision at their rank; at most 20 can be found."""
    precisions = [
        len(right & set(ranked[: rank + 1])) / (rank + 1)
        for rank in range(20)
        if ranked[rank] in right
    ]
    expected = 100 * sum(precisions) / min(20, len(right))
    names = [[f"c{number}" for number in numbers] for numbers in (sorted(right), ranked)]
    assert score(RANKED, [names[0]], [names[1]], "en") == pytest.approx(expected)


def test_nearest_candidates_and_labels() -> None:
    """One hit of three; a query that nothing was ranked for is none. Labels may be any values."""
    task = replace(RANKED, metric="accuracy_at_1")
    gold, ranked = [["4"], ["5"], ["6"]], [["4", "5"], ["4", "5"], []]
    assert score(task, gold, ranked, "en") == pytest.approx(100 / 3)
    assert by(task, "accuracy", [0, 1, 1, 2], [0, 1, 0, 2]) == 75.0
    assert by(task, "accuracy", ["a", "b"], ["a", "a"]) == 50.0
    assert by(task, "accuracy", [1, 1], ["1", 1]) == 50.0  # a text is not a number


def test_pairs_that_were_mined() -> None:
    """Three pairs found, four wanted, two of them right; rows without any count for the other."""
    task = replace(RANKED, metric="bitext_f1")
    gold, predicted = [["a"], ["b"], ["c", "d"], []], [["a"], [], ["d", "d"], ["e"]]
    assert score(task, gold, predicted, "de") == pytest.approx(100 * 4 / 7)
    assert by(task, "bitext_precision", gold, predicted) == pytest.approx(100 * 2 / 3)
    assert by(task, "bitext_recall", gold, predicted) == 50.0
    assert score(task, [["a"]], [[]], "de") == 0.0


def test_standard_errors() -> None:
    """Of three rows right out of four: s.d. 0.5, over the root of 4; of F1 over a part, none."""
    task = replace(RANKED, metric="accuracy")
    assert standard_error(task, [1, 1, 1, 1], [1, 1, 1, 0], "en") == pytest.approx(25)
    assert standard_error(task, [1, 1], [1, 1], "en") == 0.0
    assert standard_error(task, [1], [1], "en") is None
    assert standard_error(TAGGED, [[1], [1]], [[1], [0]], "en") is None
    # A match; no answer; three of five words, of three that were wanted: F1 = 2 * 3 / (5 + 3).
    rows = [100, 0, (75 + 0) / 2]
    gold, predicted = [["x"], ["y"], ["x y z"]], ["x", None, "x y z w v"]
    mean = replace(QUESTIONS, metric="answer_mean")
    assert score(mean, gold, predicted, "en") == pytest.approx(np.mean(rows))
    assert standard_error(mean, gold, predicted, "en") == pytest.approx(
        np.std(rows, ddof=1) / sqrt(3)
    )


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_no_rows_have_no_score(metric: str) -> None:
    """An average over nothing is refused, as are lists of unlike lengths."""
    task = replace(TAGGED, metric=metric)
    for measure in (score, standard_error):
        with pytest.raises(ValueError, match="0 predictions"):
            measure(task, [], [], "en")
        with pytest.raises(ValueError, match="1 predictions for 2"):
            measure(task, [[0], [0]], [[0]], "en")


def test_names_of_metrics_are_unique() -> None:
    """Each name has one meaning; only means over rows have a standard error."""
    assert max(Counter(METRICS).values()) == 1
    assert set(METRICS) - set(ROW_METRICS) == {
        f"{counted}_{share}"
        for counted in ("tag", "entity", "bitext")
        for share in ("f1", "precision", "recall")
    }
