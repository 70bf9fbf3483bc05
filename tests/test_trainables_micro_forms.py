"""The micro-world: what the rows of each task other than NLI mean, read in glosses."""

from collections import Counter

import numpy as np
import pytest

from tests.micro_rows import ALL_CODES, CONTENT, GLOSS_OF, MICRO, glossed, table
from trainables.micro import words
from trainables.micro.tasks import SPLITS
from trainables.micro.vocabulary import KINDS

EFFECT_OF = {verb: KINDS["effect"][number // 2] for number, verb in enumerate(KINDS["action"])}
ACTION_OF = dict(zip(KINDS["inverse"], KINDS["action"], strict=True))
KIND_OF = {gloss: kind for kind, glosses in KINDS.items() for gloss in glosses}
ASKED = {"who": "who", "where": "where", "which-colour": "colour", "which-size": "size"}


def event(sentence: list[str], verbs: dict[str, str]) -> tuple[str, str, str]:
    """First participant, verb and second participant of a hub clause, without attributes."""
    (place,) = [number for number, gloss in enumerate(sentence) if gloss in verbs]
    heads = [g for g in sentence if KIND_OF[g] in ("shape", "name")]
    return heads[0], verbs[sentence[place]], heads[1]


@pytest.mark.parametrize("name", ["xcopa", "choice"])
def test_the_right_choice_is_what_the_action_does(name: str) -> None:
    """Who knows what each verb does is always right; both choices are about the patient."""
    rows = table(name, count=200)
    for text, choices, label in zip(rows["text"], rows["choices"], rows["label"], strict=True):
        premise = glossed(text)
        _, verb, patient = event(premise, {verb: verb for verb in EFFECT_OF})
        right, wrong = glossed(choices[label]), glossed(choices[1 - label])
        assert right == ["the", patient, "is", EFFECT_OF[verb]]
        assert wrong[:3] == right[:3]
        assert wrong[3] in KINDS["effect"]


TAGGED = {
    **{"ball": "NOUN", "red": "ADJ", "large": "ADJ", "push": "VERB", "pushed-by": "VERB"},
    **{"moved": "ADJ", "company": "NOUN", "name-3": "PROPN", "the": "DET", "is": "AUX"},
    **{"subject-marker": "PART", "object-marker": "PART", "in": "ADP", ".": "PUNCT"},
}
"""A word of every kind -> its tag."""


@pytest.mark.parametrize("name", ["udpos", "tagging"])
def test_parts_of_speech_by_hand(name: str) -> None:
    """All words of a kind have one tag, the right one, and all nine occur over the languages."""
    labels = MICRO[name].labels
    tags_of: dict[str, set[str]] = {}
    for language in ALL_CODES:
        rows = table(name, language, count=200)
        for said, tags in zip(rows["words"], rows["tags"], strict=True):
            for gloss, tag in zip(glossed(said), tags, strict=True):
                tags_of.setdefault(KIND_OF[gloss], set()).add(labels[tag])
    assert tags_of == {KIND_OF[gloss]: {tag} for gloss, tag in TAGGED.items()}
    assert set(TAGGED.values()) == set(labels)


def test_second_sentences_have_equal_shares() -> None:
    """Every table mixes all kinds of second sentences, drawn per row."""
    for split in SPLITS:
        rows = table("panx", split=split, count=500)
        second = [glossed(said[said.index(".") + 1 :]) for said in rows["words"]]
        kinds = Counter(
            next(KIND_OF[g] for g in sentence if KIND_OF[g] in ("inverse", "action", "copula"))
            for sentence in second
        )
        assert abs(kinds["inverse"] / 500 - 0.2) < 0.06
        assert abs(kinds["action"] / 500 - 0.2) < 0.06
        assert abs(kinds["copula"] / 500 - 0.6) < 0.08


def test_names_are_tagged_by_their_place_in_the_sentence() -> None:
    """In the hub: after the adposition a place, before the word for company an organisation."""
    rows, labels = table("panx", count=400), MICRO["panx"].labels
    for said, row in zip(rows["words"], rows["tags"], strict=True):
        glosses, tags = glossed(said), [labels[tag] for tag in row]
        for number, (gloss, tag) in enumerate(zip(glosses, tags, strict=True)):
            before, after = glosses[number - 1] if number else "", [*glosses, ""][number + 1]
            expected = "I-ORG" if gloss == "company" else "O"
            if KIND_OF[gloss] == "name":
                expected = "B-LOC" if before == "in" else "B-PER"
                expected = "B-ORG" if after == "company" else expected
            assert tag == expected


@pytest.mark.parametrize("language", ALL_CODES)
def test_the_same_names_are_persons_companies_and_places(language: str) -> None:
    """Each of the 24 names comes with every class, so no name tells its class."""
    rows, labels = table("panx", language, "test", 3000), MICRO["panx"].labels
    classes: dict[str, set[str]] = {}
    for said, row in zip(rows["words"], rows["tags"], strict=True):
        for word, tag in zip(said, row, strict=True):
            if labels[tag].startswith("B-"):
                classes.setdefault(GLOSS_OF[word], set()).add(labels[tag])
    assert set(classes) == set(KINDS["name"])
    assert all(found == {"B-PER", "B-ORG", "B-LOC"} for found in classes.values())


SPANS = [name for name, task in MICRO.items() if task.form == "span"]


def clauses_of(text: str) -> list[list[str]]:
    """Glosses of each statement of a context."""
    return [glossed(part) for part in text.split(" . ")]


@pytest.mark.parametrize("language", ALL_CODES)
@pytest.mark.parametrize("name", SPANS)
def test_exactly_one_statement_answers(name: str, language: str) -> None:
    """One statement holds all that the question says, and the answer, which is of its kind."""
    rows = table(name, language, count=150)
    for text, question, (answer,), (start,) in zip(
        rows["text"], rows["question"], rows["answers"], rows["starts"], strict=True
    ):
        asking, said = glossed(question), glossed(answer)
        about = CONTENT & set(asking)
        holding = [number for number, c in enumerate(clauses_of(text)) if about <= set(c)]
        assert holding == [text[:start].count(" . ")]
        kind = ASKED[next(gloss for gloss in asking if gloss in ASKED)]
        if kind in ("colour", "size"):
            assert [KIND_OF[gloss] for gloss in said] == [kind]
        elif kind == "where":
            assert [KIND_OF[gloss] for gloss in said] == ["name"]
        else:
            assert [KIND_OF[g] for g in said] in (["shape"], ["name"], ["name", "company"])
            assert not set(said) & about


def test_answers_in_the_hub_by_their_place() -> None:
    """Attributes stand before the patient's noun, agents before the verb, places after "in"."""
    for name in SPANS:
        rows = table(name, count=200)
        for text, question, (answer,), (start,) in zip(
            rows["text"], rows["question"], rows["answers"], rows["starts"], strict=True
        ):
            before = glossed(text[:start].rpartition(" . ")[2])
            after = glossed(text[start + len(answer) :].partition(" . ")[0])
            asking = glossed(question)
            if "who" in asking:
                assert asking[1] == after[0]
                assert before == [] or before[0] == "the"
            elif "where" in asking:
                assert (before[-1], after) == ("in", [])
            else:
                patient = asking[1]
                assert patient == next(g for g in after if KIND_OF[g] == "shape")
                assert any(gloss in EFFECT_OF for gloss in before)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", ["mlqa", "squad", "qa"])
def test_the_distractors_place_is_drawn_per_row(name: str, split: str) -> None:
    """In every split and seed the distractor stands first in half of the rows that have one.

    Drawn once per call, a training and a test table would differ in it.
    """
    for seed in range(3):
        rows = table(name, "fanu", split, 400, seed)
        pairs = zip(rows["text"], rows["starts"], strict=True)
        answered = [text[:start].count(" . ") for text, (start,) in pairs if " . " in text]
        share = 1.0 if name == "mlqa" else 0.5
        assert abs(len(answered) / 400 - share) <= (0 if name == "mlqa" else 0.1)
        # Four standard errors.
        assert abs(np.mean(answered) - 0.5) < 4 * (0.25 / len(answered)) ** 0.5


def test_contexts_differ_by_task() -> None:
    """XQuAD and TyDiQA have one statement, MLQA two; TyDiQA asks for colours and sizes alone."""
    statements = {
        name: {text.count(" . ") + 1 for text in table(name, count=200)["text"]} for name in SPANS
    }
    assert statements == {"xquad": {1}, "tydiqa": {1}, "mlqa": {2}, "squad": {1, 2}, "qa": {1, 2}}
    asked = {g for question in table("tydiqa")["question"] for g in glossed(question)} & set(ASKED)
    assert asked == {"which-colour", "which-size"}


def test_a_statement_may_mention_other_attributes() -> None:
    """The asked attribute is not the only one of its kind: looking for any colour is not enough."""
    rows = table("xquad", count=400)
    colours = [
        sum(KIND_OF[gloss] == "colour" for gloss in glossed(text))
        for text, question in zip(rows["text"], rows["question"], strict=True)
        if "which-colour" in glossed(question)
    ]
    assert len(colours) == 100
    assert min(colours) == 1
    assert np.mean([number == 2 for number in colours]) > 0.3


def test_translations_are_their_own_ids() -> None:
    """A query and its candidate say the same; hardly any two rows do, and those share an id."""
    for language in ALL_CODES:
        rows = table("tatoeba", language, "test", 400)
        pairs = zip(rows["text"], rows["target"], strict=True)
        assert all(
            sorted(CONTENT & {*glossed(text)}) == sorted(CONTENT & {*glossed(target)})
            for text, target in pairs
        )
        assert rows["target_id"] == rows["target"]
        assert len(set(rows["target_id"])) > 0.99 * 400


def test_answers_of_one_id_answer_the_same_question() -> None:
    """Equal ids have equal questions, and each candidate says who did it."""
    rows = table("lareqa", count=400)
    questions: dict[str, set[str]] = {}
    for text, target, target_id in zip(
        rows["text"], rows["target"], rows["target_id"], strict=True
    ):
        questions.setdefault(target_id, set()).add(text)
        asking = glossed(text)
        _, verb, patient = event(glossed(target), {verb: verb for verb in EFFECT_OF})
        assert asking == ["who", verb, "the", patient, "?"]
        assert target_id == f"{verb} {patient}"
    assert all(len(asked) == 1 for asked in questions.values())
    assert len(questions) > 80


def test_candidates_of_one_text_share_an_id() -> None:
    """No text is right under one id and wrong under another."""
    for name in ("tatoeba", "lareqa", "mewslix"):
        rows = table(name, "gire", "test", 400)
        ids: dict[str, set[str]] = {}
        for target, target_id in zip(rows["target"], rows["target_id"], strict=True):
            ids.setdefault(target, set()).add(target_id)
        assert all(len(found) == 1 for found in ids.values())


def test_entities_are_the_24_places() -> None:
    """Every row mentions its place, under its id; persons have such names too."""
    rows = table("mewslix", count=400)
    counts = Counter(rows["target_id"])
    assert set(counts) == set(KINDS["name"])
    assert max(counts.values()) < 3 * 400 / 24
    others = 0
    for text, target, target_id in zip(
        rows["text"], rows["target"], rows["target_id"], strict=True
    ):
        said = glossed(text)
        assert glossed(target) == ["in", target_id] == said[-2:]
        others += any(KIND_OF[gloss] == "name" for gloss in said[:-2])
    assert abs(others / 400 - 0.3) < 0.08


def test_a_paraphrase_is_the_same_event() -> None:
    """Same is the same event from the other side; different differs in one of three ways."""
    rows, labels = table("paraphrase", count=600), MICRO["paraphrase"].labels
    ways: Counter[str] = Counter()
    for text, pair, label in zip(rows["text"], rows["text_pair"], rows["label"], strict=True):
        agent, verb, patient = event(glossed(text), {verb: verb for verb in EFFECT_OF})
        undergoing, other_verb, doing = event(glossed(pair), ACTION_OF)
        same = (agent, verb, patient) == (doing, other_verb, undergoing)
        assert labels[label] == ("same" if same else "different")
        if not same:
            changes = (
                (agent, verb) == (doing, other_verb),
                (agent, patient) == (doing, undergoing),
                (agent, verb, patient) == (undergoing, other_verb, doing),
            )
            assert sum(changes) == 1
            ways[("object", "verb", "roles")[changes.index(True)]] += 1
    assert set(ways) == {"object", "verb", "roles"}
    assert min(ways.values()) > 70


def test_the_control_has_the_rows_of_nli_and_labels_without_meaning() -> None:
    """Texts are those of ``nli``, labels as many of each, and they agree as often as by chance."""
    for language, split in (("esho", "train"), ("avel", "dev"), ("avel", "test")):
        control, real = (table(name, language, split, 1500) for name in ("permuted", "nli"))
        assert all(control[column] == real[column] for column in ("item", "text", "text_pair"))
        assert Counter(control["label"]) == Counter(real["label"])
        agreed = np.equal(control["label"], real["label"]).mean()
        assert abs(agreed - 1 / 3) < 0.05


@pytest.mark.parametrize("language", ALL_CODES)
def test_a_fake_sentence_is_a_real_one_in_disorder(language: str) -> None:
    """Real ones have one full stop inside and start as sentences do; fake ones hardly ever."""
    rows, labels = table("real_or_fake", language, count=400), MICRO["real_or_fake"].labels
    starts: dict[str, Counter[str]] = {"real": Counter(), "fake": Counter()}
    for text, label in zip(rows["text"], rows["label"], strict=True):
        said = glossed(text)
        assert said.count(".") == 1
        starts[labels[label]][KIND_OF[said[0]]] += 1
        if labels[label] == "real":
            assert "." not in (said[0], said[-1]) and "?" not in said[:-1]
    assert len(starts["fake"]) > len(starts["real"])
    masked = table("masked", language, count=400)["text"]
    assert {KIND_OF[glossed(text)[0]] for text in masked} == set(starts["real"])


def test_words_of_a_row_are_of_its_language() -> None:
    """Only retrieval candidates are said in the hub language."""
    for name in MICRO:
        rows = table(name, "dask")
        texts = [
            *rows.get("text", []),
            *rows.get("question", []),
            *filter(None, rows.get("text_pair", [])),
        ]
        said = {word for text in texts for word in text.split()}
        said |= {word for row in rows.get("words", []) for word in row}
        assert said <= set(words("dask"))
