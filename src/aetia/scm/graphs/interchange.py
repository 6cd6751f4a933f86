"""How does a causal graph travel to and from other programs: DOT, dagitty, JSON and networkx?

Each pair of functions is a round trip: what one writes, the other reads as the same graph. Reading is lenient about
what has no causal meaning (positions, colours, labels) and strict about all the rest.
"""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from aetia.errors import GraphError
from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.graphs.statements import Dialect, Reader, Statement

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "graph_from_dagitty",
    "graph_from_dot",
    "graph_from_json",
    "graph_from_networkx",
    "graph_to_dagitty",
    "graph_to_dot",
    "graph_to_json",
    "graph_to_networkx",
]

_SKIPPED = re.compile(r"(?:\s|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_DOT = Dialect(
    code="AE-7107",
    kind="DOT text",
    name=re.compile(r"[^\W\d]\w*|-?(?:\.\d+|\d+(?:\.\d*)?)"),
    mark=re.compile("->|--"),
    comment=_SKIPPED,
    separator=re.compile("[;,]"),
    example='digraph { Z -> X; X -> Y; X -> Y [dir=both]; "U" [latent=true] }',
    is_dot=True,
    setting=re.compile(r"(?:node|edge|graph)(?=\s*\[)", re.IGNORECASE),
)
_DAGITTY = Dialect(
    code="AE-7108",
    kind="dagitty text",
    name=re.compile(r"[\w.]+"),
    mark=re.compile("<->|<-@|<-|->|@->|@-@|@--|--@|--"),
    comment=_SKIPPED,
    separator=re.compile("[;,]"),
    example="dag { Z -> X; X -> Y; X <-> Y; U [latent] }",
    is_dot=True,
)
_DOT_HEADER = re.compile(r"(?:strict\s+)?(?:di)?graph\b", re.IGNORECASE)
_DAGITTY_HEADER = re.compile(r"(?:dag|pdag|mag|pag|graph|digraph)\b", re.IGNORECASE)
_YES, _NO = {"true", "yes", "1"}, {"false", "no", "0"}
_ARROWHEADS = {Mark.TAIL: "none", Mark.ARROW: "normal", Mark.CIRCLE: "odot"}
_MARKS = {
    f"{left}{middle}{right}": (start, end)
    for left, start in (("", Mark.TAIL), ("<", Mark.ARROW), ("o", Mark.CIRCLE))
    for right, end in (("", Mark.TAIL), (">", Mark.ARROW), ("o", Mark.CIRCLE))
    for middle in ("-" if left or right else "--",)
}


def graph_from_dot(text: str) -> Graph:
    """The graph of a DOT text: `dir`, `arrowhead` and `arrowtail` give the marks, `odot` is a circle.

    A variable is hidden if it has the attribute `latent`, or `observed=no`, as DoWhy writes it.

    Raises:
        GraphError: AE-7107 the text cannot be read, or uses ports or HTML; AE-7102 an edge ends at its start.
    """
    reader = _opened(text, _DOT, _DOT_HEADER)
    defaults = dict[str, str]()
    nodes, edges, latent = dict[str, None](), set[Edge](), set[str]()
    for statement in _body(reader):
        if statement.setting:
            if statement.setting.lower() == "edge":
                if statement.depth:
                    reader.fail("a default for edges outside of any subgraph", statement.place)
                defaults |= statement.attributes
            continue
        _read_nodes(statement, nodes, latent)
        for first, mark, second in statement.joints():
            attributes = {"dir": "forward" if mark == "->" else "none"} | defaults | dict(statement.attributes)
            ends = _dot_marks(attributes)
            if ends is None:
                reader.fail("dir=forward, back, both or none", statement.place)
            edges.add(Edge(first, second, *ends))
    return Graph(tuple(nodes), frozenset(edges), frozenset(latent))


def _opened(text: str, dialect: Dialect, header: re.Pattern[str]) -> Reader:
    reader = Reader(text, dialect)
    if not reader.take(header):
        reader.fail(f"{dialect.example.split()[0]!r}")
    if not reader.take("{"):
        reader.name()
        if not reader.take("{"):
            reader.fail("'{'")
    return reader


def _body(reader: Reader) -> list[Statement]:
    statements = list(reader.statements("}"))
    reader.take(";")
    if not reader.is_at_end:
        reader.fail("the end")
    return statements


def _read_nodes(statement: Statement, nodes: dict[str, None], latent: set[str]) -> None:
    names = [name for group in statement.groups for name in group]
    nodes.update(dict.fromkeys(names))
    attributes = statement.attributes
    is_latent = "latent" in attributes and attributes["latent"].lower() not in _NO
    if not statement.marks and (is_latent or attributes.get("observed", "").lower() in _NO):
        latent.update(names)


def _dot_marks(attributes: Mapping[str, str]) -> tuple[Mark, Mark] | None:
    def shape(key: str) -> Mark:
        return {"none": Mark.TAIL, "odot": Mark.CIRCLE}.get(attributes.get(key, "normal"), Mark.ARROW)

    both = shape("arrowtail"), shape("arrowhead")
    ways = {
        "forward": (Mark.TAIL, both[1]),
        "back": (both[0], Mark.TAIL),
        "both": both,
        "none": (Mark.TAIL, Mark.TAIL),
    }
    return ways.get(attributes["dir"])


def graph_to_dot(graph: Graph) -> str:
    """The graph as DOT text, for Graphviz and what reads its format; hidden variables are dashed."""
    lines = [f"  {_quoted(name)}{' [latent=true, style=dashed]' * (name in graph.latent)};" for name in graph.nodes]
    for edge in sorted(graph.edges):
        tail, head = _ARROWHEADS[edge.at_first], _ARROWHEADS[edge.at_second]
        marks = "" if edge.is_directed else f" [dir=both, arrowtail={tail}, arrowhead={head}]"
        lines.append(f"  {_quoted(edge.first)} -> {_quoted(edge.second)}{marks};")
    return "\n".join(["digraph {", *lines, "}", ""])


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def graph_from_dagitty(text: str) -> Graph:
    """The graph of a dagitty text, of any of its types (`dag`, `pdag`, `mag`, `pag`); roles and places are left out.

    Raises:
        GraphError: AE-7108 the text cannot be read; AE-7102 an edge ends at its start.
    Source: Textor et al. 2016, dagitty's textual syntax.
    """
    reader = _opened(text, _DAGITTY, _DAGITTY_HEADER)
    left = {"<": Mark.ARROW, "@": Mark.CIRCLE, "-": Mark.TAIL}
    right = {">": Mark.ARROW, "@": Mark.CIRCLE, "-": Mark.TAIL}
    nodes, edges, latent = dict[str, None](), set[Edge](), set[str]()
    for statement in _body(reader):
        _read_nodes(statement, nodes, latent)
        for first, mark, second in statement.joints():
            edges.add(Edge(first, second, left[mark[0]], right[mark[-1]]))
    return Graph(tuple(nodes), frozenset(edges), frozenset(latent))


def graph_to_dagitty(graph: Graph) -> str:
    """The graph as dagitty text, its type told by its marks."""
    left = {Mark.TAIL: "-", Mark.ARROW: "<-", Mark.CIRCLE: "@-"}
    right = {Mark.TAIL: "-", Mark.ARROW: ">", Mark.CIRCLE: "@"}
    lines = [f"  {_quoted(name)}{' [latent]' * (name in graph.latent)}" for name in graph.nodes]
    for edge in sorted(graph.edges):
        mark = left[edge.at_first] + right[edge.at_second]
        mark = {"@--": "@--", "-@": "--@"}.get(mark, mark)
        lines.append(f"  {_quoted(edge.first)} {mark} {_quoted(edge.second)}")
    return "\n".join([f"{_dagitty_type(graph)} {{", *lines, "}", ""])


def _dagitty_type(graph: Graph) -> str:
    if graph.is_oriented:
        return "dag"
    if any(Mark.CIRCLE in (edge.at_first, edge.at_second) for edge in graph.edges):
        return "pag"
    return "mag" if any(edge.is_bidirected for edge in graph.edges) else "pdag"


def graph_from_json(text: str) -> Graph:
    """The graph of JSON text like `{"nodes": ["X", "Y"], "edges": [["X", "->", "Y"]], "latent": []}`.

    Raises:
        GraphError: AE-7109 the text is no such JSON; AE-7101, AE-7102 its names do not fit together.
    """
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_json("it is no JSON") from error
    if not isinstance(found, dict):
        raise _not_json("it is no object")
    fields = cast("dict[str, object]", found)
    strange = set(fields) - {"nodes", "edges", "latent"}
    if strange:
        raise _not_json(f"it has a field {min(strange)!r}")
    nodes, latent = (_texts(fields.get(key, [] if key == "latent" else None), key) for key in ("nodes", "latent"))
    edges = fields.get("edges")
    if not isinstance(edges, list):
        raise _not_json("edges is no list")
    return Graph(tuple(nodes), frozenset(_edge(item) for item in cast("list[object]", edges)), frozenset(latent))


def _not_json(reason: str) -> GraphError:
    mend = 'write {"nodes": ["X", "Y"], "edges": [["X", "->", "Y"]], "latent": []}.'
    return GraphError("AE-7109", f"The JSON text is no graph: {reason}.", mend=mend)


def _texts(found: object, key: str) -> list[str]:
    if not isinstance(found, list) or not all(isinstance(item, str) for item in cast("list[object]", found)):
        raise _not_json(f"{key} is no list of names")
    return cast("list[str]", found)


def _edge(item: object) -> Edge:
    parts = _texts(item, "an edge")
    if len(parts) != 3 or parts[1] not in _MARKS:
        raise _not_json(f"{parts!r:.80} is no edge")
    return Edge(parts[0], parts[2], *_MARKS[parts[1]])


def graph_to_json(graph: Graph) -> str:
    """The graph as JSON text, one line; `graph_from_json` says how it looks."""
    signs = {marks: sign for sign, marks in _MARKS.items()}
    edges = [[edge.first, signs[edge.at_first, edge.at_second], edge.second] for edge in sorted(graph.edges)]
    return json.dumps({"nodes": graph.nodes, "edges": edges, "latent": sorted(graph.latent)})


def graph_from_networkx(source: "nx.Graph[str]") -> Graph:
    """The graph of a networkx graph: its edges are `->`, or `--` if it is undirected.

    Attributes `at_start` and `at_end` (`-`, `>` or `o`) of a directed edge say otherwise; a node's `latent` hides it.

    Raises:
        GraphError: AE-7110 a node is no text, or a mark is unknown; AE-7102 an edge ends at its start.
    """
    names, latent = list[str](), set[str]()
    for node in source:
        if not isinstance(node, str):
            mend = "rename the nodes: networkx.relabel_nodes(graph, str)."
            raise GraphError("AE-7110", f"The node {node!r} is no text.", mend=mend)
        names.append(node)
        if source.nodes[node].get("latent"):
            latent.add(node)
    edges = set[Edge]()
    for first, second, attributes in source.edges(data=True):
        marks = (Mark.TAIL, Mark.TAIL)
        if source.is_directed():
            marks = (_mark(attributes.get("at_start", "-")), _mark(attributes.get("at_end", ">")))
        edges.add(Edge(first, second, *marks))
    return Graph(tuple(names), frozenset(edges), frozenset(latent))


def _mark(found: object) -> Mark:
    if found not in set(Mark):
        raise GraphError("AE-7110", f"There is no mark {found!r}.", mend="use -, > or o.")
    return Mark(found)


def graph_to_networkx(graph: Graph) -> "nx.MultiDiGraph[str]":
    """The graph as a networkx multigraph with the edges' attributes `at_start` and `at_end`, the nodes' `latent`.

    Edges point from `first` to `second`, also those that are not directed: of an ADMG, look at the marks.
    """
    import networkx as nx

    made: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for name in graph.nodes:
        made.add_node(name, latent=name in graph.latent)
    for edge in sorted(graph.edges):
        made.add_edge(edge.first, edge.second, at_start=edge.at_first.value, at_end=edge.at_second.value)
    return made
