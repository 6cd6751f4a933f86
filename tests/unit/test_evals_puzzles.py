"""Are the labels of nested sentences, sums of money, black boxes and reversed relations those of first principles?"""

from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from evals_asking import answered
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.evals.task import generated, orbit, task_named
from aetia.evals.tasks import center_embedding, find_functions, reversal, street_maths
from aetia.evals.tasks._black_boxes import Box, Step, boxes, fitting, output
from aetia.evals.tasks._people import people
from aetia.evals.tasks._phrases import phrases, read
from aetia.evals.tasks.center_embedding import Embedding, Nested
from aetia.evals.tasks.find_functions import Descriptions, Interval
from aetia.evals.tasks.reversal import Chains, Reversal
from aetia.evals.tasks.street_maths import Bill, Street

TASKS = [task.name for module in (center_embedding, find_functions, reversal, street_maths) for task in module.TASKS]


@pytest.mark.parametrize("name", TASKS)
def test_the_engine_answers_every_item_and_its_minimal_pairs_from_the_text(name):
    task = task_named(name)
    for index in range(60):
        for item in orbit(task, index, 3):
            assert answered(task, item) == item.label, item


# --- sums of money: worked by hand -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bill", "dollars"),
    [
        (Bill("basket", (704, 1256, 578)), "25.38"),
        (Bill("percent", (2990, 3980), {"percent": 20}), "55.76"),
        (Bill("bogo", (1791, 1561)), "17.91"),
        (Bill("bogo", (2407, 2260, 2212, 1041)), "46.19"),
        (Bill("threshold", (1558, 2196, 2615, 3417), {"off": 1000, "limit": 3000}), "87.86"),
        (Bill("threshold", (2166, 1006), {"off": 500, "limit": 5000}), "31.72"),
        (Bill("stacked", (4000, 1000), {"percent": 20, "off": 1000, "limit": 4000}), "30.00"),
        (Bill("stacked", (4000, 900), {"percent": 20, "off": 1000, "limit": 4000}), "39.20"),
        (Bill("bulk", (505,), {"paid": 4, "free": 1, "count": 6}), "25.25"),
        (Bill("bulk", (483,), {"paid": 3, "free": 3, "count": 10}), "28.98"),
        (Bill("tax-after", (5000,), {"percent": 20, "tax": 5}), "42.00"),
        (Bill("tax-before", (5000,), {"percent": 20, "tax": 5}), "42.50"),
        (Bill("kilogram", (1316,), {"grams": 500}), "6.58"),
        (Bill("ounce", (320,), {"ounces": 20}), "4.00"),
        (Bill("service", (8000,), {"percent": 5, "tip": 20}), "100.00"),
        (Bill("split", (12_000,), {"tip": 10, "count": 4}), "33.00"),
    ],
)
def test_sums_are_those_worked_by_hand(bill, dollars):
    """The first of several kinds are rows of the published set."""
    assert Street().solve(bill).label == dollars


@pytest.mark.parametrize("task", street_maths.TASKS, ids=lambda task: task.name)
def test_exact_values_are_whole_cents_and_the_bands_are_the_papers(task):
    for index in range(60):
        item = generated(task, index)
        assert Fraction(item.label) > 0
        assert (Fraction(item.label) * 100).denominator == 1
        assert item.facts["exact_value"] == item.label
        assert item.facts["bands"] == {"exact": "0.000001", "good": "0.2", "mild": "0.6"}
        assert item.label not in item.rivals.values()


# --- nested sentences --------------------------------------------------------------------------------------------


def _place(name):
    return [line.split("|")[0] for line in phrases("center_embedding")["people"]].index(name)


@pytest.mark.parametrize(
    ("kind", "asked", "label"),
    [
        ("action", 0, "flee"),
        ("action", 1, "sentence the thief"),
        ("action", 2, "interview the judge"),
        ("agent", 0, "the judge"),
        ("agent", 2, "the judge"),
        ("count", 1, "3"),
        ("nested", 0, "flee"),
        ("nested", 1, "sentence the thief"),
        ("sequence", 0, "the journalist interviewing the judge which led to the judge sentencing the thief"),
        ("sequence", 2, "nothing"),
        ("consequence", 2, "the judge sentenced the thief"),
        ("consequence", 1, "the thief fled"),
        ("consequence", 0, "nothing"),
    ],
)
def test_the_thief_that_the_judge_that_the_journalist_interviewed_sentenced_fled(kind, asked, label):
    problem = Nested("people", (_place("thief"), _place("judge"), _place("journalist")), 0, kind, asked)
    source = Embedding(is_plausible=True)
    worded = source.word(problem, source.solve(problem), source.first_style, Random(0))
    assert worded.context == "Sentence: The thief that the judge that the journalist interviewed sentenced fled."
    assert worded.label == label


def test_in_implausible_sentences_no_being_does_what_is_its_own_and_the_words_are_the_same():
    task = task_named("center/plausible")
    for index in range(60):
        members = {item.variant: item for item in orbit(task, index)}
        plain, twin = members["base"], members["implausible"]
        assert sorted(plain.context.lower().split()) == sorted(twin.context.lower().split())
        assert plain.facts["is_plausible"]
        assert not twin.facts["is_plausible"]
    for index in range(60):
        problem = Embedding(is_plausible=False).pose(Random(index))
        assert problem is not None
        assert all(noun != owner.noun for noun, owner in problem.clauses)


def test_each_depth_and_type_of_question_comes_equally_often():
    counts = Counter()
    for index in range(1800):
        facts = generated(task_named("center/plausible"), index).facts
        counts.update([facts["depth"], facts["kind"]])
    assert len(counts) == 12
    assert min(counts.values()) > 230  # 300 expected, four standard deviations are 63


# --- black boxes -------------------------------------------------------------------------------------------------


def test_boxes_do_their_steps_in_their_order():
    assert output(Box(Step("add", 3), Step("multiply", 2)), 4) == 14
    assert output(Box(Step("multiply", 2), Step("add", 3)), 4) == 11
    assert output(Box(Step("from", 5), Step("modulo", 4)), 8) == 1  # -3 leaves 1
    assert output(Box(Step("most", 2), Step("square")), 9) == 4
    assert output(Box(Step("reverse"), Step("drop-first")), "anchor") == "ohcna"
    assert output(Box(Step("next"), Step("odd")), "zipper") == "aqf"
    assert output(Box(Step("swap"), Step("no-vowels")), "eagle") == "gl"


@pytest.mark.parametrize("kind", ["numeric", "strings"])
def test_the_boxes_that_fit_some_examples_are_those_that_trying_each_finds(kind):
    held, random = boxes(kind), Random(1)
    for _ in range(20):
        place = random.randrange(len(held.boxes))
        seen = [(value, held.outputs[place][value]) for value in random.sample(held.inputs, 2)]
        tried = sum(
            1 << number
            for number, box in enumerate(held.boxes)
            if all(output(box, value) == made for value, made in seen)
        )
        assert fitting(held, seen) == tried
        assert tried >> place & 1


@pytest.mark.parametrize("kind", ["numeric", "corrupted", "strings"])
def test_each_other_description_contradicts_an_example(kind):
    source = Descriptions(kind)
    found = 0
    for index in range(200):
        problem = source.pose(Random(index))
        if problem is None:
            continue
        found += 1
        made = tuple(tuple(find_functions._made(one, value) for value in problem.seen) for one in problem.boxes)
        assert made == problem.made
        assert len(set(made)) == len(problem.boxes) == 4
    assert found > 20


def test_a_broken_box_gives_one_output_on_its_interval_and_its_own_elsewhere():
    box = Box(Step("add", 3), Step("multiply", 2))
    table = boxes("numeric").rows[box]
    assert find_functions._outputs(table, Interval(-1, 2, 7), [-2, -1, 2, 3]) == (2, 7, 7, 12)
    assert table[2] == 10


# --- relations ---------------------------------------------------------------------------------------------------


def test_a_relation_is_told_one_way_and_asked_for_the_other():
    nouns = reversal._nouns()
    facts = tuple((chain, hop) for chain in range(4) for hop in range(2))
    problem = Chains((nouns.index(("parent", "child")), nouns.index(("teacher", "student"))), 1, facts, (0, 1, 2, 3))
    source = Reversal((2, 2), "choice")
    worded = source.word(problem, source.solve(problem), source.first_style, Random(0))
    names = people("real", 12, Random(0))
    assert f"{names[3]} is {names[4]}'s parent. {names[4]} is {names[5]}'s teacher." in worded.context
    assert worded.question == f"Who is {names[3]}'s child's student?"
    assert worded.options[int(worded.label) - 1] == names[5]


def test_told_forwards_the_same_people_are_the_answer():
    task = task_named("reversal/multi-hop-text")
    for index in range(20):
        members = {item.variant: item for item in orbit(task, index)}
        assert members["forward"].label == members["base"].label
        assert members["forward"].context != members["base"].context
        assert members["other-start"].label != members["base"].label


# --- words -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.sampled_from(["real", "random", "nonsense"]), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_people_have_names_of_their_own(seed, kind, count):
    assert len(set(people(kind, count, Random(seed)))) == count


@given(st.lists(st.text("abc XYZ.?*(", min_size=1, max_size=8), min_size=2, max_size=2))
@settings(max_examples=60, deadline=None)
def test_what_a_template_was_filled_with_gives_the_text_again(words):
    template = "{one}|(what?) {two}!"
    text = template.format(one=words[0], two=words[1])
    found = read(template, text)
    assert found is not None
    assert template.format(one=found["one"], two=found["two"]) == text
    assert read(template, "no such text") is None
