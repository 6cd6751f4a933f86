"""How long does each way of computing a patching grid take, on the same weights, in one process?

    .venv-bench/bin/python benchmarks/patching/run.py            # about an hour on one thread
    .venv-bench/bin/python benchmarks/patching/run.py --quick    # a few layers: a check of equality, no timing to quote
    .venv-bench/bin/python benchmarks/patching/run.py --only aetia hooks --grids residual/landmark

Methods are interleaved, round by round; the speed of matrix products is measured before and after every one, so that
a noisy machine shows. Peak memory is measured in a process of its own for each method. Every grid is compared with
that of plain hooks. `table.py` turns the results into the README's tables.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jobs import GRID_KINDS, PAIRS, Grid, make_grid
from machine import be_quiet, describe_machine, measure_roof
from memory import Settings, measure_in_child
from methods import METHODS, Method, Way, Weights
from outcomes import RESULTS, GridRecord, Report, Timing, installed_versions, now, write
from planned import largest_difference

if TYPE_CHECKING:
    from torch import Tensor


def main() -> None:
    """Times everything that was asked for, grid by grid."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    be_quiet()
    weights = Weights(args.model)
    grids = [_named_grid(name, weights, is_quick=args.quick) for name in args.grids]
    methods = [m for m in METHODS if not args.only or any(part in m.name for part in args.only)]
    missing = sorted({str(method.package) for method in methods if method.missing()})
    for package in missing:
        _say(f"{package} is not installed and is left out; benchmarks/patching/setup.sh installs it")
    methods = [method for method in methods if method.package not in missing]
    ways: dict[str, Way] = {}
    model = {"name": weights.source.name, "revision": weights.source.revision}
    report = Report(args.quick, model, describe_machine(args.threads), installed_versions(), [], now())
    for grid in grids:
        chosen = [method for method in methods if method.is_for(grid)]
        timings = _time_grid(grid, chosen, ways, weights, args)
        # The pairs are of one length, so one of them tells how much memory the grid takes.
        for timing in timings if args.memory and grid.name.endswith("/landmark") else ():
            timing.memory = measure_in_child(
                timing.method, grid.name, Settings(args.model, args.threads, is_quick=args.quick)
            )
            _say(f"{grid.name}: {timing.method}: memory {timing.memory}")
        report.grids.append(GridRecord(grid.name, *grid.shape, grid.length, grid.first_difference, timings))
        write(report, _target(args))  # after every grid, so that an hour's work is not lost
    _say(f"{_target(args)}: {report.quiet_or_not()}")


def _arguments() -> argparse.Namespace:
    names = [f"{kind}/{pair}" for pair in PAIRS for kind in GRID_KINDS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m", help="short name or folder")
    parser.add_argument("--threads", type=int, choices=(1, 2), default=1)
    parser.add_argument("--repeat", type=int, default=3, help="rounds; times are medians over them")
    parser.add_argument("--once-over", type=float, default=90.0, help="what takes more seconds than this runs once")
    parser.add_argument("--only", nargs="+", default=[], metavar="PART", help="methods whose name contains a part")
    parser.add_argument("--grids", nargs="+", default=names, choices=names, metavar="GRID", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="three layers and a few columns")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave peak memory out")
    parser.add_argument("--json", type=Path, help="where the results go")
    return parser.parse_args()


def _named_grid(name: str, weights: Weights, *, is_quick: bool) -> Grid:
    kind, pair = name.split("/")
    return make_grid(kind, pair, weights.tokenizer, weights.config, is_quick=is_quick)


def _time_grid(
    grid: Grid, methods: Sequence[Method], ways: dict[str, Way], weights: Weights, args: argparse.Namespace
) -> list[Timing]:
    """All methods on one grid, round by round. The first is what the others are compared with."""
    timings = [Timing(method.name, method.side) for method in methods]
    values: dict[str, Tensor] = {}
    for turn in range(args.repeat):
        for method, timing in zip(methods, timings, strict=True):
            if timing.error or (turn and timing.seconds[0] > args.once_over):
                continue
            try:
                way = _opened(method, ways, weights, grid)
                before = measure_roof(weights.config)
                seconds, found = _timed(way.compute, grid)
            except Exception as error:  # noqa: BLE001  a peer's failure is a result, and the others go on
                timing.error = f"{type(error).__name__}: {error}"[:500]
                _say(f"{grid.name}: {timing.method}: {timing.error}")
                continue
            after = measure_roof(weights.config)
            timing.seconds.append(seconds)
            timing.roofs.append(before.between(after))
            values[method.name] = found
            timing.operations = timing.operations or method.operations(way, weights, grid)
            timing.off_by = largest_difference(found, next(iter(values.values())))
            _say(f"{grid.name}: round {turn + 1}: {seconds:8.2f} s  off by {timing.off_by:.1e}  {method.name}")
    return timings


def _opened(method: Method, ways: dict[str, Way], weights: Weights, grid: Grid) -> Way:
    """The method, loaded once and warmed up by one run."""
    if method.name not in ways:
        ways[method.name] = method.open(weights)
        ways[method.name].forward(grid.corrupted)
    return ways[method.name]


def _timed(compute: Callable[[Grid], "Tensor"], grid: Grid) -> tuple[float, "Tensor"]:
    start = time.perf_counter()
    found = compute(grid)
    return time.perf_counter() - start, found


def _target(args: argparse.Namespace) -> Path:
    if args.json is not None:
        return args.json
    threads = f"{args.threads}-thread{'s' if args.threads > 1 else ''}"
    return RESULTS / ("quick.json" if args.quick else f"grids-{threads}.json")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
