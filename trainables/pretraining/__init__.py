"""Pretraining of initialisations: one recipe, and four versions that differ in one loss.

On masked words alone, with pictures, with wrong pictures, or with a second view of each text; in
the micro-world, or on real text from fresh weights or from another initialisation's.
"""

from trainables.pretraining.run import PretrainingRun, pretraining_run

__all__ = ["PretrainingRun", "pretraining_run"]
