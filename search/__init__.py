"""How many trials, where, in what order: ``start``, ``resume``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.driver import Search, prepare, resume, start

__all__ = ["Search", "prepare", "resume", "start"]


def __getattr__(name: str) -> Any:
    """Import the driver when it is asked for: ``--help`` must not wait for Optuna."""
    if name in __all__:
        from search import driver

        return getattr(driver, name)
    raise AttributeError(f"module 'search' has no attribute {name!r}")
