"""A study's storage as readers see it: never created, readable while written, safe to quote."""

from pathlib import Path

import pytest
from optuna import create_study
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

import analysis
from analysis.storage import open_storage, read_trials, storage_url
from spaces.layout import StoreError, StudyPaths
from spaces.plan import parse_plan
from spaces.selection import Cut
from spaces.study import StudyRecord

SECRET = "hunter2"


def record_with(storage: str, root: Path, name: str = "small") -> StudyRecord:
    """The record of a study of xnli with this storage, written under the root."""
    plan = parse_plan(
        {
            "study": {"name": name, "seed": 1},
            "targets": {"tasks": ["xnli"]},
            "data": {"source": "oracle"},
            "space": {"initialisations": ["oracle-text"], "source_languages": [["avel"]]},
            "budget": {"trials_per_target": 4},
            "store": {"storage": storage},
        }
    )
    cut = Cut(
        selection="source_dev",
        dev_language="avel",
        objective=("brin", "esho", "gire"),
        selecting=("avel",),
        reported=("brin", "esho", "gire"),
    )
    record = StudyRecord(plan=plan, revisions={}, cuts={"xnli": cut})
    record.write(StudyPaths(root, name))
    return record


def fill(storage: object, record: StudyRecord, trials: int = 3) -> None:
    """Add COMPLETE trials with scores 0, 1, 2, ..."""
    study = create_study(
        storage=storage, study_name=record.optuna_name("xnli"), direction="maximize"
    )
    for number in range(trials):
        study.add_trial(create_trial(state=TrialState.COMPLETE, value=float(number)))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a study with three trials."""
    record = record_with("journal", tmp_path)
    path = StudyPaths(tmp_path, "small").journal
    fill(JournalStorage(JournalFileBackend(str(path))), record)
    return path


def test_a_torn_last_line_is_left_out(journal: Path, tmp_path: Path) -> None:
    """A study can be read at the very moment in which a trial is being written."""
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for end in (last + 1, (last + len(whole)) // 2, len(whole) - 1):
        journal.write_bytes(whole[:end])
        assert list(analysis.load_trials("small", root=tmp_path)["score"]) == [0.0, 1.0]
    journal.write_bytes(whole)
    assert list(analysis.load_trials("small", root=tmp_path)["score"]) == [0.0, 1.0, 2.0]


def test_damage_before_the_last_line_is_an_error(journal: Path, tmp_path: Path) -> None:
    """A journal that lost a trial in its middle is refused: later trials would change numbers."""
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], lines[1][:20], *lines[2:]]))
    with pytest.raises(StoreError, match=r"journal\.log is damaged"):
        analysis.load_trials("small", root=tmp_path)


def test_a_missing_study_is_named_with_its_nearest(journal: Path, tmp_path: Path) -> None:
    """A misspelt study gives the root, the studies there, and the nearest one."""
    with pytest.raises(StoreError, match=r"no study 'smal' under .*did you mean \"small\"\?"):
        analysis.load_trials("smal", root=tmp_path)


@pytest.mark.parametrize("storage", ["journal", "sqlite:///{root}/absent.db"])
def test_a_missing_storage_is_not_created(tmp_path: Path, storage: str) -> None:
    """Where no driver has been yet, a reader says so and leaves the disk as it was."""
    record = record_with(storage.format(root=tmp_path), tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match=r"no storage of study 'small' at .*resume small"):
        open_storage(record, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_target_that_has_not_begun_has_no_trials(tmp_path: Path) -> None:
    """A storage without the target's Optuna study is a study that will come to it."""
    record = record_with("journal", tmp_path)
    JournalStorage(JournalFileBackend(str(StudyPaths(tmp_path, "small").journal)))
    assert read_trials(record, tmp_path, "xnli") == []


def test_sqlite_is_read_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SQLite file is found through its URL and through env:NAME, a space and a # in it."""
    folder = tmp_path / "a #b"
    folder.mkdir()
    url = f"sqlite:///{folder}/study.db"
    fill(url, record_with(url, tmp_path))
    monkeypatch.setenv("STUDY_URL", url)
    for storage in (url, "env:STUDY_URL"):
        record = record_with(storage, tmp_path)
        assert [trial.value for trial in read_trials(record, tmp_path, "xnli")] == [0.0, 1.0, 2.0]
    assert [path.name for path in folder.iterdir()] == ["study.db"]


def test_an_empty_database_stays_empty(tmp_path: Path) -> None:
    """A reader that comes before the driver has laid out the tables does not lay them out."""
    path = tmp_path / "study.db"
    path.touch()
    record = record_with(f"sqlite:///{path}", tmp_path)
    with pytest.raises(StoreError, match="cannot be read from sqlite"):
        open_storage(record, tmp_path)
    assert path.read_bytes() == b""


def test_an_unset_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage whose password is not in the environment says which variable to export."""
    monkeypatch.delenv("STUDY_URL", raising=False)
    record = record_with("env:STUDY_URL", tmp_path)
    with pytest.raises(StoreError, match="the environment variable STUDY_URL is not set"):
        storage_url(record.plan)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{SECRET}@host/db",
        f"postgres:me:{SECRET}",
        f"postgresql://me:{SECRET}@host:port/db",
        f"postgresql+nodriver://me:{SECRET}@host/db",
        f"postgresql://me:{SECRET}@localhost:1/db",
    ],
)
def test_no_message_holds_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Whatever is wrong with a storage, its password is not in what people paste into issues."""
    monkeypatch.setenv("STUDY_URL", url)
    for storage in (url, "env:STUDY_URL"):
        record = record_with(storage, tmp_path)
        with pytest.raises(StoreError) as caught:
            open_storage(record, tmp_path)
        assert SECRET not in str(caught.value)


def test_trials_without_attributes_are_shown_and_not_chosen(journal: Path, tmp_path: Path) -> None:
    """Trials copied from elsewhere keep their scores, and no setting is made up for them."""
    trials = analysis.load_trials("small", root=tmp_path)
    assert list(trials["score"]) == [0.0, 1.0, 2.0]
    assert trials[["setting_id", "arm", "tuned_gain", "steps"]].isna().all(axis=None)
    assert analysis.best_settings("small", root=tmp_path).empty
    text = analysis.report_text("small", root=tmp_path)
    assert "Chosen on dev rows in avel alone: strict zero-shot." in text
    assert "no COMPLETE trial with a known setting" in text
