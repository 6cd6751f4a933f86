"""How long do the statistics of a large grid take, how much memory, and how does that compare with scipy's bootstrap?

python speed.py: writes its table into README.md. python speed.py JOB: runs one job and prints one line of JSON.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from page import table, write_section
from scipy import stats

from aetia.effects import bootstrap_interval, cluster_means, sign_flip_test, summarise

_CELLS, _ITEMS, _DRAWS = 10_000, 100, 10_000
_SLICE = 20
_ROUNDS = 3


def _grid(cells: int) -> np.ndarray:
    return np.random.default_rng(0).gamma(2.0, size=(cells, _ITEMS))


def _bootstrap(method: str) -> Callable[[], object]:
    x = _grid(_CELLS)
    return lambda: bootstrap_interval(x, draws=_DRAWS, method="bca" if method == "bca" else "percentile")


def _clustered() -> Callable[[], object]:
    x = _grid(_CELLS)
    return lambda: bootstrap_interval(cluster_means(x, np.arange(_ITEMS) // 4), draws=_DRAWS)


def _scipy() -> Callable[[], object]:
    x = _grid(_SLICE)
    return lambda: stats.bootstrap(
        (x,), np.mean, axis=1, n_resamples=_DRAWS, method="BCa", rng=np.random.default_rng(0)
    )


def _flips() -> Callable[[], object]:
    x = _grid(_CELLS) - 2.0
    return lambda: sign_flip_test(x, draws=999)


def _null(cells: int, draws: int) -> Callable[[], object]:
    number, item, cell = (part.ravel() for part in np.indices((draws + 1, 24, cells), dtype=np.int32))
    values = pa.table(
        {
            "item": item,
            "layer": cell // 24,
            "position": cell % 24,
            "draw": pa.array(number, mask=number == 0),
            "value": np.random.default_rng(0).normal(size=number.size),
        }
    )
    return lambda: summarise(values, ["layer", "position"], unit="logits", null="randomised-weights:1")


_JOBS: dict[str, tuple[str, Callable[[], Callable[[], object]]]] = {
    "bca": ("BCa, 10,000 cells x 100 items, 10,000 draws", lambda: _bootstrap("bca")),
    "percentile": ("percentile, the same", lambda: _bootstrap("percentile")),
    "clustered": ("BCa of 25 clusters, the same", _clustered),
    "scipy": (f"scipy's BCa, {_SLICE} of these cells", _scipy),
    "flips": ("sign flips with max-T, 10,000 cells x 100 items, 999 draws", _flips),
    "null-small": ("effects of 720 cells x 24 items with 100 draws of a null", lambda: _null(720, 100)),
    "null-large": ("effects of 72,000 cells x 24 items with 20 draws of a null", lambda: _null(72_000, 20)),
}


def _measure(job: Callable[[], object]) -> dict[str, float]:
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to what is resident now
    before = _status("VmRSS")
    wall, processor = time.perf_counter(), time.process_time()
    job()
    spent = {"seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - processor}
    return {**spent, "megabytes": (_status("VmHWM") - before) / 1e6}


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field + ":")).split()[1]) * 1024


def _in_child(job: str) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__).resolve()), job]
    runs = [json.loads(subprocess.check_output(command, text=True).splitlines()[-1]) for _ in range(_ROUNDS)]
    return {name: float(np.median([run[name] for run in runs])) for name in runs[0]}


def main() -> None:
    """Measures one job in this process, or each in one of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", nargs="?", choices=sorted(_JOBS))
    args = parser.parse_args()
    if args.job:
        print(json.dumps(_measure(_JOBS[args.job][1]())))
        return
    found = {name: _in_child(name) for name in _JOBS}
    rows = [
        [_JOBS[name][0], f"{run['seconds']:.2f}", f"{run['processor_seconds']:.2f}", f"{run['megabytes']:.0f}"]
        for name, run in found.items()
    ]
    ratio = found["scipy"]["processor_seconds"] * (_CELLS / _SLICE) / found["bca"]["processor_seconds"]
    lines = table(["job", "s", "processor s", "memory + (MB)"], rows)
    lines += [
        "",
        f"Medians of {_ROUNDS}. For as many cells scipy would take {ratio:.0f} times as long (processor time).",
    ]
    print("\n".join(lines))
    write_section("speed", lines)


main()
