"""How does a string diagram look?

Read from left to right. Boxes have square corners, states a round back; a dot is where a wire is copied, three strokes
end a wire that is discarded, and the same strokes mirrored begin one whose values are all alike.
"""

from collections.abc import Sequence
from html import escape

from aetia.errors import DiagramError
from aetia.scm.diagrams.category import Box, Diagram
from aetia.scm.pictures.curves import level_route, path_text
from aetia.scm.pictures.drawing import picture, shown_name, text_width
from aetia.scm.pictures.layout import Link, Point, layered_layout
from aetia.text import clean_text

__all__ = ["diagram_svg"]

_STYLE = """\
.scm .wire{fill:none;stroke:var(--line);stroke-width:1.4}
.scm .box{fill:var(--paper);stroke:var(--line);stroke-width:1.4}
.scm .state{fill:var(--node);stroke:var(--line);stroke-width:1.4}
.scm .dot{fill:var(--line)}
.scm .ground{fill:none;stroke:var(--line);stroke-width:1.6}
.scm .type{font-size:12px;fill:var(--soft);text-anchor:start}
.scm .end{text-anchor:start}
.scm .begin{text-anchor:end}
"""
_BOX, _PORT, _PADDING = 30.0, 18.0, 20.0
_DOT, _DROP = 3.2, 4.8
_GROUND = (7.0, 4.5, 2.0)  # half the height of each stroke
_STROKE = 4.0  # from one stroke to the next
_TYPE_LENGTH = 9


def diagram_svg(diagram: Diagram, *, ends: Sequence[str] | None = None) -> str:
    """Return the picture of a diagram as SVG, the same for the same diagram.

    A wire carries its type's name unless the box that it comes from is called the same, or it ends at an output, where
    the name stands.

    Args:
        diagram: Any diagram.
        ends: What is written at each output; the types unless given.

    Raises:
        DiagramError: AE-7509 there are more or fewer ends than outputs.
    """
    labels = diagram.codomain if ends is None else tuple(ends)
    if len(labels) != len(diagram.outputs):
        found = f"The diagram has {len(diagram.outputs)} outputs, and {len(labels)} ends are named."
        raise DiagramError("AE-7509", found, mend="name each output.")
    sizes = _sizes(diagram, labels)
    links, names = _links(diagram)
    starts = [f"in {place}" for place in range(len(diagram.domain))]
    stops = [f"out {place}" for place in range(len(diagram.outputs))]
    layout = layered_layout(sizes, links, starts=starts, ends=stops)
    parts, points = list[str](), list[Point]()
    for link, route in zip(links, layout.routes, strict=True):
        # From edge to edge; nodes stand in the middle of their columns, so the first and the last piece are level.
        (x0, y0), (x1, y1) = route[0], route[-1]
        ends_at = ((x0 + sizes[link.first][0] / 2, y0), *route[1:-1], (x1 - sizes[link.second][0] / 2, y1))
        parts.append(f'<path class="wire" d="{path_text(level_route(ends_at))}"/>')
        points += ends_at
    for name, place in layout.places.items():
        parts.append(_node(diagram, name, place, sizes[name], labels))
        points += [(place[0] + side * sizes[name][0] / 2, place[1] + side * sizes[name][1] / 2) for side in (-1, 1)]
    for link, name in zip(links, names, strict=True):
        if name:
            x, y = layout.places[link.first]
            x, y = x + sizes[link.first][0] / 2 + 4, y + link.at_first - 4
            parts.append(f'<text class="type" x="{x:.1f}" y="{y:.1f}">{escape(name)}</text>')
    title = f"String diagram: {len(diagram.steps)} boxes, from ({', '.join(diagram.domain)}) to ({', '.join(labels)})."
    return picture(parts, points, clean_text(title), _STYLE)


def _offset(place: int, count: int) -> float:
    return (place - (count - 1) / 2) * _PORT


def _sizes(diagram: Diagram, labels: Sequence[str]) -> dict[str, Point]:
    """Of each node its width and height: boxes, copies, discards and the ends of the picture."""
    sizes = {f"in {place}": (text_width(shown_name(name)) + 6, 14.0) for place, name in enumerate(diagram.domain)}
    for place, step in enumerate(diagram.steps):
        ports = max(len(step.box.inputs), len(step.box.outputs), 1)
        width = max(_BOX, text_width(shown_name(step.box.name)) + _PADDING)
        is_uniform = step.box.kind == "uniform"
        sizes[f"box {place}"] = (2 * _STROKE, 14.0) if is_uniform else (width, max(_BOX, ports * _PORT + 6))
    uses = _uses(diagram)
    for wire in range(len(diagram.types)):
        if uses[wire] > 1:
            sizes[f"dot {wire}"] = (2 * _DOT, 2 * _DOT)
        elif not uses[wire]:
            sizes[f"ground {wire}"] = (2 * _STROKE, 14.0)
    return sizes | {f"out {place}": (text_width(shown_name(name)) + 6, 14.0) for place, name in enumerate(labels)}


def _uses(diagram: Diagram) -> list[int]:
    uses = [0] * len(diagram.types)
    for wire in (*(wire for step in diagram.steps for wire in step.inputs), *diagram.outputs):
        uses[wire] += 1
    return uses


def _links(diagram: Diagram) -> tuple[list[Link], list[str]]:
    """The pieces of wire, and what is written at the start of each."""
    links, names = list[Link](), list[str]()
    readers: list[list[tuple[str, float]]] = [[] for _ in diagram.types]
    for place, step in enumerate(diagram.steps):
        for port, wire in enumerate(step.inputs):
            readers[wire].append((f"box {place}", _offset(port, len(step.inputs))))
    for place, wire in enumerate(diagram.outputs):
        readers[wire].append((f"out {place}", 0.0))
    makers: list[tuple[str, float, str]] = [(f"in {place}", 0.0, name) for place, name in enumerate(diagram.domain)]
    for place, step in enumerate(diagram.steps):
        outputs = step.box.outputs
        makers += [(f"box {place}", _offset(port, len(outputs)), step.box.name) for port in range(len(outputs))]
    for wire, (maker, at, said) in enumerate(makers):
        ends = readers[wire]
        first = ends[0] if len(ends) == 1 else (f"{'dot' if ends else 'ground'} {wire}", 0.0)
        links.append(Link(maker, first[0], at, first[1]))
        is_known = said == diagram.types[wire] or first[0].startswith("out ")
        names.append("" if is_known else shown_name(diagram.types[wire])[:_TYPE_LENGTH])
        if len(ends) > 1:
            links += [Link(f"dot {wire}", reader, 0.0, there) for reader, there in ends]
            names += [""] * len(ends)
    return links, names


def _node(diagram: Diagram, name: str, place: Point, size: Point, labels: Sequence[str]) -> str:
    kind, number = name.split(" ")
    x, y = place
    left, right = x - size[0] / 2, x + size[0] / 2
    if kind == "in":
        return _text(diagram.domain[int(number)], right - 4, y, "begin")
    if kind == "out":
        return _text(labels[int(number)], left + 4, y, "end")
    if kind == "dot":
        return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{_DOT:g}"/>'
    if kind == "ground":
        return _ground(left, y, 1)
    box = diagram.steps[int(number)].box
    return _ground(right, y, -1) if box.kind == "uniform" else _box(box, (left, y - size[1] / 2), size)


def _text(text: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y + _DROP:.1f}">{escape(shown_name(text))}</text>'


def _ground(x: float, y: float, side: int) -> str:
    strokes = (f"M{x + side * place * _STROKE:.1f} {y - half:.1f}v{2 * half:g}" for place, half in enumerate(_GROUND))
    return f'<path class="ground" d="{"".join(strokes)}"/>'


def _box(box: Box, corner: Point, size: Point) -> str:
    (left, top), (width, height) = corner, size
    label = f'<text x="{left + width / 2:.1f}" y="{top + height / 2 + _DROP:.1f}">{escape(shown_name(box.name))}</text>'
    title = f"<title>{escape(clean_text(box.name))}</title>"
    if box.inputs:
        shape = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5"'
        return f'<g>{title}<rect class="box" {shape}/>{label}</g>'
    round_back = min(height / 2, 15.0)
    outline = (
        f"M{left + width:.1f} {top:.1f}h{-(width - round_back):.1f}a{round_back:g} {height / 2:g} 0 0 0 0 {height:.1f}"
        f"h{width - round_back:.1f}z"
    )
    return f'<g>{title}<path class="state" d="{outline}"/>{label}</g>'
