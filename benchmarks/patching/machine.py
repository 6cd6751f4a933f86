"""How fast and how quiet is this machine while the benchmark runs, and how much memory does a process take?"""

import os
import platform
import statistics
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import linear

from aetia.models.allocator import give_back

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_SQUARE = 2048
_ROWS = 1024  # rows of the layer's products: as many as the planner sends through a block at a time


@dataclass(frozen=True)
class Roof:
    """Speed of matrix products, in GFLOP/s, float32.

    Args:
        square: A large square product.
        layers: The products of one decoder block, in the proportion in which it holds them.
    """

    square: float
    layers: float

    def between(self, other: "Roof") -> "Roof":
        """The mean of two measurements."""
        return Roof((self.square + other.square) / 2, (self.layers + other.layers) / 2)


def measure_roof(config: "PreTrainedConfig") -> Roof:
    """What the machine reaches right now; takes under a second on a thread of 100 GFLOP/s."""
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    width, inner = config.hidden_size, config.intermediate_size
    queries, keys = head * config.num_attention_heads, head * config.num_key_value_heads
    shapes = [(width, queries), (width, keys), (width, keys), (queries, width)]
    shapes += [(width, inner), (width, inner), (inner, width)]
    with torch.inference_mode():
        square = 2 * _SQUARE**3 / _seconds(_SQUARE, _SQUARE, _SQUARE, repeats=3)
        spent = {shape: _seconds(_ROWS, *shape, repeats=9) for shape in set(shapes)}
    operations = sum(2 * _ROWS * a * b for a, b in shapes)
    return Roof(square / 1e9, operations / sum(spent[shape] for shape in shapes) / 1e9)


def _seconds(rows: int, inner: int, outer: int, repeats: int) -> float:
    """Median time of `[rows, inner] @ [inner, outer]`, weights laid out as in a linear layer."""
    x, weight = torch.randn(rows, inner), torch.randn(outer, inner)
    linear(x, weight)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        linear(x, weight)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


class PeakMemory:
    """Bytes this process takes above what it took when this was made; Linux only."""

    def __init__(self) -> None:
        give_back()  # what loading left free would hide what comes now
        Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to what is resident now
        self.before = _status("VmRSS")

    def above(self) -> int:
        """The highest so far."""
        return _status("VmHWM") - self.before


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def be_quiet() -> None:
    """Leaves progress bars and warnings of the libraries out."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    warnings.filterwarnings("ignore")


def describe_machine(threads: int) -> dict[str, str | int]:
    """What a reader needs to know to compare numbers."""
    settings = [f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith(("OMP_", "MKL_", "MALLOC_"))]
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": threads,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "settings": " ".join(settings),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
