"""Does cutting an edge change the answer by more than cutting as many random keys would?

Each item has its real cut and B random ones, drawn for it alone: under the null these B + 1 changes are exchangeable
within the item, whatever the other items do. So a draw of the null takes one of them for each item, at random.

Letters: G cells, N items (or clusters), B random sets of keys an item, M draws.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.effects.tests import Correction, against_null

__all__ = ["Place", "exchanged", "random_keys_tests"]

Floats: TypeAlias = npt.NDArray[np.float64]
Place: TypeAlias = tuple[object, ...]

_DRAWS = 1999


def exchanged(
    changes: Floats, correction: Correction = "max-t", seed: int = 0, draws: int = _DRAWS
) -> tuple[Floats, Floats]:
    """Return `p` and `q`, `[G]`, of "the first of an item's B + 1 changes is no larger than the others".

    The statistic is the sum over items of the first change's size less the mean of all, over its standard deviation
    under the null, so that cells of any size stand beside each other; `q` compares with the largest cell of every draw.
    Sizes are absolute, and the test is one-sided: what matters less than random keys do is no finding. All cells of an
    item are exchanged together, which keeps their dependence. NaN for fewer than two items.

    Args:
        changes: `[G, N, B + 1]`, the real cut first.
        correction: For the number of cells.
        seed: Of the draws.
        draws: M.

    Source: Pitman 1937 (exchange within blocks); Westfall and Young 1993 (max-T).
    """
    cells, items, ways = changes.shape
    if items < 2:
        return np.full(cells, np.nan), np.full(cells, np.nan)
    sizes = np.abs(changes)
    centred = sizes - sizes.mean(axis=2, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=2).sum(axis=1))[:, None, None]
    scores = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0.0)
    taken = np.random.default_rng(seed).integers(0, ways, (items, draws))
    drawn = np.zeros((cells, draws))
    for item in range(items):
        drawn += scores[:, item, taken[item]]
    drawn = np.maximum(drawn, 0.0)  # the upper tail alone
    null = ((row, float(row.max(initial=0.0))) for row in drawn.T)
    return against_null(np.maximum(scores[:, :, 0].sum(axis=1), 0.0), null, correction)


def random_keys_tests(
    values: pa.Table, dimensions: Sequence[str], correction: Correction, seed: int
) -> Mapping[Place, tuple[float, float]]:
    """Return `p` and `q` of every cell, by its place in the dimensions.

    Args:
        values: The columns `item`, the dimensions, `draw` (none for the real cut), `value` and, where items depend on
            each other, `cluster`, whose items count as their mean.
        dimensions: The columns that name a cell.
        correction: For the number of cells.
        seed: Of the draws.
    """
    unit = "cluster" if "cluster" in values.schema.names else "item"
    places = list(zip(*(values[name].to_pylist() for name in dimensions), strict=True))
    cell_of = {place: number for number, place in enumerate(dict.fromkeys(places))}
    units = values[unit].to_pylist()
    unit_of = {name: number for number, name in enumerate(sorted(set(units)))}
    way = np.array([0 if draw is None else draw + 1 for draw in values["draw"].to_pylist()], dtype=np.int64)
    index = (np.array([cell_of[place] for place in places]), np.array([unit_of[name] for name in units]), way)
    shape = (len(cell_of), len(unit_of), int(way.max(initial=0)) + 1)
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, index, values["value"].to_numpy())
    np.add.at(count, index, 1.0)
    whole = (count > 0).all(axis=(0, 2))  # an item whose batch failed is left out
    p, q = exchanged(total[:, whole] / count[:, whole], correction, seed)
    return {place: (float(p[number]), float(q[number])) for place, number in cell_of.items()}
