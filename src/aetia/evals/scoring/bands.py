"""How near is an estimate to the exact value? The bands of an item that asks about how much something is.

Such an item says its bands among its facts: `{"exact": "0.000001", "good": "0.2", "mild": "0.6"}`. The first is an
absolute distance, the others are relative to the exact value.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal, get_args

from aetia.evals.item import Item
from aetia.evals.scoring._numbers import number_in
from aetia.runs.keys import JSON

__all__ = ["BANDS", "STREET_BANDS", "Band", "band_of", "best_guess", "is_estimated", "is_near"]

Band = Literal["exact", "good", "mild", "way off"]
"""`exact` and `good` estimates are right, the others wrong."""

BANDS: tuple[Band, ...] = get_args(Band)

STREET_BANDS: Mapping[str, JSON] = {"exact": "0.000001", "good": "0.2", "mild": "0.6"}
"""StreetMath's: https://arxiv.org/abs/2510.25776."""


def is_estimated(item: Item) -> bool:
    """Whether the item asks for an estimate: it is one of a number, and its facts say the bands."""
    return item.form == "number" and _limits(item) is not None


def band_of(text: str | None, item: Item) -> Band | None:
    """Return the band of an answer; None if it is no number, or the item has no bands.

    An estimate at a limit is within it, except for exact ones, which are nearer than the limit.

    Source: StreetMath, arXiv 2510.25776, seed 122: exact within 1e-6, good within 20%, mildly off within 60%.
    """
    limits, said, label = _limits(item), number_in(text or ""), number_in(item.label)
    if limits is None or said is None or label is None:
        return None
    distance = abs(said - label)
    if distance < limits["exact"]:
        return "exact"
    if distance <= limits["good"] * abs(label):
        return "good"
    return "mild" if distance <= limits["mild"] * abs(label) else "way off"


def is_near(text: str, item: Item) -> bool:
    """Return whether an answer is near enough to be right: exact, or a good approximation."""
    return band_of(text, item) in {"exact", "good"}


def best_guess(items: Sequence[tuple[Item, str]]) -> int:
    """Return how many items the same estimate for all of them gets right, at most; 0 if they are of one cluster.

    Args:
        items: Items that ask for an estimate, each with its cluster.
    """
    ends: list[tuple[Fraction, int, str]] = []
    for item, cluster in items:
        limits, label = _limits(item), number_in(item.label)
        if limits is not None and label is not None:
            room = limits["good"] * abs(label)
            ends += [(label - room, 0, cluster), (label + room, 1, cluster)]
    best, inside = 0, dict[str, int]()
    for _, is_end, cluster in sorted(ends):
        inside[cluster] = inside.get(cluster, 0) + (-1 if is_end else 1)
        if not inside[cluster]:
            del inside[cluster]
        best = max(best, sum(inside.values()) if len(inside) > 1 else 0)
    return best


def _limits(item: Item) -> Mapping[str, Fraction] | None:
    told = item.facts.get("bands")
    if not isinstance(told, Mapping):
        return None
    limits = {str(name): number_in(str(value)) for name, value in told.items()}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    return known if known.keys() >= {"exact", "good", "mild"} else None
