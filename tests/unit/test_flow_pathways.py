"""The edges that are enough: found exactly where they are planted, kept on held-out items, and not by chance."""

from itertools import combinations

import numpy as np
import pytest
from flow_networks import LAYERS, VALUES, planted, planted_items, seeing, seen_items

from aetia.errors import StudyError
from aetia.flow.groups import partition_of
from aetia.flow.pathway_instrument import Pathways
from aetia.flow.pathway_search import cut_choices, entries, layered_edges, opened, search, with_cuts
from aetia.flow.pathway_values import halves
from aetia.flow.study import PathwayStudy
from aetia.models import run_with_hooks
from aetia.models.interventions import Intervention, Knockout
from aetia.models.sites import Site


def study(**fields):
    return PathwayStudy(**({"contrasts": "own"} | fields))


def found_by(network, items, **fields):
    effects = Pathways().run_on(study(**fields), network, items)
    rows = effects.table.to_pylist()
    edges = {f"{r['source']}->{r['reader']}@{r['layer']}": r["estimate"] for r in rows if r["measure"] == "in pathway"}
    return {r["measure"]: r for r in rows if r["source"] is None}, edges


def test_the_one_planted_edge_is_all_that_stays():
    rows, edges = found_by(planted(hops=1, gain=30.0), planted_items())
    assert {name for name, share in edges.items() if share > 0} == {"object->last@1"}
    assert edges["object->last@1"] == 1.0  # in both halves
    assert rows["edges cut"]["estimate"] == pytest.approx(1 - 1 / len(edges))
    assert rows["kept"]["estimate"] > 1.0  # nothing else is read, so that the object is read the more
    assert rows["kept"]["low"] <= rows["kept"]["estimate"] <= rows["kept"]["high"]
    assert (rows["kept"]["null"], rows["kept"]["q"]) == ("random-edges:19", 0.05)
    assert rows["kept by random edges"]["estimate"] < 0.7
    assert rows["pathway correct"]["estimate"] == rows["plain correct"]["estimate"] == 1.0
    assert rows["pathway correct"]["n"] == VALUES


def test_two_hops_keep_a_chain_and_what_it_needs():
    rows, edges = found_by(planted(hops=2, gain=20.0, layers=3), planted_items(), keep=0.95)
    kept = {name for name, share in edges.items() if share > 0}
    assert kept <= {
        "object->question@0", "question->last@2", "object->last@0", "object->last@2", "question->question@0"
    }  # fmt: skip
    assert rows["kept"]["estimate"] >= 0.9
    assert rows["pathway correct"]["estimate"] == 1.0


def test_many_cuts_together_are_what_plain_hooks_say():
    network, items = seeing(), seen_items(2)
    edges = layered_edges(items, LAYERS, 1)
    chosen = [edges[place] for place in range(0, len(edges), 3)]
    runs = opened(network, items)
    found = with_cuts(network, runs, [chosen, []])
    choices = cut_choices(network, runs, chosen)
    for number, item in enumerate(items):
        parts = partition_of(item)
        forbidden = {}
        for edge in chosen:
            for row in parts[edge.reader]:
                forbidden.setdefault((edge.layer, row), set()).update(set(parts[edge.source]) - {row})
        cut = [
            Intervention(Site("pattern", layer, position=row), Knockout(tuple(keys)))
            for (layer, row), keys in forbidden.items()
        ]
        logits = run_with_hooks(network, item.clean_ids, cut).logits[0].float()
        assert found[0, number] == pytest.approx(float(logits.softmax(-1)[item.answer_ids[0]]), abs=1e-5)
        assert choices[number] == int(logits.argmax())
        assert found[1, number] == pytest.approx(runs.plain[number], abs=1e-6)
        assert entries(item, chosen) == sum(
            len([key for key in keys if key < row]) for (_, row), keys in forbidden.items()
        )


def test_cutting_every_edge_leaves_each_position_itself_alone():
    network, items = seeing(), seen_items(2)
    edges = layered_edges(items, LAYERS, 1)
    isolated = with_cuts(network, opened(network, items), [edges])[0]
    for item, value in zip(items, isolated, strict=True):
        cut = [
            Intervention(Site("pattern", layer, position=row), Knockout(tuple(range(row))))
            for layer in range(LAYERS)
            for row in range(1, item.length)
        ]
        hooked = run_with_hooks(network, item.clean_ids, cut).logits[0].float().softmax(-1)[item.answer_ids[0]]
        assert value == pytest.approx(float(hooked), abs=1e-5)


def test_the_search_finds_the_needed_edges_where_they_add_up():
    """Each edge takes its share when cut; the best set of a size is known by counting them all."""
    items = seen_items(1)
    edges = layered_edges(items, LAYERS, 1)[:8]
    weights = dict(zip(edges, [0.5, 0.0, 0.02, 0.3, 0.0, 0.01, 0.15, 0.02], strict=True))

    def cost(sets):
        return np.array([[1.0 - sum(weights[edge] for edge in one)] for one in sets])

    cut = search(edges, cost, np.ones(1), 0.9)
    sets = [one for size in range(9) for one in combinations(edges, size) if cost([one])[0, 0] >= 0.9]
    assert len(cut) == max(map(len, sets))
    assert cost([cut])[0, 0] >= 0.9
    assert search(edges, cost, np.ones(1), 1.0) == {edge for edge in edges if weights[edge] == 0.0}


def test_no_item_is_tested_with_edges_that_it_helped_to_find():
    items = seen_items(7)
    first, second = halves(study(), items)
    assert sorted((*first, *second)) == list(range(7))
    assert abs(len(first) - len(second)) == 1


def test_windows_part_the_layers_and_one_item_is_too_few():
    items = seen_items(2)
    assert {edge.layers for edge in layered_edges(items, 5, 2)} == {(0, 1), (2, 3), (4,)}
    assert {edge.reader for edge in layered_edges(items, 3, 1) if edge.layer == 2} == {"last"}
    with pytest.raises(StudyError, match="AE-9507"):
        Pathways().run_on(study(), seeing(), items[:1])
