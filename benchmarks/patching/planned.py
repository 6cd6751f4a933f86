"""The same grids by aetia's planner.

Letters: T positions, H heads, d head width.
"""

from typing import TYPE_CHECKING

import torch
from jobs import Grid
from plain import forward_operations

from aetia.models import Cell, Intervention, Network, Outcome, Recording, Set, Site, plan, record, run_planned

if TYPE_CHECKING:
    from torch import Tensor

    from aetia.models.planner import Forecast


class Planner:
    """Records both runs once and gives the whole grid to the planner.

    Args:
        network: The network.
        skips_equal_prefix: Whether cells before the first differing token, which patch a value by itself, are left
            as they are. `aetia.trace` does so.
    """

    def __init__(self, network: Network, *, skips_equal_prefix: bool = True) -> None:
        self.network, self.skips_equal_prefix = network, skips_equal_prefix

    def forward(self, ids: tuple[int, ...]) -> None:
        """Runs a prompt once."""
        base = record(self.network, ids)
        patch = Intervention(Site("resid_pre", 0, position=-1), Set(base.resid_pre[0, -1:]))
        run_planned(self.network, [base], [Cell((patch,))], [Outcome("logit_difference", (0,), 1)])

    def compute(self, grid: Grid) -> "Tensor":
        """The value of every cell, `[rows of the grid, columns]`."""
        base, cells = self.cells(grid)
        return run_planned(self.network, [base], cells, [outcome(grid)]).values.reshape(grid.shape)

    def operations(self, grid: Grid) -> int:
        """Floating-point operations of the plan's matrix products and of the two recorded runs."""
        recorded = 2 * forward_operations(self.network.module, grid.length, 1)
        return recorded + self.forecast(grid).flops

    def forecast(self, grid: Grid) -> "Forecast":
        """What the plan says before anything runs."""
        base, cells = self.cells(grid)
        return plan(self.network, [base], cells, [outcome(grid)]).forecast

    def cells(self, grid: Grid) -> tuple[Recording, list[Cell]]:
        """The corrupted run, and a cell for every place of the grid."""
        component = "resid_pre" if grid.kind == "residual" else "z"
        extra = [] if component == "resid_pre" else [(component, layer) for layer in grid.layers]
        clean, base = record(self.network, grid.clean, extra), record(self.network, grid.corrupted)
        first = grid.first_difference if self.skips_equal_prefix else 0
        cells = []
        for layer in grid.layers:
            for column in grid.columns:
                sites = _sites(grid, component, layer, column, first)
                values = [clean.at(site, site.positions(grid.length)) for site in sites]
                cells.append(Cell(tuple(Intervention(s, Set(v)) for s, v in zip(sites, values, strict=True))))
        return base, cells


def outcome(grid: Grid) -> Outcome:
    """What is read of every run."""
    return Outcome("logit_difference", (grid.answer,), grid.foil)


def _sites(grid: Grid, component: str, layer: int, column: int, first: int) -> list[Site]:
    """What a cell patches, from position `first` on."""
    if component == "resid_pre":
        return [Site(component, layer, position=column)] if column >= first else []
    if grid.kind == "heads-last":
        return [Site(component, layer, column, position=grid.length - 1)]
    if first == 0:
        return [Site(component, layer, column)]
    return [Site(component, layer, column, position=p) for p in range(first, grid.length)]


def largest_difference(one: "Tensor", other: "Tensor") -> float:
    """The largest absolute difference of two grids, in logits."""
    return float((one.float() - other.float()).abs().max()) if one.numel() else torch.nan
