"""In a null system nothing is there: effects are symmetric around zero by construction, and items share nothing."""

import numpy as np
import pytest
import torch
from truth_networks import cached_system

from aetia.circuits.graph import Graph
from aetia.errors import StudyError
from aetia.models import Intervention, Set, Site, run_with_hooks
from aetia.truth import meaningless_labels, null_system, null_systems, random_contrasts, run


def test_there_are_random_networks_of_two_families_and_a_task_without_labels():
    assert null_systems() == ("llama", "gpt2", "labels", "small")
    assert Graph.of(null_system("small").network).edges == 36
    for name in ("llama", "gpt2"):
        system = null_system(name)
        assert system.network.module.config.model_type == name
        assert (len(system.network.blocks), system.network.width, system.network.heads.query) == (2, 32, 4)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_seeds_give_other_networks_and_the_same_seed_the_same(name):
    ids = random_contrasts(1)[0].clean_ids
    one, again, other = (null_system(name, seed).network.logits(ids) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert (one - other).abs().max() > 0.1


def test_random_contrasts_differ_somewhere_and_never_hold_their_answers():
    items = random_contrasts(200, seed=3)
    assert items[:20] == random_contrasts(20, seed=3)
    assert len({item.clean_ids for item in items}) == 200
    for item in items:
        seen = {*item.clean_ids, *item.corrupted_ids}
        assert len(set(item.clean_ids)) == item.length
        assert not seen & {*item.answer_ids, *item.foil_ids}
        changed = [n for n in range(item.length) if item.clean_ids[n] != item.corrupted_ids[n]]
        assert 1 <= len(changed) <= 3
        assert item.spans["changed"][0] == changed[0]
    counts = np.bincount([sum(a != b for a, b in zip(i.clean_ids, i.corrupted_ids, strict=True)) for i in items])
    assert (counts[1:4] > 40).all()


def test_every_site_of_a_random_network_acts_but_on_average_by_nothing():
    system = null_system("llama", 5)
    site = Site("z", 1, 2, position=-1)
    effects = []
    for item in system.draw(120, seed=9):
        source = run_with_hooks(system.network, item.clean_ids, captures=[site]).captured[site]
        plain = system.network.logits(item.corrupted_ids)[-1]
        moved = run_with_hooks(system.network, item.corrupted_ids, [Intervention(site, Set(source))]).logits[-1]
        effects.append(float((moved - plain)[item.answer_ids[0]] - (moved - plain)[item.foil_ids[0]]))
    deviation = np.std(effects)
    assert deviation > 0.01
    assert abs(np.mean(effects)) < 4 * deviation / len(effects) ** 0.5


def test_meaningless_labels_exchange_answer_and_foil_in_about_half_of_the_items():
    system = cached_system("induction")
    items = system.draw(200)
    tossed = meaningless_labels(items, seed=1)
    exchanged = [one.answer_ids != other.answer_ids for one, other in zip(items, tossed, strict=True)]
    assert 70 < sum(exchanged) < 130
    for item, toss, is_exchanged in zip(items, tossed, exchanged, strict=True):
        last = run(system.program, item.clean_ids).logits[-1]
        gaps = [last[one.answer_ids[0]] - last[one.foil_ids[0]] for one in (item, toss)]
        assert gaps[1] == (-gaps[0] if is_exchanged else gaps[0])
        assert (toss.clean_ids, toss.spans) == (item.clean_ids, item.spans)
    assert null_system("labels", 0).draw(5, 1) == meaningless_labels(cached_system("induction").draw(5, 1), 1)


def test_what_has_no_null_is_refused():
    for code, ask in (
        ("AE-1709", lambda: null_system("nothing")),
        ("AE-1710", lambda: random_contrasts(1, length=2)),
        ("AE-1710", lambda: random_contrasts(1, vocabulary=20)),
        ("AE-1711", lambda: meaningless_labels([_bare()])),
    ):
        with pytest.raises(StudyError) as caught:
            ask()
        assert caught.value.code == code


def _bare():
    from dataclasses import replace

    return replace(random_contrasts(1)[0], foil_ids=())
