"""A drawn graph is readable: order, room, marks, both themes, nothing let in."""

import functools
import itertools
import math
import random
import re
from xml.etree import ElementTree as ET

import pytest

from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.pictures.drawing import graph_svg
from aetia.scm.pictures.layout import Link, layered_layout, spread

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+\.?\d*")


def random_graph(count: int, edges: int, seed: int, *, arcs: int = 0, marks: tuple[Mark, ...] = ()) -> Graph:
    generator = random.Random(seed)
    names = [f"V{place}" if place % 3 else f"long_name_{place}" for place in range(count)]
    pairs: set[tuple[str, str]] = set()
    while len(pairs) < edges:
        place = generator.randrange(count - 1)
        pairs.add((names[place], names[min(count - 1, place + 1 + int(generator.expovariate(0.25)))]))
    joined = generator.sample(list(itertools.combinations(names, 2)), arcs)
    graph = Graph.of(sorted(pairs), joined, nodes=names, latent=names[::11])
    if not marks:
        return graph
    kinds = [Edge(one, other, generator.choice(marks), generator.choice(marks)) for one, other in sorted(pairs)]
    return Graph(graph.nodes, frozenset(kinds), graph.latent)


@functools.cache
def svg_of(name: str) -> str:
    return graph_svg(GRAPHS[name])


def texts(group: ET.Element, tag: str) -> list[str]:
    return [one.text or "" for one in group.iter(f"{SVG}{tag}")]


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Of each node its middle, width and height."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        for rect in group.iter(f"{SVG}rect"):
            x, y, width, height = (float(rect.get(key, "")) for key in ("x", "y", "width", "height"))
            found[texts(group, "title")[0]] = (x + width / 2, y + height / 2, width, height)
    return found


def courses(svg: str) -> dict[str, list[tuple[float, float]]]:
    """Of each edge points on its line."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        for path in group.iter(f"{SVG}path"):
            if "edge" in path.get("class", "").split():
                found[texts(group, "title")[0]] = points(path.get("d", ""))
    return found


def points(description: str) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for command, text in re.findall(r"([MLC])([^MLC]*)", description):
        numbers = [float(one) for one in NUMBER.findall(text)]
        corners = [*found[-1:], *zip(numbers[::2], numbers[1::2], strict=True)]
        degree = len(corners) - 1
        for step in range(1, 41) if command != "M" else [40]:
            part = step / 40
            weights = [math.comb(degree, k) * part**k * (1 - part) ** (degree - k) for k in range(degree + 1)]
            found.append(tuple(sum(w * c[axis] for w, c in zip(weights, corners, strict=True)) for axis in (0, 1)))
    return found


def outside(point: tuple[float, float], box: tuple[float, float, float, float]) -> float:
    x, y, width, height = box
    return math.hypot(max(abs(point[0] - x) - (width - height) / 2, 0), point[1] - y) - height / 2


def ends_of(title: str) -> set[str]:
    return set(re.split(r" [<o]?-[->o] ", title))


GRAPHS = {
    "sparse": random_graph(50, 60, 1, arcs=5),
    "dense": random_graph(50, 110, 2, arcs=10),
    "small": random_graph(9, 14, 3, arcs=6),
    "partly oriented": random_graph(20, 35, 4, marks=tuple(Mark)),
    "only arcs": Graph.of((), itertools.combinations("ABCDE", 2)),
    "cyclic": Graph.of([("A", "B"), ("B", "C"), ("C", "A"), ("D", "B")]),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_no_edge_runs_through_a_node_and_each_ends_at_its_own(name):
    svg = svg_of(name)
    nodes, lines = boxes(svg), courses(svg)
    assert set(nodes) == set(GRAPHS[name].nodes)
    assert len(lines) == len(GRAPHS[name].edges)
    for title, line in lines.items():
        ends = ends_of(title)
        assert all(outside(point, nodes[other]) > 1.5 for other in set(nodes) - ends for point in line), title
        first, second = (min((outside(at, nodes[end]), end) for end in ends)[1] for at in (line[0], line[-1]))
        assert {first, second} == ends
        assert max(outside(line[0], nodes[first]), outside(line[-1], nodes[second])) < 12


@pytest.mark.parametrize("name", GRAPHS)
def test_nodes_keep_apart_and_inside_the_picture(name):
    svg = svg_of(name)
    nodes = boxes(svg)
    for one, other in itertools.combinations(nodes.values(), 2):
        assert abs(one[0] - other[0]) >= (one[2] + other[2]) / 2 + 8 or abs(one[1] - other[1]) >= one[3] + 8
    left, top, width, height = (float(one) for one in NUMBER.findall(ET.fromstring(svg).get("viewBox", "")))
    seen = [*((x, y) for x, y, _, _ in nodes.values()), *(point for line in courses(svg).values() for point in line)]
    assert all(left < x < left + width and top < y < top + height for x, y in seen)


def test_causes_stand_left_of_their_effects():
    graph = GRAPHS["dense"]
    nodes = boxes(svg_of("dense"))
    for edge in graph.edges:
        if edge.is_directed:
            cause, effect = nodes[edge.first], nodes[edge.second]
            assert cause[0] + cause[2] / 2 < effect[0] - effect[2] / 2


def test_every_end_has_its_mark():
    marks = [(one, other) for one in Mark for other in Mark]
    edges = [Edge(f"A{place}", f"B{place}", *pair) for place, pair in enumerate(marks)]
    graph = Graph(tuple(sorted({end for edge in edges for end in (edge.first, edge.second)})), frozenset(edges))
    found = {}
    for group in ET.fromstring(graph_svg(graph)).iter(f"{SVG}g"):
        if group.find(f"{SVG}rect") is None:
            heads = [path for path in group.iter(f"{SVG}path") if "head" in path.get("class", "")]
            found[texts(group, "title")[0]] = len(heads), len(list(group.iter(f"{SVG}circle")))
    assert found == {
        str(edge): tuple([edge.at_first, edge.at_second].count(mark) for mark in (Mark.ARROW, Mark.CIRCLE))
        for edge in edges
    }


def test_an_arrowhead_touches_the_node_it_points_at():
    svg = graph_svg(Graph.of([("X", "M"), ("M", "Y")], [("X", "Y")]))
    nodes = boxes(svg)
    heads = re.findall(r'class="(?:arc-)?head" d="M[^L]*L([\d.]+) ([\d.]+)L', svg)
    tips = [(float(x), float(y)) for x, y in heads]
    assert len(tips) == 4
    assert all(min(outside(tip, box) for box in nodes.values()) == pytest.approx(1.5, abs=0.2) for tip in tips)


def test_bidirected_edges_are_dashed_and_hidden_variables_hollow():
    svg = graph_svg(Graph.of([("U", "X"), ("X", "Y")], [("X", "Y")], latent=["U"]))
    assert re.findall(r'<title>([^<]*)</title><path class="edge arc"', svg) == ["X &lt;-&gt; Y"]
    assert re.findall(r'<title>([^<]*)</title><rect class="node latent"', svg) == ["U"]
    assert ".latent{fill:none" in svg
    assert ".arc{stroke:var(--arc);stroke-dasharray" in svg


def test_the_front_door_graph_is_a_straight_line_under_an_arch():
    svg = graph_svg(Graph.of([("X", "M"), ("M", "Y")], [("X", "Y")]))
    assert len({y for _, y, _, _ in boxes(svg).values()}) == 1
    lines = courses(svg)
    assert min(y for _, y in lines["X <-> Y"]) < min(y for _, y in lines["X -> M"]) - 20


def test_a_picture_is_the_same_every_time_small_and_in_both_themes():
    graph = GRAPHS["dense"]
    svg = svg_of("dense")
    again = Graph(graph.nodes, frozenset(sorted(graph.edges, reverse=True)), graph.latent)
    assert graph_svg(again) == svg
    assert len(svg.encode()) < 100_000
    assert "prefers-color-scheme:dark" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_hostile_names_stay_text():
    names = ('<script>alert("1")</script>', "a & b", "\u202eright to left", "x" * 200, "")
    svg = graph_svg(Graph.of([(names[0], names[1]), (names[2], names[3])], nodes=names))
    root = ET.fromstring(svg)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} == {"svg", "title", "style", "g", "path", "rect", "text"}
    shown = texts(root, "text")
    assert "a & b" in shown
    assert max(map(len, shown)) == 32
    assert "\u202e" not in svg


def test_the_empty_graph_is_an_empty_picture():
    assert boxes(graph_svg(Graph(()))) == {}


def test_crossings_that_can_be_avoided_are():
    # Two trees whose leaves are listed interleaved: they can be drawn without a crossing.
    pairs = [(f"R{place % 4}", f"L{place}") for place in range(24)]
    svg = graph_svg(Graph.of(pairs))
    nodes = boxes(svg)
    ends = [(nodes[one][1], nodes[other][1]) for one, other in pairs]
    assert not any((a - c) * (b - d) < 0 for (a, b), (c, d) in itertools.combinations(ends, 2))


def test_columns_have_the_least_total_length():
    # A source of one late effect stands next to it, not in the first column.
    sizes = dict.fromkeys("ABCDS", (30.0, 30.0))
    layout = layered_layout(sizes, [Link("A", "B"), Link("B", "C"), Link("C", "D"), Link("S", "D")])
    assert layout.columns == {"A": 0, "B": 1, "C": 2, "D": 3, "S": 2}


def test_starts_and_ends_stand_alone_and_in_their_order():
    sizes = dict.fromkeys("abcxyz", (10.0, 10.0))
    links = [Link("a", "x"), Link("b", "y"), Link("x", "c"), Link("y", "z")]
    layout = layered_layout(sizes, links, starts="ba", ends="zc")
    assert [layout.columns[name] for name in "abxycz"] == [0, 0, 1, 1, 2, 2]
    assert layout.places["b"][1] < layout.places["a"][1]
    assert layout.places["z"][1] < layout.places["c"][1]


def test_spread_is_the_least_squares_answer():
    assert spread([0.0, 0.0, 0.0], [2.0, 2.0]) == [-2.0, 0.0, 2.0]
    assert spread([5.0, 0.0], [1.0], [3.0, 1.0]) == pytest.approx([3.5, 4.5])
    assert spread([-9.0, 50.0], [1.0], low=0.0, high=4.0) == [0.0, 4.0]
    generator = random.Random(5)
    wanted = [generator.uniform(0, 10) for _ in range(6)]
    places = spread(wanted, [1.0] * 5)
    loss = sum((a - b) ** 2 for a, b in zip(places, wanted, strict=True))
    for _ in range(300):
        other = sorted(place + generator.gauss(0, 0.3) for place in places)
        if all(b - a >= 1 for a, b in itertools.pairwise(other)):
            assert sum((a - b) ** 2 for a, b in zip(other, wanted, strict=True)) >= loss
