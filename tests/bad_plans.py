"""Plans and calls that must be refused, and what the message must show of each."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.plans import Changes

SECRET = "hunter2"
"""A password that no message may show."""

LONG = "x" * 300
"""A name that no disk can hold."""


@dataclass(frozen=True)
class Case:
    """A call that must be refused."""

    changes: Changes | Callable[[Path], Changes]
    """How its plan differs from the oracle plan; given the folder where a path is needed."""
    shows: tuple[str, ...]
    """The wrong value, the rule, and the next move or the nearest valid name."""
    mistakes: int | None = 1
    """How many the message counts; None where it is not about a plan."""
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    reaches_ray: bool = False
    """Refused after Ray is up; the root is there already, and empty."""


def nowhere() -> tuple[tuple[str, str], ...]:
    """The environment of an object store that nobody serves; its secret may be shown by nobody."""
    given = {"ENDPOINT": "http://127.0.0.1:1", "ALLOW_HTTP": "true", "REGION": "us-east-1"}
    given |= {"ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": SECRET}
    return tuple((f"AWS_{name}", value) for name, value in given.items())


def own(name: str, **fields: Any) -> Changes:
    """A plan with a task of the user's own."""
    return {"task": [{"name": name, **fields}]}


def grouping(name: str, **groups: list[str]) -> Changes:
    """A plan with a definition of language groups of the user's own, which it follows."""
    row = {"name": name, "source": "the user", "groups": groups}
    return {"grouping": [row], "study.grouping": name}


def checkpoint(path: str) -> Callable[[Path], Changes]:
    """A plan with an initialisation of the user's own, under the folder where it is relative."""

    def changes(folder: Path) -> Changes:
        where = path if path.startswith(("package:", "~")) else str(folder / path)
        row = {"name": "mine", "path": where}
        return {"initialisation": [row], "space.initialisations": ["mine"]}

    return changes


def real(**more: Any) -> Callable[[Path], Changes]:
    """A plan on real rows, from a folder that has none."""

    def changes(folder: Path) -> Changes:
        return {
            **checkpoint("whole")(folder),
            "study.selection": "target_dev",
            "data.source": str(folder / "rows"),
            "targets.languages": ["en", "de", "fr", "zh"],
            "space.source_languages": [["en"]],
            "space.mixture": ...,
            **{name.replace("__", "."): value for name, value in more.items()},
        }

    return changes


def database(url: str, *shows: str, **more: Any) -> Case:
    """A storage that comes from the environment and cannot be used."""
    plan = {"store.storage": "env:STUDY_URL"}
    environment = (("STUDY_URL", url),)
    return Case(plan, shows, mistakes=None, environment=environment, **more)


PLANS: dict[str, Case] = {
    # names and keys
    "key of [study]": Case(
        {"study.sede": 2}, ("[study] sede", "unknown key 'sede'", 'did you mean "seed"?')
    ),
    "key of [budget]": Case(
        {"budget.trials": 9}, ("[budget] trials", 'did you mean "trials_per_target"?')
    ),
    "key of [space.mixture]": Case(
        {"space.mixture.langauges": ["x"]},
        ("[space.mixture] langauges", 'did you mean "languages"?'),
    ),
    "key of [space.intermediate]": Case(
        {"space.intermediate.step": [3]}, ("[space.intermediate] step", 'did you mean "steps"?')
    ),
    "key of [space.target.xnli]": Case(
        {"space.target.xnli.stepz": [3]},
        ("[space.target.xnli] stepz", "unknown key", 'did you mean "steps"?'),
    ),
    "key of [[task]]": Case(
        own("mine", like="xnli", labells=["a"]),
        ("task", "'labells'", 'did you mean "labels"?'),
    ),
    "table": Case({"resource.cpus": 1}, ("[resource]", "'resource'", 'did you mean "resources"?')),
    "a name of our own for a table": Case(
        {"space.target_by_task": 3}, ("[space", "target_by_task"), mistakes=None
    ),
    "target": Case(
        {"targets.tasks": ["xnly"]}, ("[targets] tasks", "'xnly'", 'did you mean "xnli"?')
    ),
    "target's own table": Case(
        {"space.target.xcopa.steps": [30]},
        ("[space.target.<task>]", "'xcopa'", "one of xnli"),
    ),
    "intermediate task": Case(
        {"space.mixture.tasks": ["nly"]}, ("[space.mixture] tasks", 'did you mean "nli"?')
    ),
    "language": Case(
        {"targets.languages": ["avle", "brin"]},
        ("[targets] languages", "'avle'", 'did you mean "avel"?'),
    ),
    "languages that are no list": Case(
        {"targets.languages": "al"}, ("[targets] languages", "'al'", "all")
    ),
    "source language": Case(
        {"space.source_languages": [["avell"]]}, ("'avell'", 'did you mean "avel"?')
    ),
    "language group": Case(
        {"space.mixture.languages": ["europen"]},
        ("[space.mixture] languages", "'europen'", 'did you mean "european"?'),
    ),
    "language of a group": Case(
        {"language_group": [{"name": "mine", "languages": ["eshoo"]}]},
        ("[[language_group]] mine", "'eshoo'", 'did you mean "esho"?'),
    ),
    "initialisation": Case(
        {"space.initialisations": ["oracle-txt"]},
        ("[space] initialisations", "'oracle-txt'", 'did you mean "oracle-text"?'),
    ),
    "twin": Case(
        lambda folder: {
            "initialisation": [{"name": "mine", "path": str(folder / "whole"), "twin": "text"}]
        },
        ("[[initialisation]] mine", "'text'", 'did you mean "oracle-text"?'),
    ),
    "a group of a language's name": Case(
        {"language_group": [{"name": "esho", "languages": ["fanu"]}]},
        ("[[language_group]]", "'esho'", "a language"),
    ),
    "definition of groups": Case(
        {"study.grouping": "famili"},
        ("[study] grouping", "'famili'", 'did you mean "family"?'),
    ),
    "an encoder's list in an invented world": Case(
        {"study.grouping": "mbert"}, ("[study] grouping", "'mbert'", "real languages alone")
    ),
    "a language in two groups": Case(
        grouping("coast", near=["esho"], far=["fanu", "esho"]),
        ("[[grouping]] coast", "'esho' in 'near' and 'far'", "each language in one group"),
    ),
    "a group of no known language": Case(
        grouping("coast", near=["eshoo"]), ("[[grouping]] coast", "'eshoo'", '"esho"?')
    ),
    "a definition that hides a built-in one": Case(
        grouping("family", near=["esho"]), ("[[grouping]]", "'family'", "another name")
    ),
    "a definition of nobody": Case(
        {"grouping": [{"name": "coast", "groups": {"near": ["esho"]}}]},
        ("[grouping", "source", "missing"),
    ),
    "an initialisation of one name twice": Case(
        lambda folder: {"initialisation": [{"name": "mine", "path": str(folder / "whole")}] * 2},
        ("[[initialisation]]", "'mine'", "once"),
    ),
    "a row twice": Case(
        {"task": [{"name": "mine", "like": "qa"}, {"name": "mine", "like": "nli"}]},
        ("[[task]]", "'mine'", "once"),
    ),
    "study name with a slash": Case(
        {"study.name": "first/second"}, ("[study] name", "'first/second'", "letters, digits")
    ),
    # values
    "missing key": Case({"study.seed": ...}, ("[study] seed", "missing", "a value for 'seed'")),
    "no targets": Case({"targets.tasks": []}, ("[targets] tasks", "[]", "at least 1")),
    "no trials": Case(
        {"budget.trials_per_target": 0},
        ("[budget] trials_per_target", "0", "at least 1, or a [contrast]"),
    ),
    "no trials of a grid": Case(
        {
            "budget.trials_per_target": 0,
            "study.sampler": "grid",
            "space.target.learning_rates": [1e-3],
        },
        ("[budget] trials_per_target", "0", "at least 1, or a [contrast]"),
    ),
    "fewer trials than none": Case(
        {"budget.trials_per_target": -1},
        ("[budget] trials_per_target", "-1", "greater than or equal to 0"),
    ),
    # contrasts
    "contrast without seeds": Case(
        {"contrast": {}}, ("[contrast] seeds", "missing", "a value for 'seeds'")
    ),
    "contrast of no seeds": Case(
        {"contrast.seeds": 0}, ("[contrast] seeds", "0", "greater than or equal to 1")
    ),
    "contrast of an empty list of seeds": Case(
        {"contrast.seeds": []}, ("[contrast] seeds", "[]", "at least 1")
    ),
    "a set of seeds twice": Case(
        {"contrast.seeds": [2, 2]}, ("[contrast] seeds", "[2, 2]", "each entry must stand once")
    ),
    "seeds in words": Case(
        {"contrast.seeds": "three"}, ("[contrast] seeds", "'three'", "a whole number")
    ),
    "key of [contrast]": Case(
        {"contrast.seeds": 3, "contrast.intermediate": ["none"]},
        ("[contrast] intermediate", "unknown key", 'did you mean "intermediates"?'),
    ),
    "intermediate of a contrast": Case(
        {"contrast.seeds": 3, "contrast.intermediates": ["none", "nli:esh"]},
        ("[contrast] intermediates", "'nli:esh'", 'did you mean "nli:esho"?', "[space.mixture]"),
    ),
    "initialisation of a contrast": Case(
        {"contrast.seeds": 3, "contrast.initialisations": ["oracle-text", "oracle-placebo"]},
        ("[contrast] initialisations", "'oracle-placebo'", "oracle-multimodal", "[space]"),
    ),
    "no initialisation seeds": Case(
        {"contrast.seeds": 3, "contrast.initialisation_seeds": 0},
        ("[contrast] initialisation_seeds", "0", "greater than or equal to 1"),
    ),
    "language of a contrast": Case(
        {"contrast.seeds": 3, "contrast.languages": ["corm", "gir"]},
        ("[contrast] languages", "'gir'", 'did you mean "gire"?'),
    ),
    "a contrast's language of another target alone": Case(
        {
            "contrast.seeds": 3,
            "contrast.languages": ["avel"],
            "targets.tasks": ["xnli", "tatoeba"],
            "data.source": "microworld",
            "space.initialisations": ["micro-text"],
        },
        ("[contrast] languages", "'avel'", "one that 'tatoeba' scores: brin, corm"),
    ),
    "a contrast without a cell": Case(
        {
            "contrast.seeds": 1,
            "contrast.intermediates": ["nli:brin"],
            "space.mixture.languages": ["esho", "brin"],
            "targets.reserve": ["brin"],
        },
        ("[contrast] for target 'xnli'", "nli:brin", "reserved", "one cell"),
    ),
    "more trials than anybody has": Case(
        {"budget.trials_per_target": 10**6}, ("[budget] trials_per_target", "1000000", "at most")
    ),
    "budget below the baselines": Case(
        {"budget.trials_per_target": 3},
        ("[budget] trials_per_target", "3", "at least 4", "a baseline for each of 2"),
    ),
    "share above 1": Case(
        {"budget.no_intermediate_share": 1.5},
        ("[budget] no_intermediate_share", "1.5", "less than or equal to 1"),
    ),
    "more offers than trials": Case(
        {"budget.offered_share": 1.5},
        ("[budget] offered_share", "1.5", "less than or equal to 1"),
    ),
    "a negative share of offers": Case(
        {"budget.offered_share": -0.1},
        ("[budget] offered_share", "-0.1", "greater than or equal to 0"),
    ),
    "share of 1": Case(
        {"budget.no_intermediate_share": 1.0},
        ("[budget] no_intermediate_share", "1", "a plan without [space.mixture]"),
    ),
    "share that leaves no intermediate trial": Case(
        {"budget.no_intermediate_share": 0.99}, ("[budget] no_intermediate_share", "0.99")
    ),
    "a target twice": Case(
        {"targets.tasks": ["xnli", "xnli"]}, ("[targets] tasks", "xnli", "each target once")
    ),
    "an initialisation twice": Case(
        {"space.initialisations": ["oracle-text", "oracle-text"]},
        ("[space] initialisations", "oracle-text", "once"),
    ),
    "range upside down": Case(
        {"space.target.learning_rates": {"low": 1e-2, "high": 1e-3}},
        ("[space.target] learning_rates", "low=0.01 must be below high=0.001"),
    ),
    "range with another key": Case(
        {"space.target.learning_rates": {"low": 1e-3, "hi": 1e-2}},
        ("[space.target.learning_rates] hi", "'hi'", 'did you mean "high"?'),
        mistakes=2,
    ),
    "rate that is no number": Case(
        {"space.target.learning_rates": [math.nan]}, ("learning_rates", "nan", "finite")
    ),
    "endless wall time": Case(
        {"budget.wall_hours": math.inf}, ("[budget] wall_hours", "inf", "finite")
    ),
    "chance that is no number": Case(
        own("mine", like="xnli", chance=math.nan), ("chance", "nan", "finite")
    ),
    # what a world can do
    "unknown world": Case(
        {"data.source": "microwrld"},
        ("[data] source", "'microwrld'", 'did you mean "microworld"?'),
    ),
    "folder of too long a name": Case({"data.source": LONG}, ("[data] source", LONG, "a folder")),
    "rows in a folder of too long a name": Case(
        real(
            task=[
                {"name": "mine", "like": "mnli", "folder": LONG},
                {"name": "xnli", "like": "xnli", "recipe": ["mine"]},
            ]
        ),
        ("rows of 'mine' in 'en' (train)", "File name too long", "without this"),
        mistakes=5,
    ),
    "folder without rows": Case(
        real(),
        ("'mnli' in 'en'", "rows/multi_nli/default/train.parquet", "absent", "without this"),
        mistakes=5,
    ),
    "folder without many rows": Case(
        real(targets__languages="all"), ("'mnli' in 'en'", "absent", "more"), mistakes=16
    ),
    "another folder without rows": Case(
        real(),
        ("[data] source", "nowhere", "a folder <data set>/<config>/<split>.parquet"),
        arguments=("--data", "nowhere"),
    ),
    "config with another name in braces": Case(
        real(
            task=[
                {"name": "mine", "like": "mnli", "config": "{lang}"},
                {"name": "xnli", "like": "xnli", "recipe": ["mine"]},
            ]
        ),
        ("{lang}", "{language}"),
        mistakes=None,
    ),
    "checkpoint without config": Case(
        checkpoint("empty"), ("[[initialisation]] mine path", "empty", "no config.json")
    ),
    "checkpoint of another format": Case(
        checkpoint("foreign"),
        ("[[initialisation]] mine path", "foreign", "no weights", "not opened"),
    ),
    "checkpoint that is a pickle": Case(
        checkpoint("pickled"),
        ("[[initialisation]] mine path", "pickled", "could run code", "refused"),
    ),
    "checkpoint that is not there": Case(
        checkpoint("absent"), ("[[initialisation]] mine path", "absent", "no config.json")
    ),
    "checkpoint of no known model": Case(
        checkpoint("nameless"), ("[[initialisation]] mine path", "nameless", "Unrecognized model")
    ),
    "checkpoint with a torn config": Case(
        checkpoint("torn"), ("[[initialisation]] mine path", "torn", "config")
    ),
    "checkpoint of too long a name": Case(
        checkpoint(LONG), ("[[initialisation]] mine path", LONG, "File name too long")
    ),
    "package of too long a name": Case(
        checkpoint(f"package:{LONG}/model"),
        ("[[initialisation]] mine path", LONG, "pip install it first"),
    ),
    "folder of too long a name in a package": Case(
        checkpoint(f"package:json/{LONG}"),
        ("[[initialisation]] mine path", LONG, "File name too long"),
    ),
    "package that is not installed": Case(
        checkpoint("package:no_such_package/model"),
        ("[[initialisation]] mine path", "'no_such_package'", "pip install it first"),
    ),
    "package inside one that is not installed": Case(
        checkpoint("package:no_such.package/model"),
        ("[[initialisation]] mine path", "'no_such.package'", "pip install it first"),
    ),
    "home of nobody": Case(
        checkpoint("~no-such-user/model"), ("[[initialisation]] mine path", "~no-such-user/model")
    ),
    "task without fields": Case(
        own("mine", labels=["no", "yes"]),
        ("[[task]] mine", "no form, skill, folder", "these fields, or `like`"),
    ),
    "task like no other": Case(
        own("mine", like="xnly"), ("[[task]] mine like", "'xnly'", 'did you mean "xnli"?')
    ),
    "task in no known language": Case(
        {
            **own("mine", like="xnli", languages=["avell", "brin", "corm", "dask", "gire"]),
            "targets.tasks": ["mine"],
        },
        ("[[task]] mine", "'avell'", 'did you mean "avel"?'),
    ),
    "task with no known dev language": Case(
        {
            **own("mine", like="xnli", dev_language="avell"),
            "targets.tasks": ["mine"],
            "study.selection": "source_dev",
        },
        ("[[task]] mine", "'avell'", 'did you mean "avel"?'),
    ),
    "source language without rows": Case(
        {"space.source_languages": [["brin"]]},
        ("[space] source_languages", "rows of 'xnli'", "'brin'", "one of avel"),
    ),
    "mixture task without rows in a language": Case(
        {
            **own("mine", like="nli", train_languages=["brin"]),
            "space.mixture.tasks": ["nli", "mine"],
        },
        ("[space.mixture] tasks", "'mine'", "languages with rows: brin"),
    ),
    "mixture languages without rows": Case(
        {"space.mixture.languages": ["esho", "corm"]},
        ("[space.mixture] languages", "'corm'", "one of the tasks has rows"),
    ),
    "source_dev between source languages": Case(
        {
            **own("xnli", like="xnli", train_languages=["avel", "brin"]),
            "study.selection": "source_dev",
            "space.source_languages": [["avel"], ["avel", "brin"]],
        },
        ("[study] selection", "source_dev", "'target_dev' or 'held_out_languages'"),
    ),
    "too few languages to score": Case(
        {"targets.languages": ["avel", "brin", "esho", "gire"]},
        ("[space.mixture] for target 'xnli'", "brin, gire", "at least three"),
    ),
    # where things are kept
    "unknown storage": Case(
        {"store.storage": "jurnal"}, ("[store] storage", "'jurnal'", "'journal'")
    ),
    "almost a journal": Case(
        {"store.storage": "journal.log"}, ("[store] storage", "'journal.log'", "'journal'")
    ),
    "unknown database": Case(
        {"store.storage": f"mysql://me:{SECRET}@host/db"},
        ("[store] storage", "mysql://...@host/db", "postgresql://", "env:NAME"),
    ),
    "password in the URL": Case(
        {"store.storage": f"postgresql://me:{SECRET}@host/db"},
        ("[store] storage", "postgresql://...@host/db", "env:NAME", "copied into the study"),
    ),
    "password behind the URL": Case(
        {"store.storage": f"postgresql://host/db?user=me&password={SECRET}"},
        ("[store] storage", "postgresql://", "env:NAME", "copied into the study"),
    ),
    "storage of an unset variable": Case(
        {"store.storage": "env:NO_SUCH_VARIABLE"},
        ("[store] storage", "env:NO_SUCH_VARIABLE", "export it"),
    ),
    "unknown database of a variable": database(
        f"mysql://me:{SECRET}@host/db",
        "[store] storage",
        "STUDY_URL",
        "postgresql://",
        reaches_ray=True,
    ),
    "relative sqlite": Case(
        {"store.storage": "sqlite:///study.db"},
        ("[store] storage", "'sqlite:///study.db'", "sqlite:////absolute/path.db"),
    ),
    "sqlite in no folder": Case(
        lambda folder: {"store.storage": f"sqlite:///{folder}/nowhere/study.db"},
        ("[store] storage", "nowhere/study.db"),
        mistakes=None,
        reaches_ray=True,
    ),
    "sqlite in a folder of too long a name": Case(
        {"store.storage": f"sqlite:////tmp/{LONG}/study.db"},
        ("[store] storage", LONG, "a folder that is there"),
    ),
    "database that does not answer": database(
        f"postgresql://me:{SECRET}@localhost:1/db",
        "[store] storage",
        reaches_ray=True,
    ),
    "store that does not answer": Case(
        {"store.url": "s3://bucket/phases"},
        ("[store] url", "'s3://bucket/phases'", "does not answer", "If-None-Match", "environment"),
        environment=nowhere(),
    ),
    "store of another kind": Case(
        {"store.url": "ftp://host/phases"}, ("[store] url", "'ftp://host/phases'", "s3, gs, az")
    ),
    "store without a bucket": Case({"store.url": "s3://"}, ("[store] url", "'s3://'", "BUCKET")),
    "store with a password": Case(
        {"store.url": f"s3://me:{SECRET}@bucket/phases"},
        ("[store] url", "s3://...@bucket/phases", "the environment alone"),
    ),
    "store with a token": Case(
        {"store.url": f"az://bucket/phases?sig={SECRET}"},
        ("[store] url", "az://bucket/phases?...", "the environment alone"),
    ),
    "workers that share no files": Case(
        {"store.url": "s3://bucket/phases", "resources.workers_per_trial": 2},
        ("[resources] workers_per_trial", "2", "1, or export TRANSFER_SEARCH_SCRATCH"),
        environment=nowhere(),
    ),
    "no room at all": Case({"budget.store_gib": 0}, ("[budget] store_gib", "0", "greater than 0")),
    "endless room": Case({"budget.store_gib": math.inf}, ("[budget] store_gib", "inf", "finite")),
    "pin of an initialisation that the plan lacks": Case(
        {"store.pins": ["oracle-texts"]},
        ("[store] pins", "'oracle-texts'", "64 hex digits", 'did you mean "oracle-text"?'),
    ),
    "root on an object store": Case(
        {},
        ("--root", "s3://bucket", "POSIX disk", "[store] url may name"),
        arguments=("--root", "s3://bucket"),
    ),
    "root of too long a name": Case(
        {}, ("--root", LONG, "File name too long"), arguments=("--root", LONG)
    ),
    "root that is a file": Case(
        {}, ("--root", "plan.toml", "Not a directory"), arguments=("--root", "../plan.toml")
    ),
    "store of too long a name": Case(
        {"store.url": LONG}, ("[store] url", LONG, "File name too long")
    ),
    "store that is no path": Case({"store.url": "a\0b"}, ("[store] url", "null byte")),
    # trackers
    "key of [tracking]": Case(
        {"tracking.tensorbord": True}, ("[tracking] tensorbord", 'did you mean "tensorboard"?')
    ),
    "key of [tracking.wandb]": Case(
        {"tracking.wandb": {"project": "ours", "apikey": SECRET}},
        ("[tracking.wandb] apikey", 'did you mean "api_key"?'),
    ),
    "wandb of no project": Case({"tracking.wandb": {}}, ("[tracking.wandb] project", "missing")),
    "tracker that is no table": Case(
        {"tracking.mlflow": "http://127.0.0.1:5000"}, ("[tracking] mlflow", "a table")
    ),
    "mlflow at no address": Case(
        {"tracking.mlflow": {"uri": "mlruns"}},
        ("[tracking.mlflow] uri", "'mlruns'", "http://HOST:PORT", "sqlite:////"),
    ),
    "mlflow with a password": Case(
        {"tracking.mlflow": {"uri": f"https://me:{SECRET}@host"}},
        ("[tracking.mlflow] uri", "https://...", "env:NAME", "copied into the study"),
    ),
    "mlflow of an unset variable": Case(
        {"tracking.mlflow": {"uri": "env:NO_SUCH_VARIABLE"}},
        ("[tracking.mlflow] uri", "env:NO_SUCH_VARIABLE", "export it"),
    ),
    "mlflow of a variable that is no address": Case(
        {"tracking.mlflow": {"uri": "env:TRACKING_URL"}},
        ("[tracking.mlflow] uri", "'env:TRACKING_URL'", "http://HOST:PORT"),
        environment=(("TRACKING_URL", f"ftp://me:{SECRET}@host"),),
    ),
    "token in the plan": Case(
        {"tracking.mlflow": {"uri": "http://host:1", "token": SECRET}},
        ("[tracking.mlflow] token", "not shown", "env:NAME"),
    ),
    "key in the plan": Case(
        {"tracking.wandb": {"project": "ours", "api_key": SECRET}},
        ("[tracking.wandb] api_key", "not shown", "env:NAME"),
    ),
    "key of an unset variable": Case(
        {"tracking.wandb": {"project": "ours", "api_key": "env:NO_SUCH_VARIABLE"}},
        ("[tracking.wandb] api_key", "env:NO_SUCH_VARIABLE", "export it"),
    ),
    # what a machine can do
    "more GPUs than there are": Case(
        {"resources.gpus_per_worker": 1},
        ("[resources]", "GPU", "1", "at most the cluster's 0"),
        reaches_ray=True,
    ),
}
