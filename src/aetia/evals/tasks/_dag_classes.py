"""Which Markov equivalence classes of DAGs are there over a few variables, and what holds in all members of each?

Classes are counted up to the names of the variables: 2, 5, 20, 142 and 2,201 for two to six. The paper says 2,207 for
six (and 207,972 rows): its program, when it looks for a vertex's descendants, tests the bit of the next vertex, so that
a collider with three children may miss one; no smaller graph has room for that, and six classes come apart by it. That
2,201 is right can be seen from the classes over named variables, 1,067,825 in all, as Gillispie and Perlman count them.

Every DAG has a numbering in which causes come before effects, so the upper triangles of bits are all of them. A matrix
product writes each under each renaming as one number: that is fast, and exact below 2 ** 53.

Source: Jin et al., Can Large Language Models Infer Causation from Correlation? ICLR 2024 (seed 064), `data_gen.cpp`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations, permutations

import numpy as np

from aetia.evals.tasks._formal_graphs import bits, families, is_separated

__all__ = ["READINGS", "RELATIONS", "RELEASED_LARGEST", "Catalogue", "Independence", "catalogue", "independences"]

RELATIONS = ("parent", "ancestor", "child", "descendant", "collider", "confounder")
"""What may hold between two variables, in the order of the published set; the last two are symmetric."""

READINGS = ("paths", "children", "shared", "loop-slip", "as-released")
"""How effects and causes in common are understood.

`paths` is what is published: a path that visits no variable twice, with arrows from both ends to a variable between
them, or from one between them to both ends. `children` asks for common children and common parents, `shared` for any
common descendant and ancestor.

The last two are slips of the released program. `loop-slip` counts only common causes whose path to the variable that is
listed later is one edge, since a loop runs the wrong way. `as-released` does so too, and looks up what holds in a
renamed DAG by the renaming where it should by its inverse; that is told up to five variables, since the program's
classes of six are wrong besides.
"""

Independence = tuple[int, int, int]
"""Two vertices, and the set of vertices given which they are independent."""

RELEASED_LARGEST = 5
"""The most variables for which the labels of the released program are told."""

_CHUNK = 2048


@dataclass(frozen=True)
class Catalogue:
    """All classes over some variables, each with numbered vertices.

    Args:
        size: How many variables.
        dags: A DAG of each class, as the children of each vertex: the first one in the published order.
        members: How many DAGs each class has.
        counts: By reading, in how many members of each class each relation holds between each ordered pair.
        codes: The least number that any renaming of a class gives, in increasing order.
        numbers: Of each of `codes` the number of its class.
    """

    size: int
    dags: tuple[tuple[int, ...], ...]
    members: tuple[int, ...]
    counts: Mapping[str, np.ndarray]
    codes: np.ndarray
    numbers: np.ndarray

    def found(self, children: Sequence[int]) -> tuple[int, tuple[int, ...]]:
        """Return the number of a DAG's class, and which vertex of the class each vertex of the DAG is."""
        weights = _weights(self.size)
        codes = _patterns(_matrix(children)[None])[0].reshape(-1) @ weights
        number = int(self.numbers[np.searchsorted(self.codes, codes.min())])
        wanted = _patterns(_matrix(self.dags[number])[None])[0].reshape(-1) @ weights[:, 0]
        return number, _renamings(self.size)[int(np.argmax(codes == wanted))]


@lru_cache(maxsize=4096)
def independences(children: tuple[int, ...]) -> tuple[Independence, ...]:
    """All independences that a DAG implies, pair by pair, those with the fewest variables given first."""
    size = len(children)
    edges = [(cause, effect) for cause in range(size) for effect in bits(children[cause])]
    parents, _ = families(edges, size)
    found: list[Independence] = []
    for first, second in combinations(range(size), 2):
        if (children[first] | parents[first]) >> second & 1:
            continue
        others = [1 << one for one in range(size) if one not in (first, second)]
        for count in range(size - 1):
            sets = map(sum, combinations(others, count))
            found += [(first, second, one) for one in sets if is_separated(parents, children, first, second, one)]
    return tuple(found)


@cache
def catalogue(size: int) -> Catalogue:
    """All classes over two to six variables; about a second for six, once."""
    dags = _upper_triangles(size)
    patterns = _patterns(dags).reshape(len(dags), -1)
    weights = _weights(size)
    least = np.concatenate([(chunk @ weights).min(axis=1) for chunk in _chunks(patterns)])
    codes, first, kind = np.unique(least, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))  # the published order is that of the first DAGs
    number, first = rank[kind], np.sort(first)
    owner, member = _members(dags, patterns, number, (patterns @ weights[:, 0])[first])
    starts = np.searchsorted(owner, np.arange(len(first)))
    counts = {
        reading: np.add.reduceat(held.astype(np.int64), starts, axis=0) for reading, held in _relations(member).items()
    }
    if size <= RELEASED_LARGEST:
        counts["as-released"] = _released(dags, patterns, number, (patterns @ weights[:, 0])[first])
    sizes = np.diff(np.append(starts, len(owner)))
    children = (dags[first] @ (1 << np.arange(size))).astype(int)
    told = tuple(tuple(row) for row in children.tolist())
    return Catalogue(size, told, tuple(sizes.tolist()), counts, codes, rank)


def _upper_triangles(size: int) -> np.ndarray:
    """All DAGs whose causes have the lower numbers, (2 ** pairs, V, V), in the published order."""
    pairs = list(combinations(range(size), 2))
    chosen = np.arange(2 ** len(pairs))
    dags = np.zeros((len(chosen), size, size), dtype=bool)
    for place, (cause, effect) in enumerate(pairs):
        dags[:, cause, effect] = chosen >> place & 1
    return dags


def _matrix(children: Sequence[int]) -> np.ndarray:
    size = len(children)
    return np.array([[one >> effect & 1 for effect in range(size)] for one in children], dtype=bool)


def _patterns(dags: np.ndarray) -> np.ndarray:
    """Lines both ways and arrows one way, where only the arrows of unshielded colliders count: equal in a class."""
    lines = dags | dags.transpose(0, 2, 1)
    arrows = np.zeros_like(dags)
    for one, other in combinations(range(dags.shape[1]), 2):
        hit = dags[:, one] & dags[:, other] & ~lines[:, one, other, None]
        arrows[:, one] |= hit
        arrows[:, other] |= hit
    return (lines & ~arrows.transpose(0, 2, 1)).astype(np.float64)


@cache
def _renamings(size: int) -> tuple[tuple[int, ...], ...]:
    return tuple(permutations(range(size)))


@cache
def _weights(size: int) -> np.ndarray:
    """The value of each cell of a matrix under each renaming, (V * V, renamings); the first one renames nothing."""
    renamed = np.array(_renamings(size))
    cells = renamed[:, :, None] * size + renamed[:, None, :]
    return 2.0 ** cells.reshape(len(renamed), -1).T


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]


def _members(
    dags: np.ndarray, patterns: np.ndarray, number: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Every DAG of every class in the class's own numbering, class by class: their classes, and they, (M, V, V)."""
    size, weights = dags.shape[1], _weights(dags.shape[1])
    flat = dags.reshape(len(dags), -1)
    pairs: list[np.ndarray] = []
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        place, renaming = np.nonzero(patterns[part] @ weights == wanted[number[part], None])
        code = (flat[part][place] * weights[:, renaming].T).sum(axis=1)
        pairs.append(np.unique(np.stack([number[part][place], code.astype(np.int64)]), axis=1))
    owner, code = np.unique(np.concatenate(pairs, axis=1), axis=1)
    member = (code[:, None] >> np.arange(size * size) & 1).astype(bool)
    return owner, member.reshape(-1, size, size)


def _closure(dags: np.ndarray) -> np.ndarray:
    found = dags.copy()
    for between in range(dags.shape[1]):
        found |= found[:, :, between, None] & found[:, between, None, :]
    return found


def _both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether a third variable is related as `first` says to one and as `second` says to the other, (M, V, V)."""
    return np.any(first[:, :, None, :] & second[:, None, :, :], axis=3)


def _relations(dags: np.ndarray) -> dict[str, np.ndarray]:
    """By reading, whether each relation holds in each DAG between each ordered pair, (M, 6, V, V)."""
    size = dags.shape[1]
    reach = _closure(dags)
    back, reach_back = dags.transpose(0, 2, 1), reach.transpose(0, 2, 1)
    without = np.empty((len(dags), size, size, size), dtype=bool)  # [m, v, a, b]: a reaches b, and not through v
    for avoided in range(size):
        kept = dags.copy()
        kept[:, avoided] = kept[:, :, avoided] = False
        without[:, avoided] = _closure(kept)
    down = without.transpose(0, 2, 1, 3)  # [m, x, y, c]: x reaches c, and not through y
    up = without.transpose(0, 3, 1, 2)  # [m, x, y, c]: c reaches x, and not through y
    longer = _both(dags, reach_back)
    common = {
        "paths": ((down & down.transpose(0, 2, 1, 3)).any(axis=3), (up & up.transpose(0, 2, 1, 3)).any(axis=3)),
        "children": (_both(dags, dags), _both(back, back)),
        "shared": (_both(reach, reach), _both(reach_back, reach_back)),
    }
    common["loop-slip"] = common["paths"][0], (up & back[:, None]).any(axis=3)
    return {
        reading: np.stack([dags, longer, back, longer.transpose(0, 2, 1), *common[reading]], axis=1)
        for reading in READINGS
        if reading in common
    }


def _released(dags: np.ndarray, patterns: np.ndarray, number: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What the released program counts: each member is the first renaming of the first DAG of its shape."""
    size, weights = dags.shape[1], _weights(dags.shape[1])
    flat = dags.reshape(len(dags), -1).astype(np.float64)
    _, shapes = np.unique((flat @ weights).min(axis=1), return_index=True)
    place, renaming = np.nonzero(patterns[shapes] @ weights == wanted[number[shapes], None])
    owner, code = number[shapes[place]], (flat[shapes[place]] * weights[:, renaming].T).sum(axis=1)
    order = np.lexsort((renaming, code, owner))
    keys = np.stack([owner[order], code[order]])
    kept = order[np.unique(keys, axis=1, return_index=True)[1]]
    renamed = np.array(_renamings(size))[renaming[kept]]
    held = _relations(dags[shapes[place[kept]]])["loop-slip"]
    row = np.arange(len(kept))[:, None, None]
    looked_up = held[row, :, renamed[:, :, None], renamed[:, None, :]].transpose(0, 3, 1, 2)
    starts = np.searchsorted(owner[kept], np.arange(len(wanted)))
    return np.add.reduceat(looked_up.astype(np.int64), starts, axis=0)
