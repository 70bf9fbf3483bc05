"""Words of the invented languages: which concept is spelled how, and what is shared with whom.

A concept is a number that means the same in every language; a word is a concept in a language.
Which words are shared is a property of the world: it follows from names alone (hashes, no random
generator), so no seed, process or library version can change it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, count
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spaces.keys import derived_seed
from spaces.languages import MICRO_LANGUAGES, MICRO_TWINS, Grammar, Language

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ints = npt.NDArray[np.int64]

KINDS: Mapping[str, tuple[str, ...]] = {
    "shape": (
        *("ball", "box", "cone", "ring", "star", "disk"),
        *("rod", "cup", "key", "bell", "drum", "boat"),
    ),
    "colour": ("red", "blue", "green", "yellow", "black", "white"),
    "size": ("small", "middling", "large"),
    # Two actions per effect, in the order of the effects: see ``Scenes.effect``.
    "action": ("push", "pull", "cut", "bite", "wash", "wipe", "heat", "burn"),
    "effect": ("moved", "broken", "clean", "hot"),
    "inverse": (
        *("pushed-by", "pulled-by", "cut-by", "bitten-by"),
        *("washed-by", "wiped-by", "heated-by", "burnt-by"),
    ),
    "company": ("company",),
    "name": tuple(f"name-{number}" for number in range(24)),
    "determiner": ("the",),
    "case": ("subject-marker", "object-marker"),
    "copula": ("is",),
    "adposition": ("in",),
    "question": ("who", "where", "which-colour", "which-size"),
    "punctuation": (".", "?"),
}
"""Kind of concept -> English glosses, for people. Order is the order of concept numbers."""

GLOSSES: tuple[str, ...] = tuple(gloss for glosses in KINDS.values() for gloss in glosses)
"""Gloss of each concept."""

CONCEPTS = len(GLOSSES)

_FIRST = dict(zip(KINDS, accumulate(map(len, KINDS.values()), initial=0), strict=False))

CONTENT_KINDS = ("shape", "colour", "size", "action", "effect", "inverse", "company")
"""Kinds whose words a language may share with the hub and with its relative."""

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Tokens without meaning, at the first ids of the vocabulary; punctuation follows them."""

LANGUAGE_CODES: tuple[str, ...] = tuple(row.code for row in MICRO_LANGUAGES)
"""Codes of the invented languages, hub first and without the twins."""

_ROWS = (*MICRO_LANGUAGES, *MICRO_TWINS)
"""Every invented language. A language's place here is its number in word ids, and words stand in
the vocabulary in this order: what comes later moves no id of what stood before."""

_NUMBERS = {row.code: number for number, row in enumerate(_ROWS)}

HUB = LANGUAGE_CODES[0]

_GRAMMARS = {row.code: row.grammar for row in _ROWS if row.grammar is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """How own words look: a row of syllables, each an onset, a vowel and a coda."""

    onsets: tuple[str, ...]
    vowels: tuple[str, ...]
    codas: tuple[str, ...]
    syllables: int

    def spell(self, number: int) -> str:
        """The word whose letters are the digits of a (large) number."""
        letters = []
        for choices in (self.onsets, self.vowels, self.codas) * self.syllables:
            number, digit = divmod(number, len(choices))
            letters.append(choices[digit])
        return "".join(letters)


SCRIPTS: Mapping[str, Script] = {
    "round": Script(
        onsets=tuple("bdlmnrv"), vowels=tuple("aeiou"), codas=("", "", "", "n"), syllables=2
    ),
    "square": Script(
        onsets=tuple("kptg"), vowels=tuple("ao"), codas=("k", "t", "p", "st"), syllables=2
    ),
    "sharp": Script(
        onsets=("ch", "f", "s", "ts", "z"),
        vowels=("i", "e", "y"),
        codas=("", "s", "x"),
        syllables=2,
    ),
    "long": Script(onsets=tuple("hjwy"), vowels=("aa", "ee", "oo", "uu"), codas=("",), syllables=3),
}
"""Script of a language's row -> look of its own words. Only people see it: a model sees ids."""


def concept_range(kind: str) -> range:
    """Concept numbers of a kind."""
    return range(_FIRST[kind], _FIRST[kind] + len(KINDS[kind]))


def concepts(kind: str, values: Ints) -> Ints:
    """Concept numbers of values within a kind, [n]; -1 (absent) stays -1."""
    return np.where(values < 0, -1, values + _FIRST[kind])


def concept(gloss: str) -> int:
    """Concept number of a gloss."""
    return GLOSSES.index(gloss)


def grammar_of(language: str) -> Grammar:
    """Grammar of an invented language.

    Raises:
        ValueError: no invented language has this code.
    """
    if language not in _GRAMMARS:
        raise ValueError(
            f"{language=} is not a language of the micro-world; known: {', '.join(_GRAMMARS)}"
        )
    return _GRAMMARS[language]


def language_number(language: str) -> int:
    """Number of a language in word ids; the hub's is 0.

    Raises:
        ValueError: no invented language has this code.
    """
    grammar_of(language)
    return _NUMBERS[language]


def words(language: str) -> list[str]:
    """Surface strings of a language, indexed by concept number.

    Raises:
        ValueError: no invented language has this code.
    """
    grammar_of(language)
    return list(_lexicons()[language])


@cache
def surfaces() -> npt.NDArray[np.object_]:
    """Surface strings by word id, [languages * CONCEPTS + 1].

    A word id is ``language number * CONCEPTS + concept``; the last entry is empty, so that the id
    -1 (absent) has a surface too.
    """
    spelled = [word for code in _NUMBERS for word in _lexicons()[code]]
    return np.array([*spelled, ""], dtype=object)


def vocabulary() -> dict[str, int]:
    """Token -> id over all languages: specials, punctuation, then each language's new words."""
    tokens = dict.fromkeys((*SPECIALS, *KINDS["punctuation"]))
    for code in _NUMBERS:
        tokens |= dict.fromkeys(_lexicons()[code])
    return {token: number for number, token in enumerate(tokens)}


def tokenizer() -> "Tokenizer":
    """A new word-level tokenizer: "[CLS] A [SEP]" or "[CLS] A [SEP] B [SEP]", all type ids 0."""
    # Imported here because the base install, which can list the world's rows, has no tokenizers.
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    ids = vocabulary()
    made = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:0 [SEP]:0",
        special_tokens=[(token, ids[token]) for token in ("[CLS]", "[SEP]")],
    )
    made.add_special_tokens(list(SPECIALS))
    return made


@cache
def _lexicons() -> dict[str, tuple[str, ...]]:
    """Surface strings of every language by concept; a relative stands before who copies it."""
    lexicons: dict[str, tuple[str, ...]] = {}
    taken = set(SPECIALS)
    for row in _ROWS:
        lexicons[row.code] = _lexicon(row, lexicons, taken)
    return lexicons


def _lexicon(
    row: Language, earlier: Mapping[str, Sequence[str]], taken: set[str]
) -> tuple[str, ...]:
    """Loans where there are any, else own words that no language uses yet; adds to ``taken``."""
    spelled = dict(zip(concept_range("punctuation"), KINDS["punctuation"], strict=True))
    # The first language is the hub itself, which borrows from nobody.
    spelled |= _loans(row, earlier) if earlier else {}
    for number, gloss in enumerate(GLOSSES):
        if number not in spelled:
            spelled[number] = _own_word(row, gloss, taken)
            taken.add(spelled[number])
    return tuple(spelled[number] for number in range(CONCEPTS))


def _own_word(row: Language, gloss: str, taken: set[str]) -> str:
    """A word in the language's script that nobody has: equal spellings mean a planned loan."""
    tries = (
        SCRIPTS[row.script].spell(derived_seed("micro", "spelling", row.code, gloss, attempt))
        for attempt in count()
    )
    return next(word for word in tries if word not in taken)


def _loans(row: Language, earlier: Mapping[str, Sequence[str]]) -> dict[int, str]:
    """Concept -> surface of what the language shares with the hub and with its relative."""
    grammar, hub = grammar_of(row.code), earlier[HUB]
    content = [number for kind in CONTENT_KINDS for number in concept_range(kind)]
    from_hub = _drawn(content, round(grammar.hub_overlap * len(content)), row.code, "content")
    names = concept_range("name")
    from_hub += _drawn(names, round(grammar.name_overlap * len(names)), row.code, "names")
    loans = {number: hub[number] for number in from_hub}
    if grammar.relative:
        relative = earlier[grammar.relative]
        left = [number for number in content if number not in loans]
        # What the relative itself has from the hub would raise the overlap with the hub.
        own = [number for number in left if relative[number] != hub[number]]
        copied = round(grammar.relative_overlap * len(left))
        loans |= {number: relative[number] for number in _drawn(own, copied, row.code, "relative")}
    return loans


def _drawn(candidates: Iterable[int], number: int, language: str, purpose: str) -> list[int]:
    """A fixed choice of ``number`` candidates: those with the smallest hashes of their names."""
    ranked = sorted(
        candidates, key=lambda item: derived_seed("micro", purpose, language, GLOSSES[item])
    )
    if len(ranked) < number:
        raise ValueError(
            f"{language} is to share {number} words ({purpose}), but only {len(ranked)} can be "
            f"shared; lower the overlap in its grammar"
        )
    return ranked[:number]
