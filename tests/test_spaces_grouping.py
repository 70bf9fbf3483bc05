"""Language groups as data: every definition, where it reaches, and what may not be one."""

from pathlib import Path

import pytest

from analysis import load_scores, report_text, status_text
from search.dry_run import describe_plan
from search.listing import catalogue_text
from spaces.catalogue import Catalogue
from spaces.grouping import BUILT_IN, grouping_of
from spaces.languages import ENCODERS, GROUP_SOURCE, LANGUAGES
from spaces.mistakes import PlanError
from spaces.selection import aggregate
from spaces.study import StudyRecord, differences
from tests.plans import Changes, frozen, plan, values
from tests.studies import driven

CODES = ("avel", "brin", "corm", "dask", "esho", "fanu", "gire", "hatu")

OWN = {
    "name": "coast",
    "source": "the atlas of nowhere",
    "groups": {"near": ["brin", "esho"], "far": ["corm", "fanu", "hatu"]},
}

COAST: Changes = {"study.grouping": "coast", "grouping": [OWN]}


def catalogue(grouping: str, **changes: object) -> Catalogue:
    """The oracle plan's catalogue under a definition."""
    return Catalogue.for_plan(plan({"study.grouping": grouping, **changes}))


def groups(catalogue: Catalogue) -> dict[str, str]:
    """Code -> group."""
    return {code: row.group for code, row in catalogue.languages.items()}


def mistakes(changes: Changes) -> list[tuple[str, str, str]]:
    """Where, what was read and what was expected, for every mistake of a plan's names."""
    with pytest.raises(PlanError) as caught:
        Catalogue.for_plan(plan(changes))
    return [(m.where, m.read, m.expected) for m in caught.value.mistakes]


# Definitions


def test_the_default_is_the_built_in_coding() -> None:
    """A plan that names no definition has the groups of the rows, as one that names it."""
    rows = {row.code: row.group for row in LANGUAGES if row.world == "micro"}
    assert groups(Catalogue.for_plan(plan())) == groups(catalogue("indigenous")) == rows
    assert grouping_of(plan()).source == GROUP_SOURCE


@pytest.mark.parametrize("name", BUILT_IN)
def test_english_is_apart_in_every_built_in_definition(name: str) -> None:
    """English alone is in its group; every other language is in one of the definition's."""
    real = BUILT_IN[name].apply(Catalogue.of_world("real").languages)
    assert [code for code, row in real.items() if row.group == "english"] == ["en"]
    assert all(row.group for row in real.values())


def test_families_and_scripts_are_groups() -> None:
    """Those of the catalogue's rows, invented ones too."""
    found = groups(catalogue("family"))
    rows = Catalogue.of_world("micro").languages
    assert found == {c: "english" if c == "avel" else row.family for c, row in rows.items()}
    assert catalogue("script").languages["hatu"].group == "long"
    real = BUILT_IN["family"].apply(Catalogue.of_world("real").languages)
    assert (real["de"].group, real["fi"].group) == ("IE: Germanic", "Uralic")


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_encoders_list_cuts_languages_into_seen_and_unseen(encoder: str) -> None:
    """By the published list that the row marks."""
    real = BUILT_IN[encoder].apply(Catalogue.of_world("real").languages)
    assert {row.group for row in real.values()} == {"english", "seen", "unseen"}
    for code, row in real.items():
        assert code == "en" or (row.group == "seen") == (encoder in row.exposure)


def test_a_users_definition() -> None:
    """What it does not name is in `other`; the hub stays apart; a twin is where its original is."""
    expected = {"avel": "english", "brin": "near", "corm": "far", "dask": "other"}
    expected |= {"esho": "near", "fanu": "far", "gire": "other", "hatu": "far", "itor": "far"}
    assert groups(Catalogue.for_plan(plan(COAST))) == expected


def test_a_users_definition_may_name_the_hub() -> None:
    """Then the hub is in no group of its own."""
    own = OWN | {"groups": {"near": ["avel", "brin"]}}
    found = groups(Catalogue.for_plan(plan(COAST | {"grouping": [own]})))
    assert found["avel"] == "near" and "english" not in found.values()


# Where they reach


def test_group_mean_is_over_the_definitions_groups() -> None:
    """One value per family, whatever the number of its languages."""
    scores = {"brin": 10.0, "esho": 30.0, "fanu": 50.0}
    by_coding = aggregate(scores, "group_mean", catalogue("indigenous"))
    assert by_coding == pytest.approx((10 + (30 + 50) / 2) / 2)
    rows = Catalogue.of_world("micro").languages
    assert len({rows[code].family for code in scores}) == 3
    assert aggregate(scores, "group_mean", catalogue("family")) == pytest.approx(30.0)


def parts(changes: Changes) -> dict[str, tuple[tuple[str, str], ...]]:
    """Candidates of one task: name -> (task, language) pairs."""
    record = frozen({"space.mixture.tasks": ["nli"], **changes})
    return record.spaces["xnli"].candidates.parts


def test_entries_of_mixtures_follow_the_definition() -> None:
    """Its groups may be named, and the built-in ones unless it means others by these names."""
    rows = Catalogue.of_world("micro").languages
    family = rows["esho"].family
    found = parts({"study.grouping": "family", "space.mixture.languages": [family, "european"]})
    own = [c for c in ("brin", "esho", "fanu") if rows[c].family == family]
    assert found[f"nli:{family}"] == tuple(("nli", code) for code in own)
    assert found["nli:european"] == (("nli", "brin"),)
    groups = {"european": ["esho", "fanu"]}
    changes = COAST | {"grouping": [OWN | {"groups": groups}]}
    found = parts(changes | {"space.mixture.languages": ["european", "brin"]})
    assert found["nli:european"] == (("nli", "esho"), ("nli", "fanu"))


def test_names_of_real_families_are_entries() -> None:
    """Spaces and colons are no hindrance; English is not among the Germanic languages."""
    real = Catalogue.of_world("real")
    real._group_by(BUILT_IN["family"])
    pairs = real.parts_of(["panx"], "IE: Germanic")
    assert {code for _, code in pairs} == {"af", "de", "nl"}
    assert real.expand("english") == ("en",)


def test_the_cut_is_stratified_by_the_definition() -> None:
    """Of each group of two or more, both halves get a language."""
    own = OWN | {"groups": {"near": ["brin", "gire"], "far": ["corm", "dask", "hatu"]}}
    for seed in range(5):
        cut = frozen(COAST | {"grouping": [own], "targets.heldout_seed": seed}).cuts["xnli"]
        for codes in own["groups"].values():
            assert set(codes) & set(cut.selecting) and set(codes) & set(cut.reported)


def test_scores_and_texts_name_the_definition(tmp_path: Path) -> None:
    """From a plan through its trials to the score frame, the report, the status and a dry run."""
    record = driven(frozen(COAST | {"budget.trials_per_target": 6}), tmp_path)
    scores = load_scores("first", root=tmp_path)
    assert set(scores["grouping"]) == {"coast"}
    expected = groups(record.catalogue)
    found = dict(zip(scores["language"], scores["group"], strict=True))
    assert found == {code: expected[code] for code in CODES}
    words = "coast (the atlas of nowhere)"
    lines = [line.split() for line in report_text("first", root=tmp_path).splitlines()]
    assert f"Language groups: {words}." in " ".join(word for line in lines for word in line)
    assert any(line[:2] == ["brin", "near"] for line in lines)
    means = [line for line in lines if line[:1] == ["far"]]
    assert {word for line in means for word in line} >= {"corm", "fanu", "hatu"}
    assert words in " ".join(status_text("first", root=tmp_path).split())
    assert f"language groups: {words}" in describe_plan(plan(COAST), tmp_path / "other")


def test_the_listing_says_what_groups_may_follow() -> None:
    """The languages' listing names the definitions beside the coding that it shows."""
    notes = catalogue_text("languages").partition("\n\n")[2]
    assert all(word in notes for word in (GROUP_SOURCE, "family", "script", "[[grouping]]"))


# Identity


def test_another_definition_is_another_study() -> None:
    """Also the same name with other groups; another source says the same of the same groups."""
    moved = OWN | {"groups": {**OWN["groups"], "near": ["brin", "gire"]}}
    kinds: list[Changes] = [{}, {"study.grouping": "script"}, COAST, COAST | {"grouping": [moved]}]
    records = [frozen(changes) for changes in kinds]
    for one in records:
        for other in records:
            _, refusals = differences(one, other)
            assert any("grouping" in line for line in refusals) == (one is not other)
    resourced = COAST | {"grouping": [OWN | {"source": "another atlas"}]}
    assert differences(frozen(COAST), frozen(resourced)) == ([], [])


def test_records_of_before_are_those_of_the_default() -> None:
    """A record that names no definition is of the study that the default plan starts."""
    record = frozen()
    old = record.model_dump(mode="json")
    del old["plan"]["study"]["grouping"], old["plan"]["grouping"]
    read = StudyRecord.model_validate(old)
    assert read.identity() == record.identity() and "grouping" not in read.identity()
    assert differences(read, record) == ([], [])


# Mistakes


@pytest.mark.parametrize(
    ("changes", "where", "read", "expected"),
    [
        (
            {"study.grouping": "familly"},
            "[study] grouping",
            "'familly'",
            'did you mean "family"?',
        ),
        ({"study.grouping": "xlm-r"}, "[study] grouping", "'xlm-r'", "real languages alone"),
        (COAST | {"study.grouping": "cost"}, "[study] grouping", "'cost'", 'mean "coast"?'),
        (
            COAST | {"grouping": [OWN | {"groups": {"a": ["esho"], "b": ["brin", "esho"]}}]},
            "[[grouping]] coast",
            "'esho' in 'a' and 'b'",
            "each language in one group",
        ),
        (
            COAST | {"grouping": [OWN | {"groups": {"a": ["eshoo"]}}]},
            "[[grouping]] coast",
            "'eshoo'",
            'did you mean "esho"?',
        ),
        (
            {"grouping": [OWN | {"name": "script"}]},
            "[[grouping]]",
            "'script'",
            "built-in definition",
        ),
        (
            {"grouping": [OWN | {"name": "mbert"}]},
            "[[grouping]]",
            "'mbert'",
            "built-in definition",
        ),
        (
            COAST | {"grouping": [OWN | {"groups": {"brin": ["esho"]}}]},
            "[[grouping]] coast",
            "'brin'",
            "language of this name",
        ),
        (
            COAST | {"language_group": [{"name": "near", "languages": ["fanu"]}]},
            "[[grouping]] coast",
            "'near'",
            "[[language_group]] of this name",
        ),
        ({"grouping": [OWN, OWN]}, "[[grouping]]", "'coast', 2 times", "each name once"),
    ],
)
def test_a_bad_definition_is_one_mistake(
    changes: Changes, where: str, read: str, expected: str
) -> None:
    """Told where it stands, with the rule or the nearest name."""
    ((at, value, rule),) = mistakes(changes)
    assert (at, value) == (where, read) and expected in rule


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ({"source": ""}, "source"),
        ({"groups": {}}, "groups"),
        ({"groups": {"near": []}}, "near"),
        ({"groups": {"a+b": ["esho"]}}, "groups"),
    ],
)
def test_a_definition_needs_a_source_and_groups(row: Changes, where: str) -> None:
    """Nobody's coding, an empty one, and a name that is none are refused by the schema."""
    with pytest.raises(PlanError, match=where):
        plan(COAST | {"grouping": [OWN | row]})


def test_a_mistake_elsewhere_does_not_hide_the_groups() -> None:
    """Entries of mixtures that the definition brings are no mistakes beside another one."""
    tables = COAST | {"space.mixture.languages": ["near"], "targets.tasks": ["xnly"]}
    assert [read for _, read, _ in mistakes(tables)] == ["'xnly'"]
    assert values(tables)["study"]["grouping"] == "coast"
