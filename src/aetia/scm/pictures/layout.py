"""Where do the nodes of a picture lie, so that all links run from left to right and few of them cross?

The layered layout of Sugiyama: nodes get columns, links that pass a column hold a place in it, columns are put in
order, and the places are the least-squares ones that keep the order. Any picture of nodes and acyclic links has it:
causal graphs, string diagrams, circuits.
"""

import math
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from statistics import fmean, median

import numpy as np

__all__ = ["Layout", "Link", "Point", "layered_layout", "spread"]

Point = tuple[float, float]
"""Right and down, in pixels."""

_COLUMN_GAP, _ROW_GAP = 54.0, 20.0
_LANE, _LANE_GAP = 6.0, 13.0  # what a link takes of a column that it passes
_MOST_STRETCH = 2.2  # rows of a picture that is wide anyway lie farther apart
_ORDER_SWEEPS, _PLACE_SWEEPS = 12, 80
_STILL = 0.3  # pixels
_STEEP = 0.16  # a link that climbs far gets room to do so


@dataclass(frozen=True)
class Link:
    """From one node to another, whose column is farther right.

    Args:
        first, second: The nodes' names.
        at_first, at_second: Where it leaves and arrives: pixels below the node's middle.
    """

    first: str
    second: str
    at_first: float = 0.0
    at_second: float = 0.0


@dataclass(frozen=True)
class Layout:
    """A picture, laid out; its upper left corner is (0, 0).

    Args:
        places: The middle of each node.
        columns: The column of each node, from 0.
        routes: Of each link, in their order, the points it goes through; level from the first to the second, from the
            third to the fourth and so on, where it passes columns, so that it meets no node there.
        width, height: Of the whole, in pixels.
    """

    places: Mapping[str, Point]
    columns: Mapping[str, int]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


@dataclass(frozen=True)
class _Segment:
    """A link, or a part of one, from a column to the next. Nodes and lanes are numbers here."""

    first: int
    second: int
    at_first: float
    at_second: float
    weight: float


@dataclass(frozen=True)
class _Near:
    """A neighbour: its number, where the segment ends on it and where on oneself, and the segment's weight."""

    node: int
    there: float
    here: float
    weight: float


@dataclass(frozen=True)
class _Layered:
    """Nodes and, numbered after them, lanes; in columns.

    Args:
        heights: Of each node and lane.
        nodes: How many of them are nodes.
        segments: What joins them.
        chains: Of each link its ends and the lanes between.
        columns: From the left, each from above.
        is_held: Of each column whether its order is given.
    """

    heights: tuple[float, ...]
    nodes: int
    segments: tuple[_Segment, ...]
    chains: tuple[tuple[int, ...], ...]
    columns: tuple[tuple[int, ...], ...]
    is_held: tuple[bool, ...]

    @cached_property
    def left(self) -> list[list[_Near]]:
        """Of each node what it is joined to in the column before."""
        found = [list[_Near]() for _ in self.heights]
        for one in self.segments:
            found[one.second].append(_Near(one.first, one.at_first, one.at_second, one.weight))
        return found

    @cached_property
    def right(self) -> list[list[_Near]]:
        """Of each node what it is joined to in the column after."""
        found = [list[_Near]() for _ in self.heights]
        for one in self.segments:
            found[one.first].append(_Near(one.second, one.at_second, one.at_first, one.weight))
        return found


def layered_layout(
    sizes: Mapping[str, Point], links: Sequence[Link], *, starts: Sequence[str] = (), ends: Sequence[str] = ()
) -> Layout:
    """Return where each node lies and how each link runs; the same for the same input.

    Args:
        sizes: Of each node its width and height, in pixels, in the order that ties fall back on.
        links: The links; they form no cycle.
        starts: Nodes that stand in the first column, alone and in this order.
        ends: Nodes that stand in the last column, alone and in this order.

    Source:
        Sugiyama, Tagawa, Toda 1981; Gansner, Koutsofios, North, Vo 1993 (columns of least total length, median
        sweeps with transposition).
    """
    if not sizes:
        return Layout({}, {}, (), 0.0, 0.0)
    column_of = _columns(list(sizes), links, starts, ends)
    layered = _ordered(_with_lanes(sizes, links, column_of, (*starts, *ends)))
    return _measured(sizes, links, layered, column_of)


def _columns(names: list[str], links: Sequence[Link], starts: Sequence[str], ends: Sequence[str]) -> dict[str, int]:
    """The column of each node, so that the links have the least total length: a linear program with whole corners."""
    index = {name: number for number, name in enumerate(names)}
    index |= dict.fromkeys(starts, index[starts[0]] if starts else 0)
    index |= dict.fromkeys(ends, index[ends[0]] if ends else 0)
    pairs = [(index[link.first], index[link.second]) for link in links]
    inner = [index[name] for name in names if name not in {*starts, *ends}]
    held = [
        *((index[starts[0]], other) for other in inner if starts),
        *((one, index[ends[0]]) for one in inner if ends),
    ]
    rows = list(dict.fromkeys([*pairs, *held]))
    length = np.zeros(len(names))
    for first, second in pairs:
        length[first] -= 1
        length[second] += 1
    matrix = np.zeros((len(rows), len(names)))
    for row, (first, second) in enumerate(rows):
        matrix[row, first], matrix[row, second] = 1, -1
    # What no link holds goes to the left; the weight is too small to lengthen a link for it.
    length += 1 / (4 * len(names) ** 2)
    bounds = (0, len(names))
    from scipy.optimize import linprog  # half a second, for pictures alone

    found = linprog(length, matrix, -np.ones(len(rows)), bounds=bounds, method="highs-ds") if rows else None
    assert found is None or found.status == 0, "links form a cycle"
    level = np.zeros(len(names), int) if found is None else np.rint(found.x).astype(int)
    used = {value: place for place, value in enumerate(sorted({int(level[index[name]]) for name in names}))}
    return {name: used[int(level[index[name]])] for name in names}


def _with_lanes(
    sizes: Mapping[str, Point], links: Sequence[Link], column_of: Mapping[str, int], held: tuple[str, ...]
) -> _Layered:
    """The nodes, and a lane for every column that a link passes; each column in order of first sight."""
    names = list(sizes)
    number = {name: place for place, name in enumerate(names)}
    heights = [sizes[name][1] for name in names]
    columns: list[list[int]] = [[] for _ in range(max(column_of.values()) + 1)]
    segments, chains = list[_Segment](), list[tuple[int, ...]]()
    for name in [*held, *(name for name in names if name not in set(held))]:
        columns[column_of[name]].append(number[name])
    for link in links:
        chain = [number[link.first]]
        for column in range(column_of[link.first] + 1, column_of[link.second]):
            chain.append(len(heights))
            columns[column].append(len(heights))
            heights.append(_LANE)
        chain.append(number[link.second])
        chains.append(tuple(chain))
        for place, (one, other) in enumerate(pairwise(chain)):
            at_first = link.at_first if place == 0 else 0.0
            at_second = link.at_second if place == len(chain) - 2 else 0.0
            # A long link is kept straight before a short one is.
            weight = {0: 1.0, 1: 3.0, 2: 40.0}[(one >= len(names)) + (other >= len(names))]
            segments.append(_Segment(one, other, at_first, at_second, weight))
    is_held = tuple(any(node < len(names) and names[node] in held for node in column) for column in columns)
    return _Layered(tuple(heights), len(names), tuple(segments), tuple(chains), tuple(map(tuple, columns)), is_held)


def _ordered(layered: _Layered) -> _Layered:
    """The same with its columns in an order of few crossings: medians there and back, then swaps of neighbours."""
    ranks = [0] * len(layered.heights)
    columns = [list(column) for column in layered.columns]
    for column in columns:
        _rank(column, ranks)
    free = [index for index, held in enumerate(layered.is_held) if not held]
    best, fewest = layered.columns, _crossings(layered, ranks)
    for sweep in range(_ORDER_SWEEPS):
        if not fewest:
            break
        for index in free if sweep % 2 == 0 else reversed(free):
            _by_median(columns[index], ranks, layered.left if sweep % 2 == 0 else layered.right, layered)
        while any(_swapped(columns[index], ranks, layered) for index in free):
            pass
        count = _crossings(layered, ranks)
        if count < fewest:
            best, fewest = tuple(map(tuple, columns)), count
    return replace(layered, columns=best)


def _rank(column: Sequence[int], ranks: list[int]) -> None:
    for rank, node in enumerate(column):
        ranks[node] = rank


def _key(node: int, at: float, ranks: Sequence[int], layered: _Layered) -> float:
    """Where a segment ends, counted in places of the column; ends on one node differ by less than one."""
    return ranks[node] + at / (2 * layered.heights[node])


def _crossings(layered: _Layered, ranks: Sequence[int]) -> int:
    """How many pairs of segments cross."""
    ends: list[list[tuple[float, float]]] = [[] for _ in layered.columns]
    column_of = {node: index for index, column in enumerate(layered.columns) for node in column}
    for one in layered.segments:
        start = _key(one.first, one.at_first, ranks, layered)
        ends[column_of[one.first]].append((start, _key(one.second, one.at_second, ranks, layered)))
    count = 0
    for pairs in ends:
        seen: list[float] = []
        for _, end in sorted(pairs):
            count += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return count


def _by_median(column: list[int], ranks: list[int], near: Sequence[Sequence[_Near]], layered: _Layered) -> None:
    """Put a column's nodes in the order of their neighbours' medians; those without neighbours stay where they are."""
    wanted = {}
    for node in column:
        keys = [_key(one.node, one.there, ranks, layered) for one in near[node]]
        if keys:
            wanted[node] = (median(keys), fmean(keys))
    moved = iter(sorted(wanted, key=wanted.__getitem__))
    column[:] = [next(moved) if node in wanted else node for node in column]
    _rank(column, ranks)


def _swapped(column: list[int], ranks: list[int], layered: _Layered) -> bool:
    """Whether swapping two neighbours of a column removed crossings; all such swaps are made, once through."""
    is_better = False
    for place in range(len(column) - 1):
        upper, lower = column[place : place + 2]
        gain = 0
        for near in (layered.left, layered.right):
            above = [_key(one.node, one.there, ranks, layered) for one in near[upper]]
            below = [_key(one.node, one.there, ranks, layered) for one in near[lower]]
            gain += sum((one > other) - (one < other) for one in above for other in below)
        if gain > 0:
            column[place], column[place + 1] = lower, upper
            ranks[upper], ranks[lower] = place + 1, place
            is_better = True
    return is_better


def _measured(
    sizes: Mapping[str, Point], links: Sequence[Link], layered: _Layered, column_of: Mapping[str, int]
) -> Layout:
    """Pixels for everything."""
    names, down = list(sizes), _placed(layered)
    number = {name: place for place, name in enumerate(names)}
    widths = [
        max([sizes[names[node]][0] for node in column if node < len(names)], default=0.0) for column in layered.columns
    ]
    climbs = [0.0] * len(widths)
    at_column = {node: index for index, column in enumerate(layered.columns) for node in column}
    for one in layered.segments:
        climb = abs(down[one.first] + one.at_first - down[one.second] - one.at_second)
        climbs[at_column[one.first]] = max(climbs[at_column[one.first]], climb)
    lefts = list(
        accumulate(
            (width + _COLUMN_GAP + _STEEP * climb for width, climb in zip(widths, climbs, strict=True)), initial=0.0
        )
    )
    middle = [left + width / 2 for left, width in zip(lefts, widths, strict=False)]
    places = {name: (middle[column_of[name]], down[number[name]]) for name in names}
    routes = []
    for link, chain in zip(links, layered.chains, strict=True):
        start, end = places[link.first], places[link.second]
        route = [(start[0], start[1] + link.at_first)]
        for node, offset in [
            (chain[0], link.at_first),
            *((lane, 0.0) for lane in chain[1:-1]),
            (chain[-1], link.at_second),
        ]:
            column = at_column[node]
            route += [(lefts[column], down[node] + offset), (lefts[column] + widths[column], down[node] + offset)]
        routes.append((route[0], *route[2:-1], (end[0], end[1] + link.at_second)))
    width = lefts[len(widths) - 1] + widths[-1]
    height = max(down[node] + layered.heights[node] / 2 for node in range(len(down)))
    return Layout(places, dict(column_of), tuple(routes), width, height)


def _placed(layered: _Layered) -> list[float]:
    """How far down the middle of each node and lane is: least squares over the segments, in order and apart.

    Column by column, each exactly: the whole is convex and its constraints part by column, so this ends at the optimum.
    """
    down = [0.0] * len(layered.heights)
    steps = []
    stretch = min(max(len(layered.columns) / (2 * max(map(len, layered.columns))), 1.0), _MOST_STRETCH)
    for column in layered.columns:
        gaps = [stretch * (_ROW_GAP if max(pair) < layered.nodes else _LANE_GAP) for pair in pairwise(column)]
        steps.append(
            [
                (layered.heights[one] + layered.heights[other]) / 2 + gap
                for (one, other), gap in zip(pairwise(column), gaps, strict=True)
            ]
        )
        for node, place in zip(column, accumulate(steps[-1], initial=0.0), strict=True):
            down[node] = place
    for sweep in range(_PLACE_SWEEPS):
        moved = 0.0
        order = range(len(layered.columns)) if sweep % 2 == 0 else reversed(range(len(layered.columns)))
        for index in order:
            column, wanted, weights = layered.columns[index], [], []
            for node in column:
                near = [*layered.left[node], *layered.right[node]]
                total = sum(one.weight for one in near)
                # A node that nothing holds stays, lightly.
                pulled = sum(one.weight * (down[one.node] + one.there - one.here) for one in near)
                wanted.append(pulled / total if near else down[node])
                weights.append(total if near else 0.01)
            for node, place in zip(column, spread(wanted, steps[index], weights), strict=True):
                moved = max(moved, abs(down[node] - place))
                down[node] = place
        if moved < _STILL:
            break
    top = min(place - height / 2 for place, height in zip(down, layered.heights, strict=True))
    return [place - top for place in down]


def spread(
    wanted: Sequence[float],
    steps: Sequence[float],
    weights: Sequence[float] | None = None,
    *,
    low: float = -math.inf,
    high: float = math.inf,
) -> list[float]:
    """Return the places nearest to the wanted ones, by least squares, that keep their order and distance.

    Args:
        wanted: Where each would lie.
        steps: The least distance between each and the next.
        weights: How much each counts; alike unless given.
        low: The least place; it counts more than `high` if there is no room.
        high: The greatest place.

    Source: Ayer, Brunk, Ewing, Reid, Silverman 1955 (pool adjacent violators).
    """
    offsets = list(accumulate(steps, initial=0.0))
    pools: list[tuple[float, float, int]] = []
    for place, offset, weight in zip(wanted, offsets, weights or [1.0] * len(wanted), strict=True):
        pool = (place - offset, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            mean, heavy, count = pools.pop()
            total = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    level = [mean for mean, _, count in pools for _ in range(count)]
    return [max(min(one, high - offsets[-1]), low) + offset for one, offset in zip(level, offsets, strict=True)]
