"""What the search tests share: plans as tables, TOML, checked and frozen; a driver's lease."""

import copy
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search.freeze import freeze
from spaces.plan import Plan, parse_plan
from spaces.study import StudyRecord

HOME = Path(__file__).parents[1]

DEMO = HOME / "examples" / "demo.toml"

ORACLE = """
[study]
name = "first"
seed = 1
selection = "held_out_languages"

[targets]
tasks = ["xnli"]

[data]
source = "oracle"

[budget]
trials_per_target = 12

[resources]
concurrent_trials = 2

[space]
initialisations = ["oracle-text", "oracle-multimodal"]
source_languages = [["avel"]]

[space.mixture]
tasks = ["nli", "qa"]
languages = ["esho", "fanu"]

[space.intermediate]
steps = [75, 150]

[space.target]
learning_rates = { low = 5e-4, high = 8e-3 }
"""

Changes = dict[str, Any]
"""``table.key`` -> its new value; ``...`` takes it away."""


def values(changes: Changes | None = None, text: str = ORACLE) -> dict[str, Any]:
    """A plan's tables, some of their entries changed."""
    tables = tomllib.loads(text)
    for name, value in (changes or {}).items():
        *path, last = name.split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        if value is ...:
            del table[last]
        else:
            table[last] = copy.deepcopy(value)
    return tables


def plan(changes: Changes | None = None) -> Plan:
    """The oracle plan, changed and checked for form."""
    return parse_plan(values(changes))


def frozen(changes: Changes | None = None) -> StudyRecord:
    """The record that a study of the changed oracle plan starts with."""
    return freeze(plan(changes))


def to_toml(tables: dict[str, Any]) -> str:
    """TOML of plain tables; every table stands inline, which reads the same."""
    return "".join(f"{json.dumps(name)} = {_toml(value)}\n" for name, value in tables.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    # repr, because JSON has no nan and no inf, and TOML has
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def contents(folder: Path) -> dict[str, str]:
    """Every path under a folder, with a hash of what it holds."""
    return {path.relative_to(folder).as_posix(): _print(path) for path in sorted(folder.rglob("*"))}


def _print(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"


HOLDER = """
import sys
from pathlib import Path
from search import lease
from spaces import leases
leases.BEAT_SECONDS = 3600
held = lease.DriverLease(Path(sys.argv[1]))
held.acquire()
print("held", flush=True)
sys.stdin.readline()
held.release()
"""


def python(code: str, *arguments: Any) -> subprocess.Popen[str]:
    """A process that runs some code and hears its standard input."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(HOME)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def lease_holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a driver's lease until the block ends."""
    process = python(HOLDER, path)
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()
