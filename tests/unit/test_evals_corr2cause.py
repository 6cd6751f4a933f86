"""Are there as many equivalence classes as known, does what holds in them follow, and do premises say no more?"""

import json
import math
from itertools import permutations
from random import Random

import numpy as np
import pytest

from aetia import scm
from aetia.errors import EvaluationError
from aetia.evals.conformance import faults_of
from aetia.evals.item import Item
from aetia.evals.published.corr2cause import TASKS as PUBLISHED
from aetia.evals.published.corr2cause import faults
from aetia.evals.task import Published, Style, generated
from aetia.evals.tasks import _dag_classes as classes
from aetia.evals.tasks._corr2cause_text import _holds, deduced
from aetia.evals.tasks.corr2cause import TASKS, every_item

BY_NAME = {task.name.removeprefix("corr2cause/"): task for task in TASKS}
UPPER = np.triu(np.ones((6, 6), dtype=bool), 1)


def dag_of(children):
    edges = [(f"V{one}", f"V{other}") for one, mask in enumerate(children) for other in range(6) if mask >> other & 1]
    return scm.Graph.of(edges, nodes=[f"V{one}" for one in range(len(children))])


# Gillispie and Perlman 2001: classes over named variables. OEIS A003024: labelled DAGs.
@pytest.mark.parametrize(
    ("size", "count", "named", "dags"),
    [(2, 2, 2, 3), (3, 5, 11, 25), (4, 20, 185, 543), (5, 142, 8782, 29281), (6, 2201, 1067825, 3781503)],
)
def test_classes_and_their_members_are_as_many_as_known(size, count, named, dags):
    listed = classes.catalogue(size)
    weights = classes._weights(size)
    matrices = np.stack([classes._matrix(one) for one in listed.dags])
    patterns = classes._patterns(matrices).reshape(len(matrices), -1)
    symmetries = (patterns @ weights == (patterns @ weights[:, 0])[:, None]).sum(axis=1)
    assert len(listed.dags) == count
    assert (math.factorial(size) / symmetries).sum() == named
    assert (np.array(listed.members) * math.factorial(size) / symmetries).sum() == dags


@pytest.mark.parametrize(
    ("size", "rows", "yes"), [(2, 12, 0), (3, 90, 3), (4, 720, 57), (5, 8520, 1248), (6, 198090, 42524)]
)
def test_hypotheses_that_follow_are_as_many_as_published(size, rows, yes):
    listed = classes.catalogue(size)
    sure = listed.counts["paths"] == np.array(listed.members)[:, None, None, None]
    assert sure.shape[0] * 6 * math.comb(size, 2) == rows
    assert (sure & UPPER[:size, :size]).sum() == yes


def test_strict_and_shared_readings_differ_from_paths_only_in_common_causes_and_effects():
    listed = classes.catalogue(5)
    sure = {
        reading: (counts == np.array(listed.members)[:, None, None, None]) & UPPER[:5, :5]
        for reading, counts in listed.counts.items()
    }
    assert sure["children"].sum() == 1196
    assert not (sure["children"] & ~sure["paths"]).any()
    assert not (sure["paths"] & ~sure["shared"]).any()
    assert not (sure["loop-slip"] & ~sure["paths"]).any()
    for reading in ("children", "shared", "loop-slip"):
        assert np.array_equal(sure[reading][:, :4], sure["paths"][:, :4])


@pytest.mark.parametrize(("size", "numbers"), [(3, range(5)), (4, range(20)), (5, (7, 80)), (6, (300, 900))])
def test_counts_are_those_of_paths_followed_in_each_member(size, numbers):
    listed = classes.catalogue(size)
    for number in numbers:
        members = list(scm.dags_of(scm.cpdag_of(dag_of(listed.dags[number]))))
        assert len(members) == listed.members[number]
        for reading in ("paths", "children", "loop-slip"):
            for place, relation in enumerate(("parent", "ancestor", "child", "descendant", "collider", "confounder")):
                for first, second in permutations(range(size), 2):
                    ends = (f"V{first}", f"V{second}")
                    kind = {"child": "parent", "descendant": "ancestor"}.get(relation, relation)
                    one, other = ends if kind == relation else ends[::-1]
                    holds = sum(_holds(dag.children, kind, one, other, reading) for dag in members)
                    assert listed.counts[reading][number, place, first, second] == holds


def test_a_renamed_dag_is_found_in_its_class():
    random = Random(3)
    for size in (3, 4, 5, 6):
        listed = classes.catalogue(size)
        for _ in range(10):
            number, renamed = random.randrange(len(listed.dags)), random.sample(range(size), size)
            children = [0] * size
            for one, mask in enumerate(listed.dags[number]):
                children[renamed[one]] = sum(1 << renamed[other] for other in range(size) if mask >> other & 1)
            found, place = listed.found(children)
            assert found == number
            told = {
                (frozenset((place[one], place[other])), frozenset(place[v] for v in range(size) if given >> v & 1))
                for one, other, given in classes.independences(tuple(children))
            }
            assert told == {
                (frozenset((one, other)), frozenset(v for v in range(size) if given >> v & 1))
                for one, other, given in classes.independences(listed.dags[number])
            }


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("wording", [0, 1, 2])
def test_every_hypothesis_can_be_deduced_from_its_words(size, wording):
    items = list(every_item(size, style=Style(names="random", wording=wording)))
    assert len(items) == {2: 12, 3: 90, 4: 720}[size]
    assert sum(item.label == "yes" for item in items) == {2: 0, 3: 3, 4: 57}[size]
    assert [deduced(item) for item in items] == [item.label for item in items]
    assert len({item.id for item in items}) == len(items)


def test_a_reading_changes_the_labels_and_not_the_words():
    paths, children = list(every_item(4)), list(every_item(4, "children"))
    assert [item.context + item.question for item in paths] == [item.context + item.question for item in children]
    assert [deduced(item, "children") for item in children] == [item.label for item in children]
    assert "Suppose there is a closed system of 4 variables, A, B, C and D." in paths[0].context


# From a simulation of the released program, step by step, without the code here.
@pytest.mark.parametrize(("size", "slip", "released", "differ"), [(3, 3, 3, 0), (4, 57, 54, 7), (5, 1240, 1104, 192)])
def test_labels_of_the_released_program_differ_as_its_slips_say(size, slip, released, differ):
    listed = classes.catalogue(size)
    every, above = np.array(listed.members)[:, None, None, None], UPPER[:size, :size]
    told = {reading: (listed.counts[reading] == every) & above for reading in ("loop-slip", "as-released")}
    assert told["loop-slip"].sum() == slip
    assert told["as-released"].sum() == released
    assert (told["loop-slip"] != told["as-released"]).sum() == differ


def test_a_released_label_that_others_found_wrong_is_explained():
    # Four variables, C and D independent given A and B: a public audit of the test split lists the label 0 for a
    # collider of A and B, which every member has.
    premise = "However, C and D are independent given A and B."
    hypothesis = "collider (i.e., common effect) of A and B."
    for reading, label in (("paths", "yes"), ("as-released", "no")):
        items = [one for one in every_item(4, reading) if one.context.endswith(premise) and hypothesis in one.question]
        assert [one.label for one in items] == [label]


@pytest.mark.parametrize(("size", "reading"), [(1, "paths"), (7, "paths"), (4, "strict"), (6, "as-released")])
def test_what_is_not_enumerated_is_refused(size, reading):
    with pytest.raises(EvaluationError) as caught:
        next(every_item(size, reading))
    assert caught.value.code == "AE-8141"


@pytest.mark.parametrize("name", ["n3", "n4", "n5", "n6", "all"])
def test_drawn_items_keep_what_tasks_promise(name):
    assert faults_of(BY_NAME[name], items=40) == ()


@pytest.mark.parametrize("name", ["n3", "n4"])
def test_neither_premise_nor_hypothesis_alone_tells_the_label(name):
    assert faults_of(BY_NAME[name], items=20, blind_items=2000) == ()


def test_labels_that_hang_on_the_reading_are_not_drawn():
    for index in range(150):
        item = generated(BY_NAME["n5"], index)
        assert deduced(item, "children") == item.label


def premise(count, variables, relations):
    return (
        f"Suppose there is a closed system of {count} variables, {variables}. All the statistical relations "
        f"among these {count} variables are as follows: {relations}"
    )


@pytest.mark.parametrize(
    "context",
    [
        "",
        premise(3, "A, B and C", "A correlates with B. A correlates with C."),  # nothing is said of B and C
        premise(
            3,
            "A, B and C",  # no DAG implies both independences
            "A correlates with B. A correlates with C. However, B is independent of C. "
            "B and C are independent given A.",
        ),
        premise(2, "A and B", "A hates B."),
    ],
)
def test_a_premise_that_no_graph_implies_is_unreadable(context):
    item = Item("t", context, "Can the following be deduced from this? A directly causes B.", "binary", "no")
    with pytest.raises(EvaluationError) as caught:
        deduced(item)
    assert caught.value.code == "AE-8110"


def row(**fields):
    base = {
        "n": 4,
        "mec": "n4_m9",
        "mec_size": 1,
        "x": "A",
        "y": "B",
        "relation": "has_collider",
        "premise": premise(
            4,
            "A, B, C and D",
            "A correlates with C. A correlates with D. B correlates with C. B correlates with D. C correlates with D. "
            "However, A is independent of B. A and D are independent given C. A and D are independent given B and C. "
            "B and D are independent given C. B and D are independent given A and C.",
        ),
        "hypothesis": "There exists at least one collider (i.e., common effect) of A and B.",
        "label": 1,
        "label_common_child": 1,
    }
    return json.dumps({**base, **fields})


def test_published_rows_are_read_and_their_labels_derived_again(tmp_path):
    wrong = row(hypothesis="A directly causes D.", relation="parent", label=1, label_common_child=0)
    folder = tmp_path / "corr2cause_regen"
    folder.mkdir()
    (folder / "corr2cause_n2to5.jsonl").write_text(f"{row()}\n{wrong}\n")
    for task, labels in zip(PUBLISHED, (["yes", "yes"], ["yes", "no"]), strict=True):
        assert isinstance(task.source, Published)
        assert task.engine is not None
        items = list(task.source.read(folder))
        assert [item.label for item in items] == labels
        assert [task.engine(item) for item in items] == ["yes", "no"]
        assert items[1].origin.source == "corr2cause_regen/corr2cause_n2to5.jsonl:2"
        assert faults(items[0]) == ()


def test_rows_whose_label_hangs_on_the_reading_are_named():
    hanging = next(item for item in every_item(5) if deduced(item) != deduced(item, "children"))
    (found,) = faults(hanging)
    assert "may be distant" in found
