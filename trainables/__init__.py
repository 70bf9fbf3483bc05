"""What one trial does: phases, engine, forms, sources of rows, the write side of the store."""

from typing import TYPE_CHECKING, Any

from trainables.trial import TrialRequest, run_trial, world_for

if TYPE_CHECKING:
    from trainables.transfer import TransferTrainable, trial_config

__all__ = ["TransferTrainable", "TrialRequest", "run_trial", "trial_config", "world_for"]


def __getattr__(name: str) -> Any:
    """Import what needs Ray only when it is asked for: a trial runs without it."""
    if name in ("TransferTrainable", "trial_config"):
        from trainables import transfer

        return getattr(transfer, name)
    raise AttributeError(f"module 'trainables' has no attribute {name!r}")
