"""Does cutting an edge change the answer by more than chance: than random keys, or than it changes other answers?

Each item has its real change and B others, of random cuts or of other items' answers: under the null these B + 1 are
exchangeable within the item, whatever the other items do. So a draw of the null takes one of them for each item, at
random.

Letters: G cells, N items (or clusters), B random sets of keys an item, M draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetia.effects.tests import Correction, against_null
from aetia.studies.nulls import LABELS

__all__ = ["Place", "Tested", "exchanged", "random_keys_tests"]

Floats: TypeAlias = npt.NDArray[np.float64]
Place: TypeAlias = tuple[object, ...]


@dataclass(frozen=True)
class Tested:
    """What a cell was compared with, and its `p` and `q`; NaN of a single item."""

    null: str
    p: float
    q: float


_DRAWS = 1999
_DRAWS_A_CELL = 40  # with which one cell can pass a correction of p for the number of cells


def exchanged(
    changes: Floats,
    correction: Correction = "max-t",
    seed: int = 0,
    draws: int = _DRAWS,
    of_answers: Sequence[bool] | None = None,
) -> tuple[Floats, Floats]:
    """Return `p` and `q`, `[G]`, of "the first of an item's B + 1 changes is no larger than the others".

    The statistic is the sum over items of the first change's size less the mean of all, over its standard deviation
    under the null, so that cells of any size stand beside each other; `q` compares with the largest cell of every draw.
    Of cuts, sizes are absolute, and the test is one-sided: what matters less than random keys do is no finding. Of
    answers, changes keep their sign, since a cut moves probability from one answer to others, and the test is
    two-sided. All cells of an item that are compared alike are exchanged together, which keeps their dependence. NaN
    for fewer than two items.

    Args:
        changes: `[G, N, B + 1]`, the real one first.
        correction: For the number of cells.
        seed: Of the draws.
        draws: M, or more where the correction needs them.
        of_answers: `[G]`, whether the others are changes of other answers; by default all are other cuts.

    Source: Pitman 1937 (exchange within blocks); Westfall and Young 1993 (max-T).
    """
    cells, items, ways = changes.shape
    if items < 2:
        return np.full(cells, np.nan), np.full(cells, np.nan)
    is_answer = np.zeros(cells, np.bool_) if of_answers is None else np.asarray(of_answers, np.bool_)
    sizes = np.where(is_answer[:, None, None], changes, np.abs(changes))
    centred = sizes - sizes.mean(axis=2, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=2).sum(axis=1))[:, None, None]
    scores = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0.0)
    draws = draws if correction == "max-t" else max(draws, _DRAWS_A_CELL * cells - 1)
    drawn = np.zeros((cells, draws))
    chance = np.random.default_rng(seed)
    for alike in (~is_answer, is_answer):
        taken = chance.integers(0, ways, (items, draws))
        for item in range(items):
            drawn[alike] += scores[alike, item][:, taken[item]]
    found = np.stack([scores[:, :, 0].sum(axis=1), *drawn.T])
    found = np.where(is_answer, np.abs(found), np.maximum(found, 0.0))  # of cuts the upper tail alone
    return against_null(found[0], ((row, float(row.max(initial=0.0))) for row in found[1:]), correction)


def random_keys_tests(
    values: pa.Table, dimensions: Sequence[str], correction: Correction, seed: int
) -> Mapping[Place, Tested]:
    """Return `p` and `q` of every cell that is compared with something, by its place in the dimensions.

    Args:
        values: The columns `item`, the dimensions, `draw` (none for the real cut), `null` (of each draw, what it is),
            `value` and, where items depend on each other, `cluster`, whose items count as their mean.
        dimensions: The columns that name a cell.
        correction: For the number of cells.
        seed: Of the draws.
    """
    unit = "cluster" if "cluster" in values.schema.names else "item"
    names = list(zip(*(values[name].to_pylist() for name in dimensions), strict=True))
    nulls = {place: null for place, null in zip(names, values["null"].to_pylist(), strict=True) if null is not None}
    if not nulls:
        return {}
    values = values.filter(pa.array([place in nulls for place in names], pa.bool_()))
    places = [place for place in names if place in nulls]
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
    of_answers = [nulls[place] == LABELS for place in cell_of]
    p, q = exchanged(total[:, whole] / count[:, whole], correction, seed, of_answers=of_answers)
    return {place: Tested(nulls[place], float(p[number]), float(q[number])) for place, number in cell_of.items()}
