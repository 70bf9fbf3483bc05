"""Results of different worlds never mix, and each record says which one it is of."""

from pathlib import Path

import pytest

from analysis import load_phases, load_reports, load_scores, load_trials
from search.freeze import freeze
from search.study import open_for_writing
from spaces.layout import StoreError, StudyPaths, read_json
from spaces.mistakes import PlanError
from spaces.study import StudyRecord
from tests.worlds import plan, run, setting_of, shrink_micro_world, study
from trainables import TrialRequest
from trainables.initialisation import WORLD_MARK
from trainables.store import PhaseStore


@pytest.fixture
def micro(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StudyRecord:
    """A micro-world study with one tiny trial in the store."""
    shrink_micro_world(monkeypatch)
    record = study("microworld", tmp_path)
    run(tmp_path, record, setting_of("microworld"))
    return record


def test_every_artifact_names_its_world(micro: StudyRecord, tmp_path: Path) -> None:
    """The provenance of each phase says micro, and so does the encoder's own configuration."""
    marks = [read_json(path) for path in tmp_path.glob("phases/*/*/done.json")]
    assert len(marks) == 4
    assert {mark["provenance"]["world"] for mark in marks if mark} == {"micro"}
    (config,) = tmp_path.glob("phases/*/*/attempts/*/config.json")
    assert (read_json(config) or {})[WORLD_MARK] == "micro"


def test_a_real_study_cannot_start_from_an_invented_encoder(
    micro: StudyRecord, tmp_path: Path
) -> None:
    """The artifact of a micro-world initialisation is refused, with its folder and the rule."""
    request = TrialRequest(
        root=tmp_path, record=micro, target="xnli", setting=setting_of("microworld")
    )
    artifact = PhaseStore(tmp_path).find(request.phases[0].key)
    assert artifact is not None
    rows = tmp_path / "rows"
    rows.mkdir()
    own = {"name": "own", "path": str(artifact.folder)}
    space = {
        "initialisations": ["own"],
        "source_languages": [["en"]],
        "mixture": {"tasks": ["snli_cad"], "languages": ["en"]},
    }
    with pytest.raises(PlanError) as caught:
        freeze(plan(str(rows), initialisation=[own], space=space))
    assert f"{str(artifact.folder)!r}, which was pretrained in the micro-world" in str(caught.value)
    assert "worlds never mix" in str(caught.value)


def test_frames_name_their_world_and_hold_one(tmp_path: Path) -> None:
    """Every frame has the column, empty or not; studies of two worlds do not load together."""
    for name, source in (("invented", "microworld"), ("formula", "oracle")):
        record = study(source, tmp_path, study={"name": name})
        open_for_writing(record.plan, StudyPaths(tmp_path, name))
    for load in (load_trials, load_scores, load_reports, load_phases):
        assert "world" in load("invented", root=tmp_path).columns
        with pytest.raises(StoreError, match="'invented' is micro, 'formula' is oracle"):
            load(["invented", "formula"], root=tmp_path)
