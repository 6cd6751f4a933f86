"""What does a cheap bfloat16 pass over the grid gain, if every cell that is reported is then computed exactly?

    .venv-bench/bin/python benchmarks/patching/screening.py [--pair landmark] [--threads 1] [--quick] [--json FILE]

The screening pass is the same plan on a bfloat16 copy of the model; its read-out is taken in float32. Its error is
bounded on a random sample of cells that are also computed exactly; then the k largest effects of the exact grid are
looked for among the 2k and 4k largest of the screened one, and among all cells that the sample's bound cannot rule
out.

Letters: k effects wanted, n cells of the sample.
"""

import argparse
import time
from pathlib import Path

import torch
from jobs import PAIRS, Grid, make_grid
from machine import be_quiet, describe_machine, measure_roof
from outcomes import RESULTS, Screening, Shortlist, now, write
from planned import Planner, outcome
from torch import Tensor

from aetia.models import load, record, run_planned

WANTED = (10, 30, 60)
FACTORS = (2, 4)


def main() -> None:
    """Screens one grid and counts what the screening finds."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    be_quiet()
    exact_way, rough_way = (Planner(load(args.model, dtype=dtype)) for dtype in ("float32", "bfloat16"))
    network = exact_way.network
    assert network.tokenizer is not None
    grid = make_grid("residual", args.pair, network.tokenizer, network.module.config, is_quick=args.quick)
    roof_before = measure_roof(network.module.config)
    seconds: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    grids: dict[str, Tensor] = {}
    for _ in range(args.repeat):
        for name, way in (("float32", exact_way), ("bfloat16", rough_way)):
            spent, grids[name] = _timed_grid(way, grid)
            seconds[name].append(spent)
    exact, rough = (effects(grids[n], way, grid) for n, way in (("float32", exact_way), ("bfloat16", rough_way)))
    sample = _sample(grid, args.sample, args.seed)
    sample_seconds, sampled = compute_cells(exact_way, grid, sample)
    bound = float((rough[sample] - (sampled - _base(exact_way, grid))).abs().max())
    shortlists = [s for k in WANTED if k < grid.cells for s in _shortlists(exact_way, grid, exact, rough, k, bound)]
    errors = (rough - exact).abs()
    result = Screening(
        made=now(),
        is_quick=args.quick,
        grid=grid.name,
        cells=grid.cells,
        machine=describe_machine(args.threads),
        roofs=[roof_before, measure_roof(network.module.config)],
        exact_seconds=seconds["float32"],
        rough_seconds=seconds["bfloat16"],
        span=float(exact.max() - exact.min()),
        sample=len(sample),
        sample_seconds=sample_seconds,
        bound=bound,
        largest_error=float(errors.max()),
        median_error=float(errors.median()),
        beyond_bound=int((errors > bound).sum()),
        shortlists=shortlists,
    )
    _show(result)
    write(result, args.json or RESULTS / f"screening-{args.pair}{'-quick' if args.quick else ''}.json")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m", help="short name or folder")
    parser.add_argument("--pair", default="landmark", choices=tuple(PAIRS))
    parser.add_argument("--threads", type=int, choices=(1, 2), default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--sample", type=int, default=48, help="cells that the error is bounded on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="three layers and a few positions")
    parser.add_argument("--json", type=Path, help="where the results go")
    return parser.parse_args()


def effects(values: Tensor, way: Planner, grid: Grid) -> Tensor:
    """Outcomes minus the corrupted run's own, `[cells]`."""
    return values.flatten() - _base(way, grid)


def compute_cells(way: Planner, grid: Grid, chosen: Tensor) -> tuple[float, Tensor]:
    """Time and outcomes of some of the grid's cells, by their indices."""
    start = time.perf_counter()
    base, cells = way.cells(grid)
    values = run_planned(way.network, [base], [cells[i] for i in chosen.tolist()], [outcome(grid)]).values
    return time.perf_counter() - start, values


def _timed_grid(way: Planner, grid: Grid) -> tuple[float, Tensor]:
    start = time.perf_counter()
    values = way.compute(grid)
    return time.perf_counter() - start, values


def _base(way: Planner, grid: Grid) -> float:
    corrupted = record(way.network, grid.corrupted)
    return float(outcome(grid).read(way.network, corrupted.resid_pre[None, -1, -1:]))


def _sample(grid: Grid, count: int, seed: int) -> Tensor:
    """Cells at random among those that a patch can change."""
    changed = [i for i in range(grid.cells) if grid.columns[i % len(grid.columns)] >= grid.first_difference]
    order = torch.randperm(len(changed), generator=torch.Generator().manual_seed(seed))
    return torch.tensor(changed)[order[:count]]


def _shortlists(way: Planner, grid: Grid, exact: Tensor, rough: Tensor, k: int, bound: float) -> list[Shortlist]:
    best = set(exact.abs().topk(k).indices.tolist())
    screened = rough.abs().sort(descending=True)
    # The k-th exact effect is at least the k-th screened one less the bound; a cell of it is screened within the bound.
    reach = int((screened.values >= screened.values[k - 1] - 2 * bound).sum())
    sizes = {f"{factor}k": min(factor * k, grid.cells) for factor in FACTORS} | {"bound": reach}
    found = []
    for rule, size in sizes.items():
        chosen = screened.indices[:size]
        seconds, _ = compute_cells(way, grid, chosen)
        found.append(Shortlist(k, rule, size, len(best & set(chosen.tolist())), seconds))
    return found


def _show(result: Screening) -> None:
    ratio = result.exact / result.rough
    print(f"{result.grid}: float32 {result.exact:.2f} s, bfloat16 {result.rough:.2f} s, x{ratio:.2f}")
    print(f"{result.sample} random cells: off by at most {result.bound:.3f} logits; all: {result.largest_error:.3f}")
    for one in result.shortlists:
        total = result.total(one)
        print(
            f"top {one.wanted:2d}: {one.found:2d} found among {one.cells:3d} cells ({one.rule}); "
            f"screen + sample + these exactly {total:.2f} s, x{result.exact / total:.2f}"
        )


if __name__ == "__main__":
    main()
