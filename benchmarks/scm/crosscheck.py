"""Is every identified effect equal to the truth, and every refusal backed by two models, and what do the peers say?

    OMP_NUM_THREADS=1 python benchmarks/scm/crosscheck.py --models 2000 --peers PYTHON

Each model is a random ADMG of 3 to 6 variables of 2 or 3 values, with a hidden root an arc; its joint distribution,
left alone and under interventions, is added up from its tables by `numpy.einsum`, not by aetia's own elimination. Two
questions a model: the effect of one variable on one other, which all peers take, and one of several variables, often
conditional, which y0 takes too. An estimand sees the observational joint alone. A disagreement is decided by the truth
(an estimand is right or wrong) or by two models that agree on all observations and differ in the effect.

PYTHON runs antecedent and y0; without it the truth is checked alone. The last table times 30 variables.
"""

import argparse
import json
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np

from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.identification import Identification, Refusal, attempt
from aetia.scm.language.expression import Expression, Probability, Product, Quotient, Sum
from aetia.scm.language.printing import to_text
from aetia.scm.language.query import Assignment, ProbabilityQuery, Term
from aetia.scm.language.rewriting import free_variables
from aetia.scm.models.evaluation import evaluate
from aetia.scm.models.factor import Factor
from aetia.scm.models.measured import Distribution

_EXACT = 1e-9
_SHOWN = 3
_TEXTBOOK = (
    "Z -> X; Z -> Y; X -> Y",
    "X -> Z -> Y; X <-> Y",
    "W1 -> W2 -> X -> Y; W1 <-> X; W1 <-> Y",
    "X -> Y; X <-> M; M <-> Y",
    "X -> Y; X <-> Y",
    "X -> Z -> Y; X <-> Z",
)


@dataclass(frozen=True)
class _World:
    """A random model: its graph, the sizes of its variables and its tables, by variable (hidden ones by arc)."""

    graph: Graph
    sizes: dict[str, int]
    tables: dict[str, tuple[tuple[str, ...], np.ndarray]]

    def joint(self, treatments: Sequence[str] = ()) -> Factor:
        """P(all | do(treatments)), an axis a variable, those of the treatments for what they are set to."""
        letters = {name: number for number, name in enumerate(self.sizes)}
        parts: list[np.ndarray | list[int]] = []
        for name, (axes, table) in self.tables.items():
            if name not in treatments:
                parts += [table, [letters[axis] for axis in axes]]
        for name in treatments:
            parts += [np.ones(self.sizes[name]), [letters[name]]]
        out = [letters[name] for name in self.graph.nodes]
        return Factor(self.graph.nodes, np.einsum(*parts, out, optimize="greedy"))

    def effect(self, query: ProbabilityQuery) -> Factor:
        """The truth: outcomes' law given what is known, under each setting of the treatments."""
        outcomes, given, treatments = _roles(query)
        every = self.joint(treatments).marginal((*treatments, *given, *outcomes))
        known = every.sum_out(outcomes)
        return every.divided_by(known)


def _world(seed: int) -> _World:
    draw = np.random.default_rng(seed)
    count = int(draw.integers(3, 7))
    names = [f"V{number}" for number in draw.permutation(count)]
    arrows, arcs = draw.uniform(0.2, 0.8), draw.uniform(0.0, 0.5)
    pairs = list(combinations(names, 2))
    directed = [pair for pair in pairs if draw.random() < arrows]
    bidirected = [pair for pair in pairs if draw.random() < arcs]
    return _filled(Graph.of(directed, bidirected, nodes=sorted(names)), draw)


def _filled(graph: Graph, draw: np.random.Generator) -> _World:
    """Random tables for the graph."""
    names = graph.order
    sizes = {name: int(draw.integers(2, 4)) if len(names) < 6 else 2 for name in names}
    hidden = {str(edge): (edge.first, edge.second) for edge in sorted(graph.edges) if edge.is_bidirected}
    sizes |= dict.fromkeys(hidden, 2)
    tables = {name: ((name,), draw.dirichlet(np.ones(2))) for name in hidden}
    for name in names:
        parents = (*sorted(graph.parents[name]), *(latent for latent, pair in hidden.items() if name in pair))
        table = draw.dirichlet(np.ones(sizes[name]), size=tuple(sizes[parent] for parent in parents))
        tables[name] = ((*parents, name), table)
    return _World(graph, sizes, tables)


def _queries(world: _World, seed: int) -> list[ProbabilityQuery]:
    """One treatment and one outcome; and a random question."""
    draw = np.random.default_rng((seed, 1))
    names = [str(name) for name in draw.permutation(world.graph.nodes)]
    first = ProbabilityQuery((Term(names[0]),), (), (Assignment(names[1]),))
    names = [str(name) for name in draw.permutation(world.graph.nodes)]
    outcomes, treatments = 1 + int(draw.random() < 0.3), 1 + int(draw.random() < 0.4)
    given = int(draw.integers(0, 3))
    return [first, ProbabilityQuery(
        tuple(map(Term, names[:outcomes])),
        tuple(map(Term, names[outcomes + treatments : outcomes + treatments + given])),
        tuple(map(Assignment, names[outcomes : outcomes + treatments])),
    )]  # fmt: skip


def _roles(query: ProbabilityQuery) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    names = [tuple(one.variable for one in part) for part in (query.event, query.given, query.do)]
    return names[0], names[1], names[2]


def _error(expression: Expression, world: _World, query: ProbabilityQuery) -> float:
    """How far the estimand, on the observational joint alone, is from the truth, at any values of any open variable."""
    truth = world.effect(query)
    values = {name: tuple(range(world.sizes[name])) for name in world.graph.nodes}
    found = evaluate(expression, Distribution(values, world.joint()))
    if not isinstance(found, Factor):
        found = Factor((), np.asarray(found))
    axes = tuple(dict.fromkeys((*truth.axes, *found.axes)))
    return float(np.abs(truth.over(axes) - found.over(axes)).max())


def _is_backed(refusal: Refusal, query: ProbabilityQuery) -> bool:
    """Whether its two models have the same law of all observed variables, exactly, and differ in the effect."""
    models = refusal.disagreement()
    assert models is not None
    outcomes, given, treatments = _roles(query)
    laws = [model.joint(refusal.graph.nodes).values for model in models]
    same = bool((laws[0] == laws[1]).all()) and bool((laws[0] > 0).all())
    effects = []
    for model in models:
        for setting in product(*(model.values[name] for name in treatments)):
            joint = model.do(dict(zip(treatments, setting, strict=True))).joint((*given, *outcomes))
            effects.append(joint.values / joint.over((*given, *outcomes)).sum(
                axis=tuple(range(len(given), len(given) + len(outcomes))), keepdims=True))  # fmt: skip
    half = len(effects) // 2
    return same and any((one != other).any() for one, other in zip(effects[:half], effects[half:], strict=True))


def _problem(graph: Graph, query: ProbabilityQuery, peers: Sequence[str]) -> str:
    outcomes, given, treatments = _roles(query)
    edges = {kind: [(edge.first, edge.second) for edge in sorted(graph.edges) if getattr(edge, f"is_{kind}")]
             for kind in ("directed", "bidirected")}  # fmt: skip
    sides = {"treatments": treatments, "outcomes": outcomes, "given": given}
    return json.dumps({"nodes": graph.nodes, **edges, **sides, "peers": peers})


def _answers(python: Path, problems: Sequence[str]) -> list[dict]:
    """The peers' answers, from their own Python."""
    script = Path(__file__).with_name("identification_peers.py")
    done = subprocess.run([python, script], input="\n".join(problems), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _expression(tree: list) -> Expression:
    """A peer's estimand in aetia's terms."""
    match tree:
        case ["product", *factors]:
            return Product(tuple(map(_expression, factors)))
        case ["sum", over, of]:
            return Sum(tuple(over), _expression(of))
        case ["quotient", numerator, denominator]:
            return Quotient(_expression(numerator), _expression(denominator))
        case ["probability", event, given]:
            return Probability(tuple(map(Term, event)), tuple(map(Term, given)))
        case _:
            raise ValueError(tree)


def check(count: int, peers: Path | None) -> None:
    """Prints what came out for that many models."""
    worlds = [_world(seed) for seed in range(count)]
    cases = [(seed, world, query) for seed, world in enumerate(worlds) for query in _queries(world, seed)]
    found = [attempt(world.graph, query) for _, world, query in cases]
    tally, worst = Counter[str](), 0.0
    right = list[bool]()
    for (seed, world, query), one in zip(cases, found, strict=True):
        if isinstance(one, Identification):
            error = _error(one.expression, world, query)
            worst = max(worst, error)
            right.append(error < _EXACT)
            tally["identified"] += 1
            tally["identified, equal to the truth"] += right[-1]
        else:
            right.append(_is_backed(one, query))
            tally["refused"] += 1
            tally["refused, backed by two models"] += right[-1]
        if not right[-1]:
            print(f"WRONG: model {seed}, {world.graph}, {query}")
    print(f"{count} models, {len(cases)} questions: " + "; ".join(f"{what} {number}" for what, number in tally.items()))
    print(f"largest error {worst:.2g}\n")
    if peers:
        problems = [_problem(world.graph, query, ("antecedent", "y0")) for _, world, query in cases]
        _compare(cases, found, right, _answers(peers, problems))


def _compare(
    cases: Sequence[tuple[int, _World, ProbabilityQuery]],
    found: Sequence[Identification | Refusal],
    right: Sequence[bool],
    answers: Sequence[dict],
) -> None:
    """Prints the verdicts side by side; who is right of two that differ is decided by truth or by two models."""
    tallies = {"antecedent": Counter[str](), "y0": Counter[str]()}
    for (seed, world, query), one, is_right, answer in zip(cases, found, right, answers, strict=True):
        for peer, said in answer.items():
            tally, ours = tallies[peer], isinstance(one, Identification)
            tally["asked"] += 1
            if said["identified"] is None:
                tally[f"raised {said['says'].split(':')[0]}"] += 1
                continue
            tally["same verdict"] += said["identified"] == ours
            if said["identified"] != ours:
                by = "the truth" if ours else "two models"
                kind = "an effect on what it acts on" if _acts(world.graph, query) else "no effect at all"
                arcs = "arcs" if any(edge.is_bidirected for edge in world.graph.edges) else "no arcs"
                side = f"aetia right by {by}" if is_right else "aetia wrong"
                tally[what := f"other verdict, {side} ({kind}, {arcs})"] += 1
                if tally[what] <= _SHOWN:
                    print(f"{peer} on {seed}: {world.graph}, {query}: {said['says']}")
            if said.get("tree"):
                tally["estimands"] += 1
                is_exact = _error(_expression(said["tree"]), world, query) < _EXACT
                tally["estimands equal to the truth"] += is_exact
                tally["estimands wrong"] += not is_exact
                if not is_exact and tally["estimands wrong"] <= _SHOWN:
                    shown = to_text(one.expression) if isinstance(one, Identification) else "not identified"
                    print(f"{peer} on {seed}: {world.graph}, {query}: {said['says']}; aetia: {shown}")
    for peer, tally in tallies.items():
        print(f"{peer}: " + "; ".join(f"{what} {number}" for what, number in tally.items()))


def _acts(graph: Graph, query: ProbabilityQuery) -> bool:
    outcomes, _, treatments = _roles(query)
    return not graph.ancestors(outcomes).isdisjoint(treatments)


def speed(count: int, peers: Path | None) -> None:
    """Prints the times of 30 variables: verdict, estimand; the peers' verdicts."""
    draw = np.random.default_rng(0)
    problems, own = list[str](), dict[str, list[float]]({"verdict": [], "verdict and estimand": []})
    for _ in range(count):
        names = [f"V{number}" for number in range(30)]
        arrows, arcs = draw.uniform(0.08, 0.4), draw.uniform(0.01, 0.1)
        pairs = list(combinations(names, 2))
        directed = [pair for pair in pairs if draw.random() < arrows]
        bidirected = [pair for pair in pairs if draw.random() < arcs]
        query = ProbabilityQuery((Term("V29"),), (), (Assignment(names[int(draw.integers(0, 25))]),))
        problems.append(_problem(Graph.of(directed, bidirected, nodes=names), query, ("antecedent", "y0")))
        best = [np.inf, np.inf]
        for _ in range(3):
            graph = Graph.of(directed, bidirected, nodes=names)  # afresh: nothing is kept from the round before
            start = time.perf_counter()
            one = attempt(graph, query)
            best[0] = min(best[0], time.perf_counter() - start)
            if isinstance(one, Identification):
                assert free_variables(one.expression) is not None
            best[1] = min(best[1], time.perf_counter() - start)
        for kind, seconds in zip(own, best, strict=True):
            own[kind].append(seconds)
    print(f"\n{count} random ADMGs of 30 variables, milliseconds\n")
    print("| | median | 90% | largest |\n| --- | --- | --- | --- |")
    rows = {f"aetia, {kind}": seconds for kind, seconds in own.items()}
    for answer in _answers(peers, problems) if peers else ():
        for peer, said in answer.items():
            rows.setdefault(peer, []).append(said["seconds"])
    for label, seconds in rows.items():
        low, high, top = (1e3 * float(np.quantile(seconds, level)) for level in (0.5, 0.9, 1.0))
        print(f"| {label} | {low:.2f} | {high:.2f} | {top:.2f} |")


def textbook(peers: Path) -> None:
    """Prints what the estimands of graphs from textbooks are, and whether they are right."""
    print("\n| graph | aetia | right | y0 | right |\n| --- | --- | --- | --- | --- |")
    query = ProbabilityQuery((Term("Y"),), (), (Assignment("X"),))
    worlds = [_filled(graph_from_text(text), np.random.default_rng(7)) for text in _TEXTBOOK]
    answers = _answers(peers, [_problem(world.graph, query, ("y0",)) for world in worlds])
    for text, world, answer in zip(_TEXTBOOK, worlds, answers, strict=True):
        ours, theirs = attempt(world.graph, query), answer["y0"]
        cells = [f"`{text}`", "refused", "", "refused", ""]
        if isinstance(ours, Identification):
            cells[1:3] = f"`{to_text(ours.expression)}`", str(_error(ours.expression, world, query) < _EXACT)
        if theirs.get("tree"):
            cells[3:5] = f"`{theirs['says']}`", str(_error(_expression(theirs["tree"]), world, query) < _EXACT)
        print(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")


def main() -> None:
    """Checks and times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=2000)
    parser.add_argument("--timed", type=int, default=50, help="graphs of 30 variables to time")
    parser.add_argument("--peers", type=Path, help="a Python that has antecedent and y0")
    chosen = parser.parse_args()
    check(chosen.models, chosen.peers)
    if chosen.peers:
        textbook(chosen.peers)
    speed(chosen.timed, chosen.peers)


if __name__ == "__main__":
    main()
