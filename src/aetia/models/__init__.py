"""Networks as causal systems: load them, name their sites, intervene, measure, plan.

Names are imported when they are first used: locating a model needs no torch.
"""

from typing import TYPE_CHECKING

from aetia.lazy import names_from

if TYPE_CHECKING:
    from aetia.models.hooks import gradients, run_with_hooks
    from aetia.models.interventions import Add, Intervention, Knockout, Project, Replace, Scale, Set
    from aetia.models.network import Network, load, wrap
    from aetia.models.outcome import Outcome
    from aetia.models.picture_files import read_picture
    from aetia.models.pictures import Picture
    from aetia.models.planner import Cell, plan
    from aetia.models.prompts import Prompt
    from aetia.models.recording import Recording, record
    from aetia.models.sites import Site
    from aetia.models.wavefront import run_planned

__all__ = [
    "Add",
    "Cell",
    "Intervention",
    "Knockout",
    "Network",
    "Outcome",
    "Picture",
    "Project",
    "Prompt",
    "Recording",
    "Replace",
    "Scale",
    "Set",
    "Site",
    "gradients",
    "load",
    "plan",
    "read_picture",
    "record",
    "run_planned",
    "run_with_hooks",
    "wrap",
]

_HOMES = {
    "hooks": ("gradients", "run_with_hooks"),
    "interventions": ("Add", "Intervention", "Knockout", "Project", "Replace", "Scale", "Set"),
    "network": ("Network", "load", "wrap"),
    "outcome": ("Outcome",),
    "picture_files": ("read_picture",),
    "pictures": ("Picture",),
    "planner": ("Cell", "plan"),
    "prompts": ("Prompt",),
    "recording": ("Recording", "record"),
    "sites": ("Site",),
    "wavefront": ("run_planned",),
}

__getattr__ = names_from(__name__, _HOMES)
