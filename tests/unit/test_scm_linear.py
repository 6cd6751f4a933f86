"""Linear models beside formulas found in another way: sums over paths, abduction by hand, samples."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.errors import CausalModelError, GraphError
from aetia.scm.graphs.graph import Graph
from aetia.scm.models.linear import LinearEquation, LinearModel
from aetia.scm.models.sampling import sample

SEEDS = st.integers(0, 10**6)


def random_linear(size: int, seed: int) -> LinearModel:
    """Coefficients below the diagonal of an order that is not that of the names; noise that goes together in pairs."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(size)
    lower = np.tril(draw.normal(size=(size, size)), -1) * (draw.random((size, size)) < 0.6)
    root = draw.normal(size=(size, size)) * (draw.random((size, size)) < 0.3) + np.eye(size)
    names = tuple(f"V{number}" for number in range(size))
    return LinearModel(names, lower[np.ix_(order, order)], draw.normal(size=size), root @ root.T)


def path_sum(model: LinearModel, cause: str, effect: str) -> float:
    graph = nx.DiGraph([(edge.first, edge.second) for edge in model.graph.edges if edge.is_directed])
    if cause == effect:
        return 1.0
    if cause not in graph or effect not in graph:
        return 0.0
    return sum(model.path_effect(path) for path in nx.all_simple_paths(graph, cause, effect))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), SEEDS)
def test_moments_are_sums_over_paths(size, seed):
    model = random_linear(size, seed)
    paths = np.array([[path_sum(model, cause, effect) for cause in model.names] for effect in model.names])
    found = model.distribution()
    assert found.mean == pytest.approx(paths @ model.intercepts, abs=1e-9)
    # Wright's rule: every trek from one to the other through the noise at its top.
    treks = np.einsum("ia,jb,ab->ij", paths, paths, model.noise)
    assert found.covariance == pytest.approx(treks, abs=1e-9)
    effects = [[model.total_effect(cause, effect) for cause in model.names] for effect in model.names]
    assert np.array(effects) == pytest.approx(paths, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), SEEDS, st.data())
def test_the_mean_under_an_intervention_moves_by_the_total_effect(size, seed, data):
    model = random_linear(size, seed)
    cause, effect = data.draw(st.permutations(model.names))[:2]
    low, high = model.do({cause: -0.5}), model.do({cause: 1.0})
    moved = high.distribution([effect]).mean[0] - low.distribution([effect]).mean[0]
    assert moved == pytest.approx(1.5 * path_sum(model, cause, effect), abs=1e-9)
    assert high.distribution([cause]).covariance[0, 0] == 0
    assert high.distribution([cause]).mean[0] == 1.0
    assert not high.graph.parents[cause]
    assert not high.graph.siblings[cause]
    # What is no effect of the cause keeps its distribution.
    others = [name for name in model.names if name not in model.graph.descendants([cause])]
    before, after = model.distribution(others), high.distribution(others)
    assert after.mean == pytest.approx(before.mean)
    assert after.covariance == pytest.approx(before.covariance, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), SEEDS, st.data())
def test_conditioning_is_the_inverse_of_the_precision(size, seed, data):
    model = random_linear(size, seed)
    names = list(data.draw(st.permutations(model.names)))
    count = data.draw(st.integers(1, size - 1))
    free, known = names[:count], {name: 0.5 * place - 1 for place, name in enumerate(names[count:])}
    whole = model.distribution(names)
    if np.linalg.cond(whole.covariance) > 1e6:
        return
    precision = np.linalg.inv(whole.covariance)
    inner = np.linalg.inv(precision[:count, :count])
    mean = whole.mean[:count] - inner @ precision[:count, count:] @ (
        np.array(list(known.values())) - whole.mean[count:]
    )
    found = model.distribution(free, known)
    assert found.mean == pytest.approx(mean, rel=1e-5, abs=1e-6)
    assert found.covariance == pytest.approx(inner, rel=1e-5, abs=1e-6)
    asked = model.distribution(names, known)
    assert asked.mean[count:] == pytest.approx(list(known.values()))
    assert not asked.covariance[count:].any()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), SEEDS, st.data())
def test_a_unit_seen_whole_keeps_its_noise_under_an_intervention(size, seed, data):
    model = random_linear(size, seed)
    draw = np.random.default_rng(seed)
    seen = dict(zip(model.names, draw.normal(size=size).tolist(), strict=True))
    target = data.draw(st.sampled_from(model.names))
    # By hand: each noise is what its equation leaves; then the equations run again in causal order.
    noise = {name: seen[name] - model.intercepts[place] - model.coefficients[place] @ list(seen.values())
             for place, name in enumerate(model.names)}  # fmt: skip
    then: dict = {}
    for name in model.graph.order:
        row = model.names.index(name)
        parents = sum(model.coefficients[row, model.names.index(cause)] * then[cause] for cause in then)
        then[name] = 2.5 if name == target else model.intercepts[row] + parents + noise[name]
    if np.linalg.cond(model.whole.covariance) > 1e6:
        return
    found = model.abducted(seen).do({target: 2.5}).distribution()
    assert dict(zip(found.names, found.mean, strict=True)) == pytest.approx(then, abs=1e-5)
    assert found.covariance == pytest.approx(np.zeros((size, size)), abs=1e-5)


def test_a_counterfactual_of_a_unit_seen_in_part_by_hand():
    # X = E, Y = 2 X + F with var E = var F = 1. Seen Y = 3: X has mean 6/5 and variance 1/5, F = 3 - 2 X.
    model = LinearModel.of({"X": {}, "Y": {"X": 2.0}})
    now = model.abducted({"Y": 3.0})
    assert now.distribution(["X"]).mean_of("X") == pytest.approx(6 / 5)
    assert now.distribution(["X"]).variance_of("X") == pytest.approx(1 / 5)
    # Under X=0: Y = F, whose mean is 3 - 12/5 and whose variance is 4/5.
    then = now.do(X=0.0).distribution(["Y"])
    assert then.mean_of("Y") == pytest.approx(3 / 5)
    assert then.variance_of("Y") == pytest.approx(4 / 5)
    # In the world as it is, what was seen stays.
    assert now.distribution(["Y"]).mean_of("Y") == pytest.approx(3.0)
    assert now.distribution(["Y"]).variance_of("Y") == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_samples_agree_with_the_closed_form(seed):
    model = random_linear(4, seed).do(V1=0.7)
    count = 200_000
    columns = sample(model, count, seed=seed)
    rows, exact = np.array(list(columns.values())), model.distribution()
    spread = np.sqrt(np.diag(exact.covariance))
    assert np.all(np.abs(rows.mean(axis=1) - exact.mean) <= 5 * spread / count**0.5 + 1e-12)
    error = np.sqrt((np.outer(spread, spread) ** 2 + exact.covariance**2) / count)
    assert np.all(np.abs(np.cov(rows) - exact.covariance) <= 5 * error + 1e-12)


def test_an_equation_replaces_another_with_noise_of_its_own():
    model = LinearModel.of({"Z": {}, "X": {"Z": 1.0}, "Y": {"X": 2.0}}, noise_covariances={("X", "Y"): 0.5})
    assert model.graph == Graph.of([("Z", "X"), ("X", "Y")], [("X", "Y")], nodes="ZXY")
    soft = model.do(X=LinearEquation({"Z": -1.0}, intercept=3.0, variance=0.25))
    assert soft.distribution(["X", "Y"]).mean == pytest.approx([3.0, 6.0])
    assert soft.distribution(["X", "Y"]).covariance == pytest.approx(np.array([[1.25, 2.5], [2.5, 6.0]]))
    assert model.distribution(["X", "Y"]).covariance == pytest.approx(np.array([[2.0, 4.5], [4.5, 11.0]]))


def test_latent_variables_are_left_out_unless_asked_for():
    model = LinearModel.of({"U": {}, "X": {"U": 1.0}}, latent=["U"])
    assert model.distribution().names == ("X",)
    assert model.distribution(["X", "U"], {"X": 2.0}).mean == pytest.approx([2.0, 1.0])
    assert model.graph.latent == {"U"}


def test_evidence_that_is_certain_anyway_is_no_news_and_against_it_is_refused():
    model = LinearModel.of({"X": {}, "Y": LinearEquation({"X": 2.0})})
    assert model.distribution(["X"], {"X": 1.0, "Y": 2.0}).mean == pytest.approx([1.0])
    assert model.do(X=1.0).distribution(["Y"], {"X": 1.0}).mean == pytest.approx([2.0])
    for known in ({"X": 1.0, "Y": 2.1}, {"Y": 2.0, "X": 5.0}):
        with pytest.raises(CausalModelError) as caught:
            model.distribution(["X"], known)
        assert caught.value.code == "AE-7210"
        with pytest.raises(CausalModelError, match="probability zero"):
            model.abducted(known)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_unit_of_measurement_does_not_matter(unit):
    small = LinearModel.of({"X": LinearEquation({}, 0.0, unit**2), "Y": {"X": 2.0 / unit}})
    found = small.distribution(["X"], {"Y": 3.0})
    assert found.mean[0] / unit == pytest.approx(6 / 5)
    assert found.variance_of("X") / unit**2 == pytest.approx(1 / 5)
    assert small.abducted({"Y": 3.0}).do(X=0.0).distribution(["Y"]).variance_of("Y") == pytest.approx(4 / 5)


WRONG = {
    "AE-7208": [lambda: LinearModel.of({"X": {"W": 1.0}}), lambda: LinearModel.of({"X": {}}).do(W=1.0),
                lambda: LinearModel.of({"X": {}}).distribution(["W"]),
                lambda: LinearModel.of({"X": {}}).abducted({"W": 0}),
                lambda: LinearModel.of({"X": {}}, noise_covariances={("X", "W"): 0.1}),
                lambda: LinearModel.of({"X": {}}).total_effect("X", "W")],
    "AE-7221": [lambda: LinearModel(("X",), np.zeros((2, 2)), np.zeros(1), np.eye(1)),
                lambda: LinearModel(("X",), np.zeros((1, 1)), np.zeros(2), np.eye(1)),
                lambda: LinearModel(("X", "X"), np.zeros((2, 2)), np.zeros(2), np.eye(2))],
    "AE-7222": [lambda: LinearModel.of({"X": LinearEquation(intercept=float("nan"))}),
                lambda: LinearModel.of({"X": {}, "Y": {"X": float("inf")}}),
                lambda: LinearModel.of({"X": {}}).do(X="a"),
                lambda: LinearModel.of({"X": {}, "Y": {"X": 1e149}, "Z": {"Y": 1e149}}).distribution(["X"]),
                lambda: LinearModel.of({"X": {}}).distribution([], {"X": float("nan")})],
    "AE-7223": [lambda: LinearModel.of({"X": LinearEquation(variance=-1.0)}),
                lambda: LinearModel.of({"X": {}, "Y": {}}, noise_covariances={("X", "Y"): 1.5}),
                lambda: LinearModel(("X", "Y"), np.zeros((2, 2)), np.zeros(2), np.array([[1, 0.5], [0, 1]])),
                lambda: LinearModel.of({"X": LinearEquation(), "Y": {}}, noise_covariances={("X", "Y"): 0.1})],
}  # fmt: skip


@pytest.mark.parametrize(("code", "wrong"), [(code, one) for code, several in WRONG.items() for one in several])
def test_what_is_wrong_is_one_typed_error(code, wrong):
    with pytest.raises(CausalModelError) as caught:
        wrong()
    assert caught.value.code == code


def test_a_cycle_is_refused():
    with pytest.raises(GraphError, match="cycle"):
        LinearModel.of({"X": {"Y": 1.0}, "Y": {"X": 0.5}})
    with pytest.raises(GraphError, match="cycle"):
        LinearModel.of({"X": {}, "Y": {"X": 0.5}}).do(X=LinearEquation({"Y": 1.0}))
