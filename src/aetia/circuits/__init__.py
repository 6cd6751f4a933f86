"""Which edges between a network's parts carry a behaviour, and is what they make the whole of it?

Names are imported when they are first used: reading and drawing a circuit needs no torch. The search of ACDC is
`aetia.circuits.acdc.acdc`.
"""

from typing import TYPE_CHECKING

from aetia.lazy import names_from

if TYPE_CHECKING:
    from aetia.circuits.acdc import Search
    from aetia.circuits.api import circuit
    from aetia.circuits.attribution import edge_attribution
    from aetia.circuits.edge_patching import Explanation, edge_effects, explanatory_graph, joint_effects
    from aetia.circuits.execution import Prepared, circuit_outcomes, circuit_residuals, prepare, reference_writes
    from aetia.circuits.found import circuit_of
    from aetia.circuits.graph import Circuit, Graph
    from aetia.circuits.metrics import cmd, cpr, faithfulness, faithfulness_curve
    from aetia.circuits.study import CircuitStudy

__all__ = [
    "Circuit",
    "CircuitStudy",
    "Explanation",
    "Graph",
    "Prepared",
    "Search",
    "circuit",
    "circuit_of",
    "circuit_outcomes",
    "circuit_residuals",
    "cmd",
    "cpr",
    "edge_attribution",
    "edge_effects",
    "explanatory_graph",
    "faithfulness",
    "faithfulness_curve",
    "joint_effects",
    "prepare",
    "reference_writes",
]

_HOMES = {
    "acdc": ("Search",),
    "api": ("circuit",),
    "attribution": ("edge_attribution",),
    "edge_patching": ("Explanation", "edge_effects", "explanatory_graph", "joint_effects"),
    "execution": ("Prepared", "circuit_outcomes", "circuit_residuals", "prepare", "reference_writes"),
    "found": ("circuit_of",),
    "graph": ("Circuit", "Graph"),
    "metrics": ("cmd", "cpr", "faithfulness", "faithfulness_curve"),
    "study": ("CircuitStudy",),
}

__getattr__ = names_from(__name__, _HOMES)
