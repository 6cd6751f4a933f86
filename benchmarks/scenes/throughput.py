"""How many scenes a second does one core draw, render and ask about?

    OMP_NUM_THREADS=1 python benchmarks/scenes/throughput.py

Each figure is the median of several runs over fresh seeds, in processor time, so that other work on the machine counts
for less; the slowest run stands beside it.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from aetia.scenes import Settings, clip, draw, draw_edit, masks, questions, render

_FULL = Settings(sizes=True, textures=True, labels=True, occlusion=True)


def _asked(settings: Settings) -> Callable[[int], object]:
    def make(seed: int) -> object:
        scene = draw(seed, settings)
        return render(scene), questions(scene, seed)

    return make


def _edited(seed: int) -> object:
    pair = draw_edit(seed, "colour")
    return render(pair.before), render(pair.after)


def _masked(seed: int) -> object:
    scene = draw(seed)
    return render(scene), masks(scene), questions(scene, seed)


def _clip(seed: int) -> object:
    return [render(frame) for frame in clip(seed).frames]


_MEASURED: tuple[tuple[str, Callable[[int], object]], ...] = (
    ("64 x 64, plain: draw, render, ask", _asked(Settings(size=64))),
    ("96 x 96, plain: draw, render, ask", _asked(Settings())),
    ("96 x 96, with masks", _masked),
    ("96 x 96, ten things", _asked(Settings(fewest=10, most=10))),
    ("96 x 96, sizes, textures, labels, occlusion", _asked(_FULL)),
    ("224 x 224, plain", _asked(Settings(size=224))),
    ("96 x 96, edited pairs", _edited),
    ("96 x 96, clips of 8 frames", _clip),
)


def _per_second(make: Callable[[int], object], count: int, first: int) -> float:
    start = time.process_time()
    for seed in range(first, first + count):
        make(seed)
    return count / (time.process_time() - start)


def main() -> None:
    """Print one line of a table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="scenes a run")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    print("| | a second, median | slowest run |\n|---|---:|---:|")
    for name, make in _MEASURED:
        make(0)
        rates = [_per_second(make, asked.count, run * asked.count) for run in range(asked.runs)]
        print(f"| {name} | {statistics.median(rates):,.0f} | {min(rates):,.0f} |", flush=True)


if __name__ == "__main__":
    main()
