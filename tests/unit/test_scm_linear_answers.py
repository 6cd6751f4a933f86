"""Are the answers of linear models those of path products and of abduction by hand?"""

import itertools

import numpy as np
import pytest

from aetia.errors import CausalModelError, QueryError
from aetia.scm.answers.exact import answer
from aetia.scm.language.derivation import Answer
from aetia.scm.language.expression import Constant, Difference, Product
from aetia.scm.models.linear import LinearEquation, LinearModel


def _tutoring():
    """Pearl, Glymour and Jewell 2016, section 4.2.3: encouragement X, homework H, exam score Y, standardised."""
    return LinearModel.of(
        {
            "X": {},
            "H": LinearEquation({"X": 0.5}, variance=0.75),
            "Y": LinearEquation({"X": 0.7, "H": 0.4}, variance=0.07),
        }
    )


def _random(seed, size=5):
    draw = np.random.default_rng(seed)
    weights = np.tril(draw.normal(size=(size, size)), -1) * (draw.random((size, size)) < 0.7)
    root = draw.normal(size=(size, size)) * (draw.random((size, size)) < 0.4) + np.eye(size)
    names = tuple(f"V{place}" for place in range(size))
    return draw, LinearModel(names, weights, draw.normal(size=size), root @ root.T)


def _evaluated(formula):
    match formula:
        case Constant(value):
            return value
        case Product(factors):
            return float(np.prod([_evaluated(one) for one in factors]))
        case Difference(first, second):
            return _evaluated(first) - _evaluated(second)
    raise AssertionError(formula)


def _steps_hold(found: Answer):
    return all(_evaluated(step.formula) == pytest.approx(step.result, abs=1e-9) for step in found.steps)


def test_joe_who_doubles_his_homework():
    """The published counterfactual: 1.90, from the noises 0.5, 0.75 and 0.75."""
    found = answer(_tutoring(), "E[Y[H=2] | X=0.5, H=1, Y=1.5]")
    assert found.value == pytest.approx(1.90)
    assert {step.target[:12]: step.result for step in found.steps[:-1]} == {
        "E[noise of X": pytest.approx(0.5),
        "E[noise of Y": pytest.approx(0.75),
    }
    assert found.steps[-1].substituted == "0.8 + 0.7 · 0.5 + 1 · 0.75"
    assert _steps_hold(found)
    noise = answer(_tutoring(), "E[H[X=0] | X=0.5, H=1, Y=1.5]")
    assert noise.value == pytest.approx(0.75)


def test_effects_are_products_of_coefficients_along_paths():
    model = _tutoring()
    values = {"ATE": 0.9, "TE": 0.9, "NDE": 0.7, "NIE": 0.2, "ETT": 0.9, "ETU": 0.9}
    for name, value in values.items():
        found = answer(model, f"{name}(X, Y)")
        assert found.value == pytest.approx(value)
        assert _steps_hold(found)
    assert answer(model, "CDE(X, Y | do(H=3))").value == pytest.approx(0.7)
    assert answer(model, "PSE(X, Y; X -> H -> Y)").value == pytest.approx(0.2)
    assert answer(model, "ATE(X=3 vs 1, Y)").value == pytest.approx(1.8)
    assert answer(model, "ATE(Y, X)").value == 0
    assert [step.target for step in answer(model, "ATE(X, Y)").steps] == ["X -> H -> Y", "X -> Y", "ATE(X, Y)"]
    assert str(answer(model, "NIE(X, Y)")).count("0.5 · 0.4") == 1


def test_no_more_paths_are_followed_than_are_shown(monkeypatch):
    # A complete graph of 30 variables has 2^28 directed paths from the first to the last.
    names = [f"V{place}" for place in range(30)]
    model = LinearModel.of({name: dict.fromkeys(names[:place], 0.1) for place, name in enumerate(names)})
    followed = []

    def paths(*_):
        for place in range(1000):
            followed.append(place)
            yield ("V0", "V29")

    monkeypatch.setattr("aetia.scm.answers.linear_answer._paths", paths)
    assert answer(model, "ATE(V0=1 vs 0, V29)").value == pytest.approx(model.total_effect("V0", "V29"))
    assert len(followed) == 41


def test_a_mean_under_intervention_is_that_of_the_model_so_changed():
    for seed in range(20):
        draw, model = _random(seed)
        cause, outcome, other = (str(one) for one in draw.permutation(model.names)[:3])
        value, known = draw.normal(size=2).round(2)
        found = answer(model, f"E[{outcome} | do({cause}={value}), {other}={known}]")
        expected = model.do({cause: float(value)}).distribution([outcome], {other: float(known)}).mean_of(outcome)
        assert found.value == pytest.approx(expected, abs=1e-8)
        assert _steps_hold(found)


def test_a_counterfactual_mean_is_that_of_abduction_action_prediction():
    for seed in range(20):
        draw, model = _random(seed)
        cause, outcome, other = (str(one) for one in draw.permutation(model.names)[:3])
        value, first, second = (float(one) for one in draw.normal(size=3).round(2))
        found = answer(model, f"E[{outcome}[{cause}={value}] | {cause}={first}, {other}={second}]")
        unit = model.abducted({cause: first, other: second}).do({cause: value})
        assert found.value == pytest.approx(unit.distribution([outcome]).mean_of(outcome), abs=1e-8)


def test_nested_worlds_and_paths_agree_and_add_up():
    for seed in range(20):
        _, model = _random(seed)
        cause, middle, outcome = "V0", "V2", "V4"
        direct, reverse = (
            answer(model, f"{text}, {outcome}; {middle})").value
            for text in (f"NDE({cause}=1 vs 0", f"NIE({cause}=0 vs 1")
        )
        assert answer(model, f"TE({cause}, {outcome})").value == pytest.approx(direct - reverse)
        nested = answer(model, f"E[{outcome}[{cause}=1, {middle}={middle}[{cause}=0]]]").value
        base = answer(model, f"E[{outcome} | do({cause}=0)]").value
        assert direct == pytest.approx(nested - base)
        paths = _paths(model, cause, outcome)
        parts = [answer(model, f"PSE({cause}, {outcome}; {' -> '.join(path)})").value for path in paths]
        assert parts == pytest.approx([model.path_effect(path) for path in paths])
        assert sum(parts) == pytest.approx(model.total_effect(cause, outcome))


def _paths(model, cause, outcome):
    names = model.names
    inner = names[names.index(cause) + 1 : names.index(outcome)]
    routes = (middle for count in range(len(inner) + 1) for middle in itertools.combinations(inner, count))
    paths = [(cause, *middle, outcome) for middle in routes]
    return [path for path in paths if all(start in model.graph.parents[end] for start, end in itertools.pairwise(path))]


def test_an_effect_given_a_consequence_is_refused_and_given_a_cause_answered():
    model = _tutoring()
    for text in ("CATE(X, Y | H=1)", "CATE(X, Y | X=1)"):
        with pytest.raises(QueryError) as raised:
            answer(model, text)
        assert raised.value.code == "AE-7367"
    each = [float(answer(model, f"E[Y | do(X={value}), H=1]").value) for value in (1, 0)]
    assert each[0] - each[1] == pytest.approx(0.7), "the mend's means"
    found = answer(model, "CATE(H, Y | X=1)")
    assert found.value == pytest.approx(answer(model, "ATE(H, Y)").value)
    assert _steps_hold(found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("P(Y=1 | X=1)", "AE-7333"),
        ("PN(X, Y)", "AE-7333"),
        ("ATE(X, Y=1)", "AE-7333"),
        ("E[Y | X]", "AE-7330"),
        ("E[Y | do(X)]", "AE-7330"),
        ("E[Y | do(X=high)]", "AE-7332"),
        ("E[Y[H=1] | do(X=1)]", "AE-7337"),
        ("E[Y | X=high]", "AE-7332"),
    ],
)
def test_what_a_linear_model_cannot_say_is_refused(text, code):
    with pytest.raises(QueryError) as raised:
        answer(_tutoring(), text)
    assert raised.value.code == code


def test_evidence_against_what_is_certain_has_probability_zero():
    model = LinearModel.of({"X": {}, "Y": LinearEquation({"X": 2.0}, variance=0.0)})
    assert answer(model, "E[X | Y=4]").value == pytest.approx(2)
    for text in ("E[Y | X=1, Y=3]", "E[Y | do(X=1), X=2]"):
        with pytest.raises(CausalModelError) as raised:
            answer(model, text)
        assert raised.value.code == "AE-7210"
