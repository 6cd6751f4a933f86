"""How does a causal graph look?

Causes stand to the left of their effects. Arrows are straight where nothing is in the way; what only a hidden common
cause joins is an arch of dashes; hidden variables are hollow. The picture is one SVG with its own light and dark
colours, and nothing but shapes and escaped text in it.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from html import escape

from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.pictures.curves import (
    Cubic,
    Stadium,
    bowed,
    clearance,
    level_route,
    path_text,
    smooth_route,
    straight,
    trimmed,
)
from aetia.scm.pictures.layout import Layout, Link, Point, layered_layout
from aetia.text import clean_text

__all__ = ["graph_svg", "picture", "shown_name", "text_width"]

_SANS = 'system-ui,"Segoe UI",Helvetica,Arial,"Noto Sans","Liberation Sans",sans-serif'
_LIGHT = "--paper:#fdfcfa;--node:#eceff4;--ink:#1d1e20;--soft:#595a5d;--line:#3b3e44;--arc:#b3430d"
_DARK = "--paper:#16181c;--node:#262b33;--ink:#e6e4df;--soft:#a5a6a8;--line:#b9bcc2;--arc:#ff9d57"
_STYLE = f"""\
.scm{{{_LIGHT};background:var(--paper)}}
@media (prefers-color-scheme:dark){{.scm{{{_DARK}}}}}
.scm text{{font:14px {_SANS};fill:var(--ink);text-anchor:middle}}
.scm .node{{fill:var(--node);stroke:var(--line);stroke-width:1.2}}
.scm .latent{{fill:none;stroke:var(--soft);stroke-dasharray:3 2.5}}
.scm .latent+text{{fill:var(--soft)}}
.scm .edge{{fill:none;stroke:var(--line);stroke-width:1.3}}
.scm .head{{fill:var(--line)}}
.scm .arc{{stroke:var(--arc);stroke-dasharray:5 3.5}}
.scm .arc-head{{fill:var(--arc)}}
.scm .ring{{fill:var(--paper);stroke:var(--line);stroke-width:1.3}}
"""
_LONGEST_NAME = 32
_NODE, _MARGIN, _TEXT_DROP = 32.0, 14.0, 4.8
_CLEAR = 6.0  # what an edge keeps from nodes that are not its own
_ARROW, _ARROW_HALF, _RING, _AIR = 9.0, 3.6, 3.2, 1.5
_HIGHEST = 60.0
_BOWS = (0.18, 0.26, 0.36, 0.48, 0.62, 0.8)


def graph_svg(graph: Graph) -> str:
    """Return the picture of a graph as SVG, the same for the same graph.

    Arrows have heads, tails have none, a circle is a ring; bidirected edges are dashed arches, latent variables have a
    dashed outline and no fill. A name longer than 32 characters is cut, and whole in the title that shows on hover.
    No edge runs through a node that it does not join.

    Args:
        graph: Any graph: DAG, ADMG, CPDAG, PAG.
    """
    sizes = {name: (max(_NODE, text_width(shown_name(name)) + 22), _NODE) for name in graph.nodes}
    edges = sorted(graph.edges)
    rank = _rank(graph)
    narrow: frozenset[Edge] = frozenset()
    while True:
        links = {edge: _link(edge, rank) for edge in edges}
        held = [edge for edge in edges if edge in narrow or _holds_columns(graph, edge)]
        layout = layered_layout(sizes, [links[edge] for edge in held])
        nodes = {name: Stadium(*layout.places[name], *sizes[name]) for name in graph.nodes}
        courses, stuck = _courses(edges, held, links, layout, nodes)
        # An arch that finds no way around the nodes is given one by the layout.
        if stuck <= narrow:
            break
        narrow |= stuck
    parts = [_edge_svg(edge, courses[edge], nodes) for edge in sorted(edges, key=lambda edge: edge.is_bidirected)]
    parts += [_node_svg(name, node, is_latent=name in graph.latent) for name, node in nodes.items()]
    points = [point for course in courses.values() for cubic in course for point in cubic]
    corners = [
        (node.x + side * node.width / 2, node.y + side * node.height / 2) for node in nodes.values() for side in (-1, 1)
    ]
    count = f"{len(graph.nodes)} variables, {len(edges)} edges"
    return picture(parts, [*points, *corners], f"Causal graph: {count}.")


def picture(parts: Sequence[str], points: Sequence[Point], title: str, style: str = "") -> str:
    """Return the SVG around these shapes: as large as these points need, with a style and a title of its own.

    Args:
        parts: Elements, as text.
        points: What has to be in sight, in pixels.
        title: What a reader who does not see it is told.
        style: Rules besides those of graphs, each for something in `.scm`.
    """
    left = min((x for x, _ in points), default=0.0) - _MARGIN
    top = min((y for _, y in points), default=0.0) - _MARGIN
    width = max((x for x, _ in points), default=0.0) + _MARGIN - left
    height = max((y for _, y in points), default=0.0) + _MARGIN - top
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="scm" {size} role="img">'
    return "".join([head, f"<title>{escape(title)}</title><style>{_STYLE}{style}</style>", *parts, "</svg>"])


def shown_name(name: str) -> str:
    """The name as it is written in a picture: nothing hidden in it, and not too long."""
    return clean_text(name, _LONGEST_NAME)


def text_width(text: str) -> float:
    """About how wide a text is at 14 pixels; rather too wide, since the reader's font is not known."""
    narrow, wide = set("iljtfrI.,:;'|!()[] "), set("mwMW@%")
    return sum(
        14.5 if unicodedata.east_asian_width(sign) in "WF" else 4.6 if sign in narrow else 12.4 if sign in wide else 8.4
        for sign in text
    )


def _rank(graph: Graph) -> dict[str, int]:
    """An order in which, as far as there is one, causes come before effects; cycles are cut where they are met."""
    before: dict[str, set[str]] = {name: set() for name in graph.nodes}
    beside: dict[str, set[str]] = {name: set() for name in graph.nodes}
    for edge in graph.edges:
        beside[edge.first].add(edge.second)
        beside[edge.second].add(edge.first)
        if edge.at_second is Mark.ARROW and edge.at_first is not Mark.ARROW:
            before[edge.second].add(edge.first)
    order: dict[str, int] = {}
    left = list(graph.nodes)
    while left:
        # Next to what stands already, so that edges without a direction grow from there.
        name = min(
            left, key=lambda name: (len(before[name] - order.keys()), not beside[name] & order.keys(), left.index(name))
        )
        order[name] = len(order)
        left.remove(name)
    return order


def _link(edge: Edge, rank: Mapping[str, int]) -> Link:
    is_forward = rank[edge.first] < rank[edge.second]
    return Link(edge.first, edge.second) if is_forward else Link(edge.second, edge.first)


def _holds_columns(graph: Graph, edge: Edge) -> bool:
    """Whether the ends of an edge have to stand in different columns: all but most bidirected ones."""
    ends = (edge.first, edge.second)
    return not edge.is_bidirected or any(graph.adjacent[end] == graph.siblings[end] for end in ends)


def _courses(
    edges: Sequence[Edge],
    held: Sequence[Edge],
    links: Mapping[Edge, Link],
    layout: Layout,
    nodes: Mapping[str, Stadium],
) -> tuple[dict[Edge, tuple[Cubic, ...]], frozenset[Edge]]:
    """The course of every edge from middle to middle, and the edges for which there is no free one."""
    routes = dict(zip(held, layout.routes, strict=True))
    found, stuck = dict[Edge, tuple[Cubic, ...]](), set[Edge]()
    taken: list[Point] = []
    for edge in sorted(edges, key=lambda edge: edge.is_bidirected):
        link = links[edge]
        others = [node for name, node in nodes.items() if name not in (link.first, link.second)]
        start, end = layout.places[link.first], layout.places[link.second]
        tries = _arches(start, end) if edge.is_bidirected else [straight(start, end)]
        free = [one for one in tries if clearance(one, others) >= _CLEAR]
        if not free and edge in routes:
            free = [one for one in _bypasses(routes[edge]) if clearance(one, others) >= _CLEAR / 2]
            free = free[:1] or [level_route(routes[edge])]
        if not free:
            free = tries
            stuck.add(edge)
        # Directed edges come first and take the first course that is free; arches give way at the nodes.
        choice = free[:1] if not edge.is_bidirected else free
        found[edge] = min(choice, key=lambda course: sum(_is_taken(mouth, taken) for mouth in _mouths(course)))
        taken += _mouths(found[edge])
    return found, frozenset(stuck)


def _mouths(course: Sequence[Cubic]) -> tuple[Point, Point]:
    """Where about a course leaves its first node and enters its second."""
    first, second = (Stadium(*end, _NODE, _NODE) for end in (course[0][0], course[-1][3]))
    line = trimmed(course, (first, _ARROW), (second, _ARROW))
    return line[0][0], line[-1][3]


def _is_taken(mouth: Point, taken: Sequence[Point]) -> bool:
    return any(math.dist(mouth, other) < _ARROW for other in taken)


def _bypasses(route: Sequence[Point]) -> list[tuple[Cubic, ...]]:
    """Courses along the lanes that the layout gave, the smoothest first."""
    start, end = route[0], route[-1]
    middles = [((one[0] + other[0]) / 2, one[1]) for one, other in zip(route[2:-2:2], route[3:-2:2], strict=True)]
    length = math.dist(start, end)
    off = [((x - start[0]) * (end[1] - start[1]) - (y - start[1]) * (end[0] - start[0])) / length for x, y in middles]
    bow = max(off, key=abs, default=0.0)
    return [
        *(bowed(start, end, bow * part) for part in (0.5, 0.75, 1.0, 1.3) if bow),
        smooth_route([start, *middles, end]),
    ]


def _arches(start: Point, end: Point) -> list[tuple[Cubic, ...]]:
    """Arches between two points, the flattest first, and of two alike the one above (or to the right)."""
    length = math.dist(start, end)
    bows = [side * min(max(bow * length, 22.0), _HIGHEST + bow * 100) for bow in _BOWS for side in (1, -1)]
    return [bowed(start, end, bow) for bow in bows]


def _edge_svg(edge: Edge, course: tuple[Cubic, ...], nodes: Mapping[str, Stadium]) -> str:
    first, second, at_first, at_second = edge.first, edge.second, edge.at_first, edge.at_second
    start = course[0][0]
    if start != (nodes[first].x, nodes[first].y):
        first, second, at_first, at_second = second, first, at_second, at_first
    room = {Mark.TAIL: 0.0, Mark.ARROW: _AIR + _ARROW - 1, Mark.CIRCLE: _AIR + 2 * _RING}
    line = trimmed(course, (nodes[first], room[at_first]), (nodes[second], room[at_second]))
    kind = " arc" if edge.is_bidirected else ""
    shapes = [f'<path class="edge{kind}" d="{path_text(line)}"/>']
    for name, mark in ((first, at_first), (second, at_second)):
        if mark is not Mark.TAIL:
            tip_course = trimmed(course, (nodes[first], _AIR), (nodes[second], _AIR))
            tip, foot = (tip_course[0][0], line[0][0]) if name == first else (tip_course[-1][3], line[-1][3])
            shapes.append(_mark_svg(mark, tip, foot, is_arc=edge.is_bidirected))
    return f"<g><title>{escape(clean_text(str(edge)))}</title>{''.join(shapes)}</g>"


def _mark_svg(mark: Mark, tip: Point, foot: Point, *, is_arc: bool) -> str:
    """An arrowhead from `foot` to `tip`, or a ring between them."""
    if mark is Mark.CIRCLE:
        x, y = (tip[0] + foot[0]) / 2, (tip[1] + foot[1]) / 2
        return f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{_RING:g}"/>'
    length = math.dist(tip, foot) or 1.0
    along = ((tip[0] - foot[0]) / length, (tip[1] - foot[1]) / length)
    base = (tip[0] - along[0] * _ARROW, tip[1] - along[1] * _ARROW)
    wings = [(base[0] - side * along[1] * _ARROW_HALF, base[1] + side * along[0] * _ARROW_HALF) for side in (1, -1)]
    corners = "L".join(f"{x:.1f} {y:.1f}" for x, y in (wings[0], tip, wings[1]))
    return f'<path class="{"arc-head" if is_arc else "head"}" d="M{corners}z"/>'


def _node_svg(name: str, node: Stadium, *, is_latent: bool) -> str:
    left, top = node.x - node.width / 2, node.y - node.height / 2
    shape = f'x="{left:.1f}" y="{top:.1f}" width="{node.width:.1f}" height="{node.height:g}" rx="{node.height / 2:g}"'
    kind = "node latent" if is_latent else "node"
    text = f'<text x="{node.x:.1f}" y="{node.y + _TEXT_DROP:.1f}">{escape(shown_name(name))}</text>'
    return f'<g><title>{escape(clean_text(name))}</title><rect class="{kind}" {shape}/>{text}</g>'
