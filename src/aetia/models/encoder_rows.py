"""Which row of a tower's tensors is which position of which picture?

A position means the same in every tower: class tokens and registers, then patches row by row; image tokens are
counted as the language model reads them. Rows are in the order of the model's own modules. Most run a batch
`[n, T, D]` whose rows are the positions. Qwen-VL packs all pictures into one sequence `[rows, D]`, in which the patches
of one image token follow each other, and in Qwen2.5-VL these tokens follow windows of attention.

Letters: n pictures, T positions of one, D width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from aetia.models.sites import PROJECTOR, Site

if TYPE_CHECKING:
    from aetia.models.encoders import Encoder

__all__ = ["Rows", "arguments_for", "batch_rows", "from_rows", "rows_alone", "to_rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Where a picture is.

    Args:
        positions: The row of each position in the blocks, `[T]`.
        tokens: The row of each image token at the projector; empty for an encoder alone.
    """

    positions: Tensor
    tokens: Tensor

    def of(self, site: Site) -> list[int]:
        """The rows of a site's positions.

        Raises:
            SiteError: If they lie outside the picture.
        """
        whole = self.tokens if site.component == PROJECTOR else self.positions
        return whole[list(site.rows(len(whole)))].tolist()


def rows_alone(encoder: "Encoder", grid: tuple[int, int]) -> Rows:
    """The rows of one picture of R by C patches, if it is the only one.

    Args:
        encoder: The encoder.
        grid: R and C.
    """
    cell = 1 if encoder.vision is None else encoder.vision.cell
    cells = grid[0] // cell, grid[1] // cell
    if not encoder.family.is_packed:
        tokens = 0 if encoder.vision is None else encoder.vision.prefix + cells[0] * cells[1]
        return Rows(torch.arange(encoder.prefix + grid[0] * grid[1]), torch.arange(tokens))
    # In tokens; without windows all tokens lie in one.
    window = getattr(encoder.config, "window_size", 0) // cell // encoder.patch or max(cells)
    order = sorted(range(cells[0] * cells[1]), key=lambda token: _window(token, cells, window))
    tokens = torch.tensor(order).argsort()
    number = torch.arange(grid[0])[:, None] // cell * cells[1] + torch.arange(grid[1]) // cell
    # Sorting is stable: within a token the patches stay row by row.
    return Rows(tokens[number].flatten().argsort(stable=True).argsort(), tokens)


def _window(token: int, cells: tuple[int, int], window: int) -> tuple[int, int]:
    row, column = divmod(token, cells[1])
    return row // window, column // window


def batch_rows(encoder: "Encoder", grids: Sequence[tuple[int, int]]) -> list[Rows]:
    """The rows of pictures that go through the encoder together, one after another.

    Args:
        encoder: The encoder.
        grids: The rows and columns of patches of each.
    """
    found: list[Rows] = []
    positions = tokens = 0
    for grid in grids:
        alone = encoder.rows(grid)
        found.append(Rows(alone.positions + positions, alone.tokens + tokens))
        positions, tokens = positions + len(alone.positions), tokens + len(alone.tokens)
    return found


def to_rows(encoder: "Encoder", residuals: Tensor, grid: tuple[int, int]) -> Tensor:
    """Residuals of pictures of one shape by position, `[n, T, D]`, as the blocks take them."""
    if not encoder.family.is_packed:
        return residuals
    return residuals[:, encoder.rows(grid).positions.argsort()].flatten(0, 1)


def from_rows(encoder: "Encoder", rows: Tensor, grid: tuple[int, int]) -> Tensor:
    """What a block gives of pictures of one shape, by position, `[n, T, D]`."""
    if not encoder.family.is_packed:
        return rows
    places = encoder.rows(grid).positions
    return rows.unflatten(0, (-1, len(places)))[:, places]


def arguments_for(runs: int, recorded: Mapping[str, object]) -> dict[str, object]:
    """What to call a block with for `runs` pictures of one shape, besides residuals, if `recorded` was for one of them.

    In a batch full attention needs no mask; in a sequence the ends of what reads itself alone, and the embeddings of
    positions, are repeated.
    """
    found = dict(recorded)
    if "attention_mask" in found:
        found["attention_mask"] = None
    ends = found.get("cu_seqlens")
    if isinstance(ends, Tensor):
        after = [ends[1:] + run * ends[-1] for run in range(runs)]
        found["cu_seqlens"] = torch.cat([ends[:1], *after])
        embeddings = found["position_embeddings"]
        assert isinstance(embeddings, tuple)
        found["position_embeddings"] = tuple(part.repeat(runs, 1) for part in embeddings)
    return found
