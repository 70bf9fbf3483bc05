"""The micro-world: its words, its scenes and its sentences."""

from dataclasses import replace

import numpy as np
import pytest

from spaces.languages import MICRO_LANGUAGES
from trainables.micro import vocabulary, words
from trainables.micro.scenes import Scenes, Things, draw_scenes, draw_unlike
from trainables.micro.sentences import (
    ask_agent,
    ask_attribute,
    ask_place,
    attribute_statement,
    effect_clause,
    passive,
    restatement,
    statement,
    texts,
    word_ids,
)
from trainables.micro.vocabulary import (
    CONTENT_KINDS,
    GLOSSES,
    KINDS,
    LANGUAGE_CODES,
    SPECIALS,
    concept_range,
    grammar_of,
)

CONTENT = [number for kind in CONTENT_KINDS for number in concept_range(kind)]


def glossed(text: str, language: str) -> list[str]:
    """English glosses of a text's words."""
    gloss = dict(zip(words(language), GLOSSES, strict=True))
    return [gloss[word] for word in text.split()]


def said(clause: dict[str, np.ndarray], language: str) -> str:
    """Glosses of a clause about one scene."""
    return " ".join(glossed(texts(word_ids(clause))[0], language))


def one_scene(**changes: object) -> Scenes:
    """The large red ball pushes the small blue box in a place; fields replaced as asked."""

    def things(shape: str, colour: str, size: str) -> Things:
        return Things(
            shape=np.array([KINDS["shape"].index(shape)]),
            colour=np.array([KINDS["colour"].index(colour)]),
            size=np.array([KINDS["size"].index(size)]),
            says_colour=np.array([True]),
            says_size=np.array([True]),
            name=np.array([-1]),
            company=np.array([False]),
        )

    scene = Scenes(
        agent=things("ball", "red", "large"),
        patient=things("box", "blue", "small"),
        action=np.array([KINDS["action"].index("push")]),
        place=np.array([5]),
    )
    return replace(scene, **changes)


@pytest.mark.parametrize("language", LANGUAGE_CODES)
def test_shares_with_the_hub_follow_the_grammar(language: str) -> None:
    """Content words and names are spelled as in the hub to within half a word of the knobs."""
    own, hub, grammar = words(language), words("avel"), grammar_of(language)
    knobs = ((CONTENT, grammar.hub_overlap), (concept_range("name"), grammar.name_overlap))
    for numbers, overlap in knobs:
        shared = sum(own[number] == hub[number] for number in numbers)
        assert abs(shared - overlap * len(numbers)) <= 0.5


@pytest.mark.parametrize("row", [row for row in MICRO_LANGUAGES if row.grammar.relative])
def test_shares_with_the_relative_follow_the_grammar(row) -> None:
    """Of the words not shared with the hub, the planned part is the relative's own."""
    own, hub, relative = words(row.code), words("avel"), words(row.grammar.relative)
    left = [number for number in CONTENT if own[number] != hub[number]]
    copied = sum(own[number] == relative[number] for number in left)
    assert abs(copied - row.grammar.relative_overlap * len(left)) <= 0.5


def test_one_surface_form_means_one_concept() -> None:
    """No word has two meanings, within a language or across languages."""
    meanings: dict[str, set[int]] = {}
    for language in LANGUAGE_CODES:
        for number, word in enumerate(words(language)):
            meanings.setdefault(word, set()).add(number)
    assert all(len(numbers) == 1 for numbers in meanings.values())


def test_unrelated_languages_share_no_grammatical_words() -> None:
    """Determiners, markers, copulas, adpositions and question words are each language's own."""
    kinds = ("determiner", "case", "copula", "adposition", "question")
    grammatical = [number for kind in kinds for number in concept_range(kind)]
    spelled = [words(language)[number] for language in LANGUAGE_CODES for number in grammatical]
    assert len(set(spelled)) == len(spelled)


def test_vocabulary_puts_specials_and_punctuation_first() -> None:
    """The first ids are the special tokens and the two marks, and ids are without gaps."""
    ids = vocabulary()
    assert list(ids)[:7] == [*SPECIALS, ".", "?"]
    assert list(ids.values()) == list(range(len(ids)))
    assert all(word in ids for language in LANGUAGE_CODES for word in words(language))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("avel", "the large red ball push the small blue box in name-5"),
        ("corm", "the ball large red push the box small blue in name-5"),
        ("dask", "large red ball push small blue box object-marker in name-5"),
        ("esho", "push the ball large red the box small blue in name-5"),
        ("fanu", "large red ball name-5 in small blue box object-marker push"),
        ("gire", "ball large red push box small blue in name-5"),
        (
            "hatu",
            "large red ball subject-marker name-5 in small blue box object-marker push",
        ),
    ],
)
def test_word_order_follows_the_grammar(language: str, expected: str) -> None:
    """One scene, worded by hand in seven languages (brin's grammar is the hub's)."""
    assert said(statement(one_scene(), language), language) == expected


def test_other_clauses_word_by_word() -> None:
    """Every kind of clause about one scene, in a language with every marker and in the plainest."""
    scene, broken, nowhere = one_scene(), np.array([1]), np.array([-1])
    named = one_scene(agent=replace(scene.agent, name=np.array([3]), company=np.array([True])))
    assert said(effect_clause(scene, "hatu", broken, scene.place), "hatu") == (
        "box subject-marker name-5 in broken is"
    )
    assert said(effect_clause(scene, "esho", scene.effect, nowhere), "esho") == "the box moved"
    assert said(passive(named, "avel"), "avel") == (
        "the small blue box pushed-by name-3 company in name-5"
    )
    assert said(restatement(scene, "fanu"), "fanu") == "ball box object-marker push"
    assert said(attribute_statement(scene, "avel", "colour"), "avel") == "the box is blue"
    assert said(ask_agent(scene, "hatu"), "hatu") == ("who subject-marker box object-marker push ?")
    assert said(ask_place(scene, "avel"), "avel") == "the ball push the box where ?"
    assert said(ask_attribute(scene, "fanu", "size"), "fanu") == "box which-size is ?"


def test_scenes_keep_their_chances_and_exclusions() -> None:
    """Names, places and mentions come as often as designed, and participants differ in shape."""
    scenes = draw_scenes(20_000, np.random.default_rng(0))
    shares = {
        0.3: scenes.agent.name >= 0,
        0.3 * 0.35: scenes.agent.company,
        0.6: scenes.place >= 0,
        0.65: scenes.patient.says_colour,
        0.40: scenes.agent.says_size,
    }
    assert all(abs(rows.mean() - share) < 0.02 for share, rows in shares.items())
    assert (scenes.agent.shape != scenes.patient.shape).all()
    assert (scenes.patient.name == -1).all()
    assert ((scenes.place != scenes.agent.name) | (scenes.place == -1)).all()


def test_draw_unlike_is_uniform_over_what_is_left() -> None:
    """Taken values never come, an absent one takes nothing, and all others come alike often."""
    taken = np.repeat([2, -1], 8000)
    drawn = draw_unlike(np.random.default_rng(0), "effect", taken)
    first, second = (np.bincount(half, minlength=4) / 8000 for half in np.split(drawn, 2))
    assert np.allclose(first, [1 / 3, 1 / 3, 0, 1 / 3], atol=0.03)
    assert np.allclose(second, 0.25, atol=0.03)
