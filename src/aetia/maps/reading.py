"""What do attention and gradients say of a picture's tokens? Maps that are read off one run.

Letters: n image tokens, T positions, L layers, H heads.
"""

from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor

from aetia.errors import StudyError
from aetia.maps.asked import Asked, Grid
from aetia.models.hooks import gradients
from aetia.models.sites import Site

__all__ = ["attention", "attention_gradient", "gradient_input", "log_odds", "rolled", "rollout"]


def attention(asked: Asked, layer: int | None = None) -> Grid:
    """How much the position that answers attends to each image token, averaged over heads.

    Args:
        asked: The answer.
        layer: One layer; by default the average of all. Which layer to look at is a choice that has to be made before
            the truth is known: the layer that points best is known only afterwards.

    Raises:
        StudyError: AE-9604 if there is no such layer.

    What it does not show: a value that is attended to need not be used; sinks draw attention and carry nothing.
    """
    weights = asked.weights.mean(1)[:, -1, list(asked.places)]  # (L, n)
    return asked.on_grid(weights.mean(0) if layer is None else weights[checked_layer(asked, layer)])


def rollout(asked: Asked, layer: int | None = None) -> Grid:
    """How much of the answering position would come from each image token, if attention mixed and nothing else did.

    Args:
        asked: The answer.
        layer: The last layer that is followed; by default the last of all.

    Raises:
        StudyError: AE-9604 if there is no such layer.

    Source: Abnar and Zuidema 2020, Quantifying Attention Flow in Transformers (arXiv 2005.00928), section 3.
    """
    stop = len(asked.weights) if layer is None else checked_layer(asked, layer) + 1
    return asked.on_grid(rolled(asked.weights[:stop].mean(1))[-1, list(asked.places)])


def rolled(weights: Tensor) -> Tensor:
    """The product of half attention, half identity over the layers of `weights` `[L, T, T]`; its rows sum to 1."""
    identity = torch.eye(weights.shape[-1], device=weights.device)
    product = identity
    for layer in weights:
        product = (layer + identity) / 2 @ product
    return product


def attention_gradient(asked: Asked) -> Grid:
    """Attention from the answering position times the slope of the answer's log-odds on it, where positive.

    Averaged over heads, summed over layers.

    Source: Chefer, Gur and Wolf 2021, Transformer Interpretability Beyond Attention Visualization (arXiv 2012.09838):
    their relevance of attention weights, summed in place of rolled out.
    """
    sites = [Site("pattern", layer, position=len(asked.prompt) - 1) for layer in range(len(asked.network.blocks))]
    found = gradients(asked.network, asked.whole, partial(log_odds, asked), sites)
    total = torch.stack([(value * slope).float().clamp_min(0)[0].mean(0) for value, slope in found.values()]).sum(0)
    return asked.on_grid(total[list(asked.places)])


def gradient_input(asked: Asked) -> Grid:
    """The size of each pixel's slope times its value, summed over the pixels of each token's cell.

    A pixel counts from the processor's zero, which is the middle of its range: a black pixel is far from it, and a grey
    one has no say. The slope is that of the answer's log-odds: see `log_odds`.

    Raises:
        StudyError: AE-9605 if the model is not given pixels as `[1, 3, height, width]`.

    Source: Shrikumar et al. 2016, Not Just a Black Box (arXiv 1605.01713).
    """
    network = asked.network
    inputs = network.inputs([asked.whole])
    pixels = inputs.get("pixel_values")
    if pixels is None or pixels.dim() != 4 or len(asked.prompt.pictures) != len(pixels):
        shape = None if pixels is None else list(pixels.shape)
        found = f"gradient-input needs pixels [pictures, 3, height, width]; this model is given {shape}."
        raise StudyError("AE-9605", found, mend="leave that map out; occlusion asks the same of any model.")
    pixels = pixels.detach().clone().requires_grad_()
    with torch.enable_grad():
        read = network.module(**{**inputs, "pixel_values": pixels}, use_cache=False).logits[0]
        (slope,) = torch.autograd.grad(log_odds(asked, read), pixels)
    size = (slope * pixels).detach().float()[asked.picture].sum(0).abs()
    rows, columns = asked.grid
    cells = F.adaptive_avg_pool2d(size[None], (rows, columns))[0]
    return asked.on_grid(cells.flatten())


def checked_layer(asked: Asked, layer: int) -> int:
    """The layer; StudyError AE-9604 if the model has none of that number."""
    layers = len(asked.network.blocks)
    if not 0 <= layer < layers:
        found = f"A map asks for layer {layer}, and the model has {layers}."
        raise StudyError("AE-9604", found, mend=f"use a layer from 0 to {layers - 1}.")
    return layer


def log_odds(asked: Asked, logits: Tensor) -> Tensor:
    """The log-odds of the answer, summed over its tokens: what gradients are taken of, in nats.

    A probability near 1, and its logarithm too, hardly change with anything; the slopes of the log-odds stay as they
    are however sure the answer is.

    Args:
        asked: The answer.
        logits: `[T, V]`, of the prompt and what goes before the answer's last token.
    """
    rows = logits[-len(asked.answer) :].float()
    index = torch.tensor(asked.answer, device=rows.device)[:, None]
    others = rows.scatter(1, index, -torch.inf).logsumexp(-1)
    return (rows.gather(1, index)[:, 0] - others).sum()
