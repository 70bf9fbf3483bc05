"""Source languages and chains of mixtures on the real rows, as far as they are there."""

import json
from pathlib import Path
from typing import Any

import pytest

from spaces.mistakes import PlanError
from spaces.phases import TrainingSpec, trial_phases
from spaces.settings import Optimisation, TransferSetting
from spaces.study import StudyRecord
from tests.checkpoints import tiny_checkpoint
from tests.folders import DATA
from tests.worlds import run, study

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent")

OPTIMISATION = Optimisation(learning_rate=1e-3, steps=2, rows_per_step=4)

SHORT = {"max_tokens": 32}

SOURCES = [["en"], ["ko"], ["en", "ko", "sw"]]


def started(root: Path, *targets: str, **space: Any) -> StudyRecord:
    """A study of a tiny checkpoint on the real rows."""
    own = [{"name": "own", "path": str(tiny_checkpoint(root / "weights"))}]
    tasks = [{"name": name, "like": name, **SHORT} for name in ("udpos", "klue_nli", "nergrit")]
    tasks.append({"name": "tydiqa", "like": "tydiqa", "max_tokens": 48, "stride": 8})
    return study(
        str(DATA),
        root / "root",
        targets={"tasks": list(targets), "dev_rows": 8},
        space={"initialisations": ["own"], "source_languages": [["en"]], "mixture": None, **space},
        initialisation=own,
        task=tasks,
    )


def trial(root: Path, record: StudyRecord, target: str, setting: TransferSetting) -> dict[str, Any]:
    """What a trial writes down."""
    *_, last = run(root / "root", record, setting, target)
    found: dict[str, Any] = json.loads(last["record"])
    return found


def test_a_target_is_trained_on_several_languages_where_it_has_rows(tmp_path: Path) -> None:
    """TyDiQA and UD-POS have rows in Korean and English; no source is ever in the objective."""
    record = started(tmp_path, "tydiqa", "udpos", source_languages=SOURCES)
    assert record.spaces["tydiqa"].axis("source_languages").choices == ("en", "ko", "en+ko+sw")
    assert record.spaces["udpos"].axis("source_languages").choices == ("en", "ko")
    assert record.infeasible["udpos"] == {
        "source languages en+ko+sw": "no training rows of 'udpos' in sw"
    }
    for target, cut in record.cuts.items():
        assert not {"en", "ko"} & {*cut.objective}, target
    setting = TransferSetting(
        initialisation="own", source_languages=("sw", "en", "ko"), target=OPTIMISATION
    )
    phases = trial_phases(record.frozen, "tydiqa", setting, record.seeds)
    (target,) = [phase for phase in phases if isinstance(phase, TrainingSpec)]
    assert [(rows.language, rows.weight) for rows in target.rows] == [
        ("en", 1), ("ko", 1), ("sw", 1)
    ]  # fmt: skip
    scores = trial(tmp_path, record, "tydiqa", setting)["scores"]
    assert {row["language"] for row in scores} == {"en", *record.cuts["tydiqa"].selecting}


def test_source_dev_does_not_choose_between_sources(tmp_path: Path) -> None:
    """Of a target with rows in several languages; one that has rows in English alone may."""
    with pytest.raises(PlanError, match="cannot compare sets of source languages"):
        study(
            str(DATA),
            study={"selection": "source_dev"},
            targets={"tasks": ["udpos"]},
            space={"initialisations": ["own"], "mixture": None, "source_languages": SOURCES[:2]},
            initialisation=[{"name": "own", "path": str(tiny_checkpoint(tmp_path / "w"))}],
        )


def test_a_chain_on_real_rows_trains_each_mixture_after_the_one_before(tmp_path: Path) -> None:
    """Korean inference and Indonesian names in proportion to their rows, then Korean again."""
    chains = ["klue_nli:ko + nergrit:id > klue_nli:ko"]
    record = started(
        tmp_path,
        "udpos",
        mixture={"chains": chains, "temperatures": [1.0], "rows_totals": [60]},
        intermediate={"learning_rates": [1e-3], "steps": [2], "rows_per_step": 4},
        target={"learning_rates": [1e-3], "steps": [2], "rows_per_step": 4},
    )
    space = record.spaces["udpos"]
    values = {"initialisation": "own", "source_languages": "en", "arm": "intermediate"}
    values |= {"target.learning_rate": 1e-3, "target.steps": 2, "mixture.chain": chains[0]}
    values |= {"intermediate.learning_rate": 1e-3, "intermediate.steps": 2}
    setting = space.setting({**values, "mixture.rows_total": 60})
    sizes = [record.sizes[f"{name}/train"] for name in ("klue_nli/ko", "nergrit/id")]
    shares = [part.weight for part in setting.intermediate[0].parts]
    assert abs(shares[0] / sum(shares) - sizes[0] / sum(sizes)) < 0.002
    booked = trial(tmp_path, record, "udpos", setting)["phases"]
    kinds = [phase["kind"] for phase in booked]
    assert kinds == ["initialisation", "intermediate", "intermediate", "target", "evaluation"]
    assert [phase["parent"] for phase in booked[1:]] == [phase["key"] for phase in booked[:-1]]
