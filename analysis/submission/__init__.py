"""Submissions to XTREME and XTREME-R: folders of predictions and labels, read, scored, written.

    <predictions>/<task>/test-<language>.<tsv|json|jsonl>      <labels>/...  the same

Each kind of file is said in ``by_line`` and ``by_id``; which task has which, in
``spaces/benchmark.py``.
"""

from analysis.submission.parts import SubmissionError
from analysis.submission.scoring import Scored, as_json, score_folders
from analysis.submission.text import scored_text
from analysis.submission.writing import write_submission

__all__ = [
    "Scored",
    "SubmissionError",
    "as_json",
    "score_folders",
    "scored_text",
    "write_submission",
]
