"""Cells that no trial can have: an initialisation, and a target or a part that it cannot read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spaces.catalogue
from search.agenda import SearchAgenda
from search.dry_run import describe_plan
from search.roles import roles
from spaces.catalogue import Catalogue
from spaces.enumeration import grid
from spaces.initialisations import EncoderShape, Initialisation
from spaces.mistakes import PlanError
from spaces.plan import Plan
from spaces.settings import TransferSetting
from spaces.study import StudyRecord, read_study
from spaces.suggest import Space, baselines, draw, matched_baseline
from spaces.tasks import Task
from tests.checkpoints import tiny_checkpoint
from tests.folders import nli_rows, write
from tests.worlds import plan, study

SHORT, CAUSAL, LONG = "siglip-base", "clip-b32", "xlmr-base"


def real_plan(targets: list[str], starts: list[str], **tables: Any) -> Plan:
    """A plan on the hub's rows, which nobody looks at here."""
    space = {
        "initialisations": starts,
        "source_languages": [["en"]],
        "mixture": None,
        **tables.pop("space", {}),
    }
    return plan("hub", targets={"tasks": targets}, space=space, **tables)


def shortened(*names: str, **more: int) -> list[dict[str, Any]]:
    """Rows that lower the length of some tasks."""
    return [{"name": name, "like": name, "max_tokens": 64, **more} for name in names]


def reasons(space: Space) -> dict[str, str]:
    """Initialisation -> why the target cannot have it."""
    found = {one.candidate: one.reason for one in space.candidates.infeasible}
    return {n.removeprefix("initialisation "): why for n, why in found.items() if " " in n}


TARGETS = [name for name, row in Catalogue.of_world("real").tasks.items() if row.languages]


@pytest.mark.parametrize("target", TARGETS)
def test_which_towers_a_target_can_have(target: str) -> None:
    """64 positions: entity linking of short mentions alone; causal towers: nothing as it stands."""
    space = Space.of(real_plan([target], [LONG, SHORT, CAUSAL]), target)
    expected = (LONG, SHORT) if target == "mewslix" else (LONG,)
    assert space.axis("initialisation").choices == expected
    assert {params["initialisation"] for params in baselines(space)} == set(expected)
    why = reasons(space)
    assert set(why) == {LONG, SHORT, CAUSAL} - set(expected)
    if target != "mewslix":
        assert f"{target} (" in why[SHORT] and "64 positions" in why[SHORT]
        assert "77 positions" in why[CAUSAL]


@pytest.mark.parametrize(
    ("target", "lowered", "feasible"),
    [
        ("xnli", ("xnli", "mnli"), (LONG, SHORT)),
        ("udpos", ("udpos",), (LONG, SHORT)),
        ("xcopa", ("xcopa", "copa"), (LONG,)),  # Social IQa is still longer
        ("tatoeba_untuned", ("tatoeba_untuned",), (LONG, SHORT, CAUSAL)),
        ("tatoeba", ("tatoeba",), (LONG,)),  # tuned on SQuAD
    ],
)
def test_shorter_tasks_serve_what_a_form_allows(
    target: str, lowered: tuple[str, ...], feasible: tuple[str, ...]
) -> None:
    """A [[task]] row lowers a length; that a causal state is blind to the right, none can."""
    found = Space.of(real_plan([target], [LONG, SHORT, CAUSAL], task=shortened(*lowered)), target)
    assert found.axis("initialisation").choices == feasible
    if CAUSAL not in feasible:
        assert "causal attention" in reasons(found)[CAUSAL]


@pytest.mark.parametrize("poolings", [["mean"], ["first"], ["mean", "first"]])
def test_a_causal_tower_is_never_read_at_its_first_token(poolings: list[str]) -> None:
    """Its first state knows of no text; one such choice among several is enough to leave it out."""
    tables = {"task": shortened("tatoeba_untuned")}
    space = {"target": {"tatoeba_untuned": {"poolings": poolings}}}
    asked = real_plan(["tatoeba_untuned"], [LONG, CAUSAL], space=space, **tables)
    choices = Space.of(asked, "tatoeba_untuned").axis("initialisation").choices
    assert (CAUSAL in choices) == (poolings == ["mean"])


def test_nothing_left_is_a_mistake_with_the_way_out() -> None:
    """Every reason, and that lengths can be lowered."""
    asked = real_plan(["xquad"], [SHORT, CAUSAL])
    with pytest.raises(PlanError, match="1 mistake") as caught:
        Space.of(asked, "xquad")
    told = str(caught.value)
    assert "[space] initialisations for target 'xquad'" in told
    assert "initialisation siglip-base: 64 positions, less than max_tokens of xquad (384)" in told
    assert "causal attention" in told and "lower max_tokens in [[task]] rows" in told


def test_one_target_without_an_initialisation_leaves_the_others(tmp_path: Path) -> None:
    """A dry run says for each target which it has, and why it lacks the rest."""
    asked = real_plan(["mewslix", "udpos"], [LONG, SHORT])
    asked = asked.model_copy(
        update={"study": asked.study.model_copy(update={"selection": "source_dev"})}
    )
    text = " ".join(describe_plan(asked, tmp_path).split())
    assert "target mewslix: 2 distinct settings initialisation: xlmr-base | siglip-base" in text
    assert "target udpos: 1 distinct settings initialisation: xlmr-base source" in text
    assert (
        "infeasible: 64 positions, less than max_tokens of udpos (128): initialisation siglip-base"
        in text
    )


def test_a_part_that_one_cannot_read_leaves_it_out_whole() -> None:
    """Of the listed chains only those count that the target can have."""
    tables = {"task": shortened("xnli", "mnli", "klue_nli", "indonli")}

    def starts(*chains: str, **more: Any) -> tuple[Any, ...]:
        mixture = {"chains": list(chains), **more}
        space = {"mixture": mixture, "commercial_only": False}
        found = Space.of(real_plan(["xnli"], [LONG, SHORT], space=space, **tables), "xnli")
        return found.axis("initialisation").choices

    assert starts("klue_nli:ko", "klue_nli:ko > indonli:id") == (LONG, SHORT)
    assert starts("klue_nli:ko", "klue_nli:ko + jaquad:ja") == (LONG,)
    masked = {"mlm_shares": [0, 0.1], "mlm_task": "wikipedia_text", "mlm_languages": "sw"}
    assert starts("klue_nli:ko", **masked) == (LONG,)


# No trial holds a pair that does not fit.


def is_read(shape: EncoderShape, task: Task) -> bool:
    """Whether an encoder can read a task, by the rules in the plainest words."""
    if task.max_tokens > shape.positions:
        return False
    pooling = task.readout.pooling if task.readout else "mean"
    return shape.attention == "bidirectional" or (task.form, pooling) == ("retrieval", "mean")


def settings_of(space: Space, seed: int) -> Iterator[TransferSetting]:
    """Settings of every kind of trial: sampled, grid, baselines and matched baselines."""
    for number in range(6):
        sampler = optuna.samplers.RandomSampler(seed=seed + number)
        trial = optuna.create_study(sampler=sampler).ask()
        values = draw(trial, space)
        yield space.setting(values)
        yield space.setting(draw(trial, space))
        yield space.setting(matched_baseline(trial.params))
    for values in (*grid(space), *baselines(space)):
        yield space.setting(values)
    for role in roles(space, 12):
        if "source_languages" in role.fixed or "readout.layer" in role.fixed:
            yield space.setting(role.fixed)


STARTS = st.lists(st.sampled_from([LONG, SHORT, CAUSAL, "mbert", "siglip2-base"]), min_size=1)
PARTS = st.sampled_from(["klue_nli", "indonli", "jaquad", "kobest_copa", "pawsx", "wikipedia_text"])
LENGTHS = st.sampled_from([48, 64, 77, 128, 512])


@settings(max_examples=40, deadline=None)
@given(
    starts=STARTS,
    parts=st.lists(PARTS, min_size=1, max_size=3, unique=True),
    lengths=st.dictionaries(st.sampled_from(["xnli", "mnli", "pawsx", "klue_nli"]), LENGTHS),
    target=st.sampled_from(["xnli", "udpos", "tatoeba_untuned", "lareqa", "mewslix"]),
    order=st.sampled_from([["joint"], ["sequence"], ["joint", "sequence"]]),
    seed=st.integers(0, 1000),
)
def test_no_trial_has_an_encoder_that_cannot_read_it(
    starts: list[str],
    parts: list[str],
    lengths: dict[str, int],
    target: str,
    order: list[str],
    seed: int,
) -> None:
    """Whatever the plan, each part, the recipe and the target fit; who is left out is told why."""
    rows = [{"name": name, "like": name, "max_tokens": most} for name, most in lengths.items()]
    entries = ["ko", "id", "ja", "de", "en", "sw"]
    held = Catalogue.of_world("real").tasks
    spoken = [e for e in entries if any(e in held[part].train_languages for part in parts)]
    mixture = {"tasks": parts, "languages": spoken[:2], "max_parts": 2, "order": order}
    starts = list(dict.fromkeys(starts))
    space = {"mixture": mixture, "intermediate": {"steps": [10]}}
    try:
        asked = real_plan([target], starts, task=rows, space=space)
        found = Space.of(asked, target)
    except PlanError as error:
        named = ("[space] initialisations", "[space.mixture]")
        assert all(mistake.where.startswith(named) for mistake in error.mistakes)
        return
    catalogue = found.catalogue
    kept = found.axis("initialisation").choices
    assert set(kept) | set(reasons(found)) == set(starts) and not set(kept) & set(reasons(found))
    for setting in settings_of(found, seed):
        shape = catalogue.initialisations[setting.initialisation].encoder
        trained = [part.task for mixture in setting.intermediate for part in mixture.parts]
        for name in (*trained, *found.target.recipe, target):
            assert is_read(shape, catalogue.tasks[name]), (setting.initialisation, name)


# What only a checkpoint knows


def nli_study(folder: Path, root: Path | None, **tables: Any) -> Any:
    """A study of two tiny checkpoints, one of which is short."""
    data = folder / "data"
    for code in ("en", "de", "fr", "sw"):
        write(data, f"xnli/{code}/validation", **nli_rows(6, code))
    write(data, "multi_nli/default/train", **nli_rows(6))
    own = [
        {"name": name, "path": str(tiny_checkpoint(folder / name, most))}
        for name, most in (("short", 64), ("long", 128))
    ]
    space = {"initialisations": ["short", "long"], "source_languages": [["en"]], "mixture": None}
    given = {"study": {"selection": "target_dev"}, "initialisation": own, "space": space}
    targets = {"languages": ["en", "de", "fr", "sw"]}
    return study(str(data), root, targets=targets, **{**given, **tables})


def test_a_study_keeps_what_it_read_of_checkpoints(tmp_path: Path) -> None:
    """So workers and later drivers, who open no checkpoint for it, see the same space."""
    record = nli_study(tmp_path, tmp_path / "root")
    assert record.encoders == {"short": EncoderShape(1, 64), "long": EncoderShape(1, 128)}
    assert list(record.infeasible["xnli"]) == ["initialisation short"]
    assert (
        "max_tokens of xnli (128), mnli (128)" in record.infeasible["xnli"]["initialisation short"]
    )
    again = read_study(tmp_path / "root", "small")
    assert again == record and again.identity() == record.identity()
    assert again.spaces["xnli"].axis("initialisation").choices == ("long",)
    agenda = SearchAgenda(again, "xnli")
    role = agenda.due()
    assert role is not None and role.fixed["initialisation"] == "long"
    older = again.model_dump(mode="json", exclude={"encoders"})  # of before they were kept
    old = StudyRecord.model_validate(older)
    assert old.spaces["xnli"].axis("initialisation").choices == ("short", "long")


def test_a_checkpoint_that_is_not_its_row_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other files lie under a known name: what was read counts, and the plan is stopped."""
    folder = tiny_checkpoint(tmp_path / "weights", 128)
    row = Initialisation(name="known", path=str(folder), shape=EncoderShape(12, 512))
    rows = (*spaces.catalogue.INITIALISATIONS, row)
    monkeypatch.setattr(spaces.catalogue, "INITIALISATIONS", rows)
    space = {"initialisations": ["known"], "source_languages": [["en"]], "mixture": None}
    with pytest.raises(PlanError, match="1 mistake") as caught:
        nli_study(tmp_path, None, space=space)
    told = str(caught.value)
    assert "initialisation 'known'" in told and "1 layers, 128 positions, bidirectional" in told
    assert "12 layers, 512 positions" in told and "[[initialisation]] row of your own" in told
    own = {"name": "known", "path": str(folder)}
    record = nli_study(tmp_path, None, space=space, initialisation=[own])
    assert record.encoders["known"].positions == 128
