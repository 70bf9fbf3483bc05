"""Bad input: one message that says what was read, what is right and what to do; nothing written."""

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.cli import main
from search.driver import Search
from search.study import open_for_writing, open_target
from spaces.layout import StudyPaths
from tests.bad_plans import LONG, PLANS, SECRET
from tests.checkpoints import tiny_checkpoint
from tests.plans import HOME, Changes, contents, frozen, lease_holder, to_toml, values

MOST_LINES = 24


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with checkpoints of several kinds, and a current folder of its own."""
    for name in ("empty", "pickled", "foreign", "nameless", "torn", "rows", "here"):
        (tmp_path / name).mkdir()
    for name, config in (("nameless", "{}"), ("torn", '{"model_type": ')):
        (tmp_path / name / "config.json").write_text(config)
        (tmp_path / name / "model.safetensors").touch()
    for name, file in (("pickled", "pytorch_model.bin"), ("foreign", "tf_model.h5")):
        (tmp_path / name / "config.json").write_text('{"model_type": "bert"}')
        (tmp_path / name / file).write_bytes(pickle.dumps(Path(), protocol=2))
    tiny_checkpoint(tmp_path / "whole", 512)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@dataclass(frozen=True)
class Refusal:
    """A call, its message, and the folder that it must leave alone."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def of(self, *arguments: str) -> str:
        """What a call that must be refused says."""
        before = contents(self.folder)
        self.capture.readouterr()
        assert main(arguments) == 2
        said = self.capture.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err and SECRET not in said.err
        assert said.err.startswith("transfer-search: ")
        assert len(said.err.splitlines()) <= MOST_LINES, said.err
        assert contents(self.folder) == before
        return said.err


@pytest.fixture
def refusal(world: Path, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Calls in that folder."""
    return Refusal(world, capsys)


def written(folder: Path, changes: Changes | None = None) -> str:
    """A plan file."""
    path = folder / "plan.toml"
    path.write_text(to_toml(values(changes)), encoding="utf-8")
    return str(path)


def started(search: Search) -> None:
    """Stands where a search begins; no refused call may come so far."""
    pytest.fail("not refused", pytrace=False)


@pytest.mark.parametrize("name", PLANS)
def test_a_bad_plan_is_refused(
    refusal: Refusal,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    name: str,
) -> None:
    """Exit code 2 and one short message: the value, the rule, the next move; nothing written."""
    case, folder = PLANS[name], refusal.folder
    changes = case.changes(folder) if callable(case.changes) else case.changes
    for variable, value in case.environment:
        monkeypatch.setenv(variable, value)
    if case.reaches_ray:
        request.getfixturevalue("shared_ray")
        (folder / "root").mkdir()
    else:
        monkeypatch.setattr("search.driver.Search.run", started)
    root = ("--root", str(folder / "root"))
    text = refusal.of("start", written(folder, changes), *root, *case.arguments)
    for part in case.shows:
        assert part in text, f"{part!r} is not in:\n{text}"
    if case.mistakes is not None:
        counted = f"{case.mistakes} mistake" + ("s" if case.mistakes > 1 else "")
        assert f"{counted}; nothing was written" in text, text


@pytest.mark.parametrize("name", [n for n, case in PLANS.items() if not case.reaches_ray])
def test_a_dry_run_finds_the_same(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """``start --dry-run`` refuses what ``start`` refuses before it needs a cluster."""
    case, folder = PLANS[name], refusal.folder
    changes = case.changes(folder) if callable(case.changes) else case.changes
    for variable, value in case.environment:
        monkeypatch.setenv(variable, value)
    root = ("--root", str(folder / "root"))
    plan = written(folder, changes)
    refusal.of("start", plan, "--dry-run", *root, *case.arguments)


def test_all_mistakes_stand_in_one_message(refusal: Refusal) -> None:
    """A plan with several mistakes is mended in one go."""
    changes = {"study.sede": 2, "budget.trials_per_target": -1, "targets.tasks": []}
    text = refusal.of("start", written(refusal.folder, changes))
    assert "3 mistakes" in text
    assert all(part in text for part in ("sede", "trials_per_target", "[targets] tasks"))


FILES: dict[str, tuple[bytes | None, tuple[str, ...]]] = {
    "absent": (None, ("plan.toml", "No such file", "a readable plan")),
    "no TOML": (b"[study\nname = 1", ("line 1", "a TOML document")),
    "a key twice": (b"[study]\nseed = 1\nseed = 2", ("overwrite", "a TOML document")),
    "no UTF-8": ('[study]\nname = "é"'.encode("latin-1"), ("utf-8", "a TOML document")),
    "empty": (b"", ("[study]", "missing", "[budget]")),
}
"""What is wrong with a plan file -> its bytes, and what the message shows."""


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_plan_is_refused(refusal: Refusal, name: str) -> None:
    """A plan that cannot be read is named with the reason."""
    content, shows = FILES[name]
    path = refusal.folder / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    text = refusal.of("start", str(path))
    assert str(path) in text and all(part in text for part in shows), text


def test_a_folder_is_no_plan(refusal: Refusal) -> None:
    """A folder in the place of a plan is named as one."""
    text = refusal.of("start", str(refusal.folder))
    assert "Is a directory" in text and "a readable plan" in text


# -- studies ---------------------------------------------------------------------------------------


@pytest.fixture
def study(world: Path) -> Path:
    """The root of a study that a driver opened and left."""
    root = world / "root"
    record = frozen()
    record.write(StudyPaths(root, "first"))
    storage = open_for_writing(record.plan, StudyPaths(root, "first"))
    open_target(record, "xnli", storage, None)
    return root


@pytest.mark.parametrize("command", ["resume", "status", "report"])
def test_a_study_that_is_not_there_is_refused(refusal: Refusal, study: Path, command: str) -> None:
    """A misspelt study gives its root, and the nearest name there."""
    text = refusal.of(command, "frist", "--root", str(study))
    assert "no study 'frist'" in text and str(study) in text
    assert 'did you mean "first"?' in text


@pytest.mark.parametrize("command", ["resume", "status", "report"])
def test_a_root_that_is_not_there_is_refused(refusal: Refusal, command: str) -> None:
    """A misspelt root is named, and not made."""
    text = refusal.of(command, "first", "--root", "no-such-root")
    assert "no study 'first'" in text
    assert str(refusal.folder / "here" / "no-such-root") in text


@pytest.mark.parametrize("command", ["resume", "status", "report"])
def test_names_that_no_disk_can_hold_are_refused(refusal: Refusal, command: str) -> None:
    """A study or a root of too long a name is not there, and neither is a study under a file."""
    for study, root in ((LONG, "here"), ("first", LONG), ("first", written(refusal.folder))):
        text = refusal.of(command, study, "--root", root)
        assert f"no study {study!r} under" in text and root in text


def test_a_report_that_cannot_be_written_is_refused(refusal: Refusal, study: Path) -> None:
    """The file is named with the reason."""
    text = refusal.of("report", "first", "--root", str(study), "--output", "nowhere/report.txt")
    assert "--output" in text and "'nowhere/report.txt'" in text and "No such file" in text


def test_another_plan_needs_another_name(refusal: Refusal, study: Path) -> None:
    """A plan with a taken name is refused with each difference, stored -> now."""
    changes = {"study.seed": 2, "space.intermediate.steps": [75, 300]}
    text = refusal.of("start", written(refusal.folder, changes), "--root", str(study))
    assert "study 'first' exists with another plan: 2 mistakes; nothing was written" in text
    assert "1 -> 2" in text and "[75, 150] -> [75, 300]" in text
    assert "another [study] name" in text


def test_a_quite_different_plan_still_fits_a_screen(refusal: Refusal, study: Path) -> None:
    """However much two plans of a name differ, the message is short and shows what was changed."""
    changes = {"targets.tasks": ["xcopa"], "space.mixture": ..., "study.objective": "worst"}
    text = refusal.of("start", written(refusal.folder, changes), "--root", str(study))
    assert "mean -> worst" in text


def test_a_live_study_is_refused(refusal: Refusal, study: Path) -> None:
    """A second driver is told which process drives the study, and what to do about it."""
    with lease_holder(StudyPaths(study, "first").lease) as holder:
        for call in (("start", written(refusal.folder)), ("resume", "first")):
            text = refusal.of(*call, "--root", str(study))
            assert f"process {holder.pid} on" in text and "drives this study" in text
            assert "wait for it, or stop it" in text


def test_fewer_trials_cannot_be_added(refusal: Refusal, study: Path) -> None:
    """``--add-trials`` raises a budget and never lowers it."""
    text = refusal.of("resume", "first", "--add-trials", "-3", "--root", str(study))
    assert "--add-trials" in text and "-3" in text and "0 or more" in text


def test_rows_that_changed_are_refused(refusal: Refusal, study: Path) -> None:
    """A study whose rows are not those that it froze does not go on with other ones."""
    record = frozen()
    changed = {**record.revisions, "nli/esho/train": "0123456789abcdef"}
    record.model_copy(update={"revisions": changed}).write(StudyPaths(study, "first"))
    text = refusal.of("resume", "first", "--root", str(study))
    assert "nli/esho/train" in text and "0123456789abcdef -> oracle" in text


DAMAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no text": ("\udcff", ("study.json is torn", "restore it", "a new name")),
    "torn": ('{"plan": ', ("study.json is torn", "restore it", "a new name")),
    "newer": ('{"schema_version": 99}', ("schema version 99", "update transfer-search")),
    "another file": ("{}", ("study.json cannot be read",)),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", ["resume", "status", "report", "start"])
def test_a_damaged_record_is_refused(
    refusal: Refusal, study: Path, command: str, damage: str
) -> None:
    """A ``study.json`` that cannot be read is named, whatever the command, and left as it is."""
    text, shows = DAMAGES[damage]
    StudyPaths(study, "first").record.write_text(text, encoding="utf-8", errors="surrogateescape")
    what = written(refusal.folder) if command == "start" else "first"
    said = refusal.of(command, what, "--root", str(study))
    assert all(part in said for part in shows), said


def test_a_damaged_journal_is_refused(
    refusal: Refusal, study: Path, request: pytest.FixtureRequest
) -> None:
    """A journal that is damaged before its last line is named, and no trial goes on from it."""
    request.getfixturevalue("shared_ray")
    path = StudyPaths(study, "first").journal
    path.write_bytes(b'{"op_code": 4, "worker\n' + path.read_bytes())
    for call in (("status", "first"), ("resume", "first")):
        text = refusal.of(*call, "--root", str(study))
        assert str(path) in text and "damaged" in text


# -- in processes of their own ---------------------------------------------------------------------


def called(folder: Path, *arguments: str, path: tuple[Path, ...] = (HOME,)) -> Any:
    """The command line in a process of its own, as an installed console script calls it."""
    code = "import sys; from search.cli import main; sys.exit(main(sys.argv[1:]))"
    before = contents(folder)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert len(done.stderr.splitlines()) <= MOST_LINES, done.stderr
    assert contents(folder) == before
    return done.stderr


def test_an_address_of_nothing_is_refused(world: Path) -> None:
    """An address where no cluster answers is refused in seconds, with the way to find it."""
    text = called(world, "start", written(world), "--root", "root", "--address", "127.0.0.1:1")
    assert "--address" in text and "127.0.0.1:1" in text
    assert "HOST:PORT" in text and "ray start --head" in text


def test_an_address_of_no_form_is_refused(world: Path) -> None:
    """Something that is no address is refused like one where nobody is."""
    text = called(world, "start", written(world), "--root", "root", "--address", "nowhere")
    assert "--address" in text and "nowhere" in text and "HOST:PORT" in text


@contextmanager
def foreign(folder: Path, name: str) -> Iterator[tuple[Path, ...]]:
    """An import path on which a package of ours belongs to somebody else."""
    (folder / "others" / name).mkdir(parents=True)
    (folder / "others" / name / "__init__.py").write_text("__version__ = '1'\n")
    yield (folder / "others", HOME)
    shutil.rmtree(folder / "others")


@pytest.mark.parametrize("name", ["spaces", "analysis", "trainables"])
def test_a_foreign_package_is_refused(world: Path, name: str) -> None:
    """Another distribution's package of our name is found before anything of it is used."""
    plan = written(world)
    with foreign(world, name) as path:
        for call in (("start", plan), ("status", "first"), ("catalogue", "targets")):
            text = called(world, *call, path=path)
            assert f"`import {name}` finds {world / 'others' / name}" in text
            assert str(HOME / name) in text
            assert "environment of its own" in text and f"pip uninstall {name}" in text


def test_our_own_packages_are_accepted(world: Path) -> None:
    """The check of import names lets our own packages through, from any folder."""
    with nullcontext(written(world)):
        code = "import sys; from search.cli import main; sys.exit(main(['catalogue', 'targets']))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(HOME)},
            cwd=world,
            capture_output=True,
            text=True,
            check=True,
        )
    assert "xnli" in done.stdout and done.stderr == ""
