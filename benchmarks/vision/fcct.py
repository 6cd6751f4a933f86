"""How long does cross-modal tracing of one pair take, beside one plain hooked forward a cell?

Groups of tokens x {attention, MLP, hidden} x layers, restored one by one (Li et al. 2026, FCCT). Run from the project's
root; every figure is of one process and one run of each, so that the ratio is what to read:

    OMP_NUM_THREADS=2 python benchmarks/vision/fcct.py toy-llava smol-llava
"""

import sys
import time

import torch

from aetia.contrasts import AlignedContrast, find_set
from aetia.models import Cell, Network, load, record, run_with_hooks
from aetia.models.outcome import Outcome
from aetia.models.wavefront import base_outcomes, run_planned
from aetia.tracing.cells import Runs, cells_for, recorded_components
from aetia.tracing.study import TraceStudy

STUDY = TraceStudy(
    contrasts="scenes:shape",
    sites=("attn_out", "mlp_out", "resid_post"),
    positions="spans",
    outcome="probability",
    null="none",
)
HOOKED = 60
"""Cells that are also run by plain hooks, to time one and to compare the values."""


def traced(network: Network, item: AlignedContrast) -> tuple[list[float], list[Cell], Outcome]:
    """The effects of all cells of one pair, the cells, and what is read."""
    wanted = recorded_components(STUDY, network)
    clean, corrupted = record(network, item.clean_ids, wanted), record(network, item.corrupted_ids)
    outcome = Outcome("probability", (item.answer_ids[0],))
    runs = Runs(corrupted, clean, None, item.named_positions, item.length)
    _, cells = cells_for(STUDY, network, runs)
    base = base_outcomes(network, [corrupted], [outcome])[0]
    values = run_planned(network, [corrupted], cells, [outcome]).values
    return (values - base).tolist(), list(cells), outcome


def hooked(network: Network, item: AlignedContrast, cell: Cell, outcome: Outcome) -> float:
    """The answer's probability in one cell, by one hooked forward of the whole prompt."""
    logits = run_with_hooks(network, item.corrupted_ids, cell.interventions).logits[0]
    return float(logits.float().log_softmax(-1)[outcome.answer[0]].exp())


def main() -> None:
    """A line for each model."""
    print("| model | cells | planned | one hooked forward a cell | ratio | largest difference |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in sys.argv[1:] or ["toy-llava"]:
        network = load(name, device="cpu")
        assert network.tokenizer is not None
        first, item = find_set("scenes:shape").draw(network.tokenizer, 2, seed=5, vision=network.vision).items
        traced(network, first)  # what the first call of anything costs is not the method's
        start = time.perf_counter()
        changes, cells, outcome = traced(network, item)
        seconds = time.perf_counter() - start
        chosen = torch.randperm(len(cells), generator=torch.Generator().manual_seed(0))[:HOOKED].tolist()
        plain = hooked(network, item, Cell(()), outcome)

        start = time.perf_counter()
        found = [hooked(network, item, cells[n], outcome) for n in chosen]
        spent = time.perf_counter() - start
        largest = max(abs(changes[n] + plain - value) for n, value in zip(chosen, found, strict=True))
        whole = spent / len(chosen) * len(cells)
        print(f"| {name} | {len(cells)} | {seconds:.2f} s | {whole:.1f} s | {whole / seconds:.1f}x | {largest:.1e} |")


if __name__ == "__main__":
    main()
