"""Does the text of a question become the question that it looks like?"""

import pytest

from aetia.errors import QueryError
from aetia.scm.graphs.graph import Graph
from aetia.scm.language.query import Assignment, EffectQuery, ExpectationQuery, ProbabilityQuery, Term
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.linear import LinearModel
from aetia.scm.queries.grammar import parse_assignments, parse_query

X1, X0 = Assignment("X", 1), Assignment("X", 0)
MODEL = DiscreteModel.of(
    {"X": [0.5, 0.5], "M": (["X"], [[0.9, 0.1], [0.2, 0.8]]), "Y": (["X", "M"], [[[0.5, 0.5]] * 2] * 2)},
    values={"M": ["low", "high"], "Y": [False, True]},
)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("P(Y=1 | do(X=1), Z=0)", ProbabilityQuery((Term("Y", 1),), (Term("Z", 0),), (X1,))),
        ("P( Y = 1|Z=0 ,do( X=1 ) )", ProbabilityQuery((Term("Y", 1),), (Term("Z", 0),), (X1,))),
        ("P(Y | do(X))", ProbabilityQuery((Term("Y"),), (), (Assignment("X"),))),
        ("P(Y, Z=a | X)", ProbabilityQuery((Term("Y"), Term("Z", "a")), (Term("X"),))),
        ("E[Y | do(X=1)]", ExpectationQuery(Term("Y"), (), (X1,))),
        ("P(Y[X=1]=1 | X=0, Y=0)", ProbabilityQuery((Term("Y", 1, (X1,)),), (Term("X", 0), Term("Y", 0)))),
        (
            "P(Y[X=1, M=M[X=0]]=1)",
            ProbabilityQuery((Term("Y", 1, (Assignment("M", Term("M", None, (X0,))), X1)),)),
        ),
        ("ATE(X, Y)", EffectQuery("ATE", "X", Term("Y"))),
        ("ATE(X=2 vs 0, Y=1)", EffectQuery("ATE", "X", Term("Y", 1), 2, 0)),
        ("CATE(X, Y | Z=-1.5)", EffectQuery("CATE", "X", Term("Y"), given=(Term("Z", -1.5),))),
        ("CDE(X, Y | do(M=0))", EffectQuery("CDE", "X", Term("Y"), do=(Assignment("M", 0),))),
        ("NDE(X, Y; M, N)", EffectQuery("NDE", "X", Term("Y"), mediators=("M", "N"))),
        (
            "PSE(X, Y; X -> M -> Y, X->Y)",
            EffectQuery("PSE", "X", Term("Y"), paths=(("X", "M", "Y"), ("X", "Y"))),
        ),
        ("PN('blood pressure', Y)", EffectQuery("PN", "blood pressure", Term("Y"))),
    ],
)
def test_text_becomes_the_question(text, query):
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("P(Y=1 | do(X=1)", "AE-7301", "               ^"),
        ("P(Y=)", "AE-7301", "    ^"),
        ("P(Y<1)", "AE-7301", "   ^"),
        ("P(Y=1) and", "AE-7301", "       ^^^"),
        ("", "AE-7301", "^"),
        ("ATE(X=1, Y)", "AE-7301", "       ^"),
        ("AET(X, Y)", "AE-7302", "^^^"),
        ("CDE(X, Y)", "AE-7305", "^^^"),
        ("CATE(X, Y)", "AE-7305", "^^^^"),
        ("ATE(X, Y | Z=1)", "AE-7305", "         ^"),
        ("PSE(X, Y; X -> M)", "AE-7305", "          ^^^^^^"),
        ("ATE(X, Y; M)", "AE-7305", "        ^"),
        ("ATE(X, X)", "AE-7305", "       ^"),
        ("ATE(X, Y[Z=1])", "AE-7305", "       ^"),
        ("NDE(X, Y; Y)", "AE-7305", "          ^"),
        ("P(Y=1 | do(X=1, X=0))", "AE-7305", "                ^"),
        ("P(Y=1 | do(X=1), do(X=0))", "AE-7305", "                 ^^"),
    ],
)
def test_an_error_points_at_the_place(text, code, place):
    with pytest.raises(QueryError) as raised:
        parse_query(text)
    assert raised.value.code == code
    assert raised.value.details[1] == place
    assert raised.value.details[0] == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("P(Z=1)", "AE-7303"),
        ("P(Y[Z=1]=1)", "AE-7303"),
        ("P(M=middle)", "AE-7304"),
        ("P(Y=1 | do(X=2))", "AE-7304"),
        ("PSE(X, Y; X -> Y -> M)", "AE-7305"),
        ("PSE(M, X; M -> X)", "AE-7306"),
    ],
)
def test_a_model_knows_its_names_values_and_paths(text, code):
    with pytest.raises(QueryError) as raised:
        parse_query(text, MODEL)
    assert raised.value.code == code


def test_a_model_gives_the_values_their_types():
    query = parse_query("P(Y=True, M=high | X=1)", MODEL)
    assert query == ProbabilityQuery((Term("Y", value=True), Term("M", "high")), (Term("X", 1),))
    assert parse_query("P(Y=1)", MODEL) == ProbabilityQuery((Term("Y", value=True),))
    texts = DiscreteModel.of({"X": {"0": 0.5, "1": 0.5}})
    assert parse_query("P(X=1)", texts) == ProbabilityQuery((Term("X", "1"),))


def test_graphs_and_linear_models_know_names_but_no_values():
    graph = Graph.of([("X", "Y")])
    assert parse_query("P(Y=7 | do(X))", graph) == parse_query("P(Y=7 | do(X))")
    with pytest.raises(QueryError, match="no variable Z"):
        parse_query("P(Z=1)", graph)
    linear = LinearModel.of({"X": {}, "Y": {"X": 2.0}})
    assert parse_query("E[Y | do(X=0.25)]", linear) == ExpectationQuery(Term("Y"), (), (Assignment("X", 0.25),))


def test_a_near_miss_is_named():
    with pytest.raises(QueryError) as raised:
        parse_query("NED(X, Y)")
    assert "NDE" in raised.value.mend
    with pytest.raises(QueryError) as raised:
        parse_query("P(smoke=1)", Graph.of([("smoking", "cancer")]))
    assert "smoking" in raised.value.mend


def test_interventions_have_a_text_of_their_own():
    assert parse_assignments("X=1, M=M[X=0]") == (X1, Assignment("M", Term("M", None, (X0,))))
    with pytest.raises(QueryError):
        parse_assignments("X=1, X=0")
