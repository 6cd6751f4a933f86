"""What can be said of a quantity that graph and data do not determine?"""

from aetia.scm.bounding.gumbel import PointAnswer, answer_by_gumbel_max
from aetia.scm.bounding.law import Experiment, Law
from aetia.scm.bounding.programs import BUDGET, Bounds, bounds
from aetia.scm.bounding.tian_pearl import Causation, causation_bounds, necessity_bounds

__all__ = [
    "BUDGET",
    "Bounds",
    "Causation",
    "Experiment",
    "Law",
    "PointAnswer",
    "answer_by_gumbel_max",
    "bounds",
    "causation_bounds",
    "necessity_bounds",
]
