"""Which site of a network causes its answer: patching, ablation, noise, attribution, paths, knockouts."""

from aetia.tracing.api import trace
from aetia.tracing.study import Pair, TraceStudy

__all__ = ["Pair", "TraceStudy", "trace"]
