"""Published counterfactuals: their formulas, and the witnesses of those that have none."""

import pytest
from scm_models import random_model

from aetia.errors import GraphError, NotIdentifiedError, QueryError
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.identification import OBSERVATION
from aetia.scm.identification.counterfactuals import identify_counterfactual
from aetia.scm.language.printing import to_text
from aetia.scm.language.query import Assignment, ProbabilityQuery, Term

# Shpitser and Pearl 2007, figure 1 (a); 2008, figure 9.
PUBLISHED = graph_from_text("X -> W -> Y; D -> Z -> Y; X <-> Y")
BACK_DOOR = graph_from_text("Z -> X; Z -> Y; X -> Y")
MEDIATION = graph_from_text("X -> M -> Y; X -> Y")


def formula(graph, query: str, **more) -> str:
    return to_text(identify_counterfactual(graph, query, **more).expression)


def test_the_example_of_the_paper() -> None:
    # P(y_x | x', z_d, d) = sum_w P_{w,z}(y, x') P_x(w) / P(x')
    found = formula(PUBLISHED, "P(Y[X=1]=1 | X=0, Z[D=0]=0, D=0)")
    assert found == "(sum_w P(w | do(X=1)) P(X=0, Y=1 | do(w, Z=0))) / P(X=0)"
    joint = formula(PUBLISHED, "P(Y[X=1]=1, X=0, Z[D=0]=0, D=0)")
    assert joint == "P(D=0) P(Z=0 | do(D=0)) sum_w P(w | do(X=1)) P(X=0, Y=1 | do(w, Z=0))"


@pytest.mark.parametrize(
    ("graph", "query", "expected"),
    [
        # The effect on the treated by the back door, and by the front door.
        (BACK_DOOR, "P(Y[X=1] | X=0)", "sum_z P(y | X=1, z) P(z | X=0)"),
        (graph_from_text("X -> M -> Y; X <-> Y"), "P(Y[X=1] | X=0)", "sum_m P(y | m, X=0) P(m | X=1)"),
        # Pearl's mediation formula, first part.
        (MEDIATION, "P(Y[X=1, M=M[X=0]])", "sum_m P(y | m, X=1) P(m | X=0)"),
        # Consistency: who was treated shows what treatment does to them.
        (graph_from_text("X -> Y; X <-> Y"), "P(Y[X=1]=1 | X=1)", "P(Y=1 | X=1)"),
        # Not an effect of what is set.
        (graph_from_text("Z -> X -> Y; X <-> Y"), "P(Z[X=1]=1 | Y[X=1]=0)", "P(Z=1)"),
    ],
)
def test_formulas_from_observation_that_are_taught(graph, query: str, expected: str) -> None:
    assert formula(graph, query, available=OBSERVATION) == expected


@pytest.mark.parametrize(
    ("graph", "query", "clash"),
    [
        # Necessity under confounding; sufficiency without; both worlds of one mechanism.
        (graph_from_text("X -> Y; X <-> Y"), "P(Y[X=0]=0 | X=1, Y=1)", "Y"),
        (graph_from_text("X -> Y"), "P(Y[X=1]=1 | X=0, Y=0)", "Y"),
        (graph_from_text("X -> Y"), "P(Y[X=1]=1, Y[X=0]=0)", "Y"),
        # The effect on the treated under confounding: Y hears X=1 where its hidden cause made X=0.
        (graph_from_text("X -> Y; X <-> Y"), "P(Y[X=1]=1 | X=0)", "X"),
        # The recanting witness: M feeds both the path that is followed and the one that is not.
        (graph_from_text("X -> W -> M -> Y; W -> Y; X -> Y"), "P(Y[X=1, M=M[X=0]]=1)", "W"),
    ],
)
def test_what_no_experiment_tells_is_refused_with_the_clash(graph, query: str, clash: str) -> None:
    with pytest.raises(NotIdentifiedError, match=f": {clash} would have to be in two ways") as refused:
        identify_counterfactual(graph, query)
    assert refused.value.code == "AE-7433"
    assert len(refused.value.details) >= 3


def test_experiments_can_tell_what_observation_cannot() -> None:
    bow = graph_from_text("X -> Y; X <-> Y")
    assert formula(bow, "P(Y[X=1]=1)") == "P(Y=1 | do(X=1))"
    with pytest.raises(NotIdentifiedError) as refused:
        identify_counterfactual(bow, "P(Y[X=1]=1)", available=OBSERVATION)
    assert refused.value.code == "AE-7401"


def test_named_effects_are_differences_of_means() -> None:
    found = formula(BACK_DOOR, "ETT(X=1 vs 0, Y=1)", available=OBSERVATION)
    assert found == "P(Y=1 | X=1) - sum_z P(Y=1 | X=0, z) P(z | X=1)"
    model = random_model(MEDIATION, 1)
    assert formula(model, "NDE(X, Y)", available=OBSERVATION) == (
        "sum_y y sum_m P(y | m, X=1) P(m | X=0) - sum_y P(y | X=0) y"
    )
    with pytest.raises(NotIdentifiedError):
        identify_counterfactual(model, "PNS(X, Y)")


def test_events_that_contradict_themselves() -> None:
    chain = graph_from_text("X -> Y")
    assert formula(chain, "P(Y[X=1]=1, X=1, Y=0)") == "0"
    assert formula(chain, "P(X[X=1]=0)") == "0"
    assert formula(chain, "P(Y=1 | X[X=1]=1)") == "P(Y=1)"
    with pytest.raises(QueryError) as impossible:
        identify_counterfactual(chain, "P(Y=1 | Y[X=1]=1, X=1, Y=0)")
    assert impossible.value.code == "AE-7366"


def test_questions_that_leave_too_much_open_are_refused_by_name() -> None:
    chain = graph_from_text("X -> Y; X -> Z")
    for query, code in (
        ("P(Y[Z=0], Y=1)", "AE-7365"),
        (ProbabilityQuery((Term("Y", 1, (Assignment("X"),)), Term("Z", 1))), "AE-7365"),
        ("ETT(X, Y)", "AE-7362"),
        ("PN(X, Y)", "AE-7362"),
    ):
        with pytest.raises(QueryError) as refused:
            identify_counterfactual(chain, query)
        assert refused.value.code == code, query
    with pytest.raises(QueryError) as another:
        identify_counterfactual(graph_from_text("X -> M -> Y"), "P(Y[M=X[M=0]]=1)")
    assert another.value.code == "AE-7365"
    with pytest.raises(GraphError) as mark:
        identify_counterfactual(graph_from_text("X -- Y"), "P(Y[X=1]=1)")
    assert mark.value.code == "AE-7105"
