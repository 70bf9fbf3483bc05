"""The plan's schema: its tables, ranges and the message a mistake gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from spaces.mistakes import PlanError, nearest
from spaces.plan import load_plan, parse_plan
from spaces.plan_space import Range
from spaces.study import StudyRecord, differences, read_study
from tests.worlds import TWO_SOURCES, plan, plan_values, study


def mistakes(values: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Where, what was read and what was expected, for every mistake of a plan."""
    with pytest.raises(PlanError) as caught:
        parse_plan(values)
    return [(m.where, m.read, m.expected) for m in caught.value.mistakes]


def with_value(table: str, key: str, value: Any) -> dict[str, Any]:
    """A plan with one value replaced; ``space.target`` names a table inside a table."""
    values = plan_values()
    inside = values
    for name in table.split("."):
        inside = inside.setdefault(name, {})
    inside[key] = value
    return values


def missing_from(whole: Any, part: Any, where: str = "plan") -> list[str]:
    """Places where a tree does not hold what a smaller one holds."""
    if isinstance(part, dict):
        return [m for k, v in part.items() for m in missing_from(whole[k], v, f"{where}.{k}")]
    if isinstance(part, list) and len(whole) == len(part):
        return [m for n, v in enumerate(part) for m in missing_from(whole[n], v, f"{where}.{n}")]
    return [] if whole == part else [where]


def test_every_table_is_read() -> None:
    """Each value of a plan that uses all tables arrives under its name."""
    values = plan_values(
        "microworld",
        study={"objective": "worst", "sampler": "random", "grouping": "coast"},
        targets={"languages": ["avel", "esho"], "heldout_seed": 3, "dev_rows": 50},
        store={"url": "/data", "storage": "sqlite:////data/a.db"},
        budget={"no_intermediate_share": 0.5, "wall_hours": 1.5, "pruner": "median"},
        resources={"concurrent_trials": 4, "precision": "bf16", "zero_stage": 3},
        task=[{"name": "own", "like": "nli"}],
        initialisation=[{"name": "mine", "path": "/models/mine", "modality": "multimodal"}],
        language_group=[{"name": "far", "languages": ["esho", "fanu"]}],
        grouping=[{"name": "coast", "source": "us", "groups": {"near": ["esho", "brin"]}}],
    )
    values["budget"]["reports_per_phase"] = 2
    values["space"]["mixture"] |= {"max_parts": 2, "rows_caps": [100, 200]}
    values["space"]["intermediate"] = {"learning_rates": [1e-3], "rows_per_step": 16}
    read = parse_plan(values)
    assert missing_from(json.loads(read.model_dump_json()), values) == []


def test_tables_that_may_be_left_out_have_the_stated_defaults() -> None:
    """A plan of the five needed tables is whole; the rest takes its defaults."""
    values = plan_values()
    values["study"].pop("selection")
    values["space"].pop("mixture")
    read = parse_plan(values)
    assert (read.study.objective, read.study.selection, read.study.sampler) == (
        "mean",
        "source_dev",
        "tpe",
    )
    assert (read.targets.languages, read.targets.heldout_seed) == ("all", 0)
    assert (read.budget.no_intermediate_share, read.budget.wall_hours) == (0.25, None)
    assert (read.store.url, read.store.storage) == ("", "journal")
    resources = read.resources
    assert (resources.workers_per_trial, resources.cpus_per_worker) == (1, 1)
    assert (resources.precision, resources.zero_stage, resources.checkpoint_minutes) == (
        "fp32",
        0,
        10,
    )
    assert (read.task, read.initialisation, read.language_group) == ((), (), ())
    assert (read.study.grouping, read.grouping) == ("indigenous", ())
    assert read.space.target.learning_rates is None and read.space.mixture is None


@pytest.mark.parametrize("table", ["study", "targets", "data", "space", "budget"])
def test_a_needed_table_that_is_missing_is_named(table: str) -> None:
    """Leaving out a table that has no default is one mistake that names it."""
    values = plan_values()
    del values[table]
    ((where, read, _),) = mistakes(values)
    assert where == f"[{table}]" and "missing" in read


@pytest.mark.parametrize(
    ("source", "world"), [("microworld", "micro"), ("oracle", "oracle"), ("../data", "real")]
)
def test_the_source_of_rows_decides_the_world(source: str, world: str) -> None:
    """Anything that is not a generated world is a folder of real rows."""
    assert plan(source).world == world


def test_target_tables_of_one_task_are_told_apart() -> None:
    """``[space.target.xnli]`` stands inside ``[space.target]`` in TOML, and both are kept."""
    target = {"steps": [60], "xnli": {"learning_rates": {"low": 1e-4, "high": 1e-3}}}
    read = parse_plan(with_value("space", "target", target)).space
    assert read.target.steps == (60,) and read.target.learning_rates is None
    assert list(read.target_by_task) == ["xnli"]
    assert read.target_by_task["xnli"].learning_rates == Range(low=1e-4, high=1e-3)


def test_a_plan_read_back_from_json_is_the_same_plan() -> None:
    """A study keeps its plan as JSON; tables of single tasks survive the way there and back."""
    target = {"steps": [60], "xnli": {"steps": [30, 60]}}
    read = parse_plan(with_value("space", "target", target))
    assert type(read).model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize(
    ("table", "key", "near"),
    [
        ("study", "sed", "seed"),
        ("targets", "task", "tasks"),
        ("data", "sources", "source"),
        ("budget", "trials_per_targets", "trials_per_target"),
        ("resources", "zero_stages", "zero_stage"),
        ("store", "storag", "storage"),
        ("space", "initialisation", "initialisations"),
        ("space.mixture", "language", "languages"),
        ("space.intermediate", "step", "steps"),
        ("space.target", "learning_rate", "learning_rates"),
    ],
)
def test_an_unknown_key_is_told_its_nearest_name(table: str, key: str, near: str) -> None:
    """A misspelled key is refused where it stands, with the name that was probably meant."""
    ((where, read, expected),) = mistakes(with_value(table, key, 1))
    assert (where, read) == (f"[{table}] {key}", f"unknown key {key!r}")
    assert expected.endswith(f'did you mean "{near}"?')


def test_an_unknown_key_of_one_tasks_table_is_named_as_toml_writes_it() -> None:
    """The message of a mistake in ``[space.target.xnli]`` names that table."""
    ((where, _, expected),) = mistakes(with_value("space", "target", {"xnli": {"step": [3]}}))
    assert where == "[space.target.xnli] step"
    assert expected.endswith('did you mean "steps"?')


def test_an_unknown_table_is_told_its_nearest_name() -> None:
    """A misspelled table is refused with the name that was probably meant."""
    ((where, _, expected),) = mistakes({**plan_values(), "resource": {}})
    assert where == "[resource]" and expected.endswith('did you mean "resources"?')


def test_a_name_like_no_other_gets_no_guess() -> None:
    """Valid names are listed, sorted; a guess is added only where one is close."""
    assert nearest("nil", ["nli", "qa"]) == 'one of nli, qa; did you mean "nli"?'
    assert nearest("zzz", ["qa", "nli"]) == "one of nli, qa"
    assert nearest("zzz", []) == "one of (none)"


@pytest.mark.parametrize(
    ("table", "key", "bad", "good"),
    [
        ("study", "seed", -1, 0),
        ("study", "seed", 2**31, 2**31 - 1),
        ("study", "name", "a/b", "a.b-1"),
        ("study", "name", ".hidden", "x"),
        ("study", "name", "n" * 65, "n" * 64),
        ("study", "objective", "median", "group_mean"),
        ("study", "selection", "test", "target_dev"),
        ("study", "sampler", "best", "random"),
        ("targets", "tasks", [], ["xnli"]),
        ("targets", "heldout_seed", -1, 0),
        ("targets", "dev_rows", 0, 1),
        ("data", "source", "", "x"),
        ("data", "oracle_seconds_per_phase", 61, 60),
        ("budget", "trials_per_target", -1, 0),
        ("budget", "no_intermediate_share", 1.01, 1),
        ("budget", "offered_share", 1.01, 1),
        ("budget", "offered_share", -0.01, 0),
        ("budget", "wall_hours", 0, 0.1),
        ("budget", "pruner", "hyperband", "median"),
        ("budget", "reports_per_phase", 21, 20),
        ("resources", "concurrent_trials", 0, 1),
        ("resources", "workers_per_trial", 0, 1),
        ("resources", "gpus_per_worker", 1.5, 1),
        ("resources", "precision", "fp16", "bf16"),
        ("resources", "zero_stage", 4, 3),
        ("resources", "tokens_per_micro_batch", 0, 1),
        ("resources", "checkpoint_minutes", 0, 0.5),
        ("space", "initialisations", ["a", "a"], ["a", "b"]),
        ("space", "source_languages", [["en"], ["en"]], [["en"], ["en", "de"]]),
        ("space", "source_languages", [], [["en"]]),
        ("space.mixture", "max_parts", 5, 4),
        ("space.mixture", "rows_caps", [], [100]),
        ("space.target", "rows_per_step", 0, 1),
    ],
)
def test_ranges_of_single_values(table: str, key: str, bad: Any, good: Any) -> None:
    """A value just outside its range is one mistake that names its key; just inside is none."""
    assert [where for where, *_ in mistakes(with_value(table, key, bad))] == [f"[{table}] {key}"]
    parse_plan(with_value(table, key, good))


@pytest.mark.parametrize(
    ("table", "key", "bad"),
    [
        ("space.target", "learning_rates", {"low": 1e-3, "high": 1e-3}),
        ("space.target", "learning_rates", {"low": 1e-5, "high": float("inf")}),
        ("space.target", "learning_rates", {"low": 1e-5}),
        ("space.target", "learning_rates", []),
        ("space.target", "learning_rates", [float("nan")]),
        ("space.target", "learning_rates", [-1e-3]),
        ("space.intermediate", "steps", []),
        ("space.intermediate", "steps", [0]),
        ("targets", "languages", []),
        ("targets", "languages", "some"),
        ("space.mixture", "rows_caps", [0]),
    ],
)
def test_a_wrong_list_or_range_is_told_once(table: str, key: str, bad: Any) -> None:
    """One wrong value is one mistake, named where it stands, even where it may have two forms."""
    found = mistakes(with_value(table, key, bad))
    assert len(found) == 1, found
    where = found[0][0]
    assert where.startswith((f"[{table}] {key}", f"[{table}.{key}]"))


def test_rows_of_the_users_own_are_checked_for_form() -> None:
    """A row with an unknown key, without a path or without languages is refused by its table."""
    values = plan_values(
        task=[{"name": "own", "lik": "nli"}],
        initialisation=[{"name": "mine"}],
        language_group=[{"name": "far", "languages": []}],
    )
    tables = [where.split(".")[0].strip("[") for where, *_ in mistakes(values)]
    assert tables == ["task", "initialisation", "language_group"]


def test_all_mistakes_stand_in_one_message() -> None:
    """A plan with three mistakes is told all three at once, and that nothing was written."""
    values = with_value("study", "sed", 1)
    values["budget"]["trials_per_target"] = -1
    values["resources"] = {"precision": "fp16"}
    with pytest.raises(PlanError) as caught:
        parse_plan(values, "my plan")
    text = str(caught.value)
    assert text.startswith("my plan: 3 mistakes; nothing was written")
    assert all(word in text for word in ("[study] sed", "trials_per_target", "precision"))


def test_a_file_that_is_absent_or_not_toml_is_a_plan_error(tmp_path: Path) -> None:
    """Whatever is wrong with the file itself comes in the plan's own error, too."""
    broken, foreign = tmp_path / "broken.toml", tmp_path / "foreign.toml"
    broken.write_text("[study\nname = 1")
    foreign.write_bytes(b"\xff\xfe\x00")
    for path, word in ((tmp_path / "no.toml", "file"), (broken, "TOML"), (foreign, "TOML")):
        with pytest.raises(PlanError) as caught:
            load_plan(path)
        assert [m.where for m in caught.value.mistakes] == [word]
        assert str(path) in str(caught.value)


# What may change while a study lives


OLD: dict[str, Any] = {
    "targets": {"tasks": ["xnli"]},
    "space": {"mixture": {"tasks": ["nli", "qa"], "languages": ["esho"]}},
    "task": [TWO_SOURCES],
}
MIXTURE = OLD["space"]["mixture"]


@pytest.mark.parametrize(
    ("tables", "grown"),
    [
        ({"space": {"initialisations": ["oracle-text", "oracle-multimodal"]}}, "initialisation"),
        ({"space": {"mixture": {**MIXTURE, "tasks": ["nli", "qa", "choice"]}}}, "mixture.A"),
        ({"space": {"mixture": {**MIXTURE, "languages": ["esho", "avel"]}}}, "mixture.A"),
        ({"targets": {"tasks": ["xnli", "panx"]}}, "space|panx"),
    ],
)
def test_a_space_may_grow(tables: dict[str, Any], grown: str) -> None:
    """More initialisations, tasks, languages or targets are growth, with what comes with them."""
    old, new = study(**OLD), study(**{**OLD, **merged(tables)})
    growth, refusals = differences(old, new)
    assert refusals == [] and any(grown in line for line in growth)
    _, back = differences(new, old)
    assert any(grown in line for line in back)  # nothing may shrink


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (
            {"tasks": ["qa"], "languages": ["esho"], "temperatures": [1.0, 2.0]},
            {"tasks": ["qa"], "languages": ["esho", ["brin", "fanu"]], "temperatures": [1.0, 2.0]},
        ),
        (
            {"chains": ["qa:esho"], "weight_step": 0.25},
            {"chains": ["qa:esho", "qa:esho + nli:esho"], "weight_step": 0.25},
        ),
    ],
)
def test_ways_to_weigh_join_what_had_nothing_to_weigh(was: Any, now: Any) -> None:
    """The first part of several languages and the first listed mixture of two are growth."""
    old, new = (
        study(targets={"tasks": ["xcopa"]}, space={"mixture": table}) for table in (was, now)
    )
    growth, refusals = differences(old, new)
    assert refusals == [] and any("mixture.weights." in line for line in growth)


def merged(tables: dict[str, Any]) -> dict[str, Any]:
    """Tables over those of the old study."""
    return {
        name: values if isinstance(values, list) else {**OLD.get(name, {}), **values}
        for name, values in tables.items()
    }


@pytest.mark.parametrize(
    "tables",
    [
        {"budget": {"trials_per_target": 99, "no_intermediate_share": 0.5, "wall_hours": 1.0}},
        {"budget": {"trials_per_target": 8, "pruner": "median", "reports_per_phase": 3}},
        {"resources": {"zero_stage": 3, "concurrent_trials": 4, "tokens_per_micro_batch": 1}},
        {"resources": {"workers_per_trial": 2}},
        {"store": {"url": "/elsewhere"}},
        {"study": {"sampler": "random"}},
    ],
)
def test_budget_and_resources_are_not_identity(tables: dict[str, Any]) -> None:
    """A study goes on with another budget, other resources, another place."""
    assert differences(study(**OLD), study(**{**OLD, **merged(tables)})) == ([], [])


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"resources": {"precision": "bf16"}}, "precision"),
        ({"study": {"seed": 8}}, "seed"),
        ({"study": {"objective": "worst"}}, "objective"),
        ({"study": {"selection": "target_dev"}}, "selection"),
        ({"targets": {"heldout_seed": 1}}, "heldout_seed"),
        ({"targets": {"dev_rows": 50}}, "dev_rows"),
        ({"targets": {"languages": ["brin", "corm", "dask"]}}, "languages"),
        ({"space": {"target": {"steps": [60, 90]}}}, "target.steps"),
        ({"space": {"target": {"rows_per_step": 16}}}, "rows_per_step"),
        ({"space": {"source_languages": [["avel", "brin"]]}}, "source_languages"),
        ({"space": {"mixture": {**MIXTURE, "languages": ["esho", "fanu"]}}}, "objective"),
        ({"space": {"mixture": None}}, "mixture.A"),
        ({"space": {"mixture": {**MIXTURE, "temperatures": [1.0]}}}, "mixture|temperatures"),
        (
            {"task": [TWO_SOURCES, {"name": "nli", "like": "nli", "max_tokens": 16}]},
            "rows|task|nli",
        ),
        ({"task": [{**TWO_SOURCES, "max_tokens": 16}]}, "rows|task|xnli|max_tokens"),
    ],
)
def test_anything_else_is_refused(tables: dict[str, Any], named: str) -> None:
    """What would change scores, or what trials mean, is no longer the same study."""
    _, refusals = differences(study(**OLD), study(**{**OLD, **merged(tables)}))
    assert any(named in line for line in refusals)


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("non_european", [], [["fanu", "esho", "brin"]]),
        ("initialisation", [["esho", "brin"]], [["esho", "brin", "corm"]]),
    ],
)
def test_an_entry_of_a_running_study_keeps_its_languages(name: str, was: Any, now: Any) -> None:
    """A group that hides a built-in one is no growth, nor is one that is named like an axis."""

    def record(groups: list[list[str]]) -> StudyRecord:
        rows = [{"name": name, "languages": codes} for codes in groups]
        mixture = {"tasks": ["qa"], "languages": ["esho", name]}
        return study(space={"mixture": mixture}, language_group=rows)

    _, refusals = differences(record(was), record(now))
    assert [line.split(":")[0] for line in refusals] == [f"rows|language_group|{name}"]


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"language_group": [["esho"]]}, {"language_group": [["esho", "avel"]]}),
        ({"task": [{"max_tokens": 64}]}, {"task": [{"max_tokens": 32}]}),
        ({"task": [{"labels": ["no", "yes"]}]}, {"task": [{"labels": ["yes", "no"]}]}),
    ],
)
def test_a_row_of_the_users_own_keeps_its_meaning(was: Any, now: Any) -> None:
    """A group or task that keeps its name but means other rows makes another study."""

    def record(rows: dict[str, Any]) -> StudyRecord:
        groups = [{"name": "far", "languages": g} for g in rows.get("language_group", [["esho"]])]
        tasks = [{"name": "own", "like": "qa", **row} for row in rows.get("task", [{}])]
        mixture = {"tasks": ["own"], "languages": ["far", "avel"]}
        return study(space={"mixture": mixture}, language_group=groups, task=tasks)

    _, refusals = differences(record(was), record(now))
    assert refusals


def test_a_record_read_back_is_the_same_study(tmp_path: Path) -> None:
    """What was frozen survives its file: same identity, same cuts, same keys, own ranges too."""
    tables = {"space": {"target": {"steps": [30], "xnli": {"steps": [60, 90]}}}}
    record = study(root=tmp_path, **tables)
    again = read_study(tmp_path, record.name)
    assert differences(record, again) == ([], [])
    assert again.cuts == record.cuts and again.revisions == record.revisions
