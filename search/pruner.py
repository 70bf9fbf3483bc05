"""Optuna's median rule, counted along instead of read anew at each report."""

import math
from bisect import insort
from collections import defaultdict

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from search.sampler import is_replicate

STARTUP = 5
"""COMPLETE trials before which none is pruned."""


class MedianPruner(BasePruner):
    """Prunes a trial whose best report is below the median of the search's at its last step.

    The rule is that of ``optuna.pruners.MedianPruner``, which sorts the reports of all trials at
    each report. Here they stay sorted, step by step: an end costs a search in a list, a report a
    look at its middle. It is told of every end in the storage, so it is exact after a resume.
    """

    def __init__(self) -> None:
        self._complete = 0
        self._reports: dict[int, list[float]] = defaultdict(list)
        """Step -> what the COMPLETE trials reported there, sorted."""

    def ended(self, trial: FrozenTrial) -> None:
        """A trial has ended; one that is COMPLETE and of the search is compared with."""
        if trial.state != TrialState.COMPLETE or is_replicate(trial):
            return
        self._complete += 1
        for step, value in trial.intermediate_values.items():
            if not math.isnan(value):
                insort(self._reports[step], value)

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial should end here."""
        if self._complete < STARTUP or trial.last_step is None:
            return False
        reported = [value for value in trial.intermediate_values.values() if not math.isnan(value)]
        if not reported:
            return True
        values = self._reports.get(trial.last_step, [])
        middle = values[(len(values) - 1) // 2 : len(values) // 2 + 1]
        return bool(middle) and max(reported) < float(np.percentile(middle, 50))
