"""Fitted models beside the truth that the data were counted from, least squares, and a brute-force optimum."""

from datetime import date
from fractions import Fraction
from math import lcm

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import minimize
from scm_models import enumerated, random_graph, random_model

from aetia.errors import AetiaError
from aetia.scm.graphs.graph import Graph
from aetia.scm.models.fitting import fit_discrete, fit_linear
from aetia.scm.models.linear import LinearModel
from aetia.scm.models.sampling import sample

CHAIN = Graph.of([("X", "Y")])


@pytest.mark.parametrize("seed", range(6))
def test_tables_are_recovered_exactly_from_data_of_exact_frequencies(seed):
    # Every combination of values as often as its probability says, so that counting is the whole truth.
    model = random_model(random_graph(3, seed, arcs=0.0), seed, values=2, exact=True)
    names, joint = enumerated(model)
    count = lcm(*(number.denominator for number in joint.flat))
    if count > 10**6:
        pytest.skip("too many rows")
    times = [int(number * count) for number in joint.flat]
    columns = dict(zip(names, np.repeat(np.indices(joint.shape).reshape(len(names), -1), times, axis=1), strict=True))
    for data in (columns, pa.table(columns)):
        found = fit_discrete(model.graph, data)
        assert found.values == model.values
        for name, mechanism in model.mechanisms.items():
            wanted = mechanism.factor.over((*found.mechanisms[name].parents, name)).astype(float)
            assert found.mechanisms[name].table.tolist() == wanted.tolist()


def test_smoothing_adds_to_every_count():
    data = {"X": ["a", "a", "a", "b"], "Y": [0, 0, 1, 1]}
    assert fit_discrete(CHAIN, data).mechanisms["Y"].table.tolist() == [[2 / 3, 1 / 3], [0.0, 1.0]]
    assert fit_discrete(CHAIN, data, smoothing=1).mechanisms["Y"].table.tolist() == [[3 / 5, 2 / 5], [1 / 3, 2 / 3]]
    wide = fit_discrete(CHAIN, data, values={"X": ["a", "b", "c"]}, smoothing=0.5)
    assert wide.mechanisms["X"].table.tolist() == [3.5 / 5.5, 1.5 / 5.5, 0.5 / 5.5]
    assert wide.mechanisms["Y"].table[2].tolist() == [0.5, 0.5]
    assert wide.probability({"X": "c"}) == pytest.approx(float(Fraction(1, 11)))


def test_a_dag_is_fitted_by_least_squares():
    draw = np.random.default_rng(0)
    z = draw.normal(5, 2, 300)
    x = 0.5 * z + draw.normal(0, 3, 300)
    y = 100 + 2 * x - z + draw.normal(0, 0.1, 300)
    found = fit_linear(Graph.of([("Z", "X"), ("Z", "Y"), ("X", "Y")]), {"Z": z, "X": x, "Y": y})
    design = np.column_stack([np.ones(300), z, x])
    weights, residuals, *_ = np.linalg.lstsq(design, y, rcond=None)
    assert found.intercepts[2] == pytest.approx(weights[0])
    assert found.coefficients[2, :2] == pytest.approx(weights[1:])
    assert found.noise[2, 2] == pytest.approx(residuals[0] / 300)
    assert found.noise[0, 0] == pytest.approx(z.var())
    assert not np.any(found.noise - np.diag(np.diag(found.noise)))


def test_fractions_are_numbers_of_a_linear_model():
    found = fit_linear(CHAIN, {"X": [Fraction(0), Fraction(1, 2), Fraction(1)], "Y": [0, 1, 2]})
    assert found.direct_effect("X", "Y") == pytest.approx(2.0)


def test_an_equation_without_noise_is_fitted_with_none():
    x = np.arange(10.0)
    found = fit_linear(Graph.of([("X", "Y")], nodes=["X", "Y", "C"]), {"X": x, "Y": 3 * x + 1, "C": [7] * 10})
    assert found.coefficients[1, 0] == pytest.approx(3)
    assert found.noise[1, 1] == pytest.approx(0, abs=1e-12)
    assert found.intercepts[2] == 7


def log_likelihood(model_covariance: np.ndarray, covariance: np.ndarray) -> float:
    sign, size = np.linalg.slogdet(model_covariance)
    return -size - np.trace(np.linalg.solve(model_covariance, covariance)) if sign > 0 else -np.inf


GRAPHS = [
    Graph.of([("A", "B"), ("B", "C")], [("A", "C")]),
    Graph.of([("A", "B"), ("C", "D")], [("B", "D")]),
    Graph.of([("A", "C"), ("B", "D")], [("A", "B"), ("B", "C"), ("C", "D")]),
    Graph.of([("A", "B"), ("B", "C"), ("C", "D")], [("B", "D"), ("A", "D")]),
]


@pytest.mark.parametrize("graph", GRAPHS, ids=str)
def test_a_graph_with_arcs_is_fitted_by_maximum_likelihood(graph):
    draw = np.random.default_rng(3)
    size = len(graph.nodes)
    rows = draw.normal(size=(400, size)) @ draw.normal(size=(size, size)) * 3 + 5
    found = fit_linear(graph, dict(zip(graph.nodes, rows.T, strict=True)))
    covariance = np.cov(rows.T, bias=True)
    assert found.whole.mean == pytest.approx(rows.mean(axis=0))
    place = graph.nodes.index
    arrows = [(place(edge.second), place(edge.first)) for edge in graph.edges if edge.is_directed]
    arcs = [(place(edge.first), place(edge.second)) for edge in graph.edges if edge.is_bidirected]

    def implied(parameters: np.ndarray) -> np.ndarray:
        coefficients, noise = np.zeros((size, size)), np.diag(np.exp(parameters[:size]))
        for number, where in enumerate(arrows):
            coefficients[where] = parameters[size + number]
        for number, (first, second) in enumerate(arcs):
            noise[first, second] = noise[second, first] = parameters[size + len(arrows) + number]
        if np.linalg.eigvalsh(noise).min() <= 0:
            return np.zeros((size, size))
        spread = np.linalg.inv(np.eye(size) - coefficients)
        return spread @ noise @ spread.T

    own = log_likelihood(found.whole.covariance, covariance)
    start = np.concatenate([np.log(np.diag(covariance)), np.zeros(len(arrows) + len(arcs))])
    best = -np.inf
    for attempt in range(3):
        search = minimize(
            lambda parameters: min(1e6, -log_likelihood(implied(parameters), covariance)),
            start + 0.1 * attempt,
            method="BFGS",
        )
        best = max(best, -search.fun)
    assert abs(own - best) < 1e-6
    # Nothing near it is more likely either.
    own_parameters = np.concatenate(
        [np.log(np.diag(found.noise)), [found.coefficients[one] for one in arrows], [found.noise[one] for one in arcs]]
    )
    assert implied(own_parameters) == pytest.approx(found.whole.covariance)
    for step in 1e-3 * np.concatenate([np.eye(start.size), -np.eye(start.size)]):
        assert log_likelihood(implied(own_parameters + step), covariance) < own


def test_a_model_is_recovered_from_its_samples():
    truth = LinearModel.of(
        {"A": {}, "B": {"A": 0.8}, "C": {"B": -1.2}, "D": {"C": 0.5}}, noise_covariances={("B", "D"): 0.6}
    )
    found = fit_linear(truth.graph, sample(truth, 200_000, seed=1))
    assert found.coefficients == pytest.approx(truth.coefficients, abs=0.02)
    assert found.noise == pytest.approx(truth.noise, abs=0.02)


def rows(**columns: list) -> dict:
    return columns


WRONG = {
    "AE-7103": [lambda: fit_discrete(Graph.of([("X", "Y"), ("Y", "X")]), rows(X=[0], Y=[0]))],
    "AE-7207": [lambda: fit_discrete(CHAIN, rows(X=[0, 1], Y=[0, 2]), values={"Y": [0, 1]})],
    "AE-7214": [lambda: fit_discrete(Graph.of([("X", "Y")], [("X", "Y")]), rows(X=[0], Y=[0])),
                lambda: fit_discrete(Graph.of([("X", "Y")], latent=["X"]), rows(X=[0], Y=[0])),
                lambda: fit_linear(Graph.of([("X", "Y")], latent=["X"]), rows(X=[0, 1], Y=[0, 2]))],
    "AE-7215": [lambda: fit_discrete(CHAIN, rows(X=[0])), lambda: fit_discrete(CHAIN, rows(X=[0], Y=[0, 1])),
                lambda: fit_discrete(CHAIN, rows(X=[0, None], Y=[0, 1])), lambda: fit_discrete(CHAIN, rows(X=[], Y=[])),
                lambda: fit_linear(CHAIN, rows(X=[0.0, float("nan")], Y=[0, 1])),
                lambda: fit_linear(CHAIN, rows(X=["a", "b"], Y=[0, 1])),
                lambda: fit_linear(CHAIN, rows(X=[0.0, float("inf")], Y=[0, 1])),
                lambda: fit_linear(CHAIN, rows(X=[0.0, 10**400], Y=[0, 1])),
                lambda: fit_linear(CHAIN, rows(X=[0.0, 1j], Y=[0, 1])),
                lambda: fit_linear(CHAIN, rows(X=[date(2020, 1, 1), date(2020, 1, 2)], Y=[0, 1])),
                lambda: fit_linear(CHAIN, rows(X=np.zeros((2, 2)), Y=[0, 1])),
                lambda: fit_discrete(CHAIN, rows(X=np.zeros((2, 2)), Y=[0, 1])),
                lambda: fit_discrete(CHAIN, rows(X=[[0], [0, 1]], Y=[0, 1])),
                lambda: fit_discrete(CHAIN, rows(X=[np.zeros((2, 3)), np.zeros((2, 4))], Y=[0, 1])),
                lambda: fit_discrete(CHAIN, pa.table({"X": [[0], [1]], "Y": [0, 1]})),
                lambda: fit_discrete(CHAIN, rows(X="ab", Y=[0, 1])),
                lambda: fit_discrete(CHAIN, rows(X=[date(2020, 1, 1), 3], Y=[0, 1])),
                lambda: fit_discrete(CHAIN, pa.table([[1], [1], [0]], names=["X", "Y", "Y"]))],
    "AE-7220": [lambda: fit_discrete(CHAIN, rows(X=[0, 1], Y=[0, 1]), smoothing=-0.3),
                lambda: fit_discrete(CHAIN, rows(X=[0, 1], Y=[0, 1]), smoothing=float("nan")),
                lambda: fit_discrete(CHAIN, rows(X=[0, 1], Y=[0, 1]), smoothing=float("inf"))],
    "AE-7216": [lambda: fit_discrete(CHAIN, rows(X=[0, 0], Y=[0, 1]), values={"X": [0, 1]})],
    "AE-7217": [lambda: fit_linear(CHAIN, rows(X=[2, 2, 2], Y=[0, 1, 3])),
                lambda: fit_linear(Graph.of([("A", "Y"), ("B", "Y")]), rows(A=[1, 2, 3], B=[2, 4, 6], Y=[0, 1, 0])),
                lambda: fit_linear(Graph.of([("A", "Y"), ("B", "Y")]), rows(A=[1, 2], B=[2, 5], Y=[0, 1])),
                lambda: fit_linear(Graph.of([], [("A", "B")]), rows(A=[1, 2, 3, 5], B=[2, 4, 6, 10]))],
    "AE-7218": [lambda: fit_linear(Graph.of([("X", "Y")], [("X", "Y")]), rows(X=[0, 1, 2], Y=[0, 2, 1]))],
    "AE-7219": [lambda: fit_linear(GRAPHS[0], rows(A=[1, 2, 4, 0], B=[1, 0, 3, 2], C=[2, 2, 1, 5]), tolerance=-1.0)],
}  # fmt: skip


@pytest.mark.parametrize(("code", "wrong"), [(code, one) for code, several in WRONG.items() for one in several])
def test_what_is_wrong_is_one_typed_error(code, wrong, monkeypatch):
    monkeypatch.setattr("aetia.scm.models.fitting._MOST_SWEEPS", 50)
    with pytest.raises(AetiaError) as caught:
        wrong()
    assert caught.value.code == code
