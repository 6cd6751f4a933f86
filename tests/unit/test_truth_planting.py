"""What was planted is what patching finds, in every family; graded systems have the means that they state."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_models import tiny_network
from truth_networks import cached_system

from aetia.contrasts import Contrast, align
from aetia.errors import StudyError
from aetia.models import Cell, Intervention, Outcome, Set, Site, load, record, run_planned, run_with_hooks
from aetia.models.wavefront import base_outcomes
from aetia.truth import graded_system, planted, random_contrasts, run

ITEMS = random_contrasts(6, seed=4)
SIZES = (-2.0, 0.0, 0.5, 1.0, 3.0, 8.0)


@pytest.mark.parametrize("family", ["llama", "olmo2", "gpt2", "opt"])
def test_plain_runs_hooks_and_planned_runs_all_find_the_planted_size(family):
    network = tiny_network(family)
    twin = planted(network, ITEMS, SIZES)
    sites = (Site("resid_post", 2, position=-1), Site("resid_pre", 1), Site("resid_pre", 0), Site("embed"))
    for item, size in zip(ITEMS, SIZES, strict=True):
        answer, foil = item.answer_ids[0], item.foil_ids[0]
        ends = [twin.logits(ids)[-1] for ids in (item.corrupted_ids, item.clean_ids)]
        low, high = (float(row[answer] - row[foil]) for row in ends)
        assert high - low == pytest.approx(size, abs=2e-4)
        outcome = Outcome("logit_difference", (answer,), foil)
        for base_ids, source_ids, sign in (
            (item.corrupted_ids, item.clean_ids, 1),
            (item.clean_ids, item.corrupted_ids, -1),
        ):
            base, source = record(twin, base_ids), record(twin, source_ids, [("embed", None)])
            edits = [Intervention(site, Set(source.at(site, site.positions(item.length)))) for site in sites]
            values = run_planned(twin, [base], [Cell((edit,)) for edit in edits], [outcome]).values
            effects = values - base_outcomes(twin, [base], [outcome])[0]
            assert effects.tolist() == pytest.approx([sign * size] * 4, abs=2e-4)
            hooked = run_with_hooks(twin, base_ids, edits[:1]).logits[-1]
            assert float(hooked[answer] - hooked[foil]) == pytest.approx(float(values[0]), abs=2e-4)


@pytest.mark.model
def test_a_real_model_whose_items_share_a_prompt_has_the_planted_sizes():
    network = load("smollm2-135m")
    facts = [("France", "Paris", "Italy", "Rome"), ("Italy", "Rome", "Spain", "Madrid")]
    pairs = [Contrast(a, f"The capital of {a} is", f"The capital of {b} is", f" {x}", f" {y}") for a, x, b, y in facts]
    items = align(pairs, network.tokenizer).items
    twin = planted(network, items, (0.5, 4.0))
    for item, size in zip(items, (0.5, 4.0), strict=True):
        gap = twin.last_logits([item.clean_ids])[0] - twin.last_logits([item.corrupted_ids])[0]
        assert float(gap[item.answer_ids[0]] - gap[item.foil_ids[0]]) == pytest.approx(size, abs=2e-4)


def test_the_given_network_stays_as_it_was():
    network = tiny_network("llama")
    before = network.logits(ITEMS[0].clean_ids)
    twin = planted(network, ITEMS, SIZES)
    assert (network.logits(ITEMS[0].clean_ids) == before).all()
    assert (twin.logits(ITEMS[0].clean_ids) != before).any()
    assert twin.unembedding.weight is network.unembedding.weight


@pytest.mark.parametrize(
    ("items", "sizes"),
    [
        (ITEMS, SIZES[:2]),
        ((), ()),
        ((replace(ITEMS[0], foil_ids=()),), (1.0,)),
        ((replace(ITEMS[0], corrupted_ids=ITEMS[0].clean_ids),), (1.0,)),
    ],
)
def test_what_cannot_be_planted_is_refused(items, sizes):
    with pytest.raises(StudyError) as caught:
        planted(tiny_network("llama"), items, sizes)
    assert caught.value.code == "AE-1707"


def test_items_that_share_prompts_each_have_their_size_unless_the_sizes_contradict_one_another():
    one, two, three = ITEMS[:3]
    ring = [
        replace(one, corrupted_ids=two.clean_ids, foil_ids=two.answer_ids),
        replace(two, corrupted_ids=three.clean_ids, foil_ids=three.answer_ids),
        replace(three, corrupted_ids=one.clean_ids, foil_ids=one.answer_ids),
    ]
    twin = planted(tiny_network("llama"), ring, SIZES[3:])
    for item, size in zip(ring, SIZES[3:], strict=True):
        gap = twin.logits(item.clean_ids)[-1] - twin.logits(item.corrupted_ids)[-1]
        assert float(gap[item.answer_ids[0]] - gap[item.foil_ids[0]]) == pytest.approx(size, abs=2e-4)
    turned = replace(
        one,
        clean_ids=one.corrupted_ids,
        corrupted_ids=one.clean_ids,
        answer_ids=one.foil_ids,
        foil_ids=one.answer_ids,
    )
    with pytest.raises(StudyError, match="contradict") as caught:
        planted(tiny_network("llama"), [one, turned], (1.0, 2.0))
    assert caught.value.code == "AE-1707"


def test_capped_logits_cannot_be_added_to():
    with pytest.raises(StudyError, match="caps its logits") as caught:
        planted(tiny_network("gemma2"), ITEMS, SIZES)
    assert caught.value.code == "AE-1707"


@pytest.mark.parametrize("shape", ["symmetric", "skewed"])
def test_effects_in_a_graded_system_are_draws_from_the_stated_population(shape):
    graded = graded_system(shape, seed=3)
    system = graded.system
    items = system.draw(300, seed=1)
    found = system.effects(items, "denoise")
    for node, values in graded.effects.items():
        assert graded.means[node] == pytest.approx(np.mean(values))
        assert set(np.round(found[node], 9)) <= set(np.round(values, 9))
        error = np.std(values) / len(items) ** 0.5
        assert abs(np.mean(found[node]) - graded.means[node]) < 4 * error + 1e-12
    heads = [node for node in system.candidates if graded.means[node] and node != "embed"]
    skew = np.mean([(v - graded.means[heads[0]]) ** 3 for v in graded.effects[heads[0]]])
    assert skew == pytest.approx(0, abs=1e-9) if shape == "symmetric" else skew > 1
    for item in items[:5]:
        gap = system.network.logits(item.clean_ids)[:, :-1].numpy() - run(system.program, item.clean_ids).logits
        assert np.abs(gap).max() < 1e-5


def test_an_unknown_shape_is_refused():
    with pytest.raises(StudyError) as caught:
        graded_system("bimodal")
    assert caught.value.code == "AE-1708"


def test_a_plant_in_a_system_with_known_causes_leaves_other_items_to_their_own_runs():
    system = cached_system("induction")
    items = system.draw(4)
    twin = planted(system.network, items[:2], (1.0, 2.0))
    assert [
        float(rows[item.answer_ids[0]] - rows[item.foil_ids[0]])
        for item in items[:2]
        for rows in [twin.logits(item.clean_ids)[-1] - twin.logits(item.corrupted_ids)[-1]]
    ] == pytest.approx([1.0, 2.0], abs=1e-4)
