"""The Ray Tune trainable: a class around ``run_trial``, reused from trial to trial.

Also runs in a plain ``tune.Tuner``: its parameters are what ``trial_config`` returns.
"""

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import tune

from spaces.settings import Seeds, TransferSetting
from spaces.study import SETTING, StudyRecord, read_study
from trainables.full_disk import FULL, STOPPING_ERRNOS
from trainables.gang import Gang, Lead, trial_bundles
from trainables.trial import Message, OutOfTime, StopRequested, TrialRequest, Worlds, run_trial
from trainables.world import ALONE, LostRank, Ranks


def trial_config(
    root: Path,
    study: str,
    target: str,
    setting: TransferSetting,
    trial_number: int = 0,
    seeds: Seeds | None = None,
    latest: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Plain values that tell ``TransferTrainable`` what to run.

    Args:
        root: holds the study's frozen record.
        study: its name.
        target: one of its targets.
        setting: any setting whose rows and initialisation the study froze.
        trial_number: shown in provenance.
        seeds: the study's own where they are left out.
        latest: kind of phase -> Unix time after which none begins; no end where it is left out.
    """
    return {
        "root": str(root),
        "study": study,
        "target": target,
        "setting": asdict(setting),
        "trial_number": trial_number,
        "seeds": asdict(seeds) if seeds else None,
        "latest": dict(latest or {}),
    }


class TransferTrainable(tune.Trainable):  # type: ignore[misc]  # Ray ships no types
    """One trial per configuration; each step is one message of the trial."""

    _messages: Iterator[Message]
    _worlds: Worlds
    _gang: Gang | None

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """What the study's plan gives a trial."""
        record = read_study(Path(config["root"]), config["study"])
        return trial_bundles(record.plan.resources)

    def setup(self, config: dict[str, Any]) -> None:
        """Open the first trial."""
        self._worlds, self._gang = Worlds(), None
        self._open(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Open the next trial in the same process: imports and tokenised rows stay."""
        self._messages.close()  # type: ignore[attr-defined]
        self._open(new_config)
        return True

    def _open(self, config: dict[str, Any]) -> None:
        record = read_study(Path(config["root"]), config["study"])
        request = TrialRequest(
            root=Path(config["root"]),
            record=record,
            target=config["target"],
            setting=SETTING.validate_python(config["setting"]),
            trial_number=config["trial_number"],
            seeds=Seeds(**config["seeds"]) if config["seeds"] else None,
            latest=config["latest"],
        )
        ranks = self._ranks(record, request.root)
        self._messages = run_trial(request, self._worlds.of(record, request.root, ranks))

    def _ranks(self, record: StudyRecord, root: Path) -> Ranks:
        """This process alone, or the lead of a gang that lives as long as this actor."""
        workers = record.plan.resources.workers_per_trial
        if workers == 1 or record.plan.world == "oracle":
            return ALONE
        self._gang = self._gang or Gang(workers)
        return Lead(self._gang, root, record.name)

    def step(self) -> Message:
        """The next message; failures are results, so that only a dead worker is retried.

        Raises:
            LostRank: Tune starts the trial again, in another actor with another gang.
        """
        try:
            message = next(self._messages)
        except LostRank:
            raise
        except OutOfTime as lack:
            return {"event": "postponed", "reason": str(lack), "done": True}
        except StopRequested as request:
            return {"event": "stopped", "reason": str(request), "done": True}
        except OSError as error:
            if error.errno in STOPPING_ERRNOS:
                full = error.errno in FULL
                reason = f"a worker cannot write: {error}"
                reason += "" if full else "; mend this, then resume"
                return {"event": "stopped", "reason": reason, "full_disk": full, "done": True}
            return _failure(error)
        except Exception as error:
            return _failure(error)
        return {**message, "done": message["event"] == "final"}

    def cleanup(self) -> None:
        """Checkpoint what is in training; the gang goes with the actor."""
        self._messages.close()  # type: ignore[attr-defined]
        if self._gang is not None:
            self._gang.disband()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: progress lives in the phase store."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: progress lives in the phase store."""


def _failure(error: Exception) -> Message:
    """A failed trial's last message: the error in a line, and where it came from."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    reason = f"{type(error).__name__}: {error} ({where})"
    return {"event": "failed", "reason": reason, "done": True}
