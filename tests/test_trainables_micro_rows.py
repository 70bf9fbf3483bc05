"""The micro-world: its rows, its documents and its name."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import trainables.micro
from spaces.languages import MICRO_LANGUAGES
from spaces.tasks import TASKS
from trainables.micro import documents, task_rows, tokenizer, vocabulary, words, world_revision
from trainables.micro.documents import code_switched
from trainables.micro.inference import RESTATED
from trainables.micro.scenes import draw_scenes
from trainables.micro.sentences import ask_agent, word_ids
from trainables.micro.vocabulary import (
    CONCEPTS,
    CONTENT_KINDS,
    GLOSSES,
    KINDS,
    LANGUAGE_CODES,
    concept_range,
)

ROOT = Path(__file__).parent.parent
XNLI, NLI = (
    next(task for task in TASKS if task.world == "micro" and task.name == name)
    for name in ("xnli", "nli")
)
EFFECT_OF = {verb: KINDS["effect"][number // 2] for number, verb in enumerate(KINDS["action"])}


def glossed(text: str, language: str) -> list[str]:
    """English glosses of a text's words."""
    gloss = dict(zip(words(language), GLOSSES, strict=True))
    return [gloss[word] for word in text.split()]


def glossed_rows(language: str, split: str, count: int, task=XNLI) -> list[tuple[list[str], ...]]:
    """Rows as (premise, hypothesis, [label]) in glosses."""
    rows = task_rows(task, language, split, count, seed=0)
    return [
        (glossed(text, language), glossed(pair, language), [task.labels[label]])
        for text, pair, label in zip(rows["text"], rows["text_pair"], rows["label"], strict=True)
    ]


def place_of(sentence: list[str]) -> str | None:
    """Name beside the adposition of a hub sentence."""
    return sentence[sentence.index("in") + 1] if "in" in sentence else None


FINGERPRINT = """
import hashlib
from spaces.tasks import TASKS
from trainables.micro import documents, task_rows, vocabulary, world_revision
task = next(task for task in TASKS if task.world == "micro")
rows = task_rows(task, "hatu", "dev", 20, 1)
made = (vocabulary(), documents(50, 1).texts, rows, world_revision())
print(hashlib.sha256(repr(made).encode()).hexdigest())
"""


def test_same_world_in_every_process() -> None:
    """Words, documents and rows do not depend on the process or its hash seed."""
    prints = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(prints) == 1


@pytest.mark.parametrize("split", ["dev", "test"])
def test_scored_items_are_translations_of_one_another(split: str) -> None:
    """Row i has the same id, label and content in every language."""

    def content(language: str) -> list[tuple[list[str], list[str], list[str]]]:
        kept = {gloss for kind in (*CONTENT_KINDS, "name") for gloss in KINDS[kind]}
        return [
            tuple(sorted(kept & {*part} or part) for part in row)
            for row in glossed_rows(language, split, 60)
        ]

    items = [task_rows(XNLI, language, split, 60, 0)["item"] for language in LANGUAGE_CODES]
    assert all(ids == items[0] for ids in items)
    assert items[0][17] == f"{split}-17"
    assert all(content(language) == content("avel") for language in LANGUAGE_CODES)


def test_streams_are_apart() -> None:
    """Splits, tasks, seeds and the languages of training rows draw different rows."""

    def rows(task=XNLI, language="brin", split="train", seed=0) -> set[str]:
        made = task_rows(task, language, split, 500, seed)
        pairs = zip(made["text"], made["text_pair"], strict=True)
        return {" ".join(glossed(" ".join(pair), language)) for pair in pairs}

    others = [
        *(rows(split="dev"), rows(split="test"), rows(seed=1)),
        *(rows(task=NLI), rows(task=NLI, split="dev"), rows(language="avel")),
    ]
    # A short sentence may come twice by chance, a shared stream would repeat every row.
    assert all(len(rows() & other) < 15 for other in others)


def test_labels_are_balanced_and_shuffled() -> None:
    """Each label has a third of the rows, and about as much of any cut of them."""
    labels = task_rows(NLI, "esho", "train", 601, 0)["label"]
    assert sorted(Counter(labels).values()) == [200, 200, 201]
    for cut in (labels[:200], labels[::3]):
        assert sorted(Counter(cut)) == [0, 1, 2]
        assert min(Counter(cut).values()) > 45


def test_labels_follow_from_the_sentences() -> None:
    """Who knows what each verb does and compares places is always right."""
    for premise, hypothesis, (label,) in glossed_rows("avel", "dev", 300):
        right = EFFECT_OF[next(word for word in premise if word in EFFECT_OF)] in hypothesis
        stated = place_of(hypothesis) in (None, place_of(premise))
        known = ("entailment" if stated else "neutral") if right else "contradiction"
        assert label == known


def test_place_shortcut_gives_two_thirds() -> None:
    """An unstated place tells neutral from the rest, and no single word tells the rest apart."""
    rows = glossed_rows("avel", "train", 6000)
    new_place = [place_of(pair) not in (None, place_of(text)) for text, pair, _ in rows]
    neutral = [label == ["neutral"] for _, _, label in rows]
    assert new_place == neutral
    rest = [row for row in rows if row[2] != ["neutral"]]
    excesses = []
    for gloss in GLOSSES:
        for part in (0, 1):
            labels = Counter(row[2][0] for row in rest if gloss in row[part])
            if (seen := labels.total()) >= 300:
                # In standard errors; some eighty words are looked at, so chance alone reaches 3.
                excesses.append((max(labels.values()) - seen / 2) / (seen / 4) ** 0.5)
    assert len(excesses) > 30
    assert max(excesses) < 4


def test_rows_vary_within_one_call() -> None:
    """What may be one way or the other is drawn per row, and alike in every call."""
    for seed in range(3):
        rows = task_rows(XNLI, "avel", "train", 600, seed)
        pairs = [
            (glossed(text, "avel"), glossed(pair, "avel"))
            for text, pair in zip(rows["text"], rows["text_pair"], strict=True)
        ]
        placed = [
            place_of(pair) is not None
            for (text, pair), label in zip(pairs, rows["label"], strict=True)
            if place_of(text) and XNLI.labels[label] != "neutral"
        ]
        assert abs(np.mean(placed) - RESTATED) < 0.1
        assert len({tuple(pair) for _, pair in pairs}) > 200
        assert len({place_of(text) for text, _ in pairs}) == 25


def test_tokenizer_returns_every_sentence() -> None:
    """Encoding and decoding gives the text back, no word is unknown, pairs end in [SEP]."""
    made, ids = tokenizer(), vocabulary()
    for language in LANGUAGE_CODES:
        rows = task_rows(XNLI, language, "dev", 50, 0)
        for text, pair in zip(rows["text"], rows["text_pair"], strict=True):
            encoded = made.encode(text, pair)
            assert ids["[UNK]"] not in encoded.ids
            assert set(encoded.type_ids) == {0}
            assert " ".join(encoded.tokens) == f"[CLS] {text} [SEP] {pair} [SEP]"
            assert made.decode(encoded.ids) == f"{text} {pair}"
    assert made.encode("never [MASK]").tokens == ["[CLS]", "[UNK]", "[MASK]", "[SEP]"]


def test_a_tenth_of_the_words_is_switched() -> None:
    """Switched words keep their concept; half of the documents switch to the hub; marks stay."""
    rng, others = np.random.default_rng(0), [code for code in LANGUAGE_CODES if code != "fanu"]
    scenes = draw_scenes(6000, rng)
    before = word_ids(ask_agent(scenes, "fanu"))
    after = code_switched(before, others, rng)
    words_only = (before >= 0) & (before % CONCEPTS < concept_range("punctuation").start)
    changed = after != before
    assert abs(changed.sum() / words_only.sum() - 0.1) < 0.01
    assert not (changed & ~words_only).any()
    assert (after[changed] % CONCEPTS == before[changed] % CONCEPTS).all()
    assert abs((after[changed] // CONCEPTS == 0).mean() - (0.5 + 0.5 / 7)) < 0.04


def test_documents_hold_all_languages_and_switch_in_the_text() -> None:
    """Languages have equal shares, and foreign words stand in the text as often as planned."""
    known = {language: set(words(language)) for language in LANGUAGE_CODES}
    spoken, foreign, total = Counter(), 0, 0
    for text in documents(4000, seed=0).texts:
        tokens = text.split()
        hits = {code: sum(word in known[code] for word in tokens) for code in known}
        language = max(hits, key=hits.get)
        spoken[language] += 1
        if language == "esho":
            foreign += len(tokens) - hits[language]
            total += sum(word not in (".", "?") for word in tokens)
    assert all(abs(spoken[code] - 500) < 40 for code in LANGUAGE_CODES)
    # A little below a tenth: words shared with the other language do not show.
    assert 0.075 < foreign / total < 0.105


def test_documents_are_two_sentences_of_every_kind() -> None:
    """Each document has one full stop inside, and a fifth of them ends in a question."""
    texts_made = documents(2000, seed=3).texts
    assert all(text.count(" . ") == 1 for text in texts_made)
    assert abs(np.mean([text.endswith(" ?") for text in texts_made]) - 0.2) < 0.04
    assert texts_made != documents(2000, seed=4).texts


def test_revision_follows_version_and_grammars(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the version or of one knob of one language renames the world."""
    names = {world_revision()}
    with monkeypatch.context() as patch:
        patch.setattr(trainables.micro, "WORLD_VERSION", trainables.micro.WORLD_VERSION + 1)
        names.add(world_revision())
    last = MICRO_LANGUAGES[-1]
    other = replace(last, grammar=replace(last.grammar, hub_overlap=0.5))
    monkeypatch.setattr(trainables.micro, "MICRO_LANGUAGES", (*MICRO_LANGUAGES[:-1], other))
    names.add(world_revision())
    assert len(names) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((XNLI, "en", "dev"), "language='en' is not a language of the micro-world; known: avel"),
        ((XNLI, "avel", "validation"), "split='validation' is not a split"),
        ((replace(XNLI, skill="chess"), "avel", "dev"), "no micro-world generator for skill 'che"),
    ],
)
def test_unknown_names_are_refused(arguments, message: str) -> None:
    """A wrong language, split or skill is named in the error, with what there is instead."""
    with pytest.raises(ValueError, match=message):
        task_rows(*arguments, 10, 0)
