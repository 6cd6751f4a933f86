"""Where a study looks: every place of its grid, and the interventions that act there.

Letters: L layers, T positions, H heads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from aetia.errors import SiteError
from aetia.models.sites import HEAD_COMPONENTS, KEY_VALUE_COMPONENTS, Site
from aetia.tracing.study import Positions, TraceStudy

if TYPE_CHECKING:
    from aetia.models.interventions import Intervention, Operation
    from aetia.models.network import Network

__all__ = ["Place", "explicit", "from_position", "interventions_at", "layers_of", "places", "window"]


@dataclass(frozen=True)
class Place:
    """One place of a grid.

    Args:
        component: The component's name; a group of neurons is written `mlp_post.u0:192`.
        layer: The layer, the middle one of a window.
        layers: The layers treated together.
        head: The head, where the component has heads.
        units: The group of neurons, or None for all.
        position: The token position, if it is one by itself.
        span: The span's name, if it is one; `all` for all positions jointly.
        positions: The positions covered.
    """

    component: str
    layer: int
    layers: tuple[int, ...]
    head: int | None
    units: tuple[int, int] | None
    position: int | None
    span: str | None
    positions: tuple[int, ...]

    @property
    def name(self) -> str:
        """The component's name in tables, with the group of neurons."""
        return self.component if self.units is None else f"{self.component}.u{self.units[0]}:{self.units[1]}"

    def site(self, layer: int, start: int = 0) -> Site | None:
        """The site of this place in one layer, from position `start` on; None if nothing of it lies there."""
        return from_position(Site(self.component, layer, self.head, self.units), self.positions, start)


def from_position(site: Site, positions: Sequence[int], start: int) -> Site | None:
    """The site at those of increasing `positions` that are not before `start`; None if all are."""
    kept = [position for position in positions if position >= start]
    if not kept:
        return None
    if len(kept) == 1:
        return site.at(kept[0])
    # A number differs from its place in the list by the same amount as long as no position is left out.
    runs = [list(run) for _, run in groupby(enumerate(kept), key=lambda pair: pair[1] - pair[0])]
    return site.at(",".join(f"{run[0][1]}:{run[-1][1] + 1}" for run in runs))


def layers_of(study: TraceStudy, network: "Network") -> tuple[int, ...]:
    """The layers that the study looks at.

    Raises:
        SiteError: If the model does not have one of them.
    """
    count = len(network.blocks)
    for layer in study.layers or ():
        network.port("resid_pre", layer)
    return study.layers or tuple(range(count))


def window(layer: int, width: int, count: int) -> tuple[int, ...]:
    """The layers of a window of `width` around `layer`, as far as the model has them."""
    first = layer - width // 2
    return tuple(near for near in range(first, first + width) if 0 <= near < count)


def places(
    study: TraceStudy, network: "Network", length: int, parts: Mapping[str, tuple[int, ...]]
) -> tuple[Place, ...]:
    """The grid of a study for a prompt of `length` tokens, whose named parts have these positions.

    Raises:
        SiteError: If the model lacks a component, or the prompt has no named span and spans were asked for.
    """
    found = []
    for component in study.sites:
        if component != "pattern":
            network.port(component, 0)
        wheres = _wheres(study.positions, component, length, parts)
        for layer in layers_of(study, network):
            layers = window(layer, study.window, len(network.blocks))
            for head in _heads(component, network):
                for units in _groups(component, study, network):
                    found += [Place(component, layer, layers, head, units, *where) for where in wheres]
    return tuple(found)


def explicit(site: Site, length: int, parts: Mapping[str, tuple[int, ...]]) -> Site:
    """The site with its positions in numbers, in a prompt of `length` tokens whose named parts have these positions.

    Raises:
        SiteError: If it lies outside the prompt, or names a part that the prompt lacks.
    """
    found = from_position(site, site.positions(length, parts), 0)
    assert found is not None  # no site and no part is empty
    return found


Where = tuple[int | None, str | None, tuple[int, ...]]


def _wheres(asked: Positions, component: str, length: int, parts: Mapping[str, tuple[int, ...]]) -> list[Where]:
    if asked == "auto":
        asked = "joint" if component in HEAD_COMPONENTS else "each"
    if asked == "each":
        return [(position, None, (position,)) for position in range(length)]
    if asked == "joint":
        return [(None, "all", tuple(range(length)))]
    if asked == "last":
        return [(None, "last", (length - 1,))]
    if not parts:
        raise SiteError(
            "AE-3120", "The positions 'spans' need named spans, and the contrasts have none.", mend="use each or joint."
        )
    return [(None, name, positions) for name, positions in parts.items()]


def _heads(component: str, network: "Network") -> Sequence[int | None]:
    if component not in HEAD_COMPONENTS:
        return (None,)
    heads = network.heads
    return range(heads.key_value if component in KEY_VALUE_COMPONENTS else heads.query)


def _groups(component: str, study: TraceStudy, network: "Network") -> Sequence[tuple[int, int] | None]:
    if component != "mlp_post":
        return (None,)
    width = network.site_shape("mlp_post", 1)[1]
    bounds = [round(width * k / study.groups) for k in range(study.groups + 1)]
    return [(start, stop) for start, stop in pairwise(bounds) if stop > start]


def interventions_at(
    place: Place, operation: "Callable[[Site], Operation]", start: int = 0
) -> "tuple[Intervention, ...]":
    """The interventions that do `operation(site)` at every site of a place, from position `start` on.

    Positions before `start` are those where both runs have read the same tokens so far: there a patch changes nothing.
    """
    from aetia.models.interventions import Intervention

    sites = [site for layer in place.layers if (site := place.site(layer, start)) is not None]
    return tuple(Intervention(site, operation(site)) for site in sites)
