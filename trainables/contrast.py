"""Contrastive losses over all rows of a step, however they are cut into micro-batches and ranks.

Every row's loss looks at the vectors of all others, so a cut would change the negatives. Where one
micro-batch does not hold them all, a step goes over its rows twice (Gao et al. 2021, "Scaling Deep
Contrastive Learning Batch Size under Memory Limited Setup", arXiv 2101.06983): vectors without
gradients first, gathered over ranks; from them each row's loss and the gradient with respect to its
own vectors; then, micro-batch by micro-batch, a forward pass that carries that gradient on.
"""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

TEMPERATURE = 0.05
"""Divides cosines before the softmax: the value of SimCSE (Gao et al. 2021, arXiv 2104.08821)."""

APART = -1
"""Name of a candidate that takes no part: its row neither has a loss nor is a negative."""


class Contrasting(Protocol):
    """A module whose rows' losses look at one another."""

    vector_size: int

    def vectors(self, batch: dict[str, Any]) -> Tensor:
        """Vectors of query and candidate, [B, 2, H]."""


def contrast(vectors_b2h: Tensor, same_b: Tensor) -> Tensor:
    """Loss of each row: its query finds its candidate among all, and the candidate its query.

    Args:
        vectors_b2h: vectors of query and candidate, of length 1.
        same_b: names of the candidates; rows with equal names are not each other's negatives.

    Returns:
        Mean of both cross-entropies, [B]; 0 for rows that are ``APART``.
    """
    with torch.autocast(vectors_b2h.device.type, enabled=False):
        # In bfloat16 a cosine near 1 has three digits, and the temperature makes 0.1 of the last.
        scores_bb = vectors_b2h[:, 0] @ vectors_b2h[:, 1].T / TEMPERATURE
    own_bb = torch.eye(len(same_b), dtype=torch.bool, device=same_b.device)
    excluded_bb = ((same_b[:, None] == same_b) | (same_b == APART)) & ~own_bb
    losses_b = (_found(scores_bb, excluded_bb) + _found(scores_bb.T, excluded_bb)) / 2
    counted_b: Tensor = torch.mul(losses_b, same_b != APART)
    return counted_b


def _found(scores_bb: Tensor, excluded_bb: Tensor) -> Tensor:
    """Cross-entropy of each row against its own column."""
    own_b = torch.arange(len(scores_bb), device=scores_bb.device)
    scores_bb = scores_bb.masked_fill(excluded_bb, float("-inf"))
    losses_b: Tensor = nn.functional.cross_entropy(scores_bb, own_b, reduction="none")
    return losses_b


def contrast_in(batch: dict[str, Any], vectors_b2h: Tensor) -> Tensor:
    """Summed loss of a micro-batch's rows over their whole step.

    Args:
        batch: ``same`` names the candidates; ``vector_gradients`` [B, 2, H] and ``row_losses`` [B]
            are there when some negatives are in other micro-batches.
        vectors_b2h: vectors of query and candidate.

    Returns:
        A scalar; its gradient is that of the whole step's loss.
    """
    if "vector_gradients" not in batch:
        return contrast(vectors_b2h, batch["same"]).sum()
    carried = (vectors_b2h * batch["vector_gradients"]).sum()
    value: Tensor = carried + (batch["row_losses"].sum() - carried).detach()
    return value


def gradients(vectors_n2h: Tensor, same_n: Tensor) -> dict[str, Tensor]:
    """What ``contrast_in`` needs of rows whose negatives are spread over micro-batches."""
    leaves = vectors_n2h.detach().requires_grad_()
    losses_n = contrast(leaves, same_n)
    (gradients_n2h,) = torch.autograd.grad(losses_n.sum(), leaves)
    return {"vector_gradients": gradients_n2h, "row_losses": losses_n.detach()}
