"""The choice and the texts, over the small study of ``tests/analysis_world.py``."""

from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis.banner import banner
from analysis.card import model_card
from analysis.snapshot import read_snapshot
from spaces.leakage import LEAKAGE_WORDS
from tests.analysis_world import World, small_study


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The study of ``tests/analysis_world.py``."""
    return small_study(tmp_path)


def test_best_setting_of_each_target(world: World) -> None:
    """The best trial by score stands with both baselines, its gains and each arm's trials."""
    best = analysis.best_settings("small", root=world.root)
    assert list(best["target"]) == ["xnli"]
    row = best.iloc[0]
    assert (row["trial_number"], row["score"], row["reported_score"]) == (1, 66.5, 64.0)
    assert (row["baseline"], row["matched_baseline"]) == (62.0, 60.0)
    assert (row["tuned_gain"], row["paired_gain"]) == (4.5, 6.5)
    assert (row["trials_none"], row["trials_intermediate"], row["seeds"]) == (2, 1, 1)
    assert "intermediate: learning rate 0.002, 150 steps of 32 rows" in row["hyperparameters"]


def test_equal_scores_choose_the_first_trial(world: World) -> None:
    """Of equal scores the lowest number wins, and an arm can be asked for alone."""
    world.add("COMPLETE", world.setting("intermediate", "nli", "fanu"), 66.5)
    assert analysis.best_settings("small", root=world.root)["trial_number"][0] == 1
    none = analysis.best_settings("small", root=world.root, arm="none")
    assert none["trial_number"][0] == 2 and pd.isna(none["paired_gain"][0])
    with pytest.raises(ValueError, match="intermediate"):
        analysis.best_settings("small", root=world.root, arm="intermediates")


def test_status_says_how_far_each_target_is(world: World) -> None:
    """The status counts trials and phases, and gives the reason of a failed one."""
    text = analysis.status_text("small", root=world.root)
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    assert rows["xnli"] == ["5", "of", "12", "1", "1", "1", "66.50", "+4.50"]
    assert rows["xcopa"] == ["0", "of", "12", "0", "0", "0", "-", "-"]
    assert "  trial 4: rank 0: out of memory\n" in text
    assert "phases: 8 executed, 3 reused" in text


def test_report_says_all_that_a_choice_needs(world: World) -> None:
    """The report holds the setting in words, both gains, the languages, the cost and the places."""
    text = analysis.report_text("small", root=world.root)
    for part in (
        "DEMONSTRATION, NOT EVIDENCE",
        world.setting("intermediate").setting_id,
        "initialisation   oracle-text",
        "intermediate     qa:esho",
        "source languages avel",
        "tuned baseline   62.00   tuned gain +4.50 (trial 2, best of 2 trials)",
        "matched baseline 60.00   paired gain +6.50 (trial 0)",
        "reported score     64.00",
        "intermediate phases: 2 trained, 0 reused",
        "no COMPLETE trial with a known setting",
        str(world.paths.folder),
        f"load_trials('small', root='{world.root}')",
    ):
        assert part in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    # Language 1 of 8: 66.5 + 1, and the half of its role. The baselines stand at 62 and 60 before.
    role = world.record.cuts["xnli"].role("brin")
    value = {"selecting": "68.50", "reported": "66.50"}[role]
    assert rows["brin"] == ["european", role, "held-out", "L0", value, "+4.50", "+6.50"]
    # Language 4, which neither selects nor reports, because nli:esho supervises it: all items.
    gains = ["+4.50", "+6.50"]
    assert rows["esho"] == ["non_european", "other", "other", "skill", "L1", "70.50", *gains]
    # 2 intermediate, 3 target and 3 evaluation phases: 60 + 36 + 4.5 seconds.
    assert rows["all"] == ["8", "480", "100.5", "3", "0", "6.0"]
    assert all(len(line) <= 80 or str(world.root) in line for line in text.splitlines())


def test_report_never_averages_supervised_languages_with_others(world: World) -> None:
    """Means by group say which languages they hold: primary, supervised, and the hub apart."""

    def means() -> list[list[str]]:
        lines = analysis.report_text("small", root=world.root).splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("group "))
        return [line.split() for line in lines[start + 2 : lines.index("", start)]]

    # 66.5 and a half point per language's place; selecting and reported halves are one off.
    gains = ["+4.50", "+6.50"]
    hub, european, others = means()
    assert hub == ["english", "apart", "avel", "66.50", *gains]
    assert european[:5] == ["european", "primary", "brin", "corm", "dask"]
    assert others[:6] == ["non_european", "primary", "esho", "fanu", "gire", "hatu"]
    assert others[6] == "72.00" and others[7:] == gains
    world.add("COMPLETE", world.setting("intermediate", "nli", "esho"), 80.0)
    *_, primary, supervised = means()
    assert primary[:5] == ["non_european", "primary", "fanu", "gire", "hatu"]
    assert supervised == ["non_european", "supervised", "esho", "84.00", "+18.00", "+20.00"]
    world.add("COMPLETE", world.setting("same_rows"), 90.0)
    assert [row[:2] for row in means()] == [
        ["english", "apart"],
        ["european", "supervised"],
        ["non_european", "supervised"],
    ]


def test_report_tells_extra_epochs_from_transfer(world: World) -> None:
    """A winner that trained on the target's own rows first is not presented as transfer."""
    note = "extra epochs, not transfer"
    assert note not in analysis.report_text("small", root=world.root)
    world.add("COMPLETE", world.setting("same_rows"), 90.0)
    text = analysis.report_text("small", root=world.root)
    assert "intermediate     xnli:avel" in text and note in text


def test_a_models_card_says_what_leaked(world: World) -> None:
    """Each score has its class, and the card the classes' meaning, where something came before."""
    snapshot = read_snapshot("small", root=world.root)
    plain, mixed = (model_card(snapshot, trial, "AutoModel") for trial in snapshot.trials[:2])
    assert "| esho | L1 | xnli | dev | all |" in mixed and "| fanu | L0 | xnli |" in mixed
    assert "| esho | - | xnli | dev | all |" in plain
    assert LEAKAGE_WORDS in mixed and LEAKAGE_WORDS not in plain


def test_report_counts_rows_left_out(world: World) -> None:
    """By part and reason, each part once, however many phases read it; nothing of parts in use."""
    assert "left out" not in analysis.report_text("small", root=world.root)
    parts = {"qa:esho/train": {"sealed": 158, "flawed": 2}, "nli:esho/train": {"flawed": 7}}
    for number, setting in enumerate((world.setting("intermediate"), world.setting("none"))):
        for phase in world.phases(setting):
            world.execute(phase, number, left_out=parts if phase.kind == "intermediate" else {})
    evaluation = world.phases(world.setting("none"))[-1]
    world.execute(evaluation, 0, left_out={"qa:esho/train": parts["qa:esho/train"]})
    text = analysis.report_text("small", root=world.root)
    cells = [line.split() for line in text.splitlines()]
    assert ["qa:esho/train", "158", "2"] in cells and ["nli:esho/train", "0", "7"] in cells
    assert sum("esho/train" in line for line in text.splitlines()) == 2
    assert (
        "test rows" in text and max(map(len, text.partition("study folder")[0].splitlines())) <= 80
    )


def test_report_sets_ours_beside_published_scores(world: World) -> None:
    """Where the plan names a paper: its two scores, our best two trials, over all languages."""
    assert "beside X-STILTs" not in analysis.report_text("small", root=world.root)
    study = world.record.plan.study.model_copy(update={"published": "x-stilts"})
    plan = world.record.plan.model_copy(update={"study": study})
    world.record.model_copy(update={"plan": plan}).write(world.paths)
    text = analysis.report_text("small", root=world.root)
    row = next(
        line.split() for line in text.splitlines() if line.startswith("xnli") and "80.4" in line
    )
    # Eight languages, 0 to 7 points above the trial's score: 3.5 on average.
    published = ["xnli", "accuracy", "79.20", "80.40", "+1.20"]
    assert row == [*published, "65.50", "70.00", "+4.50", "dev,", "8"]
    assert "beside X-STILTs" in text and "multilingual-t5" in text


def test_report_of_an_empty_study_reads(tmp_path: Path) -> None:
    """A study without trials has a report and a status all the same."""
    World(tmp_path)
    assert "xnli" in analysis.report_text("small", root=tmp_path)
    assert "0 of 12" in analysis.status_text("small", root=tmp_path)


@pytest.mark.parametrize(
    ("world_name", "seeds", "word"),
    [("micro", 5, "DEMONSTRATION"), ("oracle", 1, "formula"), ("real", 1, "NOMINATES")],
)
def test_banner_says_what_numbers_are_worth(world_name: str, seeds: int, word: str) -> None:
    """Invented worlds are always a demonstration, and one seed is never evidence."""
    assert word in " ".join(banner(world_name, seeds) or ())
    assert banner("real", 5) is None


def test_report_counts_what_sharing_saved(world: World) -> None:
    """Hits of intermediate phases show as steps saved, in GPU-seconds where GPUs were held."""
    text = analysis.report_text("small", root=world.root)
    assert "needed" not in text and " seconds  reused" in text
    tried = world.setting("intermediate", "qa", "fanu")
    world.execute(world.phases(tried)[1], 40, study="other", gpus=8)
    for score in (50.0, 51.0):
        world.add("COMPLETE", tried, score, hits=("initialisation", "intermediate"))
    text = analysis.report_text("small", root=world.root)
    assert "intermediate steps: 600 needed, 300 trained (2.0x fewer)" in text
    lines = [line.split() for line in text.splitlines()]
    header = next(line for line in lines if line[:2] == ["phases", "executed"])
    assert header[2:4] == ["steps", "GPU-s"] and header[-2:] == ["GPU-s", "saved"]
    row = next(line for line in lines if line[:1] == ["intermediate"] and len(line) == 7)
    assert row[1:] == ["2", "300", "0.0", "2", "300", "480.0"]  # 2 hits of 30 s on 8 GPUs
    phases = analysis.load_phases("small", root=world.root)
    hits = phases[phases["hit"] & (phases["kind"] == "intermediate")]
    assert list(hits["gpu_seconds"]) == [240.0, 240.0] and list(hits["seconds"]) == [30.0, 30.0]
    assert all(len(line) <= 80 or str(world.root) in line for line in text.splitlines())
