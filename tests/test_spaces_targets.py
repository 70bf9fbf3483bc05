"""The real rows of the catalogue against what the papers, scripts and hub pages say."""

import re
from typing import Any

import pytest

from spaces.catalogue import Catalogue
from spaces.mistakes import Mistake
from spaces.phases import Frozen, TrainingSpec, row_name, scored_languages, trial_phases
from spaces.selection import Cut, make_cut, scored_rows
from spaces.settings import Seeds
from spaces.suggest import Space, baselines
from tests.reference import TARGETS, section
from tests.worlds import plan

REAL = Catalogue.of_world("real")

NAMES = {
    "XNLI": "xnli",
    "XCOPA": "xcopa",
    "UD-POS": "udpos",
    "WikiANN NER": "panx",
    "XQuAD": "xquad",
    "MLQA": "mlqa",
    "TyDiQA-GoldP": "tydiqa",
    "Tatoeba": "tatoeba",
    "Mewsli-X": "mewslix",
    "LAReQA (XQuAD-R)": "lareqa",
}
"""Name in section 2.1 -> ours."""


def test_languages_are_those_of_the_paper() -> None:
    """Section 2.1, last columns: the codes of each task, and as many as it counts."""
    found = {}
    for cells in section("2.1"):
        for cell in cells:
            if listed := re.match(r"((?:[a-z]{2} )+[a-z]{2}) \((\d+)", cell):
                found[NAMES[cells[1]]] = (set(listed[1].split()), int(listed[2]))
    assert set(found) == set(NAMES.values())
    for name, (codes, count) in found.items():
        languages = REAL.tasks[name].languages
        assert (set(languages), len(languages)) == (codes, count), name


def test_tasks_are_those_of_the_languages() -> None:
    """Section 2.2: the same from the languages' side, all fifty of them."""
    said = {
        cells[0]: {TARGETS[name] for name in cells[-1].split(", ")}
        for cells in section("2.2")
        if re.fullmatch("[a-z]{2}", cells[0])
    }
    assert len(said) == 50
    for code, names in said.items():
        ours = {name for name in NAMES.values() if code in REAL.tasks[name].languages}
        assert ours == names, code


def test_english_training_rows_are_as_many_as_the_paper_says() -> None:
    """Section 2.1: sizes of the English training data, those of all phases of a recipe."""
    seen = 0
    for cells in section("2.1"):
        if (name := NAMES.get(cells[1])) is None:
            continue
        sizes = {int(found.replace(",", "")) for found in re.findall(r"\d[\d,]{2,}", cells[2])}
        recipe = [REAL.tasks[task].train_rows for task in REAL.tasks[name].recipe]
        if sizes:
            assert sizes >= {*recipe}, name
            seen += 1
    assert seen >= 7  # the others say "SQuAD v1.1" without its size again


HUB_ROWS = {
    "xnli": "XNLI",
    "panx": "NER",
    "udpos": "POS",
    "xcopa": "XCOPA",
    "copa": "COPA",
    "social_i_qa": "SIQA",
    "xquad": "XQuAD",
    "mlqa": "MLQA",
    "tydiqa": "TyDiQA",
    "tatoeba": "Tatoeba",
    "mewslix": "Mewsli-X",
    "wikipedia_pairs": "Mewsli-X",
    "wikipedia_entities": "Mewsli-X",
}
"""Ours -> row of section 2.7."""


def test_hub_ids_are_those_of_the_reference() -> None:
    """Section 2.7: id and, where it names one, configuration and branch."""
    said = {cells[0]: " ".join(cells) for cells in section("2.7")}
    for name, row in HUB_ROWS.items():
        data = REAL.tasks[name].data
        assert data is not None and f"`{data.hub}`" in said[row], name
        if data.branch != "main":
            assert f"`{data.branch}`" in said[row], name
    # LAReQA's hub copy has no sentence breaks, so only spans are read from it.
    assert "no sentence_breaks" in said["LAReQA"]
    assert REAL.tasks["lareqa"].data.hub == ""
    assert f"`{REAL.tasks['xquad_r'].data.hub}`" in said["LAReQA"]


TRAINING = {
    # section 2.3: rate, epochs, batch (micro x accumulated), maximum length
    "mnli": (3e-5, 5, 32, 128),
    "social_i_qa": (3e-5, 5, 32, 128),
    "copa": (3e-5, 5, 32, 128),
    "udpos": (2e-5, 10, 32, 128),
    "panx": (2e-5, 10, 32, 128),
    "squad": (3e-5, 3, 32, 384),
    "tydiqa": (3e-5, 3, 32, 384),
    "squad_sentences": (2e-5, 3, 16, 256),
    "wikipedia_pairs": (1e-5, 2, 32, 64),
}

ROWS = {
    # section 2.1
    "mnli": 392_702,
    "social_i_qa": 33_410,
    "copa": 400,
    "udpos": 21_253,
    "panx": 20_000,
    "squad": 87_599,
    "tydiqa": 3_696,
    "squad_sentences": 87_599,
    "wikipedia_pairs": 167_719,
}


@pytest.mark.parametrize("name", TRAINING)
def test_reference_hyperparameters_are_those_of_the_scripts(name: str) -> None:
    """XLM-R Large's; as many steps as go so many epochs over the English rows."""
    row, (rate, epochs, batch, longest) = REAL.tasks[name], TRAINING[name]
    assert row.reference is not None
    assert row.train_rows == ROWS[name] and "en" in row.train_languages
    assert row.reference.learning_rate == rate
    assert row.reference.rows_per_step == batch
    assert abs(row.reference.steps * batch - epochs * ROWS[name]) <= batch
    assert row.max_tokens == longest


SCORED: dict[str, dict[str, Any]] = {
    "xnli": {"recipe": ("mnli",), "metric": "accuracy", "max_tokens": 128},
    "xcopa": {"recipe": ("social_i_qa", "copa"), "metric": "accuracy", "max_tokens": 128},
    "udpos": {"recipe": ("udpos",), "metric": "tag_f1", "max_tokens": 128},
    "panx": {"recipe": ("panx",), "metric": "entity_f1", "max_tokens": 128},
    "xquad": {"recipe": ("squad",), "metric": "answer_mean", "max_tokens": 384, "stride": 128},
    "mlqa": {"recipe": ("squad",), "metric": "mlqa_mean", "max_tokens": 384, "stride": 128},
    "tydiqa": {"recipe": ("tydiqa",), "metric": "answer_mean", "max_tokens": 384, "stride": 128},
    "tatoeba": {"recipe": ("squad",), "metric": "accuracy_at_1", "max_tokens": 512},
    "lareqa": {
        "recipe": ("squad_sentences",),
        "metric": "map_at_20",
        "max_tokens": 256,
        "query_tokens": 96,
    },
    "mewslix": {"recipe": ("wikipedia_pairs",), "metric": "map_at_20", "max_tokens": 64},
    "xquad_r": {"recipe": ("squad",), "metric": "answer_mean", "max_tokens": 384, "stride": 128},
    "tatoeba_untuned": {"recipe": (), "metric": "accuracy_at_1", "max_tokens": 512},
    "pawsx": {"recipe": ("pawsx",), "metric": "accuracy", "max_tokens": 128},
}
"""Sections 2.1 and 2.3."""


def test_targets_are_scored_as_the_scripts_score_them() -> None:
    """Recipe, metric and lengths of every real target."""
    assert {name for name, row in REAL.tasks.items() if row.languages} == set(SCORED)
    for name, said in SCORED.items():
        row = REAL.tasks[name]
        assert {field: getattr(row, field) for field in said} == said, name
        assert row.stride == said.get("stride", 0) and row.query_tokens == said.get(
            "query_tokens", 0
        )


def spaces_of(selection: str, *targets: str, **more: Any) -> dict[str, Space]:
    """Spaces of a plan over real targets, without an intermediate phase."""
    tables: dict[str, Any] = {
        "study": {"selection": selection},
        "targets": {"tasks": list(targets)},
        "space": {"initialisations": ["own"], "source_languages": [["en"]], "mixture": None},
        "initialisation": [{"name": "own", "path": "/nowhere"}],
    }
    for name, changes in more.items():
        tables[name] = {**tables.get(name, {}), **changes}
    values = plan("/nowhere", **tables)
    catalogue = Catalogue.for_plan(values)
    return {target: Space.of(values, target, catalogue) for target in targets}


def last_training(targets: tuple[str, ...]) -> dict[str, str]:
    """Target -> key of its target phase's result at one and the same setting."""
    found = {}
    for target, space in spaces_of("source_dev", *targets).items():
        rows = {row_name(task, "en", "train"): "r" for task in space.target.recipe}
        cut = make_cut(space, space.target.languages)
        assert isinstance(cut, Cut)
        scored = scored_rows(space, scored_languages(space.catalogue, space.target, "all"), cut)
        rows |= {row_name(*part): "r" for part in scored}
        frozen = Frozen(
            catalogue=space.catalogue,
            revisions={**rows, "own": "r"},
            dtype="fp32",
            scored={target: scored},
        )
        setting = space.setting(baselines(space)[0])
        phases = trial_phases(frozen, target, setting, Seeds.all_equal(1))
        trained = [phase for phase in phases if isinstance(phase, TrainingSpec)]
        assert tuple(phase.rows[0].task for phase in trained) == space.target.recipe
        found[target] = trained[-1].key
    return found


def test_targets_of_one_recipe_share_its_phase() -> None:
    """XQuAD, MLQA, XQuAD-R as spans and Tatoeba all start from one SQuAD phase."""
    keys = last_training(("xquad", "mlqa", "xquad_r", "tatoeba", "lareqa", "xcopa"))
    assert len({keys[name] for name in ("xquad", "mlqa", "xquad_r", "tatoeba")}) == 1
    assert len(set(keys.values())) == 3


SELECTIONS: dict[str, tuple[str, ...]] = {
    # target -> selections that can choose; section 5 of the design
    "xnli": ("source_dev", "target_dev", "held_out_languages"),
    "xcopa": ("source_dev", "target_dev", "held_out_languages"),
    "udpos": ("source_dev", "held_out_languages"),
    "panx": ("source_dev", "target_dev", "held_out_languages"),
    "xquad": ("source_dev", "held_out_languages"),
    "xquad_r": ("source_dev", "held_out_languages"),
    "mlqa": ("source_dev", "target_dev", "held_out_languages"),
    "lareqa": ("source_dev", "held_out_languages"),
    "tydiqa": ("source_dev", "held_out_languages"),
    "mewslix": ("source_dev", "target_dev", "held_out_languages"),
    "pawsx": ("source_dev", "target_dev", "held_out_languages"),
}

SOURCE_DEV = {"xcopa": ("copa", "social_i_qa"), "mewslix": ("wikipedia_pairs",)}
SOURCE_DEV |= {name: ("squad",) for name in ("xquad", "xquad_r", "mlqa")}
SOURCE_DEV |= {"lareqa": ("squad_sentences",)}


@pytest.mark.parametrize("selection", ["source_dev", "target_dev", "held_out_languages"])
@pytest.mark.parametrize("target", SELECTIONS)
def test_a_selection_is_served_or_refused_with_those_that_work(target: str, selection: str) -> None:
    """Where it works, each language that selects has rows; else the message names the others."""
    space = spaces_of(selection, target)[target]
    languages = scored_languages(space.catalogue, space.target, "all")
    cut = make_cut(space, languages)
    if selection not in SELECTIONS[target]:
        assert isinstance(cut, Mistake) and repr(selection) in cut.read
        assert cut.expected == " or ".join(map(repr, SELECTIONS[target]))
        return
    assert isinstance(cut, Cut)
    scored = scored_rows(space, languages, cut)
    assert set(cut.selecting) <= {code for _, code, _ in scored}
    if selection == "source_dev":
        assert cut.selecting == ("en",)
        rows = [(task, split) for task, code, split in scored if code == "en"]
        assert rows == [(task, "dev") for task in SOURCE_DEV.get(target, (target,))]
    assert not [part for part in scored if part[2] == "test"]
    spent = {code for _, code, split in scored if split == "spent"}
    assert spent <= set(cut.selecting)
    if selection != "held_out_languages":
        assert not spent


def test_tatoeba_is_chosen_by_its_proxy_whatever_the_plan_says() -> None:
    """Its proxy's languages select, its own rows are never scored; without any it is refused."""
    for selection in ("source_dev", "target_dev", "held_out_languages"):
        space = spaces_of(selection, "tatoeba")["tatoeba"]
        languages = scored_languages(space.catalogue, space.target, "all")
        cut = make_cut(space, languages)
        assert isinstance(cut, Cut) and cut.selection == "proxy"
        assert set(cut.selecting) == {*REAL.tasks["xnli_bitext"].dev_languages} & {*languages}
        scored = scored_rows(space, languages, cut)
        assert {(task, split) for task, _, split in scored} == {("xnli_bitext", "dev")}
    space = spaces_of("source_dev", "tatoeba", targets={"languages": ["ja", "ko", "fi"]})["tatoeba"]
    refused = make_cut(space, ["ja", "ko", "fi"])
    assert isinstance(refused, Mistake) and "'xnli_bitext'" in refused.expected


def test_several_source_languages_cannot_be_compared_on_source_dev() -> None:
    """TyDiQA's own dev rows of one source say nothing of another."""
    sources = {"source_languages": [["en"], ["ru"]]}
    space = spaces_of("source_dev", "tydiqa", space=sources)["tydiqa"]
    refused = make_cut(space, space.target.languages)
    assert isinstance(refused, Mistake) and refused.expected == "'held_out_languages'"
