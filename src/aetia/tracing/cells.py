"""From places to intervened runs: what is put where, in which base run.

The methods differ only in the base run and in the operation at a place: patching copies from another run, ablation
puts zeros, means or another item's values, noise tracing restores clean values in a run with a noisy subject,
knockout cuts attention.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.models.interventions import Add, Intervention, Knockout, Operation, Set
from aetia.models.network import Network
from aetia.models.planner import Cell
from aetia.models.recording import Recording, first_difference, record
from aetia.models.sites import Site
from aetia.tracing.places import Place, from_position, interventions_at, places, window
from aetia.tracing.study import TraceStudy

__all__ = ["Runs", "cells_for", "knockout_places", "noisy_world", "recorded_components"]


@dataclass(frozen=True, eq=False)
class Runs:
    """The recorded runs that an item's cells are made of.

    Args:
        base: The run that is intervened upon.
        source: The run that values are copied from (patch, noise, resample).
        mean: Mean values `[T, ...]` by component and layer (mean ablation).
        parts: The positions of the item's named parts.
        prompt: How many positions belong to the prompt; a scored continuation follows it.
    """

    base: Recording
    source: Recording | None
    mean: dict[tuple[str, int | None], Tensor] | None
    parts: dict[str, tuple[int, ...]]
    prompt: int

    @property
    def first_difference(self) -> int:
        """The first position whose token differs between base and source; before it both runs are equal."""
        return 0 if self.source is None else first_difference(self.base, self.source)


def recorded_components(study: TraceStudy, network: Network) -> list[tuple[str, int | None]]:
    """The components that have to be recorded besides residuals, keys and values."""
    names = [name for name in study.sites if name not in ("resid_pre", "resid_post")]
    return [(name, layer) for name in names for layer in range(len(network.blocks))]


def cells_for(
    study: TraceStudy, network: Network, runs: Runs, *, direction: int | None = None
) -> tuple[list[Place], list[Cell]]:
    """An item's places and cells, in the same order.

    With `direction`, a seed, each change keeps its size but goes in a random direction: the null random-direction.
    """
    if study.method == "knockout":
        return _knockouts(study, network, runs)
    grid = places(study, network, runs.prompt, runs.parts)
    operation = _operation(study, runs)
    if direction is not None:
        operation = _in_random_directions(operation, runs.base, direction)
    start = runs.first_difference if study.method in ("patch", "attribution") else 0
    return list(grid), [Cell(interventions_at(place, operation, start)) for place in grid]


def _operation(study: TraceStudy, runs: Runs) -> Callable[[Site], Operation]:
    if study.method == "zero":
        return lambda _site: Set(torch.zeros(()))
    if study.method == "mean":
        assert runs.mean is not None
        mean = runs.mean
        return lambda site: Set(_part(mean[site.component, site.layer], site))
    source = runs.source
    assert source is not None
    return lambda site: Set(source.at(site, site.positions(source.length)))


def _in_random_directions(
    operation: Callable[[Site], Operation], base: Recording, seed: int
) -> Callable[[Site], Operation]:
    generator = torch.Generator().manual_seed(seed)

    def turned(site: Site) -> Operation:
        put = operation(site)
        assert isinstance(put, Set)
        here = base.at(site, site.positions(base.length))
        size = (put.value.to(here.dtype) - here).flatten(1).norm(dim=1)
        drawn = torch.randn(here.shape, generator=generator).to(here)
        by_row = [-1] + [1] * (here.dim() - 1)
        return Set(here + drawn * (size / drawn.flatten(1).norm(dim=1)).view(by_row))

    return turned


def _part(whole: Tensor, site: Site) -> Tensor:
    part = whole[list(site.positions(len(whole)))]
    part = part if site.head is None else part[:, site.head]
    return part if site.units is None else part[..., slice(*site.units)]


def noisy_world(network: Network, clean: Sequence[int], positions: Sequence[int], scale: float, seed: int) -> Recording:
    """The clean prompt run with Gaussian noise on the embeddings at some positions.

    Args:
        network: The network.
        clean: The clean token ids.
        positions: Where the noise is.
        scale: The noise's standard deviation, in the embedding's own units.
        seed: Baseline and restored runs share it, so that the noise itself is no difference between them.

    Source: Meng et al. 2022, Locating and editing factual associations (ROME), causal tracing.
    """
    generator = torch.Generator().manual_seed(seed)
    width = network.site_shape("embed", 1)[1]
    added = torch.randn(len(positions), width, generator=generator) * scale
    sites = [Site("embed", position=position) for position in positions]
    noise = [Intervention(site, Add(row[None])) for site, row in zip(sites, added.to(network.device), strict=True)]
    return record(network, clean, interventions=noise)


def knockout_places(study: TraceStudy, network: Network, runs: Runs) -> list[Place]:
    """Layer windows x positions that the target may no longer read."""
    from aetia.tracing.places import layers_of

    count = len(network.blocks)
    keys: list[tuple[int | None, str | None, tuple[int, ...]]]
    if study.positions == "spans":
        keys = [(None, name, positions) for name, positions in runs.parts.items()]
    else:
        keys = [(position, None, (position,)) for position in range(runs.prompt)]
    return [
        Place("pattern", layer, window(layer, study.window, count), None, None, *key)
        for layer in layers_of(study, network)
        for key in keys
    ]


def _knockouts(study: TraceStudy, network: Network, runs: Runs) -> tuple[list[Place], list[Cell]]:
    target = _target(study, runs)
    grid = [place for place in knockout_places(study, network, runs) if _leaves_something(place.positions, target)]
    cells = []
    for place in grid:
        sites = [from_position(Site("pattern", layer), target, 0) for layer in place.layers]
        cells.append(Cell(tuple(Intervention(site, Knockout(place.positions)) for site in sites if site is not None)))
    return grid, cells


def _leaves_something(keys: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return all(set(range(row + 1)) - set(keys) for row in target)


def _target(study: TraceStudy, runs: Runs) -> tuple[int, ...]:
    if study.target == "last":  # of a scored continuation, every position that is read
        return tuple(range(runs.prompt - 1, runs.base.length))
    if re.fullmatch(r"-?[0-9]+", study.target):
        return Site("pattern", 0, position=int(study.target)).positions(runs.prompt)
    if study.target not in runs.parts:
        raise StudyError(
            "AE-1230",
            f"The knockout's target {study.target!r} is no span of the prompts.",
            details=(f"their spans: {', '.join(runs.parts) or 'none'}",),
            mend="use last, a position, or one of the spans.",
        )
    return runs.parts[study.target]
