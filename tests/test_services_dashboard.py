"""optuna-dashboard on our storages: it lists the studies, their trials, and changes nothing."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from analysis import load_trials
from spaces.layout import StudyPaths
from tests.plans import contents, frozen
from tests.postgres import free_port
from tests.studies import driven

pytestmark = pytest.mark.services


@contextmanager
def dashboard(storage: str) -> Iterator[str]:
    """The address of a dashboard that shows a storage; it ends with the block."""
    pytest.importorskip("optuna_dashboard", reason="pip install optuna-dashboard")
    port = free_port()
    program = Path(sys.executable).with_name("optuna-dashboard")
    server = subprocess.Popen(
        [program, storage, "--host", "127.0.0.1", "--port", str(port), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def answer(url: str) -> Any:
    """What a dashboard says, once it listens."""
    until = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=60) as found:
                return json.load(found)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_dashboard_shows_a_study(tmp_path: Path, kind: str) -> None:
    """Each target is a study, with numbers and scores as our frames have them; all as it was."""
    journal = StudyPaths(tmp_path, "first").journal
    there = {"journal": "journal", "sqlite": f"sqlite:///{tmp_path}/trials.db"}[kind]
    driven(frozen({"targets.tasks": ["xnli", "xcopa"], "store.storage": there}), tmp_path)
    before = contents(tmp_path)
    with dashboard(str(journal) if kind == "journal" else there) as url:
        listed = answer(f"{url}/api/studies")["study_summaries"]
        ids = {study["study_name"]: study["study_id"] for study in listed}
        assert set(ids) == {"first/xnli", "first/xcopa"}
        trials = load_trials("first", root=tmp_path)
        for target in ("xnli", "xcopa"):
            shown = answer(f"{url}/api/studies/{ids[f'first/{target}']}")["trials"]
            ours = trials[trials["target"] == target]
            assert [trial["number"] for trial in shown] == list(ours["trial_number"])
            assert [trial["values"][0] for trial in shown] == list(ours["score"])
            names = {attribute["key"] for trial in shown for attribute in trial["user_attrs"]}
            assert {"setting", "setting_id", "role", "record"} <= names
    assert contents(tmp_path) == before
