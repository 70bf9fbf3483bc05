"""Small plans and worlds that several test files share, and the golden table.

``python -m tests.worlds`` from the repository root writes ``tests/assets/golden.json`` anew. Keys
and losses in it change only together with ``spaces.phases.PHASE_VERSIONS`` (or the micro-world's
``WORLD_VERSION``): a store must never hand out a result under the key of another one.
"""

import copy
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spaces.catalogue
import trainables.sources.invented
import trainables.trial
from search.freeze import freeze
from spaces.initialisations import INITIALISATIONS, Pretraining
from spaces.layout import StudyPaths, artifact_folder, read_done
from spaces.phases import PhaseSpec
from spaces.plan import Plan, parse_plan
from spaces.settings import Mixture, Optimisation, Part, TransferSetting
from spaces.study import StudyRecord
from trainables import TrialRequest, run_trial, world_for

GOLDEN = Path(__file__).parent / "assets" / "golden.json"

INITIALISATION = {"oracle": "oracle-text", "microworld": "micro-text"}

TWO_SOURCES = {"name": "xnli", "like": "xnli", "train_languages": ["avel", "brin"]}
"""A ``[[task]]`` row: the built-in target with training rows in a second language."""


def plan_values(source: str = "oracle", **tables: Any) -> dict[str, Any]:
    """A whole plan as TOML gives it; each keyword goes over the table of its name."""
    values: dict[str, Any] = {
        "study": {"name": "small", "seed": 7, "selection": "held_out_languages"},
        "targets": {"tasks": ["xnli"]},
        "data": {"source": source},
        "space": {
            "initialisations": [INITIALISATION.get(source, "own")],
            "source_languages": [["avel"]],
            "mixture": {"tasks": ["nli"], "languages": ["esho"]},
        },
        "budget": {"trials_per_target": 8},
    }
    for name, changes in copy.deepcopy(tables).items():
        whole = isinstance(changes, list)
        values[name] = changes if whole else {**values.get(name, {}), **changes}
    return values


def plan(source: str = "oracle", **tables: Any) -> Plan:
    """The plan of ``plan_values``."""
    return parse_plan(plan_values(source, **tables))


def study(source: str = "oracle", root: Path | None = None, **tables: Any) -> StudyRecord:
    """The frozen record of such a plan, written under a root where one is given."""
    record = freeze(plan(source, **tables))
    if root:
        record.write(StudyPaths(root, record.name))
    return record


def setting_of(source: str, task: str = "nli", steps: int = 3, rows: int = 8) -> TransferSetting:
    """One intermediate task in esho, then the target's rows in the hub language."""
    optimisation = Optimisation(learning_rate=2e-3, steps=steps, rows_per_step=rows)
    part = Part(task=task, language="esho")
    return TransferSetting(
        initialisation=INITIALISATION[source],
        source_languages=("avel",),
        target=replace(optimisation, steps=steps + 1),
        intermediate=(Mixture(parts=(part,), optimisation=optimisation),),
    )


def run(
    root: Path, record: StudyRecord, setting: TransferSetting, target: str = "xnli"
) -> list[dict[str, Any]]:
    """All messages of one trial."""
    request = TrialRequest(root=root, record=record, target=target, setting=setting)
    return list(run_trial(request, world_for(record, root)))


def shrink_micro_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """A micro-world that pretrains in four steps; every tick of a phase becomes a message.

    What an initialisation is contrasted with stays.
    """
    pretraining = Pretraining(
        optimisation=Optimisation(learning_rate=6e-3, steps=4, rows_per_step=8),
        documents=64,
        hidden=16,
        heads=2,
        layers=1,
        feed_forward=32,
    )
    rows = tuple(
        replace(row, pretraining=replace(pretraining, contrast=row.pretraining.contrast))
        if row.world == "micro" and row.pretraining
        else row
        for row in INITIALISATIONS
    )
    tasks = tuple(
        replace(row, train_rows=64) if row.world == "micro" else row
        for row in spaces.catalogue.TASKS
    )
    monkeypatch.setattr(spaces.catalogue, "INITIALISATIONS", rows)
    monkeypatch.setattr(spaces.catalogue, "TASKS", tasks)
    monkeypatch.setitem(trainables.sources.invented.MICRO_EVALUATION_ROWS, "dev", 24)
    monkeypatch.setattr(trainables.trial, "HEARTBEAT_SECONDS", 0.0)


def attempts(root: Path) -> list[Path]:
    """Folders of attempts in a store."""
    return sorted(root.glob("phases/*/*/attempts/*"))


def artifact_file(root: Path, phase: PhaseSpec, name: str) -> Path:
    """A file of a finished phase."""
    done = read_done(root, phase.key)
    assert done is not None
    return artifact_folder(root, phase.key, done) / name


def golden_keys() -> dict[str, Any]:
    """Names of a fixed trial in each generated world, as the catalogue stands."""
    table: dict[str, Any] = {}
    for source in ("oracle", "microworld"):
        record, setting = study(source), setting_of(source)
        phases = TrialRequest(root=Path(), record=record, target="xnli", setting=setting).phases
        keys = [[phase.kind, phase.key] for phase in phases]
        table[source] = {"setting_id": setting.setting_id, "phases": keys}
    return table


def golden_losses(root: Path) -> dict[str, list[float]]:
    """Losses of every step of the tiny micro-world trial; call ``shrink_micro_world`` before."""
    record, setting = study("microworld"), setting_of("microworld")
    run(root, record, setting)
    request = TrialRequest(root=root, record=record, target="xnli", setting=setting)
    return {
        phase.kind: np.load(artifact_file(root, phase, "losses.npy")).tolist()
        for phase in request.phases[:-1]
    }


def main() -> None:
    """Write the golden table anew."""
    table: dict[str, Any] = {"keys": golden_keys()}
    with pytest.MonkeyPatch.context() as monkeypatch, tempfile.TemporaryDirectory() as root:
        shrink_micro_world(monkeypatch)
        table["losses"] = golden_losses(Path(root))
    GOLDEN.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
