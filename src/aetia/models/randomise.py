"""What would the same architecture do that has learned nothing?

The explicit alternative of most findings about a network: its weights drawn anew, tensor by tensor, with the moments
of the trained ones, so that whatever the method finds in it is owed to the architecture, the items and the search.
"""

import copy

import torch
from torch import Tensor

from aetia.models.network import Network

__all__ = ["randomised"]


@torch.no_grad()
def randomised(network: Network, seed: int) -> Network:
    """Return a copy of the network with randomised weights; the original is left as it is.

    Each matrix is drawn from the normal distribution with its own trained mean and standard deviation; each vector
    (norm weights, biases) is shuffled, which keeps all its moments. Tied weights stay tied; buffers, such as rotary
    frequencies, belong to the architecture and stay. The draw depends on the seed and the shapes only, not on the
    device.

    Args:
        network: The trained network.
        seed: Equal seeds give equal weights.

    Source: Adebayo et al. 2018, Sanity Checks for Saliency Maps; Meloux et al. 2025, The Dead Salmons of AI
    Interpretability (arXiv 2512.18792), seed 087.
    """
    module = copy.deepcopy(network.module)
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():  # gives a tied parameter once
        parameter.copy_(_redrawn(parameter, generator))
    return Network(module, network.tokenizer, None, network.processor)


def _redrawn(weights: Tensor, generator: torch.Generator) -> Tensor:
    if weights.dim() < 2:
        order = torch.randperm(weights.numel(), generator=generator)
        return weights.flatten()[order.to(weights.device)].view_as(weights)
    known = weights.float()
    drawn = torch.empty(weights.shape).normal_(generator=generator)
    return (drawn.to(weights.device) * known.std(correction=0) + known.mean()).to(weights.dtype)
