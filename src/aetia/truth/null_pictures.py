"""In which systems that see is there nothing to find? Unlearned weights, empty pictures, and maps of something else."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args
from zlib import crc32

import numpy as np

from aetia.contrasts import AlignedContrast, find_set
from aetia.errors import StudyError
from aetia.models.network import Network, load
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt
from aetia.models.randomise import randomised

__all__ = ["NullSight", "NullSightName", "blanked", "null_sight", "null_sights"]

NullSightName = Literal["unlearned", "blank", "answered"]

_MODEL, _SET = "toy-llava", "scenes:colour"


@dataclass(frozen=True, eq=False)
class NullSight:
    """A network that sees, and contrasts of pictures, in which an instrument must find nothing.

    `unlearned` and `blank` answers are owed to no picture. `answered` are the trained network's right answers to real
    pictures, where it is the instrument that is asked about something else: maps of other items, or other questions.

    Args:
        name: One of `null_sights()`.
        network: The network.
        seed: Of the weights, or of the blank colour, or of the scenes.
    """

    name: NullSightName
    network: Network
    seed: int

    def draw(self, count: int, seed: int = 0) -> tuple[AlignedContrast, ...]:
        """`count` contrasts of scenes; a seed's first ones are always the same."""
        tokenizer = _toy().tokenizer
        assert tokenizer is not None
        items = find_set(_SET).draw(tokenizer, count, seed=seed, vision=self.network.vision).items
        return tuple(blanked(item, self.seed) for item in items) if self.name == "blank" else items


def null_sights() -> tuple[NullSightName, ...]:
    """The names: the toy's weights drawn anew; its trained ones with pictures of one colour, and with real ones."""
    return get_args(NullSightName)


def null_sight(name: str, seed: int = 0) -> NullSight:
    """One such system; each seed is another.

    Raises:
        StudyError: AE-1709 if there is no such system.
    """
    if name == "unlearned":
        return NullSight(name, randomised(_toy(), seed), seed)
    if name in ("blank", "answered"):
        return NullSight(name, _toy(), seed)
    known = ", ".join(null_sights())
    raise StudyError("AE-1709", f"There is no null system {name!r}.", mend=f"use one of {known}.")


def blanked(item: AlignedContrast, seed: int) -> AlignedContrast:
    """The item with all its pictures of one colour, another one for each item and seed."""
    colour = np.random.default_rng([seed, crc32(item.id.encode())]).integers(0, 256, 3, dtype=np.uint8)

    def blank(ids: tuple[int, ...]) -> tuple[int, ...]:
        if not isinstance(ids, Prompt):
            return ids
        shapes = [picture.pixels.shape for picture in ids.pictures]
        return Prompt(ids, [Picture(np.broadcast_to(colour, shape).copy(), "blank") for shape in shapes], ids.starts)

    return replace(item, clean_ids=blank(item.clean_ids), corrupted_ids=blank(item.corrupted_ids))


@lru_cache(maxsize=1)
def _toy() -> Network:
    return load(_MODEL, device="cpu")
