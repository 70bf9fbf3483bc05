"""The reference tables beside the project that several tests compare with, where they are there."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"
SCIENCE = SHARED / "reference" / "science.md"

TARGETS = {
    "XNLI": "xnli",
    "XCOPA": "xcopa",
    "POS": "udpos",
    "NER": "panx",
    "XQuAD": "xquad",
    "MLQA": "mlqa",
    "TyDi": "tydiqa",
    "Tato": "tatoeba",
    "LARe": "lareqa",
    "Mews": "mewslix",
}
"""What section 2.2 calls a target, and what we do."""


def section(number: str) -> list[list[str]]:
    """Cells of every line of the tables in a section of the reference."""
    if not SCIENCE.is_file():
        pytest.skip(f"{SCIENCE} is absent: it is no part of the project")
    text = SCIENCE.read_text(encoding="utf-8").partition(f"### {number} ")[2].partition("\n### ")[0]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in cells] for cells in lines]
