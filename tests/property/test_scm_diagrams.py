"""The laws of string diagrams hold for any diagram; combs and twins agree with identification and abduction."""

import random
from itertools import combinations

import numpy as np
from diagram_fixtures import fractions, functional_model, some_diagram, some_interpretation
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aetia.errors import DiagramError
from aetia.scm.diagrams import (
    comb_disintegration,
    copy,
    counterfactual,
    cut,
    diagram_of,
    graph_of,
    identity,
    stochastic_matrix,
)
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.projection import canonical_dag
from aetia.scm.identification import identify
from aetia.scm.language.query import Assignment, Term
from aetia.scm.models.evaluation import evaluate
from aetia.scm.models.factor import Factor
from aetia.scm.models.measured import Distribution
from aetia.scm.queries.abduction import counterfactual as by_abduction

seeds = st.integers(0, 2**32)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_composition_and_tensor_are_associative_have_units_and_interchange(seed):
    generator = random.Random(seed)
    f = some_diagram(generator, ("A", "B"))
    g = some_diagram(generator, f.codomain)
    h = some_diagram(generator, g.codomain)
    u = some_diagram(generator, ("A",))
    v = some_diagram(generator, u.codomain)
    assert (f >> g) >> h == f >> (g >> h)
    assert (f @ u) @ h == f @ (u @ h)
    assert identity(*f.domain) >> f == f == f >> identity(*f.codomain)
    assert identity() @ f == f == f @ identity()
    assert ((f @ u) >> (g @ v)).normal == ((f >> g) @ (u >> v)).normal


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_interpretation_is_a_functor_exactly(seed):
    generator, meaning = random.Random(seed), some_interpretation(seed)
    f = some_diagram(generator, ("A", "B"))
    g = some_diagram(generator, f.codomain, 3)
    u = some_diagram(generator, ("A",), 3)
    of = {diagram: stochastic_matrix(diagram, meaning) for diagram in (f, g, u)}
    assert np.array_equal(stochastic_matrix(f >> g, meaning), of[f] @ of[g])
    assert np.array_equal(stochastic_matrix(f @ u, meaning), np.kron(of[f], of[u]))
    assert np.array_equal(stochastic_matrix(f.normal, meaning), of[f])
    assert all(row.sum() == 1 for row in of[f])


@given(seeds, st.sampled_from("ABC"))
@settings(max_examples=40, deadline=None)
def test_a_cut_is_an_endofunctor(seed, name):
    generator = random.Random(seed)
    f = some_diagram(generator, ("A", "B"))
    g = some_diagram(generator, f.codomain)
    u = some_diagram(generator, ("C",))
    assert cut(f >> g, name).normal == (cut(f, name) >> cut(g, name)).normal
    assert cut(f @ u, name).normal == (cut(f, name) @ cut(u, name)).normal
    assert cut(copy("A"), name) == copy("A")
    assert (cut(f, name).domain, cut(f, name).codomain) == (f.domain, f.codomain)
    assert cut(cut(f, name), name).normal == cut(f, name).normal


@st.composite
def admgs(draw):
    names = draw(st.permutations("ABCDE"[: draw(st.integers(2, 5))]))
    few = st.lists(st.sampled_from(list(combinations(names, 2))), unique=True)
    return Graph.of(draw(few), draw(few), nodes=names)


@given(admgs())
@settings(max_examples=60, deadline=None)
def test_graphs_survive_the_way_there_and_back(graph):
    back = graph_of(diagram_of(graph))
    canonical = canonical_dag(graph)
    assert (set(back.nodes), back.edges, back.latent) == (set(canonical.nodes), canonical.edges, canonical.latent)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_comb_agrees_with_identification_on_any_joint_of_the_front_door(seed):
    generator = random.Random(seed)
    sizes = [generator.randint(2, 4) for _ in range(3)]
    graph = Graph.of([("X", "M"), ("M", "Y")], [("X", "Y")])
    joint = Factor(("X", "M", "Y"), fractions(tuple(sizes), 0, generator))
    estimand = identify(graph, "P(Y | do(X))").expression
    known = Distribution({name: tuple(range(size)) for name, size in zip("XMY", sizes, strict=True)}, joint)
    comb = comb_disintegration(graph, joint, "X")
    for x in range(sizes[0]):
        for y in range(sizes[2]):
            assert comb.do(x).marginal(["Y"]).values[y] == evaluate(estimand, known, {"X": x, "Y": y})


@given(admgs(), seeds)
@settings(max_examples=25, deadline=None)
def test_where_a_comb_can_be_split_off_the_effect_on_all_else_is_identified(graph, seed):
    assume(len(graph.nodes) <= 4)
    joint = Factor(graph.nodes, fractions((2,) * len(graph.nodes), 0, random.Random(seed)))
    for treatment in graph.nodes:
        try:
            comb = comb_disintegration(graph, joint, treatment)
        except DiagramError as refusal:
            assert refusal.code == "AE-7514"  # noqa: PT017, either is fine
            continue
        others = [name for name in graph.nodes if name != treatment]
        assert np.array_equal(comb.joint.over(graph.nodes), joint.values)
        assert comb.do(1).total() == 1
        assert identify(graph, f"P({', '.join(others)} | do({treatment}))").expression is not None


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_a_twinned_diagram_agrees_with_abduction(seed):
    generator = random.Random(seed)
    model = functional_model(seed)
    chosen = [generator.sample("XMY", generator.randint(1, 2)) for _ in range(3)]
    event, do, given_ = ({name: generator.randint(0, 1) for name in names} for names in chosen)
    world = tuple(Assignment(name, value) for name, value in sorted(do.items()))
    happened = [Term(name, value) for name, value in given_.items()]
    assume(model.probability(given_) > 0)
    wanted = by_abduction(model, [Term(name, value, world) for name, value in event.items()], happened)
    assert counterfactual(model, event, do=do, given=given_) == wanted
