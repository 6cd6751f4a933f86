"""Does ablating what one task uses harm that task and not another? A table of drops, with matched random controls.

Two drops that differ are no dissociation: the claim is their interaction, the difference of differences, and it has to
exceed what as many other components of the same layers and norms do.

Letters: A, B the two tasks; N items, C components, K ablated sets, T positions, d head width, D residual width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models.interventions import Intervention, Operation, Set
from aetia.models.network import Network
from aetia.models.outcome import Outcome, OutcomeKind
from aetia.models.planner import DEFAULT_MEMORY, Cell
from aetia.models.recording import Recording, first_difference, record
from aetia.models.sites import Site
from aetia.models.wavefront import base_outcomes, run_planned

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = [
    "Ablation",
    "Components",
    "Reference",
    "components",
    "drops",
    "matched_sets",
    "reference_of",
    "scores",
    "top_components",
]

Floats: TypeAlias = npt.NDArray[np.float64]
Ablation = Literal["mean", "zero", "corrupted"]
Components = Literal["heads", "attention", "mlp"]
_SITES: Mapping[str, str] = {"heads": "z", "attention": "attn_out", "mlp": "mlp_out"}
_NEAREST = 3  # a control is drawn among so many components of the nearest norm


@dataclass(frozen=True, eq=False)
class Reference:
    """What components are compared by and replaced with: from clean and corrupted runs of all items of both tasks.

    Both, since the clean runs of a task may all call for the same answer, which their mean would then keep.

    Args:
        means: The mean over items and positions of each component's value, `[d]` or `[D]`.
        norms: How much each writes into the residual: the mean norm over items and positions.
    """

    means: Mapping[Site, Tensor]
    norms: Mapping[Site, float]


def components(network: Network, kind: Components) -> tuple[Site, ...]:
    """All heads, attention blocks or MLPs of a network, as sites over all positions."""
    layers = range(len(network.blocks))
    if kind == "heads":
        return tuple(Site("z", layer, head) for layer in layers for head in range(network.heads.query))
    return tuple(Site(_SITES[kind], layer) for layer in layers)


@torch.inference_mode()
def reference_of(network: Network, items: "Sequence[AlignedContrast]", chosen: Sequence[Site]) -> Reference:
    """The means and norms of components over the runs of items, which may be of any lengths."""
    wanted = list(dict.fromkeys((site.component, site.layer) for site in chosen))
    totals: dict[Site, Tensor] = {}
    norms = dict.fromkeys(chosen, 0.0)
    rows = 0
    for ids in (ids for item in items for ids in (item.clean_ids, item.corrupted_ids)):
        run = record(network, ids, wanted)
        rows += run.length
        for site in chosen:
            value = run.at(site, range(run.length)).float()
            totals[site] = totals.get(site, torch.zeros_like(value[0])) + value.sum(0)
            norms[site] += float(_written(network, site, value).norm(dim=-1).sum())
    return Reference(
        {site: total / rows for site, total in totals.items()}, {site: norm / rows for site, norm in norms.items()}
    )


def _written(network: Network, site: Site, value: Tensor) -> Tensor:
    """What a component adds to the residual, `[T, D]`; before a norm that follows attention, where there is one."""
    if site.component != "z":
        return value
    assert site.head is not None
    module = network.port("z", site.layer).module
    weight = module.get_parameter("weight").float()  # Linear keeps [out, in]; GPT-2's Conv1D keeps the transpose
    weight = weight.T if isinstance(module, nn.Linear) else weight
    return value @ weight[site.head * network.heads.width : (site.head + 1) * network.heads.width]


@torch.inference_mode()
def scores(
    network: Network,
    items: "Sequence[AlignedContrast]",
    chosen: Sequence[Site],
    outcome: OutcomeKind,
    *,
    memory: int = DEFAULT_MEMORY,
) -> Floats:
    """How much of the outcome each component brings back when its clean value is put into the corrupted run, `[C, N]`.

    Args:
        network: The network.
        items: The items of one task.
        chosen: The components.
        outcome: What is read.
        memory: Bytes above the loaded model.

    Source: Fartale et al. 2025, Disentangling Recall and Reasoning (arXiv 2510.03366), seed 115: activation patching
    scores components by task; the formula is our reconstruction.
    """
    wanted = list(dict.fromkeys((site.component, site.layer) for site in chosen))
    found = []
    for item in items:
        clean, corrupted = record(network, item.clean_ids, wanted), record(network, item.corrupted_ids)
        first = first_difference(clean, corrupted)
        cells = []
        for site in chosen:
            places = [site.at(position) for position in range(first, clean.length)]
            cells.append(Cell(tuple(Intervention(at, Set(clean.at(at, at.positions(clean.length)))) for at in places)))
        read = [_outcome(item, outcome)]
        values = run_planned(network, [corrupted], cells, read, memory=memory).values
        found.append((values - base_outcomes(network, [corrupted], read)).double().numpy())
    return np.stack(found, axis=1)


def _outcome(item: "AlignedContrast", kind: OutcomeKind) -> Outcome:
    return Outcome(kind, (item.answer_ids[0],), item.foil_ids[0] if item.foil_ids else None)


def top_components(chosen: Sequence[Site], score: Floats, count: int) -> tuple[Site, ...]:
    """The components with the `count` largest scores `[C]`; ties keep their order.

    Raises:
        StudyError: AE-1410 there are not more components than that, so that nothing is left to control with.
    """
    if not 1 <= count < len(chosen):
        found = f"{count} of {len(chosen)} components cannot be ablated and still leave others to compare with."
        raise StudyError("AE-1410", found, mend=f"ablate from 1 to {len(chosen) - 1} of them.")
    return tuple(chosen[index] for index in np.argsort(-score, kind="stable")[:count])


@torch.inference_mode()
def drops(
    network: Network,
    items: "Sequence[AlignedContrast]",
    sets: Sequence[Sequence[Site]],
    ablation: Ablation,
    reference: Reference,
    outcome: OutcomeKind,
    *,
    memory: int = DEFAULT_MEMORY,
) -> Floats:
    """By how much ablating each set lowers each item's outcome, `[K, N]`, in the outcome's unit.

    Args:
        network: The network.
        items: The items of one task.
        sets: The sets of components.
        ablation: What a component's value becomes, at all positions: its mean over positions and runs of both tasks,
            zero, or its value in the item's own corrupted run. It is part of the claim: the kinds disagree.
        reference: The means.
        outcome: What is read in the clean run.
        memory: Bytes above the loaded model.
    """
    wanted = list(dict.fromkeys((site.component, site.layer) for one in sets for site in one))
    found = []
    for item in items:
        base = record(network, item.clean_ids)
        source = record(network, item.corrupted_ids, wanted) if ablation == "corrupted" else None
        cells = [
            Cell(tuple(Intervention(site, _operation(site, ablation, reference, source)) for site in one))
            for one in sets
        ]
        read = [_outcome(item, outcome)]
        values = run_planned(network, [base], cells, read, memory=memory).values
        found.append((base_outcomes(network, [base], read) - values).double().numpy())
    return np.stack(found, axis=1)


def _operation(site: Site, ablation: Ablation, reference: Reference, source: Recording | None) -> Operation:
    if ablation == "zero":
        return Set(torch.zeros(()))
    if ablation == "mean":
        return Set(reference.means[site])
    assert source is not None
    return Set(source.at(site, range(source.length)))


def matched_sets(
    target: Sequence[Site],
    excluded: Sequence[Site],
    every: Sequence[Site],
    norms: Mapping[Site, float],
    *,
    draws: int,
    seed: int,
) -> tuple[tuple[Site, ...], ...]:
    """Random sets that match a set in number, layers and norms, and share nothing with `excluded`.

    Each component is replaced by one drawn among the three of its layer (or, where that has none left, of the nearest
    layer that has) whose norm is nearest to its own.

    Args:
        target: The set to be matched.
        excluded: Components that may not be controls: those found for either task.
        every: All components of the network.
        norms: Of every component: see `Reference`.
        draws: How many sets.
        seed: Of the draws.

    Raises:
        StudyError: AE-1411 fewer components are left than the set has.
    """
    free = [site for site in every if site not in set(excluded) | set(target)]
    if len(free) < len(target):
        found = f"{len(target)} controls are needed, and {len(free)} components are left to draw them from."
        raise StudyError("AE-1411", found, mend="ablate fewer components.")
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        left, drawn = list(free), []
        for index in chance.permutation(len(target)):
            near = _nearest(target[index], left, norms)
            drawn.append(near[int(chance.integers(len(near)))])
            left.remove(drawn[-1])
        found.append(tuple(drawn))
    return tuple(found)


def _nearest(site: Site, left: Sequence[Site], norms: Mapping[Site, float]) -> list[Site]:
    distance = min(abs((other.layer or 0) - (site.layer or 0)) for other in left)
    # Whole blocks are alone in their layer, so that the neighbours' norms are compared too.
    reach = distance if site.head is not None else distance + 1
    near = [other for other in left if abs((other.layer or 0) - (site.layer or 0)) <= reach]
    return sorted(near, key=lambda other: abs(norms[other] - norms[site]))[:_NEAREST]
