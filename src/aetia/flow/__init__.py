"""How does information flow from one part of a prompt to another, and from a picture to the answer?

Torch is imported when a network is run, not when a study is written or a table is read.
"""

from aetia.flow.api import flow, mediate, pathways
from aetia.flow.recovery import recovery, recovery_of
from aetia.flow.study import FlowStudy, MediationStudy, PathwayStudy

__all__ = [
    "FlowStudy",
    "MediationStudy",
    "PathwayStudy",
    "flow",
    "mediate",
    "pathways",
    "recovery",
    "recovery_of",
]
