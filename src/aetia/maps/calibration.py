"""How often may a map be trusted where none may? The whole of it, rerun where there is nothing to see."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from aetia.effects import clopper_pearson_interval, passes
from aetia.errors import StudyError
from aetia.maps.api import trust_maps
from aetia.maps.names import DEFAULT_MAPS
from aetia.runs import JSON

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["FalseTrust", "Nothing", "false_positives"]

Nothing = Literal["randomised-weights", "blank-pictures", "random-map"]
_KINDS = ("randomised-weights", "blank-pictures", "random-map")


@dataclass(frozen=True)
class FalseTrust:
    """How often a verdict trusted what it should not have.

    Args:
        kind: What was absent.
        trials: How many studies were made.
        found: In how many of them any map was trusted.
        low: The exact interval of the rate.
        high: Its upper end.
        by_map: In how many trials each map was.
        beyond_random: In how many the deletion test of any map passed, before it was asked whether there is anything to
            explain. Of randomised weights this is no error: their output hangs on the pixels too, and an exact map of
            that is right.
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
    """How often any map is trusted on randomised weights, on blank pictures, or of maps that know nothing.

    Args:
        network: The trained network.
        items: Contrasts of pictures that it answers.
        kind: `randomised-weights` redraws its weights, each trial anew; `blank-pictures` paints every picture in one
            colour; `random-map` asks the trained network, by the random map alone.
        trials: How many studies; each has its own seed.
        maps: The maps, for the first two.
        fields: The further fields of `MapStudy`, such as `draws`.

    Raises:
        StudyError: AE-9610 there is no such kind.
    """
    if kind not in _KINDS:
        raise StudyError(
            "AE-9610", f"There is no {kind!r} to test verdicts on.", mend=f"use one of {', '.join(_KINDS)}."
        )
    names = ("random",) if kind == "random-map" else tuple(maps)
    counts, found, beyond = Counter[str](), 0, 0
    for trial in range(trials):
        result = trust_maps(*_without_cause(network, items, kind, trial), names, **{**fields, "seed": trial})
        trusted = [one.map for one in result.trust if one.is_trusted]
        counts.update(trusted)
        found += bool(trusted)
        beyond += bool(passes([one.q for one in result.trust], 0.95).any())
    low, high = clopper_pearson_interval(np.array([float(found)]), np.array([float(trials)]))
    return FalseTrust(kind, trials, found, float(low[0]), float(high[0]), dict(counts), beyond)


def _without_cause(
    network: "Network", items: "Sequence[AlignedContrast]", kind: Nothing, trial: int
) -> "tuple[Network, tuple[AlignedContrast, ...]]":
    from aetia.models.randomise import randomised
    from aetia.truth import blanked

    if kind == "randomised-weights":
        return randomised(network, trial), tuple(items)
    if kind == "blank-pictures":
        return network, tuple(blanked(item, trial) for item in items)
    return network, tuple(items)
