"""What has to be computed for a set of intervened runs of an encoder, and the runs: the layer part of planning.

Attention in an encoder is full, so an intervention reaches every position of the next layer, and nothing can be said
of positions. But the blocks before a cell's first intervention are left as they were, and so are blocks that what
comes out does not depend on: a cell enters at its first layer, from the residual that its base run left there, and
cells advance together as one batch, each joining at its own layer.

Letters: n cells, T positions, D width, L layers.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.models.encoder_runs import (
    EncoderRecording,
    batch_hooked,
    from_residuals,
    run_block,
    run_encoder_with_hooks,
)
from aetia.models.encoders import Encoder
from aetia.models.hooks import edit_rows, read_rows
from aetia.models.planner import CHUNK_ROWS, DEFAULT_MEMORY, Cell, Forecast, Member, forecast_bytes
from aetia.models.sites import PROJECTOR, Site
from aetia.models.wavefront import CellResults

if TYPE_CHECKING:
    from aetia.models.interventions import Intervention

__all__ = ["EncoderPlan", "plan_encoder", "run_encoder_cells_with_hooks", "run_encoder_planned"]

_RESIDUAL = ("resid_post", "resid_pre")  # in the order in which they are met at a boundary

Read = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class EncoderPlan:
    """A schedule.

    Args:
        passes: Cells that go through the layers together, by increasing entry; their world is in `worlds`.
        worlds: Every cell's world.
        together: How many cells go through a block in one call.
        forecast: What it costs; its operations are those of the blocks.
        block_runs: How many times a cell goes through a block.
        hook_block_runs: The same for one full forward a cell.
    """

    passes: tuple[tuple[Member, ...], ...]
    worlds: tuple[int, ...]
    together: int
    forecast: Forecast
    block_runs: int
    hook_block_runs: int


def plan_encoder(
    encoder: Encoder, worlds: Sequence[EncoderRecording], cells: Sequence[Cell], *, memory: int = DEFAULT_MEMORY
) -> EncoderPlan:
    """The schedule of `cells`, within `memory` bytes above the loaded model.

    Args:
        encoder: The encoder.
        worlds: The base runs.
        cells: The intervened runs, each in one of the worlds.
        memory: The budget in bytes.

    Raises:
        StudyError: AE-9406 if even one cell at a time needs more than `memory`.
        SiteError: If a site names nothing in this encoder.
    """
    by_grid: dict[tuple[int, int], list[Member]] = defaultdict(list)
    for index, cell in enumerate(cells):
        by_grid[worlds[cell.world].grid].append(_schedule(encoder, worlds[cell.world].length, index, cell))
    longest = max((encoder.length_of(grid) for grid in by_grid), default=1)
    base = sum(world.bytes for world in worlds)
    has_patterns = any(site.component == "pattern" for cell in cells for site in _sites(cell))
    work, kept = _block_bytes(encoder, longest, has_patterns=has_patterns), _cell_bytes(encoder, worlds, longest)
    room = memory - base
    if room < work + kept:
        least = base + work + kept
        raise StudyError(
            "AE-9406",
            f"One cell at a time needs {forecast_bytes(least)}, more than the budget of {forecast_bytes(memory)}.",
            mend=f"give at least --memory {-(-least // 2**20)}MB.",
        )
    together = max(1, min(CHUNK_ROWS // longest, room // (2 * work)))
    most = max(1, (room - together * work) // kept)
    passes = []
    for _, members in sorted(by_grid.items()):
        ordered = sorted(members, key=lambda member: member.entry)
        passes += [tuple(ordered[first : first + most]) for first in range(0, len(ordered), most)]
    used = base + together * work + max((len(one) for one in passes), default=0) * kept
    runs = sum(max(0, _last(encoder, one) - member.entry) for one in passes for member in one)
    flops, whole = _block_flops(encoder, longest), len(cells) * len(encoder.blocks)
    forecast = Forecast(used, runs * flops, whole * flops)
    return EncoderPlan(tuple(passes), tuple(cell.world for cell in cells), together, forecast, runs, whole)


def run_encoder_planned(
    encoder: Encoder,
    worlds: Sequence[EncoderRecording],
    cells: Sequence[Cell],
    read: Read,
    *,
    memory: int = DEFAULT_MEMORY,
) -> CellResults:
    """What `read` says of every cell, as one full hooked forward each would give it (to about 1e-5 in float32).

    Args:
        encoder: The encoder.
        worlds: The base runs, from `record_encoder`.
        cells: The intervened runs.
        read: From what comes out of n cells, `[n, ...]`, to what is wanted of each, `[n, ...]`; for instance an
            `EncoderOutcome`, or the identity.
        memory: Bytes above the loaded model that may be used, what `read` gives not counted.
    """
    schedule = plan_encoder(encoder, worlds, cells, memory=memory)
    values: dict[int, Tensor] = {}
    captured: dict[int, dict[Site, Tensor]] = {index: {} for index, cell in enumerate(cells) if cell.captures}
    with torch.inference_mode():
        for members in schedule.passes:
            wave = _Wave(encoder, [worlds[schedule.worlds[m.index]] for m in members], members, schedule.together)
            wave.run()
            for indices, output in wave.outputs():
                values |= dict(zip(indices, read(output).cpu(), strict=True))
            for index, got in wave.captured.items():
                captured[index] |= got
    return CellResults(_stacked(values[index] for index in range(len(cells))), captured)


@torch.inference_mode()
def run_encoder_cells_with_hooks(
    encoder: Encoder, worlds: Sequence[EncoderRecording], cells: Sequence[Cell], read: Read
) -> CellResults:
    """The same as `run_encoder_planned`, by one full forward a cell: the reference."""
    runs = [run_encoder_with_hooks(encoder, worlds[c.world].pixels, c.interventions, c.captures) for c in cells]
    captured = {index: run.captured for index, run in enumerate(runs) if run.captured}
    return CellResults(_stacked(read(run.output[None])[0].cpu() for run in runs), captured)


def _stacked(values: Iterable[Tensor]) -> Tensor:
    """In float32, or float64 if that is what they are."""
    listed = list(values)
    if not listed:
        return torch.empty(0)
    if len({value.shape for value in listed}) > 1:
        raise StudyError(
            "AE-9413",
            "What is read of these cells is of several shapes, as image tokens of pictures of several shapes are.",
            mend="run the cells of each shape by themselves, or read one number of each.",
        )
    stacked = torch.stack(listed)
    return stacked if stacked.dtype == torch.float64 else stacked.float()


def _sites(cell: Cell) -> Iterator[Site]:
    yield from (i.site for i in cell.interventions)
    yield from cell.captures


def _boundary(encoder: Encoder, site: Site) -> int:
    """The block that a site lies in; for a residual, the boundary that it is; for the projector, what follows all."""
    if site.layer is None:
        return len(encoder.blocks) + 1
    return site.layer + (site.component == "resid_post")


def _schedule(encoder: Encoder, length: int, index: int, cell: Cell) -> Member:
    """The cell's place in the schedule."""
    edits: dict[int, list[Intervention]] = defaultdict(list)
    captures: dict[int, list[Site]] = defaultdict(list)
    for i in cell.interventions:
        encoder.check_site(i.site, length)
        edits[_boundary(encoder, i.site)].append(i)
    for site in cell.captures:
        encoder.check_site(site, length)
        captures[_boundary(encoder, site)].append(site)
    return Member(
        index,
        min([*edits, *captures], default=len(encoder.blocks) + 1),
        {boundary: tuple(group) for boundary, group in edits.items()},
        {boundary: tuple(group) for boundary, group in captures.items()},
    )


def _last(encoder: Encoder, members: Sequence[Member]) -> int:
    """The boundary up to which cells have to go: what comes out depends on no later one, but captures may."""
    wanted = [
        boundary + (site.component not in _RESIDUAL)
        for member in members
        for boundary, sites in member.captures.items()
        for site in sites
        if site.component != PROJECTOR
    ]
    return max([encoder.depth, *wanted])


class _Wave:
    """One pass: the residuals of all its cells, `[n, T, D]`, and their way through the layers."""

    def __init__(
        self, encoder: Encoder, bases: Sequence[EncoderRecording], members: Sequence[Member], together: int
    ) -> None:
        self.encoder, self.bases, self.members, self.together = encoder, bases, members, together
        self.pool = torch.empty(len(members), *bases[0].resid_pre.shape[1:], dtype=encoder.dtype, device=encoder.device)
        self.kept: dict[int, Tensor] = {}
        self.captured: dict[int, dict[Site, Tensor]] = defaultdict(dict)

    def run(self) -> None:
        """Takes every cell through the layers up to the last that matters."""
        last = _last(self.encoder, self.members)
        for boundary in range(last + 1):
            active = sum(member.entry <= boundary for member in self.members)
            self._enter(boundary, active)
            if boundary in self.encoder.boundaries:
                self.kept[boundary] = self.pool if boundary == last else self.pool[:active].clone()
            if boundary < last:
                for first in range(0, active, self.together):
                    self._block(boundary, slice(first, min(active, first + self.together)))

    def outputs(self) -> Iterator[tuple[list[int], Tensor]]:
        """What comes out, `[n, ...]`, of some cells at a time, with the cells' indices."""
        count = len(self.members)
        changed = sum(member.entry <= self.encoder.depth for member in self.members)
        for first in range(0, changed, self.together):
            yield self._projected(slice(first, min(changed, first + self.together)), is_changed=True)
        for first in range(changed, count, self.together):
            yield self._projected(slice(first, min(count, first + self.together)), is_changed=False)

    def _enter(self, boundary: int, active: int) -> None:
        """Lets the cells of this boundary join from their base run, and does what is done to the residual there."""
        for row, member, base in zip(self.pool[:active], self.members[:active], self.bases, strict=False):
            if member.entry == boundary:
                row.copy_(base.resid_pre[boundary])
            for component in _RESIDUAL:
                self._touch(row, member, boundary, component)

    def _touch(self, row: Tensor, member: Member, boundary: int, component: str) -> None:
        """Edits one cell's value of a component, then captures it."""
        for i in member.edits.get(boundary, ()):
            if i.site.component == component:
                edit_rows(row, i.site.rows(len(row)), i.site, i.operation)
        for site in member.captures.get(boundary, ()):
            if site.component == component:
                self.captured[member.index][site] = read_rows(row, site.rows(len(row)), site)

    def _block(self, layer: int, part: slice) -> None:
        """One block for some cells, with their interventions and captures inside it."""
        members = self.members[part]
        edits = [
            (run, i)
            for run, member in enumerate(members)
            for i in member.edits.get(layer, ())
            if i.site.component not in _RESIDUAL
        ]
        captures = [
            (run, site)
            for run, member in enumerate(members)
            for site in member.captures.get(layer, ())
            if site.component not in _RESIDUAL
        ]
        like = self.bases[0]
        with batch_hooked(self.encoder, [like.grid] * len(members), edits, captures) as found:
            self.pool[part] = run_block(self.encoder, layer, self.pool[part], like)
        for (run, site), value in found.items():
            self.captured[members[run].index][site] = value

    def _projected(self, part: slice, *, is_changed: bool) -> tuple[list[int], Tensor]:
        members, bases = self.members[part], self.bases[part]
        if is_changed:
            residuals = {boundary: self._residual(boundary, part) for boundary in self.encoder.boundaries}
            output = from_residuals(self.encoder, bases[0].pixels, residuals)
        else:
            output = torch.stack([base.output for base in bases])
        if self.encoder.vision is not None:
            # Beside the embeddings may stand what the model adds later, which is not the projector's.
            for row, member in zip(output[..., : self.encoder.token_width], members, strict=True):
                self._touch(row, member, len(self.encoder.blocks) + 1, PROJECTOR)
        return [member.index for member in members], output

    def _residual(self, boundary: int, part: slice) -> Tensor:
        """The residuals at a boundary, `[n, T, D]`: of the base run for cells that enter later."""
        kept = self.kept[boundary]
        rows = [
            kept[place] if member.entry <= boundary else base.resid_pre[boundary]
            for place, (member, base) in enumerate(zip(self.members[part], self.bases[part], strict=True), part.start)
        ]
        return torch.stack(rows)


def _block_parameters(encoder: Encoder) -> int:
    return sum(p.numel() for p in encoder.blocks[0].parameters() if p.dim() > 1)


def _block_flops(encoder: Encoder, length: int) -> int:
    """Products of one block for one cell: the matrices, and every position's reading of every other."""
    return 2 * length * (_block_parameters(encoder) + 2 * encoder.width * length)


def _block_bytes(encoder: Encoder, length: int, *, has_patterns: bool) -> int:
    """What one cell needs while it passes a block: norms, projections, the MLP's intermediates, its weights if seen."""
    floats = length * (6 * encoder.width + max(5 * encoder.width, 4 * encoder.site_shape("mlp_post", 1)[1]))
    weights = 4 * encoder.heads.query * length * length if has_patterns else 0
    return (floats + weights) * torch.finfo(encoder.dtype).bits // 8


def _cell_bytes(encoder: Encoder, worlds: Sequence[EncoderRecording], length: int) -> int:
    """What one cell keeps: its residual, where the output is read besides, and what comes out."""
    floats = length * encoder.width * len(encoder.boundaries) + max((w.output.numel() for w in worlds), default=0)
    return floats * torch.finfo(encoder.dtype).bits // 8
