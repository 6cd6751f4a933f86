"""Are expressions worth what they say, and is what has no value refused?"""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from scm_models import random_model

from aetia.errors import CausalModelError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.derivation import Number
from aetia.scm.language.expression import (
    Constant,
    Difference,
    Expectation,
    Expression,
    Probability,
    Product,
    Quotient,
    Sum,
    Variable,
)
from aetia.scm.language.query import Term, Value
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.evaluation import Sources, evaluate
from aetia.scm.models.factor import Factor
from aetia.scm.models.measured import Distribution, Sample

FRONT_DOOR = Graph.of([("X", "Z"), ("Z", "Y")], [("X", "Y")])


def probability(event: str, given: str = "", do: str = "", population: str = "") -> Probability:
    terms = [tuple(map(Term, names.split())) for names in (event, given, do)]
    return Probability(terms[0], terms[1], population, terms[2])


def number(expression: Expression, source: Sources, at: dict[str, Value] | None = None) -> Number:
    found = evaluate(expression, source, at)
    assert not isinstance(found, Factor)
    return found


def front_door() -> Sum:
    inner = Sum(("X",), Product((probability("Y", "X Z"), probability("X"))))
    return Sum(("Z",), Product((probability("Z", "X"), inner)))


@pytest.mark.parametrize("exact", [False, True])
def test_the_front_door_sums_a_variable_that_stays_open_outside(exact) -> None:
    model = random_model(FRONT_DOOR, 3, values=3, exact=exact)
    table = evaluate(front_door(), model)
    assert isinstance(table, Factor)
    assert table.axes == ("X", "Y")
    for x in model.values["X"]:
        for y in model.values["Y"]:
            truth = model.do(X=x).probability({"Y": y})
            found = number(front_door(), model, {"X": x, "Y": y})
            assert found == truth if exact else abs(found - truth) < 1e-12
            assert isinstance(found, Fraction if exact else float)
            assert abs(table.values[model.values["X"].index(x), model.values["Y"].index(y)] - truth) < 1e-12


def test_an_experiment_is_read_off_a_model_and_off_its_own_table_alike() -> None:
    model = random_model(FRONT_DOOR, 5)
    asked = probability("Y", "Z", do="X")
    trial = np.stack([model.do(X=x).joint(("Z", "Y")).values for x in model.values["X"]])
    table = Distribution(model.values, Factor(("X", "Z", "Y"), trial), do=frozenset({"X"}))
    for x in (0, 1):
        truth = model.do(X=x).probability({"Y": 1}, {"Z": 0})
        for source in (model, [table]):
            assert abs(number(asked, source, {"X": x, "Z": 0, "Y": 1}) - truth) < 1e-12


def test_data_give_frequencies() -> None:
    rows = pa.table({"X": [0, 0, 1, 1, 1], "Y": ["no", "yes", "yes", "yes", "no"]})
    sample = Sample.of(rows)
    assert abs(number(probability("Y", "X"), sample, {"X": 1, "Y": "yes"}) - 2 / 3) < 1e-12
    assert abs(number(probability("Y"), sample, {"Y": "no"}) - 2 / 5) < 1e-12
    assert abs(number(Expectation(Term("X")), sample) - 3 / 5) < 1e-12


def test_a_mean_is_the_sum_of_values_times_probabilities() -> None:
    model = DiscreteModel.of(
        {"X": {0: 0.5, 1: 0.5}, "Y": (["X"], [[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]])}, values={"Y": (1, 2, 10)}
    )
    long_form = Sum(("Y",), Product((Variable("Y"), probability("Y", "X"))))
    for form in (Expectation(Term("Y"), (Term("X"),)), long_form):
        assert abs(number(form, model, {"X": 0}) - (0.2 + 0.6 + 5)) < 1e-12
        assert abs(number(form, model, {"X": 1}) - (0.6 + 0.2 + 3)) < 1e-12


def test_numbers_and_differences() -> None:
    model = random_model(FRONT_DOOR, 1, exact=True)
    one_less = Difference(Constant(1), probability("X"))
    assert evaluate(one_less, model, {"X": 1}) == model.probability({"X": 0})
    assert evaluate(Product(()), model) == 1
    assert evaluate(Quotient(Constant(1), Constant(4)), model) == Fraction(1, 4)


def without_overlap() -> DiscreteModel:
    """Nobody of Z=1 has X=0, and there is no Z=2."""
    return DiscreteModel.of(
        {
            "Z": [0.5, 0.5, 0.0],
            "X": (["Z"], [[0.5, 0.5], [0.0, 1.0], [0.5, 0.5]]),
            "Y": (["X", "Z"], [[[0.3, 0.7]] * 3, [[0.6, 0.4]] * 3]),
        }
    )


def test_a_stratum_that_lacks_a_treatment_is_an_error_and_one_that_does_not_occur_is_none() -> None:
    adjusted = Sum(("Z",), Product((probability("Y", "X Z"), probability("Z"))))
    assert abs(number(adjusted, without_overlap(), {"X": 1, "Y": 1}) - 0.4) < 1e-12
    with pytest.raises(CausalModelError, match=r"it needs P\(y \| X=0, z\) at .*Z=1") as caught:
        evaluate(adjusted, without_overlap(), {"X": 0})
    assert caught.value.code == "AE-7260"


def test_exact_tables_refuse_the_same() -> None:
    values = {"Z": (0, 1), "X": (0, 1)}
    table = np.array([[Fraction(1, 2), Fraction(1, 2)], [Fraction(0), Fraction(0)]], dtype=object)
    source = Distribution(values, Factor(("Z", "X"), table))
    assert evaluate(probability("X", "Z"), source, {"Z": 0, "X": 1}) == Fraction(1, 2)
    assert evaluate(Sum(("Z",), Product((probability("X", "Z"), probability("Z")))), source, {"X": 1}) == Fraction(1, 2)
    with pytest.raises(CausalModelError, match="AE-7260"):
        evaluate(probability("X", "Z"), source, {"Z": 1, "X": 1})


@pytest.mark.parametrize(
    ("asked", "at", "code"),
    [
        (probability("Y", population="trial"), {"Y": 1}, "AE-7261"),
        (probability("Y", do="X"), {"X": 1, "Y": 1}, "AE-7261"),
        (probability("Q"), {}, "AE-7208"),
        (probability("Y"), {"Y": 7}, "AE-7207"),
        (Expectation(Term("W")), {}, "AE-7262"),
    ],
)
def test_what_the_source_lacks_is_named(asked, at, code) -> None:
    values = {"X": (0, 1), "Y": (0, 1), "W": ("low", "high")}
    source = Distribution(values, Factor(("X", "Y", "W"), np.full((2, 2, 2), 0.125)))
    with pytest.raises(CausalModelError, match=code):
        evaluate(asked, source, at)
