"""Examples and documentation show plans that are plans, and name what is there."""

import re
import tomllib
from pathlib import Path

import pytest

from search.dry_run import describe_plan
from search.freeze import freeze
from spaces.catalogue import Catalogue
from spaces.contrast import contrast_of
from spaces.enumeration import grid
from spaces.plan import load_plan, parse_plan
from spaces.suggest import Space

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("page", "targets"), [("README.md", ("xnli", "xquad")), ("docs/plan.md", ("xnli",))]
)
def test_plans_of_the_documentation_are_whole(page: str, targets: tuple[str, ...]) -> None:
    """The plan that a page shows first passes every check."""
    text = (ROOT / page).read_text().split("```toml\n")[1].split("```")[0]
    record = freeze(parse_plan(tomllib.loads(text), page))
    assert record.plan.targets.tasks == targets


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.stem)
def test_example_plans_are_well_formed(path: Path) -> None:
    """Each example parses; those that need nothing from outside also freeze."""
    plan = load_plan(path)
    if plan.world != "real":
        assert freeze(plan).cuts.keys() == set(plan.targets.tasks)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A link to a file or a heading of this project names one that is there."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, heading = target.partition("#")
        if "://" not in target:
            file = page.parent / name if name else page
            assert file.exists(), target
            if heading:
                titles = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}
                assert heading in anchors, target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages_name_commands_that_exist(page: Path) -> None:
    """Each `make` target and each subcommand that a page shows is there."""
    from search.cli import parser

    makefile = (ROOT / "Makefile").read_text()
    for line in page.read_text().splitlines():
        if line.startswith("make "):
            assert f"\n{line.split()[1]}:" in makefile, line
        if line.startswith("transfer-search "):
            words = line.split("#")[0].split()[1:]
            parser().parse_args(words)


@pytest.mark.parametrize("name", ["xtreme-r", "phang-2020", "multimodal-question-xlmr"])
def test_plans_for_a_cluster_are_described_without_a_network(name: str) -> None:
    """Nothing is fetched: the space, the objective and what is infeasible are in the plan."""
    text = describe_plan(load_plan(ROOT / "examples" / f"{name}.toml"), ROOT / "runs")
    assert "not looked at" in text and "FacebookAI/xlm-roberta" in text
    targets = load_plan(ROOT / "examples" / f"{name}.toml").targets.tasks
    assert [f"target {t}:" in text for t in targets] == [True] * len(targets)
    assert max(map(len, text.splitlines())) <= 100


def test_the_question_in_miniature_is_balanced() -> None:
    """Every cell for every target, and no search; a dry run needs nothing from outside."""
    plan = load_plan(ROOT / "examples" / "multimodal-question-micro.toml")
    text = " ".join(describe_plan(plan, ROOT / "nowhere").split())
    cells = len(plan.space.initialisations) * 4 * 3
    assert text.count(f"trials: {cells} contrast contrast:") == len(plan.targets.tasks)
    assert "left out" not in text and "the contrast needs" in text


def test_the_plan_after_phang_has_their_hyperparameters() -> None:
    """Learning rate, epochs and lengths of jiant's replication, and a grid of one task each."""
    plan = load_plan(ROOT / "examples" / "phang-2020.toml")
    catalogue = Catalogue.for_plan(plan)
    batch = {"xquad": 16, "mlqa": 16, "tydiqa": 16}
    epochs = {"xnli": 2, "pawsx": 5, "udpos": 10, "panx": 10, "xquad": 2, "mlqa": 2, "tydiqa": 2}
    lengths = {**dict.fromkeys(epochs, 256), **dict.fromkeys(batch, 384)}
    for target, times in epochs.items():
        space = Space.of(plan, target, catalogue)
        setting = space.setting(next(grid(space)))
        rows = catalogue.tasks[space.target.recipe[-1]].train_rows
        assert setting.target.learning_rate == 1e-5 and setting.target.warmup_share <= 0.1
        assert setting.target.rows_per_step == batch.get(target, 32)
        assert abs(setting.target.steps * setting.target.rows_per_step - times * rows) <= 32
        assert catalogue.tasks[target].max_tokens == lengths[target]
        names = [space.setting(values).intermediate_name for values in grid(space)]
        assert len(names) == 9 and names[0] == "none" and "hellaswag:en" in names
        together = next(name for name in names if "anli_r3" in name)
        assert "snli:enx" in together  # in proportion to size


def test_the_question_about_pictures_is_asked_in_whole_cells() -> None:
    """Twins, LAION's and placebos of two sizes, each with none and three groups of languages."""
    plan = load_plan(ROOT / "examples" / "multimodal-question-xlmr.toml")
    catalogue = Catalogue.for_plan(plan)
    rows = [catalogue.initialisations[name] for name in plan.space.initialisations]
    assert [(row.family, row.twin, row.image_stage) for row in rows] == [
        (family, twin, stage)
        for family, text in (("xlm-r-base", "xlmr-base"), ("xlm-r-large", "xlmr-large"))
        for twin, stage in (("", "none"), (text, "images"), (text, "none"))
    ]
    for target in plan.targets.tasks:
        space = Space.of(plan, target, catalogue)
        contrast = contrast_of(space)
        found = [cell.setting for cell in contrast.cells(space)]
        assert len(found) == 24 == len({s.setting_id for s in found})
        assert contrast.planned == 5 * 24 and not contrast.left_out
        assert len({(s.initialisation, s.intermediate) for s in found}) == 24
        assert {s.initialisation for s in found} == set(plan.space.initialisations)
        trained = {part.task for s in found for m in s.intermediate for part in m.parts}
        assert trained == {"pawsx"} and catalogue.tasks["pawsx"].skill != space.target.skill
        for mixture in (m for s in found for m in s.intermediate):
            groups = {catalogue.languages[part.language].group for part in mixture.parts}
            assert len(groups) == 1
            cap = [mixture.cap_of(p) or catalogue.tasks["pawsx"].train_rows for p in mixture.parts]
            assert sum(cap) == 49_401
