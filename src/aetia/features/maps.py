"""Through which map from a site's value to a variable is the variable interchanged? Three classes, each richer.

A map is a bijection of the site's value; k of its coordinates are the variable. An interchange takes these from the
source run, the others from the base run, and goes back. The richer the class, the less an interchange shows.

Letters: N interchanges, w width of the site, k coordinates of the variable.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from aetia.errors import StudyError
from aetia.features.directions import batch
from aetia.features.interchange import Bundle, margins
from aetia.models.network import Network
from aetia.models.sites import Site

__all__ = ["AlignmentMap", "Coordinates", "MapClass", "Reversible", "Rotation", "fit", "parse_map"]

_ROUNDS = 8  # in which greedy coordinates are chosen
_KNOWN = re.compile(r"identity|rotation|reversible(?::(?P<blocks>\d+)x(?P<width>\d+))?")


class AlignmentMap(nn.Module):
    """A bijection of a site's values, some of whose coordinates are the variable."""

    @abstractmethod
    def interchange(self, base: Tensor, source: Tensor) -> Tensor:
        """The base values `[N, w]` with the variable's coordinates of the source values `[N, w]`."""


class Coordinates(AlignmentMap):
    """The identity: the variable is a set of the site's own coordinates.

    Args:
        chosen: Which ones, boolean `[w]`.
    """

    def __init__(self, chosen: Tensor) -> None:
        super().__init__()
        self.register_buffer("chosen", chosen)

    def interchange(self, base: Tensor, source: Tensor) -> Tensor:
        """The chosen coordinates from the source."""
        return torch.where(self.get_buffer("chosen"), source, base)


class Rotation(AlignmentMap):
    """An orthogonal map: the variable is a subspace. Only its k columns matter to an interchange.

    Args:
        free: Any matrix `[w, k]`; QR makes its columns orthonormal.
    """

    def __init__(self, free: Tensor) -> None:
        super().__init__()
        self.free = nn.Parameter(free)

    def interchange(self, base: Tensor, source: Tensor) -> Tensor:
        """The subspace's part from the source."""
        basis = torch.linalg.qr(self.free).Q
        return base + (source - base) @ basis @ basis.T


class Reversible(AlignmentMap):
    """A reversible network: additive coupling blocks, whose inverse is exact; the variable is the first k coordinates.

    Each block is y1 = x1 + F(x2), y2 = x2 + G(y1), with F and G of one hidden layer. It starts as the identity on
    standardised coordinates in a random order, which both inverses undo.

    Args:
        sample: Values `[N, w]` whose mean and spread standardise the coordinates.
        dimensions: k.
        blocks: How many coupling blocks.
        hidden: Units of the hidden layer of F and of G.
        generator: Of the first weights.

    Source: Gomez et al. 2017, The Reversible Residual Network; Sutter et al. 2025 (arXiv 2507.08802), seed 081.
    """

    def __init__(self, sample: Tensor, dimensions: int, blocks: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        width = sample.shape[1]
        self.dimensions, self.middle = dimensions, width // 2
        spread = sample.std(0, correction=0)
        self.register_buffer("mean", sample.mean(0))
        self.register_buffer("scale", torch.where(spread > 0, spread, torch.ones_like(spread)))
        self.register_buffer("order", torch.randperm(width, generator=generator).to(sample.device))
        self.register_buffer("back", torch.argsort(self.get_buffer("order")))
        sizes = (width - self.middle, self.middle)
        self.first = nn.ModuleList(_coupling(sizes[0], sizes[1], hidden, generator) for _ in range(blocks))
        self.second = nn.ModuleList(_coupling(sizes[1], sizes[0], hidden, generator) for _ in range(blocks))
        self.to(sample.device)

    def forward(self, value: Tensor) -> Tensor:
        """The coordinates `[N, w]` of values `[N, w]`."""
        standard = ((value - self.get_buffer("mean")) / self.get_buffer("scale"))[:, self.get_buffer("order")]
        one, two = standard[:, : self.middle], standard[:, self.middle :]
        for first, second in zip(self.first, self.second, strict=True):
            one = one + first(two)
            two = two + second(one)
        return torch.cat([one, two], dim=1)

    def inverse(self, coordinates: Tensor) -> Tensor:
        """The values `[N, w]` of coordinates `[N, w]`."""
        one, two = coordinates[:, : self.middle], coordinates[:, self.middle :]
        for first, second in zip(reversed(self.first), reversed(self.second), strict=True):
            two = two - second(one)
            one = one - first(two)
        standard = torch.cat([one, two], dim=1)[:, self.get_buffer("back")]
        return standard * self.get_buffer("scale") + self.get_buffer("mean")

    def interchange(self, base: Tensor, source: Tensor) -> Tensor:
        """The first k coordinates from the source."""
        mixed = torch.cat([self(source)[:, : self.dimensions], self(base)[:, self.dimensions :]], dim=1)
        return self.inverse(mixed)


def _coupling(inputs: int, outputs: int, hidden: int, generator: torch.Generator) -> nn.Sequential:
    """One hidden layer, of which the second layer starts at zero: then the block is the identity."""
    first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
    with torch.no_grad():
        first.weight.copy_(torch.randn(hidden, inputs, generator=generator) * (2.0 / max(1, inputs)) ** 0.5)
        first.bias.zero_()
        second.weight.zero_()
        second.bias.zero_()
    return nn.Sequential(first, nn.ReLU(), second)


@dataclass(frozen=True)
class MapClass:
    """A class of maps: `identity`, `rotation`, or `reversible` with its size."""

    kind: str
    blocks: int = 0
    hidden: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.blocks}x{self.hidden}" if self.kind == "reversible" else self.kind


def parse_map(text: str) -> MapClass:
    """The class that `identity`, `rotation` or `reversible:4x64` (blocks x hidden units) names.

    Raises:
        StudyError: AE-1406 it names none.
    """
    match = _KNOWN.fullmatch(text)
    blocks, hidden = (int(match[name] or size) if match else 0 for name, size in (("blocks", 4), ("width", 64)))
    if match is None or not (blocks and hidden):
        mend = "use identity, rotation or reversible:BLOCKSxWIDTH, such as reversible:4x64."
        raise StudyError("AE-1406", f"There is no class of alignment maps {text!r}.", mend=mend)
    kind = text.split(":", maxsplit=1)[0]
    return MapClass(kind, blocks, hidden) if kind == "reversible" else MapClass(kind)


def fit(
    network: Network, site: Site, parts: Sequence[Bundle], one: MapClass, *, dimensions: int, steps: int, seed: int
) -> AlignmentMap:
    """The map of a class under whose interchanges the expected tokens win by most.

    Args:
        network: The network, frozen.
        site: The site.
        parts: The interchanges to learn from.
        one: The class of maps.
        dimensions: k, how many coordinates the variable has.
        steps: Steps of Adam (rotation, reversible), on at most 64 interchanges each.
        seed: Of the first guess and of the batches.

    Source: Geiger et al. 2024 (arXiv 2303.02536) for rotations; Sutter et al. 2025 (arXiv 2507.08802), seed 081.
    """
    generator = torch.Generator().manual_seed(seed)
    width = parts[0].base.shape[1]
    if one.kind == "identity":
        return _greedy(network, site, parts, dimensions)
    if one.kind == "rotation":
        found: AlignmentMap = Rotation(torch.randn(width, dimensions, generator=generator).to(network.device))
        rate = 0.03
    else:
        sample = torch.cat([values for part in parts for values in (part.base, part.source)])
        found, rate = Reversible(sample, dimensions, one.blocks, one.hidden, generator), 0.003
    optimiser = torch.optim.Adam(found.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _decay(steps))
    with torch.enable_grad():
        for step in range(steps):
            part = batch(parts, step, generator)
            loss = softplus(-margins(network, site, part, found.interchange(part.base, part.source))).mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(found.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return found.requires_grad_(requires_grad=False)


def _decay(steps: int) -> Callable[[int], float]:
    """Full steps for the first half, then linearly down to a twentieth."""
    return lambda step: min(1.0, max(0.05, 2.0 * (1.0 - step / max(1, steps))))


def _greedy(network: Network, site: Site, parts: Sequence[Bundle], dimensions: int) -> Coordinates:
    """Coordinates chosen in rounds, in each those whose exchange would lower the loss by most to first order."""
    width = parts[0].base.shape[1]
    chosen = torch.zeros(width, dtype=torch.bool, device=network.device)
    for end in [round(dimensions * (n + 1) / _ROUNDS) for n in range(_ROUNDS)]:
        count = end - int(chosen.sum())
        if not count:
            continue
        gain = torch.zeros(width, device=network.device)
        for part in parts:
            values = torch.where(chosen, part.source, part.base).requires_grad_()
            with torch.enable_grad():
                loss = softplus(-margins(network, site, part, values)).sum()
            (slope,) = torch.autograd.grad(loss, values)
            gain -= (slope * (part.source - part.base)).sum(0)
        chosen[gain.masked_fill(chosen, -torch.inf).topk(count).indices] = True
    return Coordinates(chosen)
