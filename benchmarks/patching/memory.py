"""How much memory does one method take above the loaded model? One process for each method.

python memory.py METHOD GRID [--model NAME] [--threads N] [--quick]: prints one line of JSON.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jobs import Grid, make_grid
from machine import PeakMemory, be_quiet
from methods import Weights, find_method
from planned import Planner

_LAYERS_SHOWN = 3


@dataclass(frozen=True)
class Settings:
    """What every child process of the benchmark is told."""

    model: str
    threads: int
    is_quick: bool


def measure_in_child(method: str, grid: str, settings: Settings) -> dict[str, int | str]:
    """What a method takes above the loaded model.

    `peak_bytes` as the library comes; `live_bytes` with an allocator that hands every large block back at once, so
    that gaps in its heap are not counted; for the planner `forecast_bytes`; or `error` if the process failed.
    """
    found = _run_child(method, grid, settings, {})
    if "error" in found:
        return found
    live = _run_child(method, grid, settings, {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"})
    return found | {"live_bytes": live.get("peak_bytes", 0)}


def _run_child(method: str, grid: str, settings: Settings, allocator: dict[str, str]) -> dict[str, int | str]:
    command = [sys.executable, str(Path(__file__).resolve()), method, grid]
    command += ["--model", settings.model, "--threads", str(settings.threads)]
    command += ["--quick"] if settings.is_quick else []
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | allocator
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1][:300]}
    return json.loads(lines[-1])


def main() -> None:
    """Measures one method in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method")
    parser.add_argument("grid")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    be_quiet()
    kind, pair = args.grid.split("/")
    method, weights = find_method(args.method), Weights(args.model)
    way = method.open(weights)
    grid = make_grid(kind, pair, weights.tokenizer, weights.config, is_quick=args.quick)
    way.forward(grid.corrupted)
    found: dict[str, int] = {}
    if isinstance(way, Planner):
        found["forecast_bytes"] = way.forecast(grid).bytes
    peak = PeakMemory()
    way.compute(_shorter(grid) if method.repeats_itself else grid)
    print(json.dumps({"peak_bytes": peak.above(), **found}))


def _shorter(grid: Grid) -> Grid:
    """Three layers of a grid: enough to show what a method that goes layer by layer takes."""
    if len(grid.layers) <= _LAYERS_SHOWN:
        return grid
    return replace(grid, layers=grid.layers[:_LAYERS_SHOWN], is_whole=False)


if __name__ == "__main__":
    main()
