"""Selective impairment: planted sub-networks of known interaction, plain hooks, matched controls, the interval."""

import numpy as np
import pytest
import torch
from planted_networks import Item, balanced, blank, network_of
from tiny_models import CONFIGS, tiny_network

from aetia.errors import AetiaError
from aetia.models import Intervention, Outcome, Set, Site, record, run_with_hooks
from aetia.tracing.impairment import components, drops, matched_sets, reference_of, scores, top_components
from aetia.tracing.impairment_effects import impairment_effects, sum_interval
from aetia.tracing.impairment_study import ImpairmentStudy
from aetia.tracing.impairment_values import impairment_values

WIDTH, COUNT = 24, 6
HEADS = 6
FIRST, SECOND = 0, 2 * COUNT  # where each task's subjects begin: COUNT positive ones, then COUNT negative ones
FILLER = 4 * COUNT
ANSWERS = {"first": (FILLER + 1, FILLER + 2), "second": (FILLER + 3, FILLER + 4)}


def planted(*, is_shared):
    """Two tasks: a subject's strength goes through one head to the answers. The heads are the tasks' own, or shared.

    Head 0 carries the first task. The second goes through head 1, unless it is shared. The other heads copy noise that
    no answer reads.
    """
    module = blank(FILLER + 5, WIDTH, heads=HEADS)
    generator = torch.Generator().manual_seed(0)
    inner = WIDTH // HEADS
    with torch.no_grad():
        strength = torch.linspace(1.0, 2.0, COUNT)
        values = torch.zeros(FILLER + 5, WIDTH)
        values[: 4 * COUNT, 10:14] = torch.randn(4 * COUNT, 4, generator=generator)
        second = 0 if is_shared else 1
        values[FIRST : FIRST + 2 * COUNT, 0] = torch.cat([strength, -strength])
        values[SECOND : SECOND + 2 * COUNT, second] += torch.cat([strength, -strength]) * 0.5
        module.transformer.wte.weight.copy_(balanced(values))
        joint = torch.zeros(WIDTH, 3 * WIDTH)
        mixer = torch.zeros(WIDTH, WIDTH)
        for head in range(HEADS):
            joint[head if head < 2 else 8 + head, 2 * WIDTH + head * inner] = 3.0  # three tokens share attention
            mixer[head * inner, 4 + head if head < 2 else 14 + head] = 1.0
        module.get_parameter("transformer.h.0.attn.c_attn.weight").copy_(joint)
        module.get_parameter("transformer.h.0.attn.c_proj.weight").copy_(balanced(mixer))
        read = torch.zeros(FILLER + 5, WIDTH)
        for task, unit in (("first", 4), ("second", 4 if is_shared else 5)):
            read[ANSWERS[task][0], unit], read[ANSWERS[task][1], unit] = 1.0, -1.0
        module.lm_head.weight.copy_(read)
    return network_of(module)


def items_of(task):
    start, (right, wrong) = {"first": FIRST, "second": SECOND}[task], ANSWERS[task]
    return [
        Item(f"{n}", (FILLER, start + n, FILLER), (FILLER, start + COUNT + n, FILLER), (right,), (wrong,))
        for n in range(COUNT)
    ]


def study(**fields):
    return ImpairmentStudy(**({"contrasts": "first", "other": "second", "top": 1, "controls": 9} | fields))


def asked(network, **fields):
    question = study(**fields)
    found = impairment_values(question, network, items_of("first"), items_of("second"))
    rows = impairment_effects(question, found.table, "logits").table.to_pylist()
    cells = {(row["task"], row["ablated"]): row for row in rows if row["component"] is None}
    return found, cells


@pytest.mark.parametrize("ablation", ["mean", "zero", "corrupted"])
def test_two_disjoint_sub_networks_give_the_sum_of_their_drops_and_nothing_off_the_diagonal(ablation):
    found, cells = asked(planted(is_shared=False), ablation=ablation)
    assert set(found.found) == {((Site("z", 0, 0),), (Site("z", 0, 1),))}
    for task, scale in (("first", 1.0), ("second", 0.5)):
        strength = torch.linspace(1.0, 2.0, COUNT) * scale
        # The mean is zero here: a subject's corrupted prompt has the opposite strength.
        expected = {"mean": 2 * strength.mean(), "zero": 2 * strength.mean(), "corrupted": 4 * strength.mean()}
        own = cells[task, task]["estimate"]
        assert own > 0.5
        assert own == pytest.approx(float(expected[ablation]), abs=1e-4)
    assert cells["first", "second"]["estimate"] == cells["second", "first"]["estimate"] == 0.0
    together = cells["first", "first"]["estimate"] + cells["second", "second"]["estimate"]
    row = cells["both", "interaction"]
    assert row["estimate"] == pytest.approx(together, abs=1e-5)
    assert row["low"] < row["estimate"] < row["high"]
    assert row["low"] > 0.0
    assert row["null"] == "matched-components:9"
    assert row["p"] == row["q"] == pytest.approx(0.1)  # as small as nine draws allow
    assert {one["ablation"] for one in cells.values()} == {ablation}


def test_a_shared_trunk_gives_no_interaction_though_both_drops_are_large():
    found, cells = asked(planted(is_shared=True))
    assert set(found.found) == {((Site("z", 0, 0),), (Site("z", 0, 0),))}
    assert cells["first", "first"]["estimate"] > 0.5
    assert cells["second", "second"]["estimate"] > 0.25
    row = cells["both", "interaction"]
    assert (row["estimate"], row["low"], row["high"], row["p"]) == (0.0, 0.0, 0.0, 1.0)


def test_controls_are_ablated_in_the_same_items_and_do_nothing_here():
    _, cells = asked(planted(is_shared=False))
    for task in ("first", "second"):
        for ablated in ("first", "second"):
            control = cells[task, f"control of {ablated}"]
            assert (control["estimate"], control["n"]) == (0.0, COUNT)
            assert cells[task, ablated]["null"] == "matched-components:9"
    assert cells["first", "first"]["p"] == pytest.approx(0.1)
    assert cells["first", "second"]["p"] == 1.0


def test_what_was_found_is_in_the_table_with_its_patching_scores():
    found, _ = asked(planted(is_shared=False))
    rows = [row for row in found.table.to_pylist() if row["component"] is not None]
    means = {}
    for row in rows:
        means.setdefault((row["task"], row["component"]), []).append(row["value"])
    assert {len(values) for values in means.values()} == {COUNT}
    strength = float(torch.linspace(1.0, 2.0, COUNT).mean())
    assert np.mean(means["first", "L0.z.h0"]) == pytest.approx(4 * strength, abs=1e-4)
    assert np.mean(means["second", "L0.z.h0"]) == 0.0


def test_components_that_are_given_are_ablated_as_they_are():
    found, cells = asked(planted(is_shared=False), first=("L0.z.h1",), second=("L0.z.h0",))
    assert found.found == (((Site("z", 0, 1),), (Site("z", 0, 0),)),)
    assert cells["first", "first"]["estimate"] == 0.0
    assert cells["both", "interaction"]["estimate"] < -0.5  # the wrong way round


@pytest.mark.parametrize("ranking", ["own", "difference"])
def test_an_items_drop_never_helped_to_find_what_was_ablated(ranking):
    network = tiny_network("llama")
    tasks = [
        [Item(f"{n}", (5, 6 + n, 7, 8), (5, 40 + n, 7, 8), (20 + n,), (30 + n,)) for n in range(start, start + 5)]
        for start in (0, 6)
    ]
    question = study(ranking=ranking, top=2, controls=1)
    found = impairment_values(question, network, *tasks)
    every = components(network, "heads")
    score = [scores(network, items, every, "logit_difference") for items in tasks]
    assert len(found.found) == 2
    orders = [np.random.default_rng(question.seed).permutation(5) for _ in tasks]
    for fold, sets in enumerate(found.found):
        kept = [[n for n in range(5) if n not in order[fold::2]] for order in orders]
        means = [one[:, rows].mean(axis=1) for one, rows in zip(score, kept, strict=True)]
        if ranking == "difference":
            scaled = [mean / np.abs(mean).max() for mean in means]
            means = [scaled[0] - scaled[1], scaled[1] - scaled[0]]
        assert sets == tuple(top_components(every, mean, 2) for mean in means)


def test_places_give_each_items_rows_once():
    found = impairment_values(study(), planted(is_shared=False), items_of("first")[:4], items_of("second"))
    parts = [found.of_places([place]) for place in range(4)]
    assert sum(part.num_rows for part in parts) == found.table.num_rows
    assert {row["item"] for row in parts[1].to_pylist()} == {"first/1", "second/1", "second/5"}


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("ablation", ["mean", "zero", "corrupted"])
def test_drops_are_what_plain_hooks_give(family, ablation):
    network = tiny_network(family)
    items = [
        Item("one", (5, 6, 7, 8, 9), (5, 60, 61, 8, 9), (20,), (30,)),
        Item("two", (5, 11, 12, 13), (5, 40, 41, 13), (21,), (31,)),
    ]
    sets = [(Site("z", 1, 2), Site("z", 0, 0)), (Site("mlp_out", 1),)]
    every = components(network, "heads") + components(network, "mlp")
    reference = reference_of(network, items, every)
    got = drops(network, items, sets, ablation, reference, "logit_difference")
    every_run = [ids for item in items for ids in (item.clean_ids, item.corrupted_ids)]
    z = [record(network, ids, [("z", 1)]).components["z", 1][:, 2] for ids in every_run]
    assert torch.allclose(reference.means[sets[0][0]], torch.cat(z).mean(0), atol=1e-5)
    for place, item in enumerate(items):
        outcome = Outcome("logit_difference", item.answer_ids, item.foil_ids[0])
        plain = outcome.from_logits(run_with_hooks(network, item.clean_ids).logits[None])
        for number, one in enumerate(sets):
            source = record(network, item.corrupted_ids, [(site.component, site.layer) for site in one])
            value = {
                "mean": lambda site: reference.means[site],
                "zero": lambda site: torch.zeros(()),
                "corrupted": lambda site, source=source: source.at(site, range(source.length)),
            }[ablation]
            done = [Intervention(site, Set(value(site))) for site in one]
            hooks = outcome.from_logits(run_with_hooks(network, item.clean_ids, done).logits[None])
            assert got[number, place] == pytest.approx(float(plain - hooks), abs=1e-4)


def test_scores_are_patches_of_the_whole_component():
    network = tiny_network("llama")
    item = Item("one", (5, 6, 7, 8, 9), (5, 6, 61, 8, 9), (20,), (30,))
    chosen = components(network, "attention")
    got = scores(network, [item], chosen, "logit_difference")[:, 0]
    outcome = Outcome("logit_difference", item.answer_ids, 30)
    plain = outcome.from_logits(run_with_hooks(network, item.corrupted_ids).logits[None])
    for site, value in zip(chosen, got, strict=True):
        clean = record(network, item.clean_ids, [("attn_out", site.layer)]).at(site, range(5))
        run = run_with_hooks(network, item.corrupted_ids, [Intervention(site, Set(clean))])
        assert value == pytest.approx(float(outcome.from_logits(run.logits[None]) - plain), abs=1e-4)


def test_the_norm_of_a_head_is_that_of_what_it_writes():
    for family in ("llama", "gpt2"):
        network = tiny_network(family)
        item = Item("one", (5, 6, 7, 8), (5, 6, 7, 8), (20,), (30,))
        site = Site("z", 1, 3)
        only = Intervention(Site("z", 1), Set(torch.zeros(())))
        values = record(network, item.clean_ids, [("z", 1)]).components["z", 1]
        kept = [Intervention(site.at(t), Set(values[t : t + 1, 3])) for t in range(4)]
        out = Site("attn_out", 1)
        alone = run_with_hooks(network, item.clean_ids, [only, *kept], [out]).captured[out]
        nothing = run_with_hooks(network, item.clean_ids, [only], [out]).captured[out]
        expected = float((alone - nothing).norm(dim=-1).mean())
        assert reference_of(network, [item], [site]).norms[site] == pytest.approx(expected, rel=1e-4)


def test_controls_match_in_number_layer_and_norm_and_share_nothing():
    every = [Site("z", layer, head) for layer in range(3) for head in range(8)]
    norms = {site: 1.0 + (site.head or 0) for site in every}
    target = (Site("z", 0, 1), Site("z", 0, 2), Site("z", 2, 7))
    excluded = [*target, Site("z", 0, 0)]
    sets = matched_sets(target, excluded, every, norms, draws=200, seed=1)
    assert sets == matched_sets(target, excluded, every, norms, draws=200, seed=1)
    assert len({frozenset(one) for one in sets}) > 10
    for one in sets:
        assert len(set(one)) == 3
        assert not set(one) & set(excluded)
        assert sorted(site.layer for site in one) == [0, 0, 2]
        (last,) = (site for site in one if site.layer == 2)
        assert last.head in (4, 5, 6)  # the three of the nearest norm
        assert all(site.head in (3, 4, 5, 6) for site in one if site.layer == 0)


def test_a_layer_that_is_used_up_is_matched_by_its_neighbour():
    every = [Site("mlp_out", layer) for layer in range(6)]
    norms = {site: float(site.layer or 0) for site in every}
    sets = matched_sets((every[5],), (every[5],), every, norms, draws=30, seed=0)
    assert {one[0].layer for one in sets} == {3, 4}


def test_the_interval_of_a_sum_of_means_covers():
    chance = np.random.default_rng(0)
    covered = 0
    for n in range(250):
        first, second = chance.exponential(1.0, 12) + 1.0, chance.normal(-1.0, 3.0, 20)
        low, high = sum_interval(first, second, 0.95, n)
        covered += low <= 1.0 <= high  # 2 - 1
    assert 0.91 <= covered / 250 <= 0.985


def test_the_interval_of_a_sum_is_paired_with_nothing_and_knows_its_limits():
    assert sum_interval(np.full(5, 2.0), np.full(3, -0.5)) == (1.5, 1.5)
    assert all(np.isnan(bound) for bound in sum_interval(np.array([1.0]), np.arange(4.0)))


@pytest.mark.parametrize(
    ("fields", "second", "code"),
    [
        ({"top": HEADS}, None, "AE-1410"),
        ({"top": 4}, None, "AE-1411"),
        ({}, 1, "AE-1412"),
        ({"first": ("L0.mlp_out",), "second": ("L0.z.h1",)}, None, "AE-1413"),
        ({"first": ("L0.z.h9",), "second": ("L0.z.h1",)}, None, "AE-3109"),
        ({"first": ("L0.z.h1@-1",), "second": ("L0.z.h1",)}, None, "AE-1413"),
    ],
)
def test_a_study_that_cannot_be_carried_out_is_one_clear_line(fields, second, code):
    network = planted(is_shared=False)
    with pytest.raises(AetiaError) as caught:
        impairment_values(study(**fields), network, items_of("first"), items_of("second")[:second])
    assert caught.value.code == code


@pytest.mark.parametrize("fields", [{"other": "first"}, {"first": ("L0.z.h1",)}, {"null": "permuted-pairs:19"}])
def test_a_study_says_what_it_cannot_mean(fields):
    with pytest.raises(ValueError, match="validation error"):
        study(**fields)


def test_top_components_keep_the_order_of_ties():
    every = [Site("z", 0, head) for head in range(4)]
    assert top_components(every, np.array([1.0, 2.0, 2.0, 0.0]), 2) == (every[1], every[2])
