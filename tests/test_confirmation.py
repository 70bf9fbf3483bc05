"""Confirmations without Ray: finalists, fresh seeds, looks, and who may read test rows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from optuna.storages import InMemoryStorage

import trainables.sources.invented
from analysis import best_settings, load_phases, load_scores, load_trials, report_text, status_text
from analysis.finalists import finalists
from analysis.snapshot import read_snapshot
from search.cli import main
from search.confirmation import confirmation, unchanged
from search.export import export_model
from search.study import open_target
from search.target_queue import TargetQueue
from spaces.confirmation import Confirmation, confirmation_cut, replicate_seeds
from spaces.layout import StoreError, StudyPaths
from spaces.looks import log_look, look_of, opened_targets, read_looks
from spaces.mistakes import PlanError
from spaces.phases import Rows, trial_phases
from spaces.plan import parse_plan
from spaces.selection import Cut, make_cut, selectors
from spaces.settings import Seeds
from spaces.study import StudyRecord, read_study
from spaces.suggest import Space, matched_baseline
from tests.plans import contents, frozen, values
from tests.studies import driven, nli_file, queues, real_world, told
from tests.test_trainables_folder import Folder, nli_rows, write
from tests.worlds import plan as small_plan
from tests.worlds import setting_of, shrink_micro_world
from tests.worlds import study as small_study
from trainables import TrialRequest, run_trial, world_for
from trainables.rows import Access, RowError, SealedRows
from trainables.sources import source_for

TWO_TARGETS = {"targets.tasks": ["xnli", "xcopa"]}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a search of two targets of the oracle world."""
    root = tmp_path_factory.mktemp("searched")
    driven(frozen(TWO_TARGETS), root)
    return root


def confirms(record: StudyRecord) -> Confirmation:
    """What a confirmation runs."""
    assert record.confirms is not None
    return record.confirms


# -- finalists -------------------------------------------------------------------------------------


def best_by(scores: pd.Series, trials: pd.DataFrame, top: int) -> list[str]:
    """Names of the settings with the highest values, each once."""
    ranked = scores.sort_values(ascending=False, kind="stable").index
    return list(dict.fromkeys(trials.loc[ranked, "setting_id"]))[:top]


@pytest.mark.parametrize("top", [1, 3])
def test_finalists_are_the_best_by_each_rule(searched: Path, top: int) -> None:
    """The union of the best by the study's rule, by the dev language and by the other languages."""
    for target in ("xnli", "xcopa"):
        trials = load_trials("first", root=searched).query("target == @target")
        trials = trials.set_index("trial_number")
        scores = load_scores("first", root=searched)
        whole = scores[(scores["target"] == target) & (scores["items"] == "all")]
        others = whole[whole["in_objective"]].groupby("trial_number")["value"].mean()
        english = whole[whole["language"] == "avel"].set_index("trial_number")["value"]
        expected = {
            "held_out_languages": best_by(trials["score"], trials, top),
            "source_dev": best_by(english, trials, top),
            "target_dev": best_by(others, trials, top),
        }
        found = finalists(read_snapshot("first", searched), target, top)
        chosen = {
            name: [one.setting.setting_id for one in found if name in one.chosen_by]
            for name in expected
        }
        assert {n: set(ids) for n, ids in chosen.items()} == {
            n: set(ids) for n, ids in expected.items()
        }


def test_each_finalist_has_its_baseline(searched: Path) -> None:
    """The no-intermediate twin stands beside each finalist; no setting stands twice."""
    found = finalists(read_snapshot("first", searched), "xcopa", 3)
    names = [one.setting.setting_id for one in found]
    assert len(set(names)) == len(names)
    mixed = [one for one in found if one.chosen_by and one.setting.intermediate]
    assert mixed
    for one in mixed:
        assert replace(one.setting, intermediate=()).setting_id in names
    alone = [one for one in found if not one.chosen_by]
    assert alone and not any(one.setting.intermediate for one in alone)


def test_a_baseline_is_the_one_of_the_search(searched: Path) -> None:
    """The pair of a setting is what the search itself calls its matched baseline."""
    record = read_study(searched, "first")
    for queue in queues(record, searched):
        space = record.spaces[queue.target]
        mixed = [t for t in queue.trials() if t.user_attrs["setting"]["intermediate"]]
        assert mixed
        for trial in mixed:
            twin = space.setting(matched_baseline(trial.params))
            assert twin == space.setting(trial.params).without_intermediate


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("source_dev", {"source_dev", "target_dev"}),
        ("target_dev", {"source_dev", "target_dev"}),
        ("held_out_languages", {"source_dev", "target_dev", "held_out_languages"}),
    ],
)
def test_rules_without_scores_choose_nothing(
    tmp_path: Path, selection: str, expected: set[str]
) -> None:
    """A rule that needs halves of items is available where the trials were scored on halves."""
    told(frozen({"study.selection": selection}), tmp_path)
    found = finalists(read_snapshot("first", tmp_path), "xnli", 2)
    assert {name for one in found for name in one.chosen_by} == expected
    assert found[0].chosen_by[0] == selection


def test_a_proxy_is_read_by_no_other_rule() -> None:
    """Rows that stand for a target's own serve the rule that names them alone."""
    asked = small_plan(
        "a folder",
        targets={"tasks": ["tatoeba"]},
        space={"source_languages": [["en"]], "mixture": None},
        initialisation=[{"name": "own", "path": "/nowhere"}],
    )
    space = Space.of(asked, "tatoeba")
    cut = make_cut(space, space.target.languages)
    assert isinstance(cut, Cut) and cut.selection == "proxy"
    assert selectors(space, space.target.languages, cut) == {"proxy": cut}


def test_sets_of_source_languages_are_not_compared_by_one(tmp_path: Path) -> None:
    """Where the source languages are searched, their own dev rows choose no finalist."""
    task = {"name": "xnli", "like": "xnli", "train_languages": ["avel", "brin"]}
    changes = {"task": [task], "space.source_languages": [["avel"], ["brin"]]}
    told(frozen(changes), tmp_path)
    found = finalists(read_snapshot("first", tmp_path), "xnli", 2)
    chosen = {name for one in found for name in one.chosen_by}
    assert chosen == {"held_out_languages", "target_dev"}


GOLDEN_SEEDS = Seeds(initialisation=3933475216, rows=7, intermediate=3233074071, target=3945715391)


# -- seeds -----------------------------------------------------------------------------------------


def test_replicates_have_seeds_of_their_own() -> None:
    """No seed of a replicate is a search's or another replicate's; rows stay the study's."""
    found = [replicate_seeds(seed, n) for seed in (0, 1, 2**31 - 1) for n in range(1, 101)]
    drawn = [s for one in found for s in (one.initialisation, one.intermediate, one.target)]
    assert len(set(drawn)) == len(drawn)
    assert all(2**31 <= seed < 2**32 for seed in drawn)
    assert [one.rows for one in found[:100]] == [0] * 100
    assert replicate_seeds(1, 3) == replicate_seeds(1, 3) != replicate_seeds(2, 3)


def test_seeds_of_replicates_stay_what_they_are() -> None:
    """A confirmation that grows in another year must go on with the same draws."""
    assert replicate_seeds(7, 1) == GOLDEN_SEEDS


def test_pairs_share_their_seeds_and_nothing_of_the_search(searched: Path) -> None:
    """A setting and its baseline have one initialisation; no phase of the search serves either."""
    record, _ = confirmation("first", searched, top=1, replicates=2)
    before = set(load_phases("first", root=searched)["key"])
    keys: dict[int, set[str]] = {}
    for replicate in (1, 2):
        seeds = replicate_seeds(record.plan.study.seed, replicate)
        for one in confirms(record).settings["xcopa"]:
            phases = trial_phases(record.frozen, "xcopa", one.setting, seeds)
            keys.setdefault(replicate, set()).update(phase.key for phase in phases)
    assert not keys[1] & keys[2]
    assert not (keys[1] | keys[2]) & before


# -- the record ------------------------------------------------------------------------------------


def test_a_confirmation_reports_and_selects_nothing(searched: Path) -> None:
    """Test rows of every language, all items, the search's reported languages, the whole pool."""
    record, notes = confirmation("first", searched, top=2, replicates=3)
    assert notes == [] and record.name == "first.confirm"
    old = read_study(searched, "first")
    for target in ("xnli", "xcopa"):
        cut = record.cuts[target]
        assert cut.selecting == () and cut.items_seed is None
        assert cut.reported == old.cuts[target].reported
        languages = [code for _, code, _ in old.scored[target]]
        assert record.scored[target] == tuple((target, code, "test") for code in languages)
    assert record.frozen.whole_pool and not old.frozen.whole_pool
    assert not (searched / "studies" / "first.confirm").exists()


def test_rows_that_selected_are_left_out_of_the_reported_half() -> None:
    """Where a search spent test rows, the reported score is over the items it did not look at."""
    cut = Cut(
        selection="held_out_languages",
        dev_language="avel",
        objective=("a", "b"),
        selecting=("a",),
        reported=("b",),
        items_seed=4,
    )
    kept = confirmation_cut(cut, ["a", "b"], spent=True)
    assert (kept.selecting, kept.reported, kept.items_seed) == ((), ("b",), 4)
    assert confirmation_cut(cut, ["a", "b"], spent=False).items_seed is None
    assert confirmation_cut(cut, ["a"], spent=False).reported == ()


def test_rows_are_capped_as_the_plan_says(tmp_path: Path) -> None:
    """``test_rows`` caps the rows of a confirmation, whatever capped those of the search."""
    changes = {"targets.dev_rows": 10, "targets.test_rows": 50}
    told(frozen(changes), tmp_path)
    record, _ = confirmation("first", tmp_path, top=1, replicates=1)
    setting = confirms(record).settings["xnli"][0].setting
    evaluation = trial_phases(record.frozen, "xnli", setting, record.seeds)[-1]
    assert {(rows.split, rows.cap) for rows in evaluation.rows} == {("test", 50)}


def test_an_unfinished_study_says_so(tmp_path: Path) -> None:
    """What there is is confirmed, with a line that says it is not all; later finalists join."""
    record = frozen({"budget.trials_per_target": 8})
    told(record, tmp_path)
    budget = record.plan.budget.model_copy(update={"trials_per_target": 20})
    longer = record.model_copy(update={"plan": record.plan.model_copy(update={"budget": budget})})
    longer.write(StudyPaths(tmp_path, "first"))
    first, notes = confirmation("first", tmp_path, top=1, replicates=1)
    assert len(notes) == 1 and "unfinished (8 of 20 trials)" in notes[0]
    first.write(StudyPaths(tmp_path, first.name))
    told(longer, tmp_path)
    second, notes = confirmation("first", tmp_path, top=3, replicates=1)
    before, after = (confirms(r).setting_ids("xnli") for r in (first, second))
    assert after[: len(before)] == before and len(after) > len(before)
    assert notes == [f"settings of xnli, baselines among them: {len(before)} -> {len(after)}"]


def test_a_confirmation_grows_and_never_shrinks(searched: Path, tmp_path: Path) -> None:
    """More replicates and settings join; fewer take nothing away, and a line says so."""
    root = copy_of(searched, tmp_path)
    first, _ = confirmation("first", root, top=1, replicates=2)
    first.write(StudyPaths(root, first.name))
    again, notes = confirmation("first", root, top=1, replicates=2)
    assert again == first and notes == []
    more, notes = confirmation("first", root, top=2, replicates=4)
    assert notes[0] == "sets of seeds: 2 -> 4" and len(notes) == 3
    assert confirms(more).replicates == 4 and differ(first, more)
    more.write(StudyPaths(root, more.name))
    less, notes = confirmation("first", root, top=1, replicates=1)
    assert confirms(less).settings == confirms(more).settings
    assert confirms(less).replicates == 4
    assert notes == ["it holds top 2 with 4 sets of seeds already, and nothing that was opened is "
                     "taken away"]  # fmt: skip


def differ(first: StudyRecord, more: StudyRecord) -> bool:
    """Whether one record has all settings of the other, and others."""
    return all(
        set(confirms(first).setting_ids(t)) < set(confirms(more).setting_ids(t))
        for t in ("xnli", "xcopa")
    )


def copy_of(root: Path, folder: Path) -> Path:
    """A root of its own with the same studies."""
    import shutil

    return Path(shutil.copytree(root, folder / "root"))


def test_other_conditions_are_refused(searched: Path, tmp_path: Path) -> None:
    """A confirmation is not continued on another number of rows."""
    root = copy_of(searched, tmp_path)
    first, _ = confirmation("first", root, top=1, replicates=1)
    first.write(StudyPaths(root, first.name))
    record = read_study(root, "first")
    targets = record.plan.targets.model_copy(update={"test_rows": 9})
    changed = record.plan.model_copy(update={"targets": targets})
    record.model_copy(update={"plan": changed}).write(StudyPaths(root, "first"))
    with pytest.raises(PlanError, match=r"test_rows\n +read: +\(absent\) -> 9"):
        confirmation("first", root, top=1, replicates=1)


def test_rows_that_changed_are_refused(searched: Path) -> None:
    """A confirmation trains on what the search trained on, or not at all."""
    first, _ = confirmation("first", searched, top=1, replicates=1)
    assert unchanged(first) is first
    other = {**first.revisions, "xnli/avel/train": "another"}
    with pytest.raises(PlanError, match="xnli/avel/train"):
        unchanged(first.model_copy(update={"revisions": other}))


# -- the queue -------------------------------------------------------------------------------------


def confirming(record: StudyRecord, storage: Any, target: str = "xnli") -> TargetQueue:
    """The queue of a driver that opens a confirmation anew."""
    return TargetQueue(record, target, open_target(record, target, storage, None))


def test_every_setting_runs_once_with_every_set(searched: Path) -> None:
    """Set after set, each setting once; a dead driver's trial is taken up as it was."""
    record, _ = confirmation("first", searched, top=2, replicates=3)
    storage, found = InMemoryStorage(), []
    while asked := confirming(record, storage).next():
        found.append((asked.replicate, asked.setting.setting_id, asked.seeds))
        dead = confirming(record, storage)  # whoever had asked died before it was told
        adopted = dead.next()
        assert adopted is not None
        assert (adopted.replicate, adopted.setting.setting_id, adopted.seeds) == found[-1]
        dead.complete(adopted, 50.0, {})
    names = confirms(record).setting_ids("xnli")
    assert [pair[:2] for pair in found] == [(n, name) for n in (1, 2, 3) for name in names]
    assert all(seeds == replicate_seeds(1, n) for n, _, seeds in found)
    assert confirming(record, storage).is_exhausted


def test_a_grown_confirmation_runs_what_is_new(searched: Path) -> None:
    """More settings and more sets: every pair once, those that are done stay."""
    small, _ = confirmation("first", searched, top=1, replicates=1)
    large, _ = confirmation("first", searched, top=2, replicates=2)
    storage = InMemoryStorage()
    for record in (small, large):
        queue = confirming(record, storage)
        while asked := queue.next():
            queue.complete(asked, 1.0, {})
    pairs = [(t.user_attrs["replicate"], t.user_attrs["setting_id"]) for t in queue.trials()]
    names = confirms(large).setting_ids("xnli")
    assert sorted(pairs) == sorted((n, name) for n in (1, 2) for name in names)
    assert queue.planned == len(pairs)


# -- looks -----------------------------------------------------------------------------------------


def test_looks_are_appended_and_torn_lines_open_nothing(searched: Path, tmp_path: Path) -> None:
    """Each look is a line; a line that was torn by a crash is passed over, and stays alone."""
    record, _ = confirmation("first", searched, top=1, replicates=2)
    path, look = tmp_path / "looks.jsonl", look_of(record, ["xnli"])
    log_look(path, look)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    log_look(path, look)
    assert read_looks(path) == [look, look]
    assert path.read_bytes().count(b"\n") == 3
    assert look.confirmation == "first.confirm" and look.when.endswith("+00:00")
    assert look.targets["xnli"].settings == confirms(record).setting_ids("xnli")
    assert len(look.targets["xnli"].languages) == 8


def test_a_look_opens_what_it_names(searched: Path, tmp_path: Path) -> None:
    """Rows open by target, for settings that a look of this very confirmation names."""
    record, _ = confirmation("first", searched, top=1, replicates=1)
    larger, _ = confirmation("first", searched, top=2, replicates=1)
    path = StudyPaths(tmp_path, "first").looks
    assert opened_targets(record, tmp_path) == set()
    log_look(path, look_of(record, ["xnli"]).model_copy(update={"confirmation": "other.confirm"}))
    assert opened_targets(record, tmp_path) == set()
    log_look(path, look_of(record, ["xnli"]))
    assert opened_targets(record, tmp_path) == {"xnli"}
    assert opened_targets(larger, tmp_path) == set()
    assert opened_targets(read_study(searched, "first"), tmp_path) == set()


# -- who may read test rows ------------------------------------------------------------------------


def part(record: StudyRecord, language: str, split: str) -> Rows:
    """Rows of XNLI at the revision that the source gives them."""
    source = source_for(record.plan, record.catalogue)
    revision = source.revision("xnli", language, split)
    return Rows(task="xnli", language=language, split=split, revision=revision)


SPENT = {"task": [{"name": "xnli", "like": "xnli", "dev_languages": ["avel"]}]}
"""A target without dev rows in the languages of its objective: a search spends test rows."""


def test_a_search_reads_no_test_rows() -> None:
    """Neither under their name nor as spent rows of a language that does not select."""
    record = small_study("microworld", **SPENT)
    cut = record.cuts["xnli"]
    assert record.spent == {"xnli": cut}
    access = Access(opened=opened_targets(record, Path("nowhere")), spent=record.spent)
    source = source_for(record.plan, record.catalogue, access)
    for language in record.catalogue.tasks["xnli"].languages:
        with pytest.raises(SealedRows, match="a search never scores them"):
            source.rows(part(record, language, "test"))
        with pytest.raises(SealedRows):
            source.candidates(part(record, language, "test"))
    for language in cut.reported:
        with pytest.raises(SealedRows, match="does not spend"):
            source.rows(part(record, language, "spent"))
    half = source.rows(part(record, cut.selecting[0], "spent"))
    assert {cut.half(item) for item in half["item"]} == {"selecting"}


def test_a_plan_cannot_say_that_it_confirms() -> None:
    """No key of a plan and no name of a study makes a confirmation."""
    with pytest.raises(PlanError, match="confirms"):
        parse_plan({**values(), "confirms": {"of": "first"}})
    with pytest.raises(PlanError, match=r"first\.confirm.*\n.*without '\.confirm'"):
        frozen({"study.name": "first.confirm"})


@pytest.mark.parametrize("name", ["xnli", "mine"])
@pytest.mark.parametrize("also", [{}, {"test": "validation"}])
def test_test_rows_under_another_splits_name_are_left_out(
    tmp_path: Path, name: str, also: dict[str, str]
) -> None:
    """A row that calls the test file its dev rows gets none of them, whatever it is called."""
    splits = {"train": "train", "dev": "test", **also}
    folder = Folder(tmp_path, {"name": name, "like": "xnli", "splits": splits})
    write(folder.path, "xnli/de/test", **nli_rows(6))
    write(folder.path, "xnli/de/validation", **nli_rows(6, "q"))
    with pytest.raises(RowError, match="6 sealed"):
        folder.rows(name, "de", "dev")


def test_a_row_that_scores_fewer_languages_unseals_none(tmp_path: Path) -> None:
    """A user's target in two languages leaves the test text of the others sealed."""
    mine = {"name": "xnli", "like": "xnli", "languages": ["en", "fr"]}
    other = {"name": "mine", "like": "xnli", "splits": {"train": "train", "dev": "test"}}
    folder = Folder(tmp_path, mine, {**other, "languages": ["de", "fr", "en"]})
    write(folder.path, "xnli/de/test", **nli_rows(4))
    with pytest.raises(RowError, match="4 sealed"):
        folder.rows("mine", "de", "dev")


def test_a_search_whose_record_scores_test_rows_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that was edited to score test rows trains, and then may not read them."""
    shrink_micro_world(monkeypatch)
    record = small_study("microworld")
    test = tuple((task, code, "test") for task, code, _ in record.scored["xnli"])
    frozen_test = {"/".join(p): part(record, p[1], "test").revision for p in test}
    revisions = {**record.revisions, **frozen_test}
    edited = record.model_copy(update={"scored": {"xnli": test}, "revisions": revisions})
    request = TrialRequest(
        root=tmp_path, record=edited, target="xnli", setting=setting_of("microworld")
    )
    with pytest.raises(SealedRows):
        list(run_trial(request, world_for(edited, tmp_path)))


# -- a confirmation that trains --------------------------------------------------------------------


@pytest.fixture
def micro(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a search of the shrunken micro-world that was told by hand."""
    shrink_micro_world(monkeypatch)
    monkeypatch.setitem(trainables.sources.invented.MICRO_EVALUATION_ROWS, "test", 40)
    phase = {"steps": [2], "rows_per_step": 8}
    tables: dict[str, Any] = {
        "space": {"intermediate": phase, "target": phase},
        "targets": {"test_rows": 30},
        "budget": {"trials_per_target": 4},
    }
    told(small_study("microworld", **tables), tmp_path)
    return tmp_path


def test_a_confirmation_trains_anew_and_scores_test_rows(micro: Path) -> None:
    """Each replicate pretrains and trains for itself; only test rows are scored, on all items."""
    record, _ = confirmation("small", micro, top=1, replicates=2)
    assert confirms(record).rows == {"xnli": 8 * 30}
    driven(record, micro)
    trials = load_trials(record.name, root=micro)
    scores = load_scores(record.name, root=micro)
    assert set(trials["state"]) == {"COMPLETE"} and len(trials) == record.planned("xnli")
    assert set(scores["split"]) == {"test"} and set(scores["items"]) == {"all"}
    assert set(scores["rows"]) == {30} and set(scores["role"]) == {"reported", "other"}
    means = scores[scores["role"] == "reported"].groupby("trial_number")["value"].mean()
    assert (means - trials.set_index("trial_number")["score"]).abs().max() < 1e-9
    phases = load_phases(record.name, root=micro)
    pretrained = phases[(phases["kind"] == "initialisation") & ~phases["hit"]]
    assert len(pretrained) == 2
    for column in ("initialisation_seed", "intermediate_seed", "target_seed"):
        assert trials.groupby("replicate")[column].nunique().tolist() == [1, 1]
        assert trials[column].nunique() == 2 and 7 not in set(trials[column])
    assert set(trials["rows_seed"]) == {7}


def test_without_a_look_nothing_is_read(micro: Path) -> None:
    """A confirmation whose look is not in the log trains, and then may not read test rows."""
    record, _ = confirmation("small", micro, top=1, replicates=1)
    with pytest.raises(SealedRows, match="never scores them"):
        driven(record, micro, look=False)
    log_look(StudyPaths(micro, "small").looks, look_of(record, ["xnli"]))
    driven(record, micro, look=False)
    assert set(load_trials(record.name, root=micro)["state"]) == {"COMPLETE"}


# -- what is read of it ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def confirmed(searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with that search and its confirmation: one finalist of each rule, three sets."""
    root = copy_of(searched, tmp_path_factory.mktemp("confirmed"))
    driven(confirmation("first", root, top=1, replicates=3)[0], root)
    return root


def test_gains_are_paired_by_replicate(confirmed: Path) -> None:
    """``paired_gain`` is against the baseline with the same seeds; there is no tuned gain."""
    trials = load_trials("first.confirm", root=confirmed)
    mixed = trials[trials["arm"] == "intermediate"]
    record = read_study(confirmed, "first.confirm")
    assert len(mixed) >= 3 and mixed["paired_gain"].notna().all()
    assert trials["tuned_gain"].isna().all()
    settings = {o.setting.setting_id: o.setting for o in confirms(record).settings["xcopa"]}
    for row in mixed[mixed["target"] == "xcopa"].itertuples():
        twin = settings[row.setting_id].without_intermediate.setting_id
        same = (trials["setting_id"] == twin) & (trials["target_seed"] == row.target_seed)
        baseline = trials[same & (trials["target"] == "xcopa")]
        assert len(baseline) == 1
        assert row.paired_gain == pytest.approx(row.score - baseline["score"].iloc[0])


def test_the_report_holds_means_spreads_and_pairs(confirmed: Path) -> None:
    """Each setting with n, mean and standard deviation; each pair's difference by replicate."""
    trials = load_trials("first.confirm", root=confirmed)
    text = report_text("first.confirm", root=confirmed)
    assert max(map(len, text.partition("study folder")[0].splitlines())) <= 80
    for (target, name), rows in trials.groupby(["target", "setting_id"]):
        section = text.split(f"{target}\n=")[1]
        line = next(line for line in section.splitlines() if line.startswith(name))
        expected = ["3", f"{rows['score'].mean():.2f}", f"{rows['score'].std():.2f}"]
        assert line.split()[-3:] == expected
    mixed = trials[trials["arm"] == "intermediate"]
    for _, rows in mixed.groupby(["target", "setting_id"]):
        assert " ".join(f"{gain:+.2f}" for gain in rows["paired_gain"]) in text
    words = " ".join(text.split())
    assert "Student's t over replicates" in words and "no test of significance" not in words
    assert text.count("Verdict") == 2 and "tuned: against the best setting" in words


def test_status_and_reports_say_how_often_test_rows_were_opened(confirmed: Path) -> None:
    """Search and confirmation alike name the looks; a study without any says nothing."""
    for name in ("first", "first.confirm"):
        for text in (status_text(name, confirmed), report_text(name, confirmed)):
            assert "test rows opened 1 time, last 20" in text
    told(frozen({"study.name": "other"}), confirmed)
    assert "opened" not in status_text("other", confirmed)
    rows = [line.split() for line in status_text("first.confirm", confirmed).splitlines()]
    assert [row[-2:] for row in rows if row[:1] == ["xnli"]] == [["-", "-"]]


def test_nothing_is_chosen_from_a_confirmation(confirmed: Path) -> None:
    """The best replicate is the luckiest: neither a best setting nor its model comes from here."""
    with pytest.raises(StoreError, match="choose in 'first'"):
        export_model("first.confirm", confirmed / "model", "xnli", confirmed)
    with pytest.raises(StoreError, match="choose in 'first'"):
        best_settings("first.confirm", root=confirmed)


# -- what cannot be confirmed ----------------------------------------------------------------------


Call = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Call:
    """What a call says that must be refused and write nothing."""

    def refused(root: Path, *arguments: str) -> str:
        before = contents(root)
        assert main([*arguments, "--root", str(root)]) == 2
        assert contents(root) == before
        return capsys.readouterr().err

    return refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("confirm", "second"), "no study 'second'"),
        (("confirm", "first", "--top", "0"), "--top"),
        (("confirm", "first", "--seeds", "-1"), "--seeds"),
        (("confirm", "first", "--seeds", "1001"), "1 to 1000"),
        (("confirm", "first.confirm"), "the study that was searched: 'first'"),
        (("resume", "first.confirm", "--add-trials", "2"), "confirm first --seeds N"),
    ],
)
def test_calls_that_mean_nothing_are_refused(
    confirmed: Path, refused: Call, arguments: tuple[str, ...], said: str
) -> None:
    """One message, exit code 2, nothing written."""
    assert said in refused(confirmed, *arguments)


def test_a_study_without_trials_is_refused(tmp_path: Path, refused: Call) -> None:
    """There is nothing to confirm before a trial is COMPLETE."""
    queues(frozen(TWO_TARGETS), tmp_path)
    said = refused(tmp_path, "confirm", "first")
    assert "xnli is not confirmed: it has no COMPLETE trial" in said and "xcopa" in said


def test_targets_without_trials_are_left_out(tmp_path: Path) -> None:
    """The others are confirmed, and the target joins when it has trials."""
    record = frozen({**TWO_TARGETS, "space.target.xcopa": {"steps": [40]}})
    told(frozen({"targets.tasks": ["xnli"]}), tmp_path)
    record.write(StudyPaths(tmp_path, "first"))
    first, notes = confirmation("first", tmp_path, top=1, replicates=1)
    assert first.targets == ("xnli",)
    assert any("xcopa is not confirmed: it has no COMPLETE trial" in note for note in notes)
    first.write(StudyPaths(tmp_path, first.name))
    told(record, tmp_path)
    second, _ = confirmation("first", tmp_path, top=1, replicates=1)
    assert second.targets == ("xnli", "xcopa")


def real_test_rows(root: Path, *languages: str) -> None:
    """Test files of some languages of the tiny real folder, other text than its dev rows."""
    for code in languages:
        file = root / "rows" / "xnli" / code / "test.parquet"
        nli_file(file, "premise", "hypothesis", 9, word="test")


@pytest.fixture
def searched_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a search of the tiny real folder, which has no test rows yet."""
    import search

    plan = real_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "root"
    told(search.prepare(plan, root)[0], root)
    return root


def test_a_folder_without_test_rows_cannot_confirm(
    tmp_path: Path, searched_folder: Path, refused: Call
) -> None:
    """Without any it is refused; with some, the languages without are named and the others run."""
    said = refused(searched_folder, "confirm", "first")
    assert "xnli is not confirmed: no test rows in its reported languages (de, fr, zh)" in said
    real_test_rows(tmp_path, "en", "de", "fr")
    record, notes = confirmation("first", searched_folder, top=1, replicates=1)
    assert notes == ["xnli is not confirmed in zh: no test rows"]
    assert record.cuts["xnli"].reported == ("de", "fr")
    assert [code for _, code, _ in record.scored["xnli"]] == ["de", "en", "fr"]
    assert confirms(record).rows == {"xnli": 27}


def test_a_flawed_test_row_is_an_error(
    tmp_path: Path, searched_folder: Path, refused: Call
) -> None:
    """Test rows that are there and broken are mended first: nobody confirms on what is left."""
    real_test_rows(tmp_path, "en", "de", "fr", "zh")
    file = tmp_path / "rows" / "xnli" / "fr" / "test.parquet"
    table = pd.read_parquet(file)
    table.loc[4, "label"] = 7
    table.to_parquet(file)
    assert "row 4: label 7" in refused(searched_folder, "confirm", "first")
