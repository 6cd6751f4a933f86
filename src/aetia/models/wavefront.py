"""Runs a plan: all cells advance through the layers together, each joining at its own.

Rows of different cells are packed one after another, never padded, and go through the model's own
blocks. A block acts on each row alone, except in attention; there the handler gives every cell its own
keys and values behind those that its base run recorded.

Letters: R rows of a chunk, n cells of a segment, S rows of a cell (its suffix), T positions,
H heads, K key/value heads, d head width, D width.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from aetia.models.attention import handled_attention
from aetia.models.hooks import edit_rows, read_rows, run_with_hooks
from aetia.models.interventions import Intervention, on_rows
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.packing import (
    Chunk,
    PackedAttention,
    Segment,
    Stop,
    at_rows,
    first_residual,
    no_attention,
    rows_of,
)
from aetia.models.planner import DEFAULT_MEMORY, Cell, Group, Member, Pass, Plan, cells_a_segment, plan
from aetia.models.ports import listen
from aetia.models.recording import Recording, wide
from aetia.models.sites import Site

__all__ = ["CellResults", "base_outcomes", "run_cells_with_hooks", "run_plan", "run_planned"]

_RESIDUAL = frozenset({"resid_pre", "resid_post"})
_ATTENTION_SIDE = frozenset({"q", "k", "v", "pattern", "z", "attn_out", "resid_mid"})


@dataclass(frozen=True, eq=False)
class CellResults:
    """The outcome of every cell `[cells, *outcome's shape]`, float32, and what each cell captured."""

    values: Tensor
    captured: dict[int, dict[Site, Tensor]] = field(default_factory=dict)


def run_planned(
    network: Network,
    worlds: Sequence[Recording],
    cells: Sequence[Cell],
    outcomes: Sequence[Outcome],
    *,
    memory: int = DEFAULT_MEMORY,
) -> CellResults:
    """The outcome of every cell, as one full hooked forward each would give it (to about 1e-5 in float32).

    Args:
        network: The network.
        worlds: The base runs, from `record`.
        cells: The intervened runs.
        outcomes: What is read, one a world, all of one shape.
        memory: Bytes above the loaded model that may be used.
    """
    return run_plan(network, worlds, plan(network, worlds, cells, outcomes, memory=memory), outcomes, len(cells))


@torch.inference_mode()
def run_plan(
    network: Network, worlds: Sequence[Recording], schedule: Plan, outcomes: Sequence[Outcome], cells: int
) -> CellResults:
    """Runs a schedule made by `plan` for `cells` cells; see `run_planned`."""
    values = torch.full((cells, *outcomes[0].shape), torch.nan)
    captured: dict[int, dict[Site, Tensor]] = {}
    if schedule.unchanged:
        base = base_outcomes(network, worlds, outcomes)
        for cell, world in schedule.unchanged:
            values[cell] = base[world]
    for one in schedule.passes:
        wave = _Wave(network, worlds, one, outcomes, schedule.chunk_rows)
        wave.run()
        for indices, got in wave.read():
            values[indices] = got.cpu()
        captured |= wave.captured
    return CellResults(values, captured)


@torch.inference_mode()
def base_outcomes(network: Network, worlds: Sequence[Recording], outcomes: Sequence[Outcome]) -> Tensor:
    """The outcome of every un-intervened world, `[worlds]`."""
    read = [
        outcome.read(network, world.resid_pre[None, -1, -outcome.positions :])
        for world, outcome in zip(worlds, outcomes, strict=True)
    ]
    return torch.cat(read).cpu()


@torch.inference_mode()
def run_cells_with_hooks(
    network: Network, worlds: Sequence[Recording], cells: Sequence[Cell], outcomes: Sequence[Outcome]
) -> CellResults:
    """The same as `run_planned`, by one full forward a cell: the reference, and what serves where planning cannot."""
    values, captured = [], {}
    for index, cell in enumerate(cells):
        world, outcome = worlds[cell.world], outcomes[cell.world]
        run = run_with_hooks(
            network, world.ids, (*world.interventions, *cell.interventions), cell.captures, keep=outcome.positions
        )
        values.append(outcome.from_logits(run.logits[None].float()))
        captured[index] = run.captured
    return CellResults(torch.cat(values).cpu(), captured)


def _erase(tensor: Tensor) -> None:
    tensor.zero_()


class _Wave:
    """One pass: the pool of residual rows, group by group, and its way through the layers."""

    def __init__(
        self,
        network: Network,
        worlds: Sequence[Recording],
        one: Pass,
        outcomes: Sequence[Outcome],
        chunk_rows: int,
    ) -> None:
        self.network, self.worlds, self.outcomes = network, worlds, outcomes
        self.groups, self.chunk_rows = one.groups, chunk_rows
        self.pools = [
            torch.empty(len(g.members), g.suffix, network.width, dtype=network.dtype, device=network.device)
            for g in self.groups
        ]
        self.pool_of = {id(group): pool for group, pool in zip(self.groups, self.pools, strict=True)}
        self.captured: dict[int, dict[Site, Tensor]] = {}

    def run(self) -> None:
        """Takes every cell through all the layers."""
        last = len(self.network.blocks) - 1
        is_sequential = "resid_mid" in self.network.ports[last]
        for layer in range(last + 1):
            self._enter(layer)
            for chunk in self._chunks(layer):
                if layer == last and is_sequential and not any(chunk.captures(layer)):
                    self._finish(layer, chunk)
                else:
                    self._store(chunk, self._block(layer, chunk, self._load(chunk)))
        self._enter(last + 1)

    def read(self) -> Iterator[tuple[list[int], Tensor]]:
        """The outcomes, group by group, with the cells' indices."""
        for group, pool in zip(self.groups, self.pools, strict=True):
            outcome, world = self.outcomes[group.world], self.worlds[group.world]
            hidden = pool[:, -outcome.positions :]
            if group.suffix < outcome.positions:
                before = world.resid_pre[-1, -outcome.positions : group.start]
                hidden = torch.cat([before.expand(len(pool), -1, -1), hidden], 1)
            yield [member.index for member in group.members], outcome.read(self.network, hidden)

    def _enter(self, layer: int) -> None:
        """Lets the cells of this layer join from their base run, and applies what is done to the residual here.

        First comes what is done to the last block's output, then what the model itself adds there, then what is done
        to this block's input.
        """
        for group, pool in zip(self.groups, self.pools, strict=True):
            added = self.worlds[group.world].added_after(layer - 1) if layer else None
            for i, member in enumerate(group.members[: group.active(layer)]):
                edits = [edit for edit in member.edits.get(layer, ()) if edit.site.component in _RESIDUAL]
                posts = [edit for edit in edits if edit.site.component == "resid_post"]
                is_before = member.entry < layer or bool(posts)
                if member.entry == layer:
                    pool[i] = self._first_rows(group, member, layer, is_before=is_before)
                for edit in posts:
                    edit_rows(pool[i], rows_of(group, 0, edit.site), edit.site, edit.operation)
                if added is not None and is_before:
                    pool[i] = wide(pool[i]) + added[group.start :]
                for edit in edits[len(posts) :]:
                    edit_rows(pool[i], rows_of(group, 0, edit.site), edit.site, edit.operation)
                for site in member.captures.get(layer, ()):
                    if site.component == "resid_pre":
                        value = read_rows(pool[i], rows_of(group, 0, site), site)
                        self.captured.setdefault(member.index, {})[site] = value

    def _first_rows(self, group: Group, member: Member, layer: int, *, is_before: bool) -> Tensor:
        """The base run's residual at `layer`; with `is_before`, before the model adds something of its own there."""
        world = self.worlds[group.world]
        embedding = [i for i in member.edits.get(0, ()) if i.site.component == "embed"]
        if layer or not embedding:
            whole = world.resid_post(layer - 1) if is_before and layer else world.resid_pre[layer]
            return whole[group.start :]
        return first_residual(self.network, world, embedding)[group.start :]

    def _chunks(self, layer: int) -> Iterator[Chunk]:
        """The active cells, packed into chunks of about `chunk_rows` rows.

        Prompts of different layout are not mixed: rotary embeddings can depend on the whole prompt's length, and on
        where its pictures lie.
        """
        segments: list[Segment] = []
        row = 0
        for group in self.groups:
            first, active = 0, group.active(layer)
            most = cells_a_segment(self.network, group.length)
            while first < active:
                is_other = bool(segments) and self._layout(segments[-1].group) != self._layout(group)
                is_full = row + group.suffix > self.chunk_rows or is_other
                if segments and is_full:
                    yield Chunk(tuple(segments))
                    segments, row = [], 0
                    continue
                stop = min(active, first + most, first + max(1, (self.chunk_rows - row) // group.suffix))
                segments.append(Segment(group, first, stop, row))
                row += (stop - first) * group.suffix
                first = stop
        if segments:
            yield Chunk(tuple(segments))

    def _layout(self, group: Group) -> tuple[object, ...]:
        return self.worlds[group.world].layout

    def _load(self, chunk: Chunk) -> Tensor:
        parts = [self.pool_of[id(s.group)][s.first : s.stop].flatten(0, 1) for s in chunk.segments]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _store(self, chunk: Chunk, rows: Tensor) -> None:
        for s in chunk.segments:
            self.pool_of[id(s.group)][s.first : s.stop] = rows[s.rows].unflatten(0, (s.count, -1))

    def _block(self, layer: int, chunk: Chunk, rows: Tensor) -> Tensor:
        """The block's output rows `[R, D]`, with the chunk's interventions and captures in this layer."""
        with ExitStack() as stack:
            stack.enter_context(
                handled_attention(self.network.config, PackedAttention(self.network, self.worlds, layer, chunk))
            )
            self._listen(stack, layer, list(chunk.edits(layer)), list(chunk.captures(layer)))
            return self.network.blocks[layer](rows[None], **self._arguments(layer, chunk))[0]

    def _listen(
        self,
        stack: ExitStack,
        layer: int,
        edits: Sequence[tuple[list[int], Intervention]],
        captures: Sequence[tuple[list[int], int, Site]],
    ) -> None:
        """Applies and captures at this block's ports until `stack` closes."""
        components = {i.site.component for _, i in edits} | {site.component for _, _, site in captures}
        for component in components - {*_RESIDUAL, "embed", "pattern"}:
            port = self.network.port(component, layer)

            def receive(
                tensor: Tensor, component: str = component, view: Callable[[Tensor], Tensor] = port.view
            ) -> None:
                """Edit the component's value where the port shows it, and keep what cells want to know of it."""
                values = view(tensor)
                for rows, i in edits:
                    if i.site.component == component:
                        edit_rows(values, rows, i.site, i.operation)
                for rows, cell, site in captures:
                    if site.component == component:
                        self.captured.setdefault(cell, {})[site] = read_rows(values, rows, site)

            stack.callback(listen(port, receive).remove)

    def _arguments(self, layer: int, chunk: Chunk, rows: Sequence[int] | None = None) -> dict[str, object]:
        """What the model passes to this block, at the rows' positions; masks and caches are the handler's work."""
        world = self.worlds[chunk.segments[0].group.world]
        recorded = world.arguments[layer]
        positions = (chunk.positions if rows is None else chunk.positions[rows]).to(self.network.device)
        return {name: at_rows(value, positions, world.length) for name, value in recorded.items()} | {
            name: None for name in ("attention_mask", "past_key_values", "layer_past") if name in recorded
        }

    def _finish(self, layer: int, chunk: Chunk) -> None:
        """The last block, whose MLP is wanted only where the outcome reads.

        The block is left after its attention half; the rows that are read then go through it alone with
        attention's part already in them.
        """
        middle = self._middle(layer, chunk)
        read = [row for s in chunk.segments for row in self._read_rows(s)]
        row_of = {old: new for new, old in enumerate(read)}
        edits = []
        for rows, i in chunk.edits(layer):
            if i.site.component in ("mlp_post", "mlp_out"):
                kept = [n for n, row in enumerate(rows) if row in row_of]
                if kept:
                    operation = on_rows(i.operation, kept, len(rows), 2)
                    edits.append(([row_of[rows[n]] for n in kept], replace(i, operation=operation)))
        port = self.network.port("attn_out", layer)
        with ExitStack() as stack:
            stack.enter_context(handled_attention(self.network.config, no_attention))
            stack.callback(listen(port, _erase).remove)
            self._listen(stack, layer, edits, ())
            ends = self.network.blocks[layer](middle[read][None], **self._arguments(layer, chunk, read))[0]
        middle[read] = ends
        self._store(chunk, middle)

    def _middle(self, layer: int, chunk: Chunk) -> Tensor:
        """resid_mid of the chunk, `[R, D]`."""
        port = self.network.port("resid_mid", layer)
        kept: list[Tensor] = []

        def stop(tensor: Tensor) -> None:
            kept.append(port.view(tensor))
            raise Stop

        edits = [(rows, i) for rows, i in chunk.edits(layer) if i.site.component in _ATTENTION_SIDE]
        with ExitStack() as stack:
            stack.enter_context(
                handled_attention(self.network.config, PackedAttention(self.network, self.worlds, layer, chunk))
            )
            self._listen(stack, layer, edits, ())
            stack.callback(listen(port, stop).remove)  # after the edits, so that it sees them
            with suppress(Stop):
                self.network.blocks[layer](self._load(chunk)[None], **self._arguments(layer, chunk))
        return kept[0]

    def _read_rows(self, segment: Segment) -> Iterator[int]:
        group = segment.group
        count = min(self.outcomes[group.world].positions, group.suffix)
        for row, _ in segment.members():
            yield from range(row + group.suffix - count, row + group.suffix)
