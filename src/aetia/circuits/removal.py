"""What would attention make of its input if the relevant part were not in it?

The model's own attention answers that: it reads the irrelevant parts, rotates, norms and masks as it does, and the
queries, keys and values that should see everything are put back just before they meet.

Letters: n decompositions, T positions, S positions from the first deviation on, H heads, d head width, D width.
"""

import inspect
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

import torch
from torch import Tensor

from aetia.models.attention import AttentionCall, handled_attention, own_attention
from aetia.models.network import Network
from aetia.models.packing import Stop

__all__ = ["attend_without", "attention_arguments"]

Arguments = dict[str, object]


@torch.inference_mode()
def attention_arguments(network: Network, ids: Sequence[int]) -> tuple[Arguments, ...]:
    """What the model hands to each attention module in a run of `ids`, besides the hidden states."""
    found: dict[int, Arguments] = {}

    def keep(module: torch.nn.Module, positional: tuple[object, ...], named: dict[str, object]) -> None:
        bound = inspect.signature(module.forward).bind(*positional, **named).arguments
        extra = bound.pop("kwargs", {})
        bound.pop("hidden_states")
        found[network.attentions[module]] = {**bound, **extra}

    with ExitStack() as stack:
        for module in network.attentions:
            stack.callback(module.register_forward_pre_hook(keep, with_kwargs=True).remove)
        network.module(torch.as_tensor([list(ids)], device=network.device), logits_to_keep=1, use_cache=False)
    return tuple(found[layer] for layer in sorted(found))


def attend_without(
    network: Network,
    layer: int,
    hidden: Tensor,
    part: Tensor,
    ways: Sequence[tuple[str, int]],
    arguments: Arguments,
) -> Tensor:
    """What the relevant parts change in the heads' outputs, `[n, S, H, d]`.

    Args:
        network: The network.
        layer: The block.
        hidden: The attention's input in the real run, `[T, D]`.
        part: Its relevant parts at the last S positions, `[n, S, D]`.
        ways: For each of them the port and head through which alone it counts, as `("q", 3)`; port "" for all.
        arguments: What else the attention module is given, from `attention_arguments`.
    """
    length = part.shape[1]
    without = hidden.expand(len(part), -1, -1).clone()
    without[:, -length:] -= part
    made: list[Tensor] = []

    def handler(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        """Keep the heads of the run as it is (row 0), and of it without each part where that part counts; then stop."""
        states = {"q": call.query, "k": call.key, "v": call.value}
        for port, state in states.items():
            whole = state[:1].expand_as(state).clone()
            for index, (way, head) in enumerate(ways, start=1):
                if way == "":
                    whole[index] = state[index]
                elif way == port:
                    whole[index, head] = state[index, head]
            states[port] = whole
        made.append(own_attention(replace(call, query=states["q"], key=states["k"], value=states["v"]))[0])
        raise Stop  # what the heads' outputs are mixed into is not asked

    module = next(module for module, at in network.attentions.items() if at == layer)
    with suppress(Stop), handled_attention(network.config, handler):
        module(hidden_states=torch.cat([hidden[None], without]), **arguments)
    z = made[0][:, -length:]  # (1 + n, S, H, d)
    return z[:1] - z[1:]
