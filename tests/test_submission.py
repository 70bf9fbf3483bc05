"""Folders of predictions and labels: what is read, what is written, and the command that scores."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analysis.submission import (
    SubmissionError,
    as_json,
    score_folders,
    scored_text,
    write_submission,
)
from search.cli import main, parser
from spaces.benchmark import BENCHMARKS, XTREME, XTREME_R, Benchmark
from spaces.metrics import score
from tests.submissions import random_tables, task_of, write

TASKS = {row.name: task_of(row) for benchmark in (XTREME, XTREME_R) for row in benchmark.tasks}
BROKEN = (
    ("xnli", "de", "tsv", "neutral\n", "1 rows of predictions for 2 of labels"),
    ("xnli", "en", "tsv", b"\xff\xfe\n", "cannot be read"),
    ("xcopa", "et", "jsonl", '{"label": 1}\n{"idx": 1}\n', "jsonl:2 has no label"),
    ("xcopa", "ht", "jsonl", '{"label": 1}\n\n', "jsonl:2 is not JSON"),
    ("udpos", "af", "tsv", "NOUN\n\nNOUN\nVERB\n", "sentence 0 (from 0) has 1 predicted tags"),
    ("xquad", "en", "json", '{"q1": "red"', "is not JSON"),
    ("xquad", "es", "json", '["red"]', "an object by ids is expected"),
    ("xquad", "de", "json", '{"q1": null}', "None for 'q1': an answer is expected"),
    ("xquad", "el", "json", "[" * 100_000, "is not JSON"),
    ("mewslix", "ar", "json", '{"q1": "Q1"}', "a list of names, best first, is expected"),
    ("lareqa", "ar", "json", '{"q1": [1, 2]}', "a list of names, best first, is expected"),
)
"""Task, language, suffix, a file of predictions that cannot be scored, and what is said of it."""


def table(gold: list[Any], predicted: list[Any], language: str = "de") -> dict[str, list[Any]]:
    """A prediction table of two or more rows q1, q2, ..."""
    ids = [f"q{number}" for number in range(1, len(gold) + 1)]
    same = [language] * len(ids)
    return {"language": same, "item": ids, "id": ids, "gold": gold, "predicted": predicted}


def put(folder: Path, name: str, text: str | bytes) -> None:
    """Write a file of a submission."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    ("task", "rows", "ours", "labels"),
    [
        ("xnli", table([0, 2], [1, 2]), "neutral\ncontradiction\n", "entailment\ncontradiction\n"),
        ("pawsx", table([0, 1], [1, 1]), "1\n1\n", "0\n1\n"),
        ("panx", table([[1, 2], [0]], [[1, 0], [3]]), "B-PER\nO\n\nB-LOC\n\n",
         "B-PER\nI-PER\n\nO\n\n"),
        ("tatoeba", table([["3"], ["1"]], [["3", "1"], []]), "3\n\n", "3\n1\n"),
        ("bucc2018", table([["a"], []], [["a", "b"], ["c"]]), "q1\ta\nq1\tb\nq2\tc\n", "q1\ta\n"),
    ],
    ids=["xnli", "pawsx", "panx", "tatoeba", "bucc2018"],
)  # fmt: skip
def test_lines_of_files(tmp_path: Path, task: str, rows: Any, ours: str, labels: str) -> None:
    """What XTREME's script expects, letter by letter."""
    written = write_submission(tmp_path, {task: [rows]}, TASKS, XTREME)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        f"{side}/{task}/test-de.tsv" for side in ("predictions", "labels")
    ]
    assert [path.read_text() for path in written] == [ours, labels]


def test_documents(tmp_path: Path) -> None:
    """Questions by id with SQuAD's nesting; rankings by id; choices as an object a line."""
    names = [f"c{number}" for number in range(30)]
    tables = {
        "xquad": [table([["red", "the red"], ["x"]], ["red", None])],
        "mewslix": [table([["Q7"], ["Q8"]], [["Q7"], names])],
        "lareqa": [table([names[:11], ["c1"]], [names, ["c1"]])],
        "xcopa": [table([0, 1], [1, 1], "et")],
    }
    write_submission(tmp_path, tables, TASKS)

    def read(name: str) -> Any:
        return json.loads((tmp_path / name).read_text())

    assert read("predictions/xquad/test-de.json") == {"q1": "red"}
    (article,) = read("labels/xquad/test-de.json")["data"]
    questions = article["paragraphs"][0]["qas"]
    assert [[answer["text"] for answer in row["answers"]] for row in questions] == [
        ["red", "the red"],
        ["x"],
    ]
    assert read("predictions/mewslix/test-de.json") == {"q1": ["Q7"], "q2": names[:20]}
    assert read("labels/mewslix/test-de.json") == {"q1": ["Q7"], "q2": ["Q8"]}
    assert read("labels/lareqa/test-de.json") == {"q1": names[:11], "q2": ["c1"]}
    lines = (tmp_path / "labels/xcopa/test-et.jsonl").read_text()
    assert lines == '{"label": 0}\n{"label": 1}\n'


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=lambda benchmark: benchmark.name)
def test_what_is_written_scores_as_it_did(tmp_path: Path, benchmark: Benchmark) -> None:
    """Of any tables of any task, the folders give the numbers that the metrics gave."""
    tables = random_tables(benchmark, rows=7, seed=1)
    write(tmp_path, tables, benchmark)
    scored = score_folders(tmp_path / "predictions", tmp_path / "labels", benchmark)
    assert scored.missing == []
    total = []
    for row in benchmark.tasks:
        direct = {
            each["language"][0]: score(
                TASKS[row.name], each["gold"], each["predicted"], each["language"][0]
            )
            for each in tables[row.name]
        }
        assert scored.headlines(row) == pytest.approx(direct, abs=1e-9)
        assert any(0 < value < 100 for value in direct.values())
        total.append(sum(direct.values()) / len(direct))
    report = as_json(scored)
    assert report["average"] == pytest.approx(sum(total) / len(total), abs=1e-9)
    assert report["average"] == report["average_of_available"]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"xnil": []}, 'did you mean "xnli"'),
        ({"xnli": [table([0], [0], "avel")]}, "'xnli' in 'avel': one of ar, bg"),
        ({"xnli": [table([0], [0]), table([0], [0])]}, "two tables of 'xnli' are in 'de'"),
        ({"xnli": [table([], [])]}, r"languages \[\]: one is expected"),
        ({"tatoeba": [table([["1", "2"]], [["1"]])]}, "tatoeba in de: row 'q1' has 2 right"),
        ({"mewslix": [table([[]], [["1"]])]}, "row 'q1' has 0 right candidates"),
        ({"xquad": [{**table([["x"]] * 2, ["x"] * 2), "id": ["a", "a"]}]}, "have the id 'a'"),
    ],
)
def test_tables_that_files_cannot_hold(tmp_path: Path, tables: Any, message: str) -> None:
    """Each is refused by name, and nothing is written, not even what would have been right."""
    good = {"xcopa": [table([0], [0], "et")]}
    known = TASKS | {"xnil": TASKS["xnli"]}
    with pytest.raises(SubmissionError, match=message):
        write_submission(tmp_path / "out", good | tables, known)
    assert not (tmp_path / "out").exists()


def test_a_task_of_another_form_is_refused(tmp_path: Path) -> None:
    """The files of a form cannot hold the predictions of another."""
    with pytest.raises(SubmissionError, match="has form 'tagging', and xtreme-r wants 'classif"):
        write_submission(tmp_path, {"xnli": []}, {"xnli": TASKS["udpos"]})


def test_submissions_are_not_mixed(tmp_path: Path) -> None:
    """A second submission does not go where files of a first would stay among its own."""
    write_submission(tmp_path, {"xcopa": [table([0], [0], "et")]}, TASKS)
    with pytest.raises(FileExistsError, match="name another folder"):
        write_submission(tmp_path, {"xnli": [table([0], [0])]}, TASKS)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Labels of a few tasks, and predictions that are all right."""
    predictions, labels = tmp_path / "predictions", tmp_path / "labels"
    nest = {"data": [{"paragraphs": [{"qas": [{"id": "q1", "answers": [{"text": "red"}]}]}]}]}
    for side in (predictions, labels):
        for code in ("de", "en"):
            put(side, f"xnli/test-{code}.tsv", "neutral\nentailment\n")
        for code in ("et", "ht"):
            put(side, f"xcopa/test-{code}.jsonl", '{"label": 0}\n{"label": 1}\n')
        put(side, "udpos/test-af.tsv", "NOUN\nVERB\n\nNOUN\nVERB\n")
        for code in ("en", "es", "de", "el"):
            right = {"q1": "red"} if side is predictions else nest
            put(side, f"xquad/test-{code}.json", json.dumps(right))
        for task in ("mewslix", "lareqa"):
            put(side, f"{task}/test-ar.json", '{"q1": ["a"]}')
    return predictions, labels


def test_files_that_cannot_be_scored_are_listed(folders: tuple[Path, Path]) -> None:
    """One bad file costs its own language alone."""
    predictions, labels = folders
    before = score_folders(predictions, labels, XTREME_R).values
    assert {v for task in before.values() for row in task.values() for v in row.values()} == {100.0}
    for task, code, suffix, text, _ in BROKEN:
        put(predictions, f"{task}/test-{code}.{suffix}", text)
    scored = score_folders(predictions, labels, XTREME_R)
    said = {(row.task, row.language): row.text for row in scored.missing}
    for task, code, _, _, message in BROKEN:
        assert message in said[task, code]
    assert said["mlqa", "zh"] == "no mlqa/test-<language>.json in predictions and labels"
    assert scored.values == {}  # every language that was there had a bad file


def test_labels_are_looked_at_as_well(folders: tuple[Path, Path]) -> None:
    """A label file can be as bad as one of predictions; nothing is scored against no rows."""
    predictions, labels = folders
    put(labels, "xquad/test-en.json", '{"data": [{"paragraphs": [{"qas": [{"id": "q1"}]}]}]}')
    put(labels, "xquad/test-es.json", '{"data": []}')
    put(labels, "xquad/test-de.json",
        '{"data": [{"paragraphs": [{"qas": [{"id": "q1", "answers": []}]}]}]}')  # fmt: skip
    put(labels, "lareqa/test-ar.json", '{"q1": []}')
    put(labels, "mewslix/test-ar.json", "{}")
    (labels / "xnli/test-de.tsv").unlink()
    scored = score_folders(predictions, labels, XTREME_R)
    said = {(row.task, row.language): row.text for row in scored.missing}
    assert "not in SQuAD's format" in said["xquad", "en"]
    assert "0 predictions for 0 answers" in said["xquad", "es"]
    assert "no right answer" in said["xquad", "de"]
    assert "no right candidate" in said["lareqa", "ar"]
    assert "0 answers" in said["mewslix", "ar"]
    assert said["xnli", "de"] == "no xnli/test-<language>.tsv in labels"
    assert scored.values["xquad"] == {"exact_match": {"el": 100.0}, "f1": {"el": 100.0}}


def test_rows_without_predictions_are_scored_and_said(folders: tuple[Path, Path]) -> None:
    """They score 0, as in XTREME's script; predictions for no row count for nothing."""
    predictions, labels = folders
    put(predictions, "xquad/test-en.json", '{"q9": "red"}')
    put(labels, "mewslix/test-ar.json", '{"q1": [" a "], "q2": ["b", "c"]}')
    put(predictions, "mewslix/test-ar.json", '{"q1": ["b", "a"]}')
    put(predictions, "bucc2018/test-de.tsv", "")
    scored = score_folders(predictions, labels, XTREME_R)
    assert scored.values["xquad"]["f1"]["en"] == 0.0
    assert scored.values["mewslix"]["map@20"]["ar"] == 25.0  # the second place, and nothing
    said = {(row.task, row.language, row.text) for row in scored.notes}
    assert said == {
        ("bucc2018", "folder", "no task of xtreme-r, so not looked at"),
        ("xquad", "en", "1 row of 1 without a prediction: 0"),
        ("xquad", "en", "1 prediction for no row of the labels"),
        ("mewslix", "ar", "1 row of 2 without a prediction: 0"),
    }


def test_mined_pairs_are_read_in_any_order(tmp_path: Path) -> None:
    """Two of three pairs are right, of four that are wanted: F1 = 2 * 2 / 7."""
    put(tmp_path / "labels", "bucc2018/test-de.tsv", "a\tx\na\ty\nb\tz\nc\tw\n")
    put(tmp_path / "predictions", "bucc2018/test-de.tsv", "d\tx\nb\tz\na\ty\nb\tz\n")
    scored = score_folders(tmp_path / "predictions", tmp_path / "labels", XTREME)
    assert scored.values["bucc2018"]["f1"]["de"] == pytest.approx(100 * 4 / 7)


def test_the_command_scores_a_whole_benchmark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0, an average in the text, and a report in the shape of XTREME's own."""
    write(tmp_path, random_tables(XTREME_R, rows=2, seed=3), XTREME_R)
    sides = [str(tmp_path / side) for side in ("predictions", "labels")]
    assert main(["score", *sides, "--json", str(tmp_path / "all.json")]) == 0
    text = capsys.readouterr().out
    report = json.loads((tmp_path / "all.json").read_text())
    assert f"average over 10 tasks: {report['average']:.2f}" in text
    assert "could not be scored" not in text and max(map(len, text.splitlines())) <= 80
    assert list(report["xquad"]) == [
        *("exact_match", "f1", "avg_exact_match", "avg_f1", "avg_metric"),
        "avg_metric_of_available",
    ]
    f1 = report["xquad"]["f1"]
    assert report["xquad"]["avg_f1"] == pytest.approx(sum(f1.values()) / 12)
    tasks = [report[name]["avg_metric"] for name in ("tatoeba", "mewslix", "lareqa")]
    assert report["retrieval"] == pytest.approx(sum(tasks) / 3)


def test_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, no average, and the mean of what is there under another name."""
    tables = random_tables(XTREME, rows=2, seed=4)
    write(tmp_path, tables, XTREME)
    sides = [tmp_path / side for side in ("predictions", "labels")]
    shutil.rmtree(sides[0] / "xquad")
    (sides[1] / "pawsx/test-de.tsv").unlink()
    given = ["score", *map(str, sides), "--benchmark", "xtreme", "--json", str(tmp_path / "j")]
    assert main(given) == 3
    text, report = capsys.readouterr().out, json.loads((tmp_path / "j").read_text())
    assert "no average over 9 tasks" in text and "pawsx (de), xquad" in " ".join(text.split())
    assert report["average"] is report["qa"] is report["pawsx"]["avg_metric"] is None
    assert report["pawsx"]["avg_accuracy"] is None and "xquad" not in report
    there = report["pawsx"]["accuracy"]
    assert set(there) == {"en", "es", "fr", "ja", "ko", "zh"}
    mean = sum(there.values()) / 6
    assert report["pawsx"]["avg_metric_of_available"] == pytest.approx(mean)
    others = [report[row.name]["avg_metric"] for row in XTREME.tasks
              if row.name not in ("pawsx", "xquad")]  # fmt: skip
    assert report["average_of_available"] == pytest.approx((mean + sum(others)) / 8)
    assert {(row["task"], row["language"]) for row in report["missing"]} == {
        ("pawsx", "de"),
        *(("xquad", table["language"][0]) for table in tables["xquad"]),
    }


def test_folders_without_any_task(tmp_path: Path) -> None:
    """Nothing to average is no error; a misspelt task is pointed at."""
    put(tmp_path, "xnil/test-de.tsv", "neutral\n")
    scored = score_folders(tmp_path, tmp_path, XTREME_R)
    assert len(scored.missing) == sum(len(row.languages) for row in XTREME_R.tasks)
    text = scored_text(scored)
    assert "xnil  folder: no task of xtreme-r" in text and "no benchmark score): -" in text
    assert as_json(scored)["average_of_available"] is None


def test_bad_calls_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 with the value and the rule, for folders that are none and unwritable files."""
    assert main(["score", str(tmp_path / "no"), str(tmp_path)]) == 2
    assert "PREDICTIONS" in (said := capsys.readouterr().err) and "LABELS" not in said
    assert "test-<language>" in said
    assert main(["score", str(tmp_path), str(tmp_path), "--json", str(tmp_path)]) == 2
    assert "--json" in capsys.readouterr().err


def test_the_command_knows_every_benchmark() -> None:
    """Its choices are written down without an import, and stay those of the benchmarks."""
    for name in BENCHMARKS:
        assert parser().parse_args(["score", "p", "l", "--benchmark", name]).benchmark == name
    with pytest.raises(SystemExit):
        parser().parse_args(["score", "p", "l", "--benchmark", "xtreme-up"])


def test_scoring_needs_no_torch(tmp_path: Path) -> None:
    """A laptop scores a submission: neither torch nor Ray is imported on the way."""
    code = (
        "import sys\n"
        "from search.cli import main\n"
        f"code = main(['score', {str(tmp_path)!r}, {str(tmp_path)!r}])\n"
        "heavy = {'torch', 'ray', 'transformers', 'datasets', 'deepspeed'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if heavy or code != 3 else 0)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert child.returncode == 0, child.stderr
