"""Does cutting an edge change the answer by more than chance: than random keys, or than it changes other answers?

Each item has its real change and B others, of random cuts: under the null these B + 1 are exchangeable within the item,
whatever the other items do. So a draw of the null takes one of them for each item, at random. Or it has k others, of
the same cut on other answers, one for each exchange of all answers: then a draw takes the same one in all items.

Letters: G cells compared with cuts, H with answers, N items (or clusters), B random sets of keys an item, k exchanges
of all answers, M draws.
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
    """What a cell was compared with, as `label-permutation:39`, and its `p` and `q`; NaN of a single item."""

    null: str
    p: float
    q: float


_DRAWS = 1999
_DRAWS_A_CELL = 40  # with which one cell can pass a correction of p for the number of cells


def exchanged(
    cuts: Floats,
    correction: Correction = "max-t",
    seed: int = 0,
    draws: int = _DRAWS,
    answers: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return `p` and `q`, `[G + H]`, of "the first of an item's changes is no larger than the others".

    The statistic is the sum over items of the first change's size less the mean of all, over its standard deviation
    under the null, so that cells of any size stand beside each other; `q` compares with the largest cell of every draw.
    Of cuts, sizes are absolute, and the test is one-sided: what matters less than random keys do is no finding. Of
    answers, changes keep their sign, since a cut moves probability from one answer to others, and the test is
    two-sided. All cells that are compared alike are exchanged together, which keeps their dependence. NaN for fewer
    than two items.

    Args:
        cuts: `[G, N, B + 1]`, the real one first.
        correction: For the number of cells.
        seed: Of the draws.
        draws: M, or more where the correction needs them or the exchanges of answers are to come equally often.
        answers: `[H, N, k + 1]`, what the real cut does to the items' own answers, then under each exchange.

    Source: Pitman 1937 (exchange within blocks); Westfall and Young 1993 (max-T).
    """
    answers = np.zeros((0, cuts.shape[1], 1)) if answers is None else answers
    cells = len(cuts) + len(answers)
    if cuts.shape[1] < 2:
        return np.full(cells, np.nan), np.full(cells, np.nan)
    draws = draws if correction == "max-t" else max(draws, _DRAWS_A_CELL * cells - 1)
    repeats = -(-(draws + 1) // answers.shape[2])
    chance = np.random.default_rng(seed)
    of_cuts = _drawn_by_item(np.abs(cuts), repeats * answers.shape[2], chance)
    of_answers = _drawn_together(answers, repeats, chance)
    found = np.concatenate([np.maximum(of_cuts, 0.0), np.abs(of_answers)]).T  # of cuts the upper tail alone
    return against_null(found[0], ((row, float(row.max(initial=0.0))) for row in found[1:]), correction)


def _drawn_by_item(sizes: Floats, count: int, chance: np.random.Generator) -> Floats:
    """The statistics of the data and of draws that take any of each item's sizes, `[G, count]`."""
    cells, items, ways = sizes.shape
    centred = sizes - sizes.mean(axis=2, keepdims=True)
    scores = _over(centred, np.sqrt((centred**2).mean(axis=2).sum(axis=1))[:, None, None])
    taken = np.zeros((items, count), dtype=np.int64)
    taken[:, 1:] = chance.integers(0, ways, (items, count - 1))
    found = np.zeros((cells, count))
    for item in range(items):
        found += scores[:, item][:, taken[item]]
    return found


def _drawn_together(changes: Floats, repeats: int, chance: np.random.Generator) -> Floats:
    """The statistics of the data and of draws that take one way in all items, each as often as the others."""
    sums = changes.sum(axis=1)
    sums -= sums.mean(axis=1, keepdims=True)
    order = np.repeat(np.arange(changes.shape[2]), repeats)
    chance.shuffle(order[1:])
    return _over(sums, np.sqrt((sums**2).mean(axis=1, keepdims=True)))[:, order]


def _over(values: Floats, scale: Floats) -> Floats:
    return np.divide(values, scale, out=np.zeros_like(values), where=scale > 0.0)


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
    places = list(zip(*(values[name].to_pylist() for name in dimensions), strict=True))
    nulls = {place: null for place, null in zip(places, values["null"].to_pylist(), strict=True) if null is not None}
    if not nulls:
        return {}
    units = np.unique(values[unit].to_pylist(), return_inverse=True)[1]
    kinds = [[cell for cell in nulls if (nulls[cell] == LABELS) == is_answer] for is_answer in (False, True)]
    cuts, answers = (_changes(values, places, units, cells) for cells in kinds)
    whole = ~np.isnan(cuts).any(axis=(0, 2)) & ~np.isnan(answers).any(axis=(0, 2))  # whose batch did not fail
    p, q = exchanged(cuts[:, whole], correction, seed, answers=answers[:, whole])
    draws = [found.shape[2] - 1 for cells, found in zip(kinds, (cuts, answers), strict=True) for _ in cells]
    return {
        cell: Tested(f"{nulls[cell]}:{draws[number]}", float(p[number]), float(q[number]))
        for number, cell in enumerate(kinds[0] + kinds[1])
    }


def _changes(values: pa.Table, places: Sequence[Place], units: npt.NDArray[np.int64], cells: Sequence[Place]) -> Floats:
    """The changes in some cells, `[cells, units, 1 + draws]`, the mean of a unit's items; NaN where there is none."""
    cell_of = {cell: number for number, cell in enumerate(cells)}
    rows = np.array([row for row, place in enumerate(places) if place in cell_of], dtype=np.int64)
    way = values["draw"].take(rows).fill_null(-1).to_numpy().astype(np.int64) + 1
    index = (np.array([cell_of[places[row]] for row in rows], dtype=np.int64), units[rows], way)
    total = np.zeros((len(cells), int(units.max()) + 1, int(way.max(initial=0)) + 1))
    count = np.zeros_like(total)
    np.add.at(total, index, values["value"].take(rows).to_numpy())
    np.add.at(count, index, 1.0)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
