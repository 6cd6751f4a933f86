"""What does a study of circuits need of the model and the items, and what does an item cost? Nothing is computed.

Letters: S senders, E edges, T positions, D width.
"""

from typing import TYPE_CHECKING

from aetia.circuits.choosing import is_selective
from aetia.circuits.graph import Graph
from aetia.circuits.rules import units_of
from aetia.circuits.study import ATTRIBUTIONS, CircuitStudy
from aetia.circuits.wiring import wiring_of
from aetia.errors import StudyError
from aetia.studies import Cost
from aetia.studies.clusters import clusters_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["check_items", "cost_of"]

_REPEATED = 2.0  # a circuit's run reads every receiver's own residual: about twice a plain run


def check_items(study: CircuitStudy, network: "Network", items: "Sequence[AlignedContrast]") -> None:
    """Raises unless the study can be carried out on this model with these items; needs no weights.

    Raises:
        StudyError: AE-1304 heads that do not write to the residual themselves; AE-1305 a mean over items of different
            lengths; AE-1351, AE-1352 what contextual decomposition has no rules for; AE-1361 fewer than two items to
            choose a circuit on and to judge it with.
    """
    wiring_of(network)
    if study.reference == "mean" and len({item.length for item in items}) > 1:
        raise StudyError(
            "AE-1305",
            "The items differ in length, so that they have no mean position by position.",
            mend="use the reference patch or zero, or items of one length.",
        )
    if len(clusters_of(items)) < 2 and (study.fractions or is_selective(study, Graph.of(network))):
        raise StudyError(
            "AE-1361",
            "A circuit is chosen on some items and judged on others; there is only one.",
            mend="give at least 2 items, or --fractions none for the effects alone.",
        )
    if study.method == "cd-t":
        units_of(network)
        for item in items:
            if len(item.answer_ids) != 1 or len(item.foil_ids) > 1:
                raise StudyError(
                    "AE-1352",
                    f"{item.id} has an answer of {len(item.answer_ids)} tokens; a decomposition reads one token.",
                    mend="use answers of one token.",
                )


def cost_of(
    study: CircuitStudy, network: "Network", items: "Sequence[AlignedContrast]", *, runs: int = 1, labels: int = 0
) -> Cost:
    """What the longest item costs in each of `runs`, over which the judging of the real one's circuit is spread.

    Args:
        study: The study.
        network: The network; it needs no weights.
        items: The items.
        runs: How often the study is run: once, and once for each draw of a null.
        labels: Draws of label-permutation that are read off the same run: each has gradients and choices of its own.
    """
    graph, length = Graph.of(network), max(item.length for item in items)
    senders, width = len(graph.senders), network.width
    count = senders if study.by == "nodes" else graph.edges
    measured = count if study.by == "nodes" else min(count, study.candidates)
    size = sum(weights.numel() for block in network.blocks for weights in block.parameters())
    run = 2.0 * size * length
    contraction = 2.0 * graph.edges * length * width
    attribution = {"eap": 1, "eap-ig-inputs": study.steps, "eap-ig-activations": study.steps * (graph.layers + 1)}
    several = 1 + labels
    passes = {name: (1 + 2 * several) * number * run + several * contraction for name, number in attribution.items()}
    chosen_by = passes["eap-ig-inputs"] if measured < count else 0.0
    cells = measured
    measured = min(count, several * measured)  # every draw measures what it has chosen
    if study.method in ATTRIBUTIONS:
        flops = passes[study.method]
    elif study.method == "cd-t":
        flops = chosen_by + measured * 1.5 * run
    elif study.method == "patching":
        flops = chosen_by + measured * _REPEATED / 2 * run
    else:
        flops = chosen_by + 2 * measured * _REPEATED / 2 * run
    judged = 2 * len(study.fractions) + 2 + (2 + 4 * study.size * senders) * study.subsets if study.fractions else 0.0
    judged *= (1 - study.search) / runs
    total = 2 * run + flops + judged * _REPEATED * run
    # Two runs with all that heads and MLPs write, and every sender's write in both.
    item_bytes = 4 * length * width * (2 * senders + 6 * graph.layers)
    peak = study.memory_bytes + 8 * (len(items) + several) * count
    plain = (2 * measured + judged) * run
    return Cost(cells, 1, max(1, item_bytes), peak, total, plain)
