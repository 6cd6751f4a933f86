"""What do all graphs with hidden causes and selection have in common that imply the same independences?

A partial ancestral graph (PAG) has the marks in which all MAGs of the class agree, and circles for the rest. `*` is
any mark, and `apart` means that no edge joins the two:

    R0   a *-* b *-* c, a and c apart, b in no separator of them         gives a *-> b <-* c
    R1   a *-> b o-* c, a and c apart                                    gives b -> c
    R2   a -> b *-> c or a *-> b -> c, a *-o c                           gives a *-> c
    R3   a *-> b <-* c, a *-o d o-* c, d *-o b, a and c apart            gives d *-> b
    R4   a discriminating path for b between d and c, b o-* c            gives b -> c, or a <-> b <-> c
    R5   a o-o b, an uncovered circle path a, c, .., d, b without chords at its ends    gives -- all along
    R6   a -- b o-* c                                                    gives b -* c
    R7   a -o b o-* c, a and c apart                                     gives b -* c
    R8   a -> b -> c or a -o b -> c, a o-> c                             gives a -> c
    R9   a o-> c, an uncovered potentially directed path a, b, .., c, b and c apart     gives a -> c
    R10  a o-> c, b -> c <- d, two such paths from a to b and to d that begin apart     gives a -> c
"""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations

from aetia.scm.graphs.ancestral import require_mag
from aetia.scm.graphs.graph import Edge, Graph, Mark

__all__ = ["fci_closed", "pag_of"]

TAIL, ARROW, CIRCLE = Mark.TAIL, Mark.ARROW, Mark.CIRCLE


def pag_of(mag: Graph) -> Graph:
    """The PAG of the class of the MAG: the marks in which all Markov equivalent MAGs agree.

    Raises:
        GraphError: AE-7103, AE-7117 the graph is no MAG.
    Source: Zhang, On the completeness of orientation rules for causal discovery in the presence of latent confounders
        and selection bias, Artificial Intelligence 172, 2008; R0 and R4 read the MAG for the separators.
    """
    require_mag(mag)
    mark = _Marks(mag).at

    def is_collider(first: str, middle: str, last: str) -> bool:
        return mark[first][middle] is ARROW and mark[last][middle] is ARROW

    blank = frozenset(Edge(edge.first, edge.second, CIRCLE, CIRCLE) for edge in mag.edges)
    marks = _Marks(Graph(mag.nodes, blank, mag.latent))
    for middle in mag.nodes:
        for first, last in combinations(sorted(mag.adjacent[middle]), 2):
            if last not in mag.adjacent[first] and is_collider(first, middle, last):
                marks.at[first][middle] = marks.at[last][middle] = ARROW
    return fci_closed(marks.graph(), lambda path: mark[path[-1]][path[-2]] is ARROW)


def fci_closed(graph: Graph, is_collider: Callable[[tuple[str, ...]], bool]) -> Graph:
    """The graph with every circle replaced that the rules R1 to R10 decide.

    Args:
        graph: Marks so far: the unshielded colliders have arrows (R0).
        is_collider: Of a discriminating path d, .., a, b, c for b: whether b is in no set that separates d and c.
    """
    marks = _Marks(graph)
    for rules in ((_rules_1_to_3, _rule_4(is_collider)), (_rule_5, _rules_6_and_7), (_rules_8_to_10,)):
        while sum(rule(marks) for rule in rules):  # a sum, so that every rule has its turn
            pass
    return marks.graph()


class _Marks:
    """The marks of a graph while circles are replaced: `at[a][b]` is the mark at b of the edge between a and b."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.nodes, self.adjacent = graph.nodes, graph.adjacent
        self.at: dict[str, dict[str, Mark]] = {name: {} for name in graph.nodes}
        for edge in sorted(graph.edges):
            self.at[edge.first][edge.second] = edge.at_second
            self.at[edge.second][edge.first] = edge.at_first

    def has(self, first: str, second: str, at_first: Mark | None, at_second: Mark | None) -> bool:
        """Whether an edge joins the two with these marks; None stands for any."""
        if second not in self.at[first]:
            return False
        return at_first in (None, self.at[second][first]) and at_second in (None, self.at[first][second])

    def are_apart(self, first: str, second: str) -> bool:
        """Whether the two are different and no edge joins them."""
        return first != second and second not in self.at[first]

    def put(self, first: str, second: str, mark: Mark) -> bool:
        """Replaces the circle at `second`; whether there was one."""
        if self.at[first][second] is not CIRCLE:
            return False
        self.at[first][second] = mark
        return True

    def graph(self) -> Graph:
        """The graph as it stands."""
        edges = {Edge(a, b, self.at[b][a], mark) for a, ends in self.at.items() for b, mark in ends.items()}
        return Graph(self.nodes, frozenset(edges), self._graph.latent)


def _rules_1_to_3(marks: _Marks) -> bool:
    changed = False
    for b in marks.nodes:
        for a, c in permutations(sorted(marks.adjacent[b]), 2):
            into_b = marks.has(a, b, None, ARROW)
            if into_b and marks.are_apart(a, c) and marks.has(b, c, CIRCLE, None):  # R1
                marks.put(c, b, TAIL)
                marks.put(b, c, ARROW)
                changed = True
            directed = (marks.has(a, b, TAIL, ARROW) and marks.has(b, c, None, ARROW)) or (
                into_b and marks.has(b, c, TAIL, ARROW)
            )
            if directed and marks.has(a, c, None, CIRCLE):  # R2
                changed |= marks.put(a, c, ARROW)
            if into_b and marks.has(c, b, None, ARROW) and marks.are_apart(a, c):  # R3
                for d in sorted(marks.adjacent[a] & marks.adjacent[b] & marks.adjacent[c]):
                    if marks.has(a, d, None, CIRCLE) and marks.has(c, d, None, CIRCLE):
                        changed |= marks.put(d, b, ARROW)
    return changed


def _rule_4(is_collider: Callable[[tuple[str, ...]], bool]) -> Callable[[_Marks], bool]:
    def rule(marks: _Marks) -> bool:
        changed = False
        for b in marks.nodes:
            for c in sorted(marks.adjacent[b]):
                path = _discriminating(marks, b, c) if marks.has(b, c, CIRCLE, None) else None
                if path is not None:
                    changed = True
                    if is_collider(path):
                        marks.at[path[-3]][b] = marks.at[b][path[-3]] = ARROW
                        marks.at[b][c] = marks.at[c][b] = ARROW
                    else:
                        marks.at[c][b], marks.at[b][c] = TAIL, ARROW
        return changed

    return rule


def _discriminating(marks: _Marks, b: str, c: str) -> tuple[str, ...] | None:
    """A shortest path d, .., a, b, c: d and c apart; all between d and b are colliders and parents of c."""
    paths = [(a, b, c) for a in sorted(marks.adjacent[b] & marks.adjacent[c]) if marks.has(a, c, TAIL, ARROW)]
    paths = [path for path in paths if marks.has(path[0], b, ARROW, None)]
    seen = {path[0] for path in paths} | {b, c}
    while paths:
        longer = list[tuple[str, ...]]()
        for path in paths:
            for d in sorted(marks.adjacent[path[0]] - seen):
                if not marks.has(d, path[0], None, ARROW):
                    continue
                if marks.are_apart(d, c):
                    return (d, *path)
                if marks.has(d, path[0], ARROW, ARROW) and marks.has(d, c, TAIL, ARROW):
                    seen.add(d)
                    longer.append((d, *path))
        paths = longer
    return None


def _rule_5(marks: _Marks) -> bool:
    changed = False
    for a, b in combinations(marks.nodes, 2):
        if not marks.has(a, b, CIRCLE, CIRCLE):
            continue
        for path in _uncovered(marks, a, b, lambda x, y: marks.has(x, y, CIRCLE, CIRCLE)):
            if len(path) > 3 and marks.are_apart(a, path[-2]) and marks.are_apart(b, path[1]):
                for x, y in zip(path, (*path[1:], a), strict=True):
                    marks.at[x][y] = marks.at[y][x] = TAIL
                changed = True
                break
    return changed


def _rules_6_and_7(marks: _Marks) -> bool:
    changed = False
    for b in marks.nodes:
        for a, c in permutations(sorted(marks.adjacent[b]), 2):
            if marks.has(b, c, CIRCLE, None) and (
                marks.has(a, b, TAIL, TAIL) or (marks.has(a, b, TAIL, CIRCLE) and marks.are_apart(a, c))
            ):
                changed |= marks.put(c, b, TAIL)
    return changed


def _rules_8_to_10(marks: _Marks) -> bool:
    changed = False
    for a in marks.nodes:
        for c in sorted(marks.adjacent[a]):
            if marks.has(a, c, CIRCLE, ARROW) and (
                _rule_8(marks, a, c) or _rule_9(marks, a, c) or _rule_10(marks, a, c)
            ):
                changed |= marks.put(c, a, TAIL)
    return changed


def _rule_8(marks: _Marks, a: str, c: str) -> bool:
    return any(
        marks.has(b, c, TAIL, ARROW) and (marks.has(a, b, TAIL, ARROW) or marks.has(a, b, TAIL, CIRCLE))
        for b in marks.adjacent[a] & marks.adjacent[c]
    )


def _rule_9(marks: _Marks, a: str, c: str) -> bool:
    paths = _uncovered(marks, a, c, lambda x, y: _may_lead(marks, x, y))
    return any(len(path) > 2 and marks.are_apart(path[1], c) for path in paths)


def _rule_10(marks: _Marks, a: str, c: str) -> bool:
    parents = sorted(b for b in marks.adjacent[c] if b != a and marks.has(b, c, TAIL, ARROW))
    firsts = {b: {path[1] for path in _uncovered(marks, a, b, lambda x, y: _may_lead(marks, x, y))} for b in parents}
    return any(
        marks.are_apart(one, other) for b, d in combinations(parents, 2) for one in firsts[b] for other in firsts[d]
    )


def _may_lead(marks: _Marks, first: str, second: str) -> bool:
    """Whether the edge could be an arrow from `first` to `second`."""
    return marks.at[second][first] is not ARROW and marks.at[first][second] is not TAIL


def _uncovered(marks: _Marks, start: str, end: str, is_step: Callable[[str, str], bool]) -> Iterator[tuple[str, ...]]:
    """All paths of such steps whose every three consecutive variables are unshielded."""
    waiting: list[tuple[str, ...]] = [(start, name) for name in sorted(marks.adjacent[start]) if is_step(start, name)]
    while waiting:
        path = waiting.pop()
        if path[-1] == end:
            yield path
            continue
        waiting.extend(
            (*path, name)
            for name in sorted(marks.adjacent[path[-1]] - marks.adjacent[path[-2]])
            if name not in path and is_step(path[-1], name)
        )
