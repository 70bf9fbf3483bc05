"""The examples and the README's plan are plans, and say what is there."""

import tomllib
from pathlib import Path

import pytest

from search.freeze import freeze
from spaces.plan import load_plan, parse_plan

ROOT = Path(__file__).parent.parent


def test_readme_plan_is_whole() -> None:
    """The plan that the README explains line by line passes every check."""
    readme = (ROOT / "README.md").read_text()
    text = readme.split("```toml\n")[1].split("```")[0]
    record = freeze(parse_plan(tomllib.loads(text), "README"))
    assert record.plan.targets.tasks == ("xnli",)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.stem)
def test_example_plans_are_well_formed(path: Path) -> None:
    """Each example parses; those that need nothing from outside also freeze."""
    plan = load_plan(path)
    if plan.world != "real":
        assert freeze(plan).cuts.keys() == set(plan.targets.tasks)


def test_readme_names_commands_that_exist() -> None:
    """Each `make` target and each subcommand in the README is there."""
    from search.cli import parser

    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for line in readme.splitlines():
        if line.startswith("make "):
            assert f"\n{line.split()[1]}:" in makefile, line
        if line.startswith("transfer-search "):
            words = line.split("#")[0].split()[1:]
            parser().parse_args(words)
