"""Which systems have causes that are known by construction, and which have none?

Names are imported when they are first used: programs need no torch.
"""

from typing import TYPE_CHECKING

from aetia.lazy import names_from

if TYPE_CHECKING:
    from aetia.truth.compile import Compiled, compile_program
    from aetia.truth.null_networks import NullSystem, meaningless_labels, null_system, null_systems, random_contrasts
    from aetia.truth.null_pictures import NullSight, blanked, null_sight, null_sights
    from aetia.truth.planting import Graded, graded_system, planted
    from aetia.truth.program import Head, Layer, Lookup, Patch, Program, Reading, Trace, Variable, run
    from aetia.truth.source import to_python
    from aetia.truth.systems import TruthSystem, truth_system, truth_systems

__all__ = [
    "Compiled",
    "Graded",
    "Head",
    "Layer",
    "Lookup",
    "NullSight",
    "NullSystem",
    "Patch",
    "Program",
    "Reading",
    "Trace",
    "TruthSystem",
    "Variable",
    "blanked",
    "compile_program",
    "graded_system",
    "meaningless_labels",
    "null_sight",
    "null_sights",
    "null_system",
    "null_systems",
    "planted",
    "random_contrasts",
    "run",
    "to_python",
    "truth_system",
    "truth_systems",
]

_HOMES = {
    "compile": ("Compiled", "compile_program"),
    "null_networks": ("NullSystem", "meaningless_labels", "null_system", "null_systems", "random_contrasts"),
    "null_pictures": ("NullSight", "blanked", "null_sight", "null_sights"),
    "planting": ("Graded", "graded_system", "planted"),
    "program": ("Head", "Layer", "Lookup", "Patch", "Program", "Reading", "Trace", "Variable", "run"),
    "source": ("to_python",),
    "systems": ("TruthSystem", "truth_system", "truth_systems"),
}

__getattr__ = names_from(__name__, _HOMES)
