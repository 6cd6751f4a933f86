"""Actual causes: the verdicts of the literature, and the definitions written out plainly on random models."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.errors import CausalModelError, GraphError, QueryError
from aetia.scm.actual import (
    DEFINITIONS,
    Setting,
    actual_causes,
    blame,
    but_for,
    explained,
    graded_causes,
    is_actual_cause,
    ness,
    normality_by_defaults,
    responsibility,
)
from aetia.scm.actual.vignettes import VIGNETTES
from aetia.scm.models.discrete import DiscreteModel, Mechanism
from aetia.scm.models.equations import formula_of, model_from_equations


def case(equations, **context):
    return Setting(model_from_equations(equations), context)


def many(count):
    names = [f"X{place}" for place in range(count)]
    return case(f"Y = {' + '.join(names)} > {count // 2}", **dict.fromkeys(names, 1))


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda one: one.name)
def test_the_verdicts_of_the_literature(vignette):
    setting = vignette.setting
    found = {
        definition: tuple(
            name
            for name in vignette.suspects
            if is_actual_cause(setting, {name: setting.actual[name]}, vignette.event, definition).holds
        )
        for definition in DEFINITIONS
    }
    found["but-for"] = tuple(
        name for name in vignette.suspects if but_for(setting, {name: setting.actual[name]}, vignette.event)
    )
    if "ness" in vignette.causes:
        (effect,) = vignette.event
        found["ness"] = tuple(name for name in vignette.suspects if ness(setting, name, effect))
    assert {name: found[name] for name in vignette.causes} == dict(vignette.causes)


# The definitions, word for word, one world at a time.


def plainly(setting, names, holds, definition):
    variables = [name for name in setting.variables if name not in names]
    values = setting.model.values
    actual = setting.actual
    for otherwise in itertools.product(*(values[name] for name in names)):
        changed = dict(zip(names, otherwise, strict=True))
        if all(changed[name] == actual[name] for name in names):
            continue
        for size in range(len(variables) + 1):
            for held_names in itertools.combinations(variables, size):
                domains = [[actual[name]] if definition == "modified" else values[name] for name in held_names]
                for codes in itertools.product(*domains):
                    held = dict(zip(held_names, codes, strict=True))
                    if holds(setting.under({**changed, **held})):
                        continue
                    if definition == "modified" or sufficient(setting, names, holds, held, definition):
                        return True
    return False


def sufficient(setting, names, holds, held, definition):
    actual = setting.actual
    rest = [name for name in setting.variables if name not in names and name not in held]
    parts = [tuple(held)] if definition == "original" else powerset(held)
    return all(
        holds(
            setting.under(
                {
                    **{name: actual[name] for name in names},
                    **{name: held[name] for name in part},
                    **{name: actual[name] for name in kept},
                }
            )
        )
        for part in parts
        for kept in powerset(rest)
    )


def powerset(names):
    names = list(names)
    return [part for size in range(len(names) + 1) for part in itertools.combinations(names, size)]


@st.composite
def random_cases(draw, most=4):
    count = draw(st.integers(2, most))
    lines, names = [], [f"X{place}" for place in range(count)]
    for place, name in enumerate(names):
        parents = draw(st.lists(st.sampled_from(names[:place]), unique=True, max_size=3)) if place else []
        if not parents:
            lines.append(f"{name} in {{0, 1}}")
            continue
        rows = [draw(st.booleans()) for _ in range(2 ** len(parents))]
        terms = [
            "("
            + " and ".join(parent if bit else f"not {parent}" for parent, bit in zip(parents, bits, strict=True))
            + ")"
            for bits, row in zip(itertools.product([0, 1], repeat=len(parents)), rows, strict=True)
            if row
        ]
        # The sum names every parent, so that a table that ignores one still has it.
        lines.append(f"{name} = ({' or '.join(terms) or '0'}) + 0 * ({' + '.join(parents)})")
    model = model_from_equations("\n".join(lines))
    roots = {name: draw(st.integers(0, 1)) for name in names if not model.mechanisms[name].parents}
    return Setting(model, roots)


@given(setting=random_cases(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_search_finds_what_the_definition_says(setting, data):
    effect = data.draw(st.sampled_from(setting.variables))
    event = {effect: setting.actual[effect]}
    others = [name for name in setting.variables if name != effect]
    names = tuple(data.draw(st.lists(st.sampled_from(others), unique=True, min_size=1, max_size=2)))
    for definition in DEFINITIONS:
        parts = [part for part in powerset(names) if part and part != names]

        def holds(world):
            return world[effect] == event[effect]

        expected = plainly(setting, names, holds, definition) and not any(
            plainly(setting, part, holds, definition) for part in parts
        )
        said = is_actual_cause(setting, {name: setting.actual[name] for name in names}, event, definition)
        assert said.holds == expected, (definition, said)


@given(setting=random_cases(3), data=st.data())
@settings(max_examples=40, deadline=None)
def test_an_event_about_two_variables_may_be_held_at_either(setting, data):
    first, second = data.draw(st.permutations(setting.variables))[:2]
    event = f"{first} == {setting.actual[first]} or {second} == {1 - setting.actual[second]}"
    for name in setting.variables:
        if name in (first, second):
            continue
        for definition in DEFINITIONS:

            def holds(world):
                return world[first] == setting.actual[first] or world[second] == 1 - setting.actual[second]

            expected = plainly(setting, (name,), holds, definition)
            assert is_actual_cause(setting, {name: setting.actual[name]}, event, definition).holds == expected


@given(setting=random_cases(5), data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_the_definitions_owe_each_other(setting, data):
    """Halpern 2015, theorem 3.2 and after: parts of modified causes, and updated singletons, are original causes."""
    effect = data.draw(st.sampled_from(setting.variables))
    event = {effect: setting.actual[effect]}
    parts = {name for cause in actual_causes(setting, event, "modified") for name in cause.values}
    alone = {
        definition: {
            name
            for name in setting.variables
            if name != effect and is_actual_cause(setting, {name: setting.actual[name]}, event, definition).holds
        }
        for definition in DEFINITIONS
    }
    assert parts <= alone["original"]
    assert alone["updated"] <= alone["original"]
    for name in setting.variables:
        if name != effect and but_for(setting, {name: setting.actual[name]}, event):
            assert all(name in alone[definition] for definition in DEFINITIONS)


def test_the_witness_of_suzys_throw_holds_that_billy_missed():
    verdict = is_actual_cause(VIGNETTES[2].setting, {"ST": 1}, {"BS": 1})
    assert verdict.witness is not None
    assert verdict.witness.held == {"BH": 0}
    assert verdict.witness.changed == 0
    assert verdict.witness.world["BS"] == 0
    assert "BH=0 held" in verdict.reason


def test_either_of_two_fires_is_part_of_a_cause():
    (cause,) = actual_causes(case("FF = L or MD", L=1, MD=1), {"FF": 1})
    assert cause.values == {"L": 1, "MD": 1}


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_responsibility_shrinks_with_the_majority(definition):
    eleven = VIGNETTES[5].setting
    assert responsibility(eleven, "V1", {"W": 1}, definition) == Fraction(1, 6)
    close = case("W = A + B + C + D + E >= 3", A=1, B=1, C=1, D=0, E=0)
    assert responsibility(close, "A", {"W": 1}, definition) == 1
    assert responsibility(close, "E", {"W": 1}, definition) == 0
    five = case("W = A + B + C + D + E >= 3", A=1, B=1, C=1, D=1, E=1)
    assert responsibility(five, "A", {"W": 1}, definition) == Fraction(1, 3)


def test_nobody_knows_who_has_the_live_bullet():
    """Chockler and Halpern 2004, example 3.6: ten shoot, one of them with a live bullet."""
    shooters = [f"M{place}" for place in range(10)]
    declared = "; ".join(f"{name} in {{0, 1}}" for name in shooters)
    states = [
        (Fraction(1, 10), Setting(model_from_equations(f"{declared}; D = {live}"), dict.fromkeys(shooters, 1)))
        for live in shooters
    ]
    for definition in DEFINITIONS:
        assert blame(states, {"M0": 1}, {"D": 1}, definition) == Fraction(1, 10)
    assert blame(states, {"M0": 0}, {"D": 1}) == 0


def test_the_gardener_is_a_cause_and_the_queen_is_not():
    setting = case("D = not G and not Q", G=0, Q=0)
    order = normality_by_defaults({"G": 1, "Q": 0})
    assert is_actual_cause(setting, {"G": 0}, {"D": 1}, normality=order).holds
    assert not is_actual_cause(setting, {"Q": 0}, {"D": 1}, normality=order).holds


def test_the_professor_who_broke_the_rule_is_the_better_cause():
    """The pens of Knobe and Fraser: assistants may take one, professors may not; both did, and none is left."""
    setting = case("PO = PS and AS", PS=1, AS=1)
    tiers = graded_causes(setting, {"PO": 1}, normality_by_defaults({"PS": 0}))
    assert [[tuple(cause.values) for cause in tier] for tier in tiers] == [[("PS",)], [("AS",)]]


def test_long_chains_and_ladders_are_quick():
    chain = case("; ".join(f"A{i + 1} = A{i}" for i in range(25)), A0=1)
    assert is_actual_cause(chain, {"A0": 1}, {"A25": 1}).holds
    found = ness(chain, "A0", "A25")
    assert found is not None
    assert len(found.path) == 26
    ladder = ["A0 in {0, 1}; B0 in {0, 1}; C in {0, 1}"]
    ladder += [f"A{i + 1} = A{i} or B{i}; B{i + 1} = A{i} and B{i}" for i in range(40)]
    assert ness(case("; ".join(ladder), A0=1, B0=1, C=1), "C", "A40") is None


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_what_is_told_of_responsibility_is_what_is_defined(definition):
    rows = "0 if B0 and B1 else 2 if B0 or not B1 else 1"
    setting = case(f"A0 in {{0, 1}}; B0 = not A0; B1 = A0 or B0; B2 in {{0, 1, 2}} = {rows}", A0=1)
    event = "A0 == 1 or B2 == 1"
    for one in explained(setting, event, definition):
        for name, share in one.responsibility.items():
            assert share == responsibility(setting, name, event, definition)


def test_a_chain_names_what_made_each_link_sufficient():
    chain = ness(VIGNETTES[2].setting, "ST", "BS")
    assert chain is not None
    assert chain.path == ("ST", "SH", "BS")
    assert chain.sets == ({}, {})
    assert ness(VIGNETTES[2].setting, "BT", "BS") is None


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("AE-7612", lambda: case("Y = X", X=2)),
        ("AE-7612", lambda: case("Y = X")),
        ("AE-7612", lambda: case("Y = X", X=1, Y=0)),
        ("AE-7612", lambda: is_actual_cause(case("Y = X", X=1), {"Z": 1}, {"Y": 1})),
        ("AE-7612", lambda: is_actual_cause(case("Y = X", X=1), {"X": 1}, "Q == 1")),
        ("AE-7612", lambda: ness(case("Y = X", X=1), "Z", "Y")),
        ("AE-7613", lambda: actual_causes(case("Y = X", X=1), {"Y": 0})),
        ("AE-7603", lambda: model_from_equations("Y = X + X")),
        ("AE-7603", lambda: model_from_equations("Y = 1 // X")),
        ("AE-7604", lambda: model_from_equations(f"Y = {' or '.join(f'X{i}' for i in range(21))}")),
        ("AE-7103", lambda: model_from_equations("X = Y; Y = X")),
        ("AE-7602", lambda: model_from_equations("X == 1")),
        ("AE-7602", lambda: model_from_equations("Y = X; Y = Z")),
        ("AE-7601", lambda: formula_of("X.real")),
        ("AE-7601", lambda: formula_of("__import__('os')")),
        ("AE-7601", lambda: formula_of("2 ** 9")),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_in_one_line(code, wrong):
    with pytest.raises((CausalModelError, QueryError, GraphError)) as caught:
        wrong()
    assert caught.value.code == code


def test_a_search_that_is_too_large_says_what_to_ask_instead(monkeypatch):
    monkeypatch.setattr("aetia.scm.actual.causes._MOST_WORLDS", 2_000)
    with pytest.raises(CausalModelError, match="More than 2,000 contingencies") as caught:
        actual_causes(many(9), {"Y": 1}, "original")
    assert (caught.value.code, "the modified definition" in caught.value.mend) == ("AE-7614", True)
    monkeypatch.setattr("aetia.scm.actual.causes._MOST_SETS", 100)
    with pytest.raises(CausalModelError, match="129 sets of up to 3 of 9 variables") as caught:
        actual_causes(many(9), {"Y": 1})
    assert (caught.value.code, caught.value.mend) == ("AE-7614", "ask for causes of at most 2 variables.")


def test_chance_below_a_root_leaves_counterfactuals_open():
    model = model_from_equations("Y = X")
    half = Mechanism("Y", ("X",), np.full((2, 2), 0.5))
    with pytest.raises(CausalModelError) as caught:
        Setting(DiscreteModel(model.values, {**model.mechanisms, "Y": half}), {"X": 1})
    assert caught.value.code == "AE-7611"


@given(text=st.text(alphabet="XY01 +-*/%()<>=!andornotifelse,.'\"[]{};\n", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_model_or_one_error(text):
    try:
        model = model_from_equations(text)
    except (QueryError, CausalModelError, GraphError):
        return
    assert set(model.values) == set(model.mechanisms)
