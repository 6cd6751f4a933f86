"""Gradient times difference: a first-order guess of every patch at the price of a few runs.

It picks candidates; it does not report. A saturated unit has no gradient, and softmaxes saturate, so queries and keys
are done through the attention weights themselves (AtP*). Its error against exact patching on a sample of cells is
part of the result.

Letters: j labels (the item's own answer and foil, and those of decoys), T positions, H heads, K key/value heads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from aetia.models.attention import AttentionCall, handled_attention, own_attention, weights_attention
from aetia.models.hooks import gradients
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.recording import Recording
from aetia.models.sites import Site
from aetia.tracing.places import Place

__all__ = ["attribute"]

_TOGETHER = 32  # labels whose gradients are held at a time


def attribute(
    network: Network, base: Recording, source: Recording, outcome: Outcome, places: Sequence[Place]
) -> list[list[float]]:
    """The estimated effect of patching each place from `source` into `base` under each label, in the outcome's unit.

    Args:
        network: The network.
        base: The run that would be patched; the gradient is taken there.
        source: The run that values would come from, with the places' components recorded.
        outcome: What is read; its decoys are further labels, whose gradients are taken in the same run.
        places: The places.

    Returns:
        For each place the effects on what is read, the item's own label first, `[j]`.

    Source: Nanda 2023, attribution patching; Kramar et al. 2024, AtP* (arXiv 2403.00745), for queries and keys.
    """
    names = {place.component for place in places}
    layers = {layer for place in places for layer in place.layers}
    sites = {Site(name, layer) for name in names - {"q", "k"} for layer in layers}
    if names & {"q", "k"}:
        sites |= {Site("pattern", layer) for layer in layers}

    attended = _attended(network, base, source) if names & {"q", "k"} else {}
    effects: list[list[float]] = [[] for _ in places]
    for begin in range(0, 1 + len(outcome.decoys), _TOGETHER):
        some = slice(begin, begin + _TOGETHER)

        def read(logits: Tensor, some: slice = some) -> Tensor:
            return outcome.from_logits(logits[None, -outcome.positions :]).reshape(-1)[some]

        found = gradients(network, base.ids, read, sorted(sites, key=str))
        linear: dict[Site, Tensor] = {}
        for site, (value, gradient) in found.items():
            if site.component in names:
                linear[site] = (source.at(site, range(base.length)) - value) * gradient
        with torch.no_grad():
            for place, effect in zip(places, effects, strict=True):
                parts = [_effect(place, layer, linear, found, attended) for layer in place.layers]
                effect.extend(torch.stack(parts).sum(0).tolist())
    return effects


def _effect(
    place: Place,
    layer: int,
    linear: dict[Site, Tensor],
    found: dict[Site, tuple[Tensor, Tensor]],
    attended: "dict[int, _Attended]",
) -> Tensor:
    """The effect of a place in one layer, `[j]`."""
    positions = list(place.positions)
    if place.component in ("q", "k"):
        assert place.head is not None
        weights, gradient = found[Site("pattern", layer)]
        new = attended[layer].with_patch(place.component, place.head, positions)
        return ((new - weights) * gradient).flatten(1).sum(1)
    part = linear[Site(place.component, layer)][:, positions]
    part = part if place.head is None else part[:, :, place.head]
    return (part if place.units is None else part[..., slice(*place.units)]).flatten(1).sum(1)


@dataclass(frozen=True, eq=False)
class _Attended:
    """One layer's attention calls in the two runs."""

    base: AttentionCall
    source: AttentionCall

    def with_patch(self, component: str, head: int, positions: list[int]) -> Tensor:
        """The base run's attention weights `[T, H, T]`, one head's queries or keys at `positions` from the source."""
        tensor = (self.base.query if component == "q" else self.base.key).clone()
        other = self.source.query if component == "q" else self.source.key
        tensor[:, head, positions] = other[:, head, positions]
        call = replace(self.base, query=tensor) if component == "q" else replace(self.base, key=tensor)
        return weights_attention(call)[1][0].transpose(0, 1)


@torch.no_grad()
def _attended(network: Network, base: Recording, source: Recording) -> dict[int, _Attended]:
    calls: list[dict[int, AttentionCall]] = []
    for run in (base, source):
        seen: dict[int, AttentionCall] = {}

        def keep(call: AttentionCall, seen: dict[int, AttentionCall] = seen) -> tuple[Tensor, Tensor | None]:
            seen[network.attentions[call.module]] = call
            return own_attention(call)

        with handled_attention(network.config, keep):
            network.module(torch.tensor([run.ids], device=network.device), logits_to_keep=1, use_cache=False)
        calls.append(seen)
    return {layer: _Attended(call, calls[1][layer]) for layer, call in calls[0].items()}
