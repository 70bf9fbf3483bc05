"""The reference tables beside the project that several tests compare with, where they are there."""

from pathlib import Path

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
