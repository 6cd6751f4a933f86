"""How many multiple-choice items does a model score in a second, here and with lm-evaluation-harness; in what memory?

python throughput.py: alternates both, each in a process of its own, and writes the table into README.md.
python throughput.py --job NAME: one job, whose answers and figures are printed as one line of JSON.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

_HERE = Path(__file__).parent
_BEGIN, _END = "<!-- results: begin, written by throughput.py -->", "<!-- results: end -->"
_MODEL = "smollm2-135m"
_NAMES = "storm flood harvest traffic fever medicine engine smoke window garden music river market letter".split()


@dataclass(frozen=True)
class Choice:
    """An item: a context and the continuations to choose from."""

    context: str
    options: tuple[str, ...]


def choices(kind: str, count: int) -> list[Choice]:
    """Items of one kind, always the same ones.

    `sentences`: two options of some words after a premise, as in COPA. `premises`: four options of a sentence after a
    longer text, as in CaLM's choices. `yes-no`: one token each after a longer text.
    """
    draw = Random(0)
    return [_MAKERS[kind](draw) for _ in range(count)]


def _sentences(draw: Random) -> Choice:
    first, second, third = draw.sample(_NAMES, 3)
    verb = draw.choice(["stopped", "began", "returned", "was gone"])
    premise = f"The {first} {verb} after a long day near the {second}. What was the cause of this?"
    return Choice(f"{premise}\nAnswer:", (f" The {third} had been there before.", f" Nobody had seen the {second}."))


def _premises(draw: Random) -> Choice:
    first, second, third, fourth = draw.sample(_NAMES, 4)
    context = (
        f"In a village the {first} makes the {second} more likely, and the {second} makes the {third} more likely. "
        f"The {fourth} makes both the {first} and the {third} more likely. Nothing else links the four of them, and "
        f"nobody has changed anything in the last {draw.randrange(2, 90)} years. One day somebody prevents the "
        f"{second}, whatever the {first} and the {fourth} are like, and the people of the village look at the {third}. "
        "What do they find, compared with other days?\nAnswer:"
    )
    options = (
        f" The {third} is seen less often than before.",
        f" The {third} is seen as often as before.",
        f" The {first} is seen less often, because the {second} is its cause.",
        f" The {fourth} no longer has anything to do with the {third}.",
    )
    return Choice(context, options)


def _yes_no(draw: Random) -> Choice:
    asked = _premises(draw)
    return Choice(asked.context.replace("\nAnswer:", " Are there fewer than before?\nAnswer:"), (" Yes", " No"))


_MAKERS: dict[str, Callable[[Random], Choice]] = {"sentences": _sentences, "premises": _premises, "yes-no": _yes_no}


def _aetia(items: Sequence[Choice]) -> Callable[[], list[list[float]]]:
    from aetia.evals.answerers.local import LocalAnswerer
    from aetia.evals.dialogue import Message, Request
    from aetia.models import load

    answerer = LocalAnswerer(load(_MODEL, device="cpu"), template="plain")
    requests = [Request((Message("user", item.context),), continuations=item.options) for item in items]

    def score() -> list[list[float]]:
        replies = dict(answerer.answer(requests))
        return [list(replies[place].scores) for place in range(len(requests))]

    return score


def _harness(items: Sequence[Choice], batch: int) -> Callable[[], list[list[float]]]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from aetia.models.resolve import locate

    folder = str(locate(_MODEL).path)
    model = HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=batch)

    def score() -> list[list[float]]:
        asked = [
            Instance("loglikelihood", {}, (item.context, option), place)
            for item in items
            for place, option in enumerate(item.options)
        ]
        found = iter(model.loglikelihood(asked, disable_tqdm=True))
        return [[next(found)[0] for _ in item.options] for item in items]

    return score


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field + ":")).split()[1]) * 1024


def _job(name: str, kind: str, count: int) -> None:
    items = choices(kind, count)
    score = _aetia(items) if name == "aetia" else _harness(items, int(name.rpartition("-")[2]))
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to what is resident now
    before, start = _status("VmRSS"), time.perf_counter()
    scores = score()
    seconds = time.perf_counter() - start
    memory = {"loaded": before, "peak": _status("VmHWM")}
    print(json.dumps({"seconds": seconds, "scores": scores, **memory}))


def _run(name: str, kind: str, count: int) -> dict[str, float | list[list[float]]]:
    command = [sys.executable, __file__, "--job", name, "--kind", kind, "--items", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _alternated(kind: str, count: int, rounds: int, peers: Sequence[str]) -> list[str]:
    """The rows of one kind of items."""
    runs: dict[str, list[dict[str, float | list[list[float]]]]] = {name: [] for name in ("aetia", *peers)}
    for number in range(rounds):
        order = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in order:
            runs[name].append(_run(name, kind, count))
            print(kind, name, f"{runs[name][-1]['seconds']:.1f} s", file=sys.stderr, flush=True)
    ours = runs["aetia"][0]["scores"]
    rows = []
    for name, found in runs.items():
        seconds = [float(run["seconds"]) for run in found]
        ratios = [float(mine["seconds"]) / own for mine, own in zip(runs["aetia"], seconds, strict=True)]
        same, apart = _compared(ours, found[0]["scores"])
        memory = max(float(run["peak"]) - float(run["loaded"]) for run in found) / 1e6
        peak = max(float(run["peak"]) for run in found) / 1e6
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append(
            f"| {kind} | {name} | {count / statistics.median(seconds):.1f} | {spread} | {same} of {count} | {apart:.0e}"
            f" | {memory:.0f} | {peak:.0f} |"
        )
    return rows


def _compared(ours: object, theirs: object) -> tuple[int, float]:
    """In how many items the likeliest option is the same, and how far two scores are apart at most."""
    assert isinstance(ours, list)
    assert isinstance(theirs, list)
    same = sum(mine.index(max(mine)) == own.index(max(own)) for mine, own in zip(ours, theirs, strict=True))
    pairs = (pair for mine, own in zip(ours, theirs, strict=True) for pair in zip(mine, own, strict=True))
    return same, max(abs(mine - own) for mine, own in pairs)


def _write(rows: Sequence[str], rounds: int) -> None:
    from importlib.metadata import version

    said = f"{time.strftime('%Y-%m-%d', time.gmtime())}: {_MODEL}, float32, {os.cpu_count()} cores, "
    said += f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}, Python {platform.python_version()}, "
    said += ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "lm-eval"))
    head = (
        "| items | method | items/s | speed to aetia's | same answers | scores apart by | memory + (MB) | peak (MB) |"
    )
    body = [f"{said}; {rounds} alternated rounds.", "", head, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    page = (_HERE / "README.md").read_text()
    before, after = page.split(_BEGIN)[0], page.split(_END)[1]
    (_HERE / "README.md").write_text("\n".join([before + _BEGIN, *body, *rows, _END]) + after)


def main() -> None:
    """Run one job, or all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--job")
    parser.add_argument("--kind", nargs="*", default=list(_MAKERS), choices=list(_MAKERS))
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 16])
    chosen = parser.parse_args()
    if chosen.job:
        _job(chosen.job, chosen.kind[0], chosen.items)
        return
    peers = [f"lm-eval, batch-{batch}" for batch in chosen.batches]
    rows = [row for kind in chosen.kind for row in _alternated(kind, chosen.items, chosen.rounds, peers)]
    _write(rows, chosen.rounds)


if __name__ == "__main__":
    main()
