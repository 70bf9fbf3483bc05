"""From a plan to a study's frozen record: revisions of every row and checkpoint, and the cuts.

Everything that a trial would miss hours later is looked for here, before anything is written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from search.bringing import unknown_commits, wanted, with_pieces
from search.checking import Checked, RowsAt, check, grid_mistakes
from spaces.catalogue import Catalogue
from spaces.initialisations import EncoderShape
from spaces.mistakes import Mistake
from spaces.phases import row_name
from spaces.plan import Plan
from spaces.study import StudyRecord
from trainables.micro import world_revision
from trainables.rows import RowError, Source
from trainables.sources import source_for
from trainables.store import installed_versions


@dataclass(slots=True)
class Looked:
    """What rows and checkpoints are, as they lie there now."""

    revisions: dict[str, str] = field(default_factory=dict)
    """``row_name`` or initialisation name -> revision."""
    sizes: dict[str, int] = field(default_factory=dict)
    """``row_name`` -> usable rows, of training rows alone."""
    mistakes: list[Mistake] = field(default_factory=list)


def freeze(plan: Plan, commits: Mapping[str, str] = MappingProxyType({})) -> StudyRecord:
    """Resolve everything that a plan's results depend on. Writes nothing but the hub's cache.

    Args:
        plan: what a user asks for.
        commits: repository of the hub -> the commit that the plan's study has frozen of it.

    Raises:
        PlanError: rows or checkpoints are missing, a selection is impossible, the budget is too
            small, or the storage does not fit.
        NotBrought: the hub does not give what is not in its cache.
    """
    checked = check(plan)
    if wants := wanted(checked.plan, checked.catalogue, checked.needed):
        checked.stop(unknown_commits(plan, wants))
        checked = check(with_pieces(checked.plan, wants, commits))
    plan, catalogue, needed = checked.plan, checked.catalogue, checked.needed
    looked = look(plan, catalogue, needed, source_for(plan, catalogue))
    checked.stop(looked.mistakes)
    encoders = read_encoders(plan, catalogue)
    checked.stop(_shape_mistakes(catalogue, encoders))
    checked = check(plan, encoders) if encoders else checked
    checked.stop(_masked_mistakes(checked))
    record = StudyRecord(
        plan=plan,
        revisions=looked.revisions,
        sizes=looked.sizes,
        encoders=encoders,
        cuts=checked.cuts,
        scored=checked.scored,
        infeasible={
            target: {one.candidate: one.reason for one in space.candidates.infeasible}
            for target, space in checked.spaces.items()
        },
        versions=installed_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    checked.stop(grid_mistakes(plan, record.spaces.values()))
    return record


def look(plan: Plan, catalogue: Catalogue, needed: Iterable[RowsAt], source: Source) -> Looked:
    """Revisions of the plan's checkpoints and of some rows, and what is wrong with the others."""
    looked = Looked()
    for name, found in _checkpoints(plan, catalogue):
        if isinstance(found, Mistake):
            looked.mistakes.append(found)
        else:
            looked.revisions[name] = found
    for at in needed:
        _look_at(at, source, looked)
    return looked


def _look_at(at: RowsAt, source: Source, looked: Looked) -> None:
    """Revision and size of some rows, or what is wrong with them."""
    task, language, split = at
    try:
        looked.revisions[row_name(*at)] = source.revision(*at)
        if split == "train":
            looked.sizes[row_name(*at)] = source.size(*at)
    except (RowError, OSError) as error:
        where = f"rows of {task!r} in {language!r} ({split})"
        advice = "these rows, or a plan without this language or task"
        looked.mistakes.append(Mistake(where, str(error), advice))


def read_encoders(plan: Plan, catalogue: Catalogue) -> dict[str, EncoderShape]:
    """Initialisation -> layers, positions and attention, of those that are checkpoints."""
    paths = {row.name: row.path for row in catalogue.starts(plan.space.initialisations)}
    if not any(paths.values()):
        return {}
    # Heavy (torch, transformers) and needed for real checkpoints alone.
    from trainables.initialisation import encoder_shape

    return {name: encoder_shape(path) for name, path in paths.items() if path}


def _shape_mistakes(
    catalogue: Catalogue, encoders: Mapping[str, EncoderShape]
) -> Iterator[Mistake]:
    """Checkpoints that are not what their row of the catalogue says: other files lie there."""
    for name, read in encoders.items():
        row = catalogue.initialisations[name]
        if row.shape and row.shape != read:
            rule = f"{row.shape}, as its row says; or an [[initialisation]] row of your own for it"
            yield Mistake(f"initialisation {name!r}", f"{read} in {row.path}", rule)


def _masked_mistakes(checked: Checked) -> Iterator[Mistake]:
    """Checkpoints that go on with masked text must be able to mask words, and to tell them."""
    for name, path in _masked(checked).items():
        # Heavy (torch, transformers) and needed for real checkpoints alone.
        from trainables.initialisation import why_unmasked

        if why := why_unmasked(path):
            rule = "a checkpoint that was pretrained on masked words, or a plan without masked text"
            yield Mistake(f"[[initialisation]] {name} path", f"{path!r}, which {why}", rule)


def _masked(checked: Checked) -> dict[str, str]:
    """Name -> path of checkpoints that a mixture or a recipe may train on masked text."""
    rows = checked.catalogue
    mixed = any(rows.tasks[name].form == "masked" for name, *_ in checked.trained_or_scored)
    chosen = [str(n) for s in checked.spaces.values() for n in s.axis("initialisation").choices]
    names = [*(chosen if mixed else ()), *(row.start for row in rows.starts(chosen) if row.start)]
    paths = {name: rows.initialisations[name].path for name in names}
    return {name: path for name, path in paths.items() if path}


def _checkpoints(plan: Plan, catalogue: Catalogue) -> Iterator[tuple[str, str | Mistake]]:
    """Revision of every initialisation."""
    revisions = {"micro": world_revision(), "real": "rows"}
    for row in catalogue.starts(plan.space.initialisations):
        name, path = row.name, row.path
        if not path:
            yield name, revisions.get(plan.world, f"oracle-{name}")
            continue
        # Heavy (torch, transformers) and needed for real checkpoints alone.
        from trainables.initialisation import check_checkpoint

        yield name, check_checkpoint(f"[[initialisation]] {name} path", path, plan.world)
