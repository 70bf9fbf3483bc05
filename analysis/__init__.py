"""What came out of a study: frames, the choice of a setting, and texts.

Imports neither torch nor Ray, so a laptop opens any study, also one that is running.
"""

from analysis.cells import contrast_cells
from analysis.choose import best_settings
from analysis.confirmed_scores import confirmed_gains, confirmed_settings
from analysis.effects import contrast, interaction
from analysis.frames import load_phases, load_reports, load_scores, load_trials, with_trials
from analysis.held_out import load_pretraining
from analysis.ladder import selection_ladder
from analysis.page import report_page
from analysis.paper import paper_table
from analysis.report import report_text
from analysis.tables import status_text

__all__ = [
    "best_settings",
    "confirmed_gains",
    "confirmed_settings",
    "contrast",
    "contrast_cells",
    "interaction",
    "load_phases",
    "load_pretraining",
    "load_reports",
    "load_scores",
    "load_trials",
    "paper_table",
    "report_page",
    "report_text",
    "selection_ladder",
    "status_text",
    "with_trials",
]
