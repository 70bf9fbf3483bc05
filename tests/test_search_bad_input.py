"""Bad input: one message that says what was read, what is right and what to do; nothing written."""

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.cli import main
from search.driver import Search
from search.study import open_for_writing, open_target
from spaces.layout import StudyPaths
from tests.plans import HOME, Changes, contents, frozen, lease_holder, to_toml, values

SECRET = "hunter2"

MOST_LINES = 24


@dataclass(frozen=True)
class Case:
    """A call that must be refused."""

    changes: Changes | Callable[[Path], Changes]
    """How its plan differs from the oracle plan; given the folder where a path is needed."""
    shows: tuple[str, ...]
    """The wrong value, the rule, and the next move or the nearest valid name."""
    mistakes: int | None = 1
    """How many the message counts; None where it is not about a plan."""
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    reaches_ray: bool = False
    """Refused after Ray is up; the root is there already, and empty."""


def own(name: str, **fields: Any) -> Changes:
    """A plan with a task of the user's own."""
    return {"task": [{"name": name, **fields}]}


def checkpoint(path: str) -> Callable[[Path], Changes]:
    """A plan with an initialisation of the user's own, under the folder where it is relative."""

    def changes(folder: Path) -> Changes:
        where = path if path.startswith(("package:", "~")) else str(folder / path)
        row = {"name": "mine", "path": where}
        return {"initialisation": [row], "space.initialisations": ["mine"]}

    return changes


def real(**more: Any) -> Callable[[Path], Changes]:
    """A plan on real rows, from a folder that has none."""

    def changes(folder: Path) -> Changes:
        return {
            **checkpoint("whole")(folder),
            "study.selection": "target_dev",
            "data.source": str(folder / "rows"),
            "targets.languages": ["en", "de", "fr", "zh"],
            "space.source_languages": [["en"]],
            "space.mixture": ...,
            **{name.replace("__", "."): value for name, value in more.items()},
        }

    return changes


def database(url: str, *shows: str, **more: Any) -> Case:
    """A storage that comes from the environment and cannot be used."""
    plan = {"store.storage": "env:STUDY_URL"}
    environment = (("STUDY_URL", url),)
    return Case(plan, shows, mistakes=None, environment=environment, **more)


PLANS: dict[str, Case] = {
    # names and keys
    "key of [study]": Case(
        {"study.sede": 2}, ("[study] sede", "unknown key 'sede'", 'did you mean "seed"?')
    ),
    "key of [budget]": Case(
        {"budget.trials": 9}, ("[budget] trials", 'did you mean "trials_per_target"?')
    ),
    "key of [space.mixture]": Case(
        {"space.mixture.langauges": ["x"]},
        ("[space.mixture] langauges", 'did you mean "languages"?'),
    ),
    "key of [space.intermediate]": Case(
        {"space.intermediate.step": [3]}, ("[space.intermediate] step", 'did you mean "steps"?')
    ),
    "key of [space.target.xnli]": Case(
        {"space.target.xnli.stepz": [3]},
        ("[space.target.xnli] stepz", "unknown key", 'did you mean "steps"?'),
    ),
    "key of [[task]]": Case(
        own("mine", like="xnli", labells=["a"]),
        ("task", "'labells'", 'did you mean "labels"?'),
    ),
    "table": Case({"resource.cpus": 1}, ("[resource]", "'resource'", 'did you mean "resources"?')),
    "a name of our own for a table": Case(
        {"space.target_by_task": 3}, ("[space", "target_by_task"), mistakes=None
    ),
    "target": Case(
        {"targets.tasks": ["xnly"]}, ("[targets] tasks", "'xnly'", 'did you mean "xnli"?')
    ),
    "target's own table": Case(
        {"space.target.xcopa.steps": [30]},
        ("[space.target.<task>]", "'xcopa'", "one of xnli"),
    ),
    "intermediate task": Case(
        {"space.mixture.tasks": ["nly"]}, ("[space.mixture] tasks", 'did you mean "nli"?')
    ),
    "language": Case(
        {"targets.languages": ["avle", "brin"]},
        ("[targets] languages", "'avle'", 'did you mean "avel"?'),
    ),
    "languages that are no list": Case(
        {"targets.languages": "al"}, ("[targets] languages", "'al'", "all")
    ),
    "source language": Case(
        {"space.source_languages": [["avell"]]}, ("'avell'", 'did you mean "avel"?')
    ),
    "language group": Case(
        {"space.mixture.languages": ["europen"]},
        ("[space.mixture] languages", "'europen'", 'did you mean "european"?'),
    ),
    "language of a group": Case(
        {"language_group": [{"name": "mine", "languages": ["eshoo"]}]},
        ("[[language_group]] mine", "'eshoo'", 'did you mean "esho"?'),
    ),
    "initialisation": Case(
        {"space.initialisations": ["oracle-txt"]},
        ("[space] initialisations", "'oracle-txt'", 'did you mean "oracle-text"?'),
    ),
    "twin": Case(
        lambda folder: {
            "initialisation": [{"name": "mine", "path": str(folder / "whole"), "twin": "text"}]
        },
        ("[[initialisation]] mine", "'text'", 'did you mean "oracle-text"?'),
    ),
    "a group of a language's name": Case(
        {"language_group": [{"name": "esho", "languages": ["fanu"]}]},
        ("[[language_group]]", "'esho'", "a language"),
    ),
    "a row twice": Case(
        {"task": [{"name": "mine", "like": "qa"}, {"name": "mine", "like": "nli"}]},
        ("[[task]]", "'mine'", "once"),
    ),
    "study name with a slash": Case(
        {"study.name": "first/second"}, ("[study] name", "'first/second'", "letters, digits")
    ),
    # values
    "missing key": Case({"study.seed": ...}, ("[study] seed", "missing", "a value for 'seed'")),
    "no targets": Case({"targets.tasks": []}, ("[targets] tasks", "[]", "at least 1")),
    "no trials": Case(
        {"budget.trials_per_target": 0},
        ("[budget] trials_per_target", "0", "greater than or equal to 1"),
    ),
    "more trials than anybody has": Case(
        {"budget.trials_per_target": 10**6}, ("[budget] trials_per_target", "1000000", "at most")
    ),
    "budget below the baselines": Case(
        {"budget.trials_per_target": 3},
        ("[budget] trials_per_target", "3", "at least 4", "a baseline for each of 2"),
    ),
    "share above 1": Case(
        {"budget.no_intermediate_share": 1.5},
        ("[budget] no_intermediate_share", "1.5", "less than or equal to 1"),
    ),
    "share of 1": Case(
        {"budget.no_intermediate_share": 1.0},
        ("[budget] no_intermediate_share", "1", "a plan without [space.mixture]"),
    ),
    "share that leaves no intermediate trial": Case(
        {"budget.no_intermediate_share": 0.99}, ("[budget] no_intermediate_share", "0.99")
    ),
    "a target twice": Case(
        {"targets.tasks": ["xnli", "xnli"]}, ("[targets] tasks", "xnli", "each target once")
    ),
    "an initialisation twice": Case(
        {"space.initialisations": ["oracle-text", "oracle-text"]},
        ("[space] initialisations", "oracle-text", "once"),
    ),
    "range upside down": Case(
        {"space.target.learning_rates": {"low": 1e-2, "high": 1e-3}},
        ("[space.target] learning_rates", "low=0.01 must be below high=0.001"),
    ),
    "range with another key": Case(
        {"space.target.learning_rates": {"low": 1e-3, "hi": 1e-2}},
        ("[space.target.learning_rates] hi", "'hi'", 'did you mean "high"?'),
        mistakes=2,
    ),
    "rate that is no number": Case(
        {"space.target.learning_rates": [math.nan]}, ("learning_rates", "nan", "finite")
    ),
    "endless wall time": Case(
        {"budget.wall_hours": math.inf}, ("[budget] wall_hours", "inf", "finite")
    ),
    "chance that is no number": Case(
        own("mine", like="xnli", chance=math.nan), ("chance", "nan", "finite")
    ),
    # what a world can do
    "unknown world": Case(
        {"data.source": "microwrld"},
        ("[data] source", "'microwrld'", 'did you mean "microworld"?'),
    ),
    "folder of too long a name": Case(
        {"data.source": "x" * 300}, ("[data] source", "xxxxx", "a folder")
    ),
    "folder without rows": Case(
        real(),
        ("'mnli' in 'en'", "rows/multi_nli/default/train.parquet", "absent", "without this"),
        mistakes=5,
    ),
    "folder without many rows": Case(
        real(targets__languages="all"), ("'mnli' in 'en'", "absent", "more"), mistakes=16
    ),
    "another folder without rows": Case(
        real(),
        ("[data] source", "nowhere", "a folder <data set>/<config>/<split>.parquet"),
        arguments=("--data", "nowhere"),
    ),
    "config with another name in braces": Case(
        real(
            task=[
                {"name": "mine", "like": "mnli", "config": "{lang}"},
                {"name": "xnli", "like": "xnli", "recipe": ["mine"]},
            ]
        ),
        ("{lang}", "{language}"),
        mistakes=None,
    ),
    "checkpoint without config": Case(
        checkpoint("empty"), ("[[initialisation]] mine path", "empty", "no config.json")
    ),
    "checkpoint without safetensors": Case(
        checkpoint("pickled"),
        ("[[initialisation]] mine path", "pickled", "no *.safetensors", "not opened"),
    ),
    "checkpoint that is not there": Case(
        checkpoint("absent"), ("[[initialisation]] mine path", "absent", "no config.json")
    ),
    "package that is not installed": Case(
        checkpoint("package:no_such_package/model"),
        ("[[initialisation]] mine path", "'no_such_package'", "pip install it first"),
    ),
    "package inside one that is not installed": Case(
        checkpoint("package:no_such.package/model"),
        ("[[initialisation]] mine path", "'no_such.package'", "pip install it first"),
    ),
    "home of nobody": Case(
        checkpoint("~no-such-user/model"), ("[[initialisation]] mine path", "~no-such-user/model")
    ),
    "task without fields": Case(
        own("mine", labels=["no", "yes"]),
        ("[[task]] mine", "no form, skill, folder", "these fields, or `like`"),
    ),
    "task like no other": Case(
        own("mine", like="xnly"), ("[[task]] mine like", "'xnly'", 'did you mean "xnli"?')
    ),
    "task in no known language": Case(
        {
            **own("mine", like="xnli", languages=["avell", "brin", "corm", "dask", "gire"]),
            "targets.tasks": ["mine"],
        },
        ("[[task]] mine", "'avell'", 'did you mean "avel"?'),
    ),
    "task with no known dev language": Case(
        {
            **own("mine", like="xnli", dev_language="avell"),
            "targets.tasks": ["mine"],
            "study.selection": "source_dev",
        },
        ("[[task]] mine", "'avell'", 'did you mean "avel"?'),
    ),
    "source language without rows": Case(
        {"space.source_languages": [["brin"]]},
        ("[space] source_languages", "rows of 'xnli'", "'brin'", "one of avel"),
    ),
    "mixture task without rows in a language": Case(
        {"space.mixture.languages": ["corm"], "space.mixture.tasks": ["nli"]},
        ("[space.mixture]", "'nli' in 'corm'", "avel, brin, esho, fanu"),
    ),
    "source_dev between source languages": Case(
        {
            **own("xnli", like="xnli", train_languages=["avel", "brin"]),
            "study.selection": "source_dev",
            "space.source_languages": [["avel"], ["avel", "brin"]],
        },
        ("[study] selection", "source_dev", "'target_dev' or 'held_out_languages'"),
    ),
    "too few languages to score": Case(
        {"targets.languages": ["avel", "brin", "esho", "gire"]},
        ("[space.mixture] for target 'xnli'", "brin, gire", "at least three"),
    ),
    # where things are kept
    "unknown storage": Case(
        {"store.storage": "jurnal"}, ("[store] storage", "'jurnal'", "'journal'")
    ),
    "almost a journal": Case(
        {"store.storage": "journal.log"}, ("[store] storage", "'journal.log'", "'journal'")
    ),
    "unknown database": Case(
        {"store.storage": f"mysql://me:{SECRET}@host/db"},
        ("[store] storage", "mysql://...@host/db", "postgresql://", "env:NAME"),
    ),
    "password in the URL": Case(
        {"store.storage": f"postgresql://me:{SECRET}@host/db"},
        ("[store] storage", "postgresql://...@host/db", "env:NAME", "copied into the study"),
    ),
    "password behind the URL": Case(
        {"store.storage": f"postgresql://host/db?user=me&password={SECRET}"},
        ("[store] storage", "postgresql://", "env:NAME", "copied into the study"),
    ),
    "storage of an unset variable": Case(
        {"store.storage": "env:NO_SUCH_VARIABLE"},
        ("[store] storage", "env:NO_SUCH_VARIABLE", "export it"),
    ),
    "unknown database of a variable": database(
        f"mysql://me:{SECRET}@host/db",
        "[store] storage",
        "STUDY_URL",
        "postgresql://",
        reaches_ray=True,
    ),
    "relative sqlite": Case(
        {"store.storage": "sqlite:///study.db"},
        ("[store] storage", "'sqlite:///study.db'", "sqlite:////absolute/path.db"),
    ),
    "sqlite in no folder": Case(
        lambda folder: {"store.storage": f"sqlite:///{folder}/nowhere/study.db"},
        ("[store] storage", "nowhere/study.db"),
        mistakes=None,
        reaches_ray=True,
    ),
    "database that does not answer": database(
        f"postgresql://me:{SECRET}@localhost:1/db",
        "[store] storage",
        reaches_ray=True,
    ),
    "journal on an object store": Case(
        {"store.url": "s3://bucket/studies"},
        ("[store] url", "'s3://bucket/studies'", "POSIX disk", "could never hold a journal"),
    ),
    "root on an object store": Case(
        {}, ("s3://bucket", "POSIX disk"), arguments=("--root", "s3://bucket")
    ),
    # what a machine can do
    "more GPUs than there are": Case(
        {"resources.gpus_per_worker": 1},
        ("[resources]", "GPU", "1", "at most the cluster's 0"),
        reaches_ray=True,
    ),
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with checkpoints of several kinds, and a current folder of its own."""
    for name in ("empty", "pickled", "whole", "rows", "here"):
        (tmp_path / name).mkdir()
    for name in ("pickled", "whole"):
        (tmp_path / name / "config.json").write_text("{}")
    (tmp_path / "pickled" / "pytorch_model.bin").touch()
    (tmp_path / "whole" / "model.safetensors").touch()
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
    changes = {"study.sede": 2, "budget.trials_per_target": 0, "targets.tasks": []}
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
    StudyPaths(study, "first").record.write_text(text)
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
