"""Are the labels of questions about effects what the causal engine says, and can each text be read back?"""

import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import product
from random import Random

import pytest

from aetia import scm
from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.task import Style, Task, generated, orbit, task_named
from aetia.evals.tasks._effect_engine import answered, read_item
from aetia.evals.tasks._effect_estimands import Given, Question, assignment, estimate, four_decimals
from aetia.evals.tasks._effect_numbers import (
    SCALE,
    Asked,
    Problem,
    decimals,
    drawn_joint,
    effect,
    formula,
    from_joint,
)
from aetia.evals.tasks._effect_shapes import Roles, Size, System, adjusts, drawn_system, is_determined, works
from aetia.evals.tasks.calm_effects import CLIPPED, MARGIN, TASKS, ZERO, EffectGenerator, is_clear
from aetia.scm.bounding import Law

EFFECTS = ("ate", "cde", "ett", "nde", "nie")
NAMES = "ABCDEFGHI"


def drawn_size(random, kind):
    has_adjuster = random.random() < 0.5
    nodes = random.choice((4, 5))
    least = nodes + 1 + has_adjuster if kind in {"nde", "nie"} else nodes + has_adjuster
    return Size(nodes, min(least + random.randrange(2), nodes * (nodes - 1) // 2), has_adjuster)


def found_system(random, kind, size, *, has_effect):
    system = drawn_system(random, kind, size, has_effect=has_effect)
    assert system is not None
    return system


def drawn_model(random, system, latent=()):
    """A model of the whole graph, in fractions."""
    laws = {}
    for node in system.order:
        parents = [NAMES[cause] for cause in range(len(system.parents)) if system.parents[node] >> cause & 1]

        def table(depth):
            if depth:
                return [table(depth - 1), table(depth - 1)]
            chance = Fraction(random.randrange(5, 96), 100)
            return [1 - chance, chance]

        laws[NAMES[node]] = (parents, table(len(parents))) if parents else table(0)
    return scm.DiscreteModel.of(laws, latent=latent)


def exact_value(model, roles):
    """Probabilities of outcome, treatment, mediator and adjuster, exact, in the scale of printed ones."""
    names = [NAMES[place] if place >= 0 else None for place in roles.places]
    known = [name for name in names if name]
    joint = model.joint(tuple(known))
    cells = Counter()
    for setting in product((0, 1), repeat=len(known)):
        values = dict(zip(known, setting, strict=True))
        cell = sum(1 << place for place, name in enumerate(names) if name and values[name])
        cells[cell] += joint.values[tuple(values[name] for name in joint.axes)]

    def value(event, bits, given, told):
        whole = sum(share for cell, share in cells.items() if cell & given == told)
        part = sum(share for cell, share in cells.items() if cell & (event | given) == bits | told)
        return Fraction(part) / Fraction(whole) * SCALE

    return value


def query_of(asked, roles):
    outcome, treatment = NAMES[roles.outcome], NAMES[roles.treatment]
    imagined, other = asked.treated, 1 - asked.treated
    if asked.kind == "ett":
        return f"ETT({treatment}={other} vs {imagined}, {outcome}={asked.wanted})"
    held = f" | do({NAMES[roles.mediator]}={asked.held})" if asked.kind == "cde" else ""
    return f"{asked.kind.upper()}({treatment}={imagined} vs {other}, {outcome}={asked.wanted}{held})"


def drawn_question(random, kind):
    held = random.randrange(2) if kind == "cde" else 0
    return Asked(kind, random.randrange(2), random.randrange(2), held, "", random.getrandbits(4))


@pytest.mark.parametrize("kind", EFFECTS)
def test_the_closed_form_is_the_engines_answer_in_random_models(kind):
    random = Random(f"closed {kind}")
    for _ in range(60):
        size = drawn_size(random, kind)
        system = found_system(random, kind, size, has_effect=True)
        asked = drawn_question(random, kind)
        model = drawn_model(random, system)
        found = formula(asked, size.has_adjuster, exact_value(model, system.roles))
        assert found == scm.answer(model, query_of(asked, system.roles)).value


@pytest.mark.parametrize("kind", EFFECTS)
def test_where_the_graph_has_no_path_the_engine_finds_no_effect_though_the_formula_would(kind):
    random = Random(f"zero {kind}")
    misled = 0
    for _ in range(15):
        size = drawn_size(random, kind)
        system = found_system(random, kind, size, has_effect=False)
        asked = drawn_question(random, kind)
        model = drawn_model(random, system)
        assert scm.answer(model, query_of(asked, system.roles)).value == 0
        problem = Problem(system, drawn_joint(random, system), asked)
        assert effect(problem) == 0
        misled += abs(problem.unclipped) > MARGIN
    assert misled > 5


@pytest.mark.parametrize("kind", ["pn", "ps"])
@pytest.mark.parametrize("bound", ["lower", "upper"])
def test_bounds_are_the_sharp_ones_of_what_is_seen_and_of_experiments(kind, bound):
    random = Random(f"bounds {kind} {bound}")
    graph = scm.graph_from_text("A -> B; A <-> B")
    for _ in range(25):
        has_adjuster = random.random() < 0.6
        system = found_system(random, kind, Size(4, 4 + has_adjuster, has_adjuster), has_effect=True)
        imagined = 0 if kind == "pn" else 1
        asked = Asked(kind, imagined, imagined, 0, bound)
        model = drawn_model(random, system, latent=list(NAMES[2:4]))
        law = Law.of(model, [{"A": 0}, {"A": 1}])
        sharp = scm.bounds(graph, f"{kind.upper()}(A, B)", law=law)
        found = formula(asked, has_adjuster, exact_value(model, system.roles))
        assert float(found) == pytest.approx(sharp.low if bound == "lower" else sharp.high, abs=1e-6)


def test_adjustment_agrees_with_the_engine_on_random_graphs():
    random = Random("adjustment")
    seen = Counter()
    for _ in range(300):
        count = random.randrange(3, 7)
        parents = tuple(sum(1 << cause for cause in range(node) if random.random() < 0.5) for node in range(count))
        places = random.sample(range(count), count)
        treatments, outcome, given = places[: random.choice((1, 2))], places[-1], places[2 : random.randrange(2, count)]
        given = [place for place in given if place != outcome and place not in treatments]
        edges = [(NAMES[c], NAMES[node]) for node in range(count) for c in range(node) if parents[node] >> c & 1]
        graph = scm.Graph.of(edges, nodes=NAMES[:count])
        names = [[NAMES[place] for place in group] for group in (treatments, given)]
        wanted = scm.is_adjustment_set(graph, names[0], NAMES[outcome], names[1], criterion="adjustment")
        bits = [sum(1 << place for place in group) for group in (treatments, given)]
        assert adjusts(parents, bits[0], outcome, bits[1]) == wanted
        seen[wanted] += 1
    assert min(seen.values()) > 50


def test_a_drawn_distribution_is_one_of_its_graph():
    random = Random("joint")
    for _ in range(60):
        system = found_system(random, "nde", Size(5, 6, has_adjuster=False), has_effect=random.random() < 0.5)
        joint = drawn_joint(random, system)
        assert sum(joint) == pytest.approx(1)
        graph = scm.Graph.of([(NAMES[cause], NAMES[node]) for cause, node in system.edges])
        for first, second in ((0, 1), (0, 2), (1, 2)):
            bits = [1 << system.roles.places.index(place) for place in (first, second)]
            both = sum(share for cell, share in enumerate(joint) if cell & sum(bits) == sum(bits))
            alone = [sum(share for cell, share in enumerate(joint) if cell & bit) for bit in bits]
            if scm.separated(graph, NAMES[first], NAMES[second]):
                assert both == pytest.approx(alone[0] * alone[1])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_item_of_an_orbit_is_answered_from_its_text(task):
    for index in range(5):
        for item in orbit(task, index, seed=3):
            assert task.engine is not None
            assert task.engine(item) == item.label, (item.variant, item.context, item.question)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("wording", [0, 1])
def test_the_text_says_what_the_facts_say(language, wording):
    for task in TASKS:
        item = generated(task, 1, style=Style(language, "real", wording))
        given, question = read_item(item)
        assert (question.treatment, question.outcome) == (item.facts["treatment"], item.facts["outcome"])
        assert given.graph.edges == scm.graph_from_text(str(item.facts["graph"])).edges
        printed = item.facts["numbers"]
        assert isinstance(printed, dict)
        assert sorted(map(str, printed.values())) == sorted(four_decimals(one) for one in given.numbers.values())


def test_items_without_effect_are_as_long_as_the_others_and_as_frequent_as_stated():
    task = task_named("calm/ate-basic")
    items = [generated(task, index) for index in range(600)]
    zero = [item for item in items if item.label == "0.0000"]
    assert abs(len(zero) / len(items) - float(ZERO["number"])) < 0.09
    others = [item for item in items if item.label != "0.0000"]
    means = [sum(item.context.count("affects") for item in group) / len(group) for group in (zero, others)]
    assert abs(means[0] - means[1]) < 0.25
    assert {item.rivals.get("correlation", "0.0000") for item in zero} != {"0.0000"}


def test_a_quarter_of_the_bounds_is_cut_off():
    for name in ("calm/pn-basic", "calm/ps-hard"):
        labels = Counter(generated(task_named(name), index).label for index in range(400))
        assert abs((labels["0.0000"] + labels["1.0000"]) / 400 - float(CLIPPED)) < 0.1


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_no_answer_is_decided_by_a_hair(task):
    generator = task.source
    assert isinstance(generator, EffectGenerator)
    random = Random(5)
    for _ in range(60):
        problem = generator.pose(random)
        assert problem is not None
        assert is_clear(problem)
        assert len(set(problem.numbers.values())) == len(problem.numbers)
        if problem.has_effect and not problem.asked.bound:
            assert abs(effect(problem)) >= MARGIN
            assert is_determined(problem.asked.kind, problem.system.parents, problem.system.roles)
        solution = generator.solve(problem)
        assert solution.label not in solution.rivals.values()


def test_a_flipped_edge_makes_an_effect_or_takes_it_away():
    seen = Counter()
    for name in ("calm/ate-basic", "calm/nde-basic", "calm/nie-basic", "calm/cde-basic"):
        for index in range(25):
            members = {item.variant: item for item in orbit(task_named(name), index)}
            if "flipped-edge" in members:
                labels = (members["base"].label, members["flipped-edge"].label)
                assert (labels[0] == "0.0000") != (labels[1] == "0.0000")
                assert members["base"].facts["numbers"] == members["flipped-edge"].facts["numbers"]
                seen[labels[0] == "0.0000"] += 1
    assert min(seen[True], seen[False]) > 3


def test_seeing_shows_a_difference_where_doing_has_none():
    found = 0
    for index in range(40):
        members = {item.variant: item for item in orbit(task_named("calm/ate-basic"), index)}
        if members["base"].label == "0.0000" and "see" in members:
            assert members["see"].label != "0.0000"
            found += 1
    assert found > 3


def text_item(context, question):
    return Item("calm/ate-natural", context, question, "binary", "yes")


WORLD = (
    "Imagine a closed world with exactly these direct causes, and with no common causes that are not named: "
    "{edges}.\nAmong cases in which X is high and Z is low, the probability that Y is high is 0.7000. "
    "Among cases in which X is high and Z is high, the probability that Y is high is 0.4000. "
    "Among cases in which X is low and Z is low, the probability that Y is high is 0.8000. "
    "Among cases in which X is low and Z is high, the probability that Y is high is 0.2000. "
    "The probability that Z is low is 0.6000."
)
CONFOUNDED = "Z directly affects X; Z directly affects Y; X directly affects Y"


def test_an_effect_by_hand():
    # 0.6 (0.7 - 0.8) + 0.4 (0.4 - 0.2) = 0.02
    question = "If X were set to high rather than to low, would it be more likely that Y is high?"
    item = text_item(WORLD.format(edges=CONFOUNDED), question)
    assert estimate(*read_item(item)) == Fraction(2, 100)
    assert answered(item) == "yes"
    assert answered(replace(item, question=question.replace("Y is high", "Y is low"))) == "no"
    backwards = "Z directly affects X; Z directly affects Y; Y directly affects X"
    assert answered(text_item(WORLD.format(edges=backwards), question)) == "no"


def test_numbers_that_do_not_give_the_effect_are_told():
    question = "If X were set to high rather than to low, would it be more likely that Y is high?"
    hidden = WORLD.format(edges=CONFOUNDED + "; U directly affects X; U directly affects Y")
    with pytest.raises(EvaluationError, match="AE-8122"):
        answered(text_item(hidden, question))
    missing = WORLD.format(edges=CONFOUNDED).replace(" The probability that Z is low is 0.6000.", "")
    with pytest.raises(EvaluationError, match="AE-8121"):
        answered(text_item(missing, question))
    for context, asked in ((WORLD.format(edges=CONFOUNDED), "What time is it?"), ("Hello.", question)):
        with pytest.raises(EvaluationError, match="AE-8110"):
            answered(text_item(context, asked))


def test_a_mediator_that_does_not_carry_all_is_refused():
    edges = (("X", "M"), ("M", "Y"), ("X", "Y"), ("X", "W"), ("W", "Y"))
    numbers = {}
    for x, m in product(("low", "high"), repeat=2):
        numbers[assignment({"Y": "high"}), assignment({"X": x, "M": m})] = Fraction(1, 2)
        numbers[assignment({"M": "high"}), assignment({"X": x})] = Fraction(1, 3)
    question = Question("nde", "X", "high", "Y", "high", "binary")
    with pytest.raises(EvaluationError, match="AE-8122"):
        estimate(Given(edges, numbers), question)
    assert estimate(Given(edges[:3], numbers), question) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(-1, 3), "-0.3333"),
        (Fraction(0), "0.0000"),
        (Fraction(1), "1.0000"),
        (Fraction(-1, 10**6), "0.0000"),
        (Fraction(12345, 10**5) + Fraction(1, 10**9), "0.1235"),
    ],
)
def test_numbers_are_written_with_four_decimals_and_no_negative_zero(value, text):
    assert decimals(value) == four_decimals(value) == text


def test_a_direct_effect_is_along_the_edge_and_an_indirect_one_along_the_rest():
    chain = (0, 0b101, 0b001)  # X -> M -> Y and X -> Y
    roles = Roles(0, 1, 2)
    assert works("nde", chain, roles)
    assert works("nie", chain, roles)
    assert not works("nde", (0, 0b100, 0b001), roles)
    assert not works("nie", (0, 0b001, 0b001), roles)
    assert not works("cde", (0, 0b100, 0b001), roles)


def test_from_joint_rounds_as_it_is_printed():
    system = System((0, 1), (0, 1), Roles(0, 1))
    joint = drawn_joint(Random(1), system)
    value = from_joint(joint)
    assert value(1, 1, 2, 2) == round(joint[3] / (joint[2] + joint[3]) * SCALE)
    assert value(2, 2, 0, 0) == round((joint[2] + joint[3]) * SCALE)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_chinese_item_has_its_steps_in_chinese(task: Task) -> None:
    for index in range(12):
        steps = generated(task, index, 3, Style("zh")).derivation
        english = [word for step in steps for word in re.findall(r"[a-z]{3,}", step)]
        assert set(english) <= {"max", "min"}, steps
