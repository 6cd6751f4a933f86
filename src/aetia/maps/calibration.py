"""How often is a map trusted that must not be? The whole verdict, rerun on decoys, and on weights drawn anew."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from aetia.effects import clopper_pearson_interval
from aetia.errors import StudyError
from aetia.maps.api import trust_maps
from aetia.maps.names import DECOY_NAMES, DEFAULT_MAPS
from aetia.runs import JSON

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["FalseTrust", "Nothing", "false_positives"]

Nothing = Literal["decoys", "randomised-weights"]
_KINDS = ("decoys", "randomised-weights")


@dataclass(frozen=True)
class FalseTrust:
    """How often a verdict trusted what it should not have.

    Args:
        kind: What was not to be trusted.
        trials: How many studies were made.
        found: In how many of them any map was trusted.
        low: The exact interval of the rate.
        high: Its upper end.
        by_map: In how many trials each map was.
        beyond_random: In how many any map was better than random cells. That is no error: things in random order are,
            since questions are about things; and of randomised weights the output hangs on the pixels too, and an exact
            map of that is right.
    """

    kind: Nothing
    trials: int
    found: int
    low: float
    high: float
    by_map: Mapping[str, int]
    beyond_random: int

    @property
    def rate(self) -> float:
        """The share of trials in which any map was trusted."""
        return self.found / self.trials


def false_positives(
    network: "Network",
    items: "Sequence[AlignedContrast]",
    kind: Nothing,
    *,
    trials: int = 20,
    maps: Sequence[str] = DEFAULT_MAPS,
    **fields: JSON,
) -> FalseTrust:
    """How often any map is trusted that must not be.

    Args:
        network: The trained network.
        items: Contrasts of pictures that it answers.
        kind: `decoys` asks the trained network, which sees, by maps that are of something else (`DECOY_NAMES`), and by
            the random map; `randomised-weights` redraws its weights, each trial anew.
        trials: How many studies; each has its own seed.
        maps: The maps, for `randomised-weights`.
        fields: The further fields of `MapStudy`, such as `draws`.

    Raises:
        StudyError: AE-9610 there is no such kind.
    """
    if kind not in _KINDS:
        raise StudyError(
            "AE-9610", f"There is no {kind!r} to test verdicts on.", mend=f"use one of {', '.join(_KINDS)}."
        )
    from aetia.models.randomise import randomised

    names = (*DECOY_NAMES, "random") if kind == "decoys" else tuple(maps)
    counts, found, beyond = Counter[str](), 0, 0
    for trial in range(trials):
        asked_of = network if kind == "decoys" else randomised(network, trial)
        result = trust_maps(asked_of, items, names, **{**fields, "seed": trial})
        trusted = [one.map for one in result.trust if one.is_trusted]
        counts.update(trusted)
        found += bool(trusted)
        beyond += any(one.is_beyond_random for one in result.trust)
    low, high = clopper_pearson_interval(np.array([float(found)]), np.array([float(trials)]))
    return FalseTrust(kind, trials, found, float(low[0]), float(high[0]), dict(counts), beyond)
