"""Are items on the axioms right, of two labels each text, and the published ones read with their defects?"""

import json
from collections import Counter
from itertools import pairwise
from random import Random

import networkx as nx
import pytest

from aetia.errors import EvaluationError
from aetia.evals.conformance import faults_of
from aetia.evals.item import Item
from aetia.evals.published.axiomatic import TASKS as PUBLISHED
from aetia.evals.published.axiomatic import faults, transitivity_as_told
from aetia.evals.task import Published, Style, generated, orbit
from aetia.evals.tasks._formal_graphs import families, is_separated, reached
from aetia.evals.tasks._formal_words import drawn_names
from aetia.evals.tasks.axioms import TASKS, edges_from_text, separation_from_text, transitivity_from_text

BY_NAME = {task.name.removeprefix("axioms/"): task for task in TASKS}
READ = {
    task.name.removeprefix("axiomatic/"): task.source.read for task in PUBLISHED if isinstance(task.source, Published)
}


@pytest.mark.parametrize("name", BY_NAME)
def test_items_keep_what_tasks_promise(name):
    assert faults_of(BY_NAME[name], items=100, blind_items=1500) == ()


@pytest.mark.parametrize("name", BY_NAME)
def test_labels_are_those_of_another_library(name):
    for index in range(150):
        item = generated(BY_NAME[name], index, 5)
        _, edges = edges_from_text(item)
        graph = nx.DiGraph(edges)
        first, second = str(item.facts["treatment"]), str(item.facts["outcome"])
        assert first != second
        assert not graph.has_edge(first, second)
        if name == "d-separation":
            given = set(str(item.facts["query"]).split("| ")[1].rstrip(")").split(", ")[1:])
            assert given
            assert item.label == ("yes" if nx.is_d_separator(graph, {first}, {second}, given) else "no")
        else:
            assert item.label == ("yes" if nx.has_path(graph, first, second) else "no")


def test_lengths_are_the_published_ones_and_names_are_distinct():
    sizes = Counter()
    for index in range(400):
        item = generated(BY_NAME["transitivity-chain"], index)
        _, edges = edges_from_text(item)
        assert len({name for edge in edges for name in edge}) == len(edges) + 1
        assert all(one[1] == other[0] for one, other in pairwise(edges))
        sizes[len(edges) + 1] += 1
    assert set(sizes) == {*range(7, 16), 20, 50}


def test_a_reversed_chain_is_told_from_its_end():
    item = generated(BY_NAME["transitivity-reversal"], 3)
    _, edges = edges_from_text(item)
    assert all(one[0] == other[1] for one, other in pairwise(edges))


def test_a_path_is_the_reason_of_a_yes():
    for name in ("transitivity-chain", "transitivity-flipped", "transitivity-branching"):
        for index in range(60):
            item = generated(BY_NAME[name], index)
            if item.label == "yes":
                steps = item.derivation[0].split(" -> ")
                _, edges = edges_from_text(item)
                assert (steps[0], steps[-1]) == (item.facts["treatment"], item.facts["outcome"])
                assert all(step in edges for step in pairwise(steps))


def test_an_orbit_has_every_wording_and_one_label():
    members = orbit(BY_NAME["d-separation"], 4)
    assert {one.variant for one in members} == {"base", "names=nonsense", "wording=1", "wording=2", "order"}
    assert len({one.label for one in members}) == 1


def test_separation_is_that_of_the_definition_on_every_graph_of_four():
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    for chosen in range(64):
        edges = [pair for place, pair in enumerate(pairs) if chosen >> place & 1]
        graph = nx.DiGraph(edges)
        graph.add_nodes_from(range(4))
        parents, children = families(edges, 4)
        for vertex in range(4):
            assert {one for one in range(4) if reached(children, vertex) >> one & 1} == nx.descendants(graph, vertex)
        for first, second in pairs:
            others = [one for one in range(4) if one not in (first, second)]
            for given in ([], others[:1], others[1:], others):
                mask = sum(1 << one for one in given)
                expected = nx.is_d_separator(graph, {first}, {second}, set(given))
                assert is_separated(parents, children, first, second, mask) == expected


def test_names_are_distinct_and_no_words():
    random = Random(1)
    for kind in ("random", "nonsense"):
        for _ in range(200):
            drawn = drawn_names(random, kind, 65)
            assert len(set(drawn)) == 65
            assert not {name.lower() for name in drawn} & {"is", "an", "and", "of", "or", "given", "by", "no", "if"}


@pytest.mark.parametrize(
    ("context", "question"),
    [
        ("", "Does a1 cause b1?"),
        ("a1 causes b1. b1 hates c1.", "Does a1 cause c1?"),
        ("a1 causes b1. b1 causes c1.", "Does a1 like c1?"),
    ],
)
def test_texts_in_other_words_are_unreadable(context, question):
    item = Item("t", context, question, "binary", "no")
    for engine in (transitivity_from_text, separation_from_text):
        with pytest.raises(EvaluationError) as caught:
            engine(item)
        assert caught.value.code == "AE-8110"


def test_a_style_that_is_not_there_is_refused():
    with pytest.raises(EvaluationError) as caught:
        generated(BY_NAME["d-separation"], 0, style=Style(names="real"))
    assert caught.value.code == "AE-8105"


ROWS = [
    ("simple_linear_long/4_x.txt", "a causes b. b causes c. c causes d.", "a", "d", "Yes"),
    ("simple_linear_long/4_x.txt", "a causes b. b causes c. c causes a.", "b", "a", "No"),  # its end is its beginning
    ("simple_linear_long/4_x.txt", "a causes b. b causes c. c causes d.", "b", "b", "Yes"),
    ("branching_transitivity/4_x.txt", "a causes b. a causes b. a causes c.", "b", "e", "No"),
    ("complex_linear_/3_x.txt", "a causes a. b causes a.", "b", "a", "Yes"),
]


def test_published_transitivity_is_read_with_its_defects(tmp_path):
    folder = tmp_path / "axiomatic"
    folder.mkdir()
    names = ("file", "premise", "x", "y", "answer")
    text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in ROWS)
    (folder / "transitivity.jsonl").write_text(text)
    chain = list(READ["transitivity-chain"](folder))
    assert [item.origin.source for item in chain] == [f"axiomatic/transitivity.jsonl:{line}" for line in (1, 2, 3)]
    assert [(item.label, transitivity_as_told(item)) for item in chain] == [
        ("yes", "yes"),
        ("no", "yes"),
        ("yes", "no"),
    ]
    assert faults(chain[0]) == ()
    assert faults(chain[1]) == ("the arrows close a cycle", "one name stands for two variables of the chain")
    assert faults(chain[2]) == ("it asks of a variable whether it causes itself",)
    (branched,) = READ["transitivity-branching"](folder)
    assert faults(branched) == ("it asks about a variable that the text does not name", "an arrow is told twice")
    (flipped,) = READ["transitivity-flipped"](folder)
    assert "a variable is said to cause itself" in faults(flipped)


@pytest.mark.parametrize(("given", "label"), [([], "no"), (["b"], "yes"), (["b", "d"], "yes"), (["e"], "no")])
def test_published_separation_is_read(tmp_path, given, label):
    folder = tmp_path / "axiomatic"
    folder.mkdir()
    row = {"file": "dsep_eval_x/5.jsonl", "premise": "a causes b. b causes c. c causes d. a causes e.", "x": "a"}
    row |= {"y": "c", "given": given, "answer": "No"}
    (folder / "dseparation.jsonl").write_text(json.dumps(row))
    (item,) = READ["d-separation"](folder)
    assert separation_from_text(item) == label
    assert item.label == "no"
