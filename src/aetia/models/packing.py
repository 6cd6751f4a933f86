"""Rows of many runs in one call of a block: who they are, and how attention keeps them apart.

Letters: R rows of a chunk, n cells of a segment, S rows of a cell (its suffix), p its first position,
T positions, H heads, K key/value heads, d head width, D width.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from aetia.models.attention import AttentionCall, causal_mask, own_attention, own_implementation, weights_attention
from aetia.models.hooks import check_cut, cut_rows, edit_rows, hooked, mix
from aetia.models.interventions import Intervention, Knockout
from aetia.models.network import Network
from aetia.models.planner import Group, Member
from aetia.models.ports import listen
from aetia.models.recording import Recording
from aetia.models.sites import Site

__all__ = ["Chunk", "PackedAttention", "Segment", "Stop", "at_rows", "first_residual", "no_attention", "rows_of"]


class Stop(Exception):  # noqa: N818  # no error: a way out
    """Leaves a forward run in the middle: everything that was wanted of it is there."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Cells `first` to `stop` of a group inside a chunk; their rows begin at `row`."""

    group: Group
    first: int
    stop: int
    row: int

    @property
    def count(self) -> int:
        """How many cells."""
        return self.stop - self.first

    @property
    def rows(self) -> slice:
        """Its rows in the chunk."""
        return slice(self.row, self.row + self.count * self.group.suffix)

    def members(self) -> Iterator[tuple[int, Member]]:
        """Every cell with its first row."""
        for offset, member in enumerate(self.group.members[self.first : self.stop]):
            yield self.row + offset * self.group.suffix, member


@dataclass(frozen=True, eq=False)
class Chunk:
    """Segments that go through a block in one call."""

    segments: tuple[Segment, ...]

    @cached_property
    def positions(self) -> Tensor:
        """The token position of every row, `[R]`."""
        parts = [torch.arange(s.group.start, s.group.length).repeat(s.count) for s in self.segments]
        return torch.cat(parts)

    def edits(self, layer: int) -> Iterator[tuple[list[int], Intervention]]:
        """The interventions in this block, each with its rows."""
        for segment in self.segments:
            for row, member in segment.members():
                for i in member.edits.get(layer, ()):
                    yield rows_of(segment.group, row, i.site), i

    def captures(self, layer: int) -> Iterator[tuple[list[int], int, Site]]:
        """The captures in this block, each with its rows and its cell."""
        for segment in self.segments:
            for row, member in segment.members():
                for site in member.captures.get(layer, ()):
                    yield rows_of(segment.group, row, site), member.index, site


def rows_of(group: Group, row: int, site: Site) -> list[int]:
    """The rows of a site's positions, in a cell whose first row is `row`."""
    return [row + position - group.start for position in site.positions(group.length)]


class PackedAttention:
    """The attention of a chunk in one layer: each cell reads its base run's keys and values before its own."""

    def __init__(self, network: Network, worlds: Sequence[Recording], layer: int, chunk: Chunk) -> None:
        self.network, self.worlds, self.layer, self.chunk = network, worlds, layer, chunk

    def __call__(self, call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        """The heads' outputs of all rows, `[1, R, H, d]`."""
        parts = [self._segment(call, segment) for segment in self.chunk.segments]
        if len(parts) == 1:
            return parts[0].flatten(0, 1)[None], None
        return torch.cat([part.flatten(0, 1) for part in parts])[None], None

    def _segment(self, call: AttentionCall, segment: Segment) -> Tensor:
        """The heads' outputs of a segment's cells, `[n, S, H, d]`."""
        group, world = segment.group, self.worlds[segment.group.world]

        def own(rows: Tensor) -> Tensor:  # (1, H, R, d) -> (n, H, S, d)
            return rows[0, :, segment.rows].unflatten(1, (segment.count, group.suffix)).transpose(0, 1)

        def with_prefix(recorded: Tensor, rows: Tensor) -> Tensor:
            before = recorded[self.layer, :, : group.start].expand(segment.count, -1, -1, -1)
            return torch.cat([before, own(rows)], 2) if group.start else own(rows)

        query = own(call.query)
        key, value = with_prefix(world.keys, call.key), with_prefix(world.values, call.value)
        mask = causal_mask(group.suffix, group.length, call.options, query.device)
        one = AttentionCall(call.module, query, key, value, None if mask.all() else mask, call.options)
        edits = [(n, i) for n, (_, m) in enumerate(segment.members()) for i in self._pattern_edits(m)]
        return self._edited(one, group, edits) if edits else attend(one)

    def _pattern_edits(self, member: Member) -> list[Intervention]:
        return [i for i in member.edits.get(self.layer, ()) if i.site.component == "pattern"]

    def _edited(self, call: AttentionCall, group: Group, edits: Sequence[tuple[int, Intervention]]) -> Tensor:
        count, heads, suffix, _ = call.query.shape
        cut = torch.zeros(count, heads, suffix, group.length, dtype=torch.bool, device=call.query.device)
        for cell, i in edits:
            if isinstance(i.operation, Knockout):
                cut_rows(cut[cell : cell + 1], i, rows_of(group, 0, i.site))
        check_cut(cut, call.options)
        out, weights = weights_attention(call, cut)
        if all(isinstance(i.operation, Knockout) for _, i in edits):
            return out
        for cell, i in edits:
            if not isinstance(i.operation, Knockout):
                edit_rows(weights[cell].transpose(0, 1), rows_of(group, 0, i.site), i.site, i.operation)
        return mix(weights, call.value)


def attend(call: AttentionCall) -> Tensor:
    """The model's own attention over one segment; `eager` gets its mask in the additive form that it expects."""
    is_eager = own_implementation() == "eager"
    return weights_attention(call)[0] if is_eager else own_attention(call)[0]


def no_attention(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
    """Attention that contributes nothing."""
    return torch.zeros_like(call.query).transpose(1, 2), None


# Of [T]; of [B, T] and [B, T, d], as position ids and embeddings are; of [3, B, T, d], with an embedding for the
# time, the height and the width of a picture each, and of masks.
_POSITION_AXES = {1: 0, 2: 1, 3: 1, 4: 2}


def at_rows(value: object, positions: Tensor, length: int) -> object:
    """A block's argument for rows at `positions`, from the one the model passed for positions 0 to `length`."""
    if isinstance(value, Tensor):
        axis = _POSITION_AXES.get(value.dim(), 0)
        is_along = value.dim() > 0 and value.shape[axis] == length
        return value.index_select(axis, positions) if is_along else value
    if isinstance(value, tuple):
        return tuple(at_rows(part, positions, length) for part in value)
    return {k: at_rows(v, positions, length) for k, v in value.items()} if isinstance(value, dict) else value


def first_residual(network: Network, world: Recording, embedding: Sequence[Intervention]) -> Tensor:
    """The residual that enters the first block, `[T, D]`, when the embedding is intervened upon."""
    kept: list[Tensor] = []

    def stop(tensor: Tensor) -> None:
        kept.append(tensor[0])
        raise Stop

    handle = listen(network.port("resid_pre", 0), stop)
    try:
        with hooked(network, world.length, (*world.interventions, *embedding)), suppress(Stop):
            network.module(**network.inputs([world.ids]), use_cache=False)
    finally:
        handle.remove()
    return kept[0]
