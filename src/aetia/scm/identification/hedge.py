"""Why can an effect not be told from what was measured? The witness is a hedge."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from aetia.scm.graphs.graph import Graph

__all__ = ["Hedge", "hedge_of"]


@dataclass(frozen=True)
class Hedge:
    """Two sets of variables with the same roots, each held together by arcs, the inner one free of treatments.

    The outer set holds a treatment, the inner one none. Hidden causes can then make up for the treatment's effect on
    the roots whenever it is left alone, and stop doing so when it is set: two models that nobody can tell apart by what
    was measured differ in the effect (`disagreement`).

    Args:
        outer: The variables of the larger forest.
        inner: The variables of the smaller one.
        roots: Where the arrows of both end.
        arrows: Of each variable that is no root the one that it acts on in the forest.
        arcs: The arcs that hold the outer set together; those between inner variables hold the inner one together.
        treatments: The treatments in the outer set.

    Source: Shpitser and Pearl 2006 (AAAI), definitions 4 and 5, theorem 4.
    """

    outer: tuple[str, ...]
    inner: tuple[str, ...]
    roots: tuple[str, ...]
    arrows: tuple[tuple[str, str], ...]
    arcs: tuple[tuple[str, str], ...]
    treatments: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The hedge in words, a line each for the outer and the inner set."""
        return tuple(
            f"{label} {{{', '.join(names)}}}: held together by {self._shown(names)}; acting on {', '.join(self.roots)}"
            for label, names in (("the outer set", self.outer), ("the inner set", self.inner))
        )

    def _shown(self, names: tuple[str, ...]) -> str:
        arcs = [f"{one} <-> {other}" for one, other in self.arcs if one in names and other in names]
        return "; ".join(arcs) or "nothing else"


def hedge_of(graph: Graph, outer: Iterable[str], inner: Iterable[str], treatments: Iterable[str]) -> Hedge:
    """The hedge with these two sets: its roots, and one choice of arrows and arcs that make it a pair of forests.

    Args:
        graph: The ADMG.
        outer: A set that arcs inside hold together and all of which acts on `inner` inside it.
        inner: A smaller such set.
        treatments: The variables that are set.
    """
    large = [name for name in graph.order if name in set(outer)]
    small = [name for name in large if name in set(inner)]
    roots = [name for name in small if not graph.children[name] & set(small)]
    arrows = dict[str, str]()
    waiting = deque(roots)
    # First inside the inner set, then from outside towards it: the inner forest is part of the outer one.
    for allowed in (set(small), set(large)):
        waiting.extend(arrows)
        while waiting:
            effect = waiting.popleft()
            for cause in sorted(graph.parents[effect] & allowed - arrows.keys() - set(roots)):
                arrows[cause] = effect
                waiting.append(cause)
        waiting.extend(roots)
    assert set(arrows) | set(roots) == set(large), "all of a forest acts on its roots"
    arcs = [*_tree(graph, small, [small[0]]), *_tree(graph, large, small)]
    return Hedge(
        tuple(large),
        tuple(small),
        tuple(roots),
        tuple(arrows.items()),
        tuple(arcs),
        tuple(name for name in large if name in set(treatments)),
    )


def _tree(graph: Graph, names: Iterable[str], start: Iterable[str]) -> list[tuple[str, str]]:
    """Arcs that join all of these names to the start, without a circle."""
    left, waiting, found = set(names) - set(start), deque(start), list[tuple[str, str]]()
    while waiting:
        name = waiting.popleft()
        for other in sorted(graph.siblings[name] & left):
            found.append((name, other))
            left.discard(other)
            waiting.append(other)
    assert not left, "arcs hold a forest together"
    return found
