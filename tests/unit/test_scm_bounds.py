"""Bounds with known answers: instruments, probabilities of causation, and the Gumbel-max mechanism."""

import numpy as np
import pytest
from scipy.optimize import OptimizeResult, linprog
from scm_models import random_graph, random_model

from aetia.errors import CausalModelError, QueryError
from aetia.scm.bounding import (
    Experiment,
    Law,
    answer_by_gumbel_max,
    bounds,
    causation_bounds,
    necessity_bounds,
    requirements,
)
from aetia.scm.bounding.gumbel import gumbel_max_chance
from aetia.scm.bounding.programs import _Problem
from aetia.scm.bounding.responses import response_types
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.graphs.projection import projected
from aetia.scm.models.discrete import DiscreteModel, Mechanism
from aetia.scm.models.factor import Factor
from aetia.scm.queries.grammar import parse_query
from aetia.scm.queries.targets import target_of
from aetia.scm.queries.worlds import parallel_worlds

INSTRUMENT = graph_from_text("Z -> X -> Y; X <-> Y")
BOW = graph_from_text("X -> Y; X <-> Y")
BINARY = (0, 1)


def truth(model: DiscreteModel, query: str) -> float:
    """The answer of a functional model, by the network of its worlds."""
    target = target_of(parse_query(query, model), model.graph, model.values)

    def chance(terms) -> float:
        network = parallel_worlds(model, terms)
        event = {}
        for term in terms:
            if event.setdefault(network.name(term), term.value) != term.value:
                return 0.0
        return float(network.model.probability(event)) if event else 1.0

    whole = chance(target.given)
    return sum(weight * chance((*target.given, *event)) for weight, event in target.weighted) / whole


def program_limits(model: DiscreteModel, query: str) -> tuple[float, float]:
    """The limits that the program gives, without a look for a formula."""
    graph, law = projected(model.graph), Law.of(model)
    target = target_of(parse_query(query, model), graph, law.values)
    problem = _Problem(graph, law, frozenset())
    problem.prepare([(weight, (*target.given, *event)) for weight, event in target.weighted], target.given)
    return problem.range()


def instrument_law(cells) -> Law:
    """The law of Z, X, Y where cells are P(y, x | z), [z][y][x], and z is a fair coin."""
    table = np.array(cells, dtype=float).transpose(0, 2, 1) / 2
    return Law(dict.fromkeys("ZXY", BINARY), Factor(("Z", "X", "Y"), table))


def balke_pearl(cells) -> tuple[float, float]:
    """The eight terms of each bound of the average effect, of P(y, x | z) as [z][y][x]."""
    (p00_0, p01_0), (p10_0, p11_0) = cells[0]
    (p00_1, p01_1), (p10_1, p11_1) = cells[1]
    low = max(
        p11_1 + p00_0 - 1,
        p11_0 + p00_1 - 1,
        p11_0 - p11_1 - p10_1 - p01_0 - p10_0,
        p11_1 - p11_0 - p10_0 - p01_1 - p10_1,
        -p01_1 - p10_1,
        -p01_0 - p10_0,
        p00_1 - p01_1 - p10_1 - p01_0 - p00_0,
        p00_0 - p01_0 - p10_0 - p01_1 - p00_1,
    )
    high = min(
        1 - p01_1 - p10_0,
        1 - p01_0 - p10_1,
        -p01_0 + p01_1 + p00_1 + p11_0 + p00_0,
        -p01_1 + p11_1 + p00_1 + p01_0 + p00_0,
        p11_1 + p00_1,
        p11_0 + p00_0,
        -p10_1 + p11_1 + p00_1 + p11_0 + p10_0,
        -p10_0 + p11_0 + p00_0 + p11_1 + p10_1,
    )
    return low, high


def random_instrument(seed: int) -> list:
    """P(y, x | z) of a random distribution over the sixteen response types, [z][y][x]."""
    draw = np.random.default_rng(seed)
    weights = draw.dirichlet(np.full(16, 0.4))
    cells = np.zeros((2, 2, 2))
    for number, weight in enumerate(weights):
        x_of, y_of = (number & 1, number >> 1 & 1), (number >> 2 & 1, number >> 3 & 1)
        for z in BINARY:
            cells[z, y_of[x_of[z]], x_of[z]] += weight
    return cells.tolist()


@pytest.mark.parametrize("seed", range(25))
def test_instrument_bounds_are_balke_and_pearls_closed_form(seed: int) -> None:
    cells = random_instrument(seed)
    found = bounds(INSTRUMENT, "ATE(X, Y)", law=instrument_law(cells))
    assert (found.low, found.high) == pytest.approx(balke_pearl(cells), abs=1e-9)
    assert found.is_sharp
    assert found.response_types == 16


def test_the_two_published_examples() -> None:
    # Balke and Pearl 1997, section 4: cholestyramine and cholesterol, vitamin A and survival.
    lipid = [[[0.919, 0.0], [0.081, 0.0]], [[0.315, 0.139], [0.073, 0.473]]]
    found = bounds(INSTRUMENT, "ATE(X, Y)", law=instrument_law(lipid))
    assert (found.low, found.high) == pytest.approx((0.392, 0.780), abs=1e-9)
    vitamin = [[[0.0064, 0.0], [0.9936, 0.0]], [[0.0028, 0.0010], [0.1972, 0.7990]]]
    found = bounds(INSTRUMENT, "ATE(X, Y)", law=instrument_law(vitamin))
    assert (found.low, found.high) == pytest.approx((-0.1946, 0.0054), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("query", ["ATE(X, Y)", "PNS(X, Y)", "P(Y[X=1]=1 | X=0)"])
def test_the_bounds_are_attained_by_a_model_of_the_graph(seed: int, query: str) -> None:
    law = instrument_law(random_instrument(seed))
    problem = _Problem(INSTRUMENT, law, frozenset())
    target = target_of(parse_query(query), INSTRUMENT, law.values)
    problem.prepare([(weight, (*target.given, *event)) for weight, event in target.weighted], target.given)
    rows, numbers = problem._block(problem.groups[0])
    cost, _ = problem._linear(problem.numerator)
    solved = linprog(cost, A_eq=rows, b_eq=numbers, bounds=(0, None))
    district = problem._district(problem.groups[0][0])
    types = solved.x.reshape(district.shape)
    types = np.maximum(types, 0) / np.maximum(types, 0).sum()
    first, second = district.names
    tables = {name: np.eye(2)[district.functions[name]] for name in district.names}
    model = DiscreteModel(
        {"Z": BINARY, "X": BINARY, "Y": BINARY, "U": tuple(range(types.size))},
        {
            "Z": Mechanism("Z", (), np.array([0.5, 0.5])),
            "U": Mechanism("U", (), types.ravel()),
            first: Mechanism(first, ("U", "Z"), np.repeat(tables[first], types.shape[1], axis=0)),
            second: Mechanism(second, ("U", "X"), np.tile(tables[second], (types.shape[0], 1, 1))),
        },
        frozenset("U"),
    )
    np.testing.assert_allclose(
        model.joint(["Z", "X", "Y"]).values, law.joint.marginal(["Z", "X", "Y"]).values, atol=1e-7
    )
    assert truth(model, query) == pytest.approx(bounds(INSTRUMENT, query, law=law).low, abs=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_the_truth_of_random_models_lies_within_their_bounds(seed: int) -> None:
    graph = random_graph(3 + seed % 2, seed, arrows=0.6, arcs=0.25)
    if response_types(graph, graph.nodes, dict.fromkeys(graph.nodes, BINARY)) > 3000:
        graph = random_graph(3, seed, arrows=0.6, arcs=0.25)
    model = random_model(graph, seed, functional=True)
    for effect in ("ATE", "ETT", "PN", "PNS", "NDE", "NIE"):
        query = f"{effect}({graph.nodes[0]}, {graph.nodes[-1]})"
        found = bounds(model, query)
        assert found.low - 1e-7 <= truth(model, query) <= found.high + 1e-7


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Z -> X; Z -> Y; X -> Y", "ATE(X, Y)"),
        ("X -> M -> Y; X <-> Y", "ATE(X, Y)"),
        ("X -> M -> Y; X <-> Y", "ETT(X, Y)"),
        ("Z -> X; Z -> Y; X -> Y", "ETT(X, Y)"),
        ("X -> M -> Y; X -> Y", "NDE(X, Y)"),
    ],
)
def test_the_limits_of_the_program_meet_where_the_quantity_has_a_formula(text: str, query: str) -> None:
    model = random_model(graph_from_text(text), 5, functional=True)
    low, high = program_limits(model, query)
    assert (low, high) == pytest.approx((truth(model, query),) * 2, abs=1e-7)
    found = bounds(model, query)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-7)
    assert found.is_point


def test_a_formula_is_found_where_a_program_is_too_coarse_or_too_large() -> None:
    # The napkin: a program that lets all of W, X and Y share hidden causes leaves room.
    napkin = random_model(graph_from_text("W <-> X; W <-> Y; W -> Z -> X -> Y"), 5, functional=True)
    low, high = program_limits(napkin, "ATE(X, Y)")
    assert low + 0.1 < high
    found = bounds(napkin, "ATE(X, Y)")
    assert found.is_point
    assert found.low == pytest.approx(truth(napkin, "ATE(X, Y)"), abs=1e-9)
    long = random_model(Graph.of([(f"V{number}", f"V{number + 1}") for number in range(30)]), 0)
    expected = [long.do(V0=value).probability({"V30": 1}) for value in BINARY]
    assert bounds(long, "ATE(V0, V30)").low == pytest.approx(expected[1] - expected[0], abs=1e-9)


def test_programs_that_cannot_be_written_or_solved_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(INSTRUMENT, 0)
    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: OptimizeResult(status=4, message="numbers", fun=0.0))
    with pytest.raises(CausalModelError, match="16 response types") as unsolved:
        bounds(model, "ATE(X, Y)")
    assert unsolved.value.code == "AE-7244"
    monkeypatch.setattr(requirements, "_MOST_SCENARIOS", 1)
    with pytest.raises(CausalModelError, match="more than 1 ways") as many:
        bounds(model, "PN(X, Y)")
    assert many.value.code == "AE-7241"


def test_bounds_that_may_not_be_the_sharpest_say_so() -> None:
    # Two unknowns multiplied; and a district that is treated as if Z and Y too shared a hidden cause.
    for text, query in (
        ("X -> M -> Y; X -> Y", "PNS(X, Y)"),
        ("Z <-> X; X <-> Y; X -> Y", "P(Y=1 | do(X=1))"),
    ):
        model = random_model(graph_from_text(text), 5, functional=True)
        found = bounds(model, query)
        assert not found.is_sharp
        assert found.low <= truth(model, query) <= found.high
        assert found.high - found.low < 0.7


def test_a_bow_leaves_what_its_table_does_not_say() -> None:
    model = random_model(BOW, 3)
    joint = model.joint(["X", "Y"]).values
    found = bounds(model, "P(Y=1 | do(X=1))")
    assert (found.low, found.high) == pytest.approx((joint[1, 1], 1 - joint[1, 0]))
    assert found.response_types == 8
    assert not found.is_point


def test_monotonicity_is_assumed_by_name_and_can_fail() -> None:
    cells = [[[0.6, 0.05], [0.2, 0.15]], [[0.3, 0.15], [0.1, 0.45]]]
    free = bounds(INSTRUMENT, "ATE(X, Y)", law=instrument_law(cells))
    bound = bounds(INSTRUMENT, "ATE(X, Y)", law=instrument_law(cells), monotone=[("Z", "X")])
    assert bound.assumption == "monotone: X never falls where Z rises"
    assert free.low <= bound.low + 1e-9 <= bound.high + 2e-9 <= free.high + 3e-9
    late = bounds(INSTRUMENT, "E[Y[X=1] | X[Z=0]=0, X[Z=1]=1]", law=instrument_law(cells), monotone=[("Z", "X")])
    # Imbens and Angrist 1994: without defiers the compliers' outcome is a point, P(y, x=1 | z) risen by z over theirs.
    assert late.low == pytest.approx((0.45 - 0.15) / (0.6 - 0.2), abs=1e-7)
    assert late.is_point
    with pytest.raises(CausalModelError) as wrong:
        bounds(INSTRUMENT, "ATE(X, Y)", law=instrument_law(cells[::-1]), monotone=[("Z", "X")])
    assert wrong.value.code == "AE-7243"


def test_an_assumption_is_of_an_arrow_and_listed_only_where_it_was_used() -> None:
    model = random_model(graph_from_text("Z -> X -> Y; X <-> Y; V -> W"), 3)
    for pair in (("X", "Q"), ("Y", "X"), ("Z", "Y"), "XY"):
        with pytest.raises(CausalModelError, match="V -> W, X -> Y, Z -> X") as refused:
            bounds(model, "PNS(X, Y)", monotone=[pair])
        assert refused.value.code == "AE-7246"
    with pytest.raises(CausalModelError, match="no arrows"):
        bounds(DiscreteModel.of({"X": [0.5, 0.5]}), "P(X=1)", monotone=[("X", "Y")])
    found = bounds(model, "PNS(V, W)", monotone=[("Z", "X"), ("V", "W")])
    assert found.assumption == "monotone: W never falls where V rises"
    assert bounds(model, "ATE(V, W)", monotone=[("V", "W")]).assumption == ""


def test_a_condition_that_cannot_be_is_refused_also_where_a_formula_has_lost_it() -> None:
    never = DiscreteModel.of({"X": {0: 1, 1: 0}, "Y": [0.3, 0.7]})
    spared = DiscreteModel.of({"V0": [0.5, 0.5], "V1": (["V0"], [[0.3, 0.7], [1, 0]]), "W": [0.4, 0.6]})
    for model, query in (
        (never, "P(Y=1 | X=1)"),
        (never, "ETT(X, Y)"),
        (never, "E[Y | X=1]"),
        (never, "P(X=1 | X=1)"),
        (spared, "P(V0=1 | V0=1, V1[V0=1]=1)"),
        (spared, "P(W=1 | V1=1, V0=1)"),
        (spared, "P(W=1 | V0=0, V0=1)"),
        (spared, "P(W=1 | V1[V0=1]=1, V1[V0=0]=0)"),  # has no formula of its own: a program tells
    ):
        with pytest.raises(CausalModelError) as refused:
            bounds(model, query)
        assert refused.value.code == "AE-7210", query
    with pytest.raises(CausalModelError) as by_budget:
        bounds(spared, "P(W=1 | V0=1, V1=1, V1[V0=0]=0)", budget=1)
    assert by_budget.value.code == "AE-7210"
    possible = bounds(spared, "P(W=1 | V1[V0=1]=0, V1[V0=0]=1, V0=1)")
    assert (possible.low, possible.high) == pytest.approx((0.6, 0.6))
    # Twenty facts of a millionth each are possible: no tolerance calls them impossible.
    rare = DiscreteModel.of({**{f"X{place}": {0: 1 - 1e-6, 1: 1e-6} for place in range(20)}, "Y": [0.3, 0.7]})
    facts = ", ".join(f"X{place}=1" for place in range(20))
    assert bounds(rare, f"P(Y=1 | {facts})").low == pytest.approx(0.7)


def test_what_no_model_gives_is_refused_by_name() -> None:
    # Pearl's instrumental inequality: max over x of sum over y of max over z of P(y, x | z) is at most one.
    violated = [[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]]
    with pytest.raises(CausalModelError) as refused:
        bounds(INSTRUMENT, "ATE(X, Y)", law=instrument_law(violated))
    assert refused.value.code == "AE-7243"
    model = random_model(graph_from_text("X -> M -> Y; X -> Y"), 1)
    with pytest.raises(CausalModelError) as dependent:
        bounds(graph_from_text("X -> M -> Y"), "PNS(X, Y)", law=Law.of(model))
    assert dependent.value.code == "AE-7242"
    with pytest.raises(CausalModelError) as other:
        bounds(INSTRUMENT, "ATE(X, Y)", law=Law.of(model))
    assert other.value.code == "AE-7242"
    law = Law(dict.fromkeys("XY", BINARY), Factor(("X", "Y"), np.full((2, 2), 0.3)))
    with pytest.raises(CausalModelError) as sums:
        bounds(BOW, "ATE(X, Y)", law=law)
    assert sums.value.code == "AE-7242"
    lying = Law(
        law.values,
        Factor(("X", "Y"), np.full((2, 2), 0.25)),
        (Experiment({"X": 1}, Factor(("Y",), np.array([0.1, 0.9]))),),
    )
    with pytest.raises(CausalModelError) as contradicted:
        bounds(BOW, "PNS(X, Y)", law=lying)
    assert contradicted.value.code == "AE-7243"


def test_programs_that_are_too_large_say_how_large() -> None:
    wide = Graph.of([(cause, "Y") for cause in "ABCDE"], [("A", "Y")])
    assert response_types(wide, ["A", "Y"], dict.fromkeys("ABCDEY", BINARY)) == 2 * 2**32
    law = Law.of(random_model(wide, 0))
    assert bounds(wide, "ATE(B, Y)", law=law).is_point  # a formula needs no program
    with pytest.raises(CausalModelError, match="8,589,934,592") as large:
        bounds(wide, "ATE(A, Y)", law=law)
    assert large.value.code == "AE-7240"


def test_questions_that_cannot_be_bounded_are_refused_by_name() -> None:
    model = random_model(BOW, 0)
    for query, code in (
        ("P(Y | do(X=1))", "AE-7362"),
        ("P(Y=1 | do(X))", "AE-7362"),
        ("P(Q=1 | do(X=1))", "AE-7303"),
    ):
        with pytest.raises(QueryError) as refused:
            bounds(model, query)
        assert refused.value.code == code
    chain = random_model(graph_from_text("Z -> X -> Y -> W"), 0)
    assert bounds(chain, "CATE(X, Y | Z=1)").is_point
    with pytest.raises(QueryError, match="an effect of X") as moved:
        bounds(chain, "CATE(X, Y | W=1)")
    assert moved.value.code == "AE-7367"
    with pytest.raises(QueryError) as bare:
        bounds(BOW, "ATE(X, Y)")
    assert bare.value.code == "AE-7364"
    words = DiscreteModel.of(
        {"X": {0: 0.5, 1: 0.5}, "Y": (["X"], [[0.2, 0.8], [0.5, 0.5]])}, values={"Y": ("no", "yes")}
    )
    with pytest.raises(QueryError) as mean:
        bounds(words, "ATE(X, Y)")
    assert mean.value.code == "AE-7363"
    assert bounds(words, "ATE(X, Y=yes)").low == pytest.approx(-0.3)
    with pytest.raises(CausalModelError) as never:
        bounds(DiscreteModel.of({"X": {0: 1.0, 1: 0.0}, "Y": (["X"], [[0.2, 0.8], [0.5, 0.5]])}), "PN(X, Y)")
    assert never.value.code == "AE-7210"


@pytest.mark.parametrize("seed", range(15))
def test_tian_and_pearls_formulas_are_the_sharp_programs(seed: int) -> None:
    model = random_model(BOW, seed, functional=True)
    law = Law.of(model, [{"X": 0}, {"X": 1}])
    table = model.joint(["X", "Y"]).values
    experimental = tuple(float(model.do(X=value).joint(["Y"]).values[1]) for value in BINARY)
    found = causation_bounds(table, (experimental[0], experimental[1]))
    for name, closed in (("PN", found.pn), ("PS", found.ps), ("PNS", found.pns)):
        program = bounds(BOW, f"{name}(X, Y)", law=law)
        assert (closed.low, closed.high) == pytest.approx((program.low, program.high), abs=1e-7)
        assert program.is_sharp
        assert closed.low - 1e-9 <= truth(model, f"{name}(X, Y)") <= closed.high + 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_a_monotone_cause_has_points(seed: int) -> None:
    draw = np.random.default_rng(seed)
    never, helped, always = draw.dirichlet(np.ones(3))
    treated = draw.uniform(0.1, 0.9, 3)  # of each type of unit, how often it is treated
    shares = np.array([never, helped, always])
    table = np.array(
        [
            [shares[:2] @ (1 - treated[:2]), shares[2] * (1 - treated[2])],
            [shares[0] * treated[0], shares[1:] @ treated[1:]],
        ]
    )
    found = causation_bounds(table, (always, helped + always), monotone=True)
    expected = {
        "pn": helped * treated[1] / table[1, 1],
        "ps": helped * (1 - treated[1]) / table[0, 0],
        "pns": helped,
    }
    for name, value in expected.items():
        one = getattr(found, name)
        assert (one.low, one.high) == pytest.approx((value, value))
        assert one.assumption == "monotone"
    law = Law.of(random_model(BOW, seed))
    model_law = Law(
        law.values,
        Factor(("X", "Y"), table),
        (
            Experiment({"X": 0}, Factor(("Y",), np.array([1 - always, always]))),
            Experiment({"X": 1}, Factor(("Y",), np.array([never, helped + always]))),
        ),
    )
    program = bounds(BOW, "PN(X, Y)", law=model_law, monotone=[("X", "Y")])
    assert program.is_point
    assert program.low == pytest.approx(expected["pn"], abs=1e-6)


def test_tables_and_experiments_that_contradict_each_other_are_refused() -> None:
    table = np.array([[0.4, 0.1], [0.2, 0.3]])
    for experimental, monotone in (((0.05, 0.5), False), ((0.7, 0.5), False), ((0.5, 0.4), True)):
        with pytest.raises(CausalModelError) as refused:
            causation_bounds(table, experimental, monotone=monotone)
        assert refused.value.code == "AE-7245"
    with pytest.raises(CausalModelError) as shape:
        causation_bounds(table * 2, (0.3, 0.5))
    assert shape.value.code == "AE-7245"
    with pytest.raises(CausalModelError) as nobody:
        necessity_bounds(both=0, neither=0.5, outcome=0.2, without=0.2)
    assert nobody.value.code == "AE-7210"


def simulated_chance(rows: np.ndarray, chosen: tuple[int, ...], draws: int = 400_000) -> float:
    noise = np.random.default_rng(1).gumbel(size=(draws, rows.shape[1]))
    with np.errstate(divide="ignore"):
        made = [np.argmax(np.log(row) + noise, axis=1) == one for row, one in zip(rows, chosen, strict=True)]
    return float(np.mean(np.all(made, axis=0)))


@pytest.mark.parametrize("chosen", [(0,), (1, 1), (0, 2), (2, 1, 2), (1, 1, 0), (3, 0, 3)])
def test_the_integrals_of_the_gumbel_max_mechanism_agree_with_its_simulation(chosen: tuple[int, ...]) -> None:
    draw = np.random.default_rng(len(chosen) + 10 * chosen[0])
    rows = draw.dirichlet(np.ones(4), size=len(chosen))
    assert gumbel_max_chance(rows, chosen) == pytest.approx(simulated_chance(rows, chosen), abs=4e-3)


def test_gumbel_max_choices_follow_their_tables_and_are_stable() -> None:
    draw = np.random.default_rng(0)
    for _ in range(20):
        rows = draw.dirichlet(np.ones(4), size=2)
        pairs = np.array([[gumbel_max_chance(rows, (one, other)) for other in range(4)] for one in range(4)])
        np.testing.assert_allclose(pairs.sum(axis=1), rows[0], atol=1e-12)
        np.testing.assert_allclose(pairs.sum(axis=0), rows[1], atol=1e-12)
        odds = rows[1] / rows[0]
        for one in range(4):
            for other in range(4):
                if one != other and odds[one] >= odds[other]:
                    assert pairs[one, other] == pytest.approx(0, abs=1e-12)
    certain = np.array([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3]])
    assert gumbel_max_chance(certain, (0, 1)) == pytest.approx(0.5)


def test_gumbel_max_answers_lie_within_the_bounds_and_name_their_assumption() -> None:
    model = random_model(graph_from_text("Z -> X; Z -> Y; X -> Y"), 2, values=3)
    for query in ("P(Y[X=1]=2 | X=0, Y=1)", "P(Y[X=2]=0, Y[X=0]=1)", "ETT(X=2 vs 0, Y)"):
        found = answer_by_gumbel_max(model, query)
        limits = bounds(model, query, budget=300_000)
        assert limits.low - 1e-9 <= found.value <= limits.high + 1e-9
        assert found.assumption == "gumbel-max"
        assert found.standard_error == 0
    # What the tables determine they determine under the assumption too.
    assert answer_by_gumbel_max(model, "P(Y=1 | do(X=2))").value == pytest.approx(model.do(X=2).probability({"Y": 1}))
    with pytest.raises(CausalModelError) as never:
        answer_by_gumbel_max(model, "P(Y[X=1]=1 | X[X=0]=1)")
    assert never.value.code == "AE-7210"


def test_three_ways_at_once_are_simulated_with_a_standard_error() -> None:
    rows = np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]])
    model = DiscreteModel.of({"X": [0.2, 0.3, 0.5], "Y": (["X"], rows)})
    query = "P(Y[X=0]=0, Y[X=1]=1, Y[X=2]=2)"
    found = answer_by_gumbel_max(model, query, seed=3)
    assert 0 < found.standard_error < 0.005
    assert abs(found.value - simulated_chance(rows, (0, 1, 2))) < 5 * found.standard_error + 4e-3
    assert answer_by_gumbel_max(model, query, seed=3) == found
    assert answer_by_gumbel_max(model, query, seed=4) != found


@pytest.mark.parametrize("seed", range(4))
def test_a_functional_model_needs_no_assumption_to_agree(seed: int) -> None:
    model = random_model(INSTRUMENT, seed, functional=True)
    for query in ("PN(X, Y)", "P(Y[X=1]=1 | X=0, Z=1)"):
        assert answer_by_gumbel_max(model, query).value == pytest.approx(truth(model, query))
