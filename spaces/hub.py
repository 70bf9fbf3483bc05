"""Names of repositories on the Hugging Face hub, and the commits that a study freezes of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

HUB = "hub"
"""What ``[data] source`` is where rows come from the hub."""

PARQUET = "refs/convert/parquet"
"""Branch where the hub keeps its own conversion of data sets that have a loading script."""

COMMIT = re.compile(r"[0-9a-f]{40}")

_PREFIX = "hub:"
_CHECKPOINT = re.compile(r"hub:([\w-][\w.-]*/[\w-][\w.-]*)(?:@(\S+))?")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of the hub at a branch, a tag or a commit."""

    kind: Literal["model", "dataset"]
    id: str
    """Owner and name."""
    revision: str = "main"

    def __str__(self) -> str:
        """As the hub's addresses have it: ``owner/name@v1``, ``datasets/owner/name``."""
        start = "" if self.kind == "model" else "datasets/"
        return f"{start}{self.id}" + ("" if self.revision == "main" else f"@{self.revision}")


def is_on_hub(path: str) -> bool:
    """Whether an initialisation's ``path`` means a repository of the hub."""
    return path.startswith(_PREFIX)


def checkpoint(path: str) -> Repository:
    """The repository that an initialisation's ``path`` means.

    Raises:
        ValueError: it is not ``hub:<owner>/<name>`` or ``hub:<owner>/<name>@<revision>``.
    """
    found = _CHECKPOINT.fullmatch(path)
    if not found:
        raise ValueError(
            f"{path!r} must be 'hub:<owner>/<name>' or 'hub:<owner>/<name>@<revision>'"
        )
    return Repository("model", found[1], found[2] or "main")


def at_commit(path: str, commits: Mapping[str, str]) -> str:
    """An initialisation's ``path`` at its frozen commit; as it is where none is frozen."""
    if not is_on_hub(path):
        return path
    repository = checkpoint(path)
    commit = commits.get(str(repository))
    return f"{_PREFIX}{repository.id}@{commit}" if commit else path
