"""What does a circuit cost by contextual decomposition, and what by path patching, on the same question?

    python benchmarks/circuits/decomposition.py            # about ten minutes on one thread

The paper (Hsu et al. 2024, arXiv 2407.00886) claims at most half of path patching's cost. Two jobs on SmolLM2-135M: the
score of each of its 270 heads at the logits, and a search of three rounds that keeps two heads a round. Ways are
interleaved in one process, and their seconds are those of the processor, since the machine is shared. Writes
results/decomposition.json, from which README.md has its numbers.

Letters: L layers, T positions, H heads, n senders.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from aetia.circuits.decomposition import node_relevance
from aetia.circuits.decomposition_search import Search, find_circuit, keep_most_relevant
from aetia.circuits.deviations import deviations
from aetia.circuits.graph import Graph
from aetia.circuits.rules import Rules
from aetia.contrasts.contrast import AlignedContrast
from aetia.models import Cell, Intervention, Network, Outcome, Recording, Set, Site, load, record, run_planned
from aetia.models.ports import listen
from aetia.tracing.paths import path_effects

_STORE = "went to the quiet little book store on the corner very late today"
PAIRS = {
    # One late token differs: 6 of 24 positions have to be computed.
    "second name": (
        f"When Mary and John {_STORE}, John gave a cold drink to",
        f"When Mary and John {_STORE}, Mary gave a cold drink to",
    ),
    # The paper's own reference: all names are others, so nearly all positions differ.
    "all names": (
        f"When Mary and John {_STORE}, John gave a cold drink to",
        f"When Alice and Tom {_STORE}, James gave a cold drink to",
    ),
}
ROUNDS, KEEP, TOP = 3, 2, 10
MEMORY = 2**30


@dataclass(frozen=True, eq=False)
class Job:
    """One item with both of its runs recorded."""

    network: Network
    item: AlignedContrast
    base: Recording
    source: Recording
    outcome: Outcome
    start: int
    heads: tuple[str, ...]

    @property
    def value(self) -> float:
        """The clean outcome."""
        return float(self.outcome.read(self.network, self.base.resid_pre[None, -1, -1:]))

    def site(self, head: str) -> Site:
        """A head's output at every position that differs."""
        layer, number = _numbers(head)
        return Site("z", layer, number, position=f"{self.start}:{self.base.length}")


def make_job(network: Network, pair: str) -> Job:
    """The item of that name, its runs recorded."""
    clean, corrupted = (network.tokenize(text).ids for text in PAIRS[pair])
    answer, foil = (network.tokenize(text).ids for text in (" Mary", " John"))
    item = AlignedContrast(pair, *PAIRS[pair], " Mary", " John", clean, corrupted, (), (), answer, foil, {})
    parts = [(name, layer) for layer in range(len(network.blocks)) for name in ("z", "mlp_out")]
    base, source = record(network, clean, parts), record(network, corrupted, parts)
    start = next(at for at, (a, b) in enumerate(zip(clean, corrupted, strict=True)) if a != b)
    heads = tuple(name for name in Graph.of(network).senders if ".h" in name)
    return Job(network, item, base, source, Outcome("logit_difference", answer, foil[0]), start, heads)


def _numbers(head: str) -> tuple[int, int]:
    layer, number = head[1:].split(".h")
    return int(layer), int(number)


def decomposed(patterns: str) -> Callable[[Job], Tensor]:
    """Scores by contextual decomposition; recording the runs is part of it."""
    rules = Rules("frozen" if patterns == "frozen" else "decomposed")
    return lambda job: node_relevance(job.network, [job.item], job.heads, rules=rules)[0].float()


def planned_paths(job: Job, receivers: Sequence[Site] = ()) -> Tensor:
    """Effects by aetia's path patching, MLPs in between left to react."""
    senders = [job.site(head) for head in job.heads]
    values = path_effects(
        job.network, job.base, job.source, job.outcome, senders, receivers, through_mlps=True, memory=MEMORY
    )
    return job.value - values


def patched(job: Job) -> Tensor:
    """Total effects: each head patched, everything behind it left to react."""
    sites = [job.site(head) for head in job.heads]
    cells = [Cell((Intervention(site, Set(job.source.at(site, site.positions(job.base.length)))),)) for site in sites]
    return job.value - run_planned(job.network, [job.base], cells, [job.outcome], memory=MEMORY).values


@torch.inference_mode()
def hooked_paths(job: Job, receivers: Sequence[tuple[int, int]] = ()) -> Tensor:
    """Path patching by plain hooks: a batch for each layer's senders, and a second one if there are receivers.

    Args:
        job: The item.
        receivers: The layer and head of each head whose queries, keys and values receive.
    """
    found = []
    for layer in range(len(job.network.blocks)):
        read = {later: [head for at, head in receivers if at == later] for later, _ in receivers if later > layer}
        kept: dict[tuple[str, int], Tensor] = {}
        logits = _run_hooked(job, layer, kept, list(read))
        if receivers:
            logits = _run_received(job, kept, read)
        found.append(logits[:, job.outcome.answer[0]] - logits[:, job.outcome.foil])
    return job.value - torch.cat(found)


def _run_hooked(job: Job, layer: int, kept: dict[tuple[str, int], Tensor], keep: Sequence[int]) -> Tensor:
    """Logits `[H, V]` when each head of a layer sends its corrupted value and all later heads are held."""
    network, count = job.network, job.network.heads.query

    def send(tensor: Tensor) -> None:
        view = tensor.view(count, job.base.length, count, -1)
        for head in range(count):
            view[head, :, head] = job.source.components["z", layer][:, head]

    def hold(tensor: Tensor, later: int) -> None:
        tensor.copy_(job.base.components["z", later].flatten(1).expand_as(tensor))

    with ExitStack() as stack:
        stack.callback(listen(network.ports[layer]["z"], send).remove)
        for later in range(layer + 1, len(network.blocks)):
            port = network.ports[later]["z"]
            stack.callback(listen(port, lambda tensor, later=later: hold(tensor, later)).remove)
        for later in keep:
            for name in "qkv":
                port = network.ports[later][name]
                key = (name, later)
                stack.callback(listen(port, lambda tensor, key=key: kept.update({key: tensor.clone()})).remove)
        rows = torch.tensor([job.base.ids]).expand(count, -1)
        return network.module(rows, logits_to_keep=1, use_cache=False).logits[:, -1]


def _run_received(job: Job, kept: dict[tuple[str, int], Tensor], read: dict[int, list[int]]) -> Tensor:
    """Logits `[H, V]` when the receivers take what they received."""
    network, count = job.network, job.network.heads.query
    group = count // network.heads.key_value

    def receive(tensor: Tensor, name: str, layer: int) -> None:
        heads = sorted({head if name == "q" else head // group for head in read[layer]})
        width = network.heads.width
        for head in heads:
            part = slice(head * width, (head + 1) * width)
            tensor[..., part] = kept[name, layer][..., part]

    with ExitStack() as stack:
        for layer in read:
            for name in "qkv":
                port = network.ports[layer][name]
                stack.callback(listen(port, lambda t, name=name, layer=layer: receive(t, name, layer)).remove)
        rows = torch.tensor([job.base.ids]).expand(count, -1)
        return network.module(rows, logits_to_keep=1, use_cache=False).logits[:, -1]


def search_by_paths(job: Job, *, by_hooks: bool) -> tuple[tuple[str, ...], ...]:
    """The rounds of `find_circuit`, with path patching into queries, keys and values in place of relevance."""
    rounds: list[tuple[str, ...]] = []
    for _ in range(ROUNDS):
        pairs = [_numbers(head) for head in (rounds[-1] if rounds else ())]
        effects = hooked_paths(job, pairs) if by_hooks else planned_paths(job, _receivers(job, pairs))
        before = min((layer for layer, _ in pairs), default=len(job.network.blocks))
        taken = {head for kept in rounds for head in kept}
        scores = dict(zip(job.heads, effects.tolist(), strict=True))
        usable = {head: value for head, value in scores.items() if head not in taken and _numbers(head)[0] < before}
        rounds.append(keep_most_relevant(usable, KEEP))
    return tuple(rounds)


def _receivers(job: Job, pairs: Sequence[tuple[int, int]]) -> list[Site]:
    group = job.network.heads.query // job.network.heads.key_value
    named = dict.fromkeys(
        (name, layer, head if name == "q" else head // group) for layer, head in pairs for name in "qkv"
    )
    at = range(job.start, job.base.length)
    return [Site(name, layer, head, position=position) for name, layer, head in named for position in at]


def search_by_relevance(patterns: str) -> Callable[[Job], tuple[tuple[str, ...], ...]]:
    """The rounds of the search by decomposition, without the dropping that both would share."""
    rules = Rules("frozen" if patterns == "frozen" else "decomposed")
    search = Search(keep=KEEP, rounds=ROUNDS, slack=None, rules=rules)
    return lambda job: find_circuit(job.network, [job.item], search, memory=MEMORY).rounds


SCORES: dict[str, Callable[[Job], Tensor]] = {
    "CD-T, weights frozen": decomposed("frozen"),
    "CD-T, weights decomposed": decomposed("decomposed"),
    "path patching, aetia": planned_paths,
    "path patching, plain hooks": hooked_paths,
    "activation patching, aetia": patched,
}
SEARCHES: dict[str, Callable[[Job], tuple[tuple[str, ...], ...]]] = {
    "CD-T, weights frozen": search_by_relevance("frozen"),
    "CD-T, weights decomposed": search_by_relevance("decomposed"),
    "path patching, aetia": lambda job: search_by_paths(job, by_hooks=False),
    "path patching, plain hooks": lambda job: search_by_paths(job, by_hooks=True),
}


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's, of scores without ties."""
    ranks = torch.stack([values.argsort().argsort().double() for values in (a, b)])
    return float(torch.corrcoef(ranks)[0, 1])


def overlap(a: Tensor, b: Tensor) -> int:
    """How many of the `TOP` largest by size two scores share."""
    first, second = (set(values.abs().argsort(descending=True)[:TOP].tolist()) for values in (a, b))
    return len(first & second)


def main() -> None:
    """Times both jobs and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--search", nargs="*", default=["second name"], help="the pairs that are searched, too")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network = load("smollm2-135m")
    results: dict[str, object] = {"torch": torch.__version__, "threads": 1, "repeats": args.repeats}
    for pair in PAIRS:
        job = make_job(network, pair)
        next(deviations(network, [job.item], "patch"))  # warms the allocator
        results[pair] = {"tokens": job.base.length, "first difference": job.start, **_scores(job, args.repeats)}
        if pair in args.search:
            results[f"{pair}: search"] = _searches(job)
        target = Path(__file__).parent / "results" / "decomposition.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _scores(job: Job, repeats: int) -> dict[str, object]:
    values: dict[str, Tensor] = {}
    times: dict[str, list[float]] = {name: [] for name in SCORES}
    for turn in range(repeats):
        for name, score in SCORES.items():
            if turn and "hooks" in name:
                continue  # half a minute each time, and it does not vary
            start = time.process_time()
            values[name] = score(job)
            times[name].append(time.process_time() - start)
            print(f"{job.item.id}: {name}: {times[name][-1]:.2f} s", flush=True)
    exact, total = values["path patching, plain hooks"], values["activation patching, aetia"]
    return {
        name: {
            "seconds": statistics.median(times[name]),
            "all": times[name],
            "off by": float((values[name] - exact).abs().max()),
            "rank correlation with paths": rank_correlation(values[name], exact),
            "top 10 with paths": overlap(values[name], exact),
            "rank correlation with patching": rank_correlation(values[name], total),
            "top 10 with patching": overlap(values[name], total),
        }
        for name in SCORES
    }


def _searches(job: Job) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, search in SEARCHES.items():
        start = time.process_time()
        rounds = search(job)
        found[name] = {"seconds": time.process_time() - start, "rounds": rounds}
        print(f"{job.item.id}: search: {name}: {found[name]}", flush=True)
    return found


if __name__ == "__main__":
    main()
