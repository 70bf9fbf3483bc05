"""The repository itself: names, sizes, imports and what a wheel holds."""

import ast
import importlib.metadata
import importlib.util
import itertools
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("search", "trainables", "spaces", "analysis")
HEAVY = ("torch", "ray", "deepspeed", "transformers", "datasets")

MAX_FILE_LINES, MAX_FUNCTION_LINES = 350, 80


def module_name(file: Path) -> str:
    """``trainables.micro.tasks`` of its file; a package's name of its ``__init__.py``."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files_of(*folders: str) -> list[Path]:
    """Python files below some folders of the repository."""
    return sorted(file for name in folders for file in (ROOT / name).rglob("*.py"))


MODULES = {module_name(file): file for file in files_of(*PACKAGES)}
TREES = {name: ast.parse(file.read_text()) for name, file in MODULES.items()}


def foreign_names() -> set[str]:
    """Names of the standard library, and import names of what the project depends on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *itertools.chain.from_iterable(extras)]
    distributions = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in wanted}
    provided = importlib.metadata.packages_distributions()
    imported = {
        name
        for name, sources in provided.items()
        if distributions & {source.lower() for source in sources}
    }
    return (
        set(sys.stdlib_module_names) | imported | {name.replace("-", "_") for name in distributions}
    )


def test_no_module_is_named_like_somebody_elses() -> None:
    """A module of ours never stands in for one of Python's or of a dependency."""
    foreign = foreign_names()
    assert {"json", "torch", "optuna", "ray", "pydantic"} <= foreign
    ours = {part for name in MODULES for part in name.split(".")}
    assert {"spaces", "folder", "store"} <= ours
    assert ours & foreign == set()


def test_files_stay_short() -> None:
    """No file of the four packages or the benchmarks has more lines than a reader can hold."""
    files = files_of(*PACKAGES, "benchmarks")
    lengths = {str(f.relative_to(ROOT)): len(f.read_text().splitlines()) for f in files}
    assert len(lengths) >= len(MODULES) > 50
    assert {name: count for name, count in lengths.items() if count > MAX_FILE_LINES} == {}


def test_functions_stay_short() -> None:
    """No function has more lines than fit on a screen."""
    long = {
        f"{name}.{node.name}": node.end_lineno - node.lineno + 1
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == {}


def imports_of(tree: ast.AST, inside_functions: bool) -> set[str]:
    """Names that a module imports when it runs, as far as they may be ours."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not inside_functions:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            inside = {name for name in names if name in MODULES}
            found |= inside if inside == names else inside | {str(node.module)}
        found |= imports_of(node, inside_functions)
    return found


def graph(inside_functions: bool) -> dict[str, set[str]]:
    """Which module of ours imports which."""
    return {
        name: {n for n in imports_of(tree, inside_functions) if n in MODULES} - {name}
        for name, tree in TREES.items()
    }


def cycle_in(edges: dict[str, set[str]]) -> list[str]:
    """Some cycle, or nothing: what no longer leads anywhere is taken away until nothing moves."""
    left = {name: set(targets) for name, targets in edges.items()}
    while left:
        ends = [name for name, targets in left.items() if not targets & left.keys()]
        if not ends:
            return sorted(left)
        for name in ends:
            del left[name]
    return []


def test_the_graph_is_read_right() -> None:
    """The graph knows imports of modules, of names in them, and those inside functions."""
    shallow, deep = graph(False), graph(True)
    assert "spaces.keys" in shallow["spaces.settings"]
    assert "trainables.neural" not in shallow["trainables.trial"]
    assert "trainables.neural" in deep["trainables.trial"]
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("inside_functions", [False, True])
def test_no_modules_import_each_other_in_a_circle(inside_functions: bool) -> None:
    """Imports form no cycle, not even through imports inside functions."""
    assert cycle_in(graph(inside_functions)) == []


def test_imports_go_one_way() -> None:
    """``search`` may import all, ``trainables`` and ``analysis`` only ``spaces``, it nothing."""
    allowed = {
        "search": set(PACKAGES),
        "trainables": {"trainables", "spaces"},
        "analysis": {"analysis", "spaces"},
        "spaces": {"spaces"},
    }
    wrong = {
        f"{name} -> {target}"
        for name, targets in graph(True).items()
        for target in targets
        if target.split(".")[0] not in allowed[name.split(".")[0]]
    }
    assert wrong == set()


@pytest.mark.parametrize(
    "code",
    [
        "import spaces",
        "import analysis",
        "import sys, search.cli; sys.argv = ['search', '--help']; search.cli.main(['--help'])",
    ],
    ids=["spaces", "analysis", "search --help"],
)
def test_light_imports_stay_light(code: str) -> None:
    """A laptop that reads studies, or asks for help, loads neither torch nor Ray nor DeepSpeed."""
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('loaded', *{m.split('.')[0] for m in sys.modules}))\n"
        f"{code}\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert child.returncode == 0, child.stderr
    (line,) = [line for line in child.stdout.splitlines() if line.startswith("loaded ")]
    loaded = set(line.split())
    assert loaded & {"spaces", "analysis", "search"}
    assert loaded & set(HEAVY) == set()


def test_help_of_the_module_is_the_command_lines_own() -> None:
    """``python -m search --help`` answers with every command."""
    child = subprocess.run(
        [sys.executable, "-m", "search", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert child.returncode == 0
    assert all(word in child.stdout for word in ("start", "resume", "status", "report"))


def test_a_wheel_holds_the_four_packages(tmp_path: Path) -> None:
    """The built wheel has every module, type marker and template of ours, and nothing else."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: pip install hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    child = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert child.returncode == 0, child.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = [n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n]
    expected = [*files_of(*PACKAGES), *(ROOT / name / "py.typed" for name in PACKAGES)]
    templates = [file for name in PACKAGES for file in (ROOT / name).rglob("*.html")]
    assert templates
    expected += templates
    assert sorted(names) == sorted(file.relative_to(ROOT).as_posix() for file in expected)
