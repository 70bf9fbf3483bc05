"""Where whole data sets stand: a folder, or the hub's cache."""

from typing import Protocol

import pyarrow as pa

from spaces.languages import Language
from spaces.tasks import DataSet
from trainables.rows import RowError


class Shelf(Protocol):
    """Data sets by configuration and split; splits are named as the data set names them."""

    def where(self, data: DataSet, language: Language, split: str) -> str:
        """How messages name some rows: one name for each configuration and split."""

    def has(self, data: DataSet, language: Language, split: str) -> bool:
        """Whether rows are there, without reading them."""

    def revision(self, data: DataSet, language: Language, split: str) -> str:
        """What names the content of some rows.

        Raises:
            RowError: they are not there.
        """

    def load(self, data: DataSet, language: Language, split: str) -> pa.Table:
        """The rows; class labels stand in the schema's metadata, as ``datasets`` writes them.

        Raises:
            RowError: they are not there, or cannot be read.
        """


def named(template: str, data: DataSet, language: Language) -> str:
    """A name in which ``{language}``, ``{iso3}`` and ``{name}`` are filled in as a set spells them.

    Raises:
        RowError: it has other fields.
    """
    code = data.spelled.get(language.code, language.code)
    iso3 = data.spelled.get(language.code, language.iso3)
    fields = {"language": code, "iso3": iso3, "name": language.name.lower()}
    try:
        return template.format(**fields)
    except (KeyError, IndexError, ValueError):
        allowed = ", ".join(f"{{{field}}}" for field in fields)
        raise RowError(f"{template!r} may hold {allowed} alone") from None
