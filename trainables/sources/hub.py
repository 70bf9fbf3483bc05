"""Data sets of the Hugging Face hub, read from its cache at frozen commits."""

from collections.abc import Mapping

import pyarrow as pa

from spaces.hub import Repository
from spaces.languages import Language
from spaces.tasks import DataSet
from trainables.hub_cache import Brought, Piece, cache_folder, find, piece_files
from trainables.rows import RowError
from trainables.sources.shelf import named


class HubShelf:
    """What ``fetch`` or the start of a study has brought; a branch that moves on changes nothing.

    Whether rows are here does not decide what there is: ``has`` says what a row of the catalogue
    says, so that a study seals the same test rows on every machine.
    """

    def __init__(self, commits: Mapping[str, str]) -> None:
        """A shelf of frozen commits, by the repository's name; see ``spaces.hub``."""
        self._commits = commits

    def where(self, data: DataSet, language: Language, split: str) -> str:
        """Data set, configuration and split."""
        return f"{data.hub} {self.piece(data, language, split)}"

    def has(self, data: DataSet, language: Language, split: str) -> bool:
        """Whether the catalogue's row names a data set of the hub."""
        return bool(data.hub)

    def revision(self, data: DataSet, language: Language, split: str) -> str:
        """Commit, configuration and split.

        Raises:
            RowError: no commit is frozen, or it is not in the cache.
        """
        piece, commit, _ = self._found(data, language, split)
        return f"{piece.repository.id}@{commit}/{piece}"

    def load(self, data: DataSet, language: Language, split: str) -> pa.Table:
        """The split as a memory-mapped Arrow table.

        Raises:
            RowError: it is not in the cache, or its files are damaged.
        """
        return read_piece(*self._found(data, language, split))

    def piece(self, data: DataSet, language: Language, split: str) -> Piece:
        """What holds some rows on the hub.

        Raises:
            RowError: the data set is not on the hub.
        """
        if not data.hub:
            raise RowError(
                f"{data.folder or 'this data set'!r} is not on the hub: read it from a folder "
                "([data] source), or name a copy with `hub` in a [[task]] row"
            )
        repository = Repository("dataset", data.hub, data.branch)
        return Piece(repository, named(data.hub_config or data.config, data, language), split)

    def _found(self, data: DataSet, language: Language, split: str) -> tuple[Piece, str, Brought]:
        piece = self.piece(data, language, split)
        commit = self._commits.get(str(piece.repository), data.branch)
        brought = find(piece, commit)
        if brought is None:
            raise RowError(
                f"{data.hub} {piece} at {commit} is not in {cache_folder()}: "
                "`transfer-search fetch PLAN.toml` brings it"
            )
        return piece, commit, brought


def read_piece(piece: Piece, commit: str, brought: Brought) -> pa.Table:
    """A split as ``datasets`` reads it; its Arrow file is made once and mapped into memory.

    Raises:
        RowError: its files are damaged.
    """
    # Heavy (a second), and not needed to say what a plan lacks.
    from datasets import Features, disable_progress_bars, load_dataset
    from datasets.exceptions import DatasetGenerationError

    disable_progress_bars()
    folder = piece_files(piece, commit)
    try:
        rows = load_dataset(
            brought.reader,
            data_files={piece.split: [str(folder / name) for name in brought.files]},
            features=Features.from_dict(brought.features) if brought.features else None,
            split=piece.split,
            **brought.options,
        )
    except (DatasetGenerationError, pa.ArrowException) as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        raise RowError(f"{piece.repository.id} {piece} at commit {commit}: {cause}") from None
    return rows.data.table
