"""Where rows come from: one interface, a source behind it for each kind of ``[data] source``."""

from pathlib import Path

from spaces.catalogue import Catalogue
from spaces.hub import HUB
from spaces.plan import Plan
from trainables.rows import SEALED, Access, Source
from trainables.sources.invented import MicroSource, OracleSource
from trainables.sources.sealing import SealedSource

__all__ = ["MicroSource", "OracleSource", "SealedSource", "source_for"]


def source_for(plan: Plan, catalogue: Catalogue, access: Access = SEALED) -> Source:
    """The source that a plan names, its test rows sealed.

    Args:
        plan: names the source.
        catalogue: rows of the plan's tasks.
        access: which test rows may be read after all.
    """
    return SealedSource(_inner(plan, catalogue), access)


def _inner(plan: Plan, catalogue: Catalogue) -> Source:
    if plan.world == "micro":
        return MicroSource(catalogue)
    if plan.world == "oracle":
        return OracleSource()
    # Heavy (datasets, a second) and needed for real rows alone.
    from trainables.sources.folder import Folder
    from trainables.sources.hub import HubShelf
    from trainables.sources.real import RealSource

    if plan.data.source == HUB:
        shelf = HubShelf(plan.data.commits)
        return RealSource(shelf, catalogue, plan.data.bad_rows, plan.targets.tasks)
    return RealSource(Folder(Path(plan.data.source)), catalogue, plan.data.bad_rows)
