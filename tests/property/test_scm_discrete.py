"""Is the exact answer that of plain enumeration, on any model?"""

from contextlib import suppress
from fractions import Fraction
from itertools import combinations
from math import prod

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scm_models import enumerated, random_graph, random_model

from aetia.errors import CausalModelError
from aetia.scm.models.discrete import DiscreteModel, Mechanism
from aetia.scm.models.elimination import eliminate, plan
from aetia.scm.models.factor import Factor

MODELS = st.builds(
    lambda size, seed, values, functional, exact: random_model(
        random_graph(size, seed), seed, values=values, functional=functional, exact=exact
    ),
    size=st.integers(1, 4),
    seed=st.integers(0, 10**6),
    values=st.integers(2, 3),
    functional=st.booleans(),
    exact=st.booleans(),
).filter(lambda model: prod(map(len, model.values.values())) <= 3000)


def probability_by_enumeration(model: DiscreteModel, event: dict, given: dict) -> float | Fraction | None:
    """The share of the product of all tables; None where nothing is left to be a share of."""
    names, joint = enumerated(model)

    def weight(known: dict) -> float | Fraction:
        place = tuple(model.values[name].index(known[name]) if name in known else slice(None) for name in names)
        return np.asarray(joint[place]).sum()

    whole = weight(given)
    is_possible = all(given.get(name, value) == value for name, value in event.items())
    return None if whole == 0 else (weight(given | event) if is_possible else 0 * whole) / whole


def same(model: DiscreteModel, found: object, wanted: object) -> bool:
    return found == wanted if model.is_exact else found == pytest.approx(wanted, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(MODELS, st.data())
def test_a_probability_is_that_of_enumeration(model: DiscreteModel, data: st.DataObject) -> None:
    names = st.lists(st.sampled_from(sorted(model.values)), unique=True, max_size=3)
    event = {name: data.draw(st.sampled_from(model.values[name])) for name in data.draw(names)}
    given_ = {name: data.draw(st.sampled_from(model.values[name])) for name in data.draw(names)}
    wanted = probability_by_enumeration(model, event, given_)
    if wanted is None:
        with pytest.raises(CausalModelError) as caught:
            model.probability(event, given_)
        assert caught.value.code == "AE-7210"
        return
    found = model.probability(event, given_)
    assert type(found) is (Fraction if model.is_exact else float)
    assert same(model, found, wanted)


@settings(max_examples=40, deadline=None)
@given(MODELS, st.data())
def test_an_intervention_is_the_truncated_factorisation(model: DiscreteModel, data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(model.observed))
    value = data.draw(st.sampled_from(model.values[target]))
    names, joint = enumerated(model)
    tables = [one for name, one in model.mechanisms.items() if name != target]
    truncated = np.ones(joint.shape, dtype=joint.dtype)
    for one in tables:
        truncated = truncated * one.factor.over(names)
    truncated = np.take(truncated, model.values[target].index(value), axis=names.index(target))
    rest = [name for name in names if name != target]
    outcome = data.draw(st.sampled_from([name for name in rest if name in model.observed] or [target]))
    found = model.do({target: value}).joint([outcome]).values
    if outcome == target:
        assert [number == 1 for number in found] == [one == value for one in model.values[target]]
        return
    wanted = truncated.sum(axis=tuple(place for place, name in enumerate(rest) if name != outcome))
    assert all(same(model, *pair) for pair in zip(found, wanted, strict=True))
    # The distribution over the values by which it is set mixes the worlds in which it is set to each.
    weights = {one: Fraction(1, len(model.values[target])) for one in model.values[target]}
    mixed = model.do({target: weights}).joint([outcome]).values
    worlds = [model.do({target: one}).joint([outcome]).values for one in model.values[target]]
    average = sum(worlds[1:], worlds[0]) / len(worlds)
    assert all(same(model, *pair) for pair in zip(mixed, average, strict=True))


@settings(max_examples=40, deadline=None)
@given(MODELS, st.data())
def test_a_joint_has_its_axes_in_the_order_asked_for(model: DiscreteModel, data: st.DataObject) -> None:
    wanted = data.draw(st.permutations(model.observed))
    names, joint = enumerated(model)
    found = model.joint(wanted)
    expected = Factor(names, joint).marginal(wanted)
    assert found.axes == tuple(wanted)
    assert np.array_equal(found.values, expected.values) or np.allclose(found.values.astype(float), expected.values)
    if model.is_exact:
        assert (found.values == expected.values).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(0, 10**6), st.data())
def test_a_plan_says_the_size_that_elimination_then_needs(size: int, seed: int, data: st.DataObject) -> None:
    model = random_model(random_graph(size, seed, arrows=0.4, arcs=0.1), seed)
    factors = [one.factor for one in model.mechanisms.values()]
    sizes = {name: len(values) for name, values in model.values.items()}
    keep = data.draw(st.lists(st.sampled_from(sorted(model.values)), unique=True, max_size=2))
    chosen = plan([factor.axes for factor in factors], keep, sizes)
    assert sorted([*chosen.order, *keep]) == sorted(model.values)
    # Replay the order on sets of names alone.
    scopes, largest = [set(factor.axes) for factor in factors], set(keep)
    for name in chosen.order:
        near = {one: set().union(*(scope for scope in scopes if one in scope)) - {one} for one in model.values}
        fill = {one: sum(second not in near[first] for first, second in combinations(near[one], 2)) for one in near}
        # Min-fill: none of those that are left would join fewer strangers.
        assert fill[name] == min(fill[one] for one in chosen.order[chosen.order.index(name) :])
        joined = set().union({name}, *(scope for scope in scopes if name in scope))
        scopes = [scope for scope in scopes if name not in scope] + [joined - {name}]
        largest = max(largest, joined, key=len)
    assert chosen.width == len(largest) - 1
    assert chosen.cells == 2 ** len(largest) == prod(sizes[name] for name in largest)
    whole = eliminate(factors, keep, sizes, budget=8 * chosen.cells)
    assert whole.values.sum() == pytest.approx(1)
    with pytest.raises(CausalModelError, match=f"treewidth up to {chosen.width}") as caught:
        eliminate(factors, keep, sizes, budget=8 * chosen.cells - 1)
    assert caught.value.code == "AE-7209"
    assert "sample: `aetia.scm.estimate`" in caught.value.mend


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats() | st.fractions() | st.integers(-2, 2) | st.text(max_size=2) | st.none(), max_size=4)
    | st.lists(st.lists(st.floats(0, 1), max_size=3), max_size=3)
)
@example([1, 0])
@example([Fraction(1, 3), Fraction(2, 3)])
@example([[0.5, 0.5], [0.25, 0.75]])
@example([[0.5, 0.5], [0.25]])
@example([[0.5, 0.5], [0.25, 0.8]])
def test_a_table_is_distributions_or_an_error(table: list) -> None:
    parents = ("A",) if table and isinstance(table[0], list) else ()
    numbers = [one for row in table for one in (row if isinstance(row, list) else [row])]
    made = None
    with suppress(CausalModelError):
        made = Mechanism("X", parents, table)
    if made is not None:
        assert np.all(made.table >= 0)
        assert np.all(np.abs(made.table.sum(axis=-1) - 1) <= 1e-9)
    elif numbers and all(isinstance(one, int | float | Fraction) and one >= 0 for one in numbers):
        rows = table if parents else [table]
        slack = 0 if any(isinstance(one, Fraction) for one in numbers) else 1e-10
        assert len({len(row) for row in rows}) > 1 or any(abs(sum(row) - 1) > slack for row in rows)
