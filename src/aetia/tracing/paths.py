"""Which direct path carries an effect: from a sender to a receiver, everything between them held at its base value."""

from collections.abc import Sequence

from torch import Tensor

from aetia.errors import SiteError
from aetia.models.interventions import Intervention, Set
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.planner import Cell
from aetia.models.recording import Recording, first_difference
from aetia.models.sites import COMPONENTS, Site
from aetia.models.wavefront import run_planned
from aetia.tracing.places import from_position

__all__ = ["check_receivers", "path_effects", "sender_sites"]

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


def check_receivers(receivers: Sequence[Site]) -> None:
    """Raises SiteError if one of the sites cannot be the end of a path."""
    for site in receivers:
        if site.component not in _RECEIVERS:
            raise SiteError("AE-3121", f"{site} cannot receive a path.", mend=f"use one of {', '.join(_RECEIVERS)}.")


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
        senders: Where paths begin, at positions in numbers.
        receivers: Where they end: queries, keys, values, neurons or residuals of later layers.
        through_mlps: Whether MLPs in between may react.
        memory: Bytes above the loaded model.

    Source: Wang et al. 2022, IOI (arXiv 2211.00593); Goldowsky-Dill et al. 2023 (arXiv 2304.05969).
    """
    start = first_difference(base, source)
    held = _Held(base, through_mlps, start)
    frozen = [_sent(source, site, held, start) for site in senders]
    if not receivers:
        return run_planned(network, [base], [Cell(done) for done in frozen], [outcome], memory=memory).values
    reading = [site for one in receivers if (site := from_position(one, one.positions(base.length), start)) is not None]
    first = [
        Cell(done, captures=tuple(site for site in reading if _order(site) > _order(sender)) if done else ())
        for sender, done in zip(senders, frozen, strict=True)
    ]
    reached = run_planned(network, [base], first, [outcome], memory=memory).captured
    second = [
        Cell(tuple(Intervention(site, Set(value)) for site, value in reached.get(index, {}).items()))
        for index in range(len(senders))
    ]
    return run_planned(network, [base], second, [outcome], memory=memory).values


def _order(site: Site) -> tuple[int, int]:
    """When in a run the site is computed."""
    return (-1 if site.layer is None else site.layer, COMPONENTS.index(site.component))


class _Held:
    """The interventions that hold heads and MLPs at their base values, made once and shared by all senders.

    Before position `start` base and source are equal: there nothing moves, and nothing has to be held.
    """

    def __init__(self, base: Recording, through_mlps: bool, start: int) -> None:
        names = ("z",) if through_mlps else ("z", "mlp_out")
        where = range(start, base.length)
        sites = [from_position(Site(name, layer), where, start) for layer in range(base.layers) for name in names]
        self.interventions = [Intervention(site, Set(base.at(site, where))) for site in sites if site is not None]

    def behind(self, sender: Site) -> tuple[Intervention, ...]:
        """What could mediate between the sender and what comes later."""
        # The other heads of the sender's own layer run beside it, not behind it.
        heads_from = sender.layer or 0 if sender.component in ("embed", "resid_pre") else (sender.layer or 0) + 1
        return tuple(
            i
            for i in self.interventions
            if ((i.site.layer or 0) >= heads_from and i.site.component == "z")
            or (i.site.component == "mlp_out" and _order(i.site) > _order(sender))
        )


def _sent(source: Recording, sender: Site, held: _Held, start: int) -> tuple[Intervention, ...]:
    """The sender at its source value, everything behind it that could mediate at its base value.

    Nothing at all where the sender's value is the base's own.
    """
    site = from_position(sender, sender.positions(source.length), start)
    if site is None:
        return ()
    return (Intervention(site, Set(source.at(site, site.positions(source.length)))), *held.behind(sender))
