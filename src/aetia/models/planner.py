"""What has to be computed for a set of intervened runs, and what it will cost: decided before anything runs.

Three facts make most of a grid's arithmetic unnecessary, and none is an approximation:

1. An intervention at layer l leaves the blocks before l as they were: a cell enters at its first layer,
   from the residual that the base run left there.
2. Attention is causal, so an intervention at position p leaves the positions before p as they were, at
   every layer: a cell has rows for positions >= p only, and reads the base run's keys and values before p.
3. The outcome reads the last positions and, mostly, two logits.

The input is an axis of worlds (base runs) and a table of cells, each one world with values copied into
sites; activation patching, ablation, path patching and steering are this one object (the idea is penzai's
`RewireComputationPaths`).

Letters: L layers, T positions, D width; a cell's suffix has T - p rows.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from aetia.errors import StudyError
from aetia.models.interventions import Intervention
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.recording import Recording
from aetia.models.sites import Site

__all__ = ["Cell", "Forecast", "Group", "Pass", "Plan", "cells_a_segment", "forecast_bytes", "forward_flops", "plan"]

CHUNK_ROWS = 512
"""Rows that go through a block at a time: enough for the matrix product's peak, few enough for the CPU's cache."""

SEGMENT_BYTES = 8 * 2**20
"""Keys and values are copied for the cells that attend together; this many bytes at most, or one cell's."""

DEFAULT_MEMORY = 512 * 2**20


@dataclass(frozen=True, eq=False)
class Cell:
    """One intervened run: a world, what is done in it, and the sites whose values are wanted besides the outcome."""

    interventions: tuple[Intervention, ...]
    world: int = 0
    captures: tuple[Site, ...] = ()


@dataclass(frozen=True, eq=False)
class Member:
    """A cell in the schedule: its index, the layer it enters at, and its interventions by layer."""

    index: int
    entry: int
    edits: dict[int, tuple[Intervention, ...]]
    captures: dict[int, tuple[Site, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Group:
    """Cells of one world that start at one position, by increasing entry, so that the active ones come first."""

    world: int
    start: int
    length: int
    members: tuple[Member, ...]

    @property
    def suffix(self) -> int:
        """How many rows each of its cells has."""
        return self.length - self.start

    def active(self, layer: int) -> int:
        """How many members have entered by `layer`."""
        return sum(member.entry <= layer for member in self.members)


@dataclass(frozen=True, eq=False)
class Pass:
    """Groups that go through the layers together."""

    groups: tuple[Group, ...]

    @property
    def rows(self) -> int:
        """How many rows the pool holds when all cells have entered."""
        return sum(len(group.members) * group.suffix for group in self.groups)


@dataclass(frozen=True)
class Forecast:
    """What a plan costs.

    Args:
        bytes: Memory above the loaded model at the peak.
        flops: Floating-point operations of the plan's matrix products.
        hook_flops: The same for one full forward a cell, unembedding of the last position included.
    """

    bytes: int
    flops: int
    hook_flops: int


@dataclass(frozen=True, eq=False)
class Plan:
    """A schedule: passes over the layers, the (cell, world) pairs that equal their base run, and the forecast."""

    passes: tuple[Pass, ...]
    unchanged: tuple[tuple[int, int], ...]
    chunk_rows: int
    forecast: Forecast


def plan(
    network: Network,
    worlds: Sequence[Recording],
    cells: Sequence[Cell],
    outcomes: Sequence[Outcome],
    *,
    memory: int = DEFAULT_MEMORY,
) -> Plan:
    """The schedule of `cells`, within `memory` bytes above the loaded model.

    Args:
        network: The network.
        worlds: The base runs.
        cells: The intervened runs, each in one of the worlds.
        outcomes: One a world.
        memory: The budget in bytes.

    Raises:
        StudyError: If even one cell at a time needs more than `memory`.
        SiteError: If a site names nothing in this network.
    """
    groups: dict[tuple[int, int], list[Member]] = defaultdict(list)
    unchanged = []
    for index, cell in enumerate(cells):
        member, start = _schedule(network, worlds[cell.world].length, index, cell)
        if member is None:
            unchanged.append((index, cell.world))
        else:
            groups[cell.world, start].append(member)
    ordered = [
        Group(world, start, worlds[world].length, tuple(sorted(members, key=lambda m: m.entry)))
        for (world, start), members in sorted(groups.items(), key=lambda item: item[0])
    ]
    base = sum(world.bytes for world in worlds) + max(outcome.bytes(network) for outcome in outcomes)
    base += max((_attention_bytes(network, group) for group in ordered), default=0)
    longest = max((group.suffix for group in ordered), default=1)
    chunk_rows, room = _fit(network, longest, memory - base, memory)
    passes = _split(ordered, room // (_row_bytes(network)))
    rows = max((one.rows for one in passes), default=0)
    used = base + rows * _row_bytes(network) + chunk_rows * _transient_bytes(network)
    flops = sum(_flops(network, group, outcomes[group.world]) for group in ordered)
    cells_of = Counter(cell.world for cell in cells)
    whole = sum(count * forward_flops(network, worlds[world].length) for world, count in cells_of.items())
    return Plan(passes, tuple(unchanged), chunk_rows, Forecast(used, flops, whole))


def _schedule(network: Network, length: int, index: int, cell: Cell) -> tuple[Member | None, int]:
    """The cell's place in the schedule, and its first changed position; None if nothing is done in it."""
    edits: dict[int, list[Intervention]] = defaultdict(list)
    start = length
    # What is done to a block's output comes before what is done to the next block's input, in whichever order given.
    for i in sorted(cell.interventions, key=lambda i: i.site.component != "resid_post"):
        network.check_site(i.site)
        positions = i.site.positions(length)
        if positions:
            start = min(start, positions[0])
            edits[_entry_layer(i.site)].append(i)
    if not edits and not cell.captures:
        return None, start
    captures: dict[int, list[Site]] = defaultdict(list)
    for site in cell.captures:
        network.check_site(site)
        if site.component in ("embed", "pattern", "resid_post"):
            raise StudyError("AE-1220", f"A planned run cannot capture {site}.", mend="use run_with_hooks for it.")
        start = min(start, site.positions(length)[0])
        captures[site.layer or 0].append(site)
    member = Member(
        index,
        min([*edits, *captures]),
        {layer: tuple(group) for layer, group in edits.items()},
        {layer: tuple(group) for layer, group in captures.items()},
    )
    return member, start


def _entry_layer(site: Site) -> int:
    """The layer that an edit belongs to: what leaves one block enters the next, or the final norm."""
    return (site.layer or 0) + (site.component == "resid_post")


def _split(groups: Sequence[Group], room: int) -> tuple[Pass, ...]:
    """Passes of at most `room` rows each, cutting groups between cells where they do not fit whole."""
    passes: list[list[Group]] = [[]]
    left = room
    for group in groups:
        members = list(group.members)
        while members:
            fit = left // group.suffix
            if fit == 0:
                passes.append([])
                left = room
                continue
            passes[-1].append(replace(group, members=tuple(members[:fit])))
            left -= min(fit, len(members)) * group.suffix
            members = members[fit:]
    return tuple(Pass(tuple(part)) for part in passes if part)


def _row_bytes(network: Network) -> int:
    return network.width * network.unembedding.weight.element_size()


def _transient_bytes(network: Network) -> int:
    """What one row needs while it passes a block: norms, projections, rotated copies, the MLP's four intermediates."""
    heads = network.heads
    attention = 4 * heads.query * heads.width + 6 * heads.key_value * heads.width
    floats = 6 * network.width + max(attention, 4 * network.site_shape("mlp_post", 1)[1])
    return floats * network.unembedding.weight.element_size()


def _key_value_bytes(network: Network, length: int) -> int:
    """Keys and values of one cell with their prefix, once as recorded heads and once for every query head."""
    heads = network.heads
    return length * heads.width * 2 * (heads.key_value + heads.query) * network.unembedding.weight.element_size()


def cells_a_segment(network: Network, length: int) -> int:
    """How many cells of `length` tokens may attend together."""
    return max(1, SEGMENT_BYTES // _key_value_bytes(network, length))


def _attention_bytes(network: Network, group: Group) -> int:
    together = min(len(group.members), cells_a_segment(network, group.length), max(1, CHUNK_ROWS // group.suffix))
    return together * _key_value_bytes(network, group.length)


def _fit(network: Network, longest: int, room: int, memory: int) -> tuple[int, int]:
    """The chunk's rows, and what is left for the pool of suffixes: a quarter of the room for chunks at most."""
    transient = _transient_bytes(network)
    chunk_rows = max(longest, min(CHUNK_ROWS, room // (2 * transient)))
    left = room - chunk_rows * transient
    needed = longest * _row_bytes(network)
    if left < needed:
        least = memory - room + longest * transient + needed
        raise StudyError(
            "AE-1221",
            f"One cell at a time needs {forecast_bytes(least)}, more than the budget of {forecast_bytes(memory)}.",
            mend=f"give at least --memory {-(-least // 2**20)}MB, or a shorter prompt.",
        )
    return chunk_rows, left


def _block_parameters(network: Network) -> int:
    return sum(p.numel() for p in network.blocks[0].parameters() if p.dim() > 1)


def _flops(network: Network, group: Group, outcome: Outcome) -> int:
    """Products of the blocks for every active row; in the last block, of its MLP only where the outcome reads."""
    last = len(network.blocks) - 1
    size = _block_parameters(network)
    rows = sum(max(0, last - member.entry) for member in group.members) * group.suffix
    at_last = sum(member.entry <= last for member in group.members)
    heads = network.heads
    keys_and_values = 2 * heads.key_value * heads.width * network.width
    read = min(outcome.positions, group.suffix)
    ends = at_last * (group.suffix * keys_and_values + read * (size - keys_and_values))
    attention = 2 * heads.query * heads.width * (group.start + group.suffix // 2)
    return 2 * (rows * (size + attention) + ends)


def forward_flops(network: Network, length: int) -> int:
    """Products of one plain forward run of `length` tokens, unembedding of the last position included."""
    return 2 * (length * len(network.blocks) * _block_parameters(network) + network.unembedding.weight.numel())


def forecast_bytes(count: int) -> str:
    """`count` bytes for people, in MB."""
    return f"{count / 2**20:.0f} MB"
