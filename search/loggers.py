"""Ray's own loggers of trials for W&B, MLflow and TensorBoard, told of runs that are gone on with.

Each is Ray's class but for what a resumed study needs. None is handed to Tune, which would pickle
it, an API key included, into its folder; ``search.tracking`` calls them.
"""

import logging
import os
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.air._internal.mlflow import _MLflowLoggerUtil
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.air.integrations.wandb import WandbLoggerCallback
from ray.tune.logger import LoggerCallback, TBXLoggerCallback

from spaces.plan_tracking import MlflowTable, TrackingTable, WandbTable, from_environment

if TYPE_CHECKING:
    from search.tracking import Run

PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # ours come after longer pauses
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "WANDB_SILENT": "true",
}
"""Environment of the clients; a user's own values stay."""

WANDB_SECONDS = 30
"""Longest wait for W&B when a run begins, and when it ends; what is late lies on the disk."""


def open_logger(name: str, table: TrackingTable, study: str, folder: Path) -> LoggerCallback:
    """A logger that a plan asks for; not set up yet.

    Args:
        name: one of ``table.names``.
        table: ``[tracking]`` of the plan.
        study: names experiment and group where the plan does not.
        folder: the study's; W&B keeps its files there.
    """
    for variable, value in PATIENCE.items():
        os.environ.setdefault(variable, value)
    if name == "mlflow" and table.mlflow:
        return Mlflow(table.mlflow, study)
    if name == "wandb" and table.wandb:
        return Wandb(table.wandb, study, folder)
    return TensorBoard()


class TensorBoard(TBXLoggerCallback):  # type: ignore[misc]  # Ray ships no types
    """Ray's logger, whose event files no later session writes over."""

    def __init__(self) -> None:
        """Name this session's files: by themselves their names hold whole seconds alone."""
        super().__init__()
        suffix = f".{uuid.uuid4().hex[:8]}"
        writer: Any = self._summary_writer_cls
        self._summary_writer_cls: Any = partial(writer, filename_suffix=suffix)


class _KnownRuns(_MLflowLoggerUtil):  # type: ignore[misc]  # Ray ships no types
    """Ray's client for runs that were just found or made."""

    def _run_exists(self, run_id: str) -> bool:
        """Yes: Ray takes an outage for "no such run" and would log to a new, nameless one."""
        return True

    def log_metrics(self, step: int, metrics_to_log: dict[str, float], run_id: str) -> None:
        """All numbers of a step in one call, where Ray makes two for each."""
        from mlflow.entities import Metric  # of the extra `tracking`

        now = int(time.time() * 1000)
        numbers = {n: v for n, v in metrics_to_log.items() if n != "training_iteration"}
        metrics = [Metric(name, float(value), now, step) for name, value in numbers.items()]
        self._get_client().log_batch(run_id, metrics=metrics)


class Mlflow(MLflowLoggerCallback):  # type: ignore[misc]  # Ray ships no types
    """Finds the run of a trial by the tag ``trial_name`` that Ray gives it, and goes on with it."""

    def __init__(self, table: MlflowTable, study: str) -> None:
        super().__init__(
            tracking_uri=from_environment(table.uri),
            experiment_name=table.experiment or study,
            tracking_token=from_environment(table.token) or None,
        )
        self.mlflow_util = _KnownRuns()
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)

    def log_trial_start(self, trial: "Run") -> None:
        """Go on with the trial's run, or begin it."""
        client, where = self.mlflow_util._get_client(), [self.mlflow_util.experiment_id]
        for run in client.search_runs(where, f"tags.trial_name = '{trial}'", max_results=1):
            self._trial_runs[trial] = run.info.run_id
            client.update_run(run.info.run_id, status="RUNNING")
        super().log_trial_start(trial)

    def log_trial_end(self, trial: "Run", failed: bool = False) -> None:
        """The run of a trial that was only stopped stays RUNNING: a resume goes on with it."""
        if not trial.is_stopped:
            super().log_trial_end(trial, failed)


class Wandb(WandbLoggerCallback):  # type: ignore[misc]  # Ray ships no types
    """Logs from the driver's process, and goes on with a run by its id.

    Ray starts two actors for each trial, which cost more than a short trial, and puts the API key
    into their runtime environment, which its logs show. W&B's own service process needs neither.
    """

    def __init__(self, table: WandbTable, study: str, folder: Path) -> None:
        super().__init__(
            project=table.project,
            group=table.group or study,
            entity=table.entity or None,
            resume="allow",
            reinit="create_new",
            dir=str(folder),
            settings={
                "console": "off",
                "disable_code": True,
                "disable_git": True,
                "finish_timeout": WANDB_SECONDS,
                "init_timeout": WANDB_SECONDS,
                "silent": True,
                "x_disable_machine_info": True,
                "x_disable_stats": True,  # of the driver, where nothing is trained
                "x_graphql_retry_max": 2,  # or a process would wait for a dead server at its exit
                "x_graphql_timeout_seconds": 10,
            },
            api_key=from_environment(table.api_key) or None,
        )
        self._runs: dict[Run, Any] = {}

    def _start_logging_actor(self, trial: "Run", exclude_results: list[str], **init: Any) -> None:
        import wandb  # of the extra `tracking`

        if trial not in self._runs:
            self._runs[trial] = wandb.init(**init)

    def log_trial_result(self, iteration: int, trial: "Run", result: dict[str, Any]) -> None:
        """Numbers at a step; W&B leaves out a step that it has gone beyond."""
        step = result["training_iteration"]
        numbers = {name: value for name, value in result.items() if name != "training_iteration"}
        self._runs[trial].log(numbers, step=step)

    def log_trial_end(self, trial: "Run", failed: bool = False) -> None:
        """Send what is left, and close the run; one that was stopped may go on."""
        self._runs[trial].finish(exit_code=int(failed))
        del self._runs[trial]
