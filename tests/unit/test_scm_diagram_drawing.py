"""A drawn string diagram shows its boxes, copies, discards and ends, joined as they are, and stays text."""

import functools
import re
from xml.etree import ElementTree as ET

import pytest

from aetia.errors import DiagramError
from aetia.scm.diagrams import (
    Box,
    Diagram,
    copy,
    cut,
    diagram_of,
    diagram_svg,
    discard,
    identity,
    point,
    swap,
    twinned,
)
from aetia.scm.graphs.graph import Graph

SVG = "{http://www.w3.org/2000/svg}"
FRONT_DOOR = Graph.of([("S", "T"), ("T", "C")], [("S", "C")], nodes="STC")
CROSSED = (
    (copy("A") @ identity("B"))
    >> (identity("A") @ Box("f", ("A", "B"), ("C", "D")).diagram)
    >> (identity("A") @ swap("C", "D"))
    >> (discard("A") @ identity("D", "C"))
)
DIAGRAMS = {
    "front door": diagram_of(FRONT_DOOR),
    "cut": cut(diagram_of(FRONT_DOOR), "S"),
    "crossed": CROSSED,
    "twin": twinned(diagram_of(FRONT_DOOR), {}, {"T": 1}),
    "wires": identity("A", "B"),
    "end": discard("A"),
    "empty": identity(),
    "large": diagram_of(Graph.of([(f"V{one}", f"V{one + step}") for one in range(36) for step in (1, 2, 4)])),
}


@functools.cache
def svg_of(name: str) -> str:
    return diagram_svg(DIAGRAMS[name])


def shapes(svg: str, tag: str, kind: str) -> list[ET.Element]:
    return [one for one in ET.fromstring(svg).iter(f"{SVG}{tag}") if one.get("class") == kind]


def ends(path: ET.Element) -> tuple[tuple[float, float], tuple[float, float]]:
    numbers = [float(one) for one in re.findall(r"-?\d+\.\d", path.get("d", ""))]
    return (numbers[0], numbers[1]), (numbers[-2], numbers[-1])


def uses(diagram: Diagram) -> list[int]:
    read = [*(wire for step in diagram.steps for wire in step.inputs), *diagram.outputs]
    return [read.count(wire) for wire in range(len(diagram.types))]


@pytest.mark.parametrize("name", DIAGRAMS)
def test_every_box_copy_discard_and_end_is_drawn_once(name):
    diagram = DIAGRAMS[name]
    svg = svg_of(name)
    counts = uses(diagram)
    uniform = sum(step.box.kind == "uniform" for step in diagram.steps)
    states = sum(not step.box.inputs for step in diagram.steps)
    assert len(shapes(svg, "circle", "dot")) == sum(count > 1 for count in counts)
    assert len(shapes(svg, "path", "ground")) == sum(not count for count in counts) + uniform
    assert len(shapes(svg, "path", "state")) == states - uniform
    assert len(shapes(svg, "rect", "box")) == len(diagram.steps) - states
    assert [one.text for one in shapes(svg, "text", "end")] == list(diagram.codomain)
    assert [one.text for one in shapes(svg, "text", "begin")] == list(diagram.domain)
    assert len(shapes(svg, "path", "wire")) == len(counts) + sum(count for count in counts if count > 1)


@pytest.mark.parametrize("name", DIAGRAMS)
def test_wires_run_from_left_to_right_and_outputs_stand_in_their_order(name):
    svg = svg_of(name)
    for wire in shapes(svg, "path", "wire"):
        (start, _), (stop, _) = ends(wire)
        assert start < stop
    heights = [float(one.get("y", "")) for one in shapes(svg, "text", "end")]
    assert heights == sorted(heights)
    assert len(svg.encode()) < 100_000


def test_each_output_is_reached_by_the_wire_of_its_own_box():
    svg = diagram_svg(CROSSED)
    wires = [ends(wire) for wire in shapes(svg, "path", "wire")]
    box = shapes(svg, "rect", "box")[0]
    right = float(box.get("x", "")) + float(box.get("width", ""))
    leaving = sorted((start[1], stop[1]) for start, stop in wires if start[0] == pytest.approx(right, abs=0.2))
    # The upper port (C) goes to the lower output and the lower one (D) to the upper: the swap is seen.
    assert leaving[0][1] > leaving[1][1]
    labels = {one.text: float(one.get("y", "")) for one in shapes(svg, "text", "end")}
    assert labels["D"] < labels["C"]


def test_wires_meet_the_shapes_that_they_join():
    svg = svg_of("front door")
    marks = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in shapes(svg, "circle", "dot")]
    joined = [end for wire in shapes(svg, "path", "wire") for end in ends(wire)]
    for x, y in marks:
        assert sum(abs(a - x) < 4 and abs(b - y) < 0.2 for a, b in joined) == 3


def test_a_wire_says_its_type_where_its_box_does_not():
    svg = diagram_svg(Box("f", (), ("A",)).diagram >> Box("g", ("A",), ("B",)).diagram)
    assert [one.text for one in shapes(svg, "text", "type")] == ["A"]
    assert shapes(svg_of("front door"), "text", "type") == []


def test_the_ends_can_be_named_and_nothing_gets_in():
    hostile = '<script>"&\u202e'
    svg = diagram_svg(point(hostile, 0) @ Box(hostile, ("A",), (hostile,)).diagram, ends=["a'", hostile])
    assert [one.text for one in shapes(svg, "text", "end")] == ["a'", '<script>"&']
    assert "<script" not in svg
    assert svg == diagram_svg(point(hostile, 0) @ Box(hostile, ("A",), (hostile,)).diagram, ends=["a'", hostile])


def test_each_end_has_a_name_or_none_has():
    with pytest.raises(DiagramError) as caught:
        diagram_svg(identity("A", "B"), ends=["a"])
    assert caught.value.code == "AE-7509"
