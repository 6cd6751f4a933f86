"""What becomes of the answer when a site takes a value from elsewhere? For many prompts at once, differentiably.

Letters: N interchanges, T positions, w width of the site (all its heads and units laid out in one row), V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from aetia.errors import SiteError, StudyError
from aetia.models.network import Network
from aetia.models.ports import listen
from aetia.models.sites import Site

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["Bundle", "Interchange", "as_interchanges", "bundles", "margins", "one_position", "site_width"]

_PROMPTS = 64  # that go through the network together


@dataclass(frozen=True)
class Interchange:
    """A base run whose site takes the source run's value, and the answer that this should give.

    Args:
        item: The id of the contrast that it comes from.
        base_ids: The tokens of the run that is intervened upon, length T.
        source_ids: The tokens of the run that the value comes from, length T.
        position: The site's position in both.
        expected: The token that should win if the site carries what is asked about.
        other: The token that should lose.
    """

    item: str
    base_ids: tuple[int, ...]
    source_ids: tuple[int, ...]
    position: int
    expected: int
    other: int


@dataclass(frozen=True, eq=False)
class Bundle:
    """Interchanges of prompts of one length, with what the site holds in both runs of each.

    Args:
        places: Where they stand in the list that they were made from, N.
        ids: Base tokens `[N, T]`.
        rows: The site's row among all rows of the batch, `[N]`.
        tokens: The expected and the other token, `[N, 2]`.
        base: The site's value in the base runs, `[N, w]`.
        source: The same in the source runs.
    """

    places: tuple[int, ...]
    ids: Tensor
    rows: Tensor
    tokens: Tensor
    base: Tensor
    source: Tensor

    def part(self, chosen: Tensor) -> "Bundle":
        """The interchanges at the indices `chosen` `[n]`."""
        length = self.ids.shape[1]
        rows = self.rows[chosen] % length + torch.arange(len(chosen), device=self.rows.device) * length
        places = tuple(self.places[index] for index in chosen.tolist())
        return Bundle(places, self.ids[chosen], rows, self.tokens[chosen], self.base[chosen], self.source[chosen])


def one_position(site: Site, item: "AlignedContrast") -> int:
    """The one position that the site has in an item.

    Raises:
        StudyError: AE-1401 it has several: each token's own value would need its own subspace or map.
        SiteError: If it lies outside the prompt, or is a part that the item lacks.
    """
    positions = site.positions(item.length, item.named_positions)
    if len(positions) != 1:
        raise StudyError(
            "AE-1401",
            f"{site} is {len(positions)} positions in the item {item.id}; a subspace or a map belongs to one.",
            mend=f"name one position, such as {site.at(-1)}, or a span of one token.",
        )
    return positions[0]


def as_interchanges(items: Sequence["AlignedContrast"], site: Site, *, both_ways: bool) -> tuple[Interchange, ...]:
    """The interchanges of contrasts: clean base, corrupted source, and the foil expected; then, if asked, the reverse.

    Raises:
        StudyError: AE-1401 a site of several positions; AE-1210 an item without a foil.
    """
    found = []
    for item in items:
        if not item.foil_ids:
            raise StudyError("AE-1210", f"The item {item.id} has no foil to be flipped to.", mend="give it a foil.")
        position, answer, foil = one_position(site, item), item.answer_ids[0], item.foil_ids[0]
        found.append(Interchange(item.id, item.clean_ids, item.corrupted_ids, position, foil, answer))
        if both_ways:
            found.append(Interchange(item.id, item.corrupted_ids, item.clean_ids, position, answer, foil))
    return tuple(found)


def site_width(network: Network, site: Site) -> int:
    """How many numbers the site has at one position, w.

    Raises:
        SiteError: AE-3107 to AE-3115 it is not in this network; AE-1402 it is a pattern.
    """
    network.check_site(site)
    if site.component == "pattern":
        raise SiteError("AE-1402", "Attention weights have no subspaces.", mend="use z, q, k, v or a residual site.")
    if site.units is not None:
        return (site.units[1] - site.units[0]) * (1 if site.head is not None else _heads(network, site))
    shape = network.site_shape(site.component, 1)
    return shape[-1] if site.head is not None or len(shape) == 2 else shape[1] * shape[2]


def _heads(network: Network, site: Site) -> int:
    shape = network.site_shape(site.component, 1)
    return 1 if len(shape) == 2 else shape[1]


def bundles(network: Network, site: Site, interchanges: Sequence[Interchange]) -> tuple[Bundle, ...]:
    """The interchanges by length of prompt, with the site's values read off both runs of each."""
    found = []
    for length in dict.fromkeys(len(one.base_ids) for one in interchanges):
        places = tuple(n for n, one in enumerate(interchanges) if len(one.base_ids) == length)
        chosen = [interchanges[n] for n in places]
        device = network.device
        ids = torch.tensor([one.base_ids for one in chosen], device=device)
        sources = torch.tensor([one.source_ids for one in chosen], device=device)
        rows = torch.tensor([one.position + n * length for n, one in enumerate(chosen)], device=device)
        tokens = torch.tensor([(one.expected, one.other) for one in chosen], device=device)
        base, source = _read(network, site, ids, rows), _read(network, site, sources, rows)
        found.append(Bundle(places, ids, rows, tokens, base, source))
    return tuple(found)


def _part(view: Tensor, rows: Tensor, site: Site) -> tuple[Tensor, Tensor]:
    """The rows of a component's view, as a copy, and within it the part that the site names."""
    old = view[rows]
    part = old if site.head is None else old[:, site.head]
    return old, part if site.units is None else part[..., slice(*site.units)]


@torch.no_grad()
def _read(network: Network, site: Site, ids: Tensor, rows: Tensor) -> Tensor:
    port = network.port(site.component, site.layer)
    found: list[Tensor] = []
    length = ids.shape[1]
    for start in range(0, len(ids), _PROMPTS):
        here = rows[start : start + _PROMPTS] - start * length

        def receive(tensor: Tensor, here: Tensor = here) -> None:
            found.append(_part(port.view(tensor), here, site)[1].flatten(1).float())

        handle = listen(port, receive)
        try:
            network.module(ids[start : start + _PROMPTS], logits_to_keep=1, use_cache=False)
        finally:
            handle.remove()
    return torch.cat(found)


def margins(network: Network, site: Site, bundle: Bundle, values: Tensor) -> Tensor:
    """By how many logits the expected token beats the other when the site holds `values`, `[N]` in float32.

    Differentiable in `values`; wrap it in `torch.no_grad` for a plain measurement.

    Args:
        network: The network, its parameters frozen.
        site: The site.
        bundle: The prompts and the tokens.
        values: What is put at the site, `[N, w]`.
    """
    found = []
    every = torch.arange(len(bundle.ids), device=values.device)
    for chosen in every.split(_PROMPTS):
        part = bundle if len(chosen) == len(every) else bundle.part(chosen)
        handle = listen(network.port(site.component, site.layer), _putting(network, site, part.rows, values[chosen]))
        try:
            logits = network.module(part.ids, logits_to_keep=1, use_cache=False).logits[:, -1].float()
        finally:
            handle.remove()
        pair = logits.gather(1, part.tokens)
        found.append(pair[:, 0] - pair[:, 1])
    return torch.cat(found)


def _putting(network: Network, site: Site, rows: Tensor, values: Tensor) -> Callable[[Tensor], None]:
    port = network.port(site.component, site.layer)

    def receive(tensor: Tensor) -> None:
        view = port.view(tensor)
        old, part = _part(view, rows, site)
        part.copy_(values.reshape(part.shape))
        view[rows] = old

    return receive
