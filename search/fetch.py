"""``fetch``: bring what a plan needs of the hub, where there is a network."""

from dataclasses import dataclass
from pathlib import Path

from search.bringing import Arrival, Want, arrival, unknown_commits, wanted
from search.checking import check
from search.driver import store_root
from search.listing import table
from search.study import frozen_commits
from spaces.hub import HUB
from spaces.plan import Plan

HEAD = ("repository", "commit", "pieces", "size", "licence", "for")

MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a plan needed of the hub, and what became of it."""

    plan: Plan
    arrivals: tuple[Arrival, ...]

    @property
    def failures(self) -> list[str]:
        """What could not be brought."""
        return [line for one in self.arrivals for line in one.failures]


def fetch(plan: Plan, root: Path | str) -> Fetched:
    """Bring a plan's checkpoints, tokenizers and data sets into the hub's cache.

    Args:
        plan: a study of it need not be there.
        root: holds the study if it has begun: what it froze is brought, not what is newest.

    Raises:
        PlanError: with every mistake; nothing was brought.
        StoreError: the study's record cannot be read.
    """
    checked = check(plan)
    wants = wanted(checked.plan, checked.catalogue, checked.needed)
    checked.stop(unknown_commits(plan, wants))
    frozen = frozen_commits(store_root(plan, root), plan.study.name)
    commits = {**frozen, **plan.data.commits}
    return Fetched(plan, tuple(_arrival(want, commits) for want in wants))


def _arrival(want: Want, commits: dict[str, str]) -> Arrival:
    return arrival(want, commits, may_ask=True, newest=True)


def fetched_text(fetched: Fetched) -> str:
    """A table of what was brought, its size and licence; what was not; where it is."""
    lines = [_rest(fetched.plan)]
    if fetched.arrivals:
        from trainables.hub_cache import cache_folder

        sizes = [_sizes(one) for one in fetched.arrivals]
        rows = [
            _row(one, sum(files.values()))
            for one, files in zip(fetched.arrivals, sizes, strict=True)
        ]
        whole = sum({file: size for files in sizes for file, size in files.items()}.values())
        lines = [*table(HEAD, rows), f"{_size(whole)} in {cache_folder()}", *lines]
    if fetched.failures:
        lines += ["", f"could not be brought ({len(fetched.failures)}):"]
        lines += [f"  {line}" for line in fetched.failures]
        lines += ["what has come stays: the same command goes on"]
    return "\n".join(lines)


def _row(one: Arrival, size: int) -> tuple[str, ...]:
    from trainables.hub_cache import find

    want = one.want
    here = sum(find(piece, one.commit) is not None for piece in want.pieces) if one.commit else 0
    names = list(want.names)
    shown = " ".join(names[:MOST_NAMES]) + (" ..." if len(names) > MOST_NAMES else "")
    ours = f"{', '.join(want.licences)} (our catalogue)" if want.licences else "not stated"
    pieces = f"{here} of {len(want.pieces)}"
    return (
        str(want.repository),
        one.commit[:12] or "-",
        pieces,
        _size(size),
        one.licence or ours,
        shown,
    )


def _sizes(one: Arrival) -> dict[Path, int]:
    """Files of an arrival, each once: languages may share one."""
    from trainables.hub_cache import piece_sizes

    pieces = one.want.pieces if one.commit else ()
    return {file: size for piece in pieces for file, size in piece_sizes(piece, one.commit).items()}


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _rest(plan: Plan) -> str:
    """What is not on the hub and needs no fetching."""
    if plan.data.source == HUB:
        return "then, without a network: [data] offline = true, and the same HF_HOME"
    where = f"are in {plan.data.source}" if plan.world == "real" else "are generated"
    return f"rows {where}: nothing to fetch"
