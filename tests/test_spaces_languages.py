"""The language catalogue: its rows, its listing, and the reference table where that is at hand."""

import re
from collections import Counter
from typing import get_args

import pytest

from search.listing import catalogue_text
from spaces.catalogue import Catalogue
from spaces.languages import (
    ENCODERS,
    EXPOSURE_SOURCE,
    GROUP_SOURCE,
    LANGUAGES,
    MICRO_LANGUAGES,
    MICRO_TWINS,
    REAL_LANGUAGES,
    XTREME_R_LANGUAGES,
    Language,
)
from spaces.languages.row import Group
from tests.reference import SCIENCE, SHARED, TARGETS

DATA = SHARED / "data"

GROUPS = get_args(Group)

NATIVE_SETS = ("masakhaner", "masakhaner2", "masakhapos", "afriqa-gold-passages", "americas_nli")
"""Data sets with a folder for each language, called by two or three letters."""

TARGETS_COLUMN = "XTREME-R tasks"


def rows_by_iso3() -> dict[str, str]:
    """Three letters -> code, of the languages that Tatoeba could hold."""
    return {row.iso3: row.code for row in REAL_LANGUAGES if row.code != "zh-Hant"}


def table_of(text: str, heading: str) -> list[dict[str, str]]:
    """Rows of the first markdown table below a heading, each by its column's name."""
    lines = text.partition(heading)[2].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    cells = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        cells.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def as_in_the_table(row: Language) -> dict[str, str]:
    """A row of ours with the columns and marks of the reference table."""
    heads = ("XLM-R", "mBERT", "M-CLIP-48", "AltCLIP-m18")
    marks = ["✓" if encoder in row.exposure else "\N{EN DASH}" for encoder in ENCODERS]
    seen = dict(zip(heads, marks, strict=True))
    about = {"code": row.code, "language": row.name, "family": row.family, "script": row.script}
    return {**about, "E/N": "N" if row.group == "non_european" else "E", **seen}


def reference_table() -> list[dict[str, str]]:
    """The benchmark's languages as the reference lists them."""
    return table_of(SCIENCE.read_text(encoding="utf-8"), "### 2.2 Language table")


needs_science = pytest.mark.skipif(
    not SCIENCE.is_file(), reason=f"{SCIENCE} is absent: no table to compare with"
)


@needs_science
def test_xtreme_r_languages_are_those_of_the_reference_table() -> None:
    """All 50 rows equal the reference's in every cell: 18 European (with English), 32 not."""
    table = reference_table()
    for row in table:
        del row[TARGETS_COLUMN]  # the targets' rows hold it; see the next test
    assert [as_in_the_table(row) for row in XTREME_R_LANGUAGES] == table
    assert Counter(row["E/N"] for row in table) == {"E": 18, "N": 32}


@needs_science
def test_targets_score_the_languages_of_the_reference_table() -> None:
    """Each target of the catalogue that the table has is scored in the table's languages."""
    tasks, compared = Catalogue.of_world("real").tasks, []
    for short, name in TARGETS.items():
        codes = {r["code"] for r in reference_table() if short in r[TARGETS_COLUMN].split(", ")}
        assert codes, short
        if name in tasks:
            assert set(tasks[name].languages) == codes, name
            compared.append(name)
    assert "xnli" in compared


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent: no data sets to look into")
def test_every_language_of_the_data_has_a_row() -> None:
    """Each folder of Tatoeba is one benchmark language's ``iso3``; other sets' are known too."""
    codes = rows_by_iso3()
    tatoeba = {codes[folder.name] for folder in (DATA / "tatoeba").iterdir()}
    assert len(tatoeba) == 41 and tatoeba <= {row.code for row in XTREME_R_LANGUAGES}
    # Masakhane calls Swahili by its macrolanguage, Tatoeba by the one variety that it holds.
    known = {*codes, *codes.values(), "swa"}
    folders = {folder.name for name in NATIVE_SETS for folder in (DATA / name).iterdir()}
    assert len(folders) > 30 and folders - known == set()


def test_codes_are_unique() -> None:
    """No two languages share a code, and a code is no group's name, so entries mean one thing."""
    codes = [row.code for row in LANGUAGES]
    assert len(set(codes)) == len(codes)
    assert not {*codes} & {*GROUPS}
    assert len(rows_by_iso3()) == len(REAL_LANGUAGES) - 1


@pytest.mark.parametrize("row", REAL_LANGUAGES, ids=lambda row: row.code)
def test_rows_are_whole(row: Language) -> None:
    """A real language has codes of their standards' shape, a known group, and known encoders."""
    assert re.fullmatch("[a-z]{2,3}(-Hant)?", row.code)
    assert re.fullmatch("[a-z]{3}", row.iso3)
    assert len(row.code) == 2 or row.code in (row.iso3, "zh-Hant")
    assert row.name and row.family and row.script
    assert row.group in GROUPS and (row.group == "english") == (row.code == "en")
    assert list(row.exposure) == [name for name in ENCODERS if name in row.exposure]
    assert row.world == "real" and row.grammar is None and not row.twin_of


def test_groups_hold_every_language_once() -> None:
    """Built-in groups cut the real languages into three, and invented ones stay out of them."""
    catalogue = Catalogue.of_world("real")
    grouped = [code for codes in catalogue.groups.values() for code in codes]
    assert Counter(grouped) == Counter(row.code for row in REAL_LANGUAGES)
    benchmark = Counter(row.group for row in XTREME_R_LANGUAGES)
    assert benchmark == {"english": 1, "european": 17, "non_european": 32}


def test_invented_languages_claim_nothing_real() -> None:
    """No encoder's list and no standard knows them."""
    for row in (*MICRO_LANGUAGES, *MICRO_TWINS):
        assert (row.world, row.iso3, row.exposure) == ("micro", "", ())


def listed() -> dict[tuple[str, str], dict[str, str]]:
    """Cells of ``catalogue languages`` by world and code."""
    head, _, *lines = catalogue_text("languages").partition("\n\n")[0].splitlines()
    names = re.split(r"\s{2,}", head)
    rows = [dict(zip(names, re.split(r"\s{2,}", line), strict=True)) for line in lines]
    return {(row["world"], row["code"]): row for row in rows}


def test_the_listing_shows_exposure() -> None:
    """Every encoder has a column, and what the marks and groups go by stands below the table."""
    rows = listed()
    assert [code for world, code in rows if world == "real"] == [r.code for r in REAL_LANGUAGES]
    for row in REAL_LANGUAGES:
        marks = {name: rows["real", row.code][name] for name in ENCODERS}
        assert marks == {name: "yes" if name in row.exposure else "-" for name in ENCODERS}
    notes = catalogue_text("languages").partition("\n\n")[2]
    assert notes.count(GROUP_SOURCE) == notes.count(EXPOSURE_SOURCE) == 1


@pytest.mark.parametrize("world", ["real", "micro"])
def test_the_listing_counts_targets(world: str) -> None:
    """The last column counts the targets of the catalogue that score a language."""
    catalogue, rows = Catalogue.of_world(world), listed()
    scored = Counter(code for task in catalogue.tasks.values() for code in task.languages)
    shown = {code: rows[world, code]["targets"] for code in catalogue.languages}
    assert shown == {code: str(scored[code] or "-") for code in catalogue.languages}
    assert {"-"} < set(shown.values())
