"""Mutated plans: each is accepted as a whole or refused with a ``PlanError``, and nothing else."""

import copy
import datetime
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.freeze import freeze
from spaces.layout import StudyPaths
from spaces.mistakes import PlanError
from spaces.phases import trial_phases
from spaces.plan import parse_plan
from spaces.study import StudyRecord, differences, read_study
from spaces.suggest import Space, baselines, draw
from tests.checkpoints import tiny_checkpoint
from tests.folders import nli_rows, write
from tests.plans import DEMO, contents, values

REAL_LANGUAGES = ["en", "de", "fr", "hi", "zh"]

PLANS = ("demo", "oracle", "folder")


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current folder: small rows and a small checkpoint."""
    place = tmp_path_factory.mktemp("mutations")
    tiny_checkpoint(place / "weights", 512)
    for name in [
        *(f"xnli/{code}/validation" for code in REAL_LANGUAGES),
        "multi_nli/default/train",
    ]:
        write(place / "rows", name, **nli_rows(4, name))
    texts = {name: ["one", "two"] for name in ("sentence_A", "sentence_B", "a", "b")}
    write(place / "rows", "sick/default/train", (), **texts, label=[0, 2], c=[0, 1])
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(place)
        before = contents(place)
        yield place
        assert contents(place) == before


def whole(name: str) -> dict[str, Any]:
    """A plan that is accepted, as TOML gives it, with as many tables as there can be."""
    if name == "demo":
        return values(text=DEMO.read_text(encoding="utf-8"))
    oracle = {
        "space.mixture.languages": ["mine", "fanu", "european"],
        "space.mixture.max_parts": 2,
        "space.mixture.rows_caps": [100, 400],
        "space.target.xcopa": {"steps": [30], "rows_per_step": 16},
        "space.source_languages": [["avel"]],
        "targets.tasks": ["xnli", "xcopa"],
        "language_group": [{"name": "mine", "languages": ["esho", "avel"]}],
        "study.grouping": "coast",
        "grouping": [{"name": "coast", "source": "us", "groups": {"near": ["esho", "brin"]}}],
        "task": [{"name": "more", "like": "qa", "learning_rate": 1e-3, "chance": 50.0}],
        "budget.wall_hours": 1.5,
        "store.storage": "journal",
    }
    if name == "oracle":
        return values(oracle)
    return values(
        {
            "data.source": "rows",
            "targets.languages": REAL_LANGUAGES,
            "study.selection": "target_dev",
            "initialisation": [{"name": "own", "path": "weights", "modality": "text"}],
            "task": [
                {
                    "name": "mine",
                    "form": "classification",
                    "skill": "nli",
                    "labels": ["no", "yes"],
                    "train_languages": ["en"],
                    "folder": "sick",
                    "config": "default",
                    "columns": {"text": "a", "text_pair": "b", "label": "c"},
                    "splits": {"train": "train"},
                    "steps": 20,
                }
            ],
            "space.initialisations": ["own"],
            "space.source_languages": [["en"]],
            "space.mixture": {"tasks": ["sick", "mine"], "languages": ["en"]},
        }
    )


# -- mutations -------------------------------------------------------------------------------------

TEXTS = """\0 / ../x {language} {lang} { {0} é😀 xnli nli en esho avel all mine oracle microworld
rows weights package: package:json package:no.such/x package:.x ~nobody-at-all/x env: env:NO_SUCH
sqlite:///x.db postgresql://me@host/db"""

WORDS = st.sampled_from(["", " ", "a" * 300, *TEXTS.split()])

WHOLE = st.sampled_from([0, -1, 1, 2, 3, 10**9, 2**31, 2**63, 10**30, -(10**30)])

REAL = st.sampled_from([0.0, -0.5, 0.5, 1.0, 1e-300, 1e300, math.nan, math.inf, -math.inf])

SCALARS = st.one_of(WORDS, WHOLE, REAL, st.booleans(), st.text(max_size=5), st.just(...)).map(
    lambda value: datetime.date(2026, 1, 1) if value is ... else value
)
"""Every type that TOML knows."""

VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.lists(st.lists(SCALARS, max_size=2), max_size=2),
    st.dictionaries(WORDS, SCALARS, max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["name", "like", "path"]), SCALARS), max_size=2),
)

NAMES = """name tasks like low high steps learning_rates labels languages dev_language recipe
parallel max_tokens target_by_task rows_caps dev_rows objective twin url é a.b"""

KEYS = st.sampled_from(["", *NAMES.split()])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of every entry below a value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*path, key))


def mutate(data: st.DataObject, plan: dict[str, Any]) -> str:
    """Change one thing in place; says what."""
    path = data.draw(st.sampled_from(list(places(plan))))
    *parents, last = path
    holder = plan
    for key in parents:
        holder = holder[key]
    kind = data.draw(st.sampled_from(["replace", "replace", "delete", "add", "twice"]))
    if kind == "delete":
        del holder[last]
    elif kind == "add" and isinstance(holder, dict):
        holder[data.draw(KEYS)] = data.draw(VALUES)
    elif kind == "twice" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[last]))
    else:
        holder[last] = data.draw(VALUES)
    return f"{kind} {path}"


class Picker:
    """Draws the first or the last of everything."""

    def __init__(self, arm: str, last: bool) -> None:
        self._arm, self._last = arm, last

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """An end of the choices."""
        return self._arm if name == "arm" else choices[-1 if self._last else 0]

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """An end of the range."""
        return high if self._last else low


def settings_of(space: Space) -> Iterator[Any]:
    """The baselines, and the ends of every axis of every arm."""
    yield from (space.setting(params) for params in baselines(space))
    arms = next((axis.choices for axis in space.axes if axis.name == "arm"), ("none",))
    for arm in arms:
        for last in (False, True):
            yield space.setting(draw(Picker(str(arm), last), space))


def use(record: StudyRecord, place: Path) -> None:
    """What a search does with an accepted plan before its first trial."""
    paths = StudyPaths(place / "root", record.name)
    try:
        record.write(paths)
        stored = read_study(place / "root", record.name)
    finally:
        for path in sorted((place / "root").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (place / "root").rmdir()
    assert differences(stored, record) == ([], [])
    for target, space in record.spaces.items():
        for setting in settings_of(space):
            keys = [p.key for p in trial_phases(record.frozen, target, setting, record.seeds)]
            assert len(keys) >= 2 + len(space.target.recipe) and all(keys)


@pytest.mark.parametrize("name", PLANS)
def test_the_plans_themselves_are_accepted(place: Path, name: str) -> None:
    """What is mutated below is whole before."""
    use(freeze(parse_plan(whole(name))), place)


@pytest.mark.parametrize("name", PLANS)
@given(data=st.data())
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_a_mutated_plan_is_whole_or_refused(place: Path, name: str, data: st.DataObject) -> None:
    """No mutation raises anything but a ``PlanError``, and no accepted one fails later."""
    plan = whole(name)
    said = [mutate(data, plan) for _ in range(data.draw(st.integers(1, 2)))]
    try:
        record = freeze(parse_plan(plan))
    except PlanError as error:
        assert "nothing was written" in str(error) and error.mistakes, said
        return
    use(record, place)


def test_a_plans_folders_are_frozen_whole() -> None:
    """Workers have other current folders, so a record names rows and checkpoints absolutely."""
    record = freeze(parse_plan(whole("folder")))
    assert Path(record.plan.data.source).is_absolute()
    assert Path(record.catalogue.initialisations["own"].path).is_absolute()
