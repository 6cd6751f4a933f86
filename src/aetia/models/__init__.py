"""Networks as causal systems: load them, name their sites, intervene, measure, plan."""


__all__ = [
    "Add",
    "Cell",
    "Intervention",
    "Knockout",
    "Network",
    "Outcome",
    "Project",
    "Recording",
    "Replace",
    "Scale",
    "Set",
    "Site",
    "gradients",
    "load",
    "plan",
    "record",
    "run_planned",
    "run_with_hooks",
    "wrap",
]
