"""What does a network compute whose every choice is still a probability, and what once the choices are made?

Its residual stream is a list of variables, each a distribution over at most D values: the token, the position, and
what heads and lookups write. A gate is a distribution over the variables that it may read. At a temperature, choices
are drawn from Gumbel-softmax distributions, through which gradients flow; hard, each is the likeliest one, every
variable has one value, and the network is a program of `aetia.truth`.

Letters: R restarts, B prompts, T positions, D values of a variable, N variables so far, H heads that copy,
C heads that count, M lookups, E neurons, V vocabulary.

Source: Friedman, Wettig, Chen, Learning Transformer Programs, NeurIPS 2023 (arXiv 2306.01128), sections 3.1 to 3.3;
seed 165. Here attention is causal, a position may attend to itself, position 0 is only read where nothing matches, a
count is at once a distribution over 0 .. D - 1, and every restart is a slice of the same tensors.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from aetia.learning.recipe import Recipe

__all__ = ["DiscreteLayer", "DiscreteTransformer", "Draw"]

_FLOOR = 1e-20  # a position that does not match, where a logarithm is taken


@dataclass(frozen=True, eq=False)
class Draw:
    """How choices are made.

    Args:
        temperature: Of the Gumbel-softmax; None makes every choice the likeliest one.
        generator: Where the Gumbel noise comes from.
    """

    temperature: float | None
    generator: torch.Generator | None = None

    def __call__(self, scores: Tensor) -> Tensor:
        """A distribution over the last axis of `scores`; hard, all of it lies on the largest score."""
        if self.temperature is None:
            return functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)
        noise = torch.empty_like(scores).exponential_(generator=self.generator).log()
        return torch.softmax((scores - noise) / self.temperature, -1)


class DiscreteLayer(nn.Module):
    """The heads and lookups of one layer, which read `variables` variables; R restarts side by side."""

    def __init__(self, recipe: Recipe, variables: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads, self.counters, self.lookups = recipe.heads, recipe.counters, recipe.lookups
        restarts, asking, hidden = recipe.restarts, recipe.heads + recipe.counters, recipe.hidden

        def normal(*shape: int, variance: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(restarts, *shape, generator=generator) * variance**0.5)

        self.query = normal(asking, variables, variance=1 / variables)
        self.key = normal(asking, variables, variance=1 / variables)
        self.value = normal(recipe.heads, variables, variance=1 / variables)
        self.predicate = normal(asking, width, width, variance=1 / width)
        readable = variables + recipe.heads
        self.inputs = normal(recipe.lookups, 2, readable, variance=1 / readable)
        self.into = normal(recipe.lookups, 2 * width, hidden, variance=1 / hidden)
        self.into_bias = nn.Parameter(torch.zeros(restarts, recipe.lookups, 1, hidden))
        self.out = normal(recipe.lookups, hidden, width, variance=1 / width)
        self.out_bias = nn.Parameter(torch.zeros(restarts, recipe.lookups, 1, width))

    def forward(self, variables: Tensor, candidates: Tensor, nearness: Tensor, draw: Draw) -> Tensor:
        """The variables `[R, N, B, T, D]` and those that the layer writes: of heads, of lookups, and counts.

        Args:
            variables: What the heads read.
            candidates: `[T, T]`: 1 where the second position may match for the first.
            nearness: `[T, T]`: larger for the nearer position.
            draw: How choices are made.
        """
        restarts, _, prompts, positions, width = variables.shape
        asked = torch.matmul(_read(draw(self.query), variables).flatten(2, 3), draw(self.predicate))
        asked = asked.view(restarts, -1, prompts, positions, width)
        keys = _read(draw(self.key), variables)
        found = torch.matmul(asked, keys.transpose(-1, -2)) * candidates  # (R, H + C, B, T, T)
        attention = self._attention(found[:, : self.heads], nearness, draw, width**0.5)
        copied = torch.matmul(attention, _read(draw(self.value), variables))
        seen = torch.cat([variables, copied], 1)
        pairs = _read(draw(self.inputs).flatten(1, 2), seen).view(restarts, self.lookups, 2, -1, width)
        written = draw(self.table(pairs.transpose(2, 3).flatten(3)))
        new = [seen, written.view(restarts, self.lookups, prompts, positions, width)]
        if self.counters:
            values = torch.arange(width, dtype=variables.dtype)
            counts = found[:, self.heads :].sum(-1, keepdim=True)
            # A count between two integers is shared out between them, so that gradients reach the heads.
            new.append(torch.relu(1 - (counts - values).abs()))
        return torch.cat(new, 1)

    def table(self, pairs: Tensor) -> Tensor:
        """How much each output value is called for, `[R, M, P, D]`, by P pairs of input values `[R, M, P, 2 D]`."""
        neurons = torch.relu(torch.matmul(pairs, self.into) + self.into_bias)
        return torch.log_softmax(torch.matmul(neurons, self.out) + self.out_bias, -1)

    @staticmethod
    def _attention(found: Tensor, nearness: Tensor, draw: Draw, softness: float) -> Tensor:
        """Whom each position reads: the nearest match, and position 0 if there is none. `[R, H, B, T, T]`."""
        total = found.sum(-1)
        is_lost = torch.relu(1 - total / (total + 1e-10))
        found = torch.cat([is_lost.unsqueeze(-1), found[..., 1:]], -1)
        return draw(((found + _FLOOR).log() + nearness) / softness)


class DiscreteTransformer(nn.Module):
    """A transformer whose choices can be made: R of them, from different random weights, side by side.

    Args:
        recipe: Its size.
        vocabulary: V.
        length: The longest prompt, T.
        generator: Where the weights are drawn from.
    """

    candidates: Tensor
    nearness: Tensor

    def __init__(self, recipe: Recipe, vocabulary: int, length: int, generator: torch.Generator) -> None:
        super().__init__()
        self.recipe, self.vocabulary, self.length = recipe, vocabulary, length
        self.width = max(vocabulary, length)
        layers, variables = [], 2
        for _ in range(recipe.layers):
            layers.append(DiscreteLayer(recipe, variables, self.width, generator))
            variables += recipe.heads + recipe.lookups + recipe.counters
        self.layers = nn.ModuleList(layers)
        readout = torch.randn(recipe.restarts, variables, self.width, vocabulary, generator=generator)
        self.readout = nn.Parameter(readout * vocabulary**-0.5)
        place = torch.arange(length)
        distance = place[:, None] - place[None]
        self.register_buffer("candidates", ((distance >= 0) & (place[None] > 0)).float())
        # The steps of nearness lie far below a match and far above rounding; the future is out of reach.
        self.register_buffer("nearness", (-distance.float() / length).masked_fill(distance < 0, -1e9))

    def variables(self, tokens: Tensor, draw: Draw) -> Tensor:
        """Every variable after the last layer, `[R, N, B, T, D]`, of prompts `[B, T]`."""
        prompts, length = tokens.shape
        dtype = self.readout.dtype
        places = torch.eye(length, self.width, dtype=dtype).expand(prompts, -1, -1)
        first = torch.stack([functional.one_hot(tokens, self.width).to(dtype), places])
        stream = first.expand(self.recipe.restarts, -1, -1, -1, -1)
        candidates, nearness = self.candidates[:length, :length], self.nearness[:length, :length]
        for layer in self.layers:
            stream = layer(stream, candidates, nearness, draw)
        return stream

    def logits(self, variables: Tensor) -> Tensor:
        """The logits `[R, ..., V]` of variables `[R, N, ..., D]`."""
        return torch.einsum("rn...d,rndv->r...v", variables, self.readout)

    def forward(self, tokens: Tensor, draw: Draw) -> Tensor:
        """The logits `[R, B, T, V]` of prompts `[B, T]`."""
        return self.logits(self.variables(tokens, draw))


def _read(gates: Tensor, variables: Tensor) -> Tensor:
    """What gates `[R, G, N]` let through of variables `[R, N, B, T, D]`: `[R, G, B, T, D]`."""
    return torch.matmul(gates, variables.flatten(2)).unflatten(2, variables.shape[2:])
