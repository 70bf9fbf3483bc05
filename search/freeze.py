"""From a plan to a study's frozen record: revisions of every row and checkpoint, and the cuts.

Everything that a trial would miss hours later is looked for here, before anything is written.
"""

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from search.bringing import unknown_commits, wanted, with_pieces
from spaces.catalogue import Catalogue
from spaces.confirmation import SUFFIX
from spaces.hub import HUB, is_on_hub
from spaces.initialisations import Initialisation
from spaces.layout import is_folder
from spaces.mistakes import Mistake, PlanError, nearest
from spaces.phases import POOL_LANGUAGE, row_name, scored_languages
from spaces.plan import Plan
from spaces.selection import Cut, make_cut, scored_rows
from spaces.study import StudyRecord
from spaces.suggest import Space, baselines
from trainables.micro import world_revision
from trainables.rows import RowError, Source
from trainables.sources import source_for
from trainables.store import installed_versions

RowsAt = tuple[str, str, str]
"""Task, language, split."""

MOST_TRIALS = 100_000
"""Of one target: a driver reads them all when it starts, and holds a role for each."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan that was looked at as far as that needs neither rows nor checkpoints."""

    plan: Plan
    catalogue: Catalogue
    cuts: dict[str, Cut]
    scored: dict[str, tuple[RowsAt, ...]]
    mistakes: list[Mistake]

    @property
    def needed(self) -> list[RowsAt]:
        """Every row set that some trial of the plan may read."""
        return needed_rows(self.plan, self.catalogue, self.scored)

    def stop(self, mistakes: Iterable[Mistake] = ()) -> None:
        """Raise a ``PlanError`` if there are mistakes, its own or some more."""
        if found := [*self.mistakes, *mistakes]:
            raise PlanError(f"plan of study {self.plan.study.name!r}", found)


def check(plan: Plan) -> Checked:
    """Look for mistakes, and cut the languages of each target.

    Raises:
        PlanError: the source of rows is none, or a name is wrong.
    """
    if wrong := [*source_mistakes(plan)]:
        raise PlanError(f"plan of study {plan.study.name!r}", wrong)
    plan = _absolute(plan)
    catalogue = Catalogue.for_plan(plan)
    mistakes = [*_name_mistakes(plan), *_budget_mistakes(plan, catalogue)]
    mistakes += _storage_mistakes(plan)
    cuts: dict[str, Cut] = {}
    scored: dict[str, tuple[RowsAt, ...]] = {}
    for target in plan.targets.tasks:
        row, space = catalogue.tasks[target], Space.of(plan, target, catalogue)
        languages = scored_languages(catalogue, row, plan.targets.languages)
        cut = make_cut(space, languages)
        if isinstance(cut, Mistake):
            mistakes.append(cut)
        else:
            cuts[target], scored[target] = cut, scored_rows(space, languages, cut)
    return Checked(plan, catalogue, cuts, scored, mistakes)


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
    source = source_for(plan, catalogue)
    revisions, missing = frozen_revisions(plan, catalogue, needed, source)
    mistakes = checked.mistakes
    mistakes += missing
    if not mistakes:
        mistakes += [*_layer_mistakes(plan, catalogue), *_length_mistakes(plan, catalogue, needed)]
    checked.stop()
    return StudyRecord(
        plan=plan,
        revisions=revisions,
        cuts=checked.cuts,
        scored=checked.scored,
        versions=installed_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def frozen_revisions(
    plan: Plan, catalogue: Catalogue, needed: Iterable[RowsAt], source: Source
) -> tuple[dict[str, str], list[Mistake]]:
    """Revisions of the plan's checkpoints and of some rows, and what is wrong with the others."""
    revisions: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for name, found in [*_checkpoints(plan, catalogue), *_rows(needed, source)]:
        if isinstance(found, Mistake):
            mistakes.append(found)
        else:
            revisions[name] = found
    return revisions, mistakes


def _absolute(plan: Plan) -> Plan:
    """A plan whose folders are absolute: workers have other current folders than the driver."""
    rows = [
        row
        if row.path.startswith(("package:", "~")) or is_on_hub(row.path)
        else row.model_copy(update={"path": str(Path(row.path).absolute())})
        for row in plan.initialisation
    ]
    data = plan.data
    if plan.world == "real" and data.source != HUB:
        data = data.model_copy(update={"source": str(Path(data.source).absolute())})
    return plan.model_copy(update={"data": data, "initialisation": tuple(rows)})


def needed_rows(
    plan: Plan, catalogue: Catalogue, scored: Mapping[str, Iterable[RowsAt]]
) -> list[RowsAt]:
    """(task, language, split) of every row set that some trial of the plan may read."""
    needed: list[RowsAt] = []
    for target in scored:
        row = catalogue.tasks[target]
        sources = {code for codes in plan.space.source_languages for code in codes}
        for training in row.recipe:
            needed += [(training, code, "train") for code in sorted(sources)]
        if row.pool in catalogue.tasks and any(part[0] == target for part in scored[target]):
            needed.append((row.pool, POOL_LANGUAGE, "candidates"))
    needed += [part for parts in scored.values() for part in parts]
    if mixture := plan.space.mixture:
        pairs = [pair for e in mixture.languages for pair in catalogue.parts_of(mixture.tasks, e)]
        needed += [(task, code, "train") for task, code in pairs]
    return list(dict.fromkeys(needed))


def _rows(needed: Iterable[RowsAt], source: Source) -> Iterator[tuple[str, str | Mistake]]:
    """Revision of every needed row set, or what is wrong with it."""
    for task, language, split in needed:
        try:
            yield row_name(task, language, split), source.revision(task, language, split)
        except (RowError, OSError) as error:
            where = f"rows of {task!r} in {language!r} ({split})"
            advice = "these rows, or a plan without this language or task"
            yield "", Mistake(where, str(error), advice)


def _length_mistakes(
    plan: Plan, catalogue: Catalogue, needed: Iterable[RowsAt]
) -> Iterator[Mistake]:
    """Every task of a plan must fit into the positions of every checkpoint."""
    tasks = [catalogue.tasks[name] for name in dict.fromkeys(task for task, _, _ in needed)]
    for name in plan.space.initialisations:
        row = catalogue.initialisations[name]
        if not row.path:
            continue
        # Heavy (torch, transformers) and needed for real checkpoints alone.
        from trainables.initialisation import encoder_positions

        positions = encoder_positions(row.path)
        for task in tasks:
            if task.max_tokens > positions:
                where, rule = f"max_tokens of {task.name!r}", f"at most {positions}"
                why = f"{rule}: {name!r} has so many positions; a [[task]] row may lower it"
                yield Mistake(where, str(task.max_tokens), why)


def _name_mistakes(plan: Plan) -> Iterator[Mistake]:
    """A search must not stand where its confirmation, which reads test rows, would be."""
    if plan.study.name.endswith(SUFFIX):
        rule = f"a name without {SUFFIX!r} at its end: `transfer-search confirm` gives such names"
        yield Mistake("[study] name", repr(plan.study.name), rule)


def source_mistakes(plan: Plan) -> Iterator[Mistake]:
    """A source that is no world, not the hub and no folder."""
    source = plan.data.source
    if plan.world != "real" or source == HUB or is_folder(Path(source)):
        return
    worlds = nearest(source, ("microworld", "oracle", HUB))
    expected = f"a folder <data set>/<config>/<split>.parquet that is there, or {worlds}"
    yield Mistake("[data] source", repr(source), expected)


def _checkpoints(plan: Plan, catalogue: Catalogue) -> Iterator[tuple[str, str | Mistake]]:
    """Revision of every initialisation."""
    for name in plan.space.initialisations:
        path = catalogue.initialisations[name].path
        if not path:
            yield name, world_revision() if plan.world == "micro" else f"{plan.world}-{name}"
            continue
        # Heavy (torch, transformers) and needed for real checkpoints alone.
        from trainables.initialisation import check_checkpoint

        yield name, check_checkpoint(f"[[initialisation]] {name} path", path, plan.world)


def _layer_mistakes(plan: Plan, catalogue: Catalogue) -> Iterator[Mistake]:
    """Layers to read vectors at must be there in every initialisation."""
    asked = {
        layer
        for target in plan.targets.tasks
        if catalogue.is_read(catalogue.tasks[target])
        for layer in Space.of(plan, target, catalogue).axis("readout.layer").choices
    }
    for name in plan.space.initialisations if asked else ():
        layers = _layers(catalogue.initialisations[name])
        for layer in sorted(int(layer) for layer in asked):
            if not -layers - 1 <= layer <= layers:
                where, rule = "[space.target.<task>] layers", f"0 (embeddings) to {layers}, or -1"
                yield Mistake(where, str(layer), f"{rule}: {name!r} has {layers} layers")


def _layers(row: Initialisation) -> int:
    if row.pretraining:
        return row.pretraining.layers
    # Heavy (torch, transformers) and needed for real checkpoints alone.
    from trainables.initialisation import encoder_layers

    return encoder_layers(row.path)


def _budget_mistakes(plan: Plan, catalogue: Catalogue) -> Iterator[Mistake]:
    """Every study holds its no-intermediate baselines, and room to search."""
    spaces = [Space.of(plan, target, catalogue) for target in plan.targets.tasks]
    needed = max(map(_needed_baselines, spaces)) + (2 if plan.space.mixture else 0)
    if plan.budget.trials_per_target < needed:
        yield Mistake(
            "[budget] trials_per_target",
            str(plan.budget.trials_per_target),
            f"at least {needed}: a baseline for each of {len(plan.space.initialisations)} "
            "initialisations, and its untrained twin where steps hold 0"
            + (", an intermediate setting and its matched baseline" if plan.space.mixture else ""),
        )
    share, trials = plan.budget.no_intermediate_share, plan.budget.trials_per_target
    if trials > MOST_TRIALS:
        yield Mistake("[budget] trials_per_target", str(trials), f"at most {MOST_TRIALS}")
    if plan.space.mixture and math.ceil(share * trials) >= trials:
        expected = (
            f"less, so that one of {trials} trials has an intermediate phase, or "
            "a plan without [space.mixture]"
        )
        yield Mistake("[budget] no_intermediate_share", str(share), expected)


def _storage_mistakes(plan: Plan) -> Iterator[Mistake]:
    storage, url = plan.store.storage, plan.store.url
    known = ("sqlite:///", "postgresql://", "postgresql+", "env:")
    if storage != "journal" and not storage.startswith(known):
        expected = "'journal', 'sqlite:///FILE', 'postgresql://...' or 'env:NAME' of such a URL"
        yield Mistake("[store] storage", _without_password(storage), expected)
    elif "password=" in storage or (
        "@" in storage and ":" in storage.split("@")[0].split("//")[-1]
    ):
        expected = "'env:NAME': a password in a plan would be copied into the study"
        yield Mistake("[store] storage", _without_password(storage), expected)
    variable = storage.removeprefix("env:")
    if storage != variable and not os.environ.get(variable):
        expected = f"the environment variable {variable} to be set to the storage's URL: export it"
        yield Mistake("[store] storage", repr(storage), expected)
    if storage.startswith("sqlite:///") and not storage.startswith("sqlite:////"):
        expected = "'sqlite:////absolute/path.db': a relative path depends on where a command runs"
        yield Mistake("[store] storage", repr(storage), expected)
    file = Path(storage.removeprefix("sqlite:///"))
    if storage.startswith("sqlite:////") and not is_folder(file.parent):
        yield Mistake("[store] storage", repr(storage), f"a folder that is there: {file.parent}")
    if "://" in url:
        rule = "a path on a local or shared POSIX disk: object stores are not supported yet"
        if storage == "journal":
            rule += " (and could never hold a journal: that needs storage = 'env:NAME')"
        yield Mistake("[store] url", repr(url), rule)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if "password=" in rest:
        return f"{scheme}://..."
    return f"{scheme}://...@{rest.rpartition('@')[2]}" if "@" in rest else repr(url)


def baseline_count(space: Space) -> int:
    """Baselines that fit into a target's budget: at most half of it beyond the needed ones."""
    most = max(_needed_baselines(space), space.plan.budget.trials_per_target // 2)
    return min(len(baselines(space)), most)


def _needed_baselines(space: Space) -> int:
    """Those without an intermediate phase at the reference length, trained and untrained."""
    return sum(params.get("arm", "none") == "none" for params in baselines(space))
