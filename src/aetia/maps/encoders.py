"""Which patches does a picture encoder's score rest on, and is the map that says so better than random ones?

Letters: T positions, n patches, H heads, d head width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.maps.ranking import SHARES, ladder, random_orders, ranked
from aetia.maps.testing import better_than_controls
from aetia.models.encoder_gradients import encoder_gradients
from aetia.models.encoders import Encoder
from aetia.models.pictures import Picture
from aetia.models.sites import Site

__all__ = ["EncoderMap", "explain_encoder", "grad_eclip", "loosened"]

Score = Callable[[Tensor], Tensor]
"""From what comes out of n runs to the score of each, `[n]`, as `aetia.models.encoder_outcome` makes them."""

_PICTURES = 64


@dataclass(frozen=True, eq=False)
class EncoderMap:
    """A map of one picture with its test: an anecdote, as one picture always is.

    Args:
        grid: The map, on the encoder's patches, `[R, C]`.
        score: Of the picture as it is.
        deletion: How much further the score falls without the map's patches than without those of random maps.
        p: Of that against as many random maps as were drawn, one-sided.
    """

    grid: npt.NDArray[np.float64]
    score: float
    deletion: float
    p: float


def grad_eclip(
    encoder: Encoder, picture: Picture, score: Score, *, is_loosened: bool = True
) -> npt.NDArray[np.float64]:
    """Each patch's value in the last block along the score's slope at the class token, where positive, `[R, C]`.

    The sharp softmax is replaced by how alike the class token's query and each patch's key are (`loosened`), or, if not
    `is_loosened`, by 1. Slopes are those of the model's own forward, with all its heads; the published code runs the
    last block with one head in place of its many, and so explains another model.

    Args:
        encoder: An encoder with a class token: CLIP, ViT, DINOv2.
        picture: The picture.
        score: What is explained, such as `similarity(encoder, "a red circle")`.
        is_loosened: Whether patches are weighed by the likeness of query and key.

    Raises:
        StudyError: AE-9611 if the encoder has no class token.

    Source: Zhao et al. 2024, Gradient-based Visual Explanation for Transformer-based CLIP (ICML), eq. 8-10.
    """
    if not encoder.family.class_tokens:
        found = f"{encoder.config.model_type} has no class token, whose attention Grad-ECLIP explains."
        raise StudyError("AE-9611", found, mend="use CLIP, ViT or DINOv2, or occlusion.")
    layer = encoder.depth - 1
    sites = {name: Site(name, layer) for name in ("q", "k", "v", "z")}
    found = encoder_gradients(encoder, picture, score, tuple(sites.values())).sites
    slope = found[sites["z"]][1][0].float()  # (H, d), of the class token
    values = found[sites["v"]][0][encoder.prefix :].float()  # (n, H, d)
    parts = (values * slope).sum((1, 2))
    if is_loosened:
        query = found[sites["q"]][0][0].flatten().float()
        parts = parts * loosened(query, found[sites["k"]][0][encoder.prefix :].flatten(1).float())
    return parts.clamp_min(0).cpu().double().numpy().reshape(encoder.grid)


def loosened(query: Tensor, keys: Tensor) -> Tensor:
    """The cosines of a query `[D]` and keys `[n, D]`, from 0 for the least alike to 1 for the most; 1 if all are."""
    likeness = torch.cosine_similarity(query[None], keys, -1)
    span = likeness.max() - likeness.min()
    return torch.ones_like(likeness) if span == 0 else (likeness - likeness.min()) / span


def explain_encoder(
    encoder: Encoder,
    picture: Picture,
    score: Score,
    grid: npt.NDArray[np.float64] | None = None,
    *,
    draws: int = 99,
    seed: int = 0,
) -> EncoderMap:
    """A map of one picture with its deletion test: patches painted over with the picture's median colour.

    Args:
        encoder: The encoder.
        picture: The picture.
        score: What is explained.
        grid: A map on the encoder's patches; by default Grad-ECLIP's.
        draws: Random maps of equal area.
        seed: Of what is drawn at random.

    Raises:
        StudyError: AE-9611 if the encoder has no class token and no map is given; AE-9607 if a map has values that are
            not finite.
    """
    chosen = grad_eclip(encoder, picture, score) if grid is None else grid
    random = np.random.default_rng(seed)
    steps = ladder(chosen.size, SHARES)
    orders = [ranked(chosen, random), *random_orders(chosen.size, draws, random)]
    sets = dict.fromkeys(frozenset(order[:k]) for order in orders for k in steps)
    whole, *values = _scores(encoder, picture, score, [frozenset(), *sets])
    known = dict(zip(sets, values, strict=True))
    lost = [[whole - known[frozenset(order[:k])] for k in steps] for order in orders]
    falls = np.asarray(lost, dtype=np.float64).sum(axis=1) / len(steps)
    p = better_than_controls(falls[:1], falls[None, 1:], seed)
    return EncoderMap(chosen, whole, float(falls[0] - falls[1:].mean()), p)


@torch.inference_mode()
def _scores(encoder: Encoder, picture: Picture, score: Score, sets: Sequence[frozenset[int]]) -> list[float]:
    """The score without each set of patches."""
    pixels = encoder.pixels([picture])
    colour = pixels[0].float().flatten(1).median(1).values.to(pixels.dtype)[:, None, None]
    down, right = pixels.shape[-2] // encoder.grid[0], pixels.shape[-1] // encoder.grid[1]
    found: list[float] = []
    for start in range(0, len(sets), _PICTURES):
        part = sets[start : start + _PICTURES]
        shown = pixels.repeat(len(part), 1, 1, 1)
        for one, cells in zip(shown, part, strict=True):
            for cell in cells:
                row, column = divmod(cell, encoder.grid[1])
                one[:, row * down : (row + 1) * down, column * right : (column + 1) * right] = colour
        found += score(encoder.output(shown)).tolist()
    return found
