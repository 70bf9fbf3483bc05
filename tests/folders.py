"""Folders of rows that several test files share: generated ones, and the real one where it is."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from spaces.catalogue import Catalogue
from spaces.phases import Rows
from tests.worlds import plan
from trainables.sources.folder import Folder as Shelf
from trainables.sources.real import RealSource

REPOSITORY = Path(__file__).parent.parent
DATA = Path(os.environ.get("TRANSFER_SEARCH_DATA", REPOSITORY.parent / "shared" / "data"))

LABELS = ("entailment", "neutral", "contradiction")


def write(
    folder: Path, place: str, names: tuple[str, ...] = LABELS, /, **columns: list[Any]
) -> Path:
    """A parquet file as the hub has it: labels are class labels in the order of ``names``."""
    file = folder / f"{place}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    kinds = {name: Value("string") for name in columns}
    if names and "label" in columns:
        kinds["label"] = ClassLabel(names=list(names))
        Dataset.from_dict(columns, features=Features(kinds)).to_parquet(file)
    else:
        pq.write_table(pa.table(columns), file)
    return file


def nli_rows(count: int, word: str = "p") -> dict[str, list[Any]]:
    """Numbered rows whose label is their number modulo three."""
    return {
        "premise": [f"{word}{number}" for number in range(count)],
        "hypothesis": [f"h{number}" for number in range(count)],
        "label": [number % 3 for number in range(count)],
    }


class Folder:
    """A folder, its source and short ways to ask it."""

    def __init__(self, root: Path, *tasks: dict[str, Any], bad_rows: str = "stop") -> None:
        self.path = root / "data"
        space = {"source_languages": [["en"]], "mixture": None}
        own = [{"name": "own", "path": "/nowhere"}]
        values = plan(str(self.path), space=space, task=list(tasks), initialisation=own)
        self.catalogue = Catalogue.for_plan(values)
        self.source = RealSource(Shelf(self.path), self.catalogue, bad_rows)

    def asked(self, task: str, language: str, split: str, **more: Any) -> Rows:
        """Rows at their present revision."""
        revision = self.source.revision(task, language, split)
        return Rows(task=task, language=language, split=split, revision=revision, **more)

    def rows(
        self, task: str, language: str, split: str, cap: int | None = None, seed: int = 1
    ) -> dict[str, list[Any]]:
        """Rows at their present revision."""
        return self.source.rows(self.asked(task, language, split, cap=cap, rows_seed=seed))

    def candidates(self, task: str, language: str, split: str, **more: Any) -> dict[str, list[Any]]:
        """Candidates of rows at their present revision."""
        return self.source.candidates(self.asked(task, language, split, **more))


def real_source(*tasks: dict[str, Any]) -> RealSource:
    """The real folder; the test is skipped where it is absent."""
    if not (DATA / "xnli").is_dir():
        pytest.skip(f"{DATA} is absent: set TRANSFER_SEARCH_DATA to a folder in the hub's schemas")
    own = [{"name": "own", "path": "/nowhere"}]
    space = {"source_languages": [["en"]], "mixture": None}
    values = plan(str(DATA), space=space, task=list(tasks), initialisation=own)
    return RealSource(Shelf(DATA), Catalogue.for_plan(values))


def read(source: RealSource, task: str, language: str, split: str) -> dict[str, list[Any]]:
    """Real rows at their present revision."""
    revision = source.revision(task, language, split)
    return source.rows(Rows(task=task, language=language, split=split, revision=revision))
