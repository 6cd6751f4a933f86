"""Discrete models as one writes them, and what they refuse; samples of any model."""

# ruff: noqa: N803 -- a rule's parameters are the names of variables

from fractions import Fraction

import numpy as np
import pytest
from scm_models import random_graph, random_model

from aetia.errors import AetiaError, CausalModelError, GraphError
from aetia.scm.graphs.graph import Graph
from aetia.scm.models.discrete import DiscreteModel, Mechanism
from aetia.scm.models.functional import FunctionalModel
from aetia.scm.models.linear import LinearEquation, LinearModel
from aetia.scm.models.sampling import _Tables, estimate, sample

HALF = Fraction(1, 2)


def confounded() -> DiscreteModel:
    return DiscreteModel.of(
        {
            "Z": {0: 0.4, 1: 0.6},
            "X": (["Z"], [[0.9, 0.1], [0.2, 0.8]]),
            "Y": lambda X, Z: {0: 0.7, 1: 0.3} if X else Z,
        }
    )


def test_laws_are_written_in_every_form_that_is_documented():
    model = confounded()
    assert model.graph == Graph.of([("Z", "X"), ("Z", "Y"), ("X", "Y")], nodes=["Z", "X", "Y"])
    assert model.mechanisms["Y"].table.tolist() == [[[1, 0], [0, 1]], [[0.7, 0.3], [0.7, 0.3]]]
    same = {
        "Z": [0.4, 0.6],
        "X": Mechanism("X", ("Z",), np.array([[0.9, 0.1], [0.2, 0.8]])),
        "Y": (("X", "Z"), model.mechanisms["Y"].table),
    }
    other = DiscreteModel.of(same)
    assert other.values == model.values
    assert all(np.array_equal(one.table, other.mechanisms[name].table) for name, one in model.mechanisms.items())


@pytest.mark.parametrize("pair", [[0.2, 0.8], (0.2, 0.8), np.array([0.2, 0.8]), (np.float64(0.2), np.float64(0.8))])
def test_a_distribution_is_a_list_of_any_kind_and_two_numbers_are_no_parents(pair):
    model = DiscreteModel.of({"X": pair, "Y": lambda X: pair if X else 1})
    assert model.values["X"] == (0, 1)
    assert model.mechanisms["Y"].table.tolist() == [[0, 1], [0.2, 0.8]]
    assert confounded().do(X=pair).probability({"X": 1}) == pytest.approx(0.8)
    assert confounded().do(X=lambda Z: pair if Z else 0).probability({"X": 1}) == pytest.approx(0.6 * 0.8)
    assert confounded().do(X=lambda: pair).graph.parents["X"] == frozenset()


def test_a_list_that_a_rule_gives_stays_exact():
    third = Fraction(1, 3)
    model = DiscreteModel.of({"X": (third, 1 - third), "Y": lambda X: [0, 1] if X else (third, 1 - third)})
    assert model.probability({"Y": 1}) == Fraction(8, 9)
    names = DiscreteModel.of({"A": (third, 1 - third), "B": ("A", [[1, 0], [0, 1]]), "C": ({"B"}, [[1, 0], [0, 1]])})
    assert names.probability({"C": 1}) == 1 - third


def test_a_name_is_no_list_of_letters():
    model = DiscreteModel.of({"A": [0.5, 0.5], "B": [0.3, 0.7], "AB": [0.1, 0.9]}, latent="AB")
    assert model.latent == {"AB"}
    assert model.joint("AB").axes == ("AB",)
    assert list(sample(model, 3, seed=0, names="AB")) == ["AB"]
    linear = LinearModel.of({"A": {}, "B": {}, "AB": {"A": 2.0}}, latent="AB")
    assert linear.latent == {"AB"}
    assert linear.distribution("AB").names == linear.whole.marginal("AB").names == ("AB",)
    assert list(sample(linear, 3, seed=0, names="AB")) == ["AB"]
    functional = FunctionalModel.of({"A": lambda: 0.0, "AB": lambda A: A}, latent="AB")
    assert functional.latent == {"AB"}
    assert list(sample(functional, 3, seed=0, names="AB")) == ["AB"]


def test_equal_models_have_one_hash():
    # Without a rule: the order of the variables is no part of a model.
    laws = {"Z": [0.4, 0.6], "X": (["Z"], [[0.9, 0.1], [0.2, 0.8]])}
    first, second = DiscreteModel.of(laws), DiscreteModel.of(dict(reversed(laws.items())))
    assert first == second
    assert len({first, second, first.do(X=1)}) == 2
    functional = FunctionalModel.of({"A": lambda: 0.0})
    assert {functional: 1}[functional] == 1


def test_what_is_too_small_for_floats_is_not_called_impossible():
    def twenty_facts(number: float | Fraction) -> tuple[DiscreteModel, dict[str, int]]:
        laws = {f"X{place}": {0: 1 - number, 1: number} for place in range(20)}
        return DiscreteModel.of({**laws, "Y": [HALF, HALF]}), dict.fromkeys(laws, 1)

    model, facts = twenty_facts(1e-20)
    with pytest.raises(CausalModelError, match="too small for floats") as caught:
        model.probability({"Y": 1}, facts)
    assert caught.value.code == "AE-7210"
    assert "exact fractions" in str(caught.value)
    model, facts = twenty_facts(Fraction(1, 10**20))
    assert model.probability({"Y": 1}, facts) == HALF
    exact = DiscreteModel.of({"X": {0: Fraction(1), 1: Fraction(0)}, "Y": [HALF, HALF]})
    with pytest.raises(CausalModelError) as impossible:
        exact.joint(["Y"], {"X": 1})
    assert "floats" not in str(impossible.value)


def test_the_confounded_effect_is_that_of_the_back_door_formula():
    model = confounded()
    assert model.do(X=1).probability({"Y": 1}) == pytest.approx(0.3)
    assert model.do(X=0).probability({"Y": 1}) == pytest.approx(0.6)
    # P(Z=1 | X=0) = 0.12 / 0.48
    assert model.probability({"Y": 1}, {"X": 0}) == pytest.approx(0.25)
    assert model.do(X=0).probability({"Y": 1}, {"Z": 1}) == 1.0
    assert model.probability({"Y": 1, "X": 0}, {"Y": 0}) == 0.0
    assert model.probability({}) == 1.0


def test_a_policy_a_distribution_and_a_soft_intervention_replace_a_mechanism():
    model = confounded()
    assert model.do(X=lambda Z: 1 - Z).joint(["X", "Z"]).values == pytest.approx(np.array([[0, 0.6], [0.4, 0]]))
    assert model.do(X={1: 0.25, 0: 0.75}).probability({"X": 1, "Z": 1}) == pytest.approx(0.15)
    soft = model.do(X=(["Z"], [[0.5, 0.5], [0.1, 0.9]]))
    assert soft.probability({"X": 1}) == pytest.approx(0.4 * 0.5 + 0.6 * 0.9)
    assert model.do({"X": 1}, Z=0).probability({"Y": 1}) == pytest.approx(0.3)
    assert model.do(X=np.int64(1)).probability({"X": 1}) == 1.0


def test_names_and_values_that_are_text_or_truth_values_work_throughout():
    model = DiscreteModel.of({"is wet": [HALF, HALF], "floor": (["is wet"], [[1, 0], [HALF / 2, HALF * 3 / 2]])},
                             values={"is wet": (False, True), "floor": ("dry", "slippery")})  # fmt: skip
    assert model.probability({"floor": "slippery"}) == Fraction(3, 8)
    assert model.do({"is wet": True}).probability({"floor": "slippery"}) == Fraction(3, 4)
    assert model.probability({"is wet": True}, {"floor": "dry"}) == Fraction(1, 5)


def test_tables_of_zeros_and_ones_go_with_fractions_and_floats_with_floats():
    exact = DiscreteModel.of({"U": {0: HALF, 1: HALF}, "X": lambda U: 1 - U})
    assert exact.is_exact
    assert exact.is_functional
    assert exact.probability({"X": 1}) == HALF
    assert type(exact.do(U=1).probability({"X": 0})) is Fraction
    mixed = DiscreteModel.of({"U": {0: HALF, 1: HALF}, "X": (["U"], [[0.5, 0.5], [0.1, 0.9]])})
    assert not mixed.is_exact
    assert type(mixed.probability({"X": 1})) is float


def test_a_table_is_not_changed_from_outside():
    table = np.array([0.5, 0.5])
    mechanism = Mechanism("X", (), table)
    table[0] = 7
    assert mechanism.table.tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        mechanism.table[0] = 7


def failing(X: object) -> int:
    raise ValueError(f"no such unit as {X}")


WRONG = {
    "AE-7201": [lambda: DiscreteModel.of({"X": [1.5, -0.5]}), lambda: DiscreteModel.of({"X": [float("nan"), 1]}),
                lambda: DiscreteModel.of({"X": {0: "a half", 1: 0.5}}), lambda: Mechanism("X", (), [[0.5, 0.5], [1]])],
    "AE-7202": [lambda: DiscreteModel.of({"X": [0.3, 0.3, 0.3]}), lambda: DiscreteModel.of({"X": [0.5, 0.500001]}),
                lambda: DiscreteModel.of({"X": [HALF, HALF / 3]}),
                lambda: confounded().do(X={1: 0.2}), lambda: confounded().do(X=(["Z"], [[1, 0], [0.5, 0.6]]))],
    "AE-7203": [lambda: DiscreteModel.of({"X": [0.5, 0.5]}, values={"X": (0, 1, 2)}),
                lambda: DiscreteModel.of({"A": [1.0], "X": (["A"], [0.5, 0.5])}), lambda: DiscreteModel.of({"X": []}),
                lambda: DiscreteModel.of({"X": [0.5, 0.5], "Y": lambda X: [0.2, 0.3, 0.5]}),
                lambda: DiscreteModel.of({"X": [0.5, 0.5], "Y": lambda X: [[0.5, 0.5]]}),
                lambda: DiscreteModel.of({"X": ((0.5, 0.5), (0.5, 0.5))}),
                lambda: DiscreteModel.of({"A": [0.2, 0.3, 0.5], "X": (["A"], [[1, 0], [0, 1]])})],
    "AE-7204": [lambda: DiscreteModel.of({"X": (["A"], [[1], [1]])}), lambda: DiscreteModel.of({"X": lambda A: A}),
                lambda: DiscreteModel.of({"X": (["X"], [[1, 0], [0, 1]])})],
    "AE-7205": [lambda: DiscreteModel({"X": ()}, {"X": Mechanism("X", (), [1.0])}),
                lambda: DiscreteModel.of({"X": [0.5, 0.5]}, values={"X": (1, True)})],
    "AE-7206": [lambda: DiscreteModel.of({"X": [1.0]}, values={"Y": (0,)}),
                lambda: DiscreteModel({"X": (0,)}, {"X": Mechanism("Y", (), [1.0])}),
                lambda: DiscreteModel({}, {"X": Mechanism("X", (), [1.0])})],
    "AE-7207": [lambda: confounded().probability({"Y": 2}), lambda: confounded().do(X="1"),
                lambda: confounded().joint(["Y"], {"X": None}), lambda: confounded().do(X=lambda Z: Z + 1)],
    "AE-7208": [lambda: confounded().probability({"W": 1}), lambda: confounded().do(W=1),
                lambda: confounded().joint(["Y", "W"]), lambda: DiscreteModel({}, {}).joint("X"),
                lambda: confounded().joint(["Y"], {"W": 1}),
                lambda: sample(confounded(), 3, seed=0, names=["W"]), lambda: estimate(confounded(), {"W": 1}, seed=0)],
    "AE-7209": [lambda: confounded().probability({"Y": 1}, budget=16)],
    "AE-7210": [lambda: confounded().probability({"Y": 1}, {"X": 0, "Z": 0, "Y": 1}),
                lambda: confounded().do(X=1).joint(["Y"], {"X": 0})],
    "AE-7211": [lambda: DiscreteModel.of({"X": [0.5, 0.5], "Y": failing}),
                lambda: DiscreteModel.of({"X": [0.5, 0.5], "Y": lambda X: 1 // X}),
                lambda: DiscreteModel.of({"X": [0.5, 0.5], "Y": lambda X: {X}}),
                lambda: DiscreteModel.of({"Y": max})],
    "AE-7212": [lambda: sample(confounded(), -1, seed=0), lambda: estimate(confounded(), {"X": 1}, count=0, seed=0),
                lambda: sample(confounded(), 3, seed=-1), lambda: estimate(confounded(), {"X": 1}, count=3, seed=-1),
                lambda: sample(LinearModel.of({"X": {}}), 3, seed=-1), lambda: sample(confounded(), 3, seed=0.5),
                lambda: sample(FunctionalModel.of({"X": lambda: 0.0}), 3, seed=-1),
                lambda: sample(confounded(), 2.5, seed=0)],
    "AE-7213": [lambda: estimate(confounded(), {"Y": 1}, {"X": 0, "Z": 0, "Y": 1}, count=100, seed=0)],
}  # fmt: skip


@pytest.mark.parametrize(("code", "wrong"), [(code, one) for code, several in WRONG.items() for one in several])
def test_what_is_wrong_is_one_typed_error(code, wrong):
    with pytest.raises(CausalModelError) as caught:
        wrong()
    assert caught.value.code == code
    assert len(str(caught.value).splitlines()) <= 3


def test_a_cycle_is_refused_also_when_a_policy_makes_it():
    with pytest.raises(GraphError, match="cycle"):
        DiscreteModel.of({"A": lambda B: B, "B": lambda A: A})
    with pytest.raises(GraphError, match="X -> Y -> X"):
        confounded().do(X=lambda Y: Y)
    with pytest.raises(GraphError, match="hidden"):
        DiscreteModel.of({"A": [1.0]}, latent=["U"])


def test_a_model_too_wide_to_be_exact_says_its_width_and_can_be_estimated():
    # A grid: the child of its left and its upper neighbour.
    size = 12
    laws: dict = {f"C{row}_{column}": {0: 0.5, 1: 0.5} for row in range(size) for column in (0,)}
    for row in range(size):
        for column in range(1, size):
            above = [f"C{row - 1}_{column}"] if row else []
            parents = [f"C{row}_{column - 1}", *above]
            laws[f"C{row}_{column}"] = (parents, np.full((2,) * len(parents) + (2,), 0.5))
    model = DiscreteModel.of(laws)
    last = f"C{size - 1}_{size - 1}"
    with pytest.raises(CausalModelError, match=r"treewidth up to \d+") as caught:
        model.probability({last: 1}, budget=2**12)
    assert caught.value.code == "AE-7209"
    found = estimate(model, {last: 1}, count=20_000, seed=1)
    assert abs(found.value - 0.5) < 5 * found.standard_error


def test_variables_that_are_no_ancestors_cost_nothing():
    laws: dict = {"X0": [0.5, 0.5]} | {f"X{n}": ([f"X{n - 1}"], [[0.9, 0.1], [0.2, 0.8]]) for n in range(1, 5)}
    laws["W"] = ([f"X{n}" for n in range(5)], np.full((2,) * 6, 0.5))
    assert DiscreteModel.of(laws).probability({"X4": 1}, budget=8 * 4) == pytest.approx(
        (np.linalg.matrix_power(np.array([[0.9, 0.1], [0.2, 0.8]]), 4).T @ [0.5, 0.5])[1]
    )


@pytest.mark.parametrize(("seed", "functional", "values"), [(0, False, 2), (1, False, 3), (2, True, 2), (3, True, 3)])
def test_samples_have_the_exact_frequencies(seed, functional, values):
    model = random_model(random_graph(4, seed), seed, functional=functional, values=values)
    count = 200_000
    columns = sample(model, count, seed=seed)
    assert list(columns) == list(model.observed)
    flat = np.ravel_multi_index([columns[name] for name in model.observed], (values,) * 4)
    found = np.bincount(flat, minlength=values**4) / count
    wanted = model.joint().values.ravel()
    error = np.sqrt(wanted * (1 - wanted) / count)
    assert np.all(np.abs(found - wanted) <= 5 * error)
    again = sample(model, count, seed=seed)
    assert all(np.array_equal(columns[name], again[name]) for name in columns)
    assert any(not np.array_equal(columns[name], sample(model, count, seed=seed + 1)[name]) for name in columns)


def test_samples_keep_the_values_as_they_are_and_never_draw_the_impossible():
    model = DiscreteModel.of(
        {"A": {"a": 0.1, "b": 0.2, "c": 0.7, "never": 0.0}, "B": {True: 0.5, False: 0.5}, "C": {1: 0.5, "1": 0.5},
         "D": {0.5: 0.5, 2: 0.5}, "E": {2**70: 1}}
    )  # fmt: skip
    columns = sample(model, 50_000, seed=1)
    assert set(columns["A"].tolist()) == {"a", "b", "c"}
    assert columns["B"].dtype == bool
    assert set(columns["C"].tolist()) == {1, "1"}
    assert set(columns["D"].tolist()) == {0.5, 2}
    assert set(columns["E"].tolist()) == {2**70}
    assert sample(model, 0, seed=1)["A"].size == 0


class Stuck:
    """A source of chance that always gives the same."""

    def __init__(self, chance: float) -> None:
        self.chance = chance

    def random(self, size: int) -> np.ndarray:
        return np.full(size, self.chance)


def test_no_chance_draws_a_value_of_probability_zero():
    table = np.array([0.0] + [0.1] * 10 + [0.0])
    assert table.cumsum()[10] < 1  # the sum of the ten falls short of one
    tables = _Tables.of(DiscreteModel.of({"X": table}), ["X"], {})
    for chance, place in ((0.0, 1), (np.nextafter(1.0, 0.0), 10)):
        assert tables.drawn(Stuck(chance), 3)[0]["X"].tolist() == [place] * 3


@pytest.mark.parametrize("seed", range(4))
def test_likelihood_weighting_covers_the_exact_answer(seed):
    model = random_model(random_graph(6, seed), seed, values=2)
    given = {"V5": 1, "V3": 0}
    exact = model.probability({"V0": 1}, given)
    found = [estimate(model, {"V0": 1}, given, count=5_000, seed=number) for number in range(40)]
    errors = np.array([(one.value - exact) / one.standard_error for one in found])
    assert np.abs(errors).max() < 5
    # Were the standard errors wrong by a third, the spread of 40 standardised errors would leave this range.
    assert 0.7 < errors.std() < 1.4
    assert all(0 < one.effective <= 5_000 for one in found)


def test_an_event_never_seen_has_a_standard_error_above_zero():
    model = DiscreteModel.of({"X": {0: 1 - 1e-9, 1: 1e-9}})
    found = estimate(model, {"X": 1}, count=1_000, seed=0)
    assert found.value == 0
    assert 5e-4 < found.standard_error < 2e-3


def test_every_kind_of_model_is_sampled_under_an_intervention():
    linear = LinearModel.of({"X": {}, "Y": LinearEquation({"X": 2.0}, 1.0, 0.25)}).do(X=3.0)
    columns = sample(linear, 20_000, seed=1)
    assert set(columns["X"].tolist()) == {3.0}
    assert columns["Y"].mean() == pytest.approx(7.0, abs=5 * 0.5 / 20_000**0.5)
    functional = FunctionalModel.of({"X": lambda: 0.0, "Y": lambda X: X**2}).do(X=3.0)
    assert sample(functional, 2, seed=1)["Y"].tolist() == [9.0, 9.0]
    with pytest.raises(AetiaError) as caught:
        sample(functional, 2, seed=1, names=["W"])
    assert caught.value.code == "AE-7208"
