"""What the last position would say at each layer, and what each part writes towards the answer directly.

Letters: L layers, D width, H heads, d head width, k pairs.
"""

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.recording import Recording

__all__ = ["direct_attribution", "direct_components", "logit_lens"]

Part = tuple[str, int, int | None, list[float]]
"""Component, layer, head, and logits for each pair of an answer and a foil."""


def logit_lens(network: Network, run: Recording, outcome: Outcome) -> Tensor:
    """The outcome `[L, *outcome's shape]` read from the residual after each layer, as if it were the last.

    It goes through the final norm and the unembedding. The last one is the model's own outcome. Before it this shows
    what is linearly readable, not what later layers will make of it.

    Source: nostalgebraist 2020, interpreting GPT: the logit lens.
    """
    return outcome.read(network, run.resid_pre[1:, -outcome.positions :])


def direct_components(network: Network) -> list[tuple[str, int | None]]:
    """What a recording needs for `direct_attribution`."""
    return [(name, layer) for layer in range(len(network.blocks)) for name in ("z", "attn_out", "mlp_out")]


@torch.inference_mode()
def direct_attribution(network: Network, run: Recording, pairs: Sequence[tuple[int, int]]) -> list[Part]:
    """What each part writes directly into logit differences at the last position, the final norm's scale held.

    The parts `resid_pre` of layer 0, all `attn_out` and all `mlp_out` add up to the logit difference (up to the
    norm's and the unembedding's biases, which no part writes). Heads split attn_out where nothing stands between the
    output projection and the residual.

    Args:
        network: The network.
        run: With `direct_components` recorded.
        pairs: The answers and foils whose logits are compared, k of them.

    Source: Elhage et al. 2021, A mathematical framework for transformer circuits.
    """
    directions = _reading_directions(network, run.resid_pre[-1, -1], pairs)
    parts: list[Part] = [("resid_pre", 0, None, (run.resid_pre[0, -1].float() @ directions).tolist())]
    for layer in range(run.layers):
        parts += [
            (name, layer, None, (run.components[name, layer][-1].float() @ directions).tolist())
            for name in ("attn_out", "mlp_out")
        ]
        parts += [("z", layer, head, values) for head, values in _heads(network, run, layer, directions)]
    return parts


def _reading_directions(network: Network, last: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """The directions `[D, k]` of the residual that raise logit differences, with the norm's scale as it was here."""
    norm, weight = network.final_norm, network.unembedding.weight
    answers, foils = zip(*pairs, strict=True)
    difference = (weight[list(answers)].float() - weight[list(foils)].float()).T
    if isinstance(norm, nn.LayerNorm):
        gain, normed = norm.weight.float(), norm(last).float() - norm.bias.float()
        scale = gain * normed.norm() / ((last.float() - last.float().mean()) * gain).norm()
        directions = difference * scale[:, None]
        return directions - directions.mean(0)
    # An RMS norm leaves a vector of ones at its own gain, whatever its parametrisation.
    gain = norm(torch.ones_like(last)).float()
    return difference * (gain * norm(last).float().norm() / (last.float() * gain).norm())[:, None]


def _heads(network: Network, run: Recording, layer: int, directions: Tensor) -> Iterator[tuple[int, list[float]]]:
    if network.ports[layer]["attn_out"].module not in network.attentions:
        return  # a norm follows the output projection: heads do not add up
    mixer = network.ports[layer]["z"].module
    weight = cast("Tensor", mixer.weight).float()
    # Linear keeps [D, H*d]; GPT-2's Conv1D keeps the transpose.
    towards = weight.T @ directions if isinstance(mixer, nn.Linear) else weight @ directions  # (H*d, k)
    z = run.components["z", layer][-1].float()
    yield from enumerate(torch.einsum("hd,hdk->hk", z, towards.unflatten(0, z.shape)).tolist())
