"""Which small change of a frozen language model lets it read pictures? Low-rank maps beside its attention's maps.

Letters: R rank, I width in, O width out, L layers.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import LlamaModel

__all__ = ["ADAPTED", "SCALE", "AdaptedLinear", "adapt", "adapter_weights", "merged_weight"]

ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj")
"""The maps of each layer's attention that get an adapter."""

SCALE = 2.0
"""What the product of the two small matrices is multiplied by."""


class AdaptedLinear(nn.Module):
    """A frozen linear map plus `SCALE * up @ down`; with `up` zero, as it begins, exactly the map itself.

    Args:
        base: The map.
        rank: R.
        generator: What `down` is drawn from.

    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022.
    """

    def __init__(self, base: nn.Linear, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base
        drawn = torch.randn(rank, base.in_features, generator=generator) / math.sqrt(base.in_features)
        self.down = nn.Parameter(drawn.to(base.weight.device))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank, device=base.weight.device))

    def forward(self, states: Tensor) -> Tensor:
        """The map and its adapter, `[..., I]` to `[..., O]`."""
        return self.base(states) + SCALE * nn.functional.linear(nn.functional.linear(states, self.down), self.up)


def adapt(decoder: "LlamaModel", rank: int, seed: int) -> dict[str, nn.Parameter]:
    """Put an adapter beside each map of `ADAPTED` in each layer, and return their parameters by name.

    Args:
        decoder: Its own weights are to be frozen by the caller.
        rank: R.
        seed: What the adapters begin with.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in decoder.layers:
        attention = cast("nn.Module", layer.self_attn)
        for name in ADAPTED:
            setattr(attention, name, AdaptedLinear(cast("nn.Linear", getattr(attention, name)), rank, generator))
    return adapter_weights(decoder)


def adapter_weights(decoder: "LlamaModel") -> dict[str, nn.Parameter]:
    """The adapters' parameters, such as `layers.3.q_proj.down`."""
    found: dict[str, nn.Parameter] = {}
    for number, layer in enumerate(decoder.layers):
        for name in ADAPTED:
            adapted = getattr(layer.self_attn, name)
            if isinstance(adapted, AdaptedLinear):
                found[f"layers.{number}.{name}.down"] = adapted.down
                found[f"layers.{number}.{name}.up"] = adapted.up
    return found


def merged_weight(base: Tensor, adapter: Mapping[str, Tensor], layer: int, name: str) -> Tensor:
    """A map's weight `[O, I]` with its adapter added; the weight itself where there is none.

    Args:
        base: The weight `[O, I]`.
        adapter: Small matrices by name, as `adapter_weights` names them.
        layer: Whose map it is.
        name: Which one, of `ADAPTED`.
    """
    down, up = adapter.get(f"layers.{layer}.{name}.down"), adapter.get(f"layers.{layer}.{name}.up")
    if down is None or up is None:
        return base
    return base + SCALE * (up.to(base.dtype) @ down.to(base.dtype))
