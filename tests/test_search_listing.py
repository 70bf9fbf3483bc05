"""What ``transfer-search catalogue`` prints of tasks."""

import pytest

from search.listing import WORLDS, catalogue_text
from spaces.catalogue import Catalogue


def blocks(kind: str) -> dict[tuple[str, str], str]:
    """(world, task) -> its block."""
    found = {}
    for block in catalogue_text(kind).split("\n\n"):
        name, about = block.splitlines()[0].split("  (")
        found[about.split(";")[0], name] = block
    return found


@pytest.mark.parametrize("kind", ["targets", "intermediates"])
def test_tasks_fit_a_terminal(kind: str) -> None:
    """Every line within 80 columns, and every task of every world in one block."""
    text = catalogue_text(kind)
    assert max(map(len, text.splitlines())) <= 80
    field = {"targets": "languages", "intermediates": "train_languages"}[kind]
    rows = {
        (world, task.name): task
        for world in WORLDS
        for task in Catalogue.of_world(world).tasks.values()
        if getattr(task, field)
    }
    found = blocks(kind)
    assert set(found) == set(rows)
    for name, block in found.items():
        codes = getattr(rows[name], field)
        assert f" {' '.join(codes)} " in f"{' '.join(block.split())} "
        assert rows[name].form in block and rows[name].skill in block


def test_a_target_says_what_trains_and_what_chooses_it() -> None:
    """Recipe, dev rows, protocol and lengths, each under its name."""
    found = {
        name: " ".join(block.split()) for (_, name), block in reversed(blocks("targets").items())
    }
    assert "trained on social_i_qa, then copa" in found["xcopa"]
    assert "chosen on copa and social_i_qa in en; own in every other language" in found["xcopa"]
    assert "chosen on squad in en; no other language has dev rows" in found["xquad"]
    assert "chosen on proxy xnli_bitext in 14: ar bg" in found["tatoeba"]
    assert "trained on nothing" in found["tatoeba_untuned"]
    assert "protocol sentences" in found["lareqa"]
    assert "max tokens 256, queries 96" in found["lareqa"]
    assert "max tokens 384, windows share 128" in found["mlqa"]
    assert "accuracy, chance 33.3" in found["xnli"]


def test_an_intermediate_task_shows_its_licence_and_place() -> None:
    """Data sets keep their own; where nobody says what is allowed, it is not."""
    found = {name: " ".join(block.split()) for name, block in blocks("intermediates").items()}
    assert "origin native: wikipedia" in found["real", "squad"]
    assert "rows 87,599 licence CC-BY-SA-4.0 commercial allowed" in found["real", "squad"]
    assert "commercial not allowed" in found["real", "ocnli"]
    assert "commercial nobody says: not allowed" in found["real", "sberquad"]
    translated = found["real", "mlqa_translate_train"]
    assert "hub facebook/mlqa mlqa-translate-train.{language} at refs/convert/parquet" in translated
    assert "folder your own" in found["real", "ccg"] and "hub" not in found["real", "ccg"]
