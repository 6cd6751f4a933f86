"""Which tokens do many prompts share, so that each of these is read once?

Lines of tokens are put into an order in which those that begin alike are neighbours. What many lines begin with is a
stem, read once for all of them; what few neighbours share, such as the options of one question, becomes a tree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Forest", "Line", "Tree", "common", "planted", "tree_of"]

_MORE = 1.25  # times the rows of a line that is long by itself: so many a tree may have


@dataclass(frozen=True)
class Line:
    """Tokens that are read one after another.

    Args:
        tokens: Their ids.
        first: The first position whose prediction is wanted; so are those of all later ones.
        owner: Which request it belongs to.
        part: Which of the request's lines it is.
    """

    tokens: tuple[int, ...]
    first: int
    owner: int
    part: int = 0


@dataclass(frozen=True)
class Tree:
    """Lines that share what they begin with; a row for each token that is not shared.

    Args:
        lines: The lines.
        stem: How many first tokens of each line are read elsewhere.
        tokens: The token of each row.
        parents: The row of the token before it, -1 for the first after the stem; always lower than its own.
        positions: The position of each row in its lines.
        paths: The rows of each line.
    """

    lines: tuple[Line, ...]
    stem: int
    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    positions: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]

    @property
    def is_chain(self) -> bool:
        """Whether each row follows the one before."""
        return all(parent == row - 1 for row, parent in enumerate(self.parents))

    @property
    def wanted(self) -> tuple[int, ...]:
        """The rows whose predictions are wanted, increasing."""
        rows = (path[line.first - self.stem :] for line, path in zip(self.lines, self.paths, strict=True))
        return tuple(sorted({row for part in rows for row in part}))

    def ancestors(self) -> npt.NDArray[np.bool_]:
        """Which row may read which, `[rows, rows]`: itself and what comes before it in a line."""
        size = len(self.tokens)
        reads = np.zeros((size, size), dtype=np.bool_)
        for row, parent in enumerate(self.parents):
            if parent >= 0:
                reads[row] = reads[parent]
            reads[row, row] = True
        return reads


@dataclass(frozen=True)
class Forest:
    """Trees whose lines all begin with the tokens `stem`, which may be none."""

    stem: tuple[int, ...]
    trees: tuple[Tree, ...]


def common(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    size = min(len(first), len(second))
    if first[:size] == second[:size]:
        return size
    return next(place for place in range(size) if first[place] != second[place])


def tree_of(lines: Sequence[Line], stem: int = 0) -> Tree:
    """The tree of lines in which those that begin alike are neighbours."""
    tokens: list[int] = []
    parents: list[int] = []
    positions: list[int] = []
    paths: list[tuple[int, ...]] = []
    before: tuple[int, ...] = ()
    for line in lines:
        shared = common(before, line.tokens) - stem if paths else 0
        path = list(paths[-1][:shared]) if paths else []
        for position in range(stem + shared, len(line.tokens)):
            parents.append(path[-1] if path else -1)
            path.append(len(tokens))
            tokens.append(line.tokens[position])
            positions.append(position)
        paths.append(tuple(path))
        before = line.tokens
    return Tree(tuple(lines), stem, tuple(tokens), tuple(parents), tuple(positions), tuple(paths))


def planted(
    lines: Sequence[Line], *, rows: int, saved: int, shares: bool = True, most: int | None = None
) -> Iterator[Forest]:
    """Yields forests that read all lines and share what pays.

    Args:
        lines: In any order.
        rows: The most rows of a tree of several lines, unless one of them is nearly as long by itself.
        saved: The fewest rows that a stem has to save, since reading it is a run of its own.
        shares: Whether lines of different owners may share anything.
        most: The most lines of a tree; any number by default.
    """
    most = len(lines) if most is None else most
    ordered = sorted(lines, key=lambda line: (line.tokens, line.owner, line.part))
    if not shares:
        ordered.sort(key=lambda line: line.owner)
        for start, stop in _runs([line.owner for line in ordered]):
            yield Forest((), tuple(_trees(ordered[start:stop], 0, rows, most)))
        return
    for start, stop, length in _stems(ordered, saved, rows):
        part = ordered[start:stop]
        yield Forest(part[0].tokens[:length], tuple(_trees(part, length, rows, most)))


def _runs(owners: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for place in range(1, len(owners) + 1):
        if place == len(owners) or owners[place] != owners[start]:
            yield start, place
            start = place


def _trees(lines: Sequence[Line], stem: int, rows: int, most: int) -> Iterator[Tree]:
    current: list[Line] = []
    size = 0
    for line in lines:
        shared = common(current[-1].tokens, line.tokens) if current else stem
        own = len(line.tokens) - shared
        # A line that shares less than half of itself gains little and makes the tree's attention larger.
        # Of a prompt that is long by itself, the ways of asking add little.
        is_full = len(current) == most or size + own > max(rows, _MORE * (len(line.tokens) - stem))
        if current and (is_full or 2 * (shared - stem) < len(line.tokens) - stem):
            yield tree_of(current, stem)
            current, size, own = [], 0, len(line.tokens) - stem
        current.append(line)
        size += own
    if current:
        yield tree_of(current, stem)


@dataclass
class _Group:
    """Neighbours that begin with `length` common tokens; `plan` is the best way to read those before `stop`."""

    start: int
    length: int
    plan: list[tuple[int, int, int]]
    gain: int


def _stems(lines: Sequence[Line], saved: int, rows: int) -> list[tuple[int, int, int]]:
    """Which neighbours share a stem: `(start, stop, length)` of disjoint groups that cover all lines.

    The groups of lines that begin alike are nested. A group is given one stem if that saves more rows than the best
    stems of its parts; this is decided from the innermost groups outwards, in one pass over the neighbours.
    """
    if not lines:
        return []
    open_groups: list[_Group] = [_Group(0, 0, [], 0)]
    for place in range(1, len(lines) + 1):
        length = _stem(lines, place) if place < len(lines) else 0
        start = place - 1
        inner: _Group | None = None
        while open_groups[-1].length > length:
            inner = _closed(open_groups.pop(), lines, place, (saved, rows))
            start = inner.start
            _absorb(open_groups[-1], inner)
        if length > open_groups[-1].length:
            parent = open_groups[-1]
            opened = _Group(start, length, [], 0)
            if inner is not None:
                _release(parent, inner)
                _absorb(opened, inner)
            open_groups.append(opened)
    return _covering(open_groups[0].plan, len(lines))


def _stem(lines: Sequence[Line], place: int) -> int:
    # What is predicted is never in a stem: its run keeps keys and values only.
    first, second = lines[place - 1], lines[place]
    return min(common(first.tokens, second.tokens), first.first, second.first)


def _closed(group: _Group, lines: Sequence[Line], stop: int, limits: tuple[int, int]) -> _Group:
    saved, rows = limits
    # The lines of one request share their prompt in a tree as well, unless that would be too large.
    owners = len({line.owner for line in lines[group.start : stop]})
    gain = ((stop - group.start if group.length > rows else owners) - 1) * group.length
    if gain >= saved and gain > group.gain:
        return _Group(group.start, group.length, [(group.start, stop, group.length)], gain)
    return group


def _absorb(parent: _Group, inner: _Group) -> None:
    parent.plan.extend(inner.plan)
    parent.gain += inner.gain


def _release(parent: _Group, inner: _Group) -> None:
    if inner.plan:
        del parent.plan[-len(inner.plan) :]
    parent.gain -= inner.gain


def _covering(plan: Sequence[tuple[int, int, int]], count: int) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    reached = 0
    for start, stop, length in plan:
        if start > reached:
            found.append((reached, start, 0))
        found.append((start, stop, length))
        reached = stop
    if reached < count:
        found.append((reached, count, 0))
    return found
