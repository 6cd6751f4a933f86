"""Which causal effects follow from what was measured, and what is the witness where one does not?"""

from aetia.scm.identification.disagreement import disagreement
from aetia.scm.identification.estimand import Finding, Identification
from aetia.scm.identification.evidence import OBSERVATION, Evidence
from aetia.scm.identification.hedge import Hedge
from aetia.scm.identification.identify import attempt, identify
from aetia.scm.identification.refusal import Obstacle, Refusal

__all__ = [
    "OBSERVATION",
    "Evidence",
    "Finding",
    "Hedge",
    "Identification",
    "Obstacle",
    "Refusal",
    "attempt",
    "disagreement",
    "identify",
]
