"""Every kind of files that a benchmark's tasks have."""

from collections.abc import Mapping
from types import MappingProxyType

from analysis.submission.by_id import Answers, Entities, Rankings
from analysis.submission.by_line import Choices, Labels, Nearest, Numbers, Pairs, Tags
from analysis.submission.parts import FileKind
from spaces.benchmark import BenchmarkTask

KINDS: Mapping[str, FileKind] = MappingProxyType(
    {
        "answers": Answers(),
        "choices": Choices(),
        "entities": Entities(),
        "labels": Labels(),
        "nearest": Nearest(),
        "numbers": Numbers(),
        "pairs": Pairs(),
        "rankings": Rankings(),
        "tags": Tags(),
    }
)
"""``BenchmarkTask.file`` -> how such files are read and written."""


def file_of(task: BenchmarkTask, language: str) -> str:
    """Path of a file below the folder of predictions or of labels."""
    return f"{task.name}/test-{language}.{KINDS[task.file].suffix}"
