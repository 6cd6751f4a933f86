"""Causal models as string diagrams: boxes and wires, their matrices, surgery, combs and twins."""

from aetia.scm.diagrams.category import Box, Diagram, Step, copy, discard, identity, swap
from aetia.scm.diagrams.combs import Comb, comb_disintegration
from aetia.scm.diagrams.convert import diagram_of, graph_of, interpretation_of
from aetia.scm.diagrams.drawing import diagram_svg
from aetia.scm.diagrams.semantics import Interpretation, interpret, stochastic_matrix
from aetia.scm.diagrams.surgery import cut, mapped, point, reset, uniform
from aetia.scm.diagrams.twins import counterfactual, twinned

__all__ = [
    "Box",
    "Comb",
    "Diagram",
    "Interpretation",
    "Step",
    "comb_disintegration",
    "copy",
    "counterfactual",
    "cut",
    "diagram_of",
    "diagram_svg",
    "discard",
    "graph_of",
    "identity",
    "interpret",
    "interpretation_of",
    "mapped",
    "point",
    "reset",
    "stochastic_matrix",
    "swap",
    "twinned",
    "uniform",
]
