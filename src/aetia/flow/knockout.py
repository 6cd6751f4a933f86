"""With which interventions is attention between positions forbidden?

Letters: L layers, T positions.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

from aetia.flow.groups import Cuts
from aetia.models.interventions import Intervention, Knockout
from aetia.models.sites import Site

__all__ = ["knockouts"]


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
