"""How does a circuit look as a picture whose layers are rows, the embedding below and the logits on top?

Where things lie is decided here once (`lay_out_circuit`), and written as one SVG for a page, whose own style colours
it, or as a file that brings its light and dark colours along. An edge is as wide as its score is large; its sign is
its colour, and besides a negative one is dashed and ends in a bar.

Letters: E edges, R rows of the picture.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

import numpy as np

from aetia.circuits.graph import Circuit, Graph
from aetia.files import write_atomic
from aetia.report.rows import MINUS, decimals, number
from aetia.scm.pictures.layout import spread
from aetia.text import clean_text

__all__ = ["CIRCUIT_STYLE", "CircuitDrawing", "circuit_svg", "lay_out_circuit", "write_circuit_figure"]

CIRCUIT_STYLE = """\
.circuit .up { stroke: var(--up); }
.circuit .down { stroke: var(--down); stroke-dasharray: 5 3; }
.circuit .bar { stroke: var(--down); stroke-width: 2; }
.circuit .plain { stroke: var(--soft); }
.circuit path { fill: none; opacity: .72; }
.circuit g:hover > path { opacity: 1; }
.circuit rect { fill: var(--raised); stroke: var(--ink); stroke-width: 1; }
.circuit .mlp rect { stroke-dasharray: 2 1.5; }
.circuit .end rect { fill: var(--ink); }
.circuit .end text { fill: var(--paper); }
.circuit text { font: 12px var(--sans); fill: var(--ink); }
.circuit .middle { text-anchor: middle; }
.circuit .small { font-size: 9px; fill: var(--soft); }
.circuit .quiet { fill: var(--soft); }
.circuit .row { stroke: var(--hair); stroke-width: 1; }
"""
"""What a page's style needs, once, for the circuits in it; it uses the page's colours `--ink --soft --up` and so on."""

_SANS = 'system-ui, "Segoe UI", Helvetica, Arial, "Noto Sans", "Liberation Sans", sans-serif'
_LIGHT = "--paper:#fdfcfa;--raised:#ffffff;--ink:#1d1e20;--soft:#595a5d;--hair:#e4e1da;--up:#b3430d;--down:#0b4a8f"
_DARK = "--paper:#16181c;--raised:#1e2126;--ink:#e6e4df;--soft:#a5a6a8;--hair:#33373d;--up:#ff9d57;--down:#7cc0ff"

_BOX_WIDTH, _BOX_HEIGHT, _GAP = 46.0, 26.0, 14.0
_ROW, _LEFT, _MARGIN = 66.0, 76.0, 16.0
_RAISED = 33.0  # an MLP stands above the heads of its layer, which it may read
_THINNEST, _WIDEST = 0.8, 6.0
_SWEEPS, _MOST_COLUMNS = 6, 12
_MOST_EDGES = 160
_PORTS = {"q": ("query", -0.32), "k": ("key", 0.0), "v": ("value", 0.32)}
_HEADER, _LEGEND = 34.0, 44.0

Kind = Literal["embed", "head", "mlp", "logits"]


@dataclass(frozen=True)
class Node:
    """A part of the circuit.

    Args:
        name: As in the graph, such as `L5.h3`.
        label: What its box says.
        kind: What it is.
        row: Its row, from 0 at the bottom.
        x, y: The middle of its box, in pixels from the top left.
    """

    name: str
    label: str
    kind: Kind
    row: int
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Line:
    """An edge from the top of one box to the bottom of another.

    Args:
        sender, receiver: As in the graph.
        head: The part that the receiver is an input of.
        score: None if the circuit has no scores.
        width: In pixels.
        path: Its course, as an SVG path.
        end: Where it ends, in pixels.
    """

    sender: str
    receiver: str
    head: str
    score: float | None
    width: float
    path: str
    end: tuple[float, float]


@dataclass(frozen=True)
class CircuitDrawing:
    """A circuit, laid out.

    Args:
        nodes, lines: What is drawn.
        rows: The name of each row with its y, from the bottom.
        width, height: Of the whole, in pixels.
        largest: The largest size of a score; 0 without scores.
        note: What was left out; empty if nothing was.
        summary: The picture in one sentence.
    """

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    rows: tuple[tuple[str, float], ...]
    width: float
    height: float
    largest: float
    note: str
    summary: str


def lay_out_circuit(circuit: Circuit, *, most_edges: int = _MOST_EDGES) -> CircuitDrawing:
    """Return where each part and each edge of a circuit is drawn.

    Args:
        circuit: The circuit; without scores all edges are alike.
        most_edges: More are not drawn: the largest by size are, and the note says how many are left out.
    """
    graph = circuit.graph
    scores: Sequence[float | None] = circuit.scores or [None] * len(circuit.edges)
    known = [(names, score) for names, score in zip(circuit.names, scores, strict=True)]
    strongest = sorted(range(len(known)), key=lambda index: (-abs(known[index][1] or 0.0), index))
    shown = [known[index] for index in sorted(strongest[:most_edges])]
    senders = {sender for (sender, _), _ in shown}
    links: list[tuple[str, str, str, float | None]] = []
    for (sender, receiver), score in shown:
        fed = graph.feeds(receiver) or ("logits",)
        # A key/value head serves a group; those of them that pass something on stand for it.
        links += [(sender, receiver, head, score) for head in [name for name in fed if name in senders] or fed]
    placed, rows = _place(graph, {name for link in links for name in (link[0], link[2])}, links)
    largest = max((abs(score) for *_, score in links if score is not None and math.isfinite(score)), default=0.0)
    right = max((node.x for node in placed.values()), default=_LEFT) + _BOX_WIDTH / 2
    height = _HEADER + len(rows) * _ROW + _LEGEND + _MARGIN
    lines = tuple(_line(placed, link, largest, right) for link in links)
    left_out = len(known) - len(shown)
    note = f"{left_out:,} weaker edges are not drawn." if left_out else ""
    summary = f"A circuit of {len(placed)} parts and {len(known):,} edges"
    if shown and largest:
        (sender, receiver), best = max(shown, key=lambda edge: abs(edge[1] or 0.0))
        summary += f"; the strongest is {sender} to {receiver} with {_figure(best)}"
    return CircuitDrawing(
        tuple(placed.values()), lines, rows, max(right + _MARGIN + 40, 420.0), height, largest, note, summary + "."
    )


def _place(
    graph: Graph, names: set[str], links: Sequence[tuple[str, str, str, float | None]]
) -> tuple[dict[str, Node], tuple[tuple[str, float], ...]]:
    """The nodes with their coordinates, and the rows with theirs: only layers with something in them have a row."""
    layers = sorted({graph.layer_of(name) for name in names})
    row_of = {layer: row for row, layer in enumerate(layers)}
    heads: dict[int, list[str]] = defaultdict(list)
    order = [*graph.senders, "logits"]
    for name in sorted(names, key=order.index):
        if ".mlp" not in name:
            heads[row_of[graph.layer_of(name)]].append(name)
    widest = max((len(line) for line in heads.values()), default=1)
    columns = max(widest, min(graph.heads, _MOST_COLUMNS))
    column = _LEFT + columns * (_BOX_WIDTH + _GAP) + _BOX_WIDTH / 2
    across = _ordered(graph, heads, links, columns)
    bottom = _HEADER + (len(layers) - 0.5) * _ROW
    nodes = {}
    for name in sorted(names, key=order.index):
        row = row_of[graph.layer_of(name)]
        y = bottom - row * _ROW
        if ".mlp" in name:
            nodes[name] = Node(name, "MLP", "mlp", row, column, y - _RAISED)
        else:
            kind: Kind = "embed" if name == "embed" else "logits" if name == "logits" else "head"
            nodes[name] = Node(name, name.split(".")[-1], kind, row, across[name], y)
    titles = {-1: "input", graph.layers: "output"}
    return nodes, tuple((titles.get(layer, f"layer {layer}"), bottom - row_of[layer] * _ROW) for layer in layers)


def _ordered(
    graph: Graph, heads: Mapping[int, list[str]], links: Sequence[tuple[str, str, str, float | None]], columns: int
) -> dict[str, float]:
    """The x of every box outside the MLPs' column: between its own head's column and where its neighbours lie.

    Source: Sugiyama, Tagawa, Toda 1981, the barycentre method for layered drawings; a quarter of it, so that a
    head's number stays readable from its place and rows of one box do not all stand in the middle.
    """
    step = _BOX_WIDTH + _GAP
    last = (columns - 1) * step

    def own(name: str) -> float:
        at = (int(name.split(".h")[1]) + 0.5) / graph.heads if ".h" in name else 0.5
        return at * last

    near: dict[str, list[str]] = defaultdict(list)
    for sender, _, head, _ in links:
        near[sender].append(head)
        near[head].append(sender)
    across = {name: own(name) for line in heads.values() for name in line}
    for sweep in range(_SWEEPS):
        for row in sorted(heads, reverse=bool(sweep % 2)):
            wanted = {}
            for name in heads[row]:
                others = [across[other] for other in near[name] if other in across]
                wanted[name] = 0.75 * own(name) + 0.25 * float(np.mean(others or [own(name)]))
            line = sorted(heads[row], key=lambda name: (wanted[name], own(name)))
            places = spread([wanted[name] for name in line], [step] * (len(line) - 1), low=0.0, high=last)
            across.update(zip(line, places, strict=True))
    return {name: _LEFT + _BOX_WIDTH / 2 + x for name, x in across.items()}


def _line(placed: Mapping[str, Node], link: tuple[str, str, str, float | None], largest: float, right: float) -> Line:
    """The edge's course: straight up at both ends, and around the boxes between if it passes rows."""
    sender, receiver, head, score = link
    start, end = placed[sender], placed[head]
    port = receiver.rsplit(".", 1)[-1]
    x0, y0 = start.x, start.y - _BOX_HEIGHT / 2
    x1, y1 = end.x + _PORTS.get(port, ("", 0.0))[1] * _BOX_WIDTH, end.y + _BOX_HEIGHT / 2
    rise = max((y0 - y1) * 0.45, 6.0)
    bow = 0.0
    if abs(x0 - x1) < _BOX_WIDTH / 2 and end.row - start.row > 1:
        # One above the other, with boxes between: aside, the farther the longer, and off the page at no time.
        bow = min(_BOX_WIDTH * (0.6 + 0.12 * (end.row - start.row)), right + _MARGIN + 30 - x0)
    path = f"M{x0:.1f} {y0:.1f}C{x0 + bow:.1f} {y0 - rise:.1f} {x1 + bow:.1f} {y1 + rise:.1f} {x1:.1f} {y1:.1f}"
    share = abs(score) / largest if score is not None and largest and math.isfinite(score) else 0.0
    width = _THINNEST + (_WIDEST - _THINNEST) * share if score is not None else 1.4
    return Line(sender, receiver, head, score, round(width, 2), path, (x1, y1))


def circuit_svg(drawing: CircuitDrawing, *, title: str = "", unit: str = "", is_file: bool = False) -> str:
    """Return the drawing as SVG: one element, nothing but shapes and escaped text in it.

    Args:
        drawing: From `lay_out_circuit`.
        title: Written above it.
        unit: Of the scores.
        is_file: Whether it stands alone, with its own light and dark colours; else the page has `CIRCUIT_STYLE`.
    """
    unit, title = clean_text(unit, 30), clean_text(title, 120)
    size = f'width="{drawing.width:.0f}" height="{drawing.height:.0f}"'
    box = f'viewBox="0 0 {drawing.width:.0f} {drawing.height:.0f}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" class="circuit" {size} {box} role="img">']
    parts.append(f"<title>{escape(drawing.summary)}</title>")
    if is_file:
        dark = f"@media (prefers-color-scheme: dark) {{ svg {{ {_DARK} }} }}"
        colours = f"svg {{ {_LIGHT}; --sans: {_SANS}; background: var(--paper) }}"
        parts.append(f"<style>{colours}\n{dark}\n{CIRCUIT_STYLE}</style>")
    if title:
        parts.append(f'<text x="{_MARGIN:.0f}" y="20">{escape(title)}</text>')
    end = drawing.width - _MARGIN
    for name, y in drawing.rows:
        parts.append(f'<line class="row" x1="{_LEFT - 8:.0f}" y1="{y:.1f}" x2="{end:.0f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="quiet" x="{_MARGIN:.0f}" y="{y + 4:.1f}">{name}</text>')
    ordered = sorted(drawing.lines, key=lambda line: line.width)
    parts += [_edge_svg(line, unit) for line in ordered]
    parts += [_node_svg(node) for node in drawing.nodes]
    parts += _ports_svg(drawing)
    parts += _legend_svg(drawing, unit)
    return "".join([*parts, "</svg>"])


def _sign(score: float | None) -> str:
    return "plain" if score is None or not score else "up" if score > 0 else "down"


def _edge_svg(line: Line, unit: str) -> str:
    port = _PORTS.get(line.receiver.rsplit(".", 1)[-1])
    into = f"{line.head} ({port[0]})" if port else line.receiver
    value = "" if line.score is None else f": {_figure(line.score)} {unit}".rstrip()
    sign = _sign(line.score)
    mark = ""
    if sign == "down":
        (x, y), half = line.end, 3 + line.width / 2
        mark = f'<path class="bar" d="M{x - half:.1f} {y + 3:.1f}h{2 * half:.1f}"/>'
    return (
        f'<g class="edge"><title>{escape(f"{line.sender} to {into}{value}")}</title>'
        f'<path class="{sign}" stroke-width="{line.width:g}" d="{line.path}"/>{mark}</g>'
    )


def _node_svg(node: Node) -> str:
    left, top = node.x - _BOX_WIDTH / 2, node.y - _BOX_HEIGHT / 2
    kind = {"mlp": "mlp", "head": "head"}.get(node.kind, "end")
    corner, down = (4, 0) if node.kind == "head" else (0, 4)  # a head's lower edge has the letters of its inputs
    return (
        f'<g class="{kind}"><title>{escape(node.name)}</title>'
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{_BOX_WIDTH:g}" height="{_BOX_HEIGHT:g}" rx="{corner}"/>'
        f'<text class="middle" x="{node.x:.1f}" y="{node.y + down:.1f}">{escape(node.label)}</text></g>'
    )


def _ports_svg(drawing: CircuitDrawing) -> list[str]:
    """A letter at each query, key and value that is read."""
    where = {}
    for line in drawing.lines:
        port = line.receiver.rsplit(".", 1)[-1]
        if port in _PORTS:
            where[line.end] = port
    return [
        f'<text class="small middle" x="{x:.1f}" y="{y - 2:.1f}">{port}</text>'
        for (x, y), port in sorted(where.items())
    ]


def _legend_svg(drawing: CircuitDrawing, unit: str) -> list[str]:
    y = drawing.height - _LEGEND + 6
    if not drawing.largest:
        return [f'<text class="quiet" x="{_MARGIN:.0f}" y="{y + 4:.1f}">{drawing.note}</text>'] if drawing.note else []
    x = _MARGIN
    size = escape(f"{_figure(drawing.largest).lstrip('+')} {unit}".rstrip())
    return [
        f'<path class="up" stroke-width="{_WIDEST:g}" d="M{x:.0f} {y:.1f}h30"/>',
        f'<text class="quiet" x="{x + 36:.0f}" y="{y + 4:.1f}">+{size}</text>',
        f'<path class="down" stroke-width="{_WIDEST:g}" d="M{x + 170:.0f} {y:.1f}h30"/>',
        f'<text class="quiet" x="{x + 206:.0f}" y="{y + 4:.1f}">{MINUS}{size}</text>',
        f'<text class="quiet" x="{x:.0f}" y="{y + 22:.1f}">{drawing.note}</text>' if drawing.note else "",
    ]


def _figure(value: float | None) -> str:
    """Three figures and the sign."""
    return "no number" if value is None else number(value, decimals(value, None, None), signed=True)


def write_circuit_figure(circuit: Circuit, path: Path, *, title: str = "", unit: str = "") -> Path:
    """Write a circuit as an SVG file that needs nothing else; return its path.

    Raises:
        RunError: AE-6011, AE-6012 it cannot be written.
    """
    content = circuit_svg(lay_out_circuit(circuit), title=title, unit=unit, is_file=True)
    write_atomic(path, content.encode("utf-8", "replace"))
    return path
