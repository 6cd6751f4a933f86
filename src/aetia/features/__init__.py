"""Which feature of a site carries a variable: subspace patches with their guard, alignment maps beside their twins."""

from aetia.features.api import align, patch_subspace
from aetia.features.study import AlignmentStudy, SubspaceStudy

__all__ = ["AlignmentStudy", "SubspaceStudy", "align", "patch_subspace"]
