"""Does an expression keep its number when it is simplified, whatever it is?"""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scm_models import random_graph, random_model

from aetia.scm.language.expression import Expression, Probability, Product, Quotient, Sum
from aetia.scm.language.query import Term
from aetia.scm.language.rewriting import free_variables
from aetia.scm.language.simplify import simplify
from aetia.scm.models.evaluation import evaluate
from aetia.scm.models.factor import Factor
from aetia.scm.models.measured import Distribution

NAMES = ("V0", "V1", "V2", "V3")


@st.composite
def leaves(draw) -> Expression:
    roles = draw(st.lists(st.sampled_from("eg-"), min_size=4, max_size=4).filter(lambda roles: "e" in roles))
    event, known = (tuple(Term(name) for name, role in zip(NAMES, roles, strict=True) if role == of) for of in "eg")
    return Probability(event, known)


@st.composite
def chains(draw) -> Expression:
    """Laws of variables in some order, each given some of the earlier ones, summed over some."""
    order = draw(st.permutations(NAMES))[: draw(st.integers(2, 4))]
    laws = [Probability((Term(name),), tuple(Term(one) for one in order[:place] if draw(st.integers(0, 3))))
            for place, name in enumerate(order)]  # fmt: skip
    over = draw(st.sets(st.sampled_from(order)))
    whole = Product(tuple(draw(st.permutations(laws))))
    return Sum(tuple(over), whole) if over else whole


@st.composite
def sums(draw, inner) -> Expression:
    of = draw(inner)
    free = sorted(free_variables(of))
    return Sum(tuple(draw(st.sets(st.sampled_from(free), min_size=1))), of) if free else of


expressions = st.recursive(
    st.one_of(leaves(), chains()),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda factors: Product(tuple(factors))),
        st.builds(Quotient, inner, inner),
        sums(inner),
    ),
    max_leaves=7,
)


def positive_joint(seed: int) -> Distribution:
    values = np.random.default_rng(seed).dirichlet(np.ones(24)).reshape(2, 3, 2, 2)
    domains = {name: tuple(range(size)) for name, size in zip(NAMES, values.shape, strict=True)}
    return Distribution(domains, Factor(NAMES, values))


def numbers(expression: Expression, source: Distribution) -> np.ndarray:
    found = evaluate(expression, source)
    table = found if isinstance(found, Factor) else Factor((), np.asarray(found))
    return np.broadcast_to(table.over(NAMES), tuple(len(source.values[name]) for name in NAMES)).astype(float)


@settings(max_examples=300, deadline=None)
@given(expressions, st.integers(0, 5))
def test_simplifying_changes_no_number_of_any_distribution(expression, seed) -> None:
    source = positive_joint(seed)
    before, after = numbers(expression, source), numbers(simplify(expression), source)
    np.testing.assert_allclose(after, before, rtol=1e-9)


@settings(max_examples=150, deadline=None)
@given(expressions, st.integers(0, 30))
def test_with_a_graph_it_changes_no_number_of_the_graph_s_distributions(expression, seed) -> None:
    graph = random_graph(4, seed, arrows=0.4, arcs=0.15)
    model = random_model(graph, seed)
    source = Distribution(model.values, model.joint(NAMES))
    np.testing.assert_allclose(numbers(simplify(expression, graph), source), numbers(expression, source), rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(expressions, st.integers(0, 5))
def test_values_put_in_beforehand_give_the_same_cell(expression, seed) -> None:
    source = positive_joint(seed)
    table = numbers(expression, source)
    for place in product((0, 1), repeat=4):
        at = dict(zip(NAMES, place, strict=True))
        assert np.isclose(float(evaluate(expression, source, at)), table[place], rtol=1e-9)
