"""What does a run answer if only some positions read a part of the prompt as it is in another run?

A path-specific intervention: at every layer the chosen readers attend to the other run's keys and values at the
source's positions, all other rows to their own. Nothing of the residual stream is replaced, so that what a reader then
passes on is what it makes of what it read.

Letters: T positions, K key/value heads, d head width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.flow.groups import LAST, groups_of
from aetia.models.attention import AttentionCall, handled_attention, own_attention
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt, pictures_of
from aetia.models.recording import Recording
from aetia.text import clean_text

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["DIRECT", "OTHERS", "Paths", "blank_prompts", "logits_reading", "paths_of", "plain_outcome"]

DIRECT, OTHERS = "direct", "via other positions"


@dataclass(frozen=True)
class Paths:
    """The ways from a source to the last position, told apart by who reads the source.

    Args:
        source: The source's positions.
        readers: By path, the positions that read the source on it; together they are all that can.
    """

    source: tuple[int, ...]
    readers: dict[str, tuple[int, ...]]

    @property
    def everyone(self) -> tuple[int, ...]:
        """All readers."""
        return tuple(sorted(place for places in self.readers.values() for place in places))


def paths_of(item: "AlignedContrast", source: str, mediators: Sequence[str]) -> Paths:
    """The paths from a group to the last position: read by it directly, by each mediator first, or by others first.

    A position of several mediators belongs to the first; positions of the source mediate nothing.

    Raises:
        StudyError: AE-9502 the item lacks a group; AE-9508 a mediator has no position that can read the source.
    """
    groups = groups_of(item)
    for name in (source, *mediators):
        if name not in groups:
            raise StudyError(
                "AE-9502",
                f"The item {clean_text(item.id, 40)} has no group {name!r}.",
                details=(f"its groups: {', '.join(groups)}",),
                mend="name one of its groups, or give the contrasts a span or a region of that name.",
            )
    read = groups[source]
    last = groups[LAST][-1]
    if last in read:
        found = f"The source {source!r} holds the last position, so that there is no path from one to the other."
        raise StudyError("AE-9508", found, mend="name a source before the last position.")
    left = [place for place in range(min(read) + 1, item.length) if place not in read and place != last]
    readers: dict[str, tuple[int, ...]] = {DIRECT: (last,)}
    for name in mediators:
        readers[f"via {name}"] = tuple(place for place in left if place in groups[name])
        if not readers[f"via {name}"]:
            found = f"In the item {clean_text(item.id, 40)} no position of {name!r} can pass on what {source!r} holds."
            raise StudyError("AE-9508", found, mend="name mediators between the source and the last position.")
        left = [place for place in left if place not in groups[name]]
    return Paths(read, readers | ({OTHERS: tuple(left)} if left else {}))


@torch.inference_mode()
def logits_reading(
    network: Network, ids: Sequence[int], other: Recording, source: Sequence[int], readers: Sequence[int]
) -> Tensor:
    """The last logits `[1, 1, V]` of a run in which some positions read the source as another run has it.

    Args:
        network: The network.
        ids: The prompt that is run.
        other: The recorded run whose keys and values are read, of as many positions.
        source: The positions that are read differently.
        readers: The positions that read them so, at every layer.
    """
    rows, columns = list(readers), list(source)

    def attend(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        out, weights = own_attention(call)
        layer = network.attentions[call.module]
        key, value = call.key.clone(), call.value.clone()
        key[0][:, columns] = other.keys[layer][:, columns]
        value[0][:, columns] = other.values[layer][:, columns]
        changed, _ = own_attention(replace(call, key=key, value=value))
        out = out.clone()
        out[:, rows] = changed[:, rows]
        return out, weights

    inputs = network.inputs([ids])
    with handled_attention(network.config, attend):
        return network.module(**inputs, logits_to_keep=1, use_cache=False).logits.float()


@torch.inference_mode()
def plain_outcome(network: Network, ids: Sequence[int], outcome: Outcome) -> Tensor:
    """The outcome of a plain run, `[1 + k]` with k decoys."""
    logits = network.module(**network.inputs([ids]), logits_to_keep=1, use_cache=False).logits.float()
    return outcome.from_logits(logits)[0].reshape(-1).double().cpu()


def blank_prompts(items: "Sequence[AlignedContrast]") -> tuple[Prompt | None, ...]:
    """Each clean prompt with its pictures withheld: all pixels have the mean colour of all pictures of all items.

    The mean over items tells nothing of any one of them, as the mean colour of its own picture would. None for items
    without pictures.
    """
    everything = {
        picture for item in items for ids in (item.clean_ids, item.corrupted_ids) for picture in pictures_of(ids)
    }
    if not everything:
        return (None,) * len(items)
    pixels = sum(picture.height * picture.width for picture in everything)
    ordered = sorted(everything, key=lambda one: one.digest)  # a sum of floats depends on its order
    mean = sum(picture.pixels.sum(axis=(0, 1), dtype=np.float64) for picture in ordered) / pixels
    colour = np.round(mean).astype(np.uint8)
    return tuple(_blank(item, colour) for item in items)


def _blank(item: "AlignedContrast", colour: np.ndarray) -> Prompt | None:
    ids = item.clean_ids
    if not isinstance(ids, Prompt) or not ids.pictures:
        return None
    blank = [Picture(np.broadcast_to(colour, one.pixels.shape).copy(), "blank") for one in ids.pictures]
    return Prompt(ids, blank, ids.starts)
