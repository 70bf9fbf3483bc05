"""From a plan to settings, baselines, cuts, phases, and what may change in a running study."""

import itertools
from dataclasses import replace
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces import describe, suggest
from spaces.axes import Axis
from spaces.catalogue import Catalogue
from spaces.enumeration import distinct_settings
from spaces.keys import canonical
from spaces.mistakes import Mistake
from spaces.phases import scored_languages
from spaces.plan import SELECTIONS, parse_plan
from spaces.selection import (
    Cut,
    aggregate,
    chosen_scores,
    make_cut,
    reported_score,
    scored_rows,
    selecting_score,
)
from spaces.settings import Mixture, Optimisation, Part, TransferSetting
from spaces.study import SETTING
from spaces.suggest import Space, baselines, draw, matched_baseline
from spaces.tasks import TASKS
from tests.worlds import TWO_SOURCES, plan, study

FIXED = {
    "initialisation": "oracle-text",
    "source_languages": "avel",
    "target.learning_rate": 2e-3,
    "target.steps": 60,
    "mixture.shape": "A+B",
    "mixture.A": "nli:non_european",
    "mixture.B": "qa:non_european",
    "intermediate.learning_rate": 1e-3,
    "intermediate.steps": 100,
    "mixture.rows_cap": 500,
}

WIDE = {
    "space": {
        "initialisations": ["oracle-text", "oracle-multimodal"],
        "source_languages": [["avel"]],
        "mixture": {
            "tasks": ["nli", "qa"],
            "languages": ["esho", "non_european"],
            "max_parts": 2,
            "rows_caps": [500, 1000],
        },
        "intermediate": {"learning_rates": [1e-3, 2e-3], "steps": [100, 150], "rows_per_step": 16},
        "target": {"learning_rates": [5e-4, 4e-3], "steps": [30, 60]},
    }
}


PARTS = ("nli:esho", "nli:non_european", "qa:esho", "qa:non_european")


def space_of(**tables: Any) -> Space:
    """The space of xnli in such a plan."""
    return Space.of(plan(**tables), "xnli")


@pytest.fixture
def wide() -> Space:
    """A space with every axis."""
    return space_of(**WIDE)


def test_axes_of_a_plan(wide: Space) -> None:
    """A plan's lists become axes, combined where a mixture may hold several tasks."""
    assert {axis.name: axis.choices for axis in wide.axes} == {
        "initialisation": ("oracle-text", "oracle-multimodal"),
        "source_languages": ("avel",),
        "target.learning_rate": (5e-4, 4e-3),
        "target.steps": (30, 60),
        "arm": ("none", "intermediate", "equal_tokens", "same_rows"),
        "mixture.shape": ("A", "A+B"),
        "mixture.A": PARTS,
        "mixture.B": PARTS,
        "intermediate.learning_rate": (1e-3, 2e-3),
        "intermediate.steps": (100, 150),
        "mixture.rows_cap": (500, 1000),
    }
    target = {"initialisation", "source_languages", "target.learning_rate", "target.steps"}
    assert {axis.name for axis in wide.in_arm("none")} == target
    longer = target | {"intermediate.learning_rate", "intermediate.steps"}
    assert {axis.name for axis in wide.in_arm("equal_tokens")} == longer
    assert {axis.name for axis in wide.in_arm("same_rows")} == longer | {"mixture.rows_cap"}
    assert len(list(wide.in_arm("intermediate"))) == 10
    alone = {axis.name for axis in wide.in_arm("intermediate", "A")}
    assert {axis.name for axis in wide.in_arm("intermediate", "A+B")} - alone == {"mixture.B"}


def test_the_intermediate_arm_builds_the_mixture(wide: Space) -> None:
    """Tasks times the languages of a group that hold rows of them, at the plan's rows per step."""
    optimisation = Optimisation(learning_rate=1e-3, steps=100, rows_per_step=16)
    pairs = itertools.product(("nli", "qa"), ("esho", "fanu"))
    parts = tuple(Part(task=task, language=code) for task, code in pairs)
    assert wide.setting({**FIXED, "arm": "intermediate"}) == TransferSetting(
        initialisation="oracle-text",
        source_languages=("avel",),
        target=Optimisation(learning_rate=2e-3, steps=60),
        intermediate=(Mixture(parts=parts, optimisation=optimisation, rows_cap=500),),
    )


def test_baseline_arms_by_hand(wide: Space) -> None:
    """Equal tokens lengthens the target phase by the intermediate's rows; same rows repeats it."""
    none, equal, same = (
        wide.setting({**FIXED, "arm": arm}) for arm in ("none", "equal_tokens", "same_rows")
    )
    assert none.intermediate == equal.intermediate == ()
    # 100 steps of 16 rows are 50 steps of the target's 32 rows.
    assert (none.target.steps, equal.target.steps) == (60, 110)
    assert replace(equal.target, steps=60) == none.target == same.target
    assert str(same.intermediate[0]) == "xnli:avel"
    assert (none.arm, same.arm) == ("none", "intermediate")


def test_a_task_has_its_own_ranges() -> None:
    """``[space.target.xnli]`` goes before ``[space.target]``, value by value."""
    target = {"steps": [30], "learning_rates": [1e-3], "xnli": {"steps": [90]}}
    tables = {"targets": {"tasks": ["xnli", "xcopa"]}, "space": {"target": target}}
    own, general = (Space.of(plan(**tables), name) for name in ("xnli", "xcopa"))
    assert [s.axis("target.steps").choices for s in (own, general)] == [(90,), (30,)]
    assert own.axis("target.learning_rate").choices == (1e-3,)


def test_axes_know_their_nearest_value() -> None:
    """Of choices the nearest by ratio, of a range the value itself or its closer end."""
    assert Axis("rate", (1e-3, 4e-3)).nearest(1.9e-3) == 1e-3
    assert Axis("rate", (1e-3, 4e-3)).nearest(2.1e-3) == 4e-3
    continuous = Axis("rate", low=1e-4, high=1e-3)
    assert [continuous.nearest(x) for x in (5e-5, 5e-4, 1.0)] == [1e-4, 5e-4, 1e-3]


@pytest.mark.parametrize("seed", range(3))
def test_suggest_works_in_a_plain_objective(seed: int) -> None:
    """Optuna draws settings of both searched arms whose values lie in the plan's space."""
    tables = {"space": {**WIDE["space"], "target": {"learning_rates": {"low": 1e-4, "high": 1e-2}}}}
    wanted = plan(**tables)
    drawn: list[TransferSetting] = []

    def objective(trial: optuna.Trial) -> float:
        drawn.append(suggest(trial, wanted))
        return 0.0

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study_ = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    study_.optimize(objective, n_trials=20)
    assert {setting.arm for setting in drawn} == {"none", "intermediate"}
    assert all(1e-4 <= setting.target.learning_rate <= 1e-2 for setting in drawn)
    assert len({setting.target.learning_rate for setting in drawn}) == 20
    arms = {trial.params["arm"]: len(trial.params) for trial in study_.trials}
    assert arms["none"] == 5 and arms["intermediate"] in (10, 11)
    for trial, setting in zip(study_.trials, drawn, strict=True):
        assert Space.of(wanted, "xnli").setting(trial.params) == setting


def test_a_space_without_a_mixture_has_no_arms() -> None:
    """Without ``[space.mixture]`` there is nothing between initialisation and target."""
    space = space_of(space={"mixture": None})
    assert [axis.name for axis in space.axes] == [
        "initialisation",
        "source_languages",
        "target.learning_rate",
        "target.steps",
    ]
    drawn = draw(optuna.trial.FixedTrial(FIXED), space)
    assert drawn["arm"] == "none" and space.setting(drawn).arm == "none"
    assert [b["initialisation"] for b in baselines(space)] == ["oracle-text"]


def test_baselines_by_hand(wide: Space) -> None:
    """One without an intermediate per initialisation, then equal tokens, then the same rows."""
    # The target's reference is 2e-3 for 60 steps: 4e-3 is nearer by ratio than 5e-4.
    common = {"source_languages": "avel", "target.learning_rate": 4e-3, "target.steps": 60}
    # The intermediate's reference is 2e-3 for 150 steps.
    longer = {"intermediate.learning_rate": 2e-3, "intermediate.steps": 150}
    assert baselines(wide) == [
        {**common, "initialisation": "oracle-text", "arm": "none"},
        {**common, "initialisation": "oracle-multimodal", "arm": "none"},
        {**common, **longer, "initialisation": "oracle-text", "arm": "equal_tokens"},
        {**common, **longer, "initialisation": "oracle-text", "arm": "same_rows"}
        | {"mixture.rows_cap": 500},
    ]
    assert all(wide.setting(values) for values in baselines(wide))


def test_the_matched_baseline_differs_by_the_intermediate_alone(wide: Space) -> None:
    """What a trial is paired with is its own setting without the intermediate phase."""
    params = {**FIXED, "arm": "intermediate"}
    matched = wide.setting(matched_baseline(params))
    assert matched == replace(wide.setting(params), intermediate=())
    assert set(matched_baseline(params)) == {
        "arm",
        "initialisation",
        "source_languages",
        "target.learning_rate",
        "target.steps",
    }


def test_distinct_settings_by_hand(wide: Space) -> None:
    """2*1*2*2 without an intermediate, as many with each chain; none where a range is open.

    Chains: 4 candidates alone and in 6 pairs, of two limits, rates and lengths each.
    """
    assert distinct_settings(wide) == 8 + 8 * (4 + 6) * 8
    lists = WIDE["space"] | {"target": {"learning_rates": {"low": 1e-4, "high": 1e-3}}}
    assert distinct_settings(space_of(space=lists)) is None
    text = describe(plan(**WIDE))
    assert text.startswith("xnli: 648 distinct settings")
    assert f"  mixture.A: {' | '.join(PARTS)}" in text.splitlines()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_settings_survive_json(seed: int) -> None:
    """A setting read back from the storage's JSON is the same value."""
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    setting = suggest(trial, plan(**WIDE))
    assert SETTING.validate_json(SETTING.dump_json(setting)) == setting
    assert canonical(SETTING.validate_json(SETTING.dump_json(setting))) == canonical(setting)


# Selection


ORACLE = Catalogue.of_world("oracle")
CODES = tuple(ORACLE.tasks["xnli"].languages)


def cut_of(selection: str, languages: tuple[str, ...] = CODES, **tables: Any) -> Cut | Mistake:
    """The cut of xnli under a selection."""
    targets = {"heldout_seed": tables.pop("heldout_seed", 0)}
    space = space_of(study={"selection": selection}, targets=targets, **tables)
    return make_cut(space, languages)


def test_source_dev_chooses_in_the_dev_language_alone() -> None:
    """Strict zero-shot: the hub language selects, languages without supervision are reported."""
    cut = cut_of("source_dev")
    assert cut == Cut(
        selection="source_dev",
        dev_language="avel",
        objective=("brin", "corm", "dask", "fanu", "gire", "hatu"),
        selecting=("avel",),
        reported=("brin", "corm", "dask", "fanu", "gire", "hatu"),
    )
    assert [cut.role(code) for code in ("avel", "brin", "esho")] == [
        "selecting",
        "reported",
        "other",
    ]


def test_source_dev_cannot_compare_sets_of_source_languages() -> None:
    """A plan that asks its source's own dev rows to choose between sources is refused."""
    space = {"source_languages": [["avel"], ["avel", "brin"]]}
    found = cut_of("source_dev", space=space, task=[TWO_SOURCES])
    assert isinstance(found, Mistake) and "source" in found.read
    other = cut_of("target_dev", space=space, task=[TWO_SOURCES])
    assert isinstance(other, Cut) and "brin" not in other.objective


def test_target_dev_selects_and_reports_the_same_languages() -> None:
    """Not zero-shot, and labelled so: each target language does both."""
    cut = cut_of("target_dev")
    assert isinstance(cut, Cut)
    assert cut.selecting == cut.reported == cut.objective and cut.items_seed is None
    assert cut.role("brin") == "both"


def test_the_objective_leaves_out_supervised_languages() -> None:
    """A language counts as supervised where a candidate trains the target's own skill in it."""

    def objective(tasks: list[str], languages: list[str]) -> tuple[str, ...]:
        mixture = {"tasks": tasks, "languages": languages}
        cut = cut_of("target_dev", space={"mixture": mixture})
        assert isinstance(cut, Cut)
        return cut.objective

    assert objective(["qa"], ["non_european"]) == CODES[1:]
    assert objective(["qa", "nli"], ["non_european"]) == ("brin", "corm", "dask", "gire", "hatu")
    assert objective(["nli"], ["avel", "brin"]) == ("corm", "dask", "esho", "fanu", "gire", "hatu")
    held_out = cut_of("held_out_languages")  # supervises esho
    assert isinstance(held_out, Cut)
    assert set(held_out.selecting + held_out.reported) == set(CODES) - {"avel", "esho"}


@pytest.mark.parametrize(
    "languages",
    [("avel", "brin", "esho", "gire"), ("avel", "brin", "corm"), ("avel",), ()],
)
def test_too_few_languages_to_average_over_are_a_mistake(languages: tuple[str, ...]) -> None:
    """At least three languages must remain, and at least half of those that are scored."""
    for selection in ("source_dev", "target_dev", "held_out_languages"):
        found = cut_of(selection, languages)
        assert isinstance(found, Mistake), selection
        assert "at least three" in found.expected


def test_half_of_the_languages_is_enough_and_less_is_not() -> None:
    """Three of six may remain; three of seven may not."""
    space = {"mixture": {"tasks": ["nli"], "languages": ["brin", "esho", "fanu"]}}
    six = tuple(code for code in CODES if code != "hatu")
    cut = cut_of("target_dev", six, space=space)
    assert isinstance(cut, Cut) and cut.objective == ("corm", "dask", "gire")
    four = ["brin", "corm", "esho", "fanu"]
    own = {"name": "own", "like": "nli", "train_languages": four}
    more = {"mixture": {"tasks": ["own"], "languages": four}}
    assert isinstance(cut_of("target_dev", CODES, space=more, task=[own]), Mistake)


@pytest.mark.parametrize("seed", range(5))
def test_held_out_languages_are_cut_in_two(seed: int) -> None:
    """S and R are disjoint, together all of O, without the hub, and even within groups."""
    space = {"mixture": {"tasks": ["qa"], "languages": ["esho"]}}
    cut = cut_of("held_out_languages", heldout_seed=seed, space=space)
    assert isinstance(cut, Cut)
    assert sorted(cut.selecting + cut.reported) == sorted(cut.objective) == sorted(CODES[1:])
    assert abs(len(cut.selecting) - len(cut.reported)) == 1
    rows = ORACLE.languages
    for half in (cut.selecting, cut.reported):
        # Families of two languages are split; groups of three and four give one or two each.
        families = [rows[code].family for code in half]
        assert len(set(families)) == len(families)
        assert 1 <= sum(rows[code].group == "european" for code in half) <= 2
        assert sum(rows[code].group == "non_european" for code in half) == 2
    assert cut.items_seed == seed
    assert cut == cut_of("held_out_languages", heldout_seed=seed, space=space)


def test_the_seed_moves_the_cut() -> None:
    """Over twenty seeds every language is held out at times, and every seed cuts other items."""
    space = {"mixture": {"tasks": ["qa"], "languages": ["esho"]}}
    cuts = [cut_of("held_out_languages", heldout_seed=seed, space=space) for seed in range(20)]
    halves = {"".join(cut.half(f"dev-{n}")[0] for n in range(30)) for cut in cuts}
    assert len(halves) == 20
    times = {code: sum(code in cut.selecting for cut in cuts) for code in CODES[1:]}
    assert all(0 < count < 20 for count in times.values()), times


def test_items_are_cut_into_halves() -> None:
    """Each item falls into one half, the same in every language, about as often in either."""
    cut = cut_of("held_out_languages")
    halves = [cut.half(f"dev-{number}") for number in range(2000)]
    assert set(halves) == {"selecting", "reported"}
    assert abs(halves.count("selecting") - 1000) < 100  # four standard deviations are 89
    assert halves == [cut.half(f"dev-{number}") for number in range(2000)]


def test_items_are_cut_only_where_languages_share_them() -> None:
    """Sets that are not parallel have their languages cut alone."""
    own = {"name": "own", "like": "xnli", "parallel": False}
    space = Space.of(plan(targets={"tasks": ["own"]}, task=[own]), "own")
    cut = make_cut(space, CODES)
    assert isinstance(cut, Cut) and cut.items_seed is None
    scores = [{"language": code, "items": "all", "value": 1.0} for code in CODES]
    assert set(chosen_scores(scores, cut, "reported")) == set(cut.reported)


def test_aggregates_by_hand() -> None:
    """Mean over languages, mean over groups' means, and the worst language."""
    values = {"avel": 90.0, "brin": 60.0, "corm": 50.0, "esho": 30.0}
    assert aggregate(values, "mean", ORACLE) == 57.5
    assert aggregate(values, "group_mean", ORACLE) == pytest.approx((90 + 55 + 30) / 3)
    assert aggregate(values, "worst", ORACLE) == 30.0


def test_scores_of_one_role_never_hold_the_others_rows() -> None:
    """S is scored on its half of the items, R on the other, and whole sets choose nothing."""
    record = study()
    cut = record.cuts["xnli"]
    points = {"all": 0.0, "selecting": 10.0, "reported": 20.0}
    scores = [
        {"language": code, "items": items, "value": place + shift}
        for place, code in enumerate(CODES)
        for items, shift in points.items()
    ]
    for role, shift in (("selecting", 10.0), ("reported", 20.0)):
        languages = getattr(cut, role)
        expected = {code: CODES.index(code) + shift for code in languages}
        assert chosen_scores(scores, cut, role) == expected
        mean = sum(expected.values()) / len(expected)
        aggregated = {"selecting": selecting_score, "reported": reported_score}[role]
        found = aggregated(scores, cut, record.plan, record.catalogue)
        assert found == pytest.approx(mean)


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("target", [t.name for t in TASKS if t.languages and t.world == "real"])
def test_whatever_selects_is_scored(target: str, selection: str) -> None:
    """For every real target: a selection is refused, or all of its languages have rows to score.

    Each has a selection that works, and none has test rows among them but spent ones.
    """
    row = Catalogue.of_world("real").tasks[target]
    asked: dict[str, Any] = {
        "study": {"name": "s", "seed": 1, "selection": selection},
        "targets": {"tasks": [target]},
        "data": {"source": "/nowhere"},
        "space": {"initialisations": ["own"], "source_languages": [["en"]]},
        "budget": {"trials_per_target": 2},
        "initialisation": [{"name": "own", "path": "/nowhere"}],
    }
    space = Space.of(parse_plan(asked), target)
    languages = scored_languages(space.catalogue, row, "all")
    cut = make_cut(space, languages)
    if isinstance(cut, Mistake):
        assert selection in cut.read and any(name in cut.expected for name in SELECTIONS)
        return
    scored = scored_rows(space, languages, cut)
    assert set(cut.selecting) <= {code for _, code, _ in scored}
    assert {split for *_, split in scored} <= {"dev", "spent"}
    assert {code for _, code, split in scored if split == "spent"} <= set(cut.selecting)
    assert not (row.proxy and cut.selection != "proxy")
