"""How long does a question of d-separation take in random DAGs of 2,000 variables, beside the peers?

    OMP_NUM_THREADS=1 python benchmarks/scm/separation.py --peers PYTHON

PYTHON runs networkx, pgmpy and y0; without it aetia is timed alone. Peers get their own graph, built before the clock
starts; aetia is timed on a graph that was asked before, and once on a new one. All answers are compared.
"""

import argparse
import json
import random
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.separation import separated

_VARIABLES = 2_000
_DEGREES = (2, 4, 8)
_GIVEN = (0, 5, 50)
_QUESTIONS = 30


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="a Python that has networkx, pgmpy and y0")
    peers = parser.parse_args().peers
    jobs = [_job(degree) for degree in _DEGREES]
    theirs = _ask_peers(peers, jobs) if peers else [{} for _ in jobs]
    names = list(theirs[0])
    print(
        f"Median milliseconds of a question in a DAG of {_VARIABLES} variables; in brackets how many times aetia's.\n"
    )
    print(f"| mean degree | separated | aetia | aetia, new graph | {' | '.join(names)}{' |' * bool(names)}")
    print("| --- " * (4 + len(names)) + "|")
    for degree, job, found in zip(_DEGREES, jobs, theirs, strict=True):
        graph = Graph.of(map(tuple, job["edges"]), nodes=job["nodes"])
        first = _timed(graph, *job["questions"][0])[1]
        answers, seconds = zip(*(_timed(graph, *question) for question in job["questions"]), strict=True)
        own = median(seconds)
        others = [_beside(found[name], list(answers), own) for name in names]
        cells = [str(degree), f"{sum(answers)} of {len(answers)}", f"{1e3 * own:.3f}", f"{1e3 * first:.1f}", *others]
        print(f"| {' | '.join(cells)} |")


def _job(degree: int) -> dict:
    rng = random.Random(degree)
    nodes = [f"V{place}" for place in range(_VARIABLES)]
    edges = set()
    while len(edges) < _VARIABLES * degree // 2:
        edges.add(tuple(sorted(rng.sample(range(_VARIABLES), 2))))
    questions = []
    for number in range(_QUESTIONS):
        first, second, *given = rng.sample(nodes, 2 + _GIVEN[number % len(_GIVEN)])
        questions.append((first, second, given))
    return {"nodes": nodes, "edges": [(nodes[a], nodes[b]) for a, b in sorted(edges)], "questions": questions}


def _timed(graph: Graph, first: str, second: str, given: list[str]) -> tuple[bool, float]:
    start = time.perf_counter()
    answer = separated(graph, [first], [second], given)
    return answer, time.perf_counter() - start


def _beside(found: dict, answers: list[bool], own: float) -> str:
    theirs = median(found["seconds"])
    pairs = zip(found["answers"], answers, strict=False)  # a slow peer answers the first few
    differing = sum(one != other for one, other in pairs)
    return f"{1e3 * theirs:.1f} ({theirs / own:.0f}x{f', {differing} answers differ' * bool(differing)})"


def _ask_peers(python: Path, jobs: list[dict]) -> list[dict]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(jobs, file)
        file.flush()
        script = Path(__file__).with_name("separation_peers.py")
        ran = subprocess.run([str(python), str(script), file.name], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
