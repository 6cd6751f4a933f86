"""Which feature of a site carries a variable: subspace patches with their guard, alignment maps beside their twins.

Names are imported when they are first used: asking for a study needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aetia.features.api import align, patch_subspace
    from aetia.features.study import AlignmentStudy, SubspaceStudy

__all__ = ["AlignmentStudy", "SubspaceStudy", "align", "patch_subspace"]

_HOMES = {
    "api": ("align", "patch_subspace"),
    "study": ("AlignmentStudy", "SubspaceStudy"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"aetia.features.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'aetia.features' has no attribute {name!r}")
