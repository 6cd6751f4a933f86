"""Which variables are independent of which, given others, in every distribution that goes with the graph?

One answer for all kinds of graphs: d-separation in a DAG; m-separation in an ADMG and a MAG; in a CPDAG and a PAG what
holds in every member of the class, read off the paths whose colliders and non-colliders are sure.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from aetia.errors import GraphError
from aetia.scm.graphs.graph import Edge, Graph, Mark, written

__all__ = [
    "Independence",
    "Path",
    "basic_independences",
    "connecting_path",
    "implied_independences",
    "markov_blanket",
    "minimal_separator",
    "separated",
]


@dataclass(frozen=True)
class Path:
    """A path: the variables along it and the edges between them."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]

    def __str__(self) -> str:
        left = {Mark.TAIL: "", Mark.ARROW: "<", Mark.CIRCLE: "o"}
        right = {Mark.TAIL: "", Mark.ARROW: ">", Mark.CIRCLE: "o"}
        text = written(self.nodes[0])
        for name, edge in zip(self.nodes[1:], self.edges, strict=True):
            line = f"{left[edge.mark(edge.other(name))]}-{right[edge.mark(name)]}"
            text += f" {'--' if line == '-' else line} {written(name)}"
        return text


@dataclass(frozen=True)
class Independence:
    """`first` is independent of `second` given `given`."""

    first: str
    second: str
    given: frozenset[str] = frozenset()

    def __str__(self) -> str:
        given = f" | {', '.join(map(written, sorted(self.given)))}" if self.given else ""
        return f"{written(self.first)} _||_ {written(self.second)}{given}"


def separated(graph: Graph, first: Iterable[str], second: Iterable[str], given: Iterable[str] = ()) -> bool:
    """Whether `given` blocks every path between the two sets; in an ADMG in time linear in its edges.

    Hidden variables are variables like others here; `given` decides what is conditioned on.

    Args:
        graph: A DAG, ADMG, MAG, PAG or CPDAG, or one of the latter two oriented further and closed under its rules.
        first: Variables on one side; a name alone is a set of one.
        second: Variables on the other side.
        given: The variables conditioned on.

    Raises:
        GraphError: AE-7103 there is a cycle; AE-7104 an unknown name; AE-7111 the sets overlap; AE-7112 an edge is
            left open that the others decide.
    Source: Shachter 1998 (Bayes ball); Richardson and Spirtes 2002 (m-separation); Zhang 2008 (definite status).
    """
    starts, ends, blocked = _disjoint(graph, first, second, given)
    if graph.is_oriented:
        return not _meet(graph, starts, ends, blocked)
    return connecting_path(graph, starts, ends, blocked) is None


def _disjoint(
    graph: Graph, first: Iterable[str], second: Iterable[str], given: Iterable[str]
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    starts, ends, blocked = graph.known(first), graph.known(second), graph.known(given)
    twice = (starts & ends) | (starts & blocked) | (ends & blocked)
    if twice:
        found = f"The variable {min(twice)} is in two of the three sets."
        raise GraphError("AE-7111", found, mend="ask about sets without a common variable.")
    assert graph.order is not None  # raises at a cycle
    return starts, ends, blocked


def _meet(graph: Graph, first: frozenset[str], second: frozenset[str], blocked: frozenset[str]) -> bool:
    """Whether walks from the two sides meet; the side with fewer open ends goes first, until one has none."""
    relevant = graph.ancestors(first | second | blocked)
    fresh, reached = first, set(first)
    fresh_there, reached_there = second, set(second)
    while fresh and fresh_there:
        if len(fresh) > len(fresh_there):
            fresh, reached, fresh_there, reached_there = fresh_there, reached_there, fresh, reached
        fresh = _onward(graph, fresh, blocked, relevant) - reached
        if not fresh.isdisjoint(reached_there):
            return True
        reached |= fresh
    return False


def _onward(graph: Graph, names: frozenset[str], blocked: frozenset[str], relevant: frozenset[str]) -> frozenset[str]:
    """Where open walks go on to: all that is not blocked, and blocked colliders where they are met by a head.

    All happens among the `relevant` variables, which act on one of the three sets. There every collider may be passed:
    one that does not act on `blocked` acts on an end of the walk, which can turn there instead (Lauritzen et al. 1990:
    separation in the moral graph of the ancestors).
    """
    by_head = _all(graph.children, names - blocked)
    if graph.has_arcs:
        by_head |= _all(graph.siblings, names)
    return (_all(graph.parents, names) - blocked) | (by_head & relevant)


def _all(ends: Mapping[str, frozenset[str]], names: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*map(ends.__getitem__, names))


def connecting_path(
    graph: Graph, first: Iterable[str], second: Iterable[str], given: Iterable[str] = ()
) -> Path | None:
    """A shortest path that `given` leaves open: the witness that the two sets are not separated; None if they are.

    Args:
        graph: As for `separated`, and so are the other arguments.
        first: Where the path starts.
        second: Where the path ends.
        given: The variables conditioned on.

    Raises:
        GraphError: As for `separated`.
    What it does not promise: in a CPDAG or PAG the path may pass a variable twice.
    """
    starts, ends, blocked = _disjoint(graph, first, second, given)
    if not graph.is_oriented:
        _require_closed(graph)
    opening = graph.ancestors(blocked)
    at = _edges_at(graph)
    # Shortest walks first: in an ADMG a walk that passes a variable twice has an open short cut.
    came: dict[tuple[Edge, str], tuple[Edge, str] | None] = {
        (edge, edge.other(name)): None for name in sorted(starts) for edge in at[name]
    }
    waiting = deque(came)
    while waiting:
        step = edge, name = waiting.popleft()
        if name in ends:
            return _path_to(step, came)
        for onward in at[name]:
            following = onward, onward.other(name)
            if onward == edge or following in came:
                continue
            collides = _collides(graph, edge, name, onward)
            if (collides is True and name in opening) or (collides is False and name not in blocked):
                came[following] = step
                waiting.append(following)
    return None


def _edges_at(graph: Graph) -> dict[str, list[Edge]]:
    at: dict[str, list[Edge]] = {name: [] for name in graph.nodes}
    for edge in sorted(graph.edges):
        at[edge.first].append(edge)
        at[edge.second].append(edge)
    return at


def _path_to(step: tuple[Edge, str] | None, came: dict[tuple[Edge, str], tuple[Edge, str] | None]) -> Path:
    nodes, edges, start = list[str](), list[Edge](), ""
    while step is not None:
        edge, name = step
        nodes.append(name)
        edges.append(edge)
        start = edge.other(name)
        step = came[step]
    return Path((start, *reversed(nodes)), tuple(reversed(edges)))


def _collides(graph: Graph, edge: Edge, name: str, onward: Edge) -> bool | None:
    """Whether the two edges meet head to head at `name`; None where members of the class differ."""
    marks = edge.mark(name), onward.mark(name)
    if marks == (Mark.ARROW, Mark.ARROW):
        return True
    if any(joint.mark(name) is Mark.TAIL and joint.at_second is not Mark.TAIL for joint in (edge, onward)):
        return False  # a sure tail: that of an undirected edge is unknown in a CPDAG
    if Mark.ARROW not in marks and onward.other(name) not in graph.adjacent[edge.other(name)]:
        return False
    return None


def _require_closed(graph: Graph) -> None:
    """No arrow meets an open edge of a variable that its start does not touch: the rules would orient that edge."""
    at = _edges_at(graph)
    for name in graph.nodes:
        into = [edge for edge in at[name] if edge.mark(name) is Mark.ARROW]
        for edge in at[name]:
            is_open = edge.mark(name) is Mark.CIRCLE or edge.at_second is Mark.TAIL
            far = edge.other(name)
            if is_open and any(
                far != arrow.other(name) and far not in graph.adjacent[arrow.other(name)] for arrow in into
            ):
                found = f"The edge {edge} is left open, though the arrows into {name} decide it."
                mend = "close the graph first: `meek_closed` for a CPDAG, `pag_of` for a PAG."
                raise GraphError("AE-7112", found, mend=mend)


def minimal_separator(
    graph: Graph,
    first: Iterable[str],
    second: Iterable[str],
    *,
    including: Iterable[str] = (),
    among: Iterable[str] | None = None,
) -> frozenset[str] | None:
    """A set that separates the two and of which none could be left out; None if no set does.

    Args:
        graph: An ADMG.
        first: Variables on one side.
        second: Variables on the other side.
        including: Variables that the set has to hold; only the others are minimal.
        among: The variables that may be in the set; None for all that are observed.

    Raises:
        GraphError: AE-7103, AE-7105 the graph is no ADMG; AE-7104 an unknown name; AE-7111 the sets overlap.
    Source: van der Zander and Liskiewicz, Finding minimal d-separators in linear time, UAI 2019.
    """
    starts, ends, held = _disjoint(graph.require_admg(), first, second, including)
    allowed = graph.known(graph.observed if among is None else among) - starts - ends
    relevant = graph.ancestors(starts | ends | held)
    widest = (allowed & relevant) | held
    near_first = _touched(graph, starts, widest, relevant)
    if not ends.isdisjoint(near_first):
        return None
    near_first = (widest & near_first) | held
    return (near_first & _touched(graph, ends, near_first, relevant)) | held


def _touched(graph: Graph, starts: frozenset[str], blocked: frozenset[str], relevant: frozenset[str]) -> frozenset[str]:
    """All that open walks from `starts` reach, the blocked variables that end them included."""
    fresh, reached = starts, set(starts)
    while fresh:
        fresh = _onward(graph, fresh, blocked, relevant) - reached
        reached |= fresh
    return _all(graph.parents, reached) | reached


def markov_blanket(graph: Graph, name: str) -> frozenset[str]:
    """The least set that separates the variable from all others: what a path of colliders joins to it.

    In a DAG these are its parents, its children and their other parents. For the blanket among the observed variables
    ask for that in `projected(graph)`.

    Raises:
        GraphError: AE-7103, AE-7105 the graph is no ADMG; AE-7104 an unknown name.
    Source: Pearl 1988; Richardson 2003 (ADMG).
    """
    graph.require_admg().known([name])
    found = set(graph.parents[name])
    by_head = set(graph.children[name] | graph.siblings[name])
    waiting = list(by_head)
    while waiting:
        collider = waiting.pop()
        found |= graph.parents[collider]
        fresh = graph.siblings[collider] - by_head
        by_head |= fresh
        waiting.extend(fresh)
    return frozenset(found | by_head) - {name}


def implied_independences(graph: Graph, *, largest: int | None = None) -> Iterator[Independence]:
    """All independences of two observed variables that the graph implies, smallest conditioning sets first.

    There are exponentially many; `basic_independences` gives one for each pair.

    Args:
        graph: As for `separated`.
        largest: The most variables to condition on; None for no limit.
    """
    names = graph.observed
    most = len(names) - 2 if largest is None else min(largest, len(names) - 2)
    for size in range(most + 1):
        for first, second in combinations(names, 2):
            if second not in graph.adjacent[first]:
                others = [name for name in names if name not in (first, second)]
                for given in combinations(others, size):
                    if separated(graph, [first], [second], given):
                        yield Independence(first, second, frozenset(given))


def basic_independences(graph: Graph) -> Iterator[Independence]:
    """One independence for each pair of observed variables that some set separates, with a minimal such set.

    In a DAG without hidden variables these are all pairs without an edge, and together they imply all others in a
    distribution with a positive density.

    Args:
        graph: An ADMG.
    """
    for first, second in combinations(graph.observed, 2):
        given = None if second in graph.adjacent[first] else minimal_separator(graph, [first], [second])
        if given is not None:
            yield Independence(first, second, given)
