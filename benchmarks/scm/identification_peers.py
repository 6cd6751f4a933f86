"""What do antecedent and y0 say of these identification problems, and how long do they take?

Run by a Python that has the peers. Reads a problem a line on standard input, as JSON with `nodes`, `directed`,
`bidirected`, `treatments`, `outcomes` and `given`; writes a line for each, with verdict, seconds and (y0) the estimand
as a tree. `aetia` is not imported here.
"""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import antecedent  # noqa: E402 - it warns when imported
from antecedent.errors import EffectNotIdentified  # noqa: E402
from y0.algorithm.identify import identify_outcomes  # noqa: E402
from y0.dsl import Expression, Fraction, One, Probability, Product, Sum, Variable  # noqa: E402
from y0.graph import NxMixedGraph  # noqa: E402


def by_antecedent(problem: dict) -> dict:
    """The verdict on one treatment's effect on one outcome; it takes no other questions on ADMGs."""
    edges = [[tuple(pair) for pair in problem[kind]] for kind in ("directed", "bidirected")]
    graph = antecedent.Admg.from_edges(problem["nodes"], *edges)
    query = antecedent.AverageEffect(treatment=problem["treatments"][0], outcome=problem["outcomes"][0])
    start = time.perf_counter()
    try:
        verdict = str(antecedent.identify(graph=graph, query=query).status)
    except EffectNotIdentified as error:
        verdict = str(error)
    seconds = time.perf_counter() - start
    return {"identified": verdict == "NonparametricallyIdentified", "says": verdict, "seconds": seconds}


def by_y0(problem: dict) -> dict:
    """Verdict and estimand of y0."""
    graph = NxMixedGraph.from_str_edges(
        nodes=problem["nodes"], directed=problem["directed"], undirected=problem["bidirected"]
    )
    roles = [{Variable(name) for name in problem[role]} for role in ("treatments", "outcomes", "given")]
    start = time.perf_counter()
    try:
        found = identify_outcomes(graph, treatments=roles[0], outcomes=roles[1], conditions=roles[2] or None)
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer
        return {"identified": None, "says": f"{type(error).__name__}: {error}", "seconds": time.perf_counter() - start}
    seconds = time.perf_counter() - start
    return {
        "identified": found is not None,
        "says": str(found)[:300],
        "seconds": seconds,
        "tree": None if found is None else tree(found),
    }


def tree(expression: Expression) -> list:
    """An expression of y0 as nested lists."""
    match expression:
        case One():
            return ["product"]
        case Probability():
            found = expression.distribution
            return ["probability", [one.name for one in found.children], [one.name for one in found.parents]]
        case Product():
            return ["product", *map(tree, expression.expressions)]
        case Sum():
            return ["sum", sorted(one.name for one in expression.ranges), tree(expression.expression)]
        case Fraction():
            return ["quotient", tree(expression.numerator), tree(expression.denominator)]
        case _:
            return ["other", str(expression)]


def main() -> None:
    """Answers each problem by each peer that takes it."""
    for line in sys.stdin:
        problem = json.loads(line)
        single = len(problem["treatments"]) == len(problem["outcomes"]) == 1 and not problem["given"]
        found = {}
        if single and "antecedent" in problem["peers"]:
            found["antecedent"] = by_antecedent(problem)
        if "y0" in problem["peers"]:
            found["y0"] = by_y0(problem)
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
