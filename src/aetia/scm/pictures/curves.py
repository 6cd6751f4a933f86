"""Which course does an edge take between two nodes of a picture, and what does it meet on its way?

A course is a chain of cubic Bezier curves. A node is a stadium: a rectangle whose short sides are half circles, a
circle if it is as wide as high.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aetia.scm.pictures.layout import Point

__all__ = [
    "Cubic",
    "Stadium",
    "bowed",
    "clearance",
    "level_route",
    "path_text",
    "point_at",
    "smooth_route",
    "straight",
    "trimmed",
]

Cubic = tuple[Point, Point, Point, Point]
"""A cubic Bezier curve: its start, two handles, its end."""

_SAMPLES = 24
_FINE, _LEVEL = 4.0, 0.7  # pixels
_HALVINGS = 14


@dataclass(frozen=True)
class Stadium:
    """The outline of a node.

    Args:
        x, y: Its middle.
        width, height: Its size; the width is at least the height.
    """

    x: float
    y: float
    width: float
    height: float

    def distance(self, point: Point) -> float:
        """How far a point lies outside; negative inside."""
        radius = self.height / 2
        aside = max(abs(point[0] - self.x) - (self.width / 2 - radius), 0.0)
        return math.hypot(aside, point[1] - self.y) - radius


def straight(start: Point, end: Point) -> tuple[Cubic, ...]:
    """The straight line."""
    thirds = [(start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part) for part in (1 / 3, 2 / 3)]
    return ((start, thirds[0], thirds[1], end),)


def bowed(start: Point, end: Point, bow: float) -> tuple[Cubic, ...]:
    """An arch whose middle lies `bow` pixels off the straight line, to the left of who walks it if positive."""
    length = math.dist(start, end) or 1.0
    along = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
    off = (along[1] * bow * 4 / 3, -along[0] * bow * 4 / 3)
    lean = length * 0.22  # the handles stand near the ends, so that the arch is round
    first = (start[0] + along[0] * lean + off[0], start[1] + along[1] * lean + off[1])
    second = (end[0] - along[0] * lean + off[0], end[1] - along[1] * lean + off[1])
    return ((start, first, second, end),)


def level_route(points: Sequence[Point]) -> tuple[Cubic, ...]:
    """A smooth course through the points of a layout's route, level wherever it meets one."""
    found, kept = list[Cubic](), [points[0]]
    for point, after in pairwise(points[1:]):
        # A point on a level stretch says nothing.
        if max(abs(point[1] - kept[-1][1]), abs(point[1] - after[1])) > _LEVEL:
            kept.append(point)
    for start, end in pairwise([*kept, points[-1]]):
        reach = (end[0] - start[0]) / 2
        found.append((start, (start[0] + reach, start[1]), (end[0] - reach, end[1]), end))
    return tuple(found)


def smooth_route(points: Sequence[Point]) -> tuple[Cubic, ...]:
    """A course through points that turns as little as it can: at each it heads for the next but one (Catmull-Rom)."""
    found = list[Cubic]()
    for place in range(len(points) - 1):
        start, end = points[place], points[place + 1]
        before, after = points[max(place - 1, 0)], points[min(place + 2, len(points) - 1)]
        reach = (end[0] - start[0]) / 3
        leaving = (end[1] - before[1]) / ((end[0] - before[0]) or 1.0)
        arriving = (after[1] - start[1]) / ((after[0] - start[0]) or 1.0)
        first = (start[0] + reach, start[1] + reach * leaving)
        second = (end[0] - reach, end[1] - reach * arriving)
        found.append((start, first, second, end))
    return tuple(found)


def point_at(cubic: Cubic, part: float) -> Point:
    """The point at `part` of the curve's parameter, from 0 to 1."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = cubic
    rest = 1 - part
    a, b, c, d = rest**3, 3 * rest**2 * part, 3 * rest * part**2, part**3
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def clearance(course: Sequence[Cubic], others: Iterable[Stadium]) -> float:
    """The least distance between the course and any of these nodes; negative if it runs through one."""
    # A curve stays within its handles' box; nodes farther than that from it do not matter.
    corners = np.array(course).reshape(-1, 2)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    near = [
        (node.x, node.y, node.width, node.height)
        for node in others
        if left - node.width < node.x < right + node.width and top - node.height < node.y < bottom + node.height
    ]
    if not near:
        return math.inf
    nodes = np.array(near)
    points = np.concatenate([_samples(cubic) for cubic in course])
    radius = nodes[:, 3] / 2
    aside = np.maximum(np.abs(points[:, :1] - nodes[:, 0]) - (nodes[:, 2] / 2 - radius), 0)
    return float(np.min(np.hypot(aside, points[:, 1:] - nodes[:, 1]) - radius, initial=np.inf))


def _samples(cubic: Cubic) -> np.ndarray:
    """Points on the curve, at most some pixels apart."""
    length = sum(math.dist(one, other) for one, other in pairwise(cubic))
    part = np.linspace(0, 1, max(_SAMPLES, round(length / _FINE)) + 1)
    weights = np.stack([(1 - part) ** 3, 3 * (1 - part) ** 2 * part, 3 * (1 - part) * part**2, part**3], axis=1)
    return weights @ np.array(cubic)


def trimmed(course: Sequence[Cubic], first: tuple[Stadium, float], second: tuple[Stadium, float]) -> tuple[Cubic, ...]:
    """The course between two nodes, from and to given distances outside of them."""
    kept = list(course)
    while len(kept) > 1 and first[0].distance(kept[0][3]) < first[1]:
        kept.pop(0)
    while len(kept) > 1 and second[0].distance(kept[-1][0]) < second[1]:
        kept.pop()
    kept[-1] = _until(kept[-1], *second)
    kept[0] = _mirror(_until(_mirror(kept[0]), *first))
    return tuple(kept)


def _mirror(cubic: Cubic) -> Cubic:
    return cubic[3], cubic[2], cubic[1], cubic[0]


def _until(cubic: Cubic, node: Stadium, distance: float) -> Cubic:
    """The curve up to where it last is at this distance from the node that it ends in."""
    # From the end backwards to the first sample that is outside, then by halving.
    outside = next(
        (step for step in range(_SAMPLES - 1, -1, -1) if node.distance(point_at(cubic, step / _SAMPLES)) >= distance), 0
    )
    low, high = outside / _SAMPLES, (outside + 1) / _SAMPLES
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if node.distance(point_at(cubic, middle)) >= distance else (low, middle)
    return _split(cubic, low)


def _split(cubic: Cubic, part: float) -> Cubic:
    """The first `part` of a curve (de Casteljau)."""
    rows: list[list[Point]] = [list(cubic)]
    while len(rows[-1]) > 1:
        rows.append([(a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part) for a, b in pairwise(rows[-1])])
    return rows[0][0], rows[1][0], rows[2][0], rows[3][0]


def path_text(course: Sequence[Cubic]) -> str:
    """The course as the `d` of an SVG path; straight parts as lines."""
    parts = [f"M{_pair(course[0][0])}"]
    for cubic in course:
        start, first, second, end = cubic
        if max(_aside(first, start, end), _aside(second, start, end)) < 0.05:  # a twentieth of a pixel
            parts.append(f"L{_pair(end)}")
        else:
            parts.append(f"C{_pair(first)} {_pair(second)} {_pair(end)}")
    return "".join(parts)


def _aside(point: Point, start: Point, end: Point) -> float:
    length = math.dist(start, end) or 1.0
    return abs((point[0] - start[0]) * (end[1] - start[1]) - (point[1] - start[1]) * (end[0] - start[0])) / length


def _pair(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
