"""Planned cells inside a search: balanced, paired, apart from what is chosen; their tables."""

import dataclasses
from pathlib import Path

import optuna
import pandas as pd
import pytest
from optuna.storages import InMemoryStorage

from analysis import (
    best_settings,
    contrast_cells,
    load_phases,
    load_scores,
    load_trials,
    report_text,
    status_text,
)
from analysis.cells import CELL_COLUMNS, contrast_parts
from analysis.finalists import finalists
from analysis.snapshot import read_snapshot
from search.confirmation import confirmation
from search.dry_run import describe_plan
from search.freeze import freeze
from search.study import open_target, reconcile
from search.target_queue import TargetQueue
from spaces.axes import Axis
from spaces.candidates import Infeasible
from spaces.confirmation import replicate_seeds
from spaces.contrast import contrast_of, contrast_seeds
from spaces.layout import StudyPaths
from spaces.mistakes import PlanError
from spaces.settings import Seeds
from spaces.study import StudyRecord, differences
from tests.plans import Changes, frozen, plan
from tests.studies import driven, queues, told

CELLS: Changes = {"contrast": {"seeds": 3}}

ALONE: Changes = {**CELLS, "budget.trials_per_target": 0}
"""No search: a contrast is all."""

LEVELS = ["none", "nli:esho", "nli:fanu", "qa:esho", "qa:fanu"]

STARTS = ["oracle-text", "oracle-multimodal"]

BOTH = {"targets.tasks": ["xnli", "xcopa"]}

SEED_COLUMNS = ["initialisation_seed", "rows_seed", "intermediate_seed", "target_seed"]


def queue_on(record: StudyRecord, storage: InMemoryStorage) -> TargetQueue:
    """The queue of a driver that opens xnli anew."""
    return TargetQueue(record, "xnli", open_target(record, "xnli", storage, None))


def cells_of(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials of the contrast."""
    return trials[trials["role"] == "contrast"]


# -- the cells -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a study of two targets, searched and contrasted."""
    root = tmp_path_factory.mktemp("root")
    driven(frozen({**CELLS, **BOTH}), root)
    return root


def test_cells_are_balanced_and_paired(root: Path) -> None:
    """Every initialisation with every intermediate has every set once, of the same seeds."""
    trials = cells_of(load_trials("first", root=root))
    counts = trials.groupby(["target", "initialisation", "intermediate", "replicate"]).size()
    assert counts.unique().tolist() == [1]
    assert len(counts) == 2 * len(STARTS) * len(LEVELS) * 3
    assert trials.groupby("replicate")[SEED_COLUMNS].nunique().to_numpy().max() == 1
    for column in ("initialisation_seed", "intermediate_seed", "target_seed"):
        assert trials[column].nunique() == 3
    assert trials["rows_seed"].unique().tolist() == [1]


def test_replicates_share_no_phase_and_cells_of_a_set_do(root: Path) -> None:
    """What is trained for one set serves no other set, nor the search."""
    trials = load_trials("first", root=root).set_index(["target", "trial_number"])
    phases = load_phases("first", root=root)
    at = pd.MultiIndex.from_frame(phases[["target", "trial_number"]])
    sets = trials["replicate"].reindex(at).fillna(0).to_numpy()
    assert pd.Series(sets).groupby(phases["key"].to_numpy()).nunique().max() == 1
    starts = phases[(phases["kind"] == "initialisation") & ~phases["hit"]]
    assert len(starts) == len(STARTS) * (3 + 1)


def test_cells_have_the_reference_hyperparameters(root: Path) -> None:
    """Those of the search's baselines: nothing but the two factors differs."""
    trials = load_trials("first", root=root)
    columns = ["target", "target_learning_rate", "target_steps", "source_languages"]
    ours = cells_of(trials)[columns].drop_duplicates()
    first = trials[(trials["role"] == "baseline") & (trials["trial_number"] == 30)]
    assert ours.to_numpy().tolist() == first[columns].to_numpy().tolist()
    steps = cells_of(trials).query("arm == 'intermediate'")["intermediate_steps"]
    assert steps.unique().tolist() == [150]


def test_sets_come_one_after_the_other(root: Path) -> None:
    """A study that is cut short has whole sets; the search comes after them."""
    trials = load_trials("first", root=root).query("target == 'xnli'")
    assert trials["replicate"].dropna().tolist() == [n for n in (1, 2, 3) for _ in range(10)]
    assert trials["replicate"].notna().tolist() == [True] * 30 + [False] * 12


def test_a_contrast_changes_nothing_in_the_search(root: Path, tmp_path: Path) -> None:
    """The search draws and finds what it would without one."""
    driven(frozen(BOTH), tmp_path)
    columns = ["target", "setting_id", "score", "role", "tuned_gain", "paired_gain"]
    alone = load_trials("first", root=tmp_path)[columns]
    beside = load_trials("first", root=root).query("role != 'contrast'")[columns]
    pd.testing.assert_frame_equal(alone, beside.reset_index(drop=True))


def test_seeds_are_nobody_elses() -> None:
    """No set has a seed of the search, of a confirmation or of another set; each stays what it is.

    A contrast that gains sets in another year must go on with the same draws.
    """
    found = contrast_seeds(plan(CELLS))
    drawn = [seed for one in found.values() for seed in dataclasses.astuple(one) if seed != 1]
    others = {s for n in range(1, 50) for s in dataclasses.astuple(replicate_seeds(1, n))}
    assert len(set(drawn)) == 9 and not others & set(drawn) and min(drawn) >= 2**31
    assert found[1] == GOLDEN
    assert contrast_seeds(plan({"contrast": {"seeds": [3, 1]}})) == {3: found[3], 1: found[1]}


GOLDEN = Seeds(initialisation=3887474036, rows=1, intermediate=3432882227, target=3297073654)


def test_sets_may_share_a_pretraining(tmp_path: Path) -> None:
    """Fewer initialisation seeds than sets: the sets take turns, and the report says so."""
    changes = {**ALONE, "contrast": {"seeds": 3, "initialisation_seeds": 2}}
    driven(frozen(changes), tmp_path)
    trials = load_trials("first", root=tmp_path)
    seeds = trials.groupby("replicate")["initialisation_seed"].unique().map(list)
    assert seeds[1] == seeds[3] != seeds[2] and seeds.map(len).tolist() == [1, 1, 1]
    assert trials["target_seed"].nunique() == 3
    words = " ".join(report_text("first", tmp_path).split())
    assert "The 3 sets share 2 pretrainings of each initialisation" in words


def test_a_plan_may_name_its_levels(tmp_path: Path) -> None:
    """Some initialisations, some intermediates, chosen sets of seeds, languages of the means."""
    asked = {
        "seeds": [4, 2],
        "initialisations": STARTS[1:],
        "intermediates": ["nli:esho", "none"],
        "languages": ["gire", "avel"],
    }
    driven(frozen({**ALONE, "contrast": asked}), tmp_path)
    cells = contrast_cells("first", root=tmp_path)
    order = cells.drop_duplicates("trial_number")[["intermediate", "replicate"]]
    wanted = [["nli:esho", 4], ["none", 4], ["nli:esho", 2], ["none", 2]]
    assert order.to_numpy().tolist() == wanted
    assert set(cells["initialisation"]) == set(STARTS[1:])
    assert set(cells[cells["averaged"]]["language"]) == {"gire", "avel"}


def test_chains_that_a_plan_lists_are_levels(tmp_path: Path) -> None:
    """A chain by the plan's own words, at its first weights; one that repeats another is left out.

    ``A + B`` is ``B + A``: two cells would be one.
    """
    listed = ["nli:esho > qa:esho", "nli:esho + qa:fanu", "qa:fanu + nli:esho"]
    record = frozen({**ALONE, "space.mixture": {"chains": listed}})
    contrast = record.contrasts["xnli"]
    assert contrast.intermediates == ("none", *listed[:2])
    assert contrast.left_out == {listed[2]: f"the same as {listed[1]}"}
    cells = list(contrast.cells(record.spaces["xnli"]))
    assert len({cell.setting for cell in cells}) == len(cells) == 6
    names = [cell.setting.intermediate_name for cell in cells[::2]]  # of two initialisations
    assert names == ["none", listed[0], "nli:esho & qa:fanu"]
    driven(record, tmp_path)
    assert len(load_trials("first", root=tmp_path)) == record.planned("xnli") == 18


def test_a_space_of_mixtures_gives_single_candidates() -> None:
    """Where chains of several parts are searched, a contrast still has one part at a time."""
    changes = {"space.mixture.max_parts": 2, "space.mixture.order": ["joint", "sequence"]}
    limits = {"space.mixture.rows_totals": [900], "space.mixture.mlm_shares": [0.0]}
    text = {"space.mixture.mlm_task": "masked", "space.mixture.mlm_languages": "avel"}
    micro = {"data.source": "microworld", "space.initialisations": ["micro-text"]}
    group = {"space.mixture.languages": ["avel", "non_european"]}
    record = frozen({**ALONE, **changes, **limits, **text, **micro, **group})
    cells = [*record.contrasts["xnli"].cells(record.spaces["xnli"])]
    assert [cell.intermediate for cell in cells][1:3] == ["nli:avel", "nli:non_european"]
    read = [
        sum(mixture.cap_of(part) for part in mixture.parts)
        for cell in cells[1:]
        for mixture in cell.setting.intermediate
    ]
    assert read == [900] * 4


def test_without_a_mixture_initialisations_alone_are_compared() -> None:
    """``none`` is then the only intermediate."""
    record = frozen({**ALONE, "space.mixture": ...})
    cells = [*record.contrasts["xnli"].cells(record.spaces["xnli"])]
    assert [(c.initialisation, c.intermediate) for c in cells] == [(n, "none") for n in STARTS]


def test_what_a_target_cannot_have_is_left_out_of_all_its_cells(tmp_path: Path) -> None:
    """One target lacks a level, with the reason; the other has it; both stay balanced."""
    changes = {
        **ALONE,
        **BOTH,
        "space.mixture": {"tasks": ["nli", "choice"], "languages": ["esho"]},
        "targets.reserve": ["esho"],
    }
    record = driven(frozen(changes), tmp_path)
    assert record.contrasts["xnli"].intermediates == ("none", "choice:esho")
    assert record.contrasts["xcopa"].intermediates == ("none", "nli:esho")
    assert list(record.contrasts["xnli"].left_out) == ["nli:esho"]
    trials = load_trials("first", root=tmp_path)
    counts = trials.groupby(["target", "initialisation", "intermediate"]).size()
    assert counts.tolist() == [3] * 8
    report = report_text("first", tmp_path)
    assert "left out: nli:esho: supervises esho in 'nli', which is reserved" in report


def test_an_initialisation_that_a_target_cannot_have_is_left_out_whole() -> None:
    """With every intermediate, for the reason that its space gives."""
    space = frozen(CELLS).spaces["xnli"]
    axes = [axis for axis in space.axes if axis.name != "initialisation"]
    why = Infeasible("initialisation oracle-multimodal", "77 positions")
    without = dataclasses.replace(
        space,
        axes=(Axis("initialisation", tuple(STARTS[:1])), *axes),
        candidates=dataclasses.replace(space.candidates, infeasible=(why,)),
    )
    contrast = contrast_of(without)
    assert contrast.left_out == {"oracle-multimodal": "77 positions"}
    assert {cell.initialisation for cell in contrast.cells(without)} == {"oracle-text"}
    assert contrast.planned == 3 * len(LEVELS)


# -- the queue: killed, resumed, grown -------------------------------------------------------------


def test_a_driver_may_die_after_every_trial() -> None:
    """Whoever takes over has the same trials in the same order, each once."""
    record, storage, found = frozen(CELLS), InMemoryStorage(), []
    while asked := queue_on(record, storage).next():
        found.append((asked.replicate, asked.setting.setting_id, asked.seeds))
        dead = queue_on(record, storage)
        adopted = dead.next()
        assert adopted is not None
        assert (adopted.replicate, adopted.setting.setting_id, adopted.seeds) == found[-1]
        dead.complete(adopted, 50.0, {})
    assert len(found) == record.planned("xnli") == 42
    assert len(set(found[:30])) == 30 and {one[0] for one in found[30:]} == {None}
    assert {one[2] for one in found[30:]} == {record.seeds}


def test_a_contrast_joins_a_study_and_grows() -> None:
    """A searched study gains a contrast, then a set, then a level: old trials stay as they are."""
    storage, seen = InMemoryStorage(), 0
    steps: list[tuple[Changes, int]] = [
        ({}, 12),
        ({"contrast": {"seeds": 1, "intermediates": ["none", "nli:esho"]}}, 4),
        ({"contrast": {"seeds": 2, "intermediates": ["none", "nli:esho"]}}, 4),
        ({"contrast": {"seeds": 2, "intermediates": ["none", "nli:esho", "qa:esho"]}}, 4),
        ({"contrast": {"seeds": 2}, "budget.trials_per_target": 13}, 8 + 1),
    ]
    for changes, more in steps:
        queue = queue_on(frozen(changes), storage)
        while asked := queue.next():
            queue.complete(asked, 50.0, {})
        trials = queue.trials()
        assert len(trials) - seen == more and queue.is_exhausted
        seen = len(trials)
    known = {(t.user_attrs["setting_id"], t.user_attrs.get("replicate")) for t in trials[12:-1]}
    assert len(known) == seen - 13


def test_a_smaller_search_does_not_hide_missing_cells() -> None:
    """A study that has more trials than its plan asks for still owes its cells."""
    storage = InMemoryStorage()
    for changes in ({}, {**CELLS, "budget.trials_per_target": 4}):
        queue = queue_on(frozen(changes), storage)
        while asked := queue.next():
            queue.complete(asked, 50.0, {})
    assert sum("replicate" in trial.user_attrs for trial in queue.trials()) == 30


def test_a_failed_cell_is_not_repeated(tmp_path: Path) -> None:
    """It is one score fewer in its cell, which the table counts."""
    record = frozen({**ALONE, "contrast": {"seeds": 2, "intermediates": ["none"]}})
    (queue,) = queues(record, tmp_path)
    while asked := queue.next():
        queue.fail(asked, "out of memory")
    assert len(queue.trials()) == 4 and queue.is_exhausted
    text = report_text("first", tmp_path)
    assert "0 of 4 trials have a score" in " ".join(text.split())
    assert contrast_cells("first", root=tmp_path).empty


def test_a_cell_is_never_pruned_nor_compared_with() -> None:
    """The pruner stops no cell, and judges the search by the search alone."""
    changes = {"budget.pruner": "median", "budget.reports_per_phase": 2, **CELLS}
    record, storage = frozen(changes), InMemoryStorage()
    queue = queue_on(record, storage)
    while (asked := queue.next()).replicate is not None:
        assert not queue.should_prune(asked, 20, 90.0 - asked.number)
        queue.complete(asked, 50.0, {})
    for _ in range(6):
        assert not queue.should_prune(asked, 20, 10.0)  # below every cell, equal in the search
        queue.complete(asked, 50.0, {})
        asked = queue.next()
    assert queue.should_prune(asked, 20, 5.0)


GROWTH: dict[str, Changes] = {
    "more sets": {"contrast": {"seeds": 4, "intermediates": LEVELS[:2]}},
    "other sets": {"contrast": {"seeds": [1, 2, 7], "intermediates": LEVELS[:2]}},
    "more levels": {"contrast": {"seeds": 2, "intermediates": LEVELS}},
    "more initialisations": {
        "contrast": {"seeds": 2, "intermediates": LEVELS[:2]},
        "space.initialisations": [*STARTS, "oracle-placebo"],
    },
}

REFUSED: dict[str, tuple[Changes, str]] = {
    "fewer sets": ({"contrast": {"seeds": 1, "intermediates": LEVELS[:2]}}, "contrast.seeds"),
    "fewer levels": ({"contrast": {"seeds": 2, "intermediates": LEVELS[:1]}}, "intermediates"),
    "fewer initialisations": (
        {"contrast": {"seeds": 2, "intermediates": LEVELS[:2], "initialisations": STARTS[:1]}},
        "initialisations",
    ),
    "shared pretrainings": (
        {"contrast": {"seeds": 2, "intermediates": LEVELS[:2], "initialisation_seeds": 1}},
        "one per set -> 1",
    ),
    "other languages": (
        {"contrast": {"seeds": 2, "intermediates": LEVELS[:2], "languages": ["gire"]}},
        "the objective's -> ['gire']",
    ),
    "no contrast": ({}, "(absent)"),
}

STARTED: Changes = {"contrast": {"seeds": 2, "intermediates": LEVELS[:2]}}


@pytest.mark.parametrize("name", GROWTH)
def test_a_contrast_may_gain_sets_and_levels(tmp_path: Path, name: str) -> None:
    """And nothing that was told changes: the study runs on as its next generation."""
    frozen(STARTED).write(StudyPaths(tmp_path, "first"))
    new, growth = reconcile(frozen(GROWTH[name]), tmp_path)
    assert growth and new.generation == 2


def test_a_study_may_gain_a_contrast() -> None:
    """Which only joins what is there."""
    growth, refusals = differences(frozen(), frozen(STARTED))
    assert len(growth) == 5 and not refusals


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_else_of_a_contrast_may_change(tmp_path: Path, name: str) -> None:
    """A cell that was planned stays planned, and its seeds stay what they are."""
    changes, shown = REFUSED[name]
    frozen(STARTED).write(StudyPaths(tmp_path, "first"))
    with pytest.raises(PlanError) as refusal:
        reconcile(frozen(changes), tmp_path)
    assert shown in str(refusal.value)


def test_a_grown_study_keeps_its_cells(tmp_path: Path) -> None:
    """The next generation copies them, and the queue asks for the new ones alone."""
    first = told(frozen({**ALONE, **STARTED}), tmp_path)
    new, _ = reconcile(frozen({**ALONE, **GROWTH["more initialisations"]}), tmp_path)
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(StudyPaths(tmp_path, "first").journal))
    )
    queue = TargetQueue(new, "xnli", open_target(new, "xnli", storage, first.generation))
    asked = []
    while one := queue.next():
        asked.append((one.replicate, one.setting.initialisation))
        queue.complete(one, 50.0, {})
    assert asked == [(n, "oracle-placebo") for n in (1, 1, 2, 2)]


# -- what may be chosen ----------------------------------------------------------------------------


def test_no_cell_is_chosen(tmp_path: Path) -> None:
    """However lucky a cell is, nothing is chosen by it, and no gain is taken over it."""
    (queue,) = queues(frozen(CELLS), tmp_path)
    while asked := queue.next():
        lucky = asked.replicate is not None
        record = {"scores": [], "phases": []}
        queue.complete(asked, 99.0 if lucky else 50.0 + asked.number / 10, record)
    trials = load_trials("first", root=tmp_path)
    assert cells_of(trials)["score"].min() > trials.query("role != 'contrast'")["score"].max()
    best = best_settings("first", root=tmp_path).iloc[0]
    assert best["score"] < 60 and best["baseline"] < 60 and best["seeds"] == 1
    assert best["trials_none"] + best["trials_intermediate"] == 12
    assert cells_of(trials)["tuned_gain"].isna().all()
    paired = cells_of(trials).query("arm == 'intermediate'")["paired_gain"]
    assert paired.tolist() == [0.0] * len(paired)
    snapshot = read_snapshot("first", tmp_path)
    scores = {t.setting_id: t.score for t in snapshot.trials if t.attributes.replicate is None}
    chosen = [one for one in finalists(snapshot, "xnli", 1) if one.chosen_by]
    assert [scores[one.setting.setting_id] for one in chosen] == [best["score"]]
    assert "99.00" not in status_text("first", tmp_path)


def test_a_contrast_alone_has_nothing_to_confirm(tmp_path: Path) -> None:
    """Its cells are no finalists; a search beside one is confirmed without the cells."""
    told(frozen(ALONE), tmp_path / "alone")
    with pytest.raises(PlanError, match="no COMPLETE trial of a search"):
        confirmation("first", tmp_path / "alone", top=1, replicates=1)
    told(frozen(CELLS), tmp_path / "both")
    record, _ = confirmation("first", tmp_path / "both", top=1, replicates=1)
    assert record.plan.contrast is None and contrast_parts_of(record, tmp_path / "both") == []


def contrast_parts_of(record: StudyRecord, root: Path) -> list[str]:
    """What the report of a driven record says of a contrast."""
    driven(record, root)
    return contrast_parts(read_snapshot(record.name, root))


# -- frame and table -------------------------------------------------------------------------------


def test_the_frame_holds_every_language_of_every_cell(root: Path) -> None:
    """Scores are those of all items; the objective's languages are averaged over."""
    cells, record = contrast_cells("first", root=root), read_snapshot("first", root).record
    assert [c.name for c in CELL_COLUMNS] == list(cells.columns)
    assert set(cells["intermediate"]) == set(LEVELS) and len(cells) == 60 * 8
    for target, part in cells.groupby("target"):
        assert set(part[part["averaged"]]["language"]) == set(record.cuts[target].objective)
    scores = load_scores("first", root=root).query("items == 'all'")
    keys = ["target", "trial_number", "language"]
    both = cells.merge(scores, on=keys, suffixes=("", "_scored"))
    assert len(both) == len(cells) and (both["score"] == both["value"]).all()
    seen = cells[cells["seen_intermediate"]]
    assert set(seen["language"]) == {"esho", "fanu"} and "none" not in set(seen["intermediate"])


def test_the_table_is_what_pandas_makes_of_the_scores(root: Path) -> None:
    """Mean, deviation and number of sets of each cell, from ``load_scores`` by hand."""
    trials = cells_of(load_trials("first", root=root))
    scores = load_scores("first", root=root)
    chosen = scores[(scores["items"] == "all") & scores["in_objective"]]
    means = chosen.groupby(["target", "trial_number"])["value"].mean()
    at = pd.MultiIndex.from_frame(trials[["target", "trial_number"]])
    trials = trials.assign(mean=means.reindex(at).to_numpy())
    by_cell = trials.groupby(["target", "initialisation", "intermediate"])["mean"]
    wanted = by_cell.agg(["mean", "std", "count"])
    report = report_text("first", root)
    for target in ("xnli", "xcopa"):
        text = report.partition(f"contrast on {target}\n")[2]
        lines = [line.split() for line in text.partition("\n\n")[2].splitlines()]
        for name in STARTS:
            first = next(n for n, words in enumerate(lines) if words[:2] == [name, "mean"])
            for shift, (what, digits) in enumerate((("mean", 2), ("std", 2), ("count", 0))):
                shown = lines[first + shift][-len(LEVELS) :]
                values = wanted.loc[target, name].loc[LEVELS, what]
                assert shown == [f"{value:.{digits}f}" for value in values]


@pytest.mark.parametrize(("parallel", "items"), [(True, "selecting"), (False, "all")])
def test_spent_test_rows_count_in_cells(tmp_path: Path, parallel: bool, items: str) -> None:
    """Of a parallel set the half of the items that is spent; else, as of UD-POS, all of them."""
    own = {"name": "xnli", "like": "xnli", "dev_languages": ["avel"]}
    record = frozen({**ALONE, "task": [own], "study.selection": "held_out_languages"})
    record.catalogue.tasks["xnli"] = dataclasses.replace(
        record.catalogue.tasks["xnli"], parallel=parallel
    )
    cut = dataclasses.replace(record.cuts["xnli"], items_seed=1 if parallel else None)
    record = record.model_copy(update={"cuts": {"xnli": cut}})
    told(record, tmp_path)
    cells = contrast_cells("first", root=tmp_path).query("averaged")
    spent = load_scores("first", root=tmp_path).query("split == 'spent' and items == @items")
    assert set(cells["split"]) == {"spent"} and len(cells) == len(spent) == 30 * len(cut.selecting)
    joined = cells.merge(spent, on=["trial_number", "language"])
    assert (joined["score"] == joined["value"]).all()


def test_the_table_follows_the_plans_objective(tmp_path: Path) -> None:
    """A mean of groups, where the plan asks for one: most languages are of one group."""
    changes = {**ALONE, "study.objective": "group_mean", "contrast.intermediates": ["none"]}
    driven(frozen(changes), tmp_path)
    cells = contrast_cells("first", root=tmp_path).query("averaged")
    by_group = cells.groupby(["initialisation", "replicate", "group"])["score"].mean()
    wanted = by_group.groupby(["initialisation", "replicate"]).mean().groupby("initialisation")
    plain = cells.groupby("initialisation")["score"].mean()
    for name, value in wanted.mean().items():
        assert f"{name} mean {value:.2f}" in " ".join(report_text("first", tmp_path).split())
        assert f"{plain[name]:.2f}" != f"{value:.2f}"


def test_the_report_of_a_contrast_alone(tmp_path: Path) -> None:
    """Nothing is nominated; tables are narrow, and one set of seeds is evidence for nothing."""
    driven(frozen({**ALONE, "contrast": {"seeds": 1}}), tmp_path)
    text = report_text("first", tmp_path)
    assert "contrast on xnli" in text and "best setting" not in text
    assert "nothing to choose from" not in text
    effects = text.partition("what an initialisation does")[2].partition("points: the")[0]
    verdicts = [line for line in effects.splitlines() if line.startswith("xnli")]
    assert verdicts and all(line.endswith("not enough") for line in verdicts)
    shown = text.partition("study folder")[0].splitlines()
    assert max(map(len, shown)) <= 80
    sd = next(line.split() for line in shown if line.split()[:1] == ["sd"])
    assert sd == ["sd", *["-"] * len(LEVELS)]  # of one set there is none
    assert "10 of 10" in status_text("first", tmp_path)


def test_more_levels_than_fit_stand_in_tables_below(tmp_path: Path) -> None:
    """No number is folded, however many intermediates there are."""
    codes = ["avel", "esho", "fanu"]
    changes = {"space.mixture.languages": codes, "space.mixture.tasks": ["nli", "qa", "choice"]}
    driven(frozen({**ALONE, **changes}), tmp_path)
    text = report_text("first", tmp_path)
    assert sum(line.split()[:2] == ["oracle-text", "mean"] for line in text.splitlines()) == 2


def test_a_study_that_has_not_begun_has_an_empty_table(tmp_path: Path) -> None:
    """All cells stand there without a number."""
    queues(frozen(ALONE), tmp_path)
    assert contrast_cells("first", root=tmp_path).empty
    text = report_text("first", tmp_path)
    assert "0 of 30 trials have a score" in " ".join(text.split())
    row = next(line for line in text.splitlines() if line.startswith("oracle-text"))
    assert row.split() == ["oracle-text", "mean", *["-"] * len(LEVELS)]


# -- the dry run -----------------------------------------------------------------------------------


def test_a_dry_run_counts_cells_and_phases(tmp_path: Path) -> None:
    """Cells, sets, trials and distinct phases, as a run of the same plan has them."""
    changes = {**ALONE, "contrast": {"seeds": 2, "initialisation_seeds": 1}}
    text = describe_plan(plan(changes), tmp_path)
    words = " ".join(text.split())
    assert "trials: 20 contrast" in words and "sets of seeds 1, 2" in words
    assert f"(oracle-text, oracle-multimodal) x ({', '.join(LEVELS)})" in words
    assert not list(tmp_path.iterdir())
    driven(freeze(plan(changes)), tmp_path)
    phases = load_phases("first", root=tmp_path)
    made = phases[~phases["hit"]]["kind"].value_counts()
    kinds = ("initialisation", "intermediate", "target", "evaluation")
    counts = ", ".join(f"{made[kind]} {kind}" for kind in kinds)
    assert f"the contrast needs {made.sum()} phases ({counts})" in words
    again = describe_plan(plan(changes), tmp_path)
    assert f"of which the store holds {made.sum()}" in again


def test_a_dry_run_beside_a_search_tells_both() -> None:
    """The roles of the search stand behind the cells."""
    words = " ".join(describe_plan(plan(CELLS), Path("nowhere")).split())
    assert "trials: 30 contrast, 4 baseline, 7 sampled, 1 matched_baseline" in words
    assert "the baselines need" in words
