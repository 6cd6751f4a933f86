"""Random graphs and models that the tests of the scm room share."""

from fractions import Fraction

import numpy as np

from aetia.scm.graphs.graph import Graph
from aetia.scm.models.discrete import DiscreteModel, Mechanism


def random_graph(size: int, seed: int, *, arrows: float = 0.5, arcs: float = 0.2) -> Graph:
    """A random ADMG over V0, V1, ... in this causal order; each pair has an arrow and an arc with these chances."""
    draw = np.random.default_rng(seed)
    names = [f"V{number}" for number in range(size)]
    pairs = [(names[first], names[second]) for first in range(size) for second in range(first + 1, size)]
    directed = [pair for pair in pairs if draw.random() < arrows]
    bidirected = [pair for pair in pairs if draw.random() < arcs]
    return Graph.of(directed, bidirected, nodes=names)


def random_model(
    graph: Graph, seed: int, *, values: int = 2, functional: bool = False, exact: bool = False
) -> DiscreteModel:
    """A random discrete model of a DAG or ADMG, all of whose observed values have positive probability.

    Every bidirected edge X <-> Y becomes a latent root `U_X_Y`; latent variables of the graph stay latent. A functional
    model moves all other chance into latent roots too, `N_X` of each X.
    """
    draw = np.random.default_rng(seed)
    arcs = sorted(edge for edge in graph.edges if edge.is_bidirected)
    hidden = {f"U_{edge.first}_{edge.second}": {edge.first, edge.second} for edge in arcs}
    mechanisms = {name: Mechanism(name, (), _table(draw, (), values, exact)) for name in hidden}
    for name in graph.nodes:
        parents = (*sorted(graph.parents[name]), *(root for root, ends in hidden.items() if name in ends))
        if functional and parents:
            noise = f"N_{name}"
            mechanisms[noise] = Mechanism(noise, (), _table(draw, (), 2 * values, exact))
            mechanisms[name] = Mechanism(name, (*parents, noise), _functions(draw, len(parents), values))
        else:
            mechanisms[name] = Mechanism(name, parents, _table(draw, (values,) * len(parents), values, exact))
    latent = graph.latent | (set(mechanisms) - set(graph.nodes))
    domains = {name: tuple(range(one.table.shape[-1])) for name, one in mechanisms.items()}
    return DiscreteModel(domains, mechanisms, frozenset(latent))


def _table(draw: np.random.Generator, shape: tuple[int, ...], values: int, exact: bool) -> np.ndarray:
    weights = draw.integers(1, 10, size=(*shape, values))
    if exact:
        rows = [[Fraction(int(one), int(row.sum())) for one in row] for row in weights.reshape(-1, values)]
        return np.array(rows, dtype=object).reshape(weights.shape)
    return weights / weights.sum(axis=-1, keepdims=True)


def _functions(draw: np.random.Generator, parents: int, values: int) -> np.ndarray:
    """Zeros and ones, [values of parents..., noise, value]: a function of the parents for every value of the noise.

    The first of them are the constant functions, so that no value is impossible.
    """
    chosen = draw.integers(values, size=(*(values,) * parents, 2 * values))
    chosen[..., :values] = np.arange(values)
    return np.eye(values)[chosen]


def enumerated(model: DiscreteModel) -> tuple[tuple[str, ...], np.ndarray]:
    """The joint distribution of all variables, latent ones too: the plain product of all tables."""
    names = tuple(model.values)
    whole = np.ones([len(model.values[name]) for name in names], dtype=object if model.is_exact else float)
    for mechanism in model.mechanisms.values():
        whole = whole * mechanism.factor.over(names)
    return names, whole
