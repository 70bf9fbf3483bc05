"""What XTREME and XTREME-R are: tasks, languages, groups, files, averages.

Tasks, languages and metrics are those of ``evaluate.py`` in google-research/xtreme. Its XTREME-R
average is mended in three places: LAReQA has its languages and stands among the retrieval tasks,
and XCOPA is in one group, not two. (As it stands that script either gives no average, or fails
where it finds a folder of LAReQA.)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from types import MappingProxyType

from spaces.tasks import Form

MEASURES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "accuracy": {"accuracy": "accuracy"},
        "accuracy_at_1": {"accuracy": "accuracy_at_1"},
        "answer_mean": {"exact_match": "exact_match", "f1": "answer_f1"},
        "bitext_f1": {
            "f1": "bitext_f1",
            "precision": "bitext_precision",
            "recall": "bitext_recall",
        },
        "entity_f1": {
            "f1": "entity_f1",
            "precision": "entity_precision",
            "recall": "entity_recall",
        },
        "map_at_20": {"map@20": "map_at_20"},
        "mlqa_mean": {"exact_match": "mlqa_exact_match", "f1": "mlqa_f1"},
        "tag_f1": {"f1": "tag_f1", "precision": "tag_precision", "recall": "tag_recall"},
    }
)
"""Metric of a task -> what a report shows beside it: name there -> metric."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkTask:
    """One task of a benchmark."""

    name: str
    group: str
    form: Form
    languages: tuple[str, ...]
    metric: str
    """What the task's score is the mean of, over languages (see ``spaces/metrics``)."""
    file: str
    """Kind of its files in a submission; see ``analysis/submission``."""

    @property
    def measures(self) -> Mapping[str, str]:
        """What is reported of each language: name -> metric."""
        return MEASURES[self.metric]

    def headline(self, values: Mapping[str, float]) -> float:
        """The task's score in one language, from its measures; in points.

        The metric itself where it is one of them, else (questions) the mean of F1 and exact match.
        """
        own = [name for name, metric in self.measures.items() if metric == self.metric]
        return fmean(values[name] for name in own or self.measures)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Tasks, and how they are averaged."""

    name: str
    tasks: tuple[BenchmarkTask, ...]

    def task(self, name: str) -> BenchmarkTask | None:
        """A task by its name."""
        return next((row for row in self.tasks if row.name == name), None)

    @property
    def groups(self) -> dict[str, list[str]]:
        """Group -> names of its tasks."""
        names = dict.fromkeys(row.group for row in self.tasks)
        return {group: [t.name for t in self.tasks if t.group == group] for group in names}


@dataclass(frozen=True, slots=True)
class Averages:
    """Averages of a benchmark in points; None where something that they average is missing."""

    tasks: dict[str, float | None]
    """Over the task's languages."""
    groups: dict[str, float | None]
    """Over the group's tasks."""
    average: float | None
    """Over all tasks."""
    available_tasks: dict[str, float]
    """Over those of a task's languages that are there; tasks without any are left out."""
    average_of_available: float | None
    """Over those of the tasks that are there, in the languages that are. No benchmark score: it
    compares only with what misses the same."""
    missing: dict[str, tuple[str, ...]]
    """Task -> its languages without a score; tasks that are whole are left out."""


def averages(benchmark: Benchmark, scores: Mapping[str, Mapping[str, float]]) -> Averages:
    """Averages over languages, then over tasks, as the benchmark defines them.

    Args:
        benchmark: which tasks and languages there should be.
        scores: task -> language -> score in points by the task's metric. Others than the
            benchmark's are not looked at.
    """
    found = {
        row.name: {
            code: scores[row.name][code] for code in row.languages if code in scores[row.name]
        }
        for row in benchmark.tasks
        if row.name in scores
    }
    missing = {
        row.name: tuple(code for code in row.languages if code not in found.get(row.name, {}))
        for row in benchmark.tasks
    }
    available = {name: fmean(values.values()) for name, values in found.items() if values}
    tasks = {name: None if codes else available[name] for name, codes in missing.items()}
    return Averages(
        tasks=tasks,
        groups={group: _mean(tasks[n] for n in names) for group, names in benchmark.groups.items()},
        average=_mean(tasks.values()),
        available_tasks=available,
        average_of_available=_mean(available.values()),
        missing={name: codes for name, codes in missing.items() if codes},
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean of values that are all there; None if one is missing, or there are none."""
    values = list(values)
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PAWSX = BenchmarkTask(
    name="pawsx",
    group="classification",
    form="classification",
    languages=_codes("de en es fr ja ko zh"),
    metric="accuracy",
    file="numbers",
)
_XNLI = BenchmarkTask(
    name="xnli",
    group="classification",
    form="classification",
    languages=_codes("ar bg de el en es fr hi ru sw th tr ur vi zh"),
    metric="accuracy",
    file="labels",
)
_XCOPA = BenchmarkTask(
    name="xcopa",
    group="classification",
    form="choice",
    languages=_codes("et ht id it qu sw ta th tr vi zh"),
    metric="accuracy",
    file="choices",
)
_UDPOS = BenchmarkTask(
    name="udpos",
    group="tagging",
    form="tagging",
    languages=_codes(
        "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur "
        "vi yo zh"
    ),
    metric="tag_f1",
    file="tags",
)
_PANX = BenchmarkTask(
    name="panx",
    group="tagging",
    form="tagging",
    languages=_codes(
        "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko "
        "th sw yo my zh kk tr et fi hu"
    ),
    metric="entity_f1",
    file="tags",
)
_XQUAD = BenchmarkTask(
    name="xquad",
    group="qa",
    form="span",
    languages=_codes("en es de el ru tr ar vi th zh hi"),
    metric="answer_mean",
    file="answers",
)
_MLQA = BenchmarkTask(
    name="mlqa",
    group="qa",
    form="span",
    languages=_codes("en es de ar hi vi zh"),
    metric="mlqa_mean",
    file="answers",
)
_TYDIQA = BenchmarkTask(
    name="tydiqa",
    group="qa",
    form="span",
    languages=_codes("en ar bn fi id ko ru sw te"),
    metric="answer_mean",
    file="answers",
)
_BUCC = BenchmarkTask(
    name="bucc2018",
    group="retrieval",
    form="retrieval",
    languages=_codes("de fr ru zh"),
    metric="bitext_f1",
    file="pairs",
)
_TATOEBA = BenchmarkTask(
    name="tatoeba",
    group="retrieval",
    form="retrieval",
    languages=_codes(
        "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw "
        "zh kk tr et fi hu"
    ),
    metric="accuracy_at_1",
    file="nearest",
)
_MEWSLIX = BenchmarkTask(
    name="mewslix",
    group="retrieval",
    form="retrieval",
    languages=_codes("ar de en es fa ja pl ro ta tr uk"),
    metric="map_at_20",
    file="entities",
)
_LAREQA = BenchmarkTask(
    name="lareqa",
    group="retrieval",
    form="retrieval",
    languages=_codes("ar de el en es hi ru th tr vi zh"),
    metric="map_at_20",
    file="rankings",
)


def _more(task: BenchmarkTask, languages: str) -> BenchmarkTask:
    """A task of XTREME with the languages that XTREME-R adds."""
    return replace(task, languages=task.languages + _codes(languages))


XTREME = Benchmark(
    "xtreme", (_PAWSX, _XNLI, _PANX, _UDPOS, _BUCC, _TATOEBA, _XQUAD, _MLQA, _TYDIQA)
)
XTREME_R = Benchmark(
    "xtreme-r",
    (
        _XNLI,
        _XCOPA,
        _more(_UDPOS, "lt pl uk wo ro"),
        _more(_PANX, "qu pl uk az lt pa gu ro"),
        _more(_XQUAD, "ro"),
        _MLQA,
        _TYDIQA,
        _more(_TATOEBA, "az lt pl uk ro"),
        _MEWSLIX,
        _LAREQA,
    ),
)

BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {benchmark.name: benchmark for benchmark in (XTREME, XTREME_R)}
)
"""By name."""
