"""Readers on generated files: the words of a row's ``columns``, labels, filters, sentences."""

from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.tasks.recurring import UPOS
from tests.folders import LABELS, Folder, nli_rows, write
from trainables.ranking import right_candidates
from trainables.rows import RowError
from trainables.sources.readers import mention_text, sentence_spans


def mine(**row: Any) -> dict[str, Any]:
    """A classification task of the user's own in English, from the folder ``mine``."""
    return {
        "name": "mine",
        "form": "classification",
        "skill": "other",
        "labels": list(LABELS),
        "train_languages": ["en"],
        "folder": "mine",
        "splits": {"train": "train", "dev": "validation"},
        **row,
    }


# Columns


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("plain", ["a", "b", "a"]),
        ("deep.text", ["x", "y", "z"]),
        ("deep.deeper.text", ["1", "2", "3"]),
        ("Is {plain} a {plain}?", ["Is a a a?", "Is b a b?", "Is a a a?"]),
        ("{plain} {not a column}", ["a {not a column}", "b {not a column}", "a {not a column}"]),
        ("#", ["0", "1", "2"]),
        ("#plain", ["0", "1", "0"]),
        ("#words", ["0", "1", "0"]),
        ("de:plain", ["A", "B", "C"]),
        ("de:#plain", ["0", "1", "2"]),
        ("de:Was ist {plain}?", ["Was ist A?", "Was ist B?", "Was ist C?"]),
    ],
)
def test_columns(tmp_path: Path, reference: str, expected: list[str]) -> None:
    """Each way to say where a column's values are."""
    row = mine(columns={"text": reference, "text_pair": "plain"}, languages=["de", "fr", "ru"])
    folder = Folder(tmp_path, row)
    deep = [{"text": t, "deeper": {"text": n}} for t, n in zip("xyz", "123", strict=True)]
    words = [["a"], ["b"], ["a"]]
    english = {"plain": list("aba"), "deep": deep, "words": words, "label": [0, 1, 2]}
    write(folder.path, "mine/en/validation", (), **english)
    write(folder.path, "mine/de/validation", (), plain=list("ABC"), label=[0, 1, 2])
    assert folder.rows("mine", "en", "dev")["text"] == expected


def test_several_columns_are_one_list(tmp_path: Path) -> None:
    """The choices of a task may stand in columns of their own, and beside."""
    columns = {"text": "t", "question": "What was the {q}?", "choices": ["one", "de:two"]}
    row = mine(form="choice", labels=[], columns=columns)
    folder = Folder(tmp_path, row)
    write(folder.path, "mine/en/train", (), t=["t"], q=["cause"], one=["1"], label=[1])
    write(folder.path, "mine/de/train", (), two=["2"])
    table = folder.rows("mine", "en", "train")
    assert (table["choices"], table["question"]) == ([["1", "2"]], ["What was the cause?"])


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("absent", "no column 'absent'"),
        ("deep.absent", "no field 'absent' in column 'deep'"),
        ("plain.text", "no field 'text' in column 'plain'"),
        ("{absent}?", "no column 'absent'"),
        ("#absent", "no column 'absent'"),
        ("de:plain", "'de' beside it 1"),
    ],
)
def test_a_reference_to_nothing_is_named(tmp_path: Path, reference: str, said: str) -> None:
    """Column, field and number of rows are told, with the file."""
    folder = Folder(tmp_path, mine(columns={"text": reference, "text_pair": "plain"}))
    deep = [{"text": "x"}, {"text": "y"}]
    write(folder.path, "mine/en/train", (), plain=["a", "b"], deep=deep, label=[0, 1])
    write(folder.path, "mine/de/train", (), plain=["a"])
    with pytest.raises(RowError, match=f"mine/en/train.parquet.*{said}"):
        folder.source.revision("mine", "en", "train")


@pytest.mark.parametrize("code", ["de", "zh-Hant", "bzd"])
@pytest.mark.parametrize("kind", ["plain", "tuple", "template"])
def test_rows_that_stand_beside_are_part_of_the_revision(
    tmp_path: Path, code: str, kind: str
) -> None:
    """A study notices when the other language's file is another one, whatever its code."""
    reference = f"{code}:a {{word}}" if kind == "template" else f"{code}:word"
    columns: dict[str, Any] = {"text": reference, "text_pair": "word"}
    form: dict[str, Any] = {}
    if kind == "tuple":
        columns = {"text": "word", "question": "word", "choices": ["word", reference]}
        form = {"form": "choice", "labels": []}
    folder = Folder(tmp_path, mine(columns=columns, **form))
    write(folder.path, "mine/en/train", (), word=["a", "b"], label=[0, 1])
    revisions = []
    for words in (["c", "d"], ["e", "f"]):
        write(folder.path, f"mine/{code}/train", (), word=words)
        revisions.append(folder.source.revision("mine", "en", "train"))
    assert revisions[0] != revisions[1]


# Labels


def tagged(folder: Path, place: str, names: list[str], tags: list[list[int]]) -> None:
    """Words with tags that are lists of class labels, as ``udpos`` has them."""
    file = folder / f"{place}.parquet"
    file.parent.mkdir(parents=True)
    kinds = {"tokens": List(Value("string")), "pos_tags": List(ClassLabel(names=names))}
    rows = {"tokens": [["w"] * len(t) for t in tags], "pos_tags": tags}
    Dataset.from_dict(rows, features=Features(kinds)).to_parquet(file)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(UPOS))
def test_tags_are_mapped_by_name(
    tmp_path_factory: pytest.TempPathFactory, order: list[str]
) -> None:
    """Whatever numbers a treebank gives the parts of speech."""
    folder = Folder(tmp_path_factory.mktemp("tags"))
    tagged(folder.path, "udpos/mr/test", order, [list(range(17)), [3, 3]])
    tags = folder.rows("udpos", "mr", "test")["tags"]
    assert [[UPOS[tag] for tag in row] for row in tags] == [order, [order[3]] * 2]


def test_labels_that_are_text_are_mapped_by_name(tmp_path: Path) -> None:
    """Social IQa's "1" to "3", also where the first of them is missing."""
    folder = Folder(tmp_path)
    texts = {name: ["t"] * 4 for name in ("context", "question", "answerA", "answerB", "answerC")}
    write(folder.path, "social_i_qa/en/train", (), **texts, label=["3", "1", "2", "3"])
    assert folder.rows("social_i_qa", "en", "train")["label"] == [2, 0, 1, 2]
    skipping = Folder(tmp_path / "skipping", bad_rows="skip")
    write(skipping.path, "social_i_qa/en/train", (), **texts, label=[None, "1", "4", "3"])
    assert skipping.rows("social_i_qa", "en", "train")["label"] == [0, 2]


def test_names_of_nested_and_neighbouring_labels_count(tmp_path: Path) -> None:
    """Class labels in a structure, or of the rows beside, are mapped like others."""
    names = [*LABELS[::-1]]
    for reference in ("gold.label", "de:label"):
        columns = {"text": "t", "text_pair": "t", "label": reference}
        folder = Folder(tmp_path / reference[:2], mine(columns=columns))
        kinds: dict[str, Any] = {"t": Value("string"), "gold": {"label": ClassLabel(names=names)}}
        rows = {"t": ["a", "b"], "gold": [{"label": 0}, {"label": 2}]}
        file = folder.path / "mine/en/train.parquet"
        file.parent.mkdir(parents=True)
        Dataset.from_dict(rows, features=Features(kinds)).to_parquet(file)
        write(folder.path, "mine/de/train", tuple(names), t=["a", "b"], label=[0, 2])
        assert folder.rows("mine", "en", "train")["label"] == [2, 0]


# TyDiQA: one file for all languages, one split for training and dev rows


def tydiqa(folder: Folder, articles: int = 60) -> None:
    """A mixed file in which each language has articles with three questions each."""
    rows: dict[str, list[Any]] = {n: [] for n in ("id", "title", "context", "question", "answers")}
    for language in ("english", "korean", "swahili"):
        for article in range(articles):
            for number in range(3):
                rows["id"].append(f"{language}-{article}-{number}")
                rows["title"].append(f"{language} article {article}")
                rows["context"].append(f"{language} {article} says {number}")
                rows["question"].append("what?")
                rows["answers"].append({"text": [language], "answer_start": [0]})
    for code in ("en", "ko", "sw"):
        write(folder.path, f"tydiqa/{code}/train", (), **rows)


def test_tydiqa_is_read_by_language(tmp_path: Path) -> None:
    """Rows of one language alone, by the beginning of their ids."""
    folder = Folder(tmp_path)
    tydiqa(folder)
    for code, name in (("en", "english"), ("ko", "korean"), ("sw", "swahili")):
        ids = [*folder.rows("tydiqa", code, "train")["id"]]
        ids += folder.rows("tydiqa", code, "dev")["id"]
        assert len(ids) == len(set(ids)) == 180
        assert {found.split("-")[0] for found in ids} == {name}


def test_tydiqa_dev_articles_are_no_training_articles(tmp_path: Path) -> None:
    """A tenth of the articles, whole, and the same ones each time."""
    folders = [Folder(tmp_path), Folder(tmp_path)]
    tydiqa(folders[0], articles=300)
    articles = {}
    for split in ("train", "dev"):
        tables = [folder.rows("tydiqa", "en", split) for folder in folders]
        assert tables[0] == tables[1]
        articles[split] = {name.split("-")[1] for name in tables[0]["id"]}
        assert len(tables[0]["id"]) == 3 * len(articles[split])
    assert not articles["train"] & articles["dev"]
    assert len(articles["train"] | articles["dev"]) == 300
    assert 15 <= len(articles["dev"]) <= 45
    revisions = [folders[0].source.revision("tydiqa", "en", split) for split in articles]
    assert revisions[0] != revisions[1]


def test_a_language_without_rows_is_named(tmp_path: Path) -> None:
    """A mixed file that holds no rows of a language trains nothing in silence."""
    folder = Folder(tmp_path)
    tydiqa(folder)
    (folder.path / "tydiqa/fi").mkdir()
    (folder.path / "tydiqa/en/train.parquet").rename(folder.path / "tydiqa/fi/train.parquet")
    with pytest.raises(RowError, match=r"tydiqa/fi/train.parquet \('tydiqa' in 'fi'\) has no rows"):
        folder.source.revision("tydiqa", "fi", "train")


@pytest.mark.parametrize("field", ["only", "held"])
def test_a_filter_by_an_absent_column_is_named(tmp_path: Path, field: str) -> None:
    """Also where it is a field of a structure."""
    row = mine(**{field: {"only": "context.language={language}", "held": "title"}[field]})
    if field == "held":
        row["splits"] = {"train": "train", "dev": "train"}
    folder = Folder(tmp_path, row)
    write(folder.path, "mine/en/train", (), text=["a"], text_pair=["b"], label=[0])
    with pytest.raises(RowError, match=r"train.parquet has no column '(context|title)'"):
        folder.source.revision("mine", "en", "train")


# Sentences and their candidates


@given(st.text(alphabet="ab A.B!?\"')( \n1", max_size=60))
def test_sentences_cover_a_text(text: str) -> None:
    """One after the other, none empty, nothing lost."""
    spans = sentence_spans(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)


def test_english_sentences() -> None:
    """Cut after a mark, before a capital or a number; not within abbreviations of one letter."""
    text = 'He said "No." Then he left! It cost 3.5 dollars. (All of it.) 7 people saw it.'
    assert [text[start:end].strip() for start, end in sentence_spans(text)] == [
        'He said "No."',
        "Then he left!",
        "It cost 3.5 dollars.",
        "(All of it.)",
        "7 people saw it.",
    ]


def squad(folder: Folder, place: str, paragraphs: int, questions: int = 2) -> None:
    """Paragraphs of three sentences; question k of a paragraph is answered in sentence k."""
    rows: dict[str, list[Any]] = {n: [] for n in ("id", "context", "question", "answers")}
    for paragraph in range(paragraphs):
        text = " ".join(f"Sentence {n} of {paragraph} says word{n}." for n in range(3))
        for number in range(questions):
            answer = f"word{number}"
            rows["id"].append(f"{paragraph}-{number}")
            rows["context"].append(text)
            rows["question"].append(f"what says {number} of {paragraph}?")
            rows["answers"].append({"text": [answer], "answer_start": [text.index(answer)]})
    write(folder.path, place, (), **rows)


def test_the_answer_is_in_the_sentence(tmp_path: Path) -> None:
    """A question's candidate is its answer's sentence, then the paragraph."""
    folder = Folder(tmp_path)
    squad(folder, "squad/plain_text/train", 4)
    table = folder.rows("squad_sentences", "en", "train")
    rows = zip(table["id"], table["target"], table["target_id"], table["content"], strict=True)
    for name, target, found, paragraph in rows:
        article, number = name.split("-")
        sentence = f"Sentence {number} of {article} says word{number}."
        assert target == f"{sentence} {paragraph}" and found == f"en:{article}:{number}"


@pytest.mark.parametrize("cap", [None, 5, 39])
def test_every_right_candidate_is_in_the_pool(tmp_path: Path, cap: int | None) -> None:
    """A cap draws questions; their paragraphs' sentences are the candidates, all of them."""
    folder = Folder(tmp_path)
    squad(folder, "squad/plain_text/validation", 20)
    asked = {"cap": cap, "rows_seed": 3}
    rows = folder.source.rows(folder.asked("squad_sentences", "en", "dev", **asked))
    pool = folder.candidates("squad_sentences", "en", "dev", **asked)
    articles = {name.split(":")[1] for name in rows["target_id"]}
    assert len(pool["target_id"]) == len(set(pool["target_id"])) == 3 * len(articles)
    assert all(len(names) == 1 for names in right_candidates([rows], pool)[0])
    texts = dict(zip(pool["target_id"], pool["target"], strict=True))
    assert [texts[name] for name in rows["target_id"]] == rows["target"]


@pytest.mark.parametrize("cap", [None, 4, 9])
def test_a_capped_bitext_keeps_its_own_candidates(tmp_path: Path, cap: int | None) -> None:
    """Also where many sentences stand in the file more than once."""
    folder = Folder(tmp_path)
    words = [f"w{number % 7}" for number in range(30)]
    write(folder.path, "xnli/en/validation", **{**nli_rows(30), "premise": words})
    write(folder.path, "xnli/de/validation", **{**nli_rows(30), "premise": words})
    asked = {"cap": cap, "rows_seed": 1}
    rows = folder.source.rows(folder.asked("xnli_bitext", "de", "dev", **asked))
    pool = folder.candidates("xnli_bitext", "de", "dev", **asked)
    assert len(rows["item"]) == min(cap or 7, 7)
    assert sorted(pool["target_id"]) == sorted(rows["target_id"])


def test_tatoeba_asks_in_english(tmp_path: Path) -> None:
    """A query is the English sentence; the candidates are the other language's, by row."""
    folder = Folder(tmp_path)
    pairs = {"source_sentence": ["ein", "zwei"], "target_sentence": ["one", "two"]}
    write(folder.path, "tatoeba/deu/validation", (), **pairs)
    rows = folder.rows("tatoeba", "de", "test")
    assert (rows["text"], rows["target_id"]) == (["one", "two"], ["0", "1"])
    pool = folder.candidates("tatoeba", "de", "test")
    assert (pool["target"], pool["target_id"]) == (["ein", "zwei"], ["0", "1"])


# Mentions and entities


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("Up. In Rome it rains. No.", "Rome", "Rome: In { Rome } it rains."),
        ("Up. Rome {old} fell. No.", "Rome", "Rome: { Rome } (old) fell."),
        ("Rome", "Rome", "Rome: { Rome }"),
    ],
)
def test_mentions_stand_between_braces(text: str, said: str, expected: str) -> None:
    """In their own sentence, with other braces turned round, and once more before it."""
    start = text.index(said)
    spans = [{"start": a, "end": b} for a, b in sentence_spans(text)]
    context = {"text": text, "sentence_spans": spans}
    mention = {"mention_span": {"start": start, "end": start + len(said), "text": said}}
    assert mention_text(context, mention) == expected


def entities(folder: Folder, count: int) -> None:
    """Descriptions of entities Q0, Q1 and so on: two sentences, of which the first counts."""
    texts = [f"Entity {number} is. More of it." for number in range(count)]
    ends = [text.index(".") + 1 for text in texts]
    write(
        folder.path,
        "mewsli-x/candidate_entities/test",
        (),
        entity_id=[f"Q{number}" for number in range(count)],
        description=texts,
        sentence_spans=[[{"start": 0, "end": end}] for end in ends],
    )


def test_entities_are_the_candidates_of_mentions(tmp_path: Path) -> None:
    """Under their ids, with the sentences that their spans name."""
    folder = Folder(tmp_path)
    entities(folder, 5)
    pool = folder.candidates("wikipedia_entities", "en", "candidates")
    assert pool["target_id"] == [f"Q{number}" for number in range(5)]
    assert pool["target"] == [f"Entity {number} is." for number in range(5)]


def test_training_pairs_hold_their_candidates(tmp_path: Path) -> None:
    """A mention in its sentence and its entity's description, from one row."""
    folder = Folder(tmp_path)
    spans = [{"start": 0, "end": 9}]
    context = {"text": "See Rome. No.", "sentence_spans": spans, "language": "en"}
    mention = {
        "example_id": "m1",
        "mention_span": {"start": 4, "end": 8, "text": "Rome"},
        "entity_id": "Q220",
    }
    entity = {"entity_id": "Q220", "description": "A city. Big.", "sentence_spans": spans[:0]}
    write(
        folder.path,
        "mewsli-x/wikipedia_pairs/train",
        (),
        contextual_mention=[{"context": context, "mention": mention}],
        entity=[entity],
    )
    table = folder.rows("wikipedia_pairs", "en", "train")
    assert table["text"] == ["Rome: See { Rome } ."]
    assert (table["target"], table["target_id"]) == (["A city. Big."], ["Q220"])
