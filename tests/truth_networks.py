"""What patching a network does and what the program behind it says that it does, side by side."""

from collections.abc import Sequence
from functools import cache

from aetia.contrasts import AlignedContrast
from aetia.models import Cell, Intervention, Outcome, Set, Site, record, run_planned
from aetia.models.wavefront import base_outcomes
from aetia.truth import TruthSystem, run, truth_system
from aetia.truth.causes import site_patches

cached_system = cache(truth_system)


def all_sites(system: TruthSystem, length: int) -> list[Site]:
    """Every component, layer, head and position that holds variables."""
    network = system.network
    places = [(name, layer) for layer in range(len(network.blocks)) for name in network.ports[layer]]
    return [
        Site(name, layer, head, position=position)
        for name, layer in [*places, ("embed", None)]
        for head in ([None, *range(4)] if name in ("q", "k", "v", "z") else [None])
        for position in [*range(length), "all"]
    ]


def both_ways(
    system: TruthSystem, item: AlignedContrast, cells: Sequence[Sequence[Site]], direction: str
) -> tuple[list[float], list[float]]:
    """The effect of patching each cell's sites: by planned runs of the network, and by runs of the program."""
    network, program = system.network, system.program
    ids = (item.corrupted_ids, item.clean_ids) if direction == "denoise" else (item.clean_ids, item.corrupted_ids)
    components = sorted({(site.component, site.layer) for cell in cells for site in cell}, key=str)
    base, source = record(network, ids[0]), record(network, ids[1], [c for c in components if "resid_p" not in c[0]])
    outcome = Outcome("logit_difference", item.answer_ids, item.foil_ids[0])

    def patched(site: Site) -> Intervention:
        return Intervention(site, Set(source.at(site, site.positions(item.length))))

    found = run_planned(network, [base], [Cell(tuple(map(patched, cell))) for cell in cells], [outcome]).values
    measured = (found - base_outcomes(network, [base], [outcome])[0]).tolist()
    origin, other = run(program, ids[0]), run(program, ids[1])

    def value(logits) -> float:
        return float(logits[-1, item.answer_ids[0]] - logits[-1, item.foil_ids[0]])

    true = []
    for cell in cells:
        patches = [
            patch
            for site in cell
            for patch in site_patches(
                program, site.component, site.layer, site.head, site.positions(item.length), other
            )
        ]
        true.append(value(run(program, ids[0], patches).logits) - value(origin.logits))
    return measured, true
