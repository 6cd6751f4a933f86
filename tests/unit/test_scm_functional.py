"""Models of functions: what they draw, what shares its noise, what would have been."""

# ruff: noqa: N803 -- a function's parameters are the names of variables

import numpy as np
import pytest

from aetia.errors import AetiaError
from aetia.scm.models.functional import FunctionalMechanism, FunctionalModel, normal, uniform
from aetia.scm.models.linear import LinearEquation, LinearModel
from aetia.scm.models.sampling import sample


def curved() -> FunctionalModel:
    return FunctionalModel.of(
        {"Z": lambda: 1.0, "X": lambda Z: 0.5 * Z, "Y": lambda Z, X: X**2 + Z, "W": lambda Y: -Y},
        noise={"Z": normal(0.5), "X": uniform(-1, 1), "Y": normal(0.1)},
    )


def test_samples_follow_the_functions():
    columns = sample(curved(), 100_000, seed=3)
    assert list(columns) == ["Z", "X", "Y", "W"]
    assert columns["Z"].mean() == pytest.approx(1.0, abs=5 * 0.5 / 100_000**0.5)
    left = columns["X"] - 0.5 * columns["Z"]
    assert -1 <= left.min() < -0.99
    assert 0.99 < left.max() <= 1
    assert (columns["Y"] - columns["X"] ** 2 - columns["Z"]).std() == pytest.approx(0.1, rel=0.02)
    assert np.array_equal(columns["W"], -columns["Y"])


def test_an_intervention_leaves_the_units_what_they_are():
    model = curved()
    before, after = sample(model, 1_000, seed=1), sample(model.do(X=0.0), 1_000, seed=1)
    assert np.array_equal(before["Z"], after["Z"])
    # So the units' own effects come out exactly, and they are what abduction finds.
    assert before["Y"] - after["Y"] == pytest.approx(before["X"] ** 2)
    found = model.counterfactual(before, {"X": 0.0})
    assert all(found[name] == pytest.approx(after[name]) for name in after)


def test_a_linear_model_written_as_functions_agrees_with_the_closed_form():
    linear = LinearModel.of({"X": {}, "M": {"X": 0.5}, "Y": LinearEquation({"X": 1.0, "M": 2.0}, 1.0, 0.25)})
    model = FunctionalModel.of(
        {"X": lambda: 0.0, "M": lambda X: 0.5 * X, "Y": lambda X, M: 1.0 + X + 2.0 * M},
        noise={"X": normal(), "M": normal(), "Y": normal(0.5)},
    )
    rows = np.array(list(sample(model.do(M=1.5), 100_000, seed=2).values()))
    exact = linear.do(M=1.5).distribution()
    assert np.abs(rows.mean(axis=1) - exact.mean).max() < 5 * 1.2 / 100_000**0.5
    assert np.abs(np.cov(rows) - exact.covariance).max() < 0.05
    seen = {"X": 0.3, "M": -0.2, "Y": 2.0}
    then = linear.abducted(seen).do(X=1.0).distribution()
    found = model.counterfactual({name: [value] for name, value in seen.items()}, {"X": 1.0})
    assert [float(found[name][0]) for name in then.names] == pytest.approx(then.mean.tolist())


def test_noise_inside_a_function_is_drawn_and_can_be_shared_out_by_a_policy():
    model = FunctionalModel.of({"X": lambda noise: np.exp(0.5 * noise), "Y": lambda X, noise: X * noise},
                               noise={"X": normal(), "Y": uniform()})  # fmt: skip
    columns = sample(model, 50_000, seed=5)
    assert np.median(columns["X"]) == pytest.approx(1.0, rel=0.03)
    assert (columns["Y"] / columns["X"]).max() <= 1
    doubled = sample(model.do(Y=lambda X, noise: 2 * X * noise), 50_000, seed=5)
    assert np.array_equal(doubled["Y"], 2 * columns["Y"])
    replaced = sample(model.do(X=FunctionalMechanism(lambda: 5.0, (), normal(0.0))), 3, seed=5)
    assert replaced["X"].tolist() == [5.0] * 3


def test_a_counterfactual_needs_only_the_effects_of_the_intervention_and_their_causes():
    model = curved()
    found = model.counterfactual({"X": [0.5], "Y": [1.0], "Z": [0.2], "W": [-1.0]}, {"Y": lambda X: 2 * X})
    assert {name: float(column[0]) for name, column in found.items()} == {"X": 0.5, "Y": 1.0, "Z": 0.2, "W": -1.0}
    only = model.counterfactual({"Y": [1.0], "W": [-1.0]}, {"Y": 7.0})
    assert {name: float(column[0]) for name, column in only.items()} == {"Y": 7.0, "W": -7.0}


WRONG = {
    "AE-7204": [lambda: FunctionalModel.of({"Y": lambda X: X})],
    "AE-7208": [lambda: curved().do(Q=1.0), lambda: FunctionalModel.of({"Y": lambda: 0.0}, noise={"X": normal()}),
                lambda: curved().counterfactual({"Q": [1.0]}, {"X": 1.0})],
    "AE-7210": [lambda: curved().counterfactual({"Z": [1.0], "X": [0.5], "Y": [1.0], "W": [2.0]}, {"X": 0.0})],
    "AE-7222": [lambda: curved().counterfactual({"Y": ["a"], "W": [-1.0]}, {"Y": 7.0}),
                lambda: curved().counterfactual({"Y": [float("nan")], "W": [-1.0]}, {"Y": 7.0}),
                lambda: curved().counterfactual({"Y": [None], "W": [-1.0]}, {"Y": 7.0}),
                lambda: curved().counterfactual({"Y": [[1.0]], "W": [-1.0]}, {"Y": 7.0})],
    "AE-7231": [lambda: FunctionalModel.of({"Y": lambda noise: noise})],
    "AE-7232": [lambda: sample(FunctionalModel.of({"Y": lambda: np.zeros(3)}), 5, seed=0),
                lambda: sample(FunctionalModel.of({"X": lambda: 0.0, "Y": lambda X: X.missing}), 5, seed=0)],
    "AE-7233": [lambda: curved().counterfactual({"X": [0.5], "Y": [1.0], "W": [-1.0]}, {"X": 0.0}),
                lambda: curved().counterfactual({"Y": [1.0], "W": [-1.0]}, {"Y": lambda X: X}),
                lambda: FunctionalModel.of({"X": lambda: 0.0, "Y": lambda X, noise: X * noise}, noise={"Y": normal()})
                .counterfactual({"X": [1.0], "Y": [2.0]}, {"X": 3.0})],
    "AE-7103": [lambda: curved().do(Z=lambda Y: Y)],
}  # fmt: skip


@pytest.mark.parametrize(("code", "wrong"), [(code, one) for code, several in WRONG.items() for one in several])
def test_what_is_wrong_is_one_typed_error(code, wrong):
    with pytest.raises(AetiaError) as caught:
        wrong()
    assert caught.value.code == code
