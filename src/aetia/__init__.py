"""What causes this answer? Calibrated instruments for finding causes in AI models.

Names are imported when they are first used, so that `import aetia` is quick and never loads torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aetia import circuits, contrasts, evals, flow, maps, scenes, scm
    from aetia.circuits import circuit
    from aetia.effects import Effects
    from aetia.evals import evaluate
    from aetia.features import align, patch_subspace
    from aetia.models import load
    from aetia.runs import open_run
    from aetia.tracing import trace
    from aetia.tracing.impair import impair

__all__ = [
    "Effects",
    "__version__",
    "align",
    "circuit",
    "circuits",
    "contrasts",
    "evals",
    "evaluate",
    "flow",
    "impair",
    "load",
    "maps",
    "open_run",
    "patch_subspace",
    "scenes",
    "scm",
    "trace",
]

__version__ = "0.1.0"

# Name -> the module it is taken from; a module stands for itself.
_HOMES = {
    "Effects": "aetia.effects",
    "align": "aetia.features",
    "circuit": "aetia.circuits",
    "circuits": "aetia.circuits",
    "contrasts": "aetia.contrasts",
    "evals": "aetia.evals",
    "evaluate": "aetia.evals",
    "flow": "aetia.flow",
    "impair": "aetia.tracing.impair",
    "load": "aetia.models",
    "maps": "aetia.maps",
    "open_run": "aetia.runs",
    "patch_subspace": "aetia.features",
    "scenes": "aetia.scenes",
    "scm": "aetia.scm",
    "trace": "aetia.tracing",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'aetia' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    value = home if _HOMES[name] == f"aetia.{name}" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
