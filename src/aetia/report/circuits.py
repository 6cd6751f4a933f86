"""What does a study of circuits look like: the graph that passes, its faithfulness over its size, how good it is?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from aetia.circuits.found import GRAPH, LINKS, METHODS, METRICS, between, graph_of
from aetia.circuits.graph import Circuit, Graph
from aetia.errors import StudyError
from aetia.files import write_atomic
from aetia.report.circuit_drawing import circuit_svg, lay_out_circuit, write_circuit_figure
from aetia.report.evidence import Evidence
from aetia.report.rows import Row, percent, strongest
from aetia.report.sentences import Sentence

__all__ = ["CircuitSection", "Measure", "about_circuit", "circuit_section", "write_circuit"]

_SHOWN_NODES, _SHOWN_EDGES, _PLAIN_NODES = 20, 60, 8
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640.0, 260.0, 56.0, 44.0, 14.0
_RANGE = (-0.5, 2.0)  # of faithfulness; what lies beyond is cut off, which the caption says

_MEANINGS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("cpr", "circuit"): ("CPR", "area under faithfulness by score; no circuit at all has the value below"),
    ("cpr", "no circuit"): ("CPR of no circuit", "useless until it is the whole network"),
    ("cmd", "circuit"): ("CMD", "area between faithfulness by size and 1; lower is better"),
    ("cmd", "no circuit"): ("CMD of no circuit", "useless until it is the whole network"),
    ("faithfulness", "circuit"): ("Faithfulness", "what the circuit gives back of the outcome, on items not chosen on"),
    ("faithfulness", "circuit, items it was chosen on"): ("the same, on the items it was chosen on", "for comparison"),
    ("completeness", "circuit"): ("Completeness gap", "circuit less network, both damaged; 0 is complete"),
    ("cause", "circuit"): ("Cause", "share of the outcome that is lost when the circuit alone is left out"),
    ("isolate", "circuit"): ("Isolate", "share of another task's outcome that is left then"),
}


@dataclass(frozen=True)
class Measure:
    """One number about the circuit: its name, its row, its value as text, what it means."""

    name: str
    row: Row
    value: str
    meaning: str


@dataclass(frozen=True)
class CircuitSection:
    """What the page shows of a circuit.

    Args:
        reading: What is drawn, in words.
        drawing: The graph as SVG; empty if there is nothing to draw.
        curve: Faithfulness over size as SVG; empty if there is none.
        clipped: Whether the curve leaves the picture.
        judged: Which circuit the measures are of.
        measures: How good it is.
        parts: The parts of the circuit that was judged, by what each adds.
    """

    reading: str
    drawing: Markup
    curve: Markup
    clipped: bool
    judged: str
    measures: tuple[Measure, ...]
    parts: tuple[Row, ...]


def circuit_section(evidence: Evidence) -> CircuitSection | None:
    """Return what the page shows of a circuit; None if the run is of another instrument."""
    if GRAPH not in evidence.provenance:
        return None
    circuit, reading = _drawn(evidence)
    unit = next((row.unit for row in evidence.rows if row.method in METHODS), "")
    limit = _SHOWN_EDGES if _is_by_node(evidence.rows) else 160
    svg = circuit_svg(lay_out_circuit(circuit, most_edges=limit), unit=unit) if circuit.edges else ""
    curve = [row for row in evidence.rows if row.method == "faithfulness" and row.component == "by score"]
    by_size = [row for row in evidence.rows if row.method == "faithfulness" and row.component == "by size"]
    shown = [row for row in (*curve, *by_size) if row.is_number]
    parts = sorted((row for row in evidence.rows if row.method == "minimality"), key=lambda row: -row.estimate)
    return CircuitSection(
        reading,
        Markup(svg),  # noqa: S704  shapes and escaped text
        Markup(_curve_svg(curve, by_size)) if len(curve) > 1 else Markup(""),  # noqa: S704  numbers only
        clipped=any(not _RANGE[0] <= row.estimate <= _RANGE[1] for row in shown),
        judged=_judged(evidence.rows),
        measures=_measures(evidence.rows),
        parts=tuple(parts[:_SHOWN_NODES]),
    )


def write_circuit(evidence: Evidence, folder: Path) -> list[Path]:
    """Write what passes as `circuit.json` and as a figure; return their paths, none if there is nothing.

    Raises:
        RunError: AE-6011, AE-6012 they cannot be written.
    """
    if GRAPH not in evidence.provenance:
        return []
    circuit, _ = _drawn(evidence)
    if not circuit.edges:
        return []
    path = folder / "circuit.json"
    write_atomic(path, (circuit.to_json() + "\n").encode())
    unit = next((row.unit for row in evidence.rows if row.method in METHODS), "")
    (folder / "figures").mkdir(exist_ok=True)
    return [path, write_circuit_figure(circuit, folder / "figures" / "circuit.svg", unit=unit)]


def about_circuit(rows: Sequence[Row], units: str = "items") -> list[Sentence]:
    """Return how good the circuit is, in sentences; none if there is none. `units` is what n counts."""
    found = {(row.method, row.component): row for row in rows if row.method in METRICS and row.sender is None}
    said: list[Sentence] = []
    circuit = found.get(("faithfulness", "circuit"))
    if circuit is not None and circuit.fraction is not None:
        seen = found.get(("faithfulness", "circuit, items it was chosen on"))
        text = f"On {circuit.n} {units} that it was not chosen on, the circuit ({_judged(rows)}) gives back "
        text += f"{_share(circuit)} of the outcome" + (f"; on those it was chosen on, {_share(seen)}." if seen else ".")
        said.append(Sentence(text, tuple(row for row in (circuit, seen) if row is not None)))
    cpr, cmd = found.get(("cpr", "circuit")), found.get(("cmd", "circuit"))
    if cpr is not None and cmd is not None:
        none = [found.get((name, "no circuit")) for name in ("cpr", "cmd")]
        beside = [f", where no circuit has {row.estimate:.3g}" if row is not None else "" for row in none]
        text = f"CPR is {_plain(cpr)}{beside[0]}; CMD is {_plain(cmd)}{beside[1]}."
        said.append(Sentence(text, (cpr, cmd)))
    return said


def _share(row: Row) -> str:
    return f"{row.estimate:.0%}" + (f" [{row.low:.0%}, {row.high:.0%}]" if row.low is not None else "")


def _plain(row: Row) -> str:
    return f"{row.figure.lstrip('+')} {row.bounds}".strip()


def _is_by_node(rows: Sequence[Row]) -> bool:
    return not any(row.method in METHODS and row.receiver is not None for row in rows)


def _judged(rows: Sequence[Row]) -> str:
    """Which circuit the measures are of."""
    row = next((row for row in rows if (row.method, row.component) == ("faithfulness", "circuit")), None)
    if row is None or row.fraction is None:
        return ""
    what = "nodes" if _is_by_node(rows) else "edges"
    share = percent(row.fraction) if row.fraction >= 0.01 else f"{row.fraction:.2%}"
    return f"{share} of the {what}"


def _measures(rows: Sequence[Row]) -> tuple[Measure, ...]:
    found = {(row.method, row.component): row for row in rows if row.method in METRICS and row.sender is None}
    return tuple(
        Measure(name, found[key], found[key].figure.lstrip("+"), text)
        for key, (name, text) in _MEANINGS.items()
        if key in found
    )


def _drawn(evidence: Evidence) -> tuple[Circuit, str]:
    """The circuit of what passes, or of the largest if nothing was tested; and what is drawn, in words."""
    try:
        graph = graph_of(evidence.provenance)
        return _circuit(graph, evidence.rows)
    except StudyError as error:  # a file that someone has changed: the page shows the rest
        return Circuit(Graph(1, 1, 1), ()), f"The graph cannot be drawn. {error.found}"


def _circuit(graph: Graph, rows: Sequence[Row]) -> tuple[Circuit, str]:
    cells = [row for row in rows if row.method in METHODS and row.sender is not None]
    is_tested, by_node = any(row.is_tested for row in cells), _is_by_node(rows)
    what = "nodes" if by_node else "edges"
    kept = [row for row in cells if row.passes] if is_tested else strongest(cells, _SHOWN_NODES if by_node else 100)
    if is_tested:
        reading = f"{len(kept):,} of {len(cells):,} {what} pass." if kept else f"No {what[:-1]} passes."
    else:
        reading = f"The {len(kept):,} largest of {len(cells):,} {what} are drawn; none was tested."
    if not by_node:
        scores = {graph.edge_index(str(row.sender), str(row.receiver)): row.estimate for row in kept}
    else:
        nodes = {str(row.sender) for row in kept}
        linked = [row for row in rows if row.method == LINKS and row.sender in nodes]
        linked = [row for row in linked if row.receiver == "logits" or nodes & set(graph.feeds(str(row.receiver)))]
        scores = {graph.edge_index(str(row.sender), str(row.receiver)): row.estimate for row in linked}
        if kept and not scores:
            few = strongest(kept, _PLAIN_NODES)
            return between(graph, [str(row.sender) for row in few]), f"The {len(few)} largest are drawn. {reading}"
        drawn = "Drawn are those with a large link; what a link carries is a first-order estimate (EAP-IG), not tested."
        reading += f" {drawn}" if kept else ""
    edges = tuple(sorted(scores))
    return Circuit(graph, edges, tuple(scores[edge] for edge in edges)), reading


def _curve_svg(by_score: Sequence[Row], by_size: Sequence[Row]) -> str:
    """Faithfulness at every share: by score as a line with its interval, by size dashed."""
    shares = [row.fraction or 0.0 for row in by_score]
    step = (_WIDTH - _LEFT - 20) / (len(shares) - 1)

    def x(place: int) -> float:
        return _LEFT + place * step

    def y(value: float) -> float:
        low, high = _RANGE
        held = min(max(value, low), high)
        return _TOP + (high - held) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    def path(values: Sequence[float]) -> str:
        return "M" + "L".join(f"{x(place):.1f} {y(value):.1f}" for place, value in enumerate(values))

    parts = [f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" width="{_WIDTH:.0f}" height="{_HEIGHT:.0f}" role="img">']
    parts.append("<title>Faithfulness over the share that is kept; the table has the numbers</title>")
    for value in (0.0, 0.5, 1.0, 1.5):
        kind = "axis" if value in (0.0, 1.0) else "guide"
        parts.append(f'<path class="{kind}" d="M{_LEFT:.0f} {y(value):.1f}H{x(len(shares) - 1):.1f}"/>')
        parts.append(f'<text x="8" y="{y(value) + 4:.1f}">{value:.0%}</text>')
    lows = [row.low if row.low is not None else row.estimate for row in by_score]
    highs = [row.high if row.high is not None else row.estimate for row in by_score]
    back = "".join(f"L{x(place):.1f} {y(lows[place]):.1f}" for place in range(len(lows) - 1, -1, -1))
    parts.append(f'<path class="band" d="{path(highs)}{back}Z"/>')
    parts.append(f'<path class="line" d="{path([row.estimate for row in by_score])}"/>')
    if len(by_size) == len(by_score):
        dashed = path([row.estimate for row in by_size])
        parts.append(f'<path class="axis" stroke-width="1.5" stroke-dasharray="5 4" d="{dashed}"/>')
    for place, share in enumerate(shares):
        parts.append(f'<text class="tick" x="{x(place):.1f}" y="{_HEIGHT - 24:.0f}">{share * 100:g}%</text>')
    middle = (_LEFT + x(len(shares) - 1)) / 2
    parts.append(f'<text class="axis-name" x="{middle:.1f}" y="{_HEIGHT - 6:.0f}">share kept</text>')
    return "".join([*parts, "</svg>"])
