"""A folder in the hub's schemas: ``<data set>/<config>/<split>.parquet``."""

from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spaces.languages import Language
from spaces.places import file_sha256
from spaces.tasks import DataSet
from trainables.rows import RowError
from trainables.sources.shelf import named


@cache
def _hashed_at(file: Path, changed: int, size: int) -> str:
    """The hash of a file as it was at one time; hashing large files again and again is slow."""
    return file_sha256(file)


class Folder:
    """Parquet files under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def where(self, data: DataSet, language: Language, split: str) -> str:
        """The file's path."""
        return str(self._file(data, language, split))

    def has(self, data: DataSet, language: Language, split: str) -> bool:
        """Whether the file is there."""
        return bool(data.folder) and self._file(data, language, split).is_file()

    def revision(self, data: DataSet, language: Language, split: str) -> str:
        """Hash of the file.

        Raises:
            RowError: it is absent.
        """
        file = self._present(data, language, split)
        state = file.stat()
        return _hashed_at(file, state.st_mtime_ns, state.st_size)

    def load(self, data: DataSet, language: Language, split: str) -> pa.Table:
        """The file's rows.

        Raises:
            RowError: it is absent, or no parquet file.
        """
        file = self._present(data, language, split)
        try:
            return pq.read_table(file, partitioning=None)  # its folders' names are no columns
        except pa.ArrowInvalid as error:
            raise RowError(f"{file} is no parquet file: {error}; fetch it again") from None

    def _file(self, data: DataSet, language: Language, split: str) -> Path:
        config = named(data.config, data, language)
        return (self._folder / data.folder / config / f"{split}.parquet").absolute()

    def _present(self, data: DataSet, language: Language, split: str) -> Path:
        file = self._file(data, language, split)
        if not data.folder or not file.is_file():
            raise RowError(f"{file} is absent")
        return file
