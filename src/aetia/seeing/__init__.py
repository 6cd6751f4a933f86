"""Vision-language models that aetia trains: small, shipped with the package, and made again from a seed.

Names are imported when they are first used: what they need is torch.
"""

from typing import TYPE_CHECKING

from aetia.lazy import names_from

if TYPE_CHECKING:
    from aetia.seeing.judging import judge
    from aetia.seeing.recipe import Progress, Recipe
    from aetia.seeing.scores import Score
    from aetia.seeing.shipping import shipped_toy, write_toy
    from aetia.seeing.tokens import VOCABULARY
    from aetia.seeing.toy import Trained, train_toy

__all__ = [
    "VOCABULARY",
    "Progress",
    "Recipe",
    "Score",
    "Trained",
    "judge",
    "shipped_toy",
    "train_toy",
    "write_toy",
]

_HOMES = {
    "judging": ("judge",),
    "recipe": ("Progress", "Recipe"),
    "scores": ("Score",),
    "shipping": ("shipped_toy", "write_toy"),
    "tokens": ("VOCABULARY",),
    "toy": ("Trained", "train_toy"),
}

__getattr__ = names_from(__name__, _HOMES)
