"""How many items does each generator make in a second of one core, and where does the time go?

python generators.py: measures every generated task in turn, several times over, and writes the table into README.md.
python generators.py NAME ...: measures the tasks whose names contain one of these, and prints their rows.

Processor time is counted, not the clock's, since other work may share the cores. The same items are made several times
over, in twenty blocks; each block's fastest time counts, since whatever else runs can only slow it down. The first time
is told as well: what items share is then worked out for the first time.
"""

import argparse
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from aetia.evals.task import Generator, Solution, Style, Task, Wording, generated, tasks

_HERE = Path(__file__).parent
_BEGIN, _END = "<!-- generators: begin, written by generators.py -->", "<!-- generators: end -->"
_AIM = 20_000  # items per second
_BLOCKS = 20  # of the items of one task
_STEPS = ("pose", "solve", "word")


@dataclass(frozen=True)
class Speed:
    """What was measured of a task: seconds of processor time.

    Args:
        once: Of one item before all others, with the tables that all items share.
        first: Of an item, the first time that the items were made.
        item: Of an item, by each block's fastest time.
        shares: Of an item's time, by step.
        draws: Problems posed for one item, with those that are rejected.
    """

    once: float
    first: float
    item: float
    shares: Mapping[str, float]
    draws: float


class _Timed(Generator[object]):
    """A generator that notes how long each of its steps takes."""

    def __init__(self, generator: "Generator[object]") -> None:
        self._own = generator
        self.version, self.labels = generator.version, generator.labels
        self.languages, self.names, self.wordings = generator.languages, generator.names, generator.wordings
        self.seconds = dict.fromkeys(_STEPS, 0.0)
        self.draws = 0

    def pose(self, random: Random, /) -> object:
        start = time.process_time()
        found = self._own.pose(random)
        self.seconds["pose"] += time.process_time() - start
        self.draws += 1
        return found

    def solve(self, problem: object, /) -> Solution:
        start = time.process_time()
        found = self._own.solve(problem)
        self.seconds["solve"] += time.process_time() - start
        return found

    def word(self, problem: object, solution: Solution, style: Style, random: Random, /) -> Wording:
        start = time.process_time()
        found = self._own.word(problem, solution, style, random)
        self.seconds["word"] += time.process_time() - start
        return found

    def cluster(self, problem: object, /) -> str:
        return self._own.cluster(problem)


def _seconds(task: Task, indices: Iterable[int], seed: int) -> float:
    start = time.process_time()
    for index in indices:
        generated(task, index, seed)
    return time.process_time() - start


def measured(chosen: list[Task], passes: int, seconds: float) -> dict[str, Speed]:
    """The speed of each task; the passes over one task's items are spread over the whole run."""
    once = {task.name: _seconds(task, [0], 0) for task in chosen}
    counts = {task.name: _BLOCKS * max(1, int(seconds * 2 / _seconds(task, range(40), 0))) for task in chosen}
    first: dict[str, float] = {}
    best = {task.name: [float("inf")] * _BLOCKS for task in chosen}
    for _ in range(passes):
        for task in chosen:
            size = counts[task.name] // _BLOCKS
            found = [_seconds(task, range(start, start + size), 1) for start in range(0, counts[task.name], size)]
            first.setdefault(task.name, sum(found))
            best[task.name] = list(map(min, best[task.name], found))
    speeds: dict[str, Speed] = {}
    for task in chosen:
        timed, count = _Timed(task.source), counts[task.name]  # pyright: ignore[reportArgumentType]  they have generators
        whole = _seconds(replace(task, source=timed), range(count), 2)
        shares = {step: spent / whole for step, spent in timed.seconds.items()}
        item = sum(best[task.name]) / count
        speeds[task.name] = Speed(once[task.name], first[task.name] / count, item, shares, timed.draws / count)
    return speeds


def _row(name: str, speed: Speed) -> str:
    rest = 1 - sum(speed.shares.values())
    parts = " | ".join(f"{share:.0%}" for share in (*speed.shares.values(), rest))
    rate = f"{1 / speed.item:,.0f}"
    shown = f"**{rate}**" if 1 / speed.item >= _AIM else rate
    times = f"{speed.item * 1e6:,.0f} | {speed.first * 1e6:,.0f}"
    return f"| {name} | {shown} | {times} | {parts} | {speed.draws:.1f} | {speed.once:.2f} |"


def main() -> None:
    """Measure, and write or print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--passes", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=0.05, help="of one pass over one task's items")
    asked = parser.parse_args()
    every = [task for task in tasks() if task.is_generated]
    chosen = [task for task in every if not asked.names or any(name in task.name for name in asked.names)]
    rows = [_row(name, speed) for name, speed in measured(chosen, asked.passes, asked.seconds).items()]
    if asked.names:
        print("\n".join(rows))
        return
    said = f"{time.strftime('%Y-%m-%d', time.gmtime())}: Python {platform.python_version()}, one core; "
    said += f"{asked.passes} passes over items for {asked.seconds} s; in bold: {_AIM:,} items/s or more."
    head = "| task | items/s | µs | µs, first pass | posing | solving | wording | rest | draws | tables (s) |"
    page = (_HERE / "README.md").read_text()
    before, after = page.split(_BEGIN)[0], page.split(_END)[1]
    body = [said, "", head, "| --- |" + " ---: |" * 9, *rows]
    (_HERE / "README.md").write_text("\n".join([before + _BEGIN, *body, _END]) + after)


if __name__ == "__main__":
    main()
