"""Which variable acts on which after how long, and what follows for any stretch of time?

    X[t-1] -> Y[t]; X[t-1] -> X[t]; X[t] <-> Y[t]; U[t] [latent]

Every edge holds at all times, so a few edges stand for a graph without beginning. A window of it is an ordinary graph;
what lies before the window joins the window's first steps by bidirected edges.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations

from aetia.errors import GraphError
from aetia.scm.graphs.graph import Edge, Graph, Mark, written
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.graphs.separation import separated

__all__ = [
    "LaggedEdge",
    "TimeSeriesGraph",
    "separated_in_time",
    "series_from_text",
    "series_of_window",
    "stationary_window",
    "summary_graph",
    "window_graph",
]

_TIMED = re.compile(r"(.*)\[t(?:([-+])0*(\d{1,6}))?\]", re.DOTALL)


@dataclass(frozen=True, order=True)
class LaggedEdge:
    """`first[t-lag] -> second[t]` at all times t, or `<->` with `is_bidirected`.

    Args:
        first: The cause, or the earlier end.
        second: The effect, or the later end.
        lag: How many steps later `second` is; 0 for the same time.
        is_bidirected: Whether a hidden common cause joins the two.
    """

    first: str
    second: str
    lag: int = 1
    is_bidirected: bool = False

    def __post_init__(self) -> None:
        if self.is_bidirected and self.lag == 0 and self.first > self.second:
            first = self.first
            object.__setattr__(self, "first", self.second)
            object.__setattr__(self, "second", first)

    def at(self, time: int) -> Edge:
        """The edge whose later end is that many steps before t."""
        ends = at_time(self.first, time + self.lag), at_time(self.second, time)
        return Edge(*ends, Mark.ARROW if self.is_bidirected else Mark.TAIL, Mark.ARROW)


def at_time(name: str, lag: int) -> str:
    """The name of a variable `lag` steps before t: `X[t-1]`."""
    return f"{name}[t]" if lag == 0 else f"{name}[t{-lag:+d}]"


@dataclass(frozen=True)
class TimeSeriesGraph:
    """Variables that go on in time and the edges between them, the same at all times.

    Args:
        nodes: The variables' names, in order.
        edges: The edges.
        latent: The variables that nobody observes.

    Raises:
        GraphError: AE-7101, AE-7102 as for a graph; AE-7103 edges within one time form a cycle; AE-7119 a lag is
            negative.
    """

    nodes: tuple[str, ...]
    edges: frozenset[LaggedEdge] = field(default_factory=frozenset)
    latent: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for edge in self.edges:
            if edge.lag < 0:
                raise GraphError("AE-7119", f"The edge {edge.at(0)} goes back in time.", mend=_FORWARD)
            Graph(self.nodes).known([edge.first, edge.second])
        assert window_graph(self, 1).order is not None  # raises at a cycle, an unknown name or one that stands twice

    @property
    def longest_lag(self) -> int:
        """The most steps that an edge takes."""
        return max((edge.lag for edge in self.edges), default=0)

    def __str__(self) -> str:
        names = [written(at_time(name, 0)) + " [latent]" * (name in self.latent) for name in self.nodes]
        return "; ".join([*names, *(str(edge.at(0)) for edge in sorted(self.edges))])


_FORWARD = "let every arrow point to the same time or a later one."


def series_from_text(text: str) -> TimeSeriesGraph:
    """The time-series graph that the text means; an edge between any two times stands for all its repetitions.

    Args:
        text: Like `X[t-1] -> Y[t]; X[t] <-> Y[t]`, otherwise written as for `graph_from_text`.

    Raises:
        GraphError: AE-7106 the text cannot be read; AE-7118 a time is missing, or an edge is neither -> nor <->;
            AE-7119 an effect comes before its cause; AE-7103 edges within one time form a cycle.
    """
    return _series(graph_from_text(text))


def _series(graph: Graph) -> TimeSeriesGraph:
    names = dict.fromkeys(_timed(name)[0] for name in graph.nodes)
    latent = frozenset(_timed(name)[0] for name in graph.latent)
    return TimeSeriesGraph(tuple(names), frozenset(map(_lagged, graph.edges)), latent)


def _timed(name: str) -> tuple[str, int]:
    """A variable and how many steps before t it is looked at."""
    match = _TIMED.fullmatch(name)
    if match is None:
        found = f"The variable {written(name)} has no time."
        raise GraphError("AE-7118", found, mend="write it like X[t] or X[t-1], up to 999999 steps from t.")
    return match[1], int(match[3] or 0) * (-1 if match[2] == "+" else 1)


def _lagged(edge: Edge) -> LaggedEdge:
    (first, first_lag), (second, second_lag) = _timed(edge.first), _timed(edge.second)
    if edge.is_bidirected:
        if first_lag < second_lag:
            first, second = second, first
        return LaggedEdge(first, second, abs(first_lag - second_lag), is_bidirected=True)
    if not edge.is_directed:
        raise GraphError("AE-7118", f"The edge {edge} is neither -> nor <->.", mend="orient it.")
    if first_lag < second_lag:
        raise GraphError("AE-7119", f"The edge {edge} goes back in time.", mend=_FORWARD)
    return LaggedEdge(first, second, first_lag - second_lag)


def window_graph(series: TimeSeriesGraph, steps: int) -> Graph:
    """The variables of that many steps up to t, earliest first, with the edges between them.

    What it does not show: dependence that comes from before the window; `stationary_window` does.

    Raises:
        GraphError: AE-7121 there are no steps.
    """
    if steps < 1:
        raise GraphError("AE-7121", f"A window of {steps} steps holds nothing.", mend="ask for at least one step.")
    times = range(steps - 1, -1, -1)
    nodes = tuple(at_time(name, time) for time in times for name in series.nodes)
    edges = frozenset(edge.at(time) for edge in series.edges for time in range(steps - edge.lag))
    return Graph(nodes, edges, frozenset(at_time(name, time) for time in times for name in series.latent))


def series_of_window(graph: Graph) -> TimeSeriesGraph:
    """The time-series graph that this graph over `X[t-k]` is a window of.

    Raises:
        GraphError: AE-7118, AE-7119 as for `series_from_text`; AE-7120 an edge is there at one time and not at another.
    """
    series = _series(graph)
    times = [_timed(name)[1] for name in graph.nodes]
    steps = range(min(times, default=0), max(times, default=0) + 1)
    known = set(graph.nodes)
    expected = {edge.at(time) for edge in series.edges for time in steps}
    lacking = {edge for edge in expected - graph.edges if edge.first in known and edge.second in known}
    if lacking:
        found = f"The edge {min(lacking)} is missing, though the same edge is there at another time."
        raise GraphError("AE-7120", found, mend="give every edge at all times of the window, or at none.")
    return series


def summary_graph(series: TimeSeriesGraph) -> Graph:
    """The graph without times: an edge where there is one at any lag; it may have cycles, and shows no self-effects."""
    across = [edge for edge in series.edges if edge.first != edge.second]
    pairs = [[(edge.first, edge.second) for edge in across if edge.is_bidirected is kind] for kind in (False, True)]
    return Graph.of(*pairs, nodes=series.nodes, latent=series.latent)


def stationary_window(series: TimeSeriesGraph, steps: int) -> Graph:
    """The window with `<->` between what has a common cause before it: all that the endless graph says of these steps.

    Raises:
        GraphError: AE-7121 there are no steps.
    Source: the question is that of Gerhardus, Wahl, Faltenbacher, Ninad and Runge 2023 (arXiv 2310.05526); answered
        here by search over pairs of variables and their distance in time.
    """
    window = window_graph(series, steps)
    causes = _causes(series)
    related = _with_common_causes(causes, series.longest_lag)
    # What reaches into the window: a variable in it, and its cause before it.
    entries = [
        (at_time(name, time), cause, time + lag)
        for name in series.nodes
        for cause, lag in causes[name]
        for time in range(max(steps - lag, 0), steps)
    ]
    arcs = {
        Edge(first, second, Mark.ARROW, Mark.ARROW)
        for (first, cause, time), (second, other, other_time) in combinations(entries, 2)
        if first != second and (cause, other, other_time - time) in related
    }
    return Graph(window.nodes, window.edges | arcs, window.latent)


_Node = str | LaggedEdge  # a variable, or the hidden common cause that a bidirected edge stands for


def _causes(series: TimeSeriesGraph) -> dict[_Node, list[tuple[_Node, int]]]:
    """Of each variable, its causes and how much earlier they are."""
    causes: dict[_Node, list[tuple[_Node, int]]] = {name: [] for name in series.nodes}
    for edge in sorted(series.edges):
        if edge.is_bidirected:
            causes[edge] = []
            causes[edge.first].append((edge, 0))
            causes[edge.second].append((edge, edge.lag))
        else:
            causes[edge.second].append((edge.first, edge.lag))
    return causes


def _with_common_causes(causes: dict[_Node, list[tuple[_Node, int]]], longest: int) -> set[tuple[_Node, _Node, int]]:
    """All (first, second, steps that second is earlier) that are one, or have a common cause however long ago.

    Going back from two effects to their common cause, the later of the two can always go first, so that they are never
    further apart than the longest lag: finitely many states stand for the endless past.
    """
    effects: dict[_Node, list[tuple[_Node, int]]] = {name: [] for name in causes}
    for effect, found in causes.items():
        for cause, lag in found:
            effects[cause].append((effect, lag))
    related = {(name, name, 0) for name in causes}
    waiting = list(related)
    while waiting:
        first, second, earlier = waiting.pop()
        onward = [(effect, second, earlier + lag) for effect, lag in effects[first]]
        onward += [(first, effect, earlier - lag) for effect, lag in effects[second]]
        fresh = {state for state in onward if abs(state[2]) <= longest} - related
        related |= fresh
        waiting.extend(fresh)
    return related


def separated_in_time(
    series: TimeSeriesGraph, first: Iterable[str], second: Iterable[str], given: Iterable[str] = ()
) -> bool:
    """Whether `given` blocks every path between the two sets in the graph without beginning.

    Args:
        series: The time-series graph.
        first: Variables with their times, like `X[t-1]`; a name alone is a set of one.
        second: The other side.
        given: The variables conditioned on, with their times.

    Raises:
        GraphError: AE-7118 a time is missing; AE-7104 an unknown name; AE-7111 the sets overlap.
    """
    sets = [
        [_timed(name) for name in ([names] if isinstance(names, str) else names)] for names in (first, second, given)
    ]
    times = [time for names in sets for _, time in names]
    latest, earliest = min(times, default=0), max(times, default=0)
    window = stationary_window(series, earliest - latest + 1)
    return separated(window, *([at_time(name, time - latest) for name, time in names] for names in sets))
