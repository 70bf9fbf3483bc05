"""What a plan needs of the hub, and bringing it: before a study starts, or by ``fetch``."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from spaces.catalogue import Catalogue
from spaces.hub import HUB, Repository, checkpoint, is_on_hub
from spaces.mistakes import Mistake, PlanError, nearest
from spaces.plan import Plan
from trainables.rows import RowError

if TYPE_CHECKING:
    from trainables.hub_cache import Piece

# The hub's client is imported inside the functions: most plans have nothing to do with it.

COMMAND = "transfer-search fetch PLAN.toml"

MOST_SAID = 400
"""Characters of an error; the hub's hold whole addresses."""


class NotBrought(OSError):
    """The hub did not give something; the message lists all of it."""


@dataclass(slots=True)
class Want:
    """A repository of the hub, and what a plan needs of it."""

    repository: Repository
    licences: dict[str, None] = field(default_factory=dict)
    """As our catalogue knows them: a repository may hold many data sets."""
    names: dict[str, None] = field(default_factory=dict)
    """Tasks or initialisations that need it."""
    pieces: "dict[Piece, None]" = field(default_factory=dict)


@dataclass(slots=True)
class Arrival:
    """What became of a want."""

    want: Want
    commit: str = ""
    licence: str = ""
    failures: list[str] = field(default_factory=list)


def wanted(plan: Plan, catalogue: Catalogue, needed: Iterable[tuple[str, str, str]]) -> list[Want]:
    """Everything of the hub that a plan's trials, and the seal on its test rows, can need.

    Args:
        plan: names initialisations, targets and the source of rows.
        catalogue: the plan's rows.
        needed: task, language and split of every row set that some trial may read.

    Raises:
        PlanError: a task's data set is not on the hub, though all rows come from there.
    """
    wants: dict[Repository, Want] = {}
    for row in catalogue.starts(plan.space.initialisations):
        if is_on_hub(row.path):
            _add(wants, _checkpoint_piece(row.path), row.name, row.licence)
    if plan.data.source == HUB:
        mistakes = _add_rows(wants, plan, catalogue, needed)
        if mistakes:
            raise PlanError(f"plan of study {plan.study.name!r}", mistakes)
    return list(wants.values())


def _checkpoint_piece(path: str) -> "Piece":
    from trainables.hub_cache import Piece

    return Piece(checkpoint(path))


def _add(wants: dict[Repository, Want], piece: "Piece", name: str, licence: str) -> None:
    want = wants.setdefault(piece.repository, Want(piece.repository))
    want.licences |= {licence: None} if licence else {}
    want.names[name] = None
    want.pieces[piece] = None


def _add_rows(
    wants: dict[Repository, Want],
    plan: Plan,
    catalogue: Catalogue,
    needed: Iterable[tuple[str, str, str]],
) -> list[Mistake]:
    """Pieces of all row sets and of the test rows that the study seals; what is not on the hub."""
    from trainables.sources.hub import HubShelf
    from trainables.sources.real import RealSource
    from trainables.sources.sealing import sealed_tasks, stored_split

    shelf = HubShelf({})
    source = RealSource(shelf, catalogue)
    parts = [(catalogue.tasks[task], language, split) for task, language, split in needed]
    for task in sealed_tasks(catalogue, plan.targets.tasks):
        if task.data is not None and "test" in task.data.splits:
            parts += [(task, code, "test") for code in task.languages or task.train_languages]
    mistakes: dict[str, Mistake] = {}
    for row, language, split in parts:
        try:
            for part in source.shelved(row, language, stored_split(split)):
                _add(wants, shelf.piece(*part), row.name, part[0].licence)
        except RowError as error:
            expected = "a task with rows on the hub, or a folder as [data] source"
            mistakes.setdefault(row.name, Mistake(f"rows of {row.name!r}", str(error), expected))
    return list(mistakes.values())


def unknown_commits(plan: Plan, wants: Iterable[Want]) -> Iterator[Mistake]:
    """Commits that a plan names of repositories that it does not use."""
    used = {_plain(str(want.repository)) for want in wants}
    for name in plan.data.commits:
        if _plain(name) not in used:
            yield Mistake("[data.commits]", repr(name), nearest(name, used))


def _plain(name: str) -> str:
    return name.partition("@")[0]


def with_pieces(plan: Plan, wants: Iterable[Want], commits: Mapping[str, str]) -> Plan:
    """A plan with the commits of all that it needs of the hub, which now lies in the cache.

    Args:
        plan: may name commits itself; these come first.
        wants: what it needs.
        commits: what its study has frozen. Else a commit is the one that was brought last, or,
            where the hub may be asked, its branch's newest.

    Raises:
        PlanError: pieces are missing, and the hub may not be asked.
        NotBrought: the hub did not give a piece.
    """
    commits = {**commits, **plan.data.commits}
    offline = is_offline(plan)
    arrivals = [arrival(want, commits, not offline) for want in wants]
    if lines := [line for one in arrivals for line in one.failures]:
        listed = "\n      ".join(lines)
        if not offline:
            raise NotBrought(f"the hub did not give what the plan needs:\n      {listed}")
        why = "[data] offline" if plan.data.offline else "HF_HUB_OFFLINE"
        expected = f"all of it in the cache; on a machine with a network: {COMMAND}"
        mistake = Mistake(why, f"missing from {_cache()}:\n      {listed}", expected)
        raise PlanError(f"plan of study {plan.study.name!r}", [mistake])
    found = {str(one.want.repository): one.commit for one in arrivals}
    frozen = commits | {name: commit for name, commit in found.items() if not name.endswith(commit)}
    data = plan.data.model_copy(update={"commits": dict(sorted(frozen.items()))})
    return plan.model_copy(update={"data": data})


def is_offline(plan: Plan) -> bool:
    """Whether the hub may not be asked: the plan says so, or the environment."""
    from huggingface_hub import is_offline_mode

    return plan.data.offline or is_offline_mode()


def _cache() -> str:
    from trainables.hub_cache import cache_folder

    return str(cache_folder())


def arrival(want: Want, commits: Mapping[str, str], may_ask: bool, newest: bool = False) -> Arrival:
    """Bring what is missing of a repository.

    Args:
        want: what is needed of it.
        commits: repository -> frozen commit.
        may_ask: whether the hub may be asked.
        newest: ask it in any case, and go to the branch's newest commit where none is frozen.
    """
    from trainables.hub_cache import find, known_commit

    frozen = commits.get(str(want.repository), "")
    commit = frozen or ("" if newest else known_commit(want.repository))
    missing = [piece for piece in want.pieces if not commit or not find(piece, commit)]
    if may_ask and (missing or newest):
        return _asked(want, commit)
    if not missing:
        return Arrival(want, commit)
    at = f"@{commit}" if commit else " (never fetched)"
    named = ", ".join(map(str, missing))
    return Arrival(want, commit, failures=[f"{_plain(str(want.repository))}{at}: {named}"])


def _asked(want: Want, commit: str) -> Arrival:
    """Ask the hub for a repository, at a commit or for its newest one.

    A failure has one of many classes (the client's, its HTTP library's, those of ``datasets``), and
    none of them may hide what else is missing.
    """
    from trainables.fetching import bring, describe
    from trainables.hub_cache import find, remember_commit

    place = want.repository
    try:
        described = describe(replace(place, revision=commit) if commit else place)
    except Exception as error:
        return Arrival(want, commit, failures=[f"{place}: {_said(error)}"])
    found = Arrival(want, described.commit, described.licence)
    for piece in want.pieces:
        try:
            if not find(piece, described.commit):
                bring(piece, described)
        except Exception as error:
            found.failures.append(f"{place} {piece}: {_said(error)}")
    if not commit and not found.failures:
        remember_commit(place, described.commit)
    return found


def _said(error: Exception) -> str:
    """An error on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}..."
