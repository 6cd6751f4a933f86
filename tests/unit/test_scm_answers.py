"""Are the answers those of the textbooks, and do the steps say why?"""

# ruff: noqa: N803 -- a rule's parameters are the names of variables

from fractions import Fraction

import numpy as np
import pytest

from aetia.errors import CausalModelError, NotIdentifiedError, QueryError
from aetia.scm.answers.exact import answer
from aetia.scm.bounding import bounds
from aetia.scm.bounding.gumbel import answer_by_gumbel_max
from aetia.scm.identification.counterfactuals import identify_counterfactual
from aetia.scm.language.expression import Probability
from aetia.scm.language.query import EffectQuery, ProbabilityQuery, Term
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.evaluation import evaluate
from aetia.scm.models.measured import Distribution
from aetia.scm.queries.abduction import abduced
from aetia.scm.queries.worlds import parallel_worlds


def _squad(order=Fraction(7, 10), nervous=Fraction(1, 5)):
    """Pearl 2009, section 1.4.1: a court order, a captain, two riflemen, the first of them nervous, a prisoner."""
    laws = {
        "U": {0: 1 - order, 1: order},
        "W": {0: 1 - nervous, 1: nervous},
        "C": lambda U: U,
        "A": lambda C, W: C or W,
        "B": lambda C: C,
        "D": lambda A, B: A or B,
    }
    return DiscreteModel.of(laws, latent=["U", "W"])


def _confounded():
    """Z confounds X and Y, M mediates."""
    table = [[[1, 3], [5, 6]], [[4, 6], [7, 9]]]  # tenths, [X, M, Z]
    laws = {
        "Z": [Fraction(3, 5), Fraction(2, 5)],
        "X": (["Z"], [[Fraction(4, 5), Fraction(1, 5)], [Fraction(1, 4), Fraction(3, 4)]]),
        "M": (["X"], [[Fraction(9, 10), Fraction(1, 10)], [Fraction(3, 10), Fraction(7, 10)]]),
        "Y": (["X", "M", "Z"], [[[[Fraction(10 - n, 10), Fraction(n, 10)] for n in z] for z in m] for m in table]),
    }
    return DiscreteModel.of(laws)


def test_the_firing_squad():
    p, q = Fraction(7, 10), Fraction(1, 5)
    model = _squad(p, q)
    # Had A not shot, the prisoner would live only if A shot from nerves alone: Pearl 2009, section 7.1.3.
    assert answer(model, "P(D[A=0]=0 | D=1)").value == q * (1 - p) / (1 - (1 - q) * (1 - p))
    assert answer(model, "PN(A, D)").value == q * (1 - p) / (1 - (1 - q) * (1 - p))
    assert answer(model, "P(D[A=0]=0 | A=1)").value == q * (1 - p) / (1 - (1 - q) * (1 - p))
    assert answer(model, "PS(A, D)").value == 1
    assert answer(model, "PNS(A, D)").value == 1 - p
    assert answer(model, "P(D=1 | do(A=0))").value == p


def test_the_derivation_of_a_counterfactual_shows_its_three_steps():
    found = answer(_squad(), "P(D[A=0]=0 | D=1)")
    weights = {step.target: step.result for step in found.steps[:-1]}
    assert weights == {
        "P(U=0, W=1 | D=1)": Fraction(3, 38),
        "P(U=1, W=0 | D=1)": Fraction(14, 19),
        "P(U=1, W=1 | D=1)": Fraction(7, 38),
    }
    assert all(step.says.startswith("Abduction") for step in found.steps)
    assert found.steps[-1].substituted == "0 · 1 + 3/38 · 1 + 14/19 · 0 + 7/38 · 0"
    law = abduced(_squad(), [Term("D", 1)], ["U", "W"])
    assert law.values.tolist() == [[0, Fraction(3, 38)], [Fraction(14, 19), Fraction(7, 38)]]


def test_two_bullets_one_coin_and_the_desert_traveller():
    """Pearl 2009, section 9.3: exogenous variables and monotone functions have closed forms."""
    # Betting against a fair coin, section 9.3.1: X bets heads, U lands heads, Y wins.
    coin = DiscreteModel.of({"X": [Fraction(1, 2)] * 2, "U": [Fraction(1, 2)] * 2, "Y": lambda X, U: int(X == U)})
    assert [answer(coin, f"{name}(X, Y)").value for name in ("PN", "PS", "PNS")] == [1, 1, Fraction(1, 2)]
    # Under exogeneity and monotonicity PNS is the risk difference, PN the excess risk ratio: theorem 9.2.14.
    laws = {
        "X": [Fraction(1, 2)] * 2,
        "E": {0: Fraction(7, 10), 1: Fraction(3, 10)},
        "R": {0: Fraction(9, 10), 1: Fraction(1, 10)},
    }
    risk = DiscreteModel.of({**laws, "Y": lambda X, E, R: (X and E) or R})
    treated, control = (answer(risk, f"P(Y=1 | X={value})").value for value in (1, 0))
    assert answer(risk, "PNS(X, Y)").value == treated - control
    assert answer(risk, "PN(X, Y)").value == (treated - control) / treated
    assert answer(risk, "PS(X, Y)").value == (treated - control) / (1 - control)


def test_the_back_door_formula_is_named_with_its_path_and_numbers():
    found = answer(_confounded(), "ATE(X, Y)")
    assert found.value == Fraction(237, 500)
    first = found.steps[0]
    assert first.target == "P(Y=1 | do(X=1))"
    assert first.says.startswith("Z blocks every back-door path from X to Y (such as X <- Z -> Y)")
    assert first.substituted == "61/100 · 3/5 + 81/100 · 2/5"
    assert first.result == Fraction(69, 100)
    assert found.steps[-1].substituted == "69/100 - 27/125"
    assert found.value != answer(_confounded(), "P(Y=1 | X=1)").value - answer(_confounded(), "P(Y=1 | X=0)").value
    text = str(found)
    assert text.startswith("ATE(X, Y) = 237/500\n1. Z blocks")
    assert "= sum_z P(Y=1 | X=1, z) P(z)" in text
    assert r"P(Y=1 \mid \mathrm{do}(X=1)) &= " in found.latex
    assert r"61/100 \cdot 3/5" in found.latex


def test_effects_in_a_confounded_mediation():
    model = _confounded()
    # By hand: sums over z and m of the tables above.
    assert answer(model, "NDE(X, Y)").value == Fraction(147, 500)
    assert answer(model, "NIE(X, Y)").value == Fraction(27, 125)
    assert answer(model, "CDE(X, Y | do(M=0))").value == Fraction(3, 10)
    assert answer(model, "CATE(X, Y | Z=1)").value == Fraction(12, 25)
    assert answer(model, "ETT(X, Y)").value == Fraction(527, 700) - Fraction(193, 700)
    assert answer(model, "PSE(X, Y; X -> M -> Y)").value == Fraction(27, 125)
    assert answer(model, "PSE(X, Y; X -> Y)").value == Fraction(147, 500)
    assert "mediation formula" in answer(model, "NDE(X, Y)").steps[0].says
    assert answer(model, "ETT(X, Y)").steps[1].substituted == "7/50 · 2/7 + 33/100 · 5/7"


def test_a_treated_value_does_not_leak_onto_paths_that_were_not_asked_for():
    laws = {"X": [0.5, 0.5], "M": lambda X: X, "P": lambda M: M, "Y": lambda M, P: 10 * M + P}
    model = DiscreteModel.of(laws, values={"Y": (0, 1, 10, 11)})
    assert answer(model, "PSE(X, Y; X -> M -> Y)").value == 10
    assert answer(model, "PSE(X, Y; X -> M -> P -> Y)").value == 1
    assert answer(model, "PSE(X, Y; X -> M -> Y, X -> M -> P -> Y)").value == 11


def test_a_recanting_witness_is_refused():
    """Avin, Shpitser and Pearl 2005: M would have to hear both treatments at once, and its table does not say how."""
    laws = {
        "X": [0.5, 0.5],
        "M": (["X"], [[0.8, 0.2], [0.3, 0.7]]),
        "P": (["M"], [[0.9, 0.1], [0.2, 0.8]]),
        "Y": (["M", "P"], [[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]]),
    }
    model = DiscreteModel.of(laws)
    with pytest.raises(NotIdentifiedError) as raised:
        answer(model, "PSE(X, Y; X -> M -> Y)")
    assert raised.value.code == "AE-7460"
    with pytest.raises(NotIdentifiedError) as raised:
        identify_counterfactual(model, "PSE(X, Y; X -> M -> Y)")
    assert raised.value.code == "AE-7433"
    found = bounds(model, "PSE(X, Y; X -> M -> Y)")
    assert found.low < found.high - 0.01
    both = answer(model, "PSE(X, Y; X -> M -> Y, X -> M -> P -> Y)").value
    assert both == pytest.approx(answer(model, "ATE(X, Y)").value), "no other paths: nothing recants"


def _crossed():
    """Z acts on X; X and W act on Y."""
    laws = {
        "Z": [0.5, 0.5],
        "X": (["Z"], [[0.2, 0.8], [0.6, 0.4]]),
        "W": [0.5, 0.5],
        "Y": (["X", "W"], [[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]]),
    }
    return DiscreteModel.of(laws)


def test_two_parents_may_hear_the_same_version():
    # X is one with chance 4/5 where Z=0, and both X and W are what it is: 1/5 · 1/10 + 4/5 · 9/10.
    found = answer(_crossed(), "P(Y[W=X[Z=0], Z=0]=1)")
    assert found.value == pytest.approx(0.74)
    # W is another variable than X: with X set, no formula may take the one for the other.
    apart = answer(_crossed(), "P(Y[W=X[Z=0], X=1]=1)")
    assert apart.value == pytest.approx(0.2 * 0.6 + 0.8 * 0.9)
    for one in (found, apart):
        assert evaluate(one.steps[-1].formula, _crossed()) == pytest.approx(one.value)


def _mediated():
    laws = {
        "X": [0.5, 0.5],
        "M": (["X"], [[0.6, 0.4], [0.3, 0.7]]),
        "Y": (["X", "M"], [[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]]),
    }
    return DiscreteModel.of(laws)


@pytest.mark.parametrize("text", ["P(Y[X=1]=1 | do(M=1))", "E[Y | M[X=0]=1, do(X=1)]", "ETT(X, Y | do(M=1), Y[X=0]=1)"])
def test_nobody_guesses_whether_do_is_meant_in_a_world_of_its_own(text):
    for ask in (answer, bounds, identify_counterfactual, answer_by_gumbel_max):
        with pytest.raises(QueryError) as raised:
            ask(_mediated(), text)
        assert raised.value.code == "AE-7337"
    assert "`" in raised.value.mend


def test_the_world_that_the_refusal_advises_is_answered_alike_everywhere():
    with pytest.raises(QueryError, match=r"stands beside Y\[X=1\]=1") as raised:
        answer(_mediated(), "P(Y[X=1]=1 | do(M=1))")
    assert "`Y[M=1, X=1]=1`" in raised.value.mend
    assert answer(_mediated(), "P(Y[M=1, X=1]=1)").value == pytest.approx(0.9)
    assert bounds(_mediated(), "P(Y[M=1, X=1]=1)").low == pytest.approx(0.9)


def test_an_effect_is_not_compared_between_two_groups_of_units():
    for ask in (answer, bounds, identify_counterfactual):
        for text, advice in {
            "CATE(X, Y | M=1)": "E[Y | do(X=...), M=...]",
            "CATE(X, Y=1 | M=1)": "P(Y=1 | do(X=...), M=...)",
            "CATE(X, Y | X=1)": "ETT(X, Y)",
        }.items():
            with pytest.raises(QueryError) as raised:
                ask(_mediated(), text)
            assert raised.value.code == "AE-7367"
            assert advice in raised.value.mend
    # Where do(M) cuts its way, Z is no effect of X any more; and what M would be under X=0 is one group.
    laws = {name: _mediated().mechanisms[name] for name in "XMY"}
    model = DiscreteModel.of({**laws, "Z": (["M"], [[0.9, 0.1], [0.2, 0.8]])})
    whole = answer(model, "CDE(X, Y | do(M=1))").value
    assert answer(model, "CDE(X, Y | do(M=1), Z=1)").value == pytest.approx(whole)
    assert answer(model, "CATE(M, Y | X=1)").value == pytest.approx(0.9 - 0.6)


@pytest.mark.parametrize("values", [(0, 1), (1, 0), (False, True), (True, False), (1.0, 0)])
def test_the_order_in_which_an_outcome_lists_zero_and_one_is_of_no_matter(values):
    """One, or true, is the outcome that counts, for every effect."""
    chances = ({0: 0.8, 1: 0.2}, {0: 0.3, 1: 0.7})
    laws = {"X": [0.4, 0.6], "N": [0.5, 0.5], "Y": lambda X, N: X or N, "W": lambda X: chances[X]}
    model = DiscreteModel.of(laws, values={"Y": values, "W": values})
    expected = {"ATE": 0.5, "ETT": 0.5, "ETU": 0.5, "NDE": 0.5, "NIE": 0, "PN": 0.5, "PS": 1, "PNS": 0.5}
    for name, value in expected.items():
        for text in (f"{name}(X, Y)", f"{name}(X, Y=1)"):
            assert answer(model, text).value == pytest.approx(value), text
            assert answer_by_gumbel_max(model, text).value == pytest.approx(value), text
    assert bounds(model, "ATE(X, W)").low == pytest.approx(0.5)
    for name, low, high in (("PNS", 0.5, 0.7), ("PN", 0.5 / 0.7, 1), ("PS", 0.5 / 0.8, 0.7 / 0.8)):
        found = bounds(model, f"{name}(X, W)")
        assert (found.low, found.high) == pytest.approx((low, high)), "Tian and Pearl 2000, section 4.1"


def test_a_mean_of_what_is_set_or_known_is_that_value():
    model = _crossed()
    for text, value in {
        "E[X | do(X=1)]": 1,
        "E[X | do(X=1), Y=1]": 1,
        "E[Y | Y=0]": 0,
        "E[Y | Y=1, X=0]": 1,
        "E[Y[X=1] | Y[X=1]=0]": 0,
    }.items():
        found = answer(model, text)
        assert found.value == pytest.approx(value)
        assert evaluate(found.steps[-1].formula, model) == pytest.approx(value)
        assert found.steps[-1].substituted == str(value)


def test_the_front_door_is_taken_where_the_back_door_is_hidden():
    """Pearl 2009, section 3.3.2: smoking, tar, cancer; the genotype is hidden."""
    laws = {
        "U": [0.5, 0.5],
        "X": (["U"], [[0.9, 0.1], [0.1, 0.9]]),
        "T": (["X"], [[0.95, 0.05], [0.05, 0.95]]),
        "Y": (["T", "U"], [[[0.9, 0.1], [0.15, 0.85]], [[0.95, 0.05], [0.19, 0.81]]]),
    }
    model = DiscreteModel.of(laws, latent=["U"])
    found = answer(model, "P(Y=1 | do(X=1))")
    assert found.value == pytest.approx(0.95 * (0.05 + 0.81) / 2 + 0.05 * (0.1 + 0.85) / 2)
    assert "front-door formula" in found.steps[0].says
    seen = Distribution({name: model.values[name] for name in model.observed}, model.joint())
    assert evaluate(found.steps[0].formula, seen) == pytest.approx(found.value)


def test_a_probability_of_sufficiency_weighs_the_ways_to_fail():
    laws = {"X": [0.5, 0.5], "N": [0.2, 0.3, 0.5], "Y": lambda X, N: min(2, N + X)}
    model = DiscreteModel.of(laws, values={"Y": [0, 1, 2]})
    # Of those with X=0 and Y not 2, N is 0 or 1; X=1 brings Y to 2 where N is 1.
    assert answer(model, "PS(X, Y)").value == pytest.approx(0.3 / 0.5)
    assert answer(model, "PN(X, Y)").value == pytest.approx(0.3 / 0.8)
    assert answer(model, "PNS(X, Y)").value == pytest.approx(0.3)
    assert answer(model, "ATE(X, Y)").value == pytest.approx(0.2 + 0.3)
    assert answer(model, "ATE(X, Y=2)").value == pytest.approx(0.3)
    for name in ("PS", "PN", "PNS", "ATE"):
        for step in answer(model, f"{name}(X, Y)").steps:
            assert evaluate(step.formula, model) == pytest.approx(step.result)


def test_worlds_share_what_no_intervention_reaches():
    model = _squad()
    worlds = parallel_worlds(model, [Term("D", None, ()), *ProbabilityQuery((Term("D", 0),)).event])
    assert set(worlds.versions) == set("UWCABD")
    query = answer(model, "P(D[A=0]=0 | D=1)").query
    assert isinstance(query, ProbabilityQuery)
    twin = parallel_worlds(model, [*query.event, *query.given])
    assert set(twin.versions) == {*"UWCABD", "A[=0]", "D[A=0]"}


def test_what_changes_nothing_is_dropped_and_said():
    model = _confounded()
    found = answer(model, "P(Y[X=1]=1 | X=1, M=0)")
    assert found.value == answer(model, "P(Y=1 | X=1, M=0)").value
    assert found.steps[0].says.startswith("Consistency: where X=1 holds anyway")
    assert isinstance(found.steps[0].formula, Probability)
    assert answer(model, "P(Z=1 | do(X=1))").value == Fraction(2, 5)
    assert answer(model, "P(Z=1 | do(X=1))").steps[0].says.startswith("No directed path leads from X to Z")


def test_a_chancy_model_leaves_some_counterfactuals_open():
    for text in ("PN(X, Y)", "PNS(X, Y)", "P(Y[X=0]=0 | X=1, Y=1)", "P(M[X=1]=1, M[X=0]=0)"):
        with pytest.raises(NotIdentifiedError) as raised:
            answer(_confounded(), text)
        assert raised.value.code == "AE-7460"
        assert "bounds" in raised.value.mend


def test_two_versions_are_told_apart_where_the_tables_leave_one_of_them_no_chance():
    model = DiscreteModel.of({"Z": [0.5, 0.5], "X": (["Z"], [[1, 0], [0.3, 0.7]])})
    assert answer(model, "PN(Z, X)").value == 1
    assert answer(model, "P(X[Z=1]=1, X[Z=0]=0)").value == pytest.approx(0.7)
    assert bounds(model, "PN(Z, X)").low == pytest.approx(1)


def test_what_is_given_and_tells_nothing_more_does_not_leave_a_question_open():
    found = answer(_crossed(), "P(Y=1 | X=1, X[Z=0]=1)")
    assert found.value == pytest.approx(0.5 * 0.6 + 0.5 * 0.9)
    assert found.steps[-1].says.startswith("Given the rest, X[Z=0]=1 tells nothing more.")
    with pytest.raises(NotIdentifiedError):
        answer(_crossed(), "P(X[Z=1]=1 | X[Z=0]=1)")
    # Nobody with Z=0 has X=1: what cannot be is not answered, whatever it would tell.
    laws = {name: _crossed().mechanisms[name] for name in "ZWY"} | {"X": (["Z"], [[1, 0], [0.6, 0.4]])}
    with pytest.raises((NotIdentifiedError, CausalModelError)):
        answer(DiscreteModel.of(laws), "P(Y=1 | X=1, X[Z=0]=1)")


def test_an_answer_that_bounds_settle_assumes_nothing_and_a_refusal_claims_no_more_than_it_knows():
    laws = {
        "X": [0.5, 0.5],
        "M": (["X"], [[0.7, 0.3], [0.2, 0.8]]),
        "W": (["M"], [[1, 0], [1, 0]]),
    }
    model = DiscreteModel.of(laws)
    query = "P(W[X=1]=0, W=0, M=1)"  # W is 0 whatever M is: how M's versions vary together is of no matter
    with pytest.raises(NotIdentifiedError) as raised:
        answer(model, query)
    assert "cannot be told from the tables by this engine" in str(raised.value)
    assert "may meet all the same" in raised.value.mend
    found = answer(model, query, assume="gumbel-max")
    assert not found.assumption
    assert found.value == pytest.approx(0.55)
    assert answer(model, "PN(X, M)", assume="gumbel-max").assumption == "gumbel-max"


def test_every_intervention_that_changes_nothing_has_its_sentence():
    # The two facts become one, and each of the three terms has lost an intervention.
    found = answer(_mediated(), "P(M[Y=1]=1 | X[M=0]=1, X[Y=0]=1, X[M=1]=1)")
    says = found.steps[-1].says
    assert found.value == pytest.approx(0.7)
    for gone in ("Y to M: setting Y=1", "M to X: setting M=0", "Y to X: setting Y=0", "M to X: setting M=1"):
        assert gone in says


def test_an_assumption_answers_what_is_open_and_is_named():
    model = DiscreteModel.of({"X": [0.5, 0.5], "Y": (["X"], [[0.75, 0.25], [0.25, 0.75]])})
    found = answer(model, "PN(X, Y)", assume="gumbel-max")
    assert "umbel" in found.assumption
    assert f"Assumed: {found.assumption}" in str(found)
    assert 2 / 3 <= found.value <= 1, "the bounds of Tian and Pearl"
    exact = answer(model, "ATE(X, Y)", assume="gumbel-max")
    assert not exact.assumption
    assert exact.value == pytest.approx(0.5)
    with pytest.raises(QueryError) as raised:
        answer(model, "PN(X, Y)", assume="monotone")
    assert raised.value.code == "AE-7336"


def test_what_is_given_has_to_be_possible():
    model = _squad()
    for text in ("P(D=1 | A=0, C=1)", "PN(A, D | C=0, B=1)", "P(D[A=1]=1 | D[A=1]=0)", "E[D | do(A=1), A=0]"):
        with pytest.raises(CausalModelError) as raised:
            answer(model, text)
        assert raised.value.code == "AE-7210"
    assert answer(model, "P(D=0 | D=1)").value == 0
    assert answer(model, "P(D[A=1]=1 | D=1)").value == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("P(Y | do(X=1))", "AE-7330"),
        ("P(Y=1 | do(X))", "AE-7330"),
        ("P(Y=1 | Z)", "AE-7330"),
        ("P(Y[X=X[Z=0], M=W[Z=0]]=1)", "AE-7331"),
        ("E[W]", "AE-7332"),
        ("ATE(X, W)", "AE-7332"),
        (EffectQuery("PSE", "X", Term("Y")), "AE-7334"),
        (EffectQuery("CDE", "X", Term("Y")), "AE-7334"),
        (EffectQuery("ATE", "X", Term("X")), "AE-7334"),
        (EffectQuery("PSE", "X", Term("Y"), paths=(("X", "Z", "Y"),)), "AE-7335"),
        (EffectQuery("PSE", "X", Term("Y"), paths=(("X", "M"),)), "AE-7335"),
    ],
)
def test_questions_that_have_no_number_are_refused(query, code):
    laws = {name: _confounded().mechanisms[name] for name in _confounded().values}
    model = DiscreteModel.of(
        {**laws, "W": (["Y"], [[Fraction(1), 0, 0], [0, Fraction(1), 0]])}, values={"W": ["a", "b", "c"]}
    )
    with pytest.raises(QueryError) as raised:
        answer(model, query)
    assert raised.value.code == code


def test_an_effect_without_a_path_is_zero_and_an_empty_stratum_needs_no_data():
    apart = DiscreteModel.of({"X": [0.5, 0.5], "Y": [0.3, 0.7]})
    assert answer(apart, "ATE(X, Y)").value == 0
    assert answer(apart, "NIE(X, Y)").value == 0
    # Nobody with Z=1 has X=0: no formula over the joint distribution, and the model knows all the same.
    model = DiscreteModel.of(
        {"Z": [0.5, 0.5], "X": lambda Z: Z, "Y": (["X", "Z"], [[[0.9, 0.1], [0.6, 0.4]], [[0.5, 0.5], [0.2, 0.8]]])}
    )
    found = answer(model, "P(Y=1 | do(X=0))")
    assert found.value == pytest.approx(0.25)
    assert evaluate(found.steps[0].formula, model) == pytest.approx(0.25)


def test_large_models_are_answered_by_elimination():
    draw = np.random.default_rng(0)
    names = [f"V{place}" for place in range(40)]
    laws = {
        name: (names[max(0, place - 3) : place], draw.dirichlet([1, 1], size=[2] * min(place, 3)))
        for place, name in enumerate(names)
    }
    model = DiscreteModel.of(laws)
    found = answer(model, "ATE(V20, V39)")
    treated, control = (model.do(V20=value).probability({"V39": 1}) for value in (1, 0))
    assert found.value == pytest.approx(treated - control, abs=1e-12)
    assert evaluate(found.steps[-1].formula, model) == pytest.approx(found.value, abs=1e-12)
    effects = {name: answer(model, f"{name}(V20, V30)").value for name in ("ATE", "ETT", "ETU")}
    share = model.probability({"V20": 1})
    assert effects["ATE"] == pytest.approx(share * effects["ETT"] + (1 - share) * effects["ETU"], abs=1e-12)
