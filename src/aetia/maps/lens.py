"""Which image tokens, read as words, say the answer? Maps that presume that they decode into words at all.

Letters: n image tokens, J text tokens, T positions, D width, V vocabulary, R x C the grid.
"""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from PIL import Image
from torch import Tensor

from aetia.maps.asked import Asked, Grid, answered, asked, with_picture
from aetia.maps.overlap import cleaned, rank_biased_overlap, rank_gaussian
from aetia.maps.reading import checked_layer
from aetia.models.pictures import Picture

__all__ = ["SCALES", "activation_at_scales", "arc", "logit_lens", "msea", "scales_kept", "tam", "tam_filtered"]

SCALES = (1.0, 0.75, 1.25)
"""The sizes at which MSEA shows the model its picture; the sources read here do not give theirs."""

_LISTED = 50  # of the words that a position predicts, how many are compared

Floats = npt.NDArray[np.float64]


def logit_lens(asked: Asked, layer: int | None = None) -> Grid:
    """The answer's logit at each image token, read from the residual after a layer through norm and unembedding.

    Args:
        asked: The answer.
        layer: The layer; by default the last, where the logits are the model's own.

    Raises:
        StudyError: AE-9604 if there is no such layer.

    Source: nostalgebraist 2020 (logit lens); the raw activation of TAM is its positive part.
    """
    chosen = len(asked.network.blocks) - 1 if layer is None else checked_layer(asked, layer)
    return asked.on_grid(_lens(asked, chosen, asked.answer[:1])[list(asked.places), 0])


def tam(asked: Asked) -> Grid:
    """The token activation map: the logit-lens map less what the maps of earlier text tokens explain, unfiltered.

    Source: Li et al. 2025, Token Activation Map to Visually Explain Multimodal LLMs (arXiv 2506.23270); seed 016.
    """
    current, texts, earlier = _activations(asked)
    relevance = np.maximum(_logits(asked, asked.answer[:1])[texts, 0], 0.0)
    return asked.on_grid(cleaned(current, _without_repeats(asked, texts, relevance), earlier))


def tam_filtered(asked: Asked) -> Grid:
    """The token activation map as it is published, its rank Gaussian filter included: see `rank_gaussian` for its bias.

    Source: Li et al. 2025 (arXiv 2506.23270); seed 016.
    """
    return rank_gaussian(tam(asked))


def msea(asked: Asked) -> Grid:
    """The logit-lens map averaged over the input sizes `SCALES` at which the model's answer stays what it is.

    A model that resizes every picture to one size sees a smaller one blurred; the map at another size explains another
    run, which is why one that changes the answer is left out (`scales_kept` says which are left).

    Source: Liang et al. 2025 (arXiv 2509.22415), multi-scale explanation aggregation; seed 103. Its sizes and its
    interpolation are ours: none are given in what could be read.
    """
    return np.mean([grid for _, grid in activation_at_scales(asked)], axis=0)


def arc(asked: Asked) -> Grid:
    """The multi-scale map less the maps of earlier text tokens, each as relevant as the words that both predict agree.

    The relevance of a text token is the rank-biased overlap of its list of the most probable next words with the list
    of the position that answers.

    Source: Liang et al. 2025 (arXiv 2509.22415), activation ranking correlation; seed 103. The exact weighting is
    not in what could be read: here it takes the place of TAM's weights.
    """
    _, texts, earlier = _activations(asked)
    width = min(_LISTED, asked.network.unembedding.weight.shape[0])
    rows = [*texts, len(asked.prompt) - 1]
    top = asked.network.unembed(asked.run.resid_pre[-1, rows]).topk(width, dim=-1).indices.tolist()
    relevance = np.array([rank_biased_overlap(one, top[-1]) for one in top[:-1]])
    current = np.maximum(msea(asked), 0.0).ravel()
    return asked.on_grid(cleaned(current, _without_repeats(asked, texts, relevance), earlier))


def activation_at_scales(question: Asked, scales: tuple[float, ...] = SCALES) -> list[tuple[float, Grid]]:
    """The map of positive answer logits at each size of the picture that leaves the answer what it is, on one grid.

    Size 1 is the question itself, and always there.
    """
    own = answered(question.network, question.prompt)
    found: list[tuple[float, Grid]] = []
    for scale in scales:
        if scale == 1.0:
            found.append((scale, np.maximum(logit_lens(question), 0.0)))
            continue
        prompt = with_picture(question.network, question.prompt, _resized(question.seen, scale), question.picture)
        if answered(question.network, prompt) != own:
            continue
        other = asked(question.network, prompt, question.answer, picture=question.picture)
        grid = torch.from_numpy(np.maximum(logit_lens(other), 0.0))[None, None]
        if other.grid != question.grid:
            grid = F.interpolate(grid, question.grid, mode="bilinear", align_corners=False)
        found.append((scale, grid[0, 0].numpy()))
    return found


def scales_kept(asked: Asked) -> tuple[float, ...]:
    """The sizes of the picture that MSEA averages over: those that leave the answer what it is."""
    return tuple(scale for scale, _ in activation_at_scales(asked))


def _resized(picture: Picture, scale: float) -> Picture:
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    image = Image.fromarray(picture.pixels).resize(size, Image.Resampling.BICUBIC)
    return Picture(np.asarray(image), f"{picture.name} x {scale:g}")


@torch.inference_mode()
def _lens(asked: Asked, layer: int, tokens: tuple[int, ...]) -> Tensor:
    """Logits of tokens read after a layer at all positions, `[T, tokens]`."""
    rows = asked.run.resid_pre[layer + 1, : len(asked.prompt)]
    return asked.network.unembed(rows, torch.tensor(tokens, device=rows.device)).cpu()


def _logits(asked: Asked, tokens: tuple[int, ...]) -> Floats:
    """The model's own logits of tokens at all positions, `[T, tokens]`."""
    return _lens(asked, len(asked.network.blocks) - 1, tokens).double().numpy()


def _activations(asked: Asked) -> tuple[Floats, list[int], Floats]:
    """The answer's raw map `[n]`, the positions of the text tokens after the picture, and their raw maps `[J, n]`.

    Text before the picture cannot have read it.
    """
    texts = list(range(asked.places[-1] + 1, len(asked.prompt)))
    names = (asked.answer[0], *(asked.prompt[place] for place in texts))
    maps = np.maximum(_logits(asked, names)[list(asked.places)], 0.0).T
    return maps[0], texts, maps[1:]


def _without_repeats(asked: Asked, texts: list[int], relevance: Floats) -> Floats:
    """The relevance of text tokens, 0 for those that are the answer's own token: they would take the map away."""
    is_same = np.array([asked.prompt[place] == asked.answer[0] for place in texts], dtype=bool)
    return np.where(is_same, 0.0, relevance)
