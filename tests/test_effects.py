"""What a contrast's factors do: differences, interactions, what they are over and what is said."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import analysis.effects
from analysis import contrast, contrast_cells, interaction, report_text
from analysis.cell_scores import read_cells
from analysis.claims import claim, design_claim, speaks_of_all
from analysis.comparisons import Comparison
from analysis.effects_text import effect_parts, shown_effects
from analysis.inference import paired_interval
from analysis.snapshot import Snapshot
from spaces.keys import derived_seed
from spaces.records import EFFECT_COLUMNS
from spaces.study import StudyRecord
from tests.effect_worlds import Planted, planted
from tests.plans import Changes, frozen
from tests.studies import queues, told

STARTS = ["oracle-text", "oracle-multimodal", "oracle-placebo"]

BASE: Changes = {
    "budget.trials_per_target": 0,
    "contrast": {"seeds": 4},
    "targets.tasks": ["xnli", "xcopa"],
    "space.initialisations": STARTS,
    "space.mixture": {"tasks": ["nli", "choice"], "languages": ["avel", "esho"]},
}

LEVELS = ["none", "nli:avel", "nli:esho", "choice:avel", "choice:esho"]

Ask = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def record() -> StudyRecord:
    """Two targets, three initialisations, five intermediates, four sets."""
    return frozen(BASE)


def noise(*where: Any) -> float:
    """Between 0 and 4 points, the same for the same place."""
    return derived_seed("noise", *where) % 4000 / 1000


def scored(target: str, start: str, middle: str, number: int, language: str) -> float:
    """Known effects, and noise of sets, of trials and of languages."""
    effect = {"oracle-multimodal": 6.0, "oracle-placebo": 1.0}.get(start, 0.0)
    effect += 2.0 * (middle != "none") + 3.0 * middle.endswith(":esho")
    effect += 5.0 * (start == "oracle-multimodal" and middle.endswith(":esho"))
    luck = noise(number) + noise(target, start, middle, number)
    return 40 + effect + luck + noise(target, language)


def exact(target: str, start: str, middle: str, number: int, language: str) -> float:
    """The same effects with noise that every cell of a set shares."""
    own = noise(target, start, middle, number)
    return scored(target, start, middle, number, language) - own


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Snapshot], None]:
    """Makes the public functions read a study that lies nowhere."""

    def read(snapshot: Snapshot) -> None:
        monkeypatch.setattr(analysis.effects, "read_snapshots", lambda *_: [snapshot])

    return read


def value(record: StudyRecord, target: str, start: str, middle: str, number: int) -> float:
    """What a cell scores in a set: the mean over the objective's languages."""
    codes = record.cuts[target].objective
    return float(np.mean([scored(target, start, middle, number, code) for code in codes]))


def one_row(frame: pd.DataFrame, **where: str) -> pd.Series:
    """The only row with these values."""
    found = frame
    for name, wanted in where.items():
        found = found[found[name] == wanted]
    assert len(found) == 1, where
    return found.iloc[0]


PAIRED = {"methods": ["paired"]}


# -- estimates -------------------------------------------------------------------------------------


def test_initialisations_are_compared_set_by_set(record: StudyRecord, asked: Any) -> None:
    """Means over the intermediates of each set, with the paired t interval; overall over targets.

    Each with its twin, and right pictures with wrong ones, unless a baseline is named.
    """
    asked(planted(record, scored))
    frame = contrast("first", **PAIRED)
    pairs = list(zip(frame["contrasted"], frame["baseline"], strict=True))
    wanted = [(STARTS[1], STARTS[0]), (STARTS[2], STARTS[0]), (STARTS[1], STARTS[2])]
    assert pairs == wanted * 3
    assert frame["target"].tolist() == ["xnli"] * 3 + ["xcopa"] * 3 + ["overall"] * 3
    by_target = []
    for target in ("xnli", "xcopa"):
        sides = [
            [np.mean([value(record, target, s, m, n) for m in LEVELS]) for n in range(1, 5)]
            for s in STARTS[:2]
        ]
        by_target.append(np.subtract(sides[1], sides[0]))
        row = one_row(frame, target=target, contrasted=STARTS[1], baseline=STARTS[0])
        expected = paired_interval(by_target[-1])
        for name in ("low", "high", "standard_error", "p", "sd", "df"):
            assert row[name] == pytest.approx(getattr(expected, name)), name
        assert row["estimate"] == pytest.approx(expected.value)
        assert row["averaged_over"] == ", ".join(LEVELS)
    overall = one_row(frame, target="overall", contrasted=STARTS[1], baseline=STARTS[0])
    expected = paired_interval(np.mean(by_target, axis=0))
    assert (overall["low"], overall["high"]) == pytest.approx((expected.low, expected.high))
    against = contrast("first", baseline="oracle-placebo", **PAIRED)
    assert set(against["contrasted"]) == set(STARTS[:2])


def test_effects_that_are_there_are_found(record: StudyRecord, asked: Any) -> None:
    """Where sets are all that varies, each effect is exact, by either method's sum."""
    asked(planted(record, exact))
    start = contrast("first", **PAIRED)
    row = one_row(start, target="xnli", contrasted=STARTS[1], baseline=STARTS[0])
    assert row["estimate"] == pytest.approx(6 + 5 * 2 / 5) and row["verdict"] == "better"
    assert one_row(start, target="xnli", contrasted=STARTS[2])["verdict"] == "no different"
    middle = contrast("first", factor="intermediate", **PAIRED)
    row = one_row(middle, target="xcopa", contrasted="choice:esho")
    assert row["baseline"] == "none" and row["estimate"] == pytest.approx(5 + 5 / 3)
    group = contrast("first", factor="group", **PAIRED)
    assert set(group["baseline"]) == {"english"} and set(group["contrasted"]) == {"non_european"}
    assert group["estimate"].tolist() == pytest.approx([3 + 5 / 3] * 3)
    crossed = interaction("first", **PAIRED)
    row = one_row(
        crossed,
        target="overall",
        contrasted="oracle-multimodal: non_european - english",
        baseline="oracle-text: non_european - english",
    )
    assert row["estimate"] == pytest.approx(5) and row["effect"] == "interaction"
    placebo = crossed[crossed["contrasted"].str.startswith("oracle-placebo")]
    assert placebo["estimate"].abs().max() < 1e-9


def test_an_interaction_is_the_difference_of_two_contrasts(record: StudyRecord, asked: Any) -> None:
    """Of simple effects with either initialisation, whichever way it is put; a swap flips it."""
    asked(planted(record, scored))
    pairs = {"initialisations": (STARTS[1], STARTS[0]), "intermediates": ("nli:esho", "none")}
    crossed = interaction("first", **pairs, **PAIRED)
    simple = [
        contrast("first", factor="intermediate", averaged_over=[name], **PAIRED)
        for name in STARTS[1::-1]
    ]
    for target in ("xnli", "xcopa", "overall"):
        row = one_row(crossed, target=target)
        first, second = (one_row(f, target=target, contrasted="nli:esho") for f in simple)
        assert row["estimate"] == pytest.approx(first["estimate"] - second["estimate"])
    by_start = [
        one_row(contrast("first", averaged_over=[m], **PAIRED), target="xnli",
                contrasted=STARTS[1], baseline=STARTS[0])["estimate"]
        for m in ("nli:esho", "none")
    ]  # fmt: skip
    assert one_row(crossed, target="xnli")["estimate"] == pytest.approx(by_start[0] - by_start[1])
    swapped = interaction("first", initialisations=(STARTS[0], STARTS[1]),
                          intermediates=("nli:esho", "none"), **PAIRED)  # fmt: skip
    assert swapped["estimate"].tolist() == pytest.approx((-crossed["estimate"]).tolist())
    assert swapped["low"].tolist() == pytest.approx((-crossed["high"]).tolist())
    assert swapped["p"].tolist() == pytest.approx(crossed["p"].tolist())


def test_mixed_models_say_the_same_of_balanced_cells(record: StudyRecord, asked: Any) -> None:
    """Equal differences beside paired ones, with the freedom of all cells."""
    asked(planted(record, scored))
    frame = interaction("first", initialisations=(STARTS[1], STARTS[0]))
    for target in ("xnli", "xcopa", "overall"):
        paired, mixed = (one_row(frame, target=target, method=m) for m in ("paired", "mixed"))
        assert mixed["estimate"] == pytest.approx(paired["estimate"], abs=1e-6)
        assert paired["df"] == 3 and mixed["df"] == 2 * 4 * 3
        assert paired["n_sets"] == mixed["n_sets"] == 4
        assert mixed["low"] < mixed["estimate"] < mixed["high"]


# -- groups and languages --------------------------------------------------------------------------


def test_groups_follow_the_plans_grouping_and_the_users(asked: Any) -> None:
    """Derived groups are compared task by task; what a user maps is compared as it stands."""
    changes = {**BASE, "contrast": {"seeds": 3, "intermediates": LEVELS[:4]}}
    record = frozen(changes)
    snapshot = planted(record, exact)
    asked(snapshot)
    derived = contrast("first", factor="group", **PAIRED)
    # choice:esho is not there: choice:avel would compare tasks, so nli alone is compared.
    assert derived["estimate"].tolist() == pytest.approx([3 + 5 / 3] * 3)
    own = {"nli:esho": "far", "nli:avel": "near", "choice:avel": "near"}
    mapped = contrast("first", factor="group", baseline="near", groups=own, **PAIRED)
    assert set(mapped["contrasted"]) == {"far"}
    assert mapped["estimate"].tolist() == pytest.approx([3 + 5 / 3] * 3)
    crossed = interaction("first", groups=own, intermediates=("far", "near"), **PAIRED)
    row = one_row(crossed, target="xnli", contrasted="oracle-multimodal: far - near",
                  baseline="oracle-text: far - near")  # fmt: skip
    assert row["estimate"] == pytest.approx(5)


def test_seen_and_unseen_languages_are_apart(record: StudyRecord, asked: Any) -> None:
    """Seen where a compared intermediate has rows; English in neither; codes as they are asked."""

    def in_esho(target: str, start: str, middle: str, number: int, language: str) -> float:
        gained = middle.endswith(":esho") and language == "esho"
        return 50 + 9.0 * gained + noise(number)

    asked(planted(record, in_esho))
    options = {"factor": "intermediate", **PAIRED}
    found = {
        name: one_row(contrast("first", languages=name, **options), target="xnli",
                      contrasted="nli:esho")
        for name in ("seen", "unseen", "averaged")
    }  # fmt: skip
    assert found["seen"]["n_languages"] == 1 and found["seen"]["estimate"] == pytest.approx(9)
    assert found["unseen"]["estimate"] == pytest.approx(0)
    scored_in = {code for _, code, _ in record.scored["xnli"]}
    assert found["unseen"]["n_languages"] == len(scored_in - {"avel", "esho"})
    assert found["averaged"]["n_languages"] == len(record.cuts["xnli"].objective)
    english = contrast("first", languages=["avel"], **options)
    assert set(english["n_languages"]) == {1} and set(english["languages"]) == {"avel"}
    nothing = contrast("first", languages=["gothic"], **options)
    assert set(nothing["verdict"]) == {"not enough evidence"} and "overall" not in set(
        nothing["target"]
    )
    row = one_row(contrast("first", languages="seen", **options), target="xnli",
                  contrasted="nli:avel")  # fmt: skip
    assert row["n_languages"] == 0 and pd.isna(row["estimate"])


def test_languages_that_a_target_phase_was_trained_on_are_not_unseen(record: StudyRecord) -> None:
    """Whatever the intermediates: brin is seen once targets are fine-tuned on it."""
    cells = read_cells(planted(record, scored))["xnli"]
    pair = Comparison("", "", "", (), {(STARTS[0], "nli:esho"): 1.0}, "")
    assert cells.sources == {"avel"}
    assert "brin" in cells.languages(pair, "unseen") and "esho" in cells.languages(pair, "seen")
    cells.sources.add("brin")
    assert "brin" not in cells.languages(pair, "unseen") and "brin" in cells.languages(pair, "seen")


def test_intervals_say_what_they_cover(record: StudyRecord, asked: Any) -> None:
    """Languages as a sample, and rows, widen them; what is not known is not guessed."""
    asked(planted(record, scored, error=2.0))
    options = {"factor": "intermediate"}
    seeds, languages, rows, everything = (
        contrast("first", covers=c, **options, **PAIRED)
        for c in (["seeds"], ["seeds", "languages"], ["rows", "seeds"],
                  ["seeds", "languages", "rows"])
    )  # fmt: skip
    assert set(rows["covers"]) == {"seeds+rows"} and set(seeds["covers"]) == {"seeds"}
    at = {"target": "xnli", "contrasted": "nli:esho"}
    narrow, wide = one_row(seeds, **at), one_row(rows, **at)
    # xnli is parallel: the languages' errors go together. Six cells of weight 1/3 each.
    expected = 2.0 * math.sqrt(6 / 9)
    assert narrow["rows_standard_error"] == pytest.approx(expected)
    assert pd.notna(narrow["sets_needed"]) and pd.isna(wide["sets_needed"])  # no set adds rows
    error = math.hypot(expected, narrow["standard_error"])
    assert wide["standard_error"] == pytest.approx(error)
    assert one_row(everything, **at)["standard_error"] > error - 1e-9
    assert "overall" in set(rows["target"]) and "overall" not in set(languages["target"])
    mixed = contrast("first", covers=["seeds", "languages"], **options)
    assert set(mixed["method"]) == {"paired"}
    asked(planted(record, scored))
    unknown = contrast("first", covers=["seeds", "rows"], **options, **PAIRED)
    assert unknown["low"].isna().all() and set(unknown["verdict"]) == {"not enough evidence"}
    assert unknown["rows_standard_error"].isna().all()


# -- sets ------------------------------------------------------------------------------------------


def test_sets_that_lack_a_cell_are_left_out_and_counted(record: StudyRecord, asked: Any) -> None:
    """Of the pairs that need it; overall, of any target; a mixed model goes on with the rest."""
    asked(planted(record, scored, missing={("xnli", STARTS[1], "nli:esho", 2)}))
    frame = contrast("first", factor="intermediate")
    hurt = one_row(frame, target="xnli", contrasted="nli:esho", method="paired")
    assert (hurt["n_sets"], hurt["sets_left_out"]) == (3, 1)
    sides = [
        np.mean([value(record, "xnli", s, "nli:esho", n) - value(record, "xnli", s, "none", n)
                 for s in STARTS])
        for n in (1, 3, 4)
    ]  # fmt: skip
    assert hurt["estimate"] == pytest.approx(np.mean(sides))
    whole = one_row(frame, target="xnli", contrasted="nli:avel", method="paired")
    assert (whole["n_sets"], whole["sets_left_out"]) == (4, 0)
    overall = one_row(frame, target="overall", contrasted="nli:esho", method="paired")
    assert (overall["n_sets"], overall["sets_left_out"]) == (3, 1)
    mixed = one_row(frame, target="xnli", contrasted="nli:esho", method="mixed")
    assert (mixed["n_sets"], mixed["sets_left_out"]) == (4, 0) and mixed["low"] < mixed["high"]


def test_too_few_sets_are_not_enough_evidence(record: StudyRecord, asked: Any) -> None:
    """One whole set gives a difference without an interval."""
    gone = {("xnli", STARTS[0], "none", n) for n in (1, 2, 3)}
    asked(planted(record, scored, missing=gone))
    row = one_row(contrast("first", factor="intermediate", **PAIRED), target="xnli",
                  contrasted="nli:esho")  # fmt: skip
    assert row["n_sets"] == 1 and pd.notna(row["estimate"])
    for name in ("low", "high", "p", "p_holm", "standard_error", "df", "sets_needed"):
        assert pd.isna(row[name]), name
    assert row["verdict"] == "not enough evidence"


def test_sets_that_share_pretrainings_are_one_unit(asked: Any) -> None:
    """Two pretrainings behind four sets are two units, unless their weights are taken as given."""
    record = frozen({**BASE, "contrast": {"seeds": 4, "initialisation_seeds": 2}})
    asked(planted(record, scored))
    row = one_row(contrast("first", **PAIRED), target="xnli", contrasted=STARTS[2])
    assert (row["n_sets"], row["df"], row["unit"]) == (2, 1, "initialisation_seed")
    given = one_row(contrast("first", pretrainings="fixed", **PAIRED), target="xnli",
                    contrasted=STARTS[2])  # fmt: skip
    assert (given["n_sets"], given["df"], given["unit"]) == (4, 3, "set")
    assert given["estimate"] == pytest.approx(row["estimate"])
    alone = frozen({**BASE, "contrast": {"seeds": 4, "initialisation_seeds": 1}})
    asked(planted(alone, scored))
    frame = contrast("first")
    assert set(frame["n_sets"]) == {1} and frame["low"].isna().all()


def test_reports_of_one_pretraining_are_about_its_weights(record: StudyRecord) -> None:
    """Else they would have no interval; they say so. With one for each set they do not."""
    alone = frozen({**BASE, "contrast": {"seeds": 4, "initialisation_seeds": 1}})
    for one, shared in ((alone, True), (record, False)):
        snapshot = planted(one, scored)
        rows = [row for rows in shown_effects(snapshot).values() for row in rows]
        assert {(row["n_sets"], row["unit"]) for row in rows} == {(4, "set")}
        text = " ".join(" ".join(effect_parts(snapshot)).split())
        assert ("differences are about these weights" in text) == shared


# -- several comparisons, claims, bad input --------------------------------------------------------


def test_p_values_are_adjusted_within_a_method(record: StudyRecord, asked: Any) -> None:
    """Over targets and pairs; overall is a family of its own."""
    asked(planted(record, scored))
    frame = contrast("first", factor="intermediate", **PAIRED)
    for rows in (frame[frame["target"] == "overall"], frame[frame["target"] != "overall"]):
        ranked = rows.sort_values("p")
        steps = ranked["p"] * range(len(rows), 0, -1)
        wanted = steps.cummax().clip(upper=1)
        assert ranked["p_holm"].tolist() == pytest.approx(wanted.tolist())
        assert (ranked["p_bh"] <= ranked["p_holm"] + 1e-12).all()


def test_rows_say_what_may_be_claimed(record: StudyRecord, asked: Any) -> None:
    """A pair is a pair; the placebo tells pictures from training; no twins are named so."""
    asked(planted(record, scored))
    frame = contrast("first", **PAIRED).query("target == 'xnli'")
    assert one_row(frame, baseline=STARTS[2])["claim"].startswith("right against wrong pictures")
    twins = one_row(frame, contrasted=STARTS[1], baseline=STARTS[0])
    assert twins["claim"] == "this pair of twins"
    (words,) = [p for p in effect_parts(planted(record, scored)) if p.startswith("claims: ")]
    said = " ".join(words.split())
    assert "not about multimodal pretraining in general" in said and "a placebo tells" in said


def test_general_claims_take_several_twins(record: StudyRecord) -> None:
    """Three pairs with one twin share its luck; a placebo of another twin tells nothing of them."""
    made = record.catalogue.initialisations
    text, pictures, placebo = (made[name] for name in STARTS)
    rows = {"p0": replace(placebo, twin="t0")}
    for number in range(3):
        rows[f"t{number}"] = text
        rows[f"v{number}"] = replace(pictures, twin=f"t{number}")
    shared = {name: replace(one, twin=one.twin and "t0") for name, one in rows.items()}
    stranger = rows | {"p0": replace(placebo, twin="t3"), "t3": text}
    assert speaks_of_all(rows, rows) and claim(rows, rows, "v1", "t1").endswith("pretraining")
    for lacking in (shared, stranger, {name: one for name, one in rows.items() if name != "p0"}):
        assert not speaks_of_all(lacking, lacking)
        assert "not about multimodal pretraining in general" in design_claim(lacking, lacking)


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ({"factor": "initialization"}, "initialisation"),
        ({"baseline": "oracle-txt"}, "oracle-text"),
        ({"factor": "intermediate", "baseline": "nli:esoh"}, "nli:esho"),
        ({"averaged_over": ["nonne"]}, "none"),
        ({"groups": {"nli:eshoo": "far"}}, "nli:esho"),
        ({"languages": "unsen"}, "unseen"),
        ({"covers": ["languages"]}, "seeds"),
        ({"covers": ["seeds", "row"]}, "rows"),
        ({"methods": ["mixd"]}, "mixed"),
        ({"level": 95}, "share"),
        ({"margin": 0}, "above 0"),
        ({"pretrainings": "given"}, "fixed"),
    ],
)
def test_slips_of_the_pen_are_named(
    record: StudyRecord, asked: Any, call: dict[str, Any], wrong: str
) -> None:
    """What was read, and the nearest that means something."""
    asked(planted(record, scored))
    with pytest.raises(ValueError, match=wrong):
        contrast("first", **call)


def test_languages_are_a_sample_of_a_mean_alone(asked: Any) -> None:
    """The worst language of a sample is not the worst of all."""
    record = frozen({**BASE, "study.objective": "worst"})
    asked(planted(record, scored))
    with pytest.raises(ValueError, match="'worst'"):
        contrast("first", covers=["seeds", "languages"])
    worst = one_row(contrast("first", **PAIRED), target="xnli", contrasted=STARTS[2])
    codes = record.cuts["xnli"].objective
    expected = [
        np.mean([
            min(scored("xnli", STARTS[2], m, n, c) for c in codes)
            - min(scored("xnli", STARTS[0], m, n, c) for c in codes)
            for m in LEVELS
        ])
        for n in range(1, 5)
    ]  # fmt: skip
    assert worst["estimate"] == pytest.approx(np.mean(expected))


# -- on disk ---------------------------------------------------------------------------------------


def test_frames_are_typed_where_there_is_no_contrast(tmp_path: Path) -> None:
    """The same columns and dtypes, without rows; a study that has not begun has its pairs."""
    queues(frozen({"budget.trials_per_target": 6}), tmp_path)
    for ask in (contrast, interaction):
        frame = ask("first", root=tmp_path)
        assert frame.empty and frame.dtypes.astype(str).to_dict() == {
            column.name: column.dtype for column in EFFECT_COLUMNS
        }
    queues(frozen({**BASE, "study.name": "second"}), tmp_path)
    frame = contrast("second", root=tmp_path)
    assert len(frame) and frame["estimate"].isna().all()
    assert set(frame["n_sets"]) == {0} and set(frame["verdict"]) == {"not enough evidence"}


def test_a_study_on_disk_is_what_its_cells_say(tmp_path: Path) -> None:
    """From the storage to the frame and to the report, by way of ``contrast_cells`` by hand."""
    changes = {**BASE, "contrast": {"seeds": 3, "intermediates": LEVELS[:3]}}
    told(frozen(changes), tmp_path)
    cells = contrast_cells("first", root=tmp_path)
    assert set(cells["intermediate_group"]) == {"none", "english", "non_european"}
    chosen = cells[cells["averaged"]].query("target == 'xnli'")
    keys = ["initialisation", "intermediate", "replicate"]
    wide = chosen.groupby(keys)["score"].mean().unstack(["initialisation", "intermediate"])
    frame = interaction("first", root=tmp_path, initialisations=(STARTS[1], STARTS[0]),
                        intermediates=("nli:esho", "nli:avel"), **PAIRED)  # fmt: skip
    by_set = sum(
        (-1) ** (i + j) * wide[start, middle]
        for (i, start), (j, middle) in itertools.product(
            enumerate(STARTS[1::-1]), enumerate(("nli:esho", "nli:avel"))
        )
    )
    row = one_row(frame, target="xnli")
    assert row["estimate"] == pytest.approx(by_set.mean())
    # Told scores are the same in every set: seeds change nothing.
    assert row["low"] == pytest.approx(row["high"])
    text = report_text("first", root=tmp_path)
    section = text.partition("whether one depends on the other")[2]
    assert f"{row['estimate']:+.2f}" in section
    assert "no test of significance" not in text
    assert max(map(len, text.partition("study folder")[0].splitlines())) <= 80


def test_planted_scores_are_what_the_cells_hold(record: StudyRecord) -> None:
    """The tests' own worlds are read as studies are: each score at its place."""
    from analysis.cell_scores import read_cells

    found = read_cells(planted(record, scored))["xnli"]
    some: Planted = scored
    for (cell, number), values in found.scores.items():
        for code, value_there in values.items():
            assert value_there == pytest.approx(some("xnli", *cell, number, code))
    assert len(found.scores) == len(STARTS) * len(LEVELS) * 4
