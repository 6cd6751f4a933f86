"""What are maps called in a study? Without torch, so that a study can be read without it."""

from aetia.errors import StudyError

__all__ = ["AT_ONE_LAYER", "DEFAULT_MAPS", "MAP_NAMES", "parsed_map"]

MAP_NAMES = (
    "attention",
    "rollout",
    "attention-gradient",
    "gradient-input",
    "logit-lens",
    "tam",
    "tam-filtered",
    "msea",
    "arc",
    "occlusion",
    "patch-ablation",
    "random",
)
"""Every map over the image tokens of a language model, the random control last."""

AT_ONE_LAYER = frozenset({"attention", "rollout", "logit-lens"})
"""The maps that can be read at one layer, as `attention:3`."""

DEFAULT_MAPS = tuple(name for name in MAP_NAMES if name != "tam-filtered")


def parsed_map(text: str) -> tuple[str, int | None]:
    """The map and the layer that `attention:3` or `tam` names.

    Raises:
        StudyError: AE-9606 if there is no such map, or it is not read at one layer.
    """
    name, _, layer = text.partition(":")
    if name not in MAP_NAMES:
        raise StudyError("AE-9606", f"There is no map {name!r}.", mend=f"use one of {', '.join(MAP_NAMES)}.")
    if not layer:
        return name, None
    if name not in AT_ONE_LAYER or not (layer.isascii() and layer.isdigit()):
        found = f"{text!r} names no map at one layer."
        raise StudyError("AE-9606", found, mend=f"write it like attention:3; so can {', '.join(sorted(AT_ONE_LAYER))}.")
    return name, int(layer)
