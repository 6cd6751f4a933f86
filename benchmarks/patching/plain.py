"""What does the grid cost with nothing but PyTorch's own forward hooks, one patch a run or several?

Letters: n rows of a batch, L layers, T positions, V vocabulary, W width of the patched tensor.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
from jobs import Grid, Place
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PlainHooks:
    """Patches by hooks on a Hugging Face decoder of the Llama kind.

    Args:
        module: The model.
        rows: Cells a forward run; 0 for as many as a layer of the grid has.
        all_logits: Whether logits are computed at all positions, as the model does unless told otherwise.
    """

    def __init__(self, module: "PreTrainedModel", rows: int, *, all_logits: bool = True) -> None:
        self.module, self.rows = module, rows
        self.keep = 0 if all_logits else 1  # 0 means all positions to transformers

    @torch.inference_mode()
    def forward(self, ids: tuple[int, ...], rows: int = 1) -> Tensor:
        """Logits `[n, T or 1, V]` of `rows` copies of one prompt."""
        batch = torch.tensor([ids]).expand(rows, -1)
        return self.module(batch, logits_to_keep=self.keep, use_cache=False).logits

    @torch.inference_mode()
    def compute(self, grid: Grid) -> Tensor:
        """The value of every cell, `[rows of the grid, columns]`."""
        clean = self._clean(grid)
        places = grid.places()
        rows = self.rows or len(grid.columns)
        values = []
        for first in range(0, len(places), rows):
            some = places[first : first + rows]
            with patched(self.module, grid, some, clean):
                logits = self.forward(grid.corrupted, len(some))[:, -1]
            values.append(logits[:, grid.answer] - logits[:, grid.foil])
        return torch.cat(values).reshape(grid.shape)

    def operations(self, grid: Grid) -> int:
        """Floating-point operations of all its matrix products."""
        return grid.cells * forward_operations(self.module, grid.length, grid.length if self.keep == 0 else 1)

    def _clean(self, grid: Grid) -> dict[int, Tensor]:
        """What enters the patched modules in the clean run, `[T, W]` a layer."""
        found: dict[int, Tensor] = {}
        with ExitStack() as stack:
            for layer in set(grid.layers):

                def keep(_module: nn.Module, inputs: tuple[Tensor, ...], layer: int = layer) -> None:
                    found[layer] = inputs[0][0].clone()

                stack.callback(patched_module(self.module, grid, layer).register_forward_pre_hook(keep).remove)
            self.forward(grid.clean)
        return found


def patched_module(module: nn.Module, grid: Grid, layer: int) -> nn.Module:
    """The module whose input is patched: the block for the residual, the output projection for heads."""
    inside = "" if grid.kind == "residual" else ".self_attn.o_proj"
    return module.get_submodule(f"model.layers.{layer}{inside}")


@contextmanager
def patched(module: nn.Module, grid: Grid, places: Iterable[Place], clean: dict[int, Tensor]) -> Iterator[None]:
    """While open, row i of a batch runs with the i-th of `places` set to its clean value."""
    by_layer: dict[int, list[tuple[int, Place]]] = defaultdict(list)
    for row, place in enumerate(places):
        by_layer[place.layer].append((row, place))
    with ExitStack() as stack:
        for layer, some in by_layer.items():

            def patch(
                _module: nn.Module,
                inputs: tuple[Tensor, ...],
                some: list[tuple[int, Place]] = some,
                source: Tensor = clean[layer],
            ) -> tuple[Tensor, ...]:
                mine = inputs[0].clone()
                for row, place in some:
                    mine[row, place.positions, place.units] = source[place.positions, place.units]
                return (mine, *inputs[1:])

            stack.callback(patched_module(module, grid, layer).register_forward_pre_hook(patch).remove)
        yield


def forward_operations(module: "PreTrainedModel", length: int, read: int) -> int:
    """Floating-point operations of the matrix products of one run that reads logits at `read` positions."""
    config = module.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    weights = sum(p.numel() for p in module.get_submodule("model.layers").parameters() if p.dim() > 1)
    pairs = length * (length + 1) // 2  # attention is causal
    attention = config.num_hidden_layers * 2 * config.num_attention_heads * width * pairs
    return 2 * (length * weights + attention + read * config.vocab_size * config.hidden_size)
