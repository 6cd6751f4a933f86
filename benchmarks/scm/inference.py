"""How long do exact answers and samples of discrete models take, beside pgmpy's?

    OMP_NUM_THREADS=1 python benchmarks/scm/inference.py --peers PYTHON

PYTHON runs pgmpy, whose wheel also holds the networks; without it the random networks alone are timed.
"""

import argparse
import gzip
import json
import os
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np

from aetia.scm.language.query import Value
from aetia.scm.models.bif import model_from_bif
from aetia.scm.models.discrete import DiscreteModel, Mechanism
from aetia.scm.models.elimination import plan
from aetia.scm.models.modelfile import model_to_json
from aetia.scm.models.sampling import sample

_NETWORKS = ("asia", "child", "insurance", "alarm")
_QUERIES = 20
_SAMPLES = 1_000_000
_ROUTES = {"adjustment": "do, CausalInference", "surgery": "do, surgery + VariableElimination",
           "conditional": "conditional, VariableElimination"}  # fmt: skip


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="a Python that has pgmpy")
    peers = parser.parse_args().peers
    models = {f"random, 20 binary, width {width}": _random(20, width, seed=width) for width in (2, 4, 6)}
    if peers:
        models |= {name: model_from_bif(_bif(peers, name)) for name in _NETWORKS}
    queries = {name: _queries(model) for name, model in models.items()}
    own = {name: {kind: [_timed(model, query, kind) for query in queries[name]] for kind in ("do", "conditional")}
           for name, model in models.items()}  # fmt: skip
    theirs = _peers(peers, models, queries) if peers else {}
    print(f"Median milliseconds of {_QUERIES} queries P(Y | do(X)) or P(Y | X), Y an effect of X; least of 7.\n")
    print("| network | width | question | aetia | pgmpy | ratio | largest difference | no answer in 20 s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, model in models.items():
        for route, says in _ROUTES.items():
            kind = "conditional" if route == "conditional" else "do"
            mine = 1e3 * float(np.median([seconds for _, seconds in own[name][kind]]))
            line = f"| {name} | {_width(model)} | {says} | {mine:.2f} |"
            print(f"{line} {_beside(own[name][kind], theirs[name][route], mine) if theirs else '| | |'} |")
    _sampling(models, theirs)


def _beside(own: list, theirs: list, mine: float) -> str:
    median = 1e3 * float(np.median([seconds for _, seconds in theirs]))
    pairs = [(one, other) for (one, _), (other, _) in zip(own, theirs, strict=True) if other is not None]
    difference = max((float(np.abs(np.array(one) - other).max()) for one, other in pairs), default=float("nan"))
    absent = sum(values is None for values, _ in theirs)
    return f"{median:.2f} | {median / mine:.0f}x | {difference:.1g} | {absent}"


def _sampling(models: dict[str, DiscreteModel], theirs: dict) -> None:
    name = next(iter(models))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        sample(models[name], _SAMPLES, seed=1)
        seconds.append(time.perf_counter() - start)
    beside = (
        f"; pgmpy {theirs[name]['sampling']:.1f} s ({theirs[name]['sampling'] / min(seconds):.0f}x)" if theirs else ""
    )
    print(f"\n{_SAMPLES:,} samples of {name}: aetia {min(seconds):.2f} s{beside}.")


def _random(size: int, width: int, seed: int) -> DiscreteModel:
    """A random binary network whose parents are such that its treewidth is this: a partial tree of cliques."""
    draw = np.random.default_rng(seed)
    cliques, parents = [tuple(range(width))], dict[int, tuple[int, ...]]()
    for node in range(size):
        base = cliques[draw.integers(len(cliques))] if node >= width else tuple(range(node))
        chosen = tuple(sorted(int(one) for one in draw.permutation(base)[: max(1, min(len(base), 4))]))
        parents[node] = chosen if node else ()
        if node >= width:
            cliques += [tuple(sorted({*base, node} - {left})) for left in base]
    mechanisms = {}
    for node, causes in parents.items():
        table = draw.dirichlet([1.0, 1.0], size=(2,) * len(causes))
        mechanisms[f"V{node}"] = Mechanism(f"V{node}", tuple(f"V{cause}" for cause in causes), table)
    model = DiscreteModel(dict.fromkeys(mechanisms, (0, 1)), mechanisms)
    assert _width(model) <= width
    return model


def _width(model: DiscreteModel) -> int:
    sizes = {name: len(values) for name, values in model.values.items()}
    return plan([one.factor.axes for one in model.mechanisms.values()], (), sizes).width


def _bif(peers: Path, name: str) -> str:
    folder = _ran(peers, "-c", "import pathlib, pgmpy; print(pathlib.Path(pgmpy.__file__).parent)").strip()
    return gzip.decompress((Path(folder) / "utils" / "example_models" / f"{name}.bif.gz").read_bytes()).decode()


def _queries(model: DiscreteModel) -> list[tuple[str, Value, str]]:
    draw = np.random.default_rng(0)
    graph = nx.DiGraph([(edge.first, edge.second) for edge in model.graph.edges])
    pairs = [(cause, effect) for cause in graph for effect in sorted(nx.descendants(graph, cause))]
    chosen = [pairs[number] for number in draw.permutation(len(pairs))[:_QUERIES]]
    return [(cause, model.values[cause][draw.integers(len(model.values[cause]))], effect) for cause, effect in chosen]


def _timed(model: DiscreteModel, query: tuple[str, Value, str], kind: str) -> tuple[list[float], float]:
    cause, value, effect = query
    clock, values = [time.perf_counter()], None
    for _ in range(7):
        if kind == "do":
            values = model.do({cause: value}).joint([effect]).values
        else:
            values = model.joint([effect], {cause: value}).values
        clock.append(time.perf_counter())
    assert values is not None
    return values.tolist(), min(later - earlier for earlier, later in pairwise(clock))


def _peers(
    peers: Path, models: dict[str, DiscreteModel], queries: dict[str, list[tuple[str, Value, str]]]
) -> dict[str, dict]:
    jobs = {
        name: {"model": json.loads(model_to_json(model)), "queries": queries[name]} for name, model in models.items()
    }
    jobs[next(iter(models))]["samples"] = _SAMPLES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.json"
        path.write_text(json.dumps(jobs))
        return json.loads(_ran(peers, str(Path(__file__).with_name("inference_peers.py")), str(path)))


def _ran(python: Path, *arguments: str) -> str:
    # Both run on one thread, wherever this is run.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, "-W", "ignore", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
