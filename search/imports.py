"""Are the four packages ours? Their names are generic; `spaces` is taken on the package index.

Standard library only: this runs before anything of ours is imported.
"""

import importlib.util
from pathlib import Path

PACKAGES = ("search", "trainables", "spaces", "analysis")


def foreign_package() -> str:
    """What is wrong with the import names, in one screen; empty when all four are ours."""
    home = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        where = Path(found.origin).resolve().parent if found and found.origin else None
        if where != home / name:
            return (
                f"`import {name}` finds {where or 'nothing'}, not {home / name}: another installed "
                f"distribution owns that name.\n  Use an environment of its own for "
                f"transfer-search, or `pip uninstall {name}`."
            )
    return ""


def check_import_names() -> None:
    """Refuse to go on with somebody else's package.

    Raises:
        ImportError: naming the package and the way out.
    """
    if problem := foreign_package():
        raise ImportError(problem)
