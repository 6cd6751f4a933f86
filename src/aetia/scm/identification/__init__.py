"""Which causal effects follow from what was measured, and what is the witness where one does not?"""

from aetia.scm.identification.evidence import OBSERVATION, Evidence
from aetia.scm.identification.hedge import Hedge
from aetia.scm.identification.identify import Finding, Identification, Obstacle, Refusal, attempt, identify

__all__ = [
    "OBSERVATION",
    "Evidence",
    "Finding",
    "Hedge",
    "Identification",
    "Obstacle",
    "Refusal",
    "attempt",
    "identify",
]
