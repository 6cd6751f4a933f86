"""The edges that are enough: found exactly where they are planted, kept on held-out items, and not by chance."""

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from flow_networks import LAYERS, VALUES, planted, seeing, seen_items, turned_items

from aetia.errors import StudyError
from aetia.flow.chance import RANDOM_KEYS, random_reads
from aetia.flow.groups import partition_of
from aetia.flow.pathway_claims import CLAIMS, pathway_verdict
from aetia.flow.pathway_effects import DIMENSIONS, pathway_effects
from aetia.flow.pathway_instrument import Pathways
from aetia.flow.pathway_search import by_layer, cut_choices, entries, layered_edges, opened, search, with_cuts
from aetia.flow.pathway_values import halves
from aetia.flow.study import PathwayStudy
from aetia.models import run_with_hooks
from aetia.models.interventions import Intervention, Knockout
from aetia.models.sites import Site
from aetia.studies.nulls import LABELS


def study(**fields):
    return PathwayStudy(**({"contrasts": "own"} | fields))


def found_by(network, items, **fields):
    effects = Pathways().run_on(study(**fields), network, items)
    rows = effects.table.to_pylist()
    edges = {f"{r['source']}->{r['reader']}@{r['layer']}": r["estimate"] for r in rows if r["measure"] == "in pathway"}
    return {r["measure"]: r for r in rows if r["source"] is None}, edges


def test_the_one_planted_edge_is_all_that_stays():
    rows, edges = found_by(planted(hops=1, gain=30.0), turned_items())
    assert {name for name, share in edges.items() if share > 0} == {"object->last@1"}
    assert edges["object->last@1"] == 1.0  # in both halves
    assert rows["edges cut"]["estimate"] == pytest.approx(1 - 1 / len(edges))
    assert rows["pathway"]["estimate"] > rows["plain"]["estimate"]  # nothing else is read: the object is read the more
    assert rows["kept"]["estimate"] == 1.0  # and no item counts as more than whole
    assert rows["kept"]["low"] <= rows["kept"]["estimate"] <= rows["kept"]["high"]
    assert (rows["kept"]["null"], rows["kept"]["q"]) == ("random-keys:19", pytest.approx(0.0005))
    assert rows["kept by random reads"]["estimate"] < 0.7
    assert (rows["plain correct"]["null"], rows["plain correct"]["q"]) == ("label-permutation:199", 0.005)
    assert rows["pathway correct"]["estimate"] == rows["plain correct"]["estimate"] == 1.0
    assert rows["pathway correct"]["n"] == VALUES


def test_two_hops_keep_a_chain_and_what_it_needs():
    rows, edges = found_by(planted(hops=2, gain=20.0, layers=3), turned_items(), keep=0.9)
    kept = {name for name, share in edges.items() if share > 0}
    assert kept <= {
        "object->question@0", "question->last@2", "object->last@0", "object->last@2", "question->question@0"
    }  # fmt: skip
    assert rows["kept"]["estimate"] >= 0.9
    assert rows["pathway correct"]["estimate"] == 1.0


VALUE_COLUMNS = (*DIMENSIONS, "item", "cluster", "draw", "null", "value")


def verdict_of(kept, random, *, right=1.0, others=0.0, clusters=None, plain=1.0, **fields):
    """The effects of made-up values: what each item keeps, and what it keeps with random reads."""
    rows = []
    for number, (one, other) in enumerate(zip(kept, random, strict=True)):
        item = {"item": f"{number:02d}", "cluster": clusters[number] if clusters else None}
        rows.append(item | {"measure": "plain", "value": plain})
        rows += [item | {"measure": name, "value": right} for name in ("plain correct", "pathway correct")]
        rows += [item | {"measure": "plain correct", "draw": n, "null": LABELS, "value": others} for n in range(199)]
        rows.append(item | {"measure": "pathway", "value": one})
        rows += [item | {"measure": "pathway", "draw": n, "null": RANDOM_KEYS, "value": other} for n in range(19)]
        rows += [item | {"measure": name, "value": 0.5} for name in ("edges cut", "entries cut")]
        rows.append(item | {"measure": "in pathway", "source": "a", "reader": "b", "layer": 0, "value": 1.0})
    table = pa.Table.from_pylist([dict.fromkeys(VALUE_COLUMNS) | row for row in rows])
    effects = pathway_effects(study(**fields), table if clusters else table.drop_columns(["cluster"]))
    assert effects.provenance["suffices"] in ("", "a->b@0")
    held = tuple(effects.provenance[name] == "yes" for name in CLAIMS)
    assert bool(effects.provenance["suffices"]) == all(held)
    assert all((words in pathway_verdict(effects)) != holds for words, holds in zip(CLAIMS.values(), held, strict=True))
    return held, {row["measure"]: row for row in effects.table.to_pylist()}


def test_reads_suffice_only_if_the_answer_is_known_kept_and_not_kept_by_chance():
    kept, random = [0.97, 0.95] * 12, [0.3] * 24
    assert verdict_of(kept, random)[0] == (True, True, True)
    assert verdict_of(kept, random, right=1.0, others=1.0)[0] == (False, True, True)
    assert verdict_of(kept, random, keep=0.96)[0] == (True, False, True)  # .96 is kept, and maybe less
    assert verdict_of(kept, kept)[0] == (True, True, False)


def test_an_item_that_gains_makes_up_for_no_other():
    held, rows = verdict_of([3.0, 0.5] * 12, [0.3] * 24)
    assert rows["kept"]["estimate"] == pytest.approx(0.75)
    assert rows["pathway"]["estimate"] == pytest.approx(1.75)
    assert not held[1]


def test_what_is_kept_and_what_random_reads_keep_count_each_cluster_once():
    """Nine items of one cluster keep little and one of another all; random reads the reverse."""
    clusters = ["a"] * 9 + ["b"]
    _, rows = verdict_of([0.2] * 9 + [1.0], [0.5] * 9 + [0.0], clusters=clusters)
    assert rows["kept"]["estimate"] == pytest.approx(0.6)
    assert rows["kept by random reads"]["estimate"] == pytest.approx(0.25)
    assert rows["kept"]["n"] == rows["kept by random reads"]["n"] == 2


def test_a_model_whose_answers_are_owed_to_nothing_has_no_pathway():
    """The planted network reads its value; the labels were dealt at random."""
    items = turned_items()
    dealt = np.random.default_rng(0).permutation(len(items))
    answers = [items[place].answer_ids for place in dealt]
    for one, answer in zip(items, answers, strict=True):
        object.__setattr__(one, "answer_ids", answer)
    effects = Pathways().run_on(study(), planted(hops=1, gain=30.0), items)
    assert effects.provenance["above chance"] == "no"
    assert effects.provenance["suffices"] == ""


def test_random_reads_are_as_many_from_every_row_of_each_kind():
    item = seen_items(1)[0]
    image = set(partition_of(item)["background"]) | set(partition_of(item)["object"])
    edges = layered_edges([item], LAYERS, 1)
    for seed in range(5):
        chosen = [edges[place] for place in np.random.default_rng(seed).permutation(len(edges))[:12]]
        for rows in by_layer(item, chosen).values():
            drawn = random_reads(item, rows, seed)
            for row, keys in rows.items():
                real, found = {key for key in keys if key < row}, drawn.get(row, frozenset())
                assert all(key < row for key in found)
                assert (len(found & image), len(found - image)) == (len(real & image), len(real - image))


def test_controls_that_could_not_pass_are_refused():
    with pytest.raises(StudyError, match="AE-1108"):
        Pathways().run_on(study(controls=1), seeing(), seen_items(4))
    with pytest.raises(ValueError, match="correction"):
        study(correction="bh")


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
