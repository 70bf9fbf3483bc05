"""How many trials, where, in what order: ``start``, ``resume``, ``confirm``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.driver import confirm, prepare, resume, start
    from search.handle import Search

__all__ = ["Search", "confirm", "prepare", "resume", "start"]


def __getattr__(name: str) -> Any:
    """Import the driver when it is asked for: ``--help`` must not wait for Optuna."""
    if name in __all__:
        from search import driver

        return getattr(driver, name)
    raise AttributeError(f"module 'search' has no attribute {name!r}")
