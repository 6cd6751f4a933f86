"""How long do the peers need for the same separations? Run by separation.py with their Python; prints a line of JSON.

python separation_peers.py JOBS.json
"""

import json
import logging
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

_SECONDS = 20.0  # a peer that needs longer for a graph answers fewer questions

Answer = Callable[[str, str, list[str]], bool]


def main() -> None:
    """Answers all jobs of the file."""
    jobs = json.loads(Path(sys.argv[1]).read_text())
    makers = {"networkx": _networkx, "pgmpy": _pgmpy, "y0": _y0}
    print(json.dumps([{name: _answers(make(job), job) for name, make in makers.items()} for job in jobs]))


def _answers(ask: Answer, job: dict) -> dict[str, list]:
    answers, seconds = [], []
    for question in job["questions"]:
        start = time.perf_counter()
        answers.append(bool(ask(*question)))
        seconds.append(time.perf_counter() - start)
        if sum(seconds) > _SECONDS:
            break
    return {"answers": answers, "seconds": seconds}


def _networkx(job: dict) -> Answer:
    import networkx as nx

    graph = nx.DiGraph(map(tuple, job["edges"]))
    graph.add_nodes_from(job["nodes"])
    return lambda first, second, given: nx.is_d_separator(graph, {first}, {second}, set(given))


def _pgmpy(job: dict) -> Answer:
    from pgmpy.base import DAG

    graph = DAG()
    graph.add_nodes_from(job["nodes"])
    graph.add_edges_from(map(tuple, job["edges"]))
    return lambda first, second, given: not graph.is_dconnected(first, second, observed=given)


def _y0(job: dict) -> Answer:
    from y0.algorithm.conditional_independencies import are_d_separated
    from y0.dsl import Variable
    from y0.graph import NxMixedGraph

    variables = {name: Variable(name) for name in job["nodes"]}
    graph = NxMixedGraph.from_edges(
        nodes=list(variables.values()), directed=[(variables[a], variables[b]) for a, b in job["edges"]]
    )
    return lambda first, second, given: (
        are_d_separated(
            graph, variables[first], variables[second], conditions=[variables[name] for name in given]
        ).separated
    )


if __name__ == "__main__":
    main()
