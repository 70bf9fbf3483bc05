"""Test rows stay sealed: by split, by place and by content; what a search may spend of them."""

import hashlib
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from spaces.selection import Cut
from tests.folders import DATA, Folder, nli_rows, read, real_source, write
from trainables.rows import Access, RowError, SealedRows
from trainables.sources import SealedSource, sealing
from trainables.sources.folder import Folder as Shelf
from trainables.sources.hashes import cache_folder, keep_hashes, read_hashes
from trainables.sources.real import RealSource
from trainables.sources.sealing import contents

REAL = Catalogue.of_world("real")


def like(name: str, of: str, **row: Any) -> dict[str, Any]:
    """A row of the user's own."""
    return {"name": name, "like": of, **row}


def frame(place: str) -> dict[str, list[Any]]:
    """A real file as it is."""
    file = DATA / f"{place}.parquet"
    if not file.is_file():
        pytest.skip(f"{file} is absent: set TRANSFER_SEARCH_DATA to a folder in the hub's schemas")
    return dict(pq.read_table(file).to_pydict())


def plain(text: str) -> str:
    """This file's own idea of equal text."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


# Hashes


def normal(text: str) -> str:
    """Words of a text in one form and case."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@given(text=st.text(), other=st.text(min_size=1))
def test_equal_text_has_equal_hashes(text: str, other: str) -> None:
    """Whatever its case, spaces and Unicode form, and whichever of a pair comes first."""
    spelt = [f" {text}\n", text.upper(), unicodedata.normalize("NFD", text)]
    table = {"text": [text, other, *spelt], "text_pair": [other, text, *[other] * len(spelt)]}
    first, turned, *others = contents(REAL.tasks["xnli"], table)
    assert first == turned
    for found, name in zip(spelt, others, strict=True):
        assert normal(found) != normal(text) or name == first
    assert others[0] == first


def test_another_text_has_another_hash() -> None:
    """The pair's border counts, and so does every word."""
    table = {"text": ["a b", "a", "a b c"], "text_pair": ["c", "b c", "d"]}
    assert len(set(contents(REAL.tasks["xnli"], table))) == 3


# The seal, on generated files


def test_a_test_file_read_as_training_rows_is_sealed(tmp_path: Path) -> None:
    """All of its rows, whatever split and folder they come under."""
    own = [
        like("copied", "sick", folder="copied"),
        like("same_file", "sick", folder="xnli", config="{language}", splits={"train": "test"}),
    ]
    own = [{**row, "columns": {"text": "premise", "text_pair": "hypothesis"}} for row in own]
    folder = Folder(tmp_path, *own)
    write(folder.path, "xnli/en/test", **nli_rows(5))
    write(folder.path, "copied/default/train", **nli_rows(9))
    assert folder.rows("copied", "en", "train")["text"] == ["p5", "p6", "p7", "p8"]
    assert folder.source.left_out(folder.asked("copied", "en", "train")) == {"sealed": 5}
    with pytest.raises(RowError, match=r"no rows that may be used: 5 rows.*5 sealed"):
        folder.source.revision("same_file", "en", "train")


@pytest.mark.parametrize(
    "row",
    [
        like("xnli", "xnli", splits={"dev": "test"}),
        like("xnli", "xnli", languages=["en", "fr", "hi"], splits={"dev": "test"}),
        like("mine", "xnli", splits={"dev": "test"}),
        like("xnli", "xnli", folder="elsewhere", splits={"dev": "validation"}),
    ],
)
def test_a_row_in_a_targets_place_does_not_unseal_it(tmp_path: Path, row: dict[str, Any]) -> None:
    """Test rows of what is built in are sealed whatever a plan calls by its name."""
    folder = Folder(tmp_path, row)
    for place in ("xnli/de/test", "elsewhere/de/validation"):
        write(folder.path, place, **nli_rows(5))
    with pytest.raises(RowError, match="5 sealed"):
        folder.source.revision(row["name"], "de", "dev")


def test_a_pair_in_the_other_order_is_sealed(tmp_path: Path) -> None:
    """A premise and its hypothesis are no other text the other way round."""
    columns = {"text": "hypothesis", "text_pair": "premise"}
    folder = Folder(tmp_path, like("turned", "sick", folder="turned", columns=columns))
    write(folder.path, "xnli/en/test", **nli_rows(5))
    write(folder.path, "turned/default/train", **nli_rows(7))
    assert len(folder.rows("turned", "en", "train")["text"]) == 2


def test_a_test_file_is_sealed_also_where_it_is_read_as_something_else(tmp_path: Path) -> None:
    """XNLI's test premises as a bitext have no content of any target, but they are its file."""
    folder = Folder(tmp_path, like("bitext", "xnli_bitext", splits={"dev": "test"}))
    for code in ("en", "de"):
        write(folder.path, f"xnli/{code}/test", **nli_rows(5, code))
    with pytest.raises(RowError, match="5 sealed"):
        folder.source.revision("bitext", "de", "dev")


def test_candidates_of_sealed_paragraphs_are_sealed(tmp_path: Path) -> None:
    """A search does not even rank against sentences of a target's test paragraphs."""
    folder = Folder(tmp_path)
    rows = {
        "id": ["a", "b"],
        "context": ["It is red. It is big.", "It is blue. It is small."],
        "question": ["which colour?"] * 2,
        "answers": [
            {"text": ["red"], "answer_start": [6]},
            {"text": ["blue"], "answer_start": [6]},
        ],
    }
    write(folder.path, "squad/plain_text/validation", (), **rows)
    write(folder.path, "xquad/en/validation", (), **{n: v[:1] for n, v in rows.items()})
    pool = folder.candidates("squad_sentences", "en", "dev")
    assert pool["target_id"] == ["en:1:0", "en:1:1"]


def test_a_test_part_itself_is_whole(tmp_path: Path) -> None:
    """Who may open it reads all of it."""
    folder = Folder(tmp_path)
    write(folder.path, "xnli/en/test", **nli_rows(5))
    assert len(folder.rows("xnli", "en", "test")["text"]) == 5
    assert folder.source.left_out(folder.asked("xnli", "en", "test")) == {}


# The cache of hashes


def sealed(folder: Folder) -> dict[str, int]:
    """Counts of a fresh process on one folder."""
    source = RealSource(Shelf(folder.path), folder.catalogue)
    return source.left_out(Rows(task="xnli", language="en", split="dev", revision=""))


def test_kept_hashes_are_those_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process hashes no test row again; another file, or a damaged cache, is hashed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    hashed = []

    def counted(text: bytes, digest_size: int) -> Any:
        hashed.append(text)
        return hashlib.blake2b(text, digest_size=digest_size)

    monkeypatch.setattr(sealing, "blake2b", counted)
    folder = Folder(tmp_path)
    write(folder.path, "xnli/en/validation", **nli_rows(5))
    write(folder.path, "xnli/en/test", **nli_rows(3))

    def again() -> tuple[dict[str, int], int]:
        hashed.clear()
        return sealed(folder), len(hashed)

    assert again() == ({"sealed": 3}, 3 + 5)
    assert again() == ({"sealed": 3}, 5)
    (file,) = cache_folder().iterdir()
    for damaged in (b"", file.read_bytes()[:-1], b"x" + file.read_bytes()[1:]):
        file.write_bytes(damaged)
        assert again() == ({"sealed": 3}, 3 + 5)
    write(folder.path, "xnli/en/test", **nli_rows(2))
    assert again() == ({"sealed": 2}, 2 + 5)
    write(folder.path, "xnli/fr/test", **nli_rows(4))
    assert again() == ({"sealed": 4}, 2 + 4 + 5)


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the folder should be: nothing is kept and nothing fails."""
    (tmp_path / "cache").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    keep_hashes("name", [b"12345678"])
    assert read_hashes("name") is None


# What a search may see


CUT = Cut(
    selection="held_out_languages",
    dev_language="en",
    objective=("de", "es", "ru", "zh"),
    selecting=("de", "ru"),
    reported=("es", "zh"),
    items_seed=3,
)


def xquad(folder: Folder, *languages: str, paragraphs: int = 40) -> None:
    """Parallel paragraphs with two questions each."""
    for code in languages:
        texts = [f"{code} {number}" for number in range(paragraphs) for _ in range(2)]
        rows = {
            "id": [str(number) for number in range(2 * paragraphs)],
            "context": texts,
            "question": ["which?"] * len(texts),
            "answers": [{"text": [code], "answer_start": [0]}] * len(texts),
        }
        for name in ("xquad", "lareqa"):
            breaks = {"sentence_breaks": [[[0, len(text)]] for text in texts]}
            more = breaks if name == "lareqa" else {}
            write(folder.path, f"{name}/{code}/validation", (), **rows, **more)


@pytest.mark.parametrize("task", ["xquad", "lareqa", "tatoeba"])
@pytest.mark.parametrize("split", ["test", "spent"])
def test_test_rows_are_refused(tmp_path: Path, task: str, split: str) -> None:
    """Rows and candidates, to everybody without access."""
    folder = Folder(tmp_path)
    xquad(folder, "de")
    write(folder.path, "tatoeba/deu/validation", (), source_sentence=["a"], target_sentence=["b"])
    source = SealedSource(folder.source, Access())
    asked = folder.asked(task, "de", "test")
    asked = replace(asked, split=split)
    for read_rows in (source.rows, source.candidates):
        with pytest.raises(SealedRows, match="test rows"):
            read_rows(asked)
    for access in (Access(opened=frozenset({"other"})), Access(spent={"other": CUT})):
        with pytest.raises(SealedRows):
            SealedSource(folder.source, access).rows(asked)


def spent(folder: Folder, task: str, language: str, what: str = "rows") -> dict[str, list[Any]]:
    """Spent rows or candidates under the cut."""
    source = SealedSource(folder.source, Access(spent={task: CUT}))
    revision = source.revision(task, language, "spent")
    asked = replace(folder.asked(task, language, "test"), split="spent", revision=revision)
    found: dict[str, list[Any]] = getattr(source, what)(asked)
    return found


def test_a_search_spends_half_of_the_items_in_selecting_languages(tmp_path: Path) -> None:
    """The same paragraphs in each, whole, of rows and candidates; none in the others."""
    folder = Folder(tmp_path)
    xquad(folder, "de", "es", "ru")
    rows = [spent(folder, "xquad", code) for code in CUT.selecting]
    assert rows[0]["item"] == rows[1]["item"] and 0 < len(set(rows[0]["item"])) < 40
    assert {CUT.half(item) for item in rows[0]["item"]} == {"selecting"}
    whole = folder.rows("xquad", "de", "test")
    pairs = zip(whole["text"], whole["item"], strict=True)
    theirs = [text for text, item in pairs if item not in rows[0]["item"]]
    assert not set(rows[0]["text"]) & set(theirs) and len(rows[0]["text"]) % 2 == 0
    pool = spent(folder, "lareqa", "de", "candidates")
    assert {CUT.half(item) for item in pool["item"]} == {"selecting"}
    for what in ("rows", "candidates"):
        with pytest.raises(SealedRows, match="does not spend"):
            spent(folder, "lareqa", "es", what)


def test_opened_test_rows_are_whole(tmp_path: Path) -> None:
    """A confirmation reads all of them, of its targets alone."""
    folder = Folder(tmp_path)
    xquad(folder, "es")
    source = SealedSource(folder.source, Access(opened=frozenset({"xquad"})))
    assert len(source.rows(folder.asked("xquad", "es", "test"))["text"]) == 80
    with pytest.raises(SealedRows):
        source.rows(folder.asked("lareqa", "es", "test"))


# The real files


@pytest.fixture(scope="module")
def real() -> RealSource:
    """The folder of real data sets."""
    return real_source()


def test_squad_dev_has_no_xquad_paragraph(real: RealSource) -> None:
    """158 of the sample's 2,000 questions ask about XQuAD's paragraphs."""
    theirs = {plain(text) for text in frame("xquad/en/validation")["context"]}
    ours = frame("squad/plain_text/validation")["context"]
    assert sum(plain(text) in theirs for text in ours) == 158
    for task, column in (("squad", "text"), ("squad_sentences", "content")):
        table = read(real, task, "en", "dev")
        assert len(table["item"]) == len(ours) - 158
        assert not {plain(text) for text in table[column]} & theirs


@pytest.mark.parametrize(("code", "rows"), [("ko", (8, 1)), ("sw", (118, 24))])
def test_tydiqa_training_rows_of_test_paragraphs_are_left_out(
    real: RealSource, code: str, rows: tuple[int, int]
) -> None:
    """Some articles are in both files; what is left shares no paragraph, and nothing else went."""
    theirs = {plain(text) for text in frame(f"tydiqa/{code}/validation")["context"]}
    ours = frame(f"tydiqa/{code}/train")["context"]
    shared = sum(plain(text) in theirs for text in ours)
    tables = [read(real, "tydiqa", code, split) for split in ("train", "dev")]
    kept = sum(len(table["item"]) for table in tables)
    assert shared == sum(rows) and kept == len(ours) - shared
    for table, split, left in zip(tables, ("train", "dev"), rows, strict=True):
        assert not {plain(text) for text in table["text"]} & theirs
        asked = Rows(task="tydiqa", language=code, split=split, revision="")
        assert real.left_out(asked) == {"sealed": left}


def test_copa_test_rows_in_a_training_file_are_left_out(tmp_path: Path) -> None:
    """They are XCOPA's test rows before translation."""
    test, train = frame("copa/en/test"), frame("copa/en/train")
    mixed = {name: train[name] + test[name] for name in train}
    folder = Folder(tmp_path, like("mine", "copa", folder="mine"))
    for place, rows in (("mine/en/train", mixed), ("copa/en/test", test)):
        (folder.path / place).parent.mkdir(parents=True)
        pq.write_table(pa.table(rows), folder.path / f"{place}.parquet")
    assert folder.rows("mine", "en", "train")["text"] == train["premise"]


@pytest.mark.parametrize(
    ("of", "language", "split"),
    [
        ("xnli", "sw", "dev"),
        ("xcopa", "qu", "dev"),
        ("udpos", "mr", "train"),
        ("xquad", "ro", "dev"),
        ("tydiqa", "fi", "train"),
        ("lareqa", "th", "dev"),
        ("tatoeba", "ka", "dev"),
    ],
)
def test_a_real_test_file_is_of_no_use_to_anybody(of: str, language: str, split: str) -> None:
    """A user's row that reads it as training or dev rows has none left."""
    data = REAL.tasks[of].data
    assert data is not None
    files = {split: data.splits["test"]}
    folder = {"folder": f"../{DATA.name}/{data.folder}"}  # another name of the same place
    real = real_source(
        like("mine", of, train_languages=[language], splits=files, held="", **folder)
    )
    with pytest.raises(RowError, match="no rows that may be used"):
        real.revision("mine", language, split)


def test_halves_of_xquad_share_no_paragraph(real: RealSource) -> None:
    """In any language: a paragraph's number is the same in all twelve."""
    tables = {code: read(real, "xquad", code, "test") for code in REAL.tasks["xquad"].languages}
    assert len({tuple(table["item"]) for table in tables.values()}) == 1
    for table in tables.values():
        halves: dict[str, set[str]] = {"selecting": set(), "reported": set()}
        for item, text in zip(table["item"], table["text"], strict=True):
            halves[CUT.half(item)].add(text)
        assert not halves["selecting"] & halves["reported"]
        assert len(halves["selecting"] | halves["reported"]) == 240
        assert 90 <= len(halves["selecting"]) <= 150
