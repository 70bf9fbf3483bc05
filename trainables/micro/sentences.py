"""Clauses: scenes as words of a language, in the order its grammar asks for.

A clause is an ordered mapping of [n]-columns of word ids, -1 where a row lacks the word. Columns
are named "slot.part" ("subject.colour", "place.name"), so a task that tags or points at words finds
them by name. Question words stay where the answer would stand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Literal

import numpy as np

from spaces.languages import Grammar
from trainables.micro.scenes import Flags, Scenes, Things
from trainables.micro.vocabulary import (
    CONCEPTS,
    Ints,
    concept,
    concepts,
    grammar_of,
    language_number,
    surfaces,
)

Columns = dict[str, Ints]
"""Concept numbers of a phrase by part."""

Clause = dict[str, Ints]
"""Word ids of a clause by slot and part."""

Attribute = Literal["colour", "size"]

_SLOTS: Mapping[str, tuple[str, ...]] = {
    "SVO": ("subject", "verb", "object", "place"),
    "VSO": ("verb", "subject", "object", "place"),
    "SOV": ("subject", "place", "object", "verb"),
}
"""Word order of a grammar -> order of a clause's slots."""


def statement(scenes: Scenes, language: str) -> Clause:
    """The agent does the action to the patient (in the place)."""
    return _event(scenes, language, "action")


def passive(scenes: Scenes, language: str) -> Clause:
    """The same event told from the patient's side, with the inverse verb."""
    return _event(replace(scenes, agent=scenes.patient, patient=scenes.agent), language, "inverse")


def restatement(scenes: Scenes, language: str) -> Clause:
    """The statement without attributes and place."""
    return statement(scenes.bare(), language)


def attribute_statement(scenes: Scenes, language: str, attribute: Attribute) -> Clause:
    """The patient is of its colour or size."""
    value = getattr(scenes.patient, attribute)
    return _copular(scenes.bare(), language, concepts(attribute, value))


def effect_clause(scenes: Scenes, language: str, effect: Ints, place: Ints) -> Clause:
    """The patient is moved, broken, ... in a place.

    Args:
        scenes: Scenes, n of them.
        language: Code of an invented language.
        effect: Effects to state, true or not, [n].
        place: Names of places to state, -1 for none, [n].
    """
    said = replace(scenes.bare(), place=place)
    return _copular(said, language, concepts("effect", effect))


def outcome(scenes: Scenes, language: str) -> Clause:
    """The patient is what the action makes of it."""
    return effect_clause(scenes, language, scenes.effect, np.full_like(scenes.place, -1))


def ask_agent(scenes: Scenes, language: str) -> Clause:
    """Who does the action to the patient?"""
    who = _marked({"word": _always(scenes, "who")}, grammar_of(language), "subject")
    return _event(scenes.bare(), language, "action", subject=who) | _mark(scenes, "?")


def ask_place(scenes: Scenes, language: str) -> Clause:
    """Where does the agent do the action to the patient?"""
    where = {"word": _always(scenes, "where")}
    return _event(scenes.bare(), language, "action", place=where) | _mark(scenes, "?")


def ask_attribute(scenes: Scenes, language: str, attribute: Attribute) -> Clause:
    """Which colour or size is the patient?"""
    which = _always(scenes, f"which-{attribute}")
    return _copular(scenes.bare(), language, which) | _mark(scenes, "?")


def place_phrase(place: Ints, language: str) -> Clause:
    """In a place.

    Args:
        place: Names of places, -1 for none, [n].
        language: Code of an invented language.
    """
    return _worded({"place": _place_phrase(place, grammar_of(language))}, ("place",), language)


def full_stop(scenes: Scenes) -> Clause:
    """The mark between two sentences, as a clause; the same in every language."""
    return _mark(scenes, ".")


def only_in(rows: Flags, clause: Clause) -> Clause:
    """The clause in some rows, [n] flags, and silence in the others.

    Alternatives that stand one after another, each in rows of its own, are a mixture of clauses.
    """
    return {name: np.where(rows, column, -1) for name, column in clause.items()}


def word_ids(*clauses: Clause) -> Ints:
    """Words of clauses that follow one another, [n, T] ids, -1 only at the end of a row."""
    return of_words(clauses, clauses)


def of_words(clauses: Sequence[Clause], values: Sequence[Clause]) -> Ints:
    """What is known of each word of some clauses: a tag, a mark.

    Args:
        clauses: Clauses that follow one another.
        values: Columns of the same names, in the same order.

    Returns:
        Values in the order of ``word_ids``, [n, T], -1 only at the end of a row.
    """
    words = _stacked(clauses)
    order = np.argsort(words < 0, axis=1, kind="stable")
    return np.take_along_axis(np.where(words < 0, -1, _stacked(values)), order, axis=1)


def word_lists(words: Ints) -> list[list[str]]:
    """Surface strings of word ids [n, T], -1 only at the end of a row, as lists of words."""
    lengths = (words >= 0).sum(axis=1).tolist()
    rows = surfaces()[words].tolist()
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]


def texts(words: Ints) -> list[str]:
    """Surface strings of word ids [n, T], -1 only at the end of a row."""
    return [" ".join(row) for row in word_lists(words)]


def _stacked(clauses: Sequence[Clause]) -> Ints:
    """Columns of clauses side by side, [n, columns]."""
    return np.stack(list(chain.from_iterable(clause.values() for clause in clauses)), axis=1)


def _event(scenes: Scenes, language: str, verb: str, **asked: Columns) -> Clause:
    """A clause with a verb of the given kind; ``asked`` slots hold a question word instead."""
    grammar = grammar_of(language)
    slots = {
        "subject": _noun_phrase(scenes.agent, grammar, "subject"),
        "verb": {"word": concepts(verb, scenes.action)},
        "object": _noun_phrase(scenes.patient, grammar, "object"),
        "place": _place_phrase(scenes.place, grammar),
    }
    return _worded(slots | asked, _SLOTS[grammar.word_order], language)


def _copular(scenes: Scenes, language: str, predicate: Ints) -> Clause:
    """A clause that the patient is something: the copula is its verb."""
    grammar = grammar_of(language)
    slots = {
        "subject": _noun_phrase(scenes.patient, grammar, "subject"),
        "verb": {"word": _always(scenes, "is", grammar.copula)},
        "object": {"word": predicate},
        "place": _place_phrase(scenes.place, grammar),
    }
    return _worded(slots, _SLOTS[grammar.word_order], language)


def _worded(slots: Mapping[str, Columns], order: Sequence[str], language: str) -> Clause:
    """Concepts by slot -> word ids of the language, in an order of slots."""
    first = language_number(language) * CONCEPTS
    return {
        f"{slot}.{part}": np.where(column < 0, -1, column + first)
        for slot in order
        for part, column in slots[slot].items()
    }


def _noun_phrase(things: Things, grammar: Grammar, slot: str) -> Columns:
    """A description, or the proper name where there is one."""
    plain = things.name < 0
    determiner = {"determiner": np.where(plain & grammar.determiner, concept("the"), -1)}
    attributes = {
        "size": np.where(plain & things.says_size, concepts("size", things.size), -1),
        "colour": np.where(plain & things.says_colour, concepts("colour", things.colour), -1),
    }
    noun = {
        "noun": np.where(plain, concepts("shape", things.shape), concepts("name", things.name)),
        "company": np.where(things.company, concept("company"), -1),
    }
    phrase = attributes | noun if grammar.adjective == "before" else noun | attributes
    return _marked(determiner | phrase, grammar, slot)


def _marked(phrase: Columns, grammar: Grammar, slot: str) -> Columns:
    """The phrase with its case marker last, where the grammar has one for the slot."""
    if slot not in grammar.case:
        return phrase
    rows = len(next(iter(phrase.values())))
    return phrase | {"case": np.full(rows, concept(f"{slot}-marker"))}


def _place_phrase(place: Ints, grammar: Grammar) -> Columns:
    name = {"name": concepts("name", place)}
    adposition = {"adposition": np.where(place < 0, -1, concept("in"))}
    return adposition | name if grammar.adposition == "before" else name | adposition


def _mark(scenes: Scenes, gloss: str) -> Clause:
    # Punctuation is spelled alike everywhere, so the hub's word ids do for all languages.
    return {"mark": _always(scenes, gloss)}


def _always(scenes: Scenes, gloss: str, present: bool = True) -> Ints:
    """A column with one concept in every row, or absent from every row."""
    return np.full(len(scenes), concept(gloss) if present else -1)
