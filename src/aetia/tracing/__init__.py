"""Which site of a network causes its answer: patching, ablation, noise, attribution, paths, knockouts."""

from aetia.studies.study import Pair
from aetia.tracing.api import trace
from aetia.tracing.study import TraceStudy

__all__ = ["Pair", "TraceStudy", "trace"]
