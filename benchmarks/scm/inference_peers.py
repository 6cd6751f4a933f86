"""How long does pgmpy need for the same questions? Run by inference.py with the peers' Python; prints one line of JSON.

    python inference_peers.py JOBS.json

Networks come as the tables that aetia writes, so that both compute with the same numbers.
"""

import json
import logging
import signal
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

_SECONDS = 20


def main() -> None:
    """Answers all jobs of the file."""
    from pgmpy.inference import CausalInference, VariableElimination

    signal.signal(signal.SIGALRM, _late)
    answers = {}
    for name, job in json.loads(Path(sys.argv[1]).read_text()).items():
        network = _network(job["model"]["variables"])
        causal, plain = CausalInference(network), VariableElimination(network)
        found = {"adjustment": [], "surgery": [], "conditional": []}
        for cause, value, effect in job["queries"]:
            asked, known = [effect], {cause: value}
            ask = partial(causal.query, asked, do=known, show_progress=False)
            found["adjustment"].append(_timed(ask))
            found["surgery"].append(_timed(partial(_cut_and_asked, network, cause, asked, known)))
            ask = partial(plain.query, asked, evidence=known, show_progress=False)
            found["conditional"].append(_timed(ask))
        answers[name] = found
        if "samples" in job:
            start = time.perf_counter()
            network.simulate(job["samples"], seed=1, show_progress=False)
            answers[name]["sampling"] = time.perf_counter() - start
    print(json.dumps(answers))


def _network(variables: dict[str, dict]) -> "DiscreteBayesianNetwork":
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    network = DiscreteBayesianNetwork(
        [(parent, name) for name, one in variables.items() for parent in one.get("parents", [])]
    )
    network.add_nodes_from(variables)
    for name, one in variables.items():
        parents, table = one.get("parents", []), np.array(one["table"], dtype=float)
        states = {other: variables[other]["values"] for other in (name, *parents)}
        sizes = [len(states[parent]) for parent in parents]
        columns = table.reshape(-1, table.shape[-1]).T
        network.add_cpds(TabularCPD(name, table.shape[-1], columns, parents or None, sizes or None, state_names=states))
    network.check_model()
    return network


def _cut_and_asked(network: "DiscreteBayesianNetwork", cause: str, asked: list[str], known: dict) -> object:
    from pgmpy.inference import VariableElimination

    return VariableElimination(network.do([cause])).query(asked, evidence=known, show_progress=False)


def _timed(ask: Callable[[], object]) -> tuple[list[float] | None, float]:
    """The answer and the least time of seven, in seconds; no answer if it takes too long."""
    times, values = [], None
    signal.alarm(_SECONDS)
    try:
        for _ in range(7):
            start = time.perf_counter()
            values = ask().values.tolist()
            times.append(time.perf_counter() - start)
            if times[-1] > 1:
                break
    except Exception:  # noqa: BLE001 -- an answer that does not come in time, or at all, is reported as none
        values = None if not times else values
    finally:
        signal.alarm(0)
    return values, min(times, default=_SECONDS)


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


if __name__ == "__main__":
    main()
