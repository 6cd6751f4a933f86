"""Which maps are there, where does each come from, and what does each presume?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aetia.maps.asked import Asked, Grid
from aetia.maps.lens import arc, logit_lens, msea, tam, tam_filtered
from aetia.maps.names import parsed_map
from aetia.maps.reading import attention, attention_gradient, gradient_input, rollout
from aetia.maps.removal import occlusion, patch_ablation

__all__ = ["MAPS", "MapMethod", "draw_map", "draw_maps", "random_map"]


@dataclass(frozen=True)
class MapMethod:
    """A way to draw a map.

    Args:
        name: As a study names it.
        draw: From the answer to the map.
        citation: The paper to cite.
        assumes: What has to hold for the map to mean what it seems to; the trust test looks whether it does.
        draw_at: The same read at one layer, `name:layer`; None where a map has none.
    """

    name: str
    draw: Callable[[Asked], Grid]
    citation: str
    assumes: str
    draw_at: Callable[[Asked, int], Grid] | None = None


def random_map(asked: Asked) -> Grid:
    """A map that knows nothing: the control of every test."""
    key = [asked.seed, *asked.seen.digest.encode()[:8], *asked.prompt]
    return np.random.default_rng(key).random(asked.grid)


MAPS: dict[str, MapMethod] = {
    method.name: method
    for method in (
        MapMethod(
            "attention",
            attention,
            "Bahdanau, Cho and Bengio 2015",
            "what the last position attends to is what it uses, and a token holds what lies at its place",
            attention,
        ),
        MapMethod(
            "rollout",
            rollout,
            "Abnar and Zuidema 2020",
            "attention weights and residuals mix all that there is, each half; values and MLPs do nothing",
            rollout,
        ),
        MapMethod(
            "attention-gradient",
            attention_gradient,
            "Chefer, Gur and Wolf 2021",
            "the outcome is near linear in the attention weights",
        ),
        MapMethod(
            "gradient-input",
            gradient_input,
            "Shrikumar et al. 2016",
            "the outcome is near linear in the pixels, from the processor's zero on",
        ),
        MapMethod(
            "logit-lens",
            logit_lens,
            "nostalgebraist 2020",
            "image tokens decode into words, and the token that carries the evidence into the answer",
            logit_lens,
        ),
        MapMethod("tam", tam, "Li et al. 2025", "as logit-lens; and earlier words take away what is not the answer's"),
        MapMethod("tam-filtered", tam_filtered, "Li et al. 2025", "as tam; and the evidence covers several tokens"),
        MapMethod("msea", msea, "Liang et al. 2025", "as logit-lens; and other input sizes show the same evidence"),
        MapMethod("arc", arc, "Liang et al. 2025", "as msea; and positions that predict like words share their maps"),
        MapMethod(
            "occlusion",
            occlusion,
            "Zeiler and Fergus 2014",
            "no cell stands in for another; one rung of the pixel deletion test is this map itself",
        ),
        MapMethod(
            "patch-ablation",
            patch_ablation,
            "exact interventions",
            "a token holds what lies at its place, and no token stands in for another",
        ),
        MapMethod("random", random_map, "none", "nothing: it is the control, and must not be trusted"),
    )
}
"""Every map over the image tokens of a language model."""


def draw_map(asked: Asked, name: str) -> Grid:
    """The map of a name, on the grid of the picture's tokens.

    Raises:
        StudyError: AE-9606 if there is none; AE-9604 if the model lacks its layer; what the map itself cannot do.
    """
    plain, layer = parsed_map(name)
    method = MAPS[plain]
    if layer is None or method.draw_at is None:
        return method.draw(asked)
    return method.draw_at(asked, layer)


def draw_maps(asked: Asked, names: Sequence[str]) -> dict[str, Grid]:
    """The maps of several names; they share the plain run."""
    return {name: draw_map(asked, name) for name in names}
