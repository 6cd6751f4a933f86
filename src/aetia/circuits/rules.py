"""How does an operation of a network pass on the part of its input that is relevant?

A value x is split as x = beta + gamma; beta is followed, gamma is what is left, so that the two always add up to x.
The rules are those of contextual decomposition for transformers (CD-T). Three readings of ours: a bias that neither
part can claim goes to gamma; a gated unit act(g) * u is one function of two inputs under the rule of activations, so
its cross terms belong to beta; a norm is linear at the scale that x itself gives it.

Letters: n decompositions, S positions, W width of the operation's input or output.
Source: Hsu et al. 2024, CD-T (arXiv 2407.00886); Singh et al. 2018, contextual decomposition (arXiv 1801.05453).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models.network import Network

__all__ = ["Parts", "Rules", "Units", "activation_rule", "gated_rule", "linear_rule", "norm_rule", "units_of"]

_TINY = 1e-8


@dataclass(frozen=True)
class Rules:
    """The choices that the method leaves open.

    Args:
        patterns: `decomposed` lets the irrelevant queries, keys and values attend among themselves, and what that
            changes is relevant; `frozen` keeps the attention weights of the real run, so that heads relay values
            only: half the price, blind to what acts through queries and keys.
        stabiliser: Whether, after each operation, a unit whose two parts have opposite signs belongs wholly to the
            larger one. It bounds the parts, and makes the parts of disjoint sources no longer add up.
    """

    patterns: Literal["decomposed", "frozen"] = "decomposed"
    stabiliser: bool = False


@dataclass(frozen=True, eq=False)
class Parts:
    """A value and what is relevant in it, n times: `whole` `[S, ...]` and `part` `[n, S, ...]`."""

    whole: Tensor
    part: Tensor

    @property
    def rest(self) -> Tensor:
        """The irrelevant parts, `[n, S, ...]`."""
        return self.whole - self.part

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(self.whole + other.whole, self.part + other.part)

    def settled(self, rules: Rules) -> "Parts":
        """The same with opposite signs removed, if the rules ask for it: the smaller part becomes 0."""
        if not rules.stabiliser:
            return self
        rest = self.rest
        larger = torch.where(self.part.abs() >= rest.abs(), self.whole, torch.zeros_like(self.whole))
        return Parts(self.whole, torch.where(self.part * rest < 0, larger, self.part))


def linear_rule(parts: Parts, module: nn.Module) -> Parts:
    """Beta through the weight, with the share |W beta| : |W gamma| of the bias."""
    weight = cast("Tensor", module.weight)
    bias = cast("Tensor | None", getattr(module, "bias", None))
    matrix = weight.T if isinstance(module, nn.Linear) else weight  # GPT-2's Conv1D keeps [in, out]
    whole, part = module(parts.whole), parts.part @ matrix
    if bias is not None:
        part = part + bias * _share(part, whole - bias - part)
    return Parts(whole, part)


def activation_rule(parts: Parts, function: Callable[[Tensor], Tensor]) -> Parts:
    """Gamma through the function by itself; all that beta changes on top of it is relevant."""
    whole = function(parts.whole)
    return Parts(whole, whole - function(parts.rest))


def gated_rule(gate: Parts, up: Parts, function: Callable[[Tensor], Tensor]) -> Parts:
    """The unit of the two gammas alone is irrelevant: beta' = act(g) u - act(gamma_g) gamma_u, cross terms included."""
    whole = function(gate.whole) * up.whole
    return Parts(whole, whole - function(gate.rest) * up.rest)


def norm_rule(parts: Parts, module: nn.Module) -> Parts:
    """Beta, centred by its own mean, over the scale of x; the bias is shared as |beta| : |gamma|.

    A root-mean-square norm neither centres nor has a bias.

    Raises:
        StudyError: AE-1350 if the module is neither of the two.
    """
    whole, part, bias = parts.whole, parts.part, None
    if isinstance(module, nn.LayerNorm):
        epsilon, bias = module.eps, module.bias
        variance = whole.var(-1, unbiased=False, keepdim=True)
        part = part - part.mean(-1, keepdim=True)
    elif type(module).__name__.endswith("RMSNorm"):
        epsilon = cast("float", getattr(module, "variance_epsilon", None) or getattr(module, "eps", None))
        variance = whole.float().square().mean(-1, keepdim=True)
    else:
        raise StudyError(
            "AE-1350",
            f"{type(module).__name__} is no norm that contextual decomposition has a rule for.",
            mend="use a model with layer norm or root-mean-square norm, or another circuit method.",
        )
    part = part * (torch.rsqrt(variance + epsilon) * cast("Tensor", module.weight)).to(part.dtype)
    if bias is not None:
        part = part + bias * _share(parts.part, parts.rest)
    return Parts(module(whole), part)


def _share(part: Tensor, rest: Tensor) -> Tensor:
    size = part.abs()
    return size / (size + rest.abs() + _TINY)


@dataclass(frozen=True)
class Units:
    """What makes an MLP's hidden units, as paths from the block.

    Args:
        hidden: The projections into them; gate and up, together twice as wide as the units, if they are gated.
        activation: The activation.
    """

    hidden: tuple[str, ...]
    activation: str


_UNITS = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), Units(("mlp.gate_proj", "mlp.up_proj"), "mlp.act_fn")),
    "phi3": Units(("mlp.gate_up_proj",), "mlp.activation_fn"),
    "gpt2": Units(("mlp.c_fc",), "mlp.act"),
    "gpt_neox": Units(("mlp.dense_h_to_4h",), "mlp.act"),
    "opt": Units(("fc1",), "activation_fn"),
}


def units_of(network: Network) -> Units:
    """What makes the hidden units of the network's MLPs.

    Raises:
        StudyError: AE-1351 if the rules are not written for this architecture.
    """
    kind = network.config.model_type
    if kind not in _UNITS:
        raise StudyError(
            "AE-1351",
            f"Contextual decomposition has no rules for {kind}.",
            details=(f"it has them for: {', '.join(sorted(_UNITS))}",),
            mend="use a model of one of these architectures, or another circuit method.",
        )
    return _UNITS[kind]
