"""How is a causal graph written as text, and what graph does a text mean?

    Z -> X; X -> Y; X <-> Y        separated by ; or , or a new line
    A -> B -> C                    a chain
    {A, B} -> C                    each of A and B
    A -- B, A o-> B, A o-o B       marks of CPDAGs and PAGs
    W                              a variable without edges
    U [latent]                     a variable that nobody observes
    "blood pressure" -> Y          names with spaces or signs, in quotes
    # to the end of the line       a remark

Every graph is written by `str(graph)` in a way that reads back as the same graph.
"""

import re
from collections.abc import Iterable

from aetia.scm.graphs.graph import PLAIN_NAME, Edge, Graph, Mark
from aetia.scm.graphs.statements import Dialect, Reader, Statement

__all__ = ["graph_from_text"]

_TEXT = Dialect(
    code="AE-7106",
    kind="text of the graph",
    name=PLAIN_NAME,
    mark=re.compile(r"<-+>|<-+o(?!\w)|<-+|o-+>|o-+o(?!\w)|o-+|-+>|-+o(?!\w)|--+|[→←↔]"),
    comment=re.compile(r"(?:[^\S\n]|#[^\n]*)*"),
    separator=re.compile(r"[;,\n]\s*"),
    example='Z -> X; {X, "blood pressure"} -> Y; X <-> Y; U [latent]',
)
_UNICODE = {"→": "->", "←": "<-", "↔": "<->"}
_LEFT = {"<": Mark.ARROW, "o": Mark.CIRCLE, "-": Mark.TAIL}
_RIGHT = {">": Mark.ARROW, "o": Mark.CIRCLE, "-": Mark.TAIL}


def graph_from_text(text: str) -> Graph:
    """The graph that the text means; variables stand in the order in which the text first names them.

    Args:
        text: Like `Z -> X; X -> Y; X <-> Y`; see the head of this module.

    Raises:
        GraphError: AE-7106 the text cannot be read (the place is shown); AE-7102 an edge ends at its start.
    """
    reader = Reader(text, _TEXT)
    statements = list[Statement]()
    for statement in reader.statements():
        if set(statement.attributes) - {"latent"}:
            reader.fail("no other attribute than [latent]", statement.place)
        if statement.attributes and statement.marks:
            reader.fail("a statement of its own for [latent]", statement.place)
        statements.append(statement)
    return _graph(statements)


def _graph(statements: Iterable[Statement]) -> Graph:
    nodes, edges, latent = dict[str, None](), set[Edge](), set[str]()
    for statement in statements:
        names = [name for group in statement.groups for name in group]
        nodes.update(dict.fromkeys(names))
        if "latent" in statement.attributes:
            latent.update(names)
        for first, sign, second in statement.joints():
            mark = _UNICODE.get(sign, sign)
            edges.add(Edge(first, second, _LEFT[mark[0]], _RIGHT[mark[-1]]))
    return Graph(tuple(nodes), frozenset(edges), frozenset(latent))
