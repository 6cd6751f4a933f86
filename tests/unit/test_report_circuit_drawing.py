"""A drawn circuit is readable, says what its numbers say, and lets nothing in."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.circuits.graph import Circuit, Graph
from aetia.report.circuit_drawing import (
    CIRCUIT_STYLE,
    CircuitDrawing,
    Node,
    circuit_svg,
    lay_out_circuit,
    write_circuit_figure,
)
from aetia.report.rows import MINUS

SVG = "{http://www.w3.org/2000/svg}"
GRAPH = Graph(layers=30, heads=9, key_value_heads=3)


def some_circuit(seed: int, edges: int, graph: Graph = GRAPH) -> Circuit:
    generator = np.random.default_rng(seed)
    scores = np.full(graph.edges, -np.inf)
    chosen = generator.choice(graph.edges, min(edges, graph.edges), replace=False)
    scores[chosen] = generator.normal(size=len(chosen))
    return Circuit.top(graph, scores, edges, absolute=True, pruned=False)


def fifty_nodes() -> Circuit:
    """Fifty senders of SmolLM2's graph, and edges between them."""
    generator = np.random.default_rng(3)
    parts = {"embed", *generator.choice(GRAPH.senders[1:], 49, replace=False)}
    names = [GRAPH.edge(index) for index in range(GRAPH.edges)]
    edges = [(s, r) for s, r in names if s in parts and (r == "logits" or parts.issuperset(GRAPH.feeds(r)))]
    chosen = [edges[index] for index in generator.choice(len(edges), 120, replace=False)]
    circuit = Circuit.of_edges(GRAPH, chosen)
    return Circuit(GRAPH, circuit.edges, tuple(generator.normal(size=len(circuit.edges)).tolist()))


def boxes_of(drawing: CircuitDrawing) -> list[tuple[Node, float, float, float, float]]:
    root = ET.fromstring(circuit_svg(drawing))
    found = {}
    for group in root.iter(f"{SVG}g"):
        box = group.find(f"{SVG}rect")
        if box is not None:
            left, top, width, height = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
            found[group.findtext(f"{SVG}title")] = (left, top, left + width, top + height)
    return [(node, *found[node.name]) for node in drawing.nodes]


@pytest.mark.parametrize("circuit", [fifty_nodes(), some_circuit(1, 60), some_circuit(2, 90, Graph(2, 32, 8))])
def test_no_box_covers_another_or_leaves_the_picture(circuit: Circuit) -> None:
    drawing = lay_out_circuit(circuit)
    boxes = boxes_of(drawing)
    assert len(boxes) == len({node.name for node, *_ in boxes}) == len(drawing.nodes)
    for index, (node, left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert top >= 0
        assert right <= drawing.width
        assert bottom <= drawing.height
        for other, left2, top2, right2, bottom2 in boxes[index + 1 :]:
            is_apart = right < left2 or right2 < left or bottom < top2 or bottom2 < top
            assert is_apart, (node.name, other.name)


def test_layers_are_rows_with_the_input_below_and_the_output_above() -> None:
    graph = Graph(4, 2, 2)
    edges = [("embed", "L0.h1.v"), ("L0.h1", "L0.mlp"), ("L0.mlp", "L3.h0.k"), ("L3.h0", "logits"), ("embed", "logits")]
    drawing = lay_out_circuit(Circuit.of_edges(graph, edges))
    assert [name for name, _ in drawing.rows] == ["input", "layer 0", "layer 3", "output"]
    place = {node.name: node for node in drawing.nodes}
    assert set(place) == {"embed", "L0.h1", "L0.mlp", "L3.h0", "logits"}
    heights = [place[name].y for name in ("embed", "L0.h1", "L0.mlp", "L3.h0", "logits")]
    assert heights == sorted(heights, reverse=True)
    assert place["L0.mlp"].x > max(node.x for node in drawing.nodes if node.kind == "head")
    for line in drawing.lines:
        x, y, *_, end = (float(value) for value in re.findall(r"-?\d+(?:\.\d+)?", line.path))
        assert end < y, line  # upwards
        assert (x, y) == pytest.approx((place[line.sender].x, place[line.sender].y - 13), abs=0.1)


def test_width_says_size_and_colour_and_dash_say_sign() -> None:
    graph = Graph(2, 2, 2)
    edges = {("embed", "L0.h0.q"): 0.5, ("embed", "L0.h1.v"): -2.0, ("L0.h0", "logits"): 1.0, ("L0.h1", "logits"): 0.0}
    circuit = Circuit.of_edges(graph, edges)
    drawing = lay_out_circuit(Circuit(graph, circuit.edges, tuple(edges[names] for names in circuit.names)))
    by_name = {(line.sender, line.receiver): line for line in drawing.lines}
    widths = [by_name[names].width for names in sorted(edges, key=lambda names: abs(edges[names]))]
    assert widths == sorted(widths)
    assert len(set(widths)) == 4
    assert drawing.largest == 2.0
    root = ET.fromstring(circuit_svg(drawing, unit="logits"))
    groups = [group for group in root.iter(f"{SVG}g") if group.get("class") == "edge"]
    signs = {
        str(group.findtext(f"{SVG}title")): [path.get("class") for path in group.iter(f"{SVG}path")] for group in groups
    }
    assert signs == {
        "embed to L0.h0 (query): +0.500 logits": ["up"],
        f"embed to L0.h1 (value): {MINUS}2.00 logits": ["down", "bar"],
        "L0.h0 to logits: +1.00 logits": ["up"],
        "L0.h1 to logits: 0.00 logits": ["plain"],
    }
    assert "stroke-dasharray" in next(line for line in CIRCUIT_STYLE.splitlines() if ".down" in line)
    assert "dash" not in next(line for line in CIRCUIT_STYLE.splitlines() if ".up" in line)
    assert f"strongest is embed to L0.h1.v with {MINUS}2.00" in drawing.summary


def test_a_key_value_head_stands_for_those_of_its_group_that_pass_something_on() -> None:
    graph = Graph(2, 4, 2)
    some = lay_out_circuit(Circuit.of_edges(graph, [("embed", "L0.h1.v"), ("L0.h3", "logits")]))
    assert [(line.sender, line.head) for line in some.lines] == [("embed", "L0.h3"), ("L0.h3", "logits")]
    none = lay_out_circuit(Circuit.of_edges(graph, [("embed", "L0.h1.v")]))
    assert {line.head for line in none.lines} == {"L0.h2", "L0.h3"}


def test_of_too_many_edges_the_strongest_are_drawn_and_the_rest_is_counted() -> None:
    circuit = some_circuit(5, 400)
    drawing = lay_out_circuit(circuit, most_edges=30)
    drawn = {(line.sender, line.receiver) for line in drawing.lines}
    strongest = sorted(zip(circuit.scores, circuit.names, strict=True), key=lambda edge: -abs(edge[0]))[:30]
    assert drawn == {names for _, names in strongest}
    assert drawing.note == "370 weaker edges are not drawn."
    assert "370 weaker edges" in circuit_svg(drawing)
    assert len(circuit_svg(lay_out_circuit(some_circuit(5, 20_000)))) < 100_000


@pytest.mark.parametrize(
    "circuit", [Circuit(GRAPH, ()), Circuit.full(Graph(1, 1, 1)), Circuit(Graph(1, 1, 1), (0,), (0.0,))]
)
def test_small_and_empty_circuits_are_drawn(circuit: Circuit) -> None:
    drawing = lay_out_circuit(circuit)
    assert len(drawing.lines) >= len(circuit.edges)
    assert ET.fromstring(circuit_svg(drawing, is_file=True)).tag == f"{SVG}svg"


def test_scores_that_are_no_numbers_are_said_so() -> None:
    graph = Graph(1, 1, 1)
    drawing = lay_out_circuit(Circuit(graph, (0, 1), (float("nan"), 1.0)))
    assert "not a number" in circuit_svg(drawing)
    assert "nan" not in circuit_svg(drawing)


@settings(max_examples=40, deadline=None)
@given(title=st.text(max_size=60), unit=st.text(max_size=12))
def test_texts_are_escaped_and_nothing_is_fetched(title: str, unit: str) -> None:
    hostile = f"<script>alert(1)</script>{title}]]>&\"'"
    drawing = lay_out_circuit(some_circuit(1, 5))
    for is_file in (False, True):
        text = circuit_svg(drawing, title=hostile, unit=unit + "<b>", is_file=is_file)
        root = ET.fromstring(text)
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert tags <= {"svg", "title", "style", "g", "path", "rect", "line", "text"}
        assert ("style" in tags) == is_file
        for element in root.iter():
            assert not {"style", "href", "onload"} & set(element.attrib)  # a page's policy forbids inline style
            assert not any("url(" in value or "//" in value for value in element.attrib.values())
        assert "url(" not in CIRCUIT_STYLE
        assert any((element.text or "").startswith("<script>alert(1)") for element in root.iter(f"{SVG}text"))


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_file_brings_light_and_dark_colours_that_can_be_told_from_the_ground(tmp_path: Path) -> None:
    path = write_circuit_figure(fifty_nodes(), tmp_path / "circuit.svg", title="fifty", unit="logits")
    text = path.read_text(encoding="utf-8")
    themes = [dict(re.findall(r"--(\w+):(#\w{6})", part)) for part in text.split("prefers-color-scheme: dark")]
    for colours in themes:
        for name, least in (("ink", 7.0), ("soft", 4.5), ("up", 4.5), ("down", 4.5)):
            bright, dim = sorted((luminance(colours[name]), luminance(colours["paper"])), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= least, name
    assert themes[0]["paper"] != themes[1]["paper"]
    again = write_circuit_figure(fifty_nodes(), tmp_path / "again.svg", title="fifty", unit="logits")
    assert again.read_bytes() == path.read_bytes()
    assert set(re.findall(r"var\(--(\w+)\)", CIRCUIT_STYLE)) <= {*themes[0], "sans"}
