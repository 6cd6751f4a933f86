"""What are maps called in a study? Without torch, so that a study can be read without it."""

from typing import Literal

from aetia.errors import StudyError

__all__ = [
    "AT_ONE_LAYER",
    "CONTROL_NAMES",
    "DECOY_NAMES",
    "DEFAULT_MAPS",
    "MAP_NAMES",
    "OTHER_ITEMS",
    "RANDOM",
    "Fill",
    "Measure",
    "Quantity",
    "Removal",
    "of_other_items",
    "parsed_map",
]

Removal = Literal["pixels", "attention"]
Fill = Literal["median", "mean"]
Quantity = Literal["probability", "log_probability"]
Measure = Literal["deletion", "insertion"]

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

CONTROL_NAMES = ("edges", "contrast", "centre")
"""What anybody would name without a look into the model: every study has them, and a map has to beat them all."""

OTHER_ITEMS = "other items"
"""The last control: the same kind of map, drawn for other items and laid on this item's picture."""

RANDOM = "random maps"
"""What the rows of the random maps are called."""

DECOY_NAMES = ("things", "other-item", "other-question")
"""Maps that must not be trusted, to see whether a verdict can fail: none of them knows what this answer rests on."""

DEFAULT_MAPS = tuple(name for name in MAP_NAMES if name != "tam-filtered")


def of_other_items(name: str) -> str:
    """What the rows of a map are called that is drawn for other items."""
    return f"{name} of {OTHER_ITEMS}"


def parsed_map(text: str) -> tuple[str, int | None]:
    """The map and the layer that `attention:3` or `tam` names.

    Raises:
        StudyError: AE-9606 if there is no such map, or it is not read at one layer.
    """
    name, _, layer = text.partition(":")
    if name in CONTROL_NAMES:
        mend = "leave it out: every study has it, as a control that maps have to beat."
        raise StudyError("AE-9606", f"{name!r} is a control, and no map of the model.", mend=mend)
    if name not in (*MAP_NAMES, *DECOY_NAMES):
        raise StudyError("AE-9606", f"There is no map {name!r}.", mend=f"use one of {', '.join(MAP_NAMES)}.")
    if not layer:
        return name, None
    if name not in AT_ONE_LAYER or not (layer.isascii() and layer.isdigit()):
        found = f"{text!r} names no map at one layer."
        raise StudyError("AE-9606", found, mend=f"write it like attention:3; so can {', '.join(sorted(AT_ONE_LAYER))}.")
    return name, int(layer)
