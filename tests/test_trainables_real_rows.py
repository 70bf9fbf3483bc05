"""Every real file that the catalogue knows, read as a study reads it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from spaces.tasks.targets import TARGETS
from spaces.tasks.training import TRAINING
from tests.folders import DATA, read, real_source
from trainables.ranking import right_candidates
from trainables.sources.real import RealSource

REAL = Catalogue.of_world("real")

NOT_ONE_BY_ONE = ("sentences", "mentions", "entities", "bitext")
"""Readers whose rows need not be the files' own."""


@pytest.fixture(scope="module")
def real() -> RealSource:
    """The folder of real data sets."""
    return real_source()


def parts(task: str, source: RealSource) -> list[tuple[str, str]]:
    """(language, split) of every part of a task that is there."""
    row = REAL.tasks[task]
    assert row.data is not None
    return [
        (code, split)
        for code in REAL.languages
        for split in row.data.splits
        if source.has(task, code, split)
    ]


WITHOUT_FILES = {"mnli", "mewslix", "wikipedia_pairs", "wikipedia_entities"}
READ = [row.name for row in TARGETS + TRAINING if row.name not in WITHOUT_FILES]
"""The intermediate tasks are read in ``tests/test_trainables_intermediates.py``."""


@pytest.mark.parametrize("task", READ)
def test_every_real_part_is_read_without_a_flaw(task: str, real: RealSource) -> None:
    """As many rows as the file has, less those that hold test text; labels are the task's."""
    row = REAL.tasks[task]
    assert row.data is not None
    found = parts(task, real)
    assert found
    files: Counter[tuple[str, str]] = Counter()
    for code, split in found:
        asked = Rows(task=task, language=code, split=split, revision="")
        out = real.left_out(asked)
        assert set(out) <= {"sealed"}
        table = read(real, task, code, split)
        assert len({len(values) for values in table.values()}) == 1
        files[code, row.data.splits[split]] += len(table["item"]) + sum(out.values())
    if row.data.reader in NOT_ONE_BY_ONE[1:]:
        return
    for (code, theirs), count in files.items():
        spoken = REAL.languages[code]
        config = row.data.config.format(language=code, iso3=spoken.iso3)
        file = DATA / row.data.folder / config / f"{theirs}.parquet"
        assert count == pq.read_metadata(file).num_rows, file


@pytest.mark.parametrize("task", ["xnli", "udpos", "panx", "xcopa", "pawsx"])
def test_every_language_of_a_target_has_its_file(task: str, real: RealSource) -> None:
    """The folder's languages are the catalogue's, but for what its README says is missing."""
    row = REAL.tasks[task]
    split = "dev" if task == "panx" else "test"
    there = {code for code in row.languages if real.has(task, code, split)}
    assert set(row.languages) - there == ({"th"} if task == "panx" else set())
    trained = {code for code, found in parts(task, real) if found == "train"}
    assert trained - {*row.train_languages} == ({"kk"} if task == "udpos" else set())  # 31 rows


def test_real_parts_of_speech_are_plausible(real: RealSource) -> None:
    """Class labels come in the order of the task: full stops are punctuation in every file."""
    place = REAL.tasks["udpos"].labels.index("PUNCT")
    for code in ("de", "fa", "ja", "wo"):
        table = read(real, "udpos", code, "test")
        tags = Counter(
            tag
            for words, row in zip(table["words"], table["tags"], strict=True)
            for word, tag in zip(words, row, strict=True)
            if word in (".", "。")
        )
        assert tags.most_common(1)[0][0] == place, code


def test_lareqa_is_the_official_one(real: RealSource) -> None:
    """1,190 questions in 11 languages, 13,014 sentences, 11 of them right for each question."""
    languages = REAL.tasks["lareqa"].languages
    tables = [read(real, "lareqa", code, "test") for code in languages]
    pools = []
    for code in languages:
        revision = real.revision("lareqa", code, "test")
        asked = Rows(task="lareqa", language=code, split="test", revision=revision)
        pools.append(real.candidates(asked))
    pool = {name: [v for each in pools for v in each[name]] for name in pools[0]}
    assert sum(len(table["item"]) for table in tables) == 13_090
    assert len(pool["target_id"]) == len(set(pool["target_id"])) == 13_014
    right = right_candidates(tables, pool)
    assert {len(set(names)) for part in right for names in part} == {11}
    assert all({name[:2] for name in part[0]} == set(languages) for part in right)


def test_lareqa_sentences_are_cut_as_its_files_say(real: RealSource) -> None:
    """A right candidate is the sentence that holds the answer, by ``sentence_breaks``."""
    for code in ("ar", "en", "th", "zh"):
        raw = pq.read_table(DATA / "lareqa" / code / "validation.parquet").to_pydict()
        table = read(real, "lareqa", code, "test")
        rows = zip(raw["context"], raw["sentence_breaks"], raw["answers"], strict=True)
        held = 0
        for target, (text, breaks, answers) in zip(table["target"], rows, strict=True):
            start, answer = answers["answer_start"][0], answers["text"][0]
            first, last = next((a, b) for a, b in breaks if a <= start < b)
            assert target == f"{text[first:last].strip()} {text}"
            held += answer in text[first:last]
        assert held >= 0.99 * len(table["target"])


def test_squad_sentences_hold_their_answers(real: RealSource) -> None:
    """A rule by punctuation cuts few answers in two."""
    for split in ("train", "dev"):
        table = read(real, "squad_sentences", "en", split)
        spans = read(real, "squad", "en", split)
        assert table["id"] == spans["id"]
        sentences = [
            target[: len(target) - len(text) - 1]
            for target, text in zip(table["target"], table["content"], strict=True)
        ]
        rows = zip(sentences, spans["answers"], strict=True)
        held = sum(answers[0] in sentence for sentence, answers in rows)
        assert held >= 0.98 * len(sentences)


def test_tatoeba_pairs_stand_side_by_side(real: RealSource) -> None:
    """Queries are the English sentences, gold is the row's own number."""
    raw = pq.read_table(DATA / "tatoeba/deu/validation.parquet").to_pydict()
    assert set(raw["target_lang"]) == {"eng"}
    table = read(real, "tatoeba", "de", "test")
    assert table["text"] == raw["target_sentence"] and table["target"] == raw["source_sentence"]
    assert table["target_id"] == [str(number) for number in range(len(raw["source_lang"]))]


def test_the_proxy_pairs_translations(real: RealSource) -> None:
    """Each English premise of XNLI's dev rows once, with its translation."""
    table = read(real, "xnli_bitext", "de", "dev")
    english = read(real, "xnli", "en", "dev")["text"]
    german = read(real, "xnli", "de", "dev")["text"]
    pairs = dict(zip(reversed(english), reversed(german), strict=True))
    assert dict(zip(table["text"], table["target"], strict=True)) == pairs
    assert len(set(table["target_id"])) == len(table["text"]) == len(set(english))


EXAMPLE: dict[str, Any] = {
    "name": "example",
    "like": "mewslix",
    "config": "example",
    "only": "context.language={language}",
}


@pytest.mark.parametrize(("code", "title"), [("en", "Helsinki"), ("ar", "الجزر")])
def test_mewsli_articles_are_read_by_language(code: str, title: str) -> None:
    """One article each; every mention once more before its sentence, its id a Wikidata one."""
    real = real_source(EXAMPLE)
    table = read(real, "example", code, "dev")
    file = Path(DATA / "mewsli-x/example/validation.parquet")
    (article,) = [
        row for row in pq.read_table(file).to_pylist() if row["context"]["language"] == code
    ]
    assert title in article["context"]["document_title"]
    assert table["id"] == [mention["example_id"] for mention in article["mentions"]]
    assert all(name[0] == "Q" and name[1:].isdigit() for name in table["target_id"])
    for text, mention in zip(table["text"], article["mentions"], strict=True):
        said = mention["mention_span"]["text"]
        assert text.startswith(f"{said}: ") and f"{{ {said} }}" in text
    assert set(table["target"]) == {None}
