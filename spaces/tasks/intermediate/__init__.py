"""Intermediate tasks: English ones, ones written in other languages, ones made from another text.

Sizes are those of the whole sets. Hub ids, columns and licences are those of the data sets' cards;
ids on the branch ``refs/convert/parquet`` are of sets whose main branch holds a loading script, or
did. What a row says of ``documents`` is coarse on purpose: kinds of text, and ``wikipedia``.

Commercial use is allowed where the licence says so, share-alike or not; it is not where rows were
made from rows that forbid it. No derivatives (KorQuAD) counts as unknown: nobody says whether
weights trained on rows are derived from them.
"""

from spaces.tasks.intermediate.answers import ANSWERS
from spaces.tasks.intermediate.english import ENGLISH
from spaces.tasks.intermediate.native import CHOICES, PAIRS
from spaces.tasks.intermediate.parallel import PARALLEL
from spaces.tasks.intermediate.tagged import TAGGED
from spaces.tasks.row import Task

INTERMEDIATE: tuple[Task, ...] = ENGLISH + PAIRS + CHOICES + ANSWERS + TAGGED + PARALLEL
"""Real tasks that are only ever trained on before others."""
