"""From arrays of numbers to an answer: intervals, verdicts, sizes, shrinkage. No file is read.

Everything is in points. The unit is a set of seeds, or the seed above it that sets share; values of
one unit are paired, so what all of them have in common cancels.
"""

from analysis.inference.intervals import Estimate, crossed_interval, paired_interval, with_rows
from analysis.inference.mixed import CellModel, mixed_effect
from analysis.inference.multiplicity import benjamini_hochberg, holm
from analysis.inference.shrinkage import noise_variance, shrink
from analysis.inference.sizes import difference_power, equivalence_power, sets_needed
from analysis.inference.verdicts import VERDICTS, equivalence, verdict

__all__ = [
    "VERDICTS",
    "CellModel",
    "Estimate",
    "benjamini_hochberg",
    "crossed_interval",
    "difference_power",
    "equivalence",
    "equivalence_power",
    "holm",
    "mixed_effect",
    "noise_variance",
    "paired_interval",
    "sets_needed",
    "shrink",
    "verdict",
    "with_rows",
]
