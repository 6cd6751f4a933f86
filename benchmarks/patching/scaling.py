"""Does a patching grid cost twice as much for twice the items, and does its memory stay where it was?

    .venv-bench/bin/python benchmarks/patching/scaling.py [--threads 1] [--quick] [--json FILE]

Items of the indirect-object kind are traced by the planner, 1, 2, 4 and 8 of them, in two ways: an item at a time, as
a run's batches are, and all of them in one plan under one memory budget. Each measurement has a process of its own.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jobs import PAIRS, Grid, Pair, make_grid
from machine import PeakMemory, be_quiet, describe_machine, measure_roof
from outcomes import RESULTS, Scaling, ScalingRow, now, write
from planned import Planner, outcome

from aetia.models import Recording, load, plan, run_planned
from aetia.models.allocator import give_back

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

COUNTS = (1, 2, 4, 8)
NAMES = ("Mary", "John", "Anna", "Paul", "Jane", "Mark", "Lisa", "Tom")
_BUDGET = 128 * 2**20


def main() -> None:
    """Measures each number of items in processes of their own, or one of them in this one."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    be_quiet()
    if args.items:
        print(json.dumps(measure(args, args.items, together=args.together)))
        return
    rows: list[ScalingRow] = []
    for _ in range(args.repeat):
        for count in COUNTS:
            for together in (False, True):
                found = _in_child(args, count, together=together)
                rows.append(ScalingRow(count, together, **found))
                print(
                    f"{count} items {'in one plan' if together else 'one by one '}: {found['seconds']:6.2f} s, memory "
                    f"{found['peak_bytes'] / 2**20:5.1f} MB of {found['forecast_bytes'] / 2**20:5.1f} forecast",
                    file=sys.stderr,
                    flush=True,
                )
    result = Scaling(now(), args.quick, args.kind, describe_machine(args.threads), rows)
    write(result, args.json or RESULTS / f"scaling{'-quick' if args.quick else ''}.json")
    for together in (False, True):
        first, last = (result.median("seconds", count, together=together) for count in (COUNTS[0], COUNTS[-1]))
        print(f"{COUNTS[-1]} items {'in one plan' if together else 'one by one'}: x{last / first:.2f} the time of one")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m", help="short name or folder")
    parser.add_argument("--kind", choices=("residual", "heads"), default="residual")
    parser.add_argument("--threads", type=int, choices=(1, 2), default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="three layers and a few columns")
    parser.add_argument("--json", type=Path, help="where the results go")
    parser.add_argument("--items", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--together", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_child(args: argparse.Namespace, count: int, *, together: bool) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), "--items", str(count), "--model", args.model]
    command += ["--threads", str(args.threads), "--kind", args.kind]
    command += ["--quick"] * args.quick + ["--together"] * together
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(args: argparse.Namespace, count: int, *, together: bool) -> dict[str, float]:
    """Time, peak memory above the loaded model and its forecast, of the grids of `count` items."""
    way = Planner(load(args.model))
    tokenizer, config = way.network.tokenizer, way.network.module.config
    assert tokenizer is not None
    grids = make_items(tokenizer, config, args.kind, count, is_quick=args.quick)
    way.forward(grids[0].corrupted)
    roof = measure_roof(config)
    give_back()
    peak = PeakMemory()
    start = time.perf_counter()
    parts = [grids] if together else [[grid] for grid in grids]
    forecast = max(_run(way, part) for part in parts)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_bytes": peak.above(), "forecast_bytes": forecast, "square": roof.square}


def _run(way: Planner, grids: list[Grid]) -> int:
    """Computes the grids in one plan; the forecast in bytes, which counts the recordings of the base runs."""
    worlds: list[Recording] = []
    cells = []
    for number, grid in enumerate(grids):
        base, own = way.cells(grid)
        worlds.append(base)
        cells += [replace(cell, world=number) for cell in own]
    outcomes = [outcome(grid) for grid in grids]
    run_planned(way.network, worlds, cells, outcomes, memory=_BUDGET)
    forecast = plan(way.network, worlds, cells, outcomes, memory=_BUDGET).forecast.bytes
    give_back()
    return forecast


def make_items(
    tokenizer: "PreTrainedTokenizerBase", config: "PreTrainedConfig", kind: str, count: int, *, is_quick: bool
) -> list[Grid]:
    """`count` items that differ in their names, all of the same length."""
    pattern, items = PAIRS["ioi"], []
    for first, second in permutations(NAMES, 2):
        names = {"Mary": first, "John": second}
        clean, corrupted = (
            " ".join(names.get(word, word) for word in text.split(" ")) for text in (pattern.clean, pattern.corrupted)
        )
        pair = Pair(clean, corrupted, f" {first}", f" {second}")
        items.append(make_grid(kind, pair, tokenizer, config, is_quick=is_quick))
        if len(items) == count:
            break
    return items


if __name__ == "__main__":
    main()
