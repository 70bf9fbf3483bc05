"""Tasks, one row each: real ones, the micro-world's, the oracle's.

A row holds everything that varies; behaviour is chosen by its ``form``.
"""

from spaces.tasks.controls import CONTROLS
from spaces.tasks.intermediate import INTERMEDIATE
from spaces.tasks.micro import MICRO_TASKS
from spaces.tasks.oracle import ORACLE_TASKS
from spaces.tasks.row import DataSet, Form, Task
from spaces.tasks.targets import TARGETS
from spaces.tasks.training import TRAINING

TASKS: tuple[Task, ...] = TARGETS + TRAINING + INTERMEDIATE + CONTROLS + MICRO_TASKS + ORACLE_TASKS
"""Every built-in task."""

__all__ = ["TASKS", "DataSet", "Form", "Task"]
