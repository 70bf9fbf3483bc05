"""The HTML page: it stands alone, repeats the numbers of the frames, and says what is missing."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from analysis import (
    confirmed_gains,
    contrast,
    interaction,
    load_phases,
    load_trials,
    report_page,
    report_text,
    selection_ladder,
)
from analysis.wording import p_words
from search.cli import main
from search.confirmation import confirmation
from spaces.layout import StudyPaths
from tests.analysis_world import World, small_study
from tests.plans import HOME, frozen
from tests.studies import driven

CHANGES = {
    "targets.tasks": ["xnli", "xcopa"],
    "contrast": {"seeds": 3, "intermediates": ["none", "nli:esho"]},
    "budget.trials_per_target": 7,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a search and a contrast of two targets, and a confirmation."""
    root = tmp_path_factory.mktemp("pages")
    driven(frozen(CHANGES), root)
    driven(confirmation("first", root, top=1, replicates=3)[0], root)
    return root


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page of the search."""
    return report_page("first", root=root)


class Parsed(HTMLParser):
    """What the tests ask of a page."""

    VOID = ("meta", "link", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        """Caption -> rows of cells, the header first; of equal captions the last."""
        self._caption, self._text = "", ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the element."""
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("caption", "td", "th"):
            self._text = ""
        if tag == "tr":
            self.tables[self._caption].append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element that ends at once."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Every element ends where it should."""
        assert self.open.pop() == tag
        if tag == "caption":
            self._caption = self._text
            self.tables[self._caption] = []
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append(self._text)

    def handle_data(self, data: str) -> None:
        """Text of a cell."""
        self._text += data

    def values(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [str(about[name]) for _, about in self.tags if name in about]

    def column(self, caption: str, name: str) -> dict[str, str]:
        """First cell -> the cell of a column, of a table's rows."""
        header, *rows = self.tables[caption]
        return {row[0]: row[header.index(name)] for row in rows}


def test_a_page_stands_alone(page: str) -> None:
    """It names no other file, no network and no script; what it refers to is on it, once."""
    parsed = Parsed(page)
    assert not {tag for tag, _ in parsed.tags} & {"script", "iframe", "img", "object", "embed"}
    ids = parsed.values("id")
    assert len(set(ids)) == len(ids) > 50
    links = [*parsed.values("href"), *parsed.values("src"), *parsed.values("xlink:href")]
    assert set(links) - {f"#{name}" for name in ids} == {"data:,"}
    assert {name for words in parsed.values("aria-labelledby") for name in words.split()} <= {*ids}
    urls = re.findall(r"url\(([^)]*)\)|@import|@font-face", page)
    assert urls and {url.removeprefix("#") for url in urls} <= {*ids}
    spoken = [about for tag, about in parsed.tags if tag == "svg"]
    assert spoken and all(about["role"] == "img" for about in spoken)


def test_equal_studies_give_equal_bytes(tmp_path: Path) -> None:
    """A page is a function of its study: not of the process, its hashes or the user's style."""
    small_study(tmp_path)
    code = (
        "import sys, matplotlib; matplotlib.rcParams['font.size'] = 20\n"
        "from analysis import report_page\n"
        "sys.stdout.write(report_page('small', root=sys.argv[1]))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(HOME)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert other.stdout == report_page("small", root=tmp_path)


def test_its_numbers_are_those_of_the_frames(root: Path, page: str) -> None:
    """Sharing and every figure's table hold what pandas gives, to two decimals."""
    parsed = Parsed(page)
    phases = load_phases("first", root=root)
    executed = parsed.column("Phases by kind", "executed")
    assert executed["all"] == str((~phases["hit"]).sum())
    trials = load_trials("first", root=root).query("replicate.isna()")
    for target, mine in trials.groupby("target"):
        header, *rows = parsed.tables[f"{target}: score against cost"]
        found = {(row[0], row[header.index("score")]) for row in rows}
        expected = zip(mine["setting_id"], mine["score"], strict=True)
        assert found == {(name, f"{score:.2f}") for name, score in expected}
        header, *rows = parsed.tables[f"{target}: initialisation by intermediate"]
        found = {(row[0], row[1], row[3]) for row in rows}
        cells = mine.groupby(["initialisation", "intermediate"])["score"].max()
        assert found == {(*names, f"{score:.2f}") for names, score in cells.items()}


def ranges(frame: pd.DataFrame, low: str = "low", high: str = "high") -> list[str]:
    """Intervals of a frame as the page writes differences."""
    return [f"[{a:+.2f}, {b:+.2f}]" for a, b in zip(frame[low], frame[high], strict=True)]


def test_the_answer_is_the_confirmations(root: Path, page: str) -> None:
    """Once a search is confirmed, both pages lead with its gain on test rows, interval, verdict."""
    gains = confirmed_gains("first.confirm", root=root).query("is_answer and against == 'tuned'")
    gains = gains[gains["target"] != "overall"]
    assert list(gains["target"]) == ["xnli"]
    for text in (page, report_page("first.confirm", root=root)):
        _, *rows = Parsed(text).tables["Best setting of each target"]
        shown = {row[0]: row[3:] for row in rows}
        interval = f"{ranges(gains)[0]}, 3 sets"
        assert shown["xnli"] == [
            gains["verdict"].item(),
            f"{gains['estimate'].item():+.2f}",
            interval,
            p_words(gains["p_holm"].item()),
        ]
        assert shown["xcopa"] == ["no intermediate was chosen", "-", "-", "-"]


def test_effects_of_a_contrast_stand_with_their_intervals(root: Path, page: str) -> None:
    """Interaction and main effects are those of the frames; so are the lines of the figure."""
    parsed = Parsed(page)
    for caption, effects in (
        ("Whether one depends on the other", interaction),
        ("What an initialisation does", contrast),
    ):
        frame = effects("first", root=root, methods=["paired"])
        _, *rows = parsed.tables[caption]
        expected = zip(frame["target"], frame["verdict"], ranges(frame), strict=True)
        assert [(row[0], row[2], row[4]) for row in rows] == list(expected) != []
    for start in ("oracle-text", "oracle-multimodal"):
        asked = {"factor": "group", "averaged_over": [start], "methods": ["paired"]}
        simple = contrast("first", root=root, **asked).query("target == 'xnli'")
        _, *rows = parsed.tables["xnli: intermediate rows by initialisation"]
        mine = [(row[1], row[5], row[6]) for row in rows if row[0] == start]
        estimates = [f"{value:+.2f}" for value in simple["estimate"]]
        assert mine == [*zip(simple["contrasted"], estimates, ranges(simple), strict=True)] != []


def test_the_ladder_has_every_rule_and_its_gap(root: Path, page: str) -> None:
    """Each rule's pick, its confirmed score and what it lacks to the oracle, as in the frame."""
    ladder = selection_ladder("first", root=root)
    header, *rows = Parsed(page).tables["What each rule picks"]
    assert [row[2] for row in rows] == list(ladder["setting_id"])
    assert {row[1] for row in rows} >= {"held_out_languages (the study's)", "oracle"}
    for name, column in (("confirmed", "confirmed"), ("gap to oracle", "gap")):
        shown = [row[header.index(name)] for row in rows]
        assert shown == [f"{value:.2f}" for value in ladder[column]]


def test_the_answer_tells_targets_apart(root: Path, page: str) -> None:
    """A mean over targets stands beside the verdicts of the targets that have one."""
    caption = "The contrast: whether one depends on the other, mean over the targets"
    header, *rows = Parsed(page).tables[caption]
    frame = interaction("first", root=root, methods=["paired"])
    over = frame[frame["target"] == "overall"]
    assert [row[header.index("verdict")] for row in rows] == over["verdict"].tolist()
    for row, names in zip(rows, over[["contrasted", "baseline"]].to_numpy(), strict=True):
        alike = (frame[["contrasted", "baseline"]] == names).all(axis=1)
        mine = frame[alike & (frame["target"] != "overall")]
        settled = mine[mine["verdict"] != "not enough evidence"]
        wanted = "; ".join(f"{one.target} {one.verdict}" for one in settled.itertuples())
        assert row[header.index("target by target")] == (wanted or "none settled")


def test_a_contrast_alone_chooses_nothing(tmp_path: Path) -> None:
    """Its page answers the contrast's question, and says that no setting was chosen."""
    changes = {
        "budget.trials_per_target": 0,
        "contrast": {"seeds": 2, "intermediates": ["none", "nli:esho"]},
    }
    driven(frozen(changes), tmp_path)
    text = report_page("first", root=tmp_path)
    parsed = Parsed(text)
    assert "Best setting of each target" not in parsed.tables
    assert "The contrast: whether one depends on the other" in parsed.tables
    assert "it chooses no setting" in text and "Selection ladder" not in text


def test_a_setting_costs_what_its_phases_cost_alone(root: Path, page: str) -> None:
    """Cost in the figure counts every phase of a setting but its initialisation, hit or not."""
    parsed = Parsed(page)
    phases = load_phases("first", root=root).query("kind != 'initialisation'")
    steps = phases.groupby(["target", "trial_number"])["steps"].sum()
    trials = load_trials("first", root=root).query("replicate.isna()")
    for target, mine in trials.groupby("target"):
        shown = parsed.column(f"{target}: score against cost", "steps")
        for number, name in zip(mine["trial_number"], mine["setting_id"], strict=True):
            assert shown[name] == str(steps[target, number])


def test_languages_stand_with_family_script_and_what_was_seen(tmp_path: Path) -> None:
    """Every language once, by family; score, baseline and gain of the best setting."""
    world = small_study(tmp_path)
    header, *rows = Parsed(report_page("small", root=tmp_path)).tables["xnli: languages"]
    assert {row[0] for row in rows} == set(world.languages)
    assert [row[1:3] for row in rows] == sorted(row[1:3] for row in rows)
    cells = dict(zip(header, next(row for row in rows if row[0] == "esho"), strict=True))
    assert (cells["family"], cells["script"]) == ("Southern", "sharp")
    assert (cells["trained on"], cells["leakage"]) == ("other skill", "L1")
    assert (cells["score"], cells["baseline"], cells["gain"]) == ("70.50", "66.00", "+4.50")
    source = next(row for row in rows if row[0] == "avel")
    assert source[header.index("trained on")] == "source"


def test_texts_of_a_user_are_text(tmp_path: Path) -> None:
    """Markup in a plan, in a grouping's source and in a reason of failure is shown, not obeyed."""
    markup = "<script>alert('x')</script>"
    grouping = {"name": "mine", "source": markup, "groups": {"near": ["brin"], "far": ["esho"]}}
    changes = {"grouping": [grouping], "study.grouping": "mine", "budget.trials_per_target": 6}
    record = driven(frozen(changes), tmp_path)
    StudyPaths(tmp_path, record.name).plan.write_text(f"# {markup}\n# </pre><b>\n", "utf-8")
    page = report_page("first", root=tmp_path)
    Parsed(page)
    assert "<script" not in page and "</pre><b>" not in page
    assert page.count("&lt;script&gt;alert(") >= 2


def test_reasons_of_failed_trials_are_text(tmp_path: Path) -> None:
    """What a failed trial wrote is shown as it is, markup and backticks too."""
    world = World(tmp_path)
    world.add("FAIL", world.setting("none"), reason="<img src=x onerror=alert(1)> `<b>`")
    page = report_page("small", root=tmp_path)
    assert "<img" not in page and "<b>" not in page
    assert "&lt;img src=x onerror=alert(1)&gt; <code>&lt;b&gt;</code>" in page


def test_an_empty_study_has_a_page(tmp_path: Path) -> None:
    """Before the first trial the page says so, and draws nothing."""
    World(tmp_path)
    page = report_page("small", root=tmp_path)
    parsed = Parsed(page)
    assert not [tag for tag, _ in parsed.tags if tag == "svg"]
    assert parsed.column("Best setting of each target", "verdict") == dict.fromkeys(
        ("xnli", "xcopa"), "nothing to choose from yet"
    )
    assert "Not finished: 0 of 24 planned trials are done, 0 are running" in page
    assert "The test rows of this study were never opened" in page


def test_a_running_study_has_a_page(tmp_path: Path) -> None:
    """It shows what there is, how much is missing, and why trials failed."""
    small_study(tmp_path)
    page = report_page("small", root=tmp_path)
    parsed = Parsed(page)
    assert "Not finished: 5 of 24 planned trials are done, 1 are running" in page
    assert "trial 4: rank 0: out of memory" in page
    assert parsed.column("Best setting of each target", "tuned gain") == {
        "xnli": "+4.50",
        "xcopa": "-",
    }
    assert "none: one set of seeds" in page


def test_the_command_writes_text_and_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text is printed, the page goes into the study's folder or where the flag says."""
    world = small_study(tmp_path)
    asked = ["report", "small", "--root", str(tmp_path)]
    assert main(asked) == 0
    printed, page = capsys.readouterr().out, report_page("small", root=tmp_path)
    assert printed.startswith(report_text("small", root=tmp_path))
    assert str(world.paths.report) in printed and world.paths.report.read_text() == page + "\n"
    world.paths.report.unlink()
    assert main([*asked, "--output", str(tmp_path / "x.HTML")]) == 0
    assert (tmp_path / "x.HTML").read_text() == page + "\n"
    assert main([*asked, "--output", str(tmp_path / "x.txt")]) == 0
    assert (tmp_path / "x.txt").read_text() == report_text("small", root=tmp_path) + "\n"
    assert not world.paths.report.exists()
    assert main([*asked, "--output", str(tmp_path / "no" / "x.html")]) == 2
    assert "--output" in capsys.readouterr().err


def test_where_nobody_may_write_the_text_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study of somebody else's is read all the same; that there is no page is said."""
    world = small_study(tmp_path)
    world.paths.report.mkdir()  # what even root cannot write a file over
    assert main(["report", "small", "--root", str(tmp_path)]) == 0
    heard = capsys.readouterr()
    assert "best setting" in heard.out and "no page" in heard.err


def test_text_alone_needs_no_drawing(tmp_path: Path) -> None:
    """Who asks for the text pays neither for matplotlib nor for jinja2."""
    small_study(tmp_path)
    code = (
        "import sys; from search.cli import main\n"
        "assert main(['report', 'small', '--root', sys.argv[1], '--output', sys.argv[2]]) == 0\n"
        "print(*{name.split('.')[0] for name in sys.modules} & {'matplotlib', 'jinja2'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "x.txt")],
        env={**os.environ, "PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "" and (tmp_path / "x.txt").exists()
