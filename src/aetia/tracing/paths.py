"""Which direct path carries an effect: from a sender to a receiver, everything between them held at its base value."""

from collections.abc import Sequence

from torch import Tensor

from aetia.errors import SiteError
from aetia.models.interventions import Intervention, Set
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.planner import Cell
from aetia.models.recording import Recording
from aetia.models.sites import Site
from aetia.models.wavefront import run_planned

__all__ = ["path_effects", "sender_sites"]

_RECEIVERS = ("q", "k", "v", "mlp_post", "resid_pre", "resid_mid")


def sender_sites(network: Network, senders: Sequence[str]) -> list[Site]:
    """The senders named, or every head's output at all positions.

    Raises:
        SiteError: If one is not in the model.
    """
    if not senders:
        return [Site("z", layer, head) for layer in range(len(network.blocks)) for head in range(network.heads.query)]
    sites = [Site.parse(text) for text in senders]
    for site in sites:
        network.check_site(site)
    return sites


def path_effects(
    network: Network,
    base: Recording,
    source: Recording,
    outcome: Outcome,
    senders: Sequence[Site],
    receivers: Sequence[Site],
    *,
    through_mlps: bool,
    memory: int,
) -> Tensor:
    """The outcome of each sender's path patch, `[senders]`; without receivers, of its direct path to the output.

    First run, for each sender: it takes its source value while every later head (and, unless `through_mlps`, every
    later MLP) keeps its base value; what the receivers then read is kept. Second run: the receivers take that.

    Args:
        network: The network.
        base: The run that is patched, with `z` and `mlp_out` recorded in all layers.
        source: The run that senders' values come from, with their components recorded.
        outcome: What is read.
        senders: Where paths begin.
        receivers: Where they end: queries, keys, values, neurons or residuals of later layers.
        through_mlps: Whether MLPs in between may react.
        memory: Bytes above the loaded model.

    Raises:
        SiteError: If a site cannot be a receiver.

    Source: Wang et al. 2022, IOI (arXiv 2211.00593); Goldowsky-Dill et al. 2023 (arXiv 2304.05969).
    """
    for site in receivers:
        network.check_site(site)
        if site.component not in _RECEIVERS:
            raise SiteError("AE-3121", f"{site} cannot receive a path.", mend=f"use one of {', '.join(_RECEIVERS)}.")
    frozen = [_sent(network, base, source, site, through_mlps) for site in senders]
    if not receivers:
        return run_planned(network, [base], [Cell(done) for done in frozen], [outcome], memory=memory).values
    first = [
        Cell(done, captures=tuple(site for site in receivers if (site.layer or 0) > (sender.layer or 0)))
        for sender, done in zip(senders, frozen, strict=True)
    ]
    reached = run_planned(network, [base], first, [outcome], memory=memory).captured
    second = [
        Cell(tuple(Intervention(site, Set(value)) for site, value in reached.get(index, {}).items()))
        for index in range(len(senders))
    ]
    return run_planned(network, [base], second, [outcome], memory=memory).values


def _sent(
    network: Network, base: Recording, source: Recording, sender: Site, through_mlps: bool
) -> tuple[Intervention, ...]:
    """The sender at its source value, everything behind it that could mediate at its base value."""
    start = sender.layer or 0
    heads_from = start if sender.component == "resid_pre" else start + 1
    mlps_from = start + 1 if sender.component in ("mlp_post", "mlp_out", "resid_post") else start
    layers = range(len(network.blocks))
    held = [Site("z", layer) for layer in layers if layer >= heads_from]
    if not through_mlps:
        held += [Site("mlp_out", layer) for layer in layers if layer >= mlps_from]
    positions = range(base.length)
    frozen = [Intervention(site, Set(base.at(site, positions))) for site in held]
    return (Intervention(sender, Set(source.at(sender, sender.positions(base.length)))), *frozen)
