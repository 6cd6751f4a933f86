"""How likely does a model find each continuation of a prompt?

Letters: R rows of a run, W of them whose predictions are wanted, V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aetia.evals.answerers.local_edits import Edits
from aetia.evals.answerers.local_reader import KeyValues, Placed, logits, read, room_for
from aetia.evals.answerers.local_trees import Forest, Line, Tree, planted, tree_of
from aetia.models.network import Network

__all__ = ["Budget", "Scored", "planted_units", "scores"]

_ROWS, _TOKENS = 128, 4096  # of the logits that exist at a time: 2 MB, which the processor keeps at hand


@dataclass(frozen=True)
class Budget:
    """What may be in memory at a time.

    Args:
        rows: Tokens that are read in one run; a longer prompt is read all the same.
        kept: Bytes of the keys and values of replies being written, and of their prompts.
        parallel: Replies that are written at a time.
        saved: The fewest tokens that a shared beginning saves, if it is to be read in a run of its own.
    """

    rows: int = 384
    kept: int = 2 << 30
    parallel: int = 96
    saved: int = 512


@dataclass(frozen=True)
class Scored:
    """A prompt and what may follow it, in tokens; neither is empty."""

    prompt: tuple[int, ...]
    continuations: tuple[tuple[int, ...], ...]

    def line(self, owner: int, part: int) -> Line:
        """What is read to score one continuation: its last token is predicted only."""
        return Line(self.prompt + self.continuations[part][:-1], len(self.prompt) - 1, owner, part)


def scores(
    network: Network, asked: Mapping[int, Scored], edits: Edits, budget: Budget, tie: float
) -> Iterator[tuple[int, tuple[float, ...]]]:
    """Yields the log-probability of each continuation, in nats, by the request's number, as soon as all are there.

    Where the two likeliest are closer than `tie`, that request is read again, alone: which one is the likeliest then
    depends on no other request, though the last digits of other scores do.
    """
    lines = [one.line(owner, part) for owner, one in asked.items() for part in range(len(one.continuations))]
    found: dict[int, dict[int, float]] = {owner: {} for owner in asked}
    for placed in _runs(network, lines, edits, budget):
        hidden, _ = read(network, placed, edits)
        for line, value in _line_scores(network, placed, hidden, asked):
            parts = found[line.owner]
            parts[line.part] = value
            if len(parts) == len(asked[line.owner].continuations):
                del found[line.owner]
                ordered = tuple(parts[part] for part in range(len(parts)))
                yield line.owner, _settled(network, line.owner, asked[line.owner], ordered, edits, tie)


def _settled(
    network: Network, owner: int, asked: Scored, found: tuple[float, ...], edits: Edits, tie: float
) -> tuple[float, ...]:
    best = sorted(found, reverse=True)
    if len(best) < 2 or best[0] - best[1] >= tie:
        return found
    alone = []
    for part in range(len(found)):
        placed = [Placed(tree_of([asked.line(owner, part)]), None, 0, len(asked.prompt))]
        hidden, _ = read(network, placed, edits)
        alone += [value for _, value in _line_scores(network, placed, hidden, {owner: asked})]
    return tuple(alone)


def _line_scores(
    network: Network, placed: Sequence[Placed], hidden: Tensor, asked: Mapping[int, Scored]
) -> Iterator[tuple[Line, float]]:
    rows: list[int] = []
    tokens: list[int] = []
    lines: list[tuple[Line, int]] = []
    before = 0
    for one in placed:
        index = {row: before + place for place, row in enumerate(one.tree.wanted)}
        before += len(index)
        for line, path in zip(one.tree.lines, one.tree.paths, strict=True):
            continuation = asked[line.owner].continuations[line.part]
            rows += [index[row] for row in path[line.first - one.tree.stem :]]
            tokens += continuation
            lines.append((line, len(continuation)))
    values = _log_probabilities(network, hidden, rows, tokens)
    start = 0
    for line, count in lines:
        yield line, sum(values[start : start + count])
        start += count


@torch.inference_mode()
def _log_probabilities(network: Network, hidden: Tensor, rows: Sequence[int], tokens: Sequence[int]) -> list[float]:
    """Of each token at its row of `hidden`; the vocabulary is gone through in parts, which is faster than by rows."""
    size = network.unembedding.weight.shape[0]
    row, token = (torch.tensor(places, device=hidden.device) for places in (rows, tokens))
    found = torch.empty(len(rows), device=hidden.device)
    for first in range(0, len(hidden), _ROWS):
        part = hidden[first : first + _ROWS]
        totals = []
        for start in range(0, size, _TOKENS):
            some = logits(network, part, slice(start, start + _TOKENS))
            totals.append(some.logsumexp(-1))
            here = (row >= first) & (row < first + _ROWS) & (token >= start) & (token < start + _TOKENS)
            found[here] = some[row[here] - first, token[here] - start]
        here = (row >= first) & (row < first + _ROWS)
        found[here] -= torch.stack(totals).logsumexp(0)[row[here] - first]
    return found.double().tolist()


def planted_units(network: Network, forests: Iterator[Forest], edits: Edits) -> Iterator[tuple[Tree, KeyValues | None]]:
    """Yields each tree with what its stem left behind; a stem is read when its first tree is due."""
    for forest in forests:
        stem = None
        if forest.stem:
            whole = tree_of([Line(forest.stem, len(forest.stem), 0)])
            _, kept = read(network, [Placed(whole, None, 0, len(forest.stem))], edits, keeps=True)
            room = max(len(tree.tokens) for tree in forest.trees)
            stem = room_for(kept, slice(0, len(forest.stem)), room)
        for tree in forest.trees:
            yield tree, stem


def _runs(network: Network, lines: Sequence[Line], edits: Edits, budget: Budget) -> Iterator[list[Placed]]:
    """Trees side by side, as many as the budget allows."""
    forests = planted(lines, rows=budget.rows, saved=budget.saved, shares=not edits.depends_on_prompt)
    placed: list[Placed] = []
    rows = 0
    for tree, stem in planted_units(network, forests, edits):
        if placed and rows + len(tree.tokens) > budget.rows:
            yield placed
            placed, rows = [], 0
        placed.append(Placed(tree, stem, rows, tree.lines[0].first + 1))
        rows += len(tree.tokens)
    if placed:
        yield placed
