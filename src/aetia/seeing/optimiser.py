"""How are weights changed? Matrices by Muon, all else by AdamW; both in float32, with a state that can be kept.

Muon makes each step of a matrix orthogonal, so that rare directions are learned as fast as frequent ones: on the toy
heads that look things up form in a fifth of the steps that AdamW needs.

Source: Jordan et al., Muon, 2024 (momentum 0.95, five iterations of Newton and Schulz); Loshchilov and Hutter,
Decoupled Weight Decay Regularization, ICLR 2019.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor
from torch.nn import Parameter

__all__ = ["Optimiser", "Rates", "orthogonal"]

_MOMENTUM = 0.95
_ITERATIONS = 5
_QUINTIC = (3.4445, -4.7750, 2.0315)  # pushes singular values from 0 to 1 to about 0.7 to 1.2
_BETAS = (0.9, 0.98)
_TINY = 1e-8
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Rates:
    """How fast weights are changed: rising at first, then falling as half a cosine.

    Args:
        steps: Of the stage.
        adam: AdamW's highest rate.
        muon: Muon's highest rate.
        decay: Of weights, a step, times AdamW's rate.
        warmup: Steps until the highest rate.
        last: The last step's share of the highest rate.
    """

    steps: int
    adam: float
    muon: float = 0.0
    decay: float = 0.02
    warmup: int = 40
    last: float = 0.02

    def share(self, step: int) -> float:
        """The share of the highest rate at a step from 0."""
        return min(1.0, (step + 1) / self.warmup) * (
            self.last + (1 - self.last) * 0.5 * (1 + cos(pi * step / self.steps))
        )


class Optimiser:
    """Changes weights by their gradients.

    Args:
        weights: By name; those in `matrices` by Muon.
        matrices: Names of matrices inside the network; embeddings and biases are none of them.
        rates: How fast.
    """

    def __init__(self, weights: Mapping[str, Parameter], matrices: Sequence[str], rates: Rates) -> None:
        self.rates = rates
        self._weights = dict(weights)
        self._matrices = tuple(matrices)
        rest = [name for name in weights if name not in set(matrices)]
        self._first = {name: torch.zeros_like(weight) for name, weight in self._weights.items()}
        self._second = {name: torch.zeros_like(self._weights[name]) for name in rest}

    def state(self) -> dict[str, Tensor]:
        """What the next step depends on, beside weights and the number of the step; the tensors are not copied."""
        first = {f"first/{name}": value for name, value in self._first.items()}
        return first | {f"second/{name}": value for name, value in self._second.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state that `state` has given."""
        for key, value in self.state().items():
            value.copy_(state[key])

    @torch.no_grad()
    def change(self, step: int) -> None:
        """Change the weights by their gradients, at a step from 0, and forget the gradients."""
        gradients = {name: weight.grad for name, weight in self._weights.items() if weight.grad is not None}
        torch.nn.utils.clip_grads_with_norm_(
            self._weights.values(), _LARGEST_GRADIENT, torch.nn.utils.get_total_norm(gradients.values())
        )
        share = self.rates.share(step)
        for name in self._second:
            if name in gradients:
                self._adam(name, gradients[name], step, self.rates.adam * share)
        by_shape: defaultdict[torch.Size, list[str]] = defaultdict(list)
        for name in self._matrices:
            by_shape[self._weights[name].shape].append(name)
        for names in by_shape.values():
            self._muon(names, torch.stack([gradients[name] for name in names]), share)
        for weight in self._weights.values():
            weight.grad = None

    def _adam(self, name: str, gradient: Tensor, step: int, rate: float) -> None:
        weight, first, second = self._weights[name], self._first[name], self._second[name]
        first.lerp_(gradient, 1 - _BETAS[0])
        second.lerp_(gradient.square(), 1 - _BETAS[1])
        scale = (second / (1 - _BETAS[1] ** (step + 1))).sqrt_().add_(_TINY)
        weight.mul_(1 - rate * self.rates.decay)
        weight.addcdiv_(first, scale, value=-rate / (1 - _BETAS[0] ** (step + 1)))

    def _muon(self, names: Sequence[str], gradients: Tensor, share: float) -> None:
        ahead = []
        for name, gradient in zip(names, gradients, strict=True):
            self._first[name].lerp_(gradient, 1 - _MOMENTUM)
            ahead.append(gradient.lerp(self._first[name], _MOMENTUM))  # Nesterov's
        changes = orthogonal(torch.stack(ahead))
        rows, columns = changes.shape[-2:]
        rate = self.rates.muon * share * max(1.0, rows / columns) ** 0.5
        for name, change in zip(names, changes, strict=True):
            weight = self._weights[name]
            weight.mul_(1 - self.rates.adam * share * self.rates.decay).add_(change, alpha=-rate)


def orthogonal(matrices: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrices, roughly: singular values of 0.7 to 1.2 instead of their own.

    Args:
        matrices: `[n, rows, columns]`.
    """
    found = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + _TINY)
    is_tall = found.shape[-2] > found.shape[-1]
    if is_tall:
        found = found.mT
    first, third, fifth = _QUINTIC
    for _ in range(_ITERATIONS):
        square = found @ found.mT
        found = first * found + (third * square + fifth * square @ square) @ found
    return found.mT if is_tall else found
