"""Trials on real rows: bad rows, what is left out, lengths, and Mewsli-X from mention to score."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spaces.layout import read_done
from spaces.mistakes import PlanError
from spaces.phases import Frozen
from spaces.settings import Optimisation, TransferSetting
from spaces.study import StudyRecord
from tests.checkpoints import tiny_checkpoint
from tests.folders import DATA, Folder, nli_rows, write
from tests.tokenizers import minilm_tokenizer
from tests.worlds import run, study
from trainables import TrialRequest
from trainables.rows import RowError

OPTIMISATION = Optimisation(learning_rate=1e-3, steps=2, rows_per_step=4)
SETTING = TransferSetting(initialisation="own", source_languages=("en",), target=OPTIMISATION)


def started(folder: Path, target: str, *tasks: dict[str, Any], **tables: Any) -> StudyRecord:
    """A study on a tiny checkpoint and the rows of ``data``."""
    space = {"initialisations": ["own"], "source_languages": [["en"]], "mixture": None}
    own = [{"name": "own", "path": str(tiny_checkpoint(folder / "weights"))}]
    values: dict[str, Any] = {"study": {"selection": "target_dev"}, **tables}
    values["targets"] = {"tasks": [target], **values.get("targets", {})}
    return study(
        str(folder / "data"),
        folder / "root",
        space=space,
        initialisation=own,
        task=list(tasks),
        **values,
    )


# Bad rows


SPAN: dict[str, Any] = {"context": "It is red.", "question": "which?", "id": "1"}
RED = {"text": ["red"], "answer_start": [6]}
CHOICE: dict[str, Any] = {"premise": "p", "choice1": "a", "choice2": "b", "question": "cause"}
TAGS: dict[str, Any] = {"tokens": ["a", "b"], "ner_tags": [0, 1]}
MENTION = {"example_id": "m", "mention_span": {"start": 0, "end": 2}, "entity_id": "Q1"}
CONTEXT = {"text": "It is red.", "sentence_spans": [{"start": 0, "end": 10}]}

BAD: dict[str, tuple[tuple[str, str, str, str], dict[str, Any], dict[str, Any], str]] = {
    # name -> (task, language, split, file), a good row, what is bad of another, what is said
    "answer elsewhere": (
        ("squad", "en", "train", "squad/plain_text/train"),
        {**SPAN, "answers": RED},
        {"answers": {"text": ["red"], "answer_start": [7]}},
        "answer 'red' is not at 7",
    ),
    "context of nothing": (
        ("squad", "en", "train", "squad/plain_text/train"),
        {**SPAN, "answers": RED},
        {"context": None},
        "column 'text' is empty or not text: None",
    ),
    "answers of nothing, scored": (
        ("xquad", "de", "test", "xquad/de/validation"),
        {**SPAN, "answers": RED},
        {"answers": None},
        "no answer, and the task is not `unanswerable`",
    ),
    "no answer, scored": (
        ("squad", "en", "dev", "squad/plain_text/validation"),
        {**SPAN, "answers": RED},
        {"answers": {"text": [], "answer_start": []}},
        "no answer, and the task is not `unanswerable`",
    ),
    "more answers than places": (
        ("xquad", "de", "test", "xquad/de/validation"),
        {**SPAN, "answers": RED},
        {"answers": {"text": ["red"], "answer_start": [6, 7]}},
        "1 answers have 2 starts",
    ),
    "paragraph of nothing": (
        ("squad_sentences", "en", "train", "squad/plain_text/train"),
        {**SPAN, "answers": RED},
        {"context": None},
        "column 'target' is empty or not text: ''",
    ),
    "fewer tags than words": (
        ("panx", "de", "train", "wikiann/de/train"),
        TAGS,
        {"ner_tags": [0]},
        "2 words have 1 tags",
    ),
    "tag out of range": (
        ("panx", "de", "dev", "wikiann/de/validation"),
        TAGS,
        {"ner_tags": [0, 7]},
        "tag 7 is not in 0..6",
    ),
    "words of nothing": (
        ("panx", "de", "train", "wikiann/de/train"),
        TAGS,
        {"tokens": None},
        "are no list",
    ),
    "choice of nothing": (
        ("copa", "en", "train", "copa/en/train"),
        {**CHOICE, "label": 1},
        {"choice2": None},
        "is not text",
    ),
    "question of nothing": (
        ("copa", "en", "train", "copa/en/train"),
        {**CHOICE, "label": 1},
        {"question": None},
        "question None",
    ),
    "choice out of range": (
        ("copa", "en", "train", "copa/en/train"),
        {**CHOICE, "label": 1},
        {"label": 2},
        "label 2 is not in 0..1",
    ),
    "sentence of nothing": (
        ("tatoeba", "de", "test", "tatoeba/deu/validation"),
        {"source_sentence": "ein", "target_sentence": "one"},
        {"target_sentence": ""},
        "column 'text' is empty",
    ),
    "mention without text": (
        ("mewslix", "de", "dev", "mewsli-x/de/validation"),
        {"context": CONTEXT, "mentions": [MENTION]},
        {"context": None},
        "column 'text' is empty",
    ),
    "mention beyond its text": (
        ("mewslix", "de", "dev", "mewsli-x/de/validation"),
        {"context": CONTEXT, "mentions": [MENTION]},
        {"mentions": [{**MENTION, "mention_span": {"start": 8, "end": 12}}]},
        "column 'text' is empty",
    ),
    "mention of nothing": (
        ("mewslix", "de", "dev", "mewsli-x/de/validation"),
        {"context": CONTEXT, "mentions": [MENTION]},
        {"mentions": [{**MENTION, "entity_id": None}]},
        "column 'target_id' is empty",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_or_left_out(name: str, tmp_path: Path) -> None:
    """File, task, language, number and rule; with ``skip`` the others are read, and it is told."""
    (task, language, split, place), good, wrong, said = BAD[name]
    rows = [good, {**good, **wrong}, good]
    for bad_rows in ("stop", "skip"):
        folder = Folder(tmp_path / bad_rows, bad_rows=bad_rows)
        file = write(folder.path, place, (), **{n: [row[n] for row in rows] for n in good})
        if bad_rows == "skip":
            asked = folder.asked(task, language, split)
            assert folder.source.left_out(asked) == {"flawed": 1}
            assert len(folder.rows(task, language, split)["item"]) == 2
            continue
        with pytest.raises(RowError) as caught:
            folder.source.revision(task, language, split)
        told = str(caught.value)
        assert told.startswith(f"{file} ({task!r} in {language!r}) row 1: ") and said in told
        assert "bad_rows = 'skip'" in told


def test_training_rows_may_have_no_answer(tmp_path: Path) -> None:
    """SQuAD 2.0's train as an intermediate of SQuAD's; scored, its task must say so."""
    rows = {n: [v] * 2 for n, v in SPAN.items()}
    rows["answers"] = [RED, {"text": [], "answer_start": []}]
    second = {"name": "squad2", "like": "squad", "folder": "squad_v2"}
    folder = Folder(tmp_path, {**second, "unanswerable": True})
    write(folder.path, "squad/plain_text/train", (), **rows)
    write(folder.path, "squad_v2/plain_text/validation", (), **rows)
    assert len(folder.rows("squad", "en", "train")["text"]) == 2
    assert len(folder.rows("squad2", "en", "dev")["text"]) == 2


def test_rows_left_out_reach_the_provenance(tmp_path: Path) -> None:
    """Flawed and sealed rows of what was trained on and of what was scored, each by its part."""
    data = tmp_path / "data"
    for code in ("de", "fr", "sw"):
        rows = nli_rows(12, code)
        rows["premise"][3] = ""
        write(data, f"xnli/{code}/validation", **rows)
    write(data, "xnli/en/validation", **nli_rows(9, "dev"))
    write(data, "xnli/en/test", **nli_rows(2))
    rows = nli_rows(12)
    rows["hypothesis"][5] = ""
    write(data, "multi_nli/default/train", **rows)
    tables = {"targets": {"languages": ["en", "de", "fr", "sw"]}}
    with pytest.raises(PlanError, match="4 mistakes") as caught:
        started(tmp_path, "xnli", **tables)
    for part in ("train.parquet ('mnli' in 'en') row 5", "xnli/sw/validation.parquet", "row 3"):
        assert part in str(caught.value)
    record = started(tmp_path, "xnli", data={"bad_rows": "skip"}, **tables)
    run(tmp_path / "root", record, SETTING)
    request = TrialRequest(root=tmp_path / "root", record=record, target="xnli", setting=SETTING)
    found = {}
    for phase in request.phases:
        done = read_done(tmp_path / "root", phase.key)
        assert done is not None
        found[phase.kind] = done["provenance"].get("left_out")
    assert found["target"] == {"mnli:en/train": {"flawed": 1, "sealed": 2}}
    assert found["evaluation"] == {f"xnli:{c}/dev": {"flawed": 1} for c in ("de", "fr", "sw")}


@pytest.mark.parametrize("positions", [64, 77])
def test_a_task_longer_than_a_checkpoint_is_refused(tmp_path: Path, positions: int) -> None:
    """With the task's length, the checkpoint's and the way out, which then works."""
    data = tmp_path / "data"
    for code in ("en", "de", "fr", "sw"):
        write(data, f"xnli/{code}/validation", **nli_rows(6, code))
    write(data, "multi_nli/default/train", **nli_rows(6))
    tiny_checkpoint(tmp_path / "short", positions)
    tables: dict[str, Any] = {
        "space": {"initialisations": ["own"], "source_languages": [["en"]], "mixture": None},
        "initialisation": [{"name": "own", "path": str(tmp_path / "short")}],
        "study": {"selection": "target_dev"},
        "targets": {"languages": ["en", "de", "fr", "sw"]},
    }
    with pytest.raises(PlanError) as caught:
        study(str(data), **tables)
    told = str(caught.value)
    assert f"initialisation own: {positions} positions, less than max_tokens of" in told
    assert "xnli (128), mnli (128)" in told and "lower max_tokens in [[task]] rows" in told
    shorter = [{"name": name, "like": name, "max_tokens": positions} for name in ("mnli", "xnli")]
    assert study(str(data), task=shorter, **tables).revisions


@pytest.mark.parametrize("flaw", ["", "has no mask token", "has word embeddings of 4 dimensions"])
def test_masked_text_needs_a_checkpoint_that_masks_words(tmp_path: Path, flaw: str) -> None:
    """What would fail in each trial is refused before the first."""
    data, own = tmp_path / "data", tiny_checkpoint(tmp_path / "own")
    for code in ("en", "de", "fr", "sw"):
        write(data, f"xnli/{code}/validation", **nli_rows(6, code))
    write(data, "multi_nli/default/train", **nli_rows(6))
    write(data, "texts/en/train", text=["a text of words", "another one"])
    if "token" in flaw:
        tokenizer = deepcopy(minilm_tokenizer())
        tokenizer.mask_token = None
        tokenizer.save_pretrained(own)
    if "embeddings" in flaw:
        config = json.loads((own / "config.json").read_text())
        (own / "config.json").write_text(json.dumps({**config, "embedding_size": 4}))
    text = {"name": "texts", "form": "masked", "skill": "mlm", "folder": "texts"}
    tables: dict[str, Any] = {
        "space": {
            "initialisations": ["own"],
            "source_languages": [["en"]],
            "mixture": {"tasks": ["texts"], "languages": ["en"]},
        },
        "initialisation": [{"name": "own", "path": str(own)}],
        "study": {"selection": "target_dev"},
        "targets": {"languages": ["en", "de", "fr", "sw"]},
        "task": [{**text, "config": "{language}", "train_languages": ["en"]}],
    }
    if not flaw:
        assert "texts/en/train" in study(str(data), **tables).revisions
        return
    with pytest.raises(PlanError, match="1 mistake") as caught:
        study(str(data), **tables)
    assert flaw in str(caught.value) and "[[initialisation]] own path" in str(caught.value)


# Mewsli-X


CODES = ("ar", "en", "de", "fa", "ja", "pl")
GENERATED = {code: f"Town{code}" for code in CODES[2:]}


def mewsli(folder: Path) -> int:
    """The two real articles, one more in each of four languages; entities; training pairs.

    Returns:
        How many entities there are.
    """
    file = DATA / "mewsli-x/example/validation.parquet"
    if not file.is_file():
        pytest.skip(f"{file} is absent: set TRANSFER_SEARCH_DATA to a folder in the hub's schemas")
    real = pq.read_table(file)
    articles = [article(code, name) for code, name in GENERATED.items()]
    place = folder / "data/mewsli-x/example"
    place.mkdir(parents=True)
    rows = [*real.to_pylist(), *articles]
    pq.write_table(pa.Table.from_pylist(rows, schema=real.schema), place / "validation.parquet")
    ids = {mention["entity_id"] for row in rows for mention in row["mentions"]}
    names = sorted(ids) + [f"Q{10**9 + number}" for number in range(60)]
    texts = [f"Entity {name} is in the world." for name in names]
    write(
        folder / "data",
        "mewsli-x/candidate_entities/test",
        (),
        entity_id=names,
        description=texts,
        sentence_spans=[[{"start": 0, "end": len(text)}] for text in texts],
    )
    pairs = [
        {"context": row["context"], "mention": row["mentions"][0]}
        for row in (article("en", f"Place{number}") for number in range(8))
    ]
    described = [
        {"description": f"Place{n} is a place.", "sentence_spans": [{"start": 0, "end": 9}]}
        for n in range(8)
    ]
    write(
        folder / "data",
        "mewsli-x/wikipedia_pairs/train",
        (),
        contextual_mention=pairs,
        entity=described,
    )
    return len(names)


def article(code: str, name: str) -> dict[str, Any]:
    """An article of one sentence with one mention, of an entity of the name's own."""
    text = f"He went to {name} once."
    start, end = text.index(name), text.index(name) + len(name)
    return {
        "context": {
            "document_title": name,
            "language": code,
            "text": text,
            "sentence_spans": [{"start": 0, "end": len(text)}],
        },
        "mentions": [
            {
                "example_id": f"{code}-{name}",
                "mention_span": {"start": start, "end": end, "text": name},
                "entity_id": f"Q{sum(map(ord, name))}",
            }
        ],
    }


def scores(folder: Path, record: StudyRecord) -> list[dict[str, Any]]:
    """The scores of one trial."""
    final = run(folder / "root", record, SETTING, "example")[-1]
    found: list[dict[str, Any]] = json.loads(final["record"])["scores"]
    return found


def test_mewsli_is_scored_against_a_small_pool_or_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search's score has a name of its own; with all candidates it has the metric's."""
    count = mewsli(tmp_path)
    row = {
        "name": "example",
        "like": "mewslix",
        "config": "example",
        "only": "context.language={language}",
        "languages": list(CODES),
        "source_dev": [],
        "search_pool": 30,
    }
    record = started(tmp_path, "example", row)
    assert count > 60
    small = scores(tmp_path, record)
    assert {score["language"] for score in small} == set(CODES)
    assert {score["metric"] for score in small} == {"map_at_20_of_30"}
    found = StudyRecord.frozen.func

    def whole(record: StudyRecord) -> Frozen:
        return replace(found(record), whole_pool=True)

    monkeypatch.setattr(StudyRecord, "frozen", property(whole))
    large = scores(tmp_path, record)
    assert {score["metric"] for score in large} == {"map_at_20"}
    mean = [sum(score["value"] for score in table) for table in (small, large)]
    assert mean[0] > mean[1]  # the same vectors among fewer candidates
    assert {score["rows"] for score in small if score["language"] == "de"} == {1}
