"""Metrics in numpy, shared by evaluation, scoring and analysis. Values are in points (0-100)."""

import numpy as np
from numpy.typing import NDArray


def accuracy(gold: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Share of rows whose label is right.

    Args:
        gold: labels[B].
        predicted: labels[B].

    Raises:
        ValueError: the arrays differ in length, or are empty (an average over nothing).
    """
    if gold.shape != predicted.shape or gold.size == 0:
        raise ValueError(f"accuracy of {predicted.shape} predictions for {gold.shape} labels")
    return float(100.0 * np.mean(gold == predicted))


METRICS = {"accuracy": accuracy}
"""Metric name -> function of gold and predicted."""
