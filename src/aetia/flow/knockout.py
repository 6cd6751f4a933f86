"""What does forbidding attention between positions do to a run: interventions, and random keys to compare with.

Letters: L layers, T positions, D width, K key/value heads, d head width.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from random import Random
from typing import TYPE_CHECKING

from aetia.flow.groups import IMAGE, Cuts, groups_of
from aetia.models.interventions import Intervention, Knockout
from aetia.models.sites import Site

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["knockouts", "random_keys"]


def knockouts(cuts: Mapping[int, Cuts], layers: int, length: int) -> tuple[Intervention, ...]:
    """The interventions that make these cuts, by layer; neighbouring rows that lose the same keys go together.

    In the last layer only the last position's reads can reach the answer, so that other rows are left alone there.

    Args:
        cuts: By layer, what each row may no longer read.
        layers: L.
        length: T.
    """
    found = []
    for layer, rows in cuts.items():
        live = rows if layer < layers - 1 else {row: keys for row, keys in rows.items() if row == length - 1}
        for place, keys in _runs(live):
            found.append(Intervention(Site("pattern", layer, position=place), Knockout(tuple(sorted(keys)))))
    return tuple(found)


def _runs(rows: Cuts) -> Iterator[tuple[int | str, frozenset[int]]]:
    """Neighbouring rows with equal keys, as a position or a range."""
    ordered = sorted(rows.items())
    numbered = [(row - number, keys, row) for number, (row, keys) in enumerate(ordered)]
    for (_, keys), part in groupby(numbered, key=lambda one: one[:2]):
        places = [row for _, _, row in part]
        yield (places[0] if len(places) == 1 else f"{places[0]}:{places[-1] + 1}"), keys


def random_keys(item: "AlignedContrast", cuts: Cuts, seed: int) -> Cuts:
    """From each row as many earlier keys cut, drawn at random from positions of the same kind: the null random-keys.

    The kind is the picture if all keys lie in it, the text if none does, else the whole prompt. Where a row loses more
    than half of its kind, most draws would be nearly the same keys; all that comes before the row then takes the kind's
    place. The group's own keys may be drawn: among all sets of that size it is one. Rows share one order of the
    positions, so that rows that lose one group are compared with rows that lose one random set.

    Args:
        item: The item.
        cuts: What an edge's readers may no longer read.
        seed: Equal seeds draw equal keys.
    """
    order = list(range(item.length))
    Random(seed).shuffle(order)
    kind = _kind(item, cuts)
    found = {}
    for row, keys in cuts.items():
        count = sum(key < row for key in keys)
        pool = {place for place in kind if place < row}
        pool = pool if len(pool) >= 2 * count else set(range(row))
        found[row] = frozenset([place for place in order if place in pool][:count])
    return found


def _kind(item: "AlignedContrast", cuts: Cuts) -> frozenset[int]:
    image = frozenset(groups_of(item).get(IMAGE, ()))
    everything = frozenset(range(item.length))
    keys = frozenset[int]().union(*cuts.values())
    return next((kind for kind in (image, everything - image) if keys <= kind), everything)
