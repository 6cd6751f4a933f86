"""Which sets separate two variables, and how are all sets of a kind listed without trying every subset?"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

from aetia.scm.graphs.graph import Graph

__all__ = ["Find", "all_between", "minimal_separators", "separator_between"]

Find = Callable[[frozenset[str], frozenset[str]], frozenset[str] | None]
"""Gives a set that holds all of the first and lies within the second; None if no such set is of the kind looked for."""


def all_between(find: Find, required: frozenset[str], allowed: frozenset[str]) -> Iterator[frozenset[str]]:
    """Every set of the kind that `find` finds, each once; between two of them, as many searches as there are names.

    Source: van der Zander, Liskiewicz and Textor 2014 (LISTSEP), for any kind whose existence between two sets can be
    decided.
    """
    if find(required, allowed) is None:
        return
    if required == allowed:
        yield required
        return
    name = min(allowed - required)
    yield from all_between(find, required, allowed - {name})
    yield from all_between(find, required | {name}, allowed)


def separator_between(
    graph: Graph, first: frozenset[str], second: frozenset[str], required: frozenset[str], allowed: frozenset[str]
) -> frozenset[str] | None:
    """A set that separates the two, holds `required` and lies within `allowed`; None if there is none.

    If any set does, then all allowed ancestors of what is named do.

    Source: van der Zander, Liskiewicz and Textor 2014 (FINDSEP).
    """
    candidate = (graph.ancestors(first | second | required) & allowed) - first - second
    if not required <= candidate:
        return None
    links = _moral_links(graph.subgraph(graph.ancestors(first | second | required)))
    return None if second & _reached(links, first, candidate) else candidate


def minimal_separators(
    graph: Graph, first: frozenset[str], second: frozenset[str], allowed: frozenset[str]
) -> Iterator[frozenset[str]]:
    """Every set within `allowed` that separates the two and has no part that does; those nearest `second` come first.

    Args:
        graph: A DAG or ADMG.
        first: Variables on one side.
        second: Variables on the other side.
        allowed: What the sets may hold.

    Source: Shen and Liang, Efficient enumeration of all minimal separators in a graph, TCS 1997, on the moral graph of
    the ancestors, in which minimal m-separators are minimal vertex cuts.
    """
    links = _moral_links(graph.subgraph(graph.ancestors(first | second)))
    for name in set(links) - allowed - first - second:
        _eliminate(links, name)
    if second & _reached(links, first, frozenset(links) - first - second):
        return
    nearest = _boundary(links, second, first, frozenset())
    waiting, seen = deque([nearest]), {nearest}
    while waiting:
        separator = waiting.popleft()
        yield separator
        inside = _reached(links, second, separator)
        for name in sorted(separator):
            if not links[name] & first:
                following = _boundary(links, inside | {name}, first, separator)
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)


def _boundary(
    links: dict[str, set[str]], inside: Iterable[str], outside: frozenset[str], also: frozenset[str]
) -> frozenset[str]:
    """The smallest cut around `inside` on the side of `outside`."""
    kept = frozenset(inside)
    cut = (frozenset().union(*(links[name] for name in kept)) | also) - kept
    beyond = _reached(links, outside, cut | kept)
    return frozenset(name for name in cut if links[name] & beyond)


def _moral_links(graph: Graph) -> dict[str, set[str]]:
    """Of each variable those that it is joined to once colliders' parents are joined, along bidirected edges too."""
    links: dict[str, set[str]] = {name: set() for name in graph.nodes}
    for component in graph.c_components:
        together = component.union(*(graph.parents[name] for name in component))
        # A part without bidirected edges is one variable, and joins no more than its parents.
        for one, other in combinations(sorted(together), 2):
            links[one].add(other)
            links[other].add(one)
    return links


def _eliminate(links: dict[str, set[str]], name: str) -> None:
    around = links.pop(name)
    for one in around:
        links[one] |= around
        links[one] -= {one, name}


def _reached(links: dict[str, set[str]], start: Iterable[str], cut: frozenset[str]) -> set[str]:
    found = set(start)
    waiting = list(found)
    while waiting:
        fresh = links[waiting.pop()] - found - cut
        found |= fresh
        waiting.extend(fresh)
    return found
