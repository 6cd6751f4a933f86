"""What can be said of a quantity that graph and data do not determine?"""

from aetia.scm.bounds.gumbel import PointAnswer, answer_by_gumbel_max
from aetia.scm.bounds.law import Experiment, Law
from aetia.scm.bounds.programs import BUDGET, Bounds, bounds
from aetia.scm.bounds.tian_pearl import Causation, causation_bounds, necessity_bounds

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
