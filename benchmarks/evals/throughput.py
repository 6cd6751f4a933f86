"""How many items does a model score or answer in a second, here and with lm-evaluation-harness, and in what memory?

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
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

_HERE = Path(__file__).parent
_BEGIN, _END = "<!-- results: begin, written by throughput.py -->", "<!-- results: end -->"
_MODEL = "smollm2-135m"
_MOST = 128  # tokens of a reply
_SLOWER = 20  # replies that are written take about so many times as long as labels that are scored
_NAMES = "storm flood harvest traffic fever medicine engine smoke window garden music river market letter".split()

Answers: TypeAlias = list[list[float]] | list[str]
"""The scores of each item's options, or each item's reply."""


@dataclass(frozen=True)
class Choice:
    """An item: a context and the continuations to choose from; with none of them, a reply is written."""

    context: str
    options: tuple[str, ...]


def choices(kind: str, count: int) -> list[Choice]:
    """Items of one kind, always the same ones.

    `sentences`: two options of some words after a premise, as in COPA. `premises`: four options of a sentence after a
    longer text, as in CaLM's choices. `yes-no`: one token each after a longer text. `replies`: a reply to a question
    about a longer text, which every second item asks again, to be thought through step by step.
    """
    if kind == "replies":
        return [_reply(Random(place // 2), is_thought=place % 2 == 1) for place in range(count)]
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


def _reply(draw: Random, *, is_thought: bool) -> Choice:
    asked = _premises(draw).context.removesuffix("\nAnswer:")
    return Choice(f"{asked}\nThink it through step by step before you answer." if is_thought else asked, ())


_MAKERS: dict[str, Callable[[Random], Choice]] = {"sentences": _sentences, "premises": _premises, "yes-no": _yes_no}
_KINDS = [*_MAKERS, "replies"]


def _aetia(items: Sequence[Choice]) -> Callable[[], Answers]:
    from aetia.evals.answerers.local import LocalAnswerer
    from aetia.evals.dialogue import Message, Request
    from aetia.models import load

    is_written = not items[0].options
    answerer = LocalAnswerer(load(_MODEL, device="cpu"), template="chat" if is_written else "plain")
    requests = [Request((Message("user", item.context),), continuations=item.options, tokens=_MOST) for item in items]

    def answer() -> Answers:
        replies = dict(answerer.answer(requests))
        ordered = [replies[place] for place in range(len(requests))]
        return [reply.text.strip() for reply in ordered] if is_written else [list(reply.scores) for reply in ordered]

    return answer


def _harness(items: Sequence[Choice], batch: int) -> Callable[[], Answers]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from aetia.models.resolve import locate

    folder = str(locate(_MODEL).path)
    model = HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=batch)

    def write() -> Answers:
        asked = [
            Instance("generate_until", {}, (_chat(model, item.context), {"until": [], "max_gen_toks": _MOST}), place)
            for place, item in enumerate(items)
        ]
        return [reply.strip() for reply in model.generate_until(asked, disable_tqdm=True)]

    def score() -> Answers:
        asked = [
            Instance("loglikelihood", {}, (item.context, option), place)
            for item in items
            for place, option in enumerate(item.options)
        ]
        found = iter(model.loglikelihood(asked, disable_tqdm=True))
        return [[next(found)[0] for _ in item.options] for item in items]

    return score if items[0].options else write


def _chat(model: "HFLM", text: str) -> str:
    return model.apply_chat_template([{"role": "user", "content": text}])


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field + ":")).split()[1]) * 1024


def _job(name: str, kind: str, count: int) -> None:
    items = choices(kind, count)
    answer = _aetia(items) if name == "aetia" else _harness(items, int(name.rpartition("-")[2]))
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to what is resident now
    before, start = _status("VmRSS"), time.perf_counter()
    answers = answer()
    seconds = time.perf_counter() - start
    memory = {"loaded": before, "peak": _status("VmHWM")}
    print(json.dumps({"seconds": seconds, "answers": answers, **memory}))


@dataclass(frozen=True)
class Job:
    """What a job took, and its answers."""

    seconds: float
    answers: Answers
    loaded: int
    peak: int


def _run(name: str, kind: str, count: int) -> Job:
    command = [sys.executable, __file__, "--job", name, "--kind", kind, "--items", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Job(**json.loads(done.stdout.splitlines()[-1]))


def _alternated(kind: str, count: int, rounds: int, peers: Sequence[str]) -> list[str]:
    """The rows of one kind of items."""
    runs: dict[str, list[Job]] = {name: [] for name in ("aetia", *peers)}
    for number in range(rounds):
        order = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in order:
            runs[name].append(_run(name, kind, count))
            print(kind, name, f"{runs[name][-1].seconds:.1f} s", file=sys.stderr, flush=True)
    ours = runs["aetia"][0].answers
    rows = []
    for name, found in runs.items():
        seconds = [run.seconds for run in found]
        ratios = [mine.seconds / own for mine, own in zip(runs["aetia"], seconds, strict=True)]
        same, apart = _compared(ours, found[0].answers)
        memory = max(run.peak - run.loaded for run in found) / 1e6
        peak = max(run.peak for run in found) / 1e6
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append(
            f"| {kind} | {name} | {count / statistics.median(seconds):.1f} | {spread} | {same} of {count} | {apart}"
            f" | {memory:.0f} | {peak:.0f} |"
        )
    return rows


def _compared(ours: Answers, theirs: Answers) -> tuple[int, str]:
    """In how many items the reply or the likeliest option is the same, and how far two scores are apart at most."""
    same, apart = 0, [0.0]
    for mine, own in zip(ours, theirs, strict=True):
        if isinstance(mine, str) or isinstance(own, str):
            same += mine == own
        else:
            same += mine.index(max(mine)) == own.index(max(own))
            apart += [abs(one - other) for one, other in zip(mine, own, strict=True)]
    return same, f"{max(apart):.0e}" if len(apart) > 1 else "-"


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
    parser.add_argument("--kind", nargs="*", default=_KINDS, choices=_KINDS)
    parser.add_argument("--items", type=int, default=1000, help=f"of replies one for {_SLOWER}. [default: 1000]")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 16])
    chosen = parser.parse_args()
    if chosen.job:
        _job(chosen.job, chosen.kind[0], chosen.items)
        return
    peers = [f"lm-eval, batch-{batch}" for batch in chosen.batches]
    counts = {kind: max(1, chosen.items // (_SLOWER if kind == "replies" else 1)) for kind in chosen.kind}
    rows = [row for kind, count in counts.items() for row in _alternated(kind, count, chosen.rounds, peers)]
    _write(rows, chosen.rounds)


if __name__ == "__main__":
    main()
