"""What can be tried and how it is named: settings, catalogue, keys, records, layout, metrics.

Imports neither torch nor Ray, so a laptop can read and describe any study.
"""

from spaces.catalogue import Catalogue
from spaces.enumeration import describe
from spaces.mistakes import PlanError
from spaces.plan import Plan, load_plan
from spaces.settings import Mixture, Optimisation, Part, Seeds, TransferSetting
from spaces.suggest import suggest

__all__ = [
    "Catalogue",
    "Mixture",
    "Optimisation",
    "Part",
    "Plan",
    "PlanError",
    "Seeds",
    "TransferSetting",
    "describe",
    "load_plan",
    "suggest",
]
