"""Does a direction act through what the network reads, or through a pathway that only the patch awakens?

A patch along a learned direction can flip the answer though neither half of it does anything in normal runs: one half
is disconnected (its weights write nothing), the other dormant (no normal run moves along it). So no direction is
patched here without its two halves, its full component and random subspaces beside it.

Letters: N items, w width of the site, k rank of the subspace, r rank of its read part.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from aetia.features.directions import random_subspace
from aetia.features.interchange import Bundle
from aetia.features.readers import RowSpace
from aetia.models.interventions import Intervention, Set
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.planner import DEFAULT_MEMORY, Cell
from aetia.models.recording import record
from aetia.models.sites import Site
from aetia.models.wavefront import base_outcomes, run_planned

__all__ = ["PARTS", "Split", "SubspaceEffects", "patch_parts", "split"]

PARTS = ("full", "subspace", "row", "null", "random")
"""What is taken from the source run: everything, the subspace, its read and its unread half, a random subspace."""

_VANISHES = 1e-5  # the norm below which a half of a unit vector is rounding


@dataclass(frozen=True, eq=False)
class Split:
    """A subspace and its two halves, each as orthonormal columns.

    Args:
        subspace: `[w, k]`.
        row: What of it the network reads, `[w, r]`; no columns if nothing.
        null: What of it the network cannot read; no columns if nothing.
        row_norm: How much of a unit vector is read: the norm of the projected basis over sqrt(k).
        null_norm: How much is not; the squares of both add up to 1.
        space: The row space that it was split by.
    """

    subspace: Tensor
    row: Tensor
    null: Tensor
    row_norm: float
    null_norm: float
    space: RowSpace


def split(subspace: Tensor, space: RowSpace) -> Split:
    """The subspace `[w, k]`, orthonormal columns, with the halves that `space` reads and does not read.

    Source: Makelov, Lange and Nanda 2024 (arXiv 2311.17030), section 3; seed 098.
    """
    basis = subspace.double().cpu()
    read = space.basis @ (space.basis.T @ basis)
    unread = basis - read
    scale = basis.shape[1] ** 0.5
    row, null = _span(read), _span(unread)
    return Split(subspace, row, null, float(read.norm()) / scale, float(unread.norm()) / scale, space)


def _span(columns: Tensor) -> Tensor:
    left, singular, _ = torch.linalg.svd(columns, full_matrices=False)
    return left[:, singular > _VANISHES]


@dataclass(frozen=True, eq=False)
class SubspaceEffects:
    """What each part's patch does, item by item; all `[N]` in the order of the bundle.

    Args:
        base: The outcome of the plain base run: expected minus other, in logits.
        effects: The outcome's change by part, in logits; positive is towards the source's answer.
        separated: 1 where the item's source projects further than its base along the read half's mean difference over
            the other items, 0 where it does not, 0.5 where both are equal.
        outside: Whether the patched value's projection on the read half leaves the range of all normal runs.
        activity: How far a pair's runs differ along the read half, over how far they differ along an average direction
            of the row space; about 1 for a typical direction, 0 for a dormant one.
        projections: Of the base and the source value on the read half, `[N, 2]`; for more than one dimension, along
            the mean difference within it.
    """

    base: Tensor
    effects: Mapping[str, Tensor]
    separated: Tensor
    outside: Tensor
    activity: Tensor
    projections: Tensor


def patch_parts(
    network: Network,
    site: Site,
    bundle: Bundle,
    parts: Split,
    *,
    draws: int = 10,
    seed: int = 0,
    memory: int = DEFAULT_MEMORY,
) -> SubspaceEffects:
    """Patches each part of a subspace from source to base, exactly, in every item.

    Args:
        network: The network.
        site: The site, at one position.
        bundle: The items, with what the site holds in both runs.
        parts: The subspace and its halves.
        draws: How many random subspaces of the same rank; the effect of `random` is their mean. None, and it is left
            out.
        seed: Of the random subspaces.
        memory: Bytes above the loaded model.

    Source: arXiv 2311.17030 (the patch h_b + V V^T (h_s - h_b)); seed 098.
    """
    generator = torch.Generator().manual_seed(seed)
    width, rank = parts.subspace.shape
    chance = [random_subspace(width, rank, generator).double() for _ in range(draws)]
    bases = [torch.eye(width, dtype=torch.float64), parts.subspace.double().cpu(), parts.row, parts.null, *chance]
    base, changes = bundle.base.double().cpu(), (bundle.source - bundle.base).double().cpu()
    values = torch.stack([base + changes @ basis @ basis.T for basis in bases], dim=1).float()  # (N, cells, w)
    before, after = _outcomes(network, site, bundle, values, memory)
    effect = after - before[:, None]
    named = {name: effect[:, index] for index, name in enumerate(PARTS[:-1])}
    if draws:
        named["random"] = effect[:, len(PARTS) - 1 :].mean(1)
    return SubspaceEffects(before, named, *_evidence(base, changes, parts))


def _outcomes(network: Network, site: Site, bundle: Bundle, values: Tensor, memory: int) -> tuple[Tensor, Tensor]:
    """The outcome of each base run `[N]`, and with each of `values` `[N, cells, w]` at the site, `[N, cells]`."""
    before, after = [], []
    length = bundle.ids.shape[1]
    for index, ids in enumerate(bundle.ids.tolist()):
        expected, other = bundle.tokens[index].tolist()
        outcome = Outcome("logit_difference", (expected,), other)
        world = record(network, ids)
        place = site.at(int(bundle.rows[index]) % length)
        shape = _shape(network, place)
        cells = [Cell((Intervention(place, Set(value.reshape(shape))),)) for value in values[index]]
        after.append(run_planned(network, [world], cells, [outcome], memory=memory).values)
        before.append(base_outcomes(network, [world], [outcome]))
    return torch.cat(before).double(), torch.stack(after).double()


def _shape(network: Network, site: Site) -> tuple[int, ...]:
    shape = network.site_shape(site.component, 1)
    units = shape[-1] if site.units is None else site.units[1] - site.units[0]
    return (1, units) if site.head is not None or len(shape) == 2 else (1, shape[1], units)


def _evidence(base: Tensor, changes: Tensor, parts: Split) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Separation, out-of-range, activity and projections of the read half: see `SubspaceEffects`."""
    here, moved = base @ parts.row, changes @ parts.row  # (N, r)
    count = len(here)
    if not parts.row.shape[1]:
        return torch.full((count,), 0.5), torch.zeros(count), torch.zeros(count), torch.zeros(count, 2)
    others = moved.sum(0) - moved if count > 1 else moved
    along = (moved * others).sum(1)
    separated = 0.5 + 0.5 * along.sign()
    patched = here + changes @ parts.subspace.double().cpu() @ (parts.subspace.double().cpu().T @ parts.row)
    seen = torch.cat([here, here + moved])
    low, high = seen.min(0).values, seen.max(0).values
    margin = 1e-6 * (1.0 + seen.abs().max())
    outside = ((patched < low - margin) | (patched > high + margin)).any(1).double()
    read = changes @ parts.space.basis
    typical = (read.square().sum(1).mean() / read.shape[1]).sqrt()
    activity = (moved.square().sum(1) / moved.shape[1]).sqrt() / typical if typical > 0 else torch.zeros(count)
    mean = moved.mean(0)
    axis = mean / mean.norm() if mean.norm() > 0 else torch.eye(len(mean), dtype=mean.dtype)[0]
    return separated, outside, activity, torch.stack([here @ axis, (here + moved) @ axis], dim=1)
