"""How does a score change with what an encoder holds at its sites, and with the pixels it was given?

Letters: k outcomes, T positions, V vocabulary, D width, E width of what comes out.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.models.encoder_runs import batch_hooked, pixels_of
from aetia.models.encoders import Encoder
from aetia.models.hooks import gradients_of, read_rows
from aetia.models.interventions import Intervention
from aetia.models.network import Network
from aetia.models.pictures import Picture
from aetia.models.ports import listen
from aetia.models.prompts import Prompt
from aetia.models.sites import Site

__all__ = ["EncoderGradients", "PixelGradients", "encoder_gradients", "pixel_gradients"]

Place = tuple[str, int | None]


@dataclass(frozen=True, eq=False)
class EncoderGradients:
    """A score's value and slopes; of several scores `[k]`, every gradient has an axis `[k]` before its own.

    Args:
        value: The score.
        pixels: Prepared pixels and the gradient with respect to them, `[3, height, width]` both.
        sites: Value and gradient of each site, `[rows, ...]` both.
    """

    value: Tensor
    pixels: tuple[Tensor, Tensor]
    sites: dict[Site, tuple[Tensor, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PixelGradients:
    """A decoder's outcome and its slopes; of several outcomes `[k]`, every gradient has an axis `[k]` before its own.

    Args:
        value: The outcome.
        pixels: Pixels as the model takes them, and the gradient; `[n, 3, height, width]` both for LLaVA.
        embeddings: The image tokens' embeddings as the decoder reads them, and the gradient, `[tokens, D]` both.
    """

    value: Tensor
    pixels: tuple[Tensor, Tensor]
    embeddings: tuple[Tensor, Tensor]


def encoder_gradients(
    encoder: Encoder,
    picture: Picture | Tensor,
    read: Callable[[Tensor], Tensor],
    sites: Sequence[Site] = (),
    interventions: Sequence[Intervention] = (),
) -> EncoderGradients:
    """Value and gradient of a score with respect to each site, and to the pixels, from one run.

    Args:
        encoder: The encoder.
        picture: The picture, or what its processor made of it, `[1, 3, height, width]`.
        read: From what comes out of n runs, `[n, ...]`, to the score of each, `[n]`, or to several, `[n, k]`.
        sites: The sites; each gradient has its site's shape.
        interventions: What is done in the run that is differentiated.
    """
    for site in sites:
        encoder.check_site(site)
    places = dict.fromkeys((site.component, site.layer) for site in sites)
    kept: dict[Place, Tensor] = {}

    def keep(place: Place, tensor: Tensor) -> None:
        kept[place] = tensor

    watched = {
        layer: partial(keep, (component, layer))
        for component, layer in places
        if component == "pattern" and layer is not None
    }
    with torch.enable_grad(), ExitStack() as stack:
        pixels = pixels_of(encoder, picture).detach().clone().requires_grad_()
        grid = encoder.grid_of(pixels)
        edits = [(0, i) for i in interventions]
        stack.enter_context(batch_hooked(encoder, [grid], edits, (), watched=watched))
        for place in places:
            if place[0] != "pattern":
                stack.callback(listen(encoder.port(*place), partial(keep, place)).remove)
        value = read(encoder.output(pixels))[0]
        tensors = {("pixels", None): pixels, **kept}
        slopes = dict(zip(tensors, gradients_of(value.reshape(-1), list(tensors.values())), strict=True))
    found = {}
    for site in sites:
        place = (site.component, site.layer)
        rows = [_rows(encoder, site, grid, gradient) for gradient in slopes[place]]
        found[site] = (_rows(encoder, site, grid, kept[place].detach()), torch.stack(rows) if value.dim() else rows[0])
    by_pixel = slopes["pixels", None][:, 0]
    return EncoderGradients(value.detach(), (pixels.detach()[0], by_pixel if value.dim() else by_pixel[0]), found)


def _rows(encoder: Encoder, site: Site, grid: tuple[int, int], whole: Tensor) -> Tensor:
    """What a site names of a module's tensor, or of attention weights `[1, H, T, T]`."""
    if site.component == "pattern":
        rows = whole[0].transpose(0, 1)
        return read_rows(rows, site.rows(len(rows)), site)
    rows = encoder.port(site.component, site.layer).view(whole.contiguous())
    return read_rows(rows, encoder.rows(grid).of(site), site)


def pixel_gradients(network: Network, prompt: Prompt, outcome: Callable[[Tensor], Tensor]) -> PixelGradients:
    """Gradient of a decoder's outcome with respect to pixels, and to the image tokens' embeddings, from one run.

    A gradient says what an infinitely small change would do; what a change of a region does is asked by intervening.

    Args:
        network: A network that sees.
        prompt: Token ids with their pictures.
        outcome: From the logits `[T, V]` to a scalar, or several, in their own unit.

    Raises:
        StudyError: AE-9410 if the prompt has no pictures.
    """
    inputs = network.inputs([prompt])
    if network.vision is None or "pixel_values" not in inputs:
        raise StudyError(
            "AE-9410", "The prompt has no pictures.", mend="make it with network.prompt(question, [picture])."
        )
    image = [position for position, token in enumerate(prompt) if token == network.vision.image_token]
    kept: list[Tensor] = []
    with torch.enable_grad():
        pixels = inputs["pixel_values"].detach().clone().requires_grad_()
        handle = listen(network.port("embed", None), kept.append)
        try:
            logits = network.module(**{**inputs, "pixel_values": pixels}, use_cache=False).logits[0]
        finally:
            handle.remove()
        value = outcome(logits)
        by_pixel, by_embedding = gradients_of(value.reshape(-1), [pixels, kept[0]])
    by_token = by_embedding[:, 0, image]
    return PixelGradients(
        value.detach(),
        (pixels.detach(), by_pixel if value.dim() else by_pixel[0]),
        (kept[0].detach()[0, image], by_token if value.dim() else by_token[0]),
    )
